import { missingObject } from '../../../src/git-bridge/apply-edits.ts'
import type { FileEntry, FileMode, Oid, TreeChange, TreeEdit } from '../../../src/git-bridge/repository.ts'
import { treePathSegments } from '../../../src/git-bridge/tree-path.ts'
import {
  addBlob,
  addTree,
  EMPTY_TREE,
  type ObjectSink,
  type Objects,
  readTree,
  sortNames,
  type Tree,
  type TreeItem,
} from './objects.ts'

/** A file of a tree or of the index. */
export interface FileItem {
  readonly mode: FileMode
  readonly oid: Oid
}

/** What is at a path below a tree; the tree itself for the empty path. */
export function lookup(objects: Objects, tree: Oid, path: string): TreeItem | undefined {
  let at: TreeItem = { mode: '40000', oid: tree }
  if (path === '') return at
  for (const name of path.split('/')) {
    if (at.mode !== '40000') return undefined
    const next = readTree(objects, at.oid).get(name)
    if (next === undefined) return undefined
    at = next
  }
  return at
}

/** All files below a tree, in git's order; `prefix` begins their paths. */
export function listFiles(objects: Objects, tree: Oid, prefix = '', found: FileEntry[] = []): FileEntry[] {
  for (const [name, { mode, oid }] of readTree(objects, tree)) {
    if (mode === '40000') listFiles(objects, oid, `${prefix}${name}/`, found)
    else found.push({ path: prefix + name, mode, oid })
  }
  return found
}

const NOTHING: Tree = new Map()

/** The files that differ between two trees, in git's order; folders with one id are not looked into. */
export function diffTrees(objects: Objects, before: Oid | undefined, after: Oid | undefined): TreeChange[] {
  const found: TreeChange[] = []
  const visit = (old: Oid | undefined, now: Oid | undefined, at: string): void => {
    if (old === now) return
    const was = old === undefined ? NOTHING : readTree(objects, old)
    const is = now === undefined ? NOTHING : readTree(objects, now)
    for (const [name, a] of was) compare(at + name, a, is.get(name))
    for (const [name, b] of is) if (!was.has(name)) compare(at + name, undefined, b)
  }
  const compare = (path: string, a: TreeItem | undefined, b: TreeItem | undefined): void => {
    if (a?.oid === b?.oid && a?.mode === b?.mode) return
    const [before, after] = [fileOf(a), fileOf(b)]
    if (before !== undefined || after !== undefined) found.push({ path, before, after })
    visit(folderOf(a), folderOf(b), `${path}/`)
  }
  visit(before, after, '')
  const byPath = new Map(found.map((change) => [change.path, change]))
  return sortNames([...byPath.keys()]).map((path) => byPath.get(path)!)
}

function fileOf(item: TreeItem | undefined): FileItem | undefined {
  return item === undefined || item.mode === '40000' ? undefined : { mode: item.mode, oid: item.oid }
}

function folderOf(item: TreeItem | undefined): Oid | undefined {
  return item?.mode === '40000' ? item.oid : undefined
}

/** A folder that is being changed; `oid` is known as long as nothing in it changed. */
interface Folder {
  oid: Oid | undefined
  readonly entries: Map<string, TreeItem | Folder>
}

/** A tree that is being changed, read and written where it changes only. What an edit means: see `TreeEdit`. */
export class TreeDraft {
  readonly #objects: ObjectSink
  readonly #root: Folder

  constructor(objects: ObjectSink, base: Oid | undefined) {
    this.#objects = objects
    this.#root = this.#open(base)
  }

  /** Applies edits in order. Throws `object_missing` when one puts a blob that is not here. */
  apply(edits: readonly TreeEdit[]): void {
    for (const edit of edits) {
      // Holds that it is a path that git may hold (S1).
      treePathSegments(edit.path)
      if (edit.kind === 'delete') this.delete(edit.path)
      else if (edit.kind === 'write') {
        this.set(edit.path, '100644', addBlob(this.#objects, edit.bytes))
      } else {
        // What a submodule names is in another repository.
        const here = edit.mode === '160000' || this.#objects.get(edit.oid)?.kind === 'blob'
        if (!here) throw missingObject(edit.oid, 'blob')
        this.set(edit.path, edit.mode, edit.oid)
      }
    }
  }

  set(path: string, mode: FileMode, oid: Oid): void {
    const names = path.split('/')
    const last = names.pop()!
    let folder = this.#root
    folder.oid = undefined
    for (const name of names) {
      folder = this.#folderIn(folder, name) ?? this.#fresh(folder, name)
      folder.oid = undefined
    }
    folder.entries.set(last, { mode, oid })
  }

  delete(path: string): void {
    const names = path.split('/')
    const last = names.pop()!
    const way = [this.#root]
    for (const name of names) {
      const folder = this.#folderIn(way.at(-1)!, name)
      if (folder === undefined) return
      way.push(folder)
    }
    if (!way.at(-1)!.entries.delete(last)) return
    for (const folder of way) folder.oid = undefined
    for (let n = names.length; n > 0 && way[n]!.entries.size === 0; n -= 1) way[n - 1]!.entries.delete(names[n - 1]!)
  }

  /** Writes what changed; the id of the whole tree. */
  write(): Oid {
    return this.#write(this.#root)
  }

  #write(folder: Folder): Oid {
    folder.oid ??= addTree(
      this.#objects,
      [...folder.entries].map(([name, entry]): readonly [string, TreeItem] => [
        name,
        'entries' in entry ? { mode: '40000', oid: this.#write(entry) } : entry,
      ]),
    )
    return folder.oid
  }

  #open(oid: Oid | undefined): Folder {
    return { oid, entries: new Map(readTree(this.#objects, oid ?? EMPTY_TREE)) }
  }

  #folderIn(folder: Folder, name: string): Folder | undefined {
    const entry = folder.entries.get(name)
    if (entry === undefined || 'entries' in entry) return entry
    if (entry.mode !== '40000') return undefined
    const opened = this.#open(entry.oid)
    folder.entries.set(name, opened)
    return opened
  }

  #fresh(folder: Folder, name: string): Folder {
    const fresh: Folder = { oid: undefined, entries: new Map() }
    folder.entries.set(name, fresh)
    return fresh
  }
}

/** Writes the tree of these files; what is in an index was looked at before. */
export function treeOfFiles(objects: ObjectSink, files: ReadonlyMap<string, FileItem>): Oid {
  const before = last !== undefined && objects.get(last.tree) !== undefined ? last : NO_FILES
  if (before.files === files) return before.tree
  const draft = new TreeDraft(objects, before.tree)
  for (const path of before.files.keys()) if (!files.has(path)) draft.delete(path)
  for (const [path, { mode, oid }] of files) {
    const known = before.files.get(path)
    if (known?.oid !== oid || known.mode !== mode) draft.set(path, mode, oid)
  }
  last = { files, tree: draft.write() }
  return last.tree
}

interface Written {
  readonly files: ReadonlyMap<string, FileItem>
  readonly tree: Oid
}

const NO_FILES: Written = { files: new Map(), tree: EMPTY_TREE }
/** What was written last is mostly like what comes next. Indexes do not change once they were looked at. */
let last: Written | undefined
