import { randomInt } from 'node:crypto'
import { shapeProblem } from '../projection/shapes.ts'
import type { Snapshot } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import { type JsonObject, own } from '../world/json.ts'
import { objectKey } from '../world/state.ts'
import { applyFieldEdits, parseEdits } from './field-edits.ts'
import { type ActOptions, type ActReport, actIn, refusal } from './world-actor.ts'
import { blueprintFor, findObject } from './world-objects.ts'
import type { World } from './world-target.ts'

export interface AddOptions extends ActOptions {
  /** Undefined: a readable one with a random end. */
  readonly id: string | undefined
  /** `path=value` */
  readonly set: readonly string[]
}

export interface AddReport extends ActReport {
  readonly id: string
  readonly blueprint: string
  readonly entity: JsonObject
}

/** What only the id, the blueprint and the runtime decide. */
const FIXED = new Set(['id', 'type', 'blueprint', 'updatedAt', 'updatedBy', 'updateSource', 'lastOpId'])

/**
 * Adds an entity of a blueprint, at the origin where nothing else is said.
 *
 * Throws `invalid_edit`, `invalid_value`, `unknown_blueprint`, `id_taken`, `refused`, `not_confirmed`, and what the
 * runtime throws.
 */
export async function addToWorld(world: World, name: string, options: AddOptions): Promise<AddReport> {
  const edits = parseEdits({ set: options.set, unset: [] })
  const fixed = edits.map(({ path }) => path[0]!).find((field) => FIXED.has(field))
  if (fixed !== undefined) {
    throw new SyncError('invalid_edit', `The field "${fixed}" of a new entity cannot be set.`, {
      hint: fixed === 'id' ? 'Pass --id.' : 'Leave it out.',
    })
  }
  const blueprintId = name.startsWith('blueprint:') ? name.slice('blueprint:'.length) : name
  return actIn(world, options, `Add an entity of ${blueprintId}`, async (actor, snapshot) => {
    const blueprint = blueprintFor(snapshot, blueprintId)
    const id = options.id === undefined ? freeId(snapshot, blueprintId) : unusedId(snapshot, options.id)
    const key = objectKey('entity', id)
    const fresh: JsonObject = {
      id,
      type: 'app',
      blueprint: blueprintId,
      position: [0, 0, 0],
      quaternion: [0, 0, 0, 1],
      scale: [1, 1, 1],
      pinned: false,
      props: {},
      state: {},
      mover: null,
      uploader: null,
      scope: scopeOf(blueprint) ?? 'global',
    }
    const entity = applyFieldEdits(key, fresh, edits)
    const wrong = shapeProblem('entity', entity)
    if (wrong !== undefined) {
      throw new SyncError('invalid_value', `${wrong.field} of ${key} ${wrong.message}.`, {
        hint: 'Nothing was sent; correct the value.',
        data: { object: key, field: wrong.field },
      })
    }
    const outcome = await actor.command('entity_add', { entity })
    if (outcome.kind === 'refused') throw refusal(key, outcome)
    const { recordedAs, opIds } = actor
    return { worldId: snapshot.worldId, object: key, actor: recordedAs, opIds, id, blueprint: blueprintId, entity }
  })
}

function scopeOf(blueprint: JsonObject | undefined): string | undefined {
  const scope = own(blueprint ?? {}, 'scope')
  return typeof scope === 'string' && scope !== '' ? scope : undefined
}

/** An id that is there would be replaced without a word (protocol, section 5). */
function unusedId(snapshot: Snapshot, id: string): string {
  if (id === '')
    throw new SyncError('invalid_edit', 'The id of an entity cannot be empty.', { hint: 'Leave --id out.' })
  if (!isTaken(snapshot, id)) return id
  throw new SyncError('id_taken', `The world has an entity "${id}" already.`, {
    hint: `Choose another --id, or change it with "gamedev world edit ${id}".`,
    data: { id },
  })
}

/** Lower-case letters and digits that nobody mistakes for one another. */
const ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz'

function freeId(snapshot: Snapshot, blueprint: string): string {
  const slug = blueprint
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 32)
    .toLowerCase()
  for (;;) {
    const end = Array.from({ length: 6 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
    const id = `${slug === '' ? 'entity' : slug}-${end}`
    if (!isTaken(snapshot, id)) return id
  }
}

function isTaken(snapshot: Snapshot, id: string): boolean {
  return snapshot.entities.some((entity) => own(entity, 'id') === id)
}

/**
 * Removes an entity, or a blueprint that no entity uses.
 *
 * Throws `unknown_object`, `ambiguous_name`, `not_removable`, `refused`, `not_confirmed`, and what the runtime throws.
 */
export async function removeFromWorld(world: World, name: string, options: ActOptions): Promise<ActReport> {
  return actIn(world, options, `Remove ${name}`, async (actor, snapshot) => {
    const { key, kind, id } = findObject(snapshot, name)
    if (kind === 'settings' || kind === 'spawn') {
      throw new SyncError('not_removable', `A world cannot be without its ${kind}.`, {
        hint: `Change it with "gamedev world edit ${kind}".`,
      })
    }
    const outcome =
      kind === 'entity'
        ? await actor.command('entity_remove', { id })
        : await actor.write({ kind: 'blueprint.remove', id }, (route) => route.removeBlueprint(id))
    if (outcome.kind === 'refused') throw refusal(key, outcome)
    return { worldId: snapshot.worldId, object: key, actor: actor.recordedAs, opIds: actor.opIds }
  })
}
