import { assert } from '../world/errors.ts'
import { type ObjectFormat, objectId, rawIdLength } from './object-id.ts'
import { canonicalMode, decodeTree, nameToKey, TREE_MODE, type TreeReader } from './raw-tree.ts'
import type { FileMode, Oid, TreeMode } from './repository.ts'
import { treePathSegments } from './tree-path.ts'

/** Sees a tree object that the editor computed; the bytes are the editor's own and change with the next edit. */
export type TreeSink = (oid: Oid, content: Uint8Array) => void

interface Entry {
  readonly key: string
  /** As the tree says it; modes that git no longer writes are kept. */
  mode: number
  oid: Oid
  /** The folder once it has been looked into. */
  folder: Folder | undefined
  /** The folder being read. */
  loading?: Promise<Folder>
  /** Where the raw id stands in the folder's bytes. */
  at: number
}

interface Folder {
  readonly byKey: Map<string, Entry>
  /** In git's order. */
  readonly sorted: Entry[]
  /** Undefined when something in it changed since it was computed or read. */
  oid: Oid | undefined
  /** The tree object as last computed; undefined when entries came or went since. */
  bytes: Buffer | undefined
  /** Entries whose id is newer than `bytes`, or whose folder holds such entries. */
  readonly stale: Set<Entry>
}

/**
 * A tree being edited, lazily: only folders on the way of an edit are read, and only those are computed again.
 *
 * It computes the ids that git would (G2: a commit names its own tree before git has written it), and does to a tree
 * what fast-import does with the same edits: a file in the way of a folder, or a folder in the way of a file, is
 * replaced; deleting what is not there does nothing; folders that an edit emptied vanish. An id that changes in a folder
 * is patched into its bytes in place, so an edit costs one hash per folder on its way and no encoding.
 *
 * One edit at a time: callers await each. {@link warm} may run beside them.
 */
export class TreeEditor {
  readonly #format: ObjectFormat
  readonly #read: TreeReader
  readonly #base: Oid | undefined
  readonly #onTree: TreeSink | undefined
  #root: Folder | undefined
  #loadingRoot: Promise<Folder> | undefined

  /** `onTree` sees every tree object that comes to be, folders before what holds them. */
  constructor(format: ObjectFormat, read: TreeReader, base: Oid | undefined, onTree?: TreeSink) {
    this.#format = format
    this.#read = read
    this.#base = base
    this.#onTree = onTree
    if (base === undefined) this.#root = emptyFolder()
  }

  /**
   * Reads the folders above these paths, many at once, so that edits need not wait for them one by one. Changes nothing;
   * what cannot be read is left for the edit to fail on.
   */
  async warm(paths: Iterable<string>): Promise<void> {
    const folders = new Set<string>()
    for (const path of paths) folders.add(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    await Promise.allSettled([...folders].map((folder) => this.#warmFolder(folder)))
  }

  async #warmFolder(path: string): Promise<void> {
    let folder = await this.#openRoot()
    for (const name of path.split('/')) {
      const entry = folder.byKey.get(nameToKey(name))
      if (entry?.mode !== TREE_MODE) return
      folder = await this.#open(entry)
    }
  }

  /** What is at `path` now, a file or a folder. */
  async get(path: string): Promise<{ readonly mode: TreeMode; readonly oid: Oid } | undefined> {
    const keys = treePathSegments(path).map(nameToKey)
    let folder = await this.#openRoot()
    for (const key of keys.slice(0, -1)) {
      const entry = folder.byKey.get(key)
      if (entry?.mode !== TREE_MODE) return undefined
      folder = await this.#open(entry)
    }
    const entry = folder.byKey.get(keys.at(-1) as string)
    return entry && { mode: canonicalMode(entry.mode), oid: entry.folder ? this.#compute(entry.folder) : entry.oid }
  }

  /** Puts an object at `path`. */
  async set(path: string, mode: FileMode, oid: Oid): Promise<void> {
    assert(oid.length === 2 * rawIdLength(this.#format), `an object id of this repository: ${oid}`)
    const keys = treePathSegments(path).map(nameToKey)
    const last = keys.pop() as string
    let folder = await this.#openRoot()
    const way: Array<readonly [Folder, Entry]> = []
    for (const key of keys) {
      let entry = folder.byKey.get(key)
      if (entry?.mode !== TREE_MODE) {
        if (entry) remove(folder, entry)
        entry = { key, mode: TREE_MODE, oid, folder: emptyFolder(), at: 0 }
        insert(folder, entry)
      }
      way.push([folder, entry])
      folder = await this.#open(entry)
    }
    const number = Number.parseInt(mode, 8)
    const entry = folder.byKey.get(last)
    if (entry?.mode === number) {
      if (entry.oid === oid) return
      entry.oid = oid
      way.push([folder, entry])
    } else {
      if (entry) remove(folder, entry)
      insert(folder, { key: last, mode: number, oid, folder: undefined, at: 0 })
    }
    markStale(way)
  }

  /** Removes the file or folder at `path`, and the folders that it leaves empty; false when nothing was there. */
  async delete(path: string): Promise<boolean> {
    const keys = treePathSegments(path).map(nameToKey)
    const last = keys.pop() as string
    let folder = await this.#openRoot()
    const way: Array<readonly [Folder, Entry]> = []
    for (const key of keys) {
      const entry = folder.byKey.get(key)
      if (entry?.mode !== TREE_MODE) return false
      way.push([folder, entry])
      folder = await this.#open(entry)
    }
    const entry = folder.byKey.get(last)
    if (!entry) return false
    remove(folder, entry)
    while (folder.sorted.length === 0) {
      const parent = way.pop()
      if (!parent) break
      folder = parent[0]
      remove(folder, parent[1])
    }
    markStale(way)
    return true
  }

  /** The id of the whole tree as it is now. */
  id(): Oid {
    if (!this.#root) return this.#base as Oid
    return this.#compute(this.#root)
  }

  #compute(folder: Folder): Oid {
    if (folder.oid !== undefined) return folder.oid
    for (const entry of folder.stale) if (entry.folder) entry.oid = this.#compute(entry.folder)
    if (folder.bytes) for (const entry of folder.stale) folder.bytes.write(entry.oid, entry.at, 'hex')
    else folder.bytes = layOut(folder.sorted, rawIdLength(this.#format))
    folder.stale.clear()
    folder.oid = objectId(this.#format, 'tree', folder.bytes)
    this.#onTree?.(folder.oid, folder.bytes)
    return folder.oid
  }

  async #openRoot(): Promise<Folder> {
    if (this.#root) return this.#root
    this.#loadingRoot ??= this.#load(this.#base as Oid)
    const root = await this.#loadingRoot
    this.#root ??= root
    return this.#root
  }

  /** Reads a folder once, however many ask at a time: a second copy would lose edits of the first. */
  async #open(entry: Entry): Promise<Folder> {
    if (entry.folder) return entry.folder
    entry.loading ??= this.#load(entry.oid)
    const folder = await entry.loading
    entry.folder ??= folder
    return entry.folder
  }

  async #load(tree: Oid): Promise<Folder> {
    const bytes = Buffer.from(await this.#read(tree))
    const sorted = decodeTree(this.#format, bytes).map((entry) => ({ ...entry, folder: undefined }))
    const byKey = new Map(sorted.map((entry) => [entry.key, entry]))
    // A tree of old tools (zero-padded modes) is spelled anew as soon as it changes, as git does.
    const canonical = sizeOf(sorted, rawIdLength(this.#format)) === bytes.length
    return { byKey, sorted, oid: tree, bytes: canonical ? bytes : undefined, stale: new Set() }
  }
}

function emptyFolder(): Folder {
  return { byKey: new Map(), sorted: [], oid: undefined, bytes: undefined, stale: new Set() }
}

function markStale(way: ReadonlyArray<readonly [Folder, Entry]>): void {
  for (const [folder, entry] of way) {
    folder.oid = undefined
    folder.stale.add(entry)
  }
}

function insert(folder: Folder, entry: Entry): void {
  folder.byKey.set(entry.key, entry)
  folder.sorted.splice(position(folder.sorted, entry), 0, entry)
  folder.bytes = undefined
  folder.oid = undefined
}

function remove(folder: Folder, entry: Entry): void {
  folder.byKey.delete(entry.key)
  folder.sorted.splice(folder.sorted.indexOf(entry), 1)
  folder.stale.delete(entry)
  folder.bytes = undefined
  folder.oid = undefined
}

/** Where the entry belongs: git compares a folder as if its name ended in a slash. */
function position(sorted: readonly Entry[], entry: Entry): number {
  const order = sortKey(entry)
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sortKey(sorted[middle] as Entry) < order) low = middle + 1
    else high = middle
  }
  return low
}

function sortKey(entry: Entry): string {
  return entry.mode === TREE_MODE ? `${entry.key}/` : entry.key
}

function layOut(sorted: readonly Entry[], idLength: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeOf(sorted, idLength))
  let at = 0
  for (const entry of sorted) {
    at += bytes.write(`${entry.mode.toString(8)} ${entry.key}\0`, at, 'latin1')
    bytes.write(entry.oid, at, 'hex')
    entry.at = at
    at += idLength
  }
  return bytes
}

function sizeOf(sorted: readonly Entry[], idLength: number): number {
  let size = 0
  for (const entry of sorted) size += entry.mode.toString(8).length + entry.key.length + 2 + idLength
  return size
}
