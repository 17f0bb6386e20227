import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { urlToHttpOptions } from 'node:url'

/** One request as it goes over the wire. */
export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Gives protocol, host and port. */
  readonly origin: URL
  /** Sent as it is: a URL would resolve an id that is spelled `..`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: readonly Uint8Array[]
  /** Longest silence, in milliseconds: no connection, no answer, no progress of either body. */
  readonly idleMs: number
  /** Longest duration of everything, in milliseconds. */
  readonly totalMs: number
  /** Longest answer after decompression. */
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

export type FailureKind = 'timeout' | 'connection' | 'no_host' | 'tls' | 'too_large' | 'status'

/** Why no usable answer came; `reason` is fit for a message. */
export class ExchangeFailure extends Error {
  readonly kind: FailureKind
  readonly reason: string
  /** False only when the request certainly never reached the server. */
  readonly sent: boolean

  constructor(kind: FailureKind, reason: string, sent: boolean, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.reason = reason
    this.sent = sent
  }
}

/** Idle connections are kept for a moment only, so that a write never goes out on one that the server just closed. */
const KEEP_ALIVE_MS = 2_000
const SLICE = 256 * 1024

export interface Agents {
  readonly plain: () => Promise<{ readonly agent: Agent; readonly http: typeof import('node:http') }>
  readonly secure: () => Promise<{ readonly agent: Agent; readonly http: typeof import('node:https') }>
  readonly destroy: () => void
}

/** Connections shared by all requests of one runtime; the modules behind them are loaded when first used. */
export function openAgents(): Agents {
  const options = { keepAlive: true, timeout: KEEP_ALIVE_MS, maxSockets: 16 }
  const opened = new Set<Agent>()
  const lazily = <T extends { readonly agent: Agent }>(load: () => Promise<T>): (() => Promise<T>) => {
    let loading: Promise<T> | undefined
    return () => {
      loading ??= load().then((loaded) => {
        opened.add(loaded.agent)
        return loaded
      })
      return loading
    }
  }
  return {
    plain: lazily(async () => {
      const http = await import('node:http')
      return { agent: new http.Agent(options), http }
    }),
    secure: lazily(async () => {
      const http = await import('node:https')
      return { agent: new http.Agent(options), http }
    }),
    destroy: () => {
      for (const agent of opened) agent.destroy()
    },
  }
}

/**
 * Sends one request and reads its whole answer, within the bounds that the request names (S3). Redirects are not
 * followed: the code in the header is meant for one host. Throws {@link ExchangeFailure}, or the signal's reason.
 */
export async function exchange(agents: Agents, request: ExchangeRequest): Promise<Reply> {
  const { agent, http } = await (request.origin.protocol === 'https:' ? agents.secure() : agents.plain())
  const { signal } = request
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const length = request.body?.reduce((sum, chunk) => sum + chunk.byteLength, 0)
    const outgoing = http.request({
      ...urlToHttpOptions(request.origin),
      path: request.path,
      method: request.method,
      headers: { ...request.headers, ...(length === undefined ? {} : { 'content-length': length }) },
      agent,
    })
    let connected = false
    let answered = false
    const timeout = () => settle(() => reject(new ExchangeFailure('timeout', 'timeout', connected)))
    const idle = setTimeout(timeout, request.idleMs)
    const total = setTimeout(timeout, request.totalMs)
    const aborted = () => settle(() => reject(signal?.reason))
    let settled = false
    const settle = (conclude: () => void) => {
      if (settled) return
      settled = true
      clearTimeout(idle)
      clearTimeout(total)
      signal?.removeEventListener('abort', aborted)
      conclude()
      if (!outgoing.destroyed && !finished) outgoing.destroy()
    }
    let finished = false
    const progress = () => {
      if (!settled) idle.refresh()
    }
    signal?.addEventListener('abort', aborted)
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) connected = true
      else {
        socket.once(request.origin.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
          connected = true
          progress()
        })
      }
    })
    // An early answer (413, 403) may be followed by a reset while we still send: the answer counts.
    outgoing.on('error', (error) => {
      if (!answered) settle(() => reject(failureOf(error, connected)))
    })
    outgoing.on('response', (incoming) => {
      answered = true
      progress()
      collect(incoming, request.maxBytes, progress).then(
        (bytes) => {
          finished = incoming.complete && outgoing.writableFinished
          settle(() => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes }))
        },
        (error: unknown) => settle(() => reject(failureOf(error, true))),
      )
    })
    write(outgoing, request.body ?? [], progress).catch(() => {
      // The 'error' event above says it.
    })
  })
}

async function write(
  outgoing: import('node:http').ClientRequest,
  body: readonly Uint8Array[],
  progress: () => void,
): Promise<void> {
  for (const chunk of body) {
    for (let from = 0; from < chunk.byteLength; from += SLICE) {
      if (outgoing.destroyed) return
      if (!outgoing.write(chunk.subarray(from, from + SLICE))) {
        await new Promise<void>((resolve) => {
          const resume = () => {
            outgoing.off('drain', resume).off('close', resume)
            resolve()
          }
          outgoing.on('drain', resume).on('close', resume)
        })
      }
      progress()
    }
  }
  outgoing.end()
}

async function collect(incoming: IncomingMessage, maxBytes: number, progress: () => void): Promise<Buffer> {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  if (announced > maxBytes) throw new ExchangeFailure('too_large', `${announced} bytes`, true)
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of await decoded(incoming)) {
    const bytes = chunk as Buffer
    size += bytes.byteLength
    if (size > maxBytes) throw new ExchangeFailure('too_large', `more than ${maxBytes} bytes`, true)
    chunks.push(bytes)
    progress()
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size)
}

async function decoded(incoming: IncomingMessage): Promise<Readable> {
  const encoding = (incoming.headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '') return incoming
  const [{ createBrotliDecompress, createUnzip }, { pipeline }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ])
  const decoder =
    encoding === 'br' ? createBrotliDecompress() : /^(x-)?gzip$|^deflate$/.test(encoding) ? createUnzip() : undefined
  if (decoder === undefined) throw new ExchangeFailure('connection', 'an unknown content-encoding', true)
  // Its errors come out of the decoder, which is what is read.
  pipeline(incoming, decoder, () => {})
  return decoder
}

const TLS =
  /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/** Sorts an error of a socket, a TLS layer, an HTTP parser or a decompressor. */
export function failureOf(error: unknown, sent: boolean): ExchangeFailure {
  if (error instanceof ExchangeFailure) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  if (code === 'ENOTFOUND') return new ExchangeFailure('no_host', 'ENOTFOUND, no such host', false, error)
  if (code !== undefined && TLS.test(code)) return new ExchangeFailure('tls', `TLS, ${code}`, sent, error)
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT')
    return new ExchangeFailure('timeout', 'timeout', sent, error)
  return new ExchangeFailure('connection', code ?? 'the connection was cut', sent, error)
}
