import type { Operation } from '../../../src/world/operation.ts'
import { jsonText } from './json-text.ts'

/** The changefeed of a world: what a server keeps of it, and everything that was ever in it. */
export class Feed {
  /** Every operation ever announced, those included that a server lost or keeps no longer. */
  readonly history: Operation[] = []
  /** The last cursor that was given. */
  head = 0
  /** The cursor up to which operations are kept no longer. */
  floor = 0
  #operations: Operation[] = []
  /** How many of the operations are on disk. */
  #written = 0
  readonly #cursors = new Map<string, number>()

  /** The cursor under which an opId is recorded; retention never forgets it. */
  cursorOf(opId: string): number | undefined {
    return this.#cursors.get(opId)
  }

  append(operation: Operation): void {
    this.head = operation.cursor
    this.#operations.push(operation)
    this.history.push(operation)
    this.#cursors.set(operation.opId, operation.cursor)
  }

  /** Delivers an operation again, under the next cursor: a feed promises no more than at least once. */
  repeat(operation: Operation): void {
    this.head++
    this.#operations.push({ ...operation, cursor: this.head })
  }

  /** A cursor that no operation gets. */
  skip(): void {
    this.head++
  }

  flush(): void {
    this.#written = this.#operations.length
  }

  /** What a crash now would lose. */
  get unwritten(): readonly Operation[] {
    return this.#operations.slice(this.#written)
  }

  /** A crash after `more` of the unwritten operations: the others are gone, and their cursors are given again. */
  crash(more: number): readonly Operation[] {
    const lost = this.#operations.splice(this.#written + more)
    for (const { opId, cursor } of lost) if (this.#cursors.get(opId) === cursor) this.#cursors.delete(opId)
    this.flush()
    this.head = Math.max(this.floor, this.#operations.at(-1)?.cursor ?? 0)
    return lost
  }

  /** Keeps the last `count` operations; older cursors are expired from now on (protocol, section 9). */
  retain(count: number): void {
    this.floor = Math.max(this.floor, this.head - count)
  }

  /** The cursor of the oldest operation that is kept. */
  oldest(): number | undefined {
    return this.#operations[this.#after(this.floor)]?.cursor
  }

  operations(): readonly Operation[] {
    return this.#operations.slice(this.#after(this.floor))
  }

  /** The answer to `GET /admin/changes` after a cursor, as JSON. */
  pageText(cursor: number, limit: number): string {
    const start = this.#after(Math.max(cursor, this.floor))
    const shown = this.#operations.slice(start, start + limit)
    const reached = shown.at(-1)?.cursor ?? cursor
    const hasMore = this.#operations.length > start + limit
    return `{"cursor":${reached},"headCursor":${this.head},"operations":[${shown.map(jsonText).join(',')}],"hasMore":${hasMore}}`
  }

  /** Goes back to what the feed was when its head was that of `before`; other cursors follow. */
  restore(before: { readonly head: number; readonly operations: readonly Operation[] }): void {
    this.#operations = [...before.operations]
    this.#cursors.clear()
    for (const { opId, cursor } of before.operations.toReversed()) this.#cursors.set(opId, cursor)
    this.head = before.head
    this.floor = Math.min(this.floor, before.head)
    this.flush()
  }

  /** Everything that {@link restore} needs; what retention forgot is among it. */
  backup(): { readonly head: number; readonly operations: readonly Operation[] } {
    return { head: this.head, operations: [...this.#operations] }
  }

  /** The index of the first operation after a cursor. */
  #after(cursor: number): number {
    let low = 0
    let high = this.#operations.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#operations[middle]!.cursor <= cursor) low = middle + 1
      else high = middle
    }
    return low
  }
}
