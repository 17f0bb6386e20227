import type { Options } from './options.ts'
import type { RuntimeKind } from './schedule.ts'
import type { Tally } from './turn.ts'

/** A round that went wrong, and where to look. */
export interface Failure {
  readonly seed: number
  readonly round: number
  readonly runtime: RuntimeKind
  /** The runtime's data, the bare repository and the clones, as they were left, and this failure as `failure.txt`. */
  readonly folder: string
  readonly message: string
}

/** One failure for people: what happened, and how to see it again. */
export function line({ seed, round, runtime, folder, message }: Failure): string {
  return `round ${round} failed: npm run torture -- --seed ${seed} --round ${round} --runtime ${runtime}\n  kept: ${folder}\n${message}\n`
}

/** All rounds of a run together. */
export class Summary {
  readonly failures: Failure[] = []
  #rounds = 0
  #commands = 0
  #operations = 0
  readonly #kills = new Map<string, number>()
  readonly #begun = performance.now()
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  add({ kills, commands, operations }: Tally, failure: Failure | undefined): void {
    this.#rounds++
    this.#commands += commands
    this.#operations += operations
    for (const [kind, count] of kills) this.#kills.set(kind, (this.#kills.get(kind) ?? 0) + count)
    if (failure !== undefined) this.failures.push(failure)
  }

  facts() {
    const kills = Object.fromEntries([...this.#kills].sort())
    return {
      seed: this.#options.seed,
      minutes: Math.round((performance.now() - this.#begun) / 600) / 100,
      rounds: this.#rounds,
      commands: this.#commands,
      operations: this.#operations,
      kills: { total: [...this.#kills.values()].reduce((sum, count) => sum + count, 0), ...kills },
      failures: this.failures,
    }
  }

  text(): string {
    const { kills, failures, ...counts } = this.facts()
    const { total, ...byKind } = kills
    return [
      `seed ${counts.seed}: ${counts.rounds} rounds in ${counts.minutes} minutes, ${counts.commands} commands, ${counts.operations} operations, ${total} kills`,
      ...Object.entries(byKind).map(([kind, count]) => `  ${kind}: ${count}`),
      failures.length === 0
        ? 'nothing was lost'
        : `${failures.length} rounds failed: ${failures.map(({ round }) => round).join(', ')}`,
    ].join('\n')
  }
}
