import { readChanges } from '../remote-runtime/changes.ts'
import { SyncError } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { applyOperations, type WireWorld } from '../world/wire-world.ts'
import { saveOffers } from './offers.ts'
import type { Session } from './session.ts'

/** Operations asked for at a time: the most that the runtime gives (protocol, section 2). */
export const PAGE = 1000

/** How often a snapshot is taken anew because the feed was cut while it was read. */
const ATTEMPTS = 3

/** A whole world as it was at one place of its feed. */
export interface WorldNow {
  readonly world: WireWorld
  readonly cursor: Cursor
}

/**
 * Reads the world so that no state is claimed that never was (G3): the head, the snapshot, the head again, and the
 * operations between them folded in; a runtime that says the snapshot's own cursor needs none of that.
 *
 * Throws `cursor_expired` where the feed is cut again and again while the world is being read.
 */
export async function readWorldNow(session: Session): Promise<WorldNow> {
  for (let attempt = 1; ; attempt++) {
    const before = await session.runtime.head()
    const snapshot = await session.runtime.snapshot()
    await saveOffers(session, snapshot.capabilities ?? [])
    const exact = snapshot.capabilities?.includes('snapshot.cursor') === true ? snapshot.cursor : undefined
    const world: WireWorld = {
      settings: snapshot.settings,
      spawn: snapshot.spawn,
      blueprints: byId(snapshot.blueprints),
      entities: byId(snapshot.entities.filter((entity) => entity.type === 'app')),
    }
    if (exact !== undefined) return { world, cursor: exact }
    const now = await foldUntil(session, { world, cursor: before }, await session.runtime.head())
    if (now !== undefined) return now
    if (attempt < ATTEMPTS) continue
    throw new SyncError('cursor_expired', 'The world drops its feed faster than it can be read.', {
      hint: 'Nothing was changed here. Try again when less happens in the world, or let its runtime keep more of the feed.',
      data: { cursor: before },
    })
  }
}

/** The world with what happened up to a cursor; undefined when the feed does not reach back to where it was. */
export async function foldUntil(session: Session, now: WorldNow, until: Cursor): Promise<WorldNow | undefined> {
  if (until <= now.cursor) return now
  let { world } = now
  for await (const page of readChanges(session.runtime, now.cursor, { limit: PAGE })) {
    if (page.kind === 'expired') return undefined
    world = applyOperations(
      world,
      page.operations.filter((operation) => operation.cursor <= until),
    )
    if (page.cursor >= until) break
  }
  return { world, cursor: until }
}

function byId(objects: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  return new Map(objects.map((object) => [String(object.id), object]))
}

/**
 * The newest operation at or before a cursor: numbers may be skipped (protocol, section 2). Undefined when the feed
 * keeps none.
 */
export async function operationAt(session: Session, cursor: Cursor): Promise<Operation | undefined> {
  for (let span = 1; cursor > 0; span *= 8) {
    let from = Math.max(0, cursor - span)
    let newest: Operation | undefined
    let cut = false
    for (let again = true; again; ) {
      again = false
      for await (const page of readChanges(session.runtime, from, { limit: PAGE })) {
        if (page.kind === 'expired') {
          // What is left of it may begin only just before the cursor.
          again = !cut && page.oldestCursor !== undefined && page.oldestCursor > from + 1 && page.oldestCursor <= cursor
          cut = true
          if (again) from = page.oldestCursor! - 1
          break
        }
        newest = page.operations.filter((candidate) => candidate.cursor <= cursor).at(-1) ?? newest
        if (page.cursor >= cursor) break
      }
    }
    if (newest !== undefined || from === 0 || cut) return newest
  }
  return undefined
}
