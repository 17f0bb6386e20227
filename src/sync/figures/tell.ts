import type { Oid } from '../../git-bridge/repository.ts'
import type { ContestedObject, ResolvedObject } from '../../git-bridge/world-merge.ts'
import { own } from '../../world/json.ts'
import type { WorldObject } from '../../world/state.ts'
import type { ConflictArtifact } from '../conflict-artifact.ts'
import { contestedName } from '../contested-name.ts'
import type { HeldBack } from '../hold-back.ts'
import type { PlannedOperation } from '../plan.ts'
import type { OperationFacts, Report } from './event.ts'

/** Facts that the pure layers return, told as events. `since` is the baseline of the merge that found them. */

export function tellResolved(report: Report, resolved: readonly ResolvedObject[], since: Oid | undefined): void {
  for (const { key, fields } of resolved) {
    for (const { path, by } of fields) {
      report.tell({ kind: 'auto-resolved', object: key, field: contestedName(path), mode: by, since })
    }
  }
}

/** Conflicts that a merge left open. */
export function tellConflicts(
  report: Report,
  conflicts: readonly ConflictArtifact[],
  since: Oid | undefined,
  as: 'shown' | 'kept',
): void {
  for (const { id, object, uid, fields } of conflicts) {
    const names = fields.map(({ field }) => field)
    report.tell({ kind: 'contested', by: 'merge', object, uid, fields: names, since, id, as })
  }
}

/** What stopped a push. */
export function tellContested(
  report: Report,
  contested: readonly ContestedObject[],
  since: Oid | undefined,
  by: 'push' | 'promote',
): void {
  for (const { key, fields, sides } of contested) {
    const uid = uidOf(sides.theirs?.object) ?? uidOf(sides.ours?.object)
    const names = fields.map(({ path }) => contestedName(path))
    report.tell({ kind: 'contested', by, object: key, uid, fields: names, since })
  }
}

export function tellHeld(report: Report, held: readonly HeldBack[], since: Oid | undefined): void {
  for (const { key, field, reason, why } of held) {
    report.tell({ kind: 'held-back', object: key, field, why, reason, since })
  }
}

export function tellPlan(report: Report, operations: readonly PlannedOperation[]): void {
  for (const operation of operations) report.tell({ kind: 'planned', ...factsOf(operation) })
}

export function factsOf({ key, opId, kind, before, after }: PlannedOperation): OperationFacts {
  return { object: key, uid: uidOf(before) ?? uidOf(after), op: opId, does: kind }
}

function uidOf(object: WorldObject | undefined): string | undefined {
  const uid = object && own(object.fields, 'uid')
  return typeof uid === 'string' ? uid : undefined
}
