import { entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { FieldSet, writtenFields } from '../resolvers/fields.ts'
import { type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import type { Commit, Oid, Repository } from './repository.ts'
import { readUncertified } from './trailers.ts'
import { readUnits, type TreeObjects } from './tree-objects.ts'
import { addUnit, inUnits, type Units, unitsOf } from './units.ts'

export interface WrittenOptions {
  /** Only these objects; by default all in the units. */
  readonly keys?: ReadonlySet<ObjectKey>
  /** Commits of which the units, at least, have been read already. */
  readonly known?: ReadonlyMap<Oid, TreeObjects>
}

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
  { keys, known = new Map() }: WrittenOptions = {},
): Promise<ReadonlyMap<ObjectKey, FieldSet>> {
  const wrote = new Map<ObjectKey, FieldSet>()
  if (base === undefined || base === tip || (units.files.size === 0 && units.folders.size === 0)) return wrote
  const commits: Commit[] = []
  for await (const commit of repository.log({ include: [tip], exclude: [base] })) {
    // A commit says what it is about; only a whole snapshot can be about anything.
    const about = readUncertified(commit.message)?.object ?? ''
    if (concerns(units, about)) commits.push(commit)
  }
  let previous: { readonly oid: Oid; readonly units: Units; readonly read: TreeObjects } | undefined
  for (const commit of commits.reverse()) {
    const parent = commit.parents[0]
    const changed = await repository.diffTrees(parent, commit.oid, prefix)
    const touched = unitsOf([])
    for (const change of changed) {
      const path = change.path.slice(prefix.length)
      if (inUnits(units, path)) addUnit(touched, path)
    }
    if (touched.files.size === 0 && touched.folders.size === 0) continue
    // What one commit left is what the next one found: a manifest is large, and read once.
    const read = (oid: Oid | undefined) =>
      (oid === undefined ? undefined : known.get(oid)) ?? readUnits(repository, oid, prefix, touched)
    const seen = previous !== undefined && previous.oid === parent && covers(previous.units, touched)
    const [before, after] = await Promise.all([seen ? previous!.read : read(parent), read(commit.oid)])
    previous = { oid: commit.oid, units: touched, read: after }
    for (const key of keys ?? new Set([...before.objects.keys(), ...after.objects.keys()])) {
      const [was, is] = [before, after].map((side) => placedIn(side, key, touched))
      for (const path of writtenFields(was, is)) {
        const fields = wrote.get(key) ?? new FieldSet()
        wrote.set(key, fields)
        fields.add(path)
      }
    }
  }
  return wrote
}

/** What was read for other units besides may be of another time. */
function placedIn(side: TreeObjects, key: ObjectKey, units: Units): WorldObject | undefined {
  const placed = side.objects.get(key)
  return placed !== undefined && inUnits(units, placed.path) ? placed.object : undefined
}

function covers(read: Units, wanted: Units): boolean {
  return (
    [...wanted.files].every((file) => read.files.has(file)) && [...wanted.folders].every((f) => read.folders.has(f))
  )
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
