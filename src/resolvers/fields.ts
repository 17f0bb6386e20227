import { isJsonObject, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { FieldValue, ObjectKind, WorldObject } from '../world/state.ts'
import { fieldEquality } from './equality.ts'

/** Where a field is: keys from the object downwards; the empty path is the object itself, its presence being the value. */
export type FieldPath = readonly string[]

/** A path as people write it. */
export function fieldName(path: FieldPath): string {
  return path.join('.')
}

/** A path as a key of sets and maps: unlike the dotted name it is unambiguous. */
export function fieldKey(path: FieldPath): string {
  return JSON.stringify(path)
}

/** One field that differs between two states of an object. */
export interface FieldChange {
  readonly path: FieldPath
  readonly before: FieldValue
  readonly after: FieldValue
}

/**
 * The fields that differ between two states of one object, as deep as the merge goes: records key by key, all else
 * whole. An object that appears or disappears is one change with the empty path, followed by its fields.
 */
export function diffObjects(before: WorldObject | undefined, after: WorldObject | undefined): readonly FieldChange[] {
  const changes: FieldChange[] = []
  const kind = (after ?? before)?.kind
  if (kind === undefined) return changes
  if ((before === undefined) !== (after === undefined)) {
    changes.push({ path: [], before: before?.fields, after: after?.fields })
  }
  diffValues(kind, [], before?.fields ?? {}, after?.fields ?? {}, changes)
  return changes
}

function diffValues(
  kind: ObjectKind,
  path: FieldPath,
  before: FieldValue,
  after: FieldValue,
  changes: FieldChange[],
): void {
  const equal = path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals
  if (equal(before, after)) return
  if (isJsonObject(before) && isJsonObject(after)) {
    for (const key of unionKeys(before, after))
      diffValues(kind, [...path, key], own(before, key), own(after, key), changes)
    return
  }
  changes.push({ path, before, after })
}

/**
 * The fields that a step from one state of an object to another wrote (M2): those of {@link diffObjects}, but a record
 * that appears, disappears or becomes something else wrote the fields in it, not whatever else may come to stand there
 * (M3). An empty record is a field by itself. A uid is never written: it is the runtime's (M1).
 */
export function writtenFields(before: WorldObject | undefined, after: WorldObject | undefined): readonly FieldPath[] {
  const paths: FieldPath[] = []
  const kind = (after ?? before)?.kind
  for (const { path, before: was, after: is } of diffObjects(before, after)) {
    if (path[0] === 'uid' && kind !== 'settings') continue
    const records = [was, is].filter(isJsonObject)
    if (path.length === 0 || records.length < (was === undefined || is === undefined ? 1 : 2)) paths.push(path)
    if (path.length > 0) for (const record of records) addLeaves(path, record, paths)
  }
  return paths
}

function addLeaves(path: FieldPath, value: FieldValue, paths: FieldPath[]): void {
  const keys = isJsonObject(value) ? Object.keys(value) : []
  if (keys.length === 0) paths.push(path)
  for (const key of keys) addLeaves([...path, key], own(value as JsonObject, key), paths)
}

/** Whether one of two fields is the other, or in it. */
export function overlap(a: FieldPath, b: FieldPath): boolean {
  return a.every((key, index) => index >= b.length || b[index] === key)
}

/** A copy with one field set, the records on its way made where they are missing; removed when `value` is undefined. */
export function withField(fields: JsonObject, path: FieldPath, value: FieldValue): JsonObject {
  const [key, ...rest] = path
  if (key === undefined) return isJsonObject(value) ? value : fields
  if (rest.length === 0) return withKey(fields, key, value)
  const inner = own(fields, key)
  if (!isJsonObject(inner) && value === undefined) return fields
  return withKey(fields, key, withField(isJsonObject(inner) ? inner : {}, rest, value))
}

/** The value at a path, undefined where there is none. */
export function fieldAt(fields: JsonObject | undefined, path: FieldPath): FieldValue {
  let value: FieldValue = fields
  for (const key of path) value = isJsonObject(value) ? own(value, key) : undefined
  return value
}

/** The keys of two records: the first one's in its order, then what only the second has. */
export function unionKeys(a: object, b: object): readonly string[] {
  const keys = Object.keys(a)
  for (const key of Object.keys(b)) if (!Object.hasOwn(a, key)) keys.push(key)
  return keys
}

/** A set of written fields, answering also for the records above them. */
export class FieldSet {
  readonly #keys = new Map<string, FieldPath>()

  add(path: FieldPath): void {
    this.#keys.set(fieldKey(path), path)
  }

  delete(path: FieldPath): void {
    this.#keys.delete(fieldKey(path))
  }

  get size(): number {
    return this.#keys.size
  }

  /** Whether the field itself or anything inside it is in the set; what is written as a record is its fields. */
  touches(path: FieldPath): boolean {
    for (const written of this.#keys.values()) if (path.every((key, i) => written[i] === key)) return true
    return false
  }
}
