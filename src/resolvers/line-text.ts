/**
 * A text split at line feeds, and at nothing else: whatever the bytes are, the lines together are the text. A carriage
 * return before the feed is part of the line, and a last line without a feed is another one than the same with it.
 */
export interface LineText {
  /** The lines as numbers: within one {@link readLines}, equal lines have equal numbers. */
  readonly lines: Int32Array
  /** The bytes of lines `from` to before `to`: a view, not a copy. */
  bytes(from: number, to: number): Uint8Array
}

/** Reads texts that are compared with each other. */
export function readLines<const T extends readonly Uint8Array[]>(...texts: T): { readonly [K in keyof T]: LineText }
export function readLines(...texts: readonly Uint8Array[]): readonly LineText[] {
  const numbers = new Map<string, number>()
  return texts.map((text) => {
    const ends = lineEnds(text)
    // Latin-1 maps each byte to one character: bytes as keys, whatever they mean.
    const characters = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('latin1')
    const lines = new Int32Array(ends.length)
    for (const [i, end] of ends.entries()) {
      const line = characters.slice(ends[i - 1] ?? 0, end)
      const number = numbers.get(line) ?? numbers.size
      numbers.set(line, number)
      lines[i] = number
    }
    return { lines, bytes: (from, to) => text.subarray(ends[from - 1] ?? 0, ends[to - 1] ?? 0) }
  })
}

/** The number of bytes up to the end of each line. */
function lineEnds(text: Uint8Array): readonly number[] {
  const ends: number[] = []
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf(0x0a, start)
    start = feed === -1 ? text.length : feed + 1
    ends.push(start)
  }
  return ends
}

/**
 * One stretch of a merge of texts. The hunks together are the text, on each side. Of a `merged` hunk all three are the
 * merged bytes; the `base` of a `contested` one is what both sides started from.
 */
export interface TextHunk {
  readonly kind: 'merged' | 'contested'
  readonly ours: Uint8Array
  readonly base: Uint8Array
  readonly theirs: Uint8Array
}
