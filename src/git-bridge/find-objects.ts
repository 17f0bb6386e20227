import { classify, entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { type ObjectKey, type ObjectKind, parseObjectKey } from '../world/state.ts'
import { describeProblem } from './merge-guards.ts'
import type { FileEntry, Oid, Repository } from './repository.ts'
import { isFile, type PlacedObject, readUnits, type TreeObjects } from './tree-objects.ts'
import { addUnit, unitsOf } from './units.ts'

/**
 * Looks objects up in a commit: where they usually are, and only where one is not, in all files that could hold it (M8).
 * Throws `invalid_files` when a file does not parse that could.
 */
export async function findObjects(
  repository: Repository,
  treeish: Oid,
  prefix: string,
  keys: readonly ObjectKey[],
): Promise<ReadonlyMap<ObjectKey, PlacedObject>> {
  const usual = unitsOf(keys.flatMap(usualFile))
  usual.files.add(MANIFEST_FILE)
  const first = await readUnits(repository, treeish, prefix, usual)
  const found = new Map<ObjectKey, PlacedObject>()
  take(first, keys, found)
  const missing = keys.filter((key) => !found.has(key)).map(parseObjectKey)
  const rest = unitsOf([])
  for (const { kind, id } of missing) {
    const where = { blueprint: 'apps', entity: 'world/entities' }[kind as string]
    if (where === undefined || (kind === 'entity' && first.manifest !== undefined)) continue
    const files = await repository.listFiles(treeish, prefix + where)
    for (const path of await filesNaming(repository, files, prefix, kind, id)) addUnit(rest, path)
  }
  for (const path of usual.files) rest.files.delete(path)
  const second =
    rest.files.size + rest.folders.size === 0 ? undefined : await readUnits(repository, treeish, prefix, rest)
  if (second !== undefined) take(second, keys, found)
  const problem = found.size > 0 ? undefined : [...first.problems, ...(second?.problems ?? [])][0]
  if (problem === undefined) return found
  throw new SyncError('invalid_files', describeProblem(problem), {
    hint: 'Correct the file, commit it and run the command again.',
    data: { problems: [problem] },
  })
}

function usualFile(key: ObjectKey): readonly string[] {
  const { kind, id } = parseObjectKey(key)
  if (kind === 'settings') return [SETTINGS_FILE]
  if (kind === 'spawn') return [SPAWN_FILE]
  if (kind === 'entity') return [entityFile(id)]
  const path = `shared/${id}`
  return kind === 'shared' && classify(path).kind === 'shared' ? [path] : []
}

function take(read: TreeObjects, keys: readonly ObjectKey[], found: Map<ObjectKey, PlacedObject>): void {
  for (const key of keys) {
    const placed = read.objects.get(key)
    if (placed !== undefined) found.set(key, placed)
  }
}

/** The files of a kind that may hold an object: they spell its id, or spell something with escapes, or leave the id out. */
async function filesNaming(
  repository: Repository,
  files: readonly FileEntry[],
  prefix: string,
  kind: ObjectKind,
  id: string,
): Promise<readonly string[]> {
  const candidates = files
    .filter(({ mode }) => isFile(mode))
    .map(({ path, oid }) => ({ path: path.slice(prefix.length), oid }))
    .filter(({ path }) => classify(path).kind === kind)
  const blobs = await repository.readBlobs(new Set(candidates.map(({ oid }) => oid)))
  const spelled = Buffer.from(JSON.stringify(id))
  return candidates
    .filter(({ oid }) => {
      const bytes = Buffer.from(blobs.get(oid)!)
      return bytes.includes(spelled) || bytes.includes('\\') || (kind === 'blueprint' && !bytes.includes('"id"'))
    })
    .map(({ path }) => path)
}
