import { isJsonObject, type Json, type JsonObject, own, withKey } from './json.ts'
import type { Operation } from './operation.ts'

/** A whole world as the runtime says it: objects by id, assets as URLs. */
export interface WireWorld {
  readonly settings: JsonObject
  readonly spawn: JsonObject
  readonly blueprints: ReadonlyMap<string, JsonObject>
  readonly entities: ReadonlyMap<string, JsonObject>
}

/** What one operation does to the world; the `snapshot` decides, never the `patch` (protocol, section 3). */
export type Effect =
  | { readonly kind: 'put'; readonly of: 'blueprint' | 'entity'; readonly id: string; readonly object: JsonObject }
  | {
      readonly kind: 'remove'
      readonly of: 'blueprint' | 'entity'
      readonly id: string
      readonly object: JsonObject | undefined
    }
  /** `value` undefined: the key is gone. */
  | { readonly kind: 'setting'; readonly key: string; readonly value: Json | undefined }
  | { readonly kind: 'spawn'; readonly spawn: JsonObject }
  /** Nothing that is synced, and why. */
  | { readonly kind: 'none'; readonly reason: string }

/** Settings that every runtime serializes (protocol, section 4); others only where a snapshot carried them. */
export const SETTINGS_KEYS: readonly string[] = [
  'title',
  'desc',
  'image',
  'avatar',
  'customAvatars',
  'voice',
  'rank',
  'playerLimit',
  'ao',
]

/** Reads an operation from the feed. Total: what cannot be understood is `none`, so that the cursor keeps moving. */
export function effectOf(operation: Operation): Effect {
  const { kind, patch, snapshot } = operation
  switch (kind) {
    case 'blueprint.add':
    case 'blueprint.update':
    case 'entity.add':
    case 'entity.update': {
      const of = kind.startsWith('blueprint') ? 'blueprint' : 'entity'
      const id = snapshot === undefined ? undefined : own(snapshot, 'id')
      if (snapshot === undefined || typeof id !== 'string' || id === '') return none(`${kind} without a snapshot`)
      if (of === 'entity' && own(snapshot, 'type') !== 'app') return none('an entity of a type that is not synced')
      return { kind: 'put', of, id, object: snapshot }
    }
    case 'blueprint.remove':
    case 'entity.remove': {
      const of = kind.startsWith('blueprint') ? 'blueprint' : 'entity'
      const id = own(patch ?? {}, 'id') ?? own(snapshot ?? {}, 'id')
      if (typeof id !== 'string' || id === '') return none(`${kind} without an id`)
      return { kind: 'remove', of, id, object: snapshot }
    }
    case 'settings.update': {
      const key = own(patch ?? {}, 'key')
      if (typeof key !== 'string' || key === '') return none('settings.update without a key')
      return { kind: 'setting', key, value: own(patch ?? {}, 'value') }
    }
    case 'spawn.update':
      return isJsonObject(snapshot) ? { kind: 'spawn', spawn: snapshot } : none('spawn.update without a snapshot')
    default:
      return none(`operations of kind ${JSON.stringify(kind)} are not known`)
  }
}

function none(reason: string): Effect {
  return { kind: 'none', reason }
}

/** Whether a world keeps a settings key: one that every runtime serializes, or that this one did (protocol, section 3). */
export function keepsSetting(settings: JsonObject, key: string): boolean {
  return SETTINGS_KEYS.includes(key) || Object.hasOwn(settings, key)
}

/** Applies operations to a world, in order: how a snapshot that was overtaken is brought up to the head (G3). */
export function applyOperations(world: WireWorld, operations: Iterable<Operation>): WireWorld {
  const blueprints = new Map(world.blueprints)
  const entities = new Map(world.entities)
  let { settings, spawn } = world
  for (const operation of operations) {
    const effect = effectOf(operation)
    switch (effect.kind) {
      case 'put':
        ;(effect.of === 'blueprint' ? blueprints : entities).set(effect.id, effect.object)
        break
      case 'remove':
        ;(effect.of === 'blueprint' ? blueprints : entities).delete(effect.id)
        break
      case 'setting':
        if (keepsSetting(settings, effect.key)) settings = withKey(settings, effect.key, effect.value)
        break
      case 'spawn':
        spawn = effect.spawn
        break
      case 'none':
        break
    }
  }
  return { settings, spawn, blueprints, entities }
}

const HANDLING = new Set([
  'id',
  'mover',
  'position',
  'quaternion',
  'scale',
  'uid',
  'scope',
  'managedBy',
  'updatedAt',
  'updatedBy',
  'updateSource',
  'lastOpId',
])

/**
 * Whether an operation only moves an object that somebody holds in their hand: no commit of its own is made of it, the
 * object's next operation carries the place (G4).
 */
export function isInHand(operation: Operation): boolean {
  if (operation.kind !== 'entity.update' || operation.patch === undefined || operation.snapshot === undefined)
    return false
  const mover = own(operation.snapshot, 'mover')
  return typeof mover === 'string' && mover !== '' && Object.keys(operation.patch).every((key) => HANDLING.has(key))
}
