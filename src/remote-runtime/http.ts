import { setMaxListeners } from 'node:events'
import { SyncError } from '../world/errors.ts'
import { backOff, type Connection } from './connection.ts'
import { ExchangeFailure, type ExchangeRequest, exchange, openAgents, type Reply } from './exchange.ts'
import { parseJson } from './json-answer.ts'
import { printable } from './printable.ts'

/** An answer of the runtime below 500; `json` is undefined where an error carries none. */
export interface Answer {
  /** Method and path, for messages. */
  readonly endpoint: string
  readonly status: number
  readonly json: unknown
}

export interface Http {
  readonly connection: Connection
  /** A `GET` with the admin code, tried again after 5xx, cut connections and time-outs. */
  read(path: string, options?: { readonly code?: boolean; readonly waitMs?: number }): Promise<Answer>
  /**
   * Sends JSON text once. When it throws with `data.outcome` `unknown`, the runtime may have done it. `final` goes out
   * though the work was aborted, and is not waited for long then: it gives back what the work had taken.
   */
  write(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    json?: string,
    options?: { readonly final?: boolean },
  ): Promise<Answer>
  /** One multipart upload, sent once. */
  upload(path: string, type: string, body: readonly Uint8Array[]): Promise<Answer>
  /** Bytes from anywhere, without the admin code (S2); tried again like a read. Throws {@link ExchangeFailure} `too_large` as it is. */
  fetch(url: URL, maxBytes: number): Promise<Reply>
  close(): void
}

const WHOLE_REQUEST = 20
/** How long, in milliseconds, what is sent after an abort may take. */
const FINAL_MS = 3_000

/** The runtime's HTTP side: bounds, retries and the errors that all endpoints share (S2, S3). */
export function openHttp(connection: Connection): Http {
  const agents = openAgents()
  const origin = new URL(connection.base)
  const prefix = origin.pathname.replace(/\/+$/, '')
  const closed = new AbortController()
  const signal = connection.signal === undefined ? closed.signal : AbortSignal.any([connection.signal, closed.signal])

  // Each request under way listens.
  setMaxListeners(0, signal)

  const request = (
    method: ExchangeRequest['method'],
    path: string,
    options: { readonly code?: boolean; readonly waitMs?: number; readonly type?: string; readonly final?: boolean },
    body?: readonly Uint8Array[],
  ): ExchangeRequest => ({
    method,
    origin,
    path: `${prefix}${path}`,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip, br',
      ...(connection.code === undefined || options.code === false ? {} : { 'x-admin-code': connection.code }),
      ...(options.type === undefined ? {} : { 'content-type': options.type }),
    },
    ...(body === undefined ? {} : { body }),
    idleMs: connection.timeoutMs + (options.waitMs ?? 0),
    totalMs: connection.timeoutMs * WHOLE_REQUEST + (options.waitMs ?? 0),
    maxBytes: connection.limits.jsonBytes,
    signal,
    ...(options.final === true && connection.signal?.aborted === true
      ? { idleMs: FINAL_MS, totalMs: FINAL_MS, signal: closed.signal }
      : {}),
  })

  const retried = async (endpoint: string, request: ExchangeRequest): Promise<Reply> => {
    for (let attempt = 0; ; attempt++) {
      try {
        const reply = await exchange(agents, request)
        if (reply.status >= 500 || reply.status === 429)
          throw new ExchangeFailure('status', `HTTP ${reply.status}`, true)
        return reply
      } catch (error) {
        if (!(error instanceof ExchangeFailure) || !isPassing(error) || attempt >= connection.retries) throw error
        connection.warn(`${endpoint}: ${error.reason}; trying again`)
        await backOff(connection, attempt)
      }
    }
  }

  const once = async (
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    type: string | undefined,
    body: readonly Uint8Array[] | undefined,
    final = false,
  ): Promise<Answer> => {
    const endpoint = `${method} ${withoutQuery(path)}`
    try {
      const options = type === undefined ? { final } : { type, final }
      const reply = await exchange(agents, request(method, path, options, body))
      const answer = answerOf(connection, endpoint, reply)
      if (reply.status >= 500) {
        const error = errorCode(answer)
        throw new ExchangeFailure(
          'status',
          `HTTP ${reply.status}${error === undefined ? '' : ` ${printable(error, connection.code)}`}`,
          true,
        )
      }
      return answer
    } catch (error) {
      throw explained(connection, endpoint, error, true)
    }
  }

  return {
    connection,
    read: async (path, options = {}) => {
      const endpoint = `GET ${withoutQuery(path)}`
      try {
        return answerOf(connection, endpoint, await retried(endpoint, request('GET', path, options)))
      } catch (error) {
        throw explained(connection, endpoint, error, false)
      }
    },
    // Without a body there must be no content-type either: an empty body sent as JSON is a 500 (protocol, section 1).
    write: (method, path, json, { final } = {}) =>
      json === undefined
        ? once(method, path, undefined, undefined, final)
        : once(method, path, 'application/json', [Buffer.from(json)], final),
    upload: (path, type, body) => once('POST', path, type, body),
    fetch: async (url, maxBytes) => {
      const endpoint = `GET ${url.origin}${url.pathname}`
      try {
        return await retried(endpoint, {
          method: 'GET',
          origin: url,
          path: `${url.pathname}${url.search}`,
          headers: { accept: '*/*', 'accept-encoding': 'gzip, br' },
          idleMs: connection.timeoutMs,
          totalMs: connection.timeoutMs * WHOLE_REQUEST,
          maxBytes,
          signal,
        })
      } catch (error) {
        if (error instanceof ExchangeFailure && error.kind === 'too_large') throw error
        throw explained(connection, endpoint, error, false, url.origin)
      }
    },
    close: () => {
      closed.abort(new SyncError('unreachable', `The connection to ${connection.base} was closed`, { exitCode: 4 }))
      agents.destroy()
    },
  }
}

/** The runtime's error code of an answer, where it has one. */
export function errorCode(answer: Answer): string | undefined {
  const { json } = answer
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, 'error')) return undefined
  const { error } = json as { readonly error?: unknown }
  return typeof error === 'string' && error !== '' ? error : undefined
}

/** For an answer that the protocol does not foresee; `why` continues "GET /x answered". */
export function invalidResponse(connection: Connection, endpoint: string, why: string): SyncError {
  return new SyncError('invalid_response', `${endpoint} of ${connection.base} answered ${why}`, {
    hint: 'Is the URL that of a lobby world, and does its server speak this version of the protocol?',
    data: { url: connection.base, endpoint },
  })
}

/** For a status that the endpoint's reader does not foresee. */
export function unexpectedStatus(connection: Connection, answer: Answer): SyncError {
  const error = errorCode(answer)
  const said = error === undefined ? '' : ` (${printable(error, connection.code)})`
  return invalidResponse(connection, answer.endpoint, `HTTP ${answer.status}${said}`)
}

/** Exit 4: there is no talking to the runtime, for the reason given. */
export function unreachable(
  connection: Connection,
  endpoint: string,
  reason: string,
  options: { readonly host?: string; readonly data?: Readonly<Record<string, unknown>>; readonly hint?: string } = {},
): SyncError {
  const url = options.host ?? connection.base
  return new SyncError('unreachable', `${url} cannot be reached: ${reason} (${endpoint})`, {
    exitCode: 4,
    hint: options.hint ?? 'Is the world running, and is its URL right?',
    data: { url, endpoint, reason, ...options.data },
  })
}

/** Exit 4: the runtime does not accept our code; `said` is its own word for it. */
export function unauthorized(connection: Connection, endpoint: string, said: string | undefined): SyncError {
  const what = connection.code === undefined ? 'wants an admin code' : 'refused the admin code'
  const because = said === undefined ? '' : `, ${printable(said, connection.code)}`
  return new SyncError('unauthorized', `${connection.base} ${what} (${endpoint}${because})`, {
    exitCode: 4,
    hint: 'Set ADMIN_CODE, or the adminCode of the target in .lobby/targets.json.',
    data: { url: connection.base, endpoint },
  })
}

function answerOf(connection: Connection, endpoint: string, reply: Reply): Answer {
  const { status, bytes } = reply
  if (status >= 300 && status < 400) {
    throw invalidResponse(connection, endpoint, `a redirect (HTTP ${status}); use the URL that it leads to`)
  }
  const { jsonDepth, jsonValues } = connection.limits
  const parsed = parseJson(bytes, { maxDepth: jsonDepth, maxValues: jsonValues })
  const answer = { endpoint, status, json: parsed.kind === 'json' ? parsed.value : undefined }
  if (status === 401 || status === 403) throw unauthorized(connection, endpoint, errorCode(answer))
  if (status < 300 && parsed.kind === 'broken') throw invalidResponse(connection, endpoint, parsed.why)
  return answer
}

/** A failure that another try may not meet again. */
function isPassing(failure: ExchangeFailure): boolean {
  return failure.kind === 'timeout' || failure.kind === 'connection' || failure.kind === 'status'
}

function explained(
  connection: Connection,
  endpoint: string,
  failure: unknown,
  write: boolean,
  host: string = connection.base,
): unknown {
  // A signal's reason, an error that is explained already, a bug.
  if (!(failure instanceof ExchangeFailure)) return failure
  if (failure.kind === 'too_large') {
    return invalidResponse(connection, endpoint, `${failure.reason}, more than we read of one answer`)
  }
  const unknown = write && failure.sent
  return unreachable(connection, endpoint, failure.reason, {
    host,
    data: { failure: failure.kind, ...(write ? { outcome: unknown ? 'unknown' : 'not_sent' } : {}) },
    ...(unknown ? { hint: 'What became of the request is read from the feed by the next run.' } : {}),
    ...(failure.kind === 'tls'
      ? { hint: 'Is the certificate valid for this host? NODE_EXTRA_CA_CERTS names further authorities.' }
      : {}),
  })
}

function withoutQuery(path: string): string {
  return path.replace(/\?.*$/s, '')
}
