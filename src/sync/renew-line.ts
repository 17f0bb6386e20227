import type { Oid } from '../git-bridge/repository.ts'
import { own } from '../world/json.ts'
import type { Cursor } from '../world/operation.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import { type Compared, compareWorlds, type Difference } from './compare-worlds.ts'
import { forgetCompared, rememberCompared } from './compared.ts'
import type { Refusal } from './line.ts'
import type { LineChange } from './line-changes.ts'
import { behindLine, type LastWrite, type LineOperation, lineOperations } from './line-ops.ts'
import { noteLosses } from './loss-note.ts'
import { type LossChoice, type LostObject, lostObjects, lostState } from './lost-state.ts'
import type { Mark } from './replay.ts'
import { lastOperations, rememberWorld } from './seen-ops.ts'
import type { Session } from './session.ts'
import { settleLine } from './settle-line.ts'
import type { LineCommit } from './tip.ts'
import { operationAt, readWorldNow } from './world-now.ts'

/** A line that goes on with a snapshot because the feed does not reach back to it (G9). */
export interface Renewed {
  readonly tip: Oid
  readonly last: Mark
  readonly commits: number
  readonly refusals: readonly Refusal[]
  /** Objects that operations wrote which the line never saw. */
  readonly rewritten: number
  /** Objects that the world has no more, which somebody chose to keep or to let go. */
  readonly lost: readonly LostObject[]
}

/** Where the line stands. */
interface Place {
  readonly ref: string
  readonly expected: Oid | undefined
  readonly line: LineCommit
  /** How far its feed was read. */
  readonly mark: Mark
}

/**
 * Goes on from a line whose place in the feed has expired (G9): a new snapshot becomes one commit on its tip. Of objects
 * that an operation wrote which the line does not know, every field counts as written (M2); the commit's message names
 * them, because no file says what wrote it.
 *
 * Objects that the world has no more may have been removed or lost, nobody can tell, and some may be back behind what the
 * line knows of them (G11): throws `lost_state` unless `choice` says what to do. That is then a second commit.
 */
export async function renewLine(
  session: Session,
  worldId: string,
  place: Place,
  choice: LossChoice | undefined,
): Promise<Renewed> {
  const { context } = session
  const { line } = place
  context.progress.step('Reading the world')
  const now = await readWorldNow(session)
  const compared = await compareWorlds(session, worldId, line, now.world)
  const behind = await behindLine(session, line.oid, lastWrites(compared.differences))
  const back = await backAgain(session, line.oid, compared)
  const isLost = ({ key, kind }: Difference) => kind === 'missing' || behind.has(key) || back.has(key)
  const missing = compared.differences.filter(isLost)
  const others = compared.differences.filter((difference) => !isLost(difference))
  const lost = lostObjects(missing)
  if (lost.length > 0 && choice === undefined) {
    const why = `no longer tells what happened since ${place.mark.cursor}, and objects were lost or removed meanwhile`
    throw lostState(session, worldId, lost, why)
  }
  if (lost.length > 0) {
    // Until both commits are there, nobody may rely on the last comparison.
    await forgetCompared(session)
    await noteLosses(session)
  }
  const gone = new Set(missing.map(({ key }) => key))
  const written = await unknownWrites(session, line, place.mark.cursor, compared)
  // What is behind, nobody has written.
  const rewritten = new Set([...written].filter((key) => !gone.has(key)))
  const at = await operationAt(session, now.cursor)
  const cursor = at?.cursor ?? now.cursor
  const said = { actor: 'snapshot', cursor, at }
  const counts = `${now.world.blueprints.size} blueprints, ${now.world.entities.size} entities`
  const first = await settleLine(session, worldId, place, others, compared, {
    ...said,
    subject: `snapshot: ${worldId}, ${counts}, after ${line.trailers.cursor} which its feed does not reach any more`,
    rewritten,
    also: redeployed(compared, rewritten, others),
  })
  let { line: tip, refusals } = first
  let commits = 1
  if (missing.length > 0) {
    const removal = { ...place, expected: tip.oid, line: tip }
    const subject = `lost state: ${missing.length} object${missing.length === 1 ? '' : 's'} gone or older`
    const second = await settleLine(session, worldId, removal, missing, compared, {
      ...said,
      actor: 'unannounced',
      subject,
      lost: true,
    })
    tip = second.line
    refusals = [...refusals, ...second.refusals]
    commits++
  }
  await rememberWorld(session, now.world, now.cursor)
  await rememberCompared(session)
  context.progress.warn(
    `The feed of world ${worldId} no longer reaches back to ${place.mark.cursor}: took a new snapshot.`,
  )
  if (place.ref === session.ref) {
    session.report.tell({ kind: 'snapshot-taken', from: place.mark.cursor, cursor, rewritten: rewritten.size })
  }
  const { opId } = tip.trailers
  return { tip: tip.oid, last: { cursor, opId }, commits, refusals, rewritten: rewritten.size, lost }
}

/**
 * What the line saw removed and the world has: whether somebody made it again, no feed says any more. Where the world says
 * that the line's newest operation about it wrote it, nobody removed it: the line is wrong (G14).
 */
async function backAgain(
  session: Session,
  tip: Oid,
  { objects, differences }: Compared,
): Promise<ReadonlySet<ObjectKey>> {
  const known = await lineOperations(session, tip, extraOf(differences))
  const isBack = ([key, { opId }]: readonly [ObjectKey, LineOperation]) => objects.get(key)?.lastOpId !== opId
  return new Set([...known].filter(isBack).map(([key]) => key))
}

function extraOf(differences: readonly Difference[]): readonly ObjectKey[] {
  return differences.filter(({ kind }) => kind === 'extra').map(({ key }) => key)
}

/** What the world says of the objects that it has otherwise than the line. */
function lastWrites(differences: readonly Difference[]): ReadonlyMap<ObjectKey, LastWrite> {
  const writes = new Map<ObjectKey, LastWrite>()
  for (const { key, kind, change, lastOpId } of differences) {
    const time = change.kind === 'put' ? Date.parse(String(own(change.object, 'updatedAt'))) / 1000 : Number.NaN
    if (kind === 'changed') writes.set(key, { opId: lastOpId, time: Number.isNaN(time) ? undefined : Math.floor(time) })
  }
  return writes
}

/** The objects of the world whose newest operation is not the one that the line, or what was read for it, ends with. */
async function unknownWrites(
  session: Session,
  line: LineCommit,
  until: Cursor,
  { objects, differences }: Compared,
): Promise<ReadonlySet<ObjectKey>> {
  const extra = new Set(extraOf(differences))
  const candidates = [...objects].filter(([key]) => !extra.has(key))
  const remembered = await lastOperations(session, until)
  const isRemembered = (key: ObjectKey, opId: string | undefined) =>
    remembered.has(key) && remembered.get(key)?.opId === opId
  const unknown = candidates.filter(([key, { lastOpId }]) => !isRemembered(key, lastOpId))
  const onLine = await lineOperations(
    session,
    line.oid,
    unknown.map(([key]) => key),
  )
  const written = unknown.filter(([key, { lastOpId }]) =>
    lastOpId === undefined ? onLine.has(key) : onLine.get(key)?.opId !== lastOpId,
  )
  return new Set(written.map(([key]) => key))
}

/**
 * Blueprints that were written anew though their own files say the same: their shared modules may be newer than those
 * that others still name. The newest come last.
 */
function redeployed(
  { objects }: Compared,
  rewritten: ReadonlySet<ObjectKey>,
  differences: readonly Difference[],
): readonly LineChange[] {
  const differing = new Set(differences.map(({ key }) => key))
  const time = (change: LineChange) => (change.kind === 'put' ? String(own(change.object, 'updatedAt') ?? '') : '')
  return [...rewritten]
    .filter((key) => parseObjectKey(key).kind === 'blueprint' && !differing.has(key))
    .map((key) => objects.get(key)!.change)
    .toSorted((a, b) => (time(a) < time(b) ? -1 : 1))
}
