import { createHash, randomBytes } from 'node:crypto'
import type { Json, JsonObject } from '../../src/world/json.ts'
import { entityOf, onWire, PROPS, pick, randomFrom, SETTINGS_FIELDS, tagPlace, tagText } from '../e2e/race-world.ts'
import { Link, type Outcome } from './link.ts'
import { BLUEPRINTS, ENTITIES } from './template.ts'

/** Milliseconds between two edits of somebody in the world, on average. */
const PACE = 500

/** What the runtime acknowledged, and so must hold from then on. */
export interface Acknowledged {
  readonly operations: string[]
  /** Operations of one transaction each: all of it is in the feed, or nothing (protocol, section 9). */
  readonly batches: (readonly string[])[]
  /** Uploaded files by name, with the SHA-256 of their bytes. */
  readonly assets: Map<string, string>
}

/**
 * Somebody in the world. Writes over the admin WebSocket and, where the runtime has them, in transactions; never a whole
 * `props` of an entity, which would write back what others wrote in the moment before.
 */
export class Editor {
  readonly name: string
  readonly acknowledged: Acknowledged = { operations: [], batches: [], assets: new Map() }
  readonly #index: number
  readonly #random: () => number
  readonly #url: () => string
  readonly #batches: boolean
  readonly #extras: string[]
  #link: Link | undefined
  #count = 0
  #running: Promise<void> | undefined
  #over = false

  /** `extras` are the entities that somebody added, shared by all. */
  constructor(index: number, seed: number, url: () => string, batches: boolean, extras: string[]) {
    this.name = `e${index}`
    this.#index = index
    this.#random = randomFrom(seed)
    this.#url = url
    this.#batches = batches
    this.#extras = extras
  }

  /** Goes on editing at a person's pace until {@link rest}; waits while the runtime is gone. */
  begin(): void {
    this.#over = false
    this.#running = this.#run()
  }

  async rest(): Promise<void> {
    this.#over = true
    await this.#running
    this.#link?.close()
    this.#link = undefined
  }

  async #run(): Promise<void> {
    while (!this.#over) {
      await this.edit()
      await new Promise((resolve) => setTimeout(resolve, PACE * (0.5 + this.#random())))
    }
  }

  /** One edit, or none where the runtime is not there. Resolves when it was answered, or never will be. */
  async edit(): Promise<Outcome> {
    const dice = this.#random()
    if (this.#batches && dice < 0.2) return this.#batch()
    if (dice < 0.25) return this.#upload()
    if (dice < 0.28) return this.#putSpawn()
    return this.#command()
  }

  async #command(): Promise<Outcome> {
    try {
      this.#link ??= await Link.open(this.#url())
    } catch {
      return 'unknown'
    }
    const opId = this.#tag()
    const command = this.#chosen(opId)
    const outcome = await this.#link.send({ ...command, actor: this.name, source: 'admin', lastOpId: opId })
    if (outcome === 'ok' && command.type !== 'entity_remove') this.acknowledged.operations.push(opId)
    if (outcome === 'unknown') {
      this.#link?.close()
      this.#link = undefined
    }
    return outcome
  }

  #chosen(tag: string): JsonObject {
    const dice = this.#random()
    if (dice < 0.08) {
      const id = `extra-${tag.replace('.', '-')}`
      this.#extras.push(id)
      const props = { a: tag, b: tag, c: tag }
      const entity = entityOf(id, pick(this.#random, BLUEPRINTS), { position: this.#place(), props })
      return { type: 'entity_add', entity: onWire(entity) }
    }
    // Removing what is gone already is acknowledged and recorded nowhere (protocol, section 5).
    if (dice < 0.12 && this.#extras.length > 0) return { type: 'entity_remove', id: pick(this.#random, this.#extras) }
    if (dice < 0.18) return { type: 'settings_modify', key: pick(this.#random, SETTINGS_FIELDS), value: tag }
    const known = this.#link?.seen(`blueprint:${pick(this.#random, BLUEPRINTS)}`)
    if (dice < 0.3 && known !== undefined) {
      const change: JsonObject =
        this.#random() < 0.5
          ? { desc: tag }
          : { props: { ...(known.props as JsonObject), [pick(this.#random, PROPS)]: tag } }
      return { type: 'blueprint_modify', change: { id: known.id!, version: Number(known.version) + 1, ...change } }
    }
    const change = this.#random() < 0.7 ? { position: this.#place() } : { scale: this.#place() }
    return { type: 'entity_modify', change: { id: pick(this.#random, ENTITIES), ...change } }
  }

  /** Some fields of some objects, in one transaction. */
  async #batch(): Promise<Outcome> {
    const operations = Array.from({ length: 1 + Math.floor(this.#random() * 5) }, (): JsonObject => {
      const opId = this.#tag()
      const about = { opId, actor: this.name, source: 'admin.http' }
      const patch = { [`props.${pick(this.#random, PROPS)}`]: opId }
      return this.#random() < 0.7
        ? { ...about, kind: 'entity.update', id: pick(this.#random, ENTITIES), patch }
        : { ...about, kind: 'blueprint.update', id: pick(this.#random, BLUEPRINTS), patch }
    })
    const ids = operations.map(({ opId }) => String(opId))
    this.acknowledged.batches.push(ids)
    const outcome = await this.#request('POST', '/admin/ops', JSON.stringify({ operations }))
    if (outcome === 'ok') this.acknowledged.operations.push(...ids)
    return outcome
  }

  async #upload(): Promise<Outcome> {
    const bytes = randomBytes(1 + Math.floor(this.#random() * 300_000))
    const hash = createHash('sha256').update(bytes).digest('hex')
    const form = new FormData()
    form.append('file', new Blob([bytes]), `${hash}.glb`)
    const outcome = await this.#request('POST', '/admin/upload', form)
    if (outcome === 'ok') this.acknowledged.assets.set(`${hash}.glb`, hash)
    return outcome
  }

  /** Records an opId of the runtime's own: the value says whose it is. */
  #putSpawn(): Promise<Outcome> {
    this.#tag()
    const body = JSON.stringify({ position: this.#place(), quaternion: [0, 0, 0, 1] })
    return this.#request('PUT', '/admin/spawn', body)
  }

  async #request(method: string, path: string, body: string | FormData): Promise<Outcome> {
    const headers: Record<string, string> = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
    try {
      const answer = await fetch(`${this.#url()}${path}`, { method, headers, body })
      await answer.arrayBuffer()
      return answer.ok ? 'ok' : 'refused'
    } catch {
      return 'unknown'
    }
  }

  #tag(): string {
    return tagText('editor', this.#index, ++this.#count)
  }

  #place(): Json[] {
    return [...tagPlace('editor', this.#index, this.#count)]
  }
}
