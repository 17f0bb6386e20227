import { diffLines, type LineChange } from '../resolvers/line-diff.ts'
import { readLines } from '../resolvers/line-text.ts'
import { type TextHunk, withMarkers } from '../resolvers/text.ts'
import { assert } from '../world/errors.ts'

/** The names behind the markers; with a name for the base, its lines stand between the sides (git's style "diff3"). */
export interface ConflictLabels {
  readonly ours: string
  readonly theirs: string
  readonly base?: string
}

/**
 * Where one value may end in a file: JSON whose lists at that depth of spaces hold whole objects (the entities of a
 * manifest), or any other JSON, or a text of which nothing is known.
 */
export type Nature = { readonly kind: 'json'; readonly listOfObjects?: number } | { readonly kind: 'text' }

/**
 * Two versions of a file in one, with markers around every line in which they differ (C2): unlike a merge of texts, also
 * where one of them is what the base says. The base is shown only, it decides nothing. What differs within one list is
 * one value, and one conflict: nobody means a blend of two moves (M3).
 */
export function markDifferences(
  sides: { readonly base: Uint8Array | undefined; readonly ours: Uint8Array; readonly theirs: Uint8Array },
  labels: ConflictLabels,
  nature: Nature = { kind: 'text' },
): Uint8Array {
  const [base, ours, theirs] = readLines(sides.base ?? new Uint8Array(), sides.ours, sides.theirs)
  const toTheirs = diffLines(ours.lines, theirs.lines)
  const shown = labels.base !== undefined && sides.base !== undefined
  const toBase = shown ? diffLines(ours.lines, base.lines) : []
  const merged = (from: number, to: number): readonly TextHunk[] => {
    const bytes = ours.bytes(from, to)
    return bytes.length === 0 ? [] : [{ kind: 'merged', base: bytes, ours: bytes, theirs: bytes }]
  }
  const contested = ({ start, end }: Range): TextHunk => ({
    kind: 'contested',
    base: shown ? base.bytes(...across(toBase, start, end)) : new Uint8Array(),
    ours: ours.bytes(start, end),
    theirs: theirs.bytes(...across(toTheirs, start, end)),
  })
  const isOneValue = (from: number, to: number) =>
    isWithinList(Buffer.from(ours.bytes(from, to)).toString('latin1'), nature)
  const pieces = (ranges: readonly Range[]): readonly (readonly TextHunk[])[] => {
    const ends = [0, ...ranges.map(({ end }) => end)]
    return [
      ...ranges.map((range, i) => [...merged(ends[i]!, range.start), contested(range)]),
      merged(ends.at(-1)!, ours.lines.length),
    ]
  }
  const ranges = clusters(toTheirs, toBase, isOneValue)
  const around = { start: ranges[0]?.start ?? 0, end: ranges.at(-1)?.end ?? 0 }
  // Two comparisons may disagree on which of two equal lines is which: then one conflict holds all of it.
  const hunks = [ranges, [around], [{ start: 0, end: ours.lines.length }]]
    .map(pieces)
    .find((all) => !shown || Buffer.concat(all.flat().map((hunk) => hunk.base)).equals(sides.base!))
  assert(hunks !== undefined, 'the whole of a file is all of its base')
  // Of a text, as git shows it, which joins conflicts that few lines separate; of JSON each by itself, lest a field
  // between them seem contested.
  if (nature.kind === 'text') return withMarkers(hunks.flat(), labels)
  return Buffer.concat(hunks.map((piece) => withMarkers(piece, labels)))
}

/** Whether lines between two differences are of one list: those that are indented least say no key. */
function isWithinList(lines: string, nature: Nature): boolean {
  if (nature.kind === 'text') return false
  const all = lines.split('\n').filter((line) => line.trim() !== '')
  const indents = all.map((line) => line.length - line.trimStart().length)
  const least = Math.min(...indents)
  if (nature.listOfObjects !== undefined && least <= nature.listOfObjects) return false
  return all.every((line, i) => indents[i]! > least || !KEY.test(line))
}

/** A line that says a key. */
const KEY = /^\s*"(?:[^"\\]|\\.)*":/

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
    const joined =
      last !== undefined &&
      (next.start <= last.end || (last.contested && next.contested && isOneValue(last.end, next.start)))
    if (joined) {
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
    if (change.start < end || (change.start === end && change.end === end)) to += growth
  }
  return [from, to]
}
