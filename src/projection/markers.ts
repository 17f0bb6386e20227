/** Git takes content for text when its beginning has no zero byte; so do we. */
const PROBED_BYTES = 8000

/** A place in a file, both counted from 1. */
export interface MarkerPlace {
  readonly line: number
  readonly column: number
}

/**
 * The first conflict that a merge left in a file: the line that begins with `<<<<<<<` and has one that begins with
 * `>>>>>>>` after it, each followed by a space or the end of its line. Binary content has none.
 *
 * @example findMarkers('a\n<<<<<<< local\nb\n=======\nc\n>>>>>>> remote\n') // { line: 2, column: 1 }
 */
export function findMarkers(content: Uint8Array | string): MarkerPlace | undefined {
  const text = typeof content === 'string' ? content : decode(content)
  if (text === undefined) return undefined
  // Lines end with \n alone, as git sees them: `^` would also take a lone \r for an end.
  const opening = /(?:^|\n)<{7}(?: |\r?\n|\r?$)/.exec(text)
  if (opening === null) return undefined
  const at = text.indexOf('<', opening.index)
  if (!/\n>{7}(?: |\r?\n|\r?$)/.test(text.slice(at))) return undefined
  let line = 1
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) line++
  return { line, column: 1 }
}

/** Text of which only the ASCII characters matter; undefined for binary content. */
function decode(content: Uint8Array): string | undefined {
  if (content.subarray(0, PROBED_BYTES).includes(0)) return undefined
  return new TextDecoder('latin1').decode(content)
}
