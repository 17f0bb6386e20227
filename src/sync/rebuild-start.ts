import { isLayoutChange } from '../git-bridge/layout.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { SyncError } from '../world/errors.ts'
import { worldReset } from './line-errors.ts'
import { feedKnows } from './replay.ts'
import type { Session } from './session.ts'
import { refuseShallow } from './shallow.ts'
import { certifiedBeyond, type LineCommit, readLineCommit } from './tip.ts'
import { text } from './working-tree.ts'

/** What a line is to be rebuilt from. */
export interface RebuildStart {
  /** What the remote ref names, a commit of the line or not, there or not; undefined where there is no ref. */
  readonly before: Oid | undefined
  /** The present tip; undefined where the ref is gone or broken. */
  readonly present: LineCommit | undefined
  /** The present tip or, where there is none, the best commit of the line in HEAD's history. */
  readonly best: LineCommit
  readonly from: LineCommit
  readonly by: 'feed' | 'snapshot'
}

/**
 * Finds the commit to replay from: `wanted`, else the newest that holds a whole snapshot and that the feed reaches back
 * to. What a snapshot showed without an operation, no replay can make again; so it is gone on from, not replayed over.
 * Where the feed does not reach back, a fresh snapshot goes on top of the tip (G9).
 *
 * Throws `no_line`, `not_on_line`, `cursor_expired` for a wanted commit, `world_reset`, `shallow_clone`.
 */
export async function findRebuildStart(
  session: Session,
  worldId: string,
  head: Oid | undefined,
  wanted: string | undefined,
): Promise<RebuildStart> {
  const before = await namedByRef(session)
  const present = before === undefined ? undefined : await lineCommitAt(session, before, worldId)
  const best = present ?? (await bestInHistory(session, worldId, head))
  const whole = { before, present, best }
  if (wanted !== undefined) {
    const from = await wantedCommit(session, worldId, best, wanted)
    const known = await feedKnows(session, from.trailers)
    if (known === 'has') return { ...whole, from, by: 'feed' }
    if (known === 'foreign') throw worldReset(worldId, from.trailers, await session.runtime.head())
    throw new SyncError(
      'cursor_expired',
      `The feed of world "${worldId}" does not reach back to ${from.trailers.cursor} any more.`,
      {
        hint: 'Choose a later commit, or leave --from away: then a fresh snapshot is taken.',
        data: { worldId, cursor: from.trailers.cursor },
      },
    )
  }
  const from = await newestSnapshot(session, best)
  const known = from === undefined ? 'dropped' : await feedKnows(session, from.trailers)
  if (known === 'foreign') throw worldReset(worldId, from!.trailers, await session.runtime.head())
  return known === 'has' ? { ...whole, from: from!, by: 'feed' } : { ...whole, from: best, by: 'snapshot' }
}

/** What the ref says, even where the object is not there. */
export async function namedByRef({ repository, ref }: Pick<Session, 'repository' | 'ref'>): Promise<Oid | undefined> {
  const named = await repository.run(['rev-parse', '--verify', '--quiet', '--end-of-options', ref], {
    allowFailure: true,
  })
  const oid = text(named.stdout).trim()
  return named.code === 0 && /^[0-9a-f]{40,64}$/.test(oid) ? (oid as Oid) : undefined
}

/** A commit of the world's line; undefined for anything else, be it no commit or not there at all. */
async function lineCommitAt({ repository }: Session, oid: Oid, worldId: string): Promise<LineCommit | undefined> {
  const commit = await repository.resolve(`${oid}^{commit}`).catch(() => undefined)
  return commit === oid ? readLineCommit(repository, oid, worldId) : undefined
}

async function bestInHistory(session: Session, worldId: string, head: Oid | undefined): Promise<LineCommit> {
  const candidates = await certifiedBeyond(session.repository, head, undefined, worldId)
  for (const candidate of candidates) {
    if ((await feedKnows(session, candidate.trailers)) !== 'foreign') return candidate
  }
  if (candidates[0] !== undefined) throw worldReset(worldId, candidates[0].trailers, await session.runtime.head())
  await refuseShallow(session)
  throw new SyncError('no_line', `Neither ${session.ref} nor this branch has a commit of world "${worldId}".`, {
    hint: `Nothing was changed. Remove the ref with "git update-ref -d ${session.ref}" if it is there, and run "gamedev sync init".`,
  })
}

async function wantedCommit(session: Session, worldId: string, best: LineCommit, wanted: string): Promise<LineCommit> {
  const { repository } = session
  const oid = await repository.resolve(wanted)
  const commit = oid === undefined ? undefined : await readLineCommit(repository, oid, worldId)
  if (commit !== undefined && (await repository.isAncestor(commit.oid, best.oid))) return commit
  throw new SyncError('not_on_line', `"${wanted}" is no commit of the line of world "${worldId}".`, {
    hint: `Choose one of "git log ${session.ref}".`,
    data: { from: wanted },
  })
}

async function newestSnapshot(session: Session, tip: LineCommit): Promise<LineCommit | undefined> {
  const { repository } = session
  for await (const commit of repository.log({ include: [tip.oid], firstParent: true })) {
    // A changed layout is no operation's doing either.
    if (readTrailers(commit)?.object !== 'snapshot' && !isLayoutChange(commit)) continue
    return readLineCommit(repository, commit.oid, tip.trailers.worldId)
  }
  return undefined
}
