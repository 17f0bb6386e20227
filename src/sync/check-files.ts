import { type FileEntry, type Oid, parseOid } from '../git-bridge/repository.ts'
import { isFile, type PlacedObject } from '../git-bridge/tree-objects.ts'
import { parseAssetValue } from '../projection/asset-value.ts'
import { collectShared } from '../projection/imports.ts'
import { type FileProblem, parseJsonFile } from '../projection/json-file.ts'
import { classify, isWorldOwned } from '../projection/paths.ts'
import { readProject } from '../projection/project.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, own } from '../world/json.ts'
import { objectKey } from '../world/state.ts'
import { checkIdentities, isInDoubt } from './check-identity.ts'
import { LOBBY_FILE, parseLobbyFile, readLobbyFile } from './lobby-file.ts'
import type { Project } from './session.ts'

export type Layout = CheckedFiles['layout']

/** As a problem of a world file; `lobby.json` has codes of its own. */
export type CheckedProblem = Omit<FileProblem, 'code'> & { readonly code: string }

/** What is wrong with the files of a whole project; paths relative to the project. */
export interface CheckedFiles {
  readonly problems: readonly FileProblem[]
  readonly warnings: readonly string[]
  readonly layout: 'split' | 'manifest' | 'none'
  /** How many world-owned files there are. */
  readonly files: number
}

/**
 * Reads all world files of a tree: one listing, one stream of contents, and those of the scripts. `head` is the commit
 * that the tree is, or that it shall follow.
 */
export async function checkAllFiles(project: Project, tree: Oid, head: Oid | undefined): Promise<CheckedFiles> {
  const { repository, prefix } = project
  const listed = await repository.listFiles(tree, prefix === '' ? undefined : prefix.slice(0, -1))
  const files = listed
    .filter(({ mode }) => isFile(mode))
    .map(({ path, oid }) => ({ path: path.slice(prefix.length), oid }))
    .filter(({ path }) => isWorldOwned(path))
  const oids = new Map(files.filter(({ path }) => isDocument(path)).map(({ path, oid }) => [path, oid] as const))
  const blobs = await repository.readBlobs(oids.values())
  const bytesOf = (path: string) => {
    const oid = oids.get(path)
    return oid === undefined ? undefined : blobs.get(oid)
  }
  const asSaid = readProject(files, bytesOf)
  const doubt = isInDoubt(asSaid.claims, asSaid.problems) ? await checkIdentities(project, head, tree) : undefined
  const read = doubt === undefined ? asSaid : readProject(files, bytesOf, doubt.identities)
  const blueprints: PlacedObject[] = []
  for (const [key, object] of read.state) {
    if (object.kind === 'blueprint') blueprints.push({ object, path: read.paths.get(key)! })
  }
  const exists = (id: string) => read.state.has(objectKey('blueprint', id))
  // A blueprint that cannot be read is named as that, not by each entity that misses it.
  const unread = read.problems.some(({ path }) => path.startsWith('apps/'))
  const problems = [
    ...(doubt?.problems ?? []),
    ...read.problems.filter(({ code }) => !unread || code !== 'unknown_blueprint'),
    ...(unread ? [] : rootProblems(blueprints, exists)),
    ...(await importProblems(project, tree, blueprints)),
  ]
  return { problems, warnings: doubt?.warnings ?? [], layout: read.layout, files: files.length }
}

function isDocument(path: string): boolean {
  const { kind } = classify(path)
  return kind === 'entity' || kind === 'settings' || kind === 'spawn' || kind === 'manifest' || kind === 'blueprint'
}

/** Blueprints that use the scripts of one that is not there; the runtime would accept them (M6). */
export function rootProblems(
  blueprints: Iterable<PlacedObject>,
  exists: (id: string) => boolean,
): readonly FileProblem[] {
  return [...blueprints].flatMap(({ object, path }): FileProblem[] => {
    const root = own(object.fields, 'scriptRef')
    if (typeof root !== 'string' || exists(root)) return []
    const message = `blueprint ${object.id} uses the scripts of ${root}, which does not exist`
    return [{ path, code: 'script_root', message }]
  })
}

/** Imports of shared modules, by the scripts of these blueprints, that a push could not follow. */
export async function importProblems(
  { repository, prefix }: Project,
  tree: Oid,
  blueprints: Iterable<PlacedObject>,
): Promise<readonly FileProblem[]> {
  const scripts = new Map<string, Oid>()
  for (const { object, path } of blueprints) {
    const files = own(object.fields, 'scriptFiles')
    if (!isJsonObject(files)) continue
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    for (const [file, value] of Object.entries(files)) {
      const content = parseAssetValue(value)
      if (content !== undefined) scripts.set(folder + file, parseOid(content.oid))
    }
  }
  if (scripts.size === 0) return []
  const shared = new Map<string, FileEntry>()
  for (const file of await repository.listFiles(tree, `${prefix}shared`)) {
    const place = classify(file.path.slice(prefix.length))
    if (place.kind === 'shared' && isFile(file.mode)) shared.set(place.path, file)
  }
  const decoder = new TextDecoder()
  const sources = await repository.readBlobs(scripts.values())
  const entries = [...scripts].map(([path, oid]) => ({ path, source: decoder.decode(sources.get(oid)) }))
  const texts = new Map<string, string>()
  for (;;) {
    // Modules are read before they are asked for: the walk itself is pure.
    const missing = new Map<string, Oid>()
    const { problems } = collectShared(entries, (path) => {
      const file = shared.get(path)
      if (!texts.has(path) && file !== undefined) missing.set(path, file.oid)
      return texts.get(path)
    })
    if (missing.size === 0) return problems
    const blobs = await repository.readBlobs(missing.values())
    for (const [path, oid] of missing) texts.set(path, decoder.decode(blobs.get(oid)))
  }
}

/** What is wrong with `lobby.json` of a tree, if it has one. */
export async function lobbyProblems(project: Project, tree: Oid): Promise<readonly CheckedProblem[]> {
  const { repository, prefix } = project
  const found = await repository.lookup(tree, prefix + LOBBY_FILE)
  if (found === undefined || found.mode === '40000' || !isFile(found.mode)) return []
  const bytes = (await repository.readBlobs([found.oid])).get(found.oid)!
  const parsed = parseJsonFile(LOBBY_FILE, bytes)
  if (parsed.kind === 'invalid') return [parsed.problem]
  const failure = await failureOf(() => parseLobbyFile(parsed.text))
  return failure === undefined ? [] : [failure]
}

/** What is wrong with the `lobby.json` that stands in the project's folder, committed or not. */
export async function lobbyFailure({ folder, prefix }: Project): Promise<CheckedProblem | undefined> {
  const failure = await failureOf(() => readLobbyFile(folder))
  return failure === undefined ? undefined : { ...failure, path: prefix + failure.path }
}

async function failureOf(read: () => unknown): Promise<CheckedProblem | undefined> {
  try {
    await read()
    return undefined
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    return { path: LOBBY_FILE, code: error.code, message: error.message }
  }
}
