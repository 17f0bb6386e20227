import { findObjects } from '../git-bridge/find-objects.ts'
import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { isFile, type PlacedObject } from '../git-bridge/tree-objects.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { type FieldPath, fieldAt } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import { type ObjectKey, parseObjectKey } from '../world/state.ts'
import {
  type ArtifactField,
  artifactText,
  type ConflictArtifact,
  isSound,
  parseArtifact,
  roundOf,
} from './conflict-artifact.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { Project } from './session.ts'

/**
 * The conflicts that a commit keeps open (C6), by the path of their file relative to the project. `onInvalid` hears of
 * files that have an artifact's name and are none.
 */
export async function keptConflicts(
  project: Project,
  treeish: Oid,
  onInvalid: (path: string) => void = () => {},
): Promise<ReadonlyMap<string, ConflictArtifact>> {
  const { repository, prefix } = project
  const listed = await repository.listFiles(treeish, prefix + KEPT_FOLDER)
  const files = listed.map(({ path, mode, oid }) => ({ path: path.slice(prefix.length), mode, oid }))
  const blobs = await repository.readBlobs(files.filter(({ mode }) => isFile(mode)).map(({ oid }) => oid))
  const kept = new Map<string, ConflictArtifact>()
  for (const { path, mode, oid } of files) {
    const id = /^([0-9a-f]{8,64})\.json$/.exec(path.slice(KEPT_FOLDER.length + 1))?.[1]
    if (id === undefined) continue
    const artifact = isFile(mode) ? parseArtifact(new TextDecoder().decode(blobs.get(oid))) : undefined
    // One that is settled is removed: without an open field nobody knows what it holds back.
    const isOpen = artifact?.fields.some(({ status }) => status === 'open') === true
    if (artifact?.id === id && isOpen && isSound(artifact)) kept.set(path, artifact)
    else onInvalid(path)
  }
  return kept
}

/** The world whose history a commit of a line is; undefined for any other commit. */
export async function worldOf({ repository }: Project, tip: Oid): Promise<string | undefined> {
  return readTrailers(await repository.readCommit(tip))?.worldId
}

/** A merge of a pull: the branch before it, the tree that comes of it, the world's commit. */
export interface KeptMerge {
  readonly head: Oid
  readonly tree: Oid
  readonly tip: Oid
}

/**
 * What a pull does to the conflicts that commits keep open, so that every clone knows them (C6). `contested` are those
 * of this merge: they are added, or go on with the history of the same object, whose other open fields stay open.
 * Fields that have come to be the same on both sides are settled; a conflict without open fields is removed. Conflicts
 * with other worlds stay as they are. `shown`: those of this merge are left as git conflicts, and what was kept of the
 * same fields gives way to them.
 */
export async function keptEdits(
  project: Project,
  { head, tree, tip }: KeptMerge,
  contested: readonly ConflictArtifact[],
  as: 'kept' | 'shown' = 'kept',
): Promise<readonly TreeEdit[]> {
  const { repository, prefix } = project
  const worldId = await worldOf(project, tip)
  const kept = [...(await keptConflicts(project, head))].filter(([, artifact]) => artifact.worldId === worldId)
  const keys = [...new Set(kept.map(([, { object }]) => object))]
  const find = async (treeish: Oid) =>
    keys.length === 0 ? new Map<ObjectKey, PlacedObject>() : findObjects(repository, treeish, prefix, keys)
  const [here, there] = await Promise.all([find(tree), find(tip)])
  const isOpen = (key: ObjectKey, field: ArtifactField): boolean =>
    field.status === 'open' && differs(key, field.path, here.get(key), there.get(key))

  const edits = new Map<string, TreeEdit>()
  const write = (path: string, artifact: ConflictArtifact) =>
    edits.set(path, { path: prefix + path, kind: 'write', bytes: new TextEncoder().encode(artifactText(artifact)) })
  for (const [path, artifact] of kept) {
    const anew = contested.find(({ object }) => object === artifact.object)
    const covers = ({ path: field }: ArtifactField) => anew?.fields.some((f) => isBelow(field, f.path)) === true
    const open = artifact.fields.filter((field) => isOpen(artifact.object, field) && !covers(field))
    if (anew !== undefined && as === 'kept') {
      const history = [...artifact.history, roundOf(artifact)]
      write(path, { ...anew, id: artifact.id, fields: [...anew.fields, ...open], files: [], history })
    } else if (open.length === 0) edits.set(path, { path: prefix + path, kind: 'delete' })
    else if (artifact.fields.some((field) => field.status === 'open' && !open.includes(field))) {
      const fields = artifact.fields.map((field) =>
        field.status === 'open' && !open.includes(field) ? { ...field, status: 'merged' as const } : field,
      )
      write(path, { ...artifact, fields })
    }
  }
  for (const artifact of as === 'kept' ? contested : []) {
    if (kept.some(([, { object }]) => object === artifact.object)) continue
    write(`${KEPT_FOLDER}/${artifact.id}.json`, { ...artifact, files: [] })
  }
  return [...edits.values()]
}

/** Whether the sides still differ in a field; of an object as a whole, its presence is the value. */
function differs(
  key: ObjectKey,
  path: FieldPath,
  here: PlacedObject | undefined,
  there: PlacedObject | undefined,
): boolean {
  if (path.length === 0) return (here === undefined) !== (there === undefined)
  const equal = path.length === 1 ? fieldEquality(parseObjectKey(key).kind, path[0]!) : jsonEquals
  return !equal(fieldAt(here?.object.fields, path), fieldAt(there?.object.fields, path))
}

/** Whether a field is another one, or in it. */
function isBelow(path: FieldPath, other: FieldPath): boolean {
  return other.every((key, index) => path[index] === key)
}
