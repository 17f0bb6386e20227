import { assert } from '../world/errors.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own, withKey } from '../world/json.ts'

declare const assetBrand: unique symbol
/**
 * An asset in project spelling: the content it names, `git-asset:<oid>.<ext>`. Assets are compared by content only
 * (M3); what file holds it, and what URL the runtime gives it, are two projections of the same value.
 */
export type AssetValue = string & { readonly [assetBrand]: true }

export interface AssetPaths {
  /** The project path of a file with this content. */
  pathOf(value: AssetValue): string | undefined
}

export interface AssetValues {
  /** The content of the file at a project path, undefined when there is none. */
  valueOf(path: string): AssetValue | undefined
}

export const ASSET_PREFIX = 'git-asset:'
const PATTERN = /^git-asset:([0-9a-f]{40}(?:[0-9a-f]{24})?)(?:\.([^./\\\s]+))?$/

/** `oid` is the blob's id; `extension` has no dot and may be empty. */
export function assetValue(oid: string, extension: string): AssetValue {
  const value = `${ASSET_PREFIX}${oid}${extension === '' ? '' : `.${extension.toLowerCase()}`}`
  assert(PATTERN.test(value), `no asset value: ${value}`)
  return value as AssetValue
}

export function parseAssetValue(value: unknown): { readonly oid: string; readonly extension: string } | undefined {
  const match = typeof value === 'string' ? PATTERN.exec(value) : null
  return match === null ? undefined : { oid: match[1]!, extension: match[2] ?? '' }
}

export function isAssetValue(value: unknown): value is AssetValue {
  return typeof value === 'string' && PATTERN.test(value)
}

/** The lower-case extension of a file's name, without its dot; empty when there is none. */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 ? name.slice(dot + 1).toLowerCase() : ''
  return /^[^\\\s]*$/.test(extension) ? extension : ''
}

/** One URL of an object: where it stands, and the base name that a new file for it would get. */
export interface AssetPlace {
  readonly field: 'model' | 'image' | 'props'
  readonly name: string
  /** `model`, `image`, `image.url`, `props.<key>.url`: for messages. */
  readonly at: string
}

/**
 * A copy with each URL of an object replaced by what `map` says; the same object when nothing changed. Visits exactly
 * the places of protocol section 7: `model` and `image` of blueprints, `props.<key>.url` of blueprints and entities.
 */
export function mapAssetUrls(
  kind: 'blueprint' | 'entity',
  fields: JsonObject,
  map: (value: string, where: AssetPlace) => string,
): JsonObject {
  let result = fields
  if (kind === 'blueprint') {
    const name = own(fields, 'name')
    const base = typeof name === 'string' && name.trim() !== '' ? name : 'model'
    const model = own(fields, 'model')
    if (typeof model === 'string')
      result = replaced(result, 'model', map(model, { field: 'model', name: base, at: 'model' }))
    const image = own(fields, 'image')
    const imageName = `${base === 'model' ? 'app' : base}__image`
    if (typeof image === 'string') {
      result = replaced(result, 'image', map(image, { field: 'image', name: imageName, at: 'image' }))
    } else if (isJsonObject(image)) {
      const url = own(image, 'url')
      if (typeof url === 'string') {
        const next = map(url, { field: 'image', name: imageName, at: 'image.url' })
        if (next !== url) result = withKey(result, 'image', withKey(image, 'url', next))
      }
    }
  }
  const props = own(fields, 'props')
  if (isJsonObject(props)) {
    const next = mapProps(props, map)
    if (next !== props) result = withKey(result, 'props', next)
  }
  return result
}

function replaced(fields: JsonObject, key: string, value: string): JsonObject {
  return fields[key] === value ? fields : withKey(fields, key, value)
}

function mapProps(props: JsonObject, map: (value: string, where: AssetPlace) => string): JsonObject {
  let changed = false
  const entries: [string, Json][] = []
  for (const key of Object.keys(props)) {
    const value = props[key]!
    const url = isJsonObject(value) ? own(value, 'url') : undefined
    if (!isJsonObject(value) || typeof url !== 'string') {
      entries.push([key, value])
      continue
    }
    const next = map(url, { field: 'props', name: propName(value, key), at: `props.${key}.url` })
    if (next !== url) changed = true
    entries.push([key, next === url ? value : withKey(value, 'url', next)])
  }
  return changed ? fromEntries(entries) : props
}

function propName(value: JsonObject, key: string): string {
  const name = own(value, 'name')
  const base = typeof name === 'string' ? name.replace(/(.)\.[^./\\]*$/, '$1').trim() : ''
  return base === '' ? key : base
}
