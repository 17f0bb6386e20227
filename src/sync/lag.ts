import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { FetchReport } from './fetch.ts'
import type { Session } from './session.ts'

/** Tells how far a branch with this baseline is behind the world; with the tip for a baseline it has all of it. */
export async function tellLag({ repository, report }: Session, fetched: FetchReport, base: Oid): Promise<void> {
  const { cursor, tip } = fetched
  // Operations that changed nothing made no commit.
  const taken = base === tip ? cursor : (readTrailers(await repository.readCommit(base))?.cursor ?? 0)
  report.tell({ kind: 'lag', cursor, taken })
}
