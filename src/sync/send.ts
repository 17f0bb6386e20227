import { BATCH_MAX_BYTES, BATCH_MAX_OPERATIONS } from '../protocol/schemas.ts'
import type { BatchOperation, CommandOutcome, RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { own } from '../world/json.ts'
import { type EncodedOperation, sourceOf, toBatch } from './encode.ts'
import { type Report, UNHEARD } from './figures/event.ts'
import { factsOf } from './figures/tell.ts'
import type { HeldLocks } from './locks.ts'
import { NotSent } from './not-sent.ts'
import type { PlannedOperation } from './plan.ts'
import type { Progress } from './progress.ts'

/** An operation that the runtime did not accept, and its word for why; or one that was not sent because of that. */
export interface RefusedOperation {
  readonly operation: EncodedOperation
  readonly error: string
  /** It was not sent: it depends on something that did not land, or its lock was lost. */
  readonly unsent?: true
}

export const LOCK_LOST = 'the deploy lock of its scope was lost'

/** How a push is going: kept up to date while it is sent, so that it tells the truth however the sending ends. */
export class Tally {
  readonly acknowledged = new Set<string>()
  readonly refused: RefusedOperation[] = []
  /** The first request went out: what became of it is the feed's to tell (P6). */
  begun = false
  /** Fields that somebody wrote meanwhile: the transaction that expected others was not applied (P5). */
  moved: readonly string[] = []
  readonly #notSent = new NotSent()
  readonly #report: Report
  /** Scopes whose locks the runtime does not know, or knows to be somebody else's. */
  readonly #unlocked = new Set<string>()

  constructor(report: Report = UNHEARD) {
    this.#report = report
  }

  /** A request with these goes out now. */
  begin(operations: readonly EncodedOperation[]): void {
    this.begun = true
    for (const { planned } of operations) this.#report.tell({ kind: 'sent', ...factsOf(planned) })
  }

  /** Nothing of a transaction was applied, because the world holds other values than it expects. */
  mismatched(operations: readonly EncodedOperation[], mismatches: readonly Mismatch[]): void {
    this.moved = mismatches.map(({ id, field }) => `${id ?? '?'}.${field ?? '?'}`)
    for (const { opId, field = '?' } of mismatches) {
      const planned = operations.find((operation) => operation.planned.opId === opId)?.planned
      this.#report.tell({ kind: 'mismatch', field, refused: true, ...(planned === undefined ? {} : factsOf(planned)) })
    }
  }

  accept({ planned }: EncodedOperation): void {
    this.acknowledged.add(planned.opId)
  }

  refuse(operation: EncodedOperation, error: string): void {
    this.refused.push({ operation, error })
    this.#notSent.add(operation.planned)
    this.#report.tell({ kind: 'refused', ...factsOf(operation.planned), error, unsent: false })
    const { scope } = operation
    if (!LOCK_ERRORS.has(error) || scope === undefined || this.#unlocked.has(scope)) return
    this.#unlocked.add(scope)
    this.#report.tell({ kind: 'lock', step: 'lost', scope })
  }

  /** Whether an operation may be sent; where it may not, it is counted among the refused. */
  admits(operation: EncodedOperation, locks: HeldLocks): boolean {
    const blocked = this.blocks(operation.planned) ?? (locks.isLost(operation.scope) ? LOCK_LOST : undefined)
    if (blocked === undefined) return true
    this.refused.push({ operation, error: blocked, unsent: true })
    this.#report.tell({ kind: 'refused', ...factsOf(operation.planned), error: blocked, unsent: true })
    this.#notSent.add(operation.planned)
    return false
  }

  blocks(planned: PlannedOperation): string | undefined {
    return this.#notSent.blocks(planned)
  }
}

type Mismatch = Extract<Awaited<ReturnType<RemoteRuntime['batch']>>, { kind: 'mismatch' }>['mismatches'][number]

/** What a runtime says to scripts that come without their lock (protocol, section 5). */
const LOCK_ERRORS: ReadonlySet<string> = new Set(['deploy_locked', 'deploy_lock_required'])

type Sendable = { readonly encoded: EncodedOperation; readonly wire: BatchOperation }

/** How many operations are taken out of batches one by one before the rest is given up. */
const MAX_CULPRITS = 100

/**
 * Sends a push in transactions that land only if every field still holds what we believe (P5, protocol section 9). An
 * operation that the runtime will not take goes without what depends on it, and the rest is sent again without them.
 * Stops at the first transaction whose expectations fail, which `tally.moved` names.
 */
export async function sendBatches(
  runtime: RemoteRuntime,
  operations: readonly EncodedOperation[],
  locks: HeldLocks,
  progress: Progress,
  tally: Tally,
): Promise<void> {
  const waiting: (readonly Sendable[])[] = [...batches(operations)]
  let culprits = 0
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    const sent = batch.filter(({ encoded }) => tally.admits(encoded, locks))
    if (sent.length === 0) continue
    tally.begin(sent.map(({ encoded }) => encoded))
    const outcome = await runtime.batch({ lockTokens: locks.tokens, operations: sent.map(({ wire }) => wire) })
    if (outcome.kind === 'mismatch') {
      tally.mismatched(
        sent.map(({ encoded }) => encoded),
        outcome.mismatches,
      )
      return
    }
    if (outcome.kind === 'landed') {
      for (const { encoded } of sent) tally.accept(encoded)
      progress.step('Pushing operations', tally.acknowledged.size, operations.length)
      continue
    }
    if (outcome.kind === 'refused' && outcome.error === 'payload_too_large' && sent.length > 1) {
      waiting.unshift(sent.slice(0, sent.length >> 1), sent.slice(sent.length >> 1))
      continue
    }
    const refused = culprits < MAX_CULPRITS ? culpritsOf(sent, outcome) : sent
    culprits += refused.length
    const error = outcome.kind === 'refused' && outcome.message !== '' ? outcome.message : outcome.error
    for (const { encoded } of refused) tally.refuse(encoded, error)
    const rest = sent.filter((sendable) => !refused.includes(sendable))
    if (rest.length > 0) waiting.unshift(rest)
  }
}

/** The operations of a batch that a refusal is about; all of them where it does not say. */
function culpritsOf(
  batch: readonly Sendable[],
  outcome: Extract<Awaited<ReturnType<RemoteRuntime['batch']>>, { kind: 'locked' | 'refused' }>,
): readonly Sendable[] {
  if (outcome.kind === 'refused') {
    const culprit = batch.filter(({ wire }) => wire.opId === outcome.opId)
    return culprit.length === 0 ? batch : culprit
  }
  const locked = batch.filter(({ encoded }) => encoded.scope !== undefined)
  const scoped = locked.filter(({ encoded }) => encoded.scope === outcome.lock?.scope)
  return scoped.length > 0 ? scoped : locked.length > 0 ? locked : batch
}

/** Splits a push into requests that the runtime takes. */
function* batches(operations: readonly EncodedOperation[]): Generator<readonly Sendable[]> {
  let batch: Sendable[] = []
  let bytes = 0
  for (const encoded of operations) {
    const wire = toBatch(encoded)
    const size = Buffer.byteLength(JSON.stringify(wire)) + 1
    if (batch.length > 0 && (batch.length >= BATCH_MAX_OPERATIONS || bytes + size > BATCH_MAX_BYTES * 0.9)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ encoded, wire })
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/**
 * Sends a push over the admin WebSocket, many commands in flight, for runtimes without batches. Kinds that others
 * depend on are waited for: blueprints before entities, entities' removals before blueprints' (P2); several operations
 * on one object go one after the other. What the runtime refuses is reported and stays to be pushed, with what depends
 * on it.
 *
 * Throws when the connection is lost: what became of the commands under way, the feed tells (P6).
 */
export async function sendCommands(
  runtime: RemoteRuntime,
  operations: readonly EncodedOperation[],
  versions: ReadonlyMap<string, number>,
  locks: HeldLocks,
  progress: Progress,
  tally: Tally,
): Promise<void> {
  const current = new Map(versions)
  const session = await runtime.connect()
  try {
    for (const phase of phases(operations)) {
      const chains = await Promise.allSettled(
        chainsOf(phase).map(async (chain) => {
          for (const operation of chain) {
            if (!tally.admits(operation, locks)) continue
            tally.begin([operation])
            const outcome = await sendOne(runtime, session, operation, current, locks)
            if (outcome.kind === 'ok' || isGone(operation, outcome)) {
              tally.accept(operation)
              progress.step('Pushing operations', tally.acknowledged.size, operations.length)
            } else tally.refuse(operation, outcome.error)
          }
        }),
      )
      for (const chain of chains) if (chain.status === 'rejected') throw chain.reason
    }
  } finally {
    await session.close()
  }
}

/** Removed by somebody else already: that is what was wanted. */
function isGone({ planned }: EncodedOperation, outcome: CommandOutcome): boolean {
  return planned.kind === 'blueprint.remove' && outcome.kind === 'refused' && outcome.error === 'not_found'
}

/** Runs of operations whose order does not matter among themselves, but for those on one blueprint. */
function phases(operations: readonly EncodedOperation[]): readonly (readonly EncodedOperation[])[] {
  const order = [
    'blueprint.add',
    'blueprint.update',
    'entity.add',
    'entity.update',
    'entity.remove',
    'blueprint.remove',
  ]
  const phases = new Map<number, EncodedOperation[]>()
  for (const operation of operations) {
    const { kind, after, before } = operation.planned
    const variant = typeof own((after ?? before)?.fields ?? {}, 'scriptRef') === 'string'
    const place = order.indexOf(kind) < 0 ? order.indexOf('entity.update') : order.indexOf(kind)
    const phase = place * 2 + Number(kind === 'blueprint.remove' ? !variant : variant)
    const list = phases.get(phase)
    if (list === undefined) phases.set(phase, [operation])
    else list.push(operation)
  }
  return [...phases].sort(([a], [b]) => a - b).map(([, list]) => list)
}

/** Operations that build on each other: those on one blueprint, whose versions follow one another. */
function chainsOf(phase: readonly EncodedOperation[]): readonly (readonly EncodedOperation[])[] {
  const chains = new Map<string, EncodedOperation[]>()
  for (const operation of phase) {
    const { kind, key, opId } = operation.planned
    const name = kind.startsWith('blueprint') ? key : opId
    const chain = chains.get(name)
    if (chain === undefined) chains.set(name, [operation])
    else chain.push(operation)
  }
  return [...chains.values()]
}

async function sendOne(
  runtime: RemoteRuntime,
  session: Awaited<ReturnType<RemoteRuntime['connect']>>,
  operation: EncodedOperation,
  versions: Map<string, number>,
  locks: HeldLocks,
): Promise<CommandOutcome> {
  const { planned } = operation
  const token = locks.tokenFor(operation.scope)
  const head = {
    actor: planned.by.actor,
    source: sourceOf(planned),
    lastOpId: planned.opId,
    ...(token === undefined ? {} : { lockToken: token }),
  }
  const gone = Object.fromEntries(operation.gone.map((field) => [field, undefined]))
  switch (planned.kind) {
    case 'blueprint.add':
      return session.send({ ...head, type: 'blueprint_add', blueprint: operation.object })
    case 'blueprint.update': {
      const version = (versions.get(planned.id) ?? 0) + 1
      versions.set(planned.id, version)
      return session.send({
        ...head,
        type: 'blueprint_modify',
        change: { id: planned.id, version, ...operation.fields, ...gone },
      })
    }
    case 'blueprint.remove':
      return runtime.removeBlueprint(planned.id)
    case 'entity.add':
      return session.send({ ...head, type: 'entity_add', entity: operation.object })
    case 'entity.update':
      return session.send({ ...head, type: 'entity_modify', change: { id: planned.id, ...operation.fields, ...gone } })
    case 'entity.remove':
      return session.send({ ...head, type: 'entity_remove', id: planned.id })
    case 'settings.update':
      return session.send({
        ...head,
        type: 'settings_modify',
        key: planned.setting,
        value: own(planned.after!.fields, planned.setting!),
      })
    case 'spawn.update': {
      const { position, quaternion } = planned.after!.fields
      return runtime.putSpawn({ position, quaternion })
    }
  }
}
