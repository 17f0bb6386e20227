import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Oid } from '../git-bridge/repository.ts'
import { SyncError } from '../world/errors.ts'
import type { Project } from './session.ts'

/** Where HEAD is, fit for a merge commit on top of it. */
export interface Branch {
  /** `HEAD` where it is detached. */
  readonly name: string
  readonly head: Oid
  /** HEAD names a commit, not a branch, as in the checkouts of CI. */
  readonly detached?: true
}

/** Operations of git that are under way, by the file that says so in the git dir. */
const UNDER_WAY: readonly (readonly [file: string, what: string, conclude: string, abort: string])[] = [
  ['MERGE_HEAD', 'a merge', 'git commit', 'git merge --abort'],
  ['rebase-merge', 'a rebase', 'git rebase --continue', 'git rebase --abort'],
  ['rebase-apply', 'a rebase', 'git rebase --continue', 'git rebase --abort'],
  ['CHERRY_PICK_HEAD', 'a cherry-pick', 'git cherry-pick --continue', 'git cherry-pick --abort'],
  ['REVERT_HEAD', 'a revert', 'git revert --continue', 'git revert --abort'],
]

/** The operation of git that is under way in this checkout, if one is. */
export async function operationUnderWay({ repository }: Project): Promise<(typeof UNDER_WAY)[number] | undefined> {
  const present = await Promise.all(UNDER_WAY.map(([file]) => exists(join(repository.gitDir, file))))
  return UNDER_WAY.find((_, index) => present[index])
}

/**
 * The branch that a pull or a push commits to; with `detached`, HEAD itself where it is on none, and commits move it.
 * Throws, having changed nothing: `unborn_branch`, `detached_head`, `merge_in_progress` (exit 2 while conflicts are
 * open).
 */
export async function requireBranch(project: Project, options: { readonly detached?: boolean } = {}): Promise<Branch> {
  const { repository } = project
  const underWay = await operationUnderWay(project)
  if (underWay !== undefined) {
    const [file, what, conclude, abort] = underWay
    const unmerged = (await repository.run(['ls-files', '--unmerged', '-z'])).stdout.length > 0
    throw new SyncError(
      'merge_in_progress',
      `${what[0]!.toUpperCase()}${what.slice(1)} is in progress in this checkout.`,
      {
        exitCode: unmerged ? 2 : 1,
        hint: unmerged
          ? `Conflicts are open: see "gamedev sync conflicts". Conclude with "${conclude}", or give it up with "${abort}".`
          : `Conclude it with "${conclude}", or give it up with "${abort}".`,
        data: { file },
      },
    )
  }
  const [branch, head] = await Promise.all([repository.branch(), repository.resolve('HEAD')])
  if (branch === undefined) {
    if (options.detached === true && head !== undefined) return { name: 'HEAD', head, detached: true }
    throw new SyncError('detached_head', 'HEAD is detached: there is no branch to commit to.', {
      hint: 'Run "git switch <branch>" first.',
    })
  }
  const name = branch.replace(/^refs\/heads\//, '')
  if (head === undefined) {
    throw new SyncError('unborn_branch', `The branch "${name}" has no commit yet.`, {
      hint: 'Make a first commit, or run "gamedev sync init".',
    })
  }
  return { name, head }
}

export function text(output: Uint8Array | string): string {
  return typeof output === 'string' ? output : Buffer.from(output).toString('utf8')
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
