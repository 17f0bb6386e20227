import { lstat, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import {
  ASIDE,
  ASIDE_PLACE,
  HOOK_NAMES,
  type HookName,
  hasBlocks,
  hookBlock,
  isShellScript,
  madeHook,
  withBlock,
  withoutBlock,
} from './hook-script.ts'
import {
  fillFolder,
  findHooksFolder,
  forwarder,
  type HooksFolder,
  isExecutable,
  isOwnFolder,
  leaveFolder,
  useFolder,
  whereToSet,
} from './hooks-folder.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import { type Context, openProject, type Project } from './session.ts'
import { writeWhole } from './write-whole.ts'

/** What became of one hook. */
export interface HookChange {
  readonly hook: HookName
  readonly outcome: 'installed' | 'already_there' | 'updated' | 'removed' | 'nothing_to_remove'
  /** Absolute path. */
  readonly path: string
  /** Where the hook that was there before is now, if ours calls it from there. */
  readonly aside?: string
}

export interface HooksReport {
  readonly hooks: readonly HookChange[]
  /** The user's folder, outside of this repository, whose hooks ours call. */
  readonly from: string | undefined
  /** The folder that `core.hooksPath` of this repository names since this run; undefined where it was left alone. */
  readonly hooksPath: string | undefined
  /** True where `core.hooksPath` was put back to what it was before the hooks were installed. */
  readonly hooksPathRestored: boolean
}

/**
 * Lets git check this project before each commit and each push (C5), beside the hooks that are there. A second run
 * changes nothing. Throws `no_lobby_file`, `hook_in_the_way`, `hooks_path_fixed`.
 */
export async function installHooks(context: Context): Promise<HooksReport> {
  return withProject(context, async (project) => {
    if (project.lobby === undefined) {
      throw new SyncError('no_lobby_file', `Hooks find a project by its ${LOBBY_FILE}, and there is none.`, {
        hint: 'Run "gamedev sync init <url>" first.',
      })
    }
    const folder = await findHooksFolder(project)
    // All is looked at before anything is written.
    const where = folder.inUse ? undefined : await whereToSet(project)
    const found = await Promise.all(HOOK_NAMES.map((hook) => readHook(join(folder.path, hook))))
    for (const hook of found) await refuseTwoAside(hook)
    await fillFolder(folder)
    const hooks: HookChange[] = []
    for (const hook of HOOK_NAMES) hooks.push(await installHook(folder, hook, folderOf(project)))
    if (where !== undefined) await useFolder(project, folder, where)
    return {
      hooks,
      from: folder.from,
      hooksPath: folder.inUse ? undefined : folder.path,
      hooksPathRestored: false,
    }
  })
}

/** Takes out what {@link installHooks} put in, and nothing else: hooks that were there are again what they were. */
export async function uninstallHooks(context: Context): Promise<HooksReport> {
  return withProject(context, async (project) => {
    const folder = await findHooksFolder(project)
    const hooks: HookChange[] = []
    for (const hook of HOOK_NAMES) hooks.push(await uninstallHook(folder, hook, folderOf(project)))
    // Another project of this repository may still have its checks there.
    const left = await Promise.all(HOOK_NAMES.map((hook) => readHook(join(folder.path, hook))))
    const done =
      isOwnFolder(project, folder) && !left.some((hook) => hook.content !== undefined && hasBlocks(hook.content))
    if (done) await leaveFolder(project, folder)
    return { hooks, from: folder.from, hooksPath: undefined, hooksPathRestored: done && folder.inUse }
  })
}

async function withProject<T>(context: Context, work: (project: Project) => Promise<T>): Promise<T> {
  const project = await openProject(context)
  try {
    return await work(project)
  } finally {
    await project.repository.close()
  }
}

/** The project's folder relative to the top of the repository, empty for the top. */
function folderOf({ prefix }: Project): string {
  return prefix.slice(0, -1)
}

/** A hook as it stands: one that our block can be put into has content. */
interface FoundHook {
  readonly path: string
  readonly kind: 'missing' | 'script' | 'other'
  readonly content: Buffer | undefined
  readonly mode: number
}

/**
 * `other` is what must not be written into: programs, scripts of other languages, links (they lead to somebody else's
 * file), and hooks that are switched off, which a block of ours would switch on.
 */
async function readHook(path: string): Promise<FoundHook> {
  const file = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (file === undefined) return { path, kind: 'missing', content: undefined, mode: 0o755 }
  const mode = file.mode & 0o7777
  if (!file.isFile() || !isExecutable(mode)) return { path, kind: 'other', content: undefined, mode }
  const content = await readFile(path)
  const kind = isShellScript(content) ? 'script' : 'other'
  return { path, kind, content: kind === 'script' ? content : undefined, mode }
}

/** Throws `hook_in_the_way`: a hook that has to be moved aside where one was moved before. */
async function refuseTwoAside({ path, kind }: FoundHook): Promise<void> {
  if (kind !== 'other' || (await readHook(path + ASIDE)).kind === 'missing') return
  throw new SyncError('hook_in_the_way', `${path} cannot be moved aside: ${path}${ASIDE} is there already.`, {
    hint: 'Keep one of the two, remove the other, and run the command again.',
    data: { path },
  })
}

async function installHook(folder: HooksFolder, hook: HookName, project: string): Promise<HookChange> {
  const path = join(folder.path, hook)
  const block = hookBlock(hook, project)
  const { kind, content, mode } = await readHook(path)
  if (content !== undefined) {
    if (content.includes(block.trimEnd())) return { hook, outcome: 'already_there', path }
    await writeWhole(path, withBlock(content, block, project), mode)
    return { hook, outcome: withoutBlock(content, project) === undefined ? 'installed' : 'updated', path }
  }
  if (kind === 'other') await rename(path, path + ASIDE)
  await writeWhole(path, withBlock(ownHook(folder, hook), block, project), 0o755)
  return { hook, outcome: 'installed', path, ...(kind === 'other' ? { aside: path + ASIDE } : {}) }
}

async function uninstallHook(folder: HooksFolder, hook: HookName, project: string): Promise<HookChange> {
  const path = join(folder.path, hook)
  const { content, mode } = await readHook(path)
  const bare = content === undefined ? undefined : withoutBlock(content, project)
  if (bare === undefined) return { hook, outcome: 'nothing_to_remove', path }
  // What somebody wrote into a hook of ours stays, and one that stands in for the user's goes with its whole folder.
  if (folder.from !== undefined || !bare.equals(ownHook(folder, hook))) await writeWhole(path, bare, mode)
  // Renamed onto ours in one step: there is no moment without a hook.
  else if ((await readHook(path + ASIDE)).kind !== 'missing') await rename(path + ASIDE, path)
  else await rm(path)
  return { hook, outcome: 'removed', path }
}

/** Our own hook, without a block. */
function ownHook({ from }: HooksFolder, hook: HookName): Buffer {
  return from === undefined ? madeHook(ASIDE_PLACE) : forwarder(from, hook)
}
