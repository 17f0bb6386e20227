import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { statusLocked } from '../../src/sync/status.ts'
import type { Checkout } from '../sync/support.ts'
import type { Fields } from './conflict-project.ts'
import { comparable } from './kill-live.ts'

/**
 * What the committed files say, whatever they are called and however they are spelled: objects by their ids, with the
 * content of assets in place of their paths, and every other file by its path.
 */
export function described(project: Checkout): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const path of project.git('ls-files').split('\n')) {
    // Where the assets are, the objects say; what was seen is not the same after another way to the same world.
    if (path.startsWith('assets/') || path.startsWith('lobby')) continue
    if (!path.endsWith('.json')) found[path] = project.read(path)
    else {
      const object = comparable(project.json(path))
      const kind = path.split('/')[0]
      found[object.id === undefined ? path : `${kind} ${object.id}`] = withContents(project, object)
    }
  }
  return found
}

function withContents(project: Checkout, value: unknown): unknown {
  if (typeof value === 'string' && value.startsWith('assets/')) {
    return createHash('sha256')
      .update(readFileSync(join(project.folder, value)))
      .digest('hex')
  }
  if (Array.isArray(value)) return value.map((one) => withContents(project, one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value as Fields).map(([key, one]) => [key, withContents(project, one)]))
}

/** Two lists of texts, in any order; says which ones differ. */
export function expectSame(actual: readonly string[], expected: readonly string[]): void {
  const rest = [...actual]
  const missing = expected.filter((text) => {
    const at = rest.indexOf(text)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
  const differences = [...missing.map((text) => `- ${text}`), ...rest.map((text) => `+ ${text}`)]
  if (differences.length > 0) throw new Error(`not as expected:\n${differences.join('\n')}`)
}

/** A record as texts that {@link expectSame} can tell apart. */
export function lines(record: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(record).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
}

/** What lies about in `.git` besides its own: journals, locks and halves of merges have no business there. */
export function lyingAbout(project: Checkout): readonly string[] {
  const git = join(project.folder, '.git')
  const found = readdirSync(git, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(git.length + 1))
  return (
    found
      .filter((path) => path.endsWith('.lock') || path.startsWith('lobby/') || /^(?:[A-Z_]+|fast_import.*)$/.test(path))
      // Every run leaves its figures, a killed one in a file of its own (docs/figures.md).
      .filter((path) => !path.startsWith('lobby/figures/'))
      .filter((path) => path !== 'HEAD' && path !== 'ORIG_HEAD' && path !== 'COMMIT_EDITMSG')
      .sort()
  )
}

/** Nothing is left to do or to tidy up, and the repository is sound. `lying` is what a run that nothing struck leaves. */
export async function expectTidy(project: Checkout, lying: readonly string[]): Promise<void> {
  expect(project.git('status', '--porcelain')).toBe('')
  expect(lyingAbout(project).filter((path) => !lying.includes(path))).toEqual([])
  expect(await project.session(statusLocked)).toMatchObject({
    kind: 'status',
    outgoing: [],
    contested: [],
    incomingFiles: 0,
    kept: [],
    uncommitted: [],
  })
  project.check()
}
