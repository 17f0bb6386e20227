import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SimpleGit } from 'simple-git'
import { SyncError } from '../world/errors.ts'
import type { Session } from './session.ts'
import { userGit } from './user-git.ts'
import { exists, readText } from './working-tree.ts'

/** Names the stash that a run has put aside, from before it is made until it is back. */
function markPath(session: Session): string {
  return join(session.stateFolder, 'autostash')
}

/**
 * Puts local changes aside for the time of the merge, as `git pull --autostash` does. What a crash leaves in the stash,
 * {@link recoverAutostash} brings back. Where `staysOpen` says that the work left a merge open, they are handed over to
 * git, which brings them back when the merge is concluded or given up.
 */
export async function withAutostash<T>(
  session: Session,
  work: () => Promise<T>,
  staysOpen: (result: T) => boolean = () => false,
): Promise<T> {
  const git = await userGit(session.repository.workTree!)
  const label = `gamedev sync autostash ${randomUUID()}`
  await mkdir(session.stateFolder, { recursive: true })
  await writeFile(markPath(session), label)
  try {
    await git.stash(['push', '--message', label])
  } catch (error) {
    await rm(markPath(session), { force: true })
    throw new SyncError('stash_failed', `git cannot put your changes aside: ${(error as Error).message.trim()}`, {
      hint: 'Commit them, or undo them, and run the command again. Nothing was changed.',
      cause: error,
    })
  }
  let open = false
  try {
    const result = await work()
    open = staysOpen(result)
    return result
  } finally {
    if (open) await handOver(session, git, label)
    else await restore(session, git, label)
  }
}

/** git's own place for what it put aside for a merge: `git commit` and `git merge --abort` look there. */
async function handOver(session: Session, git: SimpleGit, label: string): Promise<void> {
  const name = await stashNamed(git, label)
  if (name !== undefined) {
    const commit = (await git.raw(['rev-parse', '--verify', name])).trim()
    await writeFile(join(session.repository.gitDir, 'MERGE_AUTOSTASH'), `${commit}\n`)
    await git.stash(['drop', name])
  }
  await rm(markPath(session), { force: true })
}

async function hasUnmerged(git: SimpleGit): Promise<boolean> {
  return (await git.raw(['ls-files', '--unmerged'])) !== ''
}

async function stashNamed(git: SimpleGit, label: string): Promise<string | undefined> {
  const entry = (await git.raw(['stash', 'list', '--format=%gd %s'])).split('\n').find((line) => line.endsWith(label))
  return entry?.split(' ', 1)[0]
}

/** Brings back the changes that an interrupted run had put aside. */
export async function recoverAutostash(session: Session): Promise<void> {
  const label = await readText(markPath(session))
  if (label === undefined) return
  const git = await userGit(session.repository.workTree!)
  if (await exists(join(session.repository.gitDir, 'MERGE_HEAD'))) return handOver(session, git, label)
  const restored = await restore(session, git, label)
  if (!restored) return
  session.report.tell({ kind: 'recovered', what: 'changes' })
  session.context.progress.warn('Local changes that an interrupted run had put aside are back.')
}

async function restore(session: Session, git: SimpleGit, label: string): Promise<boolean> {
  const name = await stashNamed(git, label)
  let restored = false
  if (name !== undefined) {
    // git says on standard output that it found conflicts, which is no error to who listens: what it keeps tells.
    await git.stash(['pop', '--index', name]).catch(() => {})
    if ((await stashNamed(git, label)) !== undefined && !(await hasUnmerged(git))) {
      await git.stash(['pop', name]).catch(() => {})
    }
    restored = (await stashNamed(git, label)) === undefined
    if (!restored) {
      session.context.progress.warn(
        'Your local changes do not fit any more; they are safe: see "git stash list" and "git status".',
      )
    }
  }
  await rm(markPath(session), { force: true })
  return restored
}
