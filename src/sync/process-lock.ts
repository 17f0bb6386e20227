import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { SyncError } from '../world/errors.ts'
import type { Project } from './session.ts'

/** Held while a command writes: two processes at once are safe, the second says so (S4). */
export interface ProcessLock {
  release(): Promise<void>
}

/**
 * Takes the lock of a repository's sync state. A lock whose process is gone is taken over, and with it go the locks of
 * git that this process, or a git of its, left: nobody else would ever remove them.
 * Throws `locked`, naming the process that holds it.
 */
export async function takeProcessLock(
  { stateFolder, repository }: Pick<Project, 'stateFolder' | 'repository'>,
  command: string,
): Promise<ProcessLock> {
  await mkdir(stateFolder, { recursive: true })
  const path = join(stateFolder, 'lock')
  // Linked into place with its content: a lock that is still empty would look like a dead writer's.
  const own = `${path}.${process.pid}`
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(own, JSON.stringify({ pid: process.pid, host: hostname(), command }))
      await link(own, path)
      return { release: () => rm(path, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      await rm(own, { force: true })
    }
    const holder = await readHolder(path)
    if (holder !== undefined && (holder.host !== hostname() || isAlive(holder.pid))) {
      throw new SyncError(
        'locked',
        `Another "gamedev ${holder.command}" is running here (process ${holder.pid} on ${holder.host}).`,
        {
          hint: `Wait for it to end; if it is gone for good, remove ${path}.`,
          data: { pid: holder.pid, host: holder.host, command: holder.command },
        },
      )
    }
    if (attempt >= 3)
      throw new SyncError('locked', `The lock ${path} cannot be taken.`, { hint: 'Remove it and try again.' })
    // Before the dead one's lock goes: a crash here leaves the next one as much to do.
    const begun = await stat(path).catch(() => undefined)
    if (begun !== undefined) {
      const { removeStaleLocks } = await import('../git-bridge/native/stale-locks.ts')
      await removeStaleLocks(repository, begun.mtimeMs)
    }
    await rm(path, { force: true })
  }
}

/** Whose lock it is. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  /** Without `gamedev` before it. */
  readonly command: string
}

/** Who holds the lock of a repository's sync state; `alive` is undefined for a process of another machine. */
export async function lockHolder(
  folder: string,
): Promise<(LockHolder & { readonly path: string; readonly alive: boolean | undefined }) | undefined> {
  const path = join(folder, 'lock')
  const holder = await readHolder(path)
  if (holder === undefined) return undefined
  return { ...holder, path, alive: holder.host === hostname() ? isAlive(holder.pid) : undefined }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as { pid?: unknown; host?: unknown; command?: unknown }
    if (typeof holder.pid !== 'number' || typeof holder.host !== 'string') return undefined
    return { pid: holder.pid, host: holder.host, command: String(holder.command ?? 'sync') }
  } catch {
    // Gone meanwhile, or damaged: nobody's.
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
