import { fromEntries, isJsonObject, type Json, type JsonObject, own, withKey } from '../world/json.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import type { AssetPaths, AssetValues } from './asset-value.ts'
import { ENTITY_KEYS, entityFromFile, entityToFile } from './entity.ts'
import { type Checked, invalid, needleOf, problemAt } from './file-object.ts'
import { type FileProblem, formatJson, inOrder, parseJsonFile, without } from './json-file.ts'
import { settingsObject } from './settings.ts'
import { spawnObject, spawnToFile } from './spawn.ts'

const FORMAT_VERSION = 2
const MANIFEST_KEYS = new Set(['formatVersion', 'settings', 'spawn', 'entities'])

/** What `world.json` says: objects in the order of the file, and what a rewrite must keep. */
export interface Manifest {
  /** Settings, spawn and the entities. */
  readonly objects: Map<ObjectKey, WorldObject>
  /** Entity → its `state`, which belongs to the runtime and stays as it is (M5). */
  readonly states: Map<ObjectKey, Json>
  /** Top-level fields that nobody knows. */
  readonly rest: JsonObject
  /** Entities as the file says them. */
  readonly spelled: ReadonlyMap<WorldObject, JsonObject>
}

export type ReadManifest =
  | { readonly kind: 'ok'; readonly manifest: Manifest }
  /** `problem` is the first of `problems`. */
  | { readonly kind: 'invalid'; readonly problem: FileProblem; readonly problems: readonly FileProblem[] }

/** Reads `world.json` (protocol, section 8): `formatVersion` 2, with settings, spawn and entities. */
export function readManifest(path: string, content: Uint8Array | string, assets: AssetValues): ReadManifest {
  const parsed = parseJsonFile(path, content)
  if (parsed.kind === 'invalid') return { ...parsed, problems: [parsed.problem] }
  const { value, text } = parsed
  const problems: FileProblem[] = []
  const objects = new Map<ObjectKey, WorldObject>()
  const states = new Map<ObjectKey, Json>()
  const spelled = new Map<WorldObject, JsonObject>()
  const take = (checked: Checked<WorldObject>): ObjectKey | undefined => {
    if (checked.kind === 'invalid') {
      problems.push(problemAt(path, text, checked.defect))
      return undefined
    }
    const key = objectKey(checked.value.kind, checked.value.id)
    if (objects.has(key)) {
      problems.push({ path, code: 'duplicate_id', message: `two entities have the id ${checked.value.id}` })
    }
    objects.set(key, checked.value)
    return key
  }

  if (own(value, 'formatVersion') !== FORMAT_VERSION) {
    take(invalid('invalid', `formatVersion is not ${FORMAT_VERSION}`, needleOf(value, 'formatVersion')))
  }
  const settings = own(value, 'settings')
  take(
    isJsonObject(settings)
      ? { kind: 'ok', value: settingsObject(settings) }
      : invalid('invalid', 'settings is not an object', needleOf(value, 'settings')),
  )
  const spawn = own(value, 'spawn')
  take(
    isJsonObject(spawn) ? spawnObject(spawn) : invalid('invalid', 'spawn is not an object', needleOf(value, 'spawn')),
  )
  const entities = own(value, 'entities')
  if (!Array.isArray(entities)) take(invalid('invalid', 'entities is not an array', needleOf(value, 'entities')))
  else {
    for (const [index, entity] of (entities as readonly Json[]).entries()) {
      if (!isJsonObject(entity)) {
        take(invalid('invalid', `entities[${index}] is not an object`))
        continue
      }
      const state = own(entity, 'state')
      const checked = entityFromFile(entity, assets)
      if (checked.kind === 'invalid') {
        // Among many entities only an asset's path is likely to stand there once.
        const { code, message, needle } = checked.defect
        take(invalid(code, `entities[${index}]: ${message}`, code === 'missing_asset' ? needle : undefined))
      } else if (state !== undefined && !isJsonObject(state)) {
        take(invalid('invalid', `state of ${checked.value.id} is not an object`))
      } else {
        const key = take(checked)
        if (key !== undefined && state !== undefined) states.set(key, state)
        if (state !== undefined) spelled.set(checked.value, entity)
      }
    }
  }

  if (problems.length > 0) return { kind: 'invalid', problem: problems[0]!, problems }
  const rest = without(value, (key) => MANIFEST_KEYS.has(key))
  return { kind: 'ok', manifest: { objects, states, rest, spelled } }
}

/**
 * The inverse of {@link readManifest}. Entities keep the order of `previous`, new ones come last; their `state` is what
 * `previous` has, `{}` for new ones. Other kinds of object than settings, spawn and entities are passed over.
 *
 * With `keep`, an object that is the very one of `previous` stays as it is spelled there: its assets must be where they
 * were.
 */
export function writeManifest(
  objects: ReadonlyMap<ObjectKey, WorldObject>,
  previous: Manifest | undefined,
  assets: AssetPaths,
  options: { readonly keep?: boolean } = {},
): string {
  const entities: JsonObject[] = []
  const write = (key: ObjectKey, object: WorldObject) => {
    const spelled = options.keep === true ? previous?.spelled.get(object) : undefined
    if (spelled !== undefined) {
      entities.push(spelled)
      return
    }
    const state = previous?.states.get(key) ?? {}
    entities.push(inOrder(withKey(entityToFile(object, assets), 'state', state), ENTITY_KEYS))
  }
  for (const key of previous?.objects.keys() ?? []) {
    const object = objects.get(key)
    if (object?.kind === 'entity') write(key, object)
  }
  for (const [key, object] of objects) {
    if (object.kind === 'entity' && previous?.objects.has(key) !== true) write(key, object)
  }
  const spawn = objects.get(SPAWN)
  return formatJson(
    fromEntries([
      ['formatVersion', FORMAT_VERSION],
      ['settings', objects.get(SETTINGS)?.fields ?? {}],
      ['spawn', spawn === undefined ? {} : spawnToFile(spawn)],
      ['entities', entities],
      ...Object.entries(previous?.rest ?? {}),
    ]),
    { inlineNumbers: false },
  )
}
