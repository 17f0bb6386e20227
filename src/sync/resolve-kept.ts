import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findObjects } from '../git-bridge/find-objects.ts'
import { docField, isJsonPath, readDoc, withDocField, writeDoc } from '../git-bridge/object-docs.ts'
import { folderOf, scriptFiles } from '../git-bridge/object-files.ts'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import type { PlacedObject } from '../git-bridge/tree-objects.ts'
import { parseAssetValue } from '../projection/asset-value.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { fieldAt } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import type { FieldValue } from '../world/state.ts'
import { artifactText, type ConflictArtifact } from './conflict-artifact.ts'
import type { OpenConflict } from './conflicts.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { Resolved, ResolveOptions } from './resolve.ts'
import { type Project, remoteRef } from './session.ts'
import { worktreeFile, worktreeOid } from './settle-files.ts'

/**
 * Settles conflicts that a pull has kept open (C6): `local` and `merged` let the next push send what the project has,
 * `remote` writes what the world has now into the project's files. The change is staged, the user commits it.
 */
export async function resolveKept(
  project: Project,
  conflicts: readonly OpenConflict[],
  { use, field }: Pick<ResolveOptions, 'use' | 'field'>,
): Promise<readonly Resolved[]> {
  const { repository, prefix, folder } = project
  const resolved: Resolved[] = []
  for (const conflict of conflicts) {
    const artifact = conflict.artifact!
    const fields = conflict.fields.filter((f) => field === undefined || f.field === field)
    const touched = use === 'remote' ? await takeRemote(project, artifact, fields) : []
    const file = `${KEPT_FOLDER}/${artifact.id}.json`
    const left = artifact.fields.filter((f) => f.status === 'open' && !fields.includes(f))
    if (left.length === 0) await rm(join(folder, file))
    else {
      const remaining = artifact.fields.map((f) => (fields.includes(f) ? { ...f, status: use } : f))
      await writeFile(join(folder, file), artifactText({ ...artifact, fields: remaining }))
    }
    await repository.run(['add', '--all', '--', ...[file, ...touched].map((path) => prefix + path)])
    resolved.push({
      id: conflict.id,
      object: conflict.object,
      path: conflict.path,
      fields: fields.map((f) => f.field),
    })
  }
  return resolved
}

/** Writes the world's values into the working tree; returns the files that it touched, relative to the project. */
async function takeRemote(
  project: Project,
  artifact: ConflictArtifact,
  fields: ConflictArtifact['fields'],
): Promise<readonly string[]> {
  const { repository, prefix, lobby } = project
  const name = Object.entries(lobby?.targets ?? {}).find(([, { worldId }]) => worldId === artifact.worldId)?.[0]
  const ref = remoteRef(prefix, { name, isDefault: name === undefined || name === lobby?.defaultTarget })
  const tip = (await repository.readRef(ref)) ?? parseOid(artifact.remote)
  const head = await repository.resolve('HEAD')
  const key = artifact.object
  const [there, here] = await Promise.all([
    findObjects(repository, tip, prefix, [key]).then((found) => found.get(key)),
    head === undefined ? undefined : findObjects(repository, head, prefix, [key]).then((found) => found.get(key)),
  ])
  const edits = new Map<string, Uint8Array | undefined>()
  for (const { path } of fields) {
    if (path.length === 0) await takeWhole(project, tip, there, here, edits)
    else if (there === undefined || here === undefined) throw gone(artifact)
    else await takeField(project, tip, there, here, path, edits)
  }
  await refuseOverwrites(project, head, edits)
  for (const [path, bytes] of edits) {
    const at = join(project.folder, path)
    if (bytes === undefined) await rm(at, { force: true })
    else {
      await mkdir(dirname(at), { recursive: true })
      await writeFile(at, bytes)
    }
  }
  return [...edits.keys()]
}

/** Files that are replaced whole must be as they were committed, and an asset's name must be free. Throws `local_changes`. */
async function refuseOverwrites(
  project: Project,
  head: Oid | undefined,
  edits: ReadonlyMap<string, Uint8Array | undefined>,
): Promise<void> {
  const { repository, prefix } = project
  for (const [path, bytes] of edits) {
    // Fields are set in the file as it is now, edits included.
    if (isJsonPath(path) && bytes !== undefined) continue
    const committed = head === undefined ? undefined : (await repository.lookup(head, prefix + path))?.oid
    const next = bytes && repository.hashBlob(bytes)
    const now = await worktreeOid(project, path)
    if (now === next || (now === committed && (committed === undefined || !path.startsWith('assets/')))) continue
    throw new SyncError('local_changes', `${path} would be overwritten; nothing was changed.`, {
      hint: 'Commit it, or move it away, and run the command again.',
      data: { paths: [path] },
    })
  }
}

async function takeField(
  project: Project,
  tip: Oid,
  there: PlacedObject,
  here: PlacedObject,
  path: readonly string[],
  edits: Map<string, Uint8Array | undefined>,
): Promise<void> {
  const { object } = there
  const value = fieldAt(object.fields, path)
  if (object.kind === 'shared' || path[0] === 'scriptFiles') {
    const file = object.kind === 'shared' ? here.path : folderOf(here.path) + (path[1] ?? '')
    edits.set(file, await contentOf(project, value))
    return
  }
  const [doc, remote] = await Promise.all([
    edits.get(here.path) ?? worktreeFile(project, here.path),
    fileAt(project, tip, there.path),
  ])
  const [mine, theirs] = [doc && readDoc(here.path, doc), remote && readDoc(there.path, remote)]
  if (mine === undefined || theirs === undefined) {
    throw new SyncError('invalid_files', `${here.path} does not parse.`, {
      hint: 'Correct it and run the command again.',
    })
  }
  const key = `${object.kind}:${object.id}` as ConflictArtifact['object']
  const said = docField(there.path, theirs, key, path)
  edits.set(here.path, writeDoc(here.path, withDocField(here.path, mine, key, path, said)))
  if (parseAssetValue(value) !== undefined && typeof said === 'string') edits.set(said, await contentOf(project, value))
}

/** The object as the world has it, with all its files, or its absence. */
async function takeWhole(
  project: Project,
  tip: Oid,
  there: PlacedObject | undefined,
  here: PlacedObject | undefined,
  edits: Map<string, Uint8Array | undefined>,
): Promise<void> {
  const placed = there ?? here
  if (placed === undefined) return
  if (placed.path === MANIFEST_FILE) {
    const key = `${placed.object.kind}:${placed.object.id}` as ConflictArtifact['object']
    const [doc, remote] = [await worktreeFile(project, placed.path), await fileAt(project, tip, placed.path)]
    const [mine, theirs] = [doc && readDoc(placed.path, doc), remote && readDoc(placed.path, remote)]
    if (mine === undefined || theirs === undefined) return
    const value = docField(placed.path, theirs, key, [])
    edits.set(placed.path, writeDoc(placed.path, withDocField(placed.path, mine, key, [], value)))
    return
  }
  const scripts = [...scriptFiles(placed.object)].map(([file, value]) => [folderOf(placed.path) + file, value] as const)
  edits.set(placed.path, there === undefined ? undefined : await fileAt(project, tip, placed.path))
  for (const [file, value] of scripts)
    edits.set(file, there === undefined ? undefined : await contentOf(project, value))
}

async function contentOf({ repository }: Project, value: FieldValue): Promise<Uint8Array | undefined> {
  const asset = parseAssetValue(value)
  if (asset === undefined) return undefined
  const oid = parseOid(asset.oid)
  return (await repository.readBlobs([oid])).get(oid)
}

async function fileAt({ repository, prefix }: Project, treeish: Oid, path: string): Promise<Uint8Array | undefined> {
  const found = await repository.lookup(treeish, prefix + path)
  return found === undefined ? undefined : (await repository.readBlobs([found.oid])).get(found.oid)
}

function gone({ id, object }: ConflictArtifact): SyncError {
  return new SyncError('stale_conflict', `${object} is not on both sides any more; nothing was changed.`, {
    hint: `Run "gamedev sync pull"; to keep what the project has, "gamedev sync resolve ${id} --use local".`,
    data: { id, object },
  })
}
