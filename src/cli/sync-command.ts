import { createInterface } from 'node:readline/promises'
import { Command, Flags, type Interfaces, ux } from '@oclif/core'
import { isCi, requireNamedTarget } from '../sync/ci.ts'
import type { FetchReport } from '../sync/fetch.ts'
import { type CommandReporter, openReporter } from '../sync/figures/reporter.ts'
import type { Context, Session } from '../sync/session.ts'
import { SyncError } from '../world/errors.ts'
import { chooseLog, LOG_LEVELS } from './log-choice.ts'
import {
  type ProgressView,
  printable,
  printableJson,
  printableLine,
  printableText,
  progressView,
} from './progress-view.ts'

type Named = Record<string, unknown>

export type BaseFlags<T extends typeof Command> = Interfaces.InferredFlags<
  (typeof SyncCommand)['baseFlags'] & T['flags']
>

/**
 * What the commands of the `sync` and `world` topics share: `--target`, `--yes`, `--json`; progress on stderr; Ctrl-C;
 * errors as one sentence and a next step, with the exit codes of docs/architecture.md. The only place that prints and
 * picks exit codes.
 */
export abstract class SyncCommand<T> extends Command {
  static override enableJsonFlag = true
  /** Whether the command writes to a world: in CI it then refuses to guess which (S2). */
  static writesToWorld = false
  static override baseFlags = {
    target: Flags.string({ char: 't', description: 'Name of the world in lobby.json', helpGroup: 'GLOBAL' }),
    yes: Flags.boolean({ char: 'y', description: 'Ask nothing, answer yes', helpGroup: 'GLOBAL' }),
    'log-level': Flags.option({
      options: LOG_LEVELS,
      description: 'Log what is decided, from this level on; also LOG_LEVEL',
      helpGroup: 'GLOBAL',
    })(),
    'log-file': Flags.string({
      helpValue: '<path>',
      description: "Where to log, - for standard error; also LOG_FILE. By default the project's own log",
      helpGroup: 'GLOBAL',
    }),
  }

  readonly #abort = new AbortController()
  #view: ProgressView | undefined
  #reporter: CommandReporter | undefined
  #error: Error | undefined

  /** What the use cases get from outside: the folder, the environment, progress, Ctrl-C. */
  protected context(): Context & { readonly writes: boolean } {
    const view = progressView(process.stderr)
    this.#view = view
    const reporter = this.#reporter
    const warn = (text: string) => {
      view.warn(text)
      reporter?.tell({ kind: 'warned', text }, {})
    }
    // The first Ctrl-C ends the work at a safe place; what is half done, the next run completes.
    process.once('SIGINT', () => this.#abort.abort(new Interrupted('SIGINT')))
    process.once('SIGTERM', () => this.#abort.abort(new Interrupted('SIGTERM')))
    const writes = (this.ctor as typeof SyncCommand).writesToWorld
    const progress = { step: view.step, warn }
    return { cwd: process.cwd(), env: process.env, progress, signal: this.#abort.signal, writes, reporter }
  }

  /** Begins to count and to log as soon as it is known how; every command reads its flags first. */
  protected override async parse<F extends Named, B extends Named, A extends Named>(
    options?: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv)
    const { choice, warning } = chooseLog(parsed.flags, process.env)
    if (warning !== undefined) process.stderr.write(`warning: ${printableLine(warning)}\n`)
    const command = (this.id ?? '').replaceAll(':', ' ')
    this.#reporter = await openReporter({ command, version: this.config.version, env: process.env, ...choice })
    return parsed
  }

  protected override async finally(error: Error | undefined): Promise<unknown> {
    const failed = this.#error ?? error
    const exitCode = Number(process.exitCode ?? 0) || (failed === undefined ? 0 : 1)
    await this.#reporter?.end({ exitCode, error: failed })
    return super.finally(error)
  }

  /** Opens the session of the current folder, hands it to `work` and closes it in any case. */
  protected async withSession<R>(
    flags: { target?: string | undefined; 'dry-run'?: boolean },
    work: (session: Session) => Promise<R>,
  ): Promise<R> {
    const { openSession } = await import('../sync/session.ts')
    const context = this.context()
    const session = await openSession(context, { target: flags.target })
    try {
      if (context.writes && flags['dry-run'] !== true) requireNamedTarget(session.target, session.lobby, context.env)
      return await work(session)
    } finally {
      await session.close()
    }
  }

  /** Asks a yes-or-no question: `--yes` answers it; without a terminal, or in CI, the answer is no. */
  protected asker(flags: { yes: boolean }): (question: string) => Promise<boolean> {
    return async (question) => {
      if (flags.yes) return true
      return this.canAsk && /^y(es)?$/i.test(await this.ask(`${question} [y/N] `))
    }
  }

  /** Whether somebody sits at a terminal. */
  protected get canAsk(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY && !isCi(process.env)
  }

  /** Asks somebody at the terminal; the end of their input is an empty answer. */
  protected async ask(question: string): Promise<string> {
    this.#view?.end()
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    try {
      const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')))
      return (await Promise.race([terminal.question(printable(question)), ended])).trim()
    } finally {
      terminal.close()
    }
  }

  /** Prints one line of the result, made safe for terminals; nothing with `--json`. */
  protected say(text = ''): void {
    this.#view?.end()
    this.log(printableLine(text))
  }

  /** The exit code of a command that ran to its end. */
  protected exitWith(code: 0 | 1 | 2 | 3 | 4 | 5): void {
    process.exitCode = code
  }

  /** The document of `--json`, as safe for terminals as the lines are (S1). */
  protected override logJson(json: unknown): void {
    ux.stdout(printableJson(ux.colorizeJson(json, { pretty: true })))
  }

  protected warnOf(fetched: FetchReport): void {
    for (const { key, reason } of fetched.refusals) {
      this.#view?.end()
      process.stderr.write(`warning: ${printableLine(`${key} is refused: ${reason}`)}\n`)
    }
  }

  abstract override run(): Promise<T>

  protected override async catch(error: Error & { exitCode?: number; oclif?: { exit?: number } }): Promise<unknown> {
    this.#error = error
    this.#view?.end()
    const cause = this.#abort.signal.aborted ? this.#abort.signal.reason : error
    if (cause instanceof Interrupted) {
      process.stderr.write('interrupted; the next run completes what is half done\n')
      process.exitCode = cause.signal === 'SIGINT' ? 130 : 143
      return undefined
    }
    const failure = describe(error)
    if (failure === undefined) {
      // oclif's own code for a wrong call is 2, which means open conflicts here.
      if (error.oclif?.exit === 2) error.oclif.exit = 1
      if (this.jsonEnabled() && error.oclif !== undefined) {
        process.exitCode = 1
        this.logJson({ error: { code: 'usage', message: error.message, hint: 'See --help.', data: {} } })
        return undefined
      }
      return super.catch(error)
    }
    process.exitCode = failure.exitCode
    if (this.jsonEnabled()) {
      this.logJson({ error: { code: failure.code, message: failure.message, hint: failure.hint, data: failure.data } })
    } else {
      process.stderr.write(`error: ${printableText(failure.message)}\n`)
      if (failure.hint !== undefined) process.stderr.write(`hint: ${printableText(failure.hint)}\n`)
    }
    return undefined
  }
}

class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM'
  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('interrupted')
    this.signal = signal
  }
}

/** A folder, a link or a file stands where something else belongs. */
const IN_THE_WAY: ReadonlySet<string> = new Set(['EISDIR', 'ENOTDIR', 'ELOOP', 'ENOTEMPTY', 'EEXIST', 'ERR_FS_EISDIR'])

/** Failures that are the user's or the machine's, in words; undefined for bugs of ours. */
function describe(error: Error & { code?: string; path?: string }): SyncError | undefined {
  if (error instanceof SyncError) return error
  if (error.code === 'ENOSPC') {
    return new SyncError('disk_full', 'The disk is full; nothing was published.', {
      hint: 'Make room and run the command again: it goes on where it stopped.',
    })
  }
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS') {
    return new SyncError('not_permitted', `Writing ${error.path ?? 'a file'} is not permitted.`, {
      hint: 'Check who owns the folder, then run the command again.',
    })
  }
  if (error.code !== undefined && IN_THE_WAY.has(error.code)) {
    return new SyncError('not_a_file', `${error.path ?? 'A file'} is no ordinary file or folder, or is below none.`, {
      hint: 'Look at it, put it out of the way, and run the command again.',
      data: { path: error.path },
    })
  }
  return undefined
}
