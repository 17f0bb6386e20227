import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { SyncError } from '../world/errors.ts'
import type { Session } from './session.ts'

/** What was named on the command line: single commits, or the commits of a range without its first end. */
export type Named =
  | { readonly kind: 'commit'; readonly text: string; readonly oid: Oid | undefined }
  | { readonly kind: 'range'; readonly text: string; readonly after: Oid | undefined; readonly to: Oid | undefined }

/** A commit of the line that is to be undone. */
export interface RevertedCommit {
  readonly oid: Oid
  readonly parent: Oid
  /** `entity:<id>` … (G2). */
  readonly object: string
  readonly subject: string
}

/**
 * Reads what revisions mean at this moment: `refs/lobby/remote~3` is counted from the tip that the user has seen, not
 * from where a fetch has moved it since. Ranges are `a..b`, or `a..` up to the tip. Throws `invalid_range`.
 */
export async function nameCommits(session: Session, revisions: readonly string[]): Promise<readonly Named[]> {
  const { repository, ref } = session
  return Promise.all(
    revisions.map(async (text): Promise<Named> => {
      const dots = text.indexOf('..')
      if (dots < 0) return { kind: 'commit', text, oid: await repository.resolve(text) }
      const [from, to] = [text.slice(0, dots), text.slice(dots + 2)]
      if (from === '' || to.startsWith('.')) {
        throw new SyncError('invalid_range', `"${text}" is no range of commits.`, {
          hint: `Write <after>..<to>, or <after>.. for all up to ${ref}.`,
          data: { range: text },
        })
      }
      const ends = await Promise.all([repository.resolve(from), repository.resolve(to === '' ? ref : to)])
      return { kind: 'range', text, after: ends[0], to: ends[1] }
    }),
  )
}

/**
 * The commits of the line that were named, newest first, each once. Throws `unknown_commit`, `not_of_line`,
 * `snapshot_commit`, `invalid_range`.
 */
export async function revertedCommits(
  session: Session,
  tip: Oid,
  worldId: string,
  named: readonly Named[],
): Promise<readonly RevertedCommit[]> {
  const { repository } = session
  const found = new Map<Oid, RevertedCommit>()
  const add = async (oid: Oid, text: string): Promise<void> => {
    if (!found.has(oid)) found.set(oid, await readReverted(session, oid, tip, worldId, text))
  }
  for (const one of named) {
    if (one.kind === 'commit') {
      if (one.oid === undefined) throw unknown(one.text)
      await add(one.oid, one.text)
      continue
    }
    if (one.after === undefined || one.to === undefined) throw unknown(one.text)
    let empty = true
    for await (const { oid } of repository.log({ include: [one.to], exclude: [one.after] })) {
      empty = false
      await add(oid, one.text)
    }
    if (empty) {
      throw new SyncError('invalid_range', `There is no commit in "${one.text}".`, {
        hint: 'The older end comes first; it is not part of the range itself.',
        data: { range: one.text },
      })
    }
  }
  return found.size < 2 ? [...found.values()] : inOrder(session, tip, found)
}

/** The line is a chain: its own order is the only one. */
async function inOrder(
  { repository }: Session,
  tip: Oid,
  found: ReadonlyMap<Oid, RevertedCommit>,
): Promise<readonly RevertedCommit[]> {
  const sorted: RevertedCommit[] = []
  for await (const { oid } of repository.log({ include: [tip], firstParent: true })) {
    const commit = found.get(oid)
    if (commit !== undefined) sorted.push(commit)
    if (sorted.length === found.size) break
  }
  return sorted
}

async function readReverted(
  { repository, ref }: Session,
  oid: Oid,
  tip: Oid,
  worldId: string,
  text: string,
): Promise<RevertedCommit> {
  const commit = await repository.readCommit(oid)
  const trailers = readTrailers(commit)
  if (trailers === undefined || trailers.worldId !== worldId || !(await repository.isAncestor(oid, tip))) {
    throw new SyncError('not_of_line', `${named(text, oid)} is no commit of ${ref}.`, {
      hint: `Only what happened in the world is undone there; "git revert ${oid.slice(0, 8)}" undoes a commit of the branch, and "gamedev sync push" sends that.`,
      data: { commit: oid, ref },
    })
  }
  const parent = commit.parents[0]
  if (parent === undefined) {
    throw new SyncError('snapshot_commit', `${named(text, oid)} is where the line begins: a snapshot of the world.`, {
      hint: 'There is nothing before it to go back to. Name commits after it.',
      data: { commit: oid },
    })
  }
  return { oid, parent, object: trailers.object, subject: commit.message.split('\n', 1)[0] ?? '' }
}

function named(text: string, oid: Oid): string {
  return oid.startsWith(text) ? oid.slice(0, 8) : `${text} (${oid.slice(0, 8)})`
}

function unknown(text: string): SyncError {
  return new SyncError('unknown_commit', `There is no commit "${text}" here.`, {
    hint: 'Run "gamedev sync log" to see the commits of the world.',
    data: { revision: text },
  })
}
