import { missingObject } from '../apply-edits.ts'
import { type CommitContent, decodeCommit, encodeCommit } from '../commit-object.ts'
import type { ObjectType } from '../object-id.ts'
import type { Commit, Oid } from '../repository.ts'

type Git = typeof import('isomorphic-git')
type GitFs = Parameters<Git['init']>[0]['fs']

/** isomorphic-git and the file system it works on. */
export interface GitHome {
  readonly git: Git
  readonly fs: GitFs
  readonly gitdir: string
}

/** Objects by isomorphic-git; commits, which history walks read again and again, are decoded once. */
export class ObjectStore {
  readonly #home: GitHome
  readonly #commits = new Map<Oid, Commit>()

  constructor(home: GitHome) {
    this.#home = home
  }

  /** The object, undefined when it is not here. */
  async read(oid: Oid): Promise<{ readonly type: string; readonly content: Uint8Array } | undefined> {
    const { git, fs, gitdir } = this.#home
    try {
      const { type, object } = await git.readObject({ fs, gitdir, oid, format: 'content' })
      return { type, content: object as Uint8Array }
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** The content of an object that must be here and of this type. */
  async content(oid: Oid, type: ObjectType): Promise<Uint8Array> {
    const object = await this.read(oid)
    if (object?.type !== type) throw missingObject(oid, type)
    return object.content
  }

  async commit(oid: Oid): Promise<Commit> {
    const known = this.#commits.get(oid)
    if (known) return known
    const commit = decodeCommit(oid, await this.content(oid, 'commit'))
    this.#commits.set(oid, commit)
    return commit
  }

  async write(type: ObjectType, content: Uint8Array): Promise<Oid> {
    const { git, fs, gitdir } = this.#home
    return (await git.writeObject({ fs, gitdir, type, object: content, format: 'content' })) as Oid
  }

  writeCommit(commit: CommitContent): Promise<Oid> {
    return this.write('commit', encodeCommit(commit))
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'NotFoundError'
}
