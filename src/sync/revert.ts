import type { Oid } from '../git-bridge/repository.ts'
import type { ObjectKey } from '../world/state.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import type { HeldBack } from './hold-back.ts'
import type { UnseenWrite } from './overwritten.ts'
import type { Attribution, PlannedOperation } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import { nameCommits, type RevertedCommit, revertedCommits } from './revert-commits.ts'
import { mergeReverts, type NotUndone, type RevertMerge } from './revert-merge.ts'
import {
  ATTEMPTS,
  actorName,
  type MergeToSend,
  planMerge,
  readBack,
  type Sent,
  sendMerge,
  worldBusy,
} from './send-merge.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'

export interface RevertOptions {
  /** Commits of the line, or ranges of them. */
  readonly revisions: readonly string[]
  /** Undo what can be undone, where some fields were changed since. */
  readonly partial: boolean
  readonly dryRun: boolean
  readonly allowMassDelete: boolean
  /** Asked for targets that want confirmation (P7). */
  readonly confirm: (question: string) => Promise<boolean>
  readonly noBatch?: boolean
  /** How long to wait for a deploy lock that somebody holds, in milliseconds. */
  readonly waitLockMs?: number
}

export type RevertReport = {
  readonly fetched: FetchReport
  /** Newest first, as they are undone. */
  readonly commits: readonly RevertedCommit[]
  readonly notUndone: readonly NotUndone[]
} /** The world holds nothing of these commits any more. */ & (
  | { readonly kind: 'nothing' }
  /** Fields were changed since; nothing was sent. */
  | { readonly kind: 'changed-since' }
  | { readonly kind: 'planned'; readonly operations: readonly PlannedOperation[] }
  /** Nothing could be sent now. */
  | { readonly kind: 'held'; readonly held: readonly HeldBack[] }
  | ({
      readonly kind: 'reverted'
      /** Operations that are still to be done, told from the world as it is now. */
      readonly left: readonly PlannedOperation[]
      /** What others wrote to the same fields meanwhile (P5). */
      readonly unseen: readonly UnseenWrite[]
    } & Sent)
)

/**
 * Undoes commits of the line in the world, as new operations: what each wrote (its difference from its parent) goes back
 * to what was there before, where the world still holds it. The line grows and the branch is not touched; the next pull
 * brings it like any edit of the world, because its source names no commit that a branch could have seen (G7).
 *
 * Throws what {@link revertedCommits} and `sendMerge` throw.
 */
export async function revert(session: Session, options: RevertOptions): Promise<RevertReport> {
  if (!options.dryRun) requireBidirectional(session.switches, 'sync revert')
  const lock = await takeProcessLock(session, 'sync revert')
  try {
    const named = await nameCommits(session, options.revisions)
    for (let attempt = 1; ; attempt++) {
      const fetched = await fetchWorld(session)
      // In a fresh clone the ref that a revision may name is there only now.
      const known =
        attempt === 1 && fetched.before === undefined ? await nameCommits(session, options.revisions) : named
      const commits = await revertedCommits(session, fetched.tip, fetched.worldId, known)
      const report = await tryRevert(session, fetched, commits, options, attempt)
      if (report.kind !== 'moved') return report
      if (attempt >= ATTEMPTS) throw worldBusy(fetched.worldId, report.fields, 'sync revert')
    }
  } finally {
    await lock.release()
  }
}

async function tryRevert(
  session: Session,
  fetched: FetchReport,
  commits: readonly RevertedCommit[],
  options: RevertOptions,
  attempt: number,
): Promise<RevertReport | { readonly kind: 'moved'; readonly fields: readonly string[] }> {
  const reverted = await mergeReverts(session, fetched.tip, commits, options)
  const { notUndone } = reverted
  const report = { fetched, commits, notUndone }
  if (notUndone.length > 0 && !options.partial) return { ...report, kind: 'changed-since' }
  const request = await requestFor(session, fetched, commits, reverted)
  if (request === undefined) return { ...report, kind: notUndone.length === 0 ? 'nothing' : 'changed-since' }
  if (options.dryRun) return { ...report, kind: 'planned', operations: (await planMerge(session, request)).operations }

  const sent = await sendMerge(session, request, {
    attempt,
    allowMassDelete: options.allowMassDelete,
    noBatch: options.noBatch === true,
    waitLockMs: options.waitLockMs ?? 0,
    confirm: async (operations) => {
      if (!session.target.confirm) return true
      return options.confirm(`Send ${operations.length} operations to world "${fetched.worldId}"?`)
    },
  })
  if (sent.kind === 'moved') return sent
  if (sent.kind === 'nothing') {
    return sent.held.length === 0 ? { ...report, kind: 'nothing' } : { ...report, kind: 'held', held: sent.held }
  }
  // What landed, the feed says: whatever of it the world does not hold now is still to be done.
  const after = await fetchWorld(session)
  const { unseen } = await readBack(session, sent.journal, after.tip)
  const rest = await requestFor(session, after, commits, await mergeReverts(session, after.tip, commits, options))
  const left = rest === undefined ? [] : (await planMerge(session, rest)).operations
  return { ...report, ...sent, kind: 'reverted', fetched: after, left, unseen }
}

async function requestFor(
  session: Session,
  fetched: FetchReport,
  commits: readonly RevertedCommit[],
  { merge }: RevertMerge,
): Promise<MergeToSend | undefined> {
  if (merge === undefined) return undefined
  const actor = await actorName(session)
  const first = commits[0]!
  const byObject = new Map<string, Oid>()
  for (const { object, oid } of commits) if (!byObject.has(object)) byObject.set(object, oid)
  const attribute = (key: ObjectKey): Attribution => {
    const source = `revert:${byObject.get(key) ?? first.oid}`
    // The tip stands for what was seen: it holds nothing of what is written here, so no branch takes that for its own.
    const by: Attribution & { readonly source: string } = { commit: fetched.tip, actor, source }
    return by
  }
  return { merge, fetched, attribute, note: `revert ${first.oid.slice(0, 8)} ${first.subject}` }
}
