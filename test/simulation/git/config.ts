import type { Disk } from '../fs/disk.ts'

/** A configuration file: keys in lower case but for what stands between the first and the last dot. */
export type Config = ReadonlyMap<string, string>

export function configKey(key: string): string {
  const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')]
  return key.slice(0, first).toLowerCase() + key.slice(first, last) + key.slice(last).toLowerCase()
}

/** The configuration of a repository, a file; one value for each key. */
export class ConfigFile {
  readonly #disk: Disk
  readonly #path: string
  #read: { readonly version: number; readonly config: Config } | undefined

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  all(): Config {
    const file = this.#disk.file(this.#path)
    if (file === undefined) return new Map()
    if (this.#read?.version !== file.version) {
      const pairs = JSON.parse(this.#disk.readText(this.#path)!) as [string, string][]
      this.#read = { version: file.version, config: new Map(pairs) }
    }
    return this.#read.config
  }

  get(key: string): string | undefined {
    return this.all().get(configKey(key))
  }

  /** Undefined takes the key away. */
  set(key: string, value: string | undefined): void {
    const next = new Map(this.all())
    if (value === undefined) next.delete(configKey(key))
    else next.set(configKey(key), value)
    this.#disk.putFile(`${this.#path}.lock`, Buffer.from(JSON.stringify([...next])))
    this.#disk.rename(`${this.#path}.lock`, this.#path)
  }
}
