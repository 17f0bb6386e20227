import { createHash } from 'node:crypto'
import type { Oid } from './repository.ts'

/** The hash a repository names its objects by. */
export type ObjectFormat = 'sha1' | 'sha256'

/** The kinds of object the bridge writes. */
export type ObjectType = 'blob' | 'tree' | 'commit'

/** The id git gives to an object of this type and content. */
export function objectId(format: ObjectFormat, type: ObjectType, content: Uint8Array): Oid {
  const hash = createHash(format)
  hash.update(`${type} ${content.length}\0`, 'latin1')
  return hash.update(content).digest('hex') as Oid
}

/** Bytes of a raw object id, as trees hold it. */
export function rawIdLength(format: ObjectFormat): 20 | 32 {
  return format === 'sha1' ? 20 : 32
}

/** The id that git's ref commands read as "no object". */
export function nullId(format: ObjectFormat): string {
  return '0'.repeat(2 * rawIdLength(format))
}

/** The id of the tree without entries; git knows it in every repository without it being written. */
export function emptyTreeId(format: ObjectFormat): Oid {
  return objectId(format, 'tree', new Uint8Array())
}
