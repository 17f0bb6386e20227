import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Person } from './person.ts'

/** What a crash must never leave of a repository: unsound objects, an index or working tree that git cannot read. */
export async function checkRepository(person: Person): Promise<readonly string[]> {
  const defects: string[] = []
  const fsck = await person.run('git', ['fsck', '--strict', '--no-dangling'])
  if (fsck.code !== 0 || /^(?:error|missing|broken|warning)/m.test(`${fsck.stdout}${fsck.stderr}`))
    defects.push(`${person.name}: git fsck exited with ${fsck.code}: ${fsck.stdout}${fsck.stderr}`)
  const status = await person.run('git', ['status', '--porcelain'])
  if (status.code !== 0) defects.push(`${person.name}: git status exited with ${status.code}: ${status.stderr}`)
  return defects
}

/** Files that lock something in `.git`, relative to it. */
export function lockFiles(folder: string): readonly string[] {
  return filesIn(join(folder, '.git')).filter((path) => path.endsWith('.lock'))
}

/** What has no business in `.git` once everything is done: locks, journals, halves of merges. */
export function leftovers(folder: string): readonly string[] {
  return filesIn(join(folder, '.git')).filter(
    (path) =>
      path.endsWith('.lock') ||
      /^(?:MERGE_|CHERRY_PICK_HEAD|REVERT_HEAD|AUTO_MERGE|fast_import_crash)/.test(path) ||
      /^lobby\/(?:lock|autostash|push-.*|merge-.*|.*\.new)$/.test(path),
  )
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}
