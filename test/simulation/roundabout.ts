import type { Commit, Oid } from '../../src/git-bridge/repository.ts'
import { readTrailers } from '../../src/git-bridge/trailers.ts'
import type { Reading } from './history.ts'

/**
 * Whether a merge with the line of a world brings news of an object which the branch may have by way of another world, and
 * nothing in the clone says that it is the same: an operation that was pushed from a commit which it does not have, with
 * something of the object that the branch does not know (`isNews`), or one of that world's own, whose edit the branch knows
 * (`isKnown`) though not by this line.
 */
export function isRoundabout(
  reading: Reading,
  { parents }: Commit,
  about: { readonly object: string; readonly isKnown: boolean; readonly isNews: boolean },
): boolean {
  const [head, tip] = parents as readonly [Oid, Oid]
  const world = readTrailers(reading.commit(tip))?.worldId
  if (world === undefined) return false
  const ours = new Set<Oid>()
  let knowsOthers = false
  for (const one of walk(reading, head, ours)) {
    const said = readTrailers(one)
    if (said !== undefined && said.worldId !== world) knowsOthers = true
  }
  if (!knowsOthers) return false
  for (const one of walk(reading, tip, ours)) {
    const said = readTrailers(one)
    if (said === undefined || !said.object.startsWith(about.object)) continue
    const [, source] = /^git:(\w+)$/.exec(said.source) ?? []
    if (source === undefined ? about.isKnown : about.isNews && !reading.has(source as Oid)) return true
  }
  return false
}

/** The commits of a history that are not among some already, and now are. */
function* walk(reading: Reading, tip: Oid, known: Set<Oid>): Iterable<Commit> {
  const stack = [tip]
  for (let oid = stack.pop(); oid !== undefined; oid = stack.pop()) {
    if (known.has(oid)) continue
    known.add(oid)
    const commit = reading.commit(oid)
    yield commit
    stack.push(...commit.parents)
  }
}
