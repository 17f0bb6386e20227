import { parseAssetValue } from '../projection/asset-value.ts'
import type { FieldPath } from '../resolvers/fields.ts'
import { isJsonObject, own } from '../world/json.ts'
import type { FieldValue, WorldObject } from '../world/state.ts'
import { type Oid, parseOid } from './repository.ts'

/** The folder of a file, with its final slash. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

/** The blob that an asset's or a script's value names. */
export function oidOf(value: FieldValue): Oid {
  const asset = parseAssetValue(value)
  if (asset === undefined) throw new Error(`${JSON.stringify(value)} is no content`)
  return parseOid(asset.oid)
}

/** The scripts that a blueprint carries: path in its folder → content. */
export function scriptFiles(object: WorldObject): ReadonlyMap<string, FieldValue> {
  const files = own(object.fields, 'scriptFiles')
  return new Map(isJsonObject(files) ? Object.entries(files) : [])
}

/** Whether a field holds a script's text: a file of an app, or a shared module. */
export function isScriptPath(object: Pick<WorldObject, 'kind'>, path: FieldPath): boolean {
  return object.kind === 'shared' ? path[0] === 'content' : path.length === 2 && path[0] === 'scriptFiles'
}
