import { classify, entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { dependsOnWritten, sameObject } from '../resolvers/object.ts'
import { jsonEquals } from '../world/json.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import { findObjects } from './find-objects.ts'
import type { Oid, Repository, TreeChange } from './repository.ts'
import type { News } from './seen.ts'
import { readUncertified } from './trailers.ts'
import { isFile, joinUnits, readUnits, type TreeObjects } from './tree-objects.ts'
import { addUnit, type Units, unitsOf } from './units.ts'

/** What a merge reads beside the files that our side changed, and where it must look into the line's history. */

/**
 * A file of theirs that is gone where we changed the entity may be one that they moved (M8): then it is among those that
 * they added.
 */
export function addMoved(units: Units, theirChanges: readonly TreeChange[]): void {
  const isEntity = (path: string) => classify(path).kind === 'entity'
  if (!theirChanges.some(({ path, after }) => after === undefined && isEntity(path) && units.files.has(path))) return
  for (const { path, before } of theirChanges) if (before === undefined && isEntity(path)) units.files.add(path)
}

/**
 * Reads our side of the units, and adds to them the files that our entities have on the line: where we have them
 * elsewhere, these are read as well, lest a copy that kept its id passes for a move.
 */
export async function readOurs(repository: Repository, ours: Oid, prefix: string, units: Units): Promise<TreeObjects> {
  const first = await readUnits(repository, ours, prefix, units)
  if (units.files.has(MANIFEST_FILE)) return first
  const added = unitsOf([])
  for (const { object } of first.objects.values()) {
    if (object.kind !== 'entity') continue
    const path = entityFile(object.id)
    if (units.files.has(path)) continue
    units.files.add(path)
    added.files.add(path)
  }
  return added.files.size === 0 ? first : joinUnits(first, await readUnits(repository, ours, prefix, added))
}

/** Objects that no side touched: a manifest holds many, whoever changed one. */
export function untouched(atBase: TreeObjects, atOurs: TreeObjects, atTheirs: TreeObjects): Set<ObjectKey> {
  const idle = new Set<ObjectKey>()
  for (const [key, ours] of atOurs.objects) {
    const [base, theirs] = [atBase.objects.get(key), atTheirs.objects.get(key)]
    if (base === undefined || theirs === undefined || base.path !== ours.path || theirs.path !== ours.path) continue
    const { fields } = ours.object
    if (jsonEquals(base.object.fields, fields) && jsonEquals(theirs.object.fields, fields)) idle.add(key)
  }
  return idle
}

/** Whether all that they changed stands in our tree just so. */
export function same(ourChanges: readonly TreeChange[], theirChanges: readonly TreeChange[]): boolean {
  const ours = new Map(ourChanges.map(({ path, after }) => [path, after]))
  return theirChanges.every(({ path, after }) => ours.has(path) && ours.get(path)?.oid === after?.oid)
}

/**
 * What only the world's side seems to have changed, though we have seen it: it came from us, and we may have put it back
 * since (G7).
 */
export function addEchoes(units: Units, theirChanges: readonly TreeChange[], { line, seen }: News): void {
  if (seen.size === 0) return
  const files = new Set<string>([MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE])
  let blueprints = false
  for (const commit of line) {
    if (!seen.has(commit.oid)) continue
    const { kind, id } = parseObjectKey((readUncertified(commit.message)?.object ?? '') as ObjectKey)
    if (kind === 'entity') files.add(entityFile(id))
    else blueprints = true
  }
  for (const { path } of theirChanges) {
    const { kind } = classify(path)
    const ofBlueprint = kind === 'blueprint' || kind === 'script' || kind === 'shared'
    if (files.has(path) || (blueprints && ofBlueprint)) addUnit(units, path)
  }
}

/** The objects of a map, wherever the sides have them. */
export async function addNamed(
  units: Units,
  repository: Repository,
  prefix: string,
  sides: readonly Oid[],
  named: ReadonlyMap<ObjectKey, unknown>,
): Promise<void> {
  if (named.size === 0) return
  for (const side of sides) {
    const found = await findObjects(repository, side, prefix, [...named.keys()])
    for (const { path } of found.values()) addUnit(units, path)
  }
}

/**
 * The objects of which it matters what operations wrote, and their units: we changed them, and the world has them, in
 * part at least, as the base has them, or neither has them; or the sides differ, and `seen` says that some of it came from
 * us. After a push there are none, however long the line grew by it.
 */
export function whereWritten(
  units: Units,
  atBase: TreeObjects,
  atOurs: TreeObjects,
  atTheirs: TreeObjects,
  idle: ReadonlySet<ObjectKey>,
  seen: boolean,
): { readonly units: Units; readonly keys: ReadonlySet<ObjectKey> } {
  const written = unitsOf([])
  const keys = new Set<ObjectKey>()
  const sides = seen ? [atBase, atOurs, atTheirs] : [atBase, atOurs]
  for (const key of new Set(sides.flatMap(({ objects }) => [...objects.keys()]))) {
    if (idle.has(key)) continue
    const [base, ours, theirs] = [atBase, atOurs, atTheirs].map((side) => side.objects.get(key))
    const terms = { base: base?.object, ours: ours?.object, theirs: theirs?.object }
    // Of what we have alone, the world may have had and removed.
    const isAlone = base === undefined && theirs === undefined
    if (!isAlone && !dependsOnWritten(terms) && !(seen && !sameObject(terms.ours, terms.theirs))) continue
    keys.add(key)
    for (const placed of [base, ours, theirs]) if (placed !== undefined) addUnit(written, placed.path)
    const { kind, id } = parseObjectKey(key)
    // The line has it at no other place.
    if (kind === 'entity' && (isAlone || units.files.has(entityFile(id)))) written.files.add(entityFile(id))
  }
  // The line may have had a blueprint in any of them meanwhile.
  if (written.folders.size > 0) for (const folder of units.folders) written.folders.add(folder)
  return { units: written, keys }
}

/** Adds the files that name a changed asset: found by reading, because nothing else knows who names what. */
export async function addReferrers(repository: Repository, ours: Oid, prefix: string, units: Units): Promise<void> {
  if (units.assets.size === 0) return
  const files = (
    await Promise.all(['apps', 'world', MANIFEST_FILE].map((below) => repository.listFiles(ours, prefix + below)))
  ).flat()
  const json = files.filter((file) => {
    const { kind } = classify(file.path.slice(prefix.length))
    if (!isFile(file.mode)) return false
    return kind === 'blueprint' || kind === 'entity' || kind === 'manifest'
  })
  const needles = [...units.assets].map((path) => Buffer.from(JSON.stringify(path)))
  const blobs = await repository.readBlobs(new Set(json.map((file) => file.oid)))
  for (const file of json) {
    const bytes = Buffer.from(blobs.get(file.oid)!)
    if (needles.some((needle) => bytes.includes(needle))) addUnit(units, file.path.slice(prefix.length))
  }
}
