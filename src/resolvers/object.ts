import { fromEntries, isJsonObject, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { FieldValue, ObjectKind, WorldObject } from '../world/state.ts'
import { fieldEquality } from './equality.ts'
import { type FieldPath, type FieldSet, unionKeys } from './fields.ts'
import { resolve, type Terms } from './terms.ts'

/** One field that both sides changed, differently. The empty path is the object itself: deleted here, changed there. */
export interface ContestedField {
  readonly path: FieldPath
  readonly terms: Terms<FieldValue>
}

export interface ObjectMerge {
  /** The merged object; contested fields hold our value. Undefined: the object is gone. */
  readonly object: WorldObject | undefined
  readonly contested: readonly ContestedField[]
}

/** Tried on a field that both sides changed; undefined leaves it contested. */
export type FieldResolver = (path: FieldPath, terms: Terms<FieldValue>) => FieldValue | undefined

/**
 * Merges one object, field by field (M1, M2, M4).
 *
 * `wrote` holds the fields that operations after the base wrote and that we have not seen: they count as changed by the
 * world even where the value is the base's again. An object deleted on one side and untouched on the other is deleted;
 * touched on the other, it is contested as a whole.
 */
export function mergeObject(
  terms: Terms<WorldObject | undefined>,
  wrote: FieldSet | undefined,
  resolver: FieldResolver = () => undefined,
): ObjectMerge {
  const { base, ours, theirs } = terms
  const some = ours ?? theirs
  if (some === undefined) return { object: undefined, contested: [] }
  const contested: ContestedField[] = []
  const whole = (object: WorldObject | undefined): ObjectMerge => ({ object, contested: [] })

  if (ours === undefined || theirs === undefined) {
    // Present on one side only: added there, or deleted on the other.
    if (base === undefined) return whole(some)
    const survivor = ours ?? theirs
    const changed = !sameObject(base, survivor) || (ours === undefined && wrote !== undefined && wrote.size > 0)
    if (!changed) return whole(undefined)
    contested.push({ path: [], terms: { base: base.fields, ours: ours?.fields, theirs: theirs?.fields } })
    return { object: ours, contested }
  }

  const merged = mergeRecord(
    some.kind,
    [],
    { base: base?.fields ?? {}, ours: ours.fields, theirs: theirs.fields },
    wrote,
    resolver,
    contested,
  )
  return { object: { kind: ours.kind, id: ours.id, fields: keepRemoteUid(merged, theirs.fields) }, contested }
}

/**
 * Whether {@link mergeObject} can come out differently for what operations wrote: where we changed something that the
 * world has as the base has it. Only then is it worth looking whether somebody put it back on purpose (M2).
 */
export function dependsOnWritten(terms: Terms<WorldObject | undefined>): boolean {
  const { base, ours, theirs } = terms
  if (theirs === undefined) return false
  if (ours === undefined) return base !== undefined
  return recordDepends(ours.kind, [], { base: base?.fields ?? {}, ours: ours.fields, theirs: theirs.fields })
}

function recordDepends(kind: ObjectKind, path: FieldPath, terms: Terms<JsonObject>): boolean {
  return unionKeys(terms.ours, terms.theirs).some((key) => {
    const [base, ours, theirs] = [own(terms.base, key), own(terms.ours, key), own(terms.theirs, key)]
    if (path.length === 0 && key === 'uid' && kind !== 'settings') return false
    const equal = path.length === 0 ? fieldEquality(kind, key) : jsonEquals
    if (equal(ours, theirs) || equal(base, ours)) return false
    if (equal(base, theirs)) return true
    if (!isJsonObject(ours) || !isJsonObject(theirs)) return false
    return recordDepends(kind, [...path, key], { base: isJsonObject(base) ? base : {}, ours, theirs })
  })
}

/** M1: a `uid` that differs on the same `id` is no change; the runtime's word is taken. */
function keepRemoteUid(merged: JsonObject, theirs: JsonObject): JsonObject {
  const uid = own(theirs, 'uid')
  return uid === undefined || own(merged, 'uid') === uid ? merged : withKey(merged, 'uid', uid)
}

/** Whether two states of an object hold the same fields, with the tolerance of transforms and apart from `uid`. */
export function sameObject(a: WorldObject | undefined, b: WorldObject | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  for (const key of unionKeys(a.fields, b.fields)) {
    if (key === 'uid') continue
    if (!fieldEquality(a.kind, key)(own(a.fields, key), own(b.fields, key))) return false
  }
  return true
}

function mergeRecord(
  kind: ObjectKind,
  path: FieldPath,
  terms: Terms<JsonObject>,
  wrote: FieldSet | undefined,
  resolver: FieldResolver,
  contested: ContestedField[],
): JsonObject {
  const entries: [string, Exclude<FieldValue, undefined>][] = []
  for (const key of unionKeys(terms.ours, terms.theirs)) {
    const at = [...path, key]
    const value = mergeField(
      kind,
      at,
      { base: own(terms.base, key), ours: own(terms.ours, key), theirs: own(terms.theirs, key) },
      wrote,
      resolver,
      contested,
    )
    if (value !== undefined) entries.push([key, value])
  }
  return fromEntries(entries)
}

function mergeField(
  kind: ObjectKind,
  path: FieldPath,
  terms: Terms<FieldValue>,
  wrote: FieldSet | undefined,
  resolver: FieldResolver,
  contested: ContestedField[],
): FieldValue {
  if (path.length === 1 && path[0] === 'uid' && kind !== 'settings') return terms.theirs ?? terms.ours
  const equal = path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals
  const outcome = resolve(terms, equal, wrote?.touches(path) ?? false)
  if (outcome.kind === 'settled') return outcome.value

  // Both sides changed it. Records merge key by key (M3); a base that is no record is as good as none.
  const { base, ours, theirs } = terms
  if (isJsonObject(ours) && isJsonObject(theirs)) {
    return mergeRecord(kind, path, { base: isJsonObject(base) ? base : {}, ours, theirs }, wrote, resolver, contested)
  }
  const resolved = resolver(path, terms)
  if (resolved !== undefined) return resolved
  contested.push({ path, terms })
  return ours
}
