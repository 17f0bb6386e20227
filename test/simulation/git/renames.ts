import type { TreeChange } from '../../../src/git-bridge/repository.ts'
import { type Counted, counted, similarity } from '../../../src/git-bridge/similarity.ts'
import { type Objects, readBlob } from './objects.ts'
import type { FileItem } from './trees.ts'

interface File {
  readonly path: string
  readonly item: FileItem
}

const MAX_SCORE = 60_000
/** Half of a file must be the same; three quarters of one that is alone in having its name. */
const LEAST = 30_000
const LEAST_BY_NAME = 45_000
/** For each new file git remembers so many old ones. */
const CANDIDATES = 4

/**
 * What one side of a merge renamed, old path → new path, as git's `ort` finds it: only files that the other side changed
 * are looked for. First the ones that are the same, then by name, then by likeness.
 */
export function findRenames(
  objects: Objects,
  changes: readonly TreeChange[],
  changedThere: ReadonlySet<string>,
): Map<string, string> {
  const found = new Map<string, string>()
  const before = changes.flatMap(({ path, before, after }) =>
    before !== undefined && after === undefined ? [{ path, item: before }] : [],
  )
  const after = changes.flatMap(({ path, before, after }) =>
    before === undefined && after !== undefined ? [{ path, item: after }] : [],
  )
  if (after.length === 0 || !before.some(({ path }) => changedThere.has(path))) return found
  const sizeOf = ({ item }: File) => (item.mode === '160000' ? 0 : readBlob(objects, item.oid).length)
  const sources = new Set(before.filter((file) => sizeOf(file) > 0))
  const targets = new Set(after.filter((file) => sizeOf(file) > 0))
  const take = (source: File, target: File): void => {
    found.set(source.path, target.path)
    sources.delete(source)
    targets.delete(target)
  }
  for (const target of [...targets]) {
    const same = [...sources].filter(
      (source) => source.item.oid === target.item.oid && kindOf(source) === kindOf(target),
    )
    const best = same.find((source) => nameOf(source) === nameOf(target)) ?? same[0]
    if (best !== undefined) take(best, target)
  }
  for (const source of [...sources]) if (!changedThere.has(source.path)) sources.delete(source)

  const score = scorer(objects)
  const alone = (files: Iterable<File>) => {
    const names = new Map<string, File | undefined>()
    for (const file of files) names.set(nameOf(file), names.has(nameOf(file)) ? undefined : file)
    return names
  }
  const byName = alone(targets)
  for (const [name, source] of alone(sources)) {
    const target = byName.get(name)
    if (source !== undefined && target !== undefined && score(source, target) >= LEAST_BY_NAME) take(source, target)
  }
  const ranked = [...targets].flatMap((target) =>
    [...sources]
      .map((source) => ({ source, target, score: score(source, target), named: nameOf(source) === nameOf(target) }))
      .filter(({ score }) => score >= LEAST)
      .sort(byRank)
      .slice(0, CANDIDATES),
  )
  for (const { source, target } of ranked.sort(byRank))
    if (sources.has(source) && targets.has(target)) take(source, target)
  return found
}

interface Ranked {
  readonly score: number
  readonly named: boolean
}

function byRank(a: Ranked, b: Ranked): number {
  return b.score - a.score || Number(b.named) - Number(a.named)
}

function nameOf({ path }: File): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function kindOf({ item }: File): string {
  return item.mode.slice(0, 3)
}

/** How much two files have in common, by git's measure; files are counted once. */
function scorer(objects: Objects): (source: File, target: File) => number {
  const counts = new Map<string, Counted>()
  const countOf = ({ item }: File): Counted => {
    let count = counts.get(item.oid)
    if (count === undefined) {
      count = counted(Buffer.from(readBlob(objects, item.oid)))
      counts.set(item.oid, count)
    }
    return count
  }
  return (source, target) =>
    kindOf(source) !== '100' || kindOf(target) !== '100'
      ? 0
      : Math.floor(similarity(countOf(source), countOf(target)) * MAX_SCORE)
}
