import { createHash } from 'node:crypto'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { type AssetValue, isAssetValue, mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { fromWire } from '../projection/wire.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import { type ObjectKey, objectKey, type WorldObject, type WorldState } from '../world/state.ts'
import type { WireWorld } from '../world/wire-world.ts'
import type { Session } from './session.ts'

/** Contents that are hashed at a time. */
const SHARE = 64

/** A URL of the world's, and the content that the line has in its place. */
interface Pair {
  readonly url: string
  readonly value: AssetValue
}

/**
 * What stands behind the URLs of a world as far as its line knows, so that comparing the two downloads nothing that did
 * not change: the content that the line has in the same place, where its hash is the URL's name. What is left is
 * downloaded; where its bytes cannot be had any more, the line's content stands for it as well, unless it is known under
 * another URL: the absence of an asset is never a change (G4).
 */
export async function assumeAssets(
  session: Session,
  line: WorldState,
  world: WireWorld,
): Promise<ReadonlyMap<string, AssetValue>> {
  const { assets, repository } = session
  await assets.load()
  const assumed = new Map<string, AssetValue>()
  const pairs = new Map<string, Pair>()
  const unknown = new Set<string>()
  for (const { url, value } of urlsOf(line, world)) {
    if (assets.valueOf(url) !== undefined) continue
    unknown.add(url)
    if (value !== undefined && !pairs.has(url)) pairs.set(url, { url, value })
  }
  const list = [...pairs.values()]
  for (let at = 0; at < list.length; at += SHARE) {
    const share = list.slice(at, at + SHARE)
    const here: Pair[] = []
    for (const pair of share) if (await repository.hasObject(oidOf(pair.value))) here.push(pair)
    const blobs = await repository.readBlobs(new Set(here.map(({ value }) => oidOf(value))))
    for (const { url, value } of here) {
      if (
        hashNamed(url) ===
        createHash('sha256')
          .update(blobs.get(oidOf(value))!)
          .digest('hex')
      )
        assumed.set(url, value)
    }
  }
  await assets.ensure([...unknown].filter((url) => !assumed.has(url)))
  for (const { url, value } of list) {
    if (assumed.has(url) || assets.valueOf(url) !== undefined) continue
    const other = assets.urlOf(value)
    if (other === undefined || other === url) assumed.set(url, value)
  }
  return assumed
}

function hashNamed(url: string): string | undefined {
  return /^asset:\/\/([0-9a-f]{64})(?:\.|$)/.exec(url)?.[1]
}

function oidOf(value: AssetValue): Oid {
  return parseOid(parseAssetValue(value)!.oid)
}

/** The URLs of a world with what the line has in their places. */
function* urlsOf(
  line: WorldState,
  world: WireWorld,
): Generator<{ readonly url: string; readonly value: AssetValue | undefined }> {
  for (const kind of ['blueprint', 'entity'] as const) {
    for (const [id, wire] of kind === 'blueprint' ? world.blueprints : world.entities) {
      const read = fromWire(kind, wire, () => undefined)
      if (read.kind === 'refused') continue
      const known = line.get(objectKey(kind, id))
      const places = placesOf(kind, known)
      const found: { url: string; value: AssetValue | undefined }[] = []
      mapAssetUrls(kind, read.object.fields, (url, { at }) => {
        if (url.startsWith('asset://')) found.push({ url, value: places.get(at) })
        return url
      })
      yield* found
      const files = own(known?.fields ?? {}, 'scriptFiles')
      for (const { path, value: url } of read.scripts) {
        yield { url, value: assetAt(isJsonObject(files) ? own(files, path) : undefined) }
      }
      for (const { path, value: url } of read.shared) {
        yield { url, value: assetAt(line.get(`shared:${path}` as ObjectKey)?.fields.content) }
      }
    }
  }
}

function placesOf(kind: 'blueprint' | 'entity', object: WorldObject | undefined): ReadonlyMap<string, AssetValue> {
  const places = new Map<string, AssetValue>()
  if (object === undefined) return places
  mapAssetUrls(kind, object.fields as JsonObject, (value, { at }) => {
    if (isAssetValue(value)) places.set(at, value)
    return value
  })
  return places
}

function assetAt(value: unknown): AssetValue | undefined {
  return isAssetValue(value) ? value : undefined
}
