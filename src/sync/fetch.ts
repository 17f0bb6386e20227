import type { Layout } from '../git-bridge/materializer.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'
import type { Cursor } from '../world/operation.ts'
import type { Refusal } from './line.ts'
import { worldReset } from './line-errors.ts'
import type { LostField } from './line-losses.ts'
import { projectMoved, standsHere } from './line-place.ts'
import { hasNotedLosses } from './loss-note.ts'
import { type LossChoice, type LostObject, lostState } from './lost-state.ts'
import { takeProcessLock } from './process-lock.ts'
import { loadReadMark, saveReadMark } from './read-mark.ts'
import { rememberRefused } from './refused.ts'
import { feedKnows, replay } from './replay.ts'
import type { Session } from './session.ts'
import { refuseShallow } from './shallow.ts'
import {
  certifiedBeyond,
  firstFitting,
  furthestOf,
  isBetter,
  type LineCommit,
  readLineCommit,
  speaksLike,
} from './tip.ts'

export interface FetchReport {
  readonly worldId: string
  /** Where the remote ref was, undefined where there was none. */
  readonly before: Oid | undefined
  readonly tip: Oid
  readonly cursor: Cursor
  /** Operations read, and commits made of them. */
  readonly operations: number
  readonly commits: number
  readonly refusals: readonly Refusal[]
  /** Objects that operations showed changed in what nobody announced: commits of their own (G11). */
  readonly unannounced?: number
  /** What operations showed gone back behind the feed, which HEAD has not settled yet (G11). */
  readonly lost?: readonly LostField[]
  /** The feed did not reach back to where the line was: it goes on with a new snapshot (G9). */
  readonly renewed?: {
    /** Where the line was. */
    readonly from: Cursor
    /** Objects that operations wrote which the line never saw. */
    readonly rewritten: number
    /** Objects that the snapshot lacks, which somebody chose to keep or to let go (G11). */
    readonly lost: readonly LostObject[]
  }
}

export interface FetchOptions {
  /** Begin a line with a snapshot where there is none. */
  readonly start?: { readonly layout: Layout }
  /** What to do about state that the world lost (G9, G11); undefined: stop and say so. */
  readonly choice?: LossChoice | undefined
}

/**
 * Brings the remote ref up to the head of the world's feed (G1–G4) and touches nothing else. A fresh clone of the
 * project goes on from the line in its own history (G7); where there is no line at all, `start` decides whether one
 * begins with a snapshot. A feed that does not reach back to the line is normal: the line goes on with a new snapshot
 * (G9).
 *
 * Throws `no_line`, `foreign_ref`, `world_reset`, `lost_state` (the ref is then at the last good commit), `ref_moved`,
 * and what the runtime throws.
 */
export async function fetchWorld(session: Session, options: FetchOptions = {}): Promise<FetchReport> {
  const { repository, runtime, ref, context } = session
  context.progress.step('Asking the world')
  const [identity, before, head] = await Promise.all([
    runtime.identify(),
    repository.readRef(ref),
    repository.resolve('HEAD'),
  ])
  const { worldId } = identity
  const { line, searched } = await chooseTip(session, worldId, before, head, options)
  if (line === undefined) {
    await refuseShallow(session)
    if (options.start === undefined) {
      throw new SyncError('no_line', `Nothing was ever fetched from world "${worldId}" here.`, {
        hint: 'Run "gamedev sync init" to begin.',
      })
    }
    const { startLine } = await import('./start-line.ts')
    return startLine(session, worldId, options.start.layout)
  }
  return extendLine(session, worldId, before, line, searched, options)
}

/** {@link fetchWorld} on its own, while no other command writes here (S4). */
export async function fetchLocked(session: Session): Promise<FetchReport> {
  const lock = await takeProcessLock(session, 'sync fetch')
  try {
    const fetched = await fetchWorld(session)
    await lookBehind(session, fetched)
    return fetched
  } finally {
    await lock.release()
  }
}

/** Tells how far the branch is behind; one that has nothing in common with the world is not. */
async function lookBehind(session: Session, fetched: FetchReport): Promise<void> {
  const head = await session.repository.resolve('HEAD')
  if (head === undefined) return
  const { baselineOf, tellLag } = await import('./baseline.ts')
  try {
    await tellLag(session, fetched, await baselineOf(session, head, fetched.tip))
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
  }
}

/**
 * The commit to go on from: the ref's, or a better one that HEAD's history brought along (G7). `searched` is HEAD when
 * its history holds no other.
 */
async function chooseTip(
  session: Session,
  worldId: string,
  before: Oid | undefined,
  head: Oid | undefined,
  options: FetchOptions,
): Promise<{ readonly line: LineCommit | undefined; readonly searched: Oid | undefined }> {
  const { repository, ref } = session
  const tip = before === undefined ? undefined : await readLineCommit(repository, before, worldId)
  if (before !== undefined && tip === undefined) {
    throw new SyncError('foreign_ref', `${ref} does not point to a commit of world "${worldId}".`, {
      exitCode: 5,
      hint: `"gamedev sync rebuild" makes it anew from this branch; if it is a leftover of another world, remove it with "git update-ref -d ${ref}".`,
    })
  }
  const mark = before === undefined ? undefined : await loadReadMark(session, before)
  const beyond = await certifiedBeyond(repository, head, before, worldId, mark?.searched)
  if (beyond.length === 0 || head === undefined) return { line: tip, searched: head }
  // The line that HEAD has taken in furthest wins (G7): another that lies in its history too is no reason to leave it.
  const present = before === undefined ? undefined : await furthestOf(repository, head, before, worldId)
  const fits = speaksLike(repository, head, session.prefix)
  const isFit = present !== undefined && (await fits(present))
  let dropped: LineCommit | undefined
  let elsewhere: LineCommit | undefined
  for (const candidate of await firstFitting(beyond, fits)) {
    if (!(await standsHere(repository, session.prefix, candidate))) {
      elsewhere ??= candidate
      continue
    }
    if (present !== undefined) {
      // However far a line of another layout has come, this one is read up to there.
      const fit = await fits(candidate)
      if (!(fit === isFit ? await isFurther(session, candidate, present) : fit)) break
    }
    const known = await feedKnows(session, candidate.trailers)
    if (known === 'has') return { line: candidate, searched: undefined }
    if (known === 'dropped') dropped ??= candidate
  }
  // Where the feed does not reach back to either, the line in HEAD goes on with a snapshot (G9).
  const expired = dropped !== undefined && (tip === undefined || (await feedKnows(session, tip.trailers)) === 'dropped')
  if (expired) return { line: dropped, searched: undefined }
  if (tip === undefined && options.start === undefined) {
    if (elsewhere !== undefined) throw projectMoved(session.prefix, elsewhere)
    throw worldReset(worldId, beyond[0]!.trailers, await session.runtime.head())
  }
  return { line: tip, searched: undefined }
}

/** The higher cursor, then the descendant, then the smaller id (G7). */
async function isFurther(session: Session, candidate: LineCommit, present: LineCommit): Promise<boolean> {
  if (candidate.trailers.cursor !== present.trailers.cursor) return isBetter(candidate, present)
  const { repository } = session
  if (await repository.isAncestor(present.oid, candidate.oid)) return true
  return !(await repository.isAncestor(candidate.oid, present.oid)) && isBetter(candidate, present)
}

async function extendLine(
  session: Session,
  worldId: string,
  before: Oid | undefined,
  line: LineCommit,
  searched: Oid | undefined,
  options: FetchOptions,
): Promise<FetchReport> {
  const { repository, ref } = session
  const saved = await loadReadMark(session, line.oid)
  const mark = saved ?? line.trailers
  const read = await replay(session, worldId, { ref, expected: before, line, mark, choice: options.choice })
  let report: FetchReport = {
    worldId,
    before,
    tip: read.tip,
    cursor: read.last.cursor,
    operations: read.operations,
    commits: read.commits,
    refusals: read.refusals,
    ...(read.unannounced.size === 0 ? {} : { unannounced: read.unannounced.size }),
  }
  if (read.about.size > 0 || read.refusals.length > 0) await rememberRefused(session, read.refusals, read.about)
  let { last } = read
  if (read.lapsed) {
    const { renewLine } = await import('./renew-line.ts')
    const at = (await readLineCommit(repository, read.tip, worldId))!
    const place = { ref, expected: read.commits === 0 ? before : read.tip, line: at, mark: last }
    const renewed = await renewLine(session, worldId, place, options.choice)
    const { rewritten, lost } = renewed
    report = {
      ...report,
      tip: renewed.tip,
      cursor: renewed.last.cursor,
      commits: read.commits + renewed.commits,
      refusals: [...read.refusals, ...renewed.refusals],
      renewed: { from: last.cursor, rewritten, lost },
    }
    last = renewed.last
  }
  if (last.cursor !== mark.cursor || searched !== saved?.searched) {
    await saveReadMark(session, { tip: report.tip, cursor: last.cursor, opId: last.opId, searched })
  }
  if (!(await hasNotedLosses(session))) return report
  const { asLostObjects, openLosses } = await import('./line-losses.ts')
  const lost = await openLosses(session, report.tip)
  if (lost.length === 0) return report
  if (options.choice === undefined) {
    throw lostState(session, worldId, asLostObjects(lost), 'has lost what it had acknowledged')
  }
  return { ...report, lost }
}
