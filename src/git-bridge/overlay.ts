import type { FileMode, Oid, Repository, TreeEdit } from './repository.ts'

/**
 * A tree being edited: what a commit holds, with changes on top. Reads go to the repository only for what is asked for;
 * writes stay in memory until {@link Overlay.take} hands them out.
 *
 * Paths are relative to `prefix`, the project's folder with a final slash (empty for the whole repository).
 */
export class Overlay {
  readonly #repository: Repository
  /** What it lies over. */
  readonly base: Oid | undefined
  readonly #prefix: string
  /** Path → what is there now; null: nothing. Everything ever changed, or looked up in the base. */
  readonly #entries = new Map<
    string,
    { readonly oid: Oid; readonly mode: FileMode; readonly bytes?: Uint8Array } | null
  >()
  readonly #listed = new Set<string>()
  #edits = new Map<string, TreeEdit>()
  /** What stood at the paths of the edits before the first of them. */
  #before = new Map<string, Oid | undefined>()

  constructor(repository: Repository, base: Oid | undefined, prefix: string) {
    this.#repository = repository
    this.base = base
    this.#prefix = prefix
  }

  /** Looks several paths up in one go, so that {@link oid} answers without waiting. */
  async prefetch(paths: Iterable<string>): Promise<void> {
    const base = this.base
    const missing = [...new Set(paths)].filter((path) => !this.#entries.has(path))
    await Promise.all(
      missing.map(async (path) => {
        const found = base === undefined ? undefined : await this.#repository.lookup(base, this.#prefix + path)
        if (this.#entries.has(path)) return
        const isFile = found !== undefined && found.mode !== '40000'
        this.#entries.set(path, isFile ? { oid: found.oid, mode: found.mode as FileMode } : null)
      }),
    )
  }

  /** The blob at a path, undefined where there is none. */
  async oid(path: string): Promise<Oid | undefined> {
    if (!this.#entries.has(path)) await this.prefetch([path])
    return this.#entries.get(path)?.oid
  }

  async bytes(path: string): Promise<Uint8Array | undefined> {
    const oid = await this.oid(path)
    if (oid === undefined) return undefined
    const entry = this.#entries.get(path)
    return entry?.bytes ?? (await this.#repository.readBlobs([oid])).get(oid)
  }

  /** All files below a folder (`apps/`), with their blobs. */
  async list(folder: string): Promise<ReadonlyMap<string, Oid>> {
    if (!this.#listed.has(folder)) {
      this.#listed.add(folder)
      const base = this.base
      const below = (this.#prefix + folder).replace(/\/$/, '')
      const files = base === undefined ? [] : await this.#repository.listFiles(base, below)
      for (const file of files) {
        const path = file.path.slice(this.#prefix.length)
        if (!this.#entries.has(path)) this.#entries.set(path, { oid: file.oid, mode: file.mode })
      }
    }
    const files = new Map<string, Oid>()
    for (const [path, entry] of this.#entries) if (entry !== null && path.startsWith(folder)) files.set(path, entry.oid)
    return files
  }

  /** Sets a file's content; does nothing where it is there already. */
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const oid = this.#repository.hashBlob(bytes)
    const before = await this.oid(path)
    if (before === oid) return
    this.#entries.set(path, { oid, mode: '100644', bytes })
    this.#edit(path, before, { path: this.#prefix + path, kind: 'write', bytes })
  }

  /** Sets a file to a blob that exists; does nothing where it is there already. */
  async put(path: string, oid: Oid, mode: FileMode = '100644'): Promise<void> {
    const before = await this.oid(path)
    if (before === oid) return
    this.#entries.set(path, { oid, mode })
    this.#edit(path, before, { path: this.#prefix + path, kind: 'put', oid, mode })
  }

  async delete(path: string): Promise<void> {
    const before = await this.oid(path)
    if (before === undefined) return
    this.#entries.set(path, null)
    this.#edit(path, before, { path: this.#prefix + path, kind: 'delete' })
  }

  /** Edits apply in order, so the last one of a path comes last: a file may have made way for a folder before. */
  #edit(path: string, before: Oid | undefined, edit: TreeEdit): void {
    if (!this.#before.has(path)) this.#before.set(path, before)
    this.#edits.delete(path)
    this.#edits.set(path, edit)
  }

  /** The files that are not as they were at the last {@link take}, and their blobs then and now. */
  changed(): ReadonlyMap<string, { readonly before: Oid | undefined; readonly after: Oid | undefined }> {
    const changed = new Map<string, { before: Oid | undefined; after: Oid | undefined }>()
    for (const [path, before] of this.#before) {
      const after = this.#entries.get(path)?.oid
      if (after !== before) changed.set(path, { before, after })
    }
    return changed
  }

  /** The changes since the last call: one commit's worth. */
  take(): readonly TreeEdit[] {
    const edits = [...this.#edits.values()]
    this.#edits = new Map()
    this.#before = new Map()
    return edits
  }
}
