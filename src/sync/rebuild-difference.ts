import type { Commit, Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { Cursor } from '../world/operation.ts'
import type { Session } from './session.ts'
import type { LineCommit } from './tip.ts'

/** How a rebuilt line differs from the present one. */
export interface LineDifference {
  /** Commits that only the present line has, and only the rebuilt one. */
  readonly commits: { readonly present: number; readonly rebuilt: number }
  /** The first commit of each that the other lacks. */
  readonly first: { readonly present: FirstCommit | undefined; readonly rebuilt: FirstCommit | undefined }
  /** The place in the feed at which the files were compared, the furthest that both reached. */
  readonly cursor: Cursor
  /** Files that differ there, relative to the project; none where the lines tell the same in other commits. */
  readonly paths: readonly string[]
}

export interface FirstCommit {
  readonly commit: Oid
  readonly cursor: Cursor
  readonly subject: string
}

/** Compares two lines of a world: their commits, and their files at the furthest place that both reached. */
export async function lineDifference(
  session: Session,
  present: LineCommit,
  rebuilt: LineCommit,
): Promise<LineDifference> {
  const { repository, prefix } = session
  const cursor = Math.min(present.trailers.cursor, rebuilt.trailers.cursor)
  const [mine, other] = await Promise.all([
    only(session, present.oid, rebuilt.oid),
    only(session, rebuilt.oid, present.oid),
  ])
  const [here, there] = await Promise.all([at(session, present, cursor), at(session, rebuilt, cursor)])
  const changes = await repository.diffTrees(here, there, prefix === '' ? undefined : prefix.slice(0, -1))
  return {
    commits: { present: mine.count, rebuilt: other.count },
    first: { present: mine.first, rebuilt: other.first },
    cursor,
    paths: changes.map(({ path }) => path.slice(prefix.length)),
  }
}

/** The commits of one line that another lacks. */
async function only(
  { repository }: Session,
  tip: Oid,
  other: Oid,
): Promise<{ readonly count: number; readonly first: FirstCommit | undefined }> {
  let oldest: Commit | undefined
  let count = 0
  for await (const commit of repository.log({ include: [tip], exclude: [other] })) {
    oldest = commit
    count++
  }
  if (oldest === undefined) return { count, first: undefined }
  const subject = oldest.message.split('\n', 1)[0] ?? ''
  return { count, first: { commit: oldest.oid, cursor: readTrailers(oldest)?.cursor ?? 0, subject } }
}

/** The line as it was at a cursor. */
async function at({ repository }: Session, tip: LineCommit, cursor: Cursor): Promise<Oid> {
  for await (const commit of repository.log({ include: [tip.oid], firstParent: true })) {
    if ((readTrailers(commit)?.cursor ?? 0) <= cursor) return commit.oid
  }
  return tip.oid
}
