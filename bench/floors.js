import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { git } from './processes.js'

/** What git alone needs for the same history: the commits as a precomputed stream into one fast-import. */

let imports = 0

/** The objects of a repository as they are now, so that a later import finds the parents and nothing newer. */
export function keepObjects(place, repository) {
  const folder = join(place.folder, `objects-${++imports}`)
  cpSync(join(repository, '.git', 'objects'), folder, { recursive: true })
  return folder
}

/** The commits of the ref `after` since `before` as a stream; all of them without `before`. */
export async function exportStream(place, repository, before, after) {
  const file = join(place.folder, `stream-${++imports}`)
  const range = before === undefined ? [after] : ['--reference-excluded-parents', after, `^${before}`]
  await git(place, ['fast-export', ...range], { cwd: repository, output: file })
  return file
}

/** Milliseconds of `git fast-import` of a stream, beside the objects that were there before. Checks that it made `tip`. */
export async function importStream(place, stream, objects, ref, tip) {
  const folder = join(place.folder, `import-${++imports}.git`)
  await git(place, ['init', '--quiet', '--bare', folder])
  if (objects !== undefined) {
    mkdirSync(join(folder, 'objects', 'info'), { recursive: true })
    writeFileSync(join(folder, 'objects', 'info', 'alternates'), `${objects}\n`)
  }
  const { ms } = await git(place, ['fast-import', '--quiet', '--date-format=raw'], { cwd: folder, input: stream })
  const { stdout } = await git(place, ['rev-parse', ref], { cwd: folder })
  if (stdout.trim() !== tip) throw new Error(`the floor made ${stdout.trim()}, the command ${tip}`)
  rmSync(folder, { recursive: true, force: true })
  return ms
}
