import { type ContestedObject, mergeWorlds } from '../git-bridge/world-merge.ts'
import { baselineOf, tellLag } from './baseline.ts'
import { type OpenConflict, openConflicts } from './conflicts.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { previewPush } from './outgoing.ts'
import type { PlannedOperation } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import { countByAuthor } from './pull.ts'
import { type InterruptedPush, interruptedPush } from './push-journal.ts'
import { sayIdentities } from './say-identities.ts'
import type { Session } from './session.ts'
import { userGit } from './user-git.ts'
import { requireBranch } from './working-tree.ts'

/** A merge that waits for the user: what else stands where is only told when it is concluded. */
export interface OpenMergeReport {
  readonly kind: 'merging'
  readonly conflicts: readonly OpenConflict[]
}

export interface StatusReport {
  readonly kind: 'status'
  readonly fetched: FetchReport
  readonly branch: string
  /** Conflicts that a pull has kept open (C6). */
  readonly kept: readonly OpenConflict[]
  /** Changes of the world that a pull would merge, by author. */
  readonly incoming: ReadonlyMap<string, number>
  /** Files that the pull would write or delete. */
  readonly incomingFiles: number
  /** Operations that a push would send; empty while objects are contested. */
  readonly outgoing: readonly PlannedOperation[]
  readonly contested: readonly ContestedObject[]
  /** A push that was interrupted: the next push or pull finds out what landed (P6). */
  readonly interrupted: InterruptedPush | undefined
  /** Files with changes that are not committed, world-owned or not. */
  readonly uncommitted: readonly string[]
}

/** Where both sides stand. Fetches, and writes nothing but the remote ref. */
export async function statusLocked(session: Session): Promise<StatusReport | OpenMergeReport> {
  const lock = await takeProcessLock(session, 'sync status')
  try {
    return await status(session)
  } finally {
    await lock.release()
  }
}

async function status(session: Session): Promise<StatusReport | OpenMergeReport> {
  const { repository } = session
  const { conflicts, mergeHead } = await openConflicts(session)
  if (mergeHead !== undefined) return { kind: 'merging', conflicts }
  const branch = await requireBranch(session, { detached: true })
  const fetched = await fetchWorld(session)
  const base = await baselineOf(session, branch.head, fetched.tip)
  await tellLag(session, fetched, base)
  const { policy } = session.lobby ?? {}
  const merge = await mergeWorlds(
    repository,
    session.prefix,
    { base, ours: branch.head, theirs: fetched.tip },
    { policy },
  )
  await sayIdentities(session, merge.notes)
  const incoming = base === fetched.tip ? new Map<string, number>() : await countByAuthor(session, base, fetched.tip)
  const outgoing = await previewPush(session, merge, fetched, branch.head)
  const tree = await (await userGit(repository.workTree!)).status()
  return {
    kind: 'status',
    fetched,
    branch: branch.name,
    kept: conflicts,
    incoming,
    incomingFiles: merge.incoming.length,
    outgoing,
    contested: merge.contested,
    interrupted: await interruptedPush(session),
    uncommitted: tree.files.map((file) => file.path),
  }
}
