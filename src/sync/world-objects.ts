import { isSyncedEntity } from '../projection/wire.ts'
import type { Snapshot } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import { type JsonObject, own } from '../world/json.ts'
import { type ObjectKey, parseObjectKey, TEMPLATE_BLUEPRINTS } from '../world/state.ts'
import { objectNamed } from './object-name.ts'

/** An object of a live world, in the wire's spelling. */
export interface LiveObject {
  readonly key: ObjectKey
  readonly kind: 'entity' | 'blueprint' | 'settings' | 'spawn'
  readonly id: string
  readonly wire: JsonObject
}

/** Finds what a name on the command line means. Throws `invalid_name`, `unknown_object`, `ambiguous_name`. */
export function findObject(snapshot: Snapshot, name: string): LiveObject {
  const key = objectNamed(name, (candidate) => lookUp(snapshot, candidate) !== undefined)
  return lookUp(snapshot, key)!
}

export function lookUp(snapshot: Snapshot, key: ObjectKey): LiveObject | undefined {
  const { kind, id } = parseObjectKey(key)
  if (kind === 'settings' || kind === 'spawn') return { key, kind, id, wire: snapshot[kind] }
  if (kind === 'shared') return undefined
  const list = kind === 'entity' ? snapshot.entities.filter(isSyncedEntity) : snapshot.blueprints
  const wire = list.find((object) => own(object, 'id') === id)
  return wire === undefined ? undefined : { key, kind, id, wire }
}

/**
 * The blueprint that an entity shall be made of; undefined for a template, which is in no snapshot. The runtime itself
 * takes any name (protocol, section 5). Throws `unknown_blueprint`.
 */
export function blueprintFor(snapshot: Snapshot, id: string): JsonObject | undefined {
  const found = lookUp(snapshot, `blueprint:${id}` as ObjectKey)
  if (found !== undefined || TEMPLATE_BLUEPRINTS.has(id)) return found?.wire
  const like = snapshot.blueprints.filter((blueprint) => own(blueprint, 'name') === id).map((blueprint) => blueprint.id)
  throw new SyncError('unknown_blueprint', `The world has no blueprint "${id}".`, {
    hint:
      like.length > 0
        ? `That is the name of ${like.join(', ')}: use the id.`
        : 'Run "gamedev world list" to see what there is.',
    data: { blueprint: id },
  })
}
