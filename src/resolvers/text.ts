import diff3Merge from 'diff3'
import { contested, type Outcome, settled, type Terms } from './terms.ts'

/** Beyond this many lines in one side, diff3 can take seconds (measured: 2 s on 5,000 unrelated lines). */
const MAX_LINES = 6_000

/**
 * Merges texts line by line (M3). Lossless whatever the bytes are: lines are split at line feeds only and compared as
 * bytes, so that CRLF, lone carriage returns, U+2028, a missing final newline and text in any encoding survive.
 *
 * Contested where both sides changed the same lines, where lines repeat so much that it depends on the direction of
 * reading what was inserted where, or where the texts are too long to be compared.
 */
export function mergeText(terms: Terms<Uint8Array>): Outcome<Uint8Array> {
  const ours = lines(terms.ours)
  const base = lines(terms.base)
  const theirs = lines(terms.theirs)
  if (Math.max(ours.length, base.length, theirs.length) > MAX_LINES) return contested(terms)
  const merged = mergeLines(ours, base, theirs)
  if (merged === undefined) return contested(terms)
  // Repeated lines (`}`, blank ones) can be matched in several ways, and one of them may swallow an insertion: what two
  // ways agree upon, git says as well.
  const backwards = mergeLines(ours.toReversed(), base.toReversed(), theirs.toReversed())
  const text = merged.join('')
  if (backwards?.reverse().join('') !== text) return contested(terms)
  return settled(Buffer.from(text, 'latin1'))
}

/** The merged lines, undefined where both sides changed the same ones. */
function mergeLines(ours: readonly string[], base: readonly string[], theirs: readonly string[]): string[] | undefined {
  const merged: string[] = []
  for (const hunk of diff3Merge(ours, base, theirs)) {
    if ('conflict' in hunk) return undefined
    for (const line of hunk.ok) merged.push(line)
  }
  return merged
}

/** Latin-1 maps each byte to one character and back: bytes as text, whatever they mean. */
function lines(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return text === '' ? [] : text.split(/(?<=\n)/)
}
