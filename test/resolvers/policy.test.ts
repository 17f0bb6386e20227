import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  DEFAULT_POLICY,
  decideOwnership,
  matchesGlob,
  mirrored,
  type Owner,
  type OwnershipDecision,
  type Policy,
  type PolicyRule,
  type PolicySubject,
  withoutOwners,
} from '../../src/resolvers/policy.ts'
import type { ObjectKind } from '../../src/world/state.ts'

const subject = (about: Partial<PolicySubject> = {}): PolicySubject => ({
  kind: 'entity',
  id: 'lamp',
  scope: undefined,
  managedBy: undefined,
  ...about,
})

/** `local 2 set 0`: owner and why, merge and why. */
function said({ owner, because, merge, mergeBecause }: OwnershipDecision): string {
  const why = because.kind === 'rule' ? because.index : because.kind
  return [owner, why, ...(merge === undefined ? [] : [merge, mergeBecause])].join(' ')
}

interface Case {
  readonly name: string
  readonly rules?: readonly PolicyRule[]
  readonly about?: Partial<PolicySubject>
  readonly path?: readonly string[]
  readonly gives: string
}

const cases: readonly Case[] = [
  { name: 'nothing said', gives: 'shared default' },
  { name: 'managedBy local', about: { managedBy: 'local' }, gives: 'local managedBy' },
  { name: 'managedBy runtime', about: { managedBy: 'runtime' }, gives: 'runtime managedBy' },
  { name: 'managedBy shared', about: { managedBy: 'shared' }, gives: 'shared managedBy' },
  { name: 'managedBy that is no owner', about: { managedBy: 'constructor' }, gives: 'shared default' },
  { name: 'managedBy holds for presence too', about: { managedBy: 'local' }, path: [], gives: 'local managedBy' },
  { name: 'a rule before managedBy', rules: [{ owner: 'runtime' }], about: { managedBy: 'local' }, gives: 'runtime 0' },
  {
    name: 'a rule can say shared again',
    rules: [{ owner: 'shared' }],
    about: { managedBy: 'local' },
    gives: 'shared 0',
  },
  {
    name: 'the last rule wins, however special the first',
    rules: [{ id: 'lamp', owner: 'local' }, { owner: 'runtime' }],
    gives: 'runtime 1',
  },
  {
    name: 'rules that do not match are passed over',
    rules: [{ owner: 'local' }, { id: 'x', owner: 'runtime' }],
    gives: 'local 0',
  },
  {
    name: 'owner and merge are decided separately',
    rules: [{ owner: 'local', merge: 'set' }, { owner: 'shared' }],
    gives: 'shared 1 set 0',
  },
  {
    name: 'the last rule that says a merge',
    rules: [{ merge: 'set' }, { owner: 'local' }, { merge: 'set' }],
    gives: 'local 1 set 2',
  },
  { name: 'a merge alone leaves the owner', rules: [{ merge: 'set' }], gives: 'shared default set 0' },
  {
    name: 'M3 a merge means nothing for transforms',
    rules: [{ merge: 'set' }],
    path: ['position'],
    gives: 'shared default',
  },
  {
    name: 'M3 nor for the spawn',
    rules: [{ merge: 'set' }],
    about: { kind: 'spawn', id: 'spawn' },
    path: ['quaternion'],
    gives: 'shared default',
  },
  {
    name: 'a setting of that name is one like others',
    rules: [{ merge: 'set' }],
    about: { kind: 'settings', id: 'settings' },
    path: ['scale'],
    gives: 'shared default set 0',
  },
  { name: 'a merge means nothing for presence', rules: [{ merge: 'set' }], path: [], gives: 'shared default' },

  { name: 'type', rules: [{ type: 'entity', owner: 'local' }], gives: 'local 0' },
  { name: 'another type', rules: [{ type: 'blueprint', owner: 'local' }], gives: 'shared default' },
  {
    name: 'the settings by their id',
    rules: [{ id: 'settings', owner: 'runtime' }],
    about: { kind: 'settings', id: 'settings' },
    gives: 'runtime 0',
  },
  { name: 'id', rules: [{ id: 'lamp', owner: 'local' }], gives: 'local 0' },
  { name: 'id is exact', rules: [{ id: 'lam', owner: 'local' }], gives: 'shared default' },
  { name: 'id is no regular expression', rules: [{ id: 'l.mp', owner: 'local' }], gives: 'shared default' },
  { name: 'id as a glob', rules: [{ id: 'l*p', owner: 'local' }], gives: 'local 0' },
  { name: 'id like a prototype', rules: [{ id: '__proto__', owner: 'local' }], gives: 'shared default' },
  {
    name: 'an object with such an id',
    rules: [{ id: '__proto__', owner: 'local' }],
    about: { id: '__proto__' },
    gives: 'local 0',
  },
  { name: 'scope', rules: [{ scope: 'Lamp', owner: 'local' }], about: { scope: 'Lamp' }, gives: 'local 0' },
  { name: 'scope as a glob', rules: [{ scope: 'la*', owner: 'local' }], about: { scope: 'lab' }, gives: 'local 0' },
  { name: 'no scope is no scope', rules: [{ scope: '*', owner: 'local' }], gives: 'shared default' },
  {
    name: 'all that a rule names must match',
    rules: [{ type: 'entity', id: 'lamp', scope: 'x', owner: 'local' }],
    about: { scope: 'y' },
    gives: 'shared default',
  },

  { name: 'a rule without a field is about presence', rules: [{ owner: 'local' }], path: [], gives: 'local 0' },
  { name: 'and about deep fields', rules: [{ owner: 'local' }], path: ['a', 'b', 'c'], gives: 'local 0' },
  {
    name: 'a rule with a field is never about presence',
    rules: [{ field: '*', owner: 'local' }],
    path: [],
    gives: 'shared default',
  },

  { name: 'M5 state is the runtime’s', path: ['state'], gives: 'runtime state' },
  {
    name: 'M5 no rule changes that',
    rules: [
      { owner: 'local', merge: 'set' },
      { field: 'state', owner: 'shared' },
    ],
    about: { managedBy: 'local' },
    path: ['state', 'tags'],
    gives: 'runtime state',
  },
  {
    name: 'a state of something else is a field',
    rules: [{ field: 'state', owner: 'local' }],
    about: { kind: 'blueprint' },
    path: ['state'],
    gives: 'local 0',
  },
  { name: 'a prop of that name is a field', path: ['props', 'state'], gives: 'shared default' },
]

describe('M5: who owns a field', () => {
  it.each(cases)('$name', ({ rules = [], about, path = ['props', 'tags'], gives }) => {
    expect(said(decideOwnership({ rules }, subject(about), path))).toBe(gives)
  })

  it('is shared by default', () => {
    expect(said(decideOwnership(DEFAULT_POLICY, subject(), ['props', 'x']))).toBe('shared default')
  })
})

describe('fields of rules', () => {
  it.each<[field: string | readonly string[], path: readonly string[], covers: boolean]>([
    ['props', ['props'], true],
    ['props', ['props', 'color'], true],
    ['props', ['propsX'], false],
    ['props', ['prop'], false],
    ['props.color', ['props', 'color'], true],
    ['props.color', ['props', 'color', 'deep', 'er'], true],
    ['props.color', ['props'], false],
    ['props.color', ['props', 'colors'], false],
    ['props.color', ['props', 'col'], false],
    ['props.color', ['props', 'size'], false],
    ['props.color', ['color'], false],
    ['scriptFiles.index.js', ['scriptFiles', 'index.js'], true],
    ['scriptFiles.index', ['scriptFiles', 'index.js'], false],
    ['scriptFiles.lib/a.b.ts', ['scriptFiles', 'lib/a.b.ts'], true],
    ['props.a.b', ['props', 'a', 'b'], true],
    ['props.a.b', ['props', 'a.b'], true],
    ['props.a.b', ['props', 'a.b', 'c'], true],
    ['props.a.b', ['props', 'a.b.c'], false],
    ['*', ['anything'], true],
    ['*', ['with.dots', 'below'], true],
    ['props.*', ['props', 'color'], true],
    ['props.*', ['props'], false],
    ['props.*', ['settings', 'color'], false],
    ['*.color', ['props', 'color'], true],
    ['*.color', ['a.b', 'color'], true],
    ['*.color', ['props', 'size'], false],
    ['props.*.x', ['props', 'any.thing', 'x', 'y'], true],
    ['props.*.x', ['props', 'any', 'y'], false],
    [['props', 'a.b'], ['props', 'a.b'], true],
    [['props', 'a.b'], ['props', 'a.b', 'c'], true],
    [['props', 'a.b'], ['props', 'a', 'b'], false],
    [['props', '*'], ['props', 'a.b'], true],
    [['props', '*'], ['props'], false],
    [['props', 'a*'], ['props', 'ab'], false],
    [['props', 'a*'], ['props', 'a*'], true],
    [[''], [''], true],
    ['a', ['', 'a'], false],
    ['__proto__', ['__proto__'], true],
    ['props.__proto__', ['props', '__proto__', 'polluted'], true],
    ['props.constructor', ['props', 'toString'], false],
  ])('%j of %j: %s', (field, path, covers) => {
    const decision = decideOwnership({ rules: [{ field, owner: 'local' }] }, subject({ kind: 'blueprint' }), path)
    expect(decision.owner).toBe(covers ? 'local' : 'shared')
  })
})

describe('globs', () => {
  it.each<[pattern: string, text: string, matches: boolean]>([
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything\nat all', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'ba', true],
    ['*a', 'ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['ab*ba', 'aba', false],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a*b*c', 'acbc', true],
    ['a**c', 'abc', true],
    ['*x*x*', 'x', false],
    ['*x*x*', 'xx', true],
    ['*ab*b', 'ab', false],
    ['lamp-?', 'lamp-1', false],
    ['[ab]', 'a', false],
  ])('%j on %j: %s', (pattern, text, matches) => {
    expect(matchesGlob(pattern, text)).toBe(matches)
  })

  test('they agree with a regular expression', () => {
    const letters = (...chars: string[]) =>
      fc.array(fc.constantFrom(...chars), { maxLength: 8 }).map((all) => all.join(''))
    fc.assert(
      fc.property(letters('a', 'b', '*'), letters('a', 'b'), (pattern, text) => {
        expect(matchesGlob(pattern, text)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(text))
      }),
    )
  })

  test('S1 a hostile pattern comes to an end', () => {
    expect(matchesGlob(`${'a*'.repeat(2000)}b`, 'a'.repeat(20_000))).toBe(false)
    expect(matchesGlob(`*${'*a'.repeat(2000)}*`, 'a'.repeat(20_000))).toBe(true)
  })
})

describe('M7: the other side reads the mirrored policy', () => {
  const owner = fc.constantFrom<Owner>('local', 'runtime', 'shared')
  const kind = fc.constantFrom<ObjectKind>('blueprint', 'entity', 'settings', 'spawn', 'shared')
  const word = fc.constantFrom('a', 'b', 'a*', '*')
  const rule: fc.Arbitrary<PolicyRule> = fc.record(
    {
      type: kind,
      id: word,
      scope: word,
      field: fc.oneof(fc.constantFrom('a', 'a.b', '*', '*.b'), fc.array(word, { minLength: 1, maxLength: 2 })),
      owner,
      merge: fc.constant('set' as const),
    },
    { requiredKeys: [] },
  )
  const policy: fc.Arbitrary<Policy> = fc.record({ rules: fc.array(rule, { maxLength: 6 }) })
  const swap = (of: Owner): Owner => (of === 'local' ? 'runtime' : of === 'runtime' ? 'local' : 'shared')
  const about: fc.Arbitrary<PolicySubject> = fc.record({
    kind,
    id: fc.constantFrom('a', 'b', 'ab', '__proto__'),
    scope: fc.constantFrom(undefined, 'a', 'b'),
    managedBy: fc.constant(undefined),
  })
  const path = fc.array(fc.constantFrom('a', 'b', 'a.b', 'state', '__proto__'), { maxLength: 3 })

  test('owners are exchanged, reasons and merges stay', () => {
    fc.assert(
      fc.property(policy, about, path, (rules, object, at) => {
        const mine = decideOwnership(rules, object, at)
        const theirs = decideOwnership(mirrored(rules), object, at)
        const owner = mine.because.kind === 'state' ? 'runtime' : swap(mine.owner)
        expect(theirs).toEqual({ ...mine, owner })
      }),
    )
  })

  test('twice mirrored is what it was', () => {
    fc.assert(
      fc.property(policy, (rules) => {
        expect(mirrored(mirrored(rules))).toEqual(rules)
      }),
    )
  })
})

describe('what decided', () => {
  test('of several rules the last that says it, owner and merge each by itself', () => {
    const rules: readonly PolicyRule[] = [
      { merge: 'set' },
      { owner: 'local' },
      { merge: 'set' },
      { owner: 'runtime' },
      { field: 'b', merge: 'set', owner: 'local' },
    ]
    expect(decideOwnership({ rules }, subject(), ['a'])).toEqual({
      owner: 'runtime',
      merge: 'set',
      because: { kind: 'rule', index: 3 },
      mergeBecause: 2,
    })
    expect(decideOwnership({ rules: [{ merge: 'set' }, { merge: 'set' }] }, subject(), ['a'])).toMatchObject({
      owner: 'shared',
      mergeBecause: 1,
    })
  })

  test('rules that say nothing of it decide nothing', () => {
    const nothing = { owner: 'shared', merge: undefined, because: { kind: 'default' }, mergeBecause: undefined }
    expect(decideOwnership(DEFAULT_POLICY, subject(), ['a'])).toEqual(nothing)
    expect(decideOwnership({ rules: [{}] }, subject(), ['a'])).toEqual(nothing)
    expect(decideOwnership({ rules: [{ owner: 'local' }] }, subject(), ['a'])).toEqual({
      ...nothing,
      owner: 'local',
      because: { kind: 'rule', index: 0 },
    })
    expect(DEFAULT_POLICY).toEqual({ rules: [] })
  })

  test.each(['position', 'quaternion', 'scale'])('M3 %s is one value, never a set of numbers', (field) => {
    const policy = { rules: [{ merge: 'set' }] } as const
    expect(decideOwnership(policy, subject(), [field]).merge).toBeUndefined()
    expect(decideOwnership(policy, subject({ kind: 'spawn' }), [field]).merge).toBeUndefined()
    expect(decideOwnership(policy, subject({ kind: 'blueprint' }), [field]).merge).toBe('set')
    expect(decideOwnership(policy, subject(), ['props', field]).merge).toBe('set')
  })

  test('between two branches nobody owns anything, and sets merge as ever', () => {
    const policy = { rules: [{ owner: 'local', merge: 'set' }] } as const
    const plain = withoutOwners(policy)
    expect(decideOwnership(plain, subject(), ['a'])).toMatchObject({ owner: 'shared', merge: 'set' })
    expect(decideOwnership(plain, subject({ managedBy: 'runtime' }), ['a'])).toMatchObject({ owner: 'shared' })
    expect(policy.rules).toHaveLength(1)
  })
})

test.each<[string, readonly string[], boolean]>([
  ['props.*x', ['props', '*x'], true],
  ['props.*x', ['props', 'ax'], false],
  ['abXcd', ['ab', 'cd'], false],
  ['ab.cd', ['ab', 'cd'], true],
])('M5 a field %s and the path %j', (field, path, covered) => {
  const { owner } = decideOwnership({ rules: [{ field, owner: 'local' }] }, subject(), path)
  expect(owner).toBe(covered ? 'local' : 'shared')
})

test.each([
  ['ab*ba', 'aba', false],
  ['ab*ba', 'abba', true],
  ['a**b', 'ab', true],
  ['a*b*a', 'aba', true],
  ['a*b*a', 'ab', false],
  ['a*bb*ba', 'abba', false],
])('a glob %s and the text %s', (pattern, text, matches) => {
  expect(matchesGlob(pattern, text)).toBe(matches)
})
