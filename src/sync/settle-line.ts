import type { Oid } from '../git-bridge/repository.ts'
import { assert } from '../world/errors.ts'
import type { Compared, Difference } from './compare-worlds.ts'
import { LineWriter, type Refusal, type Unexplained } from './line.ts'
import { refMoved } from './line-errors.ts'
import { rememberRefused } from './refused.ts'
import type { Session } from './session.ts'
import { type LineCommit, readLineCommit } from './tip.ts'

export interface Settled {
  readonly line: LineCommit
  readonly refusals: readonly Refusal[]
}

/**
 * Appends one commit to the line that brings it to what a snapshot shows (G9, G11). Throws `ref_moved`.
 * `expected` is where the ref is: the line's tip, unless the line was just adopted.
 */
export async function settleLine(
  session: Session,
  worldId: string,
  at: { readonly ref: string; readonly expected: Oid | undefined; readonly line: LineCommit },
  differences: readonly Difference[],
  { assumed, standing }: Pick<Compared, 'assumed' | 'standing'>,
  said: Omit<Unexplained, 'standing'> & { readonly also?: Iterable<Difference['change']> },
): Promise<Settled> {
  const { repository } = session
  const writer = await LineWriter.after(session, worldId, at.line, assumed)
  const changes = [...differences.map(({ change }) => change), ...(said.also ?? [])]
  const commit = await writer.unexplained(changes, { ...said, standing })
  const outcome = await repository.importCommits(at.ref, at.expected, at.line.oid, [commit], 'gamedev sync: snapshot')
  if (outcome.kind === 'moved') throw refMoved(at.ref)
  const line = await readLineCommit(repository, outcome.tip, worldId)
  assert(line !== undefined, 'a commit that was just written is one of the line')
  await rememberRefused(session, writer.refusals, writer.about)
  return { line, refusals: writer.refusals }
}
