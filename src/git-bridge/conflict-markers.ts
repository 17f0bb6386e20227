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
 * where one of them is what the base says. The base is shown only, it decides nothing. Differences with no key of JSON
 * between them are of one value, and one conflict: nobody means a blend of two moves (M3).
 */
export function markDifferences(
  sides: { readonly base: Uint8Array | undefined; readonly ours: Uint8Array; readonly theirs: Uint8Array },
  labels: ConflictLabels,
): Uint8Array {
  const [base, ours, theirs] = readLines(sides.base ?? new Uint8Array(), sides.ours, sides.theirs)
  const toTheirs = diffLines(ours.lines, theirs.lines)
  const toBase = labels.base === undefined || sides.base === undefined ? [] : diffLines(ours.lines, base.lines)
  const written: Uint8Array[] = []
  const merged = (from: number, to: number): readonly TextHunk[] => {
    const bytes = ours.bytes(from, to)
    return bytes.length === 0 ? [] : [{ kind: 'merged', base: bytes, ours: bytes, theirs: bytes }]
  }
  let done = 0
  const isOneValue = (from: number, to: number) => !KEY.test(Buffer.from(ours.bytes(from, to)).toString('latin1'))
  for (const { start, end } of clusters(toTheirs, toBase, isOneValue)) {
    const hunk: TextHunk = {
      kind: 'contested',
      base:
        toBase.length === 0 && labels.base === undefined ? new Uint8Array() : base.bytes(...across(toBase, start, end)),
      ours: ours.bytes(start, end),
      theirs: theirs.bytes(...across(toTheirs, start, end)),
    }
    // One by one: git shows conflicts that few lines separate as one, and a field between them would seem contested.
    written.push(withMarkers([...merged(done, start), hunk], labels))
    done = end
  }
  for (const { ours: rest } of merged(done, ours.lines.length)) written.push(rest)
  return Buffer.concat(written)
}

/** A line that says a key. */
const KEY = /^\s*"(?:[^"\\]|\\.)*":/m

interface Range {
  readonly start: number
  readonly end: number
}

/**
 * The lines of ours that conflicts take up: where theirs differ, and where that touches them, where the base does (a
 * comma before a field that the base lacks).
 */
function clusters(
  toTheirs: readonly LineChange[],
  toBase: readonly LineChange[],
  isOneValue: (from: number, to: number) => boolean,
): readonly Range[] {
  const found: { start: number; end: number; contested: boolean }[] = []
  const all = [
    ...toTheirs.map(({ start, end }) => ({ start, end, contested: true })),
    ...toBase.map(({ start, end }) => ({ start, end, contested: false })),
  ].sort((a, b) => a.start - b.start || a.end - b.end)
  for (const next of all) {
    const last = found.at(-1)
    if (
      last !== undefined &&
      (next.start <= last.end || (last.contested && next.contested && isOneValue(last.end, next.start)))
    ) {
      last.end = Math.max(last.end, next.end)
      last.contested ||= next.contested
    } else found.push({ ...next })
  }
  return found.filter(({ contested }) => contested)
}

/** Where lines `start` to before `end` of one text, which no change reaches across, are in another. */
function across(changes: readonly LineChange[], start: number, end: number): readonly [from: number, to: number] {
  let from = start
  let to = end
  for (const change of changes) {
    const growth = change.to - change.from - (change.end - change.start)
    if (change.start < start) from += growth
    if (change.start <= end && (change.start < end || change.end <= end)) to += growth
  }
  return [from, to]
}
