import { SyncError } from '../world/errors.ts'
import { isJsonObject, type Json, type JsonObject, own, withKey } from '../world/json.ts'
import type { FieldValue } from '../world/state.ts'

/** One field to be set, or with an undefined value to be removed. */
export interface FieldEdit {
  /** Never empty. */
  readonly path: readonly string[]
  readonly value: FieldValue
}

const LIST = /^\s*[-+]?[\d.][\d.eE+-]*(?:\s*,\s*[-+]?[\d.][\d.eE+-]*)+\s*$/

/**
 * Reads edits from the command line: `set` entries are `path=value`, `unset` entries paths. What is removed goes before
 * what is set, so that `--unset props --set props.color=red` leaves one prop. Throws `invalid_edit`.
 *
 * @example parseEdits({ set: ['position=1,2,3', 'props.color=red'], unset: ['props.size'] })
 */
export function parseEdits(edits: {
  readonly set: readonly string[]
  readonly unset: readonly string[]
}): readonly FieldEdit[] {
  const removed = edits.unset.map((path): FieldEdit => ({ path: parsePath(path), value: undefined }))
  const set = edits.set.map((text): FieldEdit => {
    const equals = text.indexOf('=')
    if (equals < 0) throw invalid(`"${text}" sets nothing`)
    return { path: parsePath(text.slice(0, equals)), value: parseValue(text.slice(equals + 1)) }
  })
  return [...removed, ...set]
}

/** `props.color` → two keys; `\.` is a dot inside a key. */
function parsePath(text: string): readonly string[] {
  const path = text
    .trim()
    .split(/(?<!\\)\./)
    .map((key) => key.replaceAll('\\.', '.'))
  if (path.some((key) => key === '')) throw invalid(`"${text}" is no path of a field`)
  return path
}

/**
 * A value as people type it: JSON where it parses, numbers with commas between them as a list of numbers, else text.
 *
 * @example parseValue('1,2,3') // [1, 2, 3]
 */
export function parseValue(text: string): Json {
  const json = parseJson(text)
  if (json !== undefined) return json
  if (!LIST.test(text)) return text
  const numbers = text.split(',').map(Number)
  return numbers.some(Number.isNaN) ? text : numbers.map((number) => finite(number, text))
}

function parseJson(text: string): Json | undefined {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  return walk(value, text)
}

/** JSON says numbers that cannot be kept (`1e999`), and `-0`, which does not survive being written. */
function walk(value: Json, text: string): Json {
  if (typeof value === 'number') return finite(value, text)
  if (Array.isArray(value)) return value.map((item) => walk(item, text))
  if (!isJsonObject(value)) return value
  let result: JsonObject = value
  for (const [key, item] of Object.entries(value)) result = withKey(result, key, walk(item, text))
  return result
}

function finite(number: number, text: string): number {
  if (!Number.isFinite(number)) throw invalid(`"${text}" holds a number that is too large`)
  return number + 0
}

/**
 * The object with edits made, in order. Records come into being where a path leads through nothing; a list takes indices
 * that it has. `subject` names the object in errors. Throws `invalid_edit`.
 */
export function applyFieldEdits(subject: string, object: JsonObject, edits: readonly FieldEdit[]): JsonObject {
  let result: Json = object
  for (const { path, value } of edits) {
    const next = edited(result, path, value, (what) => invalid(`${path.join('.')} of ${subject}: ${what}`))
    result = next === undefined ? {} : next
  }
  return result as JsonObject
}

function edited(
  at: FieldValue,
  path: readonly string[],
  value: FieldValue,
  fail: (what: string) => SyncError,
): FieldValue {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (at === undefined || at === null) {
    return value === undefined ? at : withKey({}, key, edited(undefined, rest, value, fail)!)
  }
  if (Array.isArray(at)) {
    const list = at as readonly Json[]
    const index = /^(?:0|[1-9]\d*)$/.test(key) ? Number(key) : -1
    if (index < 0 || index >= list.length) throw fail(`a list of ${list.length} has no item "${key}"`)
    const item = edited(list[index], rest, value, fail)
    if (item === undefined) throw fail('an item of a list cannot be removed; set the whole list')
    return list.with(index, item)
  }
  if (!isJsonObject(at)) throw fail(`${JSON.stringify(at)} is no object that could have "${key}"`)
  return withKey(at, key, edited(own(at, key), rest, value, fail))
}

/** The value at a path, undefined where there is none. */
export function fieldAt(object: JsonObject, path: readonly string[]): FieldValue {
  let value: FieldValue = object
  for (const key of path) {
    if (Array.isArray(value)) value = (value as readonly Json[])[Number(key)]
    else value = isJsonObject(value) ? own(value, key) : undefined
  }
  return value
}

function invalid(what: string): SyncError {
  return new SyncError('invalid_edit', `${what}.`, {
    hint: 'Write --set path=value (position=1,2,3, props.color=red, name="Red Lamp") or --unset path.',
  })
}
