/**
 * The repository as the bridge needs it: objects, trees, refs, history. Two implementations pass one contract suite:
 * `NativeRepository` (git's own streams: fast-import, cat-file, diff-tree) and `MemoryRepository` (isomorphic-git on
 * memfs), the in-memory twin for simulations and hosts without git.
 *
 * Nothing here knows worlds or operations; nothing here touches the user's index or working tree.
 */
declare const oidBrand: unique symbol
/** A full object id, lower-case hex. */
export type Oid = string & { readonly [oidBrand]: true }

export function parseOid(text: string): Oid {
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text)) throw new Error(`not an object id: ${JSON.stringify(text)}`)
  return text as Oid
}

export type FileMode = '100644' | '100755' | '120000' | '160000'
export type TreeMode = FileMode | '40000'

export interface TreeEntry {
  readonly mode: TreeMode
  readonly name: string
  readonly oid: Oid
}

/** A file of a tree, its path relative to the root of the repository, `/`-separated. */
export interface FileEntry {
  readonly path: string
  readonly mode: FileMode
  readonly oid: Oid
}

/** One path that differs between two trees (never a rename: those are a delete and an add). */
export interface TreeChange {
  readonly path: string
  readonly before: { readonly mode: FileMode; readonly oid: Oid } | undefined
  readonly after: { readonly mode: FileMode; readonly oid: Oid } | undefined
}

export interface Signature {
  readonly name: string
  readonly email: string
  /** Seconds since 1970. */
  readonly time: number
  /** Minutes east of UTC, as written in the commit (`+0130` is 90). */
  readonly offset: number
}

export interface Commit {
  readonly oid: Oid
  readonly tree: Oid
  readonly parents: readonly Oid[]
  readonly author: Signature
  readonly committer: Signature
  /** The whole message, with its final newline. */
  readonly message: string
}

/**
 * A change to one path of a tree: content to write (as an ordinary file, 100644), an object that exists already, or
 * nothing any more. Edits apply in order; a file in the way of a folder, or a folder in the way of a file, gives way;
 * deleting a folder deletes what is in it; deleting what is not there does nothing.
 */
export type TreeEdit =
  | { readonly path: string; readonly kind: 'write'; readonly bytes: Uint8Array }
  | { readonly path: string; readonly kind: 'put'; readonly oid: Oid; readonly mode: FileMode }
  | { readonly path: string; readonly kind: 'delete' }

/** A commit to be appended to a ref by {@link Repository.importCommits}. */
export interface NewCommit {
  readonly author: Signature
  readonly committer: Signature
  readonly message: string
  /** Relative to the previous commit's tree (to `parent`'s, or to nothing, for the first). */
  readonly edits: readonly TreeEdit[]
}

export type ImportOutcome =
  | { readonly kind: 'imported'; readonly tip: Oid; readonly commits: number }
  /** The ref was not at `expected`, or moved meanwhile: nothing was published. */
  | { readonly kind: 'moved'; readonly actual: Oid | undefined }

export interface Repository {
  /** `sha1` or `sha256`. */
  readonly objectFormat: 'sha1' | 'sha256'

  readRef(ref: string): Promise<Oid | undefined>
  /**
   * Compare-and-swap. `expected` undefined: the ref must not exist; `next` undefined: delete it.
   * Returns false, having changed nothing, when the ref was elsewhere (G1).
   */
  updateRef(ref: string, next: Oid | undefined, expected: Oid | undefined, reason: string): Promise<boolean>
  /** Refs below a prefix such as `refs/lobby/`. */
  listRefs(prefix: string): Promise<ReadonlyMap<string, Oid>>
  /** Any revision (`HEAD`, `main~2`, an abbreviated id …) to a commit; undefined when there is none. */
  resolve(revision: string): Promise<Oid | undefined>

  readCommit(oid: Oid): Promise<Commit>
  /** False when the object is not here (shallow clones, foreign shas). */
  hasObject(oid: Oid): Promise<boolean>
  /**
   * Commits reachable from `include` and not from `exclude`, newest first. `paths` keeps those that changed something
   * at or below one of them, as `git log --full-history -- paths` does: no side of a merge is dropped, and a merge is
   * listed when it differs there from any parent. `firstParent` follows first parents only.
   */
  log(options: {
    readonly include: readonly Oid[]
    readonly exclude?: readonly Oid[]
    readonly paths?: readonly string[]
    readonly firstParent?: boolean
    readonly limit?: number
  }): AsyncIterable<Commit>
  /** The best common ancestor (of several, the one with the newest committer date), undefined when there is none. */
  mergeBase(a: Oid, b: Oid): Promise<Oid | undefined>
  isAncestor(ancestor: Oid, descendant: Oid): Promise<boolean>

  /** The direct entries of a tree object. */
  readTree(tree: Oid): Promise<readonly TreeEntry[]>
  /** All files below a commit or tree, recursively; `prefix` limits to one folder or file. Submodules are listed with mode 160000. */
  listFiles(treeish: Oid, prefix?: string): Promise<readonly FileEntry[]>
  /** The tree of a commit or the object at `path` in it, undefined where there is none. */
  lookup(treeish: Oid, path: string): Promise<{ readonly mode: TreeMode; readonly oid: Oid } | undefined>
  /** What differs between two trees or commits, files only; cost in proportion to the difference. */
  diffTrees(before: Oid | undefined, after: Oid, prefix?: string): Promise<readonly TreeChange[]>

  /** Blobs by id, in one stream. Throws when one is missing. */
  readBlobs(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, Uint8Array>>
  /** Writes blobs durably, in one stream; returns their ids in order. */
  writeBlobs(blobs: readonly Uint8Array[]): Promise<readonly Oid[]>
  /** The id that content would have, without writing it. */
  hashBlob(bytes: Uint8Array): Oid
  /** Writes a tree that is `base` with `edits` applied, reading and writing only the folders on their way; returns its id. Empty folders vanish. */
  writeTree(base: Oid | undefined, edits: readonly TreeEdit[]): Promise<Oid>
  /** Writes one commit object that no ref names yet. `sign` asks for the user's own signing configuration to be honoured. */
  writeCommit(commit: {
    readonly tree: Oid
    readonly parents: readonly Oid[]
    readonly author: Signature
    readonly committer: Signature
    readonly message: string
    /** Sign if the user's `commit.gpgSign` asks for it (native only; off when absent). */
    readonly sign?: boolean
  }): Promise<Oid>

  /**
   * Appends commits to a ref in one stream and moves the ref once, by compare-and-swap, after all objects are written
   * (G1). `expected` is where the ref must be (undefined: nowhere); `parent` is the parent of the first commit
   * (undefined: a root). Usually both are the same; they differ when a line is replayed from another commit, in which
   * case `expected` needs no relation to `parent`.
   *
   * `commits` is called with the id of each folder's content known: a commit's message may contain `{tree}`, which is
   * replaced by the id of that commit's own tree (the `Lobby-Tree` trailer, G2).
   * When the iterable throws, nothing is published and the error is passed on.
   */
  importCommits(
    ref: string,
    expected: Oid | undefined,
    parent: Oid | undefined,
    commits: AsyncIterable<NewCommit> | Iterable<NewCommit>,
    reason: string,
  ): Promise<ImportOutcome>

  /** Ends helper processes and releases what is held. */
  close(): Promise<void>
}
