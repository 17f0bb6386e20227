import type { SimProcess } from '../host.ts'

/** A request as it arrives at the server. */
export interface Incoming {
  readonly method: string
  /** Below the world's base URL, with its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** The base URL that the client used. */
  readonly base: string
  readonly process: SimProcess | undefined
  /** Its sender waits for no answer any more. */
  readonly late: boolean
}

export interface Outgoing {
  readonly status: number
  /** JSON, the bytes of an asset, or nothing. */
  readonly body: string | Buffer
}

export type Fields = { readonly [key: string]: unknown }

/** A server's error answer. */
export function failed(status: number, error: string, more: Fields = {}): Outgoing {
  return answer({ error, ...more }, status)
}

export function answer(json: Fields, status = 200): Outgoing {
  return { status, body: JSON.stringify(json) }
}
