import { type Json, type JsonObject, jsonEquals } from '../../src/world/json.ts'
import { parseObjectKey } from '../../src/world/state.ts'
import { type Change, newEntity, scriptOf, withSlot } from './changes.ts'
import type { SimProcess } from './host.ts'
import type { Edits, Site } from './knowledge.ts'
import { type Deploy, deployedBy, editionOf, importing, MODULE, moduleFiles } from './shared-module.ts'
import {
  blueprintValues,
  entityValues,
  objectOf,
  type Place,
  place,
  scriptValues,
  settingsValues,
  spawnValues,
  type Values,
} from './values.ts'
import { Watch } from './watch.ts'
import type { Announced } from './world/changes.ts'
import type { WorldModel } from './world/model.ts'

const TRANSFORM = new Set(['id', 'position', 'quaternion', 'scale', 'mover'])

/** A world, the people in it, and the oracle's view of it. */
export class WatchedWorld {
  readonly model: WorldModel
  readonly watch: Watch
  readonly #edits: Edits
  readonly #headOf: (process: SimProcess) => Site
  /** The watched fields of each object, of the world as it is. */
  readonly #parts = new Map<string, Values>()
  /** The same as the feed says it, and what it said at each cursor: a crash may take its end. */
  #told = new Map<string, Values>()
  readonly #toldAt = new Map<number, ReadonlyMap<string, Values>>()
  /** Objects in somebody's hand, and the edit that this is. */
  readonly #hands = new Map<string, { readonly edit: number; readonly by: string }>()
  #edit: number | undefined
  /** Of the shared module, the edition that was deployed last. */
  #edition: string | undefined
  /** A push that nothing guarded has brought an older one. */
  #isBehind = false
  /** And the blueprint that it was deployed with. */
  #deployer: { readonly id: string; readonly time: number } | undefined

  constructor(edits: Edits, model: WorldModel, headOf: (process: SimProcess) => Site) {
    this.model = model
    this.#edits = edits
    this.#headOf = headOf
    const { settings, spawn, blueprints, entities } = model.state()
    this.#parts.set('settings', settingsValues(settings))
    this.#parts.set('spawn', spawnValues(spawn))
    for (const [id, blueprint] of blueprints) this.#parts.set(`blueprint:${id}`, this.#blueprint(blueprint))
    for (const [id, entity] of entities) this.#parts.set(`entity:${id}`, entityValues(entity))
    const edition = [...blueprints.values()].map(editionOf).find((url) => url !== undefined)
    if (edition !== undefined) this.#deployed(edition)
    this.#told = new Map(this.#parts)
    this.#toldAt.set(model.head, new Map(this.#told))
    this.watch = new Watch(edits, {
      worldId: model.worldId,
      cursor: model.head,
      values: this.#values(),
    })
    model.onOperation((announced) => this.#heard(announced))
  }

  /** Everything as it is in the world now, what is in somebody's hand included. */
  get values(): Values {
    return this.#values()
  }

  get inHand(): readonly string[] {
    return [...this.#hands.keys()]
  }

  /** Entities that somebody may take up: those that the feed knows to be there. */
  get carriable(): readonly string[] {
    return [...this.#parts.keys()]
      .filter((object) => object.startsWith('entity:') && this.#told.has(object))
      .map((object) => object.slice('entity:'.length))
  }

  /** Somebody in the world, who sees it as it is, changes it. */
  change(change: Change, by: string): boolean {
    this.#edit = this.#edits.make(by, `${change.kind} in ${this.model.worldId}`, this.model.worldId)
    const settled = this.#write(change, by)
    this.#edit = undefined
    return settled
  }

  #write(change: Change, by: string): boolean {
    const { model } = this
    const ok = (write: Parameters<WorldModel['edit']>[0]): boolean => model.edit(write, by).outcome.kind !== 'refused'
    if (change.kind === 'add')
      return ok({ kind: 'add', of: 'entity', object: newEntity(change) as unknown as JsonObject })
    if (change.kind === 'remove') {
      if (this.#hands.has(`entity:${change.id}`)) return false
      return ok({ kind: 'remove', of: 'entity', id: change.id })
    }
    if (change.kind === 'remove-blueprint') return ok({ kind: 'remove', of: 'blueprint', id: change.id })
    const object = objectOf(change.at)
    const field = change.at.slice(object.length + 1)
    if (change.kind === 'slot' && change.deploy !== undefined)
      return this.#deploy(change.deploy, (text) => withSlot(text, field, change.value), by)
    if (change.kind === 'slot') return this.#writeSlot(field, change.value, by)
    const value: Json | undefined = change.kind === 'set' ? change.value : undefined
    if (object === 'settings') return ok({ kind: 'setting', key: field, value })
    if (object === 'spawn') {
      const { quaternion } = model.world.spawn
      return ok({ kind: 'spawn', position: value!, quaternion: quaternion! })
    }
    const [of, id] = object.split(':', 2) as ['blueprint' | 'entity', string]
    const now = model.world.get(of, id)
    if (now === undefined) return false
    if (field === 'position' && this.#hands.has(object)) return false
    if (!field.startsWith('props.')) return ok({ kind: 'modify', of, id, change: { [field]: value! } })
    const { [field.slice(6)]: _, ...others } = (now.props ?? {}) as JsonObject
    const props = value === undefined ? others : { ...others, [field.slice(6)]: value }
    return ok({ kind: 'modify', of, id, change: { props } })
  }

  #writeSlot(slot: string, value: string, by: string): boolean {
    for (const blueprint of this.model.world.all('blueprint')) {
      const text = this.#scriptOf(blueprint)
      if (text === undefined || !scriptValues(text).has(place('script', slot))) continue
      const url = this.upload(withSlot(text, slot, value))
      const entry = (blueprint.scriptEntry as string | undefined) ?? 'index.js'
      const files = { ...(blueprint.scriptFiles as JsonObject), [entry]: url }
      return this.#writeScripts(blueprint, { script: url, scriptFiles: files, scriptEntry: entry }, by)
    }
    return false
  }

  #writeScripts(blueprint: JsonObject, scripts: JsonObject, by: string): boolean {
    const change = { ...scripts, scriptFormat: 'module', scope: blueprint.scope! }
    const { outcome } = this.model.edit({ kind: 'modify', of: 'blueprint', id: String(blueprint.id), change }, by)
    return outcome.kind !== 'refused'
  }

  /** Somebody deploys one of the blueprints that share the module, with an edition of it: the others keep theirs. */
  #deploy({ nth, from }: Deploy, change: (text: string) => string, by: string): boolean {
    const sharing = this.sharing
    const blueprint = sharing[nth % sharing.length]
    if (blueprint === undefined) return false
    const isNamed = sharing.some((one) => editionOf(one) === this.#edition)
    const text = this.#text(from === 'its own' || !isNamed ? editionOf(blueprint) : this.#edition)
    const scriptFiles = { ...(blueprint.scriptFiles as JsonObject), ...moduleFiles(this.upload(change(text!))) }
    const { script, scriptEntry } = blueprint
    return this.#writeScripts(blueprint, { script: script!, scriptFiles, scriptEntry: scriptEntry! }, by)
  }

  /** The blueprints that name an edition of the shared module. */
  get sharing(): readonly JsonObject[] {
    return [...this.model.world.all('blueprint')].filter((blueprint) => editionOf(blueprint) !== undefined)
  }

  /**
   * Whether the module was deployed with another blueprint while whoever deploys this one held the deploy lock of this one
   * alone (docs/architecture.md, 'Not there yet').
   */
  #isUnguarded(blueprint: JsonObject): boolean {
    if (this.#deployer === undefined) return false
    const { id, time } = this.#deployer
    const lockOf = (one: JsonObject | undefined) => this.model.locks.get(String(one?.scope), this.model.now())
    const held = lockOf(blueprint)
    return held !== undefined && held.acquiredAt <= time && lockOf(this.model.world.get('blueprint', id)) === undefined
  }

  /**
   * The module where no blueprint names any more what was deployed last: a snapshot shows what another one names (G4).
   */
  #forgotten(): Values | undefined {
    const editions = this.sharing.map(editionOf)
    const [other] = editions
    return other === undefined || editions.includes(this.#edition)
      ? undefined
      : scriptValues(this.#text(other)!, MODULE)
  }

  /**
   * Blueprints that name the module without what somebody wrote in its file: a push sends it with all that import it.
   */
  behind(): readonly string[] {
    if (this.#isBehind) return []
    const { stands } = this.watch.now.site
    const isOfFiles = (at: Place) =>
      stands.get(at)?.edits.every((edit) => this.#edits.all[edit]!.world === undefined) === true
    return this.sharing.flatMap((blueprint) =>
      [...scriptValues(this.#text(editionOf(blueprint))!, MODULE)]
        .filter(([at, value]) => isOfFiles(at) && stands.get(at)!.value !== value)
        .map(([at, value]) => `${String(blueprint.id)} has ${at} = ${value}, the files ${stands.get(at)!.value}`),
    )
  }

  /** The shared module is what was deployed last. */
  #deployed(url: string): void {
    this.#edition = url
    this.#parts.set(MODULE, scriptValues(this.#text(url)!, MODULE))
  }

  /** Takes an entity into the hand, carries it about, or puts it down. */
  carry(id: string, position: Json, by: string): boolean {
    const object = `entity:${id}`
    const hand = this.#hands.get(object)
    if (hand === undefined && this.model.world.get('entity', id) === undefined) return false
    const edit = hand?.edit ?? this.#edits.make(by, `carry ${object}`, this.model.worldId)
    this.#hands.set(object, { edit, by: hand?.by ?? by })
    this.#edit = edit
    this.model.edit({ kind: 'hold', id, change: { position } }, hand?.by ?? by)
    this.#edit = undefined
    return true
  }

  putDown(id: string): void {
    const object = `entity:${id}`
    const hand = this.#hands.get(object)
    if (hand === undefined) return
    this.#hands.delete(object)
    const position = this.model.world.get('entity', id)?.position
    this.#edit = hand.edit
    if (position !== undefined) this.model.edit({ kind: 'drop', id, change: { position } }, hand.by)
    this.#edit = undefined
  }

  /** A world to begin with: two apps with scripts, which may share a module, an app without, some entities. */
  static furnish(model: WorldModel, shares = false): void {
    const upload = (text: string) => uploadTo(model, text)
    const module = shares ? moduleFiles(upload(scriptOf('common', 3))) : {}
    for (const [name, slots] of [
      ['Lamp', 3],
      ['Door', 2],
    ] as const) {
      const text = scriptOf(name, slots)
      const url = upload(shares ? importing(text) : text)
      model.edit(
        {
          kind: 'add',
          of: 'blueprint',
          object: {
            id: name,
            name,
            scope: name,
            script: url,
            scriptEntry: 'index.js',
            scriptFiles: { 'index.js': url, ...module },
            scriptFormat: 'module',
            desc: 'first',
            props: { color: 'white', power: 3 },
          },
        },
        'builder',
      )
    }
    model.edit(
      {
        kind: 'add',
        of: 'blueprint',
        object: { id: 'Sign', name: 'Sign', scope: 'Sign', desc: 'first', props: { text: 'hello' } },
      },
      'builder',
    )
    for (const [index, id] of ['e0', 'e1', 'e2', 'e3'].entries()) {
      const add = { kind: 'add', id, blueprint: ['Lamp', 'Door', 'Sign', 'Lamp'][index]!, token: -index } as const
      model.edit({ kind: 'add', of: 'entity', object: newEntity(add) as unknown as JsonObject }, 'builder')
    }
    model.edit({ kind: 'setting', key: 'title', value: 'A world' }, 'builder')
    model.edit({ kind: 'setting', key: 'desc', value: 'To play in' }, 'builder')
    model.save()
  }

  upload(text: string): string {
    return uploadTo(this.model, text)
  }

  save(): void {
    this.model.save()
    this.watch.saved(new Set(this.#hands.keys()))
  }

  /** The server dies and comes back. */
  restart(crash: boolean): void {
    const { operations } = this.model.restart({ crash })
    if (this.model.kind.durable) return
    if (operations.length > 0) {
      this.watch.cut(this.model.head)
      const cursors = [...this.#toldAt.keys()].filter((cursor) => cursor <= this.model.head)
      this.#told = new Map(this.#toldAt.get(Math.max(...cursors)))
    }
    this.#hands.clear()
    this.#showHands(this.model.head)
    this.#parts.clear()
    if (this.#edition !== undefined) this.#deployed(this.#edition)
    const { settings, spawn, blueprints, entities } = this.model.state()
    this.#parts.set('settings', settingsValues(settings))
    this.#parts.set('spawn', spawnValues(spawn))
    for (const [id, blueprint] of blueprints) this.#parts.set(`blueprint:${id}`, this.#blueprint(blueprint))
    for (const [id, entity] of entities) {
      this.#parts.set(`entity:${id}`, entityValues(entity))
    }
    this.watch.restarted(this.#values())
  }

  #heard(announced: Announced): void {
    const { operation, key, after, via } = announced
    const { kind, id } = parseObjectKey(key)
    const object = kind === 'settings' || kind === 'spawn' ? kind : `${kind}:${id}`
    const position = place(object, 'position')
    const hand = this.#hands.get(object)
    const before = this.#parts.get(object)
    const part =
      after === undefined
        ? undefined
        : kind === 'settings'
          ? settingsValues(after)
          : kind === 'spawn'
            ? spawnValues(after)
            : kind === 'blueprint'
              ? this.#blueprint(after)
              : entityValues(after)
    // Moves of what is in a hand make no commit: the next operation of the object carries them (G4).
    this.#showHands(operation.cursor)
    const moving = operation.kind === 'entity.update' && (after?.mover ?? null) !== null
    if (moving && Object.keys(operation.patch ?? {}).every((field) => TRANSFORM.has(field) || isNoise(field))) return
    for (const parts of [this.#parts, this.#told]) {
      if (part === undefined) parts.delete(object)
      else parts.set(object, part)
    }
    const edition = deployedBy(announced)
    const unguarded = edition !== undefined && this.#isUnguarded(after!) ? this.#parts.get(MODULE) : undefined
    if (unguarded !== undefined) this.#isBehind = true
    if (edition !== undefined) {
      this.#deployer = { id, time: this.model.now() }
      this.#deployed(edition)
      this.#told.set(MODULE, this.#parts.get(MODULE)!)
    }
    this.#toldAt.set(operation.cursor, new Map(this.#told))
    const carried =
      hand !== undefined && part?.get(position) !== before?.get(position)
        ? { at: position, edit: hand.edit }
        : undefined
    this.watch.operation({
      cursor: operation.cursor,
      opId: operation.opId,
      values: this.#values(),
      told: valuesOf(this.#told),
      author:
        via.process === undefined
          ? { kind: 'editor', edit: this.#edit ?? this.#edits.make('the server', operation.kind, this.model.worldId) }
          : {
              kind: 'push',
              clone: via.process.name,
              head: this.#headOf(via.process),
              late: via.late,
              checked: via.what === 'POST /admin/ops',
            },
      words: `${operation.kind} ${object}`,
      // Scripts that are owed since a killed push are sent again though they may be there by now.
      idle:
        !Object.hasOwn(operation.patch ?? {}, 'scriptFiles') &&
        jsonEquals(withoutNoise(announced.before), withoutNoise(after)),
      carried,
      seemingly: this.#forgotten(),
      unguarded,
    })
    if ((after?.mover ?? null) === null) this.#hands.delete(object)
  }

  #showHands(cursor: number): void {
    this.watch.inHand(cursor, new Map([...this.#hands].map(([object, { edit }]) => [object, edit])))
  }

  #values(): Values {
    return valuesOf(this.#parts)
  }

  #blueprint(blueprint: JsonObject): Values {
    const text = this.#scriptOf(blueprint)
    return new Map([...blueprintValues(blueprint), ...(text === undefined ? [] : scriptValues(text))])
  }

  #scriptOf(blueprint: JsonObject): string | undefined {
    const files = blueprint.scriptFiles as Readonly<Record<string, string>> | null | undefined
    const url = files?.[(blueprint.scriptEntry as string | undefined) ?? 'index.js']
    return this.#text(url)
  }

  #text(url: string | undefined): string | undefined {
    const bytes = url === undefined ? undefined : this.model.assets.find(url.slice('asset://'.length))
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8')
  }
}

function valuesOf(parts: ReadonlyMap<string, Values>): Values {
  const values = new Map<Place, string>()
  for (const part of parts.values()) for (const [at, value] of part) values.set(at, value)
  return values
}

function withoutNoise(object: JsonObject | undefined): JsonObject | undefined {
  if (object === undefined) return undefined
  return Object.fromEntries(
    Object.entries(object).filter(([field]) => field === 'uid' || field === 'scope' || !isNoise(field)),
  )
}

function isNoise(field: string): boolean {
  return ['updatedAt', 'updatedBy', 'updateSource', 'lastOpId', 'version', 'uid', 'scope', 'managedBy'].includes(field)
}

/** The script of a furnished world's app, changed: its new address. */
export function scriptUrl(model: WorldModel, app: string, change: (text: string) => string): string {
  const url = String(model.world.get('blueprint', app)!.script)
  const text = Buffer.from(model.assets.find(url.slice('asset://'.length))!).toString('utf8')
  return uploadTo(model, change(text))
}

function uploadTo(model: WorldModel, text: string): string {
  const shelved = model.assets.put('script.js', Buffer.from(text), false)
  if (shelved.kind !== 'stored') throw new Error(shelved.kind)
  return `asset://${shelved.filename}`
}
