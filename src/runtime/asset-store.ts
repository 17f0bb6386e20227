import { createHash, randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export type StoreOutcome =
  | { readonly kind: 'stored'; readonly filename: string }
  | { readonly kind: 'invalid_filename' }
  | { readonly kind: 'hash_mismatch'; readonly filename: string }
  | { readonly kind: 'too_large' }

export interface StoredAsset {
  readonly filename: string
  readonly path: string
  readonly size: number
  readonly modifiedAt: number
}

/** Content-addressed files on disk, and the plain-named built-in ones (protocol, section 7). */
export interface AssetStore {
  /**
   * Streams bytes to disk, hashing on the way. A name that is a hash must be the hash of the bytes. On disk (synced,
   * renamed into place) when it returns; the same bytes again change nothing.
   */
  put(name: string, bytes: AsyncIterable<Uint8Array>, options?: { readonly verify?: boolean }): Promise<StoreOutcome>
  find(filename: string): Promise<StoredAsset | undefined>
  list(): Promise<readonly StoredAsset[]>
  remove(filename: string): Promise<void>
}

/**
 * How much more of a file that is too large is read: one that is cut off at once hears a broken connection, not the
 * reason; one without end is cut off all the same.
 */
const MAX_EXCESS = 64 * 1024 * 1024

const SAFE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/
const EXTENSION = /^[a-z0-9]{1,16}$/
const HASH = /^[0-9a-f]{64}$/

/** True for `<sha256>.<extension>`, the names whose bytes can be verified. */
export function isContentName(filename: string): boolean {
  return HASH.test(filename.slice(0, 64)) && filename[64] === '.'
}

export function isSafeName(filename: string): boolean {
  return SAFE_NAME.test(filename)
}

export async function openAssetStore(dir: string, maxBytes: number): Promise<AssetStore> {
  const incoming = join(dir, '.incoming')
  await rm(incoming, { recursive: true, force: true })
  await mkdir(incoming, { recursive: true })

  async function find(filename: string): Promise<StoredAsset | undefined> {
    if (!isSafeName(filename)) return undefined
    const path = join(dir, filename)
    const info = await stat(path).catch(() => undefined)
    return info?.isFile() ? { filename, path, size: info.size, modifiedAt: info.mtimeMs } : undefined
  }

  return {
    find,
    async put(name, bytes, { verify = true } = {}) {
      const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
      if (!EXTENSION.test(extension)) return { kind: 'invalid_filename' }
      const temporary = join(incoming, randomUUID())
      try {
        const received = await receive(temporary, bytes, maxBytes)
        if (received === 'too_large') return { kind: 'too_large' }
        const filename = `${received}.${extension}`
        const promised = name.slice(0, name.lastIndexOf('.')).toLowerCase()
        if (verify && HASH.test(promised) && promised !== received) return { kind: 'hash_mismatch', filename }
        if ((await find(filename)) === undefined) {
          await rename(temporary, join(dir, filename))
          await syncFolder(dir)
        }
        return { kind: 'stored', filename }
      } finally {
        await rm(temporary, { force: true })
      }
    },
    async list() {
      const found = await Promise.all((await readdir(dir)).map(find))
      return found.filter((asset) => asset !== undefined)
    },
    async remove(filename) {
      if (isSafeName(filename)) await rm(join(dir, filename), { force: true })
    },
  }
}

/** Copies the built-in assets of a fresh world; those that are there already stay as they are. */
export async function installAssets(from: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const name of await readdir(from)) {
    const there = await stat(join(dir, name)).catch(() => undefined)
    if (there === undefined) await copyFile(join(from, name), join(dir, name))
  }
}

/** Writes and syncs the bytes; returns their SHA-256 in hex. */
async function receive(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<string | 'too_large'> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx')
  let size = 0
  try {
    for await (const chunk of bytes) {
      size += chunk.byteLength
      if (size > maxBytes + MAX_EXCESS) break
      if (size > maxBytes) continue
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    if (size > maxBytes) return 'too_large'
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
