import { describe, expect, test } from 'vitest'
import { fieldName } from '../../src/resolvers/fields.ts'
import { mergeObject } from '../../src/resolvers/object.ts'
import type { PolicyRule } from '../../src/resolvers/policy.ts'
import type { Json, JsonObject } from '../../src/world/json.ts'
import type { ObjectKind } from '../../src/world/state.ts'
import { object, wrote } from './fixture.ts'

type Sides = readonly [base: JsonObject | undefined, ours: JsonObject | undefined, theirs: JsonObject | undefined]

interface Options {
  readonly kind?: ObjectKind
  readonly id?: string
  readonly written?: readonly (readonly string[])[]
  readonly text?: (ours: Json | undefined, theirs: Json | undefined) => Json | undefined
}

/** The merged fields, the names of what is contested, and `name by value` of what was settled. */
function merge([base, ours, theirs]: Sides, rules: readonly PolicyRule[], options: Options = {}) {
  const { kind = 'entity', id = 'lamp', written, text } = options
  const some = (fields: JsonObject | undefined) => fields && object(fields, kind, id)
  const result = mergeObject(
    { base: some(base), ours: some(ours), theirs: some(theirs) },
    written && wrote(...written),
    {
      policy: { rules },
      ...(text === undefined ? {} : { text: (_path, terms) => text(terms.ours, terms.theirs) }),
    },
  )
  return {
    fields: result.object?.fields,
    contested: result.contested.map(({ path }) => fieldName(path)),
    resolved: result.resolved.map(({ path, by, value }) => `${fieldName(path)} ${by} ${JSON.stringify(value)}`),
  }
}

const BOTH: Sides = [{ a: 1 }, { a: 2 }, { a: 3 }]

describe('M5 who owns what both sides changed', () => {
  test.each<[string, readonly PolicyRule[], number, string | undefined]>([
    ['nobody: contested', [], 2, undefined],
    ['we', [{ owner: 'local' }], 2, 'a local 2'],
    ['the world', [{ owner: 'runtime' }], 3, 'a runtime 3'],
    ['both, said aloud: contested', [{ owner: 'local' }, { owner: 'shared' }], 2, undefined],
    ['by kind', [{ type: 'entity', owner: 'runtime' }], 3, 'a runtime 3'],
    ['by another kind: contested', [{ type: 'settings', owner: 'runtime' }], 2, undefined],
    ['by id', [{ id: 'lamp', owner: 'local' }], 2, 'a local 2'],
    ['by field', [{ field: 'a', owner: 'local' }], 2, 'a local 2'],
    ['by another field: contested', [{ field: 'b', owner: 'local' }], 2, undefined],
    ['by what is below the field: contested', [{ field: 'a.b', owner: 'local' }], 2, undefined],
  ])('%s', (_, rules, a, settled) => {
    expect(merge(BOTH, rules)).toEqual({
      fields: { a },
      contested: settled === undefined ? ['a'] : [],
      resolved: settled === undefined ? [] : [settled],
    })
  })

  test.each<[string, Sides]>([
    ['what we changed alone', [{ a: 1 }, { a: 2 }, { a: 1 }]],
    ['what the world changed alone', [{ a: 1 }, { a: 1 }, { a: 2 }]],
    ['what both changed alike', [{ a: 1 }, { a: 2 }, { a: 2 }]],
    ['what one side removed alone', [{ a: 1, b: 1 }, { b: 1 }, { a: 1, b: 1 }]],
    ['an object that one side added', [undefined, { a: 1 }, undefined]],
    ['an object that one side removed, untouched by the other', [{ a: 1 }, undefined, { a: 1 }]],
  ])('says nothing about %s', (_, sides) => {
    const shared = merge(sides, [])
    for (const owner of ['local', 'runtime'] as const) expect(merge(sides, [{ owner }])).toEqual(shared)
    expect(shared.resolved).toEqual([])
  })
})

describe('M3 M5 records', () => {
  const sides: Sides = [
    { props: { a: 1, b: 1, cfg: { x: 1, y: 1 } } },
    { props: { a: 2, b: 2, cfg: { x: 2, y: 1 } } },
    { props: { a: 3, b: 1, cfg: { x: 3, y: 3 } } },
  ]

  test('merge by key first: the owner is asked for the keys that both changed', () => {
    expect(merge(sides, [{ field: 'props', owner: 'runtime' }])).toEqual({
      fields: { props: { a: 3, b: 2, cfg: { x: 3, y: 3 } } },
      contested: [],
      resolved: ['props.a runtime 3', 'props.cfg.x runtime 3'],
    })
  })

  test('one key owned, another contested', () => {
    expect(merge(sides, [{ field: 'props.cfg', owner: 'local' }])).toEqual({
      fields: { props: { a: 2, b: 2, cfg: { x: 2, y: 3 } } },
      contested: ['props.a'],
      resolved: ['props.cfg.x local 2'],
    })
  })

  test('a record against something else is owned whole', () => {
    const whole: Sides = [{ p: { a: 1 } }, { p: [1] }, { p: { a: 2 } }]
    expect(merge(whole, [{ field: 'p', owner: 'runtime' }])).toMatchObject({ fields: { p: { a: 2 } }, contested: [] })
    expect(merge(whole, [{ field: 'p.a', owner: 'runtime' }])).toMatchObject({ fields: { p: [1] }, contested: ['p'] })
  })

  test('a key that its owner removed goes, one that the other removed stays', () => {
    const gone: Sides = [{ p: { a: 1, b: 1 } }, { p: { b: 2 } }, { p: { a: 2 } }]
    expect(merge(gone, [{ owner: 'local' }])).toEqual({
      fields: { p: { b: 2 } },
      contested: [],
      resolved: ['p.b local 2', 'p.a local undefined'],
    })
    expect(merge(gone, [{ owner: 'runtime' }]).fields).toEqual({ p: { a: 2 } })
  })
})

describe('M4 M5 whole objects', () => {
  const removedHere: Sides = [{ a: 1 }, undefined, { a: 2 }]
  const removedThere: Sides = [{ a: 1 }, { a: 2 }, undefined]

  test.each<[string, Sides, PolicyRule, JsonObject | undefined, string]>([
    ['removed here, ours', removedHere, { owner: 'local' }, undefined, ' local undefined'],
    ['removed here, the world’s', removedHere, { owner: 'runtime' }, { a: 2 }, ' runtime {"a":2}'],
    ['removed there, ours', removedThere, { owner: 'local' }, { a: 2 }, ' local {"a":2}'],
    ['removed there, the world’s', removedThere, { owner: 'runtime' }, undefined, ' runtime undefined'],
  ])('%s', (_, sides, rule, fields, settled) => {
    expect(merge(sides, [rule])).toEqual({ fields, contested: [], resolved: [settled] })
  })

  test('rules about fields say nothing about presence', () => {
    for (const field of ['a', '*', ['a']] as const)
      expect(merge(removedHere, [{ field, owner: 'runtime' }]).contested).toEqual([''])
  })

  test('sets say nothing about presence', () => {
    expect(merge(removedHere, [{ merge: 'set' }]).contested).toEqual([''])
  })
})

describe('M5 whose rules hold is a matter of the merged object', () => {
  const rules: readonly PolicyRule[] = [{ scope: 'north', owner: 'runtime' }]

  test.each<[string, Sides, readonly string[]]>([
    [
      'in the scope all the while',
      [
        { scope: 'north', a: 1 },
        { scope: 'north', a: 2 },
        { scope: 'north', a: 3 },
      ],
      [],
    ],
    ['moved into it here', [{ a: 1 }, { scope: 'north', a: 2 }, { a: 3 }], []],
    ['moved into it there', [{ a: 1 }, { a: 2 }, { scope: 'north', a: 3 }], []],
    [
      'moved out of it here',
      [
        { scope: 'north', a: 1 },
        { scope: 'south', a: 2 },
        { scope: 'north', a: 3 },
      ],
      ['a'],
    ],
    ['moved out of it there', [{ scope: 'north', a: 1 }, { scope: 'north', a: 2 }, { a: 3 }], ['a']],
    [
      'moved to two scopes',
      [
        { scope: 'north', a: 1 },
        { scope: 'south', a: 2 },
        { scope: 'west', a: 3 },
      ],
      ['scope', 'a'],
    ],
    ['added in it on both sides', [undefined, { scope: 'north', a: 2 }, { scope: 'north', a: 3 }], []],
    ['removed here, in it there', [{ a: 1 }, undefined, { scope: 'north', a: 1 }], []],
    ['never in it', [{ a: 1 }, { a: 2 }, { a: 3 }], ['a']],
    [
      'of a scope that is no text',
      [
        { scope: 1, a: 1 },
        { scope: 1, a: 2 },
        { scope: 1, a: 3 },
      ],
      ['a'],
    ],
  ])('%s', (_, sides, contested) => {
    expect(merge(sides, rules).contested.toSorted()).toEqual(contested.toSorted())
    expect(merge(sides, [{ scope: 'n*', owner: 'runtime' }]).contested.toSorted()).toEqual(contested.toSorted())
    // The same whoever merges (M7).
    expect(merge([sides[0], sides[2], sides[1]], rules).contested.toSorted()).toEqual(contested.toSorted())
  })

  test.each<[string, Sides, number | undefined]>([
    [
      'managed by us',
      [
        { managedBy: 'local', a: 1 },
        { managedBy: 'local', a: 2 },
        { managedBy: 'local', a: 3 },
      ],
      2,
    ],
    [
      'managed by the world',
      [
        { managedBy: 'runtime', a: 1 },
        { managedBy: 'runtime', a: 2 },
        { managedBy: 'runtime', a: 3 },
      ],
      3,
    ],
    ['given to the world here', [{ a: 1 }, { managedBy: 'runtime', a: 2 }, { a: 3 }], 3],
    [
      'given to us there',
      [
        { managedBy: 'runtime', a: 1 },
        { managedBy: 'runtime', a: 2 },
        { managedBy: 'local', a: 3 },
      ],
      2,
    ],
    [
      'given to all there',
      [
        { managedBy: 'runtime', a: 1 },
        { managedBy: 'runtime', a: 2 },
        { managedBy: 'shared', a: 3 },
      ],
      undefined,
    ],
    [
      'given away on both sides, to two',
      [{ a: 1 }, { managedBy: 'local', a: 2 }, { managedBy: 'runtime', a: 3 }],
      undefined,
    ],
  ])('%s', (_, sides, a) => {
    const result = merge(sides, [])
    if (a === undefined) expect(result.contested).toContain('a')
    else expect(result).toMatchObject({ fields: { a }, contested: [] })
  })
})

describe('M2 M3 owner before resolver, resolver before conflict', () => {
  const script: Sides = [{ content: 'base' }, { content: 'ours' }, { content: 'theirs' }]
  const text = (ours: Json | undefined, theirs: Json | undefined) => `${String(ours)}+${String(theirs)}`

  test('a text that has an owner is not merged', () => {
    expect(merge(script, [{ owner: 'local' }], { kind: 'shared', text })).toEqual({
      fields: { content: 'ours' },
      contested: [],
      resolved: ['content local "ours"'],
    })
    expect(merge(script, [], { kind: 'shared', text }).resolved).toEqual(['content text "ours+theirs"'])
  })

  test('a set comes before a text, and is no set where a side is none', () => {
    const rules: readonly PolicyRule[] = [{ merge: 'set' }]
    const lists: Sides = [{ l: ['a'] }, { l: ['a', 'b'] }, { l: ['c'] }]
    expect(merge(lists, rules, { text }).resolved).toEqual(['l set ["b","c"]'])
    expect(merge(script, rules, { kind: 'shared', text }).resolved).toEqual(['content text "ours+theirs"'])
    expect(merge([{ l: [{}] }, { l: [1] }, { l: [2] }], rules).contested).toEqual(['l'])
  })

  test('put back on purpose: an owner decides, no resolver is asked', () => {
    const back: Sides = [{ l: ['a'] }, { l: ['a', 'b'] }, { l: ['a'] }]
    const written = [['l']]
    expect(merge(back, [{ merge: 'set' }], { written, text }).contested).toEqual(['l'])
    expect(merge(back, [{ owner: 'local' }], { written }).resolved).toEqual(['l local ["a","b"]'])
    expect(merge(back, [{ owner: 'runtime' }], { written })).toEqual({
      fields: { l: ['a'] },
      contested: [],
      resolved: ['l runtime ["a"]'],
    })
  })

  test('removed here, put back there on purpose: the owner decides', () => {
    const back: Sides = [{ a: 1 }, undefined, { a: 1 }]
    expect(merge(back, [{ owner: 'runtime' }], { written: [['a']] })).toMatchObject({ fields: { a: 1 }, contested: [] })
    expect(merge(back, [{ owner: 'local' }], { written: [['a']] })).toMatchObject({ fields: undefined, contested: [] })
  })
})

describe('M5 what no rule can own', () => {
  test('the state of an entity is the runtime’s, whatever rules say', () => {
    const sides: Sides = [{ state: { hp: 1 } }, { state: { hp: 2 } }, { state: { hp: 3 } }]
    for (const rules of [[], [{ owner: 'local' }], [{ field: 'state', owner: 'local' }]] as const)
      expect(merge(sides, rules)).toMatchObject({ fields: { state: { hp: 3 } }, resolved: ['state.hp runtime 3'] })
    expect(merge(sides, [], { kind: 'blueprint' }).contested).toEqual(['state.hp'])
  })

  test('M1 a uid is the world’s word, and nothing that is told', () => {
    const sides: Sides = [{ uid: 'a' }, { uid: 'b' }, { uid: 'c' }]
    expect(merge(sides, [{ owner: 'local' }])).toEqual({ fields: { uid: 'c' }, contested: [], resolved: [] })
  })
})
