import { own } from '../world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey, TEMPLATE_BLUEPRINTS, type WorldObject } from '../world/state.ts'
import type { Terms } from './terms.ts'

/** One object on all sides, and what its own merge made of it. */
export interface MergedSides extends Terms<WorldObject | undefined> {
  readonly merged: WorldObject | undefined
  /** The user may choose either side of it. */
  readonly contested: boolean
}

/** The blueprint that an object cannot be without: an entity's own, the script root of a variant. */
export function referenceOf(object: WorldObject | undefined): ObjectKey | undefined {
  if (object === undefined) return undefined
  const id =
    object.kind === 'entity'
      ? own(object.fields, 'blueprint')
      : object.kind === 'blueprint'
        ? own(object.fields, 'scriptRef')
        : undefined
  return typeof id === 'string' && id !== '' && !TEMPLATE_BLUEPRINTS.has(id) ? objectKey('blueprint', id) : undefined
}

/**
 * Checks the whole after the fields (M6): blueprints that one side deleted while the other came to use them. Deleted
 * blueprint → those that name it. What the deleting side had broken by itself is not among them: that is a defect of
 * its own, not of the merge.
 *
 * `objects` need hold only what either side changed.
 */
export function danglingDeletions(
  objects: ReadonlyMap<ObjectKey, MergedSides>,
): ReadonlyMap<ObjectKey, readonly ObjectKey[]> {
  const dangling = new Map<ObjectKey, ObjectKey[]>()
  const gone = new Map<ObjectKey, 'ours' | 'theirs'>()
  for (const [key, { ours, theirs, merged }] of objects) {
    if (merged !== undefined || (ours === undefined) === (theirs === undefined)) continue
    if (parseObjectKey(key).kind === 'blueprint') gone.set(key, ours === undefined ? 'ours' : 'theirs')
  }
  if (gone.size === 0) return dangling
  for (const [key, sides] of objects) {
    const outcomes = sides.contested ? [sides.ours, sides.theirs] : [sides.merged]
    for (const named of new Set(outcomes.flatMap((outcome) => referenceOf(outcome) ?? []))) {
      const deletedBy = gone.get(named)
      if (deletedBy === undefined || referenceOf(sides[deletedBy]) === named) continue
      dangling.set(named, [...(dangling.get(named) ?? []), key])
    }
  }
  return dangling
}
