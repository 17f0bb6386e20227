import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { type Conclusion, concludePush } from './conclude-push.ts'
import type { TakenSnapshot } from './deploy-snapshot.ts'
import type { EncodedOperation } from './encode.ts'
import type { FetchReport } from './fetch.ts'
import { takeLocks } from './locks.ts'
import { forgetOffers } from './offers.ts'
import type { PushOptions } from './push.ts'
import { journalOperation, type PushJournal, removeJournal, writeJournal } from './push-journal.ts'
import type { Current } from './receiver.ts'
import { type RefusedOperation, sendBatches, sendCommands, Tally } from './send.ts'
import type { Session } from './session.ts'
import type { Branch } from './working-tree.ts'

/** A push that is ready to go. */
export interface Dispatched {
  readonly branch: Branch
  /** The closing merge is committed; else HEAD stays where it is. */
  readonly closes: boolean
  readonly fetched: FetchReport
  readonly current: Extract<Current, { kind: 'current' }>
  readonly encoded: readonly EncodedOperation[]
  /** Objects in somebody's hand. */
  readonly inHand: ReadonlySet<ObjectKey>
}

export type DispatchOutcome =
  /** Nothing of it is in the world: somebody wrote these fields first. */
  | { readonly kind: 'moved'; readonly fields: readonly string[] }
  | {
      readonly kind: 'concluded'
      readonly conclusion: Conclusion
      /** By opId. */
      readonly landed: ReadonlySet<string>
      readonly refused: readonly RefusedOperation[]
      /** Of what the scripts of the push replaced. */
      readonly snapshots: readonly TakenSnapshot[]
      /** The last of it was not sent, because somebody wrote fields first. */
      readonly moved: boolean
      readonly lost: SyncError | undefined
    }

/**
 * Sends a push and ends it, the journal first (P6): journal, locks, operations, locks, conclusion. An answer that is
 * lost on the way is handled like a crash, only at once: the feed tells what landed, and nothing is sent again.
 *
 * Throws what taking the locks throws, with nothing sent; and what the runtime throws where it cannot be asked any more:
 * then the journal stays for the next run.
 */
export async function dispatch(
  session: Session,
  { branch, closes, fetched, current, encoded, inHand }: Dispatched,
  options: PushOptions,
): Promise<DispatchOutcome> {
  const { context } = session
  const batches = current.batch && options.noBatch !== true
  const journal: PushJournal = {
    worldId: fetched.worldId,
    ref: session.ref,
    branch: branch.name,
    head: branch.head,
    tip: fetched.tip,
    cursor: fetched.cursor,
    batches,
    operations: encoded.map(({ planned }) => journalOperation(planned, batches)),
    locks: {},
  }
  await writeJournal(session, journal)
  const tally = new Tally(session.report)
  const snapshots: TakenSnapshot[] = []
  let locked = false
  let lost: SyncError | undefined
  try {
    await sendLocked(session, journal, { current, encoded }, options, tally, snapshots, () => {
      locked = true
    })
  } catch (error) {
    // Nothing was sent, and nothing is held: a lock may be, by whoever could not be reached to release it.
    const unsent = !tally.begun || isUnsent(error, tally)
    const answered = error instanceof SyncError && error.exitCode !== 4
    if (unsent && (!locked || answered)) await removeJournal(session)
    // Ended by the user, or by a bug: the journal tells the next run, which releases what is held still.
    if (unsent || context.signal?.aborted === true || !(error instanceof SyncError)) throw error
    if (current.remembered && error.code === 'invalid_response' && tally.acknowledged.size === 0) {
      // A runtime that does not take any more what it took before: look what it offers now, and begin anew.
      await forgetOffers(session)
      await removeJournal(session)
      return { kind: 'moved', fields: ['capabilities'] }
    }
    lost = error
  }
  if (tally.moved.length > 0 && tally.acknowledged.size === 0) {
    await removeJournal(session)
    return { kind: 'moved', fields: tally.moved }
  }
  const known = batches && lost === undefined ? { acknowledged: tally.acknowledged } : {}
  const conclusion = await concludePush(session, journal, {
    autostash: options.autostash,
    branch: closes ? branch : undefined,
    inHand,
    ...known,
  }).catch((error: unknown) => {
    throw error instanceof SyncError ? notConcluded(lost ?? error) : error
  })
  const unkept = new Set(conclusion.unkept.map(({ key }) => key))
  const landed = new Set(conclusion.landed.map(({ opId }) => opId))
  // Accepted and recorded nowhere: somebody had removed it already.
  for (const { opId, key } of conclusion.missing) {
    if (tally.acknowledged.has(opId) && !unkept.has(key)) landed.add(opId)
  }
  return {
    kind: 'concluded',
    conclusion,
    landed,
    snapshots,
    refused: tally.refused
      .filter(({ operation }) => !landed.has(operation.planned.opId))
      .map((refused) => explained(refused, conclusion)),
    moved: tally.moved.length > 0,
    lost,
  }
}

async function sendLocked(
  session: Session,
  journal: PushJournal,
  { current, encoded }: Pick<Dispatched, 'current' | 'encoded'>,
  options: PushOptions,
  tally: Tally,
  snapshots: TakenSnapshot[],
  onLocked: () => void,
): Promise<void> {
  const { runtime, context } = session
  const scopes = encoded.flatMap(({ scope }) => (scope === undefined ? [] : [scope]))
  const locks = await takeLocks(runtime, scopes, {
    waitMs: options.waitLockMs ?? 0,
    onTaken: (tokens) => {
      onLocked()
      return writeJournal(session, { ...journal, locks: tokens })
    },
    say: (text) => context.progress.warn(text),
    signal: context.signal,
    report: session.report,
  })
  try {
    if (encoded.some(({ planned }) => planned.scripts)) {
      const { deployedMeanwhile } = await import('./deployed-meanwhile.ts')
      tally.moved = await deployedMeanwhile(session, encoded, journal.cursor)
      if (tally.moved.length > 0) return
    }
    if (scopes.length > 0) {
      const { takeDeploySnapshots } = await import('./deploy-snapshot.ts')
      const planned = encoded.map((operation) => operation.planned)
      snapshots.push(...(await takeDeploySnapshots(session, locks, planned)))
    }
    if (journal.batches) {
      await sendBatches(runtime, encoded, locks, context.progress, tally)
      return
    }
    const versions = new Map<string, number>()
    for (const [id, blueprint] of current.blueprints) {
      if (typeof blueprint.version === 'number') versions.set(id, blueprint.version)
    }
    await sendCommands(runtime, encoded, versions, locks, context.progress, tally)
  } finally {
    await locks.release()
  }
}

/** Whether a failure is one of the first request, and certainly before the runtime got it. */
function isUnsent(error: unknown, tally: Tally): boolean {
  return error instanceof SyncError && error.data.outcome === 'not_sent' && tally.acknowledged.size === 0
}

/** The runtime cannot be asked what landed. */
function notConcluded(error: SyncError): SyncError {
  return new SyncError(error.code, error.message, {
    exitCode: error.exitCode,
    hint: 'Operations were sent, and some may have landed: the next push or pull reads the feed and tells.',
    data: { ...error.data, sent: true },
    cause: error,
  })
}

/** A version that moved on: the feed may tell who moved it. */
function explained(refused: RefusedOperation, { changedBy }: Conclusion): RefusedOperation {
  const by = refused.error === 'version_mismatch' ? changedBy.get(refused.operation.planned.key) : undefined
  return by === undefined ? refused : { ...refused, error: `version_mismatch: ${by} changed it meanwhile` }
}
