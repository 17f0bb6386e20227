import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromEntries, isJsonObject } from '../world/json.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Project } from './session.ts'
import { readText } from './working-tree.ts'

/** Object → why it is refused (S1). */
export type Refused = ReadonlyMap<string, string>

function place({ stateFolder }: Pick<Project, 'stateFolder'>): string {
  return join(stateFolder, 'refused.json')
}

/** What the world holds and this checkout refuses, as its fetches wrote it down; undefined when that cannot be read. */
export async function readRefused(project: Pick<Project, 'stateFolder'>): Promise<Refused | undefined> {
  const text = await readText(place(project))
  if (text === undefined) return new Map()
  try {
    const document: unknown = JSON.parse(text)
    if (isJsonObject(document)) return new Map(Object.entries(document).map(([key, reason]) => [key, String(reason)]))
  } catch {
    // Not JSON: nobody knows.
  }
  return undefined
}

/** Keeps what a fetch refused, and forgets what it accepted or saw removed: `about` are the objects it heard of. */
export async function rememberRefused(
  project: Pick<Project, 'stateFolder' | 'report'>,
  refusals: readonly { readonly key: ObjectKey; readonly reason: string }[],
  about: ReadonlySet<ObjectKey>,
): Promise<void> {
  if (refusals.length === 0 && about.size === 0) return
  for (const { key, reason } of refusals) project.report.tell({ kind: 'object-refused', object: key, reason })
  const known = (await readRefused(project)) ?? new Map()
  const kept = new Map([...known].filter(([key]) => !about.has(key as ObjectKey)))
  for (const { key, reason } of refusals) kept.set(key, reason)
  if (kept.size === 0) {
    if (known.size > 0) await rm(place(project), { force: true })
    return
  }
  await mkdir(project.stateFolder, { recursive: true })
  await writeFile(`${place(project)}.new`, `${JSON.stringify(fromEntries(kept), null, 2)}\n`)
  await rename(`${place(project)}.new`, place(project))
}
