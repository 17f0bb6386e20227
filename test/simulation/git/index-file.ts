import type { FileMode, Oid } from '../../../src/git-bridge/repository.ts'
import type { Disk } from '../fs/disk.ts'
import { sortNames } from './objects.ts'
import type { FileItem } from './trees.ts'

/** A file of the index. `seen` is how the file of the work tree was when it was found to have this content. */
export interface IndexEntry extends FileItem {
  readonly seen: Seen | undefined
}

/** As much of a file's state as git keeps of `stat`: whether it changed since can be told without reading it. */
export interface Seen {
  readonly id: number
  readonly version: number
}

/** A conflicted path: base, ours, theirs, as far as they have it. */
export type Stages = readonly [base: FileItem | undefined, ours: FileItem | undefined, theirs: FileItem | undefined]

/** The index of a work tree; changed as a copy, written whole. */
export class Index {
  readonly entries: Map<string, IndexEntry>
  readonly unmerged: Map<string, Stages>

  constructor(
    entries: Iterable<readonly [string, IndexEntry]> = [],
    unmerged: Iterable<readonly [string, Stages]> = [],
  ) {
    this.entries = new Map(entries)
    this.unmerged = new Map(unmerged)
  }

  copy(): Index {
    return new Index(this.entries, this.unmerged)
  }

  has(path: string): boolean {
    return this.entries.has(path) || this.unmerged.has(path)
  }

  /** Puts a file, instead of whatever is at its path, or in its way. */
  set(path: string, entry: IndexEntry): void {
    this.unmerged.delete(path)
    if (!this.entries.has(path)) this.#clearWay(path)
    this.entries.set(path, entry)
  }

  setStages(path: string, stages: Stages): void {
    this.entries.delete(path)
    this.unmerged.set(path, stages)
  }

  delete(path: string): void {
    this.entries.delete(path)
    this.unmerged.delete(path)
  }

  /** Every path, once, in git's order. */
  paths(): string[] {
    return sortNames([...this.entries.keys(), ...this.unmerged.keys()])
  }

  /** A file where a folder was, or the other way round, takes its place. */
  #clearWay(path: string): void {
    for (const map of [this.entries, this.unmerged]) {
      for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1))
        map.delete(path.slice(0, slash))
      const below = `${path}/`
      for (const other of map.keys()) if (other.startsWith(below)) map.delete(other)
    }
  }
}

const MAGIC = 'model index 1\n'

function encode(index: Index): Buffer {
  const lines: string[] = []
  for (const [path, { mode, oid, seen }] of index.entries) {
    lines.push(`${mode} ${oid} 0 ${seen?.id ?? 0} ${seen?.version ?? 0}\t${path}\0`)
  }
  for (const [path, stages] of index.unmerged) {
    stages.forEach((item, n) => {
      if (item !== undefined) lines.push(`${item.mode} ${item.oid} ${n + 1} 0 0\t${path}\0`)
    })
  }
  return Buffer.from(MAGIC + lines.join(''))
}

function decode(bytes: Buffer): Index {
  const text = bytes.toString('utf8')
  if (!text.startsWith(MAGIC)) throw new Error('an index of the model')
  const index = new Index()
  for (const line of text.slice(MAGIC.length).split('\0')) {
    const tab = line.indexOf('\t')
    if (tab < 0) continue
    const path = line.slice(tab + 1)
    const [mode, oid, stage, id, version] = line.slice(0, tab).split(' ')
    const item: FileItem = { mode: mode as FileMode, oid: oid as Oid }
    if (stage === '0') {
      const seen = id === '0' ? undefined : { id: Number(id), version: Number(version) }
      index.entries.set(path, { ...item, seen })
      continue
    }
    const stages = [...(index.unmerged.get(path) ?? [undefined, undefined, undefined])]
    stages[Number(stage) - 1] = item
    index.unmerged.set(path, stages as unknown as Stages)
  }
  return index
}

/** Indexes as files, which a crash leaves as they were or as they shall be; the last one read is kept. */
export class IndexFiles {
  readonly #disk: Disk
  #last: { readonly id: number; readonly version: number; readonly index: Index } | undefined

  constructor(disk: Disk) {
    this.#disk = disk
  }

  /** Not to be changed: {@link Index.copy}. A file that is not there is an empty index. */
  read(path: string): Index {
    const file = this.#disk.file(path)
    if (file === undefined) return new Index()
    if (this.#last?.id === file.id && this.#last.version === file.version) return this.#last.index
    const index = decode(Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength))
    this.#last = { id: file.id, version: file.version, index }
    return index
  }

  write(path: string, index: Index): void {
    this.#disk.putFile(`${path}.lock`, encode(index))
    this.#disk.rename(`${path}.lock`, path)
    const { id, version } = this.#disk.file(path)!
    this.#last = { id, version, index }
  }
}
