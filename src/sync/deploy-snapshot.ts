import { randomUUID } from 'node:crypto'
import type { Oid } from '../git-bridge/repository.ts'
import { oneLine } from '../git-bridge/trailers.ts'
import { SyncError } from '../world/errors.ts'
import { own } from '../world/json.ts'
import { rememberSnapshots, type SnapshotRecord } from './deploy-snapshot-list.ts'
import type { HeldLocks } from './locks.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'

/** A deploy snapshot that the runtime took: of some blueprints, under the lock of a scope. */
export interface TakenSnapshot {
  readonly id: string
  readonly scope: string
  /** Blueprints in it. */
  readonly count: number
}

export interface TakeOptions {
  /** What is about to replace the scripts; by default the branch and its newest commit, as `main@1a2b3c4d subject`. */
  readonly note?: string
}

/**
 * Has the runtime keep the blueprints whose scripts are about to be replaced, as they are now, so that `sync rollback`
 * can put them back (protocol, section 6): one snapshot for each lock that is held. To be called under those locks,
 * before anything is sent. Nothing of it ever fails a push: a runtime without snapshots takes none, and one that
 * refuses is named in a warning.
 */
export async function takeDeploySnapshots(
  session: Session,
  locks: HeldLocks,
  operations: readonly PlannedOperation[],
  options: TakeOptions = {},
): Promise<readonly TakenSnapshot[]> {
  const scopes = idsByScope(locks, operations)
  if (scopes.size === 0) return []
  const { runtime, context, repository, target } = session
  const head = await repository.resolve('HEAD')
  const note = oneLine(options.note ?? (await noteOf(session, head)))
  const taken: SnapshotRecord[] = []
  const deploy = randomUUID()
  for (const [scope, ids] of [...scopes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const lockToken = locks.tokenFor(scope)
    if (lockToken === undefined) continue
    const request = { ids, target: target.name ?? target.address.url, note, lockToken, scope }
    const outcome = await runtime.deploySnapshot(request).catch((error: unknown) => {
      if (context.signal?.aborted === true || !(error instanceof SyncError)) throw error
      return { kind: 'refused' as const, error: error.message }
    })
    if (outcome.kind === 'unsupported') break
    if (outcome.kind === 'refused') {
      context.progress.warn(
        `No deploy snapshot of scope "${scope}" was taken (${outcome.error}): "sync rollback" cannot undo this push there.`,
      )
      continue
    }
    const at = {
      deploy,
      commit: head,
      line: await repository.readRef(session.ref),
      note,
      time: new Date().toISOString(),
    }
    taken.push({ id: outcome.id, scope, ids, ...at, rolledBack: undefined })
  }
  if (taken.length > 0) await rememberSnapshots(session, taken)
  return taken.map(({ id, scope, ids }) => ({ id, scope, count: ids.length }))
}

/** The blueprints whose scripts are replaced, by the scope of the lock that covers them. */
function idsByScope(locks: HeldLocks, operations: readonly PlannedOperation[]): ReadonlyMap<string, readonly string[]> {
  const scopes = new Map<string, Set<string>>()
  const global = Object.hasOwn(locks.tokens, 'global')
  for (const { kind, id, before, after, scripts } of operations) {
    if (kind !== 'blueprint.update' || !scripts) continue
    const said = own(before?.fields ?? {}, 'scope') ?? own(after?.fields ?? {}, 'scope')
    const scope = global ? 'global' : said
    if (typeof scope !== 'string') continue
    scopes.set(scope, (scopes.get(scope) ?? new Set()).add(id))
  }
  return new Map([...scopes].map(([scope, ids]) => [scope, [...ids].sort()]))
}

async function noteOf({ repository }: Session, head: Oid | undefined): Promise<string> {
  if (head === undefined) return ''
  const [branch, commit] = await Promise.all([repository.branch(), repository.readCommit(head)])
  const name = branch?.replace(/^refs\/heads\//, '') ?? 'HEAD'
  return `${name}@${head.slice(0, 8)} ${commit.message.split('\n', 1)[0] ?? ''}`
}
