import type { Commit, Oid } from './repository.ts'
import { normalizePrefix } from './tree-path.ts'
import type { TreeWalk } from './tree-walk.ts'

/**
 * Whether a commit changed something at or below one of these paths against one of these parents, all of them for a
 * merge: what `git rev-list --full-history` lists a commit for. A first commit changes what it has.
 */
export async function touchesPaths(
  read: (oid: Oid) => Promise<Commit>,
  trees: TreeWalk,
  commit: Commit,
  parents: readonly Oid[],
  paths: readonly string[],
): Promise<boolean> {
  const before = parents.length === 0 ? [undefined] : await Promise.all(parents.map(read))
  for (const path of paths) {
    const bare = normalizePrefix(path) ?? ''
    const now = await trees.lookup(commit.tree, bare)
    for (const parent of before) {
      const was = parent && (await trees.lookup(parent.tree, bare))
      if (now?.oid !== was?.oid || now?.mode !== was?.mode) return true
    }
  }
  return false
}
