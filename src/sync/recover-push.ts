import { SyncError } from '../world/errors.ts'
import { type Conclusion, concludePush, isMerged } from './conclude-push.ts'
import { releaseLocks } from './locks.ts'
import { plural } from './pull.ts'
import {
  describe,
  type InterruptedPush,
  isForeign,
  type PushJournal,
  readJournal,
  removeJournal,
  setJournalAside,
  writeJournal,
} from './push-journal.ts'
import type { Session } from './session.ts'
import { type Branch, operationUnderWay, requireBranch } from './working-tree.ts'

/** What became of an interrupted push (P6). */
export interface RecoveredPush extends InterruptedPush {
  readonly conclusion: Conclusion
  /** In one sentence. */
  readonly message: string
}

/**
 * Ends what an interrupted push left (P6), to be called by every command that writes, holding the process lock, before
 * it looks at the branch and the world: releases its locks, reads the feed, and makes the closing merge. Says what
 * landed by `progress.warn`. Nothing is sent; what did not land stays to be pushed.
 *
 * Where the branch moved on, the merge is made on top of it; where another branch is checked out, what landed is only
 * reported. While a merge is in progress, the journal waits for its end. Conflicts that come of it are left open: the
 * caller's {@link requireBranch} then stops it with `merge_in_progress`.
 *
 * Throws what a fetch throws; and why the closing merge cannot be made, where it must take in what others wrote unseen.
 */
export async function recoverPush(
  session: Session,
  options: { readonly autostash: boolean },
): Promise<RecoveredPush | undefined> {
  const { progress } = session.context
  const found = await readJournal(session)
  if (found.kind === 'none') return undefined
  if (found.kind === 'unreadable') {
    const aside = await setJournalAside(session)
    progress.warn(`The journal of an interrupted push cannot be read; it was put aside as ${aside}.`)
    return undefined
  }
  const { journal } = found
  if (isForeign(session, journal)) {
    progress.warn(
      `An interrupted push to world "${journal.worldId}" is left alone: this is world "${session.target.address.worldId}".`,
    )
    return undefined
  }
  if (await isMerged(session, journal)) {
    if (journal.reported === true) {
      // The merge of its conflicts is open still, or made by now.
      if ((await operationUnderWay(session)) === undefined) await removeJournal(session)
      return undefined
    }
  }
  await releaseLocks(session.runtime, journal.locks)
  if ((await operationUnderWay(session)) !== undefined) {
    if (Object.keys(journal.locks).length > 0) await writeJournal(session, { ...journal, locks: {} })
    if (journal.reported !== true) {
      progress.warn(`${subject(journal)}: what landed is looked for when the operation in progress is concluded.`)
    }
    return undefined
  }
  const conclusion = await concludePush(session, journal, { ...options, branch: await branchOf(session, journal) })
  if (journal.reported === true) return reportRest(session, conclusion)
  const { landed, missing } = conclusion
  session.report.tell({ kind: 'recovered', what: 'push', landed: landed.length, left: missing.length })
  const message = `${subject(journal)}: ${outcomeOf(conclusion)}.`
  progress.warn(message)
  for (const line of unseenLines(conclusion)) progress.warn(line)
  if (conclusion.open !== undefined) {
    // A push that goes on now would forget what the merge must still take in.
    if (conclusion.unseen.length > 0) throw conclusion.open
    progress.warn(`Its closing merge is open: ${conclusion.open.message}`)
  }
  return { ...describe(journal), conclusion, message }
}

/** A push that had been reported, and whose closing merge was given up, or could not be made. */
function reportRest(session: Session, conclusion: Conclusion): undefined {
  // Whoever goes on would not see what is overwritten.
  if (conclusion.open !== undefined) throw conclusion.open
  for (const line of unseenLines(conclusion)) session.context.progress.warn(line)
  return undefined
}

/** Where the closing merge goes: on the branch that was pushed, however it moved on; else nowhere. */
async function branchOf(session: Session, journal: PushJournal): Promise<Branch | undefined> {
  const { repository } = session
  let branch: Branch
  try {
    branch = await requireBranch(session, { detached: true })
  } catch (error) {
    if (error instanceof SyncError && error.code === 'unborn_branch') return undefined
    throw error
  }
  if (branch.detached !== true && branch.name === journal.branch) return branch
  if (!(await repository.hasObject(journal.head))) return undefined
  return (await repository.isAncestor(journal.head, branch.head)) ? branch : undefined
}

function subject({ worldId, operations }: PushJournal): string {
  return `An interrupted push of ${plural(operations.length, 'operation')} to world "${worldId}"`
}

function outcomeOf({ landed, missing, merge }: Conclusion): string {
  const left = missing.length === 0 ? '' : `${missing.length} did not and ${stay(missing.length)} to be pushed`
  const what =
    missing.length === 0
      ? landed.length === 1
        ? 'it landed'
        : 'all of them landed'
      : landed.length === 0
        ? `nothing landed, ${missing.length} ${stay(missing.length)} to be pushed`
        : `${landed.length} landed, ${left}`
  return merge === 'left' && landed.length > 0 ? `${what}; the next pull on its branch takes them in` : what
}

function stay(count: number): string {
  return count === 1 ? 'stays' : 'stay'
}

/** What others wrote unseen, one line for each field. */
export function unseenLines({ unseen, merge }: Pick<Conclusion, 'unseen' | 'merge'>): readonly string[] {
  const end =
    merge === 'left' || merge === 'failed'
      ? 'the value stays in the history of the remote ref'
      : 'it takes part in the closing merge'
  return unseen.map(
    ({ key, path, by, commit, gone }) =>
      `${by} wrote ${path.length === 0 ? key : `${path.join('.')} of ${key}`} while the push was on its way (${commit.slice(0, 8)}): ${gone ? 'another push has replaced it as well, the value stays in the history of the remote ref' : end}.`,
  )
}
