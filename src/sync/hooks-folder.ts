import { mkdir, readdir, readFile, realpath, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, own } from '../world/json.ts'
import { madeHook, quoted } from './hook-script.ts'
import type { Project } from './session.ts'
import { readText } from './working-tree.ts'
import { writeWhole } from './write-whole.ts'

const KEY = 'core.hooksPath'

/** Of this repository, or of this worktree alone. */
type Where = '--local' | '--worktree'

/** The folder that our hooks go to. */
export interface HooksFolder {
  readonly path: string
  /** The user's folder outside of this repository that ours stands in for: its hooks are called by ours. */
  readonly from: string | undefined
  /** Whether git looks there; where not, `core.hooksPath` of this repository has to say so. */
  readonly inUse: boolean
}

/**
 * Finds the folder that git runs hooks from. One outside of this repository serves all repositories of its user: nothing
 * is written there, a folder of our own takes its place here.
 */
export async function findHooksFolder(project: Project): Promise<HooksFolder> {
  const { repository } = project
  const asked = await repository.run(['rev-parse', '--path-format=absolute', '--git-path', 'hooks'], {
    allowFailure: true,
  })
  // An empty setting is no path at all.
  const path = asked.code === 0 ? asked.stdout.toString('utf8').replace(/\n$/, '') : undefined
  const ours = ownFolder(project)
  if (path !== undefined && (await resolved(path)) === (await resolved(ours))) {
    return { path: ours, from: (await readState(project)).from, inUse: true }
  }
  if (path !== undefined && (await isInside(project, path))) return { path, from: undefined, inUse: true }
  return { path: ours, from: path, inUse: false }
}

/** A hook of our own in this folder, before anything is put into it: it calls the hook in whose place it is. */
export function forwarder(from: string, name: string): Buffer {
  return madeHook(quoted(join(from, name)))
}

/** Makes a folder of our own in which every hook of the user's is called by one of ours. */
export async function fillFolder({ path, from }: HooksFolder): Promise<void> {
  await mkdir(path, { recursive: true })
  if (from === undefined) return
  const there = new Set(await readdir(path))
  for (const name of await hooksIn(from)) {
    // One that is there has what was put into it.
    if (!there.has(name)) await writeWhole(join(path, name), forwarder(from, name), 0o755)
  }
}

/**
 * Where `core.hooksPath` has to be set to count. Throws `hooks_path_fixed` where the setting comes from the command line
 * or the environment, which nothing in a file overrules.
 */
export async function whereToSet({ repository }: Project): Promise<Where> {
  const effective = await repository.run(['config', '--show-scope', '--get', KEY], { allowFailure: true })
  const scope = effective.stdout.toString('utf8').split('\t', 1)[0]
  if (scope !== 'command') return scope === 'worktree' ? '--worktree' : '--local'
  throw new SyncError('hooks_path_fixed', `${KEY} is set in the environment or on the command line.`, {
    hint: 'Unset it there (GIT_CONFIG_COUNT, GIT_CONFIG_PARAMETERS) and run the command again.',
  })
}

/** Tells git to run hooks from our folder, and notes what it was told before. */
export async function useFolder(project: Project, { path, from }: HooksFolder, where: Where): Promise<void> {
  const { repository } = project
  const before = await repository.run(['config', where, '--get', KEY], { allowFailure: true })
  const state = {
    where,
    ...(before.code === 0 ? { before: before.stdout.toString('utf8').replace(/\n$/, '') } : {}),
    ...(from === undefined ? {} : { from }),
  }
  await writeWhole(stateFile(project), Buffer.from(`${JSON.stringify(state, null, 2)}\n`), 0o644)
  await repository.run(['config', where, KEY, path])
}

/**
 * Takes back what {@link fillFolder} and {@link useFolder} did: git is told what it was told before, unless somebody told
 * it something else meanwhile. Files in our folder that we did not make stay.
 */
export async function leaveFolder(project: Project, { path, from, inUse }: HooksFolder): Promise<void> {
  const { repository } = project
  const { where, before } = await readState(project)
  if (inUse && before !== undefined) await repository.run(['config', where, KEY, before])
  else if (inUse) await repository.run(['config', where, '--unset', KEY], { allowFailure: true })
  const names = await readdir(path).catch(() => [])
  for (const name of names) {
    const content = await readFile(join(path, name)).catch(() => undefined)
    if (from !== undefined && content?.equals(forwarder(from, name)) === true) await rm(join(path, name))
  }
  await rm(stateFile(project), { force: true })
  // A folder that somebody put a file into stays.
  await rmdir(path).catch(() => {})
}

export function isOwnFolder(project: Project, { path }: HooksFolder): boolean {
  return path === ownFolder(project)
}

function ownFolder({ repository }: Project): string {
  return join(repository.commonDir, 'lobby', 'hooks')
}

function stateFile({ repository }: Project): string {
  return join(repository.commonDir, 'lobby', 'hooks.json')
}

interface State {
  readonly where: Where
  readonly before: string | undefined
  readonly from: string | undefined
}

async function readState(project: Project): Promise<State> {
  const text = (await readText(stateFile(project))) ?? '{}'
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    document = {}
  }
  const read = (key: string): string | undefined => {
    const value = isJsonObject(document) ? own(document, key) : undefined
    return typeof value === 'string' ? value : undefined
  }
  return {
    where: read('where') === '--worktree' ? '--worktree' : '--local',
    before: read('before'),
    from: read('from'),
  }
}

/** The names of the hooks of a folder that git would run. */
async function hooksIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => [])
  const found: string[] = []
  for (const name of names.sort()) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) continue
    const file = await stat(join(folder, name)).catch(() => undefined)
    if (file?.isFile() === true && isExecutable(file.mode)) found.push(name)
  }
  return found
}

/** Windows has no such bit: there git looks at a hook's first line. */
export function isExecutable(mode: number): boolean {
  return process.platform === 'win32' || (mode & 0o111) !== 0
}

/** Whether a folder, links followed, is in one of this repository's work trees or in its git dir. */
async function isInside({ repository }: Project, path: string): Promise<boolean> {
  const listed = (await repository.run(['worktree', 'list', '--porcelain', '-z'])).stdout.toString('utf8')
  const trees = listed.split('\0').flatMap((line) => (line.startsWith('worktree ') ? [line.slice(9)] : []))
  const roots = [repository.commonDir, repository.gitDir, repository.workTree ?? '', ...trees]
  const place = await resolved(path)
  for (const root of roots) {
    if (root === '') continue
    const way = relative(await resolved(root), place)
    if (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)) return true
  }
  return false
}

/** A path with its links followed, as far as it exists. */
async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    const above = dirname(path)
    return above === path ? path : join(await resolved(above), basename(path))
  }
}
