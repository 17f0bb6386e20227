import { assert } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import type { WorldObject } from '../world/state.ts'
import {
  ASSET_PREFIX,
  type AssetPaths,
  type AssetPlace,
  type AssetValues,
  isAssetValue,
  mapAssetUrls,
} from './asset-value.ts'
import { type FileProblem, type ProblemCode, parseJsonFile, position } from './json-file.ts'

/** One object out of one file. */
export type ReadObject =
  | { readonly kind: 'ok'; readonly object: WorldObject }
  | { readonly kind: 'invalid'; readonly problem: FileProblem }

/** A defect of a value that has no place yet: the reader of the file adds path and line. */
export interface Defect {
  readonly code: ProblemCode
  readonly message: string
  /** A piece of the file's text by which its line is found. */
  readonly needle?: string
}

export type Checked<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'invalid'; readonly defect: Defect }

export function invalid(code: ProblemCode, message: string, needle?: string): { kind: 'invalid'; defect: Defect } {
  return { kind: 'invalid', defect: needle === undefined ? { code, message } : { code, message, needle } }
}

/** What to look for in the file's text to find a field, if the object has it. */
export function needleOf(object: JsonObject, field: string): string | undefined {
  return Object.hasOwn(object, field) ? JSON.stringify(field) : undefined
}

/** Reads a file that is one object. */
export function readObjectFile(
  path: string,
  content: Uint8Array | string,
  read: (value: JsonObject) => Checked<WorldObject>,
): ReadObject {
  const parsed = parseJsonFile(path, content)
  if (parsed.kind === 'invalid') return parsed
  const checked = read(parsed.value)
  if (checked.kind === 'ok') return { kind: 'ok', object: checked.value }
  return { kind: 'invalid', problem: problemAt(path, parsed.text, checked.defect) }
}

/** A defect with its place: the line of its needle, when that stands in the text exactly once. */
export function problemAt(path: string, text: string, defect: Defect): FileProblem {
  const at = defect.needle === undefined ? -1 : text.indexOf(defect.needle)
  const once = at >= 0 && text.indexOf(defect.needle!, at + 1) < 0
  return { path, code: defect.code, ...(once ? position(text, at) : {}), message: defect.message }
}

/** Fields as a file says them → project spelling: `assets/<name>` becomes the content of that file. */
export function assetsFromFile(
  kind: 'blueprint' | 'entity',
  fields: JsonObject,
  assets: AssetValues,
): Checked<JsonObject> {
  let defect: Defect | undefined
  const value = mapAssetUrls(kind, fields, (url: string, { at }: AssetPlace) => {
    if (url.startsWith(ASSET_PREFIX)) {
      defect ??= { code: 'invalid', message: `${at} names no file: ${url}`, needle: JSON.stringify(url) }
    }
    if (!url.startsWith('assets/')) return url
    const content = assets.valueOf(url)
    if (content !== undefined) return content
    defect ??= { code: 'missing_asset', message: `missing asset: ${at} names ${url}`, needle: JSON.stringify(url) }
    return url
  })
  return defect === undefined ? { kind: 'ok', value } : { kind: 'invalid', defect }
}

/** Fields in project spelling → as a file says them. */
export function assetsToFile(kind: 'blueprint' | 'entity', fields: JsonObject, assets: AssetPaths): JsonObject {
  return mapAssetUrls(kind, fields, (value) => {
    if (!isAssetValue(value)) return value
    const path = assets.pathOf(value)
    assert(path !== undefined, `no file holds ${value}`)
    return path
  })
}
