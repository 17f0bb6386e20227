import { missingObject } from '../../../src/git-bridge/apply-edits.ts'
import { type GitResult, gitFailure, type RunOptions } from '../../../src/git-bridge/native/git-process.ts'
import { assertRefName } from '../../../src/git-bridge/ref-name.ts'
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
} from '../../../src/git-bridge/repository.ts'
import { normalizePrefix } from '../../../src/git-bridge/tree-path.ts'
import { assert, SyncError } from '../../../src/world/errors.ts'
import { look, perform } from '../host.ts'
import { NONE } from './commands/call.ts'
import { refusal } from './commands/ref-commands.ts'
import { runCommand } from './commands/run.ts'
import { carryOut } from './effects.ts'
import { isAncestor, mergeBases } from './history.ts'
import { addBlob, addCommit, FreshObjects, hashBlob, readBlob, readCommit, readTree, treeOf } from './objects.ts'
import type { Repo } from './repo.ts'
import { revList } from './rev-list.ts'
import { resolveRevision } from './revision.ts'
import { diffTrees, listFiles, lookup, TreeDraft } from './trees.ts'

/**
 * Stands for a `NativeRepository` in a simulation: the same answers and the same ids, from a repository in memory. Every
 * write is one effect, every answer settles in a microtask.
 */
export class ModelRepository implements Repository {
  readonly objectFormat = 'sha1'
  readonly gitDir: string
  readonly commonDir: string
  readonly workTree: string | undefined
  readonly #repo: Repo
  readonly #signal: AbortSignal | undefined

  constructor(repo: Repo, signal?: AbortSignal) {
    this.#repo = repo
    this.#signal = signal
    this.gitDir = repo.gitDir
    this.commonDir = repo.gitDir
    this.workTree = repo.workTree
  }

  /** As `NativeRepository.run`; a command that the product does not send throws `git … is not modelled`. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<GitResult> {
    await look(() => this.#signal?.throwIfAborted())
    const result = await carryOut(runCommand(this.#repo, args, options))
    if (result.code !== 0 && options.allowFailure !== true) throw gitFailure(args, result)
    return result
  }

  async branch(): Promise<string | undefined> {
    return look(() => this.#repo.refs.branch())
  }

  async hooksFolder(): Promise<string> {
    return look(() => this.#repo.config('core.hooksPath') ?? `${this.#repo.gitDir}/hooks`)
  }

  async readRef(ref: string): Promise<Oid | undefined> {
    assertRefName(ref)
    return look(() => this.#repo.refs.read(ref))
  }

  async readRefs(refs: readonly string[]): Promise<ReadonlyMap<string, Oid>> {
    refs.forEach(assertRefName)
    return look(() => {
      const found = new Map<string, Oid>()
      for (const ref of refs) {
        const oid = this.#repo.refs.read(ref)
        if (oid !== undefined) found.set(ref, oid)
      }
      return found
    })
  }

  async updateRef(ref: string, next: Oid | undefined, expected: Oid | undefined, reason: string): Promise<boolean> {
    assertRefName(ref)
    assert(reason.trim() !== '', 'a reason for moving a ref')
    return perform(`ref ${ref}`, () => {
      const repo = this.#repo
      if (repo.refs.read(ref) !== expected) return false
      const problem = refusal(repo, { ref, next, old: expected ?? NONE })
      if (problem !== undefined) {
        throw new SyncError('ref_refused', `git cannot move ${ref}: ${problem}`, { data: { ref, next, expected } })
      }
      repo.refs.write(ref, next)
      return true
    })
  }

  async listRefs(prefix: string): Promise<ReadonlyMap<string, Oid>> {
    const folder = prefix.replace(/\/+$/, '')
    assert(folder === 'refs' || folder.startsWith('refs/'), `a prefix of refs: ${JSON.stringify(prefix)}`)
    return look(() => this.#repo.refs.list(folder))
  }

  resolve(revision: string): Promise<Oid | undefined> {
    return look(() => resolveRevision(this.#repo, revision))
  }

  readCommit(oid: Oid): Promise<Commit> {
    return look(() => readCommit(this.#repo.objects, oid))
  }

  hasObject(oid: Oid): Promise<boolean> {
    return look(() => this.#repo.objects.get(oid) !== undefined)
  }

  async *log(options: Parameters<Repository['log']>[0]): AsyncGenerator<Commit> {
    yield* await look(() => revList(this.#repo.objects, options))
  }

  mergeBase(a: Oid, b: Oid): Promise<Oid | undefined> {
    return look(() => mergeBases(this.#repo.objects, a, b)[0])
  }

  isAncestor(ancestor: Oid, descendant: Oid): Promise<boolean> {
    return look(() => isAncestor(this.#repo.objects, ancestor, descendant))
  }

  readTree(tree: Oid): Promise<readonly TreeEntry[]> {
    return look(() => [...readTree(this.#repo.objects, tree)].map(([name, { mode, oid }]) => ({ mode, name, oid })))
  }

  listFiles(treeish: Oid, prefix?: string): Promise<readonly FileEntry[]> {
    return look(() => {
      const { objects } = this.#repo
      const below = normalizePrefix(prefix) ?? ''
      const found = lookup(objects, treeOf(objects, treeish), below)
      if (found === undefined) return []
      if (found.mode !== '40000') return [{ path: below, mode: found.mode, oid: found.oid }]
      return listFiles(objects, found.oid, below === '' ? '' : `${below}/`)
    })
  }

  lookup(treeish: Oid, path: string): ReturnType<Repository['lookup']> {
    return look(() => lookup(this.#repo.objects, treeOf(this.#repo.objects, treeish), path))
  }

  diffTrees(before: Oid | undefined, after: Oid, prefix?: string): Promise<readonly TreeChange[]> {
    return look(() => {
      const { objects } = this.#repo
      const below = normalizePrefix(prefix)
      const changes = diffTrees(objects, before && treeOf(objects, before), treeOf(objects, after))
      return below === undefined
        ? changes
        : changes.filter(({ path }) => path === below || path.startsWith(`${below}/`))
    })
  }

  readBlobs(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, Uint8Array>> {
    return look(() => new Map([...oids].map((oid) => [oid, Buffer.from(readBlob(this.#repo.objects, oid))])))
  }

  async writeBlobs(blobs: readonly Uint8Array[]): Promise<readonly Oid[]> {
    const objects = new FreshObjects(this.#repo.objects)
    const oids = blobs.map((bytes) => addBlob(objects, Buffer.from(bytes)))
    await this.#write(objects)
    return oids
  }

  hashBlob(bytes: Uint8Array): Oid {
    return hashBlob(bytes)
  }

  async writeTree(base: Oid | undefined, edits: readonly TreeEdit[]): Promise<Oid> {
    const objects = new FreshObjects(this.#repo.objects)
    const draft = new TreeDraft(objects, base)
    draft.apply(edits)
    const tree = draft.write()
    await this.#write(objects)
    return tree
  }

  async writeCommit(commit: Parameters<Repository['writeCommit']>[0]): Promise<Oid> {
    const { objects: store } = this.#repo
    if (store.get(commit.tree)?.kind !== 'tree') throw missingObject(commit.tree, 'tree')
    for (const parent of commit.parents) readCommit(store, parent)
    const objects = new FreshObjects(store)
    const oid = addCommit(objects, commit)
    await this.#write(objects)
    return oid
  }

  async importCommits(
    ref: string,
    expected: Oid | undefined,
    parent: Oid | undefined,
    commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
    reason: string,
  ): Promise<ImportOutcome> {
    const { objects: store } = this.#repo
    const before = await this.readRef(ref)
    if (before !== expected) return { kind: 'moved', actual: before }
    const objects = new FreshObjects(store)
    const draft = new TreeDraft(objects, parent === undefined ? undefined : readCommit(store, parent).tree)
    let last = parent
    let count = 0
    for await (const commit of commits) {
      draft.apply(commit.edits)
      const tree = draft.write()
      const message = commit.message.replaceAll('{tree}', tree)
      last = addCommit(objects, { ...commit, tree, message, parents: last === undefined ? [] : [last] })
      count += 1
    }
    await this.#write(objects)
    const tip = last ?? expected
    assert(tip !== undefined, 'an import without commits has a parent or a ref to stay at')
    if (tip !== expected && !(await this.updateRef(ref, tip, expected, reason))) {
      return { kind: 'moved', actual: await this.readRef(ref) }
    }
    return { kind: 'imported', tip, commits: count }
  }

  async close(): Promise<void> {}

  /** One process of git writes them all; a crash leaves the first ones, which need nothing of the rest. */
  #write(objects: FreshObjects): Promise<void> {
    const { objects: store } = this.#repo
    if (objects.size === 0) return look(() => undefined)
    return perform(
      `objects`,
      () => objects.flush(store),
      () => objects.flush(store, objects.size >> 1),
    )
  }
}
