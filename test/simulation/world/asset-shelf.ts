import { createHash } from 'node:crypto'

export type ShelfOutcome =
  | { readonly kind: 'stored'; readonly filename: string }
  | { readonly kind: 'invalid_filename' }
  | { readonly kind: 'hash_mismatch'; readonly filename: string }

const SAFE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/
const EXTENSION = /^[a-z0-9]{1,16}$/
const HASH = /^[0-9a-f]{64}$/
const HASHED = /^[0-9a-f]{64}\./

/** The assets of a world: bytes by file name, content-addressed but for the built-in ones (protocol, section 7). */
export class AssetShelf {
  readonly #files = new Map<string, { readonly bytes: Buffer; readonly storedAt: number }>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
    for (const name of ['Model.glb', 'scene.js', 'sky.jpg', 'sky.hdr']) this.#store(name, `built-in ${name}\n`)
  }

  find(filename: string): Buffer | undefined {
    return SAFE_NAME.test(filename) ? this.#files.get(filename)?.bytes : undefined
  }

  /** Stores bytes under their hash, whatever the name says but for its extension; `verify` refuses another hash in it. */
  put(name: string, bytes: Uint8Array, verify: boolean): ShelfOutcome {
    const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase()
    if (!EXTENSION.test(extension)) return { kind: 'invalid_filename' }
    const hash = createHash('sha256').update(bytes).digest('hex')
    const filename = `${hash}.${extension}`
    const promised = name.slice(0, name.lastIndexOf('.')).toLowerCase()
    if (verify && HASH.test(promised) && promised !== hash) return { kind: 'hash_mismatch', filename }
    if (!this.#files.has(filename)) this.#store(filename, bytes)
    return { kind: 'stored', filename }
  }

  /** Drops a file, as a disk may; nothing in the protocol does it but a cleaning. */
  remove(filename: string): void {
    this.#files.delete(filename)
  }

  /** Uploaded files that have been there for `ms` milliseconds, in order of their names. */
  olderThan(ms: number): readonly string[] {
    const old = [...this.#files].filter(([name, { storedAt }]) => HASHED.test(name) && storedAt <= this.#now() - ms)
    return old.map(([name]) => name).sort()
  }

  #store(filename: string, bytes: string | Uint8Array): void {
    this.#files.set(filename, { bytes: Buffer.from(bytes as Uint8Array), storedAt: this.#now() })
  }
}
