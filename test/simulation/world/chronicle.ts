import type { NewOperation } from '../../../src/runtime/engine-types.ts'
import { isSettingsKey } from '../../../src/runtime/fresh-world.ts'
import { type JsonObject, jsonEquals, own, withKey } from '../../../src/world/json.ts'
import type { Operation } from '../../../src/world/operation.ts'
import { type ObjectKey, parseObjectKey, SETTINGS, SPAWN } from '../../../src/world/state.ts'
import type { WireWorld } from '../../../src/world/wire-world.ts'
import { type Announced, keyOf, type Silent, type Via } from './changes.ts'
import type { Feed } from './feed.ts'
import { ObjectHistory } from './object-history.ts'

type Objects = ReadonlyMap<ObjectKey, JsonObject | undefined>

/** Remembers what every object ever was, and tells whoever watches of each change: what the feed says, and what it does not. */
export class Chronicle {
  readonly #feed: Feed
  readonly #history = new ObjectHistory()
  readonly #onOperation: ((announced: Announced) => void)[] = []
  readonly #onSilent: ((silent: Silent) => void)[] = []

  constructor(feed: Feed) {
    this.#feed = feed
  }

  onOperation(listener: (announced: Announced) => void): void {
    this.#onOperation.push(listener)
  }

  onSilent(listener: (silent: Silent) => void): void {
    this.#onSilent.push(listener)
  }

  /** The world as it began. */
  begin(objects: Objects): void {
    for (const [key, value] of objects) this.#history.add(key, { cursor: 0, announced: true, value })
  }

  /**
   * Operations enter the feed; an opId that is there already skips a cursor and is recorded nowhere. What else happened to
   * the objects they touch was not said. `before` and `after` hold every object that was written.
   */
  record(made: readonly NewOperation[], before: Objects, after: Objects, via: Via): readonly Operation[] {
    const said = new Map(before)
    const announced: Announced[] = []
    for (const one of made) {
      if (this.#feed.cursorOf(one.opId) !== undefined) {
        this.#feed.skip()
        continue
      }
      const operation: Operation = { cursor: this.#feed.head + 1, ...one }
      this.#feed.append(operation)
      const key = keyOf(operation)
      const was = said.has(key) ? said.get(key) : this.#history.latest(key)
      const is = afterwards(operation, was)
      said.set(key, is)
      this.#history.add(key, { cursor: operation.cursor, announced: true, value: is })
      announced.push({ operation, key, before: was, after: is, via })
    }
    for (const one of announced) for (const listener of this.#onOperation) listener(one)
    for (const [key, value] of after) this.silently(key, said.get(key), value, 'write')
    return announced.map(({ operation }) => operation)
  }

  /** An object changes, and nothing in the feed says so. */
  silently(
    key: ObjectKey,
    before: JsonObject | undefined,
    after: JsonObject | undefined,
    cause: Silent['cause'],
  ): void {
    if (before === after || jsonEquals(before, after)) return
    const cursor = this.#feed.head
    this.#history.add(key, { cursor, announced: false, value: after })
    for (const listener of this.#onSilent) listener({ key, before, after, cursor, cause })
  }

  /** The world became another state of it: what that changed, nothing in the feed says. */
  jump(objects: Objects, cause: Silent['cause']): readonly Silent[] {
    const before = new Map([...this.#history.keys()].map((key) => [key, this.#history.latest(key)]))
    this.#history.cutAfter(this.#feed.head)
    const changed: Silent[] = []
    for (const key of new Set([...before.keys(), ...objects.keys()])) {
      const after = objects.get(key)
      const cursor = this.#feed.head
      if (!jsonEquals(this.#history.latest(key), after)) {
        this.#history.add(key, { cursor, announced: false, value: after })
      }
      const was = before.get(key)
      if (!jsonEquals(was, after)) changed.push({ key, before: was, after, cursor, cause })
    }
    for (const one of changed) for (const listener of this.#onSilent) listener(one)
    return changed
  }

  /** One object just after the operation of a cursor. */
  at(key: ObjectKey, cursor: number): JsonObject | undefined {
    return this.#history.at(key, cursor)
  }

  /** A world of all objects that ever were, as `read` has them. */
  collect(read: (key: ObjectKey) => JsonObject | undefined): WireWorld {
    const blueprints = new Map<string, JsonObject>()
    const entities = new Map<string, JsonObject>()
    for (const key of this.#history.keys()) {
      const { kind, id } = parseObjectKey(key)
      const object = kind === 'blueprint' || kind === 'entity' ? read(key) : undefined
      if (object !== undefined) (kind === 'blueprint' ? blueprints : entities).set(id, object)
    }
    return { settings: read(SETTINGS) ?? {}, spawn: read(SPAWN) ?? {}, blueprints, entities }
  }
}

/** An object after an operation about it. */
function afterwards(operation: Operation, before: JsonObject | undefined): JsonObject | undefined {
  const { kind, patch, snapshot } = operation
  if (kind.endsWith('.remove')) return undefined
  if (kind !== 'settings.update') return snapshot
  const key = own(patch ?? {}, 'key') as string
  return isSettingsKey(key) ? withKey(before ?? {}, key, own(patch ?? {}, 'value')) : before
}
