import { describeIdentity, settleIdentity } from '../git-bridge/identity.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { AS_SAID, type Claim, type Identities } from '../projection/identities.ts'
import type { FileProblem } from '../projection/json-file.ts'
import { isWorldOwned } from '../projection/paths.ts'
import { type Project, remoteRef } from './session.ts'

/** Whose files are whose, as a merge would take them (M8). */
export interface CheckedIdentities {
  readonly identities: Identities
  /** In the merge's own words. */
  readonly warnings: readonly string[]
  /** Files that could be several objects'. */
  readonly problems: readonly FileProblem[]
}

/** Whether files leave in doubt whose they are: only then is it worth to compare them with the world's line. */
export function isInDoubt(claims: readonly Claim[], problems: readonly FileProblem[]): boolean {
  const uids = claims.flatMap(({ uid }) => uid ?? [])
  return (
    claims.some(({ said }) => !said) ||
    problems.some(({ code }) => code === 'duplicate_id') ||
    new Set(uids).size < uids.length
  )
}

/**
 * Settles it for a tree on top of a commit, against what that commit has taken in of the world. Where nothing says what
 * that is (nothing fetched, history cut or flattened), the files are taken at their word.
 */
export async function checkIdentities(project: Project, head: Oid | undefined, tree: Oid): Promise<CheckedIdentities> {
  const { repository, prefix } = project
  const base = head === undefined ? undefined : await takenIn(project, head)
  if (base === undefined) return { identities: AS_SAID, warnings: [], problems: [] }
  const changes = await repository.diffTrees(base, tree, prefix.slice(0, -1) || undefined)
  const units = unitsOf(changes.map(({ path }) => path.slice(prefix.length)).filter(isWorldOwned))
  const [atBase, atOurs] = await Promise.all([base, tree].map((side) => readUnits(repository, side, prefix, units)))
  const settled = await settleIdentity(repository, prefix, { base, ours: tree, head }, units, atBase!, atOurs!)
  return {
    identities: settled.identities,
    warnings: settled.notes.map(describeIdentity),
    problems: settled.ambiguous,
  }
}

/** How far back a merge with the world is looked for where there is no remote ref, as in a fresh clone. */
const FURTHEST = 1_000

/** The world's commit that a commit was last merged with: told by the remote ref, else by its own history. */
async function takenIn({ repository, prefix }: Project, head: Oid): Promise<Oid | undefined> {
  const tip = await repository.readRef(remoteRef(prefix, { name: undefined, isDefault: true }))
  const base = tip === undefined ? undefined : await repository.mergeBase(head, tip)
  if (base !== undefined) return base
  for await (const { parents } of repository.log({ include: [head], firstParent: true, limit: FURTHEST })) {
    for (const parent of parents.slice(1)) {
      if (!(await repository.hasObject(parent))) return undefined
      if (readTrailers(await repository.readCommit(parent)) !== undefined) return parent
    }
  }
  return undefined
}
