import type { Cursor, Operation } from '../world/operation.ts'
import type { ObjectKey } from '../world/state.ts'
import { type Commit, type Oid, parseOid, type Signature } from './repository.ts'

/** Version of how lines are written (`Lobby-Format`, G2). */
export const LINE_FORMAT = 1

/** Stands for "no operation" in `Lobby-Op`: a line that starts at a feed which is still empty, or was cut before it. */
export const NO_OPERATION = '-'

/** What the trailers of a remote commit say (G2). */
export interface LineTrailers {
  readonly worldId: string
  readonly cursor: Cursor
  /** `opId` at that cursor, or {@link NO_OPERATION}. */
  readonly opId: string
  readonly source: string
  readonly tree: Oid
  readonly format: number
  /** The object that the operation was about; `snapshot` for a whole snapshot, `layout` for another layout (G8). */
  readonly object: string
  /** The line has cleaning rules; its root says which (G5). */
  readonly cleaned: boolean
}

/** Text from the feed, made fit for one line of a commit: no control characters, no line ends, bounded. */
export function oneLine(text: string, limit = 200): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  if (clean.length <= limit) return clean
  // The cut may have left half a character.
  const cut = clean.slice(0, limit - 1).replace(/\p{Cs}$/u, '')
  return `${cut.trimEnd()}…`
}

/**
 * A subject that no code host acts upon: `#12` links no ticket, `@name` pings nobody, `[skip ci]` skips nothing, and
 * `{tree}` is not mistaken for the place of the tree's id (G4).
 */
export function harmless(text: string): string {
  return oneLine(text)
    .replace(/#(?=\w)/g, '# ')
    .replace(/@(?=\w)/g, '@ ')
    .replace(/\[(?=[^\]]*\b(?:ci|skip)\b)/gi, '(')
    .replace(/\*{3}(?=NO_CI)/gi, '')
    .replace(/\{tree\}/g, '(tree)')
}

/** The trailing paragraph of a remote commit; `{tree}` is filled in by the importer. */
export function formatTrailers(
  trailers: Omit<LineTrailers, 'tree' | 'format' | 'cleaned'> & { readonly cleaned?: boolean },
): string {
  const lines: (readonly [string, string])[] = [
    ['Lobby-World', trailers.worldId],
    ['Lobby-Cursor', String(trailers.cursor)],
    ['Lobby-Op', trailers.opId],
    ['Lobby-Source', trailers.source],
    ['Lobby-Object', trailers.object],
    ['Lobby-Format', String(LINE_FORMAT)],
  ]
  // Encoded, so that a value from the feed keeps its exact spelling and can neither end the line nor name a tree.
  if (trailers.cleaned === true) lines.push(['Lobby-Cleaned', 'yes'])
  const text = lines.map(([key, value]) => `${key}: ${encodeValue(value)}\n`).join('')
  return `${text}Lobby-Tree: {tree}\n`
}

/**
 * Percent-encodes what cannot stand in a trailer; ordinary ids and sources are left as they are. Characters that Unicode
 * has yet to assign are ordinary: which ones those are differs between versions of Node, and no commit may (G4).
 */
function encodeValue(value: string): string {
  return value.replace(/[%{}\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^\s|\s$|^$/gu, (c) => (c === '' ? '%' : encodeChar(c)))
}

function encodeChar(char: string): string {
  const code = char.codePointAt(0)!
  // Half a surrogate pair has no UTF-8, but bytes of its own keep its exact spelling.
  const bytes = /\p{Cs}/u.test(char)
    ? [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
    : new TextEncoder().encode(char)
  let out = ''
  for (const byte of bytes) out += `%${byte.toString(16).padStart(2, '0')}`
  return out
}

function decodeValue(value: string): string | undefined {
  if (value === '%') return ''
  const whole = value.replace(/%ed%([ab][0-9a-f])%([89ab][0-9a-f])/g, (_, high: string, low: string) =>
    String.fromCharCode(0xd000 | ((Number.parseInt(high, 16) & 0x3f) << 6) | (Number.parseInt(low, 16) & 0x3f)),
  )
  try {
    return decodeURIComponent(whole)
  } catch {
    return undefined
  }
}

/**
 * Reads the trailers of a commit: from its last paragraph only, each key once. Undefined when they are not all there or
 * the tree is not the one that they name, which makes the commit none of the line's, whatever its message says (G2).
 */
export function readTrailers(commit: Pick<Commit, 'message' | 'tree'>): LineTrailers | undefined {
  const trailers = readUncertified(commit.message)
  return trailers !== undefined && trailers.tree === commit.tree ? trailers : undefined
}

/** Reads the trailers of a commit that may be a copy (rebased, squashed): what they say, certified by nothing. */
export function readUncertified(message: string): LineTrailers | undefined {
  const paragraph = message
    .trimEnd()
    .split(/\n\s*\n/)
    .at(-1)!
  const values = new Map<string, string>()
  for (const line of paragraph.split('\n')) {
    const match = /^(Lobby-[A-Za-z]+): (.*)$/.exec(line)
    if (match === null) continue
    if (values.has(match[1]!)) return undefined
    const value = decodeValue(match[2]!)
    if (value === undefined) return undefined
    values.set(match[1]!, value)
  }
  const worldId = values.get('Lobby-World')
  const cursor = values.get('Lobby-Cursor')
  const opId = values.get('Lobby-Op')
  const tree = values.get('Lobby-Tree')
  if (worldId === undefined || cursor === undefined || opId === undefined || tree === undefined) return undefined
  if (!/^(?:0|[1-9]\d{0,15})$/.test(cursor) || !Number.isSafeInteger(Number(cursor))) return undefined
  if (!/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(tree)) return undefined
  return {
    worldId,
    cursor: Number(cursor),
    opId,
    source: values.get('Lobby-Source') ?? '',
    tree: parseOid(tree),
    format: Number(values.get('Lobby-Format') ?? 0),
    object: values.get('Lobby-Object') ?? '',
    cleaned: values.get('Lobby-Cleaned') === 'yes',
  }
}

/** Beyond so many, a snapshot's message says that all objects may have been written. */
const MOST_REWRITTEN = 10_000

/**
 * The paragraph of a snapshot's message that names the objects which operations wrote that the line never saw (G9): every
 * field of them counts as written, whatever it holds (M2). Empty when there are none.
 */
export function formatRewritten(keys: Iterable<ObjectKey>): string {
  const sorted = [...new Set(keys)].sort()
  if (sorted.length === 0) return ''
  if (sorted.length > MOST_REWRITTEN) return 'Rewritten: *\n\n'
  return `${sorted.map((key) => `Rewritten: ${encodeValue(key)}\n`).join('')}\n`
}

/**
 * The objects of which a snapshot's commit says that every field was written (G9). `all` also where a name cannot be read:
 * what counts as written is asked about, what does not may be overwritten.
 */
export function rewrittenIn(message: string): 'all' | ReadonlySet<ObjectKey> {
  const keys = new Set<ObjectKey>()
  if (readUncertified(message)?.object !== 'snapshot') return keys
  // Neither the subject, which may begin with anybody's name, nor the trailers.
  const paragraphs = message
    .trimEnd()
    .split(/\n\s*\n/)
    .slice(1, -1)
  for (const paragraph of paragraphs) {
    for (const line of paragraph.split('\n')) {
      const value = /^Rewritten: (.*)$/.exec(line)?.[1]
      if (value === undefined) continue
      const key = decodeValue(value)
      if (value === '*' || key === undefined) return 'all'
      keys.add(key as ObjectKey)
    }
  }
  return keys
}

/** Dates that git's history walks can rely on (G4). */
const EARLIEST = 0
const LATEST = Date.UTC(2099, 11, 31, 23, 59, 59) / 1000

const ISO_DATE = /^((?:\d{4}|[+-]\d{6})-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/

/** Seconds since 1970. Only ISO 8601 is read, and UTC where it names no zone: no commit may depend on the machine (G4). */
function seconds(ts: string): number {
  const match = ISO_DATE.exec(ts.trim().toUpperCase())
  if (match === null) return EARLIEST
  const zone = match[3]?.replace(/^([+-]\d\d):?(\d\d)?$/, (_, hours: string, minutes = '00') => `${hours}:${minutes}`)
  const time = Math.floor(Date.parse(`${match[1]}T${match[2] ?? '00:00'}${zone ?? 'Z'}`) / 1000)
  return Number.isFinite(time) ? Math.min(Math.max(time, EARLIEST), LATEST) : EARLIEST
}

/** The author of an operation's commit: the actor as the feed spells it, cleaned for git (G4). */
export function authorOf(operation: Pick<Operation, 'actor' | 'ts'>, worldId: string): Signature {
  const name = gitName(operation.actor)
  return {
    name,
    email: `${emailPart(operation.actor)}@${emailPart(worldId)}.lobby`,
    time: seconds(operation.ts),
    offset: 0,
  }
}

/** The committer of every commit of a line: fixed name, the later of `ts` and the parent's date (G4). */
export function committerOf(ts: string, parentTime: number): Signature {
  return { name: 'gamedev sync', email: 'sync@gamedev.lobby', time: Math.max(seconds(ts), parentTime), offset: 0 }
}

/** git drops these characters from the ends of a name itself; a name of nothing else is none. */
function gitName(actor: string): string {
  const name = oneLine(actor.replace(/[<>]/g, ' '), 100).replace(/^[\s.,:;"'\\]+|[\s.,:;"'\\]+$/g, '')
  return name === '' ? 'unknown' : name
}

function emailPart(text: string): string {
  const part = oneLine(text, 100)
    .replace(/[<>\s@"'\\,;:()[\]]+/g, '-')
    .replace(/^[.-]+|[.-]+$/g, '')
  return part === '' ? 'unknown' : part
}
