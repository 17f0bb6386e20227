import type { Json, JsonObject } from '../world/json.ts'
import { isJsonObject } from '../world/json.ts'

/** Nesting beyond this is refused, so that no payload can exhaust the stack of a later walk (S3). */
export const MAX_DEPTH = 64

/** A payload that cannot be kept as JSON. */
export class InvalidPayload extends Error {}

/**
 * A msgpack or JSON value as the JSON that the store will give back after a restart.
 *
 * Memory and disk must never disagree, so what JSON cannot say is settled here once: non-finite numbers become null,
 * `-0` becomes 0, big integers become numbers (null beyond their range), dates become strings, undefined members vanish. Throws
 * {@link InvalidPayload} for cycles, excessive depth and binary data.
 */
export function toJson(value: unknown, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new InvalidPayload('nested too deeply')
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value === 'bigint') return toJson(Number(value))
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? null : toJson(item, depth + 1)))
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (!isPlain(value)) throw new InvalidPayload('expected JSON')
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [key, toJson(member, depth + 1)]),
  )
}

/** How deep a JSON value is nested; 0 for what holds nothing. */
export function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  let deepest = 0
  for (const item of Array.isArray(value) ? value : Object.values(value)) deepest = Math.max(deepest, depthOf(item))
  return deepest + 1
}

/** {@link toJson} for something that must be an object. */
export function toObject(value: unknown): JsonObject {
  const json = toJson(value)
  if (!isJsonObject(json)) throw new InvalidPayload('expected an object')
  return json
}

/** The own keys of a raw change whose value is undefined: fields that the change removes (protocol, section 5). */
export function removedKeys(value: unknown): readonly string[] {
  if (!isPlain(value)) return []
  return Object.keys(value).filter((key) => value[key] === undefined)
}

/**
 * An id that the store can hold. SQLite cuts text at NUL and cannot hold lone surrogates: two such ids could become one
 * row, so they are refused.
 */
export function isStorableId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 1024 && !UNSTORABLE.test(value)
}

const UNSTORABLE = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

export function isVector(value: unknown, length: number): value is readonly number[] {
  return Array.isArray(value) && value.length === length && value.every((n) => Number.isFinite(n))
}

function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
