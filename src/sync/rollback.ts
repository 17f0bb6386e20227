import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { classify } from '../projection/paths.ts'
import { diffObjects, type FieldChange } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import { listSnapshots, markRolledBack, type SnapshotRecord } from './deploy-snapshot-list.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { takeLocks } from './locks.ts'
import { takeProcessLock } from './process-lock.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'
import { isOurs } from './undone.ts'

export interface RollbackOptions {
  /** A deploy snapshot's id; by default those of the newest push from here that was not rolled back yet. */
  readonly snapshot?: string | undefined
  readonly dryRun: boolean
  /** How long to wait for a deploy lock that somebody holds, in milliseconds. */
  readonly waitLockMs?: number
  /** Asked with the plan before anything is sent. */
  readonly confirm: (plan: RollbackPlan) => Promise<boolean>
}

/** A snapshot to be rolled back to. What was not taken from here is known by its id alone. */
export type WantedSnapshot = Pick<SnapshotRecord, 'id' | 'scope'> & Partial<SnapshotRecord>

/** One blueprint, and what becomes of its fields. */
export interface BlueprintChange {
  readonly key: ObjectKey
  readonly changes: readonly FieldChange[]
}

/** What somebody in the world did to these blueprints since the snapshot, and that a rollback undoes as well. */
export interface LaterEdit {
  readonly commit: Oid
  readonly object: string
  readonly actor: string
}

export interface RollbackPlan {
  readonly world: string
  readonly snapshots: readonly WantedSnapshot[]
  /** As far as the line tells; empty for snapshots that were not taken from here. */
  readonly changes: readonly BlueprintChange[]
  readonly later: readonly LaterEdit[]
}

export type RollbackReport = { readonly fetched: FetchReport; readonly plan: RollbackPlan } & (
  | { readonly kind: 'planned' }
  | {
      readonly kind: 'rolled-back'
      /** Ids of blueprints. */
      readonly restored: readonly string[]
      readonly failed: readonly string[]
      /** What changed in the world, read from the line. */
      readonly changes: readonly BlueprintChange[]
    }
)

/**
 * Has the runtime put blueprints back to what a deploy snapshot holds (protocol, section 6), under the locks of their
 * scopes, and fetches what it did: operations of the world like any other. The branch is not touched; it holds the new
 * scripts still, and the next pull brings the old ones, unless the branch changed them further. A push sends nothing of
 * it: the world alone changed since.
 *
 * Throws `no_snapshot`, `unknown_snapshot`, `no_deploy_snapshots`, `not_confirmed`, `deploy_locked`, `rollback_refused`.
 */
export async function rollback(session: Session, options: RollbackOptions): Promise<RollbackReport> {
  if (!options.dryRun) requireBidirectional(session.switches, 'sync rollback')
  const lock = await takeProcessLock(session, 'sync rollback')
  try {
    const snapshots = await chooseSnapshots(session, options.snapshot)
    const before = await fetchWorld(session)
    const plan = { world: before.worldId, snapshots, ...(await preview(session, snapshots, before.tip)) }
    if (options.dryRun) return { kind: 'planned', fetched: before, plan }
    if (!(await options.confirm(plan))) {
      throw new SyncError('not_confirmed', `The rollback of world "${before.worldId}" was not confirmed.`, {
        exitCode: 5,
        hint: 'Nothing was changed. Confirm it, or pass --yes where nobody can be asked.',
      })
    }
    const { restored, failed } = await perform(session, snapshots, options.waitLockMs ?? 0)
    const fetched = await fetchWorld(session)
    const keys = new Set([...restored, ...failed].map((id) => objectKey('blueprint', id)))
    const changes = await blueprintChanges(session, before.tip, fetched.tip, keys)
    return { kind: 'rolled-back', fetched, plan, restored, failed, changes }
  } finally {
    await lock.release()
  }
}

async function chooseSnapshots(session: Session, id: string | undefined): Promise<readonly WantedSnapshot[]> {
  const known = await listSnapshots(session)
  if (id !== undefined) {
    const record = known.find((one) => one.id === id)
    // Nobody tells the scope of a snapshot that others took: the global lock covers every one.
    return [record ?? { id, scope: 'global' }]
  }
  const newest = known.find(({ rolledBack }) => rolledBack === undefined)
  if (newest === undefined) {
    throw new SyncError('no_snapshot', 'No push from here left a deploy snapshot that could be rolled back to.', {
      hint: 'Name a snapshot by its id, or undo commits of the world with "gamedev sync revert".',
    })
  }
  return known.filter(({ deploy, rolledBack }) => deploy === newest.deploy && rolledBack === undefined)
}

/** Asks the runtime, snapshot by snapshot, under all their locks. */
async function perform(
  session: Session,
  snapshots: readonly WantedSnapshot[],
  waitMs: number,
): Promise<{ readonly restored: readonly string[]; readonly failed: readonly string[] }> {
  const { runtime, target, context } = session
  const restored: string[] = []
  const failed: string[] = []
  const locks = await takeLocks(
    runtime,
    snapshots.map(({ scope }) => scope),
    { waitMs, say: (text) => context.progress.warn(text), signal: context.signal, report: session.report },
  )
  try {
    for (const { id, scope } of snapshots) {
      const outcome = await runtime.rollbackDeploy({ id, scope, lockToken: locks.tokenFor(scope)! })
      switch (outcome.kind) {
        case 'rolled-back':
          restored.push(...outcome.restored)
          failed.push(...outcome.failed)
          if (outcome.failed.length === 0) await markRolledBack(session, [id], new Date().toISOString())
          break
        case 'unsupported':
          throw new SyncError(
            'no_deploy_snapshots',
            `The runtime at ${target.address.url} keeps no deploy snapshots.`,
            {
              hint: 'Undo what was pushed with "gamedev sync revert <commit>".',
            },
          )
        case 'missing':
          throw new SyncError('unknown_snapshot', `The runtime has no deploy snapshot "${id}".`, {
            hint: 'Undo what was pushed with "gamedev sync revert <commit>".',
            data: { snapshot: id, restored },
          })
        case 'refused':
          throw new SyncError(
            'rollback_refused',
            `The runtime refused to roll back to "${id}" (scope "${scope}"): ${outcome.error}.`,
            {
              exitCode: outcome.lock === undefined ? 1 : 3,
              hint: 'Look at "gamedev sync log" for what it did so far.',
              data: { snapshot: id, scope, error: outcome.error, restored },
            },
          )
      }
    }
  } finally {
    await locks.release()
  }
  return { restored, failed }
}

/** What a rollback would change, told from the line: what the blueprints were when the snapshots were taken. */
async function preview(
  session: Session,
  snapshots: readonly WantedSnapshot[],
  tip: Oid,
): Promise<Pick<RollbackPlan, 'changes' | 'later'>> {
  const { repository } = session
  const changes: BlueprintChange[] = []
  const later = new Map<Oid, LaterEdit>()
  const head = await repository.resolve('HEAD')
  for (const { line, ids = [] } of snapshots) {
    if (line === undefined || !(await repository.hasObject(line))) continue
    const keys = new Set(ids.map((id) => objectKey('blueprint', id)))
    changes.push(...(await blueprintChanges(session, tip, line, keys)))
    for await (const commit of repository.log({ include: [tip], exclude: [line] })) {
      const trailers = readTrailers(commit)
      if (trailers === undefined || !keys.has(trailers.object as ObjectKey)) continue
      if (trailers.source === 'admin.rollback') continue
      if (head !== undefined && (await isOurs(repository, trailers.source, head))) continue
      later.set(commit.oid, { commit: commit.oid, object: trailers.object, actor: commit.author.name })
    }
  }
  return { changes, later: [...later.values()] }
}

/** How some blueprints differ between two commits of the line; reads only the app folders that differ. */
async function blueprintChanges(
  session: Session,
  before: Oid,
  after: Oid,
  keys: ReadonlySet<ObjectKey>,
): Promise<readonly BlueprintChange[]> {
  const { repository, prefix } = session
  const differing = await repository.diffTrees(before, after, prefix === '' ? undefined : prefix.slice(0, -1))
  const paths = differing.map(({ path }) => path.slice(prefix.length))
  const units = unitsOf(paths.filter((path) => ['blueprint', 'script'].includes(classify(path).kind)))
  const [was, is] = await Promise.all([
    readUnits(repository, before, prefix, units),
    readUnits(repository, after, prefix, units),
  ])
  return [...keys].sort().flatMap((key) => {
    const changes = diffObjects(was.objects.get(key)?.object, is.objects.get(key)?.object).filter(
      ({ path }) => path[0] !== 'uid',
    )
    return changes.length === 0 ? [] : [{ key, changes }]
  })
}
