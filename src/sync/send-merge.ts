import type { Oid } from '../git-bridge/repository.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { type TakenSnapshot, takeDeploySnapshots } from './deploy-snapshot.ts'
import { deployedMeanwhile } from './deployed-meanwhile.ts'
import { type EncodedOperation, Encoder } from './encode.ts'
import type { FetchReport } from './fetch.ts'
import { factsOf, tellHeld, tellPlan } from './figures/tell.ts'
import { type HeldBack, holdBack } from './hold-back.ts'
import { takeLocks } from './locks.ts'
import { requireIdentity } from './merge-commit.ts'
import { forgetOffers } from './offers.ts'
import type { UnseenWrite } from './overwritten.ts'
import { withOwnIds } from './own-ids.ts'
import { type Attribution, type PlannedOperation, planPush } from './plan.ts'
import { checkReferences, guardPush } from './push-guards.ts'
import { journalOperation, type PushJournal } from './push-journal.ts'
import { readCurrent, receiverOf } from './receiver.ts'
import { findRedeployed } from './redeploy.ts'
import { type RefusedOperation, sendBatches, sendCommands, Tally } from './send.ts'
import type { Session } from './session.ts'

/** A clean merge into the world's state that is to be sent, by others than `sync push`: no branch takes part. */
export interface MergeToSend {
  readonly merge: WorldMerge & { readonly tree: Oid }
  /** The fetch whose tip is the merge's `theirs`. */
  readonly fetched: FetchReport
  /** On whose behalf an object is changed. */
  readonly attribute: (key: ObjectKey) => Attribution
  /** Operations that are not to be sent, now or ever. */
  readonly omit?: (operation: PlannedOperation) => boolean
  /** What a deploy snapshot says that it was taken before. */
  readonly note: string
}

export interface SendOptions {
  readonly allowMassDelete: boolean
  /** Asked before anything is sent. */
  readonly confirm: (operations: readonly PlannedOperation[], held: readonly HeldBack[]) => Promise<boolean>
  readonly noBatch?: boolean
  /** How long to wait for a deploy lock that somebody holds, in milliseconds. */
  readonly waitLockMs?: number
  /** Which try this is, from 1. */
  readonly attempt: number
}

/** The operations of a merge, with what they are made of. */
export interface MergePlan {
  readonly operations: readonly PlannedOperation[]
  /** Shared modules of the merged tree. */
  readonly shared: ReadonlyMap<string, Oid>
}

export type SentMerge =
  | { readonly kind: 'nothing'; readonly held: readonly HeldBack[] }
  /** Somebody wrote a field meanwhile, and nothing was sent: fetch and merge again (P5). */
  | { readonly kind: 'moved'; readonly fields: readonly string[] }
  | ({ readonly kind: 'sent' } & Sent)

/** What was sent, as the runtime acknowledged it; what landed, only the feed says. */
export interface Sent {
  readonly operations: readonly PlannedOperation[]
  readonly landed: number
  readonly refused: readonly RefusedOperation[]
  readonly held: readonly HeldBack[]
  readonly snapshots: readonly TakenSnapshot[]
  /** What the feed after the plan is to be compared with (P5). */
  readonly journal: PushJournal
}

/** The operations that turn the world's state into the merged one (P2). */
export async function planMerge(session: Session, request: MergeToSend): Promise<MergePlan> {
  const { repository, prefix } = session
  const { merge, fetched, attribute } = request
  const shared = new Map<string, Oid>()
  for (const file of await repository.listFiles(merge.tree, `${prefix}shared`)) {
    // A link is no module, wherever it points to (S1).
    if (file.mode === '120000' || file.mode === '160000') continue
    shared.set(file.path.slice(`${prefix}shared/`.length), file.oid)
  }
  const operations = planPush({
    worldId: fetched.worldId,
    cursor: fetched.cursor,
    objects: merge.objects,
    redeploy: await findRedeployed(session, merge, shared),
    attribute,
    scopeOf: (key) => merge.objects.get(key)?.ours?.path.split('/')[1],
  })
  const { omit } = request
  const wanted = omit === undefined ? operations : operations.filter((operation) => !omit(operation))
  return { operations: wanted.flatMap(withoutBirth), shared }
}

/** A blueprint's `createdAt` is each world's own: the runtime never changes it (protocol, section 4). */
function withoutBirth(operation: PlannedOperation): readonly PlannedOperation[] {
  if (operation.kind !== 'blueprint.update') return [operation]
  const changes = operation.changes.filter(({ path }) => path[0] !== 'createdAt')
  return changes.length === 0 && !operation.scripts ? [] : [{ ...operation, changes }]
}

/**
 * Sends a merge as `sync push` sends HEAD's side of one (P3–P5, P7): what cannot be kept is held back, whatever is
 * dangerous is asked, assets go first, deploy locks are held and always released, and each field lands only where the
 * runtime holds what we believe. What became of it, the next fetch tells.
 *
 * Throws `invalid_files`, `mass_deletion`, `not_confirmed`, `deploy_locked`, and what the runtime throws.
 */
export async function sendMerge(session: Session, request: MergeToSend, options: SendOptions): Promise<SentMerge> {
  const { merge, fetched } = request
  const plan = await planMerge(session, request)
  await checkReferences(session, merge.tree, plan.operations, plan.operations)
  const pushOptions = { ...options, dryRun: false, autostash: false, confirm: async () => true }
  const receiver = await receiverOf(session, pushOptions, options.attempt)
  const { operations, held } = holdBack(plan.operations, receiver)
  tellPlan(session.report, operations)
  tellHeld(session.report, held, fetched.tip)
  if (operations.length === 0) return { kind: 'nothing', held }
  await guardPush(session, operations, fetched.tip, pushOptions)
  if (!(await options.confirm(operations, held))) {
    const world = fetched.worldId
    throw new SyncError('not_confirmed', `Sending to world "${world}" was not confirmed; nothing was sent.`, {
      exitCode: 5,
      hint: 'Confirm it, or pass --yes where nobody can be asked.',
    })
  }
  await requireIdentity(session)
  const current = await readCurrent(session, operations, receiver.snapshot)
  if (current.kind === 'moved') {
    for (const field of current.fields) session.report.tell({ kind: 'mismatch', field, refused: false })
    return current
  }
  const encoder = new Encoder(session, { sharedOid: (path) => plan.shared.get(path) }, true)
  const batches = current.batch && options.noBatch !== true
  const sent = batches ? operations : withOwnIds(operations)
  const encoded: EncodedOperation[] = []
  for (const operation of sent) encoded.push(await encoder.encode(operation, current.blueprints.get(operation.id)))
  const tally = new Tally(session.report)
  const { progress, signal } = session.context
  const locks = await takeLocks(
    session.runtime,
    encoded.flatMap(({ scope }) => (scope === undefined ? [] : [scope])),
    { waitMs: options.waitLockMs ?? 0, say: (text) => progress.warn(text), signal, report: session.report },
  )
  let snapshots: readonly TakenSnapshot[] = []
  try {
    tally.moved = await deployedMeanwhile(session, encoded, fetched.cursor)
    if (tally.moved.length > 0) return { kind: 'moved', fields: tally.moved }
    snapshots = await takeDeploySnapshots(session, locks, operations, { note: request.note })
    const versions = new Map(
      [...current.blueprints].flatMap(([id, { version }]) => (typeof version === 'number' ? [[id, version]] : [])),
    )
    await (batches
      ? sendBatches(session.runtime, encoded, locks, progress, tally)
      : sendCommands(session.runtime, encoded, versions, locks, progress, tally))
  } catch (error) {
    if (!(error instanceof SyncError) || !tally.begun) throw error
    if (!current.remembered || error.code !== 'invalid_response' || tally.acknowledged.size > 0) throw halfWay(error)
    // A runtime that does not take any more what it took before: look what it offers now, and begin anew.
    await forgetOffers(session)
    return { kind: 'moved', fields: ['capabilities'] }
  } finally {
    await locks.release()
    const landed = sent.filter(({ opId }) => tally.acknowledged.has(opId))
    for (const operation of landed) session.report.tell({ kind: 'landed', ...factsOf(operation) })
  }
  const landed = tally.acknowledged.size
  if (tally.moved.length > 0 && landed === 0) return { kind: 'moved', fields: tally.moved }
  const journal: PushJournal = {
    worldId: fetched.worldId,
    ref: session.ref,
    branch: '',
    head: fetched.tip,
    tip: fetched.tip,
    cursor: fetched.cursor,
    batches,
    operations: sent.map((operation) => journalOperation(operation, batches)),
    locks: {},
  }
  return { kind: 'sent', operations: sent, landed, refused: tally.refused, held, snapshots, journal }
}

/** Nothing needs to be written down for the next run: it fetches first, and plans from what the world holds then (P6). */
function halfWay(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: 'Some of it may have landed. Run the command again: it reads the feed first and sends what is left.',
    data: { ...error.data, sent: true },
    cause: error,
  })
}

/** What the feed says about a merge that was sent. */
export interface ReadBack {
  /**
   * What others wrote to the same fields meanwhile, neither having seen the other, where the runtime checks no
   * expectations (P5): the values are in the line, and somebody has to choose.
   */
  readonly unseen: readonly UnseenWrite[]
  /** The operations of the feed that were sent. */
  readonly opIds: ReadonlySet<string>
}

export async function readBack(session: Session, journal: PushJournal, tip: Oid): Promise<ReadBack> {
  if (journal.batches) return { unseen: [], opIds: new Set(journal.operations.map(({ opId }) => opId)) }
  const [{ findLanded }, { findUnseen }] = await Promise.all([import('./landed.ts'), import('./overwritten.ts')])
  const landed = await findLanded(session, journal)
  const opIds = new Set([...landed.found.values()].map(({ opId }) => opId))
  return { unseen: await findUnseen(session, journal, landed, tip), opIds }
}

/** How often something begins anew because the world moved under it. */
export const ATTEMPTS = 5

export function worldBusy(worldId: string, fields: readonly string[], command: string): SyncError {
  return new SyncError(
    'world_busy',
    `World "${worldId}" changed ${ATTEMPTS} times while "${command}" was at work: ${fields.join(', ')}.`,
    { exitCode: 3, hint: `Nothing was sent. Run "gamedev ${command}" again.`, data: { fields } },
  )
}

/** Who sends, for the feed: the user's name in git. */
export async function actorName(session: Pick<Session, 'repository'>): Promise<string> {
  const ident = await session.repository.run(['var', 'GIT_AUTHOR_IDENT'], { allowFailure: true })
  return /^(.+) <.*> \d+ [+-]\d{4}$/.exec(ident.stdout.toString('utf8').trim())?.[1] ?? 'unknown'
}
