import { checked, fitting, loadReplies } from './checked.ts'
import { errorCode, type Http, unexpectedStatus } from './http.ts'
import { printable } from './printable.ts'
import type { DeployLock, LockOutcome, RemoteRuntime } from './remote-runtime.ts'

type LockCalls = Pick<RemoteRuntime, 'lockStatus' | 'acquireLock' | 'renewLock' | 'releaseLock' | 'deploySnapshot'>

const PATH = '/admin/deploy-lock'

/** Deploy locks and deploy snapshots (protocol, section 6; P4). */
export function lockCalls(http: Http): LockCalls {
  const { connection } = http
  return {
    lockStatus: async (scope) => {
      const answer = await http.read(`${PATH}?${new URLSearchParams({ scope })}`)
      if (answer.status !== 200) throw unexpectedStatus(connection, answer)
      const { deployLockSchema } = await loadReplies()
      return checked<DeployLock>(http, answer.endpoint, deployLockSchema, answer.json)
    },

    acquireLock: async (owner, ttl, scope): Promise<LockOutcome> => {
      const answer = await http.write('POST', PATH, JSON.stringify({ owner, ttl, scope }))
      const replies = await loadReplies()
      if (answer.status === 409) {
        const lock = lockOf(answer.json, replies.deployLockSchema)
        return { kind: 'held', lock: lock ?? { locked: true, scope } }
      }
      if (answer.status !== 200) throw unexpectedStatus(connection, answer)
      const { token, ttlMs } = checked<{ readonly token: string; readonly ttlMs: number }>(
        http,
        answer.endpoint,
        replies.acquiredSchema,
        answer.json,
      )
      return { kind: 'acquired', token, ttlMs }
    },

    renewLock: async (token, ttl, scope) => {
      const answer = await http.write('PUT', PATH, JSON.stringify({ token, ttl, scope }))
      if (answer.status === 200) return true
      if (answer.status === 409) return false
      throw unexpectedStatus(connection, answer)
    },

    releaseLock: async (token, scope) => {
      const answer = await http.write('DELETE', PATH, JSON.stringify({ token, scope }), { final: true })
      // 409: it ran out before, and is nobody's or somebody else's.
      if (answer.status !== 200 && answer.status !== 409) throw unexpectedStatus(connection, answer)
    },

    deploySnapshot: async (request) => {
      const answer = await http.write('POST', '/admin/deploy-snapshots', JSON.stringify(request))
      const error = errorCode(answer)
      // An unknown route says "Not Found" (protocol, section 1).
      if (answer.status === 404 && (error === undefined || error === 'Not Found')) return { kind: 'unsupported' }
      if (answer.status !== 200 && error === undefined) throw unexpectedStatus(connection, answer)
      if (answer.status !== 200) return { kind: 'refused', error: printable(error ?? '', connection.code) }
      const { takenSchema } = await loadReplies()
      const { id } = checked<{ readonly id: string }>(http, answer.endpoint, takenSchema, answer.json)
      return { kind: 'taken', id }
    },
  }
}

/** The `lock` of a refusal, where it has one that can be read. */
export function lockOf(json: unknown, schema: Parameters<typeof fitting>[0]): DeployLock | undefined {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, 'lock')) return undefined
  return fitting<DeployLock>(schema, (json as { readonly lock?: unknown }).lock)
}
