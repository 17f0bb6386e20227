import type { Layout } from '../git-bridge/materializer.ts'
import { rememberCompared } from './compared.ts'
import type { FetchReport } from './fetch.ts'
import { refMoved } from './line-errors.ts'
import { rememberRefused } from './refused.ts'
import { rememberWorld } from './seen-ops.ts'
import type { Session } from './session.ts'
import { operationAt, readWorldNow } from './world-now.ts'

/** Begins a line with a snapshot (G3), as one commit without a parent. Throws `ref_moved`. */
export async function startLine(session: Session, worldId: string, layout: Layout): Promise<FetchReport> {
  const { repository, ref, context } = session
  context.progress.step('Reading the world')
  const { world, cursor } = await readWorldNow(session)
  const at = await operationAt(session, cursor)
  const { LineWriter } = await import('./line.ts')
  const writer = await LineWriter.root(session, worldId, layout)
  const root = await writer.snapshot(world, at, at?.cursor ?? cursor)
  context.progress.step('Writing history')
  const outcome = await repository.importCommits(ref, undefined, undefined, [root], 'gamedev sync: snapshot')
  if (outcome.kind === 'moved') throw refMoved(ref)
  session.report.tell({ kind: 'line-begun', cursor: at?.cursor ?? cursor })
  await rememberRefused(session, writer.refusals, new Set())
  await rememberWorld(session, world, cursor)
  await rememberCompared(session)
  return {
    worldId,
    before: undefined,
    tip: outcome.tip,
    cursor: at?.cursor ?? cursor,
    operations: 0,
    commits: 1,
    refusals: writer.refusals,
  }
}
