import { isJsonObject, type Json, type JsonObject, own, withKey } from '../world/json.ts'

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

/** A copy of `object` with the field set, or removed when `value` is undefined. */
export function writeField(object: JsonObject, path: string, value: Json | undefined): JsonObject {
  if (Object.hasOwn(object, path)) return withKey(object, path, value)
  const split = descend(object, path)
  if (split === undefined) return withKey(object, path, value)
  return withKey(object, split.head, writeField(split.child, split.rest, value))
}

/** The top-level field that a path is in. */
export function fieldOf(object: JsonObject, path: string): string {
  if (Object.hasOwn(object, path)) return path
  return descend(object, path)?.head ?? path
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
