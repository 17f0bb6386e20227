import { assert, SyncError } from '../../world/errors.ts'
import { applyEdits, missingObject } from '../apply-edits.ts'
import { decodeCommit } from '../commit-object.ts'
import { objectId } from '../object-id.ts'
import { treeEntries } from '../raw-tree.ts'
import type {
  Commit,
  FileEntry,
  ImportOutcome,
  NewCommit,
  Oid,
  Repository,
  TreeChange,
  TreeEdit,
  TreeEntry,
} from '../repository.ts'
import { TreeEditor } from '../tree-editor.ts'
import { normalizePrefix } from '../tree-path.ts'
import { TreeWalk } from '../tree-walk.ts'
import { ancestors, log, mergeBase } from './history.ts'
import { type GitHome, ObjectStore } from './object-store.ts'
import { RefStore } from './ref-store.ts'
import { resolveRevision } from './revision.ts'

/** An empty repository in memory, `HEAD` on an unborn `main`. The libraries behind it are loaded by the first call. */
export async function createMemoryRepository(): Promise<MemoryRepository> {
  const [git, { createFsFromVolume, Volume }] = await Promise.all([import('isomorphic-git'), import('memfs')])
  const home: GitHome = { git, fs: createFsFromVolume(new Volume()), gitdir: '/git' }
  await git.init({ fs: home.fs, dir: '/', gitdir: home.gitdir, bare: true, defaultBranch: 'main' })
  return new MemoryRepository(home)
}

/** The in-memory twin of the native repository: the same answers and the same ids, by isomorphic-git on memfs. */
export class MemoryRepository implements Repository {
  readonly objectFormat = 'sha1'
  readonly #home: GitHome
  readonly #objects: ObjectStore
  readonly #refs: RefStore
  readonly #trees: TreeWalk

  constructor(home: GitHome) {
    this.#home = home
    this.#objects = new ObjectStore(home)
    this.#refs = new RefStore(home)
    this.#trees = new TreeWalk(this.objectFormat, this.#readTreeBytes)
  }

  readRef(ref: string): Promise<Oid | undefined> {
    return this.#refs.read(ref)
  }

  async updateRef(ref: string, next: Oid | undefined, expected: Oid | undefined, reason: string): Promise<boolean> {
    assert(reason.trim() !== '', 'a reason for moving a ref')
    if (next !== undefined && !(await this.hasObject(next))) {
      if ((await this.readRef(ref)) !== expected) return false
      throw new SyncError('ref_refused', `git cannot move ${ref}: there is no object ${next}.`, { data: { ref, next } })
    }
    return this.#refs.update(ref, next, expected)
  }

  listRefs(prefix: string): Promise<ReadonlyMap<string, Oid>> {
    return this.#refs.list(prefix)
  }

  resolve(revision: string): Promise<Oid | undefined> {
    return resolveRevision(this.#home, this.#objects, revision)
  }

  readCommit(oid: Oid): Promise<Commit> {
    return this.#objects.commit(oid)
  }

  async hasObject(oid: Oid): Promise<boolean> {
    return (await this.#objects.read(oid)) !== undefined
  }

  log(options: Parameters<Repository['log']>[0]): AsyncIterable<Commit> {
    return log(this.#readCommit, this.#trees, options)
  }

  mergeBase(a: Oid, b: Oid): Promise<Oid | undefined> {
    return mergeBase(this.#readCommit, a, b)
  }

  async isAncestor(ancestor: Oid, descendant: Oid): Promise<boolean> {
    await this.readCommit(ancestor)
    return (await ancestors(this.#readCommit, [descendant])).has(ancestor)
  }

  async readTree(tree: Oid): Promise<readonly TreeEntry[]> {
    return treeEntries(this.objectFormat, await this.#readTreeBytes(tree))
  }

  async listFiles(treeish: Oid, prefix?: string): Promise<readonly FileEntry[]> {
    const below = normalizePrefix(prefix)
    const found = await this.lookup(treeish, below ?? '')
    if (!found) return []
    if (found.mode !== '40000') return [{ path: below ?? '', mode: found.mode, oid: found.oid }]
    return this.#trees.files(found.oid, below === undefined ? '' : `${below}/`)
  }

  async lookup(treeish: Oid, path: string): ReturnType<Repository['lookup']> {
    return this.#trees.lookup(await this.#treeOf(treeish), path)
  }

  async diffTrees(before: Oid | undefined, after: Oid, prefix?: string): Promise<readonly TreeChange[]> {
    const old = before === undefined ? undefined : await this.#treeOf(before)
    const below = normalizePrefix(prefix)
    const changes = await this.#trees.changes(old, await this.#treeOf(after))
    return below === undefined ? changes : changes.filter(({ path }) => path === below || path.startsWith(`${below}/`))
  }

  async readBlobs(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, Uint8Array>> {
    const found = new Map<Oid, Uint8Array>()
    for (const oid of new Set(oids)) found.set(oid, await this.#objects.content(oid, 'blob'))
    return found
  }

  async writeBlobs(blobs: readonly Uint8Array[]): Promise<readonly Oid[]> {
    const oids: Oid[] = []
    for (const bytes of blobs) oids.push(await this.#objects.write('blob', bytes))
    return oids
  }

  hashBlob(bytes: Uint8Array): Oid {
    return objectId(this.objectFormat, 'blob', bytes)
  }

  async writeTree(base: Oid | undefined, edits: readonly TreeEdit[]): Promise<Oid> {
    const draft = new Draft(this.#objects, base, this.#readTreeBytes)
    return draft.apply(edits)
  }

  async writeCommit(commit: Parameters<Repository['writeCommit']>[0]): Promise<Oid> {
    await this.#objects.content(commit.tree, 'tree')
    for (const parent of commit.parents) await this.readCommit(parent)
    return this.#objects.writeCommit(commit)
  }

  async importCommits(
    ref: string,
    expected: Oid | undefined,
    parent: Oid | undefined,
    commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
    reason: string,
  ): Promise<ImportOutcome> {
    const before = await this.readRef(ref)
    if (before !== expected) return { kind: 'moved', actual: before }
    const base = parent === undefined ? undefined : (await this.readCommit(parent)).tree
    const draft = new Draft(this.#objects, base, this.#readTreeBytes)
    let last = parent
    let count = 0
    for await (const commit of commits) {
      const tree = await draft.apply(commit.edits)
      const message = commit.message.replaceAll('{tree}', tree)
      last = await this.#objects.writeCommit({ ...commit, tree, message, parents: last === undefined ? [] : [last] })
      count += 1
    }
    const tip = last ?? expected
    assert(tip !== undefined, 'an import without commits has a parent or a ref to stay at')
    if (tip !== expected && !(await this.updateRef(ref, tip, expected, reason))) {
      return { kind: 'moved', actual: await this.readRef(ref) }
    }
    return { kind: 'imported', tip, commits: count }
  }

  async close(): Promise<void> {}

  readonly #readCommit = (oid: Oid): Promise<Commit> => this.#objects.commit(oid)

  readonly #readTreeBytes = (tree: Oid): Promise<Uint8Array> => this.#objects.content(tree, 'tree')

  async #treeOf(treeish: Oid): Promise<Oid> {
    const object = await this.#objects.read(treeish)
    if (object?.type === 'tree') return treeish
    if (object?.type === 'commit') return decodeCommit(treeish, object.content).tree
    throw missingObject(treeish, 'tree or commit')
  }
}

/** A tree under edit whose new objects are written as they come to be. */
class Draft {
  readonly #objects: ObjectStore
  readonly #editor: TreeEditor
  readonly #fresh = new Map<Oid, { readonly type: 'blob' | 'tree'; readonly content: Uint8Array }>()

  constructor(objects: ObjectStore, base: Oid | undefined, read: (tree: Oid) => Promise<Uint8Array>) {
    this.#objects = objects
    this.#editor = new TreeEditor('sha1', read, base, (oid, content) =>
      this.#fresh.set(oid, { type: 'tree', content: Buffer.from(content) }),
    )
  }

  /** Applies edits and writes what they made; returns the tree's id. */
  async apply(edits: readonly TreeEdit[]): Promise<Oid> {
    await applyEdits(this.#editor, edits, {
      format: 'sha1',
      has: async (oid) => this.#fresh.has(oid) || (await this.#objects.read(oid))?.type === 'blob',
      add: (oid, content) => this.#fresh.set(oid, { type: 'blob', content }),
    })
    const tree = this.#editor.id()
    for (const { type, content } of this.#fresh.values()) await this.#objects.write(type, content)
    this.#fresh.clear()
    return tree
  }
}
