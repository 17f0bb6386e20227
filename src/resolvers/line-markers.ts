import { diffLines } from './line-diff.ts'
import { readLines, type TextHunk } from './line-text.ts'

/** The names behind the markers. Without `base` it is left out, as in git's conflict style "merge", else "diff3". */
export interface MarkerLabels {
  readonly ours: string
  readonly theirs: string
  readonly base?: string
}

/** Conflicts that so few lines separate are shown as one. */
const FEW_LINES = 3

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** A hunk, or a stretch of one, each side in chunks. `common` is what both sides have beside a conflict. */
interface Part {
  readonly kind: TextHunk['kind'] | 'common'
  readonly ours: Uint8Array[]
  readonly base: Uint8Array[]
  readonly theirs: Uint8Array[]
}

/**
 * Bytes with conflict markers as git writes them, around the contested hunks (C2). Without the base, what both sides of
 * a hunk have in common stays outside the markers. A side that does not end in a newline gets one before the marker;
 * markers end as the lines around them do.
 */
export function withMarkers(hunks: readonly TextHunk[], labels: MarkerLabels): Uint8Array {
  const parts = labels.base === undefined ? tightened(hunks) : hunks.map((hunk) => part(hunk.kind, hunk))
  const baseEndsInCrlf = endsInCrlf(firstLine(hunks.map(({ base }) => base))) === true
  const written: Uint8Array[] = []
  for (const [i, { kind, ours, base, theirs }] of parts.entries()) {
    if (kind !== 'contested') {
      written.push(...ours)
      continue
    }
    // CRLF if no side's line before has another end, and the base neither.
    const isCrlf =
      baseEndsInCrlf &&
      [linesBefore(parts, i, 'ours'), linesBefore(parts, i, 'theirs')].every((l) => endsInCrlf(l) !== false)
    const end = Buffer.from(isCrlf ? '\r\n' : '\n')
    const section = (mark: string, label: string, lines: readonly Uint8Array[]) => {
      written.push(Buffer.from(label === '' ? mark.repeat(7) : `${mark.repeat(7)} ${label}`), end)
      for (const chunk of lines) written.push(chunk)
      if ((lines.at(-1)?.at(-1) ?? LINE_FEED) !== LINE_FEED) written.push(end)
    }
    section('<', labels.ours, ours)
    if (labels.base !== undefined) section('|', labels.base, base)
    section('=', '', theirs)
    section('>', labels.theirs, [])
  }
  return Buffer.concat(written)
}

function part(kind: Part['kind'], { ours, base, theirs }: Omit<TextHunk, 'kind'>): Part {
  return { kind, ours: [ours], base: [base], theirs: [theirs] }
}

/** The hunks with conflicts no larger than they need be: what their sides have in common is taken out, if it is enough. */
function tightened(hunks: readonly TextHunk[]): readonly Part[] {
  const parts: Part[] = []
  for (const [i, hunk] of hunks.entries()) {
    if (hunk.kind === 'contested') for (const stretch of refined(hunk)) append(parts, stretch)
    // Right before a conflict stands what nobody changed. Over that alone can conflicts be joined: a change parts them.
    else append(parts, part(hunks[i + 1]?.kind === 'contested' ? 'common' : 'merged', hunk))
  }
  return parts
}

/** A contested hunk as the stretches where its sides differ, and those where they do not. */
function refined(hunk: TextHunk): readonly Part[] {
  const [ours, theirs] = readLines(hunk.ours, hunk.theirs)
  const found: Part[] = []
  // Which lines of the base belong to a stretch cannot be said, and nobody asks.
  const base = new Uint8Array()
  let done = 0
  const addCommon = (to: number) => {
    const both = ours.bytes(done, to)
    if (to > done) found.push(part('common', { ours: both, base, theirs: both }))
  }
  for (const { start, end, from, to } of diffLines(ours.lines, theirs.lines)) {
    addCommon(start)
    found.push(part('contested', { ours: ours.bytes(start, end), base, theirs: theirs.bytes(from, to) }))
    done = end
  }
  addCommon(ours.lines.length)
  return found
}

/** Adds a part; conflicts with nothing but a few lines between them, or lines without a letter or digit, become one. */
function append(parts: Part[], next: Part): void {
  const [last, before] = [parts.at(-1), parts.at(-2)]
  if (next.kind === 'common' && last?.kind === 'common') join(last, next)
  else if (next.kind === 'contested' && before?.kind === 'contested' && isSlight(last!)) {
    parts.pop()
    join(before, last!)
    join(before, next)
  } else parts.push(next)
}

function join(part: Part, next: Part): void {
  for (const side of ['ours', 'base', 'theirs'] as const) part[side].push(...next[side])
}

function isSlight(common: Part): boolean {
  const text = Buffer.concat(common.ours).toString('latin1')
  return text.split(/(?<=\n)/).length <= FEW_LINES || !/[0-9A-Za-z]/.test(text)
}

/**
 * What stands before a part on one side, as far as it tells how lines end; at the top, the first line. Something does
 * before each conflict but the first: conflicts that nothing separates are one.
 */
function linesBefore(parts: readonly Part[], i: number, side: 'ours' | 'theirs'): Uint8Array | undefined {
  return parts[i - 1]?.[side].at(-1) ?? firstLine(parts.flatMap((part) => part[side]))
}

function firstLine(texts: readonly Uint8Array[]): Uint8Array | undefined {
  const text = texts.find((text) => text.length > 0)
  return text?.subarray(0, text.indexOf(LINE_FEED) + 1 || text.length)
}

/** Undefined where the last of the lines has no end, or there is none. */
function endsInCrlf(lines: Uint8Array | undefined): boolean | undefined {
  return lines?.at(-1) === LINE_FEED ? lines.at(-2) === CARRIAGE_RETURN : undefined
}
