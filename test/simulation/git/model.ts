import type { Oid } from '../../../src/git-bridge/repository.ts'
import type { Disk } from '../fs/disk.ts'
import { doAll } from './effects.ts'
import { readCommit } from './objects.ts'
import { type CommitOptions, type CommitOutcome, commit, isUnderWay, move, remove, stage } from './porcelain/commit.ts'
import { abort, type MergeOptions, type MergeOutcome, merge } from './porcelain/merge.ts'
import { commitAt, moveTo, type Refused, resetTo } from './porcelain/operations.ts'
import { cherryPick, type PickOutcome, revert } from './porcelain/pick.ts'
import { type RebaseOutcome, rebase, rebaseAbort, rebaseContinue } from './porcelain/rebase.ts'
import { stashApply, stashStore } from './porcelain/stash.ts'
import { changedFiles } from './porcelain/status.ts'
import { fetch, type PushOutcome, push } from './porcelain/transfer.ts'
import { Repo, type RepoOptions } from './repo.ts'
import { ModelRepository } from './repository.ts'

export { findRepository, forgetRepositories, onInit, registerRepository } from './registry.ts'

/** A repository of a simulated machine: git as its user runs it, synchronously, with nobody to kill it. */
export class GitModel {
  readonly repo: Repo
  readonly folder: string

  /** Makes the repository where there is none yet, HEAD on an unborn `main`. */
  constructor(disk: Disk, folder: string, options: RepoOptions = {}) {
    this.folder = folder
    this.repo = new Repo(disk, folder, options)
    if (this.exists) return
    disk.mkdir(`${this.repo.gitDir}/refs/heads`, { recursive: true })
    this.repo.refs.writeHead({ branch: 'refs/heads/main' })
  }

  /** Whether its git dir is still there. */
  get exists(): boolean {
    return this.repo.disk.file(`${this.repo.gitDir}/HEAD`) !== undefined
  }

  /** The repository as the product opens it. */
  repository(signal?: AbortSignal): ModelRepository {
    return new ModelRepository(this.repo, signal)
  }

  get head(): Oid | undefined {
    return this.repo.head
  }

  /** The branch that HEAD is on, without `refs/heads/`; undefined where it is detached. */
  get branch(): string | undefined {
    return this.repo.refs.branch()?.replace(/^refs\/heads\//, '')
  }

  /** The files that `git status` names. */
  status(): readonly string[] {
    return changedFiles(this.repo)
  }

  /** `git add -A`, of everything by default. */
  add(paths?: readonly string[]): void {
    stage(this.repo, paths)
  }

  /** `git rm` */
  rm(...paths: readonly string[]): void {
    remove(this.repo, paths)
  }

  /** `git mv` */
  mv(from: string, to: string): void {
    move(this.repo, from, to)
  }

  /** `git commit`: concludes a merge too, and brings back what that has put aside. */
  commit(options: CommitOptions = {}): CommitOutcome {
    const outcome = commit(this.repo, options)
    if (outcome.kind === 'committed') this.#bringBack()
    return outcome
  }

  /** `git branch <name> [<revision>]` */
  createBranch(name: string, revision = 'HEAD'): void {
    this.repo.refs.write(`refs/heads/${name}`, commitAt(this.repo, revision))
  }

  /** `git switch [--create] <name>`; refused where local changes are in the way, or something is under way. */
  switch(name: string, options: { readonly create?: boolean } = {}): Refused | undefined {
    const { repo } = this
    const ref = `refs/heads/${name}`
    if (isUnderWay(repo)) return { kind: 'refused', paths: [] }
    if (options.create === true && repo.head !== undefined) repo.refs.write(ref, repo.head)
    const to = repo.refs.read(ref)
    if (to !== undefined && repo.head !== undefined) {
      const refused = moveTo(repo, repo.headTree, readCommit(repo.objects, to).tree)
      if (refused !== undefined) return refused
    }
    repo.refs.writeHead({ branch: ref })
    return undefined
  }

  /** `git merge <revision>` */
  merge(revision: string, options?: MergeOptions): MergeOutcome {
    return merge(this.repo, revision, options)
  }

  /** `git merge --abort`, `git cherry-pick --abort`, `git revert --abort` */
  abort(): void {
    abort(this.repo)
    this.#bringBack()
  }

  /** `git cherry-pick [-m <mainline>] <revision>` */
  cherryPick(revision: string, mainline?: number): PickOutcome {
    return cherryPick(this.repo, revision, mainline)
  }

  /** `git revert --no-edit [-m <mainline>] <revision>` */
  revert(revision: string, mainline?: number): PickOutcome {
    return revert(this.repo, revision, mainline)
  }

  /** `git rebase [--rebase-merges] <upstream>` */
  rebase(upstream: string, options?: { readonly merges?: boolean }): RebaseOutcome {
    return rebase(this.repo, upstream, options)
  }

  /** `git rebase --continue` */
  rebaseContinue(): RebaseOutcome {
    return rebaseContinue(this.repo)
  }

  /** `git rebase --abort` */
  rebaseAbort(): void {
    rebaseAbort(this.repo)
  }

  /** `git reset --hard [<revision>]` */
  resetHard(revision = 'HEAD'): void {
    const oid = commitAt(this.repo, revision)
    doAll(resetTo(this.repo, oid))
    this.repo.refs.write('HEAD', oid)
    for (const name of ['MERGE_HEAD', 'MERGE_MODE', 'MERGE_MSG', 'CHERRY_PICK_HEAD', 'REVERT_HEAD']) {
      this.repo.setState(name, undefined)
    }
  }

  /** Brings refs over from another repository, whatever they were here: `refs/heads/main` → `refs/remotes/origin/main`. */
  fetch(from: GitModel, refs: Readonly<Record<string, string>>): void {
    fetch(this.repo, from.repo, new Map(Object.entries(refs)))
  }

  /** `git push <to> <ref>[:<as>]` */
  push(to: GitModel, ref: string, options: { readonly as?: string; readonly force?: boolean } = {}): PushOutcome {
    return push(this.repo, to.repo, ref, options.as ?? ref, options)
  }

  /** What a merge has put aside comes back when it is concluded or given up. */
  #bringBack(): void {
    const stash = this.repo.state('MERGE_AUTOSTASH') as Oid | undefined
    if (stash === undefined) return
    this.repo.setState('MERGE_AUTOSTASH', undefined)
    const { ok } = doAll(stashApply(this.repo, stash, { index: false }))
    if (!ok) stashStore(this.repo, stash, 'autostash')
  }
}
