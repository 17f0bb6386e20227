import { isSyncedEntity } from '../projection/wire.ts'
import { type Json, type JsonObject, own } from '../world/json.ts'
import type { World } from './world-target.ts'

export interface ListedEntity {
  readonly id: string
  readonly blueprint: string
  /** As the runtime says it; null where it has none. */
  readonly position: Json
}

export interface ListedBlueprint {
  readonly id: string
  readonly name: string
  readonly version: Json
  /** How many entities are made of it. */
  readonly entities: number
}

export interface WorldList {
  readonly worldId: string
  readonly url: string
  readonly entities: readonly ListedEntity[]
  readonly blueprints: readonly ListedBlueprint[]
}

/** What stands in a live world, in order of ids. */
export async function listWorld(world: World): Promise<WorldList> {
  const snapshot = await world.runtime.snapshot()
  const entities = snapshot.entities.filter(isSyncedEntity).map((entity) => ({
    id: text(entity, 'id'),
    blueprint: text(entity, 'blueprint'),
    position: own(entity, 'position') ?? null,
  }))
  const uses = new Map<string, number>()
  for (const { blueprint } of entities) uses.set(blueprint, (uses.get(blueprint) ?? 0) + 1)
  const blueprints = snapshot.blueprints.map((blueprint) => ({
    id: text(blueprint, 'id'),
    name: text(blueprint, 'name'),
    version: own(blueprint, 'version') ?? null,
    entities: uses.get(text(blueprint, 'id')) ?? 0,
  }))
  return { worldId: snapshot.worldId, url: world.url, entities: inOrder(entities), blueprints: inOrder(blueprints) }
}

function text(object: JsonObject, key: string): string {
  const value = own(object, key)
  return typeof value === 'string' ? value : ''
}

function inOrder<T extends { readonly id: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}
