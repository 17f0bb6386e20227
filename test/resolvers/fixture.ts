import fc from 'fast-check'
import { FieldSet } from '../../src/resolvers/fields.ts'
import { fromEntries, type Json, type JsonObject } from '../../src/world/json.ts'
import type { ObjectKind, WorldObject } from '../../src/world/state.ts'

/** An object with these fields. */
export function object(fields: JsonObject, kind: ObjectKind = 'entity', id = 'lamp'): WorldObject {
  return { kind, id, fields }
}

/** The fields that operations after the base wrote. */
export function wrote(...paths: readonly (readonly string[])[]): FieldSet {
  const set = new FieldSet()
  for (const path of paths) set.add(path)
  return set
}

/** Parsed, so that `__proto__` is an own key. */
export function parse(text: string): JsonObject {
  return JSON.parse(text) as JsonObject
}

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '1', '')
const leaf: fc.Arbitrary<Json> = fc.constantFrom<Json>(null, true, false, 0, 1, 2, '', 'x', 'y')

/** Values from a vocabulary so small that two of them often agree. */
export const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3, withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 2 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries) => fromEntries(entries)),
  ),
})).value

const number = fc.constantFrom(0, 1, 1 + 1e-9, 2, -1)
const vector = (length: number) => fc.array(number, { minLength: length, maxLength: length })

/** Fields of an entity: transforms, a bag of props, and what nobody knows. */
export const fields: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      position: vector(3),
      quaternion: vector(4),
      props: fc.array(fc.tuple(key, value), { maxLength: 4 }).map((entries) => fromEntries(entries) as Json),
      pinned: fc.oneof(fc.boolean(), value),
    },
    { requiredKeys: [] },
  )
  .chain((known) =>
    fc
      .array(fc.tuple(key, value), { maxLength: 3 })
      .map((others) => fromEntries([...Object.entries(known as JsonObject), ...others])),
  )

/** An object or none, on each of the three sides. */
export const sides = fc.record({
  base: fc.option(fields, { nil: undefined }),
  ours: fc.option(fields, { nil: undefined }),
  theirs: fc.option(fields, { nil: undefined }),
})
