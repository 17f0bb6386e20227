import type { Oid, Repository } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { SyncError } from '../world/errors.ts'
import type { Session } from './session.ts'
import { certifiedBeyond, firstFitting, type LineCommit, speaksLike } from './tip.ts'

/**
 * The world as it was last fetched, told without asking it: the remote ref's commit, or one further on that HEAD's
 * history brought along (G7), as in a fresh clone of the repository. Whether the feed still has it, only a fetch can
 * say. Throws `no_line`, `foreign_ref`.
 */
export async function knownTip(session: Session, head: Oid | undefined): Promise<LineCommit> {
  const { repository, ref, target, prefix } = session
  const oid = await repository.readRef(ref)
  const commit = oid === undefined ? undefined : await repository.readCommit(oid)
  const trailers = commit === undefined ? undefined : readTrailers(commit)
  const worldId = target.address.worldId ?? trailers?.worldId
  if (commit !== undefined && (trailers === undefined || trailers.worldId !== worldId)) {
    throw new SyncError('foreign_ref', `${ref} does not point to a commit of world "${worldId ?? '?'}".`, {
      exitCode: 5,
      hint: `If it is a leftover of another world, remove it with "git update-ref -d ${ref}".`,
    })
  }
  const tip =
    commit === undefined || trailers === undefined
      ? undefined
      : { oid: commit.oid, trailers, time: commit.committer.time }
  const others = worldId === undefined ? [] : await certifiedBeyond(repository, head, oid, worldId)
  if (others.length > 0 && head !== undefined) {
    const fits = speaksLike(repository, head, prefix)
    const [beyond] = await firstFitting(others, fits)
    const isOther = tip !== undefined && (await fits(tip)) !== (await fits(beyond!))
    if (tip === undefined || (isOther ? await fits(beyond!) : await goesOn(repository, tip, beyond!))) return beyond!
  }
  if (tip !== undefined) return tip
  throw new SyncError('no_line', 'Nothing was ever fetched from the world here.', {
    hint: 'Run "gamedev sync fetch", or "gamedev sync init" to begin.',
  })
}

/** Whether a commit is further on: at a higher cursor, or, at the same one, a descendant (G7). */
async function goesOn(repository: Repository, tip: LineCommit, other: LineCommit): Promise<boolean> {
  if (other.trailers.cursor !== tip.trailers.cursor) return other.trailers.cursor > tip.trailers.cursor
  return repository.isAncestor(tip.oid, other.oid)
}
