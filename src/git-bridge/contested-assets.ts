import { type AssetPaths, type AssetValue, mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import type { ContestedField } from '../resolvers/object.ts'
import type { WorldObject } from '../world/state.ts'
import type { MergedAssets } from './merged-assets.ts'
import { type Oid, parseOid } from './repository.ts'
import type { TreeObjects } from './tree-objects.ts'

/** A contested asset whose file we replaced in place: git shows it as a conflict of that file. */
export interface ReplacedAsset {
  readonly field: ContestedField
  readonly path: string
  readonly stages: { readonly base: Oid; readonly ours: Oid; readonly theirs: Oid }
}

/** How contested fields that name assets are shown. */
export class ContestedAssets {
  readonly #sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects }
  readonly #assets: MergedAssets
  /** Content → how many fields of ours name it. */
  #uses: Map<string, number> | undefined

  constructor(
    sides: { readonly base: TreeObjects; readonly ours: TreeObjects; readonly theirs: TreeObjects },
    assets: MergedAssets,
  ) {
    this.#sides = sides
    this.#assets = assets
  }

  /**
   * The asset behind a contested field, when it is one of ours that only this field names, in the file where the base
   * had its own: the file's three contents say all. Undefined where the names differ and JSON shows them.
   */
  replaced(field: ContestedField): ReplacedAsset | undefined {
    const [base, ours, theirs] = [field.terms.base, field.terms.ours, field.terms.theirs].map(parseAssetValue)
    if (base === undefined || ours === undefined || theirs === undefined) return undefined
    // One name cannot stand for another type, nor for content that something of theirs needs elsewhere.
    if (base.extension !== ours.extension || theirs.extension !== ours.extension) return undefined
    if ([...this.#sides.theirs.assets.values()].some((oid) => oid === ours.oid)) return undefined
    const path = this.#assets.pathOf(field.terms.ours as AssetValue)
    if (path === undefined || this.#sides.base.assets.get(path) !== base.oid) return undefined
    if (this.#sides.ours.assets.get(path) !== ours.oid || this.#countUses().get(ours.oid) !== 1) return undefined
    const stages = { base: parseOid(base.oid), ours: parseOid(ours.oid), theirs: parseOid(theirs.oid) }
    return { field, path, stages }
  }

  /** Names for the base's version of a file, whose assets the merged tree need not have any more. */
  basePaths(): AssetPaths {
    return {
      pathOf: (value) => {
        const { oid, extension } = parseAssetValue(value)!
        const merged = this.#assets.pathOf(value)
        if (merged !== undefined) return merged
        const had = [...this.#sides.base.assets].find(([, other]) => other === oid)?.[0]
        return had ?? `assets/${oid}${extension === '' ? '' : `.${extension}`}`
      },
    }
  }

  /**
   * Whether the base's asset would be written with the name that one of the sides has for another: a merge tool would
   * take that side for unchanged, so the base is better left out.
   */
  misleads({ terms }: ContestedField): boolean {
    if (parseAssetValue(terms.base) === undefined) return false
    const name = this.basePaths().pathOf(terms.base as AssetValue)
    return [terms.ours, terms.theirs].some(
      (value) => parseAssetValue(value) !== undefined && this.#assets.pathOf(value as AssetValue) === name,
    )
  }

  #countUses(): ReadonlyMap<string, number> {
    if (this.#uses !== undefined) return this.#uses
    const uses = new Map<string, number>()
    for (const { object } of this.#sides.ours.objects.values()) count(object, uses)
    this.#uses = uses
    return uses
  }
}

function count(object: WorldObject, uses: Map<string, number>): void {
  if (object.kind !== 'entity' && object.kind !== 'blueprint') return
  mapAssetUrls(object.kind, object.fields, (value) => {
    const asset = parseAssetValue(value)
    if (asset !== undefined) uses.set(asset.oid, (uses.get(asset.oid) ?? 0) + 1)
    return value
  })
}
