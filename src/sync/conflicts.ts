import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mergeWorldFile } from '../git-bridge/merge-file.ts'
import { docField, isJsonPath, readDoc } from '../git-bridge/object-docs.ts'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { isWorldOwned } from '../projection/paths.ts'
import type { Policy } from '../resolvers/policy.ts'
import { jsonEquals } from '../world/json.ts'
import type { ObjectKey } from '../world/state.ts'
import {
  ARTIFACTS_FOLDER,
  type ArtifactField,
  artifactSide,
  type ConflictArtifact,
  conflictId,
  readArtifacts,
  writeArtifact,
} from './conflict-artifact.ts'
import { contestedName } from './contested-name.ts'
import { readUnmerged, type UnmergedPath } from './index-stages.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { isMergeInterrupted, recoverMerge } from './merge-commit.ts'
import { policyOfMerge } from './merge-policy.ts'
import { anotherObject, movedApart, twoObjects } from './moved-apart.ts'
import { takeProcessLock } from './process-lock.ts'
import type { Project } from './session.ts'
import type { Switches } from './switches.ts'

/** A conflict that is open now. */
export interface OpenConflict {
  readonly id: string
  /** Undefined for a file of which nobody can say whose it is. */
  readonly object: ObjectKey | undefined
  /** Relative to the project. */
  readonly path: string
  /** `merge`: left by a pull. `kept`: committed as open (C6). `git`: stages of git's own, from a plain merge. */
  readonly source: 'merge' | 'kept' | 'git'
  /** Those still open; none where git conflicts in a file that merges by field. */
  readonly fields: readonly ArtifactField[]
  /** What was written down about it; none for git's own. */
  readonly artifact: ConflictArtifact | undefined
  /** The conflicted paths of the index that show it. */
  readonly unmerged: readonly UnmergedPath[]
  /** What stays at each of these paths, whichever side is chosen: two objects that git took for one that was moved. */
  readonly both?: ReadonlyMap<string, Uint8Array | undefined>
}

export interface OpenConflicts {
  readonly conflicts: readonly OpenConflict[]
  /** The commit that is being merged, while a merge is open. */
  readonly mergeHead: Oid | undefined
  /** Artifacts of conflicted files whose stages in the index are others: what they say does not count. */
  readonly stale: readonly ConflictArtifact[]
  /** Artifacts that cannot be read. */
  readonly invalid: readonly string[]
}

/**
 * The open conflicts of a checkout. The index of git decides (C4): what any tool, or a hand, has resolved is not listed,
 * and its artifact is closed.
 */
export async function openConflicts(project: Project): Promise<OpenConflicts> {
  const { repository, prefix, folder } = project
  const invalid: string[] = []
  const place = join(folder, ARTIFACTS_FOLDER)
  const [unmerged, artifacts, kept, mergeHead] = await Promise.all([
    readUnmerged(repository),
    readArtifacts(place, (file) => invalid.push(`${ARTIFACTS_FOLDER}/${file}`)),
    readArtifacts(join(folder, KEPT_FOLDER), (file) => invalid.push(`${KEPT_FOLDER}/${file}`)),
    readFile(join(repository.gitDir, 'MERGE_HEAD'), 'utf8').then(
      // An octopus names several; the first will do.
      (text) => text.trim().split('\n', 1)[0] as Oid,
      () => undefined,
    ),
  ])
  const left = new Map<string, UnmergedPath>()
  for (const entry of unmerged) {
    const path = entry.path.slice(prefix.length)
    if (entry.path.startsWith(prefix) && isWorldOwned(path)) left.set(path, entry)
  }

  const conflicts: OpenConflict[] = []
  const stale: ConflictArtifact[] = []
  const covered = new Set<string>()
  for (const written of artifacts.values()) {
    const fitting = written.files
      .filter(({ path, stages }) => sameStages(left.get(path), stages))
      .map(({ path }) => path)
    // A resolution can be taken back ("git checkout --merge"): then it is as open as before.
    const undone = written.status !== 'open' && written.remote === mergeHead && fitting.length > 0
    const artifact = undone ? await reopen(project, written, fitting) : written
    if (artifact.status !== 'open') continue
    const fields = artifact.fields.filter(
      ({ status, files }) => status === 'open' && files.some((file) => fitting.includes(file)),
    )
    if (fields.length === 0) {
      if (artifact.files.some(({ path }) => left.has(path))) stale.push(artifact)
      else await closeArtifact(project, artifact, mergeHead)
      continue
    }
    for (const path of fitting) covered.add(path)
    const stages = fitting.map((path) => left.get(path)!)
    conflicts.push({ ...described(artifact), source: 'merge', fields, unmerged: stages })
  }
  for (const artifact of kept.values()) {
    const fields = artifact.fields.filter(({ status }) => status === 'open')
    if (fields.length === 0) invalid.push(`${KEPT_FOLDER}/${artifact.id}.json`)
    else conflicts.push({ ...described(artifact), source: 'kept', fields, unmerged: [] })
  }
  for (const unmerged of movedApart([...left].flatMap(([path, entry]) => (covered.has(path) ? [] : [entry])))) {
    const paths = unmerged.map((entry) => entry.path.slice(prefix.length))
    for (const path of paths) covered.add(path)
    const both = await twoObjects(project, unmerged, mergeHead)
    const about = { ...gitsOwn(project, undefined, paths[0]!), fields: [], unmerged }
    conflicts.push(both === undefined ? about : { ...about, both })
  }
  const uncovered = [...left].filter(([path]) => !covered.has(path))
  const policy = uncovered.length === 0 ? undefined : await policyOfMerge(project, mergeHead)
  for (const [path, entry] of uncovered) conflicts.push(...(await gitConflict(project, path, entry, policy)))
  return { conflicts, mergeHead, stale, invalid }
}

/** {@link openConflicts}, after completing a merge that was interrupted while it left them. */
export async function openConflictsNow(project: Project, switches: Switches): Promise<OpenConflicts> {
  if (switches.bidirectional && (await isMergeInterrupted(project))) {
    const lock = await takeProcessLock(project, 'sync conflicts')
    try {
      await recoverMerge(project)
    } finally {
      await lock.release()
    }
  }
  return openConflicts(project)
}

/** Files of the world that the index holds with conflict markers in them, where none of it is unmerged. */
export async function markersStaged(project: Project): Promise<readonly string[]> {
  const written = await project.repository.run(['write-tree', '--missing-ok'], { allowFailure: true })
  // Other files of the repository are unmerged: git itself will not commit that.
  if (written.code !== 0) return []
  const tree = parseOid(written.stdout.toString('latin1').trim())
  const { filesWithMarkers } = await import('./check-conflicts.ts')
  return [...(await filesWithMarkers(project, tree)).keys()].map((path) => path.slice(project.prefix.length))
}

function described(artifact: ConflictArtifact): Pick<OpenConflict, 'id' | 'object' | 'path' | 'artifact'> {
  const { id, object, path } = artifact
  return { id, object, path, artifact }
}

/** Whether the index has the very stages that an artifact speaks of. */
export function sameStages(
  entry: UnmergedPath | undefined,
  stages: ConflictArtifact['files'][number]['stages'],
): boolean {
  return (
    entry !== undefined && entry.base === stages.base && entry.ours === stages.local && entry.theirs === stages.remote
  )
}

async function reopen(
  project: Project,
  { closedAt: _, ...artifact }: ConflictArtifact,
  paths: readonly string[],
): Promise<ConflictArtifact> {
  const equal = new Set<ArtifactField>()
  for (const path of paths.filter(isJsonPath)) {
    const { stages } = artifact.files.find((file) => file.path === path)!
    const oids = [stages.local, stages.remote].flatMap((oid) => (oid === undefined ? [] : [oid as Oid]))
    const blobs = await project.repository.readBlobs(oids)
    const [ours, theirs] = oids.map((oid) => readDoc(path, blobs.get(oid)!))
    if (ours === undefined || theirs === undefined) continue
    // Settled before what was taken back: the stages do not differ in it any more.
    const same = (field: ArtifactField) =>
      jsonEquals(docField(path, ours, artifact.object, field.path), docField(path, theirs, artifact.object, field.path))
    for (const field of artifact.fields) if (field.files.includes(path) && same(field)) equal.add(field)
  }
  const fields = artifact.fields.map((field) =>
    field.files.some((file) => paths.includes(file)) && !equal.has(field)
      ? { ...field, status: 'open' as const }
      : field,
  )
  const open: ConflictArtifact = { ...artifact, status: 'open', fields }
  await writeArtifact(join(project.folder, ARTIFACTS_FOLDER), open)
  return open
}

/** An artifact whose conflict is not in the index any more: resolved, or given up with its merge. */
export async function closeArtifact(
  project: Project,
  artifact: ConflictArtifact,
  mergeHead: Oid | undefined,
): Promise<void> {
  const { repository } = project
  const remote = artifact.remote as Oid
  const head = await repository.resolve('HEAD')
  const merged =
    mergeHead === remote ||
    (head !== undefined && (await repository.hasObject(remote)) && (await repository.isAncestor(remote, head)))
  const fields = artifact.fields.map((field) =>
    merged && field.status === 'open' ? { ...field, status: 'merged' as const } : field,
  )
  const status = merged ? ('resolved' as const) : ('abandoned' as const)
  const { id, object, uid, worldId: world } = artifact
  const left = artifact.fields.filter((field) => field.status === 'open').map(({ field }) => field)
  const mode = merged ? ('merged' as const) : ('abandoned' as const)
  project.report.tell({ kind: 'conflict-resolved', world, id, object, uid, fields: left, mode })
  await writeArtifact(join(project.folder, ARTIFACTS_FOLDER), {
    ...artifact,
    status,
    fields,
    closedAt: new Date().toISOString(),
  })
}

/** A conflict of git's own, of which nothing is written down. */
function gitsOwn(
  { lobby }: Project,
  object: ObjectKey | undefined,
  path: string,
): Omit<OpenConflict, 'fields' | 'unmerged'> {
  const worldId = lobby?.targets[lobby.defaultTarget]?.worldId ?? ''
  return { id: conflictId(worldId, object ?? (path as ObjectKey)), object, path, source: 'git', artifact: undefined }
}

/** What a plain git merge left in one file, object by object where it can be told. */
async function gitConflict(
  project: Project,
  path: string,
  entry: UnmergedPath,
  policy: Policy | undefined,
): Promise<readonly OpenConflict[]> {
  const { repository } = project
  const whole = (object: ObjectKey | undefined, fields: readonly ArtifactField[]): OpenConflict => ({
    ...gitsOwn(project, object, path),
    fields,
    unmerged: [entry],
  })
  if (entry.ours === undefined || entry.theirs === undefined) {
    const both = await anotherObject(project, entry)
    return [{ ...whole(undefined, []), ...(both === undefined ? {} : { both }) }]
  }
  const oids = [entry.base, entry.ours, entry.theirs]
  const blobs = await repository.readBlobs(oids.filter((oid) => oid !== undefined))
  const [base, ours, theirs] = oids.map((oid) => (oid === undefined ? undefined : blobs.get(oid)))
  const merge = mergeWorldFile(
    path,
    { base, ours: ours!, theirs: theirs! },
    { policy, labels: { ours: 'HEAD', theirs: 'MERGE_HEAD' } },
  )
  if (merge.kind !== 'contested') return [whole(undefined, [])]
  const byObject = new Map<ObjectKey, ArtifactField[]>()
  for (const { key, path: field, terms } of merge.fields) {
    const fields = byObject.get(key) ?? []
    byObject.set(key, fields)
    fields.push({
      field: contestedName(field),
      path: [...field],
      base: artifactSide(terms.base),
      local: artifactSide(terms.ours),
      remote: artifactSide(terms.theirs),
      files: [path],
      status: 'open',
    })
  }
  return [...byObject].map(([key, fields]) => whole(key, fields))
}
