import type { Oid } from '../../../../src/git-bridge/repository.ts'
import { doAll, type Work } from '../effects.ts'
import type { MergeContext } from '../merge-contents.ts'
import { mergeTrees, type TreeMerge } from '../merge-trees.ts'
import { FreshObjects, readCommit, treeOf } from '../objects.ts'
import { twoTrees } from '../read-tree.ts'
import type { Repo } from '../repo.ts'
import { resolveRevision } from '../revision.ts'
import { diffTrees, type FileItem, listFiles } from '../trees.ts'
import { applyChange, isUnchanged, refresh, seenAt } from '../work-tree.ts'
import { treeOfIndex } from './commit.ts'

/** Local changes that a command would write over, or an index with conflicts: nothing was changed. */
export interface Refused {
  readonly kind: 'refused'
  readonly paths: readonly string[]
}

/** The commit that a revision means. Throws where there is none. */
export function commitAt(repo: Repo, revision: string): Oid {
  const oid = resolveRevision(repo, revision)
  if (oid === undefined) throw new Error(`${revision} is no commit`)
  return oid
}

/** Moves index and work tree between two trees as `git switch` does; undefined when it is done. */
export function moveTo(repo: Repo, from: Oid, to: Oid): Refused | undefined {
  if (repo.index.unmerged.size > 0) return { kind: 'refused', paths: [...repo.index.unmerged.keys()] }
  // Files that were only touched are in nobody's way.
  doAll(refresh(repo))
  const refused = doAll(twoTrees(repo, from, to, { all: true }))
  return refused.length === 0 ? undefined : { kind: 'refused', paths: refused.map(({ path }) => path) }
}

/** `git reset --hard`: index and work tree as a tree has them; untracked files stay where nothing comes in their place. */
export function* resetTo(repo: Repo, treeish: Oid): Work<void> {
  const index = repo.index.copy()
  const files = new Map(listFiles(repo.objects, treeOf(repo.objects, treeish)).map((file) => [file.path, file]))
  const gone = index.paths().filter((path) => !files.has(path))
  const write = new Map<string, FileItem>()
  for (const path of gone) index.delete(path)
  for (const [path, { mode, oid }] of files) {
    const known = index.entries.get(path)
    if (known?.oid === oid && known.mode === mode && isUnchanged(repo, path, known)) continue
    index.set(path, { mode, oid, seen: undefined })
    write.set(path, { mode, oid })
  }
  yield* applyChange(repo, { index, remove: gone, write })
}

/** What is staged and not committed: a real merge does not begin there. */
export function stagedChanges(repo: Repo): readonly string[] {
  const { index } = repo
  if (index.unmerged.size > 0) return [...index.unmerged.keys()]
  const objects = new FreshObjects(repo.objects)
  return diffTrees(objects, repo.headTree, treeOfIndex(objects, index)).map(({ path }) => path)
}

/** Brings a merge into index and work tree, conflicts with their stages; undefined when it is done. */
export function checkOutMerge(repo: Repo, from: Oid, merge: TreeMerge): Refused | undefined {
  const refused = moveTo(repo, from, merge.tree)
  if (refused !== undefined || merge.conflicts.size === 0) return refused
  const index = repo.index.copy()
  for (const [path, stages] of merge.conflicts) index.setStages(path, stages)
  repo.writeIndex(index)
  return undefined
}

/** The change of one commit, or its reverse, on top of HEAD. */
export function applyCommit(
  repo: Repo,
  trees: { readonly base: Oid; readonly theirs: Oid },
  labels: MergeContext['labels'],
):
  | { readonly kind: 'clean'; readonly tree: Oid }
  | { readonly kind: 'conflicts'; readonly paths: readonly string[] }
  | Refused {
  const staged = stagedChanges(repo)
  if (staged.length > 0) return { kind: 'refused', paths: staged }
  const objects = new FreshObjects(repo.objects)
  const ours = repo.headTree
  const merge = mergeTrees(repo, objects, { ...trees, ours }, { labels, depth: 0, merged: undefined })
  objects.flush(repo.objects)
  const refused = checkOutMerge(repo, ours, merge)
  if (refused !== undefined) return refused
  if (merge.conflicts.size > 0) return { kind: 'conflicts', paths: [...merge.conflicts.keys()] }
  return { kind: 'clean', tree: merge.tree }
}

/** Ends an operation as `--abort` does: back to HEAD, what was changed besides it left alone (`git reset --merge`). */
export function resetMerge(repo: Repo, to: Oid): void {
  const { index } = repo
  const next = index.copy()
  const files = new Map(listFiles(repo.objects, treeOf(repo.objects, to)).map((file) => [file.path, file]))
  const remove: string[] = []
  const write = new Map<string, FileItem>()
  for (const path of new Set([...index.paths(), ...files.keys()])) {
    const [entry, file] = [index.entries.get(path), files.get(path)]
    if (entry !== undefined && file?.oid === entry.oid && file.mode === entry.mode) continue
    if (file === undefined) {
      next.delete(path)
      remove.push(path)
    } else {
      next.set(path, { mode: file.mode, oid: file.oid, seen: seenAt(repo, path) })
      write.set(path, { mode: file.mode, oid: file.oid })
    }
  }
  doAll(applyChange(repo, { index: next, remove, write }))
}

export function parentOf(repo: Repo, oid: Oid, mainline: number | undefined): Oid {
  const { parents } = readCommit(repo.objects, oid)
  if (parents.length > 1 === (mainline === undefined)) throw new Error(`${oid} is a merge, or is none`)
  const parent = parents[(mainline ?? 1) - 1]
  if (parent === undefined) throw new Error(`${oid} has no parent`)
  return parent
}
