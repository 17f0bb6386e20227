import { type ErrorCode, fileError } from './errors.ts'
import { DiskEntry, type DiskNode, DiskStats, type FileNode, type FolderNode, type LinkNode } from './nodes.ts'

/** So many symbolic links in a row are a loop, as on Linux. */
const MOST_LINKS = 40

const SLASH = 0x2f
/** Parts of a path that are no names. */
const DOTS = /\/(?:\.{0,2})(?:\/|$)/

/** The last part of a path: the folder it is in, its name, and what stands there. */
interface Place {
  readonly folder: FolderNode
  readonly name: string
  readonly node: DiskNode | undefined
}

export interface WriteOptions {
  /** `w` replaces, `a` appends, `wx` and `ax` refuse what is there already, `r+` what is not. */
  readonly flag?: 'w' | 'a' | 'wx' | 'ax' | 'r+'
  /** Of a file that is new. */
  readonly mode?: number
}

/**
 * A POSIX file system in memory, synchronous, with node's errors. Paths are absolute. There is one user, who may do
 * anything; hard links, symbolic links and permissions are kept.
 */
export class Disk {
  readonly #root: FolderNode
  readonly #now: () => number
  #ids = 0
  #versions = 0

  /** `now`: the time of what is written, in milliseconds since 1970. */
  constructor(now: () => number = () => 0) {
    this.#now = now
    this.#root = this.#newFolder()
  }

  /** The node at a path, links not followed; undefined where there is none. Cheaper than an error. */
  find(path: string): DiskNode | undefined {
    const found = this.#look(path, false)
    return typeof found === 'string' ? undefined : found.node
  }

  /** The file at a path; undefined for anything else. */
  file(path: string): FileNode | undefined {
    const node = this.find(path)
    return node?.kind === 'file' ? node : undefined
  }

  readText(path: string): string | undefined {
    const file = this.file(path)
    return file && Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength).toString('utf8')
  }

  readFile(path: string): Buffer {
    const node = this.#node(path, 'open', true)
    if (node.kind === 'folder') throw fileError('EISDIR', 'read', path)
    const { bytes } = node as FileNode
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  writeFile(path: string, content: string | Uint8Array, options: WriteOptions = {}): void {
    this.putFile(path, typeof content === 'string' ? Buffer.from(content) : Buffer.from(content), options)
  }

  /** {@link writeFile} for bytes that nobody will change. */
  putFile(path: string, bytes: Uint8Array, { flag = 'w', mode = 0o666 }: WriteOptions = {}): void {
    const exclusive = flag.endsWith('x')
    const place = this.#place(stripped(path), 'open', !exclusive)
    const { node } = place
    if (path.endsWith('/')) throw fileError('EISDIR', 'open', path)
    if (node !== undefined && exclusive) throw fileError('EEXIST', 'open', path)
    if (node?.kind === 'folder') throw fileError('EISDIR', 'open', path)
    if (node === undefined) {
      if (flag === 'r+') throw fileError('ENOENT', 'open', path)
      const fresh: FileNode = {
        kind: 'file',
        id: ++this.#ids,
        bytes,
        mode: mode & 0o777 & ~0o022,
        links: 1,
        version: ++this.#versions,
        time: this.#now(),
      }
      place.folder.entries.set(place.name, fresh)
      this.#touch(place.folder)
      return
    }
    const file = node as FileNode
    if (flag === 'a' || flag === 'ax') file.bytes = Buffer.concat([file.bytes, bytes])
    else if (flag === 'r+') file.bytes = Buffer.concat([bytes, file.bytes.subarray(bytes.length)])
    else file.bytes = bytes
    this.#touch(file)
  }

  /** Makes a folder; with `recursive`, those above it too, and one that is there is no error. The first that was made. */
  mkdir(path: string, options: { readonly recursive?: boolean; readonly mode?: number } = {}): string | undefined {
    const mode = (options.mode ?? 0o777) & ~0o022
    if (options.recursive !== true) {
      const place = this.#place(path, 'mkdir', false)
      if (place.node !== undefined) throw fileError('EEXIST', 'mkdir', path)
      place.folder.entries.set(place.name, this.#newFolder(mode))
      this.#touch(place.folder)
      return undefined
    }
    const found = this.#look(path, true)
    if (typeof found !== 'string' && found.node !== undefined) {
      if (found.node.kind === 'folder') return undefined
      throw fileError('EEXIST', 'mkdir', path)
    }
    if (found === 'ENOTDIR' || found === 'ELOOP') throw fileError(found, 'mkdir', path)
    const above = path.replace(/\/+[^/]*\/*$/, '')
    // Links that lead nowhere.
    if (this.find(path)?.kind === 'link') throw fileError('ENOENT', 'mkdir', path)
    if (this.find(above)?.kind === 'link' && !this.exists(above)) throw fileError('ENOTDIR', 'mkdir', path)
    const first = above === '' ? undefined : this.mkdir(above, options)
    this.mkdir(path, { mode })
    return first ?? path
  }

  /** The names in a folder, in the order of their bytes. */
  readdir(path: string): string[] {
    return [...this.#folder(path).entries.keys()].sort()
  }

  readEntries(path: string): DiskEntry[] {
    const folder = this.#folder(path)
    return this.readdir(path).map((name) => new DiskEntry(name, path, folder.entries.get(name)!))
  }

  stat(path: string): DiskStats {
    return new DiskStats(this.#node(path, 'stat', true))
  }

  lstat(path: string): DiskStats {
    return new DiskStats(this.#node(path, 'lstat', false))
  }

  exists(path: string): boolean {
    const found = this.#look(path, true)
    return typeof found !== 'string' && found.node !== undefined
  }

  /** Whether nothing is at a path, and nothing in its way. */
  isMissing(path: string): boolean {
    const found = this.#look(path, false)
    return found === 'ENOENT' || (typeof found !== 'string' && found.node === undefined)
  }

  access(path: string, mode = 0): void {
    const node = this.#node(path, 'access', true)
    const runs = node.kind !== 'file' || (node.mode & 0o111) !== 0
    if ((mode & 1) !== 0 && !runs) throw fileError('EACCES', 'access', path)
  }

  chmod(path: string, mode: number): void {
    const node = this.#node(path, 'chmod', true)
    if (node.kind === 'link') return
    node.mode = mode & 0o7777
    node.version = ++this.#versions
  }

  utimes(path: string, seconds: number): void {
    const node = this.#node(path, 'utime', true)
    if (node.kind === 'link') return
    node.time = seconds * 1000
    node.version = ++this.#versions
  }

  link(from: string, to: string): void {
    const node = this.#node(from, 'link', false, to)
    const place = this.#place(to, 'link', false, from)
    if (place.node !== undefined) throw fileError('EEXIST', 'link', from, to)
    if (to.endsWith('/')) throw fileError('ENOENT', 'link', from, to)
    if (node.kind === 'folder') throw fileError('EPERM', 'link', from, to)
    place.folder.entries.set(place.name, node)
    if (node.kind === 'file') {
      node.links += 1
      node.version = ++this.#versions
    }
  }

  symlink(target: string, path: string): void {
    const place = this.#place(path, 'symlink', false)
    if (place.node !== undefined) throw fileError('EEXIST', 'symlink', target, path)
    const link: LinkNode = {
      kind: 'link',
      id: ++this.#ids,
      target,
      version: ++this.#versions,
      time: this.#now(),
    }
    place.folder.entries.set(place.name, link)
  }

  readlink(path: string): string {
    const node = this.#node(path, 'readlink', false)
    if (node.kind !== 'link') throw fileError('EINVAL', 'readlink', path)
    return node.target
  }

  /** Moves what is at a path to another, atomically, over a file or an empty folder of its own kind. */
  rename(from: string, to: string): void {
    const fail = (code: ErrorCode) => fileError(code, 'rename', from, to)
    const source = this.#look(from, false)
    if (typeof source === 'string') throw fail(source)
    const target = this.#look(to, false)
    if (typeof target === 'string') throw fail(target)
    if (source.node === undefined) throw fail('ENOENT')
    const { node } = source
    const { node: over } = target
    if (node === over) return
    if (node.kind === 'folder') {
      if (isWithin(node, target.folder)) throw fail('EINVAL')
      if (over !== undefined && over.kind !== 'folder') throw fail('ENOTDIR')
      if (over !== undefined && over.entries.size > 0) throw fail('ENOTEMPTY')
    } else {
      if (to.endsWith('/')) throw fail('ENOTDIR')
      if (over?.kind === 'folder')
        throw fail(`${stripped(from)}/`.startsWith(`${stripped(to)}/`) ? 'ENOTEMPTY' : 'EISDIR')
    }
    if (over?.kind === 'file') over.links -= 1
    source.folder.entries.delete(source.name)
    target.folder.entries.set(target.name, node)
    if (node.kind === 'file') node.version = ++this.#versions
    this.#touch(source.folder)
    this.#touch(target.folder)
  }

  unlink(path: string): void {
    const { folder, name, node } = this.#place(path, 'unlink', false)
    if (node === undefined) throw fileError('ENOENT', 'unlink', path)
    if (node.kind === 'folder') throw fileError('EISDIR', 'unlink', path)
    folder.entries.delete(name)
    if (node.kind === 'file') {
      node.links -= 1
      node.version = ++this.#versions
    }
    this.#touch(folder)
  }

  rmdir(path: string): void {
    const { folder, name, node } = this.#place(path, 'rmdir', false)
    if (node === undefined) throw fileError('ENOENT', 'rmdir', path)
    if (node.kind !== 'folder') throw fileError('ENOTDIR', 'rmdir', path)
    if (node.entries.size > 0) throw fileError('ENOTEMPTY', 'rmdir', path)
    folder.entries.delete(name)
    this.#touch(folder)
  }

  rm(path: string, options: { readonly recursive?: boolean; readonly force?: boolean } = {}): void {
    const found = this.#look(path, false)
    if (typeof found === 'string' || found.node === undefined) {
      if (options.force === true && this.isMissing(path)) return
      throw fileError(typeof found === 'string' ? found : 'ENOENT', 'lstat', path)
    }
    if (found.node.kind === 'folder') {
      if (options.recursive !== true) throw directoryError(path)
      found.folder.entries.delete(found.name)
      this.#touch(found.folder)
    } else this.unlink(path)
  }

  /** A path without links in it. */
  realpath(path: string): string {
    const ways = new Map<DiskNode, string>([[this.#root, '']])
    const found = this.#walk(path, true, 0, ways)
    if (typeof found === 'string') throw fileError(found, 'realpath', path)
    if (found.node === undefined) throw fileError('ENOENT', 'realpath', path)
    if (found.node === this.#root) return '/'
    return `${ways.get(found.folder)}/${found.name}`
  }

  #newFolder(mode = 0o755): FolderNode {
    return {
      kind: 'folder',
      id: ++this.#ids,
      entries: new Map(),
      mode,
      version: ++this.#versions,
      time: this.#now(),
    }
  }

  #touch(node: FileNode | FolderNode): void {
    node.version = ++this.#versions
    node.time = this.#now()
  }

  #folder(path: string): FolderNode {
    const node = this.#node(path, 'scandir', true)
    if (node.kind !== 'folder') throw fileError('ENOTDIR', 'scandir', path)
    return node
  }

  #node(path: string, syscall: string, follow: boolean, dest?: string): DiskNode {
    const { node } = this.#place(path, syscall, follow, dest)
    if (node === undefined) throw fileError('ENOENT', syscall, path, dest)
    return node
  }

  #place(path: string, syscall: string, follow: boolean, dest?: string): Place {
    const found = this.#look(path, follow)
    if (typeof found === 'string') throw fileError(found, syscall, path, dest)
    return found
  }

  /** The place of a path, its last part followed or not; a code where the way to it ends. */
  #look(path: string, follow: boolean): Place | ErrorCode {
    const near = this.#straight(path)
    const isLink = near !== undefined && typeof near !== 'string' && near.node?.kind === 'link'
    return near === undefined || (follow && isLink) ? this.#walk(path, follow, 0) : near
  }

  /** {@link #look} for nearly all paths; undefined where there are links, dots or slashes to be thought about. */
  #straight(path: string): Place | ErrorCode | undefined {
    if (path.length < 2 || path.charCodeAt(0) !== SLASH) return undefined
    let folder = this.#root
    for (let from = 1; ; ) {
      const slash = path.indexOf('/', from)
      const name = slash < 0 ? path.slice(from) : path.slice(from, slash)
      if (name === '' || name === '.' || name === '..') return undefined
      const node = folder.entries.get(name)
      if (slash < 0) return { folder, name, node }
      if (node?.kind !== 'folder') {
        // What follows may still be one of those.
        if (node?.kind === 'link' || DOTS.test(path)) return undefined
        return node === undefined ? 'ENOENT' : 'ENOTDIR'
      }
      folder = node
      from = slash + 1
    }
  }

  /** {@link #look}, step by step; `ways` gets the folders' paths without links. */
  #walk(path: string, follow: boolean, links: number, ways?: Map<DiskNode, string>): Place | ErrorCode {
    if (!path.startsWith('/')) return 'ENOENT'
    const names = path.split('/').filter((name) => name !== '' && name !== '.')
    const way: FolderNode[] = [this.#root]
    let last: Place = { folder: this.#root, name: '', node: this.#root }
    for (const [index, name] of names.entries()) {
      const folder = way.at(-1)!
      if (name === '..') {
        if (way.length > 1) way.pop()
        last = { folder: way.at(-2) ?? this.#root, name: last.name, node: way.at(-1)! }
        continue
      }
      const node = folder.entries.get(name)
      const isLast = index === names.length - 1
      if (node?.kind === 'link' && (!isLast || follow || path.endsWith('/'))) {
        if (links >= MOST_LINKS) return 'ELOOP'
        const here = pathOf(way)
        const to = node.target.startsWith('/') ? node.target : `${here}/${node.target}`
        return this.#walk([to, ...names.slice(index + 1)].join('/'), follow, links + 1, ways)
      }
      last = { folder, name, node }
      if (isLast) break
      if (node === undefined) return 'ENOENT'
      if (node.kind !== 'folder') return 'ENOTDIR'
      ways?.set(node, `${ways.get(folder)}/${name}`)
      way.push(node)
    }
    if (path.endsWith('/') && last.node !== undefined && last.node.kind !== 'folder') return 'ENOTDIR'
    return last
  }
}

/** The path of the last of these folders, each inside the one before it. */
function pathOf(way: readonly FolderNode[]): string {
  let path = ''
  for (let n = 1; n < way.length; n += 1) {
    for (const [name, node] of way[n - 1]!.entries) if (node === way[n]) path += `/${name}`
  }
  return path
}

/** Whether one folder is another, or somewhere in it. */
function isWithin(outer: FolderNode, inner: FolderNode): boolean {
  if (outer === inner) return true
  return [...outer.entries.values()].some((node) => node.kind === 'folder' && isWithin(node, inner))
}

function stripped(path: string): string {
  return path.replace(/\/+$/, '')
}

/** node's own, which no system call gives. */
function directoryError(path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`Path is a directory: rm returned EISDIR (is a directory) ${path}`)
  return Object.assign(error, { name: 'SystemError', code: 'ERR_FS_EISDIR', syscall: 'rm', path, errno: 21 })
}
