import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import type { Json } from '../../src/world/json.ts'
import { pick, randomFrom, type Shared, tagPlace, tagText } from '../e2e/race-world.ts'

/**
 * Somebody in the world who takes things into their hand and drags them: a burst of moves with `mover` set, then the
 * drop (protocol, section 3). Each place stands for one edit; those in the hand are overwritten by the next at once.
 */
export class Dragger {
  readonly name: string
  /** Operations that the runtime acknowledged: each must be in the feed. */
  readonly acknowledged: string[] = []
  readonly #index: number
  readonly #remote: RemoteRuntime
  readonly #shared: Shared
  readonly #random: () => number
  #count = 0

  constructor(index: number, seed: number, remote: RemoteRuntime, shared: Shared) {
    this.#index = index
    this.name = `e${index}`
    this.#remote = remote
    this.#shared = shared
    this.#random = randomFrom(seed)
  }

  async run(isOver: () => boolean, pace: number): Promise<void> {
    const session = await this.#remote.connect()
    try {
      while (!isOver()) {
        const id = pick(this.#random, this.#shared.entities)
        const moves = 3 + Math.floor(this.#random() * 6)
        for (let move = 0; move <= moves; move++) {
          const opId = tagText('editor', this.#index, ++this.#count)
          const position = [...tagPlace('editor', this.#index, this.#count)] as Json[]
          const change = { id, position, mover: move === moves ? null : this.name }
          const command = { type: 'entity_modify', change, actor: this.name, source: 'admin', lastOpId: opId }
          const outcome = await session.send(command)
          // Somebody removed it meanwhile.
          if (outcome.kind === 'refused' && outcome.error === 'not_found') break
          if (outcome.kind === 'refused') throw new Error(`${this.name}: ${outcome.error}`)
          this.acknowledged.push(opId)
          await this.#shared.pace.pause(60, this.#random)
        }
        await this.#shared.pace.pause(pace, this.#random)
      }
    } finally {
      await session.close()
    }
  }
}
