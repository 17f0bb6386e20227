import type { RemoteRuntime, RuntimeAddress } from '../remote-runtime/remote-runtime.ts'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { requireNamedTarget } from './ci.ts'
import { readLobbyFile } from './lobby-file.ts'
import { type Context, openProject } from './session.ts'
import { readSwitches, type Switches } from './switches.ts'
import { chooseTarget } from './target.ts'

/** A world to look at and to edit; no repository is needed for that. */
export interface World {
  readonly runtime: RemoteRuntime
  readonly url: string
  /** Ask before changing anything (P7). */
  readonly confirm: boolean
  readonly switches: Switches
  close(): Promise<void>
}

/** How a command says which world it means; with nothing said, it is the project's or the environment's. */
export interface WorldChoice {
  readonly url?: string | undefined
  /** Refuse any other world; only beside `url`. */
  readonly worldId?: string | undefined
  /** Name of a target of the project. */
  readonly target?: string | undefined
}

/**
 * Chooses a world and makes it reachable; nothing is sent yet. A URL of its own goes with `ADMIN_CODE`, unless the
 * environment names another world (S2); else the rules of {@link chooseTarget} hold, in a project or, outside of one,
 * in the current folder. With `writes`, CI must have named it. Throws `no_target`, `target_not_named` and what those throw.
 */
export async function openWorld(context: Context & { readonly writes?: boolean }, choice: WorldChoice): Promise<World> {
  const { address, confirm, folder } =
    choice.url === undefined
      ? await chosen(context, choice.target)
      : { address: named(context, choice), confirm: false, folder: await switchesFolder(context) }
  const switches = await readSwitches(folder, context.env)
  const { openRuntime } = await import('../remote-runtime/open-runtime.ts')
  const runtime = openRuntime(address, {
    ...(context.signal === undefined ? {} : { signal: context.signal }),
    onWarning: (text) => context.progress.warn(text),
  })
  return { runtime, url: runtime.address.url, confirm, switches, close: () => runtime.close() }
}

/** Whose `.env` has the switches: the project's, wherever in it the command runs (C6). */
async function switchesFolder(context: Context): Promise<string> {
  return projectOrFolder(context).then(
    ({ folder }) => folder,
    () => context.cwd,
  )
}

function named({ env }: Context, { url, worldId }: WorldChoice): RuntimeAddress {
  const base = parseWorldUrl(url!)
  const foreign = env.WORLD_URL ? parseWorldUrl(env.WORLD_URL) !== base : false
  return { url: base, worldId, adminCode: foreign ? undefined : env.ADMIN_CODE || undefined }
}

async function chosen(
  context: Context & { readonly writes?: boolean },
  target: string | undefined,
): Promise<{ readonly address: RuntimeAddress; readonly confirm: boolean; readonly folder: string }> {
  const { folder, lobby } = await projectOrFolder(context)
  try {
    const found = await chooseTarget(folder, lobby, target, context.env)
    if (context.writes === true) requireNamedTarget(found, lobby, context.env)
    return { ...found, folder }
  } catch (error) {
    if (!isCode(error, 'no_target')) throw error
    throw new SyncError('no_target', 'Nothing says which world is meant.', {
      hint: 'Pass --url, set WORLD_URL and WORLD_ID, or run this inside a project.',
    })
  }
}

/** The project, or where there is none (not even a repository, or git itself) the current folder. */
async function projectOrFolder(context: Context) {
  try {
    const { folder, lobby, repository } = await openProject(context)
    await repository.close()
    return { folder, lobby }
  } catch (error) {
    if (!isCode(error, 'not_a_repository', 'not_a_project', 'git_missing')) throw error
    return { folder: context.cwd, lobby: await readLobbyFile(context.cwd) }
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof SyncError && codes.includes(error.code)
}
