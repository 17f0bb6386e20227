import { type ObjectFormat, rawIdLength } from './object-id.ts'
import type { Oid, TreeEntry, TreeMode } from './repository.ts'

/**
 * An entry as the bytes of a tree object say it. `key` is the name with one character per byte (latin1): git knows
 * names as bytes, and those of other people's files need not be UTF-8; nor may our rewriting of a folder change them.
 * Comparing keys compares bytes, which is how git sorts.
 */
export interface RawTreeEntry {
  readonly key: string
  readonly mode: number
  readonly oid: Oid
  /** Where the raw id begins in the tree's bytes. */
  readonly at: number
}

/** Reads the bytes of a tree object. */
export type TreeReader = (tree: Oid) => Promise<Uint8Array>

export const TREE_MODE = 0o40000

export function nameToKey(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}

export function keyToName(key: string): string {
  return Buffer.from(key, 'latin1').toString('utf8')
}

/** The entries of a tree object's bytes, in their order. */
export function decodeTree(format: ObjectFormat, content: Uint8Array): readonly RawTreeEntry[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const idLength = rawIdLength(format)
  // Cut out of two strings: asking the buffer for each piece takes five times as long.
  const text = bytes.toString('latin1')
  const hex = bytes.toString('hex')
  const entries: RawTreeEntry[] = []
  let at = 0
  while (at < bytes.length) {
    const space = text.indexOf(' ', at)
    const end = text.indexOf('\0', space + 1)
    if (space < 0 || end < 0 || end + 1 + idLength > bytes.length) throw new Error('a tree object is malformed')
    const idAt = end + 1
    const mode = text.slice(at, space)
    entries.push({
      key: text.slice(space + 1, end),
      mode: mode === '100644' ? 0o100644 : Number.parseInt(mode, 8),
      oid: hex.slice(2 * idAt, 2 * (idAt + idLength)) as Oid,
      at: idAt,
    })
    at = idAt + idLength
  }
  return entries
}

/** The mode as git shows it: old repositories hold others (`100664`), which mean one of these five. */
export function canonicalMode(mode: number): TreeMode {
  switch (mode & 0o170000) {
    case 0o40000:
      return '40000'
    case 0o120000:
      return '120000'
    case 0o160000:
      return '160000'
    default:
      return mode & 0o100 ? '100755' : '100644'
  }
}

/** Entries for readers; a name that is not UTF-8 is shown with replacement characters. */
export function treeEntries(format: ObjectFormat, content: Uint8Array): readonly TreeEntry[] {
  return decodeTree(format, content).map(({ key, mode, oid }) => ({
    mode: canonicalMode(mode),
    name: keyToName(key),
    oid,
  }))
}
