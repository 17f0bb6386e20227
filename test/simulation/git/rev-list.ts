import type { Commit, Oid, Repository } from '../../../src/git-bridge/repository.ts'
import { normalizePrefix } from '../../../src/git-bridge/tree-path.ts'
import { type Objects, readCommit } from './objects.ts'
import { DateQueue } from './queue.ts'
import { lookup } from './trees.ts'

const SEEN = 1
const UNINTERESTING = 2
/** Named as excluded, rather than found to be. */
const BOTTOM = 4
const TREESAME = 8

/** So many more commits git looks at when all that is left is excluded, because clocks differ. */
const SLOP = 5

type Options = Parameters<Repository['log']>[0]

/** `git rev-list --full-history`, step by step: where clocks differ, it finds what git finds. */
export function revList(objects: Objects, options: Options): readonly Commit[] {
  if (options.include.length === 0 || options.limit === 0 || options.paths?.length === 0) return []
  const walk = new Walk(objects, options)
  return walk.list(options.include, options.exclude ?? []).slice(0, options.limit)
}

class Walk {
  readonly #objects: Objects
  readonly #paths: readonly string[] | undefined
  readonly #firstParent: boolean
  readonly #flags = new Map<Oid, number>()
  readonly #parsed = new Set<Oid>()
  readonly #queue = new DateQueue()

  constructor(objects: Objects, { paths, firstParent }: Options) {
    this.#objects = objects
    this.#paths = paths?.map((path) => normalizePrefix(path) ?? '')
    this.#firstParent = firstParent === true
  }

  list(include: readonly Oid[], exclude: readonly Oid[]): readonly Commit[] {
    const begin = [
      ...include.map((oid) => ({ oid, flag: 0 })),
      ...exclude.map((oid) => ({ oid, flag: UNINTERESTING | BOTTOM })),
    ]
    for (const { oid, flag } of begin) {
      const commit = this.#read(oid)
      this.#set(oid, flag)
      if (flag !== 0) this.#excludeParents(commit)
    }
    for (const { oid } of begin) {
      if (this.#is(oid, SEEN)) continue
      this.#set(oid, SEEN)
      this.#queue.push(this.#read(oid))
    }
    return exclude.length === 0 ? this.#all() : this.#limited()
  }

  #all(): readonly Commit[] {
    const found: Commit[] = []
    for (let commit = this.#queue.pop(); commit !== undefined; commit = this.#queue.pop()) {
      this.#enterParents(commit)
      if (!this.#is(commit.oid, TREESAME)) found.push(commit)
    }
    return found
  }

  #limited(): readonly Commit[] {
    const found: Commit[] = []
    let date = Number.POSITIVE_INFINITY
    let slop = SLOP
    for (let commit = this.#queue.pop(); commit !== undefined; commit = this.#queue.pop()) {
      this.#enterParents(commit)
      if (this.#is(commit.oid, UNINTERESTING)) {
        this.#excludeParents(commit)
        slop = this.#slop(date, slop)
        if (slop === 0) break
        continue
      }
      date = commit.committer.time
      found.push(commit)
    }
    return found.filter(({ oid }) => !this.#is(oid, UNINTERESTING) && !this.#is(oid, TREESAME))
  }

  #slop(date: number, slop: number): number {
    const { first } = this.#queue
    if (first === undefined) return 0
    if (date <= first.committer.time) return SLOP
    if (this.#queue.some(({ oid }) => !this.#is(oid, UNINTERESTING))) return SLOP
    return slop - 1
  }

  #enterParents(commit: Commit): void {
    if (this.#is(commit.oid, UNINTERESTING)) {
      for (const oid of commit.parents) {
        this.#set(oid, UNINTERESTING)
        const parent = this.#read(oid)
        this.#excludeParents(parent)
        this.#enter(parent)
      }
      return
    }
    this.#simplify(commit)
    for (const oid of this.#firstParent ? commit.parents.slice(0, 1) : commit.parents) this.#enter(this.#read(oid))
  }

  #enter(commit: Commit): void {
    if (this.#is(commit.oid, SEEN)) return
    this.#set(commit.oid, SEEN)
    this.#queue.push(commit)
  }

  /** Marks what the walk has met of a commit's ancestors. */
  #excludeParents(commit: Commit): void {
    const open = [...commit.parents]
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (this.#is(oid, UNINTERESTING)) continue
      this.#set(oid, UNINTERESTING)
      if (this.#parsed.has(oid)) open.push(...this.#read(oid).parents)
    }
  }

  /** Whether a commit changed nothing at the paths: parents that are excluded count if all of them are. */
  #simplify(commit: Commit): void {
    if (this.#paths === undefined) return
    if (commit.parents.length === 0) {
      if (this.#paths.every((path) => lookup(this.#objects, commit.tree, path) === undefined))
        this.#set(commit.oid, TREESAME)
      return
    }
    let relevant = 0
    const changed = { relevant: false, other: false }
    for (const [n, oid] of commit.parents.entries()) {
      const counts = this.#is(oid, BOTTOM) || !this.#is(oid, UNINTERESTING)
      if (counts) relevant += 1
      if (n === 1 && this.#firstParent) break
      if (this.#differs(commit, this.#read(oid))) changed[counts ? 'relevant' : 'other'] = true
    }
    if (relevant > 0 ? !changed.relevant : !changed.other) this.#set(commit.oid, TREESAME)
  }

  #differs(commit: Commit, parent: Commit): boolean {
    if (commit.tree === parent.tree) return false
    return this.#paths!.some((path) => {
      const [now, was] = [lookup(this.#objects, commit.tree, path), lookup(this.#objects, parent.tree, path)]
      return now?.oid !== was?.oid || now?.mode !== was?.mode
    })
  }

  #read(oid: Oid): Commit {
    this.#parsed.add(oid)
    return readCommit(this.#objects, oid)
  }

  #is(oid: Oid, flag: number): boolean {
    return ((this.#flags.get(oid) ?? 0) & flag) !== 0
  }

  #set(oid: Oid, flag: number): void {
    this.#flags.set(oid, (this.#flags.get(oid) ?? 0) | flag)
  }
}
