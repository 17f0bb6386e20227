/** A deploy lock as the store keeps it; times in milliseconds since the epoch. */
export interface HeldLock {
  readonly scope: string
  readonly token: string
  readonly owner: string
  readonly acquiredAt: number
  readonly expiresAt: number
}

export const GLOBAL_SCOPE = 'global'
export const DEFAULT_TTL_SECONDS = 120
const MAX_TTL_SECONDS = 24 * 60 * 60
/** Held at one time; scopes are as many as there are app folders. */
const MAX_LOCKS = 10_000

/** What an answer says about a lock; never its token (protocol, section 6). */
export interface LockInfo {
  readonly locked: true
  readonly owner: string
  readonly acquiredAt: number
  readonly ageMs: number
  readonly expiresInMs: number
  readonly scope: string
}

/** Seconds asked for → milliseconds granted. Anything but a positive number means the default. */
export function grantedTtl(ttl: unknown): number {
  const seconds = typeof ttl === 'number' && ttl > 0 ? Math.min(ttl, MAX_TTL_SECONDS) : DEFAULT_TTL_SECONDS
  return Math.round(seconds * 1000)
}

export function lockInfo(lock: HeldLock, now: number): LockInfo {
  return {
    locked: true,
    owner: lock.owner,
    acquiredAt: lock.acquiredAt,
    ageMs: now - lock.acquiredAt,
    expiresInMs: lock.expiresAt - now,
    scope: lock.scope,
  }
}

/**
 * The deploy locks of a world (protocol, section 6).
 *
 * `global` excludes every scope and any scope excludes `global`; an expired lock is as good as none. `persist` is called
 * before a change counts, so that locks survive a restart.
 */
export class LockTable {
  readonly #locks = new Map<string, HeldLock>()
  readonly #persist: (lock: HeldLock | { readonly scope: string; readonly released: true }) => void

  constructor(
    locks: Iterable<HeldLock>,
    persist: (lock: HeldLock | { readonly scope: string; readonly released: true }) => void,
  ) {
    for (const lock of locks) this.#locks.set(lock.scope, lock)
    this.#persist = persist
  }

  /** The lock of exactly this scope. */
  get(scope: string, now: number): HeldLock | undefined {
    const lock = this.#locks.get(scope)
    return lock !== undefined && lock.expiresAt > now ? lock : undefined
  }

  find(token: string, now: number): HeldLock | undefined {
    for (const lock of this.#locks.values()) if (lock.token === token && lock.expiresAt > now) return lock
    return undefined
  }

  /** The lock that stands in the way of acquiring `scope`. */
  blocking(scope: string, now: number): HeldLock | undefined {
    const same = this.get(scope, now) ?? this.get(GLOBAL_SCOPE, now)
    if (same !== undefined || scope !== GLOBAL_SCOPE) return same
    for (const lock of this.#locks.values()) if (lock.expiresAt > now) return lock
    return undefined
  }

  put(lock: HeldLock): void {
    this.#persist(lock)
    this.#locks.set(lock.scope, lock)
  }

  /** How many are held. */
  count(now: number): number {
    let held = 0
    for (const { expiresAt } of this.#locks.values()) if (expiresAt > now) held++
    return held
  }

  /** Whether a further scope may be locked. */
  hasRoom(now: number): boolean {
    if (this.#locks.size < MAX_LOCKS) return true
    for (const { scope, expiresAt } of this.#locks.values()) if (expiresAt <= now) this.release(scope)
    return this.#locks.size < MAX_LOCKS
  }

  release(scope: string): void {
    this.#persist({ scope, released: true })
    this.#locks.delete(scope)
  }

  /** Whether `tokens` allow a script-bearing write in `scope`; the token of `global` allows any. */
  permits(scope: string, tokens: readonly string[], now: number): LockVerdict {
    const own = this.get(scope, now)
    const global = this.get(GLOBAL_SCOPE, now)
    for (const lock of [own, global]) {
      if (lock !== undefined && tokens.includes(lock.token)) return { kind: 'permitted' }
    }
    const held = own ?? global
    if (held !== undefined) return { kind: 'locked', lock: lockInfo(held, now) }
    return { kind: 'required' }
  }
}

export type LockVerdict =
  | { readonly kind: 'permitted' }
  | { readonly kind: 'locked'; readonly lock: LockInfo }
  | { readonly kind: 'required' }
