import { fromEntries, type JsonObject, own } from '../world/json.ts'
import { isBookkeeping, type WorldObject } from '../world/state.ts'
import type { AssetPaths, AssetValues } from './asset-value.ts'
import {
  assetsFromFile,
  assetsToFile,
  type Checked,
  invalid,
  needleOf,
  type ReadObject,
  readObjectFile,
} from './file-object.ts'
import { formatJson, inOrder, without } from './json-file.ts'
import { shapeProblem } from './shapes.ts'

/** Keys of an entity in files, in order; unknown ones follow. `state` stands in manifests only (M5). */
export const ENTITY_KEYS = [
  'id',
  'uid',
  'scope',
  'managedBy',
  'blueprint',
  'position',
  'quaternion',
  'scale',
  'pinned',
  'props',
  'state',
] as const

/** True for what an entity has on the wire or in a manifest and what is no field of it here. */
export function isEntityHidden(key: string): boolean {
  return key === 'id' || key === 'type' || key === 'state' || isBookkeeping(key)
}

/** Reads `world/entities/<shard>/<name>.json`. The file's name says nothing: its `id` does (M8). */
export function readEntityFile(path: string, content: Uint8Array | string, assets: AssetValues): ReadObject {
  return readObjectFile(path, content, (value) => entityFromFile(value, assets))
}

/** The inverse of {@link readEntityFile}; numeric arrays on one line (G8). */
export function writeEntityFile(object: WorldObject, assets: AssetPaths): string {
  return formatJson(entityToFile(object, assets), { inlineNumbers: true })
}

/** One entity as a file or a manifest says it → project spelling. */
export function entityFromFile(value: JsonObject, assets: AssetValues): Checked<WorldObject> {
  const id = own(value, 'id')
  if (typeof id !== 'string' || id === '') return invalid('invalid', 'has no id', needleOf(value, 'id'))
  const wrong = shapeProblem('entity', value)
  if (wrong !== undefined)
    return invalid('invalid', `${wrong.field} of ${id} ${wrong.message}`, needleOf(value, wrong.field))
  const fields = assetsFromFile('entity', without(value, isEntityHidden), assets)
  if (fields.kind === 'invalid') {
    return invalid(fields.defect.code, `${fields.defect.message} (entity ${id})`, fields.defect.needle)
  }
  return { kind: 'ok', value: { kind: 'entity', id, fields: fields.value } }
}

/** One entity as a file says it, in the order of {@link ENTITY_KEYS}. */
export function entityToFile(object: WorldObject, assets: AssetPaths): JsonObject {
  const fields = assetsToFile('entity', without(object.fields, isEntityHidden), assets)
  return inOrder(fromEntries([['id', object.id], ...Object.entries(fields)]), ENTITY_KEYS)
}
