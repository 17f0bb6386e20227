import { DURABLE } from '../git-bridge/native/durable.ts'
import { nullId } from '../git-bridge/object-id.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { type MergeOptions, mergeWorlds, type WorldMerge } from '../git-bridge/world-merge.ts'
import { diffObjects } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { own } from '../world/json.ts'
import { objectKey, type WorldObject } from '../world/state.ts'
import { inLayoutOf, unnamedCommit } from './revert-merge.ts'
import { type Project, refSegment, type Session } from './session.ts'
import { readLineCommit } from './tip.ts'

/** What was promoted last from one world to another. */
export interface Promoted {
  /** The commit of the first world's line whose state was promoted. */
  readonly state: Oid
  /** The commit of the second world's line up to which nothing is news: what came after, nobody here has seen. */
  readonly seen: Oid
}

/** The two worlds of a promotion, with the tips of their lines. */
export interface PromotedWorlds {
  readonly from: { readonly session: Session; readonly tip: Oid; readonly worldId: string }
  readonly to: { readonly session: Session; readonly tip: Oid; readonly worldId: string }
}

/** Refs that remember the last promotion; others' clones may fetch them like the lines themselves (G1, G7). */
export function promotedRefs(
  { prefix }: Pick<Project, 'prefix'>,
  to: string,
  from: string,
): Record<keyof Promoted, string> {
  const base = prefix === '' ? 'refs/lobby' : `refs/lobby/projects/${refSegment(prefix.slice(0, -1))}`
  const names = `${refSegment(to)}/${refSegment(from)}`
  return { state: `${base}/promoted/${names}`, seen: `${base}/promoted-into/${names}` }
}

/**
 * What was promoted last: as the refs remember it; where they are not (another clone promoted), as the operations of the
 * second world tell, whose sources name the state that they came from; else what both lines have in common, if anything.
 */
export async function lastPromoted(worlds: PromotedWorlds, known: Partial<Promoted>): Promise<Promoted | undefined> {
  const { from, to } = worlds
  const { repository } = to.session
  if (known.state !== undefined && (await readLineCommit(repository, known.state, from.worldId)) !== undefined) {
    const seen = known.seen === undefined ? undefined : await onLine(worlds, known.seen)
    return { state: known.state, seen: seen ?? to.tip }
  }
  const told = await toldBySources(worlds)
  if (told !== undefined) return told
  const common = await repository.mergeBase(from.tip, to.tip)
  return common === undefined ? undefined : { state: common, seen: common }
}

/** A commit of the second world's line, or the one at its place where the line was replaced by a fork (G7). */
async function onLine({ to }: PromotedWorlds, oid: Oid): Promise<Oid | undefined> {
  const { repository } = to.session
  if (!(await repository.hasObject(oid))) return undefined
  if (await repository.isAncestor(oid, to.tip)) return oid
  const known = await readLineCommit(repository, oid, to.worldId)
  if (known === undefined) return undefined
  let oldest: Oid | undefined
  for await (const commit of repository.log({ include: [to.tip], firstParent: true })) {
    oldest = commit.oid
    const trailers = readTrailers(commit)
    if (trailers !== undefined && trailers.cursor <= known.trailers.cursor) return commit.oid
  }
  return oldest
}

/** Promotions that are looked at, the newest ones: an older one is taken for whole. */
const CANDIDATES = 8

/**
 * The newest promotion that landed as a whole, told by the sources of operations. Of one that landed in part, the rest
 * is still to be sent: it is the one before that counts.
 */
async function toldBySources(worlds: PromotedWorlds): Promise<Promoted | undefined> {
  const { from, to } = worlds
  const { repository } = to.session
  const candidates: Promoted[] = []
  const looked = new Set<string>()
  for await (const commit of repository.log({ include: [to.tip], firstParent: true })) {
    const origin = /^git:([0-9a-f]{40}(?:[0-9a-f]{24})?)$/.exec(readTrailers(commit)?.source ?? '')?.[1]
    if (origin === undefined || looked.has(origin)) continue
    looked.add(origin)
    const state = origin as Oid
    const isHere = await repository.hasObject(state)
    const line = isHere ? await readLineCommit(repository, state, from.worldId).catch(() => undefined) : undefined
    if (line !== undefined) candidates.push({ state, seen: commit.oid })
    if (candidates.length > CANDIDATES) break
  }
  let whole = candidates.length > CANDIDATES ? candidates.pop() : undefined
  for (const candidate of candidates.reverse()) {
    const merge = await mergePromotion(worlds, whole, { ours: candidate.state, theirs: candidate.seen })
    if (isWhole(merge, whole === undefined)) whole = candidate
  }
  return whole
}

/** Whether a merge has nothing left to send. Of the first promotion only what was added tells: the rest was a choice. */
function isWhole({ contested, objects }: WorldMerge, first: boolean): boolean {
  if (contested.length > 0 && !first) return false
  return [...objects].every(([key, { theirs, merged }]) => {
    if (key.startsWith('shared:') || (first && theirs !== undefined) || isOwnScene(merged, objects)) return true
    const changes = diffObjects(theirs?.object, merged)
    return changes.every(({ path }) => path[0] === 'uid' || path[0] === 'createdAt')
  })
}

/**
 * Whether an object is the entity of a world's `$scene`: every world is born with one under an id of its own (protocol,
 * section 4), and two worlds keep one each. Where `$scene` itself is added, its entity comes along.
 */
export function isOwnScene(object: WorldObject | undefined, objects: WorldMerge['objects']): boolean {
  if (object?.kind !== 'entity' || own(object.fields, 'blueprint') !== SCENE) return false
  const scene = objects.get(objectKey('blueprint', SCENE))
  return scene === undefined || scene.theirs !== undefined
}

const SCENE = '$scene'

/**
 * Merges one world's state into the other's, over what was promoted last; with nothing promoted yet over nothing, so
 * that what stands in one world alone is no deletion.
 */
export async function mergePromotion(
  { to }: PromotedWorlds,
  promoted: Promoted | undefined,
  sides: { readonly ours: Oid; readonly theirs: Oid },
  options?: MergeOptions,
): Promise<WorldMerge> {
  const { repository, prefix } = to.session
  // The base contains what was seen of the other line, so that only operations after it count as news (M2).
  const before = promoted && (await inLayoutOf(repository, prefix, promoted.state, sides.theirs))
  const base =
    promoted === undefined
      ? undefined
      : await unnamedCommit(repository, before!, [...new Set([promoted.state, promoted.seen])])
  // The world that it goes to keeps its line's layout.
  const ours = await inLayoutOf(repository, prefix, sides.ours, sides.theirs)
  return mergeWorlds(repository, prefix, { base, ours, theirs: sides.theirs }, options)
}

/** Moves both refs, or none, from where they were; false when somebody else moved one meanwhile. */
export async function rememberPromoted(
  { repository }: Session,
  refs: Readonly<Record<keyof Promoted, string>>,
  known: Partial<Promoted>,
  next: Promoted,
): Promise<boolean> {
  const none = nullId(repository.objectFormat)
  const changes = (['state', 'seen'] as const).map((key) => `update ${refs[key]} ${next[key]} ${known[key] ?? none}\n`)
  const { code, stderr } = await repository.run([...DURABLE, 'update-ref', '-m', 'gamedev sync: promote', '--stdin'], {
    input: changes.join(''),
    allowFailure: true,
  })
  if (code === 0) return true
  const now = await repository.readRefs([refs.state, refs.seen])
  if (now.get(refs.state) !== known.state || now.get(refs.seen) !== known.seen) return false
  throw new SyncError('ref_refused', `git cannot move ${refs.state}: ${stderr.trim()}`, {
    hint: 'If another git process is running, wait for it; a .lock file that a crash left can be deleted.',
    data: { refs },
  })
}

/**
 * How far the second world's line holds nothing but what was planned against and what we sent: from there on it is news
 * for the next promotion.
 */
export async function seenAfter(session: Session, planned: Oid, tip: Oid, sent: ReadonlySet<string>): Promise<Oid> {
  const commits = []
  for await (const commit of session.repository.log({ include: [tip], exclude: [planned] })) commits.push(commit)
  let seen = planned
  for (const commit of commits.reverse()) {
    if (!sent.has(readTrailers(commit)?.opId ?? '')) break
    seen = commit.oid
  }
  return seen
}
