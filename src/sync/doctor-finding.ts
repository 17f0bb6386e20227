import { SyncError } from '../world/errors.ts'

/** What one check of the doctor came to. */
export interface Finding {
  /** The check that found it. */
  readonly check: string
  /** `problem`: the command fails by it. `information`: worth knowing, nothing to repair at once. */
  readonly kind: 'ok' | 'information' | 'problem'
  /** The file or ref that it is about: of the project relative to the top of the repository, below `.git` absolute. */
  readonly path?: string
  readonly message: string
  /** What to do next. */
  readonly hint?: string
}

/** A finding without the name of its check, which the list of checks knows. */
export type Said = Omit<Finding, 'check'>

export const ok = (message: string): Said => ({ kind: 'ok', message })

export function information(message: string, more: { readonly path?: string; readonly hint?: string } = {}): Said {
  return { kind: 'information', message, ...more }
}

export function problem(message: string, more: { readonly path?: string; readonly hint?: string } = {}): Said {
  return { kind: 'problem', message, ...more }
}

/** What a user can repair, as a finding. */
export function problemOf(error: SyncError, more: { readonly path?: string } = {}): Said {
  return problem(error.message, { ...more, ...(error.hint === undefined ? {} : { hint: error.hint }) })
}

/** Runs what may throw what the user can repair; all other errors are bugs, or the end of the command. */
export async function orProblem(look: () => Promise<readonly Said[]> | readonly Said[]): Promise<readonly Said[]> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof SyncError) return [problemOf(error)]
    throw error
  }
}

/** The first few of many, and how many more there are. */
export function few(names: readonly string[], most = 5): string {
  const more = names.length - most
  return more <= 0 ? names.join(', ') : `${names.slice(0, most).join(', ')} and ${more} more`
}

export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}
