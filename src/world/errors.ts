/**
 * A failure that the user can repair: a code for programs, a sentence for people, a hint with the next step.
 * The outermost layer alone prints it and exits with `exitCode` (see the exit codes in docs/architecture.md).
 */
export class SyncError extends Error {
  readonly code: string
  readonly exitCode: 1 | 2 | 3 | 4 | 5
  readonly hint: string | undefined
  readonly data: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: {
      exitCode?: 1 | 2 | 3 | 4 | 5
      hint?: string
      data?: Readonly<Record<string, unknown>>
      cause?: unknown
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SyncError'
    this.code = code
    this.exitCode = options.exitCode ?? 1
    this.hint = options.hint
    this.data = options.data ?? {}
  }
}

/** A broken invariant: a bug of ours, never the user's. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
