import { mergeLines } from './line-merge.ts'
import { MAX_LINES } from './line-search.ts'
import { readLines, type TextHunk } from './line-text.ts'
import { contested, type Outcome, settled, type Terms } from './terms.ts'

export { withMarkers } from './line-markers.ts'
export type { TextHunk }

/** Git takes a file for binary, and merges nothing in it, if there is a NUL among so many first bytes. */
const BINARY_PREFIX = 8_000

/**
 * Merges texts line by line (M3), as `git merge-file` does: what is clean there is settled here, to the same bytes, and
 * the other way round. Lossless whatever the bytes are: lines are split at line feeds only and compared as bytes, so
 * that CRLF, lone carriage returns, U+2028, a missing final newline and text in any encoding survive.
 *
 * Contested where the sides changed the same lines or neighbouring ones, and, like a binary file in git, where a text
 * has a NUL at its beginning or is too long to be compared.
 */
export function mergeText(terms: Terms<Uint8Array>): Outcome<Uint8Array> {
  const hunks = mergeHunks(terms)
  if (hunks === undefined || hunks.some(({ kind }) => kind === 'contested')) return contested(terms)
  return settled(Buffer.concat(hunks.map(({ ours }) => ours)))
}

/**
 * The merge piece by piece, contested ones with their three sides: what a working file with markers is made of. The
 * bytes are views into the terms. What one side alone changed is a hunk by itself, with unchanged ones around it:
 * {@link withMarkers} makes one conflict of two where nothing but a few unchanged lines separates them, as git does.
 *
 * Undefined where texts are too long to be compared, or binary.
 */
export function mergeHunks(terms: Terms<Uint8Array>): readonly TextHunk[] | undefined {
  const sides = [terms.ours, terms.base, terms.theirs] as const
  if (sides.some((side) => side.subarray(0, BINARY_PREFIX).includes(0))) return undefined
  const [ours, base, theirs] = readLines(...sides)
  if ([ours, base, theirs].some(({ lines }) => lines.length > MAX_LINES)) return undefined
  const pieces = mergeLines({ base: base.lines, ours: ours.lines, theirs: theirs.lines })
  return pieces.map((piece): TextHunk => {
    const ourBytes = ours.bytes(piece.ours.from, piece.ours.to)
    const theirBytes = theirs.bytes(piece.theirs.from, piece.theirs.to)
    if (piece.kind === 'contested') {
      const baseBytes = base.bytes(piece.base.from, piece.base.to)
      return { kind: 'contested', ours: ourBytes, base: baseBytes, theirs: theirBytes }
    }
    const merged = piece.kind === 'theirs' ? theirBytes : ourBytes
    return { kind: 'merged', ours: merged, base: merged, theirs: merged }
  })
}
