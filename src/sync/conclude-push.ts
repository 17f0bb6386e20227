import type { Oid } from '../git-bridge/repository.ts'
import { mergeWorlds, type WorldMerge } from '../git-bridge/world-merge.ts'
import { fieldName } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { baselineOf, tellLag } from './baseline.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { contestedName } from './contested-name.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { tellHeld } from './figures/tell.ts'
import { finishMerge } from './finish-merge.ts'
import type { HeldBack } from './hold-back.ts'
import { findLanded, type Landed } from './landed.ts'
import { previewPush } from './outgoing.ts'
import { asOverwritten, findUnseen, type UnseenWrite } from './overwritten.ts'
import { noteOwedScripts } from './owed-scripts.ts'
import { countByAuthor, mergeMessage } from './pull.ts'
import { type JournalOperation, type PushJournal, removeJournal, writeJournal } from './push-journal.ts'
import type { Session } from './session.ts'
import { type Branch, readText } from './working-tree.ts'

/** How a push ended, by what the feed says (P6). */
export interface Conclusion {
  readonly fetched: FetchReport
  readonly landed: readonly JournalOperation[]
  readonly missing: readonly JournalOperation[]
  /** What others wrote to the same fields meanwhile, unseen (P5): in conflict, or put back by a merge. */
  readonly unseen: readonly UnseenWrite[]
  /** Who else changed an object of the push after it was planned. */
  readonly changedBy: ReadonlyMap<ObjectKey, string>
  /** `left`: the branch is not the one that was pushed, the next pull takes in what landed. */
  readonly merge: 'none' | 'merged' | 'contested' | 'failed' | 'left'
  readonly head: Oid
  readonly conflicts: readonly ConflictArtifact[]
  /** Why the closing merge could not be made, though the push landed. */
  readonly open: SyncError | undefined
  /** Acknowledged by the runtime, which holds another value: it did not land (G6). */
  readonly unkept: readonly HeldBack[]
}

export interface ConcludeOptions {
  readonly autostash: boolean
  /** Where the closing merge goes; undefined where HEAD is none of the push's. */
  readonly branch: Branch | undefined
  /** Everything was answered, in transactions: nothing is left to be found out from the feed. */
  readonly acknowledged?: ReadonlySet<string>
  /** Objects in somebody's hand: where they are put down decides what is contested. */
  readonly inHand?: ReadonlySet<ObjectKey>
}

/**
 * Ends a push like a pull (G6), from its journal and the feed alone: the feed's echo extends the line, what landed is
 * found there, and a merge commit records it on the branch. What others wrote unseen to fields that the push wrote takes
 * part in that merge (P5): it is restored, or a conflict. Every step can be interrupted and done again.
 */
export async function concludePush(
  session: Session,
  journal: PushJournal,
  options: ConcludeOptions,
): Promise<Conclusion> {
  const conclusion = await conclude(session, journal, options)
  // Told once: whoever comes back to a journal that was reported looks for the rest of its merge alone.
  if (journal.reported !== true) tellConclusion(session, conclusion)
  return conclusion
}

function tellConclusion({ report }: Session, { landed, unseen, unkept }: Conclusion): void {
  for (const { key, opId, kind } of landed) report.tell({ kind: 'landed', object: key, op: opId, does: kind })
  for (const { key, path, by, commit } of unseen) {
    report.tell({ kind: 'unseen-write', object: key, field: contestedName(path), by, commit })
  }
  tellHeld(report, unkept, undefined)
}

async function conclude(
  session: Session,
  journal: PushJournal,
  { autostash, branch, acknowledged, inHand = new Set() }: ConcludeOptions,
): Promise<Conclusion> {
  const fetched = await fetchWorld(session)
  const landed = acknowledged === undefined ? await findLanded(session, journal) : undefined
  const isIn = (opId: string) => (landed === undefined ? acknowledged!.has(opId) : landed.found.has(opId))
  const facts = {
    fetched,
    landed: journal.operations.filter(({ opId }) => isIn(opId)),
    missing: journal.operations.filter(({ opId }) => !isIn(opId)),
    changedBy: changersOf(landed),
  }
  await noteOwedScripts(session, journal.worldId, facts)
  const head = branch?.head ?? (await session.repository.resolve('HEAD')) ?? journal.head
  const merged = await isMerged(session, journal)
  const unseen =
    landed === undefined || journal.batches || merged ? [] : await findUnseen(session, journal, landed, fetched.tip)
  const nothing = { ...facts, unseen, head, conflicts: [], open: undefined, unkept: [] }
  if (branch === undefined) {
    await removeJournal(session)
    return { ...nothing, merge: 'left' }
  }
  if (facts.landed.length + unseen.length === 0 && !merged) {
    // Nothing of ours is in the world: what others did there is for a pull to merge.
    await removeJournal(session)
    return { ...nothing, merge: 'none' }
  }
  try {
    const closing = await closePush(
      session,
      journal,
      { fetched, branch, unseen, landed: facts.landed, inHand },
      autostash,
    )
    await endJournal(session, journal, closing.merge === 'contested' && unseen.length > 0 ? fetched.tip : undefined)
    return { ...nothing, ...closing }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    // Without what was written unseen, any later pull makes the same merge.
    if (unseen.length > 0) await writeJournal(session, { ...without(journal), reported: true })
    else await removeJournal(session)
    return { ...nothing, merge: 'failed', open: error }
  }
}

/** The journal is done with, unless its merge is open: where that is given up, the unseen writes must be told again. */
async function endJournal(session: Session, journal: PushJournal, open: Oid | undefined): Promise<void> {
  if (open === undefined) await removeJournal(session)
  else await writeJournal(session, { ...journal, closing: open, reported: true })
}

function without({ closing: _, ...journal }: PushJournal): PushJournal {
  return journal
}

/** Whether the closing merge is in HEAD's history already, or open in this checkout. */
export async function isMerged({ repository }: Session, { closing }: PushJournal): Promise<boolean> {
  if (closing === undefined) return false
  if ((await readText(`${repository.gitDir}/MERGE_HEAD`))?.trim() === closing) return true
  const head = await repository.resolve('HEAD')
  return head !== undefined && (await repository.hasObject(closing)) && (await repository.isAncestor(closing, head))
}

interface Closing {
  readonly fetched: FetchReport
  readonly branch: Branch
  readonly unseen: readonly UnseenWrite[]
  readonly landed: readonly JournalOperation[]
  readonly inHand: ReadonlySet<ObjectKey>
}

async function closePush(
  session: Session,
  journal: PushJournal,
  { fetched, branch, unseen, landed, inHand }: Closing,
  autostash: boolean,
): Promise<Pick<Conclusion, 'merge' | 'head' | 'conflicts' | 'unkept'>> {
  const { repository, prefix } = session
  const { head } = branch
  const base = await baselineOf(session, head, fetched.tip)
  const merge = await mergeWorlds(
    repository,
    prefix,
    { base, ours: head, theirs: fetched.tip },
    {
      policy: session.lobby?.policy,
      overwritten: asOverwritten(unseen),
      conflicts: async () => (await import('./leave-conflicts.ts')).conflictLabels(session, session.ref),
    },
  )
  if (merge.conflict !== undefined && merge.contested.every(({ key }) => inHand.has(key))) throw moving(merge)
  const unkept = await findUnkept(session, merge, { fetched, branch, unseen, landed, inHand })
  await tellLag(session, fetched, base)
  if (base === fetched.tip && merge.incoming.length === 0 && merge.conflict === undefined) {
    return { merge: 'none', head, conflicts: [], unkept }
  }
  const message = mergeMessage(fetched, await countByAuthor(session, base, fetched.tip))
  if (unseen.length > 0) await writeJournal(session, { ...journal, closing: fetched.tip })
  const finished = await finishMerge(session, { branch, fetched, base, merge, message }, { autostash })
  return { merge: finished.kind, head: finished.head, conflicts: finished.conflicts, unkept }
}

/** Nobody should resolve where an object belongs while somebody is carrying it about. */
function moving({ contested }: WorldMerge): SyncError {
  const names = contested.map(({ key }) => key).join(', ')
  return new SyncError('contested', `Both sides moved ${names}, and somebody has it in their hand.`, {
    exitCode: 2,
    hint: 'Run "gamedev sync pull" when it has been put down.',
    data: { objects: contested.map(({ key }) => key) },
  })
}

/** Acknowledged is not kept: what still differs for the objects that landed did not (G6). */
async function findUnkept(
  session: Session,
  merge: WorldMerge,
  { fetched, branch, unseen, landed }: Closing,
): Promise<readonly HeldBack[]> {
  const restored = new Set(unseen.map(({ key }) => key))
  const keys = new Set(landed.map(({ key }) => key).filter((key) => !restored.has(key)))
  if (keys.size === 0) return []
  const left = await previewPush(session, merge, fetched, branch.head)
  return left
    .filter(({ key }) => keys.has(key))
    .flatMap(({ key, changes, kind }) =>
      (changes.length === 0 ? [kind] : changes.map(({ path }) => fieldName(path))).map((field) => ({
        key,
        field,
        reason: 'the runtime acknowledged it and holds another value',
        why: 'runtime' as const,
      })),
    )
}

function changersOf(landed: Landed | undefined): ReadonlyMap<ObjectKey, string> {
  return new Map((landed?.others ?? []).map(({ key, actor }) => [key, actor]))
}
