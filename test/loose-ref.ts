import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What `git rev-parse` says of `HEAD` or of a ref by its full name, without its process; undefined where that is not to be
 * seen in a file of its own (packed refs, linked worktrees), so that git must be asked.
 */
export function looseRef(folder: string, name: string): string | undefined {
  if (process.env.GIT_DIR !== undefined || !/^(?:HEAD|refs\/[\w/-]+)$/.test(name)) return undefined
  let text: string
  try {
    text = readFileSync(join(folder, '.git', name), 'utf8').trimEnd()
  } catch {
    return undefined
  }
  if (text.startsWith('ref: refs/')) return looseRef(folder, text.slice('ref: '.length))
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined
}
