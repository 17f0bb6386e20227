import * as crypto from 'node:crypto'
import { missingObject } from '../../../src/git-bridge/apply-edits.ts'
import { type CommitContent, decodeCommit, encodeCommit } from '../../../src/git-bridge/commit-object.ts'
import { canonicalMode, decodeTree, keyToName, nameToKey } from '../../../src/git-bridge/raw-tree.ts'
import type { Commit, Oid, TreeMode } from '../../../src/git-bridge/repository.ts'

export interface TreeItem {
  readonly mode: TreeMode
  readonly oid: Oid
}

/** The entries of a tree by name, in git's order. */
export type Tree = ReadonlyMap<string, TreeItem>

/** An object, decoded: in memory there is no reason to do that twice. */
export type StoredObject =
  | { readonly kind: 'blob'; readonly bytes: Uint8Array }
  | { readonly kind: 'tree'; readonly tree: Tree; readonly bytes: Uint8Array }
  | { readonly kind: 'commit'; readonly commit: Commit; readonly bytes: Uint8Array }

/** Where objects are looked up. */
export interface Objects {
  get(oid: Oid): StoredObject | undefined
}

/** Where objects are put as well. */
export interface ObjectSink extends Objects {
  add(oid: Oid, object: StoredObject): void
}

/** The objects of one repository. Objects never change, so that repositories share them. */
export class ObjectStore implements ObjectSink {
  readonly #objects = new Map<Oid, StoredObject>()

  get(oid: Oid): StoredObject | undefined {
    return this.#objects.get(oid) ?? (oid === EMPTY_TREE ? EMPTY : undefined)
  }

  /** Whether the object was put here; git knows the empty tree all the same. */
  has(oid: Oid): boolean {
    return this.#objects.has(oid)
  }

  add(oid: Oid, object: StoredObject): void {
    this.#objects.set(oid, object)
  }

  /** The ids that begin so. */
  *startingWith(prefix: string): Iterable<Oid> {
    for (const oid of this.#objects.keys()) if (oid.startsWith(prefix)) yield oid
  }
}

/** New objects, not yet in the repository that is to have them. */
export class FreshObjects implements ObjectSink {
  readonly #below: Objects
  readonly #fresh = new Map<Oid, StoredObject>()

  constructor(below: Objects) {
    this.#below = below
  }

  get(oid: Oid): StoredObject | undefined {
    return this.#fresh.get(oid) ?? this.#below.get(oid)
  }

  add(oid: Oid, object: StoredObject): void {
    if (this.#below.get(oid) === undefined) this.#fresh.set(oid, object)
  }

  get size(): number {
    return this.#fresh.size
  }

  /** Puts the first so many of them into a store; all of them by default. */
  flush(store: ObjectSink, count = this.#fresh.size): void {
    for (const [oid, object] of this.#fresh) {
      if (count-- <= 0) return
      store.add(oid, object)
    }
  }
}

/** The id of an object: `createHash` takes three times as long. */
function hashOf(type: string, content: Uint8Array): Oid {
  const header = `${type} ${content.length}\0`
  const bytes = Buffer.allocUnsafe(header.length + content.length)
  bytes.write(header, 'latin1')
  bytes.set(content, header.length)
  return crypto.hash('sha1', bytes) as Oid
}

export function hashBlob(bytes: Uint8Array): Oid {
  return hashOf('blob', bytes)
}

export function addBlob(objects: ObjectSink, bytes: Uint8Array): Oid {
  const oid = hashBlob(bytes)
  if (objects.get(oid) === undefined) objects.add(oid, { kind: 'blob', bytes })
  return oid
}

/** Sorts names as git does, by their bytes; returns the same list. */
export function sortNames(names: string[]): string[] {
  // UTF-16 and UTF-8 disagree on the order of what is beyond this.
  if (names.some((name) => /[\ud800-\uffff]/.test(name))) {
    return names.sort((a, b) => (nameToKey(a) < nameToKey(b) ? -1 : 1))
  }
  return names.sort()
}

/** A map whose keys are in git's order. */
export function sortedByName<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  return new Map(sortNames([...map.keys()]).map((name) => [name, map.get(name)!]))
}

/** Writes a tree of these entries, in whatever order they are. */
export function addTree(objects: ObjectSink, entries: Iterable<readonly [string, TreeItem]>): Oid {
  const byOrder = new Map<string, { readonly name: string; readonly item: TreeItem }>()
  for (const [name, item] of entries) byOrder.set(item.mode === '40000' ? `${name}/` : name, { name, item })
  const sorted = sortNames([...byOrder.keys()]).map((order) => byOrder.get(order)!)
  let size = 0
  for (const { name, item } of sorted) size += item.mode.length + Buffer.byteLength(name) + 22
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const { name, item } of sorted) {
    at += bytes.write(`${item.mode} ${name}\0`, at, 'utf8')
    at += bytes.write(item.oid, at, 'hex')
  }
  const oid = hashOf('tree', bytes)
  if (objects.get(oid) === undefined) {
    objects.add(oid, { kind: 'tree', tree: new Map(sorted.map(({ name, item }) => [name, item])), bytes })
  }
  return oid
}

export function addCommit(objects: ObjectSink, content: CommitContent): Oid {
  const bytes = encodeCommit(content)
  const oid = hashOf('commit', bytes)
  if (objects.get(oid) === undefined) objects.add(oid, { kind: 'commit', commit: decodeCommit(oid, bytes), bytes })
  return oid
}

/** An object of bytes that git wrote, so that histories can be brought over from real repositories. */
export function parseObject(oid: Oid, type: 'blob' | 'tree' | 'commit', bytes: Uint8Array): StoredObject {
  switch (type) {
    case 'blob':
      return { kind: 'blob', bytes }
    case 'commit':
      return { kind: 'commit', commit: decodeCommit(oid, bytes), bytes }
    case 'tree': {
      const entries = decodeTree('sha1', bytes)
      const tree = new Map(
        entries.map(({ key, mode, oid }) => [keyToName(key), { mode: canonicalMode(mode), oid }] as const),
      )
      return { kind: 'tree', tree, bytes }
    }
  }
}

/** Throws `object_missing` where there is no such commit. */
export function readCommit(objects: Objects, oid: Oid): Commit {
  const object = objects.get(oid)
  if (object?.kind !== 'commit') throw missingObject(oid, 'commit')
  return object.commit
}

export function readTree(objects: Objects, oid: Oid): Tree {
  const object = objects.get(oid)
  if (object?.kind !== 'tree') throw missingObject(oid, 'tree')
  return object.tree
}

export function readBlob(objects: Objects, oid: Oid): Uint8Array {
  const object = objects.get(oid)
  if (object?.kind !== 'blob') throw missingObject(oid, 'blob')
  return object.bytes
}

/** The tree of a commit, or the tree itself. */
export function treeOf(objects: Objects, treeish: Oid): Oid {
  const object = objects.get(treeish)
  if (object?.kind === 'tree') return treeish
  if (object?.kind === 'commit') return object.commit.tree
  throw missingObject(treeish, 'tree or commit')
}

export const EMPTY_TREE = hashOf('tree', new Uint8Array())
const EMPTY: StoredObject = { kind: 'tree', tree: new Map(), bytes: new Uint8Array() }
