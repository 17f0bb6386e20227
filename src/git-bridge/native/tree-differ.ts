import { assert } from '../../world/errors.ts'
import type { FileMode, Oid, TreeChange } from '../repository.ts'
import { type GitChild, type GitContext, gitFailure, spawnGit } from './git-process.ts'
import { Hold } from './hold.ts'

interface Request {
  readonly header: string
  readonly changes: TreeChange[]
  readonly settle: (changes: readonly TreeChange[]) => void
  readonly fail: (error: unknown) => void
}

const ARGS = [
  'diff-tree',
  '--stdin',
  '-r',
  '-z',
  '--raw',
  '--no-renames',
  '--no-abbrev',
  '--ignore-submodules=none',
] as const

/** A line that is no object id: `diff-tree` repeats it and empties its buffer. */
const FLUSH = 'flush'

/**
 * One long-lived `git diff-tree --stdin` that compares pairs of trees, started by the first question: a merge asks for
 * the change of each of a thousand commits. Questions of one turn of the event loop go out together. When the process
 * ends early, or does not answer what it was asked (a tree that is missing), everything open fails and the next question
 * starts another.
 */
export class TreeDiffer {
  readonly #context: GitContext
  #session: Session | undefined

  constructor(context: GitContext) {
    this.#context = context
  }

  /** The files that differ between two trees, in git's order. Both must exist. */
  changes(before: Oid, after: Oid): Promise<readonly TreeChange[]> {
    if (!this.#session?.alive) this.#session = new Session(this.#context)
    const session = this.#session
    return new Promise((settle, fail) => session.ask({ header: `${before} ${after}`, changes: [], settle, fail }))
  }

  async close(): Promise<void> {
    await this.#session?.end()
  }
}

/** One life of the process. */
class Session {
  alive = true
  readonly #child: GitChild
  readonly #hold: Hold
  #waiting: Request[] = []
  /** How many at the front of `#waiting` are answered. */
  #answered = 0
  /** Whether the header of the first unanswered request was read. */
  #open = false
  #unsent: string[] = []
  /** How many requests went out with each flush whose end was not read yet. */
  readonly #sent: number[] = []
  #answeredSinceFlush = 0
  #rest: Buffer = Buffer.alloc(0)

  constructor(context: GitContext) {
    this.#child = spawnGit(context, ARGS)
    this.#hold = new Hold(this.#child)
    this.#child.process.stdout.on('data', (chunk: Buffer) => {
      try {
        this.#rest = this.#read(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]))
      } catch (error) {
        this.#fail(error)
        this.#child.process.kill()
      }
    })
    this.#child.exit.then(
      (exit) => this.#fail(gitFailure(ARGS, exit)),
      (error: unknown) => this.#fail(error),
    )
  }

  ask(request: Request): void {
    if (this.#waiting.length === 0) this.#hold.take()
    this.#waiting.push(request)
    if (this.#unsent.length === 0) setImmediate(() => this.#send())
    this.#unsent.push(`${request.header}\n`)
  }

  async end(): Promise<void> {
    this.#hold.takeForGood()
    if (this.#unsent.length > 0) this.#send()
    this.#child.process.stdin.end()
    await this.#child.exit.catch(() => {})
  }

  #send(): void {
    const lines = this.#unsent
    this.#unsent = []
    if (!this.alive || lines.length === 0) return
    this.#sent.push(lines.length)
    this.#child.process.stdin.write(`${lines.join('')}${FLUSH}\n`)
  }

  /** Reads all whole records; returns the beginning of the next. */
  #read(bytes: Buffer): Buffer {
    let at = 0
    while (at < bytes.length) {
      if (bytes[at] === 0x3a) {
        const middle = bytes.indexOf(0, at)
        const end = middle < 0 ? -1 : bytes.indexOf(0, middle + 1)
        if (end < 0) break
        assert(this.#open, 'git diff-tree names the trees before their changes')
        const path = bytes.toString('utf8', middle + 1, end)
        this.#waiting[this.#answered]!.changes.push(changeOf(bytes.toString('latin1', at + 1, middle), path))
        at = end + 1
      } else {
        const end = bytes.indexOf(0x0a, at)
        if (end < 0) break
        this.#line(bytes.toString('latin1', at, end))
        at = end + 1
      }
    }
    // A copy, so that one unfinished record does not keep its whole chunk.
    return at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
  }

  /** The names of two trees, or the end of what was asked: either way the answer before it is whole. */
  #line(line: string): void {
    if (this.#open) this.#conclude()
    if (line === FLUSH) {
      assert(this.#sent.shift() === this.#answeredSinceFlush, 'git diff-tree answers all that it is asked')
      this.#answeredSinceFlush = 0
      if (this.#answered < this.#waiting.length) return
      this.#waiting = []
      this.#answered = 0
      this.#hold.letGo()
      return
    }
    assert(this.#waiting[this.#answered]?.header === line, `git diff-tree answers in order, not ${line}`)
    this.#open = true
  }

  #conclude(): void {
    const request = this.#waiting[this.#answered]!
    this.#answered += 1
    this.#answeredSinceFlush += 1
    this.#open = false
    request.settle(request.changes)
  }

  #fail(error: unknown): void {
    this.alive = false
    const open = this.#waiting.splice(0).slice(this.#answered)
    this.#answered = 0
    for (const request of open) request.fail(error)
  }
}

/** A record of `--raw`: `100644 100755 <id> <id> M`. */
function changeOf(record: string, path: string): TreeChange {
  const [modeBefore, modeAfter, oidBefore, oidAfter] = record.split(' ')
  assert(modeBefore && modeAfter && oidBefore && oidAfter, `a raw line of git diff-tree: ${record}`)
  return { path, before: side(modeBefore, oidBefore), after: side(modeAfter, oidAfter) }
}

function side(mode: string, oid: string): TreeChange['before'] {
  return mode === '000000' ? undefined : { mode: mode as FileMode, oid: oid as Oid }
}
