import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULT_POLICY, type Policy } from '../resolvers/policy.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject } from '../world/json.ts'
import { lobbyProblem, TARGET_NAME } from './lobby-schema.ts'

/** The committed file that says which worlds a project syncs with and who owns what; it never holds a secret (G13). */
export const LOBBY_FILE = 'lobby.json'

export interface TargetEntry {
  readonly worldUrl: string
  readonly worldId: string
  /** Ask before pushing (P7). */
  readonly confirm?: boolean
}

export interface LobbyFile {
  /** The target of commands that name none. */
  readonly defaultTarget: string
  readonly targets: Readonly<Record<string, TargetEntry>>
  /** Which side wins what both changed (M5); no rules where the file has none. */
  readonly policy: Policy
  /** The whole document, so that writing it back keeps what we do not know. */
  readonly document: JsonObject
}

export function isTargetName(name: string): boolean {
  return TARGET_NAME.test(name)
}

/** Reads `lobby.json` of a project; undefined when there is none. Throws `invalid_lobby_file`. */
export async function readLobbyFile(folder: string): Promise<LobbyFile | undefined> {
  let text: string
  try {
    text = await readFile(join(folder, LOBBY_FILE), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalid(`cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
  return parseLobbyFile(text)
}

/** Reads the text of `lobby.json`. Throws `invalid_lobby_file`, which names the place and says what it must hold. */
export function parseLobbyFile(text: string): LobbyFile {
  let document: unknown
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw invalid(`is not JSON: ${(error as Error).message}`)
  }
  if (!isJsonObject(document)) throw invalid('must hold one object')
  const targets: Record<string, TargetEntry> = {}
  const listed = document.targets === undefined ? {} : document.targets
  if (!isJsonObject(listed)) throw invalid('"targets" must be an object')
  for (const [name, entry] of Object.entries(listed)) {
    if (isJsonObject(entry) && Object.hasOwn(entry, 'adminCode')) {
      throw invalid(
        `holds the admin code of target "${name}": move it to .lobby/targets.json, which git ignores, and change it`,
      )
    }
    targets[name] = parseTarget(name, entry, invalid)
  }
  const problem = lobbyProblem(document)
  if (problem !== undefined) throw failure(`${LOBBY_FILE}: ${problem.message}`, problem.hint)
  const names = Object.keys(targets)
  const defaultTarget = (document.defaultTarget as string | undefined) ?? names[0] ?? 'main'
  if (names.length > 0 && !Object.hasOwn(targets, defaultTarget)) {
    throw invalid(`"defaultTarget" names ${JSON.stringify(defaultTarget)}, which is not among its targets`)
  }
  // The values as they stand, never zod's copies.
  const policy = document.policy === undefined ? DEFAULT_POLICY : (document.policy as unknown as Policy)
  return { defaultTarget, targets, policy, document }
}

/** One target of `lobby.json` or `.lobby/targets.json`. */
export function parseTarget(name: string, entry: unknown, fail: (what: string) => SyncError): TargetEntry {
  if (!isTargetName(name))
    throw fail(`the target name ${JSON.stringify(name)} may hold letters, digits, "-" and "_" only`)
  if (!isJsonObject(entry)) throw fail(`target "${name}" must be an object`)
  const { worldUrl, worldId } = entry
  if (typeof worldUrl !== 'string' || worldUrl === '') throw fail(`target "${name}" lacks "worldUrl"`)
  if (typeof worldId !== 'string' || worldId === '') throw fail(`target "${name}" lacks "worldId"`)
  const flags = [entry.confirm, entry.requireConfirm, entry.requiresConfirm]
  const confirm = flags.some((flag) => flag === true) || name === 'prod' || name === 'production'
  return confirm ? { worldUrl, worldId, confirm } : { worldUrl, worldId }
}

function invalid(what: string): SyncError {
  return failure(`${LOBBY_FILE} ${what}`)
}

function failure(message: string, hint?: string): SyncError {
  return new SyncError('invalid_lobby_file', message, {
    hint: `${hint === undefined ? '' : `${hint} `}Correct ${LOBBY_FILE} and run the command again.`,
  })
}

/**
 * The text of `lobby.json` with one target added or moved, whatever else it says kept; the first target becomes the
 * default. `policy` comes in where there is none.
 */
export function withTarget(
  previous: LobbyFile | undefined,
  name: string,
  entry: TargetEntry,
  policy?: Policy | undefined,
): string {
  const document = previous?.document ?? {}
  const targets = isJsonObject(document.targets) ? document.targets : {}
  const before = isJsonObject(targets[name]) ? targets[name] : {}
  return `${JSON.stringify(
    {
      ...document,
      defaultTarget: previous !== undefined && Object.keys(previous.targets).length > 0 ? previous.defaultTarget : name,
      targets: { ...targets, [name]: { ...before, ...entry } },
      ...(policy === undefined || document.policy !== undefined ? {} : { policy }),
    },
    null,
    2,
  )}\n`
}
