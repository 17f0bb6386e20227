import type { Json } from '../world/json.ts'
import type { FieldValue } from '../world/state.ts'
import type { Terms } from './terms.ts'

/**
 * Merges arrays of primitives as sets, where the policy says that they are some (M3): what one side removed goes, what
 * one side added comes. The order of a set means nothing: the base's is kept, then come the new ones, sorted, so that it
 * does not matter whose side is whose (M7). Undefined where a side is no such array; an absent base is an empty set.
 *
 * @example mergeSets({ base: ['a', 'b'], ours: ['b', 'd'], theirs: ['a', 'b', 'c'] }) // ['b', 'c', 'd']
 */
export function mergeSets(terms: Terms<FieldValue>): readonly Json[] | undefined {
  const base = terms.base === undefined ? new Map<string, Json>() : setOf(terms.base)
  const [ours, theirs] = [setOf(terms.ours), setOf(terms.theirs)]
  if (base === undefined || ours === undefined || theirs === undefined) return undefined
  const kept = [...base.keys()].filter((item) => ours.has(item) && theirs.has(item))
  const added = [...new Set([...ours.keys(), ...theirs.keys()])].filter((item) => !base.has(item)).sort()
  const all = new Map([...base, ...ours, ...theirs])
  return [...kept, ...added].map((item) => all.get(item)!)
}

/** The members by their spelling as JSON, undefined for what is no array of primitives. */
function setOf(value: FieldValue): ReadonlyMap<string, Json> | undefined {
  if (!Array.isArray(value)) return undefined
  const items = value as readonly Json[]
  if (items.some((item) => typeof item === 'object' && item !== null)) return undefined
  return new Map(items.map((item) => [JSON.stringify(item), item]))
}
