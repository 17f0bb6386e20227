import type { Layout } from '../git-bridge/materializer.ts'
import type { NewCommit, Oid } from '../git-bridge/repository.ts'
import { NO_OPERATION } from '../git-bridge/trailers.ts'
import { readChanges } from '../remote-runtime/changes.ts'
import { SyncError } from '../world/errors.ts'
import type { JsonObject } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { applyOperations, type WireWorld } from '../world/wire-world.ts'
import type { LineWriter, Refusal } from './line.ts'
import { saveOffers } from './offers.ts'
import { takeProcessLock } from './process-lock.ts'
import { loadReadMark, saveReadMark } from './read-mark.ts'
import { rememberRefused } from './refused.ts'
import type { Session } from './session.ts'
import { refuseShallow } from './shallow.ts'
import { certifiedBeyond, furthestOf, isBetter, type LineCommit, readLineCommit } from './tip.ts'

/** Operations asked for at a time: the most that the runtime gives (protocol, section 2). */
const PAGE = 1000
/** Operations after which the ref moves, so that an interrupted long fetch keeps what it has. */
const CHUNK = 20_000

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
}

/**
 * Brings the remote ref up to the head of the world's feed (G1–G4) and touches nothing else. A fresh clone of the
 * project goes on from the line in its own history (G7); where there is no line at all, `start` decides whether one
 * begins with a snapshot.
 *
 * Throws `no_line`, `world_reset`, `cursor_expired`, `ref_moved`, and what the runtime throws.
 */
export async function fetchWorld(
  session: Session,
  options: { readonly start?: { readonly layout: Layout } } = {},
): Promise<FetchReport> {
  const { repository, runtime, ref, context } = session
  context.progress.step('Asking the world')
  const [identity, before, head] = await Promise.all([
    runtime.identify(),
    repository.readRef(ref),
    repository.resolve('HEAD'),
  ])
  const { worldId } = identity
  const { line, searched } = await chooseTip(session, worldId, before, head)
  if (line === undefined) {
    await refuseShallow(session)
    if (options.start === undefined) {
      throw new SyncError('no_line', `Nothing was ever fetched from world "${worldId}" here.`, {
        hint: 'Run "gamedev sync init" to begin.',
      })
    }
    return startLine(session, worldId, options.start.layout)
  }
  return extendLine(session, worldId, before, line, searched)
}

/** {@link fetchWorld} on its own, while no other command writes here (S4). */
export async function fetchLocked(session: Session): Promise<FetchReport> {
  const lock = await takeProcessLock(session.stateFolder, 'sync fetch')
  try {
    return await fetchWorld(session)
  } finally {
    await lock.release()
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
): Promise<{ readonly line: LineCommit | undefined; readonly searched: Oid | undefined }> {
  const { repository, ref } = session
  const tip = before === undefined ? undefined : await readLineCommit(repository, before, worldId)
  if (before !== undefined && tip === undefined) {
    throw new SyncError('foreign_ref', `${ref} does not point to a commit of world "${worldId}".`, {
      exitCode: 5,
      hint: `If it is a leftover of another world, remove it with "git update-ref -d ${ref}".`,
    })
  }
  const mark = before === undefined ? undefined : await loadReadMark(session, before)
  const beyond = await certifiedBeyond(repository, head, before, worldId, mark?.searched)
  // The line that HEAD has taken in furthest wins (G7): another that lies in its history too is no reason to leave it.
  const present =
    beyond.length === 0 || head === undefined || before === undefined
      ? undefined
      : await furthestOf(repository, head, before, worldId)
  for (const candidate of beyond) {
    if (present !== undefined && !isBetter(candidate, present)) break
    if (await feedHas(session, candidate)) return { line: candidate, searched: undefined }
  }
  return { line: tip, searched: beyond.length === 0 ? head : undefined }
}

/** Whether the feed still has a line commit's operation at its cursor (G2). */
async function feedHas(session: Session, commit: LineCommit): Promise<boolean> {
  const { cursor, opId } = commit.trailers
  if (opId === NO_OPERATION) return true
  const answer = await session.runtime.changes(cursor - 1, { limit: 1 })
  if (answer.kind === 'expired') return false
  const operation = answer.page.operations[0]
  return operation?.cursor === cursor && operation.opId === opId
}

async function extendLine(
  session: Session,
  worldId: string,
  before: Oid | undefined,
  line: LineCommit,
  searched: Oid | undefined,
): Promise<FetchReport> {
  const { repository, runtime, ref, context } = session
  let tip: Oid = line.oid
  let expected = before
  const saved = await loadReadMark(session, tip)
  const mark = saved ?? { tip, cursor: line.trailers.cursor, opId: line.trailers.opId }
  let writer: LineWriter | undefined
  // Not even loaded when there is nothing to write; but a push reads with the line's cleaning rules (G5).
  const prepare = async (): Promise<LineWriter> => {
    writer ??= await (await import('./line.ts')).LineWriter.after(session, worldId, line)
    return writer
  }
  if (line.trailers.cleaned) await prepare()
  const reading = readChanges(runtime, Math.max(0, mark.cursor - 1), { limit: PAGE })[Symbol.asyncIterator]()
  let last: Pick<Operation, 'cursor' | 'opId'> = mark
  let operations = 0
  let commits = 0
  let checked = mark.opId === NO_OPERATION
  let ended = false

  const chunk = async function* (): AsyncGenerator<NewCommit, void, undefined> {
    for (let count = 0; count < CHUNK; ) {
      const next = await reading.next()
      if (next.done === true) {
        ended = true
        return
      }
      const page = next.value
      if (page.kind === 'expired') throw expired(worldId, mark.cursor, page.oldestCursor)
      if (!checked) {
        checkStart(worldId, mark, page.operations[0], page.headCursor)
        checked = true
      }
      const fresh = page.operations.filter((operation) => operation.cursor > mark.cursor)
      if (fresh.length === 0) continue
      yield* (await prepare()).commits(fresh)
      last = fresh.at(-1)!
      count += fresh.length
      operations += fresh.length
      context.progress.step('Fetching operations', operations)
    }
  }
  while (!ended) {
    // Most fetches find nothing: the first commit decides whether anything is written at all.
    const stream = chunk()
    const first = await stream.next()
    if (first.done === true) continue
    const outcome = await repository.importCommits(
      ref,
      expected,
      tip,
      prepend(first.value, stream),
      'gamedev sync: fetch',
    )
    if (outcome.kind === 'moved') throw refMoved(ref)
    tip = outcome.tip
    expected = outcome.tip
    commits += outcome.commits
  }
  if (expected !== tip && !(await repository.updateRef(ref, tip, expected, 'gamedev sync: adopt'))) throw refMoved(ref)
  if (operations > 0 || searched !== saved?.searched) {
    await saveReadMark(session, { tip, cursor: last.cursor, opId: last.opId, searched })
  }
  const refusals = writer?.refusals ?? []
  if (writer !== undefined) await rememberRefused(session, refusals, writer.about)
  return { worldId, before, tip, cursor: last.cursor, operations, commits, refusals }
}

async function* prepend<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield first
  yield* rest
}

/** The feed must still have the operation that we know at our cursor; else it is another feed (G2, G11). */
function checkStart(
  worldId: string,
  mark: Pick<Operation, 'cursor' | 'opId'>,
  first: Operation | undefined,
  headCursor: Cursor,
): void {
  if (first !== undefined && first.cursor === mark.cursor && first.opId === mark.opId) return
  if (first === undefined && headCursor >= mark.cursor && mark.cursor === 0) return
  const why =
    headCursor < mark.cursor
      ? `its feed ends at ${headCursor}, before ${mark.cursor} where we are`
      : `its feed has another operation at ${mark.cursor} than the one we know`
  throw new SyncError('world_reset', `World "${worldId}" was reset or replaced: ${why}.`, {
    exitCode: 5,
    hint: 'Nothing was changed here. If the new world is the right one, sync it under a new world id or target.',
    data: { worldId, cursor: mark.cursor, opId: mark.opId, headCursor },
  })
}

function expired(worldId: string, cursor: Cursor, oldestCursor: Cursor | undefined): SyncError {
  return new SyncError(
    'cursor_expired',
    `World "${worldId}" does not keep its feed from ${cursor} on any more${oldestCursor === undefined ? '' : `, only from ${oldestCursor} on`}.`,
    { hint: 'Nothing was changed here.', data: { worldId, cursor, oldestCursor } },
  )
}

function refMoved(ref: string): SyncError {
  return new SyncError('ref_moved', `${ref} was moved by another process meanwhile; nothing was changed.`, {
    hint: 'Run the command again.',
  })
}

/**
 * Begins a line with a snapshot (G3): the head, the snapshot, the head again, and the operations between them folded in,
 * so that no commit claims a state that never was.
 */
async function startLine(session: Session, worldId: string, layout: Layout): Promise<FetchReport> {
  const { repository, runtime, ref, context } = session
  context.progress.step('Reading the world')
  const before = await runtime.head()
  const snapshot = await runtime.snapshot()
  await saveOffers(session, snapshot.capabilities ?? [])
  const exact = snapshot.capabilities?.includes('snapshot.cursor') === true ? snapshot.cursor : undefined
  const after = exact ?? (await runtime.head())
  let world: WireWorld = {
    settings: snapshot.settings,
    spawn: snapshot.spawn,
    blueprints: byId(snapshot.blueprints),
    entities: byId(snapshot.entities.filter((entity) => entity.type === 'app')),
  }
  if (exact === undefined && after > before) {
    for await (const page of readChanges(runtime, before, { limit: PAGE })) {
      if (page.kind === 'expired') throw expired(worldId, before, page.oldestCursor)
      world = applyOperations(
        world,
        page.operations.filter((operation) => operation.cursor <= after),
      )
      if (page.cursor >= after) break
    }
  }
  const at = await operationAt(session, after)
  const { LineWriter } = await import('./line.ts')
  const writer = await LineWriter.root(session, worldId, layout)
  const root = await writer.snapshot(world, at)
  context.progress.step('Writing history')
  const outcome = await repository.importCommits(ref, undefined, undefined, [root], 'gamedev sync: snapshot')
  if (outcome.kind === 'moved') throw refMoved(ref)
  await rememberRefused(session, writer.refusals, new Set())
  return {
    worldId,
    before: undefined,
    tip: outcome.tip,
    cursor: at?.cursor ?? 0,
    operations: 0,
    commits: 1,
    refusals: writer.refusals,
  }
}

function byId(objects: readonly JsonObject[]): ReadonlyMap<string, JsonObject> {
  return new Map(objects.map((object) => [String(object.id), object]))
}

/** The newest operation at or before a cursor: numbers may be skipped (protocol, section 2). */
async function operationAt(session: Session, cursor: Cursor): Promise<Operation | undefined> {
  for (let span = 1; cursor > 0; span *= 8) {
    const from = Math.max(0, cursor - span)
    let newest: Operation | undefined
    for await (const page of readChanges(session.runtime, from, { limit: PAGE })) {
      if (page.kind === 'expired') return undefined
      newest = page.operations.filter((candidate) => candidate.cursor <= cursor).at(-1) ?? newest
      if (page.cursor >= cursor) break
    }
    if (newest !== undefined || from === 0) return newest
  }
  return undefined
}
