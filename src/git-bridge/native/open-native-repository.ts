import { setMaxListeners } from 'node:events'
import { stat } from 'node:fs/promises'
import { SyncError } from '../../world/errors.ts'
import type { GitContext } from './git-process.ts'
import { runGit } from './git-process.ts'
import { NativeRepository } from './native-repository.ts'

/** `cat-file --batch-command` came in 2.36; 2.39 is the oldest that is tested. */
const OLDEST = [2, 39] as const

/**
 * Opens the repository that `cwd` is in: a checkout, a folder of one, a linked worktree, a bare repository.
 * Throws `not_a_repository`, `git_missing`, `git_too_old`, or `repository_not_trusted` (git's safe.directory).
 * An aborted `signal` ends every git child of this repository.
 */
export async function openNativeRepository(
  cwd: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<NativeRepository> {
  const folder = await stat(cwd).catch(() => undefined)
  if (!folder?.isDirectory()) throw notARepository(cwd)
  // Each child listens.
  if (options.signal !== undefined) setMaxListeners(0, options.signal)
  const context: GitContext = { cwd, signal: options.signal }
  const [, found] = await Promise.all([
    checkVersion(context),
    runGit(
      context,
      [
        'rev-parse',
        '--show-object-format',
        '--path-format=absolute',
        '--git-dir',
        '--git-common-dir',
        '--is-inside-work-tree',
        // Last, because they fail, outside a work tree and without hooks, after the others were answered.
        '--show-toplevel',
        '--git-path',
        'hooks',
      ],
      { allowFailure: true },
    ),
  ])
  const [format, gitDir, commonDir, inside, workTree, hooksFolder] = found.stdout.toString('utf8').split('\n')
  if (/dubious ownership|unsafe repository/.test(found.stderr)) {
    throw new SyncError(
      'repository_not_trusted',
      `git does not trust the repository at ${cwd}: another user owns it.`,
      {
        hint: 'If it is yours, run `git config --global --add safe.directory` with its path.',
        data: { cwd },
      },
    )
  }
  if (!gitDir || !commonDir || (format !== 'sha1' && format !== 'sha256')) throw notARepository(cwd, found.stderr)
  return new NativeRepository({
    objectFormat: format,
    gitDir,
    commonDir,
    workTree: inside === 'true' && workTree ? workTree : undefined,
    hooksFolder: hooksFolder || undefined,
    signal: options.signal,
  })
}

/** The `PATH`s under which git was new enough: one process asks once, however many repositories it opens. */
const newEnough = new Set<string | undefined>()

async function checkVersion(context: GitContext): Promise<void> {
  const path = process.env.PATH
  if (newEnough.has(path)) return
  await gitVersion(context)
  newEnough.add(path)
}

/** What `git version` says, where that is new enough. Throws `git_too_old`, `git_missing`. */
export async function gitVersion(context: GitContext): Promise<string> {
  const text = (await runGit(context, ['version'])).stdout.toString('utf8').trim()
  const version = parseGitVersion(text)
  const [major, minor] = OLDEST
  if (version && (version[0] > major || (version[0] === major && version[1] >= minor))) return text
  throw new SyncError('git_too_old', `git ${major}.${minor} or newer is needed; here is "${text}".`, {
    hint: 'Update git.',
    data: { found: text },
  })
}

/** Major and minor of what `git version` prints; undefined when it is not a version. */
export function parseGitVersion(text: string): readonly [number, number] | undefined {
  const match = /^git version (\d+)\.(\d+)/.exec(text)
  return match ? [Number(match[1]), Number(match[2])] : undefined
}

function notARepository(cwd: string, said = ''): SyncError {
  return new SyncError('not_a_repository', `There is no git repository at ${cwd}.`, {
    hint: 'Run `git init` there, or run this in the folder of your project.',
    data: { cwd, stderr: said },
  })
}
