import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { applyEdits, missingObject } from '../apply-edits.ts'
import { type CommitContent, decodeCommit, encodeCommit, formatSignature } from '../commit-object.ts'
import { emptyTreeId, type ObjectFormat, objectId } from '../object-id.ts'
import { treeEntries } from '../raw-tree.ts'
import {
  type Commit,
  type FileEntry,
  type ImportOutcome,
  type NewCommit,
  type Oid,
  parseOid,
  type Repository,
  type TreeChange,
  type TreeEdit,
  type TreeEntry,
} from '../repository.ts'
import { TreeEditor } from '../tree-editor.ts'
import { normalizePrefix } from '../tree-path.ts'
import { TreeWalk } from '../tree-walk.ts'
import { DURABLE } from './durable.ts'
import { type GitContext, type GitResult, isKilled, type RunOptions, runGit } from './git-process.ts'
import { type HistoryReader, isAncestor, log, mergeBase, resolve } from './history.ts'
import { importCommits } from './import-commits.ts'
import { ObjectReader } from './object-reader.ts'
import { type NewObject, writeObjects } from './object-writer.ts'
import { listRefs, readRefs, updateRef } from './refs.ts'
import { TreeDiffer } from './tree-differ.ts'
import { diffTrees, listFew, listFiles } from './trees.ts'

/** How coarse a file system's clock may be, in milliseconds. */
const CLOCK_STEP = 1_000
const KEPT_TREES = 256
/** Commits kept: walks of one merge pass the same ones again and again. */
const KEPT_COMMITS = 256
/** Entries of trees compared here; git itself is faster at more, once it has started. */
const FEW_ENTRIES = 600
/** Lists of files that are kept, and how long each may be: a merge asks for the same small folders again and again. */
const KEPT_LISTS = 64
const LONGEST_KEPT_LIST = 1_000

/** Where a repository is; all paths absolute. */
export interface RepositoryPlace {
  readonly objectFormat: ObjectFormat
  /** The git dir of this worktree. */
  readonly gitDir: string
  /** The git dir that linked worktrees share; the same as `gitDir` without them. */
  readonly commonDir: string
  /** The top of the checkout; undefined in bare repositories and inside git dirs. */
  readonly workTree: string | undefined
  /** Where git looks for hooks; undefined where it was not asked, or does not know. */
  readonly hooksFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A repository on disk, by git's own programs: one long-lived `cat-file` for reading, one process for each write, and
 * no file of the repository touched but by git. Opened with `openNativeRepository`.
 */
export class NativeRepository implements Repository {
  readonly objectFormat: ObjectFormat
  readonly gitDir: string
  readonly commonDir: string
  readonly workTree: string | undefined
  readonly #hooksFolder: string | undefined
  readonly #context: GitContext
  readonly #reader: ObjectReader
  readonly #trees: TreeWalk
  readonly #differ: TreeDiffer
  readonly #history: HistoryReader
  readonly #treesOf = new Map<Oid, Oid>()
  readonly #commits = new Map<Oid, Promise<Commit>>()
  readonly #lists = new Map<string, Promise<readonly FileEntry[]>>()
  #lastWrite: Promise<void> = Promise.resolve()
  #nextWrite: { readonly together: Map<Oid, NewObject>; readonly written: Promise<void> } | undefined

  constructor(place: RepositoryPlace) {
    this.objectFormat = place.objectFormat
    this.gitDir = place.gitDir
    this.commonDir = place.commonDir
    this.workTree = place.workTree
    this.#hooksFolder = place.hooksFolder
    this.#context = { cwd: place.workTree ?? place.gitDir, signal: place.signal }
    this.#reader = new ObjectReader(this.#context)
    this.#trees = new TreeWalk(place.objectFormat, this.#readTreeBytes)
    this.#differ = new TreeDiffer(this.#context)
    this.#history = {
      context: this.#context,
      readCommit: (oid) => this.readCommit(oid),
      trees: this.#trees,
      isShallow: () =>
        access(join(this.commonDir, 'shallow')).then(
          () => true,
          () => false,
        ),
    }
  }

  /**
   * Runs any git command at the top of the work tree (in the git dir where there is none), in the bridge's environment.
   * Names from outside must come after `--end-of-options` or `--`. Throws `git_failed` unless `allowFailure`.
   */
  run(args: readonly string[], options?: RunOptions): Promise<GitResult> {
    return this.#tidied(() => runGit(this.#context, args, options))
  }

  /** Work of git; where that is killed, its locks are removed, which nobody else would do. */
  async #tidied<T>(work: () => Promise<T>): Promise<T> {
    const begun = Date.now()
    try {
      return await work()
    } catch (error) {
      if (isKilled(error)) {
        const { removeStaleLocks } = await import('./stale-locks.ts')
        await removeStaleLocks(this, begun - CLOCK_STEP)
      }
      throw error
    }
  }

  async readRef(ref: string): Promise<Oid | undefined> {
    return (await this.readRefs([ref])).get(ref)
  }

  /** Those of these refs that exist. */
  readRefs(refs: readonly string[]): Promise<ReadonlyMap<string, Oid>> {
    return readRefs(this.#context, (name) => this.#reader.resolve(name), refs)
  }

  updateRef(ref: string, next: Oid | undefined, expected: Oid | undefined, reason: string): Promise<boolean> {
    return this.#tidied(() => updateRef(this.#context, this.objectFormat, ref, next, expected, reason))
  }

  /** The branch that HEAD is on, by its full name; undefined where it names a commit. */
  async branch(): Promise<string | undefined> {
    const head = await readFile(join(this.gitDir, 'HEAD'), 'utf8').catch(() => '')
    const named = /^ref: (refs\/heads\/[^\n]+)\n$/.exec(head)?.[1]
    // Refs that are no files have a HEAD that says so.
    if (named !== undefined && named !== 'refs/heads/.invalid') return named
    const { code, stdout } = await this.run(['symbolic-ref', '--quiet', 'HEAD'], { allowFailure: true })
    return code === 0 ? stdout.toString('utf8').trim() : undefined
  }

  /** Where git looks for hooks. */
  async hooksFolder(): Promise<string> {
    if (this.#hooksFolder !== undefined) return this.#hooksFolder
    const { stdout } = await this.run(['rev-parse', '--path-format=absolute', '--git-path', 'hooks'])
    return stdout.toString('utf8').replace(/\n$/, '')
  }

  listRefs(prefix: string): Promise<ReadonlyMap<string, Oid>> {
    return listRefs(this.#context, prefix)
  }

  resolve(revision: string): Promise<Oid | undefined> {
    // What is asked all the time needs no process of its own.
    if (/^(?:HEAD|refs\/[\w/.-]+)$/.test(revision)) return this.#reader.resolve(`${revision}^{commit}`)
    return resolve(this.#context, revision)
  }

  async readCommit(oid: Oid): Promise<Commit> {
    this.#context.signal?.throwIfAborted()
    const known = this.#commits.get(oid)
    if (known !== undefined) return known
    const commit = this.#reader.content(oid, 'commit').then((content) => decodeCommit(oid, content))
    if (this.#commits.size >= KEPT_COMMITS) this.#commits.clear()
    this.#commits.set(oid, commit)
    commit.catch(() => this.#commits.delete(oid))
    return commit
  }

  async hasObject(oid: Oid): Promise<boolean> {
    return (await this.#reader.type(oid)) !== undefined
  }

  log(options: Parameters<Repository['log']>[0]): AsyncIterable<Commit> {
    return log(this.#history, options)
  }

  mergeBase(a: Oid, b: Oid): Promise<Oid | undefined> {
    return mergeBase(this.#history, a, b)
  }

  isAncestor(ancestor: Oid, descendant: Oid): Promise<boolean> {
    return isAncestor(this.#history, ancestor, descendant)
  }

  async readTree(tree: Oid): Promise<readonly TreeEntry[]> {
    return treeEntries(this.objectFormat, await this.#readTreeBytes(tree))
  }

  async listFiles(treeish: Oid, prefix?: string): Promise<readonly FileEntry[]> {
    const below = normalizePrefix(prefix) ?? ''
    const found = await this.lookup(treeish, below)
    if (!found) return []
    if (found.mode !== '40000') return [{ path: below, mode: found.mode, oid: found.oid }]
    return this.#list(found.oid, below === '' ? '' : `${below}/`)
  }

  /** Lists that are short are read folder by folder and kept; git itself is faster at long ones. */
  #list(tree: Oid, prefix: string): Promise<readonly FileEntry[]> {
    const key = `${tree} ${prefix}`
    const known = this.#lists.get(key)
    if (known !== undefined) return known
    const listing = listFew((oid) => this.readTree(oid), tree, prefix).then(
      (few) => few ?? listFiles(this.#context, tree, prefix),
    )
    if (this.#lists.size >= KEPT_LISTS) this.#lists.clear()
    this.#lists.set(key, listing)
    const forget = (): void => void this.#lists.delete(key)
    listing.then((files) => files.length > LONGEST_KEPT_LIST && forget(), forget)
    return listing
  }

  async lookup(treeish: Oid, path: string): ReturnType<Repository['lookup']> {
    return this.#trees.lookup(await this.#treeOf(treeish), path)
  }

  async diffTrees(before: Oid | undefined, after: Oid, prefix?: string): Promise<readonly TreeChange[]> {
    const below = normalizePrefix(prefix) ?? ''
    const [old, now] = await Promise.all([
      before === undefined ? undefined : this.lookup(before, below),
      this.lookup(after, below),
    ])
    if (old?.oid === now?.oid && old?.mode === now?.mode) return []
    const alone = () => diffTrees(this.#context, this.objectFormat, before, after, below)
    if ((old !== undefined && old.mode !== '40000') || (now !== undefined && now.mode !== '40000')) return alone()
    const few = await this.#trees.fewChanges(old?.oid, now?.oid, FEW_ENTRIES)
    if (few !== undefined)
      return below === '' ? few : few.map((change) => ({ ...change, path: `${below}/${change.path}` }))
    const empty = emptyTreeId(this.objectFormat)
    // When the process that answers everybody fails, one of its own says why.
    const changes = await this.#differ.changes(old?.oid ?? empty, now?.oid ?? empty).catch(() => undefined)
    if (changes === undefined) return alone()
    return below === '' ? changes : changes.map((change) => ({ ...change, path: `${below}/${change.path}` }))
  }

  async readBlobs(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, Uint8Array>> {
    const wanted = [...new Set(oids)]
    const contents = await Promise.all(wanted.map((oid) => this.#reader.content(oid, 'blob')))
    return new Map(wanted.map((oid, index) => [oid, contents[index] as Buffer]))
  }

  async writeBlobs(blobs: readonly Uint8Array[]): Promise<readonly Oid[]> {
    const oids = blobs.map((bytes) => this.hashBlob(bytes))
    await this.#write(new Map(blobs.map((content, index) => [oids[index] as Oid, { type: 'blob', content }])))
    return oids
  }

  hashBlob(bytes: Uint8Array): Oid {
    return objectId(this.objectFormat, 'blob', bytes)
  }

  async writeTree(base: Oid | undefined, edits: readonly TreeEdit[]): Promise<Oid> {
    const objects = new Map<Oid, NewObject>()
    const editor = new TreeEditor(this.objectFormat, this.#readTreeBytes, base, (oid, content) =>
      objects.set(oid, { type: 'tree', content: Buffer.from(content) }),
    )
    await applyEdits(editor, edits, {
      format: this.objectFormat,
      has: async (oid) => objects.has(oid) || (await this.#reader.type(oid)) === 'blob',
      add: (oid, content) => objects.set(oid, { type: 'blob', content }),
    })
    const tree = editor.id()
    await this.#write(objects)
    return tree
  }

  async writeCommit(commit: Parameters<Repository['writeCommit']>[0]): Promise<Oid> {
    await this.#assertHere(commit.tree, 'tree')
    for (const parent of commit.parents) await this.#assertHere(parent, 'commit')
    if (commit.sign && (await this.#wantsSignature())) return this.#writeSignedCommit(commit)
    const content = encodeCommit(commit)
    const oid = objectId(this.objectFormat, 'commit', content)
    await this.#write(new Map([[oid, { type: 'commit', content }]]))
    return oid
  }

  importCommits(
    ref: string,
    expected: Oid | undefined,
    parent: Oid | undefined,
    commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
    reason: string,
  ): Promise<ImportOutcome> {
    const target = {
      context: this.#context,
      gitDir: this.gitDir,
      objectFormat: this.objectFormat,
      readRef: () => this.readRef(ref),
      moveRef: (next: Oid) => this.updateRef(ref, next, expected, reason),
      readCommit: (oid: Oid) => this.readCommit(oid),
      readTreeBytes: this.#readTreeBytes,
      isBlob: async (oid: Oid) => (await this.#reader.type(oid)) === 'blob',
    }
    return importCommits(target, expected, parent, commits)
  }

  async close(): Promise<void> {
    await Promise.all([this.#reader.close(), this.#differ.close()])
  }

  readonly #readTreeBytes = (tree: Oid): Promise<Buffer> => this.#reader.content(tree, 'tree')

  /** Many lookups ask for paths of one commit: the last few answers are kept. */
  async #treeOf(treeish: Oid): Promise<Oid> {
    const known = this.#treesOf.get(treeish)
    if (known !== undefined) return known
    const object = await this.#reader.read(treeish)
    const tree =
      object?.type === 'tree'
        ? treeish
        : object?.type === 'commit'
          ? decodeCommit(treeish, object.content).tree
          : undefined
    if (tree === undefined) throw missingObject(treeish, 'tree or commit')
    if (this.#treesOf.size >= KEPT_TREES) this.#treesOf.clear()
    this.#treesOf.set(treeish, tree)
    return tree
  }

  /** What is written while git writes goes together, after it: downloads under way at once need few processes. */
  #write(objects: ReadonlyMap<Oid, NewObject>): Promise<void> {
    if (objects.size === 0) return Promise.resolve()
    if (this.#nextWrite === undefined) {
      const together = new Map<Oid, NewObject>()
      const written = this.#lastWrite.then(() => {
        this.#nextWrite = undefined
        return writeObjects(this.#context, this.objectFormat, together)
      })
      this.#nextWrite = { together, written }
      this.#lastWrite = written.catch(() => {})
    }
    for (const [oid, object] of objects) this.#nextWrite.together.set(oid, object)
    return this.#nextWrite.written
  }

  async #assertHere(oid: Oid, type: 'tree' | 'commit'): Promise<void> {
    if ((await this.#reader.type(oid)) !== type) throw missingObject(oid, type)
  }

  async #wantsSignature(): Promise<boolean> {
    const { stdout } = await this.run(['config', '--type=bool', '--get', 'commit.gpgSign'], { allowFailure: true })
    return stdout.toString('utf8').trim() === 'true'
  }

  /** By git itself, which knows the user's key and program; it trims names as it does in any commit. */
  async #writeSignedCommit({ tree, parents, author, committer, message }: CommitContent): Promise<Oid> {
    const date = (signature: CommitContent['author']): string => `@${formatSignature(signature).split('> ').at(-1)}`
    const args = ['-c', 'i18n.commitEncoding=UTF-8', ...DURABLE, 'commit-tree', '-S', tree]
    const { stdout } = await this.run([...args, ...parents.flatMap((parent) => ['-p', parent])], {
      input: message,
      env: {
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: date(author),
        GIT_COMMITTER_NAME: committer.name,
        GIT_COMMITTER_EMAIL: committer.email,
        GIT_COMMITTER_DATE: date(committer),
      },
    })
    return parseOid(stdout.toString('latin1').trim())
  }
}
