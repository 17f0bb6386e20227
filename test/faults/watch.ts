/**
 * When a step of the network strikes: before the runtime got it; with half of it sent; just after all of it was; when
 * the runtime has done it and the command does not know; or a moment after its answer was passed on.
 */
export type Moment = 'before' | 'half' | 'sent' | 'landed' | 'answered'

/** One HTTP request, or one frame that a command sends over the WebSocket. */
export interface NetStep {
  readonly name: string
  /** The moments at which killing the command makes a difference. */
  readonly moments: readonly Moment[]
}

export interface NetStrike {
  /** The n-th step of the command, from 1. */
  readonly at: number
  readonly moment: Moment
  /** Milliseconds from sending, or from passing the answer on: what follows without network or git is struck as well. */
  readonly later: number
  /** Who dies; by default the command. */
  readonly victim?: 'command' | 'runtime'
}

/** Something that a command writes to the world, as it is passed on. */
export type Write =
  | { readonly name: string; readonly body: Buffer }
  | { readonly name: 'frame'; readonly payload: unknown }

export interface Command {
  /** Tells commands that run at the same time apart. */
  readonly code?: string
  readonly kill: () => void
  readonly strike?: NetStrike | undefined
  readonly onWrite?: (write: Write) => void
}

/** What a command does over the network while it runs. */
export class Watch {
  readonly command: Command
  readonly steps: NetStep[] = []
  /** What the strike hit. */
  struck: string | undefined
  /** The command was killed: nothing more of it goes through. */
  dead = false
  /** What the runtime still works on. */
  readonly #busy = new Set<Promise<void>>()

  constructor(command: Command) {
    this.command = command
  }

  count(name: string, moments: readonly Moment[]): number {
    this.steps.push({ name, moments })
    return this.steps.length
  }

  /** Whether this moment of a step is the one that is struck; the killing is done or on its way then. */
  hits(step: number, moment: Moment): boolean {
    const { strike, kill } = this.command
    if (strike?.at !== step || strike.moment !== moment || this.struck !== undefined) return false
    this.struck = `${moment} ${this.steps[step - 1]?.name}`
    if (moment === 'answered' || moment === 'sent') setTimeout(kill, strike.later)
    else {
      this.dead = strike.victim !== 'runtime'
      kill()
    }
    return true
  }

  wait(work: Promise<void>): void {
    this.#busy.add(work)
    work.then(() => this.#busy.delete(work))
  }

  /** Until the runtime has done all of this command that reached it. */
  async settled(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy)
  }
}
