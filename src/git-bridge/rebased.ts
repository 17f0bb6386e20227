import { type FieldPath, FieldSet, withField } from '../resolvers/fields.ts'
import { isJsonObject } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import type { PlacedObject, TreeObjects } from './tree-objects.ts'
import type { Written } from './wrote.ts'

/**
 * A value of the world's that our own write replaced unseen (P5): it takes part in the merge as theirs, over `base`,
 * what we believed the field to hold. The empty path is the whole object, `undefined` its absence.
 */
export interface OverwrittenField {
  readonly path: FieldPath
  readonly value: FieldValue
  readonly base: FieldValue
}

export type Overwritten = ReadonlyMap<ObjectKey, readonly OverwrittenField[]>

/** The sides of a merge as it sees them. */
export interface MergeSides {
  readonly base: TreeObjects
  readonly theirs: TreeObjects
  readonly wrote: ReadonlyMap<ObjectKey, FieldSet>
}

/**
 * The two sides of the line as the merge is to see them: the base moved on by what we have seen (G7), and their side
 * with what was overwritten unseen still in it (P5).
 */
export function rebased(
  sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects },
  { wrote, bases }: Written,
  overwritten: Overwritten,
): MergeSides {
  if (bases.size + overwritten.size === 0) return { base: sides.base, theirs: sides.theirs, wrote }
  const base = new Map(sides.base.objects)
  const theirs = new Map(sides.theirs.objects)
  const written = new Map(wrote)
  const place = (into: Map<ObjectKey, PlacedObject>, key: ObjectKey, object: WorldObject | undefined): void => {
    if (object === undefined) {
      into.delete(key)
      return
    }
    // Where the world has its file, so that ours, wherever that is, stays (M8).
    const known = [into, sides.theirs.objects, sides.base.objects, sides.ours.objects]
    const path = known.map((side) => side.get(key)?.path).find((found) => found !== undefined)
    if (path !== undefined) into.set(key, { object, path })
  }
  for (const [key, object] of bases) place(base, key, object)
  for (const [key, fields] of overwritten) {
    const set = new FieldSet()
    for (const field of fields) {
      place(base, key, withValue(key, base.get(key)?.object, field.path, field.base))
      place(theirs, key, withValue(key, theirs.get(key)?.object, field.path, field.value))
      set.add(field.path)
    }
    written.set(key, set)
  }
  return {
    base: { ...sides.base, objects: base },
    theirs: { ...sides.theirs, objects: theirs },
    wrote: written,
  }
}

function withValue(
  key: ObjectKey,
  object: WorldObject | undefined,
  path: FieldPath,
  value: FieldValue,
): WorldObject | undefined {
  if (path.length === 0) return isJsonObject(value) ? { ...parseObjectKey(key), fields: value } : undefined
  return object === undefined ? undefined : { ...object, fields: withField(object.fields, path, value) }
}
