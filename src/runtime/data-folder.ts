import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'libsql'
import { assert, SyncError } from '../world/errors.ts'

export interface DataFolder {
  readonly database: string
  readonly assets: string
  /** Lets another server have the folder. */
  unlock(): void
}

/**
 * Claims a data folder for this server alone. The claim is an exclusive SQLite lock, which the operating system takes
 * back when the process dies, however it dies: no stale lock file can stand in the way of a restart.
 *
 * Throws `data_in_use` when another server has it.
 */
export async function claimDataFolder(dir: string): Promise<DataFolder> {
  await mkdir(dir, { recursive: true })
  const lock = new Database(join(dir, 'lock.sqlite'))
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new SyncError('data_in_use', `Another runtime is using the data folder '${dir}'.`, {
      hint: 'Stop it first, or give this one a folder of its own with --data.',
      cause,
    })
  }
  return {
    database: join(dir, 'world.sqlite'),
    assets: join(dir, 'assets'),
    unlock: () => {
      lock.close()
    },
  }
}

/** The assets of a fresh world, shipped with the package; found from the sources and from the bundle alike. */
export function builtInAssets(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (dirname(folder) !== folder) {
    const candidate = join(folder, 'fixtures', 'runtime-assets')
    if (existsSync(candidate)) return candidate
    folder = dirname(folder)
  }
  assert(false, 'the built-in assets are part of the package')
}
