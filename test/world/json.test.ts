import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  fromEntries,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonEquals,
  own,
  withKey,
} from '../../src/world/json.ts'

const parse = (text: string) => JSON.parse(text) as JsonObject

describe('S1 keys that objects inherit are data', () => {
  test('fromEntries makes them own keys and leaves prototypes alone', () => {
    const object = fromEntries([
      ['__proto__', { polluted: 1 }],
      ['constructor', 2],
    ])
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype)
    expect(JSON.stringify(object)).toBe('{"__proto__":{"polluted":1},"constructor":2}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('own reads only what is there', () => {
    expect(own({}, 'toString')).toBeUndefined()
    expect(own({}, '__proto__')).toBeUndefined()
    expect(own(parse('{"__proto__": 1}'), '__proto__')).toBe(1)
    expect(own({ a: null }, 'a')).toBeNull()
  })

  test('withKey sets, replaces in place and removes them', () => {
    const object = parse('{"a": 1, "__proto__": 2, "b": 3}')
    expect(JSON.stringify(withKey(object, '__proto__', 5))).toBe('{"a":1,"__proto__":5,"b":3}')
    expect(JSON.stringify(withKey(object, '__proto__', undefined))).toBe('{"a":1,"b":3}')
    expect(JSON.stringify(withKey({}, '__proto__', {}))).toBe('{"__proto__":{}}')
    expect(withKey({}, 'toString', undefined)).toEqual({})
    expect(JSON.stringify(object)).toBe('{"a":1,"__proto__":2,"b":3}')
  })

  test('jsonEquals compares them', () => {
    expect(jsonEquals(parse('{"__proto__": 1}'), {})).toBe(false)
    expect(jsonEquals(parse('{"__proto__": 1}'), { toString: 1 })).toBe(false)
    expect(jsonEquals({ toString: 1 }, { valueOf: 1 })).toBe(false)
    expect(jsonEquals(parse('{"__proto__": {"a": 1}}'), parse('{"__proto__": {"a": 1}}'))).toBe(true)
  })
})

describe('M2 equality of JSON values', () => {
  test.each<[string, Json | undefined, Json | undefined, boolean]>([
    ['the order of keys means nothing', { a: 1, b: 2 }, { b: 2, a: 1 }, true],
    ['the order of a list does', [1, 2], [2, 1], false],
    ['null and absence differ (M4)', null, undefined, false],
    ['absence equals itself', undefined, undefined, true],
    ['an empty list is no empty record', [], {}, false],
    ['a list is no record with its indices', ['a'], { 0: 'a' }, false],
    ['a record with a length is no list', { length: 0 }, [], false],
    ['zero has no sign', 0, -0, true],
    ['numbers are no texts', 1, '1', false],
    ['null is no record', null, {}, false],
    ['one key more', { a: 1 }, { a: 1, b: null }, false],
  ])('%s', (_, a, b, equal) => {
    expect(jsonEquals(a, b)).toBe(equal)
    expect(jsonEquals(b, a)).toBe(equal)
  })

  test('agrees with the text of the values, keys sorted', () => {
    const sorted = (value: Json): Json =>
      Array.isArray(value)
        ? value.map((item) => sorted(item as Json))
        : isJsonObject(value)
          ? fromEntries(
              Object.keys(value)
                .sort()
                .map((key) => [key, sorted(value[key]!)] as const),
            )
          : value
    const json = fc.jsonValue({ maxDepth: 2, noUnicodeString: true }) as fc.Arbitrary<Json>
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(jsonEquals(a, JSON.parse(JSON.stringify(a)) as Json)).toBe(true)
        expect(jsonEquals(a, b)).toBe(JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)))
      }),
      { numRuns: 300 },
    )
  })
})
