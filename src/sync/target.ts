import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RuntimeAddress } from '../remote-runtime/remote-runtime.ts'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject } from '../world/json.ts'
import { type LobbyFile, parseTarget, type TargetEntry } from './lobby-file.ts'

/** How somebody said which world is meant: what is not said expressly is a guess where there are several (S2). */
export type TargetSource = 'flag' | 'environment' | 'dotenv' | 'default'

/** The world that a command talks to, and where that was said. */
export interface Target {
  /** The name in `lobby.json`; undefined when the environment names the world. */
  readonly name: string | undefined
  readonly isDefault: boolean
  readonly address: RuntimeAddress
  readonly confirm: boolean
  readonly from: string
  readonly said: TargetSource
  /** The file that the admin code was read from, relative to the project's folder; git must ignore it (S2). */
  readonly secretFile: string | undefined
}

/** Where projects keep the codes of their targets; never in git (G13). */
const TARGETS_FILE = '.lobby/targets.json'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Chooses the world (S2). URL and world id come from one source, the first that names a URL: the target that `--target`
 * names, the environment, `.env`, the default target of `lobby.json`. The code comes from the same source; a target of
 * `lobby.json` has its code in `.lobby/targets.json`, or in an environment that speaks of no other world.
 *
 * Throws `no_target`, `unknown_target`, `incomplete_target`.
 */
export async function chooseTarget(
  folder: string,
  lobby: LobbyFile | undefined,
  wanted: string | undefined,
  env: Environment,
): Promise<Target> {
  const secrets = await readSecrets(folder)
  const dotenv = await readDotEnv(folder)
  const named = (name: string, said: TargetSource): Target => {
    const secret = secrets.get(name)
    const entry = targetOf(lobby, name) ?? secret
    if (entry === undefined) {
      const known = [...new Set([...Object.keys(lobby?.targets ?? {}), ...secrets.keys()])]
      throw new SyncError('unknown_target', `There is no target named "${name}".`, {
        hint: known.length > 0 ? `Known targets: ${known.join(', ')}.` : 'Run "gamedev sync init" to add one.',
        data: { target: name },
      })
    }
    const same =
      secret !== undefined &&
      parseWorldUrl(secret.worldUrl) === parseWorldUrl(entry.worldUrl) &&
      secret.worldId === entry.worldId
    const isDefault = lobby !== undefined && name === lobby.defaultTarget
    // The code beside the target, else the environment's, else that of .env for the default target.
    const codes = [
      { code: same ? secret.adminCode : undefined, file: TARGETS_FILE },
      { code: codeFor(entry, env), file: undefined },
      { code: isDefault ? codeFor(entry, dotenv) : undefined, file: '.env' },
    ]
    const found = codes.find(({ code }) => code !== undefined)
    return {
      name,
      isDefault,
      address: { url: parseWorldUrl(entry.worldUrl), worldId: entry.worldId, adminCode: found?.code },
      confirm: entry.confirm === true || secret?.confirm === true,
      from: targetOf(lobby, name) === undefined ? TARGETS_FILE : 'lobby.json',
      said,
      secretFile: found?.file,
    }
  }
  if (wanted !== undefined) return named(wanted, 'flag')

  for (const [source, from, said] of [
    [env, 'the environment', 'environment'],
    [dotenv, '.env', 'dotenv'],
  ] as const) {
    if (!source.WORLD_URL) continue
    if (!source.WORLD_ID) {
      throw new SyncError('incomplete_target', `WORLD_URL is set in ${from}, but WORLD_ID is not.`, {
        hint: 'Set both, so that an edit can never land in another world.',
      })
    }
    const url = parseWorldUrl(source.WORLD_URL)
    const name = Object.entries(lobby?.targets ?? {}).find(
      ([, entry]) => entry.worldId === source.WORLD_ID && parseWorldUrl(entry.worldUrl) === url,
    )?.[0]
    const anonymous = lobby === undefined || Object.keys(lobby.targets).length === 0
    if (name === undefined && !anonymous) {
      throw new SyncError(
        'unknown_target',
        `${from} names world "${source.WORLD_ID}" at ${url}, which is no target of lobby.json.`,
        {
          hint: 'Unset WORLD_URL, or add the world to "targets" in lobby.json.',
          data: { worldId: source.WORLD_ID, url },
        },
      )
    }
    return {
      name,
      isDefault: anonymous || name === lobby?.defaultTarget,
      address: { url, worldId: source.WORLD_ID, adminCode: source.ADMIN_CODE || undefined },
      confirm: name !== undefined && (targetOf(lobby, name)?.confirm === true || secrets.get(name)?.confirm === true),
      from,
      said,
      secretFile: source === dotenv && source.ADMIN_CODE ? '.env' : undefined,
    }
  }
  if (lobby !== undefined && Object.keys(lobby.targets).length > 0) {
    return named(lobby.defaultTarget, 'default')
  }
  throw new SyncError('no_target', 'This project does not say which world it belongs to.', {
    hint: 'Run "gamedev sync init <url>", or set WORLD_URL and WORLD_ID.',
  })
}

/** A target of `lobby.json`. */
export function targetOf(lobby: LobbyFile | undefined, name: string): TargetEntry | undefined {
  return lobby !== undefined && Object.hasOwn(lobby.targets, name) ? lobby.targets[name] : undefined
}

/** The names of all targets that a project knows, those of `lobby.json` first. */
export async function targetNames(folder: string, lobby: LobbyFile | undefined): Promise<readonly string[]> {
  return [...new Set([...Object.keys(lobby?.targets ?? {}), ...(await readSecrets(folder)).keys()])]
}

/** The targets of `.lobby/targets.json`, without their codes. Throws `invalid_targets_file`. */
export async function knownSecrets(folder: string): Promise<ReadonlyMap<string, TargetEntry>> {
  return readSecrets(folder)
}

/**
 * The code for a world that is named by its URL: the one that stands beside that URL in `.lobby/targets.json`, else that
 * of the environment or of `.env`, unless these speak of another world (S2).
 */
export async function codeOfWorld(
  folder: string,
  env: Environment,
  { url, worldId }: { readonly url: string; readonly worldId: string | undefined },
): Promise<{ readonly code: string | undefined; readonly file: string | undefined }> {
  for (const secret of (await readSecrets(folder)).values()) {
    if (secret.adminCode === undefined || parseWorldUrl(secret.worldUrl) !== url) continue
    if (worldId === undefined || secret.worldId === worldId) return { code: secret.adminCode, file: TARGETS_FILE }
  }
  // Without an id, the URL alone says which world is meant.
  const codeIn = (source: Environment) => codeFor({ worldUrl: url, worldId: worldId ?? source.WORLD_ID ?? '' }, source)
  const fromEnv = codeIn(env)
  if (fromEnv !== undefined) return { code: fromEnv, file: undefined }
  const fromFile = codeIn(await readDotEnv(folder))
  return { code: fromFile, file: fromFile === undefined ? undefined : '.env' }
}

/** Every code that stands in a project's files, so that none of them is ever written elsewhere (S2). */
export async function knownCodes(folder: string): Promise<readonly string[]> {
  const [secrets, dotenv] = await Promise.all([
    readSecrets(folder).catch(() => new Map<string, Secret>()),
    readDotEnv(folder).catch((): Environment => ({})),
  ])
  return [...[...secrets.values()].map(({ adminCode }) => adminCode), dotenv.ADMIN_CODE].filter(
    (code) => !!code,
  ) as string[]
}

/** The code of an environment is for the world that it names; when it names none, for the chosen one. */
function codeFor(entry: TargetEntry, env: Environment): string | undefined {
  if (env.WORLD_URL && parseWorldUrl(env.WORLD_URL) !== parseWorldUrl(entry.worldUrl)) return undefined
  if (env.WORLD_ID && env.WORLD_ID !== entry.worldId) return undefined
  return env.ADMIN_CODE || undefined
}

type Secret = TargetEntry & { readonly adminCode: string | undefined }

async function readSecrets(folder: string): Promise<ReadonlyMap<string, Secret>> {
  const text = await readOptional(join(folder, TARGETS_FILE))
  const secrets = new Map<string, Secret>()
  if (text === undefined) return secrets
  const fail = (what: string) =>
    new SyncError('invalid_targets_file', `${TARGETS_FILE}: ${what}`, {
      hint: 'It says { "<name>": { "worldUrl", "worldId", "adminCode" } }: correct it, or take it away.',
    })
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    // The parser's message may quote the file, and with it a code.
    throw fail('it is not JSON')
  }
  if (!isJsonObject(document)) throw fail('it must hold one object')
  for (const [name, entry] of Object.entries(document)) {
    const code = isJsonObject(entry) && typeof entry.adminCode === 'string' ? entry.adminCode : undefined
    secrets.set(name, { ...parseTarget(name, entry, fail), adminCode: code })
  }
  return secrets
}

/** `.env` as existing projects have it: `NAME=value`, quotes optional, `#` comments. */
async function readDotEnv(folder: string): Promise<Environment> {
  const text = await readOptional(join(folder, '.env'))
  if (text === undefined) return {}
  const { parseEnv } = await import('node:util')
  return parseEnv(text) as Environment
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
