import { mergeWorldFile } from '../git-bridge/merge-file.ts'
import { isJsonPath } from '../git-bridge/object-docs.ts'
import { findMarkers } from '../projection/markers.ts'
import { isWorldOwned } from '../projection/paths.ts'
import { closeArtifact, openConflicts } from './conflicts.ts'
import { readUnmerged } from './index-stages.ts'
import { openLabels } from './leave-conflicts.ts'
import { policyOfMerge } from './merge-policy.ts'
import { takeProcessLock } from './process-lock.ts'
import type { Project } from './session.ts'
import { applySettled, type SettledFile, worktreeFile } from './settle-files.ts'
import { requireBidirectional, type Switches } from './switches.ts'

export interface RestageReport {
  /** Files, relative to the project, that merge by field without a conflict. */
  readonly merged: readonly string[]
  /** Files whose stages differ in the contested fields alone now. */
  readonly restaged: readonly string[]
  readonly left: readonly { readonly path: string; readonly reason: string }[]
  /** Conflicts that are still open. */
  readonly open: number
}

/**
 * Turns the conflicts of a plain git merge into ours (C2): files of the world are merged by field, what is contested
 * becomes three stages that differ in nothing else. A file that has no markers any more was edited and stays.
 */
export async function restage(project: Project, switches: Switches): Promise<RestageReport> {
  requireBidirectional(switches, 'sync resolve --restage')
  const { repository, prefix } = project
  const lock = await takeProcessLock(project, 'sync resolve')
  try {
    const files = new Map<string, SettledFile>()
    const left: { path: string; reason: string }[] = []
    const { conflicts: before, stale, mergeHead } = await openConflicts(project)
    const policy = await policyOfMerge(project, mergeHead)
    const ofPull = new Set(
      before.flatMap(({ source, unmerged }) => (source === 'merge' ? unmerged.map((u) => u.path) : [])),
    )
    for (const entry of await readUnmerged(repository)) {
      const path = entry.path.slice(prefix.length)
      if (!entry.path.startsWith(prefix) || !isWorldOwned(path)) continue
      const leave = (reason: string) => left.push({ path, reason })
      if (ofPull.has(entry.path)) leave('it is in conflict as a pull has left it')
      else if (entry.ours === undefined || entry.theirs === undefined) leave('one side deleted it')
      else if (!isJsonPath(path)) leave('it is merged as text or not at all')
      else if (!(await hasMarkers(project, path))) leave('it was edited: "--use merged" takes it')
      else {
        const oids = [entry.base, entry.ours, entry.theirs]
        const blobs = await repository.readBlobs(oids.filter((oid) => oid !== undefined))
        const [base, ours, theirs] = oids.map((oid) => (oid === undefined ? undefined : blobs.get(oid)))
        const merge = mergeWorldFile(
          path,
          { base, ours: ours!, theirs: theirs! },
          { policy, labels: { ours: 'HEAD', theirs: 'MERGE_HEAD' } },
        )
        if (merge.kind === 'unfit') leave(merge.reason)
        else files.set(path, merge)
      }
    }
    // What git has counts from now on.
    for (const artifact of stale) await closeArtifact(project, artifact, undefined)
    await applySettled(project, files, await openLabels(project, mergeHead))
    const of = (kind: SettledFile['kind']) => [...files].filter(([, file]) => file.kind === kind).map(([path]) => path)
    const { conflicts } = await openConflicts(project)
    return { merged: of('merged'), restaged: of('contested'), left, open: conflicts.length }
  } finally {
    await lock.release()
  }
}

async function hasMarkers(project: Project, path: string): Promise<boolean> {
  const bytes = await worktreeFile(project, path)
  return bytes !== undefined && findMarkers(bytes) !== undefined
}
