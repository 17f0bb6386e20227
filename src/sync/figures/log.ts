import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DestinationStream } from 'pino'
import { SyncError } from '../../world/errors.ts'
import type { Level, LogLine } from './line.ts'
import type { Secrets } from './secrets.ts'

/** Structured logs: one JSON line for each event, written at once, so that whatever ends the process loses nothing. */
export interface Log {
  write(line: LogLine): void
  /** Where lines go for which nobody named a file: a log of the project's own. */
  enter(stateFolder: string): void
  close(): void
}

export interface LogOptions {
  readonly level: Level
  /** `-` is standard error; undefined: the project's own log. */
  readonly file: string | undefined
  /** What stands in every line. */
  readonly base: Readonly<Record<string, unknown>>
  readonly secrets: Secrets
}

/** The project's own log, below its state folder: never in git, wherever `.lobby/` is not ignored yet (S2). */
export const LOG_FILE = join('logs', 'sync.log')

/** Opens a log. Throws `log_file` where a named file cannot be written. */
export async function openLog({ level, file, base, secrets }: LogOptions): Promise<Log> {
  const { pino } = await import('pino')
  const output = new Output(file)
  const logger = pino(
    {
      level,
      base,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  )
  return {
    write: ({ level: at, message, facts }) => {
      if (logger.isLevelEnabled(at)) logger[at](harmless(facts, secrets) as object, message)
    },
    enter: (stateFolder) => output.enter(join(stateFolder, LOG_FILE)),
    close: () => output.close(),
  }
}

/** Lines that wait for a project to be found. */
const MOST_WAITING = 1000
/** The project's own log begins anew beyond this many bytes; the one before it is kept beside it, as `sync.log.1`. */
const LARGEST = 5 * 1024 * 1024

/** Where lines go. Writing never fails a command: a full disk ends the log. */
class Output implements DestinationStream {
  #fd: number | undefined
  /** The path of a log that is begun anew when it is large. */
  #own: string | undefined
  #size = 0
  #waiting: string[] | undefined

  constructor(file: string | undefined) {
    if (file === undefined) this.#waiting = []
    else this.#fd = file === '-' ? 2 : openNamed(file)
  }

  enter(path: string): void {
    if (this.#waiting === undefined) return
    const waiting = this.#waiting
    this.#waiting = undefined
    try {
      mkdirSync(dirname(path), { recursive: true })
      this.#own = path
      this.#open(path)
    } catch {
      return
    }
    for (const line of waiting) this.write(line)
  }

  write(line: string): void {
    if (this.#waiting !== undefined) {
      if (this.#waiting.length < MOST_WAITING) this.#waiting.push(line)
      return
    }
    if (this.#fd === undefined) return
    try {
      if (this.#own !== undefined && this.#size > LARGEST) this.#beginAnew(this.#own)
      const bytes = Buffer.from(line)
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
      this.#size += bytes.length
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.close()
    }
  }

  close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined && fd !== 2) closeSync(fd)
  }

  #beginAnew(path: string): void {
    this.close()
    renameSync(path, `${path}.1`)
    this.#open(path)
  }

  #open(path: string): void {
    this.#fd = openSync(path, 'a', 0o600)
    this.#size = fstatSync(this.#fd).size
  }
}

function openNamed(file: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new SyncError('log_file', `The log file ${file} cannot be written (${why}).`, {
      hint: 'Name another one with --log-file; "-" is standard error.',
      data: { file },
    })
  }
}

/** Longer texts are cut, longer lists and deeper records as well: a line stays a line. */
const LONGEST_TEXT = 2000
const LONGEST_LIST = 100
const DEEPEST = 6

/** Facts without secrets (S2) and without what would command the terminal of who reads the log (S1). */
function harmless(value: unknown, secrets: Secrets, depth = 0): unknown {
  if (typeof value === 'string') {
    const text = secrets.hide(value).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD')
    return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text
  }
  if (value === null || typeof value !== 'object') return value
  if (depth >= DEEPEST) return '…'
  if (Array.isArray(value)) return value.slice(0, LONGEST_LIST).map((item) => harmless(item, secrets, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, LONGEST_LIST)
      .map(([key, item]) => [key, harmless(item, secrets, depth + 1)]),
  )
}
