import { entityFile } from '../../src/projection/paths.ts'
import type { Json, JsonObject } from '../../src/world/json.ts'
import { type Change, newEntity, newPlaces, withSlot } from './changes.ts'
import type { Disk } from './fs/disk.ts'
import { fileValues, objectOf, type Place, PRESENCE, readable, type Values } from './values.ts'

/** All of a world but its apps in one file, as projects have it that existed before (G8). */
export const MANIFEST = 'world.json'

/** The files of a project in a work tree, as its user sees and edits them. */
export class ProjectFiles {
  readonly #disk: Disk
  readonly #folder: string

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  paths(): readonly string[] {
    const found: string[] = []
    const walk = (below: string) => {
      for (const entry of this.#disk.readEntries(`${this.#folder}/${below}`)) {
        const path = below === '' ? entry.name : `${below}/${entry.name}`
        if (entry.isDirectory()) walk(path)
        else found.push(path)
      }
    }
    for (const root of ['world', 'apps', 'shared', 'assets']) {
      if (this.#disk.exists(`${this.#folder}/${root}`)) walk(root)
    }
    if (this.#disk.exists(`${this.#folder}/${MANIFEST}`)) found.push(MANIFEST)
    return found
  }

  read(path: string): string | undefined {
    return this.#disk.readText(`${this.#folder}/${path}`)
  }

  write(path: string, text: string): void {
    this.#disk.mkdir(`${this.#folder}/${path.slice(0, path.lastIndexOf('/'))}`, { recursive: true })
    this.#disk.writeFile(`${this.#folder}/${path}`, text)
  }

  remove(path: string): void {
    this.#disk.rm(`${this.#folder}/${path}`, { force: true })
  }

  /** Every watched field, and the file it is in. */
  values(): { readonly values: Values; readonly homes: ReadonlyMap<Place, string> } {
    const values = new Map<Place, string>()
    const homes = new Map<Place, string>()
    for (const path of this.paths()) {
      for (const [at, value] of readable(path, this.read(path) ?? '')) {
        values.set(at, value)
        homes.set(at, path)
      }
    }
    return { values, homes }
  }

  /** Makes a change; returns the fields that it is about and what they are now, none when it is not possible here. */
  apply(change: Change): ReadonlyMap<Place, string | undefined> {
    const { values, homes } = this.values()
    const changed = new Map<Place, string | undefined>()
    if (change.kind === 'add') {
      const { type: _, state: __, ...entity } = newEntity(change)
      const path = homes.has(`entity:${change.id} ${PRESENCE}`) ? undefined : entityFile(change.id)
      if (path === undefined || this.read(path) !== undefined) return changed
      if (!this.#inManifest((entities) => [...entities, entity])) this.#writeJson(path, entity)
      const after = fileValues(path, JSON.stringify(entity))
      for (const at of newPlaces(change.id)) changed.set(at, after.get(at))
      return changed
    }
    if (change.kind === 'remove' || change.kind === 'remove-blueprint') {
      const object = change.kind === 'remove' ? `entity:${change.id}` : `blueprint:${change.id}`
      const path = homes.get(`${object} ${PRESENCE}`)
      if (path === undefined) return changed
      const scripts = change.kind === 'remove-blueprint' ? this.scriptsBeside(path) : []
      if (path === MANIFEST) this.#inManifest((entities) => entities.filter(({ id }) => id !== change.id))
      else for (const file of [path, ...scripts]) this.#disk.rm(`${this.#folder}/${file}`)
      for (const [at, home] of homes) if (objectOf(at) === object || scripts.includes(home)) changed.set(at, undefined)
      return changed
    }
    const path = homes.get(change.at)
    const text = path === undefined ? undefined : this.read(path)
    if (path === undefined || text === undefined) return changed
    const next =
      change.kind === 'slot'
        ? withSlot(text, change.at.slice(objectOf(change.at).length + 1), change.value)
        : `${JSON.stringify(this.#edited(JSON.parse(text) as JsonObject, change), null, 2)}\n`
    this.write(path, next)
    const after = fileValues(path, next).get(change.at)
    if (after !== values.get(change.at)) changed.set(change.at, after)
    return changed
  }

  /** Where files may be moved: an entity's, and the folder of an app. */
  movable(): readonly string[] {
    const paths = this.paths().filter((path) => path.startsWith('world/entities/'))
    const apps = this.#disk.exists(`${this.#folder}/apps`) ? this.#disk.readEntries(`${this.#folder}/apps`) : []
    return [...paths, ...apps.filter((entry) => entry.isDirectory()).map(({ name }) => `apps/${name}`)]
  }

  /** Moves an entity's file, or an app's folder; what is in them stays. */
  move(path: string, token: number): string {
    const to = path.startsWith('apps/')
      ? `${path.replace(/-\d+$/, '')}-${token}`
      : `world/entities/hall/moved-${token}.json`
    this.#disk.mkdir(`${this.#folder}/${to.slice(0, to.lastIndexOf('/'))}`, { recursive: true })
    this.#disk.rename(`${this.#folder}/${path}`, `${this.#folder}/${to}`)
    return to
  }

  /** The scripts of an app whose last blueprint goes. */
  scriptsBeside(path: string): readonly string[] {
    if (!path.startsWith('apps/')) return []
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    const inside = this.paths().filter((other) => other.startsWith(folder))
    return inside.filter((other) => other.endsWith('.json')).length > 1
      ? []
      : inside.filter((other) => other.endsWith('.js'))
  }

  #edited(document: JsonObject, change: Change & { kind: 'set' | 'unset' }): JsonObject {
    const object = objectOf(change.at)
    const field = change.at.slice(object.length + 1)
    const value: Json | undefined = change.kind === 'set' ? change.value : undefined
    if (!Array.isArray(document.entities)) return withField(document, field, value)
    if (object === 'settings' || object === 'spawn') {
      return { ...document, [object]: withField(document[object] as JsonObject, field, value) }
    }
    const entities = (document.entities as readonly JsonObject[]).map((entity) =>
      `entity:${String(entity.id)}` === object ? withField(entity, field, value) : entity,
    )
    return { ...document, entities }
  }

  /** Changes the entities of `world.json`, where there is one. */
  #inManifest(change: (entities: readonly JsonObject[]) => readonly JsonObject[]): boolean {
    const text = this.read(MANIFEST)
    if (text === undefined) return false
    const document = JSON.parse(text) as JsonObject
    this.#writeJson(MANIFEST, { ...document, entities: change(document.entities as readonly JsonObject[]) })
    return true
  }

  #writeJson(path: string, document: JsonObject): void {
    this.write(path, `${JSON.stringify(document, null, 2)}\n`)
  }
}

function withField(object: JsonObject, field: string, value: Json | undefined): JsonObject {
  const dot = field.indexOf('.')
  if (dot < 0) {
    const { [field]: _, ...rest } = object
    return value === undefined ? rest : { ...object, [field]: value }
  }
  const key = field.slice(0, dot)
  return { ...object, [key]: withField((object[key] ?? {}) as JsonObject, field.slice(dot + 1), value) }
}
