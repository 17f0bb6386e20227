import type { Operation } from '../world/operation.ts'
import type { LockTable } from './deploy-locks.ts'
import { type EngineContext, type Outcome, type Packet, refused } from './engine-types.ts'
import { CommitTooLarge, type Store } from './store.ts'
import { applyCommand, type Request } from './world-engine.ts'
import type { WorldTables } from './world-tables.ts'

/** What became of one command, told when it is on disk (or refused). */
export interface Settled {
  readonly outcome: Outcome
  readonly operations: readonly Operation[]
  /** The head cursor just after this command. */
  readonly head: number
  /** The cursor recorded under an opId. */
  readonly recorded: (opId: string) => number | undefined
}

/** The one way into the world: everything that changes it goes through `submit`. */
export interface Writer {
  readonly head: number
  /** `settle` is called once, in the order of the submissions, after the packets of the command went out. */
  submit(request: Request, settle: (settled: Settled) => void): void
  /** Writes what is acknowledged but not yet in the feed; nothing in a durable runtime. */
  barrier(): void
  /** Called after each change of the head. */
  onCommit(listener: () => void): () => void
  /** How many listen. */
  readonly waiting: number
  /** Applies what is queued, then takes no more. */
  drain(): void
  /** Drops what is queued or unwritten. */
  drop(): void
}

export interface WriterParts {
  readonly world: WorldTables
  readonly head: number
  readonly store: Pick<Store, 'commit' | 'recorded'>
  readonly locks: LockTable
  readonly now: () => number
  readonly newUid: () => string
  readonly newOpId: () => string
  readonly copiedMembers: number
  readonly broadcast: (packet: Packet) => void
  /** Told of failures that are ours: a full disk, a bug. */
  readonly report: (error: unknown) => void
}

export interface Submission {
  readonly request: Request
  readonly settle: (settled: Settled) => void
}

/**
 * Group commit: what arrived in one turn of the event loop is applied together, written in one transaction, and only
 * then acknowledged, so that many commands in flight share one flush of the disk (protocol, section 9, `durable`).
 *
 * Each command keeps its own fate: a refused one leaves no trace in the group's draft, and when a group cannot be
 * committed its commands are tried one by one. Memory changes after the commit only, so a failed one is no change.
 */
export function createGroupWriter(parts: WriterParts): Writer {
  const { world, store } = parts
  const listeners = new Set<() => void>()
  let head = parts.head
  let queue: Submission[] = []
  let closed = false

  function run(): void {
    const group = queue
    queue = []
    if (group.length > 0) commit(group)
  }

  function commit(group: readonly Submission[]): void {
    let known: Map<string, number>
    try {
      known = store.recorded(opIdsOf(group))
    } catch (error) {
      fail(group, error)
      return
    }
    const draft = world.fork()
    const operations: Operation[] = []
    let next = head
    const recorded = (opId: string) => known.get(opId)
    const context: EngineContext = { ...parts, recorded, head: () => next, publicLike: false }
    const settled = group.map(({ request }): Settled => {
      const { outcome, draft: change } = attempt(draft, request, context, parts.report)
      if (outcome.kind === 'refused') return { outcome, operations: [], head: next, recorded }
      draft.merge(change)
      const own = outcome.operations.map((op): Operation => ({ cursor: ++next, ...op }))
      for (const op of own) {
        known.set(op.opId, op.cursor)
        operations.push(op)
      }
      return { outcome, operations: own, head: next, recorded }
    })
    try {
      if (operations.length > 0) store.commit(draft.changes(), operations)
    } catch (error) {
      if (group.length === 1) fail(group, error)
      // Memory is as it was: each has another try of its own.
      else for (const submission of group) commit([submission])
      return
    }
    world.merge(draft)
    head = next
    for (const [index, result] of settled.entries()) tell(group[index]!, result)
    if (operations.length > 0) for (const listener of listeners) listener()
  }

  /** What is committed stands, whether or not it can be told: a failure here is nobody else's. */
  function tell({ settle }: Submission, result: Settled): void {
    try {
      if (result.outcome.kind === 'done') for (const packet of result.outcome.packets) parts.broadcast(packet)
      settle(result)
    } catch (error) {
      parts.report(error)
    }
  }

  function fail(group: readonly Submission[], error: unknown): void {
    const theirs = error instanceof CommitTooLarge
    if (!theirs) parts.report(error)
    const outcome = refused(theirs ? 'payload_too_large' : 'server_error')
    for (const submission of group) tell(submission, { outcome, operations: [], head, recorded: () => undefined })
  }

  return {
    get head() {
      return head
    },
    submit(request, settle) {
      if (closed) {
        settle({ outcome: refused('db_unavailable'), operations: [], head, recorded: () => undefined })
        return
      }
      queue.push({ request, settle })
      if (queue.length === 1) setImmediate(run)
    },
    barrier() {},
    get waiting() {
      return listeners.size
    },
    onCommit(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    drain() {
      closed = true
      run()
    },
    drop() {
      closed = true
      queue = []
    },
  }
}

/** A bug in one command must not take its neighbours with it. */
export function attempt(
  world: WorldTables,
  request: Request,
  context: EngineContext,
  report: (error: unknown) => void,
): { readonly outcome: Outcome; readonly draft: WorldTables } {
  try {
    return applyCommand(world, request, context)
  } catch (error) {
    report(error)
    return { outcome: refused('server_error'), draft: world.fork() }
  }
}

export function opIdsOf(group: readonly Submission[]): readonly string[] {
  return group.flatMap(({ request: { command, by } }) =>
    command.kind === 'batch' ? command.operations.map((op) => op.opId) : by.opId === undefined ? [] : [by.opId],
  )
}
