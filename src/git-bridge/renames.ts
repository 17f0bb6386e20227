import { type Counted, counted, similarity } from './similarity.ts'

/** A file, by what it says; without what an object is recognised by, so that its loss does not count. */
export interface Said {
  readonly path: string
  readonly text: Buffer
}

export interface Renames {
  /** New path → old path. */
  readonly pairs: ReadonlyMap<string, string>
  /** New files that are equally similar to several old ones, or the other way round: never a guess (M8). */
  readonly ambiguous: readonly { readonly after: readonly string[]; readonly before: readonly string[] }[]
}

/** As for `git diff -M`: files of which less is the same are two files. */
const LEAST = 0.5
/** Beyond so many comparisons only files that say the same are the same; as git's `diff.renameLimit`. */
const MOST_COMPARISONS = 1_000_000

interface Pair {
  readonly before: string
  readonly after: string
  readonly rank: number
}

/**
 * Which of some files that are gone each of some new ones was, as git detects renames: one to one, the most similar
 * first, and of equally similar ones the one with the same file name. What remains equal is ambiguous.
 */
export function findRenames(before: readonly Said[], after: readonly Said[]): Renames {
  const pairs = new Map<string, string>()
  const ambiguous: { after: readonly string[]; before: readonly string[] }[] = []
  const [goneLeft, newLeft] = [new Set(before.map(({ path }) => path)), new Set(after.map(({ path }) => path))]
  const ranked = comparisons(before, after).toSorted((a, b) => b.rank - a.rank)
  for (let at = 0; at < ranked.length; ) {
    let to = at
    while (to < ranked.length && ranked[to]!.rank === ranked[at]!.rank) to++
    const level = ranked.slice(at, to).filter((pair) => goneLeft.has(pair.before) && newLeft.has(pair.after))
    at = to
    for (const group of connected(level)) {
      const [olds, news] = [new Set(group.map((pair) => pair.before)), new Set(group.map((pair) => pair.after))]
      for (const path of olds) goneLeft.delete(path)
      for (const path of news) newLeft.delete(path)
      if (group.length === 1) pairs.set(group[0]!.after, group[0]!.before)
      else ambiguous.push({ before: [...olds].sort(), after: [...news].sort() })
    }
  }
  return { pairs, ambiguous }
}

function comparisons(before: readonly Said[], after: readonly Said[]): readonly Pair[] {
  const exactOnly = before.length * after.length > MOST_COMPARISONS
  const olds = before.map((said) => ({ ...said, of: lazily(said.text) }))
  return after.flatMap((said): Pair[] => {
    const of = lazily(said.text)
    return olds.flatMap((old): Pair[] => {
      const same = old.text.equals(said.text)
      if (!same && exactOnly) return []
      const similar = same ? 1 : Math.min(similarity(old.of(), of()), 0.999_999)
      if (similar < LEAST) return []
      const rank = similar * 2 + (baseName(old.path) === baseName(said.path) ? 1e-9 : 0)
      return [{ before: old.path, after: said.path, rank }]
    })
  })
}

function lazily(text: Buffer): () => Counted {
  let known: Counted | undefined
  return () => {
    known ??= counted(text)
    return known
  }
}

/** Pairs that share a file, together. */
function connected(pairs: readonly Pair[]): readonly (readonly Pair[])[] {
  const [byOld, byNew] = [grouped(pairs, 'before'), grouped(pairs, 'after')]
  const met = new Set<Pair>()
  return pairs.flatMap((first) => {
    if (met.has(first)) return []
    met.add(first)
    const group = [first]
    for (const pair of group) {
      for (const next of [...(byOld.get(pair.before) ?? []), ...(byNew.get(pair.after) ?? [])]) {
        if (met.has(next)) continue
        met.add(next)
        group.push(next)
      }
      byOld.delete(pair.before)
      byNew.delete(pair.after)
    }
    return [group]
  })
}

function grouped(pairs: readonly Pair[], by: 'before' | 'after'): Map<string, Pair[]> {
  const groups = new Map<string, Pair[]>()
  for (const pair of pairs) {
    const group = groups.get(pair[by])
    if (group === undefined) groups.set(pair[by], [pair])
    else group.push(pair)
  }
  return groups
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
