import type { FileProblem } from '../projection/json-file.ts'
import { SETTINGS_FILE, SPAWN_FILE } from '../projection/paths.ts'
import { SyncError } from '../world/errors.ts'
import { SETTINGS, SPAWN } from '../world/state.ts'
import type { Oid, Repository, TreeEdit, TreeEntry } from './repository.ts'
import type { TreeObjects } from './tree-objects.ts'

/** What a merge refuses before it begins: what it would misread, or lose. */

/** The names of a tree's app folders. */
export async function appFolders(repository: Repository, treeish: Oid, prefix: string): Promise<readonly string[]> {
  const apps = await repository.lookup(treeish, `${prefix}apps`)
  return apps?.mode === '40000' ? (await repository.readTree(apps.oid)).map(({ name }) => name) : []
}

/**
 * A file, a link or a submodule of ours that stands where edits want a folder: writing below it would take it away
 * without a word (G12). What the edits themselves delete is in nobody's way. Throws `not_a_folder`.
 */
export async function refuseInTheWay(repository: Repository, ours: Oid, edits: readonly TreeEdit[]): Promise<void> {
  const gone = new Set(edits.flatMap(({ kind, path }) => (kind === 'delete' ? [path] : [])))
  const folders = new Map<string, ReadonlyMap<string, TreeEntry>>()
  const open = async (oid: Oid) => new Map((await repository.readTree(oid)).map((entry) => [entry.name, entry]))
  folders.set('', await open((await repository.readCommit(ours)).tree))
  for (const { kind, path } of edits) {
    if (kind === 'delete') continue
    let above = ''
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const folder = path.slice(0, slash)
      if (!folders.has(folder)) {
        const entry = folders.get(above)!.get(folder.slice(above === '' ? 0 : above.length + 1))
        if (entry !== undefined && entry.mode !== '40000' && !gone.has(folder)) throw notAFolder(folder)
        folders.set(folder, entry?.mode === '40000' ? await open(entry.oid) : new Map())
      }
      above = folder
    }
  }
}

function notAFolder(path: string): SyncError {
  return new SyncError('not_a_folder', `${path} is no folder on this branch, but the world has files below it.`, {
    hint: `Nothing was changed. Move it away ("git mv ${path} …"), commit that, and run the command again.`,
    data: { path },
  })
}

/** Files that do not parse. Throws `invalid_files`. */
export function refuseProblems(problems: readonly FileProblem[]): void {
  const first = problems[0]
  if (first === undefined) return
  throw new SyncError('invalid_files', describeProblem(first), {
    // C5: markers are a conflict that is open.
    exitCode: problems.some(({ code }) => code === 'conflict_markers') ? 2 : 1,
    hint:
      problems.length === 1
        ? 'Correct the file and run the command again.'
        : `Correct the file and run the command again; "gamedev sync check" names all ${problems.length}.`,
    data: { problems },
  })
}

/** Problems that would make an object of the line look deleted. Throws `invalid_files`. */
export function refuseLosses(problems: readonly FileProblem[]): void {
  const first = problems.find(({ code }) => code !== 'script_root')
  if (first === undefined) return
  throw new SyncError('invalid_files', `The world's own line cannot be read: ${describeProblem(first)}`, {
    hint: 'Look at that file with "git log refs/lobby/remote -- <file>"; nothing was merged.',
    data: { problems },
  })
}

/** A world always has settings and a spawn: a file of theirs that is gone cannot be pushed. Throws `invalid_files`. */
export function refuseMissing(atBase: TreeObjects, atOurs: TreeObjects, atTheirs: TreeObjects): void {
  refuseProblems(
    ([SETTINGS, SPAWN] as const).flatMap((key): FileProblem[] => {
      const path = key === SETTINGS ? SETTINGS_FILE : SPAWN_FILE
      const had = [atBase, atTheirs].every((side) => side.objects.get(key)?.path === path)
      if (!had || atOurs.objects.has(key)) return []
      const message = 'is missing; restore it as the remote ref has it, a world is never without'
      return [{ code: 'invalid', path, message }]
    }),
  )
}

/** `world.json:12:3: message`, as compilers say it. */
export function describeProblem(problem: FileProblem): string {
  const place = [problem.path, problem.line, problem.column].filter((part) => part !== undefined).join(':')
  return `${place}: ${problem.message}`
}
