import { chooseChange, draw, type Memory, pick } from './changes.ts'
import type { Host, Random } from './host.ts'
import type { Target } from './worlds.ts'

const PEOPLE = ['eve', 'sam']

/** Who is told what happens. */
export interface Chronicler {
  say(text: string): void
  count(name: string): void
}

/** What happens in worlds without the machines: people build, carry things about, and servers have their troubles. */
export class Happenings {
  readonly #told: Chronicler
  readonly #memory: Memory
  readonly #host: Host
  readonly #losses: boolean

  constructor(told: Chronicler, { memory, host, losses }: { memory: Memory; host: Host; losses: boolean }) {
    this.#told = told
    this.#memory = memory
    this.#host = host
    this.#losses = losses
  }

  edit(target: Target, random: Random, token: number): void {
    const { world } = target
    if (!world.model.running) return
    const by = pick(random, PEOPLE)
    const change = chooseChange(random, world.values, token, this.#memory)
    const done = world.change(change, by)
    this.#memory.remember(world.values)
    this.#told.say(`${by} ${JSON.stringify(change)}${done ? '' : ' refused'}${where(target)}`)
    this.#told.count('edits in the world')
  }

  carry(target: Target, random: Random, token: number): void {
    const { world } = target
    const held = world.inHand
    if (!world.model.running) return
    if (held.length > 0 && random() < 0.6) {
      world.putDown(pick(random, held).slice('entity:'.length))
      this.#told.say(`put down${where(target)}`)
      return
    }
    const entities = world.carriable
    if (entities.length === 0) return
    const id = pick(random, entities)
    world.carry(id, [token, 2, 0], pick(random, PEOPLE))
    this.#told.say(`carry ${id}${where(target)}`)
  }

  /** `forgets`: the world's feed does not reach far back. */
  serverFault(target: Target, random: Random, forgets: boolean): void {
    const { world } = target
    const { model } = world
    const kind = draw(random, [
      [3, 'save'],
      [1, 'restart'],
      [1, 'crash'],
      [1, 'unreachable'],
      [3, 'reachable'],
      [forgets ? 2 : 0, 'retain'],
      [1, 'clock'],
    ] as const)
    this.#told.say(`server ${kind}${where(target)}`)
    if (kind === 'save') world.save()
    else if (kind === 'restart' || kind === 'crash') {
      if (!this.#losses) world.save()
      world.restart(kind === 'crash')
    } else if (kind === 'retain') model.retain(5 + Math.floor(random() * 20))
    // Where the feed is cut, the time of an object's last write tells what a crash has set back.
    else if (kind === 'clock') this.#host.now += Math.floor((random() - (forgets ? 0 : 0.3)) * 7_200_000)
    else model.reachable = kind === 'reachable'
    this.#told.count(`server: ${kind}`)
  }
}

function where({ name }: Target): string {
  return name === undefined ? '' : ` in ${name}`
}
