import type { Oid } from '../../../src/git-bridge/repository.ts'
import type { Disk } from '../fs/disk.ts'
import { sortedByName } from './objects.ts'

const OID = /^[0-9a-f]{40}$/

/** Refs as files, each replaced in one step: `HEAD`, `MERGE_HEAD`, `refs/heads/main`. */
export class RefFiles {
  readonly #disk: Disk
  readonly #gitDir: string

  constructor(disk: Disk, gitDir: string) {
    this.#disk = disk
    this.#gitDir = gitDir
  }

  /** What a ref names, symbolic ones followed; undefined where it is not there, or broken. */
  read(ref: string): Oid | undefined {
    const text = this.#disk.readText(`${this.#gitDir}/${ref}`)?.trimEnd()
    if (text === undefined) return undefined
    if (text.startsWith('ref: ')) return this.read(text.slice(5))
    return OID.test(text) ? (text as Oid) : undefined
  }

  /** The branch that HEAD is on, born or not; undefined where it is detached. */
  branch(): string | undefined {
    const text = this.#disk.readText(`${this.#gitDir}/HEAD`)?.trimEnd()
    return text?.startsWith('ref: ') ? text.slice(5) : undefined
  }

  /** Refs below a folder of refs, in the order of their names. */
  list(prefix: string): Map<string, Oid> {
    const found = new Map<string, Oid>()
    const visit = (folder: string): void => {
      const node = this.#disk.find(`${this.#gitDir}/${folder}`)
      if (node?.kind !== 'folder') return
      for (const [name, entry] of node.entries) {
        const ref = `${folder}/${name}`
        if (entry.kind === 'folder') visit(ref)
        else {
          const oid = this.read(ref)
          if (oid !== undefined) found.set(ref, oid)
        }
      }
    }
    visit(prefix)
    return sortedByName(found)
  }

  /** Why a ref cannot come to be: another one is in its place, or above it. */
  obstacle(ref: string): string | undefined {
    if (this.list(ref).size > 0) return [...this.list(ref).keys()][0]
    const names = ref.split('/')
    for (let n = 1; n < names.length; n += 1) {
      const above = names.slice(0, n).join('/')
      if (this.#disk.file(`${this.#gitDir}/${above}`) !== undefined) return above
    }
    return undefined
  }

  /** Moves a ref, the branch behind `HEAD` where that is symbolic; undefined deletes it. */
  write(ref: string, next: Oid | undefined): void {
    const real = ref === 'HEAD' ? (this.branch() ?? ref) : ref
    const path = `${this.#gitDir}/${real}`
    if (next !== undefined) {
      this.#clear(real)
      this.#put(path, `${next}\n`)
      return
    }
    if (this.#disk.file(path) === undefined) return
    this.#disk.unlink(path)
    // Folders of refs go when they are empty, but for `refs/heads` and the like.
    const names = real.split('/').slice(0, -1)
    for (; names.length > 2; names.pop()) {
      const folder = this.#disk.find(`${this.#gitDir}/${names.join('/')}`)
      if (folder?.kind !== 'folder' || folder.entries.size > 0) return
      this.#disk.rmdir(`${this.#gitDir}/${names.join('/')}`)
    }
  }

  /** Points HEAD at a branch, or at a commit. */
  writeHead(target: { readonly branch: string } | { readonly oid: Oid }): void {
    this.#put(`${this.#gitDir}/HEAD`, 'branch' in target ? `ref: ${target.branch}\n` : `${target.oid}\n`)
  }

  /** Empty folders in the place of a ref give way. */
  #clear(ref: string): void {
    const path = `${this.#gitDir}/${ref}`
    if (this.#disk.find(path)?.kind === 'folder') this.#disk.rm(path, { recursive: true })
  }

  #put(path: string, text: string): void {
    this.#disk.mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true })
    this.#disk.putFile(`${path}.lock`, Buffer.from(text))
    this.#disk.rename(`${path}.lock`, path)
  }
}
