import { diffLines } from '../../../src/resolvers/line-diff.ts'
import { readLines } from '../../../src/resolvers/line-text.ts'

const CONTEXT = 3

/** The hunks of a unified diff, as `git diff` prints them after the names of the files; undefined for binary contents. */
export function unifiedHunks(before: Uint8Array, after: Uint8Array): string | undefined {
  if ([before, after].some((bytes) => bytes.subarray(0, 8_000).includes(0))) return undefined
  const [old, now] = readLines(before, after)
  const changes = diffLines(old.lines, now.lines)
  const lineAt = (text: typeof old, n: number) => Buffer.from(text.bytes(n, n + 1)).toString('latin1')
  const out: string[] = []
  const say = (sign: string, line: string) =>
    out.push(`${sign}${line}${line.endsWith('\n') ? '' : '\n\\ No newline at end of file\n'}`)
  for (let at = 0; at < changes.length; ) {
    let end = at + 1
    while (end < changes.length && changes[end]!.start - changes[end - 1]!.end <= 2 * CONTEXT) end += 1
    const [first, last] = [changes[at]!, changes[end - 1]!]
    const start = Math.max(0, first.start - CONTEXT)
    const lead = first.start - start
    const tail = Math.min(CONTEXT, old.lines.length - last.end)
    const range = (from: number, to: number) =>
      `${to === from ? from : from + 1}${to - from === 1 ? '' : `,${to - from}`}`
    const name = functionBefore(old.lines.length, start, (n) => lineAt(old, n))
    out.push(`@@ -${range(start, last.end + tail)} +${range(first.from - lead, last.to + tail)} @@${name}\n`)
    let done = start
    for (const change of changes.slice(at, end)) {
      for (; done < change.start; done += 1) say(' ', lineAt(old, done))
      for (; done < change.end; done += 1) say('-', lineAt(old, done))
      for (let n = change.from; n < change.to; n += 1) say('+', lineAt(now, n))
    }
    for (; done < last.end + tail; done += 1) say(' ', lineAt(old, done))
    at = end
  }
  return Buffer.from(out.join(''), 'latin1').toString('utf8')
}

/** What git takes for the head of a function: the last line before a hunk that begins with a letter. */
function functionBefore(length: number, start: number, lineAt: (n: number) => string): string {
  for (let n = Math.min(start, length) - 1; n >= 0; n -= 1) {
    const line = lineAt(n)
    if (/^[A-Za-z_$]/.test(line)) return ` ${line.slice(0, 80).trimEnd()}`
  }
  return ''
}
