import type { Oid, Signature } from '../../../src/git-bridge/repository.ts'
import type { Disk } from '../fs/disk.ts'
import { theHost } from '../host.ts'
import { type Config, ConfigFile, configKey } from './config.ts'
import { type Index, IndexFiles } from './index-file.ts'
import { EMPTY_TREE, ObjectStore, readCommit } from './objects.ts'
import { RefFiles } from './refs.ts'

/** What a repository of the model gets from outside. */
export interface RepoOptions {
  /** No work tree: the folder is the git dir. */
  readonly bare?: boolean
  /** The configuration of the machine's user: `user.name`, `merge.conflictStyle` … */
  readonly config?: Readonly<Record<string, string>>
  /** Milliseconds since 1970; by default the host's clock. */
  readonly now?: () => number
}

/** Where a repository of the model is, and its parts; what git does with them stands in the modules beside this one. */
export class Repo {
  readonly disk: Disk
  readonly gitDir: string
  readonly workTree: string | undefined
  readonly objects = new ObjectStore()
  readonly refs: RefFiles
  readonly local: ConfigFile
  readonly #indexes: IndexFiles
  readonly #user: Config
  readonly #now: () => number

  constructor(disk: Disk, folder: string, { bare = false, config = {}, now = () => theHost().now }: RepoOptions = {}) {
    this.disk = disk
    this.workTree = bare ? undefined : folder
    this.gitDir = bare ? folder : `${folder}/.git`
    this.refs = new RefFiles(disk, this.gitDir)
    this.local = new ConfigFile(disk, `${this.gitDir}/config`)
    this.#indexes = new IndexFiles(disk)
    this.#user = new Map(Object.entries(config).map(([key, value]) => [configKey(key), value]))
    this.#now = now
  }

  /** The index; not to be changed in place. */
  get index(): Index {
    return this.readIndex(`${this.gitDir}/index`)
  }

  readIndex(path: string): Index {
    return this.#indexes.read(path)
  }

  writeIndex(index: Index, path = `${this.gitDir}/index`): void {
    this.#indexes.write(path, index)
  }

  get head(): Oid | undefined {
    return this.refs.read('HEAD')
  }

  /** The tree of HEAD; the empty one before the first commit. */
  get headTree(): Oid {
    const { head } = this
    return head === undefined ? EMPTY_TREE : readCommit(this.objects, head).tree
  }

  /** Repository before user. */
  config(key: string): string | undefined {
    return this.local.get(key) ?? this.userConfig(key)
  }

  userConfig(key: string): string | undefined {
    return this.#user.get(configKey(key))
  }

  /** Who commits now; undefined where nobody has said. */
  get identity(): Signature | undefined {
    const [name, email] = [this.config('user.name'), this.config('user.email')]
    if (name === undefined || email === undefined) return undefined
    return { name, email, time: Math.floor(this.#now() / 1000), offset: 0 }
  }

  /** A file of the git dir, without what ends its last line. */
  state(name: string): string | undefined {
    return this.disk.readText(`${this.gitDir}/${name}`)?.trimEnd()
  }

  /** Writes a file of the git dir; undefined removes it. */
  setState(name: string, text: string | undefined): void {
    const path = `${this.gitDir}/${name}`
    if (text === undefined) this.disk.rm(path, { recursive: true, force: true })
    else {
      this.disk.mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true })
      this.disk.putFile(path, Buffer.from(text))
    }
  }
}
