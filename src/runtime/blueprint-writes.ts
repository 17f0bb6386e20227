import { isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import {
  bookkeeping,
  operation,
  propsAreValid,
  SERVER_FIELDS,
  type Stamp,
  text,
  uidOf,
  without,
} from './bookkeeping.ts'
import { done, type EngineContext, type Outcome, refused } from './engine-types.ts'
import { normalizeScripts, scriptRefusal } from './script-rules.ts'
import { isStorableId } from './wire-values.ts'
import type { WorldTables } from './world-tables.ts'

/** What a blueprint write runs against; `tables` is a draft that the write may change. */
export interface Write {
  readonly tables: WorldTables
  readonly by: Stamp
  readonly context: EngineContext
  readonly lockTokens: readonly string[]
}

/** Adds a blueprint, or replaces the one of that id without any version check (protocol, section 5). */
export function addBlueprint(input: Json, write: Write): Outcome {
  const { tables, by, context, lockTokens } = write
  if (!isJsonObject(input) || !isStorableId(own(input, 'id')) || !propsAreValid(input))
    return refused('invalid_payload')
  const target = { id: input.id as string, fields: input, remove: [] }
  const refusal = scriptRefusal(tables, target, lockTokens, context)
  if (refusal !== undefined) return refusal
  const fields = normalizeScripts(tables, target)
  const blueprint: JsonObject = {
    ...fields,
    props: own(fields, 'props') ?? {},
    createdAt: own(fields, 'createdAt') ?? by.ts,
    keep: own(fields, 'keep') ?? false,
    uid: own(fields, 'uid') ?? context.newUid(),
    scope: text(own(fields, 'scope')) ?? 'global',
    managedBy: own(fields, 'managedBy') ?? 'shared',
    ...bookkeeping(by),
  }
  tables.set('blueprint', target.id, blueprint)
  return done(
    [operation(by, 'blueprint.add', uidOf(blueprint), { snapshot: blueprint })],
    [{ name: 'blueprintAdded', data: blueprint }],
  )
}

/**
 * Changes a blueprint. `version` says how the new version comes about: `sent` must be greater than the current one, else
 * `version_mismatch`; `raised` is the server's own (protocol, section 9).
 */
export function modifyBlueprint(
  change: Json,
  remove: readonly string[],
  version: 'sent' | 'raised',
  write: Write,
): Outcome {
  const { tables, by, context, lockTokens } = write
  if (!isJsonObject(change) || !isStorableId(own(change, 'id')) || !propsAreValid(change)) {
    return refused('invalid_payload')
  }
  const id = change.id as string
  const current = tables.get('blueprint', id)
  if (current === undefined) return refused('not_found', { current: undefined })
  const target = { id, fields: change, remove }
  const refusal = scriptRefusal(tables, target, lockTokens, context)
  if (refusal !== undefined) return refusal
  const before = own(current, 'version')
  const after = version === 'raised' ? nextVersion(before) : own(change, 'version')
  if (version === 'sent' && !isGreater(after, before)) {
    return refused('version_mismatch', { current }, [{ name: 'blueprintModified', data: current }])
  }
  const fields = without(normalizeScripts(tables, target), SERVER_FIELDS)
  const patch: JsonObject = {
    ...fields,
    version: after!,
    ...(Object.hasOwn(current, 'createdAt') ? { createdAt: current.createdAt! } : {}),
    uid: own(fields, 'uid') ?? own(current, 'uid') ?? id,
    scope: text(own(fields, 'scope')) ?? own(current, 'scope') ?? 'global',
    managedBy: own(fields, 'managedBy') ?? own(current, 'managedBy') ?? 'shared',
    ...bookkeeping(by),
  }
  const gone = remove.filter((field) => !Object.hasOwn(patch, field) && field !== 'id')
  const blueprint = without({ ...current, ...patch }, gone)
  tables.set('blueprint', id, blueprint)
  return done(
    [operation(by, 'blueprint.update', uidOf(blueprint), { patch, snapshot: blueprint })],
    [{ name: 'blueprintModified', data: blueprint }],
  )
}

/** Removes a blueprint that no entity uses; `in_use` ignores variants that name it as their root (protocol, section 5). */
export function removeBlueprint(id: string, { tables, by }: Write): Outcome {
  const current = tables.get('blueprint', id)
  if (current === undefined) return refused('not_found')
  if (tables.uses(id) > 0) return refused('in_use')
  tables.set('blueprint', id, undefined)
  return done(
    [operation(by, 'blueprint.remove', uidOf(current), { patch: { id }, snapshot: current })],
    [{ name: 'blueprintRemoved', data: { id } }],
  )
}

/** Any greater number is taken, as the public server does; what has no version can never be modified by one. */
function isGreater(after: Json | undefined, before: Json | undefined): boolean {
  return typeof after === 'number' && typeof before === 'number' && after > before
}

function nextVersion(version: Json | undefined): number {
  return typeof version === 'number' ? Math.floor(version) + 1 : 1
}
