import type { Oid } from '../git-bridge/repository.ts'
import type { LineTrailers } from '../git-bridge/trailers.ts'
import { sortDifferences } from './compare-feed.ts'
import { compareWorlds, type Difference } from './compare-worlds.ts'
import { count, few, information, ok, problem, problemOf, type Said } from './doctor-finding.ts'
import { worldReset } from './line-errors.ts'
import { loadReadMark } from './read-mark.ts'
import { feedKnows } from './replay.ts'
import type { Session } from './session.ts'
import { readLineCommit } from './tip.ts'
import { foldUntil, readWorldNow } from './world-now.ts'

interface Tip {
  readonly oid: Oid
  readonly trailers: LineTrailers
}

/** Whether the feed of the world is still the one that the line was made of, and reaches back to it (G2, G9, G11). */
export async function examineFeed(
  session: Session,
  tip: Tip,
): Promise<{ readonly said: Said; readonly known: boolean }> {
  const mark = (await loadReadMark(session, tip.oid)) ?? tip.trailers
  const { worldId } = tip.trailers
  const [known, head] = [await feedKnows(session, mark), await session.runtime.head()]
  if (known === 'foreign') return { said: problemOf(worldReset(worldId, mark, head)), known: false }
  if (known === 'dropped') {
    const hint = 'The next fetch goes on with a new snapshot; fetch more often, or let the runtime keep more.'
    return {
      said: information(`it does not reach back to ${mark.cursor}, where this clone is`, { hint }),
      known: false,
    }
  }
  if (head > mark.cursor) {
    const hint = 'Run "gamedev sync pull" to take that in.'
    return { said: information(`the world is at ${head}, this clone at ${mark.cursor}`, { hint }), known: true }
  }
  return { said: ok(`it has the operation at ${mark.cursor}, where this clone is`), known: true }
}

/**
 * Compares the tip with the world, as a pull does every ten minutes (G11), where both are at one place of the feed; writes
 * nothing. Reads all of both.
 */
export async function examineState(session: Session, tip: Tip): Promise<readonly Said[]> {
  const { repository, context } = session
  const { worldId } = tip.trailers
  context.progress.step('Comparing the world')
  const mark = (await loadReadMark(session, tip.oid)) ?? tip.trailers
  const line = await readLineCommit(repository, tip.oid, worldId)
  const read = await readWorldNow(session)
  const now = read.cursor < mark.cursor ? await foldUntil(session, read, mark.cursor) : read
  if (line === undefined || now === undefined || now.cursor > mark.cursor) {
    const hint = 'Run "gamedev sync fetch", then "gamedev sync doctor" again.'
    return [information('not compared: the world has moved on since the last fetch', { hint })]
  }
  const { differences } = await compareWorlds(session, worldId, line, now.world)
  const { lost, unannounced } = await sortDifferences(session, line, now.cursor, differences)
  const found: Said[] = []
  if (lost.length > 0) {
    const hint =
      'Run "gamedev sync pull --verify"; then --restore keeps it here to be pushed again, --accept-loss lets it go.'
    found.push(
      problem(`the world lost what it had acknowledged of ${count(lost.length, 'object')}: ${names(lost)}`, { hint }),
    )
  }
  if (unannounced.length > 0) {
    const hint = 'The next "gamedev sync pull --verify" makes a commit of that.'
    const what = `the world changed ${count(unannounced.length, 'object')} without an operation: ${names(unannounced)}`
    found.push(information(what, { hint }))
  }
  return found.length > 0 ? found : [ok(`the world is what this clone has of it at ${mark.cursor}`)]
}

function names(differences: readonly Difference[]): string {
  return few(differences.map(({ key }) => key).sort())
}
