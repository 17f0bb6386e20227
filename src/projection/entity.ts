import { fromEntries, type JsonObject, own, withKey } from '../world/json.ts'
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
import { AS_SAID, type Claim, type Identities } from './identities.ts'
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

/** Says what to do as well: nobody but who wrote the file knows whose it is (M8). */
export const NO_ID = 'has no id: give it its own back; a new entity and a copy need new ones'

/** True for what an entity has on the wire or in a manifest and what is no field of it here. */
export function isEntityHidden(key: string): boolean {
  return key === 'id' || key === 'type' || key === 'state' || isBookkeeping(key)
}

/** Reads `world/entities/<shard>/<name>.json`. The file's name says nothing: its `id` does (M8). */
export function readEntityFile(path: string, content: Uint8Array | string, assets: AssetValues): ReadObject {
  return readClaimedEntity(path, content, assets).read
}

/** An entity's file, and what it says about whose it is, which it may say though something else is wrong with it. */
export function readClaimedEntity(
  path: string,
  content: Uint8Array | string,
  assets: AssetValues,
  identities: Identities = AS_SAID,
): { readonly read: ReadObject; readonly claim: Claim | undefined } {
  let claim: Claim | undefined
  const read = readObjectFile(path, content, (value) => {
    const id = own(value, 'id') ?? undefined
    const uid = own(value, 'uid')
    claim = {
      kind: 'entity',
      path,
      id: typeof id === 'string' ? id : undefined,
      said: id !== undefined,
      uid: typeof uid === 'string' ? uid : undefined,
    }
    const settled = identities.ids.get(path)
    const named = settled === undefined ? value : withKey(value, 'id', settled)
    return entityFromFile(identities.foreignUids.has(path) ? withKey(named, 'uid', undefined) : named, assets)
  })
  return { read, claim }
}

/** The inverse of {@link readEntityFile}; numeric arrays on one line (G8). */
export function writeEntityFile(object: WorldObject, assets: AssetPaths): string {
  return formatJson(entityToFile(object, assets), { inlineNumbers: true })
}

/** One entity as a file or a manifest says it → project spelling. */
export function entityFromFile(value: JsonObject, assets: AssetValues): Checked<WorldObject> {
  const id = own(value, 'id')
  if (typeof id !== 'string' || id === '') return invalid('invalid', NO_ID, needleOf(value, 'id'))
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
