import { assert } from '../world/errors.ts'
import { sortDifferences } from './compare-feed.ts'
import { type Compared, compareWorlds } from './compare-worlds.ts'
import { rememberCompared } from './compared.ts'
import { type FetchReport, fetchWorld } from './fetch.ts'
import { noteLosses } from './loss-note.ts'
import { type LossChoice, type LostObject, lostObjects, lostState } from './lost-state.ts'
import { rememberWorld } from './seen-ops.ts'
import type { Session } from './session.ts'
import { settleLine } from './settle-line.ts'
import { readLineCommit } from './tip.ts'
import { foldUntil, operationAt, readWorldNow, type WorldNow } from './world-now.ts'

/** What a comparison of the world with its line came to (G11). The ref is where `fetched` says. */
export type Comparison =
  | { readonly kind: 'same'; readonly fetched: FetchReport }
  /** Changes without an operation, now a commit of their own on the line. */
  | { readonly kind: 'unannounced'; readonly fetched: FetchReport; readonly objects: number }
  /** State went back behind the feed; `fetched` is the line with the loss. */
  | {
      readonly kind: 'lost'
      readonly fetched: FetchReport
      readonly lost: readonly LostObject[]
      /** Objects that changed without an operation besides. */
      readonly unannounced: number
    }

/** How often the world and its line are brought to one place of the feed. */
const ATTEMPTS = 3

/**
 * Compares a snapshot of the world with the line's tip, both at the same place of the feed, and brings the line to what
 * the world is: unannounced changes become a commit, and so does a loss once `choice` has been made (G11). Reads all of
 * both.
 *
 * Throws `lost_state` when state went back behind the feed and nothing was chosen; the line then holds the feed's
 * operations and no more. Also what {@link fetchWorld} throws.
 */
export async function compareWithSnapshot(
  session: Session,
  fetched: FetchReport,
  options: { readonly choice?: LossChoice | undefined; readonly now?: number | undefined } = {},
): Promise<Comparison> {
  const { repository, ref, context } = session
  const { worldId } = fetched
  context.progress.step('Comparing the world')
  const aligned = await align(session, fetched, options.choice)
  const { now } = aligned
  let { report } = aligned
  const line = await readLineCommit(repository, report.tip, worldId)
  assert(line !== undefined, 'what was fetched is a commit of the line')
  const compared = await compareWorlds(session, worldId, line, now.world)
  const { lost, unannounced } = await sortDifferences(session, line, now.cursor, compared.differences)
  const objects = lostObjects(lost)
  if (lost.length > 0 && options.choice === undefined) {
    throw lostState(session, worldId, objects, 'has lost what it had acknowledged')
  }
  const done = async () => {
    await rememberWorld(session, now.world, now.cursor)
    await rememberCompared(session, options.now)
  }
  if (lost.length + unannounced.length === 0) {
    await done()
    return { kind: 'same', fetched: report }
  }
  const at = await operationAt(session, now.cursor)
  const said = { actor: 'unannounced', cursor: at?.cursor ?? Math.max(now.cursor, line.trailers.cursor), at }
  let tip = line
  const append = async (differences: typeof lost, subject: string, compared: Compared, isLoss = false) => {
    const place = { ref, expected: tip.oid, line: tip }
    const settled = await settleLine(session, worldId, place, differences, compared, { ...said, subject, lost: isLoss })
    tip = settled.line
    const refusals = [...report.refusals, ...settled.refusals]
    report = { ...report, tip: tip.oid, cursor: said.cursor, commits: report.commits + 1, refusals }
  }
  if (unannounced.length > 0) {
    await append(unannounced, `unannounced changes: ${count(unannounced.length)}`, compared)
    session.report.tell({ kind: 'unannounced', objects: unannounced.length })
  }
  if (lost.length === 0) {
    await done()
    return { kind: 'unannounced', fetched: report, objects: unannounced.length }
  }
  // Before the ref moves past it: whoever is killed then, or gives the merge up, must be asked again.
  await noteLosses(session)
  await append(lost, `lost state: ${count(lost.length)} went back behind the feed`, compared, true)
  await done()
  return { kind: 'lost', fetched: report, lost: objects, unannounced: unannounced.length }
}

function count(objects: number): string {
  return `${objects} object${objects === 1 ? '' : 's'}`
}

/** The line and a snapshot of the world at one place of the feed: what happened between the two is on both. */
async function align(
  session: Session,
  fetched: FetchReport,
  choice: LossChoice | undefined,
): Promise<{ readonly report: FetchReport; readonly now: WorldNow }> {
  let report = fetched
  for (let attempt = 1; ; attempt++) {
    const now = await readWorldNow(session)
    if (now.cursor > report.cursor) report = joined(report, await fetchWorld(session, { choice }))
    const folded = await foldUntil(session, now, report.cursor)
    // Cut while it was read; the fetch has taken that in.
    if (folded !== undefined) return { report, now: folded }
    assert(attempt < ATTEMPTS, 'a feed that drops what was just read')
  }
}

function joined(first: FetchReport, second: FetchReport): FetchReport {
  const unannounced = (first.unannounced ?? 0) + (second.unannounced ?? 0)
  return {
    ...second,
    before: first.before,
    operations: first.operations + second.operations,
    commits: first.commits + second.commits,
    refusals: [...first.refusals, ...second.refusals],
    ...(unannounced === 0 ? {} : { unannounced }),
    ...(first.renewed === undefined ? {} : { renewed: first.renewed }),
  }
}
