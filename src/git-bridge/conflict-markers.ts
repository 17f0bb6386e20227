import { diffLines, type LineChange } from '../resolvers/line-diff.ts'
import { readLines } from '../resolvers/line-text.ts'
import { type TextHunk, withMarkers } from '../resolvers/text.ts'

/** The names behind the markers; with a name for the base, its lines stand between the sides (git's style "diff3"). */
export interface ConflictLabels {
  readonly ours: string
  readonly theirs: string
  readonly base?: string
}

/**
 * Two versions of a file in one, with markers around every line in which they differ (C2): unlike a merge of texts, also
 * where one of them is what the base says. The base is shown only, it decides nothing.
 */
export function markDifferences(
  sides: { readonly base: Uint8Array | undefined; readonly ours: Uint8Array; readonly theirs: Uint8Array },
  labels: ConflictLabels,
): Uint8Array {
  const [base, ours, theirs] = readLines(sides.base ?? new Uint8Array(), sides.ours, sides.theirs)
  const toBase = diffLines(ours.lines, base.lines)
  const written: Uint8Array[] = []
  const merged = (from: number, to: number): readonly TextHunk[] => {
    const bytes = ours.bytes(from, to)
    return bytes.length === 0 ? [] : [{ kind: 'merged', base: bytes, ours: bytes, theirs: bytes }]
  }
  let done = 0
  for (const { start, end, from, to } of diffLines(ours.lines, theirs.lines)) {
    const inBase = sides.base === undefined ? new Uint8Array() : base.bytes(...across(toBase, start, end))
    const hunk: TextHunk = {
      kind: 'contested',
      base: inBase,
      ours: ours.bytes(start, end),
      theirs: theirs.bytes(from, to),
    }
    // One by one: git shows conflicts that few lines separate as one, and a field between them would seem contested.
    written.push(withMarkers([...merged(done, start), hunk], labels))
    done = end
  }
  for (const { ours: rest } of merged(done, ours.lines.length)) written.push(rest)
  return Buffer.concat(written)
}

/** Where lines `start` to before `end` of one text are in another. */
function across(changes: readonly LineChange[], start: number, end: number): readonly [from: number, to: number] {
  let from = start
  let to = end
  for (const change of changes) {
    const growth = change.to - change.from - (change.end - change.start)
    if (change.end <= start && change.start < start) from += growth
    if (change.start < end || (change.start === end && start === end)) to += growth
  }
  return [from, Math.max(from, to)]
}
