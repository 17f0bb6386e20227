import { git, readBlobs, readFile } from '../e2e/race-history.ts'
import { type Fields, PRESENCE } from '../e2e/race-world.ts'
import { listing } from './judge.ts'
import { linesIn } from './template.ts'

/**
 * What the conflicts of the open merge show to whoever settles them: every value on which both sides of an unmerged file
 * differ, as `object field value`.
 */
export async function readSides(folder: string): Promise<readonly string[]> {
  const text = await git(folder, 'ls-files', '--unmerged')
  const files = new Map<string, Map<number, string>>()
  for (const row of text.split('\n').filter((line) => line !== '')) {
    const [meta = '', path = ''] = row.split('\t')
    const [, oid = '', stage = ''] = meta.split(' ')
    files.set(path, (files.get(path) ?? new Map()).set(Number(stage), oid))
  }
  const blobs = await readBlobs(folder, new Set([...files.values()].flatMap((stages) => [...stages.values()])))
  return [...files].flatMap(([path, stages]) => {
    const [base, ours, theirs] = [1, 2, 3].map((stage) => versionOf(path, blobs.get(stages.get(stage) ?? '')))
    const object = ours?.object ?? theirs?.object ?? base?.object
    if (object === undefined) return []
    const fields = new Set([...(ours?.fields.keys() ?? []), ...(theirs?.fields.keys() ?? [])])
    return [...fields, PRESENCE].flatMap((field) => {
      const values = [ours?.fields.get(field), theirs?.fields.get(field)]
      return values[0] === values[1] ? [] : values.map((value) => listing(object, field, value))
    })
  })
}

function versionOf(
  path: string,
  text: string | undefined,
): { readonly object: string; readonly fields: Fields } | undefined {
  // Of several merge bases git makes one, in which a file that only they added is empty.
  if (text === undefined || text === '') return undefined
  return path.endsWith('.js') ? { object: path, fields: linesIn(text) } : readFile(path, text)
}
