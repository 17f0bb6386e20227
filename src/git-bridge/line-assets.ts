import {
  type AssetPaths,
  type AssetValue,
  type AssetValues,
  mapAssetUrls,
  parseAssetValue,
} from '../projection/asset-value.ts'
import { assetFile, foldPath } from '../projection/paths.ts'
import type { WorldObject } from '../world/state.ts'
import type { Overlay } from './overlay.ts'
import { parseOid } from './repository.ts'
import { contentAt } from './tree-objects.ts'

/**
 * The files below `assets/` of a line: one for each content, named after what named it first. They are listed when the
 * first asset turns up.
 */
export class LineAssets implements AssetPaths {
  readonly #tree: Overlay
  #listed: { readonly byOid: Map<string, string>; readonly taken: Set<string> } | undefined

  constructor(tree: Overlay) {
    this.#tree = tree
  }

  /** Puts the assets that an object names into the tree: where the content is already, or under a name of its own. */
  async place(object: WorldObject): Promise<void> {
    if (object.kind !== 'entity' && object.kind !== 'blueprint') return
    const named: { readonly oid: string; readonly extension: string; readonly name: string }[] = []
    mapAssetUrls(object.kind, object.fields, (value, where) => {
      const asset = parseAssetValue(value)
      if (asset !== undefined) named.push({ ...asset, name: where.name })
      return value
    })
    if (named.length === 0) return
    const { byOid, taken } = await this.#list()
    for (const { oid, extension, name } of named) {
      if (byOid.has(oid)) continue
      const path = assetFile(name, extension, (candidate) => taken.has(foldPath(candidate)))
      byOid.set(oid, path)
      taken.add(foldPath(path))
      await this.#tree.put(path, parseOid(oid))
    }
  }

  /** Answers for assets that were placed, or listed by {@link values}. */
  pathOf(value: AssetValue): string | undefined {
    return this.#listed?.byOid.get(parseAssetValue(value)!.oid)
  }

  /** What the files of the tree hold, for readers. */
  async values(): Promise<AssetValues> {
    await this.#list()
    const files = await this.#tree.list('assets/')
    return { valueOf: (path) => contentAt(files, path) }
  }

  async #list(): Promise<{ readonly byOid: Map<string, string>; readonly taken: Set<string> }> {
    if (this.#listed === undefined) {
      const byOid = new Map<string, string>()
      const taken = new Set<string>()
      for (const [path, oid] of await this.#tree.list('assets/')) {
        if (!byOid.has(oid)) byOid.set(oid, path)
        taken.add(foldPath(path))
      }
      this.#listed = { byOid, taken }
    }
    return this.#listed
  }
}
