import type { Oid, TreeEdit } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { ResolvedObject, WorldMerge } from '../git-bridge/world-merge.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { recoverAutostash, withAutostash } from './autostash.ts'
import { baselineOf, rememberSeen } from './baseline.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { commitMerge, recoverMerge } from './merge-commit.ts'
import { takeProcessLock } from './process-lock.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'
import { type Branch, requireBranch } from './working-tree.ts'

export interface PullReport {
  readonly kind: 'up-to-date' | 'merged' | 'contested'
  readonly fetched: FetchReport
  readonly branch: string
  readonly head: Oid
  /** Operations' commits that the merge brought in, by author. */
  readonly byAuthor: ReadonlyMap<string, number>
  /** Files that the merge wrote or deleted. */
  readonly files: number
  /** Open conflicts: with `contested`, as git conflicts; with `merged`, kept open (C6). */
  readonly conflicts: readonly ConflictArtifact[]
  /** What both sides changed and a rule settled (M5). */
  readonly resolved: readonly ResolvedObject[]
}

export interface PullOptions {
  /** Asked before a pull that deletes more than half of the project's objects (G12). */
  readonly confirm: (question: string) => Promise<boolean>
  readonly autostash: boolean
}

/**
 * Fetches the world and merges it into the branch (G6, M1). What is contested is left as an open git merge (C1), or kept
 * open with our values where conflicts are not strict (C6).
 */
export async function pull(session: Session, options: PullOptions): Promise<PullReport> {
  requireBidirectional(session.switches, 'sync pull')
  const lock = await takeProcessLock(session.stateFolder, 'sync pull')
  try {
    await recoverMerge(session)
    await recoverAutostash(session)
    const branch = await requireBranch(session)
    const fetched = await fetchWorld(session)
    return await mergeTip(session, branch, fetched, options)
  } finally {
    await lock.release()
  }
}

async function mergeTip(
  session: Session,
  branch: Branch,
  fetched: FetchReport,
  options: PullOptions,
): Promise<PullReport> {
  const { repository } = session
  const { head } = branch
  const nothing = { byAuthor: new Map<string, number>(), files: 0, conflicts: [], resolved: [] }
  const report = { fetched, branch: branch.name, ...nothing }
  const base = await baselineOf(session, head, fetched.tip)
  if (base === fetched.tip) return { ...report, kind: 'up-to-date', head }
  const { mergeWorlds } = await import('../git-bridge/world-merge.ts')
  const commits = { base, ours: head, theirs: fetched.tip }
  const merge = await mergeWorlds(repository, session.prefix, commits, {
    policy: session.lobby?.policy,
    conflicts: async () => (await import('./leave-conflicts.ts')).conflictLabels(session, session.ref),
  })
  const tree = merge.tree ?? merge.conflict!.keptTree
  await guardDeletion(session, merge, tree, head, options)

  const byAuthor = await countByAuthor(session, base, fetched.tip)
  const done = { ...report, byAuthor, files: merge.incoming.length, resolved: merge.resolved }
  const planned = { branch: branch.name, head, tip: fetched.tip, message: mergeMessage(fetched, byAuthor) }
  const work = async (): Promise<PullReport> => {
    const strict = session.switches.strictConflicts
    const { conflicts, edits } = await openOnes(session, merge, tree, head, fetched, base)
    const seen = await rememberSeen(session, head, fetched.tip)
    const whole = (from: Oid) => repository.writeTree(from, [...edits, ...seen])
    if (merge.conflict !== undefined && strict) {
      const { leaveConflicts } = await import('./leave-conflicts.ts')
      await leaveConflicts(session, { ...planned, tree: await whole(merge.conflict.tree) }, merge.conflict, conflicts)
      return { ...done, kind: 'contested', head, conflicts }
    }
    const commit = await commitMerge(session, { ...planned, tree: await whole(tree) })
    return { ...done, kind: 'merged', head: commit, conflicts }
  }
  return options.autostash ? withAutostash(session, work, ({ kind }) => kind === 'contested') : work()
}

/** The conflicts of a merge, and what becomes of those that commits keep open (C6): mostly there are none of either. */
async function openOnes(
  session: Session,
  merge: WorldMerge,
  tree: Oid,
  head: Oid,
  fetched: FetchReport,
  base: Oid,
): Promise<{ readonly conflicts: readonly ConflictArtifact[]; readonly edits: readonly TreeEdit[] }> {
  const known = await session.repository.lookup(head, session.prefix + KEPT_FOLDER)
  if (merge.conflict === undefined && known === undefined) return { conflicts: [], edits: [] }
  const [{ keptEdits }, { describeConflicts }] = await Promise.all([
    import('./kept-conflicts.ts'),
    import('./leave-conflicts.ts'),
  ])
  const conflicts = merge.conflict === undefined ? [] : await describeConflicts(session, merge, fetched, head, base)
  const as = session.switches.strictConflicts ? 'shown' : 'kept'
  const edits = await keptEdits(session, { head, tree, tip: fetched.tip }, conflicts, as)
  return { conflicts, edits }
}

/** The objects of a tree by what identifies them without reading every file: a path, or an entity's key in a manifest. */
export async function objectsOf(session: Session, treeish: Oid): Promise<readonly string[]> {
  const { repository, prefix } = session
  const files = await repository.listFiles(treeish, prefix.slice(0, -1) || undefined)
  const paths = files
    .map((file) => file.path.slice(prefix.length))
    .filter((path) => classify(path).kind === 'entity' || classify(path).kind === 'blueprint')
  const [{ readUnits }, { unitsOf }] = await Promise.all([
    import('../git-bridge/tree-objects.ts'),
    import('../git-bridge/units.ts'),
  ])
  const manifest = await readUnits(repository, treeish, prefix, unitsOf([MANIFEST_FILE]))
  return [...paths, ...[...manifest.objects.keys()].filter((key) => key.startsWith('entity:'))]
}

/** G12: a world that lost most of its objects is more often a mistake than a wish. */
async function guardDeletion(
  session: Session,
  merge: WorldMerge,
  tree: Oid,
  head: Oid,
  options: PullOptions,
): Promise<void> {
  const { prefix } = session
  if (!merge.incoming.some((edit) => edit.kind === 'delete' || edit.path === `${prefix}${MANIFEST_FILE}`)) return
  const [before, after] = await Promise.all([objectsOf(session, head), objectsOf(session, tree)])
  // What went, whatever came beside it.
  const left = new Set(after)
  const gone = before.filter((object) => !left.has(object)).length
  const all = before.length
  if (gone * 2 <= all) return
  if (await options.confirm(`The world deleted ${gone} of the ${all} objects in this project. Delete them here too?`))
    return
  throw new SyncError(
    'mass_deletion',
    `The world deleted ${gone} of the ${all} objects in this project; nothing was changed.`,
    {
      exitCode: 5,
      hint: 'Look at "git log refs/lobby/remote"; to accept it, run the command again and confirm, or pass --yes.',
      data: { deleted: gone, objects: all },
    },
  )
}

export async function countByAuthor(session: Session, base: Oid, tip: Oid): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for await (const commit of session.repository.log({ include: [tip], exclude: [base] })) {
    if (readTrailers(commit) === undefined) continue
    counts.set(commit.author.name, (counts.get(commit.author.name) ?? 0) + 1)
  }
  return new Map([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)))
}

/** The message of a merge: which world, how far, and a summary by author (G6). */
export function mergeMessage(fetched: FetchReport, byAuthor: ReadonlyMap<string, number>): string {
  const total = [...byAuthor.values()].reduce((sum, count) => sum + count, 0)
  const lines = [...byAuthor].slice(0, 20).map(([author, count]) => `- ${author}: ${count}`)
  if (byAuthor.size > 20) lines.push(`- and ${byAuthor.size - 20} more`)
  const subject = `Merge world ${fetched.worldId} at ${fetched.cursor} (${plural(total, 'change')})`
  return lines.length === 0 ? `${subject}\n` : `${subject}\n\n${lines.join('\n')}\n`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
