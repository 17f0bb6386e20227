import { shapeProblem } from '../projection/shapes.ts'
import type { CommandOutcome, RemoteRuntime, Snapshot } from '../remote-runtime/remote-runtime.ts'
import type { FieldChange } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { fromEntries, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import { KEPT_ENTITY_FIELDS } from '../world/state.ts'
import { keepsSetting, SETTINGS_KEYS } from '../world/wire-world.ts'
import { applyFieldEdits, type FieldEdit, fieldAt, parseEdits } from './field-edits.ts'
import { type ActOptions, type ActReport, actIn, refusal, type WorldActor } from './world-actor.ts'
import { blueprintFor, findObject, type LiveObject } from './world-objects.ts'
import type { World } from './world-target.ts'

export interface EditOptions extends ActOptions {
  /** `path=value` */
  readonly set: readonly string[]
  readonly unset: readonly string[]
}

export interface EditReport extends ActReport {
  /** `unchanged`: the object holds these values already; nothing was sent. */
  readonly kind: 'changed' | 'unchanged'
  readonly changes: readonly FieldChange[]
}

/** How often a blueprint is composed anew because somebody else changed it meanwhile. */
const ATTEMPTS = 5

const SERVERS_OWN = new Set(['id', 'version', 'createdAt', 'updatedAt', 'updatedBy', 'updateSource', 'lastOpId'])

/**
 * Edits one object of a live world as somebody inside it would. Fields are replaced whole on the wire, so they are
 * composed from what the world holds just before (protocol, section 5).
 *
 * Throws `invalid_edit`, `invalid_value`, `unknown_object`, `ambiguous_name`, `unknown_blueprint`, `refused`,
 * `not_confirmed`, and what the runtime throws.
 */
export async function editWorld(world: World, name: string, options: EditOptions): Promise<EditReport> {
  const edits = parseEdits(options)
  if (edits.length === 0) {
    throw new SyncError('invalid_edit', `There is nothing to change of "${name}".`, {
      hint: 'Pass --set path=value or --unset path.',
    })
  }
  return actIn(world, options, `Change ${name}`, async (actor, snapshot) => {
    const object = findObject(snapshot, name)
    checkFields(object, edits, snapshot)
    const sent = await send(world.runtime, actor, object, edits, snapshot)
    return {
      kind: sent.changes.length === 0 ? 'unchanged' : 'changed',
      worldId: snapshot.worldId,
      object: object.key,
      actor: actor.recordedAs,
      opIds: actor.opIds,
      changes: sent.changes,
    }
  })
}

/** Refuses what a runtime would acknowledge and then not keep. */
function checkFields({ key, kind, wire }: LiveObject, edits: readonly FieldEdit[], snapshot: Snapshot): void {
  for (const { path, value } of edits) {
    const field = path[0]!
    const whole = path.length === 1 && value === undefined
    if (kind === 'settings') {
      if (!keepsSetting(wire, field)) throw notKept(key, field, [...new Set([...SETTINGS_KEYS, ...Object.keys(wire)])])
    } else if (kind === 'spawn') {
      if (field !== 'position' && field !== 'quaternion') throw notKept(key, field, ['position', 'quaternion'])
      if (whole) throw cannotGo(key, field)
    } else if (kind === 'entity') {
      if (!KEPT_ENTITY_FIELDS.includes(field)) throw notKept(key, field, KEPT_ENTITY_FIELDS)
      if (whole && field !== 'props' && field !== 'state') throw cannotGo(key, field)
    } else if (SERVERS_OWN.has(field)) {
      throw new SyncError('invalid_edit', `The field "${field}" of ${key} is the runtime's own.`, {
        data: { object: key, field },
      })
    }
    if (kind === 'entity' && path.length === 1 && field === 'blueprint' && typeof value === 'string')
      blueprintFor(snapshot, value)
  }
}

function notKept(key: string, field: string, kept: readonly string[]): SyncError {
  return new SyncError('invalid_edit', `A world keeps no field "${field}" of ${key}.`, {
    hint: `It keeps ${kept.join(', ')}.`,
    data: { object: key, field },
  })
}

function cannotGo(key: string, field: string): SyncError {
  return new SyncError('invalid_edit', `The field "${field}" of ${key} cannot be removed.`, {
    hint: 'Set it to another value.',
    data: { object: key, field },
  })
}

interface Composed {
  readonly after: JsonObject
  readonly changes: readonly FieldChange[]
  /** Top-level fields that differ, with their new values; undefined for those that go. */
  readonly fields: { readonly [field: string]: unknown }
}

/** The edited object and what of it must be sent. Throws `invalid_value`. */
function compose({ key, kind }: LiveObject, before: JsonObject, edits: readonly FieldEdit[]): Composed {
  let after = applyFieldEdits(key, before, edits)
  // These are records always: without keys they are empty, not gone.
  for (const field of kind === 'entity' ? ['props', 'state'] : kind === 'blueprint' ? ['props'] : []) {
    if (own(before, field) !== undefined && own(after, field) === undefined) after = withKey(after, field, {})
  }
  const names = [...new Set(edits.map(({ path }) => path[0]!))].filter(
    (field) => !jsonEquals(own(before, field), own(after, field)),
  )
  const wrong = shapeProblem(kind, {
    ...(kind === 'entity' ? { blueprint: '' } : {}),
    ...fromEntries(names.flatMap((field) => (own(after, field) === undefined ? [] : [[field, own(after, field)!]]))),
  })
  if (wrong !== undefined) {
    throw new SyncError('invalid_value', `${wrong.field} of ${key} ${wrong.message}.`, {
      hint: 'Nothing was sent; correct the value.',
      data: { object: key, field: wrong.field },
    })
  }
  const paths = new Map(edits.map(({ path }) => [JSON.stringify(path), path]))
  const changes = [...paths.values()]
    .map((path) => ({ path, before: fieldAt(before, path), after: fieldAt(after, path) }))
    .filter((change) => !jsonEquals(change.before, change.after))
  return { after, changes, fields: Object.fromEntries(names.map((field) => [field, own(after, field)])) }
}

async function send(
  runtime: RemoteRuntime,
  actor: WorldActor,
  object: LiveObject,
  edits: readonly FieldEdit[],
  snapshot: Snapshot,
): Promise<Composed> {
  const { key, kind, id } = object
  if (kind === 'blueprint') return modifyBlueprint(runtime, actor, object, edits)
  const composed = compose(object, object.wire, edits)
  if (composed.changes.length === 0) return composed
  const landed: string[] = []
  const check = (outcome: CommandOutcome, field: string) => {
    if (outcome.kind === 'refused') throw refusal(key, outcome, landed)
    landed.push(field)
  }
  if (kind === 'entity') {
    check(await actor.command('entity_modify', { change: { id, ...composed.fields } }), id)
  } else if (kind === 'settings') {
    for (const [field, value] of Object.entries(composed.fields))
      check(await actor.command('settings_modify', { key: field, value }), field)
  } else {
    const spawn = {
      position: own(composed.after, 'position') ?? snapshot.spawn.position!,
      quaternion: own(composed.after, 'quaternion') ?? snapshot.spawn.quaternion!,
    }
    const operation = { kind: 'spawn.update', ...spawn } as const
    check(await actor.write(operation, (route) => route.putSpawn(spawn)), id)
  }
  return composed
}

/** A blueprint takes a version above its own only: who comes second composes the edit anew (protocol, section 5). */
async function modifyBlueprint(
  runtime: RemoteRuntime,
  actor: WorldActor,
  object: LiveObject,
  edits: readonly FieldEdit[],
): Promise<Composed> {
  const { key, id } = object
  let current = object.wire
  for (let attempt = 1; ; attempt++) {
    const composed = compose(object, current, edits)
    if (composed.changes.length === 0) return composed
    const before = own(current, 'version')
    const version = (typeof before === 'number' ? Math.floor(before) : 0) + 1
    const outcome = await actor.command('blueprint_modify', { change: { id, version, ...composed.fields } })
    if (outcome.kind === 'ok') return composed
    if (outcome.error !== 'version_mismatch' || attempt === ATTEMPTS) throw refusal(key, outcome)
    const fresh = await runtime.blueprint(id)
    if (fresh === undefined) throw refusal(key, { kind: 'refused', error: 'not_found' })
    current = fresh
  }
}
