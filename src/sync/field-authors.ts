import type { Oid } from '../git-bridge/repository.ts'
import { readUncertified } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { inUnits, type Units, unitsOf } from '../git-bridge/units.ts'
import { type FieldPath, fieldAt, fieldKey } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'
import type { ArtifactWho } from './conflict-artifact.ts'
import type { Project } from './session.ts'

/** Commits looked into for one object; beyond them, the newest one about it is named. */
const LOOKED_INTO = 50
/** Commits of a history of which it does not say itself what they are about. */
const LOOKED_AT = 2_000

/** A commit that may have changed an object. */
interface Candidate {
  readonly oid: Oid
  readonly parent: Oid | undefined
  readonly who: ArtifactWho
  readonly concerns: (key: ObjectKey, units: Units) => Promise<boolean>
}

/** The commits of one side since the merge base, newest first, merges apart: walked once, asked for many objects. */
export async function commitsSince(
  project: Pick<Project, 'repository' | 'prefix'>,
  tip: Oid,
  base: Oid | undefined,
): Promise<readonly Candidate[]> {
  const { repository, prefix } = project
  const found: Candidate[] = []
  const exclude = base === undefined ? [] : [base]
  let silent = 0
  for await (const { oid, parents, author, message } of repository.log({ include: [tip], exclude })) {
    if (parents.length > 1) continue
    const trailers = readUncertified(message)
    const about = trailers?.object
    if (about === undefined && ++silent > LOOKED_AT) break
    let changed: Promise<readonly string[]> | undefined
    // A commit of the line says what it is about; of any other, and of a whole snapshot, its files do.
    const changes = () => {
      changed ??= repository
        .diffTrees(parents[0], oid, prefix === '' ? undefined : prefix.slice(0, -1))
        .then((all) => all.map(({ path }) => path.slice(prefix.length)))
      return changed
    }
    const isSaid = about !== undefined && about !== 'snapshot'
    const at = new Date(author.time * 1000).toISOString().replace('.000Z', 'Z')
    const cursor = trailers === undefined ? {} : { cursor: trailers.cursor }
    found.push({
      oid,
      parent: parents[0],
      who: { name: author.name, commit: oid, at, ...cursor },
      concerns: async (key, units) =>
        // Shared modules come along with the blueprints that import them.
        isSaid && !key.startsWith('shared:') ? about === key : (await changes()).some((path) => inUnits(units, path)),
    })
  }
  return found
}

/** Whose commits are asked for: those reachable from `tip` and not from `base`, about the files of one object. */
export interface AuthorsOf {
  readonly key: ObjectKey
  readonly tip: Oid
  readonly base: Oid | undefined
  /** Files that hold or held the object, relative to the project. */
  readonly paths: readonly string[]
  readonly fields: readonly FieldPath[]
  /** The commits, where they were walked before. */
  readonly commits?: readonly Candidate[]
}

/**
 * Who gave each field of an object its value, and when (C3): the newest commit that changed it, merges apart. A field
 * that none of them changed has nobody.
 */
export async function fieldAuthors(
  project: Pick<Project, 'repository' | 'prefix'>,
  of: AuthorsOf,
): Promise<ReadonlyMap<string, ArtifactWho>> {
  const { repository, prefix } = project
  const units = unitsOf(of.paths)
  const authors = new Map<string, ArtifactWho>()
  const open = new Map(of.fields.map((path) => [fieldKey(path), path]))
  const objectAt = async (treeish: Oid | undefined): Promise<WorldObject | undefined> =>
    (await readUnits(repository, treeish, prefix, units)).objects.get(of.key)?.object
  let newest: ArtifactWho | undefined
  let count = 0
  for (const commit of of.commits ?? (await commitsSince(project, of.tip, of.base))) {
    if (open.size === 0) break
    if (!(await commit.concerns(of.key, units))) continue
    newest ??= commit.who
    if (++count > LOOKED_INTO) break
    const [after, before] = [await objectAt(commit.oid), await objectAt(commit.parent)]
    for (const [name, path] of open) {
      if (jsonEquals(fieldAt(after?.fields, path), fieldAt(before?.fields, path))) continue
      authors.set(name, commit.who)
      open.delete(name)
    }
  }
  if (newest !== undefined && count > LOOKED_INTO) for (const name of open.keys()) authors.set(name, newest)
  return authors
}
