import { SyncError } from '../world/errors.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { checked, fitting, loadReplies } from './checked.ts'
import { type Http, invalidResponse, unexpectedStatus } from './http.ts'
import type { ChangesPage, RemoteRuntime } from './remote-runtime.ts'

/** An operation as the wire may have it: `null` where ours has no key. */
type WireOperation = Omit<Operation, 'patch' | 'snapshot'> & {
  readonly patch?: Operation['patch'] | null
  readonly snapshot?: Operation['snapshot'] | null
}
type WirePage = Omit<ChangesPage, 'operations'> & { readonly operations: readonly WireOperation[] }

/**
 * One page of the feed, strictly after `cursor`; without a cursor, the head and no operations.
 *
 * The feed delivers at least once (protocol, section 3): what was delivered before is dropped. The page's `cursor` is
 * the place to go on from. Kinds that nobody knows pass through. A cursor beyond the head comes back as it was.
 */
export async function readPage(
  http: Http,
  cursor: Cursor | undefined,
  options: { readonly limit?: number; readonly wait?: number } = {},
): Promise<Awaited<ReturnType<RemoteRuntime['changes']>>> {
  const query = new URLSearchParams({ cursor: cursor === undefined ? 'latest' : String(cursor) })
  if (options.limit !== undefined) query.set('limit', String(options.limit))
  if (options.wait !== undefined) query.set('wait', String(options.wait))
  const loading = loadReplies()
  const answer = await http.read(`/admin/changes?${query}`, { waitMs: (options.wait ?? 0) * 1000 })
  const replies = await loading
  if (answer.status === 404) throw noChangefeed(http, answer.endpoint)
  if (answer.status === 410) {
    const expired = fitting<{ readonly oldestCursor?: number }>(replies.expiredSchema, answer.json)
    return { kind: 'expired', oldestCursor: expired?.oldestCursor }
  }
  if (answer.status !== 200) throw unexpectedStatus(http.connection, answer)
  const page = checked<WirePage>(http, answer.endpoint, replies.changesSchema, answer.json)
  const broken = (why: string) => invalidResponse(http.connection, answer.endpoint, why)
  const operations = ascending(page.operations, cursor ?? 0, broken)
  const reached = operations.at(-1)?.cursor ?? Math.max(cursor ?? 0, page.cursor)
  if (operations.length === 0 && reached > Math.max(cursor ?? 0, page.headCursor)) {
    throw broken(`cursor ${page.cursor} beyond its own head ${page.headCursor}`)
  }
  return {
    kind: 'page',
    page: { cursor: reached, headCursor: page.headCursor, operations, hasMore: page.hasMore },
  }
}

/** `GET /admin/changes` without a cursor: waits for the runtime's write queue, so it is a barrier as well. */
export async function readHead(http: Http): Promise<Cursor> {
  const answer = await readPage(http, undefined)
  if (answer.kind === 'page') return answer.page.headCursor
  throw invalidResponse(http.connection, 'GET /admin/changes', 'that its own head has expired (HTTP 410)')
}

function ascending(
  operations: readonly WireOperation[],
  after: Cursor,
  broken: (why: string) => SyncError,
): readonly Operation[] {
  const kept: Operation[] = []
  for (const operation of operations) {
    if (operation.cursor <= after) continue
    const last = kept.at(-1)
    if (last !== undefined && operation.cursor <= last.cursor) {
      // Delivered twice within one page.
      if (operation.cursor === last.cursor && operation.opId === last.opId) continue
      throw broken(`operations out of order: cursor ${operation.cursor} after ${last.cursor}`)
    }
    kept.push(withoutNulls(operation))
  }
  return kept
}

function withoutNulls(operation: WireOperation): Operation {
  if (operation.patch !== null && operation.snapshot !== null) return operation as Operation
  const { patch, snapshot, ...rest } = operation
  return {
    ...rest,
    ...(patch === null || patch === undefined ? {} : { patch }),
    ...(snapshot === null || snapshot === undefined ? {} : { snapshot }),
  }
}

function noChangefeed(http: Http, endpoint: string): SyncError {
  const { base } = http.connection
  return new SyncError('no_changefeed', `${base} has no changefeed (${endpoint} answered 404), which sync needs`, {
    hint: 'The server of this world is too old: update it to a version that serves GET /admin/changes.',
    data: { url: base, endpoint },
  })
}

/** What a reader of the feed gets, page by page. */
export type ChangesBatch =
  | {
      readonly kind: 'page'
      readonly operations: readonly Operation[]
      /** Where to go on from. */
      readonly cursor: Cursor
      /** The highest cursor known to exist; below `cursor` only when the world was reset (G11). */
      readonly headCursor: Cursor
    }
  /** The runtime does not keep what comes after `cursor` any more (G9). Nothing follows. */
  | { readonly kind: 'expired'; readonly cursor: Cursor; readonly oldestCursor: Cursor | undefined }

/** How often a page may bring nothing new and still promise more, as one that was delivered before does. */
const MAX_STALLS = 3

/**
 * The feed after a cursor, up to where the runtime has no more; at least one page, be it empty. The next page is asked
 * for while the caller works on the present one.
 *
 * Throws `SyncError` `invalid_response` when the runtime promises more again and again without delivering it.
 */
export async function* readChanges(
  runtime: Pick<RemoteRuntime, 'changes' | 'address'>,
  after: Cursor,
  options: { readonly limit?: number } = {},
): AsyncGenerator<ChangesBatch, void, undefined> {
  const ask = (cursor: Cursor) => {
    const answer = runtime.changes(cursor, options)
    // Awaited below, unless the caller stops before.
    answer.catch(() => {})
    return answer
  }
  let cursor = after
  let stalls = 0
  let next = ask(cursor)
  for (;;) {
    const answer = await next
    if (answer.kind === 'expired') {
      yield { kind: 'expired', cursor, oldestCursor: answer.oldestCursor }
      return
    }
    const { page } = answer
    const moved = page.cursor > cursor
    stalls = moved ? 0 : stalls + 1
    if (page.hasMore && stalls >= MAX_STALLS) {
      throw new SyncError(
        'invalid_response',
        `GET /admin/changes of ${runtime.address.url} promises more after cursor ${cursor} but never delivers it`,
        {
          hint: 'Its server is at fault; what was read until then is kept, and the next fetch goes on there.',
          data: { url: runtime.address.url, cursor },
        },
      )
    }
    cursor = Math.max(cursor, page.cursor)
    if (page.hasMore) next = ask(cursor)
    if (moved || !page.hasMore) {
      const { operations } = page
      const headCursor = Math.max(page.headCursor, operations.at(-1)?.cursor ?? 0)
      yield { kind: 'page', operations, cursor, headCursor }
    }
    if (!page.hasMore) return
  }
}
