import { fromEntries, isJsonObject, type JsonObject, own, withKey } from '../world/json.ts'
import { isBookkeeping, type WorldObject } from '../world/state.ts'
import type { AssetPaths, AssetValues } from './asset-value.ts'
import { assetsFromFile, assetsToFile, type Checked, invalid, needleOf } from './file-object.ts'
import { AS_SAID, blueprintDefaults, type Identities } from './identities.ts'
import { formatJson, inOrder, without } from './json-file.ts'
import { electEntry } from './script-entry.ts'
import { shapeProblem } from './shapes.ts'

/** Keys of a blueprint in files, in order (protocol, section 8); unknown ones follow. */
const BLUEPRINT_KEYS = [
  'id',
  'uid',
  'name',
  'scope',
  'managedBy',
  'createdAt',
  'author',
  'url',
  'desc',
  'preload',
  'public',
  'locked',
  'frozen',
  'unique',
  'disabled',
  'scene',
  'keep',
  'scriptFormat',
  'scriptEntry',
  'scriptRef',
  'model',
  'image',
  'props',
] as const

/** True for what a blueprint has on the wire and what is no field of it in its JSON. */
export function isBlueprintHidden(key: string): boolean {
  return key === 'id' || key === 'script' || key === 'scriptFiles' || isBookkeeping(key)
}

/** One blueprint's JSON, before its folder decides what its scripts are (see {@link readApp}). */
export interface BlueprintJson {
  readonly id: string
  /** The id that stands in the file, or else its default. */
  readonly ownId: string
  /** Whether that stands in the file. */
  readonly said: boolean
  readonly uid: string | undefined
  /** In project spelling, `name` filled in, without any script field. */
  readonly fields: JsonObject
  readonly scriptFormat: string | undefined
  /** `null`: expressly without scripts, though its folder has some. */
  readonly scriptEntry: string | null | undefined
  /** Never the blueprint itself. */
  readonly scriptRef: string | undefined
  /** The file's name without `.json`. */
  readonly base: string
}

const SCRIPT_KEYS = new Set(['scriptFormat', 'scriptEntry', 'scriptRef'])

/** A blueprint's JSON as `apps/<folder>/<File>.json` says it, with the defaults of protocol section 8 filled in. */
export function blueprintFromFile(
  folder: string,
  path: string,
  value: JsonObject,
  assets: AssetValues,
  identities: Identities = AS_SAID,
): Checked<BlueprintJson> {
  const { id: fallback, base } = blueprintDefaults(path, folder)
  const said = own(value, 'id') ?? undefined
  const ownId = said ?? fallback
  if (typeof ownId !== 'string' || ownId === '') return invalid('invalid', 'id is not a string', needleOf(value, 'id'))
  const id = identities.ids.get(path) ?? ownId
  const wrong = shapeProblem('blueprint', value)
  if (wrong !== undefined)
    return invalid('invalid', `${wrong.field} of ${id} ${wrong.message}`, needleOf(value, wrong.field))
  const named = Object.hasOwn(value, 'name') ? value : withKey(value, 'name', base)
  const fields = assetsFromFile(
    'blueprint',
    without(
      named,
      (key) => isBlueprintHidden(key) || SCRIPT_KEYS.has(key) || (key === 'uid' && identities.foreignUids.has(path)),
    ),
    assets,
  )
  if (fields.kind === 'invalid') {
    return invalid(fields.defect.code, `${fields.defect.message} (blueprint ${id})`, fields.defect.needle)
  }
  const uid = own(value, 'uid')
  const scriptFormat = own(value, 'scriptFormat')
  const scriptEntry = own(value, 'scriptEntry')
  const scriptRef = own(value, 'scriptRef')
  return {
    kind: 'ok',
    value: {
      id,
      ownId,
      said: said !== undefined,
      uid: typeof uid === 'string' ? uid : undefined,
      fields: fields.value,
      scriptFormat: typeof scriptFormat === 'string' ? scriptFormat : undefined,
      scriptEntry: typeof scriptEntry === 'string' || scriptEntry === null ? scriptEntry : undefined,
      scriptRef: typeof scriptRef === 'string' && scriptRef !== '' && scriptRef !== ownId ? scriptRef : undefined,
      base,
    },
  }
}

/** The paths of a root's scripts relative to its folder; none for all other blueprints. */
export function scriptPaths(object: WorldObject): readonly string[] {
  const files = own(object.fields, 'scriptFiles')
  return isJsonObject(files) ? Object.keys(files) : []
}

/**
 * A blueprint's JSON. `scriptFiles` are files of their own. What a reader would fill in by itself is left out, but for
 * `id` and `name`; a blueprint without scripts in a folder that has some says `"scriptEntry": null`, so that it is not
 * taken for a variant. {@link writeApp} knows the context of a whole folder.
 */
export function writeBlueprintFile(
  object: WorldObject,
  assets: AssetPaths,
  context: { readonly folderHasScripts: boolean } = { folderHasScripts: false },
): string {
  const fields = assetsToFile('blueprint', without(object.fields, isBlueprintHidden), assets)
  let json = fromEntries([['id', object.id], ...Object.entries(fields)])
  const scripts = scriptPaths(object)
  if (scripts.length > 0) {
    const entry = own(fields, 'scriptEntry')
    if (entry === 'index.js' && electEntry(undefined, undefined, scripts) === entry) {
      json = withKey(json, 'scriptEntry', undefined)
    }
  } else {
    const optOut = context.folderHasScripts && typeof own(fields, 'scriptRef') !== 'string'
    json = withKey(withKey(json, 'scriptFormat', undefined), 'scriptEntry', optOut ? null : undefined)
  }
  return formatJson(inOrder(json, BLUEPRINT_KEYS), { inlineNumbers: false })
}
