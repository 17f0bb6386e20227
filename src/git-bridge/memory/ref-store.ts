import { assert, SyncError } from '../../world/errors.ts'
import { assertRefName } from '../ref-name.ts'
import type { Oid } from '../repository.ts'
import { type GitHome, isNotFound } from './object-store.ts'

/** Refs by isomorphic-git, moved one at a time so that compare-and-swap is what it says. */
export class RefStore {
  readonly #home: GitHome
  #last: Promise<unknown> = Promise.resolve()

  constructor(home: GitHome) {
    this.#home = home
  }

  async read(ref: string): Promise<Oid | undefined> {
    assertRefName(ref)
    const { git, fs, gitdir } = this.#home
    try {
      // As a revision is read, `refs/lobby/remote` also means `refs/heads/refs/lobby/remote`; as a ref it does not.
      if ((await git.expandRef({ fs, gitdir, ref })) !== ref) return undefined
      return (await git.resolveRef({ fs, gitdir, ref })) as Oid
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async list(prefix: string): Promise<ReadonlyMap<string, Oid>> {
    const folder = prefix.replace(/\/+$/, '')
    assert(folder === 'refs' || folder.startsWith('refs/'), `a prefix of refs: ${JSON.stringify(prefix)}`)
    const { git, fs, gitdir } = this.#home
    const names = await git.listRefs({ fs, gitdir, filepath: folder })
    const refs = names.map((name) => `${folder}/${name}`).sort()
    const found = new Map<string, Oid>()
    for (const ref of refs) {
      const oid = await this.read(ref)
      if (oid !== undefined) found.set(ref, oid)
    }
    return found
  }

  /** See {@link Repository.updateRef}. */
  update(ref: string, next: Oid | undefined, expected: Oid | undefined): Promise<boolean> {
    const done = this.#last.then(() => this.#swap(ref, next, expected))
    this.#last = done.catch(() => {})
    return done
  }

  async #swap(ref: string, next: Oid | undefined, expected: Oid | undefined): Promise<boolean> {
    if ((await this.read(ref)) !== expected) return false
    const { git, fs, gitdir } = this.#home
    const target = await this.#behind(ref)
    try {
      if (next !== undefined) await git.writeRef({ fs, gitdir, ref: target, value: next, force: true })
      else if (expected !== undefined) await git.deleteRef({ fs, gitdir, ref: target })
    } catch (cause) {
      throw new SyncError('ref_refused', `git cannot move ${ref}.`, { cause, data: { ref, next, expected } })
    }
    return true
  }

  /** The branch that a symbolic ref stands for, else the ref itself. */
  async #behind(ref: string): Promise<string> {
    if (ref !== 'HEAD') return ref
    const { git, fs, gitdir } = this.#home
    return git.resolveRef({ fs, gitdir, ref, depth: 2 })
  }
}
