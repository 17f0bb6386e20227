/**
 * `node:fs/promises` (and the names of `node:fs` that the product uses) on a {@link Disk}: what the bundle of the
 * simulation puts in their place. Each call is one effect or one look, and settles in a microtask. A file that a crash
 * cuts short has half of its bytes; a rename is whole or not at all.
 */

import type { Disk, WriteOptions } from './fs/disk.ts'
import type { DiskEntry, DiskStats } from './fs/nodes.ts'
import { look, perform } from './host.ts'

export { Disk } from './fs/disk.ts'

export const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 } as const

let current: Disk | undefined

/** The disk of the simulation that runs. */
export function useDisk(disk: Disk): void {
  current = disk
}

function disk(): Disk {
  if (current === undefined) throw new Error('no disk is in use')
  return current
}

type Encoding = BufferEncoding | { readonly encoding?: BufferEncoding | null } | null | undefined

function encodingOf(options: Encoding): BufferEncoding | undefined {
  return (typeof options === 'string' ? options : options?.encoding) ?? undefined
}

type WriteSettings =
  | BufferEncoding
  | (WriteOptions & { readonly encoding?: BufferEncoding; readonly flush?: boolean })
  | undefined

export function readFile(path: string): Promise<Buffer>
export function readFile(path: string, options: BufferEncoding | { readonly encoding: BufferEncoding }): Promise<string>
export function readFile(path: string, options?: Encoding): Promise<Buffer | string> {
  return look(() => {
    const encoding = encodingOf(options)
    const bytes = disk().readFile(path)
    return encoding === undefined ? Buffer.from(bytes) : bytes.toString(encoding)
  })
}

export function writeFile(path: string, content: string | Uint8Array, options?: WriteSettings): Promise<void> {
  const { encoding, ...settings } = typeof options === 'string' ? { encoding: options } : (options ?? {})
  const bytes = typeof content === 'string' ? Buffer.from(content, encoding) : Buffer.from(content)
  const write = (part: Uint8Array) => disk().putFile(path, part, settings)
  return perform(
    `write ${path}`,
    () => write(bytes),
    () => attempt(() => write(bytes.subarray(0, bytes.length >> 1))),
  )
}

export function appendFile(path: string, content: string | Uint8Array, options?: WriteSettings): Promise<void> {
  const settings = typeof options === 'string' ? { encoding: options } : options
  return writeFile(path, content, { ...settings, flag: 'a' })
}

export function copyFile(from: string, to: string): Promise<void> {
  return perform(`copy ${from} to ${to}`, () => disk().writeFile(to, disk().readFile(from)))
}

export function mkdir(
  path: string,
  options: { readonly recursive?: boolean; readonly mode?: number } = {},
): Promise<string | undefined> {
  // Made again and again, just in case: nothing happens then that a crash could come before or after.
  if (options.recursive === true && disk().find(path)?.kind === 'folder') return look(() => undefined)
  return perform(`mkdir ${path}`, () => disk().mkdir(path, options))
}

export function mkdtemp(prefix: string): Promise<string> {
  return perform(`mkdtemp ${prefix}`, () => {
    for (let n = 0; ; n += 1) {
      const path = prefix + String(n).padStart(6, '0')
      if (disk().exists(path)) continue
      disk().mkdir(prefix.slice(0, prefix.lastIndexOf('/')) || '/', { recursive: true })
      disk().mkdir(path)
      return path
    }
  })
}

export function readdir(path: string, options?: { readonly withFileTypes?: false }): Promise<string[]>
export function readdir(path: string, options: { readonly withFileTypes: true }): Promise<DiskEntry[]>
export function readdir(
  path: string,
  options: { readonly withFileTypes?: boolean } = {},
): Promise<string[] | DiskEntry[]> {
  return look(() => (options.withFileTypes === true ? disk().readEntries(path) : disk().readdir(path)))
}

export function rename(from: string, to: string): Promise<void> {
  return perform(`rename ${from} to ${to}`, () => disk().rename(from, to))
}

export function link(from: string, to: string): Promise<void> {
  return perform(`link ${from} to ${to}`, () => disk().link(from, to))
}

export function symlink(target: string, path: string): Promise<void> {
  return perform(`symlink ${path}`, () => disk().symlink(target, path))
}

export function readlink(path: string): Promise<string> {
  return look(() => disk().readlink(path))
}

export function unlink(path: string): Promise<void> {
  return perform(`unlink ${path}`, () => disk().unlink(path))
}

export function rmdir(path: string): Promise<void> {
  return perform(`rmdir ${path}`, () => disk().rmdir(path))
}

export function rm(
  path: string,
  options: { readonly recursive?: boolean; readonly force?: boolean } = {},
): Promise<void> {
  if (options.force === true && disk().isMissing(path)) return look(() => undefined)
  return perform(
    `rm ${path}`,
    () => disk().rm(path, options),
    () => attempt(() => removeHalf(path, options.recursive === true)),
  )
}

/** A folder whose removal was cut short has lost some of what was in it. */
function removeHalf(path: string, recursive: boolean): void {
  if (!recursive || !disk().lstat(path).isDirectory()) return
  const names = disk().readdir(path)
  for (const name of names.slice(0, names.length >> 1)) disk().rm(`${path}/${name}`, { recursive: true })
}

export function stat(path: string): Promise<DiskStats> {
  return look(() => disk().stat(path))
}

export function lstat(path: string): Promise<DiskStats> {
  return look(() => disk().lstat(path))
}

export function access(path: string, mode?: number): Promise<void> {
  return look(() => disk().access(path, mode))
}

export function realpath(path: string): Promise<string> {
  return look(() => disk().realpath(path))
}

export function chmod(path: string, mode: number): Promise<void> {
  return perform(`chmod ${path}`, () => disk().chmod(path, mode))
}

export function utimes(path: string, _accessed: number, modified: number): Promise<void> {
  return perform(`utimes ${path}`, () => disk().utimes(path, modified))
}

/** A handle that can be flushed and closed, which is all that it is opened for. */
export function open(path: string): Promise<{ sync(): Promise<void>; close(): Promise<void> }> {
  return look(() => {
    disk().stat(path)
    return { sync: () => look(() => undefined), close: () => look(() => undefined) }
  })
}

/** What dies on the way reports nothing. */
function attempt(act: () => void): void {
  try {
    act()
  } catch {
    // As far as it came.
  }
}
