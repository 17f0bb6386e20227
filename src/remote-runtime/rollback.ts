import { checked, loadReplies } from './checked.ts'
import { errorCode, type Http, unexpectedStatus } from './http.ts'
import { lockOf } from './lock.ts'
import { printable } from './printable.ts'
import type { RemoteRuntime } from './remote-runtime.ts'

/** Undoing a deploy (protocol, section 6). It is never sent twice: what it did is read from the feed (P6). */
export function rollbackCalls(http: Http): Pick<RemoteRuntime, 'rollbackDeploy'> {
  const { connection } = http
  return {
    rollbackDeploy: async (request) => {
      const answer = await http.write('POST', '/admin/deploy-snapshots/rollback', JSON.stringify(request))
      const error = errorCode(answer)
      // An unknown route says "Not Found" (protocol, section 1), and `not_found` means the snapshot.
      if (answer.status === 404 && (error === undefined || error === 'Not Found')) return { kind: 'unsupported' }
      if (answer.status === 404) return { kind: 'missing' }
      const replies = await loadReplies()
      if (answer.status !== 200) {
        if (error === undefined) throw unexpectedStatus(connection, answer)
        const lock = lockOf(answer.json, replies.deployLockSchema)
        return { kind: 'refused', error: printable(error, connection.code), ...(lock === undefined ? {} : { lock }) }
      }
      const { snapshotId, restored, failed } = checked<{
        readonly snapshotId: string
        readonly restored: readonly string[]
        readonly failed: readonly unknown[]
      }>(http, answer.endpoint, replies.rolledBackSchema, answer.json)
      const ids = failed.map((entry) => printable(idOf(entry), connection.code))
      return { kind: 'rolled-back', id: snapshotId, restored, failed: ids }
    },
  }
}

/** What failed is named by its id, alone or beside a reason. */
function idOf(entry: unknown): string {
  if (typeof entry === 'string') return entry
  if (typeof entry === 'object' && entry !== null && Object.hasOwn(entry, 'id')) {
    return String((entry as { readonly id?: unknown }).id)
  }
  return JSON.stringify(entry) ?? 'unknown'
}
