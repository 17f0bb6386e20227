import { createHash } from 'node:crypto'
import { access, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import { openNativeRepository } from '../git-bridge/native/open-native-repository.ts'
import type { RemoteRuntime } from '../remote-runtime/remote-runtime.ts'
import { SyncError } from '../world/errors.ts'
import { AssetStore } from './asset-store.ts'
import { type About, type Report, type Reporter, reportOn } from './figures/event.ts'
import { timed } from './figures/handshake.ts'
import { LOBBY_FILE, type LobbyFile, parseLobbyFile, readLobbyFile } from './lobby-file.ts'
import type { Progress } from './progress.ts'
import { readSwitches, type Switches } from './switches.ts'
import { chooseTarget, type Environment, knownCodes, type Target } from './target.ts'

/** What the use cases get from outside. */
export interface Context {
  readonly cwd: string
  readonly env: Environment
  readonly progress: Progress
  readonly signal?: AbortSignal
  /** Who listens to what is decided; by default nobody. */
  readonly reporter?: Reporter | undefined
}

/** A project inside a repository: its folder, and where in the repository that is. */
export interface Project {
  readonly repository: NativeRepository
  /** Absolute path of the project's folder. */
  readonly folder: string
  /** The folder relative to the top of the repository, with a final slash; empty for the whole repository (G1). */
  readonly prefix: string
  readonly lobby: LobbyFile | undefined
  /** Locks, caches and journals of this project, below the common git dir (G13). */
  readonly stateFolder: string
  /** Where its decisions are told, for figures and logs. */
  readonly report: Report
}

/** A project and the world that a command works with. */
export interface Session extends Project {
  readonly context: Context
  readonly switches: Switches
  readonly target: Target
  /** The remote ref (G1). */
  readonly ref: string
  readonly runtime: RemoteRuntime
  readonly assets: AssetStore
  close(): Promise<void>
}

/**
 * Finds the project that a folder belongs to: the nearest folder upwards that has a `lobby.json`, within one checkout.
 * `here` takes the folder itself where there is none (for `init`). Throws `not_a_repository`, `not_a_project`.
 */
export async function openProject(context: Context, options: { readonly here?: boolean } = {}): Promise<Project> {
  const repository = await openNativeRepository(
    context.cwd,
    context.signal === undefined ? {} : { signal: context.signal },
  )
  const top = repository.workTree
  if (top === undefined) {
    throw new SyncError('not_a_project', 'A bare repository has no files to sync.', { hint: 'Run this in a checkout.' })
  }
  const start = await realpath(context.cwd)
  const root = await realpath(top)
  let folder = start
  for (;;) {
    if (await exists(join(folder, LOBBY_FILE))) break
    if (folder === root) {
      if (options.here === true || context.env.WORLD_URL || (await exists(join(root, '.env')))) {
        folder = options.here === true ? start : root
        break
      }
      throw new SyncError('not_a_project', `There is no ${LOBBY_FILE} in this repository.`, {
        hint: 'Run "gamedev sync init <url>" to connect it with a world, or "gamedev sync clone <url>" for a new one.',
      })
    }
    folder = dirname(folder)
  }
  const inside = relative(root, folder).split(sep).join('/')
  const prefix = inside === '' ? '' : `${inside}/`
  const stateFolder = join(repository.commonDir, 'lobby', ...(prefix === '' ? [] : ['projects', refSegment(inside)]))
  const lobby = await readLobby({ repository, folder, prefix, stateFolder })
  await context.reporter?.enter({ gitDir: repository.commonDir, stateFolder, codes: () => knownCodes(folder) })
  return { repository, folder, prefix, lobby, stateFolder, report: reportOn(context.reporter) }
}

/**
 * Reads `lobby.json`. One that a killed merge has written by half is taken as that merge has it: the command that meets it
 * completes the merge.
 */
async function readLobby(
  project: Pick<Project, 'repository' | 'folder' | 'prefix' | 'stateFolder'>,
): Promise<LobbyFile | undefined> {
  try {
    return await readLobbyFile(project.folder)
  } catch (error) {
    const { wholeFile } = await import('./merge-commit.ts')
    const whole = await wholeFile(project, LOBBY_FILE)
    if (whole === undefined) throw error
    return parseLobbyFile(whole)
  }
}

/** Opens the project of the current folder and chooses its world; nothing is sent yet. */
export async function openSession(
  context: Context,
  wanted: { readonly target?: string | undefined },
): Promise<Session> {
  // Loaded while git is being asked where we are.
  const loading = import('../remote-runtime/open-runtime.ts')
  loading.catch(() => {})
  const project = await openProject(context)
  const target = await chooseTarget(project.folder, project.lobby, wanted.target, context.env)
  if (target.secretFile !== undefined) await requireIgnored(project, target.secretFile)
  return sessionFor(context, project, target)
}

/** S2: a file that holds a code must be ignored by git, before it is committed by accident. Throws `secret_not_ignored`. */
async function requireIgnored(project: Project, file: string): Promise<void> {
  const path = project.prefix + file
  const ignored = await project.repository.run(['check-ignore', '--quiet', '--', path], { allowFailure: true })
  if (ignored.code === 0) return
  throw new SyncError('secret_not_ignored', `git does not ignore ${path}, which holds an admin code.`, {
    exitCode: 5,
    hint: `Add "${file === '.env' ? '.env' : '.lobby/*'}" to .gitignore; if the file is tracked, "git rm --cached ${path}" and change the code.`,
    data: { path },
  })
}

export async function sessionFor(context: Context, project: Project, target: Target): Promise<Session> {
  const { openRuntime } = await import('../remote-runtime/open-runtime.ts')
  let about: About = { world: target.address.worldId, target: target.name }
  const report = reportOn(context.reporter, () => about)
  report.conceal(target.address.adminCode)
  const opened = openRuntime(target.address, {
    ...(context.signal === undefined ? {} : { signal: context.signal }),
    onWarning: (text) => context.progress.warn(text),
  })
  const runtime = timed(opened, ({ worldId }, ms) => {
    about = { ...about, world: worldId }
    report.tell({ kind: 'handshake', world: worldId, ms })
  })
  const ref = remoteRef(project.prefix, target)
  const switches = await readSwitches(project.folder, context.env)
  const cachePath = join(project.stateFolder, `assets-${refSegment(target.address.worldId ?? 'world')}`)
  const assets = new AssetStore(project.repository, runtime, { prefix: project.prefix, cachePath }, context.progress)
  return {
    ...project,
    report,
    context,
    switches,
    target,
    ref,
    runtime,
    assets,
    close: async () => {
      await Promise.all([runtime.close(), assets.close(), project.repository.close()])
    },
  }
}

/** `refs/lobby/remote`; named targets and projects in subfolders have their own (G1). */
export function remoteRef(prefix: string, target: Pick<Target, 'name' | 'isDefault'>): string {
  const base = prefix === '' ? 'refs/lobby' : `refs/lobby/projects/${refSegment(prefix.slice(0, -1))}`
  return target.isDefault || target.name === undefined ? `${base}/remote` : `${base}/targets/${target.name}`
}

/** The longest segment that is spelled out; file systems take 255 bytes, of which others need some. */
const LONGEST_SEGMENT = 200

/** Any text as one segment of a ref or a file's name, injectively. What is too long for one ends in a hash. */
export function refSegment(text: string): string {
  const segment = text.replace(/[^A-Za-z0-9_-]/gu, (char) =>
    [...new TextEncoder().encode(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
  if (segment.length <= LONGEST_SEGMENT) return segment
  // No escape begins with two signs.
  return `${segment.slice(0, LONGEST_SEGMENT - 66)}%%${createHash('sha256').update(text).digest('hex')}`
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
