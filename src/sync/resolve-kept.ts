import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findObjects } from '../git-bridge/find-objects.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { classify } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { artifactText, type ConflictArtifact } from './conflict-artifact.ts'
import type { OpenConflict } from './conflicts.ts'
import { worldOf } from './kept-conflicts.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { Resolved, ResolveOptions } from './resolve.ts'
import { type Project, remoteRef } from './session.ts'
import { refuseLinks, worktreeOid } from './settle-files.ts'
import { KeptFiles, localChanges } from './take-kept.ts'
import { certifiedBeyond, isBetter, readLineCommit } from './tip.ts'

/** Files to be written into the working tree, or removed; paths relative to the project. */
type Edits = ReadonlyMap<string, Uint8Array | undefined>

/**
 * Settles conflicts that a pull has kept open (C6): `local` and `merged` let the next push send what the project has,
 * `remote` writes what the world has now into the project's files. The change is staged, the user commits it. All or
 * nothing, and never over what the user has changed and not committed.
 *
 * Throws, having changed nothing: `stale_conflict`, `local_changes`, `invalid_files`, `not_a_file`.
 */
export async function resolveKept(
  project: Project,
  conflicts: readonly OpenConflict[],
  { use, field }: Pick<ResolveOptions, 'use' | 'field'>,
): Promise<readonly Resolved[]> {
  if (conflicts.length === 0) return []
  const head = await project.repository.resolve('HEAD')
  const files = new KeptFiles(project, head)
  const notes = new Map<string, Uint8Array | undefined>()
  const resolved: Resolved[] = []
  for (const conflict of conflicts) {
    const artifact = conflict.artifact!
    const fields = conflict.fields.filter((f) => field === undefined || f.field === field)
    if (use === 'remote') await takeRemote(project, head, files, artifact, fields)
    const left = artifact.fields.filter((f) => f.status === 'open' && !fields.includes(f))
    const remaining = artifact.fields.map((f) => (fields.includes(f) ? { ...f, status: use } : f))
    notes.set(
      `${KEPT_FOLDER}/${artifact.id}.json`,
      left.length === 0 ? undefined : new TextEncoder().encode(artifactText({ ...artifact, fields: remaining })),
    )
    const { id, object, path } = conflict
    resolved.push({ id, object, path, fields: fields.map((f) => f.field) })
  }
  await refuseOverwrites(project, head, files)
  for (const path of files.edits.keys()) {
    if (classify(path).kind === 'other') throw notOurs(path)
  }
  for (const path of [...files.edits.keys(), ...notes.keys()]) await refuseLinks(project, path)
  // The notes go last: what a crash interrupts is settled by the same command again.
  for (const edits of [files.edits, notes]) await write(project, edits)
  await stage(project, [...files.edits.keys(), ...notes.keys()])
  return resolved
}

/** What the world has now, for some fields of one conflict. */
async function takeRemote(
  project: Project,
  head: Oid | undefined,
  files: KeptFiles,
  artifact: ConflictArtifact,
  fields: ConflictArtifact['fields'],
): Promise<void> {
  const { repository, prefix } = project
  const tip = await worldTip(project, head, artifact)
  const find = async (treeish: Oid) =>
    (await findObjects(repository, treeish, prefix, [artifact.object])).get(artifact.object)
  const [there, here] = await Promise.all([find(tip), head === undefined ? undefined : find(head)])
  for (const { path } of fields) {
    if (path.length === 0) await files.takeWhole(artifact.object, tip, there, here)
    else if (there === undefined || here === undefined) throw gone(artifact)
    else await files.takeField(artifact.object, tip, there, here, path)
  }
}

/** The newest commit of the world's line that is here: of the remote ref, else the one that the branch has merged. */
async function worldTip(project: Project, head: Oid | undefined, artifact: ConflictArtifact): Promise<Oid> {
  const { repository, prefix, lobby } = project
  const names = Object.entries(lobby?.targets ?? {}).flatMap(([name, { worldId }]) =>
    worldId === artifact.worldId ? [name] : [],
  )
  const refs = [
    ...names.map((name) => remoteRef(prefix, { name, isDefault: name === lobby?.defaultTarget })),
    remoteRef(prefix, { name: undefined, isDefault: true }),
  ]
  for (const ref of refs) {
    const tip = await repository.readRef(ref)
    if (tip === undefined || (await worldOf(project, tip)) !== artifact.worldId) continue
    // What teammates have pulled came with the branch, and may be newer than what was fetched here (G7).
    const [beyond] = await certifiedBeyond(repository, head, tip, artifact.worldId)
    const fetched = await readLineCommit(repository, tip, artifact.worldId)
    return beyond !== undefined && fetched !== undefined && isBetter(beyond, fetched) ? beyond.oid : tip
  }
  // A clone has no such ref before its first fetch. What an artifact says came through git from other people.
  const merged = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(artifact.remote) ? (artifact.remote as Oid) : undefined
  const isMerged =
    merged !== undefined &&
    head !== undefined &&
    (await repository.hasObject(merged)) &&
    (await repository.resolve(`${merged}^{commit}`)) === merged &&
    (await repository.isAncestor(merged, head)) &&
    (await worldOf(project, merged)) === artifact.worldId
  if (isMerged) return merged
  throw new SyncError('stale_conflict', `What world "${artifact.worldId}" has of ${artifact.object} is not here.`, {
    hint: 'Run "gamedev sync fetch", then the command again.',
    data: { id: artifact.id, object: artifact.object },
  })
}

/** Files that are replaced whole must be as they were committed, or as they shall be. Throws `local_changes`. */
async function refuseOverwrites(project: Project, head: Oid | undefined, { edits, partial }: KeptFiles): Promise<void> {
  const { repository, prefix } = project
  for (const [path, bytes] of edits) {
    if (partial.has(path)) continue
    const committed = head === undefined ? undefined : (await repository.lookup(head, prefix + path))?.oid
    const now = await worktreeOid(project, path)
    const next = bytes && repository.hashBlob(bytes)
    if (now !== next && now !== committed) throw localChanges(path)
  }
}

async function write({ folder }: Project, edits: Edits): Promise<void> {
  for (const [path, bytes] of edits) {
    const at = join(folder, path)
    if (bytes === undefined) {
      await rm(at, { force: true })
      await removeEmpty(folder, dirname(at))
    } else {
      await mkdir(dirname(at), { recursive: true })
      await writeFile(at, bytes)
    }
  }
}

/** git knows no empty folders, and leaves none behind. */
async function removeEmpty(top: string, folder: string): Promise<void> {
  if (folder === top) return
  const removed = await rmdir(folder).then(
    () => true,
    () => false,
  )
  if (removed) await removeEmpty(top, dirname(folder))
}

/** Paths are names here, never patterns; one that is nowhere is no error. */
async function stage({ repository, prefix }: Project, paths: readonly string[]): Promise<void> {
  const input = paths.map((path) => `${prefix}${path}\0`).join('')
  await repository.run(['update-index', '--add', '--remove', '-z', '--stdin'], { input })
}

function notOurs(path: string): SyncError {
  return new SyncError('stale_conflict', `${JSON.stringify(path)} is no file of the world; nothing was changed.`, {
    hint: 'Look where the conflict in lobby.conflicts/ comes from: "git log -p -- lobby.conflicts".',
    data: { path },
  })
}

function gone({ id, object }: Pick<ConflictArtifact, 'id' | 'object'>): SyncError {
  return new SyncError('stale_conflict', `${object} is not on both sides any more; nothing was changed.`, {
    hint: `Run "gamedev sync pull"; to keep what the project has, "gamedev sync resolve ${id} --use local".`,
    data: { id, object },
  })
}
