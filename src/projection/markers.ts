/** Git takes content for text when its beginning has no zero byte; so do we. */
const PROBED_BYTES = 8000

/** A place in a file, both counted from 1. */
export interface MarkerPlace {
  readonly line: number
  readonly column: number
}

/**
 * The first conflict that a merge left in a file: the line that begins with `<<<<<<<` and has one that begins with
 * `>>>>>>>` after it, each followed by a space or the end of its line. Binary content has none. Where a merge also moved
 * the file, git makes its markers longer.
 *
 * @example findMarkers('a\n<<<<<<< local\nb\n=======\nc\n>>>>>>> remote\n') // { line: 2, column: 1 }
 */
export function findMarkers(content: Uint8Array | string): MarkerPlace | undefined {
  const text = typeof content === 'string' ? content : decode(content)
  if (text === undefined) return undefined
  // Lines end with \n alone, as git sees them: `^` would also take a lone \r for an end.
  for (const opening of text.matchAll(/(?:^|\n)(<{7,})(?: |\r?\n|\r?$)/g)) {
    const at = text.indexOf('<', opening.index)
    const length = opening[1]!.length
    const closing = new RegExp(`\\n>{${length}}(?: |\\r?\\n|\\r?$)`)
    if (closing.test(text.slice(at))) return placeOf(text, at)
  }
  return undefined
}

function placeOf(text: string, at: number): MarkerPlace {
  let line = 1
  for (let end = text.indexOf('\n'); end >= 0 && end < at; end = text.indexOf('\n', end + 1)) line++
  return { line, column: 1 }
}

/** A text with one side of each conflict in it, and without the markers; any other content as it is. */
export function settleMarkers(content: Uint8Array, side: 'ours' | 'theirs'): Uint8Array {
  if (findMarkers(content) === undefined) return content
  const kept: string[] = []
  let length = 0
  let within: 'ours' | 'base' | 'theirs' | undefined
  for (const line of decode(content)!.split(/(?<=\n)/)) {
    const mark = /^(<{7,}|\|{7,}|={7,}|>{7,})(?: |\r?\n|\r?$)/.exec(line)?.[1]
    if (mark?.[0] === '<' && within === undefined) {
      length = mark.length
      within = 'ours'
    } else if (mark?.length === length && mark[0] === '|' && within === 'ours') within = 'base'
    else if (mark?.length === length && mark[0] === '=' && within !== undefined) within = 'theirs'
    else if (mark?.length === length && mark[0] === '>' && within === 'theirs') within = undefined
    else if (within === undefined || within === side) kept.push(line)
  }
  return Buffer.from(kept.join(''), 'latin1')
}

/** Text of which only the ASCII characters matter; undefined for binary content. */
function decode(content: Uint8Array): string | undefined {
  if (content.subarray(0, PROBED_BYTES).includes(0)) return undefined
  return new TextDecoder('latin1').decode(content)
}
