import { isLayoutChange } from '../git-bridge/layout.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { lineAfter } from '../git-bridge/seen.ts'
import { harmless, readTrailers } from '../git-bridge/trailers.ts'
import type { ResolvedObject, WorldMerge } from '../git-bridge/world-merge.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { recoverAutostash } from './autostash.ts'
import { baselineOf, tellLag } from './baseline.ts'
import { isComparisonDue } from './compared.ts'
import type { ConflictArtifact } from './conflict-artifact.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import type { LossStage, LossStages } from './line-losses.ts'
import { type LossChoice, type LostObject, lostState, tellLoss } from './lost-state.ts'
import { recoverMerge } from './merge-commit.ts'
import { findMixed } from './mixed-layouts.ts'
import { loadOffers } from './offers.ts'
import { takeProcessLock } from './process-lock.ts'
import { hasJournal } from './push-journal.ts'
import { sayIdentities } from './say-identities.ts'
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
  /** Objects that changed in the world without an operation: a commit of their own on the line (G11). */
  readonly unannounced: number
  /** State that the world lost after it had acknowledged it, and what was chosen to do about it (G11). */
  readonly loss: Loss | undefined
}

export interface Loss {
  readonly choice: LossChoice
  readonly objects: readonly LostObject[]
}

export interface PullOptions {
  /** Asked before a pull that deletes more than half of the project's objects (G12). */
  readonly confirm: (question: string) => Promise<boolean>
  readonly autostash: boolean
  /** Whether to compare a snapshot of the world with its line (G11); by default when the last comparison is old. */
  readonly verify?: boolean | undefined
  /** What to do about state that the world lost (G11); undefined: stop and name it. */
  readonly loss?: LossChoice | undefined
  /** Milliseconds since 1970; by default what the clock says. */
  readonly now?: number
}

/**
 * Fetches the world and merges it into the branch (G6, M1). What is contested is left as an open git merge (C1), or kept
 * open with our values where conflicts are not strict (C6).
 */
export async function pull(session: Session, options: PullOptions): Promise<PullReport> {
  requireBidirectional(session.switches, 'sync pull')
  const lock = await takeProcessLock(session, 'sync pull')
  try {
    return await pullLocked(session, options)
  } finally {
    await lock.release()
  }
}

/** {@link pull} for a command that has the lock already. */
export async function pullLocked(session: Session, options: PullOptions): Promise<PullReport> {
  await recoverMerge(session)
  await recoverAutostash(session)
  const recovered = await recoverJournal(session, options)
  const branch = await requireBranch(session)
  for (const text of await findMixed(session, branch.head)) session.context.progress.warn(text)
  const incoming = await readIncoming(session, options)
  const report = await mergeTip(session, branch, incoming, options)
  if (!recovered) await recoverJournal(session, options)
  return report
}

/**
 * Ends an interrupted push. False where that must wait until what the world lost is settled as this pull was told to: the
 * push's own echo may have brought the loss to light (G11).
 */
async function recoverJournal(session: Session, options: PullOptions): Promise<boolean> {
  if (!(await hasJournal(session))) return true
  const { recoverPush } = await import('./recover-push.ts')
  try {
    await recoverPush(session, options)
    return true
  } catch (error) {
    if (options.loss === undefined || !(error instanceof SyncError) || error.code !== 'lost_state') throw error
    return false
  }
}

/** What the world has for the branch. */
interface Incoming {
  readonly fetched: FetchReport
  readonly unannounced: number
  readonly loss: Loss | undefined
}

/**
 * Fetches, and compares the world with its line when that is due (G11): a runtime that says it is `durable` loses
 * nothing. Throws `lost_state`.
 */
async function readIncoming(session: Session, options: PullOptions): Promise<Incoming> {
  const { verify, loss: choice, now = Date.now() } = options
  const fetched = await fetchWorld(session, { choice })
  const { renewed } = fetched
  const plain = { fetched, unannounced: fetched.unannounced ?? 0, loss: undefined }
  if (renewed !== undefined) {
    // A new snapshot is the comparison.
    if (choice === undefined || renewed.lost.length === 0) return plain
    return { ...plain, loss: { choice, objects: renewed.lost } }
  }
  const wanted = verify ?? (choice !== undefined ? true : undefined)
  if (!(wanted ?? ((await isComparisonDue(session, now)) && !(await isDurable(session))))) return plain
  const { compareWithSnapshot } = await import('./compare.ts')
  const compared = await compareWithSnapshot(session, fetched, { choice, now })
  const before = compared.fetched.unannounced ?? 0
  const same = { ...plain, fetched: compared.fetched, unannounced: before }
  if (compared.kind === 'same') return same
  if (compared.kind === 'unannounced') return { ...same, unannounced: before + compared.objects }
  const unannounced = before + compared.unannounced
  return { ...same, unannounced, loss: { choice: choice!, objects: compared.lost } }
}

async function isDurable(session: Session): Promise<boolean> {
  return (await loadOffers(session))?.includes('durable') === true
}

/** Merges a branch with a commit of the line, in as many steps as that takes. */
async function mergeTip(
  session: Session,
  branch: Branch,
  incoming: Incoming,
  options: PullOptions,
): Promise<PullReport> {
  const { fetched, ...found } = incoming
  const { repository } = session
  const { head } = branch
  const nothing = { byAuthor: new Map<string, number>(), files: 0, conflicts: [], resolved: [] }
  const base = await baselineOf(session, head, fetched.tip)
  await tellLag(session, fetched, base)
  const plain = { fetched, branch: branch.name, ...nothing, ...found }
  if (base === fetched.tip) return { ...plain, kind: 'up-to-date', head }
  const news = await lineAfter(repository, base, fetched.tip)
  const byAuthor = countAuthors(news)
  const change = news.find(isLayoutChange)
  if (change !== undefined) {
    const report = await mergeAround(session, branch, { change, base, incoming }, options)
    return { ...report, fetched, byAuthor, unannounced: found.unannounced }
  }
  const { loss, stages } = await lossesIn(session, news, fetched, found.loss, options)
  const report = { ...plain, loss, byAuthor }
  const done = await mergeStage(session, branch, stages[0], options, loss)
  let files = done.files
  let resolved = done.resolved
  let last = done
  for (const stage of stages.slice(1)) {
    if (last.kind === 'contested') break
    last = await mergeStage(session, await requireBranch(session), stage, options)
    files += last.files
    resolved = [...resolved, ...last.resolved]
  }
  return { ...report, ...last, files, resolved }
}

/**
 * Merges a branch with news among which the layout changes (G8): with what came before, then with the change alone, then
 * with what came after it. So no merge has sides that say the world in different ways.
 */
async function mergeAround(
  session: Session,
  branch: Branch,
  { change, base, incoming }: { readonly change: Commit; readonly base: Oid; readonly incoming: Incoming },
  options: PullOptions,
): Promise<PullReport> {
  const { fetched } = incoming
  const [parent] = change.parents
  const { cursor } = readTrailers(change)!
  const before = { fetched: { ...fetched, tip: parent!, cursor }, unannounced: 0, loss: undefined }
  const first = parent === base ? undefined : await mergeTip(session, branch, before, options)
  // What it leaves to be settled names files of the old layout: the change can wait, and comes with the next pull.
  if (first?.kind === 'contested' || (first !== undefined && first.conflicts.length > 0)) return first
  const { takeLayoutChange } = await import('./layout-change.ts')
  const at = first === undefined ? branch : await requireBranch(session)
  const taken = await takeLayoutChange(session, at, change)
  const rest = await mergeTip(session, await requireBranch(session), incoming, options)
  return {
    ...rest,
    kind: rest.kind === 'contested' ? rest.kind : 'merged',
    head: rest.head,
    files: (first?.files ?? 0) + taken.files + rest.files,
    resolved: [...(first?.resolved ?? []), ...rest.resolved],
    conflicts: [...(first?.conflicts ?? []), ...rest.conflicts],
    loss: rest.loss ?? first?.loss,
  }
}

/** Merges the branch with a commit of the line, or with the line just before a loss, which is settled by that (G11). */
async function mergeStage(
  session: Session,
  branch: Branch,
  { fetched, theirs, restored }: LossStage,
  options: PullOptions,
  loss?: Loss,
): Promise<Pick<PullReport, 'kind' | 'head' | 'conflicts' | 'files' | 'resolved'>> {
  const { repository } = session
  const { head } = branch
  const base = await baselineOf(session, head, fetched.tip)
  const news = await lineAfter(repository, base, fetched.tip)
  // What a restored branch is merged with, it may have had already.
  const before = theirs === fetched.tip ? base : await baselineOf(session, head, theirs)
  const { mergeWorlds } = await import('../git-bridge/world-merge.ts')
  const commits = { base: before, ours: head, theirs }
  const merge = await mergeWorlds(repository, session.prefix, commits, {
    policy: session.lobby?.policy,
    line: theirs === fetched.tip ? news : undefined,
    overwritten: await restored(before, news),
    conflicts: async () => (await import('./leave-conflicts.ts')).conflictLabels(session, session.ref),
  })
  await sayIdentities(session, merge.notes)
  const tree = merge.tree ?? merge.conflict!.keptTree
  await guardDeletion(session, merge, tree, head, options)
  if (loss !== undefined) tellLoss(session.report, loss.choice, loss.objects)

  const message = mergeMessage(fetched, countAuthors(news))
  const { finishMerge } = await import('./finish-merge.ts')
  const finished = await finishMerge(session, { branch, fetched, base: before, merge, message, theirs }, options)
  return { ...finished, files: merge.incoming.length, resolved: merge.resolved }
}

/**
 * What went back behind the feed on the way from the baseline to the tip (G11), as operations or a comparison brought it
 * to light: on the line it is a commit like any, so a branch takes it in only when told to; and how it is merged then.
 * Throws `lost_state`.
 */
async function lossesIn(
  session: Session,
  news: readonly Commit[],
  fetched: FetchReport,
  known: Loss | undefined,
  { loss: choice }: PullOptions,
): Promise<{ readonly loss: Loss | undefined; readonly stages: LossStages }> {
  const none: LossStages = [{ fetched, theirs: fetched.tip, restored: async () => undefined }]
  if (!news.some(({ message }) => message.includes('\nOlder: '))) return { loss: known, stages: none }
  const { asLostObjects, lostFields, stagesOf } = await import('./line-losses.ts')
  const lost = await lostFields(session, news, fetched.tip)
  if (lost.length === 0) return { loss: known, stages: none }
  const objects = asLostObjects(lost)
  if (choice === undefined) throw lostState(session, fetched.worldId, objects, 'has lost what it had acknowledged')
  const others = objects.filter(({ object }) => !known?.objects.some((one) => one.object === object))
  const loss = { choice, objects: [...(known?.objects ?? []), ...others] }
  return { loss, stages: choice === 'restore' ? stagesOf(session, news, fetched, lost) : none }
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
  return countAuthors(await lineAfter(session.repository, base, tip))
}

function countAuthors(commits: readonly Commit[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const commit of commits) {
    if (readTrailers(commit) === undefined) continue
    counts.set(commit.author.name, (counts.get(commit.author.name) ?? 0) + 1)
  }
  return new Map([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)))
}

/** The message of a merge: which world, how far, and a summary by author (G6). */
export function mergeMessage(fetched: FetchReport, byAuthor: ReadonlyMap<string, number>): string {
  const total = [...byAuthor.values()].reduce((sum, count) => sum + count, 0)
  const lines = [...byAuthor].slice(0, 20).map(([author, count]) => `- ${harmless(author)}: ${count}`)
  if (byAuthor.size > 20) lines.push(`- and ${byAuthor.size - 20} more`)
  const subject = harmless(`Merge world ${fetched.worldId} at ${fetched.cursor} (${plural(total, 'change')})`)
  return lines.length === 0 ? `${subject}\n` : `${subject}\n\n${lines.join('\n')}\n`
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
