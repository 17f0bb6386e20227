import { isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { KEPT_ENTITY_FIELDS } from '../world/state.ts'
import type { Write } from './blueprint-writes.ts'
import { bookkeeping, operation, propsAreValid, SERVER_FIELDS, text, uidOf, without } from './bookkeeping.ts'
import { done, type Outcome, refused } from './engine-types.ts'
import { isStorableId } from './wire-values.ts'

/** Adds an entity, or replaces the one of that id. */
export function addEntity(input: Json, { tables, by, context }: Write): Outcome {
  if (!isJsonObject(input) || !isStorableId(own(input, 'id')) || !propsAreValid(input))
    return refused('invalid_payload')
  if (own(input, 'type') !== 'app') return refused('server_error')
  const id = input.id as string
  const blueprint = text(own(input, 'blueprint'))
  const entity: JsonObject = {
    ...input,
    props: own(input, 'props') ?? {},
    uid: own(input, 'uid') ?? context.newUid(),
    scope: text(own(input, 'scope')) ?? scopeOfBlueprint(blueprint, { tables }) ?? 'global',
    managedBy: own(input, 'managedBy') ?? 'shared',
    ...bookkeeping(by),
  }
  tables.set('entity', id, entity)
  return done(
    [operation(by, 'entity.add', uidOf(entity), { snapshot: entity })],
    [{ name: 'entityAdded', data: entity }],
  )
}

/**
 * Changes an entity; there is no version check, the last write wins.
 *
 * `keep: 'known'` is the WebSocket's rule (see {@link KEPT_ENTITY_FIELDS}); `'all'` that of batches, where fields nobody knows survive
 * and `remove` deletes them.
 */
export function modifyEntity(
  change: Json,
  remove: readonly string[],
  keep: 'known' | 'all',
  { tables, by }: Write,
): Outcome {
  if (!isJsonObject(change) || !isStorableId(own(change, 'id')) || !propsAreValid(change)) {
    return refused('invalid_payload')
  }
  const id = change.id as string
  const current = tables.get('entity', id)
  if (current === undefined) return refused('not_found')
  const fields = without(change, SERVER_FIELDS)
  const patch: JsonObject = {
    ...fields,
    uid: own(fields, 'uid') ?? own(current, 'uid') ?? id,
    scope: text(own(fields, 'scope')) ?? own(current, 'scope') ?? 'global',
    managedBy: own(fields, 'managedBy') ?? own(current, 'managedBy') ?? 'shared',
    ...bookkeeping(by),
  }
  const kept =
    keep === 'all'
      ? patch
      : Object.fromEntries(
          Object.entries(patch).filter(([key]) => KEPT_ENTITY_FIELDS.includes(key) || SERVER_FIELDS.includes(key)),
        )
  const gone = remove.filter((field) => !Object.hasOwn(patch, field) && field !== 'id' && field !== 'type')
  const entity = without({ ...current, ...kept, id, type: 'app' }, gone)
  tables.set('entity', id, entity)
  return done(
    [operation(by, 'entity.update', uidOf(entity), { patch, snapshot: entity })],
    [{ name: 'entityModified', data: entity }],
  )
}

/** Removes an entity; one that does not exist is acknowledged and recorded nowhere (protocol, section 5). */
export function removeEntity(id: Json, { tables, by }: Write): Outcome {
  if (!isStorableId(id)) return refused('invalid_payload')
  const packets = [{ name: 'entityRemoved', data: id }] as const
  const current = tables.get('entity', id)
  if (current === undefined) return done([], packets)
  tables.set('entity', id, undefined)
  return done([operation(by, 'entity.remove', uidOf(current), { patch: { id }, snapshot: current })], packets)
}

function scopeOfBlueprint(id: string | undefined, { tables }: Pick<Write, 'tables'>): string | undefined {
  const blueprint = id === undefined ? undefined : tables.get('blueprint', id)
  return blueprint === undefined ? undefined : text(own(blueprint, 'scope'))
}
