import { entityFile, MANIFEST_FILE, SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { type FieldPath, FieldSet, fieldAt, overlap, withField, writtenFields } from '../resolvers/fields.ts'
import { saysNoLess } from '../resolvers/unsaid.ts'
import { type JsonObject, jsonEquals } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import { settleIdentity } from './identity.ts'
import { isLayoutChange } from './layout.ts'
import type { Oid, Repository } from './repository.ts'
import type { News, Seen } from './seen.ts'
import { readUncertified, rewrittenIn } from './trailers.ts'
import { readUnits, type TreeObjects } from './tree-objects.ts'
import { addUnit, inUnits, type Units, unitsOf } from './units.ts'

/** What the line holds in a merge beside its two states. */
export interface Written {
  /** Fields that operations after the base wrote and that we have not seen. */
  readonly wrote: ReadonlyMap<ObjectKey, FieldSet>
  /** The base of objects of which we have seen later operations; undefined where the object is absent in it. */
  readonly bases: ReadonlyMap<ObjectKey, WorldObject | undefined>
}

export interface WrittenOptions {
  /** Only these objects; by default all in the units. */
  readonly keys?: ReadonlySet<ObjectKey>
  /** Commits of which the units, at least, have been read already. */
  readonly known?: ReadonlyMap<Oid, TreeObjects>
  /** Our side of the objects. */
  readonly ours?: TreeObjects
  /** The base's. */
  readonly base?: TreeObjects
}

/**
 * What operations of the line wrote after the baseline, for the objects of some units (M2, and steps 8 to 12 of the
 * baseline in docs/architecture.md): a field that somebody put back on purpose counts as changed, though the two states
 * are equal; one that our side has seen moves the base. What an operation wrote is the difference of its commit from its
 * parent, never its patch; what a snapshot in the middle of the line stands for (G9), its message says.
 *
 * Reads, of the commits of the line, only the ones that changed one of the units.
 */
export async function writtenIn(
  repository: Repository,
  { line, seen }: News,
  prefix: string,
  units: Units,
  options: WrittenOptions = {},
): Promise<Written> {
  const { keys, known = new Map() } = options
  const wrote = new Map<ObjectKey, FieldSet>()
  const bases = new Map<ObjectKey, WorldObject | undefined>()
  if (line.length === 0 || (units.files.size === 0 && units.folders.size === 0)) return { wrote, bases }
  /** Whatever operations since the baseline wrote, seen or not. */
  const earlier = new Map<ObjectKey, readonly FieldPath[]>()
  const elsewhere = new Map<Oid, Promise<TreeObjects>>()
  const readAt = (commit: Oid): Promise<TreeObjects> => {
    const reading = elsewhere.get(commit) ?? readSettled(commit)
    elsewhere.set(commit, reading)
    return reading
  }
  // A commit from before a change of the layout has the objects in other files, wherever they are (G8).
  const inItsLayout = async (commit: Oid): Promise<Units> => {
    if ((await repository.lookup(commit, prefix + MANIFEST_FILE)) !== undefined) {
      return { ...units, files: new Set([...units.files, MANIFEST_FILE]) }
    }
    if (!units.files.has(MANIFEST_FILE)) return units
    const found = await repository.listFiles(commit, `${prefix}world`)
    const files = unitsOf(found.map(({ path }) => path.slice(prefix.length))).files
    return { ...units, files: new Set([...units.files, ...files]) }
  }
  // What was lost or copied in a commit of ours is to be told as the merge that pushed it told it (M8).
  const readSettled = async (commit: Oid): Promise<TreeObjects> => {
    const read = await readUnits(repository, commit, prefix, await inItsLayout(commit))
    const base = line[0]?.parents[0]
    if (options.base === undefined || base === undefined) return read
    const objects = new Map([...options.base.objects].filter(([, { path }]) => inUnits(units, path)))
    const settled = await settleIdentity(
      repository,
      prefix,
      { base, ours: commit },
      units,
      { ...options.base, objects },
      read,
    )
    return settled.objects
  }
  const oursOf = (key: ObjectKey) => options.ours?.objects.get(key)?.object
  let previous: { readonly oid: Oid; readonly units: Units; readonly read: TreeObjects } | undefined
  for (const commit of line) {
    // Other files, the same values.
    if (isLayoutChange(commit)) continue
    // A commit says what it is about; only a whole snapshot can be about anything.
    if (!concerns(units, readUncertified(commit.message)?.object ?? '')) continue
    const rewritten = rewrittenIn(commit.message)
    if (rewritten === 'all' || rewritten.size > 0) {
      const { objects } = await (known.get(commit.oid) ?? readAt(commit.oid))
      for (const [key, { object }] of objects) {
        if (keys?.has(key) === false || (rewritten !== 'all' && !rewritten.has(key))) continue
        const fields = wrote.get(key) ?? new FieldSet()
        for (const path of writtenFields(undefined, object)) fields.add(path)
        wrote.set(key, fields)
      }
    }
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
    const follows = previous !== undefined && previous.oid === parent && covers(previous.units, touched)
    const [before, after] = await Promise.all([follows ? previous!.read : read(parent), read(commit.oid)])
    previous = { oid: commit.oid, units: touched, read: after }
    const by = seen.get(commit.oid)
    for (const key of keys ?? new Set([...before.objects.keys(), ...after.objects.keys()])) {
      const [was, is] = [before, after].map((side) => placedIn(side, key, touched))
      const paths = writtenFields(was, is)
      if (paths.length === 0) continue
      const step = by === undefined ? undefined : await stepOf(by, key, { was, is }, options.ours, readAt)
      const start = bases.has(key) ? bases.get(key) : options.base?.objects.get(key)?.object
      const fields = wrote.get(key) ?? new FieldSet()
      const past = earlier.get(key) ?? []
      let base = start?.fields
      let moved = false
      let gone = false
      for (const path of paths) {
        // Whoever saw it go saw its fields go.
        if (gone) {
          fields.delete(path)
          continue
        }
        const said = step?.(path)
        // What a push took in on its way (P1) its commit has not seen, though it may happen to hold the same value. Where
        // HEAD moved on from that commit, it did so without what others wrote in between; where it moved on from what
        // they have in common, that is the base only as long as nobody wrote there.
        const isPast =
          said?.held === false && (fields.touches(path) || (said.left && past.some((one) => overlap(one, path))))
        const value = isPast ? undefined : said
        if (value?.seen === true) fields.delete(path)
        else fields.add(path)
        if (value === undefined || (path.length > 0 && base === undefined)) {
          fields.add(path)
          continue
        }
        moved = true
        gone = path.length === 0 && is === undefined
        base =
          path.length === 0 ? (value.base === undefined ? undefined : (base ?? {})) : withField(base!, path, value.base)
      }
      // What the world has had and removed since the base, and we have, by another world for example, we have from there.
      const here = is === undefined && !moved && start === undefined && !bases.has(key) ? oursOf(key) : undefined
      if (here !== undefined && was !== undefined) {
        moved = true
        base = saysNoLess(here, was) ? here.fields : was.fields
      }
      earlier.set(key, [...past, ...paths])
      if (fields.size > 0) wrote.set(key, fields)
      else wrote.delete(key)
      const { kind, id } = (is ?? was)!
      if (moved) bases.set(key, base === undefined ? undefined : { kind, id, fields: base })
    }
  }
  return { wrote, bases }
}

/** For a field that such an operation wrote: the base that it has from then on, and whether it is no news to us. */
type SeenStep = (path: FieldPath) =>
  | {
      readonly base: FieldValue
      readonly seen: boolean
      /** Whether HEAD holds the value still. */
      readonly held: boolean
      /** HEAD holds neither that nor what both have in common any more. */
      readonly left: boolean
    }
  | undefined

/**
 * What an operation that came from a commit says about each field that the commit holds with the same value. Seen is what
 * is in HEAD's history, or held by HEAD as well (as a squashed commit holds it): that value is the base then. Of a commit
 * elsewhere we know only that it had seen what it has in common with HEAD: that is the base, and the operation is news,
 * unless it brings just that. Where HEAD moved on from there, this holds for the first operation alone.
 */
async function stepOf(
  seen: Seen,
  key: ObjectKey,
  { was, is }: { readonly was: WorldObject | undefined; readonly is: WorldObject | undefined },
  ours: TreeObjects | undefined,
  readAt: (commit: Oid) => Promise<TreeObjects>,
): Promise<SeenStep> {
  const { kind } = parseObjectKey(key)
  if (seen.passed.has(kind === 'shared' ? kind : key)) return () => undefined
  const made = (await readAt(seen.commit)).objects.get(key)?.object
  const common = seen.base === seen.commit ? made : (await readAt(seen.base)).objects.get(key)?.object
  const here = ours?.objects.get(key)?.object
  const same = (path: FieldPath, a: JsonObject | undefined, b: JsonObject | undefined): boolean => {
    if (path.length === 0) return (a === undefined) === (b === undefined)
    const equal = path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals
    return equal(fieldAt(a, path), fieldAt(b, path))
  }
  return (path) => {
    if (!same(path, made?.fields, is?.fields)) {
      // What the runtime filled in when it added the object; with the object, we removed that as well.
      const filled = was === undefined && made !== undefined && here === undefined && path.length > 0
      return filled && fieldAt(made.fields, path) === undefined
        ? { base: fieldAt(is?.fields, path), seen: true, held: true, left: false }
        : undefined
    }
    const held = same(path, here?.fields, made?.fields)
    const known = seen.base === seen.commit || held
    const from = known ? made : common
    const left = !known && !same(path, here?.fields, common?.fields)
    const base = path.length === 0 ? from?.fields : fieldAt(from?.fields, path)
    return { base, seen: known || (left && same(path, made?.fields, common?.fields)), held, left }
  }
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
