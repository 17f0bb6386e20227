/**
 * Says where and why a text is no JSON. It runs only after `JSON.parse` has failed: the engine's own messages differ
 * between versions and often lack a position.
 */
export interface SyntaxProblem {
  /** Index into the text, in UTF-16 units. */
  readonly offset: number
  readonly message: string
}

/** Nesting beyond which the scanner gives up (S3). */
const MAX_DEPTH = 1000

class Stop extends Error {
  readonly problem: SyntaxProblem

  constructor(offset: number, message: string) {
    super(message)
    this.problem = { offset, message }
  }
}

/** The first place where `text` stops being JSON, or undefined when it is JSON. */
export function findSyntaxProblem(text: string): SyntaxProblem | undefined {
  try {
    const end = skipSpace(text, scanValue(text, skipSpace(text, 0), 0))
    if (end < text.length) return { offset: end, message: 'unexpected text after the end of the document' }
    return undefined
  } catch (error) {
    if (error instanceof Stop) return error.problem
    throw error
  }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++
  return at
}

function scanValue(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new Stop(at, 'nested too deeply')
  const char = text[at]
  if (char === undefined) throw new Stop(at, 'unexpected end of the file')
  if (char === '{') return scanObject(text, at, depth)
  if (char === '[') return scanArray(text, at, depth)
  if (char === '"') return scanString(text, at)
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
  number.lastIndex = at
  if (number.test(text)) return number.lastIndex
  for (const word of ['true', 'false', 'null']) if (text.startsWith(word, at)) return at + word.length
  if (char === '/') throw new Stop(at, 'comments are not allowed in JSON')
  if (char === "'") throw new Stop(at, 'strings need double quotes')
  throw new Stop(at, `expected a value, found ${show(char)}`)
}

function scanObject(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1)
  if (text[at] === '}') return at + 1
  for (;;) {
    if (text[at] === '}') throw new Stop(at, "a comma before '}' is not allowed")
    if (text[at] !== '"') throw new Stop(at, expected(text, at, 'a key in double quotes'))
    at = skipSpace(text, scanString(text, at))
    if (text[at] !== ':') throw new Stop(at, expected(text, at, "':'"))
    at = skipSpace(text, scanValue(text, skipSpace(text, at + 1), depth + 1))
    if (text[at] === '}') return at + 1
    if (text[at] !== ',') throw new Stop(at, expected(text, at, "',' or '}'"))
    at = skipSpace(text, at + 1)
  }
}

function scanArray(text: string, start: number, depth: number): number {
  let at = skipSpace(text, start + 1)
  if (text[at] === ']') return at + 1
  for (;;) {
    if (text[at] === ']') throw new Stop(at, "a comma before ']' is not allowed")
    at = skipSpace(text, scanValue(text, at, depth + 1))
    if (text[at] === ']') return at + 1
    if (text[at] !== ',') throw new Stop(at, expected(text, at, "',' or ']'"))
    at = skipSpace(text, at + 1)
  }
}

function scanString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') return at + 1
    if (char < ' ') {
      throw new Stop(at, char === '\n' || char === '\r' ? 'a string is not closed' : 'a control character in a string')
    }
    if (char === '\\') {
      const sequence = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y
      sequence.lastIndex = at + 1
      if (!sequence.test(text)) throw new Stop(at, 'an unknown escape in a string')
      at = sequence.lastIndex - 1
    }
  }
  throw new Stop(start, 'a string is not closed')
}

function expected(text: string, at: number, what: string): string {
  const char = text[at]
  return char === undefined ? `expected ${what} before the end of the file` : `expected ${what}, found ${show(char)}`
}

function show(char: string): string {
  return char < ' ' || char > '~' ? `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}` : `'${char}'`
}
