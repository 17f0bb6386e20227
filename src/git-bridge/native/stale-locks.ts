import { readdir, readlink, realpath, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Files by which git keeps other gits away, beside those of the refs themselves. */
const LOCKS = ['index.lock', 'HEAD.lock', 'ORIG_HEAD.lock', 'packed-refs.lock', 'config.lock']

/** How long a lock must stay as it is, in milliseconds: the git that holds it may outlive who called it. */
const QUIET_MS = 500
const LOOK_MS = 100
/** How long, in milliseconds, a git that is at work is waited for. */
const PATIENCE_MS = 30_000

/**
 * Removes the locks that a git left which was killed at its work: those that came to be at `since` (milliseconds since
 * 1970, by the clock of the file system) or later, and that nobody holds any more. git itself never removes them, and
 * refuses until somebody does. To be called only where a git is known to have been killed, or whoever had called it.
 * Returns the paths.
 */
export async function removeStaleLocks(
  { gitDir, commonDir }: { readonly gitDir: string; readonly commonDir: string },
  since: number,
  patience: number = PATIENCE_MS,
): Promise<readonly string[]> {
  const stale = await Promise.all(
    (await lockFiles(gitDir, commonDir)).map(async (path) => {
      const seen = await stateOf(path)
      if (seen === undefined || seen.mtimeMs < since) return []
      return (await removeStaleLock(path, patience)) ? [path] : []
    }),
  )
  return stale.flat()
}

/**
 * Removes a lock that stands still, and waits for whoever still works under it: the git of a process that was killed
 * goes on to its end. True when it was removed; false when it went by itself, or is held for longer than `patience`.
 */
export async function removeStaleLock(path: string, patience: number = PATIENCE_MS): Promise<boolean> {
  let last = await stateOf(path)
  for (let quiet = 0, waited = 0; last !== undefined && quiet < QUIET_MS; waited += LOOK_MS) {
    if (waited > patience) return false
    await delay(LOOK_MS)
    const now = await stateOf(path)
    quiet = now !== undefined && isSame(now, last) && !(await isOpen(path)) ? quiet + LOOK_MS : 0
    last = now
  }
  if (last === undefined) return false
  await rm(path, { force: true })
  return true
}

async function lockFiles(gitDir: string, commonDir: string): Promise<readonly string[]> {
  const named = new Set([gitDir, commonDir].flatMap((folder) => LOCKS.map((name) => join(folder, name))))
  const refs = await readdir(join(commonDir, 'refs'), { recursive: true }).catch(() => [])
  for (const name of refs) if (name.endsWith('.lock')) named.add(join(commonDir, 'refs', name))
  return [...named]
}

interface LockState {
  readonly ino: number
  readonly size: number
  readonly mtimeMs: number
}

async function stateOf(path: string): Promise<LockState | undefined> {
  return stat(path).catch(() => undefined)
}

function isSame(a: LockState, b: LockState): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs
}

/**
 * Whether a process of this user has the file open, as a git has the index's lock while it writes many files. Told where
 * the system tells it (`/proc`); elsewhere only quiet does.
 */
async function isOpen(path: string): Promise<boolean> {
  const file = await realpath(path).catch(() => path)
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  for (const pid of processes) {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => [])
    const files = await Promise.all(open.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')))
    if (files.includes(file)) return true
  }
  return false
}
