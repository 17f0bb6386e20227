import { assert } from '../world/errors.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own, withKey } from '../world/json.ts'
import { isBookkeeping, type ObjectKind, type WorldObject } from '../world/state.ts'
import { ASSET_PREFIX, type AssetValue, isAssetValue, mapAssetUrls } from './asset-value.ts'
import { isBlueprintHidden } from './blueprint.ts'
import { isEntityHidden } from './entity.ts'
import { jsonDefect, MAX_DEPTH, without } from './json-file.ts'
import { electEntry } from './script-entry.ts'
import { settingsObject } from './settings.ts'
import { shapeProblem } from './shapes.ts'
import { type WireScript, wireScripts } from './wire-scripts.ts'

export type { WireScript }

export type WireKind = Exclude<ObjectKind, 'shared'>

/** An object of the wire in project spelling, with the files that it brings. */
export type FromWire =
  | {
      readonly kind: 'ok'
      readonly object: WorldObject
      /** Its scripts, by their path in the app's folder. */
      readonly scripts: readonly WireScript[]
      /** Shared modules, by their path below `shared/`. */
      readonly shared: readonly WireScript[]
      /** Script files that are left out, and why (S1). */
      readonly refused: readonly string[]
    }
  /** The whole object is left out (S1, S3). */
  | { readonly kind: 'refused'; readonly reason: string }

/** A file wraps an object in a few levels more. */
const WIRE_DEPTH = MAX_DEPTH - 8
const MAX_ID = 1024

/** True for the entities that are synced: apps (protocol, section 4). */
export function isSyncedEntity(wire: JsonObject): boolean {
  const type = own(wire, 'type')
  return type === undefined || type === 'app'
}

/**
 * The wire's spelling → the project's. `assetOf` gives the content of an `asset://` URL; where the bytes are not
 * available it gives undefined, and the raw URL stays in its place (G4), in `scriptFiles` too.
 *
 * A blueprint without a name is called by its id, so that its file says the same.
 */
export function fromWire(kind: WireKind, wire: JsonObject, assetOf: (url: string) => AssetValue | undefined): FromWire {
  const reason = refusal(kind, wire)
  if (reason !== undefined) return { kind: 'refused', reason }
  const none = { scripts: [], shared: [], refused: [] }
  const bare = (object: WorldObject): FromWire => ({ kind: 'ok', object, ...none })
  if (kind === 'settings') return bare(settingsObject(wire))
  if (kind === 'spawn') return bare({ kind, id: kind, fields: without(wire, isBookkeeping) })
  const id = own(wire, 'id') as string
  const toContent = (url: string) => (url.startsWith('asset://') ? (assetOf(url) ?? url) : url)
  if (kind === 'entity') return bare({ kind, id, fields: mapAssetUrls(kind, without(wire, isEntityHidden), toContent) })

  let fields = mapAssetUrls(kind, without(wire, isBlueprintHidden), toContent)
  if (!Object.hasOwn(fields, 'name')) fields = withKey(fields, 'name', id)
  const { scripts, shared, refused, declared, ref } = wireScripts(id, wire, toContent)
  const paths = scripts.map((script) => script.path)
  const format = own(wire, 'scriptFormat')
  const script: Record<string, Json | undefined> = {
    scriptEntry: scripts.length > 0 ? electEntry(declared, undefined, paths) : undefined,
    scriptFormat: scripts.length > 0 && typeof format === 'string' ? format : undefined,
    scriptRef: ref,
    scriptFiles: scripts.length > 0 ? fromEntries(scripts.map(({ path, value }) => [path, value])) : undefined,
  }
  for (const [key, value] of Object.entries(script)) fields = withKey(fields, key, value)
  return { kind: 'ok', object: { kind, id, fields }, scripts, shared, refused }
}

function refusal(kind: WireKind, wire: JsonObject): string | undefined {
  const defect = jsonDefect(wire, WIRE_DEPTH)
  if (defect !== undefined) return defect
  const wrong = shapeProblem(kind, wire)
  if (wrong !== undefined) return `${wrong.field} ${wrong.message}`
  if (kind === 'settings' || kind === 'spawn') return undefined
  const id = own(wire, 'id')
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID) return 'id is not a usable string'
  if (kind === 'entity' && !isSyncedEntity(wire)) return 'type is not "app"'
  let forged: string | undefined
  mapAssetUrls(kind, wire, (url, { at }) => {
    // In files and in project spelling these name content; the world must not be able to (S1).
    if (url.startsWith(ASSET_PREFIX) || url.startsWith('assets/')) forged ??= `${at} is no URL`
    return url
  })
  return forged
}

/**
 * Project spelling → the wire's, for operations. `urlOf` gives the URL of content that the runtime has.
 *
 * `scripts` is the whole `scriptFiles` of a root, shared modules included; without it, its own scripts only. Variants
 * carry `scriptRef` and nothing else of scripts; blueprints without scripts no script field at all.
 */
export function toWire(
  object: WorldObject,
  urlOf: (value: AssetValue) => string,
  scripts?: { readonly [path: string]: string },
): JsonObject {
  const { kind, id } = object
  assert(kind !== 'shared', 'a shared module is no object of the wire')
  if (kind === 'settings' || kind === 'spawn') return object.fields
  const toUrl = (value: string) => (isAssetValue(value) ? urlOf(value) : value)
  const fields = mapAssetUrls(
    kind,
    without(object.fields, (key) => key === 'scriptFiles'),
    toUrl,
  )
  const head: [string, Json][] =
    kind === 'entity'
      ? [
          ['id', id],
          ['type', 'app'],
        ]
      : [['id', id]]
  const wire = fromEntries([...head, ...Object.entries(fields)])
  const mine = own(object.fields, 'scriptFiles')
  if (kind === 'entity' || (scripts === undefined && !isJsonObject(mine))) return wire
  const files: JsonObject =
    scripts ?? fromEntries(Object.entries(mine as JsonObject).map(([path, value]) => [path, toUrl(String(value))]))
  const entry = own(fields, 'scriptEntry')
  const script = typeof entry === 'string' ? own(files, entry) : undefined
  const withFiles = withKey(wire, 'scriptFiles', files)
  return script === undefined ? withFiles : withKey(withFiles, 'script', script)
}

/** All `asset://` URLs whose bytes belong to an object, without repeats: model, image, props, scripts. */
export function wireAssetUrls(kind: WireKind, wire: JsonObject): readonly string[] {
  if (kind === 'settings' || kind === 'spawn') return []
  const urls = new Set<string>()
  const add = (url: string) => {
    if (url.startsWith('asset://')) urls.add(url)
    return url
  }
  mapAssetUrls(kind, wire, add)
  if (kind === 'blueprint') {
    const { scripts, shared } = wireScripts(own(wire, 'id'), wire, (url) => url)
    for (const { value } of [...scripts, ...shared]) add(value)
  }
  return [...urls]
}
