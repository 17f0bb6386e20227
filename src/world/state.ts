import type { Json, JsonObject } from './json.ts'

/**
 * World state: everything that is synced, as values.
 *
 * A world is a flat set of objects. Each is a record of fields; absence of a field or an object is a value of its own
 * (M4). Two spellings of the same state exist:
 *
 * - *wire*: as the runtime says it, assets as `asset://…` URLs, scripts as `scriptFiles`;
 * - *project*: as the files say it, an asset as the content it names (see {@link AssetValue}), scripts as contents.
 *
 * `world/` and `resolvers/` do not care which: they compare values.
 */
export type ObjectKind = 'blueprint' | 'entity' | 'settings' | 'spawn' | 'shared'

/** `blueprint:<id>`, `entity:<id>`, `settings`, `spawn`, `shared:<path below shared/>`. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' }

export interface WorldObject {
  readonly kind: ObjectKind
  /** The object's identity within its kind (its `id`; the path of a shared module; the kind itself for singletons). */
  readonly id: string
  readonly fields: JsonObject
}

export type WorldState = ReadonlyMap<ObjectKey, WorldObject>

/** What a field holds: a value, or nothing. */
export type FieldValue = Json | undefined

export const SETTINGS = 'settings' as ObjectKey
export const SPAWN = 'spawn' as ObjectKey

export function objectKey(kind: ObjectKind, id: string): ObjectKey {
  return (kind === 'settings' || kind === 'spawn' ? kind : `${kind}:${id}`) as ObjectKey
}

export function parseObjectKey(key: ObjectKey): { kind: ObjectKind; id: string } {
  const colon = key.indexOf(':')
  if (colon < 0) return { kind: key as unknown as ObjectKind, id: key }
  return { kind: key.slice(0, colon) as ObjectKind, id: key.slice(colon + 1) }
}

/** What the runtime keeps for itself: never merged, never compared, never projected (protocol, section 4). */
const BOOKKEEPING = new Set(['updatedAt', 'updatedBy', 'updateSource', 'lastOpId', 'version', 'mover', 'uploader'])

export function isBookkeeping(field: string): boolean {
  return BOOKKEEPING.has(field)
}

/** Blueprints that every runtime brings along: entities may name them though no project holds them (protocol, section 8). */
export const TEMPLATE_BLUEPRINTS: ReadonlySet<string> = new Set(['Model', 'Image', 'Video', 'Text', 'Webview'])

/** The fields that `entity_modify` keeps; others are acknowledged and recorded in the patch only (protocol, section 3). */
export const KEPT_ENTITY_FIELDS: readonly string[] = [
  'blueprint',
  'uploader',
  'mover',
  'position',
  'quaternion',
  'scale',
  'pinned',
  'state',
  'props',
  'uid',
  'scope',
  'managedBy',
]
