import { join } from 'node:path'
import type { ConflictLabels } from '../git-bridge/conflict-markers.ts'
import type { Oid } from '../git-bridge/repository.ts'
import type { WorldConflict, WorldMerge } from '../git-bridge/world-merge.ts'
import { ARTIFACTS_FOLDER, type ConflictArtifact, readArtifacts } from './conflict-artifact.ts'
import { openConflicts } from './conflicts.ts'
import type { FetchReport } from './fetch.ts'
import { makeArtifacts } from './make-artifacts.ts'
import { openMerge, type PlannedMerge } from './merge-commit.ts'
import type { Project, Session } from './session.ts'
import { text } from './working-tree.ts'

/** The names behind the markers: git's own for our side, the remote ref for the world's; the base where the user wants it. */
export async function conflictLabels(project: Project, theirs: string): Promise<ConflictLabels> {
  const style = await project.repository.run(['config', '--get', 'merge.conflictStyle'], { allowFailure: true })
  const withBase = /^z?diff3$/.test(text(style.stdout).trim())
  return { ours: 'HEAD', theirs, ...(withBase ? { base: 'baseline' } : {}) }
}

/** {@link conflictLabels} for a merge that is open: the remote ref where it is the world's line that is being merged. */
export async function openLabels(project: Project, mergeHead: Oid | undefined): Promise<ConflictLabels> {
  const refs = mergeHead === undefined ? new Map<string, Oid>() : await project.repository.listRefs('refs/lobby/')
  const ref = [...refs].find(([, oid]) => oid === mergeHead)?.[0]
  return conflictLabels(project, ref ?? 'MERGE_HEAD')
}

/**
 * Leaves a contested merge as an open git merge (C1), with an artifact for each conflicted object (C3). `planned.tree` is
 * what is to stand in the working tree.
 */
export async function leaveConflicts(
  session: Session,
  planned: Omit<PlannedMerge, 'conflicts'>,
  { files }: WorldConflict,
  artifacts: readonly ConflictArtifact[],
): Promise<void> {
  const { prefix } = session
  const conflicts = files.map(({ path, mode, stages }) => ({
    path: prefix + path,
    mode,
    base: stages.base,
    ours: stages.ours,
    theirs: stages.theirs,
  }))
  await openMerge(session, { ...planned, conflicts, artifacts })
}

/** An artifact for each contested object of a merge. */
export async function describeConflicts(
  session: Session,
  merge: WorldMerge,
  fetched: FetchReport,
  head: Oid,
  base: Oid | undefined,
): Promise<readonly ConflictArtifact[]> {
  // Earlier ones are told how they ended, before they become history.
  await openConflicts(session)
  const known = await readArtifacts(join(session.folder, ARTIFACTS_FOLDER))
  const { contested, resolved, conflict } = merge
  const { worldId, tip, cursor } = fetched
  const files = conflict?.files ?? []
  return makeArtifacts(session, { worldId, base, head, tip, cursor, contested, resolved, files }, known, new Date())
}
