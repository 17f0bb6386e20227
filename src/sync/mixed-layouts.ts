import { layoutAt } from '../git-bridge/layout.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import type { Project, Session } from './session.ts'

/** How many commits of a branch are looked at: mostly the last merge with a world comes sooner. */
const FEW = 32

/**
 * Whether a merge is of two layouts, and both sides changed what they say since their common ancestor (G8): git cannot
 * merge that. Whoever keeps the files of one side drops the edits of the other, and what was removed in one file stays in
 * the other.
 */
export async function isMixed({ repository, prefix }: Project, ours: Oid, theirs: Oid): Promise<boolean> {
  const [mine, other] = await Promise.all(
    [ours, theirs].map((side) => layoutAt(repository, side, prefix).catch(() => undefined)),
  )
  if (mine === undefined || other === undefined || mine === other) return false
  // The line's own change of the layout is merged by converting the branch.
  if (readTrailers(await repository.readCommit(theirs)) !== undefined) return false
  const base = await repository.mergeBase(ours, theirs)
  if (base === undefined) return false
  const changed = async (side: Oid) => {
    const below = ['world', MANIFEST_FILE].map((path) => prefix + path)
    return (await Promise.all(below.map((path) => repository.diffTrees(base, side, path)))).flat().length > 0
  }
  return (await changed(ours)) && (await changed(theirs))
}

/** Says such merges among the commits since the branch was last merged with a world: git may have asked nobody. */
export async function findMixed(session: Session, head: Oid): Promise<readonly string[]> {
  const { repository } = session
  const found: string[] = []
  let at: Oid | undefined = head
  for (let count = 0; at !== undefined && count < FEW; count++) {
    const commit: Commit | undefined = await repository.readCommit(at).catch(() => undefined)
    const [first, second]: readonly (Oid | undefined)[] = commit?.parents ?? []
    // A clone may be cut here.
    if (commit === undefined || first === undefined || !(await repository.hasObject(first))) break
    if (second !== undefined && (await repository.hasObject(second))) {
      if (readTrailers(await repository.readCommit(second)) !== undefined) break
      if (await isMixed(session, first, second)) {
        const merge = commit.oid.slice(0, 10)
        found.push(
          `Merge ${merge} is of two layouts, and both sides had edits: git may have dropped or brought back some. Compare it with both ("git show ${merge}"), or take it back and run "gamedev sync layout" before merging.`,
        )
      }
    }
    at = first
  }
  return found
}
