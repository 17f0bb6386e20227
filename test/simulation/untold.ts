import type { Histories } from './history.ts'
import { type Edits, standAt } from './knowledge.ts'
import type { Machine } from './machine.ts'
import { objectOf } from './values.ts'
import type { Unseen } from './watch.ts'
import type { WatchedWorld } from './watched-world.ts'
import type { Worlds } from './worlds.ts'

interface Open extends Unseen {
  readonly world: WatchedWorld
}

/** What pushes replaced without having seen it, until they say so (P5). */
export class Untold {
  readonly #worlds: Worlds
  readonly #edits: Edits
  readonly #histories: Histories
  #open: Open[] = []
  readonly #interrupted = new Set<Open>()

  constructor(worlds: Worlds, edits: Edits, histories: Histories) {
    this.#worlds = worlds
    this.#edits = edits
    this.#histories = histories
  }

  /** How many were never told. */
  get count(): number {
    return this.#open.length
  }

  #collect(): void {
    for (const world of this.#worlds.all) {
      this.#open.push(...world.watch.unseen.splice(0).map((one) => ({ ...one, world })))
    }
  }

  /** A command that ends in an error has said what it said: that a merge is open now, and which writes it is about. */
  dropTold(machine: Machine): void {
    this.#collect()
    this.#open = this.#open.filter((one) => !isOf(one, machine) || !machine.hasSaid(one.at))
  }

  /** What a push had done before it was killed. */
  interrupt(machine: Machine): void {
    this.#collect()
    for (const one of this.#open) if (one.clone === machine.name) this.#interrupted.add(one)
  }

  /** A command with a world has ended and told what it had to; returns what it did not, and how many there were. */
  answer(machine: Machine): { readonly asked: number; readonly defects: readonly string[] } {
    this.#collect()
    const mine = this.#open.filter((one) => isOf(one, machine))
    this.#open = this.#open.filter((one) => !isOf(one, machine))
    const defects: string[] = []
    for (const one of mine) {
      // What the feed had dropped before it was read back, nobody can name; that it had, is said.
      if (machine.said.some((text) => text.includes('no longer reaches back'))) continue
      if (machine.hasSaid(one.at) || machine.hasShown(one.at) || this.#wasWrittenAgain(one)) continue
      if (this.#isInHand(machine, one) || this.#isPutBack(machine, one)) continue
      if (machine.owesReport) {
        this.#open.push(one)
        continue
      }
      defects.push(
        `unseen: ${one.clone} at ${one.cursor} replaced ${one.at} = ${one.stand.value} [${this.#edits.describe(one.stand.edits)}] and did not say so`,
      )
    }
    return { asked: mine.length, defects }
  }

  /** What a killed push had put back is in the world again, or in its closing merge, for the next push: it is not lost. */
  #isPutBack(machine: Machine, one: Open): boolean {
    if (!this.#interrupted.has(one)) return false
    const { value } = standAt(this.#histories.siteOf(machine.git.head()), one.at)
    return value === one.stand.value || one.world.watch.now.values.get(one.at) === one.stand.value
  }

  /** Somebody in the world wrote the field again after the push had: they saw that, and overwrote both. */
  #wasWrittenAgain({ at, stand, cursor, world }: Open): boolean {
    const { worldId } = world.watch
    const isLater = (id: number) => this.#edits.all[id]!.world === worldId && stand.edits.every((before) => id > before)
    for (let after = cursor + 1; after <= world.model.head; after++) {
      for (const { site } of world.watch.at(after)) if (standAt(site, at).edits.some(isLater)) return true
    }
    return standAt(world.watch.now.site, at).edits.some(isLater)
  }

  /**
   * A hand moved the object, and it or somebody after it put that back where the pusher had it before: a move makes no
   * commit, nor does what changes nothing of what the line has.
   */
  #isInHand(machine: Machine, { at, stand, world }: Open): boolean {
    const { seen } = this.#histories.siteOf(machine.git.head())
    const known = this.#edits.saying(seen, at, stand.value)
    if (stand.edits.length === 0 || known.length === 0) return false
    const isHand = (id: number) => {
      const edit = this.#edits.all[id]!
      return edit.world === world.watch.worldId && edit.what === `carry ${objectOf(at)}`
    }
    const last = Math.max(...stand.edits)
    return this.#edits.all.some((_, id) => id <= last && known.some((one) => one < id) && isHand(id))
  }
}

/** Whether it is for the machine's last command to tell. */
function isOf(one: Open, machine: Machine): boolean {
  return one.clone === machine.name && one.world === machine.target.world
}
