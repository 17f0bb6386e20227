import type { Oid } from '../repository.ts'

/** An answer of `git cat-file --batch-command`; id and type undefined when the object is missing. */
export interface BatchAnswer {
  readonly oid: Oid | undefined
  readonly type: string | undefined
  readonly content: Buffer | undefined
}

/** A header line is an id, a type and a size; longer than this it is something else. */
const LONGEST_HEADER = 1_024

/**
 * Cuts git's stream of answers into answers, however the pipe has cut it into chunks. Content is copied once, into a
 * buffer of its own, so that keeping one small blob does not keep the chunk it came in.
 */
export class BatchParser {
  readonly #expectsContent: () => boolean
  readonly #onAnswer: (answer: BatchAnswer) => void
  #header: Buffer = Buffer.alloc(0)
  #open: { readonly oid: Oid; readonly type: string; readonly content: Buffer; filled: number } | undefined

  /** `expectsContent`: whether the next answer carries content after its header. */
  constructor(expectsContent: () => boolean, onAnswer: (answer: BatchAnswer) => void) {
    this.#expectsContent = expectsContent
    this.#onAnswer = onAnswer
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) at = this.#open ? this.#fill(chunk, at) : this.#readHeader(chunk, at)
  }

  #readHeader(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(0x0a, at)
    const part = chunk.subarray(at, newline < 0 ? chunk.length : newline)
    const line = this.#header.length === 0 ? part : Buffer.concat([this.#header, part])
    if (line.length > LONGEST_HEADER) throw new Error('git cat-file answered something that is no header')
    if (newline < 0) {
      this.#header = Buffer.from(line)
      return chunk.length
    }
    this.#header = Buffer.alloc(0)
    this.#begin(line.toString('latin1'))
    return newline + 1
  }

  #begin(line: string): void {
    if (/^\S+ missing$/.test(line)) {
      this.#onAnswer({ oid: undefined, type: undefined, content: undefined })
      return
    }
    const match = /^([0-9a-f]+) ([a-z]+) (\d+)$/.exec(line)
    if (!match) throw new Error(`git cat-file answered ${JSON.stringify(line)}`)
    const [, id, type = '', size] = match
    const oid = id as Oid
    if (this.#expectsContent()) this.#open = { oid, type, content: Buffer.allocUnsafeSlow(Number(size)), filled: 0 }
    else this.#onAnswer({ oid, type, content: undefined })
  }

  /** Copies content, and passes over the newline after it. */
  #fill(chunk: Buffer, at: number): number {
    const open = this.#open!
    const copied = chunk.copy(open.content, open.filled, at)
    open.filled += copied
    const next = at + copied
    if (open.filled < open.content.length || next === chunk.length) return next
    this.#open = undefined
    this.#onAnswer({ oid: open.oid, type: open.type, content: open.content })
    return next + 1
  }
}
