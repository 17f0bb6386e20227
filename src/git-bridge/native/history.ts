import { assert } from '../../world/errors.ts'
import type { Commit, Oid, Repository } from '../repository.ts'
import type { TreeWalk } from '../tree-walk.ts'
import { ChildInput } from './child-input.ts'
import { type GitContext, gitFailure, runGit, spawnGit } from './git-process.ts'
import { nearHistory, nearMergeBase } from './near-history.ts'

/** Commits asked of the object reader at once, ahead of the one being looked at. */
const AHEAD = 256

/** What walks of history read by themselves, while they are near. */
export interface HistoryReader {
  readonly context: GitContext
  readonly readCommit: (oid: Oid) => Promise<Commit>
  readonly trees: TreeWalk
  /** Whether the clone is shallow: its commits name parents that are not here. */
  readonly isShallow: () => Promise<boolean>
}

/**
 * Walks history (see {@link Repository.log}): its first commits as {@link nearHistory} reads them, unless the clone is
 * shallow, the rest with `git rev-list`.
 */
export async function* log(reader: HistoryReader, options: Parameters<Repository['log']>[0]): AsyncGenerator<Commit> {
  if (options.include.length === 0 || options.limit === 0 || options.paths?.length === 0) return
  const { context, readCommit, trees } = reader
  for (const path of options.paths ?? [])
    assert(path !== '' && !path.includes('\0'), `a path to limit a log to: ${JSON.stringify(path)}`)
  const near = (await reader.isShallow()) ? undefined : await nearHistory(options, readCommit, trees)
  if (near === undefined) return yield* listed(context, options, readCommit)
  yield* near.commits
  if (near.next === undefined) return
  const rest = options.limit === undefined ? {} : { limit: options.limit - near.commits.length }
  yield* listed(context, { ...options, include: [near.next], ...rest }, readCommit)
}

/** What `git rev-list` lists, its commits read in one stream. */
async function* listed(
  context: GitContext,
  options: Parameters<Repository['log']>[0],
  readCommit: (oid: Oid) => Promise<Commit>,
): AsyncGenerator<Commit> {
  const paths = options.paths ?? []
  // Paths go through stdin, where there is room for any number of them; one with a newline cannot.
  const unusual = paths.filter((path) => path.includes('\n'))
  const args = [
    '--literal-pathspecs',
    'rev-list',
    '--full-history',
    '--stdin',
    ...(options.firstParent ? ['--first-parent'] : []),
    ...(options.limit === undefined ? [] : [`--max-count=${options.limit}`]),
    ...(unusual.length > 0 ? ['--', ...unusual] : []),
  ]
  const child = spawnGit(context, args)
  const input = new ChildInput(child)
  const plain = paths.filter((path) => !path.includes('\n'))
  const revisions = [...options.include, ...(options.exclude ?? []).map((oid) => `^${oid}`)]
  const lines = plain.length > 0 ? [...revisions, '--', ...plain] : revisions
  const fed = input.write(`${lines.join('\n')}\n`).then(() => input.end())
  try {
    let rest = ''
    let ahead: Promise<Commit>[] = []
    child.process.stdout.setEncoding('latin1')
    for await (const text of child.process.stdout as AsyncIterable<string>) {
      const oids = (rest + text).split('\n')
      rest = oids.pop()!
      for (let at = 0; at < oids.length; at += AHEAD) {
        ahead = oids.slice(at, at + AHEAD).map((oid) => readCommit(oid as Oid))
        for (const commit of ahead) commit.catch(() => {})
        for (const commit of ahead) yield await commit
      }
    }
    await fed
    const exit = await child.exit
    if (exit.code !== 0) throw gitFailure(args, exit)
  } finally {
    child.process.kill()
  }
}

/** The newest of the best common ancestors; git prints it first. */
export async function mergeBase(reader: HistoryReader, a: Oid, b: Oid): Promise<Oid | undefined> {
  const near = (await reader.isShallow()) ? undefined : await nearMergeBase(a, b, reader.readCommit)
  if (near !== undefined) return near.base
  const args = ['merge-base', a, b]
  const { code, stdout, stderr } = await runGit(reader.context, args, { allowFailure: true })
  if (code > 1) throw gitFailure(args, { code, stderr })
  return code === 0 ? (stdout.toString('latin1').trim() as Oid) : undefined
}

export async function isAncestor(reader: HistoryReader, ancestor: Oid, descendant: Oid): Promise<boolean> {
  const near = (await reader.isShallow()) ? undefined : await nearMergeBase(ancestor, descendant, reader.readCommit)
  if (near !== undefined) return near.base === ancestor
  const args = ['merge-base', '--is-ancestor', ancestor, descendant]
  const { code, stderr } = await runGit(reader.context, args, { allowFailure: true })
  if (code > 1) throw gitFailure(args, { code, stderr })
  return code === 0
}

/** A revision to the commit it means (see {@link Repository.resolve}). */
export async function resolve(context: GitContext, revision: string): Promise<Oid | undefined> {
  if (revision === '' || revision.includes('\0')) return undefined
  const { code, stdout } = await runGit(
    context,
    ['rev-parse', '--verify', '-q', '--end-of-options', `${revision}^{commit}`],
    { allowFailure: true },
  )
  return code === 0 ? (stdout.toString('latin1').trim() as Oid) : undefined
}
