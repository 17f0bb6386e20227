import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Every code that the sources throw as a `SyncError`, with the exit codes that come with it. */
export function thrownCodes(folder = 'src'): ReadonlyMap<string, string> {
  const codes = new Map<string, Set<string>>()
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    const text = readFileSync(join(folder, name), 'utf8')
    for (const match of text.matchAll(/new SyncError\(/g)) {
      const said = callFrom(text, match.index + match[0].length)
      const code = /^\s*'(\w+)'/.exec(said)?.[1]
      // Passed on from another one.
      if (code === undefined) continue
      const exits = /exitCode: ([^,\n]*)/.exec(said)?.[1]?.match(/\d/g) ?? ['1']
      codes.set(code, new Set([...(codes.get(code) ?? []), ...exits]))
    }
  }
  return new Map([...codes].map(([code, exits]) => [code, [...exits].sort().join(', ')]))
}

/** The arguments of a call, up to its closing bracket; brackets in our texts come in pairs. */
function callFrom(text: string, from: number): string {
  let depth = 1
  let at = from
  for (; depth > 0 && at < text.length; at++) depth += text[at] === '(' ? 1 : text[at] === ')' ? -1 : 0
  return text.slice(from, at)
}
