import { existsSync } from 'node:fs'
import { SyncError } from '../../world/errors.ts'
import type { Environment } from '../target.ts'
import type { About, EnteredProject, Reporter, SyncEvent } from './event.ts'
import { isExported } from './export-wanted.ts'
import { countsOf, figuresFolder, keepRun, readKept, Sums } from './kept.ts'
import { type Level, lineOf } from './line.ts'
import type { Log } from './log.ts'
import type { Secrets } from './secrets.ts'

export interface ReporterOptions {
  /** The command's name, as `sync pull`. */
  readonly command: string
  readonly version: string
  readonly env: Environment
  /** Undefined: nothing is logged, and nothing of a logger is loaded. */
  readonly level?: Level | undefined
  readonly file?: string | undefined
}

/** How a command ended. */
export interface Ending {
  readonly exitCode: number
  readonly error?: Error | undefined
}

/** Counts and logs what one command decides. Nothing of it can fail the command, but a log file that cannot be written. */
export interface CommandReporter extends Reporter {
  /** Keeps the figures, sends them where `OTEL_*` says so, and ends the log. Takes a second at most. */
  end(ending: Ending): Promise<void>
}

/** Begins to listen to a command. Throws `log_file`. */
export async function openReporter(options: ReporterOptions): Promise<CommandReporter> {
  if (options.level === undefined || options.level === 'silent') return new Listener(options, undefined)
  const [{ openLog }, { Secrets }, { randomUUID }] = await Promise.all([
    import('./log.ts'),
    import('./secrets.ts'),
    import('node:crypto'),
  ])
  const secrets = new Secrets(options.env)
  const base = { pid: process.pid, command: options.command, run: randomUUID().slice(0, 8) }
  const log = await openLog({ level: options.level, file: options.file, base, secrets })
  log.write({ level: 'debug', message: 'the command begins', facts: { event: 'began', version: options.version } })
  return new Listener(options, { log, secrets })
}

interface Logging {
  readonly log: Log
  readonly secrets: Secrets
}

class Listener implements CommandReporter {
  readonly #options: ReporterOptions
  readonly #logging: Logging | undefined
  readonly #sums = new Sums(new Date().toISOString())
  #project: EnteredProject | undefined

  constructor(options: ReporterOptions, logging: Logging | undefined) {
    this.#options = options
    this.#logging = logging
  }

  tell(event: SyncEvent, about: About): void {
    const counts = countsOf(event, about)
    const now = counts.length === 0 ? '' : new Date().toISOString()
    for (const count of counts) this.#sums.add(count, now)
    if (this.#logging !== undefined) this.#logging.log.write(lineOf(event, about))
  }

  conceal(secret: string | undefined): void {
    this.#logging?.secrets.add(secret)
  }

  async enter(project: EnteredProject): Promise<void> {
    this.#project = project
    if (this.#logging === undefined) return
    for (const code of await project.codes()) this.conceal(code)
    this.#logging.log.enter(project.stateFolder)
  }

  async end({ exitCode, error }: Ending): Promise<void> {
    try {
      await this.#keep()
    } catch (failure) {
      this.#note('the figures of this run are lost', 'figures-lost', { reason: (failure as Error).message })
    }
    const failed = error instanceof SyncError ? { error: error.code, reason: error.message } : {}
    const bug = error === undefined || error instanceof SyncError ? {} : { error: error.name, reason: error.message }
    this.#logging?.log.write({
      level: exitCode === 0 ? 'debug' : 'error',
      message: 'the command ends',
      facts: { event: 'ended', exitCode, ...failed, ...bug },
    })
    this.#logging?.log.close()
  }

  async #keep(): Promise<void> {
    const project = this.#project
    if (project === undefined || this.#sums.isEmpty || !existsSync(project.gitDir)) return
    const folder = figuresFolder(project)
    const { env, version } = this.#options
    const before = isExported(env) ? (await readKept(folder)).sums : undefined
    for (const name of await keepRun(folder, this.#sums)) {
      this.#note('figures that cannot be read were put aside', 'figures-damaged', { file: name })
    }
    if (before === undefined) return
    const { exportFigures } = await import('./otlp.ts')
    const sums = { before, now: (await readKept(folder)).sums, run: this.#sums }
    const outcome = await exportFigures(sums, { version, folder })
    if (outcome.kind === 'failed')
      this.#note('the figures were not exported', 'export-failed', { reason: outcome.reason })
    else
      this.#logging?.log.write({ level: 'debug', message: 'the figures were exported', facts: { event: 'exported' } })
  }

  #note(message: string, event: string, facts: Readonly<Record<string, unknown>>): void {
    this.#logging?.log.write({ level: 'warn', message, facts: { event, ...facts } })
  }
}
