import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  diffObjects,
  FieldSet,
  fieldAt,
  fieldKey,
  fieldName,
  unionKeys,
  withField,
  writtenFields,
} from '../../src/resolvers/fields.ts'
import {
  fromEntries,
  isJsonObject,
  type Json,
  type JsonObject,
  jsonEquals,
  own,
  withKey,
} from '../../src/world/json.ts'
import type { FieldValue, ObjectKind } from '../../src/world/state.ts'
import { fields, object, parse, wrote } from './fixture.ts'

describe('diffObjects', () => {
  const diff = (before: JsonObject | undefined, after: JsonObject | undefined) =>
    diffObjects(before && object(before), after && object(after)).map(({ path, before, after }) => [
      fieldName(path),
      before,
      after,
    ])

  test('M2 records differ key by key, all else as a whole', () => {
    expect(
      diff(
        { position: [0, 0, 0], props: { color: 'red', deep: { a: 1, b: 2 }, list: [1] }, gone: 1 },
        { position: [0, 1, 0], props: { color: 'red', deep: { a: 1, b: 3 }, list: [1, 2] }, come: null },
      ),
    ).toEqual([
      ['position', [0, 0, 0], [0, 1, 0]],
      ['props.deep.b', 2, 3],
      ['props.list', [1], [1, 2]],
      ['gone', 1, undefined],
      ['come', undefined, null],
    ])
  })

  test('M4 a change of type is one change', () => {
    expect(diff({ props: { a: 1 } }, { props: [1] })).toEqual([['props', { a: 1 }, [1]]])
    expect(diff({ props: { a: 1 } }, {})).toEqual([['props', { a: 1 }, undefined]])
  })

  test('M4 presence is a field of its own', () => {
    expect(diff(undefined, { pinned: true })).toEqual([
      ['', undefined, { pinned: true }],
      ['pinned', undefined, true],
    ])
    expect(diff({ pinned: true }, undefined)).toEqual([
      ['', { pinned: true }, undefined],
      ['pinned', true, undefined],
    ])
    expect(diff(undefined, {})).toEqual([['', undefined, {}]])
    expect(diff(undefined, undefined)).toEqual([])
  })

  test('M2 noise and −q are no change, in the fields of transforms only', () => {
    expect(diff({ position: [0, 0, 0] }, { position: [1e-7, 0, 0] })).toEqual([])
    expect(diff({ quaternion: [0, 0, 0, 1] }, { quaternion: [0, 0, 0, -1] })).toEqual([])
    expect(diff({ props: { position: [0] } }, { props: { position: [1e-7] } })).toHaveLength(1)
    expect(diff({ position: { a: [0, 0, 0] } }, { position: { a: [1e-7, 0, 0] } })).toHaveLength(1)
    expect(diff({ props: { quaternion: [0, 0, 0, 1] } }, { props: { quaternion: [0, 0, 0, -1] } })).toHaveLength(1)
  })

  test('keys that objects inherit are data like any other (S1)', () => {
    const before = parse('{"props": {"__proto__": {"a": 1}, "constructor": 1}}')
    const after = parse('{"props": {"__proto__": {"a": 2}, "toString": 1}}')
    expect(diff(before, after)).toEqual([
      ['props.__proto__.a', 1, 2],
      ['props.constructor', 1, undefined],
      ['props.toString', undefined, 1],
    ])
  })

  test('law: a diff applied to the one state gives the other', () => {
    fc.assert(
      fc.property(fields, fields, (before, after) => {
        let state: JsonObject = before
        for (const change of diffObjects(object(before, 'blueprint'), object(after, 'blueprint'))) {
          expect(jsonEquals(change.before, at(before, change.path))).toBe(true)
          state = put(state, change.path, change.after)
        }
        expect(jsonEquals(state, after)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('M3 what a step wrote', () => {
  const written = (before: JsonObject | undefined, after: JsonObject | undefined) =>
    writtenFields(before && object(before), after && object(after)).map(fieldName)
  const cases: readonly (readonly [string, JsonObject | undefined, JsonObject | undefined, readonly string[]])[] = [
    ['a record that appears', {}, { props: { cfg: { a: 1, b: { c: 2 } } } }, ['props.cfg.a', 'props.cfg.b.c']],
    ['a record that disappears', { props: { cfg: { a: 1 } } }, { props: {} }, ['props.cfg.a']],
    ['an empty one that appears', { props: {} }, { props: { cfg: {} } }, ['props.cfg']],
    ['an empty one that disappears', { props: { cfg: {} } }, { props: {} }, ['props.cfg']],
    ['one that is emptied', { props: { cfg: { a: 1 } } }, { props: { cfg: {} } }, ['props.cfg.a']],
    ['one that becomes something else', { props: { a: 1 } }, { props: [1] }, ['props', 'props.a']],
    ['something else that becomes one', { props: null }, { props: { a: 1 } }, ['props', 'props.a']],
    ['an object that appears', undefined, { pinned: true, props: { a: 1 } }, ['', 'pinned', 'props.a']],
    ['an object that disappears', { props: { a: 1 }, list: [{}] }, undefined, ['', 'props.a', 'list']],
    ['nothing', { props: { a: 1 } }, { props: { a: 1 } }, []],
  ]
  test.each(cases)('%s', (_, before, after, expected) => expect(written(before, after)).toEqual(expected))
})

describe('M1 a uid is written by nobody', () => {
  const cases: readonly (readonly [
    string,
    ObjectKind,
    JsonObject | undefined,
    JsonObject | undefined,
    readonly string[],
  ])[] = [
    ['of an entity', 'entity', { uid: 'a' }, { uid: 'b', pinned: true }, ['pinned']],
    ['of one that appears', 'entity', undefined, { uid: 'b', pinned: true }, ['', 'pinned']],
    ['of one that disappears', 'blueprint', { uid: 'b', name: 'x' }, undefined, ['', 'name']],
    ['but a prop of that name is', 'entity', { props: { uid: 'a' } }, { props: { uid: 'b' } }, ['props.uid']],
    ['nor is what stands in it', 'entity', { uid: { a: 1 } }, { uid: { a: 2 } }, []],
    ['and a setting of that name', 'settings', { uid: 'a' }, { uid: 'b' }, ['uid']],
    ['in settings that appear', 'settings', undefined, { uid: 'b' }, ['', 'uid']],
    ['in settings that disappear', 'settings', { uid: 'b' }, undefined, ['', 'uid']],
  ]
  test.each(cases)('%s', (_, kind, before, after, expected) => {
    expect(writtenFields(before && object(before, kind), after && object(after, kind)).map(fieldName)).toEqual(expected)
  })
})

describe('a copy with one field set', () => {
  const cases: readonly (readonly [JsonObject, readonly string[], FieldValue, JsonObject])[] = [
    [{ a: 1 }, [], { b: 2 }, { b: 2 }],
    [{ a: 1 }, [], 7, { a: 1 }],
    [{ a: 1 }, [], undefined, { a: 1 }],
    [{ a: 1 }, ['b', 'c'], 2, { a: 1, b: { c: 2 } }],
    [{ a: 1 }, ['a', 'c'], 2, { a: { c: 2 } }],
    [{ a: { b: 1, c: 2 } }, ['a', 'b'], undefined, { a: { c: 2 } }],
    [{ a: { b: 1 } }, ['a', 'b'], undefined, { a: {} }],
    [{ a: 1 }, ['b', 'c'], undefined, { a: 1 }],
    [{ a: 1 }, ['a', 'c'], undefined, { a: 1 }],
    [{ a: 1 }, ['b', 'c', 'd'], undefined, { a: 1 }],
  ]
  test.each(cases)('%j with %j = %j', (fields, path, value, expected) => {
    const before = structuredClone(fields)
    const set = withField(fields, path, value)
    expect(set).toEqual(expected)
    expect(fields).toEqual(before)
    if (path.length > 0) expect(fieldAt(set, path)).toEqual(value)
  })
})

function at(value: FieldValue, path: readonly string[]): FieldValue {
  return path.reduce<FieldValue>((inner, key) => (isJsonObject(inner) ? own(inner, key) : undefined), value)
}

function put(record: JsonObject, [key, ...rest]: readonly string[], value: FieldValue): JsonObject {
  const inner = own(record, key!)
  return withKey(record, key!, rest.length === 0 ? value : put(isJsonObject(inner) ? inner : {}, rest, value))
}

test('a path as a key is unambiguous, unlike its name', () => {
  expect(fieldName(['a', 'b.c'])).toBe(fieldName(['a.b', 'c']))
  expect(fieldKey(['a', 'b.c'])).not.toBe(fieldKey(['a.b', 'c']))
})

test('unionKeys keeps the order of the first, and knows what is inherited', () => {
  const proto: Json = fromEntries([
    ['__proto__', 1],
    ['b', 2],
  ])
  expect(unionKeys({ b: 1, a: 1 }, { c: 1, a: 1 })).toEqual(['b', 'a', 'c'])
  expect(unionKeys({}, { toString: 1, constructor: 1 })).toEqual(['toString', 'constructor'])
  expect(unionKeys({ a: 1 }, proto)).toEqual(['a', '__proto__', 'b'])
})

describe('M2 a set of written fields', () => {
  const set = wrote(['props', 'color'], ['position'])
  const cases: readonly (readonly [readonly string[], boolean])[] = [
    [['props', 'color'], true],
    [['props'], true],
    [['props', 'color', 'deep'], false],
    [['props', 'size'], false],
    [['position'], true],
    [['propsx'], false],
    [['scale'], false],
    [[], true],
  ]
  test.each(cases)('touches %j: %s', (path, touched) => expect(set.touches(path)).toBe(touched))

  test('the presence of an object is touched by itself alone', () => {
    const presence = wrote([])
    expect(presence.touches([])).toBe(true)
    expect(presence.touches(['position'])).toBe(false)
  })

  test('fields are told apart by their keys, not by their names', () => {
    const dotted = wrote(['props', 'a.b'])
    expect(dotted.touches(['props', 'a', 'b'])).toBe(false)
    dotted.delete(['props', 'a', 'b'])
    expect(dotted.size).toBe(1)
    dotted.delete(['props', 'a.b'])
    expect(dotted.size).toBe(0)
    expect(new FieldSet().touches(['props'])).toBe(false)
  })
})
