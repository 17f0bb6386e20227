import { describe, expect, test } from 'vitest'
import { fieldName, writtenFields } from '../../src/resolvers/fields.ts'
import { type FieldResolver, mergeObject, sameObject } from '../../src/resolvers/object.ts'
import { isJsonObject, type JsonObject, own } from '../../src/world/json.ts'
import type { ObjectKind } from '../../src/world/state.ts'
import { object, parse, wrote } from './fixture.ts'

type Sides = readonly [base: JsonObject | undefined, ours: JsonObject | undefined, theirs: JsonObject | undefined]

function merge(
  [base, ours, theirs]: Sides,
  written?: readonly (readonly string[])[],
  kind: ObjectKind = 'entity',
  resolver?: FieldResolver,
) {
  const result = mergeObject(
    { base: base && object(base, kind), ours: ours && object(ours, kind), theirs: theirs && object(theirs, kind) },
    written && wrote(...written),
    resolver === undefined ? {} : { text: resolver },
  )
  return {
    fields: result.object?.fields,
    contested: result.contested.map(({ path }) => fieldName(path)),
    terms: result.contested.map(({ terms }) => [terms.base, terms.ours, terms.theirs]),
  }
}

const clean = (fields: JsonObject | undefined) => ({ fields, contested: [], terms: [] })

describe('whole objects', () => {
  const lamp: JsonObject = { blueprint: 'Lamp', pinned: false }
  const pinned: JsonObject = { blueprint: 'Lamp', pinned: true }
  const moved: JsonObject = { blueprint: 'Lamp', pinned: false, position: [1, 0, 0] }

  test('M4 nothing anywhere', () => expect(merge([undefined, undefined, undefined])).toEqual(clean(undefined)))
  test('M4 added by us', () => expect(merge([undefined, lamp, undefined])).toEqual(clean(lamp)))
  test('M4 added by the world', () => expect(merge([undefined, undefined, lamp])).toEqual(clean(lamp)))
  test('M4 added alike', () => expect(merge([undefined, lamp, lamp])).toEqual(clean(lamp)))
  test('M4 deleted by us, untouched there', () => expect(merge([lamp, undefined, lamp])).toEqual(clean(undefined)))
  test('M4 deleted there, untouched by us', () => expect(merge([lamp, lamp, undefined])).toEqual(clean(undefined)))
  test('M4 deleted on both sides', () => expect(merge([lamp, undefined, undefined])).toEqual(clean(undefined)))

  test('M4 add/add that differ contest what differs, and keep what one side alone has', () => {
    const result = merge([undefined, { ...lamp, ours: 1 }, { ...pinned, theirs: 2 }])
    expect(result.contested).toEqual(['pinned'])
    expect(result.terms).toEqual([[undefined, false, true]])
    expect(result.fields).toEqual({ blueprint: 'Lamp', pinned: false, ours: 1, theirs: 2 })
  })

  test('M4 modify/delete: the object as a whole is contested and stays ours', () => {
    const result = merge([lamp, pinned, undefined])
    expect(result).toEqual({ fields: pinned, contested: [''], terms: [[lamp, pinned, undefined]] })
  })

  test('M4 delete/modify: the object as a whole is contested and stays deleted', () => {
    const result = merge([lamp, undefined, moved])
    expect(result).toEqual({ fields: undefined, contested: [''], terms: [[lamp, undefined, moved]] })
  })

  test('M2 deleted by us, written and put back there: contested', () => {
    expect(merge([lamp, undefined, lamp], [['pinned']]).contested).toEqual([''])
    expect(merge([lamp, undefined, lamp], []).contested).toEqual([])
  })

  test('M2 deleted there after it was written, untouched by us: deleted', () => {
    expect(merge([lamp, lamp, undefined], [['pinned'], []])).toEqual(clean(undefined))
  })

  test('M2 noise and −q are no change that saves an object from deletion', () => {
    const turned = { blueprint: 'Lamp', position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
    const noisy = { blueprint: 'Lamp', position: [1e-8, 0, 0], quaternion: [0, 0, 0, -1] }
    expect(merge([turned, undefined, noisy])).toEqual(clean(undefined))
    expect(merge([turned, noisy, undefined])).toEqual(clean(undefined))
  })

  test('M1 a uid that differs is no change that saves an object from deletion', () => {
    expect(merge([{ uid: 'a' }, undefined, { uid: 'b' }])).toEqual(clean(undefined))
    expect(merge([{ uid: 'a' }, { uid: 'b' }, undefined])).toEqual(clean(undefined))
  })
})

describe('fields', () => {
  test.each<[string, Sides, JsonObject]>([
    [
      'disjoint fields',
      [
        { a: 1, b: 1 },
        { a: 2, b: 1 },
        { a: 1, b: 2 },
      ],
      { a: 2, b: 2 },
    ],
    ['disjoint keys of props', [{ props: {} }, { props: { a: 1 } }, { props: { b: 1 } }], { props: { a: 1, b: 1 } }],
    [
      'disjoint keys far below',
      [{ a: { b: { c: 1, d: 1 } } }, { a: { b: { c: 2, d: 1 } } }, { a: { b: { c: 1 } } }],
      { a: { b: { c: 2 } } },
    ],
    [
      'a key removed here, another there',
      [
        { a: 1, b: 1, c: 1 },
        { b: 1, c: 1 },
        { a: 1, c: 1 },
      ],
      { c: 1 },
    ],
    ['a record removed here, untouched there', [{ props: { a: 1 } }, {}, { props: { a: 1 } }], {}],
    [
      'a record emptied here, grown there',
      [{ props: { a: 1 } }, { props: {} }, { props: { a: 1, b: 1 } }],
      { props: { b: 1 } },
    ],
    [
      'records added on both sides',
      [{}, { props: { a: 1, same: 1 } }, { props: { b: 1, same: 1 } }],
      { props: { a: 1, same: 1, b: 1 } },
    ],
    ['a type changed alike', [{ props: null }, { props: { a: 1 } }, { props: { b: 1 } }], { props: { a: 1, b: 1 } }],
  ])('M2 M3 %s', (_, sides, expected) => expect(merge(sides)).toEqual(clean(expected)))

  test.each<[string, Sides, readonly string[], readonly (readonly unknown[])[]]>([
    ['the same key', [{ props: { a: 1 } }, { props: { a: 2 } }, { props: { a: 3 } }], ['props.a'], [[1, 2, 3]]],
    ['a key changed here, removed there', [{ a: 1 }, { a: 2 }, {}], ['a'], [[1, 2, undefined]]],
    ['a key removed here, changed there', [{ a: 1 }, {}, { a: 2 }], ['a'], [[1, undefined, 2]]],
    [
      'a record removed here, changed there',
      [{ p: { a: 1 } }, {}, { p: { a: 2 } }],
      ['p'],
      [[{ a: 1 }, undefined, { a: 2 }]],
    ],
    ['a record here, a list there', [{ p: 1 }, { p: { a: 1 } }, { p: [1] }], ['p'], [[1, { a: 1 }, [1]]]],
    ['lists are one value', [{ l: [1] }, { l: [1, 2] }, { l: [0, 1] }], ['l'], [[[1], [1, 2], [0, 1]]]],
    [
      'a place is one value',
      [{ position: [0, 0, 0] }, { position: [1, 0, 0] }, { position: [0, 1, 0] }],
      ['position'],
      [
        [
          [0, 0, 0],
          [1, 0, 0],
          [0, 1, 0],
        ],
      ],
    ],
    ['a key added on both sides', [{}, { a: 1 }, { a: 2 }], ['a'], [[undefined, 1, 2]]],
  ])('M2 M3 M4 contested: %s', (_, sides, names, terms) => {
    const result = merge(sides)
    expect(result.contested).toEqual(names)
    expect(result.terms).toEqual(terms)
  })

  test('contested fields hold our value, the others are merged all the same', () => {
    const result = merge([
      { a: 1, b: 1, c: 1 },
      { a: 2, b: 2, c: 1 },
      { a: 3, b: 1, c: 3 },
    ])
    expect(result.contested).toEqual(['a'])
    expect(result.fields).toEqual({ a: 2, b: 2, c: 3 })
    expect(merge([{ a: 1 }, {}, { a: 2 }]).fields).toEqual({})
  })

  test('M3 a resolver is asked for what both sides changed, and for nothing else', () => {
    const asked: string[] = []
    const resolver: FieldResolver = (path, { ours, theirs }) => {
      asked.push(fieldName(path))
      return path[0] === 'sum' ? Number(ours) + Number(theirs) : undefined
    }
    const result = merge(
      [
        { sum: 1, a: 1, b: 1 },
        { sum: 2, a: 2, b: 2 },
        { sum: 3, a: 1, b: 3 },
      ],
      [],
      'entity',
      resolver,
    )
    expect(asked).toEqual(['sum', 'b'])
    expect(result.fields).toEqual({ sum: 5, a: 2, b: 2 })
    expect(result.contested).toEqual(['b'])
  })
})

describe('M2 what operations wrote', () => {
  const base = { props: { color: 'red', size: 1 }, pinned: false }

  test('put back to the base, changed by us: contested, with the value of the base as theirs', () => {
    const ours = { props: { color: 'blue', size: 1 }, pinned: false }
    expect(merge([base, ours, base])).toEqual(clean(ours))
    const result = merge([base, ours, base], [['props', 'color']])
    expect(result).toMatchObject({ contested: ['props.color'], terms: [['red', 'blue', 'red']] })
  })

  test('one key put back does not contest another that we changed', () => {
    const ours = { props: { color: 'red', size: 2 }, pinned: true }
    expect(merge([base, ours, base], [['props', 'color']])).toEqual(clean(ours))
  })

  test('put back, untouched by us: nothing', () => {
    expect(merge([base, base, base], [['props', 'color'], ['pinned']])).toEqual(clean(base))
  })

  test('removed by us, put back there: contested', () => {
    const result = merge([base, { pinned: false }, base], [['props', 'color']])
    expect(result.contested).toEqual(['props'])
    const key = merge([base, { props: { size: 1 }, pinned: false }, base], [['props', 'color']])
    expect(key).toMatchObject({ contested: ['props.color'], terms: [['red', undefined, 'red']] })
  })

  test('added there and removed again, added by us: contested', () => {
    expect(merge([{}, { note: 'x' }, {}], [['note']])).toMatchObject({
      contested: ['note'],
      terms: [[undefined, 'x', undefined]],
    })
  })

  test('M3 a record that was exchanged counts for the keys that it had or got, not for what another side adds to it', () => {
    const ours = { ...base, props: { ...base.props, color: 'blue', extra: 1 } }
    const written = writtenFields(object({ ...base, props: 'none' }), object(base))
    expect(merge([base, ours, base], written).contested).toEqual(['props.color'])
    expect(merge([base, ours, base], written).fields).toMatchObject({ props: { extra: 1 } })
  })

  test('a place put back with other digits counts like one put back to the letter', () => {
    const place = (x: number) => ({ position: [x, 0, 0] })
    expect(merge([place(0), place(5), place(1e-9)]).fields).toEqual(place(5))
    expect(merge([place(0), place(5), place(1e-9)], [['position']]).contested).toEqual(['position'])
  })
})

describe('M2 digits', () => {
  const place = (x: number) => ({ position: [x, 0, 0] })
  test.each<[string, Sides, number]>([
    ['equal on all sides: those of the base', [place(1), place(1 + 1e-9), place(1 - 1e-9)], 1],
    ['noise there: those of the base', [place(1), place(1), place(1 + 1e-9)], 1],
    ['noise here: those of the base', [place(1), place(1 + 1e-9), place(1)], 1],
    ['both moved to one place: those of the world, which were there first', [place(0), place(1 + 1e-9), place(1)], 1],
    ['moved there, noise here', [place(0), place(1e-9), place(7)], 7],
    ['moved here, noise there', [place(0), place(7), place(1e-9)], 7],
  ])('%s', (_, sides, x) => expect(merge(sides)).toEqual(clean(place(x))))

  test('of a place alone, not of what stands below something of that name', () => {
    const below = (x: number, more: JsonObject = {}) => ({ position: { a: [x], ...more } })
    expect(merge([below(0), below(1e-9), below(0, { b: 1 })])).toEqual(clean(below(1e-9, { b: 1 })))
  })

  test('−q keeps the sign that was there', () => {
    const turn = (sign: number) => ({ quaternion: [0, 0.6 * sign, 0, 0.8 * sign] })
    expect(merge([turn(1), turn(-1), turn(1)])).toEqual(clean(turn(1)))
    expect(merge([turn(1), turn(1), turn(-1)])).toEqual(clean(turn(1)))
    expect(merge([{ quaternion: [0, 0, 0, 1] }, turn(-1), turn(1)])).toEqual(clean(turn(1)))
  })
})

describe('M1 uid', () => {
  test.each<[string, Sides, JsonObject]>([
    ['the world gave another', [{ uid: 'a' }, { uid: 'a' }, { uid: 'b' }], { uid: 'b' }],
    ['ours differs: the word of the world', [{ uid: 'a' }, { uid: 'mine' }, { uid: 'a' }], { uid: 'a' }],
    ['all three differ', [{ uid: 'a' }, { uid: 'b' }, { uid: 'c' }], { uid: 'c' }],
    ['the world has none', [{}, { uid: 'b' }, {}], { uid: 'b' }],
    ['ours lacks it', [{ uid: 'a' }, {}, { uid: 'a' }], { uid: 'a' }],
  ])('%s', (_, sides, expected) => {
    expect(merge(sides)).toEqual(clean(expected))
    expect(merge(sides, [['uid']], 'blueprint')).toEqual(clean(expected))
  })

  test('in props it is a field like any other, as it is in settings', () => {
    expect(merge([{ props: { uid: 1 } }, { props: { uid: 2 } }, { props: { uid: 3 } }]).contested).toEqual([
      'props.uid',
    ])
    expect(merge([{ uid: 1 }, { uid: 2 }, { uid: 3 }], [], 'settings').contested).toEqual(['uid'])
  })
})

describe('S1 keys that objects inherit', () => {
  const base = parse('{"props": {"__proto__": {"polluted": 1}, "constructor": "c", "toString": 1}}')

  test('merge as data', () => {
    const ours = parse('{"props": {"__proto__": {"polluted": 2}, "constructor": "c", "toString": 1}}')
    const theirs = parse('{"props": {"__proto__": {"polluted": 1}, "constructor": "d", "hasOwnProperty": 0}}')
    const merged = merge([base, ours, theirs])
    expect(merged.contested).toEqual([])
    expect(JSON.stringify(merged.fields)).toBe(
      '{"props":{"__proto__":{"polluted":2},"constructor":"d","hasOwnProperty":0}}',
    )
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(merged.fields)).toBe(Object.prototype)
  })

  test('are absent where nobody wrote them', () => {
    const merged = merge([{}, parse('{"__proto__": 1}'), {}])
    expect(Object.keys(merged.fields!)).toEqual(['__proto__'])
    expect(own(merged.fields!, '__proto__')).toBe(1)
    expect(merge([{}, { constructor: 'x' }, {}]).fields).toEqual({ constructor: 'x' })
  })

  test('contest like any other', () => {
    const result = merge([base, parse('{"props": {"__proto__": 1}}'), parse('{"props": {"__proto__": 2}}')])
    expect(result.contested).toEqual(['props.__proto__'])
    expect(isJsonObject(result.terms[0]![0])).toBe(true)
  })
})

test('sameObject: by JSON value, transforms with tolerance, uid apart', () => {
  const a = object({ uid: 'a', position: [0, 0, 0], props: { x: 1, y: 2 } })
  expect(sameObject(a, object({ position: [1e-9, 0, 0], props: { y: 2, x: 1 } }))).toBe(true)
  expect(sameObject(a, object({ position: [0, 0, 0], props: { x: 1 } }))).toBe(false)
  expect(sameObject(a, object({ position: [0, 0, 0], props: { x: 1, y: 2 }, toString: 1 }))).toBe(false)
  expect(sameObject(a, undefined)).toBe(false)
  expect(sameObject(undefined, a)).toBe(false)
  expect(sameObject(object({ uid: 'a' }, 'settings'), object({ uid: 'b' }, 'settings'))).toBe(false)
  expect(sameObject(undefined, undefined)).toBe(true)
})
