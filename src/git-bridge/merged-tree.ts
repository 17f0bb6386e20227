import {
  type AssetPaths,
  type AssetValue,
  assetValue,
  extensionOf,
  mapAssetUrls,
  parseAssetValue,
} from '../projection/asset-value.ts'
import { writeBlueprintFile } from '../projection/blueprint.ts'
import { writeEntityFile } from '../projection/entity.ts'
import { type Manifest, writeManifest } from '../projection/manifest.ts'
import { assetFile, classify, foldPath, MANIFEST_FILE } from '../projection/paths.ts'
import { writeSettingsFile } from '../projection/settings.ts'
import { writeSpawnFile } from '../projection/spawn.ts'
import type { FieldSet } from '../resolvers/fields.ts'
import { type ContestedField, mergeObject, type ObjectMerge } from '../resolvers/object.ts'
import type { Terms } from '../resolvers/terms.ts'
import { mergeText } from '../resolvers/text.ts'
import { isJsonObject, own } from '../world/json.ts'
import type { FieldValue, ObjectKey, WorldObject } from '../world/state.ts'
import { type Oid, parseOid, type Repository, type TreeChange, type TreeEdit } from './repository.ts'
import { type PlacedObject, readUnits, type TreeObjects } from './tree-objects.ts'
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
  /** Merged files below `assets/`. */
  readonly assets: Map<string, Oid>
  readonly #assetPaths = new Map<string, string>()
  /** Whether some asset of a side stands elsewhere in the merged tree, so that its files cannot stay or be taken unread. */
  #assetsMoved = false
  /** Folded names of app folders that are anybody's. */
  readonly #folders: Set<string>
  /** Folded paths of objects that are anybody's. */
  readonly #paths: Set<string>
  readonly #manifestObjects = new Map<ObjectKey, WorldObject>()

  constructor(
    repository: Repository,
    prefix: string,
    theirs: Oid,
    sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects },
    appFolders: Iterable<string>,
  ) {
    this.#repository = repository
    this.#prefix = prefix
    this.#theirs = theirs
    this.#sides = sides
    this.#folders = new Set([...appFolders].map(foldPath))
    const placed = [...sides.ours.objects.values(), ...sides.theirs.objects.values()]
    this.#paths = new Set(placed.map(({ path }) => foldPath(path)))
    this.assets = new Map(sides.ours.assets)
    for (const [path, oid] of this.assets) if (!this.#assetPaths.has(oid)) this.#assetPaths.set(oid, path)
  }

  /** Assets settle by hash (M3, M8): content that we have stays where we have it, what is new comes along. */
  mergeAssets(theirChanges: readonly TreeChange[]): void {
    const { base, ours } = this.#sides
    for (const change of theirChanges) {
      const { path, after } = change
      if (classify(path).kind !== 'asset') continue
      const mine = ours.assets.get(path)
      if (after === undefined) {
        if (mine !== undefined && mine === base.assets.get(path)) this.#removeAsset(path)
      } else if (!this.#assetPaths.has(after.oid)) {
        if (mine !== undefined && mine === base.assets.get(path)) this.#putAsset(path, after.oid)
        else this.#addAsset(path, after.oid)
      }
    }
    // Not only what changed counts: content that we moved or replaced may be named anew by the world.
    this.#assetsMoved = [ours, this.#sides.theirs].some((side) =>
      [...side.assets].some(([path, oid]) => this.assets.get(path) !== oid),
    )
  }

  /** Adds content under the name that it has elsewhere, numbered if that is taken by other content here. */
  #addAsset(path: string, oid: Oid): void {
    const here = new Set([...this.assets.keys()].map(foldPath))
    if (!here.has(foldPath(path))) {
      this.#putAsset(path, oid)
      return
    }
    // A number may be that of another asset of theirs, which is yet to come.
    const there = new Set([...this.#sides.theirs.assets.keys()].map(foldPath))
    const name = path.slice('assets/'.length)
    const extension = extensionOf(path)
    const base = extension === '' ? name : name.slice(0, -(extension.length + 1))
    const isTaken = (candidate: string) => here.has(foldPath(candidate)) || there.has(foldPath(candidate))
    this.#putAsset(assetFile(base, extension, isTaken), oid)
  }

  #putAsset(path: string, oid: Oid): void {
    this.assets.set(path, oid)
    if (!this.#assetPaths.has(oid)) this.#assetPaths.set(oid, path)
    this.#put(path, oid)
  }

  #removeAsset(path: string): void {
    const oid = this.assets.get(path)!
    this.assets.delete(path)
    if (this.#assetPaths.get(oid) === path) {
      const elsewhere = [...this.assets].find(([, other]) => other === oid)?.[0]
      if (elsewhere === undefined) this.#assetPaths.delete(oid)
      else this.#assetPaths.set(oid, elsewhere)
    }
    this.#delete(path)
  }

  /** Merges one object; scripts that both sides changed are merged as text. */
  async mergeOne(terms: Terms<PlacedObject | undefined>, wrote: FieldSet | undefined): Promise<ObjectMerge> {
    const objects = { base: terms.base?.object, ours: terms.ours?.object, theirs: terms.theirs?.object }
    const first = mergeObject(objects, wrote)
    const texts = first.contested.filter(({ path }) => isScriptPath(objects.ours ?? objects.theirs!, path))
    if (texts.length === 0) return first
    const resolved = new Map<string, AssetValue>()
    for (const { path, terms: values } of texts) {
      const merged = await this.#mergeScript(values)
      if (merged !== undefined) resolved.set(JSON.stringify(path), merged)
    }
    return mergeObject(objects, wrote, (path) => resolved.get(JSON.stringify(path)))
  }

  async #mergeScript(values: ContestedField['terms']): Promise<AssetValue | undefined> {
    const [base, ours, theirs] = [values.base, values.ours, values.theirs].map((value) => parseAssetValue(value))
    if (ours === undefined || theirs === undefined || base === undefined) return undefined
    // Put back on purpose (M2): line by line that would look like no change at all.
    if (theirs.oid === base.oid) return undefined
    const oids = [base, ours, theirs].map((asset) => parseOid(asset.oid))
    const blobs = await this.#repository.readBlobs(oids)
    const [baseBytes, ourBytes, theirBytes] = oids.map((oid) => blobs.get(oid)!)
    const merged = mergeText({ base: baseBytes!, ours: ourBytes!, theirs: theirBytes! })
    if (merged.kind === 'contested') return undefined
    const [oid] = await this.#repository.writeBlobs([merged.value])
    return assetValue(oid!, ours.extension)
  }

  /** Writes a merged object into the tree, unless it is what our tree holds already. */
  place(key: ObjectKey, terms: Terms<PlacedObject | undefined>, merged: WorldObject | undefined): void {
    const { base, ours, theirs } = terms
    if (this.#isManifest(terms)) {
      if (merged !== undefined) this.#manifestObjects.set(key, merged)
      return
    }
    if (merged === undefined) {
      if (ours !== undefined) this.#removeObject(ours)
      return
    }
    // A path is merged like any value: the side that moved the file wins, ours before theirs (G8, M8).
    const theyMoved =
      theirs !== undefined && base !== undefined && ours?.path === base.path && theirs.path !== base.path
    const path = ours === undefined || theyMoved ? this.#freePath(theirs!.path, merged) : ours.path
    const moved = ours !== undefined && ours.path !== path
    if (moved) this.#removeObject(ours)
    if (!moved && ours !== undefined && exactlySame(ours.object, merged)) {
      if (!this.#assetsMoved || this.#assetsStand(ours.object, this.#sides.ours)) return
    }
    this.#placeAssets(merged)
    if (merged.kind === 'shared') {
      this.#put(path, oidOf(own(merged.fields, 'content')))
      return
    }
    this.#write(path, this.#format(merged, path))
    if (merged.kind === 'blueprint') this.#placeScripts(path, moved ? undefined : ours?.object, merged)
  }

  #isManifest(terms: Terms<PlacedObject | undefined>): boolean {
    return Object.values(terms).some((placed) => placed?.path === MANIFEST_FILE)
  }

  /** Where an object of theirs can stand: where they have it, unless one of ours is there or needs its folder's scripts. */
  #freePath(path: string, merged: WorldObject): string {
    if (merged.kind === 'shared') return path
    const ours = [...this.#sides.ours.objects.values()].filter(({ object }) => object.id !== merged.id)
    const folder = folderOf(path)
    const isRoot = ({ object, path }: PlacedObject) => folderOf(path) === folder && scriptFiles(object).size > 0
    if (merged.kind === 'blueprint' && scriptFiles(merged).size > 0 && ours.some(isRoot)) {
      const name = folder.split('/')[1]!
      for (let n = 1; ; n++) {
        const candidate = foldPath(`${name}_${n}`)
        if (this.#folders.has(candidate)) continue
        this.#folders.add(candidate)
        return `apps/${name}_${n}/${name}_${n}.json`
      }
    }
    if (!ours.some((placed) => foldPath(placed.path) === foldPath(path))) return path
    for (let n = 1; ; n++) {
      const candidate = path.replace(/\.json$/, `_${n}.json`)
      if (this.#paths.has(foldPath(candidate))) continue
      this.#paths.add(foldPath(candidate))
      return candidate
    }
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

  /** Sees to it that every asset an object names is in the merged tree. */
  #placeAssets(object: WorldObject): void {
    if (object.kind !== 'entity' && object.kind !== 'blueprint') return
    mapAssetUrls(object.kind, object.fields, (value, where) => {
      const asset = parseAssetValue(value)
      if (asset !== undefined && !this.#assetPaths.has(asset.oid)) {
        const at = [...this.#sides.theirs.assets, ...this.#sides.base.assets].find(([, oid]) => oid === asset.oid)?.[0]
        this.#addAsset(at ?? `assets/${where.name}.${asset.extension}`, parseOid(asset.oid))
      }
      return value
    })
  }

  /** Whether every asset that an object of a side names is in the merged tree where that side has it. */
  #assetsStand(object: WorldObject, side: TreeObjects): boolean {
    let stand = true
    if (object.kind === 'entity' || object.kind === 'blueprint') {
      mapAssetUrls(object.kind, object.fields, (value) => {
        const asset = parseAssetValue(value)
        const at = (paths: ReadonlyMap<string, Oid>) => [...paths].find(([, oid]) => oid === asset?.oid)?.[0]
        const path = asset === undefined ? undefined : at(side.assets)
        if (asset !== undefined && (path === undefined || this.assets.get(path) !== asset.oid)) stand = false
        return value
      })
    }
    return stand
  }

  /** Takes files that only the other side changed; those are rewritten whose assets stand elsewhere here. */
  async take(changes: readonly TreeChange[]): Promise<void> {
    for (const change of changes) {
      const edit = taken(change, this.#prefix)
      this.#edits.set(edit.path, edit)
    }
    if (!this.#assetsMoved) return
    const read = await readUnits(this.#repository, this.#theirs, this.#prefix, unitsOf(changes.map(({ path }) => path)))
    const paths = new Set(changes.map(({ path }) => path))
    for (const { object, path } of read.objects.values()) {
      if (!paths.has(path) || this.#assetsStand(object, this.#sides.theirs)) continue
      this.#placeAssets(object)
      this.#write(path, this.#format(object, path, [read]))
    }
  }

  finishManifest(units: Units): void {
    if (!units.files.has(MANIFEST_FILE)) return
    const { ours, theirs } = this.#sides
    // One that we deleted, with all that was in it, does not come back empty.
    if (ours.manifest === undefined && this.#manifestObjects.size === 0) return
    const previous: Manifest | undefined = ours.manifest ?? theirs.manifest
    for (const object of this.#manifestObjects.values()) this.#placeAssets(object)
    const untouched =
      ours.manifest !== undefined &&
      ours.manifest.objects.size === this.#manifestObjects.size &&
      [...this.#manifestObjects].every(([key, object]) => {
        const mine = ours.manifest!.objects.get(key)
        if (mine === undefined || !exactlySame(mine, object)) return false
        return !this.#assetsMoved || this.#assetsStand(mine, ours)
      })
    if (!untouched) this.#write(MANIFEST_FILE, writeManifest(this.#manifestObjects, previous, this.#assetPlaces()))
  }

  /** `more`: what else was read of the folder of a blueprint, where it is no unit of the merge. */
  #format(object: WorldObject, path: string, more: readonly TreeObjects[] = []): string {
    switch (object.kind) {
      case 'entity':
        return writeEntityFile(object, this.#assetPlaces())
      case 'blueprint':
        return writeBlueprintFile(object, this.#assetPlaces(), {
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

  #assetPlaces(): AssetPaths {
    return { pathOf: (value) => this.#assetPaths.get(parseAssetValue(value)!.oid) }
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
      const expected = merged.get(key)
      if (expected?.kind !== 'blueprint' || exactlySame(object, expected)) continue
      any = true
      const text = writeBlueprintFile(expected, this.#assetPlaces(), { folderHasScripts: true })
      this.#write(path, text)
    }
    return any
  }

  edits(): readonly TreeEdit[] {
    return [...this.#edits.values()]
  }
}

/** The folder of a file, with its final slash. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1)
}

function oidOf(value: FieldValue): Oid {
  const asset = parseAssetValue(value)
  if (asset === undefined) throw new Error(`${JSON.stringify(value)} is no content`)
  return parseOid(asset.oid)
}

function scriptFiles(object: WorldObject): ReadonlyMap<string, FieldValue> {
  const files = own(object.fields, 'scriptFiles')
  return new Map(isJsonObject(files) ? Object.entries(files) : [])
}

/** Whether a field holds a script's text: a file of an app, or a shared module. */
function isScriptPath(object: WorldObject, path: readonly string[]): boolean {
  return object.kind === 'shared' ? path[0] === 'content' : path.length === 2 && path[0] === 'scriptFiles'
}

/** Equality to the letter, digits and uid included: whether the file can stay as it is. */
function exactlySame(a: WorldObject, b: WorldObject): boolean {
  return JSON.stringify(sorted(a.fields)) === JSON.stringify(sorted(b.fields))
}

function sorted(value: FieldValue): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item as FieldValue))
  if (!isJsonObject(value)) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)])
}
