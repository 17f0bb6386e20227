import type { Cursor, Operation } from '../world/operation.ts'
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
  /** The object that the operation was about, `snapshot` for a commit that holds a whole snapshot. */
  readonly object: string
}

/** Text from the feed, made fit for one line of a commit: no control characters, no line ends, bounded. */
export function oneLine(text: string, limit = 200): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return clean.length <= limit ? clean : `${clean.slice(0, limit - 1).trimEnd()}…`
}

/**
 * A subject that no code host acts upon: `#12` links no ticket, `@name` pings nobody, `[skip ci]` skips nothing, and
 * `{tree}` is not mistaken for the place of the tree's id (G4).
 */
export function harmless(text: string): string {
  return oneLine(text)
    .replace(/#(?=\w)/g, '# ')
    .replace(/@(?=\w)/g, '@ ')
    .replace(/\[(?=[^\]]*\b(?:ci|actions|netlify|vercel)\b)/gi, '(')
    .replace(/\{tree\}/g, '(tree)')
}

/** The trailing paragraph of a remote commit; `{tree}` is filled in by the importer. */
export function formatTrailers(trailers: Omit<LineTrailers, 'tree' | 'format'>): string {
  const lines: readonly (readonly [string, string])[] = [
    ['Lobby-World', trailers.worldId],
    ['Lobby-Cursor', String(trailers.cursor)],
    ['Lobby-Op', trailers.opId],
    ['Lobby-Source', trailers.source],
    ['Lobby-Object', trailers.object],
    ['Lobby-Format', String(LINE_FORMAT)],
  ]
  // Encoded, so that a value from the feed keeps its exact spelling and can neither end the line nor name a tree.
  const text = lines.map(([key, value]) => `${key}: ${encodeValue(value)}\n`).join('')
  return `${text}Lobby-Tree: {tree}\n`
}

/** Percent-encodes what cannot stand in a trailer; ordinary ids and sources are left as they are. */
function encodeValue(value: string): string {
  return value.replace(/[%{}\p{C}\p{Zl}\p{Zp}]|^\s|\s$|^$/gu, (c) => (c === '' ? '%' : encodeChar(c)))
}

function encodeChar(char: string): string {
  let out = ''
  for (const byte of new TextEncoder().encode(char)) out += `%${byte.toString(16).padStart(2, '0')}`
  return out
}

function decodeValue(value: string): string | undefined {
  if (value === '%') return ''
  try {
    return decodeURIComponent(value)
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
  const paragraph =
    message
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? ''
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
  if (!/^(?:0|[1-9]\d{0,15})$/.test(cursor) || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(tree)) return undefined
  return {
    worldId,
    cursor: Number(cursor),
    opId,
    source: values.get('Lobby-Source') ?? '',
    tree: parseOid(tree),
    format: Number(values.get('Lobby-Format') ?? 0),
    object: values.get('Lobby-Object') ?? '',
  }
}

/** Dates that git's history walks can rely on (G4). */
const EARLIEST = 0
const LATEST = Date.UTC(2099, 11, 31, 23, 59, 59) / 1000

function seconds(ts: string): number {
  const time = Math.floor(Date.parse(ts) / 1000)
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
