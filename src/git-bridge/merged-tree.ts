import { type AssetPaths, type AssetValue, assetValue, parseAssetValue } from '../projection/asset-value.ts'
import { writeBlueprintFile } from '../projection/blueprint.ts'
import { writeEntityFile } from '../projection/entity.ts'
import { type Manifest, writeManifest } from '../projection/manifest.ts'
import { classify, foldPath, MANIFEST_FILE } from '../projection/paths.ts'
import { writeSettingsFile } from '../projection/settings.ts'
import { writeSpawnFile } from '../projection/spawn.ts'
import type { FieldSet } from '../resolvers/fields.ts'
import { type ContestedField, mergeObject, type ObjectMerge } from '../resolvers/object.ts'
import type { Policy } from '../resolvers/policy.ts'
import type { Terms } from '../resolvers/terms.ts'
import { mergeText } from '../resolvers/text.ts'
import { saysAsWell } from '../resolvers/unsaid.ts'
import { own } from '../world/json.ts'
import { type FieldValue, type ObjectKey, objectKey, type WorldObject } from '../world/state.ts'
import type { ConflictedFiles } from './conflicted-files.ts'
import { ContestedObjects } from './contested-objects.ts'
import { MergedAssets } from './merged-assets.ts'
import { folderOf, isScriptPath, oidOf, scriptFiles } from './object-files.ts'
import { type Oid, parseOid, type Repository, type TreeChange, type TreeEdit } from './repository.ts'
import { isFile, type PlacedObject, readUnits, type TreeObjects } from './tree-objects.ts'
import type { UnderstoodObjects } from './understood.ts'
import { type Units, unitsOf } from './units.ts'

/** A change of the other side, as an edit of our tree. */
export function taken(change: TreeChange, prefix: string): TreeEdit {
  const path = prefix + change.path
  return change.after === undefined
    ? { path, kind: 'delete' }
    : { path, kind: 'put', oid: change.after.oid, mode: change.after.mode }
}

/** The merge in progress: the edits that turn our tree into the merged one. */
export class MergedTree {
  readonly #repository: Repository
  readonly #prefix: string
  readonly #theirs: Oid
  readonly #sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects }
  readonly #edits = new Map<string, TreeEdit>()
  readonly #assets: MergedAssets
  /** Assets of ours that are not in the merged tree where we have them. */
  #ourAssetsMoved = false
  /** Folded names of app folders that are anybody's. */
  readonly #folders: Set<string>
  /** Folded paths of objects that are anybody's. */
  readonly #paths: Set<string>
  readonly #manifestObjects = new Map<ObjectKey, WorldObject>()
  readonly #contestedInManifest = new Map<ObjectKey, ObjectMerge>()
  readonly #conflicts: ContestedObjects
  readonly #understood: UnderstoodObjects

  constructor(
    repository: Repository,
    prefix: string,
    theirs: Oid,
    sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects },
    appFolders: Iterable<string>,
    understood: UnderstoodObjects,
  ) {
    this.#understood = understood
    this.#repository = repository
    this.#prefix = prefix
    this.#theirs = theirs
    this.#sides = sides
    this.#folders = new Set([...appFolders].map(foldPath))
    const placed = [...sides.ours.objects.values(), ...sides.theirs.objects.values()]
    this.#paths = new Set(placed.map(({ path }) => foldPath(path)))
    this.#assets = new MergedAssets(sides, {
      put: (path, oid) => this.#put(path, oid),
      remove: (path) => this.#delete(path),
    })
    this.#conflicts = new ContestedObjects(sides, this.#assets, {
      inFile: (object) => understood.inFile(object),
      format: (object, path, assets) => this.#format(object, path, [], assets),
    })
  }

  /** What git shows of the contested fields; {@link edits} has them as ours. */
  get conflicts(): ConflictedFiles {
    return this.#conflicts.files
  }

  /** Merged files below `assets/`: path → content. */
  get assets(): ReadonlyMap<string, Oid> {
    return this.#assets.files
  }

  /** To be called first: all other files are written with the names that their assets have then. */
  mergeAssets(theirChanges: readonly TreeChange[]): void {
    this.#assets.merge(theirChanges)
    this.#ourAssetsMoved = this.#assets.moved(this.#sides.ours).length > 0
  }

  /** Merges one object; scripts that both sides changed are merged as text. */
  async mergeOne(
    terms: Terms<PlacedObject | undefined>,
    wrote: FieldSet | undefined,
    policy: Policy | undefined,
  ): Promise<ObjectMerge> {
    const objects = { base: terms.base?.object, ours: terms.ours?.object, theirs: terms.theirs?.object }
    const first = mergeObject(objects, wrote, { policy })
    const texts = first.contested.filter(({ path }) => isScriptPath(objects.ours ?? objects.theirs!, path))
    if (texts.length === 0) return first
    const resolved = new Map<string, AssetValue>()
    for (const { path, terms: values } of texts) {
      const merged = await this.#mergeScript(values)
      if (merged !== undefined) resolved.set(JSON.stringify(path), merged)
    }
    return mergeObject(objects, wrote, { policy, text: (path) => resolved.get(JSON.stringify(path)) })
  }

  async #mergeScript(values: ContestedField['terms']): Promise<AssetValue | undefined> {
    const [base, ours, theirs] = [values.base, values.ours, values.theirs].map((value) => parseAssetValue(value))
    if (ours === undefined || theirs === undefined || base === undefined) return undefined
    const oids = [base, ours, theirs].map((asset) => parseOid(asset.oid))
    const blobs = await this.#repository.readBlobs(oids)
    const [baseBytes, ourBytes, theirBytes] = oids.map((oid) => blobs.get(oid)!)
    const merged = mergeText({ base: baseBytes!, ours: ourBytes!, theirs: theirBytes! })
    if (merged.kind === 'contested') return undefined
    const [oid] = await this.#repository.writeBlobs([merged.value])
    return assetValue(oid!, ours.extension)
  }

  /** Writes a merged object into the tree, unless it is what our tree holds already; what is contested as ours. */
  place(key: ObjectKey, terms: Terms<PlacedObject | undefined>, merge: ObjectMerge): void {
    const contested = merge.contested.length > 0
    const hasBase = terms.base !== undefined
    if (this.#isManifest(terms)) {
      if (merge.object !== undefined) this.#manifestObjects.set(key, merge.object)
      if (contested) this.#contestedInManifest.set(key, merge)
      return
    }
    if (merge.object === undefined) {
      if (terms.ours !== undefined) this.#removeObject(terms.ours)
      // Deleted here and changed there: git shows the file where the world has it.
      if (contested)
        this.#conflicts.contest(key, merge, this.#freePath(terms.theirs!.path, terms.theirs!.object), hasBase)
      return
    }
    const path = this.#placeObject(terms, merge.object)
    if (contested) this.#conflicts.contest(key, merge, path, hasBase)
  }

  /** Returns where the object's file is in the merged tree. */
  #placeObject({ base, ours, theirs }: Terms<PlacedObject | undefined>, merged: WorldObject): string {
    // A path is merged like any value: the side that moved the file wins, ours before theirs (G8, M8).
    const theyMoved =
      theirs !== undefined && base !== undefined && ours?.path === base.path && theirs.path !== base.path
    const path =
      ours === undefined || theyMoved
        ? this.#freePath(theirs!.path, merged)
        : (this.#folderOfItsOwn(ours.path, merged) ?? ours.path)
    const moved = ours !== undefined && ours.path !== path
    if (moved) this.#removeObject(ours)
    if (!moved && ours !== undefined && this.#understood.stands(merged)) {
      if (!this.#ourAssetsMoved || this.#assets.stand(ours.object, this.#sides.ours)) return path
    }
    this.#assets.place(merged)
    if (merged.kind === 'shared') {
      this.#put(path, oidOf(own(merged.fields, 'content')))
      return path
    }
    this.#write(path, this.#format(merged, path))
    if (merged.kind === 'blueprint') this.#placeScripts(path, moved ? undefined : ours?.object, merged)
    return path
  }

  #isManifest(terms: Terms<PlacedObject | undefined>): boolean {
    return Object.values(terms).some((placed) => placed?.path === MANIFEST_FILE)
  }

  /** Where an object of theirs can stand: where they have it, unless one of ours is there or needs its folder's scripts. */
  #freePath(path: string, merged: WorldObject): string {
    if (merged.kind === 'shared') return path
    const ours = [...this.#sides.ours.objects.values()].filter(({ object }) => object.id !== merged.id)
    const elsewhere = this.#folderOfItsOwn(path, merged)
    if (elsewhere !== undefined) return elsewhere
    if (!ours.some((placed) => foldPath(placed.path) === foldPath(path))) return path
    for (let n = 1; ; n++) {
      const candidate = path.replace(/\.json$/, `_${n}.json`)
      if (this.#paths.has(foldPath(candidate))) continue
      this.#paths.add(foldPath(candidate))
      return candidate
    }
  }

  /** A path in a new folder for a blueprint with scripts that cannot have the folder of `path`, as on the line. */
  #folderOfItsOwn(path: string, merged: WorldObject): string | undefined {
    if (merged.kind !== 'blueprint' || scriptFiles(merged).size === 0 || !this.#crowded(path, merged.id))
      return undefined
    const name = path.split('/')[1]!
    for (let n = 1; ; n++) {
      const candidate = foldPath(`${name}_${n}`)
      if (this.#folders.has(candidate)) continue
      this.#folders.add(candidate)
      return `apps/${name}_${n}/${name}_${n}.json`
    }
  }

  /** Whether a folder of ours holds scripts that are not this blueprint's; folders that differ in case alone are one (G8). */
  #crowded(path: string, id: string): boolean {
    const { objects, scripts } = this.#sides.ours
    const folder = folderOf(path)
    const twin = ({ object, path: other }: PlacedObject) =>
      object.kind === 'blueprint' && folderOf(other) !== folder && foldPath(folderOf(other)) === foldPath(folder)
    if ([...objects.values()].some(twin)) return true
    const mine = objects.get(objectKey('blueprint', id))
    if (mine !== undefined && folderOf(mine.path) === folder && scriptFiles(mine.object).size > 0) return false
    return [...scripts].some((script) => foldPath(script).startsWith(foldPath(folder)))
  }

  #removeObject(placed: PlacedObject): void {
    this.#delete(placed.path)
    if (placed.object.kind !== 'blueprint') return
    const folder = folderOf(placed.path)
    for (const file of scriptFiles(placed.object).keys()) this.#delete(folder + file)
  }

  /** Whether some blueprint of a folder carries scripts, on any side. */
  #hasScripts(folder: string, more: readonly TreeObjects[]): boolean {
    for (const side of [this.#sides.ours, this.#sides.theirs, ...more]) {
      for (const { object, path } of side.objects.values()) {
        if (object.kind === 'blueprint' && folderOf(path) === folder && scriptFiles(object).size > 0) return true
      }
    }
    return false
  }

  #placeScripts(path: string, ours: WorldObject | undefined, merged: WorldObject): void {
    const folder = folderOf(path)
    const before = ours === undefined ? new Map<string, FieldValue>() : scriptFiles(ours)
    const after = scriptFiles(merged)
    for (const [file, value] of after) if (before.get(file) !== value) this.#put(folder + file, oidOf(value))
    for (const file of before.keys()) if (!after.has(file)) this.#delete(folder + file)
  }

  /** Takes files that only the other side changed; those are written anew whose assets stand elsewhere here. */
  async take(changes: readonly TreeChange[]): Promise<void> {
    for (const change of changes) {
      const edit = taken(change, this.#prefix)
      this.#edits.set(edit.path, edit)
    }
    const named = await this.#naming(this.#assets.moved(this.#sides.theirs), changes)
    if (named.size === 0) return
    const read = await readUnits(this.#repository, this.#theirs, this.#prefix, unitsOf(named))
    for (const { object, path } of read.objects.values()) {
      if (!named.has(path)) continue
      this.#assets.place(object)
      this.#write(path, this.#format(object, path, [read]))
    }
  }

  /** Those of the changed files that name one of some assets. */
  async #naming(assets: readonly string[], changes: readonly TreeChange[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    if (assets.length === 0) return found
    const needles = assets.map((path) => Buffer.from(JSON.stringify(path)))
    const json = changes.flatMap(({ path, after }) => {
      const { kind } = classify(path)
      return (kind === 'entity' || kind === 'blueprint') && after !== undefined && isFile(after.mode)
        ? [{ path, oid: after.oid }]
        : []
    })
    const blobs = await this.#repository.readBlobs(new Set(json.map(({ oid }) => oid)))
    for (const { path, oid } of json) {
      const bytes = Buffer.from(blobs.get(oid)!)
      if (needles.some((needle) => bytes.includes(needle))) found.add(path)
    }
    return found
  }

  finishManifest(units: Units): void {
    if (!units.files.has(MANIFEST_FILE)) return
    const { ours, theirs } = this.#sides
    // One that we deleted, with all that was in it, does not come back empty.
    if (ours.manifest === undefined && this.#manifestObjects.size === 0) return
    const previous = withStates(ours.manifest, theirs.manifest)
    for (const object of this.#manifestObjects.values()) this.#assets.place(object)
    const untouched =
      ours.manifest !== undefined &&
      ours.manifest.objects.size === this.#manifestObjects.size &&
      [...this.#manifestObjects.values()].every((object) => {
        if (!this.#understood.stands(object)) return false
        return !this.#ourAssetsMoved || this.#assets.stand(object, ours)
      })
    const keep = !this.#ourAssetsMoved && ours.manifest !== undefined
    if (!untouched) {
      const said = new Map([...this.#manifestObjects].map(([key, object]) => [key, this.#understood.inFile(object)]))
      this.#write(MANIFEST_FILE, writeManifest(said, previous, this.#assets, { keep }))
    }
    if (this.#contestedInManifest.size > 0)
      this.#conflicts.contestManifest(this.#contestedInManifest, this.#manifestObjects, previous, keep)
  }

  /** `more`: what else was read of the folder of a blueprint, where it is no unit of the merge. */
  #format(
    object: WorldObject,
    path: string,
    more: readonly TreeObjects[] = [],
    assets: AssetPaths = this.#assets,
  ): string {
    return this.#spell(this.#understood.inFile(object), path, more, assets)
  }

  #spell(object: WorldObject, path: string, more: readonly TreeObjects[], assets: AssetPaths): string {
    switch (object.kind) {
      case 'entity':
        return writeEntityFile(object, assets)
      case 'blueprint':
        return writeBlueprintFile(object, assets, {
          folderHasScripts: this.#hasScripts(folderOf(path), more),
        })
      case 'settings':
        return writeSettingsFile(object)
      case 'spawn':
        return writeSpawnFile(object)
      case 'shared':
        throw new Error('a shared module is written as its content')
    }
  }

  #write(path: string, text: string): void {
    this.#edits.set(path, { path: this.#prefix + path, kind: 'write', bytes: new TextEncoder().encode(text) })
  }

  #put(path: string, oid: Oid): void {
    this.#edits.set(path, { path: this.#prefix + path, kind: 'put', oid, mode: '100644' })
  }

  #delete(path: string): void {
    if (!this.#edits.has(path)) this.#edits.set(path, { path: this.#prefix + path, kind: 'delete' })
  }

  /**
   * Writes those blueprints again that the merged tree does not say as they were merged: what a folder leaves unsaid (who
   * shares the scripts beside it) means something else when the other side changed the folder. True when there are any.
   */
  respell(merged: ReadonlyMap<ObjectKey, WorldObject>, said: ReadonlyMap<ObjectKey, PlacedObject>): boolean {
    let any = false
    for (const [key, { object, path }] of said) {
      const wanted = merged.get(key)
      if (wanted?.kind !== 'blueprint') continue
      const expected = this.#understood.inFile(wanted)
      if (saysAsWell(object, expected, false)) continue
      any = true
      const text = writeBlueprintFile(expected, this.#assets, { folderHasScripts: true })
      this.#write(path, text)
    }
    return any
  }

  edits(): readonly TreeEdit[] {
    return [...this.#edits.values()]
  }
}

/** Our manifest, with the states of entities that only theirs has: one that comes from there brings its own (M5). */
function withStates(ours: Manifest | undefined, theirs: Manifest | undefined): Manifest | undefined {
  if (ours === undefined || theirs === undefined) return ours ?? theirs
  return { ...ours, states: new Map([...theirs.states, ...ours.states]) }
}
