/**
 * What a simulated process stands on: a clock, randomness, effects that it may be killed at, and the one rule that makes
 * many of them deterministic. Only one process runs at a time: {@link Host.resume} lets it go on, and everything that
 * happens until the microtasks are drained is its doing. A process that was killed is never resumed: whatever it waits
 * for stays pending for good, so that no `catch` and no `finally` of it runs, as after SIGKILL.
 */

/** A number in [0, 1), by mulberry32: the same seed, the same numbers. */
export type Random = () => number

export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** When a process dies: at its n-th effect, before it, after it, or with half of it done. */
export interface Strike {
  readonly effect: number
  readonly moment: 'before' | 'torn' | 'after'
}

/** One run of one command on one machine. */
export class SimProcess {
  readonly name: string
  readonly pid: number
  /** Effects so far. */
  effects = 0
  dead = false
  /** The effect it died at. */
  struck: string | undefined
  readonly strike: Strike | undefined

  constructor(name: string, pid: number, strike?: Strike) {
    this.name = name
    this.pid = pid
    this.strike = strike
  }
}

const NEVER = new Promise<never>(() => {})

/** The one host of a simulated run; replaced by {@link startHost} at the begin of each. */
export class Host {
  /** Milliseconds since 1970. */
  now: number
  readonly random: Random
  /** By how much each waits before it tries again. */
  readonly jitter: Random
  /** The process that runs; undefined while the scheduler does. */
  current: SimProcess | undefined

  constructor(options: { readonly now: number; readonly random: Random; readonly jitter?: Random }) {
    this.now = options.now
    this.random = options.random
    this.jitter = options.jitter ?? seeded(1)
  }
}

let host: Host | undefined

export function startHost(next: Host): void {
  host = next
}

export function theHost(): Host {
  if (host === undefined) throw new Error('no simulation runs')
  return host
}

/**
 * Does something that outlives the process (a file, a ref, an object, the index). `act` is synchronous; `torn` does the
 * half of it that a crash may leave. Kills the process there when its strike says so.
 */
export function perform<T>(effect: string, act: () => T, torn?: () => void): Promise<T> {
  const process = host?.current
  if (process !== undefined) {
    if (process.dead) return NEVER
    const { strike } = process
    const at = process.effects++
    if (strike !== undefined && strike.effect === at) {
      process.dead = true
      process.struck = `${strike.moment} ${effect}`
      if (strike.moment === 'after') act()
      else if (strike.moment === 'torn') torn?.()
      return NEVER
    }
  }
  try {
    return Promise.resolve(act())
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

/** Looks at something that outlives the process; the dead look at nothing. */
export function look<T>(act: () => T): Promise<T> {
  if (host?.current?.dead === true) return NEVER
  try {
    return Promise.resolve(act())
  } catch (error) {
    return Promise.reject(error as Error)
  }
}
