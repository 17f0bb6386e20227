import type { Oid } from '../git-bridge/repository.ts'
import { isFile, readUnits } from '../git-bridge/tree-objects.ts'
import { addUnit, unitsOf } from '../git-bridge/units.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { findMarkers } from '../projection/markers.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { fieldName } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { own } from '../world/json.ts'
import { objectKey, parseObjectKey, TEMPLATE_BLUEPRINTS } from '../world/state.ts'
import { changedFiles, wouldOverwrite } from './check-out.ts'
import type { PlannedOperation } from './plan.ts'
import { objectsOf } from './pull.ts'
import type { PushOptions } from './push.ts'
import type { Session } from './session.ts'
import type { UndoneEdit } from './undone.ts'
import type { Branch } from './working-tree.ts'

/**
 * What a push must not leave behind (M6): an entity of a blueprint, or a variant of a script root, that is not in the
 * project. The runtime accepts both. What `planned` removes and `operations` do not stays in the world. Throws
 * `invalid_files`.
 */
export async function checkReferences(
  session: Session,
  tree: Oid,
  operations: readonly PlannedOperation[],
  planned: readonly PlannedOperation[],
): Promise<void> {
  const removed = new Set(operations.filter(({ kind }) => kind === 'blueprint.remove').map(({ id }) => id))
  const staying = new Set(
    planned.flatMap(({ kind, id }) => (kind === 'blueprint.remove' && !removed.has(id) ? [id] : [])),
  )
  const named = new Map<string, PlannedOperation>()
  let blueprints = false
  for (const operation of operations) {
    if (operation.kind.startsWith('blueprint')) blueprints = true
    const blueprint = operation.kind.startsWith('entity') ? own(operation.after?.fields ?? {}, 'blueprint') : undefined
    if (typeof blueprint === 'string' && !TEMPLATE_BLUEPRINTS.has(blueprint)) named.set(blueprint, operation)
  }
  await refuseOrphans(session, tree, removed)
  if (named.size === 0 && !blueprints) return
  const units = unitsOf([])
  for (const file of await session.repository.listFiles(tree, `${session.prefix}apps`)) {
    const path = file.path.slice(session.prefix.length)
    if (classify(path).kind === 'blueprint') addUnit(units, path)
  }
  const apps = await readUnits(session.repository, tree, session.prefix, units)
  const exists = (id: string) => staying.has(id) || apps.objects.has(objectKey('blueprint', id))
  for (const [blueprint, operation] of named) {
    if (exists(blueprint)) continue
    throw new SyncError(
      'invalid_files',
      `Entity "${operation.id}" names blueprint "${blueprint}", which does not exist.`,
      {
        hint: 'Correct the name, or add the blueprint below apps/.',
        data: { entity: operation.id, blueprint, key: operation.key },
      },
    )
  }
  const touched = new Set(operations.filter(({ kind }) => kind.startsWith('blueprint')).map(({ id }) => id))
  for (const { object, path } of apps.objects.values()) {
    const root = own(object.fields, 'scriptRef')
    if (typeof root !== 'string' || exists(root) || !(touched.has(root) || touched.has(object.id))) continue
    throw new SyncError(
      'invalid_files',
      `${path}: blueprint "${object.id}" uses the scripts of "${root}", which does not exist.`,
      {
        hint: 'Keep that blueprint, name another in "scriptRef", or give this one scripts of its own.',
        data: { blueprint: object.id, scriptRef: root },
      },
    )
  }
}

/**
 * Entities that the project keeps and whose blueprint it removes: the runtime refuses that, after half of the push has
 * landed. Reads the entities' files, but only where a blueprint is removed.
 */
async function refuseOrphans({ repository, prefix }: Session, tree: Oid, removed: ReadonlySet<string>): Promise<void> {
  if (removed.size === 0) return
  const files = (
    await Promise.all(['world/entities', MANIFEST_FILE].map((below) => repository.listFiles(tree, prefix + below)))
  ).flat()
  const blobs = await repository.readBlobs(new Set(files.filter(({ mode }) => isFile(mode)).map(({ oid }) => oid)))
  const needles = [...removed].map((id) => Buffer.from(JSON.stringify(id)))
  const units = unitsOf([])
  for (const { path, oid } of files) {
    const bytes = blobs.get(oid)
    if (bytes !== undefined && needles.some((needle) => Buffer.from(bytes).includes(needle)))
      addUnit(units, path.slice(prefix.length))
  }
  for (const { object, path } of (await readUnits(repository, tree, prefix, units)).objects.values()) {
    const blueprint = object.kind === 'entity' ? own(object.fields, 'blueprint') : undefined
    if (typeof blueprint !== 'string' || !removed.has(blueprint)) continue
    throw new SyncError(
      'invalid_files',
      `${path}: entity "${object.id}" names blueprint "${blueprint}", which this push removes.`,
      {
        hint: 'Keep the blueprint, or remove the entity or give it another.',
        data: { entity: object.id, blueprint },
      },
    )
  }
}

/** C5: a text that still has conflict markers in it is not sent, whatever git thinks of it. Throws `conflict_markers`. */
export async function refuseMarkers(session: Session, tree: Oid, paths: readonly string[]): Promise<void> {
  const { repository, prefix } = session
  const found = await Promise.all(
    paths.map(async (path) => {
      const { kind } = classify(path)
      const entry = kind === 'script' || kind === 'shared' ? await repository.lookup(tree, prefix + path) : undefined
      return entry === undefined || !isFile(entry.mode) ? [] : [{ path, oid: entry.oid }]
    }),
  )
  const files = found.flat()
  const blobs = await repository.readBlobs(files.map(({ oid }) => oid))
  for (const { path, oid } of files) {
    const place = findMarkers(blobs.get(oid)!)
    if (place === undefined) continue
    throw new SyncError(
      'conflict_markers',
      `${path}:${place.line}: conflict markers are in the file; nothing was sent.`,
      {
        exitCode: 2,
        hint: 'Settle what they stand around, commit, and push again.',
        data: { path, ...place },
      },
    )
  }
}

/**
 * P7: what must be asked, or expressly allowed, before anything is sent. `undone` are edits of the world that the push
 * undoes. Throws `mass_deletion`, `not_confirmed`.
 */
export async function guardPush(
  session: Session,
  operations: readonly PlannedOperation[],
  tip: Oid,
  options: PushOptions,
  undone: readonly UndoneEdit[] = [],
): Promise<void> {
  const removals = operations.filter(({ kind }) => kind.endsWith('.remove')).length
  if (removals > 0 && !options.allowMassDelete) {
    const total = (await objectsOf(session, tip)).length
    if (removals * 2 > total) {
      throw new SyncError('mass_deletion', `This push would delete ${removals} of the world's ${total} objects.`, {
        exitCode: 5,
        hint: 'If that is what you want, push with --allow-mass-delete.',
        data: { removals, objects: total },
      })
    }
  }
  const world = session.target.address.worldId ?? session.target.address.url
  if (undone.length > 0) {
    const edits = describeUndone(undone)
    if (!isDoubtful(undone)) session.context.progress.warn(`This push undoes ${edits}.`)
    else if (!(await options.confirm(`This push undoes ${edits}, taken in by an earlier pull. Push it?`))) {
      throw new SyncError('not_confirmed', `This push undoes ${edits}; it was not confirmed, and nothing was sent.`, {
        exitCode: 5,
        hint: 'Was a pull reverted? To push it all the same, confirm it, or pass --yes.',
        data: {
          undone: undone.map(({ key, path, by, commit }) => ({ object: key, field: fieldName(path), by, commit })),
        },
      })
    }
  }
  if (!session.target.confirm) return
  if (await options.confirm(`Push ${operations.length} operations to world "${world}"?`)) return
  throw new SyncError('not_confirmed', `The push to "${world}" was not confirmed; nothing was sent.`, {
    exitCode: 5,
    hint: 'Confirm it, or pass --yes where nobody can be asked.',
  })
}

/** One object put back by hand is somebody's wish; more than one, or a revert, may be a pull that was taken back. */
export function isDoubtful(undone: readonly UndoneEdit[]): boolean {
  return undone.some(({ reverted }) => reverted) || new Set(undone.map(({ key }) => key)).size > 1
}

/** How many edits are told one by one. */
const TOLD = 10

/** `builder's change of props.color of lamp-2`, of several by commas. */
export function describeUndone(undone: readonly UndoneEdit[]): string {
  const edits = new Set(
    undone.map(({ key, path, change, by }) => {
      const { id } = parseObjectKey(key)
      if (path.length > 0) return `${by}'s change of ${fieldName(path)} of ${id}`
      return change === undefined ? `${by}'s adding or removing ${id}` : `${by}'s ${change} of ${id}`
    }),
  )
  const more = edits.size > TOLD ? ` and ${edits.size - TOLD} more` : ''
  return `${[...edits].slice(0, TOLD).join(', ')}${more}`
}

/** P1: a closing merge that would touch uncommitted files stops the push before anything is sent. */
export async function refuseDirty(
  session: Session,
  branch: Branch,
  merge: WorldMerge,
  operations: readonly PlannedOperation[],
): Promise<void> {
  const { repository, prefix } = session
  const blocked = new Set(await wouldOverwrite(repository, branch.head, merge.tree!))
  // What is added comes back with the fields that the runtime fills in.
  const coming = operations
    .filter(({ kind }) => kind.endsWith('.add'))
    .flatMap(({ key }) => merge.objects.get(key)?.ours?.path ?? [])
    .map((path) => prefix + path)
  for (const path of await changedFiles(repository, branch.head, coming)) blocked.add(path)
  if (blocked.size === 0) return
  throw new SyncError(
    'local_changes',
    `The push would have to write to files with local changes: ${[...blocked].slice(0, 10).join(', ')}.`,
    {
      hint: 'Commit them, or push with --autostash. Nothing was sent.',
      data: { paths: [...blocked] },
    },
  )
}
