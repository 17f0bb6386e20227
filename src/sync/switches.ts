import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import type { Environment } from './target.ts'
import { readText } from './working-tree.ts'

/** The switches of C6. Both are on by default; the environment comes before `.env` of the project's folder. */
export interface Switches {
  /** `SYNC_STRICT_CONFLICTS`: contested fields become git conflicts and stop the pull; off, they are kept open. */
  readonly strictConflicts: boolean
  /** `BIDIRECTIONAL_SYNC`: off, nothing is written to either side. */
  readonly bidirectional: boolean
}

const ON = new Set(['1', 'true', 'yes', 'on'])
const OFF = new Set(['0', 'false', 'no', 'off'])

/** Reads the switches. Throws `invalid_switch` for a value that is neither on nor off: guessing could go either way. */
export async function readSwitches(folder: string, env: Environment): Promise<Switches> {
  const text = await readText(join(folder, '.env'))
  const { parseEnv } = await import('node:util')
  const dotenv = text === undefined ? {} : (parseEnv(text) as Environment)
  const read = (name: string): boolean => {
    const value = (env[name] || dotenv[name] || 'true').trim().toLowerCase()
    if (ON.has(value)) return true
    if (OFF.has(value)) return false
    throw new SyncError('invalid_switch', `${name} is "${value}", which is neither on nor off.`, {
      exitCode: 5,
      hint: `Set ${name} to true or false.`,
      data: { name, value },
    })
  }
  return { strictConflicts: read('SYNC_STRICT_CONFLICTS'), bidirectional: read('BIDIRECTIONAL_SYNC') }
}

/** Refuses a command that would write to the world or to the project's files while that is switched off (C6). */
export function requireBidirectional(switches: Switches, command: string): void {
  if (switches.bidirectional) return
  throw new SyncError('switched_off', `BIDIRECTIONAL_SYNC is off: "gamedev ${command}" writes nothing.`, {
    exitCode: 5,
    hint: 'Unset BIDIRECTIONAL_SYNC, or set it to true, to sync again; fetch, status, log and diff go on working.',
    data: { command },
  })
}
