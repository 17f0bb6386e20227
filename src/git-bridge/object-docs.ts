import { formatJson, parseJsonFile } from '../projection/json-file.ts'
import { classify, MANIFEST_FILE } from '../projection/paths.ts'
import { type FieldPath, fieldAt, withField } from '../resolvers/fields.ts'
import { isJsonObject, type Json, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey } from '../world/state.ts'
import type { Nature } from './conflict-markers.ts'

/**
 * Files of the world as the JSON that stands in them: fields in the file's own spelling, assets as paths. What settles a
 * conflict moves such values from one version of a file to another.
 */

/** One field of an object in a file; the empty path is the object itself. */
export function docField(path: string, doc: JsonObject, key: ObjectKey, field: FieldPath): FieldValue {
  return fieldAt(objectDoc(path, doc, key), field)
}

/**
 * The file with one field set or, where `value` is undefined, removed; a manifest with the object added or removed. One
 * that is added stands where it stands in `like`.
 */
export function withDocField(
  path: string,
  doc: JsonObject,
  key: ObjectKey,
  field: FieldPath,
  value: FieldValue,
  like: JsonObject = doc,
): JsonObject {
  if (path !== MANIFEST_FILE) return withField(doc, field, value)
  const { kind, id } = parseObjectKey(key)
  if (kind !== 'entity') return withKey(doc, kind, withField(objectDoc(path, doc, key) ?? {}, field, value))
  const entities = entitiesOf(doc)
  const index = entities.findIndex((entity) => isJsonObject(entity) && own(entity, 'id') === id)
  const before = index < 0 ? undefined : (entities[index] as JsonObject)
  const after = field.length === 0 ? value : before === undefined ? undefined : withField(before, field, value)
  const list =
    after === undefined
      ? entities.filter((_, at) => at !== index)
      : index < 0
        ? entities.toSpliced(placeLike(entities, entitiesOf(like), id), 0, after)
        : entities.map((entity, at) => (at === index ? after : entity))
  return withKey(doc, 'entities', list)
}

/** Behind the nearest one that it follows in the other list; at the end where that has no place for it. */
function placeLike(entities: readonly Json[], like: readonly Json[], id: string): number {
  const idOf = (entity: Json) => (isJsonObject(entity) ? own(entity, 'id') : undefined)
  const known = like.findIndex((entity) => idOf(entity) === id)
  if (known < 0) return entities.length
  for (let at = known - 1; at >= 0; at--) {
    const before = idOf(like[at]!)
    const found = entities.findIndex((entity) => before !== undefined && idOf(entity) === before)
    if (found >= 0) return found + 1
  }
  return 0
}

/** Whether two versions of a file say the same; the entities of a manifest have no order. */
export function sameDocs(path: string, a: JsonObject, b: JsonObject): boolean {
  if (path !== MANIFEST_FILE) return jsonEquals(a, b)
  const [left, right] = [a, b].map((doc) => withKey(doc, 'entities', entitiesOf(doc).toSorted(byId)))
  return jsonEquals(left, right)
}

function byId(a: Json, b: Json): number {
  const [left, right] = [a, b].map((entity) => JSON.stringify(isJsonObject(entity) ? own(entity, 'id') : entity) ?? '')
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

function objectDoc(path: string, doc: JsonObject, key: ObjectKey): JsonObject | undefined {
  if (path !== MANIFEST_FILE) return doc
  const { kind, id } = parseObjectKey(key)
  const value =
    kind === 'entity'
      ? entitiesOf(doc).find((entity) => isJsonObject(entity) && own(entity, 'id') === id)
      : own(doc, kind)
  return isJsonObject(value) ? value : undefined
}

function entitiesOf(doc: JsonObject): readonly Json[] {
  const entities = own(doc, 'entities')
  return Array.isArray(entities) ? (entities as readonly Json[]) : []
}

/** Whether a file holds fields as JSON: those of entities, blueprints, settings, spawn, or a manifest of them. */
export function isJsonPath(path: string): boolean {
  return ['entity', 'blueprint', 'settings', 'spawn', 'manifest'].includes(classify(path).kind)
}

/** How values end in a file, for markers around them: the entities of a manifest are a list of objects. */
export function natureOf(path: string): Nature {
  if (!isJsonPath(path)) return { kind: 'text' }
  return path === MANIFEST_FILE ? { kind: 'json', listOfObjects: 4 } : { kind: 'json' }
}

/** Reads a file's document; undefined when it does not parse. */
export function readDoc(path: string, content: Uint8Array): JsonObject | undefined {
  const parsed = parseJsonFile(path, content)
  return parsed.kind === 'ok' ? parsed.value : undefined
}

/** Writes a document as files of its kind are written. */
export function writeDoc(path: string, doc: JsonObject): Uint8Array {
  const { kind } = classify(path)
  return new TextEncoder().encode(formatJson(doc, { inlineNumbers: kind !== 'blueprint' && kind !== 'manifest' }))
}
