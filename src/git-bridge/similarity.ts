/** What git counts: pieces that end with a line, or after this many bytes of a longer one. */
const LONGEST_PIECE = 64

/** A text, counted for {@link similarity}. */
export interface Counted {
  readonly size: number
  /** Piece of text → how many bytes of the text are such pieces. */
  readonly pieces: ReadonlyMap<string, number>
}

export function counted(bytes: Buffer): Counted {
  const text = bytes.toString('latin1')
  const pieces = new Map<string, number>()
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from)
    const to = Math.min(end < 0 ? text.length : end + 1, from + LONGEST_PIECE)
    const piece = text.slice(from, to)
    pieces.set(piece, (pieces.get(piece) ?? 0) + piece.length)
    from = to
  }
  return { size: text.length, pieces }
}

/**
 * How much of one text is in another, 0 to 1, by the measure of git's own rename detection (`git diff -M`): bytes of the
 * pieces that both have, of the size of the larger one. A pure function, so that every repository finds the same.
 */
export function similarity(before: Counted, after: Counted): number {
  const larger = Math.max(before.size, after.size)
  if (larger === 0) return 1
  let copied = 0
  for (const [piece, bytes] of before.pieces) copied += Math.min(bytes, after.pieces.get(piece) ?? 0)
  return copied / larger
}
