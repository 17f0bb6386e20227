import { findObjects } from '../git-bridge/find-objects.ts'
import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { fieldAt } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import type { ObjectKey } from '../world/state.ts'
import { artifactText, type ConflictArtifact, parseArtifact } from './conflict-artifact.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { Project } from './session.ts'

/** The conflicts that a commit keeps open (C6), by the path of their file relative to the project. */
export async function keptConflicts(project: Project, treeish: Oid): Promise<ReadonlyMap<string, ConflictArtifact>> {
  const { repository, prefix } = project
  const files = await repository.listFiles(treeish, prefix + KEPT_FOLDER)
  const blobs = await repository.readBlobs(files.filter(({ mode }) => mode.startsWith('100')).map(({ oid }) => oid))
  const kept = new Map<string, ConflictArtifact>()
  for (const { path, oid } of files) {
    const artifact = parseArtifact(new TextDecoder().decode(blobs.get(oid)))
    if (artifact !== undefined) kept.set(path.slice(prefix.length), artifact)
  }
  return kept
}

/** The commit's change that keeps conflicts open, so that every clone knows them. */
export function keepingEdits(project: Project, artifacts: readonly ConflictArtifact[]): readonly TreeEdit[] {
  return artifacts.map((artifact) => ({
    path: `${project.prefix}${KEPT_FOLDER}/${artifact.id}.json`,
    kind: 'write',
    bytes: new TextEncoder().encode(artifactText({ ...artifact, files: [] })),
  }))
}

/**
 * Removes kept conflicts that the two sides have settled between them: in a tree, the objects' contested fields are what
 * the world has. `except` are those contested anew.
 */
export async function settlingEdits(
  project: Project,
  head: Oid,
  tree: Oid,
  tip: Oid,
  except: ReadonlySet<ObjectKey> = new Set(),
): Promise<readonly TreeEdit[]> {
  const { repository, prefix } = project
  const kept = await keptConflicts(project, head)
  const keys = [...new Set([...kept.values()].map(({ object }) => object))].filter((key) => !except.has(key))
  if (keys.length === 0) return []
  const [here, there] = await Promise.all([
    findObjects(repository, tree, prefix, keys),
    findObjects(repository, tip, prefix, keys),
  ])
  return [...kept].flatMap(([path, { object, fields }]): TreeEdit[] => {
    if (except.has(object)) return []
    const [ours, theirs] = [here.get(object)?.object, there.get(object)?.object]
    const same = fields.every(({ path: field }) =>
      jsonEquals(fieldAt(ours?.fields, field), fieldAt(theirs?.fields, field)),
    )
    return same ? [{ path: prefix + path, kind: 'delete' }] : []
  })
}
