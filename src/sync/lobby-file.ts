import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject } from '../world/json.ts'

/** The committed file that says which worlds a project syncs with; it never holds a secret (G13). */
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
  /** The whole document, so that writing it back keeps what we do not know. */
  readonly document: JsonObject
}

/** Names that are safe as a ref's last segment and as a word on the command line. */
const TARGET_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/

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

export function parseLobbyFile(text: string): LobbyFile {
  let document: unknown
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw invalid(`is not JSON: ${(error as Error).message}`)
  }
  if (!isJsonObject(document)) throw invalid('must hold one object')
  const targets: Record<string, TargetEntry> = {}
  const listed = document.targets ?? {}
  if (!isJsonObject(listed)) throw invalid('"targets" must be an object')
  for (const [name, entry] of Object.entries(listed)) {
    if (isJsonObject(entry) && Object.hasOwn(entry, 'adminCode')) {
      throw invalid(
        `holds the admin code of target "${name}": move it to .lobby/targets.json, which git ignores, and change it`,
      )
    }
    targets[name] = parseTarget(name, entry, invalid)
  }
  const names = Object.keys(targets)
  const defaultTarget = document.defaultTarget ?? names[0] ?? 'main'
  if (typeof defaultTarget !== 'string') throw invalid('"defaultTarget" must be the name of a target')
  if (names.length > 0 && !Object.hasOwn(targets, defaultTarget)) {
    throw invalid(`"defaultTarget" names ${JSON.stringify(defaultTarget)}, which is not among its targets`)
  }
  return { defaultTarget, targets, document }
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
  return new SyncError('invalid_lobby_file', `${LOBBY_FILE} ${what}`, {
    hint: `Correct ${LOBBY_FILE} and run the command again.`,
  })
}

/** The text of `lobby.json` with one target added or replaced; the first target becomes the default. */
export function withTarget(previous: LobbyFile | undefined, name: string, entry: TargetEntry): string {
  const document = previous?.document ?? {}
  const targets = isJsonObject(document.targets) ? document.targets : {}
  return `${JSON.stringify(
    {
      ...document,
      defaultTarget: previous !== undefined && Object.keys(previous.targets).length > 0 ? previous.defaultTarget : name,
      targets: { ...targets, [name]: { ...entry } },
    },
    null,
    2,
  )}\n`
}
