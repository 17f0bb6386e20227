import { type AssetValue, assetValue, extensionOf, parseAssetValue } from '../../src/projection/asset-value.ts'
import { fromWire, type WireKind } from '../../src/projection/wire.ts'
import type { JsonObject } from '../../src/world/json.ts'

/** A store of assets in which everything with a dot in its name is to be had. */
export function store() {
  const urls = new Map<string, string>()
  const hex = (text: string) => Buffer.from(text).toString('hex').padEnd(40, '0').slice(-40)
  return {
    assetOf: (url: string): AssetValue | undefined => {
      if (!url.includes('.')) return undefined
      const value = assetValue(hex(url), extensionOf(url))
      urls.set(value, url)
      return value
    },
    urlOf: (value: AssetValue) => urls.get(value)!,
    pathOf: (value: AssetValue) => `assets/${parseAssetValue(value)!.oid}`,
    valueOf: (path: string) =>
      [...urls.keys()].find((value) => path.endsWith(parseAssetValue(value)!.oid)) as AssetValue,
  }
}

/** What {@link fromWire} makes of an object that it does not refuse. */
export function ok(
  kind: WireKind,
  wire: JsonObject,
  assetOf: (url: string) => AssetValue | undefined = store().assetOf,
) {
  const read = fromWire(kind, wire, assetOf)
  if (read.kind === 'refused') throw new Error(read.reason)
  return read
}
