import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Converted, convertLayout, isLayoutFile } from '../git-bridge/convert-layout.ts'
import { isLayoutChange, LAYOUT, layoutAt, layoutName } from '../git-bridge/layout.ts'
import type { Layout } from '../git-bridge/materializer.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { authorOf, committerOf, formatTrailers, harmless, oneLine, readTrailers } from '../git-bridge/trailers.ts'
import { assert, SyncError } from '../world/errors.ts'
import { rememberSeen } from './baseline.ts'
import { checkIdentities } from './check-identity.ts'
import { changedFiles, wouldOverwrite } from './check-out.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { refMoved } from './line-errors.ts'
import { commitMerge } from './merge-commit.ts'
import { readSeen } from './seen-files.ts'
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
 * Throws `kept_conflicts`, `local_changes`, `not_a_layout_change`, what {@link convertLayout} and {@link commitMerge} throw.
 */
export async function takeLayoutChange(session: Session, branch: Branch, change: Commit): Promise<LayoutTaken> {
  const { repository, prefix } = session
  const { name, head } = branch
  const layout = await layoutAt(repository, change.oid, prefix)
  assert(layout !== undefined, 'a line always has a layout')
  await requireMere(session, change, layout)
  const { edits, dropped } = await requireTakeable(session, branch, layout, change.oid)
  sayDropped(session, dropped)
  const { worldId, cursor } = readTrailers(change)!
  const [furthest] = await readSeen(repository, head, prefix, worldId)
  const tree = await repository.writeTree((await repository.readCommit(head)).tree, [
    ...edits,
    // A teammate's change may be older than what the branch has: how far that is, stays said (G7).
    ...(furthest === undefined || furthest.cursor <= cursor ? await rememberSeen(session, head, change.oid) : []),
  ])
  const message = `${harmless(`Merge the layout of world ${worldId} at ${cursor}: ${layoutName(layout)}`)}\n`
  return {
    head: await commitMerge(session, { branch: name, head, tip: change.oid, tree, message }),
    files: edits.length,
  }
}

/** Whether our own line had at that cursor, in whichever layout, just what a commit says in this one. */
async function saysTheSame(
  { repository, prefix }: Pick<Project, 'repository' | 'prefix'>,
  tip: LineCommit,
  { oid, trailers }: LineCommit,
  layout: Layout,
): Promise<boolean> {
  const { tree } = await repository.readCommit(oid)
  for await (const commit of repository.log({ include: [tip.oid], firstParent: true })) {
    const said = readTrailers(commit)
    if (said === undefined || said.cursor < trailers.cursor) return false
    if (said.cursor !== trailers.cursor) continue
    if (said.opId !== trailers.opId) return false
    const { edits } = await convertLayout(repository, commit.oid, prefix, layout, { like: oid })
    return (await repository.writeTree(commit.tree, edits)) === tree
  }
  return false
}

/**
 * Refuses what would stop {@link takeLayoutChange} on a branch, and returns what that will do. Local changes to the files
 * that go cannot be put aside and brought back: there is no file then that they are changes of.
 */
export async function requireTakeable(
  session: Session,
  { head }: Branch,
  layout: Layout,
  like?: Oid,
): Promise<Converted> {
  const { repository } = session
  await requireSettled(session, head)
  const converted = await convertBranch(session, head, layout, like)
  const { edits } = converted
  if (edits.length === 0) return converted
  const tree = await repository.writeTree((await repository.readCommit(head)).tree, edits)
  const at = edits.map(({ path }) => path)
  const blocked = new Set([
    ...(await changedFiles(repository, head, at)),
    ...(await wouldOverwrite(repository, head, tree)),
    ...(layout === 'manifest' ? await unknownFiles(session, new Set(at)) : []),
  ])
  if (blocked.size === 0) return converted
  const paths = [...blocked]
  const more = paths.length > 10 ? ` and ${paths.length - 10} more` : ''
  const names = `${paths.slice(0, 10).join(', ')}${more}`
  throw new SyncError(
    'local_changes',
    `The layout changes, and these files with it, which you have changed: ${names}.`,
    {
      hint: 'Commit them, or undo them, and run the command again.',
      data: { paths },
    },
  )
}

/** Files per entity that git does not know yet: committed after the change, they would be a second layout. */
async function unknownFiles({ folder, prefix }: Project, known: ReadonlySet<string>): Promise<readonly string[]> {
  const found: string[] = []
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true }).catch(() => [])) {
      const inside = `${path}/${entry.name}`
      if (entry.isDirectory()) await visit(inside)
      else if (isLayoutFile(inside) && !known.has(prefix + inside)) found.push(prefix + inside)
    }
  }
  await visit('world')
  return found
}

/** Fields of a manifest that files per entity have no place for. */
export function sayDropped({ context }: Pick<Session, 'context'>, dropped: readonly string[]): void {
  if (dropped.length === 0) return
  const names = dropped.map((name) => oneLine(name, 40)).join(', ')
  context.progress.warn(`world.json has more than a world at its top (${names}): that stays in git's history alone.`)
}

/** What calls itself a change of the layout is believed when it changes nothing else: it is merged as if it did not. */
async function isMere(
  { repository, prefix }: Pick<Project, 'repository' | 'prefix'>,
  change: Commit,
  layout: Layout,
): Promise<boolean> {
  const [parent] = change.parents
  if (parent === undefined || !isLayoutChange(change)) return false
  const { edits } = await convertLayout(repository, parent, prefix, layout)
  return (await repository.writeTree((await repository.readCommit(parent)).tree, edits)) === change.tree
}

async function requireMere(project: Project, change: Commit, layout: Layout): Promise<void> {
  if (await isMere(project, change, layout)) return
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

/** Changes to a layout that other branches have and this one has not. */
export interface OthersChanges {
  /** One that our own line vouches for. */
  readonly known: Commit | undefined
  /** Those that it does not: what they were made of, our feed has not told us. */
  readonly apart: readonly Oid[]
}

/**
 * A change to a layout that another branch has and this one has not, a teammate's that `git fetch` brought for example:
 * the newest one among local and remote-tracking branches that was made of a commit of our own line, or says what that had
 * at its cursor. Only of that do we know from the feed what it says: what others have read there is taken from nobody's
 * branch unasked.
 */
export async function findLayoutChange(
  { repository, prefix }: Session,
  head: Oid,
  tip: LineCommit,
  layout: Layout,
): Promise<OthersChanges> {
  const [heads, remotes] = await Promise.all(
    ['refs/heads/', 'refs/remotes/'].map((below) => repository.listRefs(below)),
  )
  const tips = [...new Set([...heads!.values(), ...remotes!.values()])].filter((oid) => oid !== head)
  const apart: Oid[] = []
  if (tips.length === 0) return { known: undefined, apart }
  for await (const commit of repository.log({ include: tips, exclude: [head] })) {
    if (!isLayoutChange(commit)) continue
    const line = await readLineCommit(repository, commit.oid, tip.trailers.worldId)
    const [parent] = commit.parents
    if (line === undefined || parent === undefined || (await layoutAt(repository, line.oid, prefix)) !== layout)
      continue
    const isOwn = (await repository.isAncestor(parent, tip.oid))
      ? await isMere({ repository, prefix }, commit, layout)
      : await saysTheSame({ repository, prefix }, tip, line, layout)
    if (isOwn) return { known: commit, apart }
    apart.push(commit.oid)
  }
  return { known: undefined, apart }
}
