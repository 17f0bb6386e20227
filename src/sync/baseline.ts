import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { SyncError } from '../world/errors.ts'
import type { FetchReport } from './fetch.ts'
import { readSeen, SEEN_FOLDER, seenEdits, seenName } from './seen-files.ts'
import type { Session } from './session.ts'
import { refuseShallow } from './shallow.ts'
import { lately } from './tip.ts'

/**
 * What HEAD has taken in of the world's line (G6, G7): the merge base of HEAD and the tip, or the commit further on
 * that `lobby.seen/` names, as squash merges leave it. Throws `unrelated_histories`, `shallow_clone`.
 */
export async function baselineOf(session: Session, head: Oid, tip: Oid): Promise<Oid> {
  const { repository } = session
  // Nothing new since the last pull: no walk is needed to see that.
  if (await lately(repository, head, tip)) return tip
  const base = await takenIn(session, head, tip)
  await refuseShallow(session, base === undefined ? undefined : { head, base })
  if (base !== undefined) return base
  throw new SyncError('unrelated_histories', 'This branch and the world have no common history.', {
    hint: 'Run "gamedev sync init" to bring them together.',
  })
}

/** The furthest commit of the line that a commit has taken in, by its history or by its marks; undefined for none. */
export async function takenIn(session: Session, commit: Oid, tip: Oid): Promise<Oid | undefined> {
  const common = await session.repository.mergeBase(commit, tip)
  return (await seenOnLine(session, commit, tip, common)) ?? common
}

/**
 * The furthest commit of the line beyond the merge base that `lobby.seen/` names in HEAD or in a commit since; a mark that
 * the line does not know is none.
 */
async function seenOnLine(session: Session, head: Oid, tip: Oid, common: Oid | undefined): Promise<Oid | undefined> {
  const { repository, prefix } = session
  const trailers = readTrailers(await repository.readCommit(tip))
  if (trailers === undefined) return undefined
  const known = common === undefined ? undefined : readTrailers(await repository.readCommit(common))
  const names = new Set<string>()
  // Those that a revert took out of the files again were seen all the same.
  const marking = repository.log({
    include: [head],
    exclude: common === undefined ? [] : [common],
    paths: [prefix + SEEN_FOLDER],
  })
  const note = async (treeish: Oid) => {
    for (const { cursor, name } of await readSeen(repository, treeish, prefix, trailers.worldId)) {
      if (cursor >= (known?.cursor ?? 0)) names.add(name)
    }
  }
  await note(head)
  for await (const { tree } of marking) await note(tree)
  if (names.size === 0) return undefined
  let furthest: { readonly oid: Oid; readonly cursor: number } | undefined
  for await (const commit of repository.log({ include: [tip], exclude: common === undefined ? [] : [common] })) {
    const said = readTrailers(commit)
    if (said === undefined || (furthest !== undefined && said.cursor <= furthest.cursor)) continue
    if (names.has(seenName(said))) furthest = { oid: commit.oid, cursor: said.cursor }
  }
  return furthest?.oid
}

/** Tells how far a branch with this baseline is behind the world; with the tip for a baseline it has all of it. */
export async function tellLag({ repository, report }: Session, fetched: FetchReport, base: Oid): Promise<void> {
  const { cursor, tip } = fetched
  // Operations that changed nothing made no commit.
  const taken = base === tip ? cursor : (readTrailers(await repository.readCommit(base))?.cursor ?? 0)
  report.tell({ kind: 'lag', cursor, taken })
}

/** The files by which a merge with `tip` is remembered in the branch (G7): edits of `treeish`. */
export async function rememberSeen(session: Session, treeish: Oid, tip: Oid): Promise<readonly TreeEdit[]> {
  const { repository, prefix } = session
  const trailers = readTrailers(await repository.readCommit(tip))
  return trailers === undefined ? [] : seenEdits(repository, treeish, prefix, trailers)
}
