import type { Oid } from '../../../../src/git-bridge/repository.ts'
import type { Work } from '../effects.ts'
import type { Repo } from '../repo.ts'

/** What came of a command: its exit code and what it printed. */
export interface Said {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** A git command that is run: its arguments without the settings before its name. */
export interface Call {
  readonly repo: Repo
  /** Options and operands after the command's name. */
  readonly args: readonly string[]
  readonly input: Buffer
  /** The index file: the repository's own, unless `GIT_INDEX_FILE` says another. */
  readonly index: string
}

/** A command that changes nothing answers at once. */
export type Command = (call: Call) => Said | Work<Said>

export function said(stdout: string | Buffer = '', code = 0, stderr = ''): Said {
  return { code, stdout: typeof stdout === 'string' ? Buffer.from(stdout) : stdout, stderr }
}

/** A command with arguments that the product never sends. */
export function notModelled(args: readonly string[]): Error {
  return new Error(`git ${args.join(' ')} is not modelled`)
}

/** Splits what ends each of its parts with NUL. */
export function nulSeparated(input: Buffer): string[] {
  const parts = input.toString('utf8').split('\0')
  parts.pop()
  return parts
}

/** The operands after `--`. */
export function operands(args: readonly string[]): readonly string[] {
  const at = args.indexOf('--')
  return at < 0 ? [] : args.slice(at + 1)
}

export function isBelow(path: string, places: readonly string[]): boolean {
  return places.some(
    (place) => place === '' || place === '.' || path === place || path.startsWith(`${place.replace(/\/$/, '')}/`),
  )
}

export const NONE = '0'.repeat(40) as Oid
