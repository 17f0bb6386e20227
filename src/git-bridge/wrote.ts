import { entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { FieldSet, writtenFields } from '../resolvers/fields.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import type { Commit, Oid, Repository } from './repository.ts'
import { readUncertified } from './trailers.ts'
import { readUnits } from './tree-objects.ts'
import { addUnit, inUnits, type Units, unitsOf } from './units.ts'

/**
 * The fields that operations of the line wrote after the baseline, for the objects of some units (M2, and steps 8–12 of
 * the baseline in docs/architecture.md): a field that somebody put back on purpose counts as changed, though the two
 * states are equal. What an operation wrote is the difference of its commit from its parent, never its patch.
 *
 * Reads the commits of `base..tip` and, of those, only the ones that changed one of the units.
 */
export async function writtenSince(
  repository: Repository,
  base: Oid | undefined,
  tip: Oid,
  prefix: string,
  units: Units,
): Promise<ReadonlyMap<ObjectKey, FieldSet>> {
  const wrote = new Map<ObjectKey, FieldSet>()
  if (base === undefined || base === tip || (units.files.size === 0 && units.folders.size === 0)) return wrote
  const commits: Commit[] = []
  for await (const commit of repository.log({ include: [tip], exclude: [base] })) {
    // A commit says what it is about; only a whole snapshot can be about anything.
    const about = readUncertified(commit.message)?.object ?? ''
    if (concerns(units, about)) commits.push(commit)
  }
  for (const commit of commits.reverse()) {
    const parent = commit.parents[0]
    const changed = await repository.diffTrees(parent, commit.oid, prefix)
    const touched = unitsOf([])
    for (const change of changed) {
      const path = change.path.slice(prefix.length)
      if (inUnits(units, path)) addUnit(touched, path)
    }
    if (touched.files.size === 0 && touched.folders.size === 0) continue
    const [before, after] = await Promise.all([
      readUnits(repository, parent, prefix, touched),
      readUnits(repository, commit.oid, prefix, touched),
    ])
    for (const key of new Set([...before.objects.keys(), ...after.objects.keys()])) {
      for (const path of writtenFields(before.objects.get(key)?.object, after.objects.get(key)?.object)) {
        const fields = wrote.get(key) ?? new FieldSet()
        wrote.set(key, fields)
        fields.add(path)
      }
    }
  }
  return wrote
}

/** Whether a commit about an object (`entity:lamp`) can have changed one of the units. */
function concerns(units: Units, about: string): boolean {
  const { kind, id } = parseObjectKey(about as ObjectKey)
  switch (kind) {
    case 'entity':
      return units.files.has(entityFile(id)) || units.files.has(MANIFEST_FILE)
    case 'settings':
      return units.files.has(SETTINGS_FILE) || units.files.has(MANIFEST_FILE)
    case 'spawn':
      return units.files.has(SPAWN_FILE) || units.files.has(MANIFEST_FILE)
    default:
      return true
  }
}
