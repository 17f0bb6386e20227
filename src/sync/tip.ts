import type { Oid, Repository } from '../git-bridge/repository.ts'
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
 * feed still has.
 */
export async function certifiedBeyond(
  repository: Repository,
  head: Oid | undefined,
  tip: Oid | undefined,
  worldId: string,
): Promise<readonly LineCommit[]> {
  if (head === undefined || head === tip) return []
  const found: LineCommit[] = []
  for await (const commit of repository.log({ include: [head], ...(tip === undefined ? {} : { exclude: [tip] }) })) {
    const trailers = readTrailers(commit)
    if (trailers === undefined || trailers.worldId !== worldId) continue
    found.push({ oid: commit.oid, trailers, time: commit.committer.time })
  }
  const position = new Map(found.map((commit, index) => [commit.oid, index]))
  return found.sort((a, b) => {
    if (a.trailers.cursor !== b.trailers.cursor) return b.trailers.cursor - a.trailers.cursor
    // Commits at one cursor: a later one of the same line (an asset completed, a layout changed) is listed before its
    // ancestors; unrelated ones are told apart by their ids alone.
    return position.get(a.oid)! - position.get(b.oid)!
  })
}
