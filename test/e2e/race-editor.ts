import type { AdminSession, CommandOutcome, RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/world/json.ts'
import type { LiveWorld } from './race-live.ts'
import {
  entityOf,
  onWire,
  PROPS,
  pick,
  randomFrom,
  SETTINGS_FIELDS,
  type Shared,
  tagPlace,
  tagText,
} from './race-world.ts'

/**
 * Somebody in the world, who looks at it live and changes things at a person's pace.
 *
 * A change of `props` sends all of them, as they last saw them. What somebody else wrote in the moment between is written
 * back by that, which they see at once (the runtime shows every operation in order) and put right: nobody meant it.
 */
export class Editor {
  readonly name: string
  /** Operations that the runtime acknowledged: each must be in the feed. */
  readonly acknowledged: string[] = []
  refused = 0
  repaired = 0
  readonly #index: number
  readonly #remote: RemoteRuntime
  readonly #live: LiveWorld
  readonly #shared: Shared
  readonly #random: () => number
  #session: AdminSession | undefined
  #count = 0

  constructor(index: number, seed: number, remote: RemoteRuntime, live: LiveWorld, shared: Shared) {
    this.#index = index
    this.name = `e${index}`
    this.#remote = remote
    this.#live = live
    this.#shared = shared
    this.#random = randomFrom(seed)
  }

  async run(isOver: () => boolean, pace: number): Promise<void> {
    this.#session = await this.#remote.connect()
    try {
      while (!isOver()) {
        await this.#edit()
        await this.#shared.pace.pause(pace, this.#random)
      }
    } finally {
      await this.#session.close()
    }
  }

  async #edit(): Promise<void> {
    const { entities, blueprints, extras } = this.#shared
    const dice = this.#random()
    if (dice < 0.06) return this.#add()
    if (dice < 0.1) return this.#remove(pick(this.#random, extras))
    if (dice < 0.14) return this.#setting(pick(this.#random, SETTINGS_FIELDS))
    if (dice < 0.17) return this.#spawn()
    if (dice < 0.3) return this.#blueprint(pick(this.#random, blueprints))
    const id = this.#random() < 0.15 && extras.length > 0 ? pick(this.#random, extras) : pick(this.#random, entities)
    return this.#random() < 0.4 ? this.#move(id) : this.#prop(id, pick(this.#random, PROPS))
  }

  async #add(): Promise<void> {
    const tag = this.#tag()
    const id = `extra-${tag.replace('.', '-')}`
    const props = { a: tag, b: tag, c: tag }
    const entity = entityOf(id, pick(this.#random, this.#shared.blueprints), { position: this.#place(), props })
    if (await this.#send(tag, { type: 'entity_add', entity: onWire(entity) })) this.#shared.extras.push(id)
  }

  async #remove(id: string | undefined): Promise<void> {
    if (id === undefined || this.#live.get(`entity:${id}`) === undefined) return
    // Removing what is gone already is acknowledged and recorded nowhere (protocol, section 5).
    await this.#session!.send(this.#command(this.#tag(), { type: 'entity_remove', id }))
  }

  async #setting(name: string): Promise<void> {
    const tag = this.#tag()
    await this.#send(tag, { type: 'settings_modify', key: name, value: tag })
  }

  async #spawn(): Promise<void> {
    this.#tag()
    this.#answered(await this.#remote.putSpawn({ position: this.#place(), quaternion: [0, 0, 0, 1] }))
  }

  /** The runtime checks versions: what somebody changed meanwhile is refused, and then left as it is. */
  async #blueprint(id: string): Promise<void> {
    const known = this.#live.get(`blueprint:${id}`)!
    const tag = this.#tag()
    const props = { ...(known.props as JsonObject), [pick(this.#random, PROPS)]: tag }
    const change = this.#random() < 0.5 ? { desc: tag } : { props }
    const version = Number(known.version) + 1
    await this.#send(tag, { type: 'blueprint_modify', change: { id, version, ...change } })
  }

  async #move(id: string): Promise<void> {
    const tag = this.#tag()
    await this.#send(tag, { type: 'entity_modify', change: { id, position: this.#place() } })
  }

  async #prop(id: string, name: string): Promise<void> {
    const tag = this.#tag()
    // What is to be put right: a prop, what it was before, and what was written back over it.
    const wrong: { readonly prop: string; readonly value: Json; readonly back: Json | undefined }[] = []
    for (let round = 0, meant = name, value: Json = tag; ; round++) {
      const known = this.#live.get(`entity:${id}`)
      if (known === undefined) return
      const opId = round === 0 ? tag : `${tag}r${round}.${meant}`
      const props = { ...propsOf(known), [meant]: value }
      if (!(await this.#send(opId, { type: 'entity_modify', change: { id, props } }))) return
      const { before } = await this.#live.written(`entity:${id}`, opId)
      for (const [prop, found] of Object.entries(propsOf(before))) {
        const back = propsOf(known)[prop]
        if (prop !== meant && found !== back) wrong.push({ prop, value: found, back })
      }
      // Somebody may have gone on from there already: then it is theirs.
      const now = propsOf(this.#live.get(`entity:${id}`))
      const next = wrong.findIndex(({ prop, back }) => now[prop] === back)
      if (next < 0) return
      const [put] = wrong.splice(next, 1)
      meant = put!.prop
      value = put!.value
      this.repaired++
    }
  }

  #tag(): string {
    return tagText('editor', this.#index, ++this.#count)
  }

  #place(): Json[] {
    return [...tagPlace('editor', this.#index, this.#count)]
  }

  #command(opId: string, command: { readonly type: string; readonly [field: string]: unknown }) {
    return { ...command, actor: this.name, source: 'admin', lastOpId: opId }
  }

  async #send(opId: string, command: { readonly type: string; readonly [field: string]: unknown }): Promise<boolean> {
    const accepted = this.#answered(await this.#session!.send(this.#command(opId, command)))
    if (accepted) this.acknowledged.push(opId)
    return accepted
  }

  #answered(outcome: CommandOutcome): boolean {
    if (outcome.kind === 'ok') return true
    // Changed or removed by somebody else in the moment before.
    if (outcome.error !== 'version_mismatch' && outcome.error !== 'not_found') throw new Error(outcome.error)
    this.refused++
    return false
  }
}

function propsOf(object: JsonObject | undefined): JsonObject {
  const props = object?.props
  return props !== undefined && isJsonObject(props) ? props : {}
}
