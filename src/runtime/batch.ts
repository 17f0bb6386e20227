import { BATCH_MAX_OPERATIONS, type BatchOperation } from '../protocol/schemas.ts'
import { isJsonObject, type Json, type JsonObject, jsonEquals, own } from '../world/json.ts'
import { addBlueprint, modifyBlueprint, removeBlueprint, type Write } from './blueprint-writes.ts'
import { SERVER_FIELDS, stamp, without } from './bookkeeping.ts'
import type { Command, EngineContext, NewOperation, Outcome, Packet, Refused } from './engine-types.ts'
import { done, refused } from './engine-types.ts'
import { addEntity, modifyEntity, removeEntity } from './entity-writes.ts'
import { editFields, readField } from './field-paths.ts'
import { InvalidPayload } from './wire-values.ts'
import type { WorldTables } from './world-tables.ts'
import { modifySettings, putSpawn } from './world-writes.ts'

export interface Mismatch {
  readonly opId: string
  readonly id: string
  readonly field: string
  /** Left out where the values together would be beyond {@link MISMATCH_BYTES}. */
  readonly current?: Json
}

/** A refusal names no more mismatches than there may be operations, nor more than this of current values. */
const MISMATCH_BYTES = 4 * 1024 * 1024

type Batch = Extract<Command, { kind: 'batch' }>

/**
 * `ops.batch`: all operations or none (protocol, section 9). Each sees the world as the ones before it left it.
 *
 * An opId that is recorded already is acknowledged as a duplicate, so a push may be repeated after a lost answer; then
 * the head it was planned against is no reason to refuse it. All mismatches are reported, not only the first, as far as
 * they fit an answer.
 */
export function applyBatch(batch: Batch, tables: WorldTables, context: EngineContext): Outcome {
  const fresh = batch.operations.filter((op) => context.recorded(op.opId) === undefined)
  if (fresh.length > 0 && batch.expectedCursor !== undefined && batch.expectedCursor !== context.head()) {
    return refused('cursor_mismatch', { headCursor: context.head() })
  }
  const operations: NewOperation[] = []
  const packets: Packet[] = []
  const mismatches: Mismatch[] = []
  const unsettled = new Set<string>()
  const costs = { copied: 0, told: 0 }
  const lockTokens = [...batch.lockTokens.values()]
  for (const op of fresh) {
    const target = targetOf(op)
    if (unsettled.has(target.key)) continue
    const found = mismatchesOf(op, target, tables)
    if (found.length > 0) {
      for (const mismatch of found) mismatches.push(brief(mismatch, costs))
      if (mismatches.length >= BATCH_MAX_OPERATIONS) break
      if (found.some((m) => m.field === 'exists')) {
        unsettled.add(target.key)
        continue
      }
    }
    const by = stamp(op, context)
    const outcome = applyOne(op, { tables, by, context, lockTokens }, costs)
    if (outcome.kind === 'refused') {
      if (mismatches.length > 0) continue
      return refused(outcome.error, {
        ...outcome.reply,
        opId: op.opId,
        id: target.id,
        message: sentence(op, outcome.error),
      })
    }
    operations.push(...outcome.operations)
    packets.push(...outcome.packets)
  }
  if (mismatches.length > 0) return refused('expectation_failed', { headCursor: context.head(), mismatches })
  return done(operations, packets)
}

/** What a batch has taken so far. */
interface Costs {
  copied: number
  told: number
}

function brief(mismatch: Mismatch, costs: Costs): Mismatch {
  costs.told += JSON.stringify(mismatch.current ?? null).length
  if (costs.told <= MISMATCH_BYTES) return mismatch
  const { opId, id, field } = mismatch
  return { opId, id, field }
}

function applyOne(op: BatchOperation, write: Write, costs: Costs): Outcome {
  switch (op.kind) {
    case 'blueprint.add':
      return addBlueprint(isVersion(op.blueprint.version) ? op.blueprint : { ...op.blueprint, version: 0 }, write)
    case 'blueprint.update': {
      const resolved = resolveChange(write.tables.get('blueprint', op.id)!, op, costs, write)
      return resolved.kind === 'refused' ? resolved : modifyBlueprint(resolved.change, resolved.gone, 'raised', write)
    }
    case 'blueprint.remove':
      return write.tables.get('blueprint', op.id) === undefined ? done([], []) : removeBlueprint(op.id, write)
    case 'entity.add':
      return own(op.entity, 'type') === 'app' ? addEntity(op.entity, write) : refused('invalid_payload')
    case 'entity.update': {
      const resolved = resolveChange(write.tables.get('entity', op.id)!, op, costs, write)
      if (resolved.kind === 'refused') return resolved
      const { change, gone } = resolved
      if (Object.hasOwn(change, 'type') && change.type !== 'app') return refused('invalid_payload')
      return modifyEntity(change, gone, 'all', write)
    }
    case 'entity.remove':
      return write.tables.get('entity', op.id) === undefined ? done([], []) : removeEntity(op.id, write)
    case 'settings.update':
      return modifySettings(op.key, op.value, write)
    case 'spawn.update':
      return putSpawn(op.position, op.quaternion, undefined, write)
  }
}

/**
 * A patch with dotted fields and removals as the change of whole top-level fields that the feed shows: two people's
 * props of one object both land, and `patch.props` in the feed is what `props` became.
 */
function resolveChange(
  current: JsonObject,
  op: Extract<BatchOperation, { kind: 'blueprint.update' | 'entity.update' }>,
  costs: Costs,
  { context }: Write,
): { readonly kind: 'change'; readonly change: JsonObject; readonly gone: readonly string[] } | Refused {
  const edits = editFields(current)
  const touched = new Set<string>()
  const gone: string[] = []
  try {
    for (const [path, value] of Object.entries(without(op.patch ?? {}, [...SERVER_FIELDS, 'id', 'version']))) {
      touched.add(edits.fieldOf(path))
      edits.write(path, value)
    }
    for (const path of op.remove ?? []) {
      const field = edits.fieldOf(path)
      if (field !== path) touched.add(field)
      else gone.push(path)
      edits.write(path, undefined)
    }
  } catch (error) {
    if (error instanceof InvalidPayload) return refused('invalid_payload')
    throw error
  }
  costs.copied += edits.copied
  if (costs.copied > (context.copiedMembers ?? Infinity)) return refused('payload_too_large')
  const change: [string, Json][] = [['id', op.id]]
  for (const field of touched) if (Object.hasOwn(edits.result, field)) change.push([field, edits.result[field]!])
  return { kind: 'change', change: Object.fromEntries(change), gone }
}

interface Target {
  readonly key: string
  readonly id: string
  /** Must be there for the operation to mean anything. */
  readonly required: boolean
  readonly read: (tables: WorldTables) => JsonObject | undefined
}

function targetOf(op: BatchOperation): Target {
  switch (op.kind) {
    case 'settings.update':
      return { key: `settings:${op.key}`, id: op.key, required: false, read: (tables) => tables.settings }
    case 'spawn.update':
      return { key: 'spawn', id: 'spawn', required: false, read: (tables) => tables.spawn }
    default: {
      const table = op.kind.startsWith('blueprint') ? 'blueprint' : 'entity'
      const id = op.kind === 'blueprint.add' ? idOf(op.blueprint) : op.kind === 'entity.add' ? idOf(op.entity) : op.id
      const required = op.kind.endsWith('.update')
      return { key: `${table}:${id}`, id, required, read: (tables) => tables.get(table, id) }
    }
  }
}

function mismatchesOf(op: BatchOperation, target: Target, tables: WorldTables): readonly Mismatch[] {
  const object = target.read(tables)
  const expect = op.expect ?? {}
  const wanted = Object.hasOwn(expect, 'exists') ? expect.exists : undefined
  const fields = Object.entries(expect).filter(([field]) => field !== 'exists')
  const mismatch = (field: string, current: Json): Mismatch => ({ opId: op.opId, id: target.id, field, current })
  if (object === undefined) {
    return target.required || fields.length > 0 || wanted === true ? [mismatch('exists', false)] : []
  }
  if (wanted === false) return [mismatch('exists', true)]
  return fields.flatMap(([field, value]) => {
    const current = readField(object, aliasOf(op, field))
    const holds = isAbsent(value) ? current === undefined : jsonEquals(value, current)
    return holds ? [] : [mismatch(field, current ?? (current === undefined ? { absent: true } : null))]
  })
}

/** `settings.update` may name its own key `value`, as its payload does. */
function aliasOf(op: BatchOperation, field: string): string {
  return op.kind === 'settings.update' && field === 'value' ? op.key : field
}

function isAbsent(value: Json): boolean {
  return isJsonObject(value) && value.absent === true && Object.keys(value).length === 1
}

function isVersion(value: Json | undefined): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function idOf(object: JsonObject): string {
  const id = own(object, 'id')
  return typeof id === 'string' ? id : ''
}

function sentence(op: BatchOperation, error: string): string {
  const what = targetOf(op)
  return `${op.kind} of '${what.id}' was refused: ${error}`
}
