import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

/** Files by which git keeps other gits away, beside those of the refs themselves. */
const LOCKS = ['index.lock', 'HEAD.lock', 'ORIG_HEAD.lock', 'packed-refs.lock', 'config.lock']

/** How long a lock must stay as it is, in milliseconds: the git that holds it may outlive who called it. */
const QUIET_MS = 500
const LOOK_MS = 100

/**
 * Removes the locks that a git left which was killed at its work: those that came to be at `since` (milliseconds since
 * 1970, by the clock of the file system) or later, and that nobody changes any more. git itself never removes them, and
 * refuses until somebody does. To be called only where a git is known to have been killed, or whoever had called it.
 * Waits for a git that is still at work. Returns the paths.
 */
export async function removeStaleLocks(
  { gitDir, commonDir }: { readonly gitDir: string; readonly commonDir: string },
  since: number,
): Promise<readonly string[]> {
  const stale = await Promise.all(
    (await lockFiles(gitDir, commonDir)).map(async (path) => {
      const seen = await state(path)
      if (seen === undefined || seen.mtimeMs < since || !(await staysAs(path, seen))) return []
      await rm(path, { force: true })
      return [path]
    }),
  )
  return stale.flat()
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

async function state(path: string): Promise<LockState | undefined> {
  return stat(path).catch(() => undefined)
}

/** Until a lock was quiet for long enough, or is gone; false then. */
async function staysAs(path: string, first: LockState): Promise<boolean> {
  let last = first
  for (let quiet = 0; quiet < QUIET_MS; ) {
    await delay(LOOK_MS)
    const now = await state(path)
    if (now === undefined) return false
    quiet = now.ino === last.ino && now.size === last.size && now.mtimeMs === last.mtimeMs ? quiet + LOOK_MS : 0
    last = now
  }
  return true
}
