import type { Operation } from '../world/operation.ts'
import type { EngineContext } from './engine-types.ts'
import { attempt, opIdsOf, type Submission, type Writer, type WriterParts } from './group-writer.ts'

/**
 * The public server's way of writing, for tools that must survive it (protocol, section 3, 'What the server can lose'):
 * settings and spawn at once, the feed just after the acknowledgement, blueprints and entities only in {@link save}. A
 * reused opId is applied again, recorded nowhere, and skips a cursor number.
 */
export function createLooseWriter(parts: WriterParts): Writer & { save(): void } {
  const { world, store } = parts
  const listeners = new Set<() => void>()
  const unsaved = new Set<string>()
  let head = parts.head
  let queue: Submission[] = []
  let feed: Operation[] = []
  let closed = false

  function run(): void {
    const group = queue
    queue = []
    const known = store.recorded(opIdsOf(group))
    for (const op of feed) known.set(op.opId, op.cursor)
    const recorded = (opId: string) => known.get(opId)
    const context: EngineContext = { ...parts, recorded, head: () => head, publicLike: true }
    for (const { request, settle } of group) {
      const { outcome, draft } = attempt(world, request, context, parts.report)
      if (outcome.kind === 'refused') {
        settle({ outcome, operations: [], head, recorded })
        continue
      }
      const atOnce = []
      for (const change of draft.changes()) {
        if (change.kind === 'object') unsaved.add(`${change.table}:${change.id}`)
        else atOnce.push(change)
      }
      if (atOnce.length > 0) store.commit(atOnce, [])
      world.merge(draft)
      const own: Operation[] = []
      for (const op of outcome.operations) {
        head++
        if (recorded(op.opId) !== undefined) continue
        known.set(op.opId, head)
        own.push({ cursor: head, ...op })
      }
      feed.push(...own)
      for (const packet of outcome.packets) parts.broadcast(packet)
      settle({ outcome, operations: own, head, recorded })
    }
    setImmediate(flush)
  }

  function flush(): void {
    if (feed.length === 0) return
    store.commit([], feed)
    feed = []
    for (const listener of listeners) listener()
  }

  /** What is in somebody's hand is never saved: a restart finds it as it was before. */
  function save(): void {
    const saved = [...unsaved].filter((key) => {
      const { table, id } = keyOf(key)
      const mover = world.get(table, id)?.mover
      return mover === undefined || mover === null
    })
    const changes = saved.map((key) => {
      const { table, id } = keyOf(key)
      return { kind: 'object', table, id, value: world.get(table, id) } as const
    })
    store.commit(changes, [])
    for (const key of saved) unsaved.delete(key)
  }

  return {
    get head() {
      return head
    },
    submit(request, settle) {
      if (closed) return
      queue.push({ request, settle })
      if (queue.length === 1) setImmediate(run)
    },
    barrier: flush,
    get waiting() {
      return listeners.size
    },
    onCommit(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    drain() {
      run()
      flush()
      closed = true
    },
    drop() {
      closed = true
      queue = []
      feed = []
    },
    save,
  }
}

function keyOf(key: string): { readonly table: 'blueprint' | 'entity'; readonly id: string } {
  const colon = key.indexOf(':')
  return { table: key.slice(0, colon) === 'blueprint' ? 'blueprint' : 'entity', id: key.slice(colon + 1) }
}
