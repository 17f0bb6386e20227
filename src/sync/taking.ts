import type { Cursor, Operation } from '../world/operation.ts'
import type { OperationFacts } from './figures/event.ts'
import { readJournal } from './push-journal.ts'
import type { Session } from './session.ts'

type Taken = OperationFacts & { readonly cursor: Cursor; readonly own: boolean }

/** What a fetch takes onto the line: told when it is there, and not before, because what is not will be read again. */
export class Taking {
  readonly #session: Session
  #waiting: Taken[] = []
  #isOwn: ((operation: Operation) => boolean) | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Operations were read. Those that a push from here has sent are its own: its journal says which. */
  async read(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return
    const { keyOfOperation, sentBy } = await import('./landed.ts')
    this.#isOwn ??= sentBy(await readJournal(this.#session))
    for (const operation of operations) {
      const { cursor, opId: op, kind: does, objectUid: uid } = operation
      this.#waiting.push({ object: keyOfOperation(operation), uid, op, does, cursor, own: this.#isOwn(operation) })
    }
  }

  /** The line, or what is known to change nothing of it, reaches up to a cursor. */
  tell(until: Cursor): void {
    const left = this.#waiting.findIndex(({ cursor }) => cursor > until)
    const told = left < 0 ? this.#waiting : this.#waiting.slice(0, left)
    this.#waiting = left < 0 ? [] : this.#waiting.slice(left)
    for (const taken of told) this.#session.report.tell({ kind: 'taken-in', ...taken })
  }
}
