import { findRenames } from '../git-bridge/renames.ts'
import type { Commit, Oid, TreeChange } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { sameObject } from '../resolvers/object.ts'
import type { ObjectKey } from '../world/state.ts'
import { readEdit } from './object-edit.ts'
import { readSeen, seenName } from './seen-files.ts'
import type { Session } from './session.ts'

/** An object that the branch has, though it has taken in that it was removed from the world. */
export interface Kept {
  readonly key: ObjectKey
  /** Whether a commit has taken in the removal. */
  readonly knew: (commit: Oid) => Promise<boolean>
  /** The commit of the line that removed it. */
  readonly removal: Commit
}

/** The commit by which a branch has such an object. */
export interface BroughtBack {
  readonly commit: Commit
  /** Its parents that have the object still, because they had not taken in the removal; else its first. */
  readonly from: readonly Oid[]
  /** It is a merge, or what a squash made of one. */
  readonly merge: boolean
  /** Somebody was asked, and decided that the object stays. */
  readonly decided: boolean
}

/** How many commits of the branch are looked at: further back, what was decided is told all the same. */
const LOOK_BACK = 200

/**
 * How the branch of `head` came to have an object whose removal it has taken in: somebody made it anew, or a merge kept it.
 * Ours, and git where it has a conflict, have asked; git has not where it took a file that was moved and changed for a new
 * one. Undefined where that is too long ago.
 */
export async function findBringer(session: Session, head: Oid, kept: Kept): Promise<BroughtBack | undefined> {
  let commit = await session.repository.readCommit(head)
  for (let count = 0; count < LOOK_BACK; count++) {
    const before = await holderBefore(session, commit, kept)
    if (before === undefined) return judged(session, commit, kept)
    commit = await session.repository.readCommit(before)
  }
  return undefined
}

/** A parent that had taken in the removal and has the object as well. */
async function holderBefore(session: Session, commit: Commit, { key, knew }: Kept): Promise<Oid | undefined> {
  for (const parent of commit.parents) {
    if (!(await knew(parent))) continue
    const { was, is } = await readEdit(session, { from: parent, to: commit.oid }, key)
    if (was !== undefined || is === undefined) return parent
  }
  return undefined
}

async function judged(session: Session, commit: Commit, kept: Kept): Promise<BroughtBack> {
  const { parents } = commit
  const first = parents[0]
  const holders: Oid[] = []
  for (const parent of parents) if (!(await kept.knew(parent))) holders.push(parent)
  if (holders.length === 0 || first === undefined) {
    return { commit, from: parents.slice(0, 1), merge: parents.length > 1, decided: false }
  }
  const about = { commit, from: holders, merge: true }
  if (parents.length === 1) return { ...about, decided: await isSettled(session, commit, first, kept) }
  const other = parents.find((parent) => !holders.includes(parent))
  const decided =
    other !== undefined &&
    ((await isOurMerge(session, commit)) || (await isContested(session, kept.key, holders[0]!, other)))
  return { ...about, decided }
}

/**
 * Whether the branch that a squash took over had settled it: it went on from what the world had, and changed the object
 * itself, or would have met a conflict, because the file stands where the world's stood.
 */
async function isSettled(session: Session, squash: Commit, onto: Oid, { key, removal }: Kept): Promise<boolean> {
  const { repository, prefix } = session
  const before = removal.parents[0]
  const paths = (await repository.diffTrees(before, removal.oid)).map(({ path }) => path.slice(prefix.length))
  const [last, there] = await Promise.all(
    [before, squash.oid].map(async (at) => (await readUnits(repository, at, prefix, unitsOf(paths))).objects.get(key)),
  )
  const { was, is } = await readEdit(session, { from: onto, to: squash.oid }, key)
  const now = is ?? there?.object
  return now !== undefined && !sameObject(now, last?.object) && (there !== undefined || !sameObject(was, is))
}

/** A merge of pull or push with the world leaves a mark of it (G7); it asks about what somebody removed and we changed. */
async function isOurMerge({ repository, prefix }: Session, { oid, parents }: Commit): Promise<boolean> {
  for (const parent of parents) {
    const trailers = readTrailers(await repository.readCommit(parent))
    if (trailers === undefined) continue
    const marks = await readSeen(repository, oid, prefix, trailers.worldId)
    if (marks.some(({ name }) => name === seenName(trailers))) return true
  }
  return false
}

/**
 * Whether git has a conflict where it merges `ours`, which has the object, with `theirs`, which has not: ours has changed
 * the file that their common ancestor has of it, or moved that and git sees it.
 */
async function isContested({ repository, prefix }: Session, key: ObjectKey, ours: Oid, theirs: Oid): Promise<boolean> {
  const base = await repository.mergeBase(ours, theirs)
  if (base === undefined) return false
  const changed = await repository.diffTrees(base, ours, prefix === '' ? undefined : prefix.slice(0, -1))
  const units = unitsOf(changed.map(({ path }) => path.slice(prefix.length)))
  const [was, is] = await Promise.all(
    [base, ours].map(async (at) => (await readUnits(repository, at, prefix, units)).objects.get(key)),
  )
  if (was === undefined || is === undefined) return false
  if (was.path === is.path) return !sameObject(was.object, is.object)
  // As git pairs files: what is more alike is the one for the other, whatever they say of whose they are.
  const documents = changed.filter(({ path }) => path.endsWith('.json'))
  const gone = documents.filter(({ after }) => after === undefined)
  const come = documents.filter(({ before }) => before === undefined)
  const blobs = await repository.readBlobs([...gone, ...come].map(({ before, after }) => (before ?? after)!.oid))
  const said = ({ path, before, after }: TreeChange) => {
    return { path, text: Buffer.from(blobs.get((before ?? after)!.oid) ?? []) }
  }
  return findRenames(gone.map(said), come.map(said)).pairs.get(prefix + is.path) === prefix + was.path
}
