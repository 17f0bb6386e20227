import { assert } from '../world/errors.ts'
import { type Commit, type Oid, parseOid, type Signature } from './repository.ts'

/** What a commit object says, its id apart. */
export type CommitContent = Omit<Commit, 'oid'>

/** `Name <email> seconds +hhmm`, as commits and fast-import spell it. A name that git would choke on is a bug of ours. */
export function formatSignature({ name, email, time, offset }: Signature): string {
  const clean = (text: string): boolean => !/[<>\n\0]/.test(text)
  assert(
    name !== '' && clean(name) && clean(email),
    `a name and e-mail that git can hold: ${JSON.stringify([name, email])}`,
  )
  assert(Number.isSafeInteger(time) && time >= 0, `a commit time in whole seconds since 1970: ${time}`)
  assert(Number.isInteger(offset) && Math.abs(offset) <= 14 * 60, `a UTC offset in minutes: ${offset}`)
  const east = Math.abs(offset)
  const digits = String(Math.floor(east / 60) * 100 + (east % 60)).padStart(4, '0')
  return `${name} <${email}> ${time} ${offset < 0 ? '-' : '+'}${digits}`
}

/** The bytes of a commit object. */
export function encodeCommit(commit: CommitContent): Buffer {
  assert(!commit.message.includes('\0'), 'a commit message without NUL')
  const parents = commit.parents.map((parent) => `parent ${parent}\n`).join('')
  return Buffer.from(
    `tree ${commit.tree}\n${parents}author ${formatSignature(commit.author)}\n` +
      `committer ${formatSignature(commit.committer)}\n\n${commit.message}`,
  )
}

/** Reads a commit object, ours or anybody's: what is malformed in it is read as empty, never refused. */
export function decodeCommit(oid: Oid, content: Uint8Array): Commit {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  const blank = bytes.indexOf('\n\n')
  const head = bytes.subarray(0, blank < 0 ? bytes.length : blank)
  const headers = head.toString('latin1').split('\n')
  const values = (key: string): string[] =>
    headers.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1))
  const decode = decoderFor(values('encoding')[0])
  const signature = (key: string): Signature => parseSignature(decode(Buffer.from(values(key)[0] ?? '', 'latin1')))
  return {
    oid,
    tree: parseOid(values('tree')[0] ?? ''),
    parents: values('parent').map(parseOid),
    author: signature('author'),
    committer: signature('committer'),
    message: blank < 0 ? '' : decode(bytes.subarray(blank + 2)),
  }
}

function decoderFor(encoding: string | undefined): (bytes: Uint8Array) => string {
  if (encoding !== undefined) {
    try {
      const decoder = new TextDecoder(encoding, { ignoreBOM: true })
      return (bytes) => decoder.decode(bytes)
    } catch {
      // An encoding nobody knows is read as UTF-8, as git does.
    }
  }
  return (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function parseSignature(text: string): Signature {
  const open = text.indexOf('<')
  const close = text.lastIndexOf('>')
  if (open < 0 || close < open) return { name: text.trim(), email: '', time: 0, offset: 0 }
  const date = /^ (\d+) ([+-])(\d+)(\d\d)$/.exec(text.slice(close + 1))
  const east = date === null ? 0 : Number(date[3]) * 60 + Number(date[4])
  return {
    name: text.slice(0, open).trim(),
    email: text.slice(open + 1, close),
    time: date === null ? 0 : Number(date[1]),
    offset: date?.[2] === '-' ? -east : east,
  }
}
