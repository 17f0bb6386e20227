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
/** Beyond so many comparisons only files that say the very same are looked at, as with git's `diff.renameLimit`. */
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
  const found = new Matches(before, after)
  const [olds, news] = [byText(before), byText(after)]
  for (const [text, same] of news) found.same(olds.get(text) ?? [], same)
  const [gone, left] = [
    before.filter(({ path }) => found.gone.has(path)),
    after.filter(({ path }) => found.left.has(path)),
  ]
  const ranked = gone.length * left.length > MOST_COMPARISONS ? [] : comparisons(gone, left)
  for (let at = 0; at < ranked.length; ) {
    let to = at
    while (to < ranked.length && ranked[to]!.rank === ranked[at]!.rank) to++
    found.level(ranked.slice(at, to))
    at = to
  }
  return found
}

/** What has been found so far, and what is left. */
class Matches implements Renames {
  readonly pairs = new Map<string, string>()
  readonly ambiguous: { readonly after: readonly string[]; readonly before: readonly string[] }[] = []
  readonly gone: Set<string>
  readonly left: Set<string>

  constructor(before: readonly Said[], after: readonly Said[]) {
    this.gone = new Set(before.map(({ path }) => path))
    this.left = new Set(after.map(({ path }) => path))
  }

  /** Files that say the very same: told apart by their names only, so that thousands of them are no matter. */
  same(olds: readonly string[], news: readonly string[]): void {
    const [oldNames, newNames] = [byName(olds), byName(news)]
    for (const [name, [path, another]] of newNames) {
      const [old, other] = oldNames.get(name) ?? []
      if (old !== undefined && other === undefined && another === undefined) this.#settle([old], [path!])
    }
    const rest = [olds.filter((path) => this.gone.has(path)), news.filter((path) => this.left.has(path))] as const
    if (rest[0].length > 0 && rest[1].length > 0) this.#settle(...rest)
  }

  /** Pairs of one rank. */
  level(pairs: readonly Pair[]): void {
    for (const group of connected(pairs.filter((pair) => this.gone.has(pair.before) && this.left.has(pair.after)))) {
      this.#settle([...new Set(group.map((pair) => pair.before))], [...new Set(group.map((pair) => pair.after))])
    }
  }

  #settle(olds: readonly string[], news: readonly string[]): void {
    for (const path of olds) this.gone.delete(path)
    for (const path of news) this.left.delete(path)
    if (olds.length === 1 && news.length === 1) this.pairs.set(news[0]!, olds[0]!)
    else this.ambiguous.push({ before: olds.toSorted(), after: news.toSorted() })
  }
}

function byName(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const path of paths) {
    const group = groups.get(baseName(path))
    if (group === undefined) groups.set(baseName(path), [path])
    else group.push(path)
  }
  return groups
}

function byText(files: readonly Said[]): ReadonlyMap<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { path, text } of files) {
    const key = text.toString('latin1')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [path])
    else group.push(path)
  }
  return groups
}

/** Pairs of files that are similar enough, the most similar first. */
function comparisons(before: readonly Said[], after: readonly Said[]): readonly Pair[] {
  const olds = before.map((said) => ({ ...said, of: lazily(said.text) }))
  return after
    .flatMap((said): Pair[] => {
      const of = lazily(said.text)
      return olds.flatMap((old): Pair[] => {
        const similar = similarity(old.of(), of())
        if (similar < LEAST) return []
        const rank = similar + (baseName(old.path) === baseName(said.path) ? 1e-9 : 0)
        return [{ before: old.path, after: said.path, rank }]
      })
    })
    .sort((a, b) => b.rank - a.rank)
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
