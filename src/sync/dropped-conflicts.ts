import type { Oid } from '../git-bridge/repository.ts'
import { keptConflicts } from './kept-conflicts.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'
import { isRevert, type UndoneEdit } from './undone.ts'

/** How far back the branch is looked at for reverts, in commits. */
const LOOK_BACK = 100

/**
 * Conflicts that a `git revert` of their pull took out of the branch (C6): nobody settled them, and our value is about to
 * replace the world's (P7). Only reverts among the latest commits of the branch since the tip are looked at.
 */
export async function findDropped(
  session: Session,
  operations: readonly PlannedOperation[],
  { head, tip }: { readonly head: Oid; readonly tip: Oid },
): Promise<readonly UndoneEdit[]> {
  const { repository, prefix } = session
  const planned = new Set(operations.map(({ key }) => key))
  const dropped: UndoneEdit[] = []
  const walk = { include: [head], exclude: [tip], firstParent: true, limit: LOOK_BACK }
  for await (const commit of repository.log(walk)) {
    const parent = commit.parents[0]
    if (parent === undefined || !isRevert(commit)) continue
    const changes = await repository.diffTrees(parent, commit.oid, prefix + KEPT_FOLDER)
    const gone = new Set(changes.filter(({ after }) => after === undefined).map(({ path }) => path))
    if (gone.size === 0) continue
    for (const [path, { object, fields }] of await keptConflicts(session, parent)) {
      if (!gone.has(prefix + path) || !planned.has(object)) continue
      for (const field of fields) {
        if (field.status !== 'open') continue
        const by = field.remoteBy?.name ?? 'somebody'
        dropped.push({ key: object, path: field.path, by, commit: commit.oid, reverted: true })
      }
    }
  }
  return dropped
}
