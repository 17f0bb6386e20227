import { fieldName } from '../resolvers/fields.ts'
import { own } from '../world/json.ts'
import { KEPT_ENTITY_FIELDS, type ObjectKey } from '../world/state.ts'
import { keepsSetting } from '../world/wire-world.ts'
import type { PlannedOperation } from './plan.ts'

/** Part of a plan that is not sent now: it keeps our value and stays to be pushed. */
export interface HeldBack {
  readonly key: ObjectKey
  readonly field: string
  readonly reason: string
  /**
   * `hand`: somebody holds it and would be written over. `conflict`: of a conflict that is kept open (C6), on purpose and
   * until it is settled. `runtime`: the runtime would not keep it.
   */
  readonly why: 'hand' | 'conflict' | 'runtime'
}

/** What a runtime is like, as far as it decides what can be sent. */
export interface Receiver {
  /** Entities that somebody holds in their hand. */
  readonly inHand: ReadonlySet<string>
  /** Whether changes of entities may name fields that nobody knows: batches keep them, single commands do not. */
  readonly keepsUnknown: boolean
}

const TRANSFORM = new Set(['position', 'quaternion', 'scale'])
const KEPT = new Set(KEPT_ENTITY_FIELDS)
const IN_HAND = "it is in somebody's hand"

/**
 * Takes out of a plan what must not be sent, or would be acknowledged and lost: the transform of an object in somebody's
 * hand (P5), and fields that the runtime never keeps (protocol, sections 3 to 5).
 */
export function holdBack(
  operations: readonly PlannedOperation[],
  receiver: Receiver,
): { readonly operations: readonly PlannedOperation[]; readonly held: readonly HeldBack[] } {
  const held: HeldBack[] = []
  const kept: PlannedOperation[] = []
  for (const operation of operations) {
    const { kind, key, id, changes } = operation
    const hold = (field: string, reason: string) =>
      held.push({ key, field, reason, why: reason === IN_HAND ? 'hand' : 'runtime' })
    if (kind === 'settings.update') {
      const setting = operation.setting!
      if (keepsSetting(operation.before?.fields ?? {}, setting)) kept.push(operation)
      else hold(setting, 'the runtime knows no such setting and would not keep it')
      continue
    }
    if (kind === 'entity.remove' && receiver.inHand.has(id)) {
      hold('', IN_HAND)
      continue
    }
    if (kind !== 'entity.update' && kind !== 'blueprint.update') {
      kept.push(operation)
      continue
    }
    const remaining = changes.filter(({ path }) => {
      const field = path[0] ?? ''
      const reason =
        kind === 'blueprint.update'
          ? field === 'createdAt'
            ? 'the runtime never changes it'
            : undefined
          : TRANSFORM.has(field) && receiver.inHand.has(id)
            ? IN_HAND
            : !receiver.keepsUnknown && !KEPT.has(field)
              ? 'the runtime does not keep this field of an entity'
              : undefined
      if (reason !== undefined) hold(fieldName(path), reason)
      return reason === undefined
    })
    if (remaining.length === changes.length) kept.push(operation)
    else if (remaining.length > 0 || operation.scripts) kept.push({ ...operation, changes: remaining })
  }
  return { operations: kept, held }
}

/** The entities of a snapshot that somebody holds. */
export function inHandOf(entities: Iterable<{ readonly [field: string]: unknown }>): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const entity of entities) {
    const mover = own(entity as Parameters<typeof own>[0], 'mover')
    if (typeof mover === 'string' && mover !== '' && typeof entity.id === 'string') ids.add(entity.id)
  }
  return ids
}
