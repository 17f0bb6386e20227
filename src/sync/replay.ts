import type { NewCommit, Oid } from '../git-bridge/repository.ts'
import { NO_OPERATION } from '../git-bridge/trailers.ts'
import { type ChangesBatch, readChanges } from '../remote-runtime/changes.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import type { ObjectKey } from '../world/state.ts'
import type { LineWriter, Refusal } from './line.ts'
import { refMoved, worldReset } from './line-errors.ts'
import { type LossChoice, type LostObject, lostState } from './lost-state.ts'
import type { SeenOperations } from './seen-ops.ts'
import type { Session } from './session.ts'
import { Taking } from './taking.ts'
import { type LineCommit, readLineCommit } from './tip.ts'
import type { Loss, Question, Rewound, Verdict } from './unannounced.ts'
import { PAGE } from './world-now.ts'

/** Operations after which the ref moves, so that an interrupted long fetch keeps what it has. */
const CHUNK = 20_000

/** A place in a feed: the newest operation that was read. */
export type Mark = Pick<Operation, 'cursor' | 'opId'>

/** Where a line goes on. */
export interface ReplayStart {
  readonly ref: string
  /** Where the ref must be. */
  readonly expected: Oid | undefined
  /** The commit to go on from; where it is not the ref's, the ref is moved there. */
  readonly line: LineCommit
  /** How far the feed was read for it. */
  readonly mark: Mark
  /** What to do about what operations show gone back behind the feed (G11); undefined: stop and say so. */
  readonly choice?: LossChoice | undefined
}

export interface Replayed {
  readonly tip: Oid
  /** How far the feed was read. */
  readonly last: Mark
  /** Operations read, and commits made of them. */
  readonly operations: number
  readonly commits: number
  readonly refusals: readonly Refusal[]
  /** The objects that the operations were about. */
  readonly about: ReadonlySet<ObjectKey>
  /** Objects that operations showed changed in what nobody announced, without a loss (G11). */
  readonly unannounced: ReadonlySet<ObjectKey>
  /** The feed does not keep what comes after `last` (G9); the ref may not have been moved. */
  readonly lapsed: boolean
}

/**
 * Writes the operations that the feed has after a commit of the line, one commit each, and moves a ref along (G1, G4).
 * What is delivered again under a later cursor is passed over: its object may have moved on since.
 *
 * What an operation shows that nobody announced is a commit of its own before the operation's. Where that is a loss and
 * nothing was chosen, the ref stays before it, and the rest of the feed is read only to name all that was lost (G11).
 *
 * Throws `world_reset`, `lost_state`, `ref_moved`, and what the runtime throws.
 */
export async function replay(session: Session, worldId: string, start: ReplayStart): Promise<Replayed> {
  const { repository, runtime, context } = session
  const { ref, line, mark } = start
  let tip = line.oid
  let expected = start.expected
  let writer: LineWriter | undefined
  let seen: SeenOperations | undefined
  // Not even loaded when there is nothing to write; but a push reads with the line's cleaning rules (G5).
  const prepare = async (): Promise<LineWriter> => {
    writer ??= await (await import('./line.ts')).LineWriter.after(session, worldId, line)
    return writer
  }
  if (line.trailers.cleaned) await prepare()
  // From one before: whether the feed still has the operation that we know says whether it is the same one (G2).
  const unknown = mark.opId === NO_OPERATION
  const from = unknown ? mark.cursor : Math.max(0, mark.cursor - 1)
  const reading = readChanges(runtime, from, { limit: PAGE })[Symbol.asyncIterator]()
  let last = mark
  let operations = 0
  let commits = 0
  // A line that is only compared tells nothing (G14).
  const taking = ref === session.ref ? new Taking(session) : undefined
  let checked = false
  let lapsed = false
  let ended = false
  let writing: Writing | undefined
  let question: Question | undefined
  let verdict: Verdict | undefined
  /** How far the feed was read when what is being written is. */
  let end: Mark | undefined
  const unannounced = new Set<ObjectKey>()
  const lost: ((Loss | Rewound) & { readonly question: Question })[] = []
  const refusing = () => lost.length > 0 && start.choice === undefined

  const fresh = async (page: ChangesBatch & { readonly kind: 'page' }): Promise<readonly Operation[]> => {
    const later = page.operations.filter((operation) => operation.cursor > last.cursor)
    if (later.length === 0) return later
    seen ??= await (await import('./seen-ops.ts')).SeenOperations.load(session, line)
    return later.filter((operation) => {
      const before = seen!.again(operation)
      if (before !== undefined)
        context.progress.warn(`Operation ${operation.cursor} came before, at ${before}; passed over.`)
      return before === undefined
    })
  }
  const chunk = async function* (): AsyncGenerator<NewCommit, void, undefined> {
    for (let count = 0; count < CHUNK; ) {
      while (writing !== undefined) {
        const made = await writing.next(verdict)
        verdict = undefined
        if (made.done === true) writing = undefined
        else if ('kind' in made.value) {
          question = made.value
          return
        } else yield made.value
      }
      if (end !== undefined) last = end
      end = undefined
      const next = await reading.next()
      if (next.done === true) {
        ended = true
        return
      }
      const page = next.value
      if (page.kind === 'page' && !checked) {
        lapsed = !(await isKnownFeed(session, worldId, mark, page))
        checked = true
      }
      if (page.kind === 'expired' || lapsed) {
        lapsed = true
        ended = true
        return
      }
      const news = await fresh(page)
      const newest = page.operations.findLast(({ cursor }) => cursor > last.cursor)
      if (newest === undefined) continue
      if (news.length > 0) writing = (await prepare()).commits(news)
      end = { cursor: newest.cursor, opId: newest.opId }
      count += page.operations.length
      operations += news.length
      await taking?.read(news)
      context.progress.step('Fetching operations', operations)
    }
  }
  const settle = async (asked: Question): Promise<Verdict> => {
    const { judge } = await import('./unannounced-verdict.ts')
    const judged = await judge(session, tip, asked)
    if (judged.kind === 'unannounced') {
      unannounced.add(asked.key)
      if (taking !== undefined) session.report.tell({ kind: 'unannounced', object: asked.key, objects: 1 })
    }
    if (judged.kind !== 'lost' && judged.kind !== 'rewound') return judged
    lost.push({ ...judged, question: asked })
    // Before the ref moves past it: whoever is killed then must be asked again.
    if (!refusing()) await (await import('./loss-note.ts')).noteLosses(session)
    return judged
  }
  while (!ended || writing !== undefined) {
    // Most fetches find nothing: the first commit decides whether anything is written at all.
    if (question !== undefined) {
      verdict = await settle(question)
      question = undefined
    }
    const stream = chunk()
    const first = await stream.next()
    if (first.done === true) continue
    if (refusing()) {
      for await (const _ of stream);
      continue
    }
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
    if (!refusing()) taking?.tell(last.cursor)
  }
  if (refusing()) {
    const open: LostObject[] = []
    for (const { question: asked, fields, objects } of lost) {
      const news = objects.filter(({ object }) => !open.some((known) => known.object === object))
      if (news.length > 0 && (await writer!.hasStill(asked, fields))) open.push(...news)
    }
    const at = (await readLineCommit(repository, tip, worldId))!
    taking?.tell(at.trailers.cursor)
    const objects = open.toSorted((a, b) => (a.object < b.object ? -1 : 1))
    if (objects.length > 0) throw lostState(session, worldId, objects, 'has lost what it had acknowledged')
    // Somebody has sent all of it again: what happened is history.
    const again = { ref, expected, line: at, mark: at.trailers, choice: 'accept' } as const
    const rest = await replay(session, worldId, again)
    return {
      ...rest,
      commits: commits + rest.commits,
      refusals: [...writer!.refusals.filter(({ key }) => !rest.about.has(key)), ...rest.refusals],
      about: new Set([...writer!.about, ...rest.about]),
      unannounced: new Set([...unannounced, ...rest.unannounced]),
    }
  }
  if (!lapsed && expected !== tip && !(await repository.updateRef(ref, tip, expected, 'gamedev sync: adopt'))) {
    throw refMoved(ref)
  }
  taking?.tell(last.cursor)
  await seen?.save()
  return {
    tip,
    last,
    operations,
    commits,
    refusals: writer?.refusals ?? [],
    about: writer?.about ?? new Set(),
    unannounced,
    lapsed,
  }
}

type Writing = ReturnType<LineWriter['commits']>

async function* prepend<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield first
  yield* rest
}

/**
 * Whether the feed still has the operation that we know at our cursor (G2); false where it has dropped it, with all
 * before it (G9). A feed that keeps something older, or ends before, is another one. Throws `world_reset` (G11).
 */
async function isKnownFeed(
  session: Session,
  worldId: string,
  mark: Mark,
  page: ChangesBatch & { readonly kind: 'page' },
): Promise<boolean> {
  const { headCursor } = page
  if (mark.opId === NO_OPERATION) {
    if (headCursor < mark.cursor) throw worldReset(worldId, mark, headCursor)
    return true
  }
  const first = page.operations[0]
  if (first?.cursor === mark.cursor && first.opId === mark.opId) return true
  if (headCursor < mark.cursor || first?.cursor === mark.cursor) throw worldReset(worldId, mark, headCursor)
  if (await keepsOlder(session, mark.cursor)) throw worldReset(worldId, mark, headCursor)
  return false
}

/** Whether a feed has operations from before a cursor: what is dropped is dropped from its beginning. */
async function keepsOlder(session: Session, cursor: Cursor): Promise<boolean> {
  const answer = await session.runtime.changes(0, { limit: 1 })
  const first = answer.kind === 'expired' ? undefined : answer.page.operations[0]
  return first !== undefined && first.cursor < cursor
}

/** What a feed says of an operation that the line knows: it has it, has dropped it, or has never had it (G2, G9). */
export async function feedKnows(session: Session, { cursor, opId }: Mark): Promise<'has' | 'dropped' | 'foreign'> {
  if (opId === NO_OPERATION) return 'has'
  const answer = await session.runtime.changes(Math.max(0, cursor - 1), { limit: 1 })
  if (answer.kind === 'expired') return 'dropped'
  const operation = answer.page.operations[0]
  if (operation?.cursor === cursor && operation.opId === opId) return 'has'
  if (operation?.cursor === cursor || Math.max(answer.page.headCursor, operation?.cursor ?? 0) < cursor)
    return 'foreign'
  return (await keepsOlder(session, cursor)) ? 'foreign' : 'dropped'
}
