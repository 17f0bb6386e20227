import type { Oid } from '../git-bridge/repository.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { addUnit, unitsOf } from '../git-bridge/units.ts'
import { type ContestedObject, mergeWorlds, type WorldMerge } from '../git-bridge/world-merge.ts'
import { mapAssetUrls, parseAssetValue } from '../projection/asset-value.ts'
import { collectShared } from '../projection/imports.ts'
import { classify } from '../projection/paths.ts'
import { fromWire } from '../projection/wire.ts'
import type { Snapshot } from '../remote-runtime/remote-runtime.ts'
import { fieldName } from '../resolvers/fields.ts'
import { sameObject } from '../resolvers/object.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import { type ObjectKey, parseObjectKey, TEMPLATE_BLUEPRINTS, type WorldObject } from '../world/state.ts'
import { attributions } from './attribution.ts'
import { recoverAutostash, withAutostash } from './autostash.ts'
import { wouldOverwrite } from './check-out.ts'
import { type EncodedOperation, Encoder, urlsFor } from './encode.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { type HeldBack, holdBack, inHandOf, type Receiver } from './hold-back.ts'
import { type HeldLocks, takeLocks } from './locks.ts'
import { commitMerge, recoverMerge, requireIdentity } from './merge-commit.ts'
import { forgetOffers, loadOffers, saveOffers } from './offers.ts'
import { type PlannedOperation, planPush } from './plan.ts'
import { takeProcessLock } from './process-lock.ts'
import { baselineOf, countByAuthor, mergeMessage, objectsOf } from './pull.ts'
import { type RefusedOperation, type SendOutcome, sendBatches, sendCommands } from './send.ts'
import type { Session } from './session.ts'
import { type Branch, requireBranch } from './working-tree.ts'

export interface PushOptions {
  readonly dryRun: boolean
  readonly allowMassDelete: boolean
  readonly autostash: boolean
  /** Asked for targets that want confirmation (P7). */
  readonly confirm: (question: string) => Promise<boolean>
  /** Send one by one over the WebSocket even where the runtime takes batches. */
  readonly noBatch?: boolean
}

export type PushReport = {
  readonly fetched: FetchReport
  readonly branch: string
} & (
  | { readonly kind: 'up-to-date' }
  | { readonly kind: 'planned'; readonly operations: readonly PlannedOperation[] }
  /** Both sides changed these; nothing was sent (P1). */
  | { readonly kind: 'contested'; readonly contested: readonly ContestedObject[] }
  | {
      readonly kind: 'pushed'
      readonly operations: readonly PlannedOperation[]
      readonly landed: number
      readonly refused: readonly RefusedOperation[]
      /** What was not sent, or acknowledged and not kept: it stays to be pushed. */
      readonly held: readonly HeldBack[]
      /** HEAD after the closing merge. */
      readonly head: Oid
      /** The closing merge could not be made, though the push landed. */
      readonly open: SyncError | undefined
    }
)

/** How often a push begins anew because the world moved under it. */
const ATTEMPTS = 5

/**
 * Turns local commits into operations of the world (P1–P5). What is contested stops it before anything is sent; what
 * was sent is read back from the feed, and a merge commit records it on the branch (G6).
 */
export async function push(session: Session, options: PushOptions): Promise<PushReport> {
  const lock = await takeProcessLock(session.stateFolder, 'sync push')
  try {
    await recoverMerge(session)
    await recoverAutostash(session)
    const branch = await requireBranch(session)
    for (let attempt = 1; ; attempt++) {
      const report = await tryPush(session, branch, options, attempt)
      if (report.kind !== 'moved') return report
      if (attempt < ATTEMPTS) continue
      throw new SyncError(
        'world_busy',
        `The world changed ${ATTEMPTS} times while the push was on its way: ${report.fields.join(', ')}.`,
        {
          exitCode: 3,
          hint: 'Nothing was sent. Run "gamedev sync pull", then push again.',
          data: { fields: report.fields },
        },
      )
    }
  } finally {
    await lock.release()
  }
}

async function tryPush(
  session: Session,
  branch: Branch,
  options: PushOptions,
  attempt: number,
): Promise<PushReport | { readonly kind: 'moved'; readonly fields: readonly string[] }> {
  const { repository, context } = session
  const fetched = await fetchWorld(session)
  const report = { fetched, branch: branch.name }
  const base = await baselineOf(session, branch.head, fetched.tip)
  const merge = await mergeWorlds(repository, session.prefix, { base, ours: branch.head, theirs: fetched.tip })
  if (merge.outgoing.length === 0) return { ...report, kind: 'up-to-date' }
  if (merge.tree === undefined) return { ...report, kind: 'contested', contested: merge.contested }
  context.progress.step('Planning')
  const plan = await makePlan(session, merge, fetched, branch.head)
  if (plan.operations.length === 0) return { ...report, kind: 'up-to-date' }
  await checkEntities(session, merge.tree, plan.operations)
  if (options.dryRun) return { ...report, kind: 'planned', operations: plan.operations }
  const receiver = await receiverOf(session, options, attempt)
  const { operations, held } = holdBack(plan.operations, receiver)
  const pushed = { ...report, kind: 'pushed' as const, operations }
  if (operations.length === 0) return { ...pushed, landed: 0, refused: [], held, head: branch.head, open: undefined }
  await guard(session, operations, fetched.tip, options)
  await requireIdentity(session)
  if (!options.autostash) await refuseDirty(session, branch, merge, operations)

  const encoder = new Encoder(session, { sharedOid: (path) => plan.shared.get(path) }, true)
  const current = await readCurrent(session, operations, receiver.snapshot)
  if (current.kind === 'moved') return current
  const encoded: EncodedOperation[] = []
  for (const [index, operation] of operations.entries()) {
    encoded.push(await encoder.encode(operation, current.blueprints.get(operation.id)))
    if (index % 500 === 0) context.progress.step('Preparing', index, operations.length)
  }
  const locks = await takeLocks(
    session.runtime,
    encoded.flatMap(({ scope }) => (scope === undefined ? [] : [scope])),
  )
  let outcome: SendOutcome
  try {
    outcome = await send(session, encoded, current, locks, options)
  } catch (error) {
    // A runtime that does not take any more what it took before: look what it offers now, and begin anew.
    if (!current.remembered || !(error instanceof SyncError) || error.code !== 'invalid_response') throw error
    await forgetOffers(session)
    return { kind: 'moved', fields: ['capabilities'] }
  } finally {
    await locks.release()
  }
  if (outcome.kind === 'moved' && outcome.landed === 0) return outcome
  const refused = outcome.kind === 'sent' ? outcome.refused : []
  const { head, open, unkept } = await closePush(session, branch, options, operations, refused)
  const fresh = unkept.filter(({ key, field }) => !held.some((other) => other.key === key && other.field === field))
  return { ...pushed, landed: outcome.landed, refused, held: [...held, ...fresh], head, open }
}

/** The operations that a push would send; none while objects are contested. */
export async function previewPush(
  session: Session,
  merge: WorldMerge,
  fetched: FetchReport,
  head: Oid,
): Promise<readonly PlannedOperation[]> {
  return merge.tree === undefined || merge.outgoing.length === 0
    ? []
    : (await makePlan(session, merge, fetched, head)).operations
}

interface Plan {
  readonly operations: readonly PlannedOperation[]
  /** Shared modules of the merged tree. */
  readonly shared: ReadonlyMap<string, Oid>
}

async function makePlan(session: Session, merge: WorldMerge, fetched: FetchReport, head: Oid): Promise<Plan> {
  const { repository, prefix } = session
  const shared = new Map<string, Oid>()
  for (const file of await repository.listFiles(merge.tree!, `${prefix}shared`)) {
    shared.set(file.path.slice(`${prefix}shared/`.length), file.oid)
  }
  const redeploy = await findRedeployed(session, merge, shared)
  const attribute = await attributions(session, head, fetched.tip)
  const operations = planPush({
    worldId: fetched.worldId,
    cursor: fetched.cursor,
    objects: merge.objects,
    redeploy,
    attribute: (key, merged) => {
      const placed = merged?.ours ?? merged?.base ?? merged?.theirs
      return attribute(placed?.path, parseObjectKey(key).kind === 'blueprint')
    },
    scopeOf: (key) => merge.objects.get(key)?.ours?.path.split('/')[1],
  })
  return { operations, shared }
}

/**
 * Blueprints whose scripts must be sent though their own files did not change: a shared module that they import did, or
 * the root whose scripts they use (the runtime does not pass a root's scripts on to its variants).
 */
async function findRedeployed(
  session: Session,
  merge: WorldMerge,
  shared: ReadonlyMap<string, Oid>,
): Promise<ReadonlyMap<ObjectKey, WorldObject>> {
  const changedShared = new Set<string>()
  const changedRoots = new Set<string>()
  for (const [key, { theirs, merged }] of merge.objects) {
    const { kind, id } = parseObjectKey(key)
    if (kind === 'shared' && !sameObject(theirs?.object, merged)) changedShared.add(id)
    if (kind === 'blueprint' && theirs !== undefined && merged !== undefined && scriptsDiffer(theirs.object, merged))
      changedRoots.add(id)
  }
  const found = new Map<ObjectKey, WorldObject>()
  if (changedShared.size === 0 && changedRoots.size === 0) return found

  const units = unitsOf([])
  for (const file of await session.repository.listFiles(merge.tree!, `${session.prefix}apps`)) {
    addUnit(units, file.path.slice(session.prefix.length))
  }
  const apps = await readUnits(session.repository, merge.tree!, session.prefix, units)
  const texts = await sharedTexts(session, shared)
  for (const [key, { object }] of apps.objects) {
    if (merge.objects.get(key)?.theirs === undefined && merge.objects.has(key)) continue
    if (changedShared.size > 0 && (await importsAny(session, object, changedShared, texts))) {
      found.set(key, object)
      changedRoots.add(object.id)
    }
  }
  for (const [key, { object }] of apps.objects) {
    const ref = own(object.fields, 'scriptRef')
    if (
      typeof ref === 'string' &&
      changedRoots.has(ref) &&
      !(merge.objects.has(key) && merge.objects.get(key)!.theirs === undefined)
    ) {
      found.set(key, object)
    }
  }
  return found
}

function scriptsDiffer(a: WorldObject, b: WorldObject): boolean {
  const only = (object: WorldObject): WorldObject => ({
    ...object,
    fields: {
      scriptFiles: own(object.fields, 'scriptFiles') ?? null,
      scriptEntry: own(object.fields, 'scriptEntry') ?? null,
    },
  })
  return !sameObject(only(a), only(b))
}

async function sharedTexts(session: Session, shared: ReadonlyMap<string, Oid>): Promise<ReadonlyMap<string, string>> {
  const blobs = await session.repository.readBlobs(shared.values())
  return new Map([...shared].map(([path, oid]) => [path, new TextDecoder().decode(blobs.get(oid))]))
}

async function importsAny(
  session: Session,
  object: WorldObject,
  modules: ReadonlySet<string>,
  texts: ReadonlyMap<string, string>,
): Promise<boolean> {
  const files = own(object.fields, 'scriptFiles')
  if (!isJsonObject(files)) return false
  const entries = Object.entries(files).map(([path, value]) => ({
    path,
    oid: /^git-asset:([0-9a-f]+)/.exec(String(value))?.[1] as Oid | undefined,
  }))
  const known = entries.filter((entry): entry is { path: string; oid: Oid } => entry.oid !== undefined)
  const blobs = await session.repository.readBlobs(known.map(({ oid }) => oid))
  const sources = known.map(({ path, oid }) => ({
    path: `apps/app/${path}`,
    source: new TextDecoder().decode(blobs.get(oid)),
  }))
  return collectShared(sources, (path) => texts.get(path)).shared.some((path) => modules.has(path))
}

/** An entity must name a blueprint that is in the project. Throws `invalid_files`. */
async function checkEntities(session: Session, tree: Oid, operations: readonly PlannedOperation[]): Promise<void> {
  const named = new Map<string, PlannedOperation>()
  for (const operation of operations) {
    const blueprint = operation.kind.startsWith('entity') ? own(operation.after?.fields ?? {}, 'blueprint') : undefined
    if (typeof blueprint === 'string' && !TEMPLATE_BLUEPRINTS.has(blueprint)) named.set(blueprint, operation)
  }
  if (named.size === 0) return
  const units = unitsOf([])
  for (const file of await session.repository.listFiles(tree, `${session.prefix}apps`)) {
    const path = file.path.slice(session.prefix.length)
    if (classify(path).kind === 'blueprint') addUnit(units, path)
  }
  const apps = await readUnits(session.repository, tree, session.prefix, units)
  for (const [blueprint, operation] of named) {
    if (apps.objects.has(`blueprint:${blueprint}` as ObjectKey)) continue
    const placed = operation.key
    throw new SyncError(
      'invalid_files',
      `Entity "${operation.id}" names blueprint "${blueprint}", which does not exist.`,
      {
        hint: 'Correct the name, or add the blueprint below apps/.',
        data: { entity: operation.id, blueprint, key: placed },
      },
    )
  }
}

async function guard(
  session: Session,
  operations: readonly PlannedOperation[],
  tip: Oid,
  options: PushOptions,
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
  if (!session.target.confirm) return
  const world = session.target.address.worldId ?? session.target.address.url
  if (await options.confirm(`Push ${operations.length} operations to world "${world}"?`)) return
  throw new SyncError('not_confirmed', `The push to "${world}" was not confirmed; nothing was sent.`, {
    exitCode: 5,
    hint: 'Confirm it, or pass --yes where nobody can be asked.',
  })
}

/** P1: a closing merge that would touch uncommitted files stops the push before anything is sent. */
async function refuseDirty(
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
  if (coming.length > 0) {
    const changed = await repository.run(['diff-index', '--name-only', '-z', branch.head])
    const dirty = new Set(changed.stdout.toString('utf8').split('\0'))
    for (const path of coming) if (dirty.has(path)) blocked.add(path)
  }
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

interface Known extends Receiver {
  readonly snapshot: Snapshot | undefined
}

/**
 * Who receives the push. Batches carry expectations, so that a hand is noticed when it has moved something; before a
 * second try, and where there are no batches, a snapshot says who holds what.
 */
async function receiverOf(session: Session, options: PushOptions, attempt: number): Promise<Known> {
  const known = await loadOffers(session)
  const batch = options.noBatch !== true && known?.includes('ops.batch') === true
  if (batch && attempt === 1) return { inHand: new Set(), keepsUnknown: true, snapshot: undefined }
  const snapshot = await session.runtime.snapshot()
  const offered = snapshot.capabilities?.includes('ops.batch') === true && options.noBatch !== true
  return { inHand: inHandOf(snapshot.entities), keepsUnknown: offered, snapshot }
}

type Current =
  | {
      readonly kind: 'current'
      readonly batch: boolean
      /** Whether `batch` is what the runtime said earlier. */
      readonly remembered: boolean
      readonly blueprints: ReadonlyMap<string, JsonObject>
    }
  | { readonly kind: 'moved'; readonly fields: readonly string[] }

/**
 * What the runtime offers, and the blueprints of the plan as it holds them now: their versions, and the URLs of their
 * scripts, which no file tells.
 */
async function readCurrent(
  session: Session,
  operations: readonly PlannedOperation[],
  taken: Snapshot | undefined,
): Promise<Current> {
  const { runtime, assets } = session
  const known = await loadOffers(session)
  // Files tell all that an entity's change needs; a snapshot of the whole world for it is not worth its time.
  if (taken === undefined && known !== undefined && operations.every(isPlain)) {
    return { kind: 'current', batch: known.includes('ops.batch'), remembered: true, blueprints: new Map() }
  }
  const snapshot = taken ?? (await runtime.snapshot())
  await saveOffers(session, snapshot.capabilities ?? [])
  const batch = snapshot.capabilities?.includes('ops.batch') === true
  const byId = {
    blueprint: new Map(snapshot.blueprints.map((object) => [String(object.id), object])),
    entity: new Map(snapshot.entities.map((object) => [String(object.id), object])),
  }
  await assets.ensure(urlsFor(operations, (kind, id) => byId[kind].get(id)))
  const moved: string[] = []
  for (const operation of operations) {
    if (!operation.scripts || operation.before === undefined) continue
    const wire = byId.blueprint.get(operation.id)
    const read = wire === undefined ? undefined : fromWire('blueprint', wire, (url) => assets.valueOf(url))
    if (read?.kind !== 'ok' || scriptsDiffer(read.object, operation.before)) moved.push(`${operation.id}.scriptFiles`)
  }
  if (moved.length > 0) return { kind: 'moved', fields: moved }
  return { kind: 'current', batch, remembered: false, blueprints: byId.blueprint }
}

/** An operation on nothing but plain values: no blueprint whose version matters, no asset whose URL must be known. */
function isPlain({ kind, before, after }: PlannedOperation): boolean {
  if (kind.startsWith('blueprint')) return false
  let plain = true
  for (const object of [before, after]) {
    if (object?.kind !== 'entity') continue
    mapAssetUrls('entity', object.fields, (value) => {
      if (parseAssetValue(value) !== undefined) plain = false
      return value
    })
  }
  return plain
}

async function send(
  session: Session,
  encoded: readonly EncodedOperation[],
  current: Extract<Current, { kind: 'current' }>,
  locks: HeldLocks,
  options: PushOptions,
): Promise<SendOutcome> {
  const { runtime, context } = session
  if (current.batch && options.noBatch !== true) return sendBatches(runtime, encoded, locks, context.progress)
  const versions = new Map<string, number>()
  for (const [id, blueprint] of current.blueprints) {
    if (typeof blueprint.version === 'number') versions.set(id, blueprint.version)
  }
  return sendCommands(runtime, encoded, versions, locks, context.progress)
}

/** Ends a push like a pull: the feed's echo extends the line, and a merge commit records what landed where (G6). */
async function closePush(
  session: Session,
  branch: Branch,
  options: PushOptions,
  sent: readonly PlannedOperation[],
  refused: readonly RefusedOperation[],
): Promise<{ readonly head: Oid; readonly open: SyncError | undefined; readonly unkept: readonly HeldBack[] }> {
  const { repository } = session
  const fetched = await fetchWorld(session)
  const base = await baselineOf(session, branch.head, fetched.tip)
  let unkept: readonly HeldBack[] = []
  try {
    const merge = await mergeWorlds(repository, session.prefix, { base, ours: branch.head, theirs: fetched.tip })
    if (merge.tree === undefined) {
      const names = merge.contested.map(({ key }) => key).join(', ')
      throw new SyncError('contested', `Somebody changed ${names} while the push was on its way.`, {
        exitCode: 2,
        hint: 'Run "gamedev sync pull" to see the fields.',
      })
    }
    // Acknowledged is not kept: what still differs for the objects that were sent did not land (G6).
    const known = new Set(refused.map(({ operation }) => operation.planned.key))
    const keys = new Set(sent.map(({ key }) => key).filter((key) => !known.has(key)))
    unkept = (await previewPush(session, merge, fetched, branch.head))
      .filter(({ key }) => keys.has(key))
      .flatMap(({ key, changes, kind }) =>
        (changes.length === 0 ? [kind] : changes.map(({ path }) => fieldName(path))).map((field) => ({
          key,
          field,
          reason: 'the runtime acknowledged it and holds another value',
        })),
      )
    if (base === fetched.tip) return { head: branch.head, open: undefined, unkept }
    const byAuthor = await countByAuthor(session, base, fetched.tip)
    const planned = {
      branch: branch.name,
      head: branch.head,
      tip: fetched.tip,
      tree: merge.tree,
      message: mergeMessage(fetched, byAuthor),
    }
    const commit = () => commitMerge(session, planned)
    return { head: options.autostash ? await withAutostash(session, commit) : await commit(), open: undefined, unkept }
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    return { head: branch.head, open: error, unkept }
  }
}
