import type { Oid } from '../git-bridge/repository.ts'
import type { MarkerPlace } from '../projection/markers.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { checkChanges } from './check-changes.ts'
import {
  type CheckedConflict,
  filesWithMarkers,
  isOwned,
  keptConflicts,
  markerConflicts,
  unmergedConflicts,
} from './check-conflicts.ts'
import { type CheckedProblem, checkAllFiles, type Layout, lobbyFailure, lobbyProblems } from './check-files.ts'
import { openForCheck } from './check-project.ts'
import { type CheckedTree, treeOfIndex } from './check-tree.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import { isMixed } from './mixed-layouts.ts'
import { readRefused } from './refused.ts'
import type { Context, Project } from './session.ts'
import { readSwitches } from './switches.ts'
import type { Environment } from './target.ts'

export type { CheckedConflict } from './check-conflicts.ts'
export type { CheckedProblem } from './check-files.ts'

/** What is checked. */
export type CheckSource =
  /** The files as they are in the working tree, tracked or not. */
  | { readonly kind: 'working' }
  /** What the index holds: what a commit would record. */
  | { readonly kind: 'staged' }
  | { readonly kind: 'commit'; readonly revision: string }
  /** What git tells its pre-push hook: a line for each ref that would be pushed. */
  | { readonly kind: 'pre-push'; readonly lines: string }

export interface RefusedObject {
  readonly object: string
  readonly reason: string
}

/** What a check found; all paths relative to the top of the repository. */
export interface CheckReport {
  readonly conflicts: readonly CheckedConflict[]
  readonly problems: readonly CheckedProblem[]
  /** Objects that the runtime sent and that were refused when they were fetched (S1). */
  readonly refused: readonly RefusedObject[]
  readonly warnings: readonly string[]
  /** How many world-owned files were looked at. */
  readonly files: number
}

/**
 * Looks for what must not be committed, pushed or deployed: open conflicts, world files that do not validate, objects
 * that were refused (C5). Asks no server, writes nothing but git objects, and works wherever a project is checked out.
 * Throws `unknown_revision` and what `openProject` throws.
 */
export async function check(context: Context, source: CheckSource): Promise<CheckReport> {
  const project = await openForCheck(context)
  try {
    switch (source.kind) {
      case 'working': {
        const found = await checkWorking(project, context.env)
        return withSurroundings(project, context.env, found, found.layout)
      }
      case 'staged':
        return forHooks(project, context.env, await checkStaged(project, context.env))
      case 'commit': {
        const commit = await project.repository.resolve(source.revision)
        if (commit === undefined) {
          throw new SyncError('unknown_revision', `"${source.revision}" is no commit of this repository.`, {
            hint: 'Name a branch, a tag or a commit; a shallow clone has only its newest ones.',
            data: { revision: source.revision },
          })
        }
        const found = await checkTree(project, { tree: commit, unmerged: [] }, undefined, commit)
        return withSurroundings(project, context.env, found, found.layout)
      }
      case 'pre-push':
        return forHooks(project, context.env, await checkPushed(project, source.lines))
    }
  } finally {
    await project.repository.close()
  }
}

/** What one tree showed. */
interface Found {
  readonly conflicts: readonly CheckedConflict[]
  readonly problems: readonly CheckedProblem[]
  readonly warnings: readonly string[]
  readonly files: number
}

async function checkWorking(project: Project, env: Environment): Promise<Found & { readonly layout: Layout }> {
  const [checked, head] = await Promise.all([treeOfIndex(project, env, 'working'), project.repository.resolve('HEAD')])
  const found = await checkTree(project, checked, head)
  // A file that git ignores is in no tree, and is read by every other command.
  const listed = [...found.conflicts, ...found.problems].some(({ path }) => path === project.prefix + LOBBY_FILE)
  const unread = listed ? undefined : await lobbyFailure(project)
  return unread === undefined ? found : { ...found, problems: [...found.problems, unread] }
}

/** What a commit would record: what it changes, or everything where that is much, or where there is no commit yet. */
async function checkStaged(project: Project, env: Environment): Promise<Found> {
  const [checked, head] = await Promise.all([treeOfIndex(project, env, 'staged'), project.repository.resolve('HEAD')])
  const mixed = head === undefined ? [] : await mixedLayouts(project, head)
  const changes = head === undefined ? undefined : await checkChanges(project, head, checked.tree)
  if (changes === undefined) {
    const found = await checkTree(project, checked, head)
    return { ...found, problems: [...mixed, ...found.problems] }
  }
  const paths = [...changes.files.map((path) => project.prefix + path), ...checked.unmerged.map(({ path }) => path)]
  const markers = await filesWithMarkers(
    project,
    checked.tree,
    [...new Set(paths)].filter((path) => isOwned(project, path)),
  )
  const problems = [...mixed, ...changes.problems]
  return gather(project, checked, head, markers, { ...changes, problems, files: changes.files.length })
}

/** A merge under way that git cannot make (G8). */
async function mixedLayouts(project: Project, head: Oid): Promise<readonly CheckedProblem[]> {
  const theirs = await project.repository.resolve('MERGE_HEAD')
  if (theirs === undefined || !(await isMixed(project, head, theirs))) return []
  const message =
    'this merge is of two layouts, and edits of one side would be dropped: give it up ("git merge --abort"), run "gamedev sync layout" on the branch that has the old one, and merge then'
  return [{ path: MANIFEST_FILE, code: 'layout_mismatch', message }]
}

/** The tip of each ref that is pushed; several refs often name one commit. */
async function checkPushed(project: Project, lines: string): Promise<Found> {
  const tips = new Set<Oid>()
  for (const line of lines.split('\n')) {
    const [local, oid, remote] = line.trim().split(' ')
    if (local === undefined || oid === undefined || remote === undefined || /^0*$/.test(oid)) continue
    // The world's own line says what the world did; nobody can correct it.
    if (local.startsWith('refs/lobby/') || remote.startsWith('refs/lobby/')) continue
    const commit = await project.repository.resolve(oid)
    if (commit !== undefined) tips.add(commit)
  }
  const conflicts = new Map<string, CheckedConflict>()
  const problems = new Map<string, CheckedProblem>()
  const warnings = new Set<string>()
  let files = 0
  for (const tree of tips) {
    const found = await checkTree(project, { tree, unmerged: [] }, undefined, tree)
    for (const conflict of found.conflicts) conflicts.set(JSON.stringify(conflict), conflict)
    for (const problem of found.problems) problems.set(JSON.stringify(problem), problem)
    for (const warning of found.warnings) warnings.add(warning)
    files = Math.max(files, found.files)
  }
  return { conflicts: [...conflicts.values()], problems: [...problems.values()], warnings: [...warnings], files }
}

async function checkTree(
  project: Project,
  checked: CheckedTree,
  before: Oid | undefined,
  head: Oid | undefined = before,
): Promise<Found & { readonly layout: Layout }> {
  const [markers, all] = await Promise.all([
    filesWithMarkers(project, checked.tree),
    checkAllFiles(project, checked.tree, head),
  ])
  return { ...(await gather(project, checked, before, markers, all)), layout: all.layout }
}

/** Conflicts and problems of a tree, each file's conflict said once: by the index, else by its markers. */
async function gather(
  project: Project,
  { tree, unmerged }: CheckedTree,
  before: Oid | undefined,
  markers: ReadonlyMap<string, MarkerPlace>,
  read: Pick<Found, 'problems' | 'warnings' | 'files'>,
): Promise<Found> {
  const problems = [...read.problems, ...(await lobbyProblems(project, tree))].map((problem) => ({
    ...problem,
    path: project.prefix + problem.path,
  }))
  const places = new Map(markers)
  for (const { code, path, line, column } of problems) {
    if (code === 'conflict_markers' && line !== undefined && column !== undefined && !places.has(path))
      places.set(path, { line, column })
  }
  const open = await unmergedConflicts(project, unmerged, places)
  for (const { path } of open) places.delete(path)
  return {
    conflicts: [...open, ...(await markerConflicts(project, places, before)), ...(await keptConflicts(project, tree))],
    problems: problems.filter(({ code }) => code !== 'conflict_markers'),
    warnings: read.warnings,
    files: read.files,
  }
}

/** A report with what does not stand in the files: it concerns people and CI, not a single commit or push. */
async function withSurroundings(
  project: Project,
  env: Environment,
  found: Found,
  layout: Layout,
): Promise<CheckReport> {
  const { refused, warnings } = await refusedObjects(project)
  const missing = layout === 'none' ? [] : await driverWarnings(project, env)
  const { conflicts, problems, files } = found
  return { conflicts, problems, files, refused, warnings: [...found.warnings, ...missing, ...warnings] }
}

/**
 * A report for git's hooks: nobody can commit away what the runtime sent, so they do not hear of it; and where conflicts
 * are kept open on purpose (C6), they are committed and pushed like everything else. CI goes on failing until they are
 * resolved.
 */
async function forHooks({ folder }: Project, env: Environment, found: Found): Promise<CheckReport> {
  const { conflicts, problems, warnings, files } = found
  const kept = conflicts.filter(({ kind }) => kind === 'kept')
  if (kept.length === 0 || (await readSwitches(folder, env)).strictConflicts) {
    return { conflicts, problems, files, refused: [], warnings }
  }
  const warning = `Conflicts are kept open: ${kept.map(({ object, path }) => object ?? path).join(', ')}.`
  return {
    conflicts: conflicts.filter(({ kind }) => kind !== 'kept'),
    problems,
    files,
    refused: [],
    warnings: [...warnings, warning],
  }
}

const NO_DRIVER_HERE =
  'This clone does not know the merge driver that .gitattributes names: run "gamedev sync merge-driver --install" once.'
const NO_MERGE_DRIVER =
  'No .gitattributes names "merge=gamedev" for world files, and the merge of lines that git does then can be wrong on them.'

/** What this clone lacks for plain git to merge world files by field. */
async function driverWarnings(project: Project, env: Environment): Promise<readonly string[]> {
  const { mergeDriverState } = await import('./merge-driver-setup.ts')
  const { attributes, config } = await mergeDriverState(project)
  if (!attributes) return [NO_MERGE_DRIVER]
  // CI merges nothing.
  return config || env.CI ? [] : [NO_DRIVER_HERE]
}

/** Objects that fetches refused (S1). */
async function refusedObjects(project: Project): Promise<{
  readonly refused: readonly RefusedObject[]
  readonly warnings: readonly string[]
}> {
  const known = await readRefused(project)
  if (known === undefined)
    return { refused: [], warnings: ['What was refused cannot be read: fetch again to know it.'] }
  return { refused: [...known].map(([object, reason]) => ({ object, reason })), warnings: [] }
}
