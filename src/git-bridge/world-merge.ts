import { classify, isWorldOwned, MANIFEST_FILE } from '../projection/paths.ts'
import { type ContestedField, type ObjectMerge, type ResolvedField, sameObject } from '../resolvers/object.ts'
import type { Policy } from '../resolvers/policy.ts'
import type { Terms } from '../resolvers/terms.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'
import type { ConflictLabels } from './conflict-markers.ts'
import type { ConflictedFile } from './conflicted-files.ts'
import { findDangling } from './dangling.ts'
import { keepModes, modeOf } from './file-modes.ts'
import { type IdentityNote, settleIdentity } from './identity.ts'
import { requireOneLayout } from './layout.ts'
import { appFolders, refuseInTheWay, refuseLosses, refuseMissing, refuseProblems } from './merge-guards.ts'
import { addEchoes, addMoved, addNamed, addReferrers, readOurs, same, untouched, whereWritten } from './merge-units.ts'
import { MergedTree, taken } from './merged-tree.ts'
import { type Overwritten, rebased } from './rebased.ts'
import type { Commit, Oid, Repository, TreeChange, TreeEdit } from './repository.ts'
import { NO_NEWS, readNews } from './seen.ts'
import { type PlacedObject, readUnits } from './tree-objects.ts'
import { UnderstoodObjects } from './understood.ts'
import { addUnit, inUnits, unitsOf } from './units.ts'
import { writtenIn } from './wrote.ts'

/** One object that our side changed, on all sides, and what became of it. */
export interface MergedObject {
  readonly base: PlacedObject | undefined
  readonly ours: PlacedObject | undefined
  readonly theirs: PlacedObject | undefined
  readonly merged: WorldObject | undefined
}

export interface ContestedObject {
  readonly key: ObjectKey
  /** The object's file in our tree, or else in theirs. */
  readonly path: string
  readonly fields: readonly ContestedField[]
  /** The object and its file on all sides. */
  readonly sides: Terms<PlacedObject | undefined>
}

/** One object with fields that both sides changed and that were settled all the same (M5). */
export interface ResolvedObject {
  readonly key: ObjectKey
  readonly path: string
  readonly fields: readonly ResolvedField[]
}

/** How conflicted files are written, and what is asked of a policy. */
export interface MergeOptions {
  readonly policy?: Policy | undefined
  /** Names for the markers: conflicted files are made of what is contested. Without it, contested fields are named only. */
  readonly conflicts?: (() => Promise<ConflictLabels>) | undefined
  /** The commits of the line from `base` to `theirs`, oldest first, where they have been read already. */
  readonly line?: readonly Commit[] | undefined
  /** Values of theirs that our own write replaced unseen (P5): they are merged as if they stood there still. */
  readonly overwritten?: Overwritten | undefined
  /**
   * Our files mean every absence. By default what they leave unsaid of the fields that the runtime fills in is as the
   * other side has it, because that is the world.
   */
  readonly literal?: boolean
  /** Our side follows: objects and fields that only we have go, as if we had them from theirs. */
  readonly follow?: 'theirs' | undefined
}

/** A merge with contested fields, as git shows it (C1, C2). */
export interface WorldConflict {
  /** The merged tree with what is to stand in the working tree: markers around the contested fields. */
  readonly tree: Oid
  /** The merged tree with the contested fields as ours. */
  readonly keptTree: Oid
  readonly files: readonly ConflictedFile[]
}

export interface WorldMerge {
  /** The merged tree: ours with what the other side changed. Undefined while anything is contested. */
  readonly tree: Oid | undefined
  readonly contested: readonly ContestedObject[]
  /** What both sides changed and a rule settled: reported, never silent (M5). */
  readonly resolved: readonly ResolvedObject[]
  /** Files of ours that were taken for whose they are though they do not say so (M8). */
  readonly notes: readonly IdentityNote[]
  /** Where anything is contested and conflicted files were asked for. */
  readonly conflict: WorldConflict | undefined
  /** Every object that our side changed since the base (objects that only the other side changed are taken unread). */
  readonly objects: ReadonlyMap<ObjectKey, MergedObject>
  /** How the merged tree differs from ours. */
  readonly incoming: readonly TreeEdit[]
  /** Paths, relative to the project, that our side changed among the world-owned ones, or has seen changed (G7). */
  readonly outgoing: readonly string[]
  /** Files of the merged assets: path → content, for those who read the merged objects. */
  readonly assets: ReadonlyMap<string, Oid>
  /** An object as a file of the merged tree says it, with what the file leaves unsaid and the world fills in. */
  readonly whole: (object: WorldObject) => WorldObject
}

/**
 * Merges two trees of a project by the world's rules: objects that both sides touched are parsed and merged field by
 * field (M1–M4); what only one side touched is taken as it stands, unread. Costs in proportion to what changed.
 *
 * `base` undefined is the empty tree. Throws `invalid_files` when a file that matters does not parse, `not_a_folder`
 * when one stands where the other side has a folder.
 */
export async function mergeWorlds(
  repository: Repository,
  prefix: string,
  commits: { readonly base: Oid | undefined; readonly ours: Oid; readonly theirs: Oid },
  options: MergeOptions = {},
): Promise<WorldMerge> {
  const { base, ours, theirs } = commits
  const clean = { contested: [], resolved: [], notes: [], conflict: undefined }
  const [ourChanges, theirChanges] = await Promise.all([
    worldChanges(repository, base, ours, prefix),
    base === theirs ? [] : worldChanges(repository, base, theirs, prefix),
  ])
  const changed = ourChanges.map((change) => change.path)
  // What we have made of the world's news exactly as it is there need not be looked into; where we made more than that,
  // the world may have written some of it and taken it back: no tree tells.
  const equal = same(ourChanges, theirChanges) && same(theirChanges, ourChanges)
  let news = equal ? undefined : await readNews(repository, commits, options.line)
  const { seen } = news ?? NO_NEWS
  const { overwritten = new Map() } = options
  if (ourChanges.length === 0 && seen.size + overwritten.size === 0) {
    const incoming = theirChanges.map((change) => taken(change, prefix))
    if (incoming.length > 0) await refuseInTheWay(repository, ours, incoming)
    const tree =
      incoming.length === 0
        ? (await repository.readCommit(ours)).tree
        : await repository.writeTree((await repository.readCommit(ours)).tree, incoming)
    const whole = (object: WorldObject) => object
    return { tree, ...clean, objects: new Map(), incoming, outgoing: [], assets: new Map(), whole }
  }

  await requireOneLayout(repository, prefix, commits)
  const units = unitsOf(changed)
  addEchoes(units, theirChanges, news ?? NO_NEWS)
  await addNamed(units, repository, prefix, [ours, theirs], overwritten)
  // An asset's file with other content changes every object that names it, though no file of theirs changed.
  await addReferrers(repository, ours, prefix, units)
  const theirUnits = unitsOf(theirChanges.map((change) => change.path))
  // A manifest of theirs may name content that we have elsewhere.
  if (units.assets.size + theirUnits.assets.size > 0 && theirUnits.files.has(MANIFEST_FILE))
    units.files.add(MANIFEST_FILE)
  // Objects are matched by id, wherever their files are (M1, M8): a blueprint that we added in one folder may come back
  // from the world in another, an entity's file in the place that the line gives it.
  if (units.folders.size > 0) for (const folder of theirUnits.folders) units.folders.add(folder)
  // Something of ours may name a blueprint that they deleted (M6).
  for (const { path, after } of theirChanges) {
    if (after === undefined && classify(path).kind === 'blueprint') addUnit(units, path)
  }
  addMoved(units, theirChanges)
  const said = await readOurs(repository, ours, prefix, units)
  const [atTheirs, other] = await Promise.all([
    readUnits(repository, theirs, prefix, units),
    base === theirs ? undefined : readUnits(repository, base, prefix, units),
  ])
  const atBase = other ?? atTheirs
  const { objects: read, notes } = await settleIdentity(repository, prefix, { base, ours }, units, atBase, said)
  const understood = new UnderstoodObjects(read, atBase, atTheirs, {
    connected: base !== undefined,
    literal: options.literal === true,
  })
  const atOurs = understood.objects
  refuseProblems(atOurs.problems)
  refuseLosses(atBase.problems)
  refuseLosses(atTheirs.problems)
  refuseMissing(atBase, atOurs, atTheirs)
  const idle = untouched(atBase, atOurs, atTheirs)
  const doubtful = whereWritten(units, atBase, atOurs, atTheirs, idle, seen.size > 0)
  const known = new Map([[theirs, atTheirs], ...(base === undefined ? [] : [[base, atBase] as const])])
  if (doubtful.keys.size > 0) news ??= await readNews(repository, commits, options.line)
  const since = await writtenIn(repository, news ?? NO_NEWS, prefix, doubtful.units, {
    keys: doubtful.keys,
    known,
    ours: atOurs,
    base: atBase,
  })
  for (const key of overwritten.keys()) idle.delete(key)
  const sides = { base: atBase, ours: atOurs, theirs: atTheirs }
  const { wrote, ...view } = rebased(sides, since, overwritten)
  const moved = [...since.bases.keys()].flatMap(
    (key) => (atOurs.objects.get(key) ?? atTheirs.objects.get(key))?.path ?? [],
  )
  const outgoing = [...new Set([...changed, ...moved])]

  const folders = await Promise.all([ours, theirs].map((side) => appFolders(repository, side, prefix)))
  const merge = new MergedTree(repository, prefix, theirs, { ...view, ours: atOurs }, folders.flat(), understood)
  merge.mergeAssets(theirChanges)
  const keys = new Set([view.base, atOurs, view.theirs].flatMap(({ objects }) => [...objects.keys()]))
  const merges = new Map<ObjectKey, ObjectMerge>()
  const terms = new Map<ObjectKey, Terms<PlacedObject | undefined>>()
  for (const key of [...keys].sort()) {
    const at = {
      base: view.base.objects.get(key),
      ours: atOurs.objects.get(key),
      theirs: view.theirs.objects.get(key),
    }
    terms.set(key, at)
    merges.set(
      key,
      idle.has(key)
        ? { object: at.ours!.object, contested: [], resolved: [] }
        : await merge.mergeOne(
            options.follow === undefined ? at : { ...at, base: at.ours },
            wrote.get(key),
            options.policy,
          ),
    )
  }
  const unread = theirChanges.filter(({ path }) => classify(path).kind !== 'asset' && !inUnits(units, path))
  for (const [key, dangling] of await findDangling(repository, prefix, { base, theirs }, unread, terms, merges)) {
    const { base: was, ours: here, theirs: there } = terms.get(key)!
    const fields = { base: was?.object.fields, ours: here?.object.fields, theirs: there?.object.fields }
    merges.set(key, { object: here?.object, contested: [{ path: [], terms: fields, dangling }], resolved: [] })
  }

  const contested: ContestedObject[] = []
  const resolved: ResolvedObject[] = []
  const objects = new Map<ObjectKey, MergedObject>()
  const results = new Map<ObjectKey, WorldObject>()
  for (const [key, result] of merges) {
    const at = terms.get(key)!
    const { path } = (at.ours ?? at.theirs ?? at.base)!
    if (result.contested.length > 0) contested.push({ key, path, fields: result.contested, sides: at })
    if (result.resolved.length > 0) resolved.push({ key, path, fields: result.resolved })
    // What is to be sent is told from what the world holds indeed.
    const theirs = atTheirs.objects.get(key)
    const differs = overwritten.has(key) || !samePlace(at.base, at.ours)
    if (!idle.has(key) && differs) objects.set(key, { ...at, theirs, merged: result.object })
    if (result.object !== undefined) results.set(key, result.object)
    merge.place(key, at, result)
  }
  await merge.take(unread)
  merge.finishManifest(units)
  const whole = (object: WorldObject) => understood.whole(object)
  const outcome = { contested, resolved, notes, objects, outgoing, assets: merge.assets, whole }
  if (contested.length > 0 && options.conflicts === undefined) {
    return { ...outcome, tree: undefined, conflict: undefined, incoming: merge.edits() }
  }
  const start = (await repository.readCommit(ours)).tree
  const write = async () => {
    const incoming = await keepModes(repository, ours, merge.edits())
    if (incoming.length > 0) await refuseInTheWay(repository, ours, incoming)
    return { incoming, tree: incoming.length === 0 ? start : await repository.writeTree(start, incoming) }
  }
  let written = await write()
  const { incoming } = written
  if (units.folders.size > 0 && incoming.length > 0) {
    const folders = unitsOf([...incoming.map(({ path }) => path.slice(prefix.length))]).folders
    const said = await readUnits(repository, written.tree, prefix, { files: new Set(), folders, assets: new Set() })
    if (merge.respell(results, said.objects)) written = await write()
  }
  if (contested.length === 0) return { ...outcome, ...written, conflict: undefined }
  const shown = await merge.conflicts.write(repository, await options.conflicts!())
  const files = await Promise.all(
    shown.map(async (file) => ({ ...file, mode: await modeOf(repository, ours, prefix + file.path) })),
  )
  const tree = await repository.writeTree(
    written.tree,
    files.map(({ path, working, mode }) => ({ path: prefix + path, kind: 'put', oid: working, mode })),
  )
  const conflict = { tree, keptTree: written.tree, files }
  return { ...outcome, tree: undefined, conflict, incoming: written.incoming }
}

/** What differs between two trees among the world-owned paths, paths relative to the project. */
async function worldChanges(
  repository: Repository,
  before: Oid | undefined,
  after: Oid,
  prefix: string,
): Promise<readonly TreeChange[]> {
  const changes = await repository.diffTrees(before, after, prefix === '' ? undefined : prefix.slice(0, -1))
  return changes
    .map((change) => ({ ...change, path: change.path.slice(prefix.length) }))
    .filter((change) => isWorldOwned(change.path))
}

function samePlace(a: PlacedObject | undefined, b: PlacedObject | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.path === b.path && sameObject(a.object, b.object))
}
