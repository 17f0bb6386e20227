import type { Json, JsonObject } from '../../src/world/json.ts'

/**
 * What the simulation watches of a world: each field as a place and a value in words, read from files and from the
 * world's objects alike, by code of its own: the product's readers are what is being judged.
 */

/** A watched field: `<object> <field>`, e.g. `entity:lamp1 props.color`, `script Lamp_2`. */
export type Place = string
/** JSON text; absent where the field has no value. */
export type Values = ReadonlyMap<Place, string>

const ENTITY_FIELDS = ['blueprint', 'position', 'scale'] as const
const BLUEPRINT_FIELDS = ['name', 'desc'] as const
const SETTINGS_FIELDS = ['title', 'desc'] as const

/** The field that says that an object is there. */
export const PRESENCE = 'is'

export function place(object: string, field: string): Place {
  return `${object} ${field}`
}

export function objectOf(at: Place): string {
  return at.slice(0, at.indexOf(' '))
}

/** The object of the world that a field is of: scripts are a blueprint's. */
export function ownerOf(at: Place): string {
  const object = objectOf(at)
  return object === 'script' ? `blueprint:${at.slice('script '.length).replace(/_\d+$/, '')}` : object
}

/** Whether a text names the object of a field, as a word: `e0` is in many a commit's id. */
export function namesObject(text: string, at: Place): boolean {
  const object = objectOf(at)
  const name =
    object === 'script' ? at.slice('script '.length).replace(/_\d+$/, '') : object.slice(object.indexOf(':') + 1)
  return new RegExp(`(?<![\\w$])${name.replaceAll('$', '\\$')}(?!\\w)`).test(text)
}

export function entityValues(entity: JsonObject): Values {
  const object = `entity:${String(entity.id)}`
  const values = new Map<Place, string>([[place(object, PRESENCE), 'true']])
  read(values, object, entity, ENTITY_FIELDS)
  readProps(values, object, entity.props)
  return values
}

export function blueprintValues(blueprint: JsonObject, id: string = String(blueprint.id)): Values {
  const object = `blueprint:${id}`
  const values = new Map<Place, string>([[place(object, PRESENCE), 'true']])
  read(values, object, blueprint, BLUEPRINT_FIELDS)
  readProps(values, object, blueprint.props)
  return values
}

export function settingsValues(settings: JsonObject): Values {
  const values = new Map<Place, string>()
  read(values, 'settings', settings, SETTINGS_FIELDS)
  return values
}

export function spawnValues(spawn: JsonObject): Values {
  const values = new Map<Place, string>()
  read(values, 'spawn', spawn, ['position'])
  return values
}

/**
 * The slots of a script: `const Lamp_2 = 'value'`, each a field, so that a merge by lines can be judged. `object`: what they
 * are fields of.
 */
export function scriptValues(text: string, object = 'script'): Values {
  const values = new Map<Place, string>()
  for (const [, slot, value] of text.matchAll(/^const (\w+) = '([^']*)'$/gm)) {
    values.set(place(object, slot!), JSON.stringify(value))
  }
  return values
}

const NOTHING: Values = new Map()

/** The watched fields of one file of a project; nothing for files that are none of the world's. */
export function fileValues(path: string, text: string): Values {
  if (path.startsWith('world/entities/') && path.endsWith('.json')) return entityValues(JSON.parse(text) as JsonObject)
  if (path === 'world/settings.json') return settingsValues(JSON.parse(text) as JsonObject)
  if (path === 'world/spawn.json') return spawnValues(JSON.parse(text) as JsonObject)
  if (path === 'world.json') return manifestValues(JSON.parse(text) as JsonObject)
  if (path.startsWith('shared/')) return scriptValues(text, `shared:${path.slice('shared/'.length)}`)
  if (path.endsWith('.js')) return scriptValues(text)
  const blueprint = /^apps\/([^/]+)\/([^/]+)\.json$/.exec(path)
  if (blueprint === null) return NOTHING
  const [, folder, name] = blueprint
  const document = JSON.parse(text) as JsonObject
  const id = typeof document.id === 'string' ? document.id : folder === name ? folder! : `${folder}__${name}`
  return blueprintValues(document, id)
}

function manifestValues(manifest: JsonObject): Values {
  const values = new Map<Place, string>()
  const add = (more: Values) => {
    for (const [at, value] of more) values.set(at, value)
  }
  add(settingsValues(manifest.settings as JsonObject))
  add(spawnValues(manifest.spawn as JsonObject))
  for (const entity of manifest.entities as readonly JsonObject[]) add(entityValues(entity))
  return values
}

function read(values: Map<Place, string>, object: string, from: JsonObject, fields: readonly string[]): void {
  for (const field of fields) if (Object.hasOwn(from, field)) set(values, place(object, field), from[field])
}

function readProps(values: Map<Place, string>, object: string, props: Json | undefined): void {
  if (typeof props !== 'object' || props === null || Array.isArray(props)) return
  for (const [key, value] of Object.entries(props)) {
    // Assets have one name in the world and another in the files.
    if (typeof value !== 'object') set(values, place(object, `props.${key}`), value)
  }
}

function set(values: Map<Place, string>, at: Place, value: Json | undefined): void {
  // A file leaves out what is empty.
  if (value !== undefined && value !== null) values.set(at, JSON.stringify(value))
}

/** What a file says; nothing when it is half written, or in conflict. */
export function readable(path: string, text: string): Values {
  try {
    return fileValues(path, text)
  } catch {
    return new Map()
  }
}
