import { type SimProcess, theHost } from './host.ts'

/**
 * What the product's code finds where it looks for `Date`, timers, randomness and its own process: the bundle puts these
 * in their place.
 */

const RealDate = globalThis['Date' as keyof typeof globalThis] as DateConstructor

/** The clock of the simulation. */
export const SimDate = new Proxy(RealDate, {
  construct: (_, args: unknown[]) =>
    args.length === 0 ? new RealDate(theHost().now) : Reflect.construct(RealDate, args),
  get: (target, key) => (key === 'now' ? () => theHost().now : Reflect.get(target, key)),
})

/** Somebody waits for a time to come. */
export interface Sleeper {
  readonly process: SimProcess | undefined
  readonly at: number
  readonly wake: () => void
}

/** Who waits, of the host that runs now. */
let sleepers: Sleeper[] = []

export function forgetSleepers(): void {
  sleepers = []
}

export function sleeping(): readonly Sleeper[] {
  return sleepers
}

export function removeSleeper(sleeper: Sleeper): void {
  sleepers = sleepers.filter((other) => other !== sleeper)
}

/** `setTimeout` of `node:timers/promises`. */
export function delay(ms: number): Promise<void> {
  const { current, now } = theHost()
  return new Promise((wake) => void sleepers.push({ process: current, at: now + ms, wake }))
}

/** `setTimeout` of the language: patience, which runs out only when the clock is moved that far. */
export function simSetTimeout(wake: () => void, ms: number): Sleeper {
  const { current, now } = theHost()
  const sleeper = { process: current, at: now + ms, wake, unref: () => {} }
  sleepers.push(sleeper)
  return sleeper
}

export function simClearTimeout(sleeper: Sleeper | undefined): void {
  if (sleeper !== undefined) removeSleeper(sleeper)
}

export function simSetInterval(wake: () => void, ms: number): { current: Sleeper; unref(): void } {
  const interval = { current: simSetTimeout(tick, ms), unref: () => {} }
  function tick(): void {
    interval.current = simSetTimeout(tick, ms)
    wake()
  }
  return interval
}

export function simClearInterval(interval: { readonly current: Sleeper } | undefined): void {
  if (interval !== undefined) removeSleeper(interval.current)
}

/** `process`, as far as locks look at it. */
export const simProcess = {
  get pid(): number {
    return theHost().current?.pid ?? 1
  },
  kill: (pid: number, signal: number): true => {
    if (signal !== 0 || pid !== theHost().current?.pid)
      throw Object.assign(new Error('no such process'), { code: 'ESRCH' })
    return true
  },
  env: {} as Record<string, string | undefined>,
}

/** `Math.random`, which spreads out the attempts of those who wait for a server. */
export function simRandom(): number {
  return theHost().jitter()
}

function randomByte(): number {
  return Math.floor(theHost().random() * 256)
}

export function randomBytes(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, randomByte))
}

export function randomUUID(): string {
  const hex = randomBytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}
