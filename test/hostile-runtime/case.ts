/** One thing that a hostile client does, as data. */
export type Case =
  | {
      readonly kind: 'request'
      readonly method: string
      readonly path: string
      readonly headers: readonly (readonly [string, string])[]
      readonly body: Buffer | undefined
      readonly coded: boolean
    }
  | { readonly kind: 'socket'; readonly code: unknown; readonly frames: readonly Buffer[]; readonly text: boolean }
  /** Bytes as they are, without the code; then the connection is left alone, or dropped at once. */
  | { readonly kind: 'raw'; readonly bytes: Buffer; readonly drop: boolean }

/** How many requests or packets a case sends. */
export function sizeOf(one: Case): number {
  return one.kind === 'socket' ? one.frames.length + 2 : 1
}

export const CODE = 'the right code'
