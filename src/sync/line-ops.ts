import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { Cursor } from '../world/operation.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Session } from './session.ts'

/** The line's newest commit about an object. */
export interface LineOperation {
  readonly opId: string
  readonly cursor: Cursor
  readonly commit: Oid
}

/**
 * The newest commit about each of some objects, in one walk from the newest that ends when all are found; objects that
 * nothing happened to since the line began are left out. Holds no more than the answer.
 */
export async function lineOperations(
  session: Session,
  tip: Oid,
  keys: Iterable<ObjectKey>,
): Promise<ReadonlyMap<ObjectKey, LineOperation>> {
  const wanted = new Set(keys)
  const found = new Map<ObjectKey, LineOperation>()
  if (wanted.size === 0) return found
  for await (const commit of session.repository.log({ include: [tip], firstParent: true })) {
    const said = readTrailers(commit)
    const key = said?.object as ObjectKey | undefined
    if (said === undefined || key === undefined || !wanted.delete(key)) continue
    found.set(key, { opId: said.opId, cursor: said.cursor, commit: commit.oid })
    if (wanted.size === 0) break
  }
  return found
}

/**
 * Those of some objects that a world says were last written by an operation which the line knows, but as an older one:
 * the newer ones are lost (G11).
 */
export async function behindLine(
  session: Session,
  tip: Oid,
  last: ReadonlyMap<ObjectKey, string>,
): Promise<ReadonlySet<ObjectKey>> {
  const behind = new Set<ObjectKey>()
  const newer = new Set<ObjectKey>()
  const open = new Map(last)
  if (open.size === 0) return behind
  for await (const commit of session.repository.log({ include: [tip], firstParent: true })) {
    const said = readTrailers(commit)
    const key = said?.object as ObjectKey | undefined
    if (said === undefined || key === undefined || !open.has(key)) continue
    if (open.get(key) === said.opId) {
      open.delete(key)
      if (newer.has(key)) behind.add(key)
      if (open.size === 0) break
    }
    newer.add(key)
  }
  return behind
}
