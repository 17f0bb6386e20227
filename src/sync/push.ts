import type { Oid } from '../git-bridge/repository.ts'
import { type ContestedObject, mergeWorlds, type ResolvedObject } from '../git-bridge/world-merge.ts'
import { SyncError } from '../world/errors.ts'
import type { Cursor } from '../world/operation.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import { recoverAutostash } from './autostash.ts'
import { baselineOf, tellLag } from './baseline.ts'
import type { Conclusion } from './conclude-push.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import type { TakenSnapshot } from './deploy-snapshot.ts'
import { type Dispatched, dispatch } from './dispatch.ts'
import { findDropped } from './dropped-conflicts.ts'
import { Encoder } from './encode.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { UNHEARD } from './figures/event.ts'
import { tellContested, tellHeld, tellPlan, tellResolved } from './figures/tell.ts'
import { type HeldBack, holdBack } from './hold-back.ts'
import { holdKept } from './hold-kept.ts'
import { recoverMerge, requireIdentity } from './merge-commit.ts'
import { findMixed } from './mixed-layouts.ts'
import { NotSent } from './not-sent.ts'
import { makePlan } from './outgoing.ts'
import type { UnseenWrite } from './overwritten.ts'
import { owedScripts } from './owed-scripts.ts'
import { withOwnIds } from './own-ids.ts'
import type { PlannedOperation } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import { checkReferences, guardPush, refuseDirty, refuseMarkers } from './push-guards.ts'
import { interruptedPush } from './push-journal.ts'
import { readCurrent, receiverOf } from './receiver.ts'
import { type RecoveredPush, recoverPush } from './recover-push.ts'
import { sayIdentities } from './say-identities.ts'
import type { RefusedOperation } from './send.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'
import { findUndone, type UndoneEdit } from './undone.ts'
import { type Branch, requireBranch } from './working-tree.ts'

export interface PushOptions {
  readonly dryRun: boolean
  readonly allowMassDelete: boolean
  readonly autostash: boolean
  /** Asked for targets that want confirmation, and before edits of the world are undone (P7). */
  readonly confirm: (question: string) => Promise<boolean>
  /** Send one by one over the WebSocket even where the runtime takes batches. */
  readonly noBatch?: boolean
  /** How long to wait for deploy locks that somebody holds, in milliseconds; by default not at all (P4). */
  readonly waitLockMs?: number
}

export type PushReport = {
  readonly fetched: FetchReport
  readonly branch: string
  /** What both sides changed and a rule settled (M5): for us it was sent, for the world it was left alone. */
  readonly resolved: readonly ResolvedObject[]
  /** An earlier push that was interrupted, and what became of it (P6). */
  readonly recovered?: RecoveredPush | undefined
} & (
  | { readonly kind: 'up-to-date' }
  | {
      readonly kind: 'planned'
      readonly operations: readonly PlannedOperation[]
      readonly held: readonly HeldBack[]
      /** Edits of the world that the push would undo (P7). */
      readonly undone: readonly UndoneEdit[]
    }
  /** Both sides changed these; nothing was sent (P1). */
  | { readonly kind: 'contested'; readonly contested: readonly ContestedObject[] }
  | Pushed
)

export interface Pushed {
  readonly kind: 'pushed'
  readonly operations: readonly PlannedOperation[]
  readonly landed: number
  readonly refused: readonly RefusedOperation[]
  /** What was not sent, or acknowledged and not kept: it stays to be pushed. */
  readonly held: readonly HeldBack[]
  /** Edits of the world that it undid, as was said or asked before anything was sent (P7). */
  readonly undone: readonly UndoneEdit[]
  /** What others wrote to the same fields while the push was on its way, unseen (P5). */
  readonly unseen: readonly UnseenWrite[]
  /** The closing merge; `none` where there was nothing to record, `left` where HEAD is not to be moved. */
  readonly merge: Conclusion['merge']
  /** Conflicts of the closing merge: open in git where it is contested, else kept open by its commit (C6). */
  readonly conflicts: readonly ConflictArtifact[]
  /** What a rollback can put back: deploy snapshots of what the scripts of the push replaced. */
  readonly snapshots: readonly TakenSnapshot[]
  /** HEAD after the closing merge. */
  readonly head: Oid
  /** The closing merge could not be made, though the push landed. */
  readonly open: SyncError | undefined
  /** The connection was lost on the way; what landed was read from the feed (P6). */
  readonly lost: SyncError | undefined
}

/** How often a push begins anew because the world moved under it, or goes on with what it must put back (P5). */
const ATTEMPTS = 5

/** Nothing was sent, or not all: somebody wrote these fields first. */
interface Moved {
  readonly kind: 'moved'
  readonly fields: readonly string[]
  readonly cursor: Cursor
}

/**
 * Turns local commits into operations of the world (P1–P7). What is contested stops it before anything is sent; what
 * was sent is read back from the feed, and a merge commit records it on the branch (G6). A push that was interrupted
 * before is ended first (P6).
 */
export async function push(session: Session, options: PushOptions): Promise<PushReport> {
  if (!options.dryRun) requireBidirectional(session.switches, 'sync push')
  const lock = await takeProcessLock(session, 'sync push')
  try {
    const recovered = await recover(session, options)
    const branch = await requireBranch(session, { detached: true })
    await askMixed(session, branch, options)
    const report = await pushAll(session, branch, options)
    return recovered === undefined ? report : { ...report, recovered }
  } finally {
    await lock.release()
  }
}

/** A merge that git made of two layouts may hold what nobody meant (G8). Throws `not_confirmed`. */
async function askMixed(session: Session, { head }: Branch, options: PushOptions): Promise<void> {
  for (const text of await findMixed(session, head)) {
    if (options.dryRun) session.context.progress.warn(text)
    else if (!(await options.confirm(`${text} Push it?`))) {
      throw new SyncError('not_confirmed', text, {
        exitCode: 5,
        hint: 'Nothing was sent. Run the command again and confirm, or pass --yes.',
      })
    }
  }
}

async function recover(session: Session, options: PushOptions): Promise<RecoveredPush | undefined> {
  // Switched off, a dry run does not end what was interrupted either (C6).
  if (!session.switches.bidirectional) return undefined
  await recoverMerge(session)
  await recoverAutostash(session)
  if (!options.dryRun) return recoverPush(session, options)
  const waiting = await interruptedPush(session)
  if (waiting !== undefined) session.context.progress.warn('An interrupted push is not looked at by a dry run.')
  return undefined
}

/** Rounds of planning and sending until everything is in the world that can be. */
async function pushAll(session: Session, start: Branch, options: PushOptions): Promise<PushReport> {
  let branch = start
  let total: (PushReport & Pushed) | undefined
  let only: ReadonlySet<ObjectKey> | undefined
  let cursor: Cursor | undefined
  let compared = false
  for (let attempt = 1; ; attempt++) {
    const last = attempt === ATTEMPTS
    let round: Round | Moved
    try {
      round = await tryPush(session, branch, options, { attempt, only, follows: total !== undefined })
    } catch (error) {
      // What landed before is told all the same.
      if (total === undefined || !(error instanceof SyncError)) throw error
      return { ...total, open: error }
    }
    if (round.kind === 'moved') {
      if (total !== undefined && last) return { ...total, open: neverStill(round, true) }
      // The second try knows who holds what in their hand: from then on, only news in the feed can be the reason.
      const still = attempt > 2 && round.cursor === cursor
      if (last || (still && (compared || (await isAsToldByFeed(session))))) throw neverStill(round, last)
      compared ||= still
      cursor = round.cursor
      continue
    }
    const { report, again } = round
    if (report.kind !== 'pushed') {
      if (total === undefined) return report
      return report.kind === 'contested' ? { ...total, open: contestedAgain(report.contested) } : total
    }
    const sum: PushReport & Pushed = total === undefined ? report : joined(total, report)
    if (again === undefined || last) return sum
    total = sum
    branch = { ...branch, head: report.head }
    only = again === 'all' ? only : again
  }
}

/** Looks whether the world is what its feed says (G11); what changed unannounced is on the line then. Throws `lost_state`. */
async function isAsToldByFeed(session: Session): Promise<boolean> {
  const { compareWithSnapshot } = await import('./compare.ts')
  return (await compareWithSnapshot(session, await fetchWorld(session))).kind === 'same'
}

function neverStill({ fields, cursor }: Moved, busy: boolean): SyncError {
  const data = { fields, cursor }
  if (busy) {
    return new SyncError(
      'world_busy',
      `The world changed ${ATTEMPTS} times while the push was on its way: ${fields.join(', ')}.`,
      { exitCode: 3, hint: 'Nothing was sent. Run "gamedev sync pull", then push again.', data },
    )
  }
  return new SyncError('world_differs', `The world holds other values than its feed says: ${fields.join(', ')}.`, {
    exitCode: 3,
    hint: 'Nothing was sent. Run "gamedev sync pull --verify" to see what it holds.',
    data,
  })
}

function contestedAgain(contested: readonly ContestedObject[]): SyncError {
  const names = contested.map(({ key }) => key).join(', ')
  return new SyncError('contested', `Somebody changed ${names} again before the rest could be sent.`, {
    exitCode: 3,
    hint: 'Run "gamedev sync pull", then push again.',
    data: { objects: contested.map(({ key }) => key) },
  })
}

function joined(a: PushReport & Pushed, b: PushReport & Pushed): PushReport & Pushed {
  return {
    ...b,
    operations: [...a.operations, ...b.operations],
    resolved: [...a.resolved, ...b.resolved.filter(({ key }) => !a.resolved.some((other) => other.key === key))],
    landed: a.landed + b.landed,
    refused: [...a.refused, ...b.refused],
    held: [...a.held, ...b.held],
    undone: [...a.undone, ...b.undone],
    unseen: [...a.unseen, ...b.unseen],
    conflicts: [...a.conflicts, ...b.conflicts],
    snapshots: [...a.snapshots, ...b.snapshots],
    merge: b.merge === 'none' ? a.merge : b.merge,
    lost: a.lost ?? b.lost,
  }
}

interface Round {
  readonly kind: 'round'
  readonly report: PushReport
  /** What another round has to send: all that is left, or these objects only. */
  readonly again?: 'all' | ReadonlySet<ObjectKey> | undefined
}

async function tryPush(
  session: Session,
  branch: Branch,
  options: PushOptions,
  {
    attempt,
    only,
    follows,
  }: {
    readonly attempt: number
    readonly only: ReadonlySet<ObjectKey> | undefined
    /** A round before this one has sent something: everything was asked then. */
    readonly follows: boolean
  },
): Promise<Round | Moved> {
  const { repository, context, prefix } = session
  const fetched = await fetchWorld(session)
  const over = (report: PushReport): Round => ({ kind: 'round', report })
  const base = await baselineOf(session, branch.head, fetched.tip)
  await tellLag(session, fetched, base)
  const merge = await mergeWorlds(
    repository,
    prefix,
    { base, ours: branch.head, theirs: fetched.tip },
    { policy: session.lobby?.policy },
  )
  // What would be done is no decision.
  const report = options.dryRun ? UNHEARD : session.report
  const about = { fetched, branch: branch.name, resolved: merge.resolved }
  if (attempt === 1) await sayIdentities(session, merge.notes)
  const owed = merge.outgoing.length === 0 ? await owedScripts(session) : undefined
  if (owed?.size === 0) return over({ ...about, kind: 'up-to-date' })
  if (merge.tree === undefined) {
    tellContested(report, merge.contested, base, 'push')
    return over({ ...about, kind: 'contested', contested: merge.contested })
  }
  tellResolved(report, merge.resolved, base)
  await refuseMarkers(session, merge.tree, merge.outgoing)
  context.progress.step('Planning')
  const plan = await makePlan(session, merge, fetched, branch.head)
  const wanted = only === undefined ? plan.operations : plan.operations.filter(({ key }) => only.has(key))
  if (wanted.length === 0) return over({ ...about, kind: 'up-to-date' })
  const settled = await holdKept(session, branch.head, wanted)
  await checkReferences(session, merge.tree, settled.operations, wanted)
  const undone = follows
    ? []
    : [
        ...(await findUndone(session, settled.operations, { base, head: branch.head })),
        ...(await findDropped(session, settled.operations, { head: branch.head, tip: fetched.tip })),
      ]
  const sources = { sharedOid: (path: string) => plan.shared.get(path) }
  if (options.dryRun) {
    const trial = new Encoder(session, sources, false)
    for (const operation of settled.operations) if (operation.scripts) await trial.encode(operation, undefined)
    return over({ ...about, kind: 'planned', ...settled, undone })
  }
  const receiver = await receiverOf(session, options, attempt)
  const { operations, held: unfit } = holdDependents(settled.operations, holdBack(settled.operations, receiver))
  const held = [...settled.held, ...unfit]
  tellPlan(report, operations)
  tellHeld(report, held, base)
  const nothing = { unseen: [], conflicts: [], snapshots: [], open: undefined, lost: undefined }
  const pushed = { ...about, ...nothing, kind: 'pushed' as const, operations, undone }
  if (operations.length === 0) {
    return over({ ...pushed, landed: 0, refused: [], held, head: branch.head, merge: 'none' })
  }
  if (!follows) await guardPush(session, operations, fetched.tip, options, undone)
  const closes = await canCommit(session, branch)
  if (closes && !options.autostash) await refuseDirty(session, branch, merge, operations)

  const encoder = new Encoder(session, sources, true)
  const current = await readCurrent(session, operations, receiver.snapshot)
  if (current.kind === 'moved') {
    for (const field of current.fields) report.tell({ kind: 'mismatch', field, refused: false })
    return { ...current, cursor: fetched.cursor }
  }
  const sent = current.batch && options.noBatch !== true ? operations : withOwnIds(operations)
  const encoded: Dispatched['encoded'][number][] = []
  for (const [index, operation] of sent.entries()) {
    encoded.push(await encoder.encode(operation, current.blueprints.get(operation.id)))
    if (index % 500 === 0) context.progress.step('Preparing', index, sent.length)
  }
  const inHand = new Set([...receiver.inHand].map((id) => objectKey('entity', id)))
  const outcome = await dispatch(session, { branch, closes, fetched, current, encoded, inHand }, options)
  if (outcome.kind === 'moved') return { ...outcome, cursor: fetched.cursor }
  const { conclusion, refused, lost, moved, landed, snapshots } = outcome
  const unkept = conclusion.unkept.filter(
    ({ key, field }) => !held.some((other) => other.key === key && other.field === field),
  )
  const { unseen, merge: closing, conflicts, head, open } = conclusion
  const done = closing === 'merged' || closing === 'none'
  const said = { ...pushed, landed: landed.size, refused, held: [...held, ...unkept], snapshots, head, open, lost }
  // What is not sent for want of an earlier batch is planned anew, by the next round.
  const tried = moved ? sent.filter(({ opId }) => landed.has(opId) || isRefused(refused, opId)) : sent
  const restored = new Set(unseen.map(({ key }) => key))
  const again =
    moved && (done || closing === 'left')
      ? 'all'
      : done && restored.size > 0 && lost === undefined
        ? restored
        : undefined
  return {
    kind: 'round',
    report: { ...said, fetched, operations: again === 'all' ? tried : sent, unseen, conflicts, merge: closing },
    again,
  }
}

function isRefused(refused: readonly RefusedOperation[], opId: string): boolean {
  return refused.some(({ operation }) => operation.planned.opId === opId)
}

/**
 * Whether the closing merge can be committed. A checkout of CI that is on no branch and has no identity pushes without:
 * nobody would see that commit. Throws `no_identity` on a branch.
 */
async function canCommit(session: Session, branch: Branch): Promise<boolean> {
  try {
    await requireIdentity(session)
    return true
  } catch (error) {
    if (branch.detached === true && error instanceof SyncError && error.code === 'no_identity') return false
    throw error
  }
}

/** Holds back also what the world cannot take without what is held: the removal of a blueprint that stays in use. */
function holdDependents(
  planned: readonly PlannedOperation[],
  fit: { readonly operations: readonly PlannedOperation[]; readonly held: readonly HeldBack[] },
): { readonly operations: readonly PlannedOperation[]; readonly held: readonly HeldBack[] } {
  const sent = new Map(fit.operations.map((operation) => [operation.opId, operation]))
  const held = [...fit.held]
  const operations: PlannedOperation[] = []
  const notSent = new NotSent()
  for (const operation of planned) {
    const left = sent.get(operation.opId)
    const reason = left === undefined ? undefined : notSent.blocks(left)
    if (left !== undefined && reason === undefined) operations.push(left)
    else notSent.add(operation)
    if (reason !== undefined) held.push({ key: operation.key, field: '', reason, why: 'runtime' })
  }
  return { operations, held }
}
