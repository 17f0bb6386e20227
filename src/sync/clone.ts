import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { parseWorldUrl } from '../remote-runtime/world-url.ts'
import { SyncError } from '../world/errors.ts'
import { type Connected, connect } from './connect.ts'
import { type Context, openProject } from './session.ts'
import { userGit } from './user-git.ts'
import { exists, readText } from './working-tree.ts'

export interface CloneOptions {
  readonly url: string
  /** Folder, relative to `cwd`; undefined: named after the world. */
  readonly folder: string | undefined
  readonly worldId: string | undefined
}

/** Marks a clone that was begun and not ended, inside its git dir. */
const MARK = join('lobby', 'clone')

/**
 * Makes a git repository with the world in it. A clone that failed leaves nothing behind; one that was killed is
 * completed by running it again. Throws `folder_not_empty`.
 */
export async function clone(context: Context, options: CloneOptions): Promise<Connected> {
  const url = parseWorldUrl(options.url)
  const folder = resolve(
    context.cwd,
    options.folder ?? (options.worldId === undefined ? defaultFolder(url) : safeFolder(options.worldId)),
  )
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new SyncError('folder_not_usable', `${folder} is not a folder that can be cloned into.`, { cause: error })
  })
  const resuming =
    (await readText(join(folder, '.git', MARK))) === url ||
    (present?.join() === '.git' && !(await exists(join(folder, '.git', 'HEAD'))))
  if (present !== undefined && present.length > 0 && !resuming) {
    throw new SyncError('folder_not_empty', `The folder ${basename(folder)} exists already and is not empty.`, {
      hint: 'Choose another folder, or run "gamedev sync init" in it.',
      data: { folder },
    })
  }
  // Before anything is created: a wrong URL or code shall leave nothing behind.
  const { openRuntime } = await import('../remote-runtime/open-runtime.ts')
  const foreign = context.env.WORLD_URL && parseWorldUrl(context.env.WORLD_URL) !== url
  const probe = openRuntime(
    { url, worldId: options.worldId, adminCode: foreign ? undefined : context.env.ADMIN_CODE || undefined },
    context.signal === undefined ? {} : { signal: context.signal },
  )
  try {
    await probe.identify()
    await probe.head()
  } finally {
    await probe.close()
  }
  await mkdir(folder, { recursive: true })
  try {
    await prepare(folder, url)
    const inside = { ...context, cwd: folder }
    const report = await connect(inside, await openProject(inside, { here: true }), {
      url,
      worldId: options.worldId,
      name: 'main',
      // A repository of our own making: nobody's attributes are in question.
      mergeDriver: async () => true,
    })
    await rm(join(folder, '.git', MARK), { force: true })
    return report
  } catch (error) {
    if (!resuming) await removeClone(folder, present === undefined)
    throw error
  }
}

async function prepare(folder: string, url: string): Promise<void> {
  // The mark comes first: whatever is killed after it is recognised as ours.
  await mkdir(join(folder, '.git', 'lobby'), { recursive: true })
  await writeFile(join(folder, '.git', MARK), url)
  const git = await userGit(folder)
  await git.init()
  // Thousands of small files: git's own settings for that (a compact index, an untracked cache).
  await git.addConfig('feature.manyFiles', 'true')
}

async function removeClone(folder: string, created: boolean): Promise<void> {
  if (created) return rm(folder, { recursive: true, force: true })
  for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true, force: true })
}

/** The last part of the URL's path, else the host. */
function defaultFolder(url: string): string {
  const { pathname, hostname } = new URL(url)
  return safeFolder(pathname.split('/').filter(Boolean).at(-1) ?? hostname)
}

function safeFolder(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[.-]+/, '')
  return safe === '' ? 'world' : safe
}
