/** What a path of a {@link Disk} leads to. `version` is new after every change, as a file's times are. */
export type DiskNode = FileNode | FolderNode | LinkNode

export interface FileNode {
  readonly kind: 'file'
  readonly id: number
  /** Never changed in place: a write brings new bytes. */
  bytes: Uint8Array
  mode: number
  links: number
  version: number
  time: number
}

export interface FolderNode {
  readonly kind: 'folder'
  readonly id: number
  readonly entries: Map<string, DiskNode>
  mode: number
  version: number
  time: number
}

export interface LinkNode {
  readonly kind: 'link'
  readonly id: number
  readonly target: string
  readonly version: number
  readonly time: number
}

const TYPE = { file: 0o100000, folder: 0o40000, link: 0o120000 } as const

/** What `stat` tells, as far as anybody here asks. */
export class DiskStats {
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly size: number
  readonly mtimeMs: number
  readonly #kind: DiskNode['kind']

  constructor(node: DiskNode) {
    this.#kind = node.kind
    this.ino = node.id
    this.mode = TYPE[node.kind] | (node.kind === 'link' ? 0o777 : node.mode)
    this.nlink = node.kind === 'file' ? node.links : 1
    this.size = node.kind === 'file' ? node.bytes.length : node.kind === 'link' ? node.target.length : 4096
    this.mtimeMs = node.time
  }

  isFile(): boolean {
    return this.#kind === 'file'
  }

  isDirectory(): boolean {
    return this.#kind === 'folder'
  }

  isSymbolicLink(): boolean {
    return this.#kind === 'link'
  }
}

/** An entry of a folder, as `readdir` with `withFileTypes` gives it. */
export class DiskEntry {
  readonly name: string
  readonly parentPath: string
  readonly path: string
  readonly #kind: DiskNode['kind']

  constructor(name: string, folder: string, node: DiskNode) {
    this.name = name
    this.parentPath = folder
    this.path = folder
    this.#kind = node.kind
  }

  isFile(): boolean {
    return this.#kind === 'file'
  }

  isDirectory(): boolean {
    return this.#kind === 'folder'
  }

  isSymbolicLink(): boolean {
    return this.#kind === 'link'
  }
}
