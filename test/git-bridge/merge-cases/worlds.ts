import type { Layout } from '../../../src/git-bridge/materializer.ts'
import type { Oid, Repository, TreeEdit } from '../../../src/git-bridge/repository.ts'
import { type AssetValue, parseAssetValue } from '../../../src/projection/asset-value.ts'
import { ENTITY_KEYS } from '../../../src/projection/entity.ts'
import { formatJson, inOrder } from '../../../src/projection/json-file.ts'
import { entityFile } from '../../../src/projection/paths.ts'
import { readProject } from '../../../src/projection/project.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject } from '../../../src/world/json.ts'

/** A world as its files say it, whatever the layout: what merges are told of. */
export interface World {
  readonly settings: JsonObject
  readonly spawn: JsonObject
  /** Id → fields; assets by the paths of their files. */
  readonly entities: ReadonlyMap<string, JsonObject>
  /** Entities whose files are not where the line has them; split layout only. */
  readonly places: ReadonlyMap<string, string>
  /** Everything below `apps/`, `shared/` and `assets/`. */
  readonly files: ReadonlyMap<string, string | JsonObject>
}

/** What somebody does to a world. */
export type Edit = (world: World) => World

/** Fields to set; those that are undefined go. */
export type Changes = Readonly<Record<string, Json | undefined>>

/** The order of keys in a blueprint's file, of those that are used here. */
const BLUEPRINT_KEYS = [
  ...['id', 'uid', 'name', 'scope', 'managedBy', 'createdAt', 'author', 'desc', 'preload'],
  ...['scriptFormat', 'scriptEntry', 'scriptRef', 'model', 'image', 'props'],
]

export const EMPTY: World = {
  settings: {},
  spawn: {},
  entities: new Map(),
  places: new Map(),
  files: new Map(),
}

function changed(fields: JsonObject, changes: Changes): JsonObject {
  const entries = Object.entries({ ...fields, ...changes })
  return fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined))
}

function withEntry<T>(map: ReadonlyMap<string, T>, key: string, value: T | undefined): ReadonlyMap<string, T> {
  const copy = new Map(map)
  if (value === undefined) copy.delete(key)
  else copy.set(key, value)
  return copy
}

export const nothing: Edit = (world) => world

export function all(...edits: readonly Edit[]): Edit {
  return (world) => edits.reduce((so, edit) => edit(so), world)
}

/** Changes fields of an entity, or adds it; undefined removes it. */
export function entity(id: string, changes: Changes | undefined): Edit {
  return (world) => {
    const fields = changes && changed(world.entities.get(id) ?? {}, changes)
    return { ...world, entities: withEntry(world.entities, id, fields) }
  }
}

/** Puts an entity's file somewhere else. */
export function place(id: string, path: string | undefined): Edit {
  return (world) => ({ ...world, places: withEntry(world.places, id, path) })
}

export function settings(changes: Changes): Edit {
  return (world) => ({ ...world, settings: changed(world.settings, changes) })
}

export function spawn(changes: Changes): Edit {
  return (world) => ({ ...world, spawn: changed(world.spawn, changes) })
}

/** Writes a file, or removes it. */
export function file(path: string, content: string | JsonObject | undefined): Edit {
  return (world) => ({ ...world, files: withEntry(world.files, path, content) })
}

/** Changes keys of a JSON file. */
export function json(path: string, changes: Changes): Edit {
  return (world) => file(path, changed(world.files.get(path) as JsonObject, changes))(world)
}

/** Moves a file, or everything below a folder. */
export function move(from: string, to: string): Edit {
  return (world) => {
    const files = [...world.files].map(([path, content]) =>
      path === from || path.startsWith(`${from}/`)
        ? ([to + path.slice(from.length), content] as const)
        : ([path, content] as const),
    )
    return { ...world, files: new Map(files) }
  }
}

/** Removes everything below a folder. */
export function without(folder: string): Edit {
  return (world) => ({ ...world, files: new Map([...world.files].filter(([path]) => !path.startsWith(`${folder}/`))) })
}

/** The files that say a world, spelled as gamedev itself spells them. */
export function filesOf(world: World, layout: Layout): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const [path, content] of world.files)
    files.set(
      path,
      isJsonObject(content)
        ? formatJson(inOrder(content, BLUEPRINT_KEYS), { inlineNumbers: false })
        : (content as string),
    )
  const entities = [...world.entities].map(([id, fields]) => ({ id, ...fields }))
  const { settings, spawn } = world
  if (layout === 'manifest') {
    const manifest = {
      formatVersion: 2,
      settings,
      spawn,
      entities: entities.map((fields) => inOrder({ ...fields, state: {} }, ENTITY_KEYS)),
    }
    return files.set('world.json', formatJson(manifest, { inlineNumbers: false }))
  }
  files.set('world/settings.json', formatJson(settings, { inlineNumbers: true }))
  files.set('world/spawn.json', formatJson(spawn, { inlineNumbers: true }))
  for (const fields of entities) {
    const id = fields.id as string
    files.set(world.places.get(id) ?? entityFile(id), formatJson(inOrder(fields, ENTITY_KEYS), { inlineNumbers: true }))
  }
  return files
}

const SOMEBODY = { name: 'Ada', email: 'ada@example.com', time: 1_700_000_000, offset: 0 }

/** A commit of this world and of nothing else. */
export async function commitWorld(
  repository: Repository,
  parent: Oid | undefined,
  world: World,
  layout: Layout,
): Promise<Oid> {
  const files = filesOf(world, layout)
  const edits: TreeEdit[] = []
  for (const { path } of parent === undefined ? [] : await repository.listFiles(parent))
    if (!files.has(path)) edits.push({ path, kind: 'delete' })
  for (const [path, text] of files) edits.push({ path, kind: 'write', bytes: Buffer.from(text) })
  const tree = await repository.writeTree(
    parent === undefined ? undefined : (await repository.readCommit(parent)).tree,
    edits,
  )
  const parents = parent === undefined ? [] : [parent]
  return repository.writeCommit({ tree, parents, author: SOMEBODY, committer: SOMEBODY, message: 'edit\n' })
}

/** What a tree says, as plain data: object → fields, content as `content:<text>`. Throws when its files are wrong. */
export async function stateOf(repository: Repository, treeish: Oid): Promise<Readonly<Record<string, Json>>> {
  const files = await repository.listFiles(treeish)
  const blobs = await repository.readBlobs(files.map(({ oid }) => oid))
  const byPath = new Map(files.map(({ path, oid }) => [path, blobs.get(oid)!]))
  const project = readProject(files, (path) => byPath.get(path))
  const wrong = project.problems.filter(({ code }) => code !== 'unknown_blueprint')
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong))
  const state: Record<string, Json> = {}
  for (const [key, { fields }] of project.state) state[key] = said(fields, (value) => blobs.get(parseOidOf(value)))
  return state
}

function parseOidOf(value: AssetValue): Oid {
  return parseAssetValue(value)!.oid as Oid
}

/** A copy with each content as its text; what only looks like content stays as it is. */
export function said(value: Json, contentOf: (value: AssetValue) => Uint8Array | undefined): Json {
  if (parseAssetValue(value) !== undefined) {
    const bytes = contentOf(value as AssetValue)
    return bytes === undefined ? value : `content:${Buffer.from(bytes).toString('utf8')}`
  }
  if (Array.isArray(value)) return value.map((item) => said(item as Json, contentOf))
  if (!isJsonObject(value)) return value
  return fromEntries(Object.entries(value).map(([key, item]) => [key, said(item, contentOf)]))
}

/** Texts of a tree's files, by path. */
export async function textsOf(repository: Repository, treeish: Oid): Promise<ReadonlyMap<string, string>> {
  const files = await repository.listFiles(treeish)
  const blobs = await repository.readBlobs(files.map(({ oid }) => oid))
  return new Map(files.map(({ path, oid }) => [path, Buffer.from(blobs.get(oid)!).toString('utf8')]))
}
