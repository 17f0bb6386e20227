import { createHash } from 'node:crypto'
import type { Oid } from '../git-bridge/repository.ts'
import type { MergedObject } from '../git-bridge/world-merge.ts'
import { diffObjects, type FieldChange } from '../resolvers/fields.ts'
import { own, withKey } from '../world/json.ts'
import type { OperationKind } from '../world/operation.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'

/** The commit that an operation is attributed to (P2). */
export interface Attribution {
  readonly commit: Oid
  readonly actor: string
  /** What the feed records instead of the commit. */
  readonly source?: string
}

/** One operation of a push, in project spelling: assets are contents, not URLs yet. */
export interface PlannedOperation {
  readonly kind: OperationKind
  readonly key: ObjectKey
  readonly id: string
  readonly opId: string
  readonly by: Attribution
  /** The object as the world has it, as far as we know; undefined for an object that is added. */
  readonly before: WorldObject | undefined
  /** The object as it shall be; undefined for one that is removed. */
  readonly after: WorldObject | undefined
  /** What differs, field by field, without the fields of scripts. */
  readonly changes: readonly FieldChange[]
  /** The operation carries the blueprint's scripts: its own, those of its root for a variant. */
  readonly scripts: boolean
  /** The key of a `settings.update`. */
  readonly setting?: string
}

/** Fields of a blueprint that the deploy lock of its scope protects (protocol, section 5). */
const SCRIPT_FIELDS = new Set(['scriptFiles', 'scriptEntry', 'scriptFormat', 'scriptRef'])

export interface PlanInput {
  readonly worldId: string
  /** The tip's cursor that the plan was made against (P3). */
  readonly cursor: number
  readonly objects: ReadonlyMap<ObjectKey, MergedObject>
  /** Blueprints whose scripts must be sent though no field of theirs changed: a shared module did, or their root. */
  readonly redeploy: ReadonlyMap<ObjectKey, WorldObject>
  readonly attribute: (key: ObjectKey, merged: MergedObject | undefined) => Attribution
  /** The scope of a blueprint that has none yet: its app folder's name (protocol, section 5). */
  readonly scopeOf: (key: ObjectKey) => string | undefined
}

/**
 * The operations that turn the world's state into the merged one (P2): minimal, each field once, dependencies first —
 * blueprints before the entities that use them, script roots before their variants, removals last and in reverse.
 */
export function planPush(input: PlanInput): readonly PlannedOperation[] {
  const operations: PlannedOperation[] = []
  for (const [key, object] of input.objects) operations.push(...planObject(input, key, object))
  const planned = new Set(operations.filter((operation) => operation.scripts).map((operation) => operation.key))
  for (const [key, object] of input.redeploy) {
    if (planned.has(key)) continue
    const by = input.attribute(key, input.objects.get(key))
    operations.push(operation(input, 'blueprint.update', key, by, object, object, [], true))
  }
  return operations.sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

function planObject(input: PlanInput, key: ObjectKey, object: MergedObject): readonly PlannedOperation[] {
  const before = object.theirs?.object
  let after = object.merged
  const kind = (before ?? after)?.kind
  if (kind === undefined || kind === 'shared') return []
  const by = input.attribute(key, object)
  if (kind === 'settings') return planSettings(input, key, by, before, after)
  if (kind === 'spawn') {
    const changes = diffObjects(before, after)
    return after === undefined || changes.length === 0
      ? []
      : [operation(input, 'spawn.update', key, by, before, after, changes, false)]
  }
  if (after === undefined)
    return before === undefined ? [] : [operation(input, `${kind}.remove`, key, by, before, undefined, [], false)]
  if (before === undefined) {
    const scope = own(after.fields, 'scope') ?? (kind === 'blueprint' ? input.scopeOf(key) : undefined)
    if (scope !== undefined) after = { ...after, fields: withKey(after.fields, 'scope', scope) }
    return [operation(input, `${kind}.add`, key, by, undefined, after, [], kind === 'blueprint' && hasScripts(after))]
  }
  const all = diffObjects(before, after).filter((change) => change.path[0] !== 'uid')
  const changes = all.filter((change) => kind !== 'blueprint' || !SCRIPT_FIELDS.has(change.path[0]!))
  const scripts = changes.length < all.length
  if (all.length === 0) return []
  // A scope changes in a command of its own: the one with the scripts needs the lock of the scope that is stored.
  if (scripts && changes.some((change) => change.path[0] === 'scope')) {
    const moved = { ...before, fields: withKey(before.fields, 'scope', own(after.fields, 'scope')) }
    return [
      operation(input, 'blueprint.update', key, by, before, after, changes, false),
      operation(input, 'blueprint.update', key, by, moved, after, [], true),
    ]
  }
  return [operation(input, `${kind}.update`, key, by, before, after, changes, scripts)]
}

function planSettings(
  input: PlanInput,
  key: ObjectKey,
  by: Attribution,
  before: WorldObject | undefined,
  after: WorldObject | undefined,
): readonly PlannedOperation[] {
  if (after === undefined) return []
  const changed = new Set(diffObjects(before, after).flatMap((change) => change.path.slice(0, 1)))
  return [...changed].map((setting) => ({
    ...operation(
      input,
      'settings.update',
      key,
      by,
      before,
      after,
      [{ path: [setting], before: own(before?.fields ?? {}, setting), after: own(after.fields, setting) }],
      false,
      setting,
    ),
    setting,
  }))
}

function operation(
  input: PlanInput,
  kind: OperationKind,
  key: ObjectKey,
  by: Attribution,
  before: WorldObject | undefined,
  after: WorldObject | undefined,
  changes: readonly FieldChange[],
  scripts: boolean,
  detail = '',
): PlannedOperation {
  const id = (after ?? before)!.id
  // P3: a repeated push of the same plan is recognised, a deliberate second one is not.
  const opId = createHash('sha256')
    .update(JSON.stringify([input.worldId, input.cursor, by.commit, kind, id, scripts, detail]))
    .digest('base64url')
    .slice(0, 22)
  return { kind, key, id, opId, by, before, after, changes, scripts }
}

export function hasScripts(object: WorldObject): boolean {
  return own(object.fields, 'scriptFiles') !== undefined || typeof own(object.fields, 'scriptRef') === 'string'
}

const ORDER: Readonly<Record<OperationKind, number>> = {
  'blueprint.add': 0,
  'blueprint.update': 1,
  'entity.add': 4,
  'entity.update': 5,
  'settings.update': 6,
  'spawn.update': 7,
  'entity.remove': 8,
  'blueprint.remove': 9,
}

function rank(operation: PlannedOperation): number {
  const object = operation.after ?? operation.before
  const variant = typeof own(object?.fields ?? {}, 'scriptRef') === 'string'
  const base = ORDER[operation.kind]
  if (operation.kind === 'blueprint.remove') return variant ? base : base + 1
  // All roots before all variants: a variant gets the script that its root has at that moment (protocol, section 5).
  return operation.kind.startsWith('blueprint') && variant ? base + 2 : base
}
