/**
 * JSON values, as they come from the wire and from files.
 *
 * Objects are walked with `Object.hasOwn` and `Object.keys` only, so that keys such as `__proto__`, `constructor` or
 * `toString` are data like any other (S1).
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Reads an own key; `undefined` when the object lacks it, whatever its prototype says. */
export function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/**
 * Builds an object from entries without ever touching a prototype: `__proto__` becomes an own key.
 *
 * @example fromEntries([['a', 1]]) // { a: 1 }
 */
export function fromEntries(entries: Iterable<readonly [string, Json]>): JsonObject {
  const object: Record<string, Json> = {}
  for (const [key, value] of entries) {
    if (key === '__proto__') {
      Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
    } else {
      object[key] = value
    }
  }
  return object
}

/** A copy with one key set or, when `value` is undefined, removed. Key order is kept; new keys come last. */
export function withKey(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const entries: [string, Json][] = []
  let found = false
  for (const k of Object.keys(object)) {
    if (k !== key) entries.push([k, object[k]!])
    else {
      found = true
      if (value !== undefined) entries.push([k, value])
    }
  }
  if (!found && value !== undefined) entries.push([key, value])
  return fromEntries(entries)
}

/** Equality of JSON values; the order of keys does not matter, `undefined` stands for absence (M2, M4). */
export function jsonEquals(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a === null || b === null) return false
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!jsonEquals(a[i], b[i])) return false
    return true
  }
  const left = a as JsonObject
  const right = b as JsonObject
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  for (const key of keys) {
    if (!Object.hasOwn(right, key) || !jsonEquals(left[key], right[key])) return false
  }
  return true
}
