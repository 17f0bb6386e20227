import { randomBytes, randomUUID } from 'node:crypto'
import { isSyncedEntity } from '../projection/wire.ts'
import type { BatchOperation, BatchOutcome, CommandOutcome, Snapshot } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import { type JsonObject, own, withKey } from '../world/json.ts'
import { resolveScope } from '../world/scope.ts'
import { type ObjectKey, objectKey, parseObjectKey } from '../world/state.ts'
import { actIn, refusal, SOURCE, type WorldActor } from './world-actor.ts'
import type { World } from './world-target.ts'

/** What every object of a world should have: without these it is matched, locked and merged by guesses. */
export const MARKS = ['uid', 'scope', 'managedBy'] as const
export type Mark = (typeof MARKS)[number]

/** An object of the world that lacks some of them. */
export interface Unmarked {
  readonly key: ObjectKey
  readonly lacks: readonly Mark[]
  /** What it would get; a `uid` is made when it is written. */
  readonly gets: { readonly scope?: string; readonly managedBy?: 'shared' }
}

/** The app folder of a blueprint in the project beside, if there is one. */
export type FolderOf = (blueprintId: string) => string | undefined

/** Looks through a world; blueprints before entities, in order of ids. */
export function findUnmarked(snapshot: Snapshot, folderOf: FolderOf): readonly Unmarked[] {
  const blueprints = new Map(snapshot.blueprints.map((blueprint) => [String(own(blueprint, 'id')), blueprint]))
  const context = { blueprint: (id: string) => blueprints.get(id), fallback: folderOf }
  const look = (kind: 'blueprint' | 'entity', fields: JsonObject): readonly Unmarked[] => {
    const lacks = MARKS.filter((mark) => !isMarked(fields, mark))
    if (lacks.length === 0) return []
    const id = String(own(fields, 'id'))
    const scope = resolveScope(kind === 'blueprint' ? { kind, id, fields } : { kind, fields }, context) ?? 'global'
    const gets = {
      ...(lacks.includes('scope') ? { scope } : {}),
      ...(lacks.includes('managedBy') ? { managedBy: 'shared' as const } : {}),
    }
    return [{ key: objectKey(kind, id), lacks, gets }]
  }
  return [
    ...inOrder(snapshot.blueprints).flatMap((blueprint) => look('blueprint', blueprint)),
    ...inOrder(snapshot.entities.filter(isSyncedEntity)).flatMap((entity) => look('entity', entity)),
  ]
}

function isMarked(fields: JsonObject, mark: Mark): boolean {
  const value = own(fields, mark)
  return typeof value === 'string' && value !== ''
}

function inOrder(objects: readonly JsonObject[]): readonly JsonObject[] {
  const id = (object: JsonObject) => String(own(object, 'id'))
  return objects.toSorted((a, b) => (id(a) < id(b) ? -1 : id(a) > id(b) ? 1 : 0))
}

/** How often objects are read anew that somebody else changed meanwhile. */
const ATTEMPTS = 5
const AT_ONCE = 500

export interface Marked {
  readonly written: readonly Unmarked[]
  /** What the world still lacks, read back. */
  readonly missing: readonly Unmarked[]
  /** What the runtime answered instead of taking it. */
  readonly refused: ReadonlyMap<ObjectKey, string>
}

/**
 * Writes what objects of the world lack, and no other field, nor one that somebody set meanwhile where the runtime can
 * tell; then reads the world again. Asks where the target wants that (P7).
 *
 * Throws `not_confirmed`, `switched_off`, and `refused` when the admin code does not allow it.
 */
export async function writeMarks(
  world: World,
  count: number,
  folderOf: FolderOf,
  confirm: (question: string) => Promise<boolean>,
): Promise<Marked> {
  const what = `Write uid, scope and managedBy of ${count} object${count === 1 ? '' : 's'}`
  return actIn(world, { as: 'doctor', confirm }, what, async (actor, first) => {
    const batches = first.capabilities?.includes('ops.batch') ?? false
    const refused = new Map<ObjectKey, string>()
    const written = new Map<ObjectKey, Unmarked>()
    let snapshot = first
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const wanted = findUnmarked(snapshot, folderOf).filter(({ key }) => !refused.has(key))
      if (wanted.length === 0) break
      for (const one of wanted) written.set(one.key, one)
      for (let from = 0; from < wanted.length; from += AT_ONCE) {
        const some = wanted.slice(from, from + AT_ONCE)
        if (batches) await sendBatch(world, snapshot, some)
        else await sendCommands(actor, snapshot, some, refused)
      }
      snapshot = await world.runtime.snapshot()
    }
    const missing = findUnmarked(snapshot, folderOf)
    const left = new Set(missing.map(({ key }) => key))
    return { written: [...written.values()].filter(({ key }) => !left.has(key)), missing, refused }
  })
}

/** An object as the snapshot has it, and what is put in the place of what it lacks. */
interface Patch {
  readonly kind: 'blueprint' | 'entity'
  readonly id: string
  readonly before: JsonObject
  readonly patch: JsonObject
}

function patches(snapshot: Snapshot, some: readonly Unmarked[]): readonly Patch[] {
  const objects = new Map<ObjectKey, JsonObject>()
  for (const blueprint of snapshot.blueprints) objects.set(objectKey('blueprint', String(blueprint.id)), blueprint)
  for (const entity of snapshot.entities) objects.set(objectKey('entity', String(entity.id)), entity)
  return some.map(({ key, lacks, gets }) => {
    const { kind, id } = parseObjectKey(key)
    const patch = lacks.includes('uid') ? withKey(gets, 'uid', randomUUID()) : gets
    return { kind: kind as Patch['kind'], id, before: objects.get(key)!, patch }
  })
}

/** All or none; what does not stand as it was read is left for the next attempt, with all that was sent beside it. */
async function sendBatch({ runtime }: World, snapshot: Snapshot, some: readonly Unmarked[]): Promise<void> {
  const operations = patches(snapshot, some).map(({ kind, id, before, patch }): BatchOperation => {
    const was = (mark: string) => own(before, mark) ?? (Object.hasOwn(before, mark) ? null : { absent: true })
    const expect = Object.fromEntries(Object.keys(patch).map((mark) => [mark, was(mark)]))
    return { kind: `${kind}.update`, id, patch, expect, opId: newOpId(), actor: 'doctor', source: SOURCE }
  })
  const outcome: BatchOutcome = await runtime.batch({ operations })
  if (outcome.kind === 'landed' || outcome.kind === 'mismatch') return
  const { error } = outcome
  throw new SyncError('refused', `The world refused to write the metadata: ${error}.`, {
    exitCode: error === 'builder_required' || error === 'admin_required' ? 4 : 1,
    hint: 'Run "gamedev sync doctor" to see what is missing still.',
    data: { error },
  })
}

async function sendCommands(
  actor: WorldActor,
  snapshot: Snapshot,
  some: readonly Unmarked[],
  refused: Map<ObjectKey, string>,
): Promise<void> {
  const send = async ({ kind, id, before, patch }: Patch): Promise<CommandOutcome> => {
    if (kind === 'entity') return actor.command('entity_modify', { change: { id, ...patch } })
    const version = own(before, 'version')
    const next = (typeof version === 'number' ? Math.floor(version) : 0) + 1
    return actor.command('blueprint_modify', { change: { id, version: next, ...patch } })
  }
  const outcomes = await Promise.all(patches(snapshot, some).map(send))
  for (const [index, outcome] of outcomes.entries()) {
    // Changed meanwhile: read anew with the next attempt.
    if (outcome.kind === 'ok' || outcome.error === 'version_mismatch') continue
    const { key } = some[index]!
    if (outcome.error === 'builder_required' || outcome.error === 'admin_required') throw refusal(key, outcome)
    refused.set(key, outcome.error)
  }
}

function newOpId(): string {
  return randomBytes(16).toString('base64url')
}
