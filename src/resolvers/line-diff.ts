import { LineSearch, type Sequence } from './line-search.ts'
import { slideChanges } from './line-slide.ts'

/** How far around a frequent line its neighbours are looked at. */
const WINDOW = 100

/** Lines `start` to before `end` of one text became lines `from` to before `to` of the other. */
export interface LineChange {
  readonly start: number
  readonly end: number
  readonly from: number
  readonly to: number
}

/**
 * What turns text `a` into text `b`, line by line, from top to bottom; between two changes at least one line is the
 * same. Lines are numbers, equal ones for equal lines. The answer is git's own (`diff.algorithm=myers`), up to
 * {@link MAX_LINES} lines: of several that are equally short, merges depend on which is taken (M3).
 */
export function diffLines(a: Int32Array, b: Int32Array): readonly LineChange[] {
  const before = { lines: a, changed: new Uint8Array(a.length) }
  const after = { lines: b, changed: new Uint8Array(b.length) }
  let head = 0
  while (head < a.length && a[head] === b[head]) head++
  let tail = 0
  const rest = Math.min(a.length, b.length) - head
  while (tail < rest && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const kept = [candidates(before, count(b), head, tail), candidates(after, count(a), head, tail)] as const
  new LineSearch(...kept).run()
  slideChanges(before, after)
  slideChanges(after, before)
  return changes(before.changed, after.changed)
}

/** How often each line occurs in a text. */
function count(lines: Int32Array): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  return counts
}

type Rarity = 'unmatched' | 'rare' | 'frequent'

/**
 * The lines of a text, without `head` at its start and `tail` at its end, that are worth searching. The others are
 * marked as changed: lines that the other text has nowhere, and lines so frequent there that they would only be matched
 * by accident, in the middle of such ones.
 */
function candidates(
  text: { readonly lines: Int32Array; readonly changed: Uint8Array },
  inOther: ReadonlyMap<number, number>,
  head: number,
  tail: number,
): Sequence {
  const { lines, changed } = text
  const middle = lines.subarray(head, lines.length - tail)
  const many = roughRoot(lines.length)
  const rarities = Array.from(middle, (line): Rarity => {
    const found = inOther.get(line) ?? 0
    return found === 0 ? 'unmatched' : found < many ? 'rare' : 'frequent'
  })
  const places: number[] = []
  for (const [i, rarity] of rarities.entries()) {
    if (rarity === 'rare' || (rarity === 'frequent' && !isLost(rarities, i))) places.push(head + i)
    else changed[head + i] = 1
  }
  return { lines: Int32Array.from(places, (place) => lines[place]!), places: Int32Array.from(places), changed }
}

/** A power of two near the square root. */
function roughRoot(n: number): number {
  let root = 1
  for (let rest = n; rest > 0; rest >>= 2) root <<= 1
  return root
}

/** Whether a frequent line is amid lines that the other text lacks: these on both sides, and more than three to one. */
function isLost(rarities: readonly Rarity[], i: number): boolean {
  const up = surroundings(rarities, i, -1)
  if (up.unmatched === 0) return false
  const down = surroundings(rarities, i, 1)
  if (down.unmatched === 0) return false
  // The line itself counts in both directions.
  const frequent = up.frequent + down.frequent + 2
  return 3 * frequent < up.unmatched + down.unmatched
}

/** What lies between a line and the next rare one. */
function surroundings(rarities: readonly Rarity[], i: number, step: 1 | -1): { unmatched: number; frequent: number } {
  const found = { unmatched: 0, frequent: 0 }
  for (let distance = 1; distance <= WINDOW; distance++) {
    const rarity = rarities[i + step * distance]
    if (rarity === undefined || rarity === 'rare') break
    found[rarity]++
  }
  return found
}

function changes(before: Uint8Array, after: Uint8Array): readonly LineChange[] {
  const found: LineChange[] = []
  for (let i = 0, j = 0; i < before.length || j < after.length; i++, j++) {
    const [start, from] = [i, j]
    while (before[i] === 1) i++
    while (after[j] === 1) j++
    if (i > start || j > from) found.push({ start, end: i, from, to: j })
  }
  return found
}
