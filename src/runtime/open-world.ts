import { randomInt, randomUUID } from 'node:crypto'
import { SyncError } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import { DEFAULT_SETTINGS, DEFAULT_SPAWN, sceneBlueprint, sceneEntity } from './fresh-world.ts'
import type { Store } from './store.ts'
import { WorldTables } from './world-tables.ts'

/** Reads the world of a data folder into memory, making a fresh one where there is none. Throws `wrong_world`. */
export function openWorld(
  store: Store,
  worldId: string,
  now: () => number,
): { readonly world: WorldTables; readonly head: number } {
  const storedId = store.worldId
  if (storedId !== undefined && storedId !== worldId) {
    throw new SyncError('wrong_world', `This data folder holds the world '${storedId}', not '${worldId}'.`, {
      exitCode: 5,
      hint: `Start it with --world-id ${storedId}, or give '${worldId}' a folder of its own with --data.`,
      data: { stored: storedId, asked: worldId },
    })
  }
  if (storedId === undefined) {
    const ts = new Date(now()).toISOString()
    const blueprint = sceneBlueprint(ts, randomUUID())
    const entity = sceneEntity(ts, shortId(), randomUUID())
    store.create(worldId, { settings: DEFAULT_SETTINGS, spawn: DEFAULT_SPAWN }, [
      { kind: 'object', table: 'blueprint', id: '$scene', value: blueprint },
      { kind: 'object', table: 'entity', id: entity.id as string, value: entity },
    ])
  }
  const stored = store.load()
  if (stored === undefined) {
    throw new SyncError('data_damaged', `The data folder of the world '${worldId}' lacks its settings.`, {
      hint: 'Restore the folder from a backup.',
    })
  }
  const world = new WorldTables({ settings: stored.settings, spawn: stored.spawn })
  for (const blueprint of stored.blueprints) world.set('blueprint', blueprint.id as string, blueprint)
  for (const entity of stored.entities) world.set('entity', entity.id as string, entity)
  return { world, head: stored.head }
}

/** The public server starts every script anew, which empties the `state` of all entities. */
export function emptyStates(world: WorldTables): void {
  for (const entity of [...world.all('entity')]) {
    const emptied: JsonObject = { ...entity, state: {} }
    world.set('entity', entity.id as string, emptied)
  }
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A random id of ten letters and digits, as the public server makes them. */
export function shortId(): string {
  let id = ''
  for (let i = 0; i < 10; i++) id += ALPHABET[randomInt(ALPHABET.length)]
  return id
}
