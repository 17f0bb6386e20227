import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { withAutostash } from './autostash.ts'
import { rememberSeen } from './baseline.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import type { FetchReport } from './fetch.ts'
import { tellConflicts, tellResolved } from './figures/tell.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { commitMerge } from './merge-commit.ts'
import type { Session } from './session.ts'
import type { Branch } from './working-tree.ts'

/** A merge of a branch with the world's tip, worked out and not yet made. */
export interface ReadyMerge {
  readonly branch: Branch
  readonly fetched: FetchReport
  /** The baseline. */
  readonly base: Oid
  /** Made with labels for conflicted files, so that it is either clean or has its conflict written. */
  readonly merge: WorldMerge
  readonly message: string
  /** What the branch was merged with, where that is not the tip: the line before a loss (G11). */
  readonly theirs?: Oid
}

/** What became of a merge; `conflicts` are open in git where it is contested, else kept open by its commit (C6). */
export interface FinishedMerge {
  readonly kind: 'merged' | 'contested'
  readonly head: Oid
  readonly conflicts: readonly ConflictArtifact[]
}

/**
 * Makes the commit of a merge, or leaves it open with its conflicts (C1); where conflicts are not strict, the commit
 * keeps them open (C6). How pull and push both end (G6).
 *
 * Throws what {@link commitMerge} throws.
 */
export async function finishMerge(
  session: Session,
  ready: ReadyMerge,
  options: { readonly autostash: boolean },
): Promise<FinishedMerge> {
  const { repository } = session
  const { branch, fetched, merge, message } = ready
  const { head } = branch
  const tree = merge.tree ?? merge.conflict!.keptTree
  const planned = { branch: branch.name, head, tip: fetched.tip, message }
  const told = (finished: FinishedMerge): FinishedMerge => {
    const { report } = session
    tellResolved(report, merge.resolved, ready.base)
    tellConflicts(report, finished.conflicts, ready.base, finished.kind === 'contested' ? 'shown' : 'kept')
    report.tell({ kind: 'merged', as: finished.kind, head: finished.head, cursor: fetched.cursor })
    if (finished.kind === 'merged') report.tell({ kind: 'lag', cursor: fetched.cursor, taken: fetched.cursor })
    return finished
  }
  const work = async (): Promise<FinishedMerge> => {
    const { conflicts, edits } = await openOnes(session, ready, tree)
    const seen = await rememberSeen(session, head, fetched.tip)
    const whole = (from: Oid) => repository.writeTree(from, [...edits, ...seen])
    if (merge.conflict !== undefined && session.switches.strictConflicts) {
      const { leaveConflicts } = await import('./leave-conflicts.ts')
      await leaveConflicts(session, { ...planned, tree: await whole(merge.conflict.tree) }, merge.conflict, conflicts)
      return told({ kind: 'contested', head, conflicts })
    }
    return told({
      kind: 'merged',
      head: await commitMerge(session, { ...planned, tree: await whole(tree) }),
      conflicts,
    })
  }
  return options.autostash ? withAutostash(session, work, ({ kind }) => kind === 'contested') : work()
}

/** The conflicts of a merge, and what becomes of those that commits keep open (C6): mostly there are none of either. */
async function openOnes(
  session: Session,
  { branch, fetched, base, merge, theirs = fetched.tip }: ReadyMerge,
  tree: Oid,
): Promise<{ readonly conflicts: readonly ConflictArtifact[]; readonly edits: readonly TreeEdit[] }> {
  const { head } = branch
  const known = await session.repository.lookup(head, session.prefix + KEPT_FOLDER)
  if (merge.conflict === undefined && known === undefined) return { conflicts: [], edits: [] }
  const [{ keptEdits }, { describeConflicts }] = await Promise.all([
    import('./kept-conflicts.ts'),
    import('./leave-conflicts.ts'),
  ])
  const said = { ...fetched, tip: theirs }
  const described = merge.conflict === undefined ? [] : await describeConflicts(session, merge, said, head, base)
  // Whatever it was described by, it is the line's tip that is being merged.
  const conflicts = described.map((conflict) => ({ ...conflict, remote: fetched.tip }))
  const as = session.switches.strictConflicts ? 'shown' : 'kept'
  const edits = await keptEdits(session, { head, tree, tip: theirs }, conflicts, as)
  return { conflicts, edits }
}
