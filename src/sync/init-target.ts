import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import type { Context, Project } from './session.ts'
import { chooseTarget, codeOfWorld, knownSecrets, type Target, targetOf } from './target.ts'

/** What a new target is to be called where nobody says so. */
const DEFAULT_NAME = 'main'

/**
 * The world that `init` was told, or else the project's own target of that name, or the one that the environment or
 * `.env` names, or the only one in `.lobby/targets.json` of an old project, which keeps its name. Throws `no_target`,
 * `target_not_named` where there are several, `already_connected` when the name is another world's, and what
 * {@link chooseTarget} throws.
 */
export async function initTarget(
  context: Context,
  project: Project,
  options: {
    readonly url: string | undefined
    readonly worldId: string | undefined
    readonly name?: string | undefined
  },
): Promise<{ readonly name: string; readonly target: Target }> {
  const { folder, lobby } = project
  const { env } = context
  if (options.url === undefined) {
    const { name, chosen } = await withoutUrl(context, project, options.name)
    const wrong = options.worldId !== undefined && chosen.address.worldId !== options.worldId
    if (wrong) {
      throw new SyncError(
        'wrong_world',
        `${chosen.from} names world "${chosen.address.worldId}", not "${options.worldId}".`,
        { exitCode: 5, hint: 'Pass the URL of the world that you mean.' },
      )
    }
    return { name, target: { ...chosen, name, isDefault: isFirst(project, name) } }
  }
  const url = parseWorldUrl(options.url)
  const name = options.name ?? (await nameOf(project, url))
  const known = targetOf(lobby, name)
  if (known !== undefined && parseWorldUrl(known.worldUrl) !== url) {
    throw new SyncError('already_connected', `${LOBBY_FILE} has a target "${name}" already: ${known.worldUrl}.`, {
      hint: 'Choose another name with --name.',
    })
  }
  const worldId = options.worldId ?? known?.worldId
  const code = await codeOfWorld(folder, env, { url, worldId })
  return {
    name,
    target: {
      name,
      isDefault: isFirst(project, name),
      address: { url, worldId, adminCode: code.code },
      confirm: false,
      from: 'the command line',
      said: 'flag',
      secretFile: code.file,
    },
  }
}

async function withoutUrl(
  { env }: Context,
  { folder, lobby }: Project,
  wanted: string | undefined,
): Promise<{ readonly name: string; readonly chosen: Target }> {
  if (lobby !== undefined && Object.keys(lobby.targets).length > 0) {
    const name = wanted ?? lobby.defaultTarget
    return { name, chosen: await chooseTarget(folder, lobby, name, env) }
  }
  try {
    return { name: wanted ?? DEFAULT_NAME, chosen: await chooseTarget(folder, lobby, undefined, env) }
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'no_target') throw error
    const names = [...(await knownSecrets(folder)).keys()]
    const name = wanted ?? (names.length === 1 ? names[0]! : undefined)
    if (names.length === 0) throw error
    if (name === undefined) {
      throw new SyncError('target_not_named', 'This project knows several worlds, and none was named.', {
        exitCode: 5,
        hint: `Pass --name with one of: ${names.join(', ')}.`,
        data: { targets: names },
      })
    }
    return { name, chosen: await chooseTarget(folder, lobby, name, env) }
  }
}

/** The name by which the project, or what is left of an old one, knows the world at a URL. */
async function nameOf({ folder, lobby }: Project, url: string): Promise<string> {
  const isIt = ([, target]: readonly [string, { readonly worldUrl: string }]) => parseWorldUrl(target.worldUrl) === url
  const targets = Object.entries(lobby?.targets ?? {})
  const known = targets.filter(isIt)
  const found = targets.length > 0 ? known : [...(await knownSecrets(folder))].filter(isIt)
  return found.length === 1 ? found[0]![0] : DEFAULT_NAME
}

function isFirst({ lobby }: Project, name: string): boolean {
  return lobby === undefined || Object.keys(lobby.targets).length === 0 || lobby.defaultTarget === name
}
