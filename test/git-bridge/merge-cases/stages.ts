import { expect } from 'vitest'
import type { ConflictedFile } from '../../../src/git-bridge/conflicted-files.ts'
import type { Oid, Repository, TreeEdit } from '../../../src/git-bridge/repository.ts'
import type { WorldConflict, WorldMerge } from '../../../src/git-bridge/world-merge.ts'
import { type FieldPath, fieldAt, withField } from '../../../src/resolvers/fields.ts'
import { isJsonObject, type Json, type JsonObject, own, withKey } from '../../../src/world/json.ts'
import { parseObjectKey } from '../../../src/world/state.ts'
import { saidIn } from './case.ts'
import { stateOf, textsOf } from './worlds.ts'

export type Side = 'base' | 'ours' | 'theirs'
export const SIDES = ['base', 'ours', 'theirs'] as const

/** A conflicted file with its texts. */
export interface Shown {
  readonly file: ConflictedFile
  readonly stages: Readonly<Partial<Record<Side, string>>>
  readonly working: string
}

export async function shownIn(repository: Repository, conflict: WorldConflict): Promise<ReadonlyMap<string, Shown>> {
  const oids = conflict.files.flatMap(({ stages, working }) => [...Object.values(stages), working])
  const blobs = await repository.readBlobs(oids)
  const text = (oid: Oid) => Buffer.from(blobs.get(oid)!).toString('utf8')
  return new Map(
    conflict.files.map((file) => {
      const stages = Object.fromEntries(Object.entries(file.stages).map(([side, oid]) => [side, text(oid)]))
      return [file.path, { file, stages, working: text(file.working) }]
    }),
  )
}

/** What stands between the markers of one conflict; `base` only where the markers name one. */
export interface Hunk {
  readonly ours: string
  readonly base: string | undefined
  readonly theirs: string
}

/** A file with markers as what is outside of them and what is between them, in order. */
export function readMarked(text: string): readonly (string | Hunk)[] {
  const parts: (string | Hunk)[] = []
  let outside = ''
  let inside: { ours: string; base: string | undefined; theirs: string; at: Side } | undefined
  for (const line of text.split(/(?<=\n)/)) {
    if (/^<{7} /.test(line)) {
      if (outside !== '') parts.push(outside)
      outside = ''
      inside = { ours: '', base: undefined, theirs: '', at: 'ours' }
    } else if (inside !== undefined && /^\|{7} /.test(line)) Object.assign(inside, { base: '', at: 'base' })
    else if (inside !== undefined && /^={7}\r?\n/.test(line)) inside.at = 'theirs'
    else if (inside !== undefined && /^>{7} /.test(line)) {
      const { at: _, ...hunk } = inside
      parts.push(hunk)
      inside = undefined
    } else if (inside !== undefined) inside[inside.at] += line
    else outside += line
  }
  expect(inside).toBeUndefined()
  if (outside !== '') parts.push(outside)
  return parts
}

export function hunksOf(text: string): readonly Hunk[] {
  return readMarked(text).filter((part) => typeof part !== 'string')
}

/** A file with markers as it is when one side is taken at every conflict. */
export function taking(text: string, side: Side): string {
  return readMarked(text)
    .map((part) => (typeof part === 'string' ? part : (part[side] ?? '')))
    .join('')
}

/** A stage as its JSON says it, without the contested fields; order of keys included, as lines are. */
function withoutContested(text: string, { file }: Shown): string {
  const document = JSON.parse(text) as JsonObject
  const byObject = new Map<string, FieldPath[]>()
  for (const { key, path } of file.fields) byObject.set(key, [...(byObject.get(key) ?? []), path])
  let rest = document
  for (const [key, paths] of byObject) {
    const { kind, id } = parseObjectKey(key as never)
    const cut = (fields: JsonObject) => paths.reduce((so, path) => withField(so, path, undefined), fields)
    if (file.path !== 'world.json') rest = cut(rest)
    else if (kind !== 'entity') rest = withKey(rest, kind, cut(own(rest, kind) as JsonObject))
    else {
      const entities = own(rest, 'entities') as readonly JsonObject[]
      const kept = entities.flatMap((entity) =>
        entity.id !== id ? [entity] : paths.some((path) => path.length === 0) ? [] : [cut(entity)],
      )
      rest = withKey(rest, 'entities', kept)
    }
  }
  return JSON.stringify(rest)
}

/** Whether the contested fields of a file are JSON, and not the file itself. */
function isJson({ file, stages }: Shown): boolean {
  const whole = file.fields.some(({ path }) => path.length === 0) && file.path !== 'world.json'
  return file.path.endsWith('.json') && !whole && stages.ours !== undefined && stages.theirs !== undefined
}

/**
 * The laws of conflicted files (C2), held against one contested merge: stages parse and differ in the contested fields
 * alone; between the markers of the working file stand the stages; the kept tree has our values; taking the world's
 * stage everywhere gives the world's values and changes nothing else.
 */
export async function checkStages(repository: Repository, merge: WorldMerge, hasBaseLabel = false): Promise<void> {
  const conflict = merge.conflict!
  const shown = await shownIn(repository, conflict)
  const [kept, marked] = [await textsOf(repository, conflict.keptTree), await textsOf(repository, conflict.tree)]
  expect(shown.size).toBeGreaterThan(0)
  for (const [path, one] of shown) {
    const { stages, working } = one
    expect(kept.has(path), `${path} is kept where we have it`).toBe(stages.ours !== undefined)
    expect(marked.get(path), `${path} stands in the tree`).toBe(working)
    expect(stages.ours, `${path} differs`).not.toBe(stages.theirs)
    if (stages.ours === undefined || stages.theirs === undefined) {
      expect(working, `${path} is the side that there is`).toBe(stages.ours ?? stages.theirs)
    } else if (isJson(one)) {
      expect(taking(working, 'ours'), `${path}: ours between the markers`).toBe(stages.ours)
      expect(taking(working, 'theirs'), `${path}: theirs between the markers`).toBe(stages.theirs)
      if (hasBaseLabel && stages.base !== undefined)
        expect(taking(working, 'base'), `${path}: the base between the markers`).toBe(stages.base)
      const rests = Object.values(stages).map((text) => withoutContested(text, one))
      expect(new Set(rests).size, `${path}: stages differ in contested fields alone: ${rests.join('\n')}`).toBe(1)
    }
  }
  for (const path of new Set([...kept.keys(), ...marked.keys()]))
    if (!shown.has(path)) expect(marked.get(path), `${path} is no conflict`).toBe(kept.get(path))
  // Every contested field is shown somewhere.
  const named = new Set(conflict.files.flatMap(({ fields }) => fields.map(({ key }) => key)))
  expect([...named].sort()).toEqual(merge.contested.map(({ key }) => key).sort())
  await checkTaking(repository, merge)
}

/** Taking one side of every conflicted file gives that side's contested values, and the merged ones in all else. */
async function checkTaking(repository: Repository, { conflict, contested }: WorldMerge): Promise<void> {
  const { keptTree, files } = conflict!
  const takenFrom = async (side: 'ours' | 'theirs') => {
    const edits = files.map(({ path, stages }): TreeEdit => {
      const oid = stages[side]
      return oid === undefined ? { path, kind: 'delete' } : { path, kind: 'put', oid, mode: '100644' }
    })
    return stateOf(repository, await repository.writeTree(keptTree, edits))
  }
  const ours = await stateOf(repository, keptTree)
  expect(tidy(await takenFrom('ours'))).toEqual(tidy(ours))
  const theirs = await takenFrom('theirs')
  const expected: Record<string, Json> = { ...ours }
  for (const { key, fields } of contested) {
    for (const { path, terms } of fields) {
      const value = terms.theirs === undefined ? undefined : await saidIn(repository, terms.theirs)
      if (path.length > 0) expected[key] = withField((expected[key] ?? {}) as JsonObject, path, value)
      else if (value === undefined) delete expected[key]
      else expected[key] = value
    }
  }
  expect(tidy(theirs)).toEqual(tidy(expected))
}

/** What a folder's scripts imply is no conflict of its own: it comes and goes with them. */
function tidy(state: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    Object.entries(state).map(([key, fields]) => {
      if (!key.startsWith('blueprint:')) return [key, fields]
      const { scriptEntry: _, ...rest } = fields as JsonObject
      const files = fieldAt(rest as JsonObject, ['scriptFiles'])
      if (!isJsonObject(files) || Object.keys(files).length > 0) return [key, rest]
      const { scriptFiles: __, ...bare } = rest as JsonObject
      return [key, bare]
    }),
  ) as Readonly<Record<string, Json>>
}
