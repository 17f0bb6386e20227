import { forgetSleepers, removeSleeper, sleeping } from './environment.ts'
import { Host, type Random, SimProcess, type Strike, startHost } from './host.ts'
import type { Step, Verdict } from './world/network.ts'

const FAULTS = ['lose', 'cut', 'lose', 'cut', 'repeat'] as const

/** How a command of a machine ended. */
export type Ending =
  | { readonly kind: 'returned'; readonly report: unknown }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'killed'; readonly at: string }

interface Waiting {
  readonly step: Step
  readonly go: (verdict: Verdict) => void
}

/** A command under way. */
export interface Running {
  readonly process: SimProcess
  readonly name: string
  readonly waiting: Waiting[]
  /** 0: it always stops at the network; 1: never. */
  readonly calm: number
  readonly random: Random
  ending: Ending | undefined
}

/**
 * Lets one process go on at a time and decides what becomes of each message. Everything happens in an order that the
 * seed gives alone.
 */
export class Scheduler {
  readonly host: Host
  readonly running: Running[] = []
  #pids = 100
  /** Whether messages may be lost. */
  faults = true

  constructor(now: number, chance: { readonly random: Random; readonly jitter: Random }) {
    this.host = new Host({ now, ...chance })
    forgetSleepers()
    startHost(this.host)
  }

  /** The gate that every message passes: most go on at once, others wait for {@link advance}. */
  readonly gate = (step: Step): Promise<Verdict> => {
    const running = this.running.find(({ process }) => process === step.process)
    // What somebody else's doing sends to a process, it hears when it runs.
    if (running === undefined || (step.awake && running.random() < running.calm)) return Promise.resolve('deliver')
    return new Promise((go) => void running.waiting.push({ step, go }))
  }

  async start(
    name: string,
    command: string,
    work: () => Promise<unknown>,
    options: { readonly calm: number; readonly random: Random; readonly strike?: Strike | undefined },
  ): Promise<Running> {
    const process = new SimProcess(name, ++this.#pids, options.strike)
    const running: Running = {
      process,
      name: command,
      waiting: [],
      calm: options.calm,
      random: options.random,
      ending: undefined,
    }
    this.running.push(running)
    await this.#resume(process, () => {
      work().then(
        (report) => {
          running.ending = { kind: 'returned', report }
        },
        (error: unknown) => {
          running.ending = { kind: 'failed', error }
        },
      )
    })
    return running
  }

  /** Lets a command go on by one message, or wakes what it waits for; false when it can do nothing any more. */
  async advance(running: Running, lossy = 0): Promise<boolean> {
    if (running.ending !== undefined || running.process.dead) return false
    const index = Math.floor(running.random() * running.waiting.length)
    const [next] = running.waiting.splice(index, 1)
    if (next !== undefined) {
      const faulty = this.faults && running.random() < lossy
      const verdict = faulty ? FAULTS[Math.floor(running.random() * FAULTS.length)]! : 'deliver'
      await this.#resume(running.process, () => next.go(verdict))
      return true
    }
    const sleeper = [...sleeping()].filter((one) => one.process === running.process).sort((a, b) => a.at - b.at)[0]
    if (sleeper === undefined) return false
    removeSleeper(sleeper)
    this.host.now = Math.max(this.host.now, sleeper.at)
    await this.#resume(running.process, sleeper.wake)
    return true
  }

  /** Kills a command where it stands. */
  kill(running: Running): void {
    if (running.ending !== undefined) return
    running.process.dead = true
    running.process.struck ??= 'between two messages'
  }

  /** Commands that are over since this was last asked, in order; what the dead left is forgotten. */
  takeEnded(): readonly Running[] {
    const over: Running[] = []
    for (const running of [...this.running]) {
      if (running.process.dead && running.ending === undefined) {
        running.ending = { kind: 'killed', at: running.process.struck ?? '' }
      }
      if (running.ending === undefined) continue
      over.push(running)
      this.running.splice(this.running.indexOf(running), 1)
      for (const sleeper of sleeping()) if (sleeper.process === running.process) removeSleeper(sleeper)
    }
    return over
  }

  /** Runs one process until it waits for something; nothing but microtasks may be needed for that. */
  async #resume(process: SimProcess, go: () => void): Promise<void> {
    this.host.current = process
    go()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.host.current = undefined
  }
}
