import { assert } from '../../world/errors.ts'
import { missingObject } from '../apply-edits.ts'
import type { Oid } from '../repository.ts'
import { type BatchAnswer, BatchParser } from './batch-parser.ts'
import { type GitChild, type GitContext, gitFailure, spawnGit } from './git-process.ts'
import { Hold } from './hold.ts'

/** An object as git stores it. */
export interface StoredObject {
  readonly type: string
  readonly content: Buffer
}

/** What a name means. */
interface FoundObject {
  readonly oid: Oid
  readonly type: string
}

type Request =
  | {
      readonly kind: 'contents'
      readonly oid: Oid
      readonly settle: (object: StoredObject | undefined) => void
      readonly fail: (error: unknown) => void
    }
  | {
      readonly kind: 'info'
      /** An id, or a revision that cannot be ambiguous. */
      readonly oid: string
      readonly settle: (found: FoundObject | undefined) => void
      readonly fail: (error: unknown) => void
    }

const ARGS = ['cat-file', '--batch-command', '--buffer']

/**
 * One long-lived `git cat-file` that answers every read, started by the first.
 *
 * Requests made in one turn of the event loop go out together with one `flush`, and answers come back in order; requests
 * are written whether or not answers have been read and answers are read as they come, so neither pipe can wait for the
 * other. When the process dies, what was asked fails and the next request starts another. It keeps node alive only
 * while something is being asked.
 */
export class ObjectReader {
  readonly #context: GitContext
  #session: Session | undefined
  #closed = false

  constructor(context: GitContext) {
    this.#context = context
  }

  /** The object, undefined when it is not here. */
  read(oid: Oid): Promise<StoredObject | undefined> {
    return new Promise((settle, fail) => this.#ask({ kind: 'contents', oid, settle, fail }))
  }

  /** The type of the object, undefined when it is not here. */
  async type(oid: Oid): Promise<string | undefined> {
    return (await this.#find(oid))?.type
  }

  /** The object that a revision without spaces means (`HEAD^{commit}`), undefined when it means none. */
  async resolve(revision: string): Promise<Oid | undefined> {
    return (await this.#find(revision))?.oid
  }

  #find(oid: string): Promise<FoundObject | undefined> {
    return new Promise((settle, fail) => this.#ask({ kind: 'info', oid, settle, fail }))
  }

  /** The content of an object that must be here and of this type. */
  async content(oid: Oid, type: 'blob' | 'tree' | 'commit'): Promise<Buffer> {
    const object = await this.read(oid)
    if (object?.type !== type) throw missingObject(oid, type)
    return object.content
  }

  /** Ends the process after what has been asked is answered. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#session?.end()
  }

  #ask(request: Request): void {
    assert(!this.#closed, 'a repository that is read has not been closed')
    assert(request.kind === 'info' || /^[0-9a-f]+$/.test(request.oid), `an object id: ${request.oid}`)
    if (!this.#session?.alive) this.#session = new Session(this.#context)
    this.#session.ask(request)
  }
}

/** One life of the process. */
class Session {
  alive = true
  readonly #child: GitChild
  readonly #hold: Hold
  readonly #waiting: Request[] = []
  /** How many at the front of `#waiting` are answered; shifting a long array for each answer would be quadratic. */
  #answered = 0
  #unsent: string[] = []

  constructor(context: GitContext) {
    this.#child = spawnGit(context, ARGS)
    this.#hold = new Hold(this.#child)
    const parser = new BatchParser(
      () => this.#waiting[this.#answered]?.kind === 'contents',
      (answer) => this.#answer(answer),
    )
    this.#child.process.stdout.on('data', (chunk: Buffer) => {
      try {
        parser.push(chunk)
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
    this.#unsent.push(`${request.kind} ${request.oid}\n`)
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
    if (this.alive && lines.length > 0) this.#child.process.stdin.write(`${lines.join('')}flush\n`)
  }

  #answer({ oid, type, content }: BatchAnswer): void {
    const request = this.#waiting[this.#answered]
    assert(request, 'git cat-file answers only what was asked')
    this.#answered += 1
    if (this.#answered === this.#waiting.length) {
      this.#waiting.length = 0
      this.#answered = 0
      this.#hold.letGo()
    }
    if (request.kind === 'info') request.settle(oid === undefined || type === undefined ? undefined : { oid, type })
    else request.settle(type === undefined || content === undefined ? undefined : { type, content })
  }

  #fail(error: unknown): void {
    this.alive = false
    const open = this.#waiting.splice(0).slice(this.#answered)
    this.#answered = 0
    for (const request of open) request.fail(error)
  }
}
