import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Oid } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'
import type { Cursor } from '../world/operation.ts'
import { forgetCompared } from './compared.ts'
import { refMoved } from './line-errors.ts'
import { takeProcessLock } from './process-lock.ts'
import { saveReadMark } from './read-mark.ts'
import { type LineDifference, lineDifference } from './rebuild-difference.ts'
import { findRebuildStart, type RebuildStart } from './rebuild-start.ts'
import { type Mark, replay } from './replay.ts'
import { refSegment, type Session } from './session.ts'
import { type LineCommit, readLineCommit } from './tip.ts'
import { readText } from './working-tree.ts'

export interface RebuildOptions {
  /** A revision: the commit of the line to replay from. By default the newest that holds a whole snapshot. */
  readonly from?: string | undefined
  /** Compare only. */
  readonly dryRun: boolean
}

export type RebuildReport = {
  readonly worldId: string
  /** Where the remote ref was; undefined where there was none, or nothing that can be read. */
  readonly before: Oid | undefined
  /** The commit that was replayed from. */
  readonly from: { readonly commit: Oid; readonly cursor: Cursor }
  /** What the rebuilt line is made of: the feed, or a fresh snapshot on top where the feed does not reach back. */
  readonly by: 'feed' | 'snapshot'
} & (
  | { readonly kind: 'same' }
  | {
      readonly kind: 'differs' | 'replaced'
      readonly tip: Oid
      readonly cursor: Cursor
      /** How the rebuilt line differs from the present one; undefined where there was none. */
      readonly difference: LineDifference | undefined
    }
)

/**
 * Makes the line of a world anew beside the present one, compares the two, and only then puts it in its place, by
 * compare-and-swap: a run that is killed leaves one ref below `refs/lobby/rebuild/` that nothing reads and the next run
 * removes. Also repairs a remote ref that is gone or points to something else, from the best commit of the line that
 * HEAD's history has (G7).
 *
 * What HEAD has taken in is never contradicted: the line in HEAD wins (G7), so the next fetch would leave a rebuilt one
 * that lacks it, and edits that the branch settled would look new. Such a line is reported and refused.
 *
 * Throws `rebuild_disagrees` (exit 5), `not_on_line`, `no_line`, `cursor_expired`, `world_reset`, `lost_state`,
 * `ref_moved`.
 */
export async function rebuild(session: Session, options: RebuildOptions): Promise<RebuildReport> {
  const lock = await takeProcessLock(session, 'sync rebuild')
  const beside = `refs/lobby/rebuild/${refSegment(session.ref)}`
  try {
    await removeBeside(session, beside)
    return await rebuildBeside(session, beside, options)
  } finally {
    try {
      await removeBeside(session, beside)
    } finally {
      await lock.release()
    }
  }
}

async function removeBeside({ repository }: Session, beside: string): Promise<void> {
  const left = await repository.readRef(beside)
  if (left !== undefined) await repository.updateRef(beside, undefined, left, 'gamedev sync: rebuild')
}

async function rebuildBeside(session: Session, beside: string, options: RebuildOptions): Promise<RebuildReport> {
  const { repository, ref } = session
  const { worldId } = await session.runtime.identify()
  const head = await repository.resolve('HEAD')
  const start = await findRebuildStart(session, worldId, head, options.from)
  const { present, from } = start
  const made = await makeBeside(session, worldId, beside, start, options)
  const report = {
    worldId,
    before: start.before,
    from: { commit: from.oid, cursor: from.trailers.cursor },
    by: start.by,
  }
  const { line, last } = made
  if (present !== undefined && (await isSame(session, present, line, start.by))) return { ...report, kind: 'same' }

  const difference = present === undefined ? undefined : await lineDifference(session, present, line)
  const result = { ...report, tip: line.oid, cursor: last.cursor, difference }
  // What HEAD has of the line, be it of the present one or, where that is broken, the best there is.
  const taken = head === undefined ? undefined : await repository.mergeBase(head, (present ?? start.best).oid)
  const agrees = taken === undefined || (await repository.isAncestor(taken, line.oid))
  if (options.dryRun) return { ...result, kind: 'differs' }
  if (!agrees) {
    throw new SyncError(
      'rebuild_disagrees',
      `The rebuilt line is another one already before ${taken!.slice(0, 10)}, which this branch has taken in.`,
      {
        exitCode: 5,
        hint: `Nothing was changed. Look at it with --dry-run; "gamedev sync rebuild --from ${taken!.slice(0, 10)}" rebuilds what comes after.`,
        data: { taken, ...result },
      },
    )
  }
  if (start.before === undefined) await clearBroken(session)
  if (!(await repository.updateRef(ref, line.oid, start.before, 'gamedev sync: rebuild'))) throw refMoved(ref)
  await saveReadMark(session, { tip: line.oid, cursor: last.cursor, opId: last.opId })
  await forgetCompared(session)
  return { ...result, kind: 'replaced' }
}

/** A ref's file that names nothing, as a crash or a full disk leaves it: git itself does not touch it again. */
async function clearBroken({ repository, ref }: Session): Promise<void> {
  const path = join(repository.commonDir, ref)
  const content = await readText(path)
  if (content !== undefined && !/^(?:ref: \S+|[0-9a-f]{40}(?:[0-9a-f]{24})?)\s*$/.test(content)) await rm(path)
}

/** The same commits, byte for byte, and perhaps more of them; or a fresh snapshot that says what the line says. */
async function isSame(
  session: Session,
  present: LineCommit,
  line: LineCommit,
  by: 'feed' | 'snapshot',
): Promise<boolean> {
  const { repository } = session
  if (by === 'snapshot') {
    return (await repository.readCommit(present.oid)).tree === (await repository.readCommit(line.oid)).tree
  }
  return present.oid === line.oid || repository.isAncestor(present.oid, line.oid)
}

async function makeBeside(
  session: Session,
  worldId: string,
  beside: string,
  { from, by }: RebuildStart,
  options: RebuildOptions,
): Promise<{ readonly line: LineCommit; readonly last: Mark }> {
  const { repository } = session
  const place = { ref: beside, expected: undefined, line: from, mark: from.trailers }
  if (by === 'snapshot') {
    const { renewLine } = await import('./renew-line.ts')
    const { tip, last } = await renewLine(session, worldId, place, undefined)
    // Not yet the line's: what it was compared with is not known.
    await forgetCompared(session)
    return { line: (await readLineCommit(repository, tip, worldId))!, last }
  }
  const read = await replay(session, worldId, place)
  if (read.lapsed) {
    throw new SyncError('cursor_expired', `World "${worldId}" dropped its feed after ${read.last.cursor} meanwhile.`, {
      hint: options.from === undefined ? 'Run the command again.' : 'Leave --from away to go on with a fresh snapshot.',
      data: { worldId, cursor: read.last.cursor },
    })
  }
  if (read.tip === from.oid && from.trailers.opId === read.last.opId) return { line: from, last: read.last }
  return { line: (await readLineCommit(repository, read.tip, worldId))!, last: read.last }
}
