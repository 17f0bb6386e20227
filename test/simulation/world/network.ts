/**
 * The network between simulated processes and worlds: who is where, the gate that every step passes, and what is still
 * on its way after its sender is gone.
 */
import { type SimProcess, theHost } from '../host.ts'
import type { WorldModel } from './model.ts'

/** One step over the network, before it is made. */
export interface Step {
  /** The client's; undefined for one that no simulated process runs. */
  readonly process: SimProcess | undefined
  /** The world's base URL. */
  readonly origin: string
  /**
   * `connect` opens a WebSocket. A `request` is an HTTP request on its way to the server, an `answer` on its way back; a
   * `frame` goes over a WebSocket, to the server when it is a write, else to the client.
   */
  readonly kind: 'request' | 'answer' | 'frame' | 'connect'
  /** `POST /admin/ops`, `POST /admin/ops 200`, `adminCommand entity_modify`, `adminResult`, … */
  readonly what: string
  /** It may change the world. */
  readonly write: boolean
  /**
   * The process is the one that runs now. Otherwise somebody else made the server speak to it, and the gate must not
   * open before the process is resumed: it would run in somebody else's name.
   */
  readonly awake: boolean
}

/**
 * What becomes of a step. `lose`: it never arrives, and the connection is cut. `cut`: the connection is cut, and what was
 * sent may still arrive later ({@link lateWrites}). `repeat`: a request arrives twice; anything else simply arrives.
 */
export type Verdict = 'deliver' | 'lose' | 'cut' | 'repeat'

export type Gate = (step: Step) => Promise<Verdict>

const DELIVER = Promise.resolve<Verdict>('deliver')
const worlds = new Map<string, WorldModel>()
const underWay = new Set<UnderWay>()
let gate: Gate = () => DELIVER

/** What was sent and not read yet. */
export interface UnderWay {
  readonly process: SimProcess | undefined
  readonly origin: string
  readonly what: string
  /** Its sender waits for it no longer, though alive. */
  readonly abandoned: boolean
  /** How many writes it is. */
  readonly count: number
  /** The server reads the first of them; nothing happens when the server it was sent to is gone. */
  arrive(): void
}

/** Puts a world at a base URL: `http://plaza.test`, or with a path. */
export function registerServer(base: string, world: WorldModel): void {
  worlds.set(base.replace(/\/+$/, ''), world)
}

/** An empty network, with a gate that lets everything through. */
export function forgetServers(): void {
  worlds.clear()
  underWay.clear()
  gate = () => DELIVER
}

export function setGate(next: Gate): void {
  gate = next
}

export function pass(step: Omit<Step, 'awake'>): Promise<Verdict> {
  return gate({ ...step, awake: currentProcess() === step.process })
}

/** The process that runs; none outside of a simulation. */
export function currentProcess(): SimProcess | undefined {
  try {
    return theHost().current
  } catch {
    return undefined
  }
}

/** The world that serves a URL, and the URL's rest below its base. */
export function serverAt(
  url: string,
): { readonly base: string; readonly world: WorldModel; readonly path: string } | undefined {
  let found: { readonly base: string; readonly world: WorldModel } | undefined
  for (const [base, world] of worlds) {
    const next = url[base.length]
    const below = url.startsWith(base) && (next === undefined || next === '/' || next === '?')
    if (below && base.length > (found?.base.length ?? -1)) found = { base, world }
  }
  return found === undefined ? undefined : { ...found, path: url.slice(found.base.length) }
}

export function sent(flight: UnderWay): void {
  underWay.add(flight)
}

export function landed(flight: UnderWay): void {
  underWay.delete(flight)
}

/** What processes that are dead or cut off sent, and no server has read yet. */
export function lateWrites(): readonly UnderWay[] {
  return [...underWay].filter(({ abandoned, process, count }) => count > 0 && (abandoned || process?.dead === true))
}

/** Lets everything late arrive, in the order in which it was sent; tells how many writes that were. */
export function deliverLate(): number {
  let count = 0
  for (const flight of lateWrites()) {
    for (; flight.count > 0; count++) flight.arrive()
    underWay.delete(flight)
  }
  return count
}
