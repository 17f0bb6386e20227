import { diffLines, type LineChange } from './line-diff.ts'
import type { Terms } from './terms.ts'

/** Lines `from` to before `to` of a text. */
export interface LineRange {
  readonly from: number
  readonly to: number
}

/**
 * One stretch of a merge, and where it stands in the three texts. The merged text is that of `ours` or `theirs`, where
 * one side made the change; of either side where none did, or both the same (`same`), or where different changes led to
 * the same lines (`agreed`).
 */
export type MergePiece = Terms<LineRange> & { readonly kind: 'same' | 'agreed' | 'ours' | 'theirs' | 'contested' }

const NONE: LineRange = { from: 0, to: 0 }

/**
 * The merge of texts as git's: changes of the two sides that overlap or touch belong together, and are contested unless
 * both sides have the same lines there (M3). Between two pieces of other kinds there is always one that is `same`.
 */
export function mergeLines(lines: Terms<Int32Array>): readonly MergePiece[] {
  const pieces: MergePiece[] = []
  let last: Terms<LineRange> = { base: NONE, ours: NONE, theirs: NONE }

  /** The next ranges: up to a line of the base, which the sides made longer by so many lines, or shorter. */
  const advance = (to: number, growth: { readonly ours: number; readonly theirs: number }) => {
    const count = to - last.base.to
    last = {
      base: after(last.base, count),
      ours: after(last.ours, count + growth.ours),
      theirs: after(last.theirs, count + growth.theirs),
    }
  }
  const add = (kind: MergePiece['kind']) => {
    const before = pieces.at(-1)
    if (kind === 'same' && before?.kind === 'same') pieces.splice(-1, 1, { kind, ...joined(before, last) })
    else pieces.push({ kind, ...last })
  }
  const addUnchanged = (to: number) => {
    if (to === last.base.to) return
    advance(to, { ours: 0, theirs: 0 })
    add('same')
  }

  for (const cluster of clusters(diffLines(lines.base, lines.ours), diffLines(lines.base, lines.theirs))) {
    addUnchanged(cluster.start)
    advance(cluster.end, { ours: growth(cluster.ours), theirs: growth(cluster.theirs) })
    add(kindOf(cluster, hasSameLines(lines, last)))
  }
  addUnchanged(lines.base.length)
  return pieces
}

function after(range: LineRange, count: number): LineRange {
  return { from: range.to, to: range.to + count }
}

function joined(a: Terms<LineRange>, b: Terms<LineRange>): Terms<LineRange> {
  const join = (side: keyof Terms<LineRange>): LineRange => ({ from: a[side].from, to: b[side].to })
  return { base: join('base'), ours: join('ours'), theirs: join('theirs') }
}

function hasSameLines(lines: Terms<Int32Array>, ranges: Terms<LineRange>): boolean {
  const ours = lines.ours.subarray(ranges.ours.from, ranges.ours.to)
  const theirs = lines.theirs.subarray(ranges.theirs.from, ranges.theirs.to)
  return ours.length === theirs.length && ours.every((line, i) => line === theirs[i])
}

/** Changes of the sides that belong together, and the lines of the base that they and what is between them take up. */
interface Cluster {
  readonly start: number
  readonly end: number
  readonly ours: readonly LineChange[]
  readonly theirs: readonly LineChange[]
}

function clusters(ours: readonly LineChange[], theirs: readonly LineChange[]): readonly Cluster[] {
  const found: Cluster[] = []
  let [i, j] = [0, 0]
  while (i < ours.length || j < theirs.length) {
    const [fromOurs, fromTheirs] = [i, j]
    const start = Math.min(ours[i]?.start ?? Number.POSITIVE_INFINITY, theirs[j]?.start ?? Number.POSITIVE_INFINITY)
    let end = start
    // Touching is enough: who edits next to somebody else's edit has not seen it.
    for (;;) {
      if (i < ours.length && ours[i]!.start <= end) end = Math.max(end, ours[i++]!.end)
      else if (j < theirs.length && theirs[j]!.start <= end) end = Math.max(end, theirs[j++]!.end)
      else break
    }
    found.push({ start, end, ours: ours.slice(fromOurs, i), theirs: theirs.slice(fromTheirs, j) })
  }
  return found
}

/** How many lines more there are after the changes than before. */
function growth(changes: readonly LineChange[]): number {
  return changes.reduce((sum, { start, end, from, to }) => sum + (to - from) - (end - start), 0)
}

function kindOf({ ours, theirs }: Cluster, areSidesEqual: boolean): MergePiece['kind'] {
  if (ours.length === 0) return 'theirs'
  if (theirs.length === 0) return 'ours'
  if (!areSidesEqual) return 'contested'
  return ours[0]!.start === theirs[0]!.start && ours[0]!.end === theirs[0]!.end ? 'same' : 'agreed'
}
