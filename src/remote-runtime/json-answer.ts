import { isUtf8 } from 'node:buffer'

export type ParsedJson =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'broken'; readonly why: string }

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Parses an answer that nobody vouches for (S3): its nesting is counted on the bytes, before anything recursive sees
 * it, and bytes that are no UTF-8 are refused instead of becoming U+FFFD. `__proto__` stays an own key.
 */
export function parseJson(bytes: Buffer, maxDepth: number): ParsedJson {
  if (bytes.byteLength === 0) return { kind: 'broken', why: 'an empty body' }
  if (nestsDeeper(bytes, maxDepth)) return { kind: 'broken', why: `JSON nested deeper than ${maxDepth} levels` }
  if (!isUtf8(bytes)) return { kind: 'broken', why: 'text that is no UTF-8' }
  try {
    return { kind: 'json', value: JSON.parse(bytes.toString('utf8')) }
  } catch {
    // The parser's message quotes the body.
    return { kind: 'broken', why: 'something that is no JSON' }
  }
}

/** Right for valid JSON; for anything else the parser has the last word. */
function nestsDeeper(bytes: Buffer, maxDepth: number): boolean {
  let depth = 0
  let quoted = false
  for (let i = 0; i < bytes.byteLength; i++) {
    const byte = bytes[i]
    if (quoted) {
      if (byte === BACKSLASH) i++
      else if (byte === QUOTE) quoted = false
    } else if (byte === QUOTE) quoted = true
    else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++depth > maxDepth) return true
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) depth--
  }
  return false
}
