import type { Commit, Oid, Repository } from '../repository.ts'
import { touchesPaths } from '../touched-paths.ts'
import type { TreeWalk } from '../tree-walk.ts'

type ReadCommit = (oid: Oid) => Promise<Commit>

/** Every commit that can be reached from these, themselves included. */
export async function ancestors(read: ReadCommit, from: readonly Oid[]): Promise<ReadonlySet<Oid>> {
  const found = new Set<Oid>()
  const open = [...from]
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (found.has(oid)) continue
    found.add(oid)
    open.push(...(await read(oid)).parents)
  }
  return found
}

/**
 * The best common ancestor, the newest of several. Common ancestors are closed under parents, so the best are those
 * that are no parent of another common one.
 */
export async function mergeBase(read: ReadCommit, a: Oid, b: Oid): Promise<Oid | undefined> {
  const [ofA, ofB] = [await ancestors(read, [a]), await ancestors(read, [b])]
  const common = [...ofA].filter((oid) => ofB.has(oid))
  const best = new Set(common)
  for (const oid of common) for (const parent of (await read(oid)).parents) best.delete(parent)
  const commits = await Promise.all([...best].map(read))
  return commits.sort((x, y) => y.committer.time - x.committer.time)[0]?.oid
}

/** Walks history as `git rev-list --full-history` does (see {@link Repository.log}). */
export async function* log(
  read: ReadCommit,
  trees: TreeWalk,
  options: Parameters<Repository['log']>[0],
): AsyncGenerator<Commit> {
  const excluded = await ancestors(read, options.exclude ?? [])
  const { paths } = options
  const seen = new Set<Oid>()
  const open: Commit[] = []
  const enqueue = async (oid: Oid): Promise<void> => {
    if (seen.has(oid) || excluded.has(oid)) return
    seen.add(oid)
    const commit = await read(oid)
    const at = open.findIndex((other) => other.committer.time < commit.committer.time)
    open.splice(at < 0 ? open.length : at, 0, commit)
  }
  for (const oid of options.include) await enqueue(oid)
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (let commit = open.shift(); commit !== undefined && left > 0; commit = open.shift()) {
    const parents = options.firstParent ? commit.parents.slice(0, 1) : commit.parents
    // As in git, a side deep in what is excluded does not make a merge worth listing, unless all sides are.
    const relevant = parents.filter((parent) => !excluded.has(parent) || options.exclude?.includes(parent))
    const against = relevant.length > 0 ? relevant : parents
    if (paths === undefined || (await touchesPaths(read, trees, commit, against, paths))) {
      left -= 1
      yield commit
    }
    for (const parent of parents) await enqueue(parent)
  }
}
