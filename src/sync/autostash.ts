import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SimpleGit } from 'simple-git'
import { SyncError } from '../world/errors.ts'
import type { Session } from './session.ts'
import { userGit } from './user-git.ts'
import { readText } from './working-tree.ts'

/** Names the stash that a run has put aside, from before it is made until it is back. */
function markPath(session: Session): string {
  return join(session.stateFolder, 'autostash')
}

/**
 * Puts local changes aside for the time of the merge, as `git pull --autostash` does. What a crash leaves in the stash,
 * {@link recoverAutostash} brings back.
 */
export async function withAutostash<T>(session: Session, work: () => Promise<T>): Promise<T> {
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
  try {
    return await work()
  } finally {
    await restore(session, git, label)
  }
}

/** Brings back the changes that an interrupted run had put aside. */
export async function recoverAutostash(session: Session): Promise<void> {
  const label = await readText(markPath(session))
  if (label === undefined) return
  const restored = await restore(session, await userGit(session.repository.workTree!), label)
  if (restored) session.context.progress.warn('Local changes that an interrupted run had put aside are back.')
}

async function restore(session: Session, git: SimpleGit, label: string): Promise<boolean> {
  const entry = (await git.raw(['stash', 'list', '--format=%gd %s'])).split('\n').find((line) => line.endsWith(label))
  const name = entry?.split(' ', 1)[0]
  let restored = false
  if (name !== undefined) {
    try {
      await git.stash(['pop', '--index', name]).catch(() => git.stash(['pop', name]))
      restored = true
    } catch {
      session.context.progress.warn(
        'Your local changes do not fit any more; they are safe: see "git stash list" and "git status".',
      )
    }
  }
  await rm(markPath(session), { force: true })
  return restored
}
