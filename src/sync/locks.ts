import { hostname, userInfo } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { DeployLock, RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import { type Report, UNHEARD } from './figures/event.ts'

const TTL_SECONDS = 120
const RENEW_MS = 40_000
/** A lock is taken for a moment first and kept once its token is written down: a process killed in between blocks nobody. */
const FIRST_TTL_SECONDS = 10
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000

/** The deploy locks that a push holds (P4): scope → token. */
export interface HeldLocks {
  readonly tokens: Readonly<Record<string, string>>
  /** The token that covers a scope: its own, or the global one. */
  tokenFor(scope: string | undefined): string | undefined
  /** Whether the lock of a scope was found to be somebody else's, or run out. */
  isLost(scope: string | undefined): boolean
  release(): Promise<void>
}

export interface LockOptions {
  /** How long to wait for a lock that is held, in milliseconds; by default not at all. */
  readonly waitMs?: number
  /** Told the tokens after each lock that is taken, before the next (P6). */
  readonly onTaken?: (tokens: Readonly<Record<string, string>>) => Promise<void>
  /** Told what is being waited for. */
  readonly say?: (text: string) => void
  readonly report?: Report
  /** Ends a wait; it rejects with its reason. */
  readonly signal?: AbortSignal | undefined
  readonly sleep?: (ms: number) => Promise<void>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

type LockCalls = Pick<RemoteRuntime, 'acquireLock' | 'renewLock' | 'releaseLock'>

/**
 * Takes the deploy locks of some scopes, in sorted order so that two pushes never wait for each other crosswise, and
 * renews them until they are released. One global lock stands for all where `global` is among the scopes, because it
 * excludes every other (protocol, section 6). Throws `deploy_locked`, naming the owner, with nothing held.
 */
export async function takeLocks(
  runtime: LockCalls,
  scopes: Iterable<string>,
  options: LockOptions = {},
): Promise<HeldLocks> {
  const wanted = [...new Set(scopes)].sort()
  const list = wanted.includes('global') ? ['global'] : wanted
  const tokens: Record<string, string> = {}
  const lost = new Set<string>()
  const { report = UNHEARD } = options
  const renew = async (scope: string, token: string): Promise<void> => {
    let renewed: boolean
    try {
      renewed = await runtime.renewLock(token, TTL_SECONDS, scope)
    } catch (error) {
      report.tell({ kind: 'lock', step: 'not-renewed', scope })
      throw error
    }
    if (renewed || lost.has(scope)) return
    lost.add(scope)
    report.tell({ kind: 'lock', step: 'lost', scope })
  }
  // A renewal that does not get through is tried again; a lock that ran out meanwhile, the runtime will tell.
  const renewAll = () => {
    for (const [scope, token] of Object.entries(tokens)) renew(scope, token).catch(() => {})
  }
  const timer = setInterval(renewAll, RENEW_MS)
  timer.unref()
  const release = async () => {
    clearInterval(timer)
    await releaseLocks(runtime, tokens)
    for (const scope of Object.keys(tokens)) report.tell({ kind: 'lock', step: 'released', scope })
  }
  try {
    for (const scope of list) {
      const token = await acquire(runtime, scope, options)
      report.conceal(token)
      report.tell({ kind: 'lock', step: 'taken', scope })
      tokens[scope] = token
      await options.onTaken?.({ ...tokens })
      await renew(scope, token)
      if (lost.has(scope)) throw lockedError(scope, undefined)
    }
  } catch (error) {
    await release()
    throw error
  }
  const covering = (scope: string): string => (Object.hasOwn(tokens, scope) ? scope : 'global')
  return {
    tokens,
    tokenFor: (scope) => (scope === undefined ? undefined : tokens[covering(scope)]),
    isLost: (scope) => scope !== undefined && lost.has(covering(scope)),
    release,
  }
}

/** Releases locks by their tokens; one that ran out, or cannot be reached, ends by itself. */
export async function releaseLocks(
  runtime: Pick<LockCalls, 'releaseLock'>,
  tokens: Readonly<Record<string, string>>,
): Promise<void> {
  await Promise.allSettled(Object.entries(tokens).map(([scope, token]) => runtime.releaseLock(token, scope)))
}

/** Takes one lock, waiting for whoever holds it as long as the options allow. */
async function acquire(runtime: LockCalls, scope: string, options: LockOptions): Promise<string> {
  const { waitMs = 0, say = () => {}, signal, now = Date.now } = options
  const sleep = options.sleep ?? ((ms) => delay(ms, undefined, signal === undefined ? {} : { signal }))
  const begun = now()
  let told: string | undefined
  for (let attempt = 0; ; attempt++) {
    const outcome = await runtime.acquireLock(ownerName(), FIRST_TTL_SECONDS, scope)
    if (outcome.kind === 'acquired') return outcome.token
    const { lock } = outcome
    // What a killed push of this machine took last and could not write down runs out in a moment.
    const patience = Math.max(waitMs, isLeftOver(lock) ? FIRST_TTL_SECONDS * 1000 + LONGEST_WAIT_MS : 0)
    const left = patience - (now() - begun)
    if (left <= 0) {
      options.report?.tell({ kind: 'lock', step: 'held', scope, owner: lock.owner })
      throw lockedError(scope, lock, waitMs)
    }
    const holder = lock.owner ?? 'somebody'
    if (told !== holder) say(`Waiting for the lock of scope "${scope}", held by ${holder}${remaining(lock)}.`)
    told = holder
    await sleep(Math.min(FIRST_WAIT_MS * 2 ** attempt, LONGEST_WAIT_MS, left))
    signal?.throwIfAborted()
  }
}

function lockedError(scope: string, lock: DeployLock | undefined, waitMs = 0): SyncError {
  const waited = waitMs > 0 ? ` It was waited for, ${Math.round(waitMs / 1000)} s.` : ''
  const who = lock === undefined ? 'somebody else meanwhile' : (lock.owner ?? 'somebody')
  return new SyncError(
    'deploy_locked',
    `Scope "${scope}" is locked for deploying by ${who}${lock === undefined ? '' : remaining(lock)}.${waited}`,
    {
      exitCode: 3,
      hint: 'Nothing was sent. Run the push again when the lock is gone, or with --wait-lock <seconds>.',
      data: { scope, owner: lock?.owner, expiresInMs: lock?.expiresInMs },
    },
  )
}

function remaining({ expiresInMs }: DeployLock): string {
  return expiresInMs === undefined ? '' : `, for ${Math.max(1, Math.ceil(expiresInMs / 1000))} s more`
}

/** Who holds a lock, for the person who finds it held. */
function ownerName(): string {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch {
    // No entry for this user, as in some containers.
  }
  return `${user}@${hostname()} (gamedev sync ${process.pid})`
}

/** Whether a lock was taken for a moment by a process of this machine that is gone. */
function isLeftOver({ owner = '', expiresInMs = Number.POSITIVE_INFINITY }: DeployLock): boolean {
  const match = /@(.+) \(gamedev sync (\d+)\)$/.exec(owner)
  if (match === null || match[1] !== hostname() || expiresInMs > FIRST_TTL_SECONDS * 1000) return false
  try {
    process.kill(Number(match[2]), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
