import { layoutAt } from '../git-bridge/layout.ts'
import type { Commit, Oid, Repository } from '../git-bridge/repository.ts'
import { type LineTrailers, readTrailers } from '../git-bridge/trailers.ts'

/** A commit of the line, with what its trailers say. */
export interface LineCommit {
  readonly oid: Oid
  readonly trailers: LineTrailers
  /** Committer date, seconds: the next commit's may not be earlier (G4). */
  readonly time: number
}

/** Reads a commit as one of the line of a world; undefined when it is none (G2). */
export async function readLineCommit(
  repository: Repository,
  oid: Oid,
  worldId: string,
): Promise<LineCommit | undefined> {
  const commit = await repository.readCommit(oid)
  const trailers = readTrailers(commit)
  if (trailers === undefined || trailers.worldId !== worldId) return undefined
  return { oid, trailers, time: commit.committer.time }
}

/**
 * The certified commits of a world in HEAD's history that the remote ref does not reach, best first: the highest cursor,
 * then the descendant, then the smaller id (G7, step 1 of the baseline). The caller takes the first whose operation the
 * feed still has. `searched` is a commit in whose history there are none beyond this tip.
 */
export async function certifiedBeyond(
  repository: Repository,
  head: Oid | undefined,
  tip: Oid | undefined,
  worldId: string,
  searched?: Oid,
): Promise<readonly LineCommit[]> {
  if (head === undefined || head === tip || head === searched) return []
  const known = searched !== undefined && (await repository.hasObject(searched)) ? searched : undefined
  const exclude = [tip, known].filter((oid) => oid !== undefined)
  // Mostly a few commits of the user's lie between: reading them is cheaper than a walk by git.
  const few = await newestCommits(repository, head, new Set(exclude))
  if (few?.every((commit) => readTrailers(commit)?.worldId !== worldId)) return []
  const found: (LineCommit & { readonly parents: readonly Oid[] })[] = []
  for await (const commit of repository.log({ include: [head], exclude })) {
    const trailers = readTrailers(commit)
    if (trailers === undefined || trailers.worldId !== worldId) continue
    found.push({ oid: commit.oid, trailers, time: commit.committer.time, parents: commit.parents })
  }
  // `log` lists descendants before their ancestors, and the sort is stable: at one cursor a later commit of the same line
  // (an asset completed, a layout changed) stays before the earlier one.
  const generation = new Map(found.map((commit, index) => [commit.oid, index]))
  const parents = new Set(found.flatMap((commit) => commit.parents))
  return found.sort((a, b) => {
    if (a.trailers.cursor !== b.trailers.cursor) return b.trailers.cursor - a.trailers.cursor
    if (parents.has(a.oid) || parents.has(b.oid)) return generation.get(a.oid)! - generation.get(b.oid)!
    return a.oid < b.oid ? -1 : 1
  })
}

/**
 * Whether commits of lines say the world by the files that HEAD says it by. Of two lines in its history, one from before
 * a change of the layout and one from after it, HEAD goes on with the one that it speaks like (G8).
 */
export function speaksLike(
  repository: Repository,
  head: Oid,
  prefix: string,
): (commit: Pick<LineCommit, 'oid'>) => Promise<boolean> {
  let ours: ReturnType<typeof layoutAt> | undefined
  return async ({ oid }) => {
    // A branch that says it by both is for a merge to refuse.
    ours ??= layoutAt(repository, head, prefix).catch(() => undefined)
    const layout = await ours
    return layout === undefined || layout === (await layoutAt(repository, oid, prefix))
  }
}

/** Brings the first that fits to the front. */
export async function firstFitting(
  commits: readonly LineCommit[],
  fits: (commit: LineCommit) => Promise<boolean>,
): Promise<readonly LineCommit[]> {
  for (const [index, commit] of commits.entries()) {
    if (await fits(commit)) return index === 0 ? commits : [commit, ...commits.filter((one) => one !== commit)]
  }
  return commits
}

/** Whether a commit of a line is to be gone on from rather than another: the higher cursor, then the smaller id (G7). */
export function isBetter(a: LineCommit, b: LineCommit): boolean {
  return a.trailers.cursor === b.trailers.cursor ? a.oid < b.oid : a.trailers.cursor > b.trailers.cursor
}

/** The furthest commit of a tip's line that HEAD has taken in; undefined when it has none. */
export async function furthestOf(
  repository: Repository,
  head: Oid,
  tip: Oid,
  worldId: string,
): Promise<LineCommit | undefined> {
  const base = await repository.mergeBase(head, tip)
  return base === undefined ? undefined : readLineCommit(repository, base, worldId)
}

/** Commits read one after the other before git is asked to walk. */
const FEW = 32

/**
 * The commits from `head` on that are reached without passing one of `ends`; undefined when there are too many, or when
 * the history is cut there.
 */
async function newestCommits(
  repository: Repository,
  head: Oid,
  ends: ReadonlySet<Oid>,
): Promise<readonly Commit[] | undefined> {
  const commits: Commit[] = []
  const seen = new Set<Oid>([...ends, head])
  for (let generation = [head]; generation.length > 0; ) {
    if (commits.length + generation.length > FEW) return undefined
    const read = await Promise.all(generation.map((oid) => repository.readCommit(oid))).catch(() => undefined)
    if (read === undefined) return undefined
    commits.push(...read)
    generation = []
    for (const parent of read.flatMap((commit) => commit.parents)) {
      if (seen.has(parent)) continue
      seen.add(parent)
      generation.push(parent)
    }
  }
  return commits
}

/**
 * Whether a branch took in `tip` with one of its newest commits, as it did when it was last pulled. False says nothing.
 */
export async function lately(repository: Repository, head: Oid, tip: Oid): Promise<boolean> {
  let at: Oid | undefined = head
  for (let count = 0; at !== undefined && count < FEW; count++) {
    if (at === tip) return true
    const commit: Commit | undefined = await repository.readCommit(at).catch(() => undefined)
    if (commit?.parents.includes(tip)) return true
    at = commit?.parents[0]
  }
  return false
}
