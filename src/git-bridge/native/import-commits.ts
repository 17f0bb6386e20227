import { assert } from '../../world/errors.ts'
import { applyEdits } from '../apply-edits.ts'
import { encodeCommit, formatSignature } from '../commit-object.ts'
import { type ObjectFormat, objectId } from '../object-id.ts'
import type { Commit, ImportOutcome, NewCommit, Oid } from '../repository.ts'
import { TreeEditor } from '../tree-editor.ts'
import { FastImport } from './fast-import.ts'
import type { GitContext } from './git-process.ts'
import { lookAhead } from './look-ahead.ts'

/** Commits whose folders are being read while the ones before them are written. */
const AHEAD = 64

/** What an import reads of the repository, and how it moves the ref. */
export interface ImportTarget {
  readonly context: GitContext
  readonly gitDir: string
  readonly objectFormat: ObjectFormat
  readRef(): Promise<Oid | undefined>
  /** Compare-and-swap from `expected`. */
  moveRef(next: Oid): Promise<boolean>
  readCommit(oid: Oid): Promise<Commit>
  readTreeBytes(tree: Oid): Promise<Uint8Array>
  isBlob(oid: Oid): Promise<boolean>
}

/**
 * Streams commits into one fast-import, then moves the ref by compare-and-swap (G1).
 *
 * A commit's message can name the commit's own tree (G2), so each tree's id is computed here, from the edits alone,
 * before git sees them. With it the commit's id follows; at the end git's id of the tip must be ours, which says that
 * every tree and every commit of the import is what its message claims, or the ref does not move.
 */
export async function importCommits(
  target: ImportTarget,
  expected: Oid | undefined,
  parent: Oid | undefined,
  commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
): Promise<ImportOutcome> {
  const before = await target.readRef()
  if (before !== expected) return { kind: 'moved', actual: before }

  const written = await writeCommits(target, parent, commits)
  const tip = written.tip ?? parent ?? expected
  assert(tip !== undefined, 'an import without commits has a parent or a ref to stay at')
  if (tip !== expected && !(await target.moveRef(tip))) return { kind: 'moved', actual: await target.readRef() }
  return { kind: 'imported', tip, commits: written.count }
}

async function writeCommits(
  target: ImportTarget,
  parent: Oid | undefined,
  commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
): Promise<{ readonly tip: Oid | undefined; readonly count: number }> {
  const format = target.objectFormat
  const base = parent === undefined ? undefined : (await target.readCommit(parent)).tree
  const editor = new TreeEditor(format, target.readTreeBytes, base)
  const sent = new Set<Oid>()
  const blobs = {
    format,
    has: async (oid: Oid) => sent.has(oid) || (await target.isBlob(oid)),
    add: (oid: Oid) => sent.add(oid),
  }
  const warm = ({ edits }: NewCommit): void => void editor.warm(edits.map(({ path }) => path))
  let process: FastImport | undefined
  let tip: Oid | undefined
  let count = 0
  try {
    for await (const commit of lookAhead(commits, AHEAD, warm)) {
      await applyEdits(editor, commit.edits, blobs)
      const tree = editor.id()
      const message = commit.message.replaceAll('{tree}', tree)
      const last = tip ?? parent
      const content = encodeCommit({ ...commit, tree, message, parents: last === undefined ? [] : [last] })
      process ??= new FastImport(target.context, target.gitDir, format)
      await process.commit({
        from: tip === undefined ? parent : undefined,
        author: formatSignature(commit.author),
        committer: formatSignature(commit.committer),
        message,
        edits: commit.edits,
      })
      tip = objectId(format, 'commit', content)
      count += 1
    }
  } catch (error) {
    await process?.abandon()
    throw error
  }
  const actual = await process?.finish()
  assert(actual === tip, `git wrote the commits that were computed: ${actual} is ${tip}`)
  return { tip, count }
}
