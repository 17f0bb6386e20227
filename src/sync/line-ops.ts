import type { Commit, Oid } from '../git-bridge/repository.ts'
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

/** What a world says of the last write to an object (protocol, section 4). */
export interface LastWrite {
  readonly opId: string | undefined
  /** Seconds since 1970. */
  readonly time: number | undefined
}

/**
 * Those of some objects, which a world has otherwise than the line, that are behind it (G11): the world says that they
 * were last written by an operation which the line knows, but as an older one, or at a time before the line's newest about
 * them, or before it began. The newer ones are lost.
 */
export async function behindLine(
  session: Session,
  tip: Oid,
  last: ReadonlyMap<ObjectKey, LastWrite>,
): Promise<ReadonlySet<ObjectKey>> {
  const behind = new Set<ObjectKey>()
  const newer = new Set<ObjectKey>()
  const open = new Map(last)
  if (open.size === 0) return behind
  const isEarlier = ({ time }: LastWrite, commit: Commit) => time !== undefined && time < commit.author.time
  for await (const commit of session.repository.log({ include: [tip], firstParent: true })) {
    const said = readTrailers(commit)
    if (commit.parents.length === 0) {
      for (const [key, write] of open) if (!newer.has(key) && isEarlier(write, commit)) behind.add(key)
    }
    const key = said?.object as ObjectKey | undefined
    const write = key === undefined ? undefined : open.get(key)
    if (said === undefined || key === undefined || write === undefined) continue
    const isKnown = write.opId === said.opId
    if (isKnown ? newer.has(key) : !newer.has(key) && isEarlier(write, commit)) behind.add(key)
    if (isKnown || behind.has(key)) open.delete(key)
    if (open.size === 0) break
    newer.add(key)
  }
  return behind
}
