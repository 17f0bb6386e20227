import { createHash, type Hash } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate, deflateSync, type ZlibOptions } from 'node:zlib'
import type { ObjectFormat, ObjectType } from '../object-id.ts'
import type { Oid } from '../repository.ts'
import { ChildInput } from './child-input.ts'
import { DURABLE, MOST_LOOSE } from './durable.ts'
import { type GitContext, gitFailure, spawnGit } from './git-process.ts'

/** An object to be written, whose id has been computed. */
export interface NewObject {
  readonly type: ObjectType
  readonly content: Uint8Array
}

/** Content above this is compressed off the main thread. */
const LARGE = 65_536

const PACK_TYPE: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3 }

const deflateAside = promisify<Uint8Array, ZlibOptions, Buffer>(deflate)

/**
 * Writes objects durably with one git process, whatever their number and types: git is sent a pack, as by a fetch. The
 * objects are in the repository when this returns, with no ref naming them yet.
 */
export async function writeObjects(
  context: GitContext,
  format: ObjectFormat,
  objects: ReadonlyMap<Oid, NewObject>,
): Promise<void> {
  if (objects.size === 0) return
  const command = objects.size <= MOST_LOOSE ? ['unpack-objects', '-q'] : ['index-pack', '--stdin']
  const args = [...DURABLE, ...command]
  const child = spawnGit(context, args)
  child.process.stdout.resume()
  const input = new ChildInput(child)
  const hash = createHash(format)
  await send(input, hash, packHeader(objects.size))
  for (const { type, content } of objects.values()) {
    if (!input.open) break
    // A tree is mostly ids, which no effort makes smaller.
    const effort = type === 'tree' ? { level: 1 } : {}
    const packed = content.length > LARGE ? await deflateAside(content, effort) : deflateSync(content, effort)
    await send(input, hash, entryHeader(PACK_TYPE[type], content.length), packed)
  }
  await input.write(hash.digest())
  await input.end()
  const exit = await child.exit
  if (exit.code !== 0) throw gitFailure(args, exit)
}

async function send(input: ChildInput, hash: Hash, ...pieces: readonly Uint8Array[]): Promise<void> {
  for (const piece of pieces) hash.update(piece)
  await input.write(...pieces)
}

function packHeader(count: number): Buffer {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  header.writeUInt32BE(count, 8)
  return header
}

/** Three bits of type and a size in groups of four, then seven bits, the lowest first. */
function entryHeader(type: number, size: number): Buffer {
  const bytes: number[] = []
  let byte = (type << 4) | (size % 16)
  let rest = Math.floor(size / 16)
  while (rest > 0) {
    bytes.push(byte | 0x80)
    byte = rest % 128
    rest = Math.floor(rest / 128)
  }
  bytes.push(byte)
  return Buffer.from(bytes)
}
