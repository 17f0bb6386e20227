import { isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { depthOf, InvalidPayload, MAX_DEPTH } from './wire-values.ts'

/**
 * Field names of expectations, patches and removals (protocol, section 9): `desc`, or dotted, `props.color`.
 *
 * A key may itself hold dots (`scriptFiles.index.js`), so at each object the whole rest wins when it is a key there;
 * else the part before the first dot is descended into when it holds an object; else the whole rest is a new key.
 */
export function readField(object: JsonObject, path: string): Json | undefined {
  if (Object.hasOwn(object, path)) return object[path]
  const split = descend(object, path)
  return split === undefined ? undefined : readField(split.child, split.rest)
}

/** Changes to one object, by path; the object itself stays as it is. */
export interface FieldEdits {
  readonly result: JsonObject
  /** Sets a field, or removes it when `value` is undefined. Throws {@link InvalidPayload} beyond the greatest depth. */
  write(path: string, value: Json | undefined): void
  /** The top-level field that a path is in. */
  fieldOf(path: string): string
  /** How many members were copied: what the edits cost. */
  readonly copied: number
}

/** Each object inside is copied once, by the first edit in it, however many edits there are. */
export function editFields(object: JsonObject): FieldEdits {
  const owned = new Set<JsonObject>()
  let copied = 0

  function copyOf(original: JsonObject): JsonObject {
    if (owned.has(original)) return original
    const copy = { ...original }
    owned.add(copy)
    copied += Object.keys(copy).length
    return copy
  }

  function write(at: JsonObject, path: string, value: Json | undefined, depth: number): void {
    const split = Object.hasOwn(at, path) ? undefined : descend(at, path)
    if (split === undefined) {
      if (value !== undefined && depth + depthOf(value) > MAX_DEPTH) throw new InvalidPayload('nested too deeply')
      put(at, path, value)
      return
    }
    const child = copyOf(split.child)
    put(at, split.head, child)
    write(child, split.rest, value, depth + 1)
  }

  const result = copyOf(object)
  return {
    result,
    write: (path, value) => write(result, path, value, 1),
    fieldOf: (path) => (Object.hasOwn(result, path) ? path : (descend(result, path)?.head ?? path)),
    get copied() {
      return copied
    },
  }
}

/** Sets or removes a member of a copy of ours; `__proto__` is a key like any other. */
function put(object: JsonObject, key: string, value: Json | undefined): void {
  if (value === undefined) delete (object as Record<string, Json>)[key]
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

function descend(
  object: JsonObject,
  path: string,
): { readonly head: string; readonly child: JsonObject; readonly rest: string } | undefined {
  const dot = path.indexOf('.')
  if (dot <= 0 || dot === path.length - 1) return undefined
  const head = path.slice(0, dot)
  const child = own(object, head)
  return isJsonObject(child) ? { head, child, rest: path.slice(dot + 1) } : undefined
}
