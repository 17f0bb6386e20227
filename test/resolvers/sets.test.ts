import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeSets } from '../../src/resolvers/sets.ts'
import type { Json } from '../../src/world/json.ts'
import type { FieldValue } from '../../src/world/state.ts'

const NONE = undefined

describe('M3 arrays of primitives merge as sets', () => {
  test.each<[string, FieldValue, FieldValue, FieldValue, readonly Json[] | undefined]>([
    ['one added on either side', ['a'], ['a', 'b'], ['a', 'c'], ['a', 'b', 'c']],
    ['one removed on either side', ['a', 'b', 'c'], ['b', 'c'], ['a', 'c'], ['c']],
    ['one removed here, one added there', ['a', 'b'], ['b'], ['a', 'b', 'c'], ['b', 'c']],
    ['removed on both sides', ['a', 'b'], ['b'], ['b'], ['b']],
    ['added alike', ['a'], ['a', 'b'], ['a', 'b'], ['a', 'b']],
    ['exchanged here, added to there', ['a'], ['b'], ['a', 'c'], ['b', 'c']],
    ['emptied here, added to there', ['a', 'b'], [], ['a', 'b', 'c'], ['c']],
    ['emptied on both sides', ['a'], [], [], []],
    ['an absent base is an empty set', NONE, ['b'], ['a'], ['a', 'b']],
    [
      'the base’s order is kept, whatever the sides made of it',
      ['c', 'a', 'b'],
      ['b', 'a', 'c', 'd'],
      ['a', 'b', 'c'],
      ['c', 'a', 'b', 'd'],
    ],
    ['new members stand behind, sorted', ['m'], ['z', 'm'], ['a', 'm'], ['m', 'a', 'z']],
    ['members said twice are one', ['a', 'a'], ['a', 'a', 'b', 'b'], ['a'], ['a', 'b']],
    ['a number is not its spelling', [1], [1, '1'], [1, 2], [1, '1', 2]],
    [
      'nothing, true and texts like them are four members',
      [],
      [null, 'null'],
      [true, 'true'],
      ['null', 'true', null, true],
    ],
    ['keys that objects inherit', [], ['__proto__'], ['constructor'], ['__proto__', 'constructor']],
    ['removed here and added again there stays removed, being there all the while', ['a'], [], ['a'], []],
  ])('%s', (_, base, ours, theirs, expected) => expect(mergeSets({ base, ours, theirs })).toEqual(expected))

  test.each<[string, FieldValue, FieldValue, FieldValue]>([
    ['ours is no list', ['a'], 'a', ['a', 'b']],
    ['theirs is a record', ['a'], ['a', 'b'], { a: true }],
    ['the base is a text', 'a', ['a'], ['b']],
    ['the base is nothing', null, ['a'], ['b']],
    ['one side is absent', ['a'], NONE, ['a', 'b']],
    ['the other side is absent', ['a'], ['a', 'b'], NONE],
    ['a list of lists', [], [['a']], ['b']],
    ['a list with a record in it', [], ['a'], ['b', { c: 1 }]],
  ])('no sets, no answer: %s', (_, base, ours, theirs) => expect(mergeSets({ base, ours, theirs })).toBeUndefined())
})

describe('laws', () => {
  const member = fc.constantFrom<Json>('a', 'b', 'c', 1, '1', null, true, '')
  const set = fc.array(member, { maxLength: 5 })
  const members = (list: readonly Json[]) => new Set(list.map((item) => JSON.stringify(item)))

  test('M7 swapping the sides changes nothing', () => {
    fc.assert(
      fc.property(set, set, set, (base, ours, theirs) => {
        expect(mergeSets({ base, ours, theirs })).toEqual(mergeSets({ base, ours: theirs, theirs: ours }))
      }),
    )
  })

  test('M7 merging with an unchanged side gives the other’s members', () => {
    fc.assert(
      fc.property(set, set, (base, changed) => {
        expect(members(mergeSets({ base, ours: changed, theirs: base })!)).toEqual(members(changed))
      }),
    )
  })

  test('M7 a member is there iff both sides have it, or one side added it; and only once', () => {
    fc.assert(
      fc.property(set, set, set, (base, ours, theirs) => {
        const merged = mergeSets({ base, ours, theirs })!
        const [was, here, there, is] = [members(base), members(ours), members(theirs), members(merged)]
        expect(is.size).toBe(merged.length)
        for (const item of new Set([...was, ...here, ...there])) {
          const expected = was.has(item) ? here.has(item) && there.has(item) : here.has(item) || there.has(item)
          expect(is.has(item)).toBe(expected)
        }
      }),
    )
  })

  test('M7 merging the outcome again changes nothing', () => {
    fc.assert(
      fc.property(set, set, set, (base, ours, theirs) => {
        const merged = mergeSets({ base, ours, theirs })!
        expect(mergeSets({ base, ours: merged, theirs })).toEqual(merged)
        expect(mergeSets({ base: theirs, ours: merged, theirs })).toHaveLength(merged.length)
      }),
    )
  })
})
