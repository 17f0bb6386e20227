import type { Commit, Oid } from '../../src/git-bridge/repository.ts'
import { MANIFEST } from './files.ts'
import { isAncestor, mergeBases } from './git/history.ts'
import type { GitModel } from './git/model.ts'
import { addCommit, readBlob, readCommit, treeOf } from './git/objects.ts'
import { applyCommit, moveTo, parentOf } from './git/porcelain/operations.ts'
import { transfer } from './git/porcelain/transfer.ts'
import { listFiles } from './git/trees.ts'
import type { Reading } from './history.ts'
import { theHost } from './host.ts'

/** git as somebody uses it in a checkout of the simulation, in few words. */
export class UserGit {
  readonly model: GitModel
  readonly folder: string
  #mark: Oid | undefined

  constructor(model: GitModel, folder: string) {
    this.model = model
    this.folder = folder
    this.#mark = this.head()
  }

  get #repo() {
    return this.model.repo
  }

  head(): Oid | undefined {
    return this.#repo.head
  }

  branch(): string | undefined {
    return this.model.branch
  }

  ref(name: string): Oid | undefined {
    return this.#repo.refs.read(name)
  }

  lobbyRefs(): readonly Oid[] {
    return [...this.#repo.refs.list('refs/lobby').values()]
  }

  get reading(): Reading {
    const { objects } = this.#repo
    const files = new Map<Oid, ReturnType<Reading['files']>>()
    return {
      commit: (oid) => readCommit(objects, oid),
      files: (tree) => {
        let known = files.get(tree)
        if (known === undefined) {
          known = listFiles(objects, treeOf(objects, tree))
          files.set(tree, known)
        }
        return known
      },
      has: (oid) => objects.has(oid),
      blob: (oid) => Buffer.from(readBlob(objects, oid)).toString('utf8'),
    }
  }

  /** What the user does moves the branch as the user likes; what a command does must build on it. */
  #moved<T>(done: T): T {
    this.#mark = this.head()
    return done
  }

  /** Says how the branch was rewritten since the user last moved it; undefined where it was not. */
  rewritten(): string | undefined {
    const before = this.#mark
    const head = this.head()
    this.#mark = head
    if (before === undefined || before === head) return undefined
    if (head !== undefined && isAncestor(this.#repo.objects, before, head)) return undefined
    return `${before.slice(0, 8)} is not in ${head?.slice(0, 8)}`
  }

  /** Whatever is in the work tree, as a commit; undefined when there is nothing. */
  commitAll(message: string): Oid | undefined {
    const made = this.model.commit({ message, all: true })
    return this.#moved(made.kind === 'committed' ? made.oid : undefined)
  }

  amendAll(): Oid | undefined {
    const made = this.model.commit({ amend: true, all: true })
    return this.#moved(made.kind === 'committed' ? made.oid : undefined)
  }

  /** `git commit` in an open merge; says which paths are in the way. */
  conclude(): Oid | readonly string[] {
    const made = this.model.commit({})
    if (made.kind === 'committed') return this.#moved(made.oid)
    return made.kind === 'unmerged' ? made.paths : []
  }

  abort(): void {
    this.#moved(this.model.abort())
  }

  isDirty(): boolean {
    return this.model.status().length > 0
  }

  /** The contents of conflicted paths that one side lacks, whichever has it. */
  halfConflicts(): readonly { readonly path: string; readonly text: string }[] {
    const { objects, index } = this.#repo
    return [...index.unmerged].flatMap(([path, [base, ours, theirs]]) => {
      if (ours !== undefined && theirs !== undefined) return []
      return [base, ours, theirs].flatMap((item) =>
        item === undefined ? [] : [{ path, text: Buffer.from(readBlob(objects, item.oid)).toString('utf8') }],
      )
    })
  }

  /** The merge bases; of several, also theirs: git takes those for a file that it does not merge among bases. */
  basesWith(theirs: Oid): readonly Oid[] {
    const { objects } = this.#repo
    const bases = mergeBases(objects, this.head()!, theirs)
    const [first, ...others] = bases
    return [...bases, ...others.flatMap((other) => mergeBases(objects, first!, other))]
  }

  merge(theirs: Oid, message: string): 'merged' | 'up-to-date' | 'contested' | 'refused' {
    const { kind } = this.model.merge(theirs, { message })
    this.#moved(undefined)
    if (kind === 'merged' || kind === 'forwarded') return 'merged'
    return kind === 'up-to-date' ? kind : kind === 'conflicts' ? 'contested' : 'refused'
  }

  /** `git merge --squash` and a commit; given up where it conflicts. */
  squash(theirs: Oid, message: string): 'merged' | 'up-to-date' | 'given up' {
    const { kind } = this.model.merge(theirs, { squash: true })
    if (kind === 'up-to-date') return kind
    if (kind !== 'squashed') {
      if (kind === 'conflicts') {
        this.model.resetHard()
        this.#repo.setState('SQUASH_MSG', undefined)
      }
      return 'given up'
    }
    const made = this.model.commit({ message })
    this.#moved(undefined)
    return made.kind === 'committed' ? 'merged' : 'up-to-date'
  }

  /** The reverse of one commit as a commit of its own; given up where it conflicts. */
  revert(oid: Oid): 'reverted' | 'given up' {
    const objects = this.#repo.objects
    const { parents } = readCommit(objects, oid)
    const parent = parentOf(this.#repo, oid, parents.length > 1 ? 1 : undefined)
    const applied = applyCommit(
      this.#repo,
      { base: treeOf(objects, oid), theirs: treeOf(objects, parent) },
      { ours: 'HEAD', theirs: 'parent', base: '' },
    )
    if (applied.kind !== 'clean') {
      if (applied.kind === 'conflicts') this.model.resetHard()
      return 'given up'
    }
    const made = this.model.commit({ message: `Revert ${oid.slice(0, 8)}` })
    this.#moved(undefined)
    return made.kind === 'committed' ? 'reverted' : 'given up'
  }

  /**
   * `git rebase` of what is not in `onto`; without merges among it. Returns the commits made, each with the one that it
   * stands for; undefined where it conflicted and was given up.
   */
  rebase(onto: Oid): readonly { readonly made: Oid; readonly original: Oid }[] | undefined {
    const { objects } = this.#repo
    const before = this.head()!
    const own = this.since(onto)
    let at = onto
    if (moveTo(this.#repo, this.#repo.headTree, treeOf(objects, onto)) !== undefined) return undefined
    const pairs: { made: Oid; original: Oid }[] = []
    this.#repo.refs.write('HEAD', onto)
    for (const one of own) {
      const parent = parentOf(this.#repo, one.oid, undefined)
      const applied = applyCommit(
        this.#repo,
        { base: treeOf(objects, parent), theirs: one.tree },
        { ours: 'HEAD', theirs: one.oid, base: '' },
      )
      if (applied.kind !== 'clean') {
        this.model.resetHard()
        this.model.resetHard(before)
        return undefined
      }
      if (applied.tree === treeOf(objects, at)) continue
      const committer = { ...one.committer, time: Math.floor(theHost().now / 1000) }
      at = addCommit(objects, {
        tree: applied.tree,
        parents: [at],
        author: one.author,
        committer,
        message: one.message,
      })
      this.#repo.refs.write('HEAD', at)
      pairs.push({ made: at, original: one.oid })
    }
    return this.#moved(pairs)
  }

  /** The commits that are not in another's history, oldest first. */
  since(other: Oid): readonly Commit[] {
    const { objects } = this.#repo
    const found: Commit[] = []
    const seen = new Set<Oid>()
    const walk = (oid: Oid): void => {
      if (seen.has(oid) || isAncestor(objects, oid, other)) return
      seen.add(oid)
      const one = readCommit(objects, oid)
      for (const parent of one.parents) walk(parent)
      found.push(one)
    }
    walk(this.head()!)
    return found
  }

  /** How a commit says its world (G8). */
  layoutOf(oid: Oid): 'split' | 'manifest' {
    const { objects } = this.#repo
    return listFiles(objects, treeOf(objects, oid)).some(({ path }) => path === MANIFEST) ? 'manifest' : 'split'
  }

  /** Whether the changes of the layout in one commit's history are all in another's, or the other way round (G8). */
  sharesLayout(a: Oid, b: Oid): boolean {
    const { objects } = this.#repo
    const changes = (oid: Oid): readonly Oid[] => {
      const found: Oid[] = []
      const seen = new Set<Oid>()
      for (const open = [oid]; open.length > 0; ) {
        const next = open.pop()!
        if (seen.has(next)) continue
        seen.add(next)
        const { author, parents } = readCommit(objects, next)
        if (author.name === 'layout') found.push(next)
        open.push(...parents)
      }
      return found
    }
    const [ofA, ofB] = [changes(a), changes(b)]
    return ofA.every((oid) => ofB.includes(oid)) || ofB.every((oid) => ofA.includes(oid))
  }

  hasBothLayouts(): boolean {
    const { objects } = this.#repo
    const paths = listFiles(objects, treeOf(objects, this.head()!)).map(({ path }) => path)
    return paths.includes(MANIFEST) && paths.some((path) => path.startsWith('world/'))
  }

  /** `git reset --hard`. */
  takeBack(oid: Oid): void {
    this.#moved(this.model.resetHard(oid))
  }

  parents(oid: Oid): readonly Oid[] {
    return readCommit(this.#repo.objects, oid).parents
  }

  /** The first check-out of a clone. */
  start(oid: Oid): void {
    this.#repo.refs.write('refs/heads/main', oid)
    this.model.resetHard(oid)
    this.#moved(undefined)
  }

  switchTo(branch: string, create: boolean): boolean {
    return this.#moved(this.model.switch(branch, { create }) === undefined)
  }

  /** A branch at a commit, in place of another of its name. */
  putBranch(branch: string, oid: Oid): void {
    this.#repo.refs.write(`refs/heads/${branch}`, oid)
  }

  deleteBranch(branch: string): void {
    this.#repo.refs.write(`refs/heads/${branch}`, undefined)
  }

  /** Takes a branch of the server as it is now. */
  fetch(server: GitModel): Oid {
    this.model.fetch(server, { 'refs/heads/main': 'refs/remotes/origin/main' })
    return this.ref('refs/remotes/origin/main')!
  }

  push(server: GitModel): boolean {
    return this.model.push(server, 'refs/heads/main').kind !== 'rejected'
  }

  /** `refs/lobby/*` through the project's server, forward only (G7). */
  pushLobby(server: GitModel): void {
    for (const [ref] of this.#repo.refs.list('refs/lobby')) this.model.push(server, ref)
  }

  fetchLobby(server: GitModel): void {
    for (const [ref, oid] of server.repo.refs.list('refs/lobby')) {
      const mine = this.ref(ref)
      transfer(server.repo, this.#repo, oid)
      if (mine === undefined || isAncestor(this.#repo.objects, mine, oid)) this.#repo.refs.write(ref, oid)
    }
  }

  /** Whether the server has a commit: who rewrites such a one, rewrites others' history. */
  isShared(server: GitModel, oid: Oid): boolean {
    return server.repo.objects.has(oid)
  }
}
