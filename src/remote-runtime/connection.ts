import { setTimeout as delay } from 'node:timers/promises'
import { SyncError } from '../world/errors.ts'
import type { RuntimeAddress } from './remote-runtime.ts'
import { parseWorldUrl } from './world-url.ts'

/** What an answer may cost us at most (S3). Bytes are counted after decompression. */
export interface Limits {
  /** Bytes of one JSON answer. */
  readonly jsonBytes: number
  /** Nesting of one JSON answer; deeper values become 0, and their objects are refused. */
  readonly jsonDepth: number
  /** Values of one JSON answer, empty ones included: each costs far more memory than text. */
  readonly jsonValues: number
  /** Bytes of one asset, down and up. */
  readonly assetBytes: number
  /** Bytes of one WebSocket message. */
  readonly frameBytes: number
}

const MiB = 1024 * 1024
export const DEFAULT_LIMITS: Limits = {
  // Below V8's longest string; a world of 100,000 entities takes about 60 MiB.
  jsonBytes: 256 * MiB,
  jsonDepth: 200,
  // 200,000 entities with a dozen props each.
  jsonValues: 10_000_000,
  // Beyond this the runtime stores truncated bytes (protocol, section 7).
  assetBytes: 200 * MiB,
  frameBytes: 64 * MiB,
}

export interface RuntimeOptions {
  /** Ends every request and wait; they reject with its reason. */
  readonly signal?: AbortSignal
  /** How often a read is tried again. Writes never are. */
  readonly retries?: number
  /** How long a connection may stay silent, in milliseconds; a request as a whole may take twenty times that. */
  readonly timeoutMs?: number
  readonly sleep?: (ms: number) => Promise<void>
  /** In [0, 1), for the jitter. */
  readonly random?: () => number
  readonly onWarning?: (text: string) => void
  readonly limits?: Partial<Limits>
}

/** An address with everything decided that its options left open: what the modules of this folder share. */
export interface Connection {
  readonly base: string
  /** Goes into the header and into `adminAuth`, nowhere else (S2). */
  readonly code: string | undefined
  readonly retries: number
  readonly timeoutMs: number
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
  readonly sleep: (ms: number) => Promise<void>
  readonly random: () => number
  readonly warn: (text: string) => void
}

/** Throws {@link SyncError} `invalid_url`, and `unauthorized` for a code that no header can carry. */
export function connectionOf(address: RuntimeAddress, options: RuntimeOptions): Connection {
  const base = parseWorldUrl(address.url)
  if (address.adminCode !== undefined && !/^[\x20-\x7e\x80-\xff]*$/.test(address.adminCode)) {
    throw new SyncError('unauthorized', `The admin code for ${base} has characters that an HTTP header cannot carry`, {
      exitCode: 4,
      hint: 'Check it for a line break or for characters beyond Latin-1.',
      data: { url: base },
    })
  }
  const { signal } = options
  const sleep = options.sleep ?? ((ms) => delay(ms, undefined, signal === undefined ? {} : { signal }))
  return {
    base,
    code: address.adminCode === '' ? undefined : address.adminCode,
    retries: options.retries ?? 3,
    timeoutMs: options.timeoutMs ?? 30_000,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    signal,
    sleep,
    random: options.random ?? Math.random,
    warn: options.onWarning ?? (() => {}),
  }
}

const FIRST_DELAY_MS = 250
const LONGEST_DELAY_MS = 10_000

/** Waits before try number `attempt` + 2: doubling from 250 ms up to 10 s, the upper half of it jittered. */
export async function backOff(connection: Connection, attempt: number): Promise<void> {
  const full = Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS)
  connection.signal?.throwIfAborted()
  try {
    await connection.sleep(Math.round(full / 2 + (full / 2) * connection.random()))
  } finally {
    // An ended sleep has an error of its own; the signal's reason is what callers know.
    connection.signal?.throwIfAborted()
  }
}
