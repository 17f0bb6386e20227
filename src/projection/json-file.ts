import { fromEntries, isJsonObject, type Json, type JsonObject } from '../world/json.ts'
import { findSyntaxProblem } from './json-syntax.ts'

/** What is wrong with a file, for programs. `unknown_blueprint` alone may also stand in a world's own files. */
export type ProblemCode =
  | 'syntax'
  | 'conflict_markers'
  | 'invalid'
  | 'missing_asset'
  | 'missing_file'
  | 'duplicate_id'
  | 'unknown_blueprint'
  | 'both_layouts'
  | 'script_root'
  | 'shared_import'

/** A defect of a file that somebody can repair: where, and what, in words. */
export interface FileProblem {
  /** Relative to the project's folder. */
  readonly path: string
  readonly code: ProblemCode
  /** Counted from 1. */
  readonly line?: number
  /** Counted from 1, in UTF-16 units. */
  readonly column?: number
  readonly message: string
}

export type ParsedJson =
  | { readonly kind: 'ok'; readonly value: JsonObject; readonly text: string }
  | { readonly kind: 'invalid'; readonly problem: FileProblem }

/** The deepest nesting of objects and arrays in a file (S3). */
export const MAX_DEPTH = 200

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a JSON file whose document is an object. A byte order mark and CRLF are tolerated; a value that JSON cannot
 * give back (`1e999`) is not.
 *
 * @example parseJsonFile('world.json', '{ "a": 1, }') // invalid: line 1, column 11
 */
export function parseJsonFile(path: string, content: Uint8Array | string): ParsedJson {
  let text: string
  try {
    text = typeof content === 'string' ? content.replace(/^\uFEFF/, '') : utf8.decode(content)
  } catch {
    return { kind: 'invalid', problem: { path, code: 'syntax', message: 'is not UTF-8 text' } }
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return { kind: 'invalid', problem: syntaxProblem(path, text) }
  }
  if (!isJsonObject(value)) {
    return { kind: 'invalid', problem: { path, code: 'invalid', line: 1, column: 1, message: 'is not a JSON object' } }
  }
  const defect = jsonDefect(value, MAX_DEPTH)
  if (defect !== undefined) return { kind: 'invalid', problem: { path, code: 'invalid', message: defect } }
  return { kind: 'ok', value, text }
}

function syntaxProblem(path: string, text: string): FileProblem {
  // JSON strings hold no raw newlines, so a line that begins like a marker is one.
  const marker = /^(?:<{7}|\|{7}|>{7})(?: |\r?$)/m.exec(text)
  if (marker !== null) {
    return {
      path,
      code: 'conflict_markers',
      ...position(text, marker.index),
      message: 'conflict markers are in the file',
    }
  }
  const found = findSyntaxProblem(text) ?? { offset: 0, message: 'is not JSON' }
  return { path, code: 'syntax', ...position(text, found.offset), message: found.message }
}

/** Line and column of an offset, both counted from 1. */
export function position(text: string, offset: number): { readonly line: number; readonly column: number } {
  let line = 1
  let start = 0
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++
    start = at + 1
  }
  return { line, column: offset - start + 1 }
}

/** What makes a value unfit to be kept as JSON: nesting beyond `depth`, or a number without a spelling (S3). */
export function jsonDefect(value: Json, depth: number): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'holds a number that is too large'
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === 0) return 'is nested too deeply'
  if (Array.isArray(value)) {
    for (const item of value) {
      const defect = jsonDefect(item, depth - 1)
      if (defect !== undefined) return defect
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    const defect = jsonDefect((value as JsonObject)[key]!, depth - 1)
    if (defect !== undefined) return defect
  }
  return undefined
}

/**
 * Two-space JSON with a trailing newline. With `inlineNumbers`, arrays of nothing but numbers stand on one line, so
 * that a line merge takes a move as a whole (G8).
 *
 * @example formatJson({ position: [1, 2, 3] }, { inlineNumbers: true }) // '{\n  "position": [1, 2, 3]\n}\n'
 */
export function formatJson(value: JsonObject, options: { readonly inlineNumbers: boolean }): string {
  if (!options.inlineNumbers) return `${JSON.stringify(value, null, 2)}\n`
  return `${format(value, '\n')}\n`
}

function format(value: Json, newline: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const deeper = `${newline}  `
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    if (value.every((item) => typeof item === 'number')) return `[${value.map((n) => JSON.stringify(n)).join(', ')}]`
    return `[${value.map((item) => deeper + format(item, deeper)).join(',')}${newline}]`
  }
  const object = value as JsonObject
  const keys = Object.keys(object)
  if (keys.length === 0) return '{}'
  const lines = keys.map((key) => `${deeper}${JSON.stringify(key)}: ${format(object[key]!, deeper)}`)
  return `{${lines.join(',')}${newline}}`
}

/** A copy whose keys stand in `order`, then, as they stood, all others. */
export function inOrder(object: JsonObject, order: readonly string[]): JsonObject {
  const entries: [string, Json][] = []
  for (const key of order) if (Object.hasOwn(object, key)) entries.push([key, object[key]!])
  for (const key of Object.keys(object)) if (!order.includes(key)) entries.push([key, object[key]!])
  return fromEntries(entries)
}

/** A copy without the keys for which `drop` says so. */
export function without(object: JsonObject, drop: (key: string) => boolean): JsonObject {
  return fromEntries(
    Object.keys(object)
      .filter((key) => !drop(key))
      .map((key) => [key, object[key]!] as const),
  )
}
