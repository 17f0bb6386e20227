import { assert } from '../world/errors.ts'
import type { ObjectFormat } from './object-id.ts'
import {
  canonicalMode,
  decodeTree,
  keyToName,
  nameToKey,
  type RawTreeEntry,
  TREE_MODE,
  type TreeReader,
} from './raw-tree.ts'
import type { FileEntry, FileMode, Oid, TreeChange, TreeMode } from './repository.ts'

type Entries = ReadonlyMap<string, RawTreeEntry>

/** Entries of trees kept at once; a tree of a split world's folder has some hundreds. */
const CACHED_ENTRIES = 50_000
/** What reading one folder costs, in entries. */
const FOLDER = 20

/**
 * Walks over tree objects, reading only the folders it must. Trees never change, so those read last are kept: looking
 * up ten thousand paths of one commit reads each folder once.
 */
export class TreeWalk {
  readonly #format: ObjectFormat
  readonly #read: TreeReader
  readonly #cache = new Map<Oid, Entries>()
  readonly #pending = new Map<Oid, Promise<Entries>>()
  #cached = 0

  constructor(format: ObjectFormat, read: TreeReader) {
    this.#format = format
    this.#read = read
  }

  /** What is at `path` below a tree; the tree itself for the empty path. */
  async lookup(tree: Oid, path: string): Promise<{ readonly mode: TreeMode; readonly oid: Oid } | undefined> {
    let at: { readonly mode: TreeMode; readonly oid: Oid } = { mode: '40000', oid: tree }
    if (path === '') return at
    for (const name of path.split('/')) {
      if (at.mode !== '40000') return undefined
      const entry = (await this.#entries(at.oid)).get(nameToKey(name))
      if (!entry) return undefined
      at = { mode: canonicalMode(entry.mode), oid: entry.oid }
    }
    return at
  }

  /** All files below a tree, sorted by the bytes of their paths as git does; `prefix` begins their paths. */
  async files(tree: Oid, prefix = ''): Promise<readonly FileEntry[]> {
    const found: FileEntry[] = []
    const visit = async (folder: Oid, at: string): Promise<void> => {
      for (const entry of (await this.#entries(folder)).values()) {
        const path = at + keyToName(entry.key)
        if (entry.mode === TREE_MODE) await visit(entry.oid, `${path}/`)
        else found.push({ path, ...file(entry) })
      }
    }
    await visit(tree, prefix)
    return found
  }

  /** The files that differ between two trees, sorted as {@link files}; folders with one id are not looked into. */
  async changes(before: Oid | undefined, after: Oid | undefined): Promise<readonly TreeChange[]> {
    const found = await this.fewChanges(before, after, Number.POSITIVE_INFINITY)
    assert(found !== undefined, 'any number of entries may be compared')
    return found
  }

  /** As {@link changes}, where no more than so many entries must be looked at; undefined where there are more. */
  async fewChanges(
    before: Oid | undefined,
    after: Oid | undefined,
    most: number,
  ): Promise<readonly TreeChange[] | undefined> {
    const found: TreeChange[] = []
    let looked = 0
    const visit = async (old: Oid | undefined, now: Oid | undefined, at: string): Promise<void> => {
      if (old === now || looked > most) return
      const [was, is] = [await this.#entriesOrNone(old), await this.#entriesOrNone(now)]
      // Reading a folder costs as much as some entries, however few it has.
      looked += was.size + is.size + FOLDER
      if (looked > most) return
      for (const key of new Set([...was.keys(), ...is.keys()])) {
        const [a, b] = [was.get(key), is.get(key)]
        if (a?.oid === b?.oid && a?.mode === b?.mode) continue
        const path = at + keyToName(key)
        const [before, after] = [fileOrNone(a), fileOrNone(b)]
        if (before?.oid !== after?.oid || before?.mode !== after?.mode) found.push({ path, before, after })
        await visit(folderOrNone(a), folderOrNone(b), `${path}/`)
      }
    }
    await visit(before, after, '')
    return looked > most ? undefined : sortByPath(found)
  }

  async #entriesOrNone(tree: Oid | undefined): Promise<Entries> {
    return tree === undefined ? new Map() : await this.#entries(tree)
  }

  async #entries(tree: Oid): Promise<Entries> {
    const known = this.#cache.get(tree)
    if (known) {
      this.#cache.delete(tree)
      this.#cache.set(tree, known)
      return known
    }
    // Thousands of lookups at once share one reading of the folder that they have in common.
    const pending = this.#pending.get(tree)
    if (pending) return pending
    const reading = this.#decode(tree).finally(() => this.#pending.delete(tree))
    this.#pending.set(tree, reading)
    return reading
  }

  async #decode(tree: Oid): Promise<Entries> {
    const decoded = decodeTree(this.#format, await this.#read(tree))
    const entries: Entries = new Map(decoded.map((entry) => [entry.key, entry]))
    this.#cache.set(tree, entries)
    this.#cached += entries.size
    for (const [oldest, { size }] of this.#cache) {
      if (this.#cached <= CACHED_ENTRIES || oldest === tree) break
      this.#cache.delete(oldest)
      this.#cached -= size
    }
    return entries
  }
}

function file(entry: RawTreeEntry): { readonly mode: FileMode; readonly oid: Oid } {
  return { mode: canonicalMode(entry.mode) as FileMode, oid: entry.oid }
}

function fileOrNone(entry: RawTreeEntry | undefined): ReturnType<typeof file> | undefined {
  return entry && entry.mode !== TREE_MODE ? file(entry) : undefined
}

function folderOrNone(entry: RawTreeEntry | undefined): Oid | undefined {
  return entry?.mode === TREE_MODE ? entry.oid : undefined
}

function sortByPath(changes: readonly TreeChange[]): readonly TreeChange[] {
  const keyed = changes.map((change) => ({ change, key: nameToKey(change.path) }))
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ change }) => change)
}
