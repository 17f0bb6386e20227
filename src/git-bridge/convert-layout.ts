import { writeEntityFile } from '../projection/entity.ts'
import { AS_SAID, type Identities } from '../projection/identities.ts'
import { readManifest, writeManifest } from '../projection/manifest.ts'
import { classify, entityFile, isWorldOwned, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { assetPaths, type Project, readProject } from '../projection/project.ts'
import { writeSettingsFile } from '../projection/settings.ts'
import { writeSpawnFile } from '../projection/spawn.ts'
import { saysNoLess } from '../resolvers/unsaid.ts'
import { type ObjectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import type { Layout } from './materializer.ts'
import { refuseInTheWay, refuseProblems } from './merge-guards.ts'
import type { Oid, Repository, TreeEdit } from './repository.ts'
import { isFile } from './tree-objects.ts'

/** What layouts differ in. */
const DOCUMENTS: ReadonlySet<string> = new Set(['manifest', 'settings', 'spawn', 'entity'])

/** Whether a file, by its path in the project, is one that layouts differ in. */
export function isLayoutFile(path: string): boolean {
  return DOCUMENTS.has(classify(path).kind)
}

/** A tree in another layout: what changes in it. */
export interface Converted {
  readonly edits: readonly TreeEdit[]
  /** Entities that the files hold. */
  readonly entities: number
  /** Fields beside the world's own at the top of a manifest: files per entity have no place for them. */
  readonly dropped: readonly string[]
}

/** How a tree is converted. */
export interface ConvertOptions {
  /** Whose the files are (M8); by default whose they say. */
  readonly identities?: Identities
  /** A commit of the line: what says no less than an object there is spelled as there, so that git sees no change. */
  readonly like?: Oid
}

/**
 * Says the same objects by the files of another layout (G8): a pure function of the tree. Blueprints, scripts and assets
 * are in the same files in both; `state`, which belongs to the runtime, has a place in a manifest alone. A tree that has
 * that layout, or none, stays as it is.
 *
 * Throws `invalid_files` where a file does not parse, `not_a_folder` where something else stands in a file's place.
 */
export async function convertLayout(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  layout: Layout,
  options: ConvertOptions = {},
): Promise<Converted> {
  const { read, documents } = await readDocuments(repository, treeish, prefix, options.identities)
  const entities = [...read.state.values()].filter(({ kind }) => kind === 'entity')
  const counted = { entities: entities.length, dropped: [] }
  if (read.layout === 'none' || read.layout === layout) return { edits: [], ...counted }
  // A world is never without them: said by no file, they would be said to be empty.
  const missing = [SETTINGS, SPAWN].filter((key) => !read.state.has(key))
  const fileOf = (key: ObjectKey) => (key === SETTINGS ? SETTINGS_FILE : SPAWN_FILE)
  const message = 'is missing; restore it as the remote ref has it, a world is never without'
  refuseProblems(missing.map((key) => ({ code: 'invalid', path: fileOf(key), message })))
  const like = options.like === undefined ? undefined : await readDocuments(repository, options.like, prefix)
  const said = new Map<ObjectKey, WorldObject>()
  for (const key of [...read.state.keys()].sort())
    said.set(key, spelling(read.state.get(key)!, like?.read.state.get(key)))
  const paths = assetPaths(read.assets)
  const gone = [...documents.keys()].map((path): TreeEdit => ({ path: prefix + path, kind: 'delete' }))
  const write = (path: string, text: string): TreeEdit => {
    return { path: prefix + path, kind: 'write', bytes: Buffer.from(text) }
  }
  if (layout === 'manifest') {
    return { ...counted, edits: [...gone, write(MANIFEST_FILE, writeManifest(said, undefined, paths))] }
  }
  const edits = [...gone]
  for (const object of said.values()) {
    if (object.kind === 'settings') edits.push(write(SETTINGS_FILE, writeSettingsFile(object)))
    else if (object.kind === 'spawn') edits.push(write(SPAWN_FILE, writeSpawnFile(object)))
    else edits.push(write(entityFile(object.id), writeEntityFile(object, paths)))
  }
  await refuseInTheWay(repository, treeish, edits)
  const values = { valueOf: (path: string) => read.assets.get(path) }
  const manifest = readManifest(MANIFEST_FILE, documents.get(MANIFEST_FILE)!, values)
  return { ...counted, edits, dropped: manifest.kind === 'ok' ? Object.keys(manifest.manifest.rest) : [] }
}

/** The files that layouts differ in, read; the blueprints are not looked at. Throws `invalid_files`. */
async function readDocuments(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  identities: Identities = AS_SAID,
): Promise<{ readonly read: Project; readonly documents: ReadonlyMap<string, Uint8Array> }> {
  const below = await Promise.all(
    ['world', MANIFEST_FILE, 'assets'].map((path) => repository.listFiles(treeish, prefix + path)),
  )
  const files = below
    .flat()
    .filter(({ mode }) => isFile(mode))
    .map(({ path, oid }) => ({ path: path.slice(prefix.length), oid }))
    .filter(({ path }) => isWorldOwned(path))
  const wanted = files.filter(({ path }) => isLayoutFile(path))
  const blobs = await repository.readBlobs(wanted.map(({ oid }) => oid))
  const documents = new Map(wanted.map(({ path, oid }) => [path, blobs.get(oid)!]))
  const read = readProject(files, (path) => documents.get(path), identities)
  refuseProblems(read.problems.filter(({ code }) => code !== 'unknown_blueprint'))
  return { read, documents }
}

/** The line's object where a file says the same. */
function spelling(object: WorldObject, line: WorldObject | undefined): WorldObject {
  return line !== undefined && saysNoLess(object, line) ? line : object
}
