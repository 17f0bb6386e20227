import { BATCH_MAX_BYTES, BATCH_MAX_OPERATIONS } from '../protocol/schemas.ts'
import type { BatchOperation, RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { own } from '../world/json.ts'
import { type EncodedOperation, sourceOf, toBatch } from './encode.ts'
import type { HeldLocks } from './locks.ts'
import type { Progress } from './progress.ts'

/** An operation that the runtime did not accept, and its word for why. */
export interface RefusedOperation {
  readonly operation: EncodedOperation
  readonly error: string
}

export type SendOutcome =
  | { readonly kind: 'sent'; readonly landed: number; readonly refused: readonly RefusedOperation[] }
  /** Somebody wrote a field meanwhile; nothing of the (remaining) push was applied (P5). */
  | { readonly kind: 'moved'; readonly landed: number; readonly fields: readonly string[] }

/** Sends a push in transactions that land only if every field still holds what we believe (P5, protocol section 9). */
export async function sendBatches(
  runtime: RemoteRuntime,
  operations: readonly EncodedOperation[],
  locks: HeldLocks,
  progress: Progress,
): Promise<SendOutcome> {
  let landed = 0
  for (const batch of batches(operations)) {
    const outcome = await runtime.batch({ lockTokens: locks.tokens, operations: batch.map(({ wire }) => wire) })
    switch (outcome.kind) {
      case 'landed':
        landed += batch.length
        progress.step('Pushing operations', landed, operations.length)
        break
      case 'mismatch':
        return {
          kind: 'moved',
          landed,
          fields: outcome.mismatches.map(({ id, field }) => `${id ?? '?'}.${field ?? '?'}`),
        }
      case 'locked':
      case 'refused': {
        const opId = outcome.kind === 'refused' ? outcome.opId : undefined
        const culprit = batch.find(({ wire }) => wire.opId === opId)
        const refused = culprit === undefined ? batch : [culprit]
        const error = outcome.kind === 'refused' && outcome.message !== '' ? outcome.message : outcome.error
        return { kind: 'sent', landed, refused: refused.map(({ encoded }) => ({ operation: encoded, error })) }
      }
    }
  }
  return { kind: 'sent', landed, refused: [] }
}

/** Splits a push into requests that the runtime takes. */
function* batches(
  operations: readonly EncodedOperation[],
): Generator<readonly { readonly encoded: EncodedOperation; readonly wire: BatchOperation }[]> {
  let batch: { encoded: EncodedOperation; wire: BatchOperation }[] = []
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
 * depend on are waited for: blueprints before entities, entities' removals before blueprints' (P2). What the runtime
 * refuses is reported and stays to be pushed.
 */
export async function sendCommands(
  runtime: RemoteRuntime,
  operations: readonly EncodedOperation[],
  versions: ReadonlyMap<string, number>,
  locks: HeldLocks,
  progress: Progress,
): Promise<SendOutcome> {
  const refused: RefusedOperation[] = []
  let landed = 0
  const current = new Map(versions)
  const session = await runtime.connect()
  try {
    for (const phase of phases(operations)) {
      await Promise.all(
        phase.map(async (operation) => {
          const outcome = await sendOne(runtime, session, operation, current, locks)
          if (outcome.kind === 'ok') {
            landed++
            progress.step('Pushing operations', landed, operations.length)
          } else refused.push({ operation, error: outcome.error })
        }),
      )
    }
  } finally {
    await session.close()
  }
  return { kind: 'sent', landed, refused }
}

/** Runs of operations whose order does not matter among themselves. */
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
    phases.set(phase, [...(phases.get(phase) ?? []), operation])
  }
  return [...phases].sort(([a], [b]) => a - b).map(([, list]) => list)
}

async function sendOne(
  runtime: RemoteRuntime,
  session: Awaited<ReturnType<RemoteRuntime['connect']>>,
  operation: EncodedOperation,
  versions: Map<string, number>,
  locks: HeldLocks,
): ReturnType<typeof session.send> {
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
