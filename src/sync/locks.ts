import { hostname, userInfo } from 'node:os'
import type { RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'

const TTL_SECONDS = 120
const RENEW_MS = 40_000

/** The deploy locks that a push holds (P4): scope → token. */
export interface HeldLocks {
  readonly tokens: Readonly<Record<string, string>>
  /** The token that covers a scope: its own, or the global one. */
  tokenFor(scope: string | undefined): string | undefined
  release(): Promise<void>
}

/**
 * Takes the deploy locks of some scopes, in sorted order so that two pushes never wait for each other crosswise, and
 * renews them until they are released. One global lock stands for all where `global` is among the scopes, because it
 * excludes every other (protocol, section 6). Throws `deploy_locked`, naming the owner, with nothing held.
 */
export async function takeLocks(runtime: RemoteRuntime, scopes: Iterable<string>): Promise<HeldLocks> {
  const wanted = [...new Set(scopes)].sort()
  const list = wanted.includes('global') ? ['global'] : wanted
  const tokens: Record<string, string> = {}
  const release = async () => {
    clearInterval(timer)
    await Promise.allSettled(Object.entries(tokens).map(([scope, token]) => runtime.releaseLock(token, scope)))
  }
  const renew = () => {
    // A lock that is lost is noticed by the operation that needs it.
    for (const [scope, token] of Object.entries(tokens)) runtime.renewLock(token, TTL_SECONDS, scope).catch(() => {})
  }
  const timer = setInterval(renew, RENEW_MS)
  timer.unref()
  try {
    for (const scope of list) {
      const outcome = await runtime.acquireLock(ownerName(), TTL_SECONDS, scope)
      if (outcome.kind === 'held') {
        const { lock } = outcome
        const left = lock.expiresInMs === undefined ? '' : `, for ${Math.ceil(lock.expiresInMs / 1000)} s more`
        throw new SyncError(
          'deploy_locked',
          `Scope "${scope}" is locked for deploying by ${lock.owner ?? 'somebody'}${left}.`,
          {
            exitCode: 3,
            hint: 'Nothing was sent. Run the push again when the lock is gone.',
            data: { scope, owner: lock.owner, expiresInMs: lock.expiresInMs },
          },
        )
      }
      tokens[scope] = outcome.token
    }
  } catch (error) {
    await release()
    throw error
  }
  return { tokens, tokenFor: (scope) => (scope === undefined ? undefined : (tokens[scope] ?? tokens.global)), release }
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
