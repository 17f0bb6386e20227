import type { JsonObject } from '../world/json.ts'

export type ObjectTable = 'blueprint' | 'entity'

/** One changed row of the world; an absent value is a removed object. */
export type RowChange =
  | {
      readonly kind: 'object'
      readonly table: ObjectTable
      readonly id: string
      readonly value: JsonObject | undefined
    }
  | { readonly kind: 'settings' | 'spawn'; readonly value: JsonObject }

/**
 * The world's objects in memory, or a draft over them.
 *
 * A draft sees its parent through its own changes and touches nothing until {@link merge}: dropping it is the rollback,
 * of one command, of one batch, and of a whole group whose commit failed.
 */
export class WorldTables {
  readonly #parent: WorldTables | undefined
  readonly #rows = {
    blueprint: new Map<string, JsonObject | undefined>(),
    entity: new Map<string, JsonObject | undefined>(),
  }
  /** How many entities use a blueprint; in a draft, the difference to the parent. */
  readonly #uses = new Map<string, number>()
  #settings: JsonObject | undefined
  #spawn: JsonObject | undefined

  constructor(base: { readonly settings: JsonObject; readonly spawn: JsonObject } | WorldTables) {
    if (base instanceof WorldTables) this.#parent = base
    else {
      this.#settings = base.settings
      this.#spawn = base.spawn
    }
  }

  /** A draft over this world. */
  fork(): WorldTables {
    return new WorldTables(this)
  }

  get settings(): JsonObject {
    return this.#settings ?? this.#parent!.settings
  }

  set settings(value: JsonObject) {
    this.#settings = value
  }

  get spawn(): JsonObject {
    return this.#spawn ?? this.#parent!.spawn
  }

  set spawn(value: JsonObject) {
    this.#spawn = value
  }

  get(kind: ObjectTable, id: string): JsonObject | undefined {
    const rows = this.#rows[kind]
    return rows.has(id) ? rows.get(id) : this.#parent?.get(kind, id)
  }

  set(kind: ObjectTable, id: string, value: JsonObject | undefined): void {
    if (kind === 'entity') {
      this.#count(this.get(kind, id), -1)
      this.#count(value, 1)
    }
    if (value === undefined && this.#parent === undefined) this.#rows[kind].delete(id)
    else this.#rows[kind].set(id, value)
  }

  /** How many entities name this blueprint. */
  uses(blueprint: string): number {
    return (this.#parent?.uses(blueprint) ?? 0) + (this.#uses.get(blueprint) ?? 0)
  }

  /** How many objects of a kind there are; of no use in a draft. */
  count(kind: ObjectTable): number {
    return this.#rows[kind].size
  }

  /** All objects of a kind, in the order in which they were first added. */
  *all(kind: ObjectTable): Generator<JsonObject> {
    const rows = this.#rows[kind]
    if (this.#parent !== undefined) {
      for (const object of this.#parent.all(kind)) if (!rows.has(object.id as string)) yield object
    }
    for (const object of rows.values()) if (object !== undefined) yield object
  }

  /** What a draft changed. */
  *changes(): Generator<RowChange> {
    for (const table of ['blueprint', 'entity'] as const) {
      for (const [id, value] of this.#rows[table]) yield { kind: 'object', table, id, value }
    }
    if (this.#settings !== undefined) yield { kind: 'settings', value: this.#settings }
    if (this.#spawn !== undefined) yield { kind: 'spawn', value: this.#spawn }
  }

  /** Takes over what a draft of this world changed. */
  merge(draft: WorldTables): void {
    for (const change of draft.changes()) {
      if (change.kind === 'object') this.set(change.table, change.id, change.value)
      else this[change.kind] = change.value
    }
  }

  #count(entity: JsonObject | undefined, by: number): void {
    const blueprint = entity?.blueprint
    if (typeof blueprint !== 'string') return
    const uses = (this.#uses.get(blueprint) ?? 0) + by
    if (uses === 0) this.#uses.delete(blueprint)
    else this.#uses.set(blueprint, uses)
  }
}
