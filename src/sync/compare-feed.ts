import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { readChanges } from '../remote-runtime/changes.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { fieldAt } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import type { Cursor } from '../world/operation.ts'
import { type FieldValue, type ObjectKey, SETTINGS, SPAWN } from '../world/state.ts'
import { effectOf, isInHand } from '../world/wire-world.ts'
import type { Difference } from './compare-worlds.ts'
import { lineOperations } from './line-ops.ts'
import { keyOfEffect, type LastOperation, lastOperations } from './seen-ops.ts'
import type { Session } from './session.ts'
import type { LineCommit } from './tip.ts'
import { PAGE } from './world-now.ts'

/** Commits of the line that are asked whether a setting ever had a value. */
const COMMITS = 100

const TRANSFORM: ReadonlySet<string> = new Set(['position', 'quaternion', 'scale'])

/** The newest operation about an object, and the newest that is more than a move in somebody's hand (G4). */
interface Newest {
  readonly any: string | undefined
  readonly settled: string | undefined
}

/** The differences between a line and its world, both at the same place of the feed (G11). */
export interface Sorted {
  /** State that went back behind the feed: it was acknowledged, and is not there any more. */
  readonly lost: readonly Difference[]
  /** Changes that no operation announced. */
  readonly unannounced: readonly Difference[]
}

/**
 * Tells what a world lost from what it changed without an operation (G11). An object is behind the feed when it is gone
 * without a removal, is back in spite of one, or was last written by another operation than the newest one about it;
 * settings and the spawn, which do not say what wrote them, when they have a value again that they had before. In doubt
 * it is a loss: that is asked about.
 */
export async function sortDifferences(
  session: Session,
  line: LineCommit,
  until: Cursor,
  differences: readonly Difference[],
): Promise<Sorted> {
  const lost: Difference[] = []
  const unannounced: Difference[] = []
  const put = (difference: Difference, isLost: boolean) => (isLost ? lost : unannounced).push(difference)
  const onLine = await lineOperations(
    session,
    line.oid,
    differences.filter(({ kind }) => kind !== 'missing').map(({ key }) => key),
  )
  const remembered = differences.some(({ kind }) => kind === 'changed')
    ? await lastOperations(session, until)
    : new Map<string, LastOperation>()
  const doubtful: Difference[] = []
  for (const difference of differences) {
    const { key, kind, lastOpId } = difference
    const known = onLine.get(key)
    if (kind === 'missing') put(difference, true)
    else if (kind === 'extra') put(difference, known !== undefined)
    else if (key === SETTINGS || key === SPAWN) put(difference, await hadBefore(session, line, difference))
    else if (known !== undefined && known.opId === lastOpId) put(difference, false)
    else doubtful.push(difference)
  }
  if (doubtful.length === 0) return { lost, unannounced }
  // Operations that changed nothing, and moves in a hand, are no commits of the line: the feed itself has the last word.
  const lastKnown = ({ key, lastOpId }: Difference): LastOperation | undefined => {
    const last = onLine.get(key) ?? remembered.get(key)
    return onLine.has(key) || last?.opId === lastOpId ? last : undefined
  }
  const cursors = doubtful.map((difference) => lastKnown(difference)?.cursor)
  const from = cursors.includes(undefined) ? 0 : Math.max(0, Math.min(...(cursors as number[])) - 1)
  const inFeed = await newestInFeed(session, from, until, new Set(doubtful.map(({ key }) => key)))
  for (const difference of doubtful) {
    const { key, fields, lastOpId } = difference
    const last = lastKnown(difference)
    const newest = inFeed.get(key) ?? { any: last?.opId, settled: last?.opId }
    put(difference, isBehind(newest, lastOpId, fields))
  }
  return { lost, unannounced }
}

/**
 * Whether an object, last written by an operation, is behind the newest about it. Where a hand held it was never kept: who
 * was holding it lets go of it when the runtime ends. Nothing else is a hand's doing, though its move is the newest.
 */
function isBehind({ any, settled }: Newest, lastOpId: string | undefined, fields: Difference['fields']): boolean {
  if (any === settled) return any !== lastOpId
  return (lastOpId !== settled && lastOpId !== any) || !fields.every(({ path }) => TRANSFORM.has(path[0] ?? ''))
}

/** The newest operation about each of some objects that the feed still has between two cursors. */
async function newestInFeed(
  session: Session,
  after: Cursor,
  until: Cursor,
  keys: ReadonlySet<ObjectKey>,
): Promise<ReadonlyMap<ObjectKey, Newest>> {
  const newest = new Map<ObjectKey, Newest>()
  let from = after
  for (let again = true; again; ) {
    again = false
    for await (const page of readChanges(session.runtime, from, { limit: PAGE })) {
      if (page.kind === 'expired') {
        again = page.oldestCursor !== undefined && page.oldestCursor - 1 > from
        if (again) from = page.oldestCursor! - 1
        break
      }
      for (const operation of page.operations) {
        const key = keyOfEffect(effectOf(operation))
        if (operation.cursor > until || key === undefined || !keys.has(key)) continue
        const { opId } = operation
        newest.set(key, { any: opId, settled: isInHand(operation) ? newest.get(key)?.settled : opId })
      }
      if (page.cursor >= until) break
    }
  }
  return newest
}

/** Whether one of the differing values is one that the line had before. */
async function hadBefore(session: Session, line: LineCommit, { key, fields }: Difference): Promise<boolean> {
  const { repository, prefix } = session
  const units = unitsOf([key === SETTINGS ? SETTINGS_FILE : SPAWN_FILE, MANIFEST_FILE])
  const kind = key === SETTINGS ? 'settings' : 'spawn'
  let count = 0
  for await (const commit of repository.log({ include: [line.oid], firstParent: true })) {
    const about = readTrailers(commit)?.object
    if (about !== key && about !== 'snapshot') continue
    const before = (await readUnits(repository, commit.parents[0], prefix, units)).objects.get(key)?.object
    const same = (path: readonly string[], value: FieldValue) =>
      (path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals)(fieldAt(before?.fields, path), value)
    if (before !== undefined && fields.some(({ path, after }) => same(path, after))) return true
    if (++count >= COMMITS) break
  }
  return false
}
