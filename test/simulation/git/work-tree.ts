import type { FileMode } from '../../../src/git-bridge/repository.ts'
import type { DiskNode, FolderNode } from '../fs/nodes.ts'
import type { Effect, Work } from './effects.ts'
import { Ignores } from './ignore.ts'
import type { Index, IndexEntry, Seen } from './index-file.ts'
import { addBlob, hashBlob, type ObjectSink, readBlob } from './objects.ts'
import type { Repo } from './repo.ts'
import type { FileItem } from './trees.ts'

export function nodeAt(repo: Repo, path: string): DiskNode | undefined {
  return repo.disk.find(`${repo.workTree}/${path}`)
}

/** How a file of the work tree is now; undefined where there is none. */
export function seenAt(repo: Repo, path: string): Seen | undefined {
  const node = nodeAt(repo, path)
  return node === undefined || node.kind === 'folder' ? undefined : { id: node.id, version: node.version }
}

/** Whether git knows without reading it that a file has the content of its entry. */
export function isUnchanged(repo: Repo, path: string, { seen }: IndexEntry): boolean {
  const node = nodeAt(repo, path)
  return node !== undefined && seen !== undefined && node.id === seen.id && node.version === seen.version
}

/** A file of the work tree as git would store it; with `sink`, it is stored there. */
export function fileItem(repo: Repo, path: string, sink?: ObjectSink): FileItem | undefined {
  const node = nodeAt(repo, path)
  if (node === undefined || node.kind === 'folder') return undefined
  const bytes = node.kind === 'file' ? node.bytes : Buffer.from(node.target)
  const mode: FileMode = node.kind === 'link' ? '120000' : (node.mode & 0o100) !== 0 ? '100755' : '100644'
  return { mode, oid: sink === undefined ? hashBlob(bytes) : addBlob(sink, bytes) }
}

/** The index with what the files are now where their content is the entry's, as `git update-index --refresh` does. */
export function refreshed(repo: Repo, index: Index): Index {
  let next: Index | undefined
  for (const [path, entry] of index.entries) {
    if (isUnchanged(repo, path, entry)) continue
    const now = fileItem(repo, path)
    if (now?.oid !== entry.oid || now.mode !== entry.mode) continue
    next ??= index.copy()
    next.entries.set(path, { ...entry, seen: seenAt(repo, path) })
  }
  return next ?? index
}

/** Writes the index if a refresh brings something. */
export function* refresh(repo: Repo): Work<void> {
  const { index } = repo
  const next = refreshed(repo, index)
  if (next !== index) yield { name: 'index', act: () => repo.writeIndex(next) }
}

/** Whether the content of a file differs from its entry, or the file is gone. */
export function isModified(repo: Repo, path: string, entry: IndexEntry): boolean {
  if (isUnchanged(repo, path, entry)) return false
  const now = fileItem(repo, path)
  return now?.oid !== entry.oid || now.mode !== entry.mode
}

/** All files below a folder of the work tree that git does not ignore, but for the repository itself. */
export function filesBelow(repo: Repo, folder: string): string[] {
  const node = folder === '' ? repo.disk.find(repo.workTree!) : nodeAt(repo, folder)
  const found: string[] = []
  if (node?.kind === 'folder') collect(new Ignores(repo), folder === '' ? '' : `${folder}/`, node, found)
  return found
}

function collect(ignores: Ignores, prefix: string, folder: FolderNode, found: string[]): void {
  for (const [name, node] of folder.entries) {
    const path = prefix + name
    if (name === '.git' || ignores.says(path, node.kind === 'folder')) continue
    if (node.kind === 'folder') collect(ignores, `${path}/`, node, found)
    else found.push(path)
  }
}

/** Removes a file, and the folders that it leaves empty. */
export function removeFile(repo: Repo, path: string): void {
  const node = nodeAt(repo, path)
  if (node === undefined || node.kind === 'folder') return
  repo.disk.unlink(`${repo.workTree}/${path}`)
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const folder = nodeAt(repo, path.slice(0, at))
    if (folder?.kind !== 'folder' || folder.entries.size > 0) return
    repo.disk.rmdir(`${repo.workTree}/${path.slice(0, at)}`)
  }
}

/** Writes a file as a checkout does, over whatever stands there. */
export function putFile(repo: Repo, path: string, { mode }: Pick<FileItem, 'mode'>, bytes: Uint8Array): void {
  const full = `${repo.workTree}/${path}`
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const above = nodeAt(repo, path.slice(0, at))
    if (above !== undefined && above.kind !== 'folder') repo.disk.unlink(`${repo.workTree}/${path.slice(0, at)}`)
  }
  repo.disk.mkdir(full.slice(0, full.lastIndexOf('/')), { recursive: true })
  repo.disk.rm(full, { recursive: true, force: true })
  if (mode === '120000') repo.disk.symlink(Buffer.from(bytes).toString('utf8'), full)
  else repo.disk.putFile(full, bytes, { mode: mode === '100755' ? 0o777 : 0o666 })
}

/** What is to become of index and work tree together. */
export interface Change {
  /** The index; entries of `write` get what was seen of their files. */
  readonly index: Index
  readonly remove: readonly string[]
  readonly write: ReadonlyMap<string, FileItem>
}

/** Removals first, then file by file, the index last: as git does, whatever stops it. */
export function* applyChange(repo: Repo, { index, remove, write }: Change): Work<void> {
  for (const path of remove) yield { name: `remove ${path}`, act: () => removeFile(repo, path) }
  for (const [path, item] of write) yield checkOutFile(repo, path, item)
  yield {
    name: 'index',
    act: () => {
      for (const path of write.keys()) {
        const entry = index.entries.get(path)
        if (entry !== undefined) index.entries.set(path, { ...entry, seen: seenAt(repo, path) })
      }
      repo.writeIndex(index)
    },
  }
}

function checkOutFile(repo: Repo, path: string, item: FileItem): Effect {
  const bytes = readBlob(repo.objects, item.oid)
  return {
    name: `check out ${path}`,
    act: () => putFile(repo, path, item, bytes),
    torn: () => putFile(repo, path, item, bytes.subarray(0, bytes.length >> 1)),
  }
}
