import { layoutAt, layoutName } from '../git-bridge/layout.ts'
import type { Layout } from '../git-bridge/materializer.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { harmless, readTrailers } from '../git-bridge/trailers.ts'
import type { ResolvedObject } from '../git-bridge/world-merge.ts'
import { assert, SyncError } from '../world/errors.ts'
import { recoverAutostash } from './autostash.ts'
import { baselineOf } from './baseline.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import type { FetchReport } from './fetch.ts'
import { knownTip } from './known-tip.ts'
import {
  convertBranch,
  findLayoutChange,
  requireTakeable,
  sayDropped,
  takeLayoutChange,
  writeLayoutChange,
} from './layout-change.ts'
import { commitMerge, recoverMerge } from './merge-commit.ts'
import { takeProcessLock } from './process-lock.ts'
import { type PullReport, pullLocked } from './pull.ts'
import type { Session } from './session.ts'
import { requireBidirectional } from './switches.ts'
import { type LineCommit, readLineCommit } from './tip.ts'
import { type Branch, requireBranch } from './working-tree.ts'

export interface LayoutOptions {
  /** Only tells what the change would do. */
  readonly dryRun: boolean
  readonly autostash: boolean
  /** Asked before a pull that deletes more than half of the project's objects (G12). */
  readonly confirm: (question: string) => Promise<boolean>
}

export interface LayoutReport {
  /** `planned`: nothing was done. `contested`: what the world did is to be settled first, then the layout changes. */
  readonly kind: 'already' | 'planned' | 'changed' | 'contested'
  readonly layout: Layout
  readonly branch: string
  readonly head: Oid
  /** How many entities the branch has. */
  readonly entities: number
  readonly conflicts: readonly ConflictArtifact[]
  /** What both sides changed and a rule settled, on the way (M5). */
  readonly resolved: readonly ResolvedObject[]
  /** What was fetched on the way; undefined where nothing was. */
  readonly fetched: FetchReport | undefined
}

/**
 * Says the world by other files, for everybody who syncs with it (G8): takes over what the world has, puts a commit on
 * the line that changes nothing but the layout, and merges the branch with it. A change that teammates have made already
 * is taken over, and none made. A branch that alone has another layout is brought back to the line's first.
 *
 * No command of others need stop meanwhile: whoever pulls takes the change over with the next pull of theirs.
 *
 * Throws `no_line`, `local_changes`, `kept_conflicts`, and what a pull throws.
 */
export async function changeLayout(session: Session, layout: Layout, options: LayoutOptions): Promise<LayoutReport> {
  const { repository, prefix } = session
  if (options.dryRun) return plan(session, layout)
  requireBidirectional(session.switches, 'sync layout')
  const lock = await takeProcessLock(session, 'sync layout')
  try {
    await recoverMerge(session)
    await recoverAutostash(session)
    const started = await requireBranch(session)
    await bringBack(session, started)
    const pulled = await pullLocked(session, options)
    const found = { fetched: pulled.fetched, resolved: pulled.resolved }
    if (pulled.kind === 'contested') return contested(pulled, layout)
    const tip = await readLineCommit(repository, pulled.fetched.tip, pulled.fetched.worldId)
    assert(tip !== undefined, 'a pull ends at a commit of the line')
    const branch = await requireBranch(session)
    if ((await layoutAt(repository, tip.oid, prefix)) === layout) {
      const joined = await joinChanges(session, tip, layout)
      const changed = joined || (await layoutAt(repository, started.head, prefix)) !== layout
      return report(session, await requireBranch(session), layout, changed ? 'changed' : 'already', found)
    }
    const { known, apart } = await findLayoutChange(session, branch.head, tip, layout)
    await requireTakeable(session, branch, layout, known?.oid)
    const change = known ?? (await writeLayoutChange(session, tip, layout))
    await takeLayoutChange(session, branch, change)
    session.report.tell({ kind: 'layout-changed', layout, head: change.oid, cursor: tip.trailers.cursor })
    if (known === undefined) sayApart(session, apart, layout)
    // What a teammate's change was made of may be older than what we have: the line goes on from there.
    if (known !== undefined) {
      const again = await pullLocked(session, options)
      if (again.kind === 'contested') return contested(again, layout)
    }
    return report(session, await requireBranch(session), layout, 'changed', found)
  } finally {
    await lock.release()
  }
}

/**
 * Takes over changes to the layout that others made without knowing of this branch's own: the branch has what they have,
 * as far as the world went, so that not a file changes. What git merges next has a base in the same layout then. True if
 * there were any.
 */
async function joinChanges(session: Session, tip: LineCommit, layout: Layout): Promise<boolean> {
  const { repository } = session
  for (let joined = false; ; joined = true) {
    const { name, head } = await requireBranch(session)
    const { known, apart } = await findLayoutChange(session, head, tip, layout)
    if (known === undefined) {
      sayApart(session, apart, layout)
      return joined
    }
    const { tree } = await repository.readCommit(head)
    const { worldId, cursor } = readTrailers(known)!
    const subject = `Merge a change of the layout of world ${worldId} that was made elsewhere, at ${cursor}`
    await commitMerge(session, { branch: name, head, tip: known.oid, tree, message: `${harmless(subject)}\n` })
  }
}

/** Changes on other branches that cannot be taken over: git would merge those branches without a base in this layout. */
function sayApart({ context }: Session, apart: readonly Oid[], layout: Layout): void {
  if (apart.length === 0) return
  const names = apart.map((oid) => oid.slice(0, 10)).join(', ')
  const old = layout === 'split' ? 'manifest' : 'split'
  context.progress.warn(
    `Another branch has this layout by a change of its own (${names}), made of a world that our feed has not told: it is not taken over, and git has no base to merge the two in. Before it does, run "gamedev sync layout ${old}" on both branches, merge them, and run "gamedev sync layout ${layout}" again.`,
  )
}

/**
 * Where somebody changed the files of the branch by hand, and the line has another layout: what they say stays, as files
 * of that, so that a pull can go on.
 */
async function bringBack(session: Session, branch: Branch): Promise<void> {
  const { repository, prefix } = session
  const { name, head } = branch
  const ours = await layoutAt(repository, head, prefix)
  const tip = await baselineOf(session, head, (await knownTip(session, head)).oid)
  const layout = await layoutAt(repository, tip, prefix)
  if (ours === undefined || layout === undefined || ours === layout) return
  const { edits, dropped } = await requireTakeable(session, branch, layout, tip)
  sayDropped(session, dropped)
  const tree = await repository.writeTree((await repository.readCommit(head)).tree, edits)
  const message = `${harmless(`Layout as the remote ref has it: ${layoutName(layout)}`)}\n`
  await commitMerge(session, { branch: name, head, tip, tree, message })
}

async function plan(session: Session, layout: Layout): Promise<LayoutReport> {
  const branch = await requireBranch(session)
  const now = await layoutAt(session.repository, branch.head, session.prefix)
  if (now === undefined) {
    throw new SyncError('no_line', 'This branch has no files of a world.', {
      hint: 'Run "gamedev sync init" to connect it with one.',
    })
  }
  return report(session, branch, layout, now === layout ? 'already' : 'planned')
}

async function report(
  session: Session,
  { name: branch, head }: Branch,
  layout: Layout,
  kind: Exclude<LayoutReport['kind'], 'contested'>,
  found: Pick<LayoutReport, 'fetched' | 'resolved'> = { fetched: undefined, resolved: [] },
): Promise<LayoutReport> {
  const { entities } = await convertBranch(session, head, layout)
  return { kind, layout, branch, head, entities, conflicts: [], ...found }
}

function contested({ branch, head, conflicts, resolved, fetched }: PullReport, layout: Layout): LayoutReport {
  return { kind: 'contested', layout, branch, head, entities: 0, conflicts, resolved, fetched }
}
