import type { Oid } from '../git-bridge/repository.ts'
import { type ContestedObject, mergeWorlds } from '../git-bridge/world-merge.ts'
import { fieldName } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { recoverAutostash, withAutostash } from './autostash.ts'
import { baselineOf, rememberSeen } from './baseline.ts'
import { type EncodedOperation, Encoder } from './encode.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { type HeldBack, holdBack } from './hold-back.ts'
import { holdKept } from './hold-kept.ts'
import { type HeldLocks, takeLocks } from './locks.ts'
import { commitMerge, recoverMerge, requireIdentity } from './merge-commit.ts'
import { forgetOffers } from './offers.ts'
import { makePlan, previewPush } from './outgoing.ts'
import type { PlannedOperation } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import { countByAuthor, mergeMessage } from './pull.ts'
import { checkReferences, guardPush, refuseDirty, refuseMarkers } from './push-guards.ts'
import { type Current, readCurrent, receiverOf } from './receiver.ts'
import { type RefusedOperation, type SendOutcome, sendBatches, sendCommands } from './send.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'
import { type Branch, requireBranch } from './working-tree.ts'

export interface PushOptions {
  readonly dryRun: boolean
  readonly allowMassDelete: boolean
  readonly autostash: boolean
  /** Asked for targets that want confirmation (P7). */
  readonly confirm: (question: string) => Promise<boolean>
  /** Send one by one over the WebSocket even where the runtime takes batches. */
  readonly noBatch?: boolean
}

export type PushReport = {
  readonly fetched: FetchReport
  readonly branch: string
} & (
  | { readonly kind: 'up-to-date' }
  | { readonly kind: 'planned'; readonly operations: readonly PlannedOperation[]; readonly held: readonly HeldBack[] }
  /** Both sides changed these; nothing was sent (P1). */
  | { readonly kind: 'contested'; readonly contested: readonly ContestedObject[] }
  | {
      readonly kind: 'pushed'
      readonly operations: readonly PlannedOperation[]
      readonly landed: number
      readonly refused: readonly RefusedOperation[]
      /** What was not sent, or acknowledged and not kept: it stays to be pushed. */
      readonly held: readonly HeldBack[]
      /** HEAD after the closing merge. */
      readonly head: Oid
      /** The closing merge could not be made, though the push landed. */
      readonly open: SyncError | undefined
    }
)

/** How often a push begins anew because the world moved under it. */
const ATTEMPTS = 5

/**
 * Turns local commits into operations of the world (P1–P5). What is contested stops it before anything is sent; what
 * was sent is read back from the feed, and a merge commit records it on the branch (G6).
 */
export async function push(session: Session, options: PushOptions): Promise<PushReport> {
  if (!options.dryRun) requireBidirectional(session.switches, 'sync push')
  const lock = await takeProcessLock(session.stateFolder, 'sync push')
  try {
    // Switched off, a dry run does not end what was interrupted either (C6).
    if (session.switches.bidirectional) {
      await recoverMerge(session)
      await recoverAutostash(session)
    }
    const branch = await requireBranch(session)
    for (let attempt = 1; ; attempt++) {
      const report = await tryPush(session, branch, options, attempt)
      if (report.kind !== 'moved') return report
      if (attempt < ATTEMPTS) continue
      throw new SyncError(
        'world_busy',
        `The world changed ${ATTEMPTS} times while the push was on its way: ${report.fields.join(', ')}.`,
        {
          exitCode: 3,
          hint: 'Nothing was sent. Run "gamedev sync pull", then push again.',
          data: { fields: report.fields },
        },
      )
    }
  } finally {
    await lock.release()
  }
}

async function tryPush(
  session: Session,
  branch: Branch,
  options: PushOptions,
  attempt: number,
): Promise<PushReport | { readonly kind: 'moved'; readonly fields: readonly string[] }> {
  const { repository, context } = session
  const fetched = await fetchWorld(session)
  const report = { fetched, branch: branch.name }
  const base = await baselineOf(session, branch.head, fetched.tip)
  const { policy } = session.lobby ?? {}
  const merge = await mergeWorlds(
    repository,
    session.prefix,
    { base, ours: branch.head, theirs: fetched.tip },
    { policy },
  )
  if (merge.outgoing.length === 0) return { ...report, kind: 'up-to-date' }
  if (merge.tree === undefined) return { ...report, kind: 'contested', contested: merge.contested }
  await refuseMarkers(session, merge.tree, merge.outgoing)
  context.progress.step('Planning')
  const plan = await makePlan(session, merge, fetched, branch.head)
  if (plan.operations.length === 0) return { ...report, kind: 'up-to-date' }
  const settled = await holdKept(session, branch.head, plan.operations)
  await checkReferences(session, merge.tree, settled.operations, plan.operations)
  if (options.dryRun) {
    const trial = new Encoder(session, { sharedOid: (path) => plan.shared.get(path) }, false)
    for (const operation of settled.operations) if (operation.scripts) await trial.encode(operation, undefined)
    return { ...report, kind: 'planned', ...settled }
  }
  const receiver = await receiverOf(session, options, attempt)
  const { operations, held: unfit } = holdBack(settled.operations, receiver)
  const held = [...settled.held.map((field) => ({ ...field, conflict: true })), ...unfit]
  const pushed = { ...report, kind: 'pushed' as const, operations }
  if (operations.length === 0) return { ...pushed, landed: 0, refused: [], held, head: branch.head, open: undefined }
  await guardPush(session, operations, fetched.tip, options)
  await requireIdentity(session)
  if (!options.autostash) await refuseDirty(session, branch, merge, operations)

  const encoder = new Encoder(session, { sharedOid: (path) => plan.shared.get(path) }, true)
  const current = await readCurrent(session, operations, receiver.snapshot)
  if (current.kind === 'moved') return current
  const encoded: EncodedOperation[] = []
  for (const [index, operation] of operations.entries()) {
    encoded.push(await encoder.encode(operation, current.blueprints.get(operation.id)))
    if (index % 500 === 0) context.progress.step('Preparing', index, operations.length)
  }
  const locks = await takeLocks(
    session.runtime,
    encoded.flatMap(({ scope }) => (scope === undefined ? [] : [scope])),
  )
  let outcome: SendOutcome
  try {
    outcome = await send(session, encoded, current, locks, options)
  } catch (error) {
    // A runtime that does not take any more what it took before: look what it offers now, and begin anew.
    if (!current.remembered || !(error instanceof SyncError) || error.code !== 'invalid_response') throw error
    await forgetOffers(session)
    return { kind: 'moved', fields: ['capabilities'] }
  } finally {
    await locks.release()
  }
  if (outcome.kind === 'moved' && outcome.landed === 0) return outcome
  const refused = outcome.kind === 'sent' ? outcome.refused : []
  // Batches land in order, commands by themselves: only what landed can be acknowledged and not kept.
  const turnedDown = new Set(refused.map(({ operation }) => operation.planned))
  const landed =
    current.batch && options.noBatch !== true
      ? operations.slice(0, outcome.landed)
      : operations.filter((operation) => !turnedDown.has(operation))
  const { head, open, unkept } = await closePush(session, branch, options, landed)
  const fresh = unkept.filter(({ key, field }) => !held.some((other) => other.key === key && other.field === field))
  return { ...pushed, landed: outcome.landed, refused, held: [...held, ...fresh], head, open }
}

async function send(
  session: Session,
  encoded: readonly EncodedOperation[],
  current: Extract<Current, { kind: 'current' }>,
  locks: HeldLocks,
  options: PushOptions,
): Promise<SendOutcome> {
  const { runtime, context } = session
  if (current.batch && options.noBatch !== true) return sendBatches(runtime, encoded, locks, context.progress)
  const versions = new Map<string, number>()
  for (const [id, blueprint] of current.blueprints) {
    if (typeof blueprint.version === 'number') versions.set(id, blueprint.version)
  }
  return sendCommands(runtime, encoded, versions, locks, context.progress)
}

/** Ends a push like a pull: the feed's echo extends the line, and a merge commit records what landed where (G6). */
async function closePush(
  session: Session,
  branch: Branch,
  options: PushOptions,
  landed: readonly PlannedOperation[],
): Promise<{ readonly head: Oid; readonly open: SyncError | undefined; readonly unkept: readonly HeldBack[] }> {
  const { repository } = session
  const fetched = await fetchWorld(session)
  const base = await baselineOf(session, branch.head, fetched.tip)
  let unkept: readonly HeldBack[] = []
  try {
    const { policy } = session.lobby ?? {}
    const merge = await mergeWorlds(
      repository,
      session.prefix,
      { base, ours: branch.head, theirs: fetched.tip },
      { policy },
    )
    if (merge.tree === undefined) {
      const names = merge.contested.map(({ key }) => key).join(', ')
      throw new SyncError('contested', `Somebody changed ${names} while the push was on its way.`, {
        exitCode: 2,
        hint: 'Run "gamedev sync pull" to see the fields.',
      })
    }
    // Acknowledged is not kept: what still differs for the objects that were sent did not land (G6).
    const keys = new Set(landed.map(({ key }) => key))
    unkept = (await previewPush(session, merge, fetched, branch.head))
      .filter(({ key }) => keys.has(key))
      .flatMap(({ key, changes, kind }) =>
        (changes.length === 0 ? [kind] : changes.map(({ path }) => fieldName(path))).map((field) => ({
          key,
          field,
          reason: 'the runtime acknowledged it and holds another value',
        })),
      )
    if (base === fetched.tip) return { head: branch.head, open: undefined, unkept }
    const byAuthor = await countByAuthor(session, base, fetched.tip)
    const planned = {
      branch: branch.name,
      head: branch.head,
      tip: fetched.tip,
      tree: await repository.writeTree(merge.tree, await rememberSeen(session, branch.head, fetched.tip)),
      message: mergeMessage(fetched, byAuthor),
    }
    const commit = () => commitMerge(session, planned)
    return { head: options.autostash ? await withAutostash(session, commit) : await commit(), open: undefined, unkept }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    return { head: branch.head, open: error, unkept }
  }
}
