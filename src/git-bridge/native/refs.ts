import { assert, SyncError } from '../../world/errors.ts'
import { nullId, type ObjectFormat } from '../object-id.ts'
import { assertRefName } from '../ref-name.ts'
import { type Oid, parseOid } from '../repository.ts'
import { DURABLE } from './durable.ts'
import { type GitContext, runGit } from './git-process.ts'

/** What a revision means, undefined when it means nothing. */
type Resolve = (revision: string) => Promise<Oid | undefined>

/** The refs of these names that exist. `resolve` answers without a process of its own. */
export async function readRefs(
  context: GitContext,
  resolve: Resolve,
  refs: readonly string[],
): Promise<ReadonlyMap<string, Oid>> {
  refs.forEach(assertRefName)
  const found = new Map<string, Oid>()
  await Promise.all(
    [...new Set(refs)].map(async (ref) => {
      const oid = ref.startsWith('refs/') ? await readFullRef(context, resolve, ref) : await readPseudoRef(context, ref)
      if (oid !== undefined) found.set(ref, oid)
    }),
  )
  return found
}

/**
 * A full name is a revision too, which git reads as a ref of that name first, and then in the other ways that
 * gitrevisions(7) lists. Where one of those is there as well, or the name could be read as a description of a commit
 * (`…-g0a1b2c3`), only a listing of refs is certain.
 */
async function readFullRef(context: GitContext, resolve: Resolve, ref: string): Promise<Oid | undefined> {
  const others = [`refs/${ref}`, `refs/tags/${ref}`, `refs/heads/${ref}`, `refs/remotes/${ref}`]
  const [oid, ...misread] = await Promise.all([ref, ...others, `refs/remotes/${ref}/HEAD`].map(resolve))
  const certain = misread.every((other) => other === undefined) && !/-g[0-9a-f]+$/i.test(ref)
  return certain ? oid : (await forEachRef(context, [ref])).get(ref)
}

/** The refs below a folder of refs, with or without its final slash. */
export function listRefs(context: GitContext, prefix: string): Promise<ReadonlyMap<string, Oid>> {
  const folder = prefix.replace(/\/+$/, '')
  assert(folder === 'refs' || folder.startsWith('refs/'), `a prefix of refs: ${JSON.stringify(prefix)}`)
  return forEachRef(context, [`${folder}/`])
}

async function forEachRef(context: GitContext, patterns: readonly string[]): Promise<Map<string, Oid>> {
  const { stdout } = await runGit(context, ['for-each-ref', '--format=%(objectname) %(refname)', '--', ...patterns])
  const found = new Map<string, Oid>()
  for (const line of stdout.toString('utf8').split('\n')) {
    const space = line.indexOf(' ')
    if (space > 0) found.set(line.slice(space + 1), parseOid(line.slice(0, space)))
  }
  return found
}

async function readPseudoRef(context: GitContext, ref: string): Promise<Oid | undefined> {
  const { code, stdout } = await runGit(context, ['rev-parse', '--verify', '-q', '--end-of-options', ref], {
    allowFailure: true,
  })
  return code === 0 ? parseOid(stdout.toString('latin1').trim()) : undefined
}

/** Milliseconds to wait for another process that is moving the same ref. */
const LOCK_TIMEOUT = ['-c', 'core.filesRefLockTimeout=5000', '-c', 'core.packedRefsTimeout=5000'] as const

/**
 * Moves, creates (`expected` undefined) or deletes (`next` undefined) a ref by compare-and-swap, flushed to disk (G1).
 * False when it is not where expected. Throws `ref_refused` when it is, and git still cannot: a lock somebody left, a
 * ref in the way (`refs/lobby/a` and `refs/lobby/a/b`), an object that does not exist.
 */
export async function updateRef(
  context: GitContext,
  format: ObjectFormat,
  ref: string,
  next: Oid | undefined,
  expected: Oid | undefined,
  reason: string,
): Promise<boolean> {
  assertRefName(ref)
  assert(reason.trim() !== '', 'a reason for moving a ref')
  const old = expected ?? nullId(format)
  const change =
    next !== undefined
      ? `update ${ref} ${next} ${old}`
      : expected !== undefined
        ? `delete ${ref} ${old}`
        : `verify ${ref} ${old}`
  const { code, stderr } = await runGit(context, [...DURABLE, ...LOCK_TIMEOUT, 'update-ref', '-m', reason, '--stdin'], {
    input: `${change}\n`,
    allowFailure: true,
  })
  if (code === 0) return true
  const actual = ref.startsWith('refs/')
    ? (await forEachRef(context, [ref])).get(ref)
    : await readPseudoRef(context, ref)
  if (actual !== expected) return false
  throw new SyncError('ref_refused', `git cannot move ${ref}: ${stderr.trim()}`, {
    hint: 'If another git process is running, wait for it; a .lock file that a crash left can be deleted.',
    data: { ref, next, expected, stderr },
  })
}
