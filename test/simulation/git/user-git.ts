/** Stands for src/sync/user-git.ts in the bundle of the simulation: as much of simple-git as the product uses. */
import { look, perform } from '../host.ts'
import { notModelled } from './commands/call.ts'
import { runCommand } from './commands/run.ts'
import { carryOut, type Work } from './effects.ts'
import { readCommit } from './objects.ts'
import { subjectOf } from './porcelain/messages.ts'
import { type StashOutcome, stashDrop, stashPop, stashPush } from './porcelain/stash.ts'
import { changedFiles } from './porcelain/status.ts'
import { findRepository, initRepository } from './registry.ts'
import type { Repo } from './repo.ts'
import { resolveRevision, stashes } from './revision.ts'
import { refresh } from './work-tree.ts'

export async function userGit(folder: string): Promise<UserGit> {
  return new UserGit(folder)
}

class UserGit {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  init(): Promise<void> {
    return perform('git init', () => initRepository(this.#folder))
  }

  addConfig(key: string, value: string): Promise<void> {
    return perform(`config ${key}`, () => this.#repo.local.set(key, value))
  }

  async status(): Promise<{ readonly files: readonly { readonly path: string }[] }> {
    await look(() => undefined)
    await carryOut(refresh(this.#repo))
    return { files: changedFiles(this.#repo).map((path) => ({ path })) }
  }

  async stash(args: readonly string[]): Promise<string> {
    await look(() => undefined)
    const { ok, said } = await carryOut(this.#stash(args))
    // As simple-git sees it: conflicts are told on standard output, which is no failure.
    if (!ok && said !== 'CONFLICT') throw new Error(said)
    return said
  }

  #stash(args: readonly string[]): Work<StashOutcome> {
    const [verb, ...rest] = args
    if (verb === 'push' && rest[0] === '--message') return stashPush(this.#repo, rest[1]!)
    if (verb === 'pop') return stashPop(this.#repo, rest.at(-1)!, { index: rest.includes('--index') })
    if (verb === 'drop') return stashDrop(this.#repo, rest[0]!)
    throw notModelled(['stash', ...args])
  }

  async raw(args: readonly string[]): Promise<string> {
    await look(() => undefined)
    const repo = this.#repo
    if (args.join(' ') === 'stash list --format=%gd %s') {
      return stashes(repo)
        .map(({ oid }, n) => `stash@{${n}} ${subjectOf(readCommit(repo.objects, oid).message)}\n`)
        .join('')
    }
    if (args[0] === 'rev-parse' && args[1] === '--verify') {
      const oid = resolveRevision(repo, args[2]!)
      if (oid === undefined) throw new Error('fatal: Needed a single revision')
      return `${oid}\n`
    }
    return (await carryOut(runCommand(repo, args))).stdout.toString('utf8')
  }

  get #repo(): Repo {
    const model = findRepository(this.#folder)
    if (model === undefined) throw new Error(`fatal: not a git repository: ${this.#folder}`)
    return model.repo
  }
}
