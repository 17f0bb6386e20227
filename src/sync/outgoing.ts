import type { Oid } from '../git-bridge/repository.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import { type Attributed, attributions } from './attribution.ts'
import type { FetchReport } from './fetch.ts'
import { holdKept } from './hold-kept.ts'
import { owedScripts } from './owed-scripts.ts'
import { type Attribution, type PlanInput, type PlannedOperation, planPush } from './plan.ts'
import { findRedeployed } from './redeploy.ts'
import type { Session } from './session.ts'

/** The operations that a push would send; none while objects are contested, none of what is held back (C6). */
export async function previewPush(
  session: Session,
  merge: WorldMerge,
  fetched: FetchReport,
  head: Oid,
): Promise<readonly PlannedOperation[]> {
  if (merge.tree === undefined) return []
  if (merge.outgoing.length === 0 && (await owedScripts(session)).size === 0) return []
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
  const redeploy = await findRedeployed(session, merge, shared, await owedScripts(session))
  const plan = (attribute: PlanInput['attribute']) =>
    planPush({
      worldId: fetched.worldId,
      cursor: fetched.cursor,
      objects: merge.objects,
      redeploy,
      attribute,
      scopeOf: (key) => merge.objects.get(key)?.ours?.path.split('/')[1],
    })
  // Mostly few of the changed objects are still to be sent, after a push none: only these are looked up in the history.
  const nobody: Attribution = { commit: head, actor: '' }
  const keys = new Set(plan(() => nobody).map(({ key }) => key))
  if (keys.size === 0) return { operations: [], shared }
  const wanted = [...keys].map((key): Attributed => ({ key, path: placeOf(key, merge) }))
  const attribute = await attributions(session, head, fetched.tip, wanted)
  return { operations: plan(attribute), shared }
}

/** The file in which our side says what an object is, or said it before it was removed. */
function placeOf(key: ObjectKey, merge: WorldMerge): string | undefined {
  const { ours, base, theirs } = merge.objects.get(key) ?? {}
  const path = (ours ?? base ?? theirs)?.path
  // A blueprint's is in its app, an entity's by itself; a manifest has all the rest.
  const isBlueprint = parseObjectKey(key).kind === 'blueprint'
  return path === undefined || path === MANIFEST_FILE || isBlueprint === (classify(path).kind === 'blueprint')
    ? path
    : undefined
}
