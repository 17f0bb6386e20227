import { gitFailure } from '../git-bridge/native/git-process.ts'
import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { isFile } from '../git-bridge/tree-objects.ts'
import { parseJsonFile } from '../projection/json-file.ts'
import { findMarkers, type MarkerPlace } from '../projection/markers.ts'
import { classify, isWorldOwned } from '../projection/paths.ts'
import { isJsonObject, type Json, own } from '../world/json.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN } from '../world/state.ts'
import { sidesOf, type UnmergedPath, WORLD_OWNED } from './check-tree.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { Project } from './session.ts'

/** A conflict that nobody has settled yet. */
export interface CheckedConflict {
  /** `unmerged`: git's index says so; `markers`: the file's text does; `kept`: a pull left it open on purpose (C6). */
  readonly kind: 'unmerged' | 'markers' | 'kept'
  /** The object, where it can be told from the file. */
  readonly object: ObjectKey | null
  /** Relative to the top of the repository. */
  readonly path: string
  readonly line?: number
  readonly column?: number
  readonly message: string
}

/** Arguments longer than this, all together, do not fit a command line everywhere. */
const LONGEST_ARGUMENTS = 16_000

/** Conflicts that the index holds, each with the place of its markers in `tree`. */
export async function unmergedConflicts(
  project: Project,
  unmerged: readonly UnmergedPath[],
  markers: ReadonlyMap<string, MarkerPlace>,
): Promise<readonly CheckedConflict[]> {
  const ours = unmerged.filter(({ path }) => isOwned(project, path))
  const oids = ours.flatMap((entry) => sidesOf(entry).flatMap(({ mode, oid }) => (isFile(mode) ? [oid] : [])))
  const blobs = await project.repository.readBlobs(oids)
  return ours.map((entry) => {
    const object = objectIn(
      entry.path.slice(project.prefix.length),
      sidesOf(entry).flatMap(({ oid }) => blobs.get(oid) ?? []),
    )
    return {
      kind: 'unmerged',
      object: object ?? null,
      path: entry.path,
      ...markers.get(entry.path),
      message: `${named(object)}is unmerged: ${stagesInWords(entry)}`,
    }
  })
}

/** Files with markers in them, named by what `before` (the last commit) has at their place. */
export async function markerConflicts(
  project: Project,
  markers: ReadonlyMap<string, MarkerPlace>,
  before: Oid | undefined,
): Promise<readonly CheckedConflict[]> {
  return Promise.all(
    [...markers].map(async ([path, place]): Promise<CheckedConflict> => {
      const { repository, prefix } = project
      const was = before === undefined ? undefined : await repository.lookup(before, path)
      const blobs = was === undefined || was.mode === '40000' || !isFile(was.mode) ? [] : [was.oid]
      const object = objectIn(path.slice(prefix.length), [...(await repository.readBlobs(blobs)).values()])
      return { kind: 'markers', object: object ?? null, path, ...place, message: 'conflict markers are in the file' }
    }),
  )
}

/** Conflicts that pulls left open on purpose, as committed: one a file, those that cannot be read included. */
export async function keptConflicts({ repository, prefix }: Project, tree: Oid): Promise<readonly CheckedConflict[]> {
  const listed = await repository.listFiles(tree, `${prefix}${KEPT_FOLDER}`)
  const files = listed.filter(({ path, mode }) => isFile(mode) && path.endsWith('.json'))
  const blobs = await repository.readBlobs(files.map(({ oid }) => oid))
  return files.map(({ path, oid }) => {
    const parsed = parseJsonFile(path, blobs.get(oid)!)
    const key = parsed.kind === 'ok' ? own(parsed.value, 'object') : undefined
    const object = typeof key === 'string' && key !== '' ? (key as ObjectKey) : undefined
    const fields = parsed.kind === 'ok' ? fieldNames(own(parsed.value, 'fields')) : []
    const which = fields.length === 0 ? '' : `: ${fields.join(', ')}`
    return {
      kind: 'kept',
      object: object ?? null,
      path,
      message: `${named(object)}is kept in conflict${which}`,
    }
  })
}

/**
 * The world-owned text files of a tree with conflict markers, and where these begin. git finds the candidates; `only`
 * limits the search to these paths.
 */
export async function filesWithMarkers(
  { repository, prefix }: Project,
  tree: Oid,
  only?: readonly string[],
): Promise<ReadonlyMap<string, MarkerPlace>> {
  const few = only !== undefined && only.reduce((sum, path) => sum + path.length + 1, 0) <= LONGEST_ARGUMENTS
  const below = few ? only : WORLD_OWNED.map((name) => prefix + name)
  // All files as text: an attribute that only hides diffs must not hide a conflict.
  const found = await grepTree(repository, tree, ['--text', '-E', '-e', '^<<<<<<<([[:space:]]|$)'], below)
  const wanted = only === undefined ? undefined : new Set(only)
  const paths = wanted === undefined ? found : found.filter((path) => wanted.has(path))
  const oids = await Promise.all(paths.map(async (path) => (await repository.lookup(tree, path))!.oid))
  const blobs = await repository.readBlobs(oids)
  const places = new Map<string, MarkerPlace>()
  for (const [index, path] of paths.entries()) {
    const place = findMarkers(blobs.get(oids[index]!)!)
    if (place !== undefined) places.set(path, place)
  }
  return places
}

/** The files of a tree in which git finds a pattern, at or below some literal paths. */
export async function grepTree(
  repository: NativeRepository,
  tree: Oid,
  pattern: readonly string[],
  below: readonly string[],
): Promise<readonly string[]> {
  if (below.length === 0) return []
  const options = ['--files-with-matches', '-z', '--full-name', '--no-color', '--no-recurse-submodules']
  const args = ['--literal-pathspecs', 'grep', ...options, ...pattern, tree, '--', ...below]
  const { code, stdout, stderr } = await repository.run(args, { allowFailure: true })
  if (code > 1) throw gitFailure(args, { code, stderr })
  const before = `${tree}:`
  return stdout
    .toString('utf8')
    .split('\0')
    .flatMap((entry) => (entry.startsWith(before) ? [entry.slice(before.length)] : []))
}

export function isOwned({ prefix }: Project, path: string): boolean {
  return path.startsWith(prefix) && isWorldOwned(path.slice(prefix.length))
}

/** The object that a file holds, as far as its path, or the first of these contents that parses, says so. */
function objectIn(path: string, contents: readonly Uint8Array[]): ObjectKey | undefined {
  const place = classify(path)
  if (place.kind === 'settings') return SETTINGS
  if (place.kind === 'spawn') return SPAWN
  if (place.kind === 'shared') return objectKey('shared', place.path)
  if (place.kind !== 'entity' && place.kind !== 'blueprint') return undefined
  for (const content of contents) {
    const parsed = parseJsonFile(path, content)
    const id = parsed.kind === 'ok' ? own(parsed.value, 'id') : undefined
    if (typeof id === 'string' && id !== '') return objectKey(place.kind, id)
  }
  return undefined
}

function named(object: ObjectKey | undefined): string {
  return object === undefined ? '' : `${object} `
}

const BOTH = 'both sides changed it'
const STAGES: Readonly<Record<string, string>> = {
  '1': 'both sides deleted it',
  '2': 'only our side has it',
  '3': 'only the other side has it',
  '1,2': 'changed on our side, deleted on the other',
  '1,3': 'deleted on our side, changed on the other',
  '2,3': 'both sides added it',
}

function stagesInWords({ stages }: UnmergedPath): string {
  return STAGES[[...stages.keys()].sort().join(',')] ?? BOTH
}

/** The names of the fields that are still open: an artifact lists them; one that somebody wrote may have them as keys. */
function fieldNames(fields: Json | undefined): readonly string[] {
  if (isJsonObject(fields)) return Object.keys(fields)
  if (!Array.isArray(fields)) return []
  return (fields as readonly Json[]).flatMap((field) => {
    if (!isJsonObject(field)) return typeof field === 'string' ? [field] : []
    const name = own(field, 'field')
    const settled = (own(field, 'status') ?? 'open') !== 'open'
    return typeof name !== 'string' || settled ? [] : [name === '' ? '(object)' : name]
  })
}
