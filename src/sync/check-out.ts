import { lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { NativeRepository } from '../git-bridge/native/native-repository.ts'
import { removeStaleLock } from '../git-bridge/native/stale-locks.ts'
import type { Oid, TreeChange } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'

/**
 * Moves index and working tree from one tree to another as `git checkout` does: only what differs is touched, and a file
 * with local changes is never overwritten.
 */

/** The paths whose local changes moving from `from` to `to` would overwrite; empty when it can go ahead. */
export async function wouldOverwrite(repository: NativeRepository, from: Oid, to: Oid): Promise<readonly string[]> {
  return readTree(repository, ['-n'], from, to)
}

/** Which of some paths are, in the index or the working tree, not as a commit has them. */
export async function changedFiles(
  repository: NativeRepository,
  commit: Oid,
  paths: readonly string[],
): Promise<readonly string[]> {
  if (paths.length === 0) return []
  const changed = async () => {
    const { stdout } = await repository.run(['diff-index', '--name-only', '-z', commit])
    const names = new Set(stdout.toString('utf8').split('\0'))
    return paths.filter((path) => names.has(path))
  }
  if ((await changed()).length === 0) return []
  // A file that was touched but not changed looks changed until git compares its content.
  await repository.run(['update-index', '-q', '--refresh'], { allowFailure: true })
  return changed()
}

/**
 * Performs the move, or returns the paths whose local changes are in the way, having touched nothing: git checks all
 * files before it writes the first.
 *
 * `resume` completes a move that was interrupted: files that hold the old content, the new one, or the beginning of the
 * new one are ours to finish; anything else is the user's and stops it. Throws `git_failed` when git cannot write.
 */
export async function checkOut(
  repository: NativeRepository,
  from: Oid,
  to: Oid,
  options: { readonly resume?: boolean } = {},
): Promise<readonly string[]> {
  if (options.resume === true && (await restoreFiles(repository, from, to))) return []
  return readTree(repository, [], from, to)
}

async function readTree(
  repository: NativeRepository,
  flags: readonly string[],
  from: Oid,
  to: Oid,
): Promise<readonly string[]> {
  const deleted = await deletedFiles(repository, from, to)
  if (deleted.length > 0) return deleted
  const run = () => repository.run(['read-tree', '-m', '-u', ...flags, from, to], { allowFailure: true })
  const first = await run()
  if (first.code === 0) return []
  // Only a refusal says that nothing was written yet; anything else may have stopped half-way.
  if (inTheWay(first.stderr).length === 0) throw failed(first.stderr)
  // A file that was touched but not changed looks changed until git compares its content.
  await repository.run(['update-index', '-q', '--refresh'], { allowFailure: true })
  const second = await run()
  if (second.code === 0) return []
  const paths = inTheWay(second.stderr)
  if (paths.length === 0) throw failed(second.stderr)
  return paths
}

/** Files that would be written anew though the user has deleted them: git takes a missing file for an unchanged one. */
async function deletedFiles(repository: NativeRepository, from: Oid, to: Oid): Promise<readonly string[]> {
  const top = repository.workTree!
  const isMissing = missingFolders(top)
  const missing: string[] = []
  for (const { path, before, after } of await repository.diffTrees(from, to)) {
    if (before === undefined || after === undefined) continue
    const isGone = (await isMissing(path)) || (await lstat(join(top, path)).then(() => false, isAbsence))
    if (isGone) missing.push(path)
  }
  // Of a sparse checkout they are missing by rights.
  return changedFiles(repository, from, missing)
}

/** The files that git refuses to touch, by what it says; all of them are checked before the first is written. */
function inTheWay(stderr: string): readonly string[] {
  const paths = new Set<string>()
  for (const match of stderr.matchAll(/[Ee]ntry '(.+?)' (?:not uptodate|would be overwritten)/g)) paths.add(match[1]!)
  for (const match of stderr.matchAll(/[Ff]ile '(.+?)' would be (?:overwritten|removed)/g)) paths.add(match[1]!)
  for (const match of stderr.matchAll(/Updating '(.+?)' would lose/g)) paths.add(match[1]!)
  return [...paths]
}

function failed(stderr: string): SyncError {
  if (/resolve your current index/.test(stderr)) {
    return new SyncError('unmerged_files', 'Conflicts are open in this checkout; nothing was changed.', {
      exitCode: 2,
      hint: 'See "gamedev sync conflicts" and "git status": settle them, then run the command again.',
    })
  }
  return new SyncError('git_failed', `git cannot update the working tree: ${stderr.trim()}`, {
    hint: 'Make room or mend what it names, and run the command again: it goes on where it stopped.',
    data: { stderr },
  })
}

/**
 * Brings the files of an interrupted move back to the old content, so that git can do the whole move again. True when
 * the move was complete: git replaces the index last, in one rename.
 */
async function restoreFiles(repository: NativeRepository, from: Oid, to: Oid): Promise<boolean> {
  const top = repository.workTree!
  // A git child of the killed process may still be finishing.
  await removeStaleLock(join(repository.gitDir, 'index.lock'))
  const changes = await repository.diffTrees(from, to)
  const staged = (await repository.run(['diff-index', '--cached', '--name-only', '-z', to])).stdout.toString('utf8')
  const unlike = new Set(staged.split('\0'))
  if (!changes.some((change) => unlike.has(change.path))) return true

  const foreign: string[] = []
  const touched: TreeChange[] = []
  const isMissing = missingFolders(top)
  for (const change of changes) {
    // Most of an interrupted clone is not there yet, whole folders of it.
    const now = (await isMissing(change.path)) ? undefined : await worktreeBytes(join(top, change.path))
    if (!(await isOurs(repository, change, now))) foreign.push(change.path)
    if (now !== undefined || change.before !== undefined) touched.push(change)
  }
  if (foreign.length > 0) {
    throw new SyncError('local_changes', `A merge was interrupted, and ${foreign.join(', ')} changed since.`, {
      hint: 'Conclude it with "git add" and "git commit", or give it up with "git reset --merge".',
      data: { paths: foreign },
    })
  }
  for (const change of touched) {
    const path = join(top, change.path)
    if (change.before === undefined) await rm(path, { force: true })
    else {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, await smudged(repository, change.path, change.before.oid))
    }
  }
  await repository.run(['update-index', '-q', '--refresh'], { allowFailure: true })
  return false
}

/** Tells whether the folder of a path is missing, looking at each folder once, from the top. */
function missingFolders(top: string): (path: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>([['', Promise.resolve(false)]])
  const isMissing = (folder: string): Promise<boolean> => {
    let answer = known.get(folder)
    if (answer === undefined) {
      answer = isMissing(parentOf(folder)).then(
        async (gone) => gone || (await lstat(join(top, folder)).then(() => false, isAbsence)),
      )
      known.set(folder, answer)
    }
    return answer
  }
  return (path) => isMissing(parentOf(path))
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Whether an error says that there is nothing at a path; any other is passed on. */
function isAbsence(error: NodeJS.ErrnoException): true {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return true
  throw error
}

/**
 * Whether a file is as the interrupted move, or a restoring that was interrupted in turn, may have left it: old, new, gone,
 * or cut short in mid-write.
 */
async function isOurs(repository: NativeRepository, change: TreeChange, now: Uint8Array | undefined): Promise<boolean> {
  if (now === undefined) return true
  for (const side of [change.before, change.after]) {
    if (side === undefined) continue
    const whole = await smudged(repository, change.path, side.oid)
    if (now.length <= whole.length && Buffer.compare(now, whole.subarray(0, now.length)) === 0) return true
  }
  return false
}

/** A blob as a checkout writes it, through the user's attributes. */
async function smudged(repository: NativeRepository, path: string, oid: Oid): Promise<Buffer> {
  return (await repository.run(['cat-file', '--filters', `--path=${path}`, oid])).stdout
}

async function worktreeBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    return (await lstat(path)).isFile() ? await readFile(path) : new Uint8Array()
  } catch (error) {
    isAbsence(error as NodeJS.ErrnoException)
    return undefined
  }
}
