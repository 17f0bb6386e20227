import { type Bits, NO_BITS, union } from './bits.ts'
import { pick } from './changes.ts'
import type { Moment } from './history.ts'
import type { Random } from './host.ts'
import type { Stand } from './knowledge.ts'
import type { Place } from './values.ts'
import type { WatchedWorld } from './watched-world.ts'

/** A world of a project, as its machines reach it. */
export interface Target {
  /** What commands are told; undefined for the one that they take by default. */
  readonly name: string | undefined
  readonly url: string
  readonly world: WatchedWorld
}

/** The worlds that a project knows, and what the oracle asks of all of them. */
export class Worlds {
  readonly targets: Target[] = []

  get first(): Target {
    return this.targets[0]!
  }

  named(name: string): Target {
    return this.targets.find((target) => target.name === name)!
  }

  get all(): readonly WatchedWorld[] {
    return this.targets.map(({ world }) => world)
  }

  /** One of them; where there is no choice, nothing is drawn. */
  pick(random: Random): Target {
    return this.targets.length === 1 ? this.first : pick(random, this.targets)
  }

  /** The states that the line of a world may hold at a cursor; none for a world that nobody knows. */
  at(worldId: string, cursor: number): readonly Moment[] {
    return this.all.find(({ watch }) => watch.worldId === worldId)?.watch.at(cursor) ?? []
  }

  /** What crashes took from a field, in any world. */
  dropped(at: Place): Bits {
    return this.all.reduce((bits, { watch }) => union(bits, watch.dropped.get(at) ?? NO_BITS), NO_BITS)
  }

  /** All that servers have lost. */
  get lost(): Bits {
    return this.all.reduce((bits, { watch }) => union(bits, watch.lost), NO_BITS)
  }

  /** The values that pushes from a clone replaced in a field of any world without having seen them. */
  replacedBy(clone: string, at: Place): readonly Stand[] {
    return this.all.flatMap(({ watch }) => watch.replacedBy(clone, at))
  }

  /** The objects that pushes have added since the last call. */
  takeAdded(): WatchedWorld['watch']['added'] {
    return this.all.flatMap(({ watch }) => watch.added.splice(0))
  }

  takeDefects(): readonly string[] {
    return this.all.flatMap(({ watch, model }) => [
      ...watch.defects.splice(0),
      ...model.bugs.splice(0).map((bug) => `model: ${String(bug)}`),
    ])
  }
}
