import { type Converted, convertLayout } from '../git-bridge/convert-layout.ts'
import { isLayoutChange, LAYOUT, layoutAt, layoutName } from '../git-bridge/layout.ts'
import type { Layout } from '../git-bridge/materializer.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { authorOf, committerOf, formatTrailers, harmless, oneLine, readTrailers } from '../git-bridge/trailers.ts'
import { assert, SyncError } from '../world/errors.ts'
import { withAutostash } from './autostash.ts'
import { rememberSeen } from './baseline.ts'
import { checkIdentities } from './check-identity.ts'
import { changedFiles } from './check-out.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { refMoved } from './line-errors.ts'
import { commitMerge, localChanges } from './merge-commit.ts'
import type { Project, Session } from './session.ts'
import { type LineCommit, readLineCommit } from './tip.ts'
import type { Branch } from './working-tree.ts'

/** A merge that brought nothing but another layout. */
export interface LayoutTaken {
  readonly head: Oid
  /** Files that it wrote or deleted. */
  readonly files: number
}

/** The branch's files in another layout, whosever they are (M8), spelled as the line's where they say the same. */
export async function convertBranch(project: Project, head: Oid, layout: Layout, like?: Oid): Promise<Converted> {
  const { repository, prefix } = project
  const { identities } = await checkIdentities(project, head, head)
  return convertLayout(repository, head, prefix, layout, { identities, ...(like === undefined ? {} : { like }) })
}

/**
 * Merges a branch that has taken in the line up to a layout change with that change (G8): the branch's own objects, said
 * by the other files. As the change changes no value, nothing can be contested.
 *
 * Throws `kept_conflicts`, `not_a_layout_change`, what {@link convertLayout} and {@link commitMerge} throw.
 */
export async function takeLayoutChange(
  session: Session,
  { name: branch, head }: Branch,
  change: Commit,
  options: { readonly autostash: boolean },
): Promise<LayoutTaken> {
  const { repository, prefix } = session
  const layout = await layoutAt(repository, change.oid, prefix)
  assert(layout !== undefined, 'a line always has a layout')
  await requireMere(session, change, layout)
  await requireSettled(session, head)
  const { edits, dropped } = await convertBranch(session, head, layout, change.oid)
  sayDropped(session, dropped)
  const tree = await repository.writeTree((await repository.readCommit(head)).tree, [
    ...edits,
    ...(await rememberSeen(session, head, change.oid)),
  ])
  const { worldId, cursor } = readTrailers(change)!
  const message = `${harmless(`Merge the layout of world ${worldId} at ${cursor}: ${layoutName(layout)}`)}\n`
  const planned = { branch, head, tip: change.oid, tree, message }
  const work = async () => ({ head: await commitMerge(session, planned), files: edits.length })
  return options.autostash ? withAutostash(session, work) : work()
}

/**
 * Refuses what would stop {@link takeLayoutChange} on a branch, before anything is written for all. Throws what that
 * throws.
 */
export async function requireTakeable(
  session: Session,
  { head }: Branch,
  layout: Layout,
  options: { readonly autostash: boolean },
): Promise<void> {
  await requireSettled(session, head)
  const { edits } = await convertBranch(session, head, layout)
  if (options.autostash) return
  const paths = edits.map(({ path }) => path)
  const blocked = await changedFiles(session.repository, head, paths)
  if (blocked.length > 0) throw localChanges(blocked)
}

/** Fields of a manifest that files per entity have no place for. */
export function sayDropped({ context }: Pick<Session, 'context'>, dropped: readonly string[]): void {
  if (dropped.length === 0) return
  const names = dropped.map((name) => oneLine(name, 40)).join(', ')
  context.progress.warn(`world.json has more than a world at its top (${names}): that stays in git's history alone.`)
}

/**
 * What calls itself a change of the layout is believed when it changes nothing else: it is merged as if it did not. Throws
 * `not_a_layout_change`.
 */
export async function requireMere({ repository, prefix }: Session, change: Commit, layout: Layout): Promise<void> {
  const [parent] = change.parents
  const is = parent !== undefined && isLayoutChange(change)
  const { edits } = is ? await convertLayout(repository, parent, prefix, layout) : { edits: [] }
  const tree = is ? await repository.writeTree((await repository.readCommit(parent)).tree, edits) : undefined
  if (tree === change.tree) return
  throw new SyncError('not_a_layout_change', `Commit ${change.oid.slice(0, 10)} changes more than the layout.`, {
    exitCode: 5,
    hint: `Nothing was changed. Look at "git show --stat ${change.oid.slice(0, 10)}": it was not made by "gamedev sync layout".`,
    data: { commit: change.oid },
  })
}

/** Conflicts that are kept open (C6) name files of the layout that they came in. */
async function requireSettled({ repository, prefix }: Session, head: Oid): Promise<void> {
  const kept = await repository.lookup(head, prefix + KEPT_FOLDER)
  if (kept === undefined) return
  throw new SyncError('kept_conflicts', 'Conflicts are kept open in lobby.conflicts/, and name files that would go.', {
    exitCode: 2,
    hint: 'Settle them first ("gamedev sync conflicts", "gamedev sync resolve") and commit; then run the command again.',
  })
}

/**
 * Puts a commit on the line that says the same world in another layout (G8), at the same cursor. Deterministic: whoever
 * changes the layout of the same tip makes the same commit. Throws `ref_moved`.
 */
export async function writeLayoutChange(session: Session, tip: LineCommit, layout: Layout): Promise<Commit> {
  const { repository, prefix, ref } = session
  const { worldId, cursor, opId, cleaned } = tip.trailers
  const { edits } = await convertLayout(repository, tip.oid, prefix, layout)
  const committer = committerOf('', tip.time)
  const trailers = formatTrailers({ worldId, cursor, opId, source: LAYOUT, object: LAYOUT, cleaned })
  const commit = {
    author: { ...authorOf({ actor: LAYOUT, ts: '' }, worldId), time: committer.time },
    committer,
    message: `layout: ${layoutName(layout)}\n\n${trailers}`,
    edits,
  }
  const outcome = await repository.importCommits(ref, tip.oid, tip.oid, [commit], 'gamedev sync: layout')
  if (outcome.kind === 'moved') throw refMoved(ref)
  return repository.readCommit(outcome.tip)
}

/**
 * A change to a layout that another branch has and this one has not, a teammate's that `git fetch` brought for example:
 * the newest one about this world among local and remote-tracking branches.
 */
export async function findLayoutChange(
  { repository, prefix }: Session,
  head: Oid,
  worldId: string,
  layout: Layout,
): Promise<LineCommit | undefined> {
  const [heads, remotes] = await Promise.all(
    ['refs/heads/', 'refs/remotes/'].map((below) => repository.listRefs(below)),
  )
  const tips = [...new Set([...heads!.values(), ...remotes!.values()])].filter((oid) => oid !== head)
  if (tips.length === 0) return undefined
  for await (const commit of repository.log({ include: tips, exclude: [head] })) {
    if (!isLayoutChange(commit)) continue
    const line = await readLineCommit(repository, commit.oid, worldId)
    if (line === undefined || (await layoutAt(repository, line.oid, prefix)) !== layout) continue
    if ((await repository.mergeBase(head, line.oid)) !== undefined) return line
  }
  return undefined
}
