import type { GitChild } from './git-process.ts'

/** Bytes gathered before they go into the pipe together. */
const BATCH_BYTES = 65_536

/**
 * The input of a git child, written in large pieces and no faster than the child reads. Writing to a child that is gone
 * does nothing: its exit says why.
 */
export class ChildInput {
  readonly #child: GitChild
  #pending: Uint8Array[] = []
  #bytes = 0
  #gone = false

  constructor(child: GitChild) {
    this.#child = child
    const gone = (): void => {
      this.#gone = true
    }
    child.exit.then(gone, gone)
  }

  /** False once the child is gone. */
  get open(): boolean {
    return !this.#gone
  }

  async write(...pieces: readonly (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      this.#pending.push(bytes)
      this.#bytes += bytes.length
      if (this.#bytes >= BATCH_BYTES) await this.#flush()
    }
  }

  async end(): Promise<void> {
    await this.#flush()
    this.#child.process.stdin.end()
  }

  async #flush(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    this.#bytes = 0
    const { stdin } = this.#child.process
    if (pending.length === 0 || this.#gone || !stdin.writable) return
    if (stdin.write(pending.length === 1 ? pending[0] : Buffer.concat(pending))) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdin.off('drain', done).off('close', done)
        resolve()
      }
      stdin.on('drain', done).on('close', done)
    })
  }
}
