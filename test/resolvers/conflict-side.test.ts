import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldAt, withField } from '../../src/resolvers/fields.ts'
import { conflictSide, mergeObject, type ObjectMerge, sameObject } from '../../src/resolvers/object.ts'
import { type JsonObject, jsonEquals } from '../../src/world/json.ts'
import { object, parse, sides } from './fixture.ts'

const SIDES = ['base', 'ours', 'theirs'] as const
type Fields = JsonObject | undefined

function merged([base, ours, theirs]: readonly [Fields, Fields, Fields]): ObjectMerge {
  const terms = { base: base && object(base), ours: ours && object(ours), theirs: theirs && object(theirs) }
  return mergeObject(terms, undefined)
}

function stages(terms: readonly [Fields, Fields, Fields]): readonly Fields[] {
  const merge = merged(terms)
  return SIDES.map((side) => conflictSide({ kind: 'entity', id: 'lamp' }, merge, side)?.fields)
}

describe('C2 an object as each side has its contested fields, and as it is merged in all else', () => {
  test.each<[string, readonly [Fields, Fields, Fields], readonly Fields[]]>([
    [
      'one field contested, others merged',
      [
        { a: 1, b: 1, c: 1 },
        { a: 2, b: 2, c: 1 },
        { a: 3, b: 1, c: 3 },
      ],
      [
        { a: 1, b: 2, c: 3 },
        { a: 2, b: 2, c: 3 },
        { a: 3, b: 2, c: 3 },
      ],
    ],
    [
      'a key far below',
      [{ p: { q: { r: 1, s: 1 } } }, { p: { q: { r: 2, s: 1 } } }, { p: { q: { r: 3, s: 3 } } }],
      [{ p: { q: { r: 1, s: 3 } } }, { p: { q: { r: 2, s: 3 } } }, { p: { q: { r: 3, s: 3 } } }],
    ],
    ['a field that ours lacks', [{ a: 1 }, {}, { a: 2 }], [{ a: 1 }, {}, { a: 2 }]],
    ['a field that theirs lacks', [{ a: 1 }, { a: 2 }, {}], [{ a: 1 }, { a: 2 }, {}]],
    ['a field that the base lacks', [{}, { a: 1 }, { a: 2 }], [{}, { a: 1 }, { a: 2 }]],
    [
      'a record that is contested whole',
      [{ p: { a: 1 } }, {}, { p: { a: 2, b: 1 } }],
      [{ p: { a: 1 } }, {}, { p: { a: 2, b: 1 } }],
    ],
    [
      'a record that both sides made, one key contested: the base has the record with what is merged',
      [{}, { p: { a: 1, o: 1 } }, { p: { a: 2, t: 1 } }],
      [{ p: { o: 1, t: 1 } }, { p: { a: 1, o: 1, t: 1 } }, { p: { a: 2, o: 1, t: 1 } }],
    ],
    [
      'keys that objects inherit',
      [parse('{"__proto__": 1}'), parse('{"__proto__": 2}'), parse('{"__proto__": 3, "constructor": 1}')],
      [
        parse('{"__proto__": 1, "constructor": 1}'),
        parse('{"__proto__": 2, "constructor": 1}'),
        parse('{"__proto__": 3, "constructor": 1}'),
      ],
    ],
    [
      'removed here: the object as the others have it',
      [{ a: 1 }, undefined, { a: 2 }],
      [{ a: 1 }, undefined, { a: 2 }],
    ],
    ['removed there', [{ a: 1 }, { a: 2 }, undefined], [{ a: 1 }, { a: 2 }, undefined]],
    [
      'nothing contested: the merged object, three times',
      [{ a: 1 }, { a: 2 }, { a: 1 }],
      [{ a: 2 }, { a: 2 }, { a: 2 }],
    ],
    ['no object on any side', [undefined, undefined, undefined], [undefined, undefined, undefined]],
  ])('%s', (_, terms, expected) => {
    const shown = stages(terms)
    expect(shown.map((fields) => JSON.stringify(fields))).toEqual(
      expected.map((fields, i) => JSON.stringify(fields === undefined ? undefined : inOrderOf(shown[i], fields))),
    )
  })

  test('order of keys: a field that ours lacks stands last, the others where they stood', () => {
    const [, , theirs] = stages([
      { a: 1, b: 1, c: 1 },
      { b: 1, c: 1 },
      { a: 2, b: 1, c: 1 },
    ])
    expect(Object.keys(theirs!)).toEqual(['b', 'c', 'a'])
  })

  test('law: the sides differ in contested fields alone; ours is the merged object', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const merge = merged([base, ours, theirs])
        const identity = { kind: 'entity', id: 'lamp' } as const
        expect(conflictSide(identity, merge, 'ours')).toEqual(merge.object)
        for (const side of SIDES) {
          const shown = conflictSide(identity, merge, side)
          if (merge.contested.some(({ path }) => path.length === 0)) {
            const terms = { base, ours, theirs }
            expect(shown?.fields).toEqual(terms[side])
            continue
          }
          if (merge.object === undefined) continue
          for (const { path, terms } of merge.contested)
            expect(jsonEquals(fieldAt(shown!.fields, path), terms[side])).toBe(true)
          const bare = (fields: JsonObject) =>
            merge.contested.reduce((so, { path }) => withField(so, path, undefined), fields)
          expect(JSON.stringify(bare(shown!.fields))).toBe(JSON.stringify(bare(merge.object.fields)))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('law: whose stage one takes, merging it again with the same sides asks nothing new', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const merge = merged([base, ours, theirs])
        const chosen = conflictSide({ kind: 'entity', id: 'lamp' }, merge, 'theirs')
        const again = merged([theirs, chosen?.fields, theirs])
        expect(again.contested).toEqual([])
        expect(again.object === undefined ? chosen === undefined : sameObject(again.object, chosen)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

/** The same fields with keys in the order of another, so that only values are compared. */
function inOrderOf(shown: Fields, fields: JsonObject): JsonObject {
  const keys = [...Object.keys(shown ?? {}), ...Object.keys(fields).filter((key) => !Object.hasOwn(shown ?? {}, key))]
  return Object.fromEntries(
    keys.filter((key) => Object.hasOwn(fields, key)).map((key) => [key, fields[key]!]),
  ) as JsonObject
}
