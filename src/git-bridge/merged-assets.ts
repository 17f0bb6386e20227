import { type AssetValue, extensionOf, mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { assetFile, classify, foldPath } from '../projection/paths.ts'
import type { WorldObject } from '../world/state.ts'
import { type Oid, parseOid, type TreeChange } from './repository.ts'
import { isFile, type TreeObjects } from './tree-objects.ts'

/** What becomes of the files below `assets/`: told of every one that is written or goes. */
export interface AssetEdits {
  readonly put: (path: string, oid: Oid) => void
  readonly remove: (path: string) => void
}

/**
 * The files below `assets/` of a merge in progress. Assets settle by hash (M3, M8): content that we have stays where we
 * have it, what is new comes along, and a name that two contents claim is numbered for the one that came later.
 */
export class MergedAssets {
  /** Path → content, in the merged tree. */
  readonly files: Map<string, Oid>
  readonly #sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects }
  readonly #edits: AssetEdits
  readonly #pathOf = new Map<string, string>()

  constructor(
    sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects },
    edits: AssetEdits,
  ) {
    this.#sides = sides
    this.#edits = edits
    this.files = new Map(sides.ours.assets)
    for (const [path, oid] of this.files) if (!this.#pathOf.has(oid)) this.#pathOf.set(oid, path)
  }

  merge(theirChanges: readonly TreeChange[]): void {
    const { base, ours } = this.#sides
    for (const { path, after } of theirChanges) {
      if (classify(path).kind !== 'asset') continue
      const mine = ours.assets.get(path)
      const untouched = mine !== undefined && mine === base.assets.get(path)
      if (after === undefined) {
        if (untouched) this.#remove(path)
      } else if (isFile(after.mode) && !this.#pathOf.has(after.oid)) {
        if (untouched) this.#put(path, after.oid)
        else this.#add(path, after.oid)
      }
    }
  }

  /**
   * Paths of a side that hold other content here, or none: a file that names one of them means something else in the
   * merged tree, so it can neither stay nor be taken unread. Not only what changed counts: content that we moved or
   * replaced may be named anew by the world.
   */
  moved(side: TreeObjects): readonly string[] {
    return [...side.assets].filter(([path, oid]) => this.files.get(path) !== oid).map(([path]) => path)
  }

  /** Whether every asset that an object of a side names is here wherever that side has it. */
  stand(object: WorldObject, side: TreeObjects): boolean {
    let stand = true
    this.#visit(object, ({ oid, extension }) => {
      // One content may have several files, and the object does not say which of them it was read from.
      const places = [...side.assets].filter(([path, other]) => other === oid && extensionOf(path) === extension)
      if (places.length === 0 || places.some(([path]) => this.files.get(path) !== oid)) stand = false
    })
    return stand
  }

  /** Sees to it that every asset an object names is in the merged tree. */
  place(object: WorldObject): void {
    const { theirs, base } = this.#sides
    this.#visit(object, ({ oid, extension }, name) => {
      if (this.#pathOf.has(oid)) return
      const at = [...theirs.assets, ...base.assets].find(([, other]) => other === oid)?.[0]
      this.#add(at ?? `assets/${name}.${extension}`, parseOid(oid))
    })
  }

  pathOf(value: AssetValue): string | undefined {
    return this.#pathOf.get(parseAssetValue(value)!.oid)
  }

  #visit(
    object: WorldObject,
    visit: (asset: { readonly oid: string; readonly extension: string }, name: string) => void,
  ): void {
    if (object.kind !== 'entity' && object.kind !== 'blueprint') return
    mapAssetUrls(object.kind, object.fields, (value, where) => {
      const asset = parseAssetValue(value)
      if (asset !== undefined) visit(asset, where.name)
      return value
    })
  }

  /** Adds content under the name that it has elsewhere, numbered if that is taken by something else here. */
  #add(path: string, oid: Oid): void {
    const here = new Set([...this.files.keys(), ...this.#sides.ours.links].map(foldPath))
    if (!here.has(foldPath(path))) {
      this.#put(path, oid)
      return
    }
    // A number may be that of another asset of theirs, which is yet to come.
    const there = new Set([...this.#sides.theirs.assets.keys()].map(foldPath))
    const name = path.slice('assets/'.length)
    const extension = extensionOf(path)
    const base = extension === '' ? name : name.slice(0, -(extension.length + 1))
    const isTaken = (candidate: string) => here.has(foldPath(candidate)) || there.has(foldPath(candidate))
    this.#put(assetFile(base, extension, isTaken), oid)
  }

  #put(path: string, oid: Oid): void {
    const before = this.files.get(path)
    this.files.set(path, oid)
    if (before !== undefined) this.#forget(path, before)
    if (!this.#pathOf.has(oid)) this.#pathOf.set(oid, path)
    this.#edits.put(path, oid)
  }

  #remove(path: string): void {
    const oid = this.files.get(path)!
    this.files.delete(path)
    this.#forget(path, oid)
    this.#edits.remove(path)
  }

  /** A path does not hold this content any more: it is where else it is, or nowhere. */
  #forget(path: string, oid: Oid): void {
    if (this.#pathOf.get(oid) !== path) return
    const elsewhere = [...this.files].find(([, other]) => other === oid)?.[0]
    if (elsewhere === undefined) this.#pathOf.delete(oid)
    else this.#pathOf.set(oid, elsewhere)
  }
}
