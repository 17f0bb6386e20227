import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fieldEquality, quaternionEquals, vectorEquals } from '../../src/resolvers/equality.ts'
import type { Json } from '../../src/world/json.ts'
import type { FieldValue, ObjectKind } from '../../src/world/state.ts'

describe('M2 numbers of transforms', () => {
  const cases: readonly (readonly [string, FieldValue, FieldValue, boolean])[] = [
    ['the same', [1, 2, 3], [1, 2, 3], true],
    ['at the tolerance below one', [0, 0, 0], [1e-6, 0, 0], true],
    ['beyond the tolerance below one', [0, 0, 0], [1.1e-6, 0, 0], false],
    ['relative to the larger one', [1_000_000, 0, 0], [1_000_000.9, 0, 0], true],
    ['beyond the relative tolerance', [1_000_000, 0, 0], [1_000_001.1, 0, 0], false],
    ['float noise in the last digits', [0.1 + 0.2, 1, 1], [0.3, 1, 1], true],
    ['zero and minus zero', [0, 0, 0], [-0, -0, -0], true],
    ['other lengths', [1, 2], [1, 2, 0], false],
    ['no array', 'up', [0, 0, 0], false],
    ['absent', undefined, [0, 0, 0], false],
    ['absent on both sides', undefined, undefined, true],
    ['an array of something else is compared to the letter', ['1'], ['1.0000000001'], false],
    ['holes of null', [null, 0, 0], [null, 0, 0], true],
    ['null is no zero', [null, 0, 0], [0, 0, 0], false],
  ]
  test.each(cases)('%s', (_, a, b, equal) => {
    expect(vectorEquals(a, b)).toBe(equal)
    expect(vectorEquals(b, a)).toBe(equal)
    expect(quaternionEquals(a, b)).toBe(equal)
  })
})

describe('M2 rotations', () => {
  const cases: readonly (readonly [string, Json, Json, boolean])[] = [
    ['q and −q', [0, 0.6, 0, 0.8], [0, -0.6, 0, -0.8], true],
    ['q and −q with noise', [0, 0.6, 0, 0.8], [1e-7, -0.6000000001, 0, -0.8], true],
    ['the inverse is another rotation', [0, 0.6, 0, 0.8], [0, -0.6, 0, 0.8], false],
    ['three numbers are no rotation', [0, 1, 0], [0, -1, 0], false],
    ['five neither', [0, 1, 0, 0, 1], [0, -1, 0, 0, -1], false],
  ]
  test.each(cases)('%s', (_, a, b, equal) => {
    expect(quaternionEquals(a, b)).toBe(equal)
    expect(quaternionEquals(b, a)).toBe(equal)
  })
  test('a position and its negative are two places', () => {
    expect(vectorEquals([1, 2, 3], [-1, -2, -3])).toBe(false)
  })
})

test('M2 equality of every kind is reflexive and symmetric', () => {
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())
  const vector = fc.array(number, { maxLength: 4 })
  fc.assert(
    fc.property(vector, vector, (a, b) => {
      for (const equal of [vectorEquals, quaternionEquals]) {
        expect(equal(a, a)).toBe(true)
        expect(equal(a, b)).toBe(equal(b, a))
      }
    }),
  )
})

test('M2 the tolerance is for transforms of entities and the spawn, and for nothing else', () => {
  const close = (kind: ObjectKind, field: string) => fieldEquality(kind, field)([1, 1, 1, 1], [1 + 1e-9, 1, 1, 1])
  expect(['position', 'quaternion', 'scale'].map((field) => close('entity', field))).toEqual([true, true, true])
  expect(close('spawn', 'position')).toBe(true)
  expect(close('entity', 'props')).toBe(false)
  expect(close('entity', '__proto__')).toBe(false)
  expect(close('blueprint', 'position')).toBe(false)
  expect(close('settings', 'scale')).toBe(false)
  const turned = (kind: ObjectKind, field: string) => fieldEquality(kind, field)([0, 1, 0, 0], [-0, -1, 0, 0])
  expect([turned('entity', 'quaternion'), turned('spawn', 'quaternion'), turned('entity', 'position')]).toEqual([
    true,
    true,
    false,
  ])
})
