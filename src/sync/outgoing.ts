import type { Oid } from '../git-bridge/repository.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { parseObjectKey } from '../world/state.ts'
import { attributions } from './attribution.ts'
import type { FetchReport } from './fetch.ts'
import { holdKept } from './hold-kept.ts'
import { type PlannedOperation, planPush } from './plan.ts'
import { findRedeployed } from './redeploy.ts'
import type { Session } from './session.ts'

/** The operations that a push would send; none while objects are contested, none of what is held back (C6). */
export async function previewPush(
  session: Session,
  merge: WorldMerge,
  fetched: FetchReport,
  head: Oid,
): Promise<readonly PlannedOperation[]> {
  if (merge.tree === undefined || merge.outgoing.length === 0) return []
  const { operations } = await makePlan(session, merge, fetched, head)
  return (await holdKept(session, head, operations)).operations
}

/** A push, worked out. */
export interface Outgoing {
  readonly operations: readonly PlannedOperation[]
  /** Shared modules of the merged tree. */
  readonly shared: ReadonlyMap<string, Oid>
}

/** Works out the operations that turn the world's state into the merged one. */
export async function makePlan(
  session: Session,
  merge: WorldMerge,
  fetched: FetchReport,
  head: Oid,
): Promise<Outgoing> {
  const { repository, prefix } = session
  const shared = new Map<string, Oid>()
  for (const file of await repository.listFiles(merge.tree!, `${prefix}shared`)) {
    // A link is no module, wherever it points to (S1).
    if (file.mode === '120000' || file.mode === '160000') continue
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
