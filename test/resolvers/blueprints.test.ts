import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FieldSet, fieldName } from '../../src/resolvers/fields.ts'
import { conflictSide, dependsOnWritten, mergeObject } from '../../src/resolvers/object.ts'
import type { PolicyRule } from '../../src/resolvers/policy.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { ObjectKind, WorldObject } from '../../src/world/state.ts'
import { object, sides } from './fixture.ts'

type Sides = readonly [base: JsonObject | undefined, ours: JsonObject | undefined, theirs: JsonObject | undefined]

const termsOf = ([base, ours, theirs]: Sides, kind: ObjectKind) => {
  const of = (fields: JsonObject | undefined) => fields && object(fields, kind)
  return { base: of(base), ours: of(ours), theirs: of(theirs) }
}

function merge(terms: Sides, rules: readonly PolicyRule[] = [], kind: ObjectKind = 'blueprint') {
  const result = mergeObject(termsOf(terms, kind), undefined, { policy: { rules } })
  return {
    fields: result.object?.fields,
    contested: result.contested.map(({ path }) => fieldName(path)),
    resolved: result.resolved.map(({ path, by }) => `${fieldName(path)} ${by}`),
  }
}

const clean = (fields: JsonObject) => ({ fields, contested: [], resolved: [] })
const files = (...names: readonly string[]) => ({ scriptFiles: Object.fromEntries(names.map((name) => [name, '1'])) })

describe('M3 how scripts begin is said by whoever has scripts', () => {
  test.each<[string, Sides, JsonObject]>([
    [
      'we have none: theirs',
      [{ scriptEntry: 'a.js' }, {}, { ...files('b.js'), scriptEntry: 'b.js' }],
      { ...files('b.js'), scriptEntry: 'b.js' },
    ],
    [
      'they have none: ours',
      [{ scriptEntry: 'a.js' }, { ...files('b.js'), scriptEntry: 'b.js' }, {}],
      { ...files('b.js'), scriptEntry: 'b.js' },
    ],
    [
      'an empty record of scripts is none',
      [{ scriptFormat: 'legacy' }, { scriptFiles: {} }, { ...files('b.js'), scriptFormat: 'module' }],
      { ...files('b.js'), scriptFormat: 'module' },
    ],
  ])('%s', (_, terms, expected) => expect(merge(terms)).toEqual(clean(expected)))

  test.each<[string, Sides, ObjectKind, string]>([
    [
      'we have scripts and say nothing: contested',
      [{ ...files('a.js'), scriptEntry: 'a.js' }, files('a.js'), { ...files('a.js'), scriptEntry: 'b.js' }],
      'blueprint',
      'scriptEntry',
    ],
    [
      'they have scripts and say nothing: contested',
      [{ ...files('a.js'), scriptFormat: 'x' }, { ...files('a.js'), scriptFormat: 'y' }, files('a.js')],
      'blueprint',
      'scriptFormat',
    ],
    ['nobody says it of an entity', [{ scriptEntry: 'a' }, {}, { scriptEntry: 'b' }], 'entity', 'scriptEntry'],
    [
      'nor in props',
      [{ props: { scriptEntry: 1 } }, { props: {} }, { props: { scriptEntry: 2 } }],
      'blueprint',
      'props.scriptEntry',
    ],
    [
      'nor of fields whose names only begin so',
      [{ scriptEntryX: 1 }, {}, { scriptEntryX: 2 }],
      'blueprint',
      'scriptEntryX',
    ],
    ['or end so', [{ myscriptEntry: 1 }, {}, { myscriptEntry: 2 }], 'blueprint', 'myscriptEntry'],
    [
      'nor of what stands below',
      [{ scriptEntry: { a: 1 } }, { scriptEntry: {} }, { scriptEntry: { a: 2 } }],
      'blueprint',
      'scriptEntry.a',
    ],
    [
      'who has no scripts and says it all the same has said it: we',
      [{ scriptEntry: 'a.js' }, { scriptEntry: 'b.js' }, { ...files('c.js'), scriptEntry: 'c.js' }],
      'blueprint',
      'scriptEntry',
    ],
    [
      'or they',
      [{ scriptEntry: 'a.js' }, { ...files('c.js'), scriptEntry: 'c.js' }, { scriptEntry: 'b.js' }],
      'blueprint',
      'scriptEntry',
    ],
  ])('%s', (_, terms, kind, field) => expect(merge(terms, [], kind).contested).toEqual([field]))
})

describe('M3 scripts are files', () => {
  test('a side without any has an empty record of them', () => {
    expect(merge([files('a', 'b'), {}, files('a', 'b', 'c')])).toEqual(clean(files('c')))
    expect(merge([files('a', 'b'), files('a', 'b', 'c'), {}])).toEqual(clean(files('c')))
    // Whoever removed the last one has none.
    expect(merge([files('a'), {}, { scriptFiles: {} }])).toEqual(clean({}))
    expect(merge([files('a'), { scriptFiles: {} }, {}])).toEqual(clean({}))
  })

  test('another record of that kind is contested as a whole, as scripts of an entity or in props are', () => {
    expect(merge([{ x: { a: 1, b: 1 } }, {}, { x: { a: 1, b: 1, c: 1 } }]).contested).toEqual(['x'])
    expect(merge([files('a', 'b'), {}, files('a', 'b', 'c')], [], 'entity').contested).toEqual(['scriptFiles'])
    const props = (value: JsonObject) => ({ props: value })
    expect(merge([props(files('a')), props({}), props(files('a', 'c'))]).contested).toEqual(['props.scriptFiles'])
    const below = (value: JsonObject) => ({ scriptFiles: { y: 1, ...value } })
    const sides: Sides = [below({ x: { a: 1, b: 1 } }), below({}), below({ x: { a: 1, b: 1, c: 1 } })]
    expect(merge(sides).contested).toEqual(['scriptFiles.x'])
  })

  test('no record is contested', () => {
    expect(merge([files('a'), { scriptFiles: null }, files('a', 'b')]).contested).toEqual(['scriptFiles'])
  })
})

describe('M3 a variant of another root and scripts of its own are not both', () => {
  const base = { name: 'Lamp' }
  const variant = { ...base, scriptRef: 'Root', uid: 'u1' }
  const root = { ...base, ...files('index.js'), uid: 'u2' }

  test('where each is from one side, the object is contested as a whole', () => {
    expect(merge([base, variant, root])).toEqual({ fields: variant, contested: [''], resolved: [] })
    expect(merge([base, root, variant])).toEqual({ fields: root, contested: [''], resolved: [] })
  })

  test('or settled by who owns it, with the runtime’s uid', () => {
    const owned = (owner: 'local' | 'runtime') => merge([base, variant, root], [{ type: 'blueprint', owner }])
    expect(owned('local')).toEqual({ fields: { ...variant, uid: 'u2' }, contested: [], resolved: [' local'] })
    expect(owned('runtime')).toEqual({ fields: root, contested: [], resolved: [' runtime'] })
    const { uid: _, ...unnamed } = root
    expect(merge([base, variant, unnamed], [{ owner: 'local' }]).fields).toEqual(variant)
    expect(merge([base, variant, root], [{ field: '*', owner: 'local' }]).contested).toEqual([''])
  })

  test('where one side has both already, fields are fields', () => {
    const both = { ...variant, ...files('index.js') }
    expect(merge([both, { ...both, desc: 'x' }, both]).fields).toEqual({ ...both, desc: 'x' })
    expect(merge([base, both, { ...base, desc: 'x' }])).toEqual(clean({ ...both, desc: 'x' }))
  })

  test('nor is it a clash where a reference is no text, scripts are none, or it is no blueprint', () => {
    expect(merge([base, { ...base, scriptRef: null }, root]).contested).toEqual([])
    expect(merge([base, variant, { ...base, scriptFiles: {} }]).contested).toEqual([])
    expect(merge([base, { ...base, scriptRef: 'Root' }, { ...base, ...files('a') }], [], 'entity').contested).toEqual(
      [],
    )
  })

  test('it is one also where choosing a side of what is contested would make it one', () => {
    const was = { ...base, scriptRef: 'Old' }
    const here = { ...base, ...files('index.js') }
    const there = { ...base, scriptRef: 'New' }
    expect(merge([was, here, there]).contested).toEqual([''])
  })
})

describe('M5 who manages an object is who manages it once merged', () => {
  const rules: readonly PolicyRule[] = [{ scope: 'mine', owner: 'local' }]
  const decide = ([base, ours, theirs]: readonly [JsonObject, JsonObject, JsonObject], kind: ObjectKind) => {
    const { resolved } = merge(
      [
        { ...base, x: 1 },
        { ...ours, x: 2 },
        { ...theirs, x: 3 },
      ],
      rules,
      kind,
    )
    return resolved.find((one) => one.startsWith('x '))?.slice(2) ?? 'nobody'
  }
  const [ai, us] = [{ managedBy: 'runtime' }, { managedBy: 'shared' }]

  test.each<[string, readonly [JsonObject, JsonObject, JsonObject], string]>([
    ['both say so', [ai, ai, ai], 'runtime'],
    ['both came to say so', [us, ai, ai], 'runtime'],
    ['we came to say so', [us, ai, us], 'runtime'],
    ['they came to say so', [us, us, ai], 'runtime'],
    ['we do not any more', [ai, us, ai], 'nobody'],
    ['they do not any more', [ai, ai, us], 'nobody'],
    ['it is contested itself', [{}, ai, us], 'nobody'],
    ['it is no text', [{ managedBy: 1 }, { managedBy: 1 }, { managedBy: 1 }], 'nobody'],
    ['by scope', [{ scope: 'mine' }, { scope: 'mine' }, { scope: 'mine' }], 'local'],
    ['by another scope', [{ scope: 'x' }, { scope: 'x' }, { scope: 'x' }], 'nobody'],
  ])('%s', (_, terms, owner) => {
    expect(decide(terms, 'blueprint')).toBe(owner)
    expect(decide(terms, 'entity')).toBe(owner)
    // Settings may have keys of those names: they are settings like any other.
    expect(decide(terms, 'settings')).toBe('nobody')
  })

  test('of an object that one side deleted, who has it says so', () => {
    const gone = (here: JsonObject | undefined, there: JsonObject | undefined) =>
      merge([ai, here, there], rules).resolved
    expect(gone({ ...ai, x: 1 }, undefined)).toEqual([' runtime'])
    expect(gone(undefined, { ...ai, x: 1 })).toEqual([' runtime'])
    expect(gone({ ...us, x: 1 }, undefined)).toEqual([])
    expect(merge([{ uid: 'u' }, { uid: 'u', scope: 'mine' }, undefined], rules).resolved).toEqual([' local'])
  })
})

describe('M1 a uid is the runtime’s', () => {
  test('it is kept where theirs has none, and taken where it has another', () => {
    expect(merge([{ a: 1 }, { a: 2, uid: 'x' }, { a: 1 }]).fields).toEqual({ a: 2, uid: 'x' })
    expect(merge([{ a: 1 }, { a: 2, uid: 'x' }, { a: 1, uid: 'y' }]).fields).toEqual({ a: 2, uid: 'y' })
    expect(merge([{ uid: 'w' }, { uid: 'w' }, { uid: 'y' }], [], 'settings').fields).toEqual({ uid: 'y' })
    expect(merge([{ uid: 'w' }, { uid: 'x' }, { uid: 'w' }], [], 'settings').fields).toEqual({ uid: 'x' })
  })
})

describe('M2 whether it matters what operations wrote', () => {
  test.each<[string, Sides, ObjectKind, boolean]>([
    ['an object that they do not have', [{ a: 1 }, { a: 2 }, undefined], 'entity', false],
    ['one that we deleted', [{ a: 1 }, undefined, { a: 1 }], 'entity', true],
    ['one that we never had', [undefined, undefined, { a: 1 }], 'entity', false],
    ['nothing changed', [{ a: 1 }, { a: 1 }, { a: 1 }], 'entity', false],
    ['they changed', [{ a: 1 }, { a: 1 }, { a: 2 }], 'entity', false],
    ['we changed', [{ a: 1 }, { a: 2 }, { a: 1 }], 'entity', true],
    ['we removed', [{ a: 1 }, {}, { a: 1 }], 'entity', true],
    ['we added', [{}, { a: 1 }, {}], 'entity', true],
    ['we added it all', [undefined, { a: 1 }, {}], 'entity', true],
    ['both changed alike', [{ a: 1 }, { a: 2 }, { a: 2 }], 'entity', false],
    ['both changed, differently', [{ a: 1 }, { a: 2 }, { a: 3 }], 'entity', false],
    [
      'in a record of both, we changed a key',
      [{ p: { a: 1, b: 1 } }, { p: { a: 2, b: 1 } }, { p: { a: 1, b: 2 } }],
      'entity',
      true,
    ],
    [
      'in a record of both, each changed its own',
      [{ p: { a: 1 } }, { p: { a: 1, b: 1 } }, { p: { a: 2, b: 1 } }],
      'entity',
      false,
    ],
    ['within the tolerance of a place', [{ position: [0] }, { position: [1e-9] }, { position: [0] }], 'entity', false],
    [
      'which is the place’s alone',
      [{ p: { position: [0] } }, { p: { position: [1e-9] } }, { p: { position: [0], x: 1 } }],
      'entity',
      true,
    ],
    [
      'in reach of what we did and of what they did, though these are apart',
      [{ position: [0] }, { position: [-8e-7] }, { position: [8e-7] }],
      'entity',
      false,
    ],
    ['and an entity’s alone', [{ position: [0] }, { position: [1e-9] }, { position: [0] }], 'blueprint', true],
    ['a uid', [{ uid: 1 }, { uid: 2 }, { uid: 1 }], 'entity', false],
    ['a setting of that name', [{ uid: 1 }, { uid: 2 }, { uid: 1 }], 'settings', true],
    ['a prop of that name', [{ p: { uid: 1 } }, { p: { uid: 2 } }, { p: { uid: 1, x: 1 } }], 'entity', true],
    ['scripts that we removed', [files('a'), {}, files('a', 'b')], 'blueprint', true],
    ['a record that we removed, and they changed', [{ p: { a: 1 } }, {}, { p: { a: 1, b: 1 } }], 'blueprint', false],
  ])('%s', (_, terms, kind, expected) => {
    expect(dependsOnWritten(termsOf(terms, kind))).toBe(expected)
  })

  /** Every field of an object, as if operations had written all of it. */
  function all(...objects: readonly (WorldObject | undefined)[]): FieldSet {
    const set = new FieldSet()
    for (const one of objects) for (const key of Object.keys(one?.fields ?? {})) set.add([key])
    return set
  }

  test('law: where it does not, a merge comes out the same whatever they wrote', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const terms = termsOf([base, ours, theirs], 'entity')
        fc.pre(!dependsOnWritten(terms))
        const { object: plain, contested } = mergeObject(terms, undefined)
        const written = mergeObject(terms, all(terms.base, terms.ours, terms.theirs))
        expect(written.object).toEqual(plain)
        expect(written.contested.map(({ path }) => path)).toEqual(contested.map(({ path }) => path))
      }),
      { numRuns: 300 },
    )
  })
})

test('C2 a side that has no such object has none of its fields either', () => {
  const contested = [
    { path: [], terms: { base: { a: 1 }, ours: undefined, theirs: { a: 2 } } },
    { path: ['a'], terms: { base: 1, ours: 2, theirs: 3 } },
  ]
  const side = (name: 'ours' | 'theirs') =>
    conflictSide({ kind: 'entity', id: 'x' }, { object: undefined, contested }, name)
  expect(side('ours')).toBeUndefined()
  expect(side('theirs')).toEqual({ kind: 'entity', id: 'x', fields: { a: 3 } })
})
