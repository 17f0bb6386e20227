import type { WorldTables } from '../../../src/runtime/world-tables.ts'
import { type JsonObject, own } from '../../../src/world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey } from '../../../src/world/state.ts'

/** The blueprints and entities of a server that saves them only now and then, as they are on its disk. */
export class SavedObjects {
  readonly blueprints = new Map<string, JsonObject>()
  readonly entities = new Map<string, JsonObject>()
  readonly #unsaved = new Set<ObjectKey>()

  changed(key: ObjectKey): void {
    this.#unsaved.add(key)
  }

  /** What changed goes to the disk; without `held` not what is in somebody's hand, which a restart finds as it was before. */
  save(world: WorldTables, held: boolean): void {
    for (const key of [...this.#unsaved]) {
      const { kind, id } = parseObjectKey(key)
      const object = world.get(kind as 'blueprint' | 'entity', id)
      if (!held && object !== undefined && (own(object, 'mover') ?? null) !== null) continue
      this.#unsaved.delete(key)
      const rows = kind === 'blueprint' ? this.blueprints : this.entities
      if (object === undefined) rows.delete(id)
      else rows.set(id, object)
    }
  }

  /** Everything as it is, and nothing else. */
  replace(world: WorldTables): void {
    this.blueprints.clear()
    this.entities.clear()
    for (const blueprint of world.all('blueprint')) this.blueprints.set(blueprint.id as string, blueprint)
    for (const entity of world.all('entity')) this.entities.set(entity.id as string, entity)
    this.forget()
  }

  /** What was not saved is gone. */
  forget(): void {
    this.#unsaved.clear()
  }

  /** Keys of what a save would write. */
  get unsaved(): readonly ObjectKey[] {
    return [...this.#unsaved]
  }
}

/** The key of every object of a world. */
export function* keysOf(world: WorldTables): Generator<ObjectKey> {
  for (const blueprint of world.all('blueprint')) yield objectKey('blueprint', blueprint.id as string)
  for (const entity of world.all('entity')) yield objectKey('entity', entity.id as string)
  yield objectKey('settings', 'settings')
  yield objectKey('spawn', 'spawn')
}
