import type { Commit, Oid } from '../../../../src/git-bridge/repository.ts'
import { addTree, FreshObjects, type Objects, readBlob, readCommit } from '../objects.ts'
import { revList } from '../rev-list.ts'
import { diffTrees } from '../trees.ts'
import { unifiedHunks } from '../unified.ts'

/** What is on a branch and not upstream, oldest first, no commit before its parents, lines kept together. */
export function ownCommits(objects: Objects, upstream: Oid, head: Oid): readonly Commit[] {
  const list = revList(objects, { include: [head], exclude: [upstream] })
  const children = new Map<Oid, number>(list.map(({ oid }) => [oid, 0]))
  for (const { parents } of list) {
    for (const parent of parents) if (children.has(parent)) children.set(parent, children.get(parent)! + 1)
  }
  const byOid = new Map(list.map((commit) => [commit.oid, commit]))
  // git takes the last that became ready.
  const ready = list.filter(({ oid }) => children.get(oid) === 0).reverse()
  const ordered: Commit[] = []
  for (let commit = ready.pop(); commit !== undefined; commit = ready.pop()) {
    ordered.push(commit)
    for (const parent of commit.parents) {
      const left = children.get(parent)
      if (left === undefined) continue
      children.set(parent, left - 1)
      if (left === 1) ready.push(byOid.get(parent)!)
    }
  }
  return ordered.reverse()
}

/** A change without where it stands and what blanks it has: two commits with the same one do the same (`git patch-id`). */
export function patchOf(objects: Objects, { tree, parents }: Commit): string {
  const before =
    parents[0] === undefined ? addTree(new FreshObjects(objects), []) : readCommit(objects, parents[0]).tree
  const content = (oid: Oid | undefined) => (oid === undefined ? new Uint8Array() : readBlob(objects, oid))
  return diffTrees(objects, before, tree)
    .map(({ path, before, after }) => {
      const hunks = unifiedHunks(content(before?.oid), content(after?.oid))
      const lines = hunks?.replace(/^@@.*\n/gm, '').replace(/\s/g, '') ?? `${before?.oid} ${after?.oid}`
      return `${path} ${before?.mode} ${after?.mode} ${lines}`
    })
    .join('\n')
}
