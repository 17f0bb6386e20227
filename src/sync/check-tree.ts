import { copyFile, mkdtemp, realpath, rm, stat, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type GitResult, gitFailure, type RunOptions } from '../git-bridge/native/git-process.ts'
import { type FileMode, type Oid, parseOid } from '../git-bridge/repository.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { parseStages, type StageEntry } from './index-stages.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import { LOBBY_FILE } from './lobby-file.ts'
import type { Project } from './session.ts'
import type { Environment } from './target.ts'
import { exists } from './working-tree.ts'

/** A path with an open merge in the index: the side of each stage that it has. */
export interface UnmergedPath {
  /** Relative to the top of the repository. */
  readonly path: string
  /** Stages 1 (base), 2 (ours), 3 (theirs). */
  readonly stages: ReadonlyMap<1 | 2 | 3, { readonly mode: FileMode; readonly oid: Oid }>
}

/** What is about to be looked at: a tree, and what is unmerged in the index that it came from. */
export interface CheckedTree {
  readonly tree: Oid
  readonly unmerged: readonly UnmergedPath[]
}

/** Folders and files of a project in which the world's own files are. */
export const WORLD_OWNED = ['apps', 'assets', 'shared', 'world', MANIFEST_FILE]

/** git's own way of making trees, whatever the user's settings say about what may not be added. */
const SETTINGS = ['-c', 'core.splitIndex=false', '-c', 'core.safecrlf=false', '-c', 'advice.addEmbeddedRepo=false']

/**
 * The project as a tree: its files as they are in the working tree (`working`, tracked or not, without the ignored ones)
 * or as the index holds them (`staged`, what a commit would record). A copy of the index does the work, so that git's
 * knowledge of unchanged files is used and the user's index stays as it is.
 *
 * Where merges are open, `working` takes the file, `staged` our side of it.
 */
export async function treeOfIndex(
  project: Project,
  env: Environment,
  from: 'working' | 'staged',
): Promise<CheckedTree> {
  const folder = await mkdtemp(join(tmpdir(), 'gamedev-check-'))
  try {
    const index = join(folder, 'index')
    await copyIndex(await indexFile(project, env), index)
    const git: Git = (args, options) =>
      project.repository.run([...SETTINGS, ...args], { ...options, env: { GIT_INDEX_FILE: index } })
    const unmerged = byPath(parseStages((await git(['ls-files', '--unmerged', '-z'])).stdout.toString('utf8')))
    if (unmerged.length > 0) await git(['update-index', '-z', '--index-info'], { input: settled(unmerged) })
    if (from === 'working') await addFiles(project, git)
    const { stdout } = await git(['write-tree', '--missing-ok'])
    return { tree: parseOid(stdout.toString('latin1').trim()), unmerged }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** git with the copied index. */
type Git = (args: readonly string[], options?: RunOptions) => Promise<GitResult>

/** Puts the files that a check reads into the index, as they are; whatever else lies about is not even hashed. */
async function addFiles({ repository, prefix }: Project, git: Git): Promise<void> {
  const paths: string[] = []
  const missing: string[] = []
  for (const name of [...WORLD_OWNED, LOBBY_FILE, KEPT_FOLDER]) {
    const found = await exists(join(repository.workTree!, prefix, name))
    const list = found ? paths : missing
    list.push(prefix + name)
  }
  // What is gone from the working tree must leave the index; git refuses names that it finds in neither.
  const tracked = (await git(['--literal-pathspecs', 'ls-files', '-z', '--', ...missing])).stdout.toString('utf8')
  const gone = missing.filter((path) =>
    tracked.split('\0').some((file) => file === path || file.startsWith(`${path}/`)),
  )
  const args = ['--literal-pathspecs', 'add', '--all', '--sparse', '--', ...paths, ...gone]
  if (paths.length + gone.length === 0) return
  const { code, stderr } = await git(args, { allowFailure: true })
  // 1: some of the names are ignored, and were left out.
  if (code > 1) throw gitFailure(args, { code, stderr })
}

/**
 * The index of this checkout. A hook is told by `GIT_INDEX_FILE` which one git is about to commit: `git commit -a` and
 * `git commit <path>` use one of their own. It counts where it is this repository's.
 */
async function indexFile({ repository }: Project, env: Environment): Promise<string> {
  const own = join(repository.gitDir, 'index')
  if (!env.GIT_INDEX_FILE) return own
  const top = repository.workTree!
  if (env.GIT_DIR && (await real(resolve(top, env.GIT_DIR))) !== (await real(repository.gitDir))) return own
  return resolve(top, env.GIT_INDEX_FILE)
}

async function real(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

async function copyIndex(from: string, to: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(from)
    await copyFile(from, to)
    // Git reads files again that changed no earlier than the index was written: a copy must not look younger.
    const time = Math.floor(mtimeMs) / 1000
    await utimes(to, time, time)
  } catch (error) {
    // A new repository has none yet.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function byPath(entries: readonly StageEntry[]): readonly UnmergedPath[] {
  const paths = new Map<string, Map<StageEntry['stage'], StageEntry>>()
  for (const entry of entries) {
    const stages = paths.get(entry.path) ?? new Map()
    stages.set(entry.stage, entry)
    paths.set(entry.path, stages)
  }
  return [...paths].map(([path, stages]) => ({ path, stages }))
}

/** The stages that stand for an unmerged path, the best first. */
export function sidesOf({ stages }: UnmergedPath): readonly { readonly mode: FileMode; readonly oid: Oid }[] {
  return ([2, 3, 1] as const).flatMap((stage) => stages.get(stage) ?? [])
}

/** Lines for `git update-index --index-info` that put one side in the place of each unmerged entry: a tree needs one. */
function settled(unmerged: readonly UnmergedPath[]): string {
  return unmerged.map((entry) => `${sidesOf(entry)[0]!.mode} ${sidesOf(entry)[0]!.oid} 0\t${entry.path}\0`).join('')
}
