import { chmod, rename, writeFile } from 'node:fs/promises'

/** Writes a file in one step, with these permissions: whoever looks sees the old one or the new one. */
export async function writeWhole(path: string, content: Uint8Array, mode: number): Promise<void> {
  const next = `${path}.new-${process.pid}`
  await writeFile(next, content)
  await chmod(next, mode)
  await rename(next, path)
}
