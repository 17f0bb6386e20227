import { LockTable } from '../../../src/runtime/deploy-locks.ts'
import type { DeploySnapshot } from '../../../src/runtime/deploy-snapshots.ts'
import type { Attribution, Command, EngineContext, Packet } from '../../../src/runtime/engine-types.ts'
import { DEFAULT_SETTINGS, DEFAULT_SPAWN, sceneBlueprint, sceneEntity } from '../../../src/runtime/fresh-world.ts'
import { attempt, type Settled } from '../../../src/runtime/group-writer.ts'
import { type RowChange, WorldTables } from '../../../src/runtime/world-tables.ts'
import { assert } from '../../../src/world/errors.ts'
import type { JsonObject } from '../../../src/world/json.ts'
import type { Operation } from '../../../src/world/operation.ts'
import { type ObjectKey, objectKey, parseObjectKey, SETTINGS, SPAWN } from '../../../src/world/state.ts'
import type { WireWorld } from '../../../src/world/wire-world.ts'
import { type Random, theHost } from '../host.ts'
import { AssetShelf } from './asset-shelf.ts'
import type { Announced, Losses, Silent, Via } from './changes.ts'
import { Chronicle } from './chronicle.ts'
import { type EditorWrite, writeAsEditor } from './editor.ts'
import { Feed } from './feed.ts'
import { keysOf, SavedObjects } from './saved-objects.ts'
import { REFERENCE, type ServerKind } from './server-kind.ts'

export interface WorldOptions {
  readonly worldId: string
  readonly kind?: ServerKind
  /** None accepts everything. */
  readonly adminCode?: string
  /** By default those of the simulation's host. */
  readonly now?: () => number
  readonly random?: Random
}

/** A connection that hears what happens in the world. */
export interface Listener {
  packet(packet: Packet): void
  /** The server is gone. */
  cut(): void
}

/** How a server goes down. */
export interface Stop {
  /** False for an orderly end, which writes the feed; it saves nothing either. */
  readonly crash?: boolean
  /** It happens in the moment of the last write, as if no time had gone by since: what nobody read of that may be lost. */
  readonly sudden?: boolean
  /** How many of the operations that may be lost are not. */
  readonly written?: number
}

/** Everything that a backup of a world holds. */
export interface Backup {
  readonly world: WireWorld
  readonly feed: ReturnType<Feed['backup']>
}

/**
 * One world and its server, in memory. What a write means is decided by the rules of the real runtime (`src/runtime`'s
 * engine, which is pure); the model is what lies around them: the disk, the feed, restarts, and the memory of everything
 * that ever happened, for whoever judges a run. Objects are never changed, only replaced: whoever holds one holds a value.
 */
export class WorldModel {
  readonly worldId: string
  readonly kind: ServerKind
  readonly adminCode: string | undefined
  readonly feed = new Feed()
  readonly assets: AssetShelf
  readonly deploySnapshots: DeploySnapshot[] = []
  /** Failures of the rules themselves: always empty, unless they have a bug. */
  readonly bugs: unknown[] = []
  readonly now: () => number
  /** False while the network does not reach the server; it loses nothing by that. */
  reachable = true
  locks = new LockTable([], () => {})
  /** Raised by each start: what was on its way to the server before will never arrive. */
  incarnation = 1
  #running = true
  #world: WorldTables
  readonly #saved = new SavedObjects()
  readonly #chronicle: Chronicle
  readonly #random: Random
  readonly #listeners = new Set<Listener>()
  /** When the last operation was made: the feed is written as soon as time goes on. */
  #lastWrite = 0

  constructor(options: WorldOptions) {
    this.worldId = options.worldId
    this.kind = options.kind ?? REFERENCE
    this.adminCode = options.adminCode
    this.now = options.now ?? (() => theHost().now)
    this.assets = new AssetShelf(this.now)
    this.#random = options.random ?? (() => theHost().random())
    this.#world = new WorldTables({ settings: DEFAULT_SETTINGS, spawn: DEFAULT_SPAWN })
    const ts = new Date(this.now()).toISOString()
    this.#world.set('blueprint', '$scene', sceneBlueprint(ts, this.newUid()))
    const scene = sceneEntity(ts, this.newOpId(), this.newUid())
    this.#world.set('entity', scene.id as string, scene)
    this.#saved.replace(this.#world)
    this.#chronicle = new Chronicle(this.feed)
    this.#chronicle.begin(this.#objects())
  }

  get world(): WorldTables {
    return this.#world
  }

  get running(): boolean {
    return this.#running
  }

  get head(): number {
    return this.feed.head
  }

  /** Every operation ever announced, also what the server lost since. */
  get history(): readonly Operation[] {
    return this.feed.history
  }

  /** Called with each operation, when it is in the feed. */
  onOperation(listener: (announced: Announced) => void): void {
    this.#chronicle.onOperation(listener)
  }

  /** Called with each change that no operation says. */
  onSilent(listener: (silent: Silent) => void): void {
    this.#chronicle.onSilent(listener)
  }

  /** Hears packets until it is taken away, or the server is gone. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The one way into the world: everything that writes goes through here, and is done when it returns. */
  apply(command: Command, by: Attribution, via: Via): Settled {
    assert(this.#running, 'nothing writes to a server that is down')
    this.#timePasses()
    const recorded = (opId: string) => this.feed.cursorOf(opId)
    const { outcome, draft } = this.#attempt(command, by)
    if (outcome.kind === 'refused') return { outcome, operations: [], head: this.feed.head, recorded }
    const keys = [...draft.changes()].map(keyOfRow)
    const before = this.#objects(keys)
    this.#world.merge(draft)
    for (const key of keys) if (key !== SETTINGS && key !== SPAWN) this.#saved.changed(key)
    this.#lastWrite = this.now()
    const operations = this.#chronicle.record(outcome.operations, before, this.#objects(keys), via)
    if (this.kind.durable) this.save()
    for (const packet of outcome.packets) for (const listener of this.#listeners) listener.packet(packet)
    return { outcome, operations, head: this.feed.head, recorded }
  }

  /** Somebody inside the world, or with the admin's tools, changes something; a refusal changes nothing. */
  edit(write: EditorWrite, by: string): Settled {
    return writeAsEditor(this, write, by)
  }

  /** What is acknowledged is in the feed, as reading the feed has it (protocol, section 2). */
  barrier(): void {
    this.feed.flush()
  }

  /** Writes the feed, and saves blueprints and entities; a server that is `durable` does it with every write. */
  save(): void {
    this.feed.flush()
    this.#saved.save(this.#world, this.kind.durable)
  }

  /** Keys of the objects that a crash now would set back. */
  get unsaved(): readonly ObjectKey[] {
    return this.#saved.unsaved
  }

  /** Goes down: connections are cut. Tells which operations were acknowledged and are in no feed any more. */
  stop(how: Stop = {}): readonly Operation[] {
    if (!this.#running) return []
    if (how.sudden !== true) this.#timePasses()
    if (how.crash === false) this.feed.flush()
    const lost = this.feed.crash(how.written ?? 0)
    this.#running = false
    for (const listener of [...this.#listeners]) listener.cut()
    this.#listeners.clear()
    return lost
  }

  /**
   * Comes up again with what is on its disk, and tells what that changed. `clean` also drops blueprints that nothing
   * uses, as the public server does with `CLEAN=true`.
   */
  start(how: { readonly clean?: boolean } = {}): readonly Silent[] {
    assert(!this.#running, 'a server starts once')
    this.#running = true
    this.incarnation++
    if (this.kind.durable) return []
    this.locks = new LockTable([], () => {})
    const { blueprints, entities } = this.#saved
    this.#world = tablesOf({ settings: this.#world.settings, spawn: this.#world.spawn, blueprints, entities })
    for (const entity of [...this.#world.all('entity')]) {
      this.#world.set('entity', entity.id as string, { ...entity, state: {} })
    }
    this.#saved.forget()
    const lost = this.#chronicle.jump(this.#objects(), 'restart')
    if (how.clean !== true) return lost
    const { draft } = this.#attempt({ kind: 'clean', dryrun: false }, { actor: 'runtime', source: '', opId: undefined })
    this.#world.merge(draft)
    this.#saved.replace(this.#world)
    return [...lost, ...this.#chronicle.jump(this.#objects(), 'clean')]
  }

  /** Down and up again; tells what that lost. */
  restart(how: Stop & { readonly clean?: boolean } = {}): Losses {
    return { operations: this.stop(how), objects: this.start(how) }
  }

  /** What a script does to its entity, or a save to any object, without an operation (protocol, section 3). */
  runScript(id: string, state: JsonObject): void {
    const before = this.#world.get('entity', id)
    if (before === undefined) return
    const after: JsonObject = { ...before, state, updatedAt: new Date(this.now()).toISOString() }
    this.#world.set('entity', id, after)
    const key = objectKey('entity', id)
    this.#saved.changed(key)
    this.#chronicle.silently(key, before, after, 'script')
  }

  /** Delivers the newest operation again, under a later cursor. */
  redeliver(): void {
    const newest = this.feed.operations().at(-1)
    if (newest !== undefined) this.feed.repeat(newest)
  }

  /** Keeps the last `count` operations (protocol, section 9, retention). */
  retain(count: number): void {
    this.feed.retain(count)
  }

  backup(): Backup {
    return { world: this.state(), feed: this.feed.backup() }
  }

  /** Puts a backup in place of a world that is up, and restarts it: cursors are given again, to other operations. */
  restoreBackup(backup: Backup): readonly Silent[] {
    this.stop({ crash: false })
    this.feed.restore(backup.feed)
    this.#world = tablesOf(backup.world)
    this.#saved.replace(this.#world)
    this.locks = new LockTable([], () => {})
    return [...this.#chronicle.jump(this.#objects(), 'restore'), ...this.start()]
  }

  /** One object as it is: a blueprint, an entity, the settings, the spawn. */
  object(key: ObjectKey): JsonObject | undefined {
    if (key === SETTINGS) return this.#world.settings
    if (key === SPAWN) return this.#world.spawn
    const { kind, id } = parseObjectKey(key)
    return this.#world.get(kind as 'blueprint' | 'entity', id)
  }

  /** What an object was just after the operation of a cursor; what happened later without one is not among it. */
  objectAt(key: ObjectKey, cursor: number): JsonObject | undefined {
    return this.#chronicle.at(key, cursor)
  }

  /** The world as it is. */
  state(): WireWorld {
    return this.#chronicle.collect((key) => this.object(key))
  }

  /** The world just after the operation of a cursor. */
  stateAt(cursor: number): WireWorld {
    return this.#chronicle.collect((key) => this.#chronicle.at(key, cursor))
  }

  /** A UUID of the run's randomness. */
  newUid(): string {
    let hex = ''
    while (hex.length < 32) {
      hex += Math.floor(this.#random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0')
    }
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }

  /** Ten letters and digits, as servers make them. */
  newOpId(): string {
    let id = ''
    while (id.length < 10) id += ALPHABET[Math.floor(this.#random() * ALPHABET.length)]
    return id
  }

  #attempt(command: Command, by: Attribution): ReturnType<typeof attempt> {
    const context: EngineContext = {
      now: this.now,
      newUid: () => this.newUid(),
      newOpId: () => this.newOpId(),
      locks: this.locks,
      recorded: (opId) => this.feed.cursorOf(opId),
      head: () => this.feed.head,
      publicLike: !this.kind.durable,
    }
    return attempt(this.#world, { command, by }, context, (error) => this.bugs.push(error))
  }

  #timePasses(): void {
    if (this.now() > this.#lastWrite) this.feed.flush()
  }

  #objects(keys: Iterable<ObjectKey> = keysOf(this.#world)): Map<ObjectKey, JsonObject | undefined> {
    const objects = new Map<ObjectKey, JsonObject | undefined>()
    for (const key of keys) objects.set(key, this.object(key))
    return objects
  }
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

function keyOfRow(change: RowChange): ObjectKey {
  return change.kind === 'object' ? objectKey(change.table, change.id) : objectKey(change.kind, change.kind)
}

function tablesOf(world: WireWorld): WorldTables {
  const tables = new WorldTables({ settings: world.settings, spawn: world.spawn })
  for (const [id, blueprint] of world.blueprints) tables.set('blueprint', id, blueprint)
  for (const [id, entity] of world.entities) tables.set('entity', id, entity)
  return tables
}
