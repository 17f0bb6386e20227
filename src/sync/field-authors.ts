import type { Commit, Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { type FieldPath, fieldAt, fieldKey } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'
import type { ArtifactWho } from './conflict-artifact.ts'
import type { Project } from './session.ts'

/** Commits looked into for one object; beyond them, the newest one that touched its file is named. */
const LOOKED_INTO = 50

/** Whose commits are asked for: those reachable from `tip` and not from `base`, about the file of one object. */
export interface AuthorsOf {
  readonly key: ObjectKey
  readonly tip: Oid
  readonly base: Oid | undefined
  /** Files that hold or held the object, relative to the project. */
  readonly paths: readonly string[]
  readonly fields: readonly FieldPath[]
}

/**
 * Who gave each field of an object its value, and when (C3): the newest commit that changed it, merges apart. A field
 * that none of them changed has nobody.
 */
export async function fieldAuthors(project: Project, of: AuthorsOf): Promise<ReadonlyMap<string, ArtifactWho>> {
  const { repository, prefix } = project
  const units = unitsOf(of.paths)
  // A blueprint's scripts lie beside it.
  const paths = [...units.files, ...[...units.folders].map((folder) => `apps/${folder}`)].map((path) => prefix + path)
  const exclude = of.base === undefined ? [] : [of.base]
  const authors = new Map<string, ArtifactWho>()
  const open = new Map(of.fields.map((path) => [fieldKey(path), path]))
  const objectAt = async (treeish: Oid | undefined): Promise<WorldObject | undefined> =>
    (await readUnits(repository, treeish, prefix, units)).objects.get(of.key)?.object
  let newest: ArtifactWho | undefined
  let count = 0
  for await (const commit of repository.log({ include: [of.tip], exclude, paths })) {
    if (commit.parents.length > 1) continue
    newest ??= whoOf(commit)
    if (++count > LOOKED_INTO || open.size === 0) break
    const [after, before] = [await objectAt(commit.oid), await objectAt(commit.parents[0])]
    for (const [name, path] of open) {
      if (jsonEquals(fieldAt(after?.fields, path), fieldAt(before?.fields, path))) continue
      authors.set(name, whoOf(commit))
      open.delete(name)
    }
  }
  if (newest !== undefined && count > LOOKED_INTO) for (const name of open.keys()) authors.set(name, newest)
  return authors
}

function whoOf(commit: Commit): ArtifactWho {
  const at = new Date(commit.author.time * 1000).toISOString().replace('.000Z', 'Z')
  const cursor = readTrailers(commit)?.cursor
  return { name: commit.author.name, commit: commit.oid, at, ...(cursor === undefined ? {} : { cursor }) }
}
