import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Writes a file in one step, with these permissions: whoever looks sees the old one or the new one. What is being written
 * stands beside it or, where nobody may find it after a crash, in the folder `apart`, of the same file system.
 */
export async function writeWhole(path: string, content: Uint8Array, mode: number, apart?: string): Promise<void> {
  if (apart !== undefined) await mkdir(apart, { recursive: true })
  const next = `${apart === undefined ? path : join(apart, 'writing')}.new-${process.pid}`
  await writeFile(next, content)
  await chmod(next, mode)
  await rename(next, path)
}
