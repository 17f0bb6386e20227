import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  docField,
  isJsonPath,
  natureOf,
  readDoc,
  sameDocs,
  withDocField,
  writeDoc,
} from '../../src/git-bridge/object-docs.ts'
import type { FieldPath } from '../../src/resolvers/fields.ts'
import { fromEntries, type Json, type JsonObject, jsonEquals } from '../../src/world/json.ts'
import type { FieldValue, ObjectKey } from '../../src/world/state.ts'

const ENTITY = 'world/entities/bd/lamp.json'
const BLUEPRINT = 'apps/Lamp/Lamp.json'
const key = (text: string) => text as ObjectKey
const PROTO = fromEntries([['__proto__', { deep: 1 }]])

const lamp: JsonObject = { id: 'lamp', pinned: false, props: { color: 'red', size: { w: 1 }, none: null } }
const manifest: JsonObject = {
  formatVersion: 2,
  settings: { title: 'Plaza', nested: { a: 1 } },
  entities: [{ id: 'post' }, lamp, 7, null, ['odd']],
}

describe('one field of an object in a file', () => {
  it.each<readonly [string, JsonObject, string, FieldPath, FieldValue]>([
    [ENTITY, lamp, 'entity:lamp', [], lamp],
    [ENTITY, lamp, 'entity:lamp', ['pinned'], false],
    [ENTITY, lamp, 'entity:lamp', ['props', 'size', 'w'], 1],
    [ENTITY, lamp, 'entity:lamp', ['props', 'none'], null],
    [ENTITY, lamp, 'entity:lamp', ['props', 'absent'], undefined],
    [ENTITY, lamp, 'entity:lamp', ['pinned', 'deeper'], undefined],
    [ENTITY, lamp, 'entity:lamp', ['toString'], undefined],
    [ENTITY, lamp, 'entity:lamp', ['__proto__'], undefined],
    [ENTITY, fromEntries([['props', PROTO]]), 'entity:lamp', ['props', '__proto__', 'deep'], 1],
    ['world.json', manifest, 'entity:lamp', ['props', 'color'], 'red'],
    ['world.json', manifest, 'entity:lamp', [], lamp],
    ['world.json', manifest, 'entity:nobody', [], undefined],
    ['world.json', manifest, 'entity:nobody', ['pinned'], undefined],
    ['world.json', manifest, 'settings', ['nested', 'a'], 1],
    ['world.json', manifest, 'spawn', ['position'], undefined],
    ['world.json', manifest, 'spawn', [], undefined],
    ['world.json', {}, 'entity:lamp', [], undefined],
    ['world.json', { entities: { lamp } }, 'entity:lamp', [], undefined],
    ['world.json', { settings: 'no object' }, 'settings', ['title'], undefined],
    ['world.json', { entities: [PROTO] }, 'entity:__proto__', [], undefined],
  ])('%s: %j, %s %j', (path, doc, object, field, value) => {
    expect(docField(path, doc, key(object), field)).toEqual(value)
  })

  it.each<readonly [string, JsonObject, string, FieldPath, FieldValue, JsonObject]>([
    [ENTITY, { id: 'a', x: 1 }, 'entity:a', ['x'], 2, { id: 'a', x: 2 }],
    [ENTITY, { id: 'a', x: 1 }, 'entity:a', ['x'], undefined, { id: 'a' }],
    [ENTITY, { id: 'a' }, 'entity:a', ['x', 'y'], undefined, { id: 'a' }],
    [ENTITY, { id: 'a' }, 'entity:a', ['x', 'y'], null, { id: 'a', x: { y: null } }],
    [ENTITY, { id: 'a', x: 5 }, 'entity:a', ['x', 'y'], 1, { id: 'a', x: { y: 1 } }],
    [ENTITY, { id: 'a' }, 'entity:a', [], { id: 'a', b: 1 }, { id: 'a', b: 1 }],
    [BLUEPRINT, { id: 'Lamp' }, 'blueprint:Lamp', ['props', 'c'], 'red', { id: 'Lamp', props: { c: 'red' } }],
    [
      'world.json',
      { entities: [{ id: 'a' }, { id: 'b', x: 1 }] },
      'entity:b',
      ['x'],
      2,
      { entities: [{ id: 'a' }, { id: 'b', x: 2 }] },
    ],
    ['world.json', { entities: [{ id: 'a' }, { id: 'b' }] }, 'entity:a', [], undefined, { entities: [{ id: 'b' }] }],
    ['world.json', { entities: [{ id: 'a' }] }, 'entity:b', [], { id: 'b' }, { entities: [{ id: 'a' }, { id: 'b' }] }],
    ['world.json', {}, 'entity:b', [], { id: 'b' }, { entities: [{ id: 'b' }] }],
    ['world.json', { entities: [{ id: 'a' }] }, 'entity:b', ['x'], 1, { entities: [{ id: 'a' }] }],
    ['world.json', { entities: [{ id: 'a' }] }, 'entity:b', [], undefined, { entities: [{ id: 'a' }] }],
    ['world.json', { entities: [3, { id: 'a', x: 1 }] }, 'entity:a', ['x'], undefined, { entities: [3, { id: 'a' }] }],
    ['world.json', { settings: { a: 1, b: 2 } }, 'settings', ['a'], undefined, { settings: { b: 2 } }],
    ['world.json', {}, 'settings', ['a'], 1, { settings: { a: 1 } }],
    [
      'world.json',
      { spawn: { position: [0, 0, 0] } },
      'spawn',
      ['position'],
      [1, 2, 3],
      { spawn: { position: [1, 2, 3] } },
    ],
  ])('%s: %j with %s %j = %j', (path, doc, object, field, value, expected) => {
    const before = JSON.stringify(doc)
    expect(withDocField(path, doc, key(object), field, value)).toEqual(expected)
    expect(JSON.stringify(doc)).toBe(before)
  })

  it('keys of the prototype are data like any other', () => {
    const set = withDocField(ENTITY, { id: 'a', props: {} }, key('entity:a'), ['props', '__proto__'], { evil: true })
    expect(JSON.stringify(set)).toBe('{"id":"a","props":{"__proto__":{"evil":true}}}')
    expect(docField(ENTITY, set, key('entity:a'), ['props', '__proto__', 'evil'])).toBe(true)
    const taken = withDocField(ENTITY, set, key('entity:a'), ['props', '__proto__'], undefined)
    expect(JSON.stringify(taken)).toBe('{"id":"a","props":{}}')
    const within = withDocField('world.json', {}, key('__proto__'), ['evil'], 1)
    expect(JSON.stringify(within)).toBe('{"__proto__":{"evil":1}}')
    expect(({} as Record<string, unknown>).evil).toBeUndefined()
  })

  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>
  const name = fc.oneof(fc.constantFrom('a', 'b', 'id', '__proto__', 'constructor', ''), fc.string({ maxLength: 4 }))
  const record = fc.dictionary(name, json, { maxKeys: 4 }).map((entries) => fromEntries(Object.entries(entries)))
  const path = fc.array(name, { minLength: 1, maxLength: 3 })

  it('what is set is there, nothing else changed, and what is removed is gone', () => {
    fc.assert(
      fc.property(record, path, json, fc.boolean(), (fields, field, value, inManifest) => {
        const object: JsonObject = { ...fields, id: 'it' }
        fc.pre(field[0] !== 'id')
        const other: JsonObject = { id: 'other', x: 1 }
        const doc = inManifest ? { formatVersion: 2, entities: [other, object] } : object
        const file = inManifest ? 'world.json' : ENTITY
        const set = withDocField(file, doc, key('entity:it'), field, value)
        expect(jsonEquals(docField(file, set, key('entity:it'), field), value)).toBe(true)
        for (const top of Object.keys(object)) {
          if (top === field[0]) continue
          const before = docField(file, doc, key('entity:it'), [top])
          expect(jsonEquals(docField(file, set, key('entity:it'), [top]), before)).toBe(true)
        }
        if (inManifest) expect(docField(file, set, key('entity:other'), [])).toEqual(other)
        const gone = withDocField(file, set, key('entity:it'), field, undefined)
        expect(docField(file, gone, key('entity:it'), field)).toBeUndefined()
      }),
    )
  })
})

describe('files with fields', () => {
  it.each([
    [ENTITY, true],
    ['world/entities/any/where/x.json', true],
    [BLUEPRINT, true],
    ['world.json', true],
    ['world/settings.json', true],
    ['world/spawn.json', true],
    ['apps/Lamp/index.js', false],
    ['apps/Lamp/package.json', false],
    ['apps/Lamp/lib/data.json', false],
    ['shared/a.js', false],
    ['assets/a.json', false],
    ['lobby.json', false],
    ['world/other.json', false],
    ['../world.json', false],
    ['world/entities/../../lobby.json', false],
    ['', false],
  ])('%s: %s', (path, expected) => {
    expect(isJsonPath(path)).toBe(expected)
  })

  it('are read and written as files of their kind', () => {
    const doc: JsonObject = { id: 'lamp', position: [1, 2, 3], props: { list: [1, 2] } }
    expect(new TextDecoder().decode(writeDoc(ENTITY, doc))).toContain('"position": [1, 2, 3],')
    expect(new TextDecoder().decode(writeDoc('world.json', doc))).toContain('"position": [\n')
    for (const path of [ENTITY, BLUEPRINT, 'world.json']) expect(readDoc(path, writeDoc(path, doc))).toEqual(doc)
  })

  it.each(['', '{', '[]', '3', 'null', '<<<<<<< HEAD\n{}\n', '{"a":1e999}', '\u0000', `${'['.repeat(500)}`])(
    'what does not parse has no document: %j',
    (text) => {
      expect(readDoc(ENTITY, new TextEncoder().encode(text))).toBeUndefined()
    },
  )

  it('bytes that are no text have no document', () => {
    expect(readDoc(ENTITY, new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))).toBeUndefined()
  })
})

describe('an entity that comes into a manifest', () => {
  const ids = (doc: JsonObject) => (doc.entities as readonly Json[]).map((one) => (one as JsonObject | null)?.id ?? one)
  const list = (...entities: readonly Json[]): JsonObject => ({ entities })
  const one = (id: string): JsonObject => ({ id })

  it.each<readonly [string, JsonObject, JsonObject, readonly Json[]]>([
    [
      'stands behind the one it follows in the other list',
      list(one('a'), one('c')),
      list(one('a'), one('b')),
      ['a', 'b', 'c'],
    ],
    [
      'or behind the nearest that is here',
      list(one('a'), one('c')),
      list(one('a'), one('x'), one('b')),
      ['a', 'b', 'c'],
    ],
    [
      'or at the begin where all before it are gone',
      list(one('a'), one('c')),
      list(one('x'), one('b')),
      ['b', 'a', 'c'],
    ],
    ['or at the begin where it is the first', list(one('a')), list(one('b'), one('a')), ['b', 'a']],
    ['or at the end where the other list lacks it', list(one('a'), one('c')), list(one('a')), ['a', 'c', 'b']],
    ['whatever else stands in the lists', list(7, one('a'), one('c')), list(7, {}, null, one('b')), ['b', 7, 'a', 'c']],
  ])('%s', (_, doc, like, expected) => {
    expect(ids(withDocField('world.json', doc, key('entity:b'), [], one('b'), like))).toEqual(expected)
  })
})

describe('whether two versions of a file say the same', () => {
  it.each<readonly [string, JsonObject, JsonObject, boolean]>([
    [ENTITY, { id: 'a', x: [1] }, { x: [1], id: 'a' }, true],
    [ENTITY, { id: 'a', x: [1, 2] }, { id: 'a', x: [2, 1] }, false],
    ['world.json', { entities: [{ id: 'a' }, { id: 'b' }] }, { entities: [{ id: 'b' }, { id: 'a' }] }, true],
    ['world.json', { entities: [{ id: 'a' }, { id: 'b' }] }, { entities: [{ id: 'b' }, { id: 'c' }] }, false],
    [
      'world.json',
      { entities: [{ id: 'a' }, { id: 'a', n: 1 }] },
      { entities: [{ id: 'a' }, { id: 'a', n: 1 }] },
      true,
    ],
    ['world.json', { entities: [3, {}, { id: 'a' }] }, { entities: [{ id: 'a' }, 3, {}] }, true],
    ['world.json', {}, { entities: [] }, true],
    ['world.json', { settings: { a: 1 } }, { settings: { a: 2 } }, false],
  ])('%s: %j and %j', (path, a, b, same) => {
    expect(sameDocs(path, a, b)).toBe(same)
    expect(sameDocs(path, b, a)).toBe(same)
  })
})

it.each([
  ['world.json', { kind: 'json', listOfObjects: 4 }],
  [ENTITY, { kind: 'json' }],
  [BLUEPRINT, { kind: 'json' }],
  ['apps/Lamp/index.js', { kind: 'text' }],
  ['README.md', { kind: 'text' }],
])('how values end in %s', (path, nature) => {
  expect(natureOf(path)).toEqual(nature)
})
