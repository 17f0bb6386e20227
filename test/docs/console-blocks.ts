/**
 * A page of documentation whose blocks are commands with what they print:
 *
 * ```console
 * $ git log -1 --format=%s
 * Tea in the shed
 * ```
 *
 * Lines that begin with `$ ` are commands, `> ` goes on with the one before; what follows is printed by it, on either
 * stream. A line that is `…` stands for any lines. A comment `<!-- test: what happens -->` is a stage direction: what the
 * test does there, unseen by the reader. Every other block must follow a paragraph that begins with {@link NOT_RUN}.
 */
export type Step =
  | { readonly kind: 'command'; readonly line: number; readonly command: string; readonly prints: readonly string[] }
  | { readonly kind: 'direction'; readonly line: number; readonly what: string }

export const NOT_RUN = '*Not run by the test:*'

export interface Page {
  readonly steps: readonly Step[]
  /** Blocks that nobody runs and that do not say why. */
  readonly unmarked: readonly string[]
}

export function readPage(text: string): Page {
  const steps: Step[] = []
  const unmarked: string[] = []
  let fence: string | undefined
  let paragraph = ''
  let command: { kind: 'command'; line: number; command: string; prints: string[] } | undefined
  for (const [at, row] of text.split('\n').entries()) {
    const line = at + 1
    if (row.startsWith('```')) {
      if (fence !== undefined) fence = undefined
      else {
        fence = row.slice(3).trim()
        if (fence !== 'console' && !paragraph.startsWith(NOT_RUN)) unmarked.push(`${line}: ${row}`)
      }
      command = undefined
      paragraph = fence === undefined ? '' : paragraph
      continue
    }
    if (fence === undefined) {
      const what = /^<!-- test: (.*) -->$/.exec(row)?.[1]
      if (what !== undefined) steps.push({ kind: 'direction', line, what })
      else if (row.trim() !== '') paragraph = paragraph === '' ? row : `${paragraph}\n${row}`
      else if (!paragraph.startsWith(NOT_RUN)) paragraph = ''
      continue
    }
    if (fence !== 'console') continue
    if (row.startsWith('$ ')) {
      command = { kind: 'command', line, command: row.slice(2), prints: [] }
      steps.push(command)
    } else if (command === undefined) unmarked.push(`${line}: printed by no command: ${row}`)
    else if (row.startsWith('> ') && command.prints.length === 0) command.command += `\n${row.slice(2)}`
    else command.prints.push(row)
  }
  return { steps, unmarked }
}

/** What differs from run to run, in what is printed: ids, times, sizes of columns. */
function normalised(row: string): string {
  return row
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| [+-]\d{4})?/g, '<time>')
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}\b/g, '<uuid>')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b/g, '<id>')
    .replace(/\b\d+ ms × \d+/g, '<n> ms × <n>')
    .replace(/\bprocess \d+/g, 'process <n>')
    .replace(/\bgit version [\d.]+(?: \([^)]*\))?/g, 'git version <n>')
    .replace(/ {2,}/g, '  ')
    .trimEnd()
}

/** Whether a command printed what the page says; the last empty lines do not count. */
export function prints(expected: readonly string[], actual: readonly string[]): boolean {
  const trim = (rows: readonly string[]) => {
    const all = rows.map(normalised)
    while (all.at(-1) === '') all.pop()
    return all
  }
  const [pattern, rows] = [trim(expected), trim(actual)]
  const match = (p: number, r: number): boolean => {
    if (p === pattern.length) return r === rows.length
    if (pattern[p] === '…') {
      for (let next = r; next <= rows.length; next++) if (match(p + 1, next)) return true
      return false
    }
    return r < rows.length && pattern[p] === rows[r] && match(p + 1, r + 1)
  }
  return match(0, 0)
}

/** The page with what its commands really printed, where that is not what it says. */
export function withPrinted(text: string, printed: ReadonlyMap<number, readonly string[]>): string {
  const rows = text.split('\n')
  const out: string[] = []
  for (let at = 0; at < rows.length; at++) {
    out.push(rows[at]!)
    const actual = printed.get(at + 1)
    if (actual === undefined) continue
    while (rows[at + 1]?.startsWith('> ')) out.push(rows[++at]!)
    while (at + 1 < rows.length && !rows[at + 1]!.startsWith('$ ') && !rows[at + 1]!.startsWith('```')) at++
    const end = actual.findLastIndex((row) => row.trim() !== '') + 1
    out.push(...actual.slice(0, end).map((row) => row.trimEnd()))
  }
  return out.join('\n')
}
