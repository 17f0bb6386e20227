import { join } from 'node:path'
import { mergeWorldFile } from '../git-bridge/merge-file.ts'
import { isJsonPath, readDoc } from '../git-bridge/object-docs.ts'
import { findMarkers, settleMarkers } from '../projection/markers.ts'
import { DEFAULT_POLICY, type Policy, withoutOwners } from '../resolvers/policy.ts'
import { SyncError } from '../world/errors.ts'
import type { ObjectKey } from '../world/state.ts'
import { type Chosen, choose, refuseStale, stale } from './choose-conflicts.ts'
import { ARTIFACTS_FOLDER, type ConflictArtifact, readArtifacts, writeArtifact } from './conflict-artifact.ts'
import { type OpenConflict, type OpenConflicts, openConflicts } from './conflicts.ts'
import type { UnmergedPath } from './index-stages.ts'
import { openLabels } from './leave-conflicts.ts'
import { recoverMerge } from './merge-commit.ts'
import { policyOfMerge } from './merge-policy.ts'
import { takeProcessLock } from './process-lock.ts'
import { resolveKept } from './resolve-kept.ts'
import type { Project } from './session.ts'
import {
  applySettled,
  type Choice,
  type SettledFile,
  type Stages,
  settleFile,
  type Unfit,
  worktreeFile,
  worktreeOid,
} from './settle-files.ts'
import { requireBidirectional, type Switches } from './switches.ts'
import { isAsMerged } from './untouched.ts'

export type Use = 'local' | 'remote' | 'merged'

export interface ResolveOptions {
  /** Ids of conflicts, of objects, or paths of files; with `all`, none. */
  readonly names: readonly string[]
  readonly all: boolean
  readonly use: Use
  /** Only this field of the conflict. */
  readonly field: string | undefined
}

export interface Resolved {
  readonly id: string
  readonly object: ObjectKey | undefined
  readonly path: string
  /** The fields that were settled; none where the whole file was. */
  readonly fields: readonly string[]
}

export interface ResolveReport {
  readonly use: Use
  readonly resolved: readonly Resolved[]
  /** Conflicts that are still open. */
  readonly open: readonly OpenConflict[]
  /** Whether a merge waits for `git commit`. */
  readonly merging: boolean
}

/**
 * Settles conflicts, in file and index together (C4): `local` and `remote` take one side's value of the contested fields
 * and leave all else as it is merged; `merged` takes the file as the user has edited it. All or nothing, those of a merge
 * and those kept open apart.
 *
 * Throws, having changed nothing: `no_conflicts`, `unknown_conflict`, `stale_conflict`, `unknown_field`, `file_edited`,
 * `markers_left`, `invalid_files`.
 */
export async function resolve(project: Project, switches: Switches, options: ResolveOptions): Promise<ResolveReport> {
  requireBidirectional(switches, 'sync resolve')
  const lock = await takeProcessLock(project, 'sync resolve')
  try {
    await recoverMerge(project)
    const found = await openConflicts(project)
    const chosen = await choose(project, found.conflicts, options)
    for (const conflict of chosen.keys()) await refuseStale(project, conflict, found)
    const shown: Chosen = new Map([...chosen].filter(([{ source }]) => source !== 'kept'))
    const kept = [...chosen.keys()].filter(({ source }) => source === 'kept')
    const resolved =
      options.use === 'merged'
        ? await takeEdited(project, shown, found.conflicts)
        : await takeSide(project, shown, found, options.use)
    resolved.push(...(await resolveKept(project, kept, options)))
    for (const { id, object, path, fields } of resolved) {
      const { worldId: world, uid } = found.conflicts.find((conflict) => conflict.id === id)?.artifact ?? {}
      const about = { world, uid, object: object ?? (path as ObjectKey) }
      project.report.tell({ kind: 'conflict-resolved', ...about, id, fields, mode: options.use })
    }
    const { conflicts, mergeHead } = await openConflicts(project)
    return { use: options.use, resolved, open: conflicts, merging: mergeHead !== undefined }
  } finally {
    await lock.release()
  }
}

/** `local` and `remote`: one side's values. */
async function takeSide(
  project: Project,
  picked: Chosen,
  { conflicts: all, mergeHead }: OpenConflicts,
  use: 'local' | 'remote',
): Promise<Resolved[]> {
  const { repository, prefix } = project
  const side = use === 'local' ? 'ours' : 'theirs'
  const settled = new Map<string, SettledFile>()
  const resolved = [...picked].map(([{ id, object, path }, fields]) => {
    return { id, object, path, fields: fields.map((f) => f.field) }
  })
  const policy = await policyOfMerge(project, mergeHead)
  const paths = new Map<string, UnmergedPath>()
  const both = new Map([...picked.keys()].flatMap((conflict) => [...(conflict.both ?? [])]))
  for (const [conflict, fields] of picked) {
    const wanted = new Set(fields.flatMap(({ files }) => files))
    for (const entry of conflict.unmerged) {
      const path = entry.path.slice(prefix.length)
      if (fields.length === 0 || wanted.has(path)) paths.set(path, entry)
    }
  }
  for (const [path, entry] of paths) {
    const oids = [entry.base, entry.ours, entry.theirs]
    const blobs = await repository.readBlobs(oids.filter((oid) => oid !== undefined))
    const [base, ours, theirs] = oids.map((oid) => (oid === undefined ? undefined : blobs.get(oid)))
    const own = all.some(({ source, unmerged }) => source === 'merge' && unmerged.includes(entry))
    const sides = { base, ours, theirs }
    const stages = own ? { kind: 'contested' as const, stages: sides } : restaged(path, sides, policy)
    const settle = (chosen: 'ours' | 'theirs'): SettledFile | Unfit => {
      const choices: Choice[] = all
        .filter(({ object, unmerged }) => object !== undefined && unmerged.some((other) => other.path === entry.path))
        .flatMap((conflict) =>
          conflict.fields
            .filter(({ files }) => files.includes(path))
            .map((f) => ({
              key: conflict.object!,
              path: f.path,
              use: picked.get(conflict)?.includes(f) ? chosen : undefined,
            })),
        )
      if (both.has(entry.path)) return { kind: 'merged', bytes: both.get(entry.path) }
      const one = choices.length === 0 ? [{ key: '' as Choice['key'], path: [], use: chosen } as const] : choices
      const file = stages.kind === 'merged' ? stages : settleFile(path, stages.stages, one)
      return file.kind === 'merged' && isMoved(entry) ? withoutMarkers(file, chosen) : file
    }
    const file = settle(side)
    if (file.kind === 'unfit') throw unfit(path, all)
    // Whatever the rules were when git merged: the driver may have seen those of another commit.
    const shown = own
      ? []
      : [policy, withoutOwners(policy), withoutOwners(DEFAULT_POLICY)].map((rules) => restaged(path, sides, rules))
    const asMerged = shown.flatMap((one) => (one.kind === 'contested' ? [one.stages] : []))
    // An interrupted run has written the file already, maybe with the other side; what it left contested has markers still.
    const written = [file, settle(side === 'ours' ? 'theirs' : 'ours')]
    const left = written.flatMap((one) => (one.kind === 'contested' ? [one.stages] : []))
    await refuseEdited(project, path, all, written, [sides, ...asMerged, ...left])
    settled.set(path, file)
  }
  if (settled.size === 0) return resolved
  const applied = await applySettled(project, settled, await openLabels(project, mergeHead))
  await updateArtifacts(project, picked, applied, use)
  return resolved
}

/** At the new place of a file that was moved twice, git's stage is no side's content, but what was merged of both. */
function isMoved({ base, ours, theirs }: UnmergedPath): boolean {
  return base === undefined && (ours === undefined) !== (theirs === undefined)
}

function withoutMarkers(file: SettledFile & { kind: 'merged' }, side: 'ours' | 'theirs'): SettledFile {
  return { kind: 'merged', bytes: file.bytes && settleMarkers(file.bytes, side) }
}

/** The stages of a plain git merge as ours would be: only what is contested differs. */
function restaged(
  path: string,
  stages: Stages,
  policy: Policy,
): { readonly kind: 'merged'; readonly bytes: Uint8Array } | { readonly kind: 'contested'; readonly stages: Stages } {
  const { base, ours, theirs } = stages
  if (ours === undefined || theirs === undefined || !isJsonPath(path)) return { kind: 'contested', stages }
  const merge = mergeWorldFile(path, { base, ours, theirs }, { policy, labels: { ours: 'HEAD', theirs: 'MERGE_HEAD' } })
  if (merge.kind === 'merged') return { kind: 'merged', bytes: merge.bytes }
  if (merge.kind === 'contested') return { kind: 'contested', stages: merge.stages }
  throw new SyncError('unfit_file', `${path} cannot be merged by field: ${merge.reason}.`, {
    hint: `Edit the file, then run "gamedev sync resolve ${path} --use merged".`,
    data: { path },
  })
}

/** A file is taken as a whole: all that is contested in it must be meant. Throws `settles_more`. */
function refuseUnnamed(chosen: Chosen, all: readonly OpenConflict[], paths: ReadonlySet<string>): void {
  const others = all.flatMap((conflict) =>
    conflict.fields
      .filter((field) => field.files.some((file) => paths.has(file)) && !chosen.get(conflict)?.includes(field))
      .map((field) => `${conflict.object ?? conflict.path} ${field.field}`),
  )
  if (others.length === 0) return
  throw new SyncError(
    'settles_more',
    `The same file is contested in ${others.join(', ')} as well; nothing was changed.`,
    {
      hint: 'With --use merged a file is taken as a whole: name these too, or leave --field out, or pass --all.',
      data: { others },
    },
  )
}

function unfit(path: string, all: readonly OpenConflict[]): SyncError {
  const known = all.find(({ artifact }) => artifact?.files.some((file) => file.path === path) === true)?.artifact
  return known === undefined
    ? new SyncError('unfit_file', `${path} cannot be settled by field; nothing was changed.`, {
        hint: `Edit the file, then run "gamedev sync resolve ${path} --use merged".`,
        data: { path },
      })
    : stale(known)
}

/** Only a file that is as the conflict left it is written over: what the user has edited is never lost. */
async function refuseEdited(
  project: Project,
  path: string,
  all: readonly OpenConflict[],
  written: readonly (SettledFile | Unfit)[],
  stages: readonly Stages[],
): Promise<void> {
  const known = all
    .flatMap(({ artifact, source }) => (source === 'merge' ? (artifact?.files ?? []) : []))
    .find((file) => file.path === path)
  const now = await worktreeOid(project, path)
  const oidOf = (bytes: Uint8Array | undefined) => bytes && project.repository.hashBlob(bytes)
  if (written.some((file) => file.kind === 'merged' && oidOf(file.bytes) === now)) return
  if (now !== undefined && now === known?.working) return
  const bytes = now === undefined ? undefined : await worktreeFile(project, path)
  if (bytes !== undefined && isAsMerged(path, bytes, stages)) return
  throw new SyncError('file_edited', `${path} was edited since the conflict came up; nothing was changed.`, {
    hint: `Keep your edit with --use merged, or bring the conflict back with "git checkout --merge -- ${path}".`,
    data: { path },
  })
}

/** `merged`: the files as the user has edited them. */
async function takeEdited(project: Project, chosen: Chosen, all: readonly OpenConflict[]): Promise<Resolved[]> {
  const { repository, prefix } = project
  const resolved: Resolved[] = []
  const picked = new Map<OpenConflict, OpenConflict['fields']>()
  const paths = new Set<string>()
  for (const [conflict, wanted] of chosen) {
    const shown = new Set(wanted.flatMap(({ files }) => files))
    const files = conflict.unmerged
      .map((entry) => entry.path.slice(prefix.length))
      .filter((path) => shown.size === 0 || shown.has(path))
    for (const path of files) paths.add(path)
    // A file is taken as a whole: with it, all that was contested in it.
    const fields = conflict.fields.filter((candidate) => candidate.files.every((file) => files.includes(file)))
    picked.set(conflict, fields)
    resolved.push({ id: conflict.id, object: conflict.object, path: conflict.path, fields: fields.map((f) => f.field) })
  }
  for (const path of paths) {
    const bytes = await worktreeFile(project, path)
    if (bytes === undefined) continue
    const place = findMarkers(bytes)
    if (place !== undefined) {
      throw new SyncError('markers_left', `${path}:${place.line}: conflict markers are still in the file.`, {
        exitCode: 2,
        hint: 'Edit the file, or choose a side with --use local or --use remote.',
        data: { path, ...place },
      })
    }
    if (isJsonPath(path) && readDoc(path, bytes) === undefined) {
      throw new SyncError('invalid_files', `${path} does not parse.`, {
        hint: 'Correct it ("gamedev sync check" says where), then run the command again.',
        data: { path },
      })
    }
  }
  refuseUnnamed(chosen, all, paths)
  if (paths.size > 0) {
    // Names are no patterns: another file's markers must not be staged with this one.
    const named = [...paths].map((path) => prefix + path)
    await repository.run(['--literal-pathspecs', 'add', '--all', '--', ...named])
    await updateArtifacts(project, picked, new Map(), 'merged')
  }
  return resolved
}

/** Artifacts keep what became of each field, and what the files hold that are still contested. */
async function updateArtifacts(
  project: Project,
  picked: ReadonlyMap<OpenConflict, OpenConflict['fields']>,
  applied: Awaited<ReturnType<typeof applySettled>>,
  use: Use,
): Promise<void> {
  const place = join(project.folder, ARTIFACTS_FOLDER)
  const settled = new Map([...picked].map(([{ id }, fields]) => [id, new Set(fields.map((f) => f.field))]))
  for (const artifact of (await readArtifacts(place)).values()) {
    if (artifact.status !== 'open') continue
    const names = settled.get(artifact.id)
    const fields = artifact.fields.map((f) => (f.status === 'open' && names?.has(f.field) ? { ...f, status: use } : f))
    const closed = fields.every(({ status }) => status !== 'open')
    // What is settled keeps the stages that it was settled from: they tell when that is taken back.
    const files = closed ? artifact.files : artifact.files.map((file) => withStages(file, applied.get(file.path)))
    if (names === undefined && files.every((file, index) => file === artifact.files[index])) continue
    await writeArtifact(place, {
      ...artifact,
      files,
      fields,
      ...(closed ? { status: 'resolved' as const, closedAt: new Date().toISOString() } : {}),
    })
  }
}

type ArtifactFile = ConflictArtifact['files'][number]
type Applied = Awaited<ReturnType<typeof applySettled>> extends ReadonlyMap<string, infer T> ? T : never

function withStages(file: ArtifactFile, now: Applied | undefined): ArtifactFile {
  if (now?.stages === undefined || now.working === undefined) return file
  const { base, ours, theirs } = now.stages
  const stages = { ...(base && { base }), ...(ours && { local: ours }), ...(theirs && { remote: theirs }) }
  return { path: file.path, stages, working: now.working }
}
