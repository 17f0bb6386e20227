import { convertLayout } from '../git-bridge/convert-layout.ts'
import { layoutAt } from '../git-bridge/layout.ts'
import type { Oid, Repository } from '../git-bridge/repository.ts'
import { type ContestedObject, mergeWorlds, type WorldMerge } from '../git-bridge/world-merge.ts'
import { DEFAULT_POLICY, withoutOwners } from '../resolvers/policy.ts'
import type { RevertedCommit } from './revert-commits.ts'
import type { Session } from './session.ts'
import { settledFor } from './settle-by-policy.ts'

/** Fields of one commit that cannot be undone, because they were changed since. */
export interface NotUndone {
  readonly commit: RevertedCommit
  /** Of each field: `base` is what the commit wrote, `ours` what it would go back to, `theirs` what the world holds. */
  readonly contested: readonly ContestedObject[]
}

export interface RevertMerge {
  /** From the world as it is to the world without these commits; undefined when there is no difference. */
  readonly merge: (WorldMerge & { readonly tree: Oid }) | undefined
  readonly notUndone: readonly NotUndone[]
}

/**
 * Undoes commits of the line in memory, newest first, as `git revert` does: each is a merge with the commit itself for
 * the base, its parent for our side and the world for theirs. What operations wrote since counts by its value alone:
 * who put back what the commit wrote would have it undone like the commit. Nobody owns a field here, because neither
 * side is a project.
 *
 * `partial` undoes what can be undone of a commit; else it is left out as a whole.
 */
export async function mergeReverts(
  session: Session,
  tip: Oid,
  commits: readonly RevertedCommit[],
  options: { readonly partial: boolean },
): Promise<RevertMerge> {
  const { repository, prefix, lobby } = session
  const policy = withoutOwners(lobby?.policy ?? DEFAULT_POLICY)
  const notUndone: NotUndone[] = []
  let current = tip
  for (const commit of commits) {
    // Merged against what the tip contains, there are no later operations to be read: the values decide.
    const [wrote, before] = await Promise.all(
      [commit.oid, commit.parent].map((side) => inLayoutOf(repository, prefix, side, current)),
    )
    const base = await unnamedCommit(repository, wrote!, [current])
    const sides = { base, ours: before!, theirs: current }
    let undone = await mergeWorlds(repository, prefix, sides, { policy })
    if (undone.contested.length > 0) {
      notUndone.push({ commit, contested: undone.contested })
      if (!options.partial) continue
      undone = await mergeWorlds(repository, prefix, sides, { policy: settledFor(policy, undone.contested, 'runtime') })
    }
    if (undone.tree !== undefined) current = await unnamedCommit(repository, undone.tree, [current], tip)
  }
  const [was, is] = await Promise.all([repository.readCommit(tip), repository.readCommit(current)])
  if (was.tree === is.tree) return { merge: undefined, notUndone }
  const merge = await mergeWorlds(repository, prefix, { base: tip, ours: current, theirs: tip }, { policy })
  const { tree } = merge
  if (tree === undefined) return { merge: undefined, notUndone: [...notUndone, ...leftDangling(commits, merge)] }
  return { merge: merge.outgoing.length === 0 ? undefined : { ...merge, tree }, notUndone }
}

/** What only all of them together would leave dangling (M6). */
function leftDangling(commits: readonly RevertedCommit[], { contested }: WorldMerge): readonly NotUndone[] {
  return contested.flatMap((object) => {
    const commit = commits.find((one) => one.object === object.key) ?? commits[0]
    return commit === undefined ? [] : [{ commit, contested: [object] }]
  })
}

/**
 * A commit that no ref will ever name, to be merged with: the tree of `treeish`, and parents that say what its side has
 * seen. The same arguments give the same commit; it is dated like `like`.
 */
export async function unnamedCommit(
  repository: Repository,
  treeish: Oid,
  parents: readonly Oid[],
  like: Oid = treeish,
): Promise<Oid> {
  const [found, { committer }] = await Promise.all([repository.lookup(treeish, ''), repository.readCommit(like)])
  const by = { ...committer, name: 'gamedev sync', email: 'sync@gamedev.lobby' }
  return repository.writeCommit({ tree: found!.oid, parents, author: by, committer: by, message: 'merged in memory\n' })
}

/** A commit, or one that no ref will ever name that says the same by the files of another's layout (G8). */
export async function inLayoutOf(repository: Repository, prefix: string, commit: Oid, other: Oid): Promise<Oid> {
  const [is, wanted] = await Promise.all([commit, other].map((side) => layoutAt(repository, side, prefix)))
  if (is === undefined || wanted === undefined || is === wanted) return commit
  const { edits } = await convertLayout(repository, commit, prefix, wanted, { like: other })
  const { tree } = await repository.readCommit(commit)
  return unnamedCommit(repository, await repository.writeTree(tree, edits), [commit], commit)
}
