import { blueprintFromFile } from '../projection/blueprint.ts'
import { formatJson, inOrder, parseJsonFile } from '../projection/json-file.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import type { FieldPath } from '../resolvers/fields.ts'
import { conflictSide, mergeObject, type ResolvedField } from '../resolvers/object.ts'
import { DEFAULT_POLICY, type Policy } from '../resolvers/policy.ts'
import { resolve, type Terms } from '../resolvers/terms.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import { type FieldValue, type ObjectKey, type ObjectKind, objectKey, type WorldObject } from '../world/state.ts'
import { type ConflictLabels, markDifferences } from './conflict-markers.ts'
import { SIDES, type Side } from './conflicted-files.ts'
import { natureOf } from './object-docs.ts'

/** Stands for the object of what a manifest says about none: its format's version, and keys that nobody knows. */
export const OF_MANIFEST = MANIFEST_FILE as ObjectKey

export interface FileField {
  readonly key: ObjectKey
  readonly path: FieldPath
  readonly terms: Terms<FieldValue>
}

/** Why a file cannot be merged by field: it is none of ours, it cannot be read, or who is who cannot be told. */
export type Unfitness = 'foreign' | 'unreadable' | 'identity'

export type FileMerge =
  | {
      readonly kind: 'merged'
      readonly bytes: Uint8Array
      readonly resolved: readonly (ResolvedField & FileField)[]
    }
  | {
      readonly kind: 'contested'
      /** The merged file with only the contested fields as each side has them (C2). */
      readonly stages: {
        readonly base: Uint8Array | undefined
        readonly ours: Uint8Array
        readonly theirs: Uint8Array
      }
      /** Markers around the contested fields. */
      readonly working: Uint8Array
      readonly fields: readonly FileField[]
      readonly resolved: readonly (ResolvedField & FileField)[]
    }
  | { readonly kind: 'unfit'; readonly why: Unfitness; readonly reason: string }

/** Three versions of a file; the base is undefined, or empty, where both sides added it. */
export interface FileSides {
  readonly base: Uint8Array | undefined
  readonly ours: Uint8Array
  readonly theirs: Uint8Array
}

/** Whether a path, relative to the project, is a JSON file of the world. */
export function isWorldJson(path: string): boolean {
  const { kind } = classify(path)
  return kind === 'entity' || kind === 'blueprint' || kind === 'settings' || kind === 'spawn' || kind === 'manifest'
}

/**
 * Merges one JSON file of a world by field, knowing nothing but its three versions (M1–M5): what a merge driver can do.
 * Values are taken as they stand in the file: `assets/x.glb` is text, whatever that file holds. What operations wrote
 * is not known here (M2), nor what is dangling in the rest of the world (M6).
 *
 * Unfit are versions of different objects: git pairs files by their likeness, and what it took for a rename may be the
 * removal of one object and the addition of another (M8).
 */
export function mergeWorldFile(
  path: string,
  sides: FileSides,
  options: { readonly policy?: Policy | undefined; readonly labels: ConflictLabels },
): FileMerge {
  const { kind } = classify(path)
  if (!isWorldJson(path)) return unfit('foreign', `${path} is no JSON file of a world`)
  const values: Partial<Record<Side, JsonObject>> = {}
  for (const side of SIDES) {
    const bytes = sides[side]
    if (bytes === undefined || (side === 'base' && bytes.length === 0)) continue
    const parsed = parseJsonFile(path, bytes)
    if (parsed.kind === 'invalid') return unfit('unreadable', `${side}: ${parsed.problem.message}`)
    values[side] = parsed.value
  }
  const terms = { base: values.base, ours: values.ours!, theirs: values.theirs! }
  const policy = options.policy ?? DEFAULT_POLICY
  const merge = kind === 'manifest' ? mergeManifest(terms, policy) : mergeSingle(path, terms, policy)
  if ('why' in merge) return merge

  const spell = (view: View): Uint8Array => {
    const inlineNumbers = kind === 'entity' || kind === 'settings' || kind === 'spawn'
    return new TextEncoder().encode(formatJson(merge.view(view) ?? {}, { inlineNumbers }))
  }
  const { contested, resolved } = merge
  if (contested.length === 0) {
    const merged = merge.view('merged')
    const same = (['ours', 'theirs'] as const).find((side) => jsonEquals(merged, terms[side]))
    return { kind: 'merged', bytes: same === undefined ? spell('merged') : sides[same], resolved }
  }
  const base = terms.base === undefined ? undefined : spell('base')
  const stages = { base, ours: spell('ours'), theirs: spell('theirs') }
  return {
    kind: 'contested',
    stages,
    working: markDifferences(stages, options.labels, natureOf(path)),
    fields: contested,
    resolved,
  }
}

/** What is merged so far: as it came out, or with the contested fields as one side has them. */
type View = 'merged' | Side

/** The merge of a file, or of one piece of a manifest; a view is undefined where there is nothing to be seen. */
interface Piece<T> {
  readonly view: (view: View) => T | undefined
  readonly contested: readonly FileField[]
  readonly resolved: readonly (ResolvedField & FileField)[]
}

type Documents = Terms<JsonObject | undefined>

function unfit(why: Unfitness, reason: string): Extract<FileMerge, { kind: 'unfit' }> {
  return { kind: 'unfit', why, reason }
}

/** A file that is one object. */
function mergeSingle(
  path: string,
  terms: Documents & { readonly ours: JsonObject },
  policy: Policy,
): Piece<JsonObject> | Extract<FileMerge, { kind: 'unfit' }> {
  const place = classify(path)
  if (place.kind === 'settings' || place.kind === 'spawn') return mergePiece(place.kind, place.kind, terms, policy)
  const present = SIDES.map((side) => terms[side]).filter((value) => value !== undefined)
  const values = (key: string) => present.map((value) => own(value, key))
  const ids = values('id')
  const id = ids[0]
  if (ids.some((other) => !jsonEquals(other, id))) return unfit('identity', `different ids: ${listed(ids)}`)
  if (typeof id === 'string' && id !== '') {
    return mergePiece(place.kind === 'blueprint' ? 'blueprint' : 'entity', id, terms, policy)
  }
  if (place.kind !== 'blueprint' || id !== undefined) return unfit('identity', 'it has no id')
  // Its folder is its id then, and a rename would have changed that unseen: the name is the only hint at it.
  const names = values('name').filter((name) => name !== undefined)
  if (names.some((name) => name !== names[0])) {
    return unfit('identity', `it has no id, and different names: ${listed(names)}`)
  }
  const byPlace = blueprintFromFile(place.folder, path, {}, { valueOf: () => undefined })
  return byPlace.kind === 'ok'
    ? mergePiece('blueprint', byPlace.value.id, terms, policy)
    : unfit('identity', byPlace.defect.message)
}

function listed(values: readonly (Json | undefined)[]): string {
  return [...new Set(values.map((value) => (value === undefined ? 'none' : JSON.stringify(value))))].join(', ')
}

/** One object as files say it, `id` and bookkeeping like any other field. */
function mergePiece(kind: ObjectKind, id: string, terms: Documents, policy: Policy): Piece<JsonObject> {
  const key = objectKey(kind, id)
  const worldObject = (fields: JsonObject | undefined): WorldObject | undefined =>
    fields === undefined
      ? undefined
      : { kind, id, fields: kind === 'entity' ? withKey(fields, 'state', undefined) : fields }
  const merge = mergeObject(
    { base: worldObject(terms.base), ours: worldObject(terms.ours), theirs: worldObject(terms.theirs) },
    undefined,
    { policy },
  )
  const state = kind === 'entity' ? keepState(terms) : undefined
  const resolved = state?.overruled === undefined ? merge.resolved : [...merge.resolved, state.overruled]
  return {
    contested: merge.contested.map(({ path, terms: values }) => ({ key, path, terms: values })),
    resolved: resolved.map((field) => ({ key, ...field })),
    view: (view) => {
      const fields = (view === 'merged' ? merge.object : conflictSide({ kind, id }, merge, view))?.fields
      if (fields === undefined) return undefined
      const whole = state === undefined ? fields : withKey(fields, 'state', state.value)
      return arranged(whole, terms.ours, terms.theirs) as JsonObject
    },
  }
}

/** An entity's `state` belongs to the runtime and stays as it is (M5): ours, unless only theirs changed. */
function keepState(terms: Documents): {
  readonly value: FieldValue
  readonly overruled: ResolvedField | undefined
} {
  const of = (side: Side): FieldValue => (terms[side] === undefined ? undefined : own(terms[side], 'state'))
  const values = { base: of('base'), ours: of('ours'), theirs: of('theirs') }
  if (terms.ours === undefined || terms.theirs === undefined) {
    return { value: terms.ours === undefined ? values.theirs : values.ours, overruled: undefined }
  }
  const outcome = resolve(values, jsonEquals, false)
  if (outcome.kind === 'settled') return { value: outcome.value, overruled: undefined }
  const { ours: value } = values
  return { value, overruled: { path: ['state'], terms: values, value, by: 'local' } }
}

/** A manifest: entities matched by their ids, in our order and with new ones of theirs last. */
function mergeManifest(
  terms: Documents & { readonly ours: JsonObject; readonly theirs: JsonObject },
  policy: Policy,
): Piece<JsonObject> | Extract<FileMerge, { kind: 'unfit' }> {
  const entities: Partial<Record<Side, ReadonlyMap<string, JsonObject>>> = {}
  for (const side of SIDES) {
    const read = terms[side] === undefined ? new Map<string, JsonObject>() : readEntities(terms[side])
    if (typeof read === 'string') return unfit('identity', `${side}: ${read}`)
    entities[side] = read
  }
  const { base, ours, theirs } = entities as Terms<ReadonlyMap<string, JsonObject>>
  // What we deleted and they changed stands where they have it, should the user want it back.
  const known = [...theirs.keys()].filter((id) => ours.has(id) || base.has(id))
  const ids = new Set([...interleaved([...ours.keys()], known), ...theirs.keys()])
  const list = [...ids].map((id) =>
    mergePiece('entity', id, { base: base.get(id), ours: ours.get(id), theirs: theirs.get(id) }, policy),
  )
  const pieces = new Map<string, Piece<Json>>()
  for (const key of interleaved(Object.keys(terms.ours), Object.keys(terms.theirs))) {
    const of = (side: Side) => (terms[side] === undefined ? undefined : own(terms[side], key))
    const values = { base: of('base'), ours: of('ours'), theirs: of('theirs') }
    if (key === 'entities') pieces.set(key, joined(list))
    else if ((key === 'settings' || key === 'spawn') && isRecords(values)) {
      pieces.set(key, mergePiece(key, key, values, policy))
    } else pieces.set(key, mergeScalar(key, values))
  }
  return {
    contested: [...pieces.values()].flatMap((piece) => piece.contested),
    resolved: [...pieces.values()].flatMap((piece) => piece.resolved),
    view: (view) =>
      fromEntries(
        [...pieces].flatMap(([key, piece]) => {
          const value = piece.view(view)
          return value === undefined ? [] : [[key, value] as const]
        }),
      ),
  }
}

/** The entities of a manifest by their ids, or why they cannot be told apart. */
function readEntities(manifest: JsonObject): ReadonlyMap<string, JsonObject> | string {
  const list = own(manifest, 'entities')
  if (!Array.isArray(list)) return 'entities is not an array'
  const entities = new Map<string, JsonObject>()
  for (const [index, entity] of (list as readonly Json[]).entries()) {
    if (!isJsonObject(entity)) return `entities[${index}] is not an object`
    const id = own(entity as JsonObject, 'id')
    if (typeof id !== 'string' || id === '') return `entities[${index}] has no id`
    if (entities.has(id)) return `two entities have the id ${id}`
    entities.set(id, entity)
  }
  return entities
}

function isRecords(values: Terms<FieldValue>): values is Documents {
  return SIDES.every((side) => values[side] === undefined || isJsonObject(values[side]))
}

function joined(pieces: readonly Piece<JsonObject>[]): Piece<Json> {
  return {
    contested: pieces.flatMap((piece) => piece.contested),
    resolved: pieces.flatMap((piece) => piece.resolved),
    view: (view) => pieces.flatMap((piece) => piece.view(view) ?? []),
  }
}

/** A value that belongs to no object: it is merged as a whole, and no policy speaks about it. */
function mergeScalar(name: string, terms: Terms<FieldValue>): Piece<Json> {
  const outcome = resolve(terms, jsonEquals, false)
  if (outcome.kind === 'settled') return { view: () => outcome.value, contested: [], resolved: [] }
  const field = { key: OF_MANIFEST, path: [name], terms }
  return { view: (view) => terms[view === 'merged' ? 'ours' : view], contested: [field], resolved: [] }
}

/** A value with its keys, at every depth, in our order, and what we do not have where they have it. */
function arranged(value: Json, ours: FieldValue, theirs: FieldValue): Json {
  if (!isJsonObject(value)) return value
  const [here, there] = [isJsonObject(ours) ? ours : {}, isJsonObject(theirs) ? theirs : {}]
  const entries = Object.keys(value).map((key) => {
    return [key, arranged(value[key]!, own(here, key), own(there, key))] as const
  })
  return inOrder(fromEntries(entries), interleaved(Object.keys(here), Object.keys(there)))
}

/** A list, with what only another one has put behind what it stands behind there. */
function interleaved(list: readonly string[], other: readonly string[]): readonly string[] {
  const known = new Set(list)
  const behind = new Map<string | undefined, string[]>()
  let last: string | undefined
  for (const item of other) {
    if (known.has(item)) last = item
    else if (behind.has(last)) behind.get(last)!.push(item)
    else behind.set(last, [item])
  }
  if (behind.size === 0) return list
  return [...(behind.get(undefined) ?? []), ...list.flatMap((item) => [item, ...(behind.get(item) ?? [])])]
}
