import { isUtf8 } from 'node:buffer'

export type ParsedJson =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly why: string }

/** What one answer may hold (S3). */
export interface JsonBounds {
  readonly maxDepth: number
  readonly maxValues: number
}

const COMMA = 0x2c
const ZERO = 0x30
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Parses an answer that nobody vouches for (S3). Nesting and values are counted on the bytes, before anything makes
 * objects of them: what nests deeper than `maxDepth` becomes 0 there. The object that it is part of is refused by its
 * reader, who allows less; the rest of the answer stands. Bytes that are no UTF-8 are refused instead of becoming
 * U+FFFD. `__proto__` stays an own key. The bytes are given away: they may be changed.
 */
export function parseJson(bytes: Buffer, { maxDepth, maxValues }: JsonBounds): ParsedJson {
  if (bytes.byteLength === 0) return { kind: 'broken', why: 'an empty body' }
  if (!isUtf8(bytes)) return { kind: 'broken', why: 'text that is no UTF-8' }
  const kept = cutBelow(bytes, maxDepth, maxValues)
  if (kept === undefined) return { kind: 'broken', why: `more than ${maxValues} values` }
  try {
    return { kind: 'json', value: JSON.parse(kept.toString('utf8')) }
  } catch {
    // The parser's message quotes the body.
    return { kind: 'broken', why: 'something that is no JSON' }
  }
}

/**
 * The bytes without what is too deep, moved together in place: pieces of their own would cost more than the whole.
 * Undefined where there are too many values. Right for valid JSON; for anything else the parser has the last word.
 */
function cutBelow(bytes: Buffer, maxDepth: number, maxValues: number): Buffer | undefined {
  let end = 0
  let from = 0
  let depth = 0
  let values = 1
  let quoted = false
  const keepUpTo = (to: number) => {
    if (end !== from) bytes.copyWithin(end, from, to)
    end += to - from
  }
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = bytes[i]
    if (quoted) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) quoted = false
    } else if (byte === QUOTE) quoted = true
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++values > maxValues) return undefined
      if (depth++ === maxDepth) {
        keepUpTo(i)
        bytes[end++] = ZERO
      }
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      if (--depth === maxDepth) from = i + 1
    } else if (byte === COMMA && ++values > maxValues) return undefined
  }
  // One that ends in the middle of what is too deep is no JSON, whatever is kept of it.
  if (depth > maxDepth) return bytes.subarray(0, 0)
  keepUpTo(bytes.byteLength)
  return bytes.subarray(0, end)
}
