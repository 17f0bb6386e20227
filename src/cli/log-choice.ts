import { LEVELS, type Level } from '../sync/figures/line.ts'
import type { Environment } from '../sync/target.ts'

export const LOG_LEVELS = LEVELS

/** What is logged, and where; nothing by default. */
export interface LogChoice {
  readonly level?: Level | undefined
  readonly file?: string | undefined
}

/** How others call what we have. */
const SPELLINGS: Readonly<Record<string, Level>> = { warning: 'warn', verbose: 'debug', off: 'silent', none: 'silent' }

/**
 * Flags come before the environment. A file without a level is meant to get something. `LOG_LEVEL` belongs to other
 * programs as well: a value that is none of ours logs nothing, and is said.
 */
export function chooseLog(
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
): { readonly choice: LogChoice; readonly warning: string | undefined } {
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
  const file = text(flags['log-file']) ?? text(env.LOG_FILE)
  const said = text(flags['log-level']) ?? text(env.LOG_LEVEL)
  if (said === undefined) return { choice: file === undefined ? {} : { level: 'info', file }, warning: undefined }
  const wanted = SPELLINGS[said.toLowerCase()] ?? said.toLowerCase()
  const level = LEVELS.find((known) => known === wanted)
  if (level !== undefined) return { choice: { level, file }, warning: undefined }
  return { choice: {}, warning: `LOG_LEVEL is "${said}", none of ${LEVELS.join(', ')}; nothing is logged.` }
}
