import { expect, test } from 'vitest'
import { resolve, type Terms } from '../../src/resolvers/terms.ts'
import { type Json, jsonEquals } from '../../src/world/json.ts'
import type { FieldValue } from '../../src/world/state.ts'

const NONE = undefined
const ARRAY: Json = [1, 2]
const RECORD: Json = { a: 1 }

/** What a side may do to a field that holds `'old'` in the base, or none. */
const WITH_BASE: Readonly<Record<string, readonly [FieldValue, FieldValue, FieldValue, FieldValue | 'contested']>> = {
  'unchanged, unchanged': ['old', 'old', 'old', 'old'],
  'unchanged, changed': ['old', 'old', 'new', 'new'],
  'changed, unchanged': ['old', 'new', 'old', 'new'],
  'unchanged, removed': ['old', 'old', NONE, NONE],
  'removed, unchanged': ['old', NONE, 'old', NONE],
  'unchanged, type changed': ['old', 'old', ARRAY, ARRAY],
  'type changed, unchanged': ['old', RECORD, 'old', RECORD],
  'changed alike': ['old', 'new', 'new', 'new'],
  'removed on both sides': ['old', NONE, NONE, NONE],
  'type changed alike': ['old', ARRAY, [1, 2], ARRAY],
  'changed, changed': ['old', 'new', 'other', 'contested'],
  'changed, removed': ['old', 'new', NONE, 'contested'],
  'removed, changed': ['old', NONE, 'new', 'contested'],
  'changed, type changed': ['old', 'new', ARRAY, 'contested'],
  'type changed, type changed': ['old', ARRAY, RECORD, 'contested'],
  'type changed, removed': ['old', ARRAY, NONE, 'contested'],
  'absent on all sides': [NONE, NONE, NONE, NONE],
  'added, absent': [NONE, 'new', NONE, 'new'],
  'absent, added': [NONE, NONE, 'new', 'new'],
  'added alike': [NONE, 'new', 'new', 'new'],
  'added, added': [NONE, 'new', 'other', 'contested'],
  'added as other types': [NONE, 'new', ARRAY, 'contested'],
  'null is a value, absence another': [null, NONE, null, NONE],
  'null against absence': ['old', null, NONE, 'contested'],
  'false is not absence': [NONE, false, NONE, false],
  'zero is not absence': [NONE, NONE, 0, 0],
  'an empty text is not absence': ['old', '', NONE, 'contested'],
}

test.each(Object.entries(WITH_BASE))('M2 M4 %s', (_, [base, ours, theirs, expected]) => {
  const terms: Terms<FieldValue> = { base, ours, theirs }
  const outcome = resolve(terms, jsonEquals, false)
  if (expected === 'contested') expect(outcome).toEqual({ kind: 'contested', terms })
  else expect(outcome).toEqual({ kind: 'settled', value: expected })
})

test('M2 what operations wrote counts as changed, also where it is the base again', () => {
  const back = { base: 'old', ours: 'new', theirs: 'old' }
  expect(resolve(back, jsonEquals, false)).toEqual({ kind: 'settled', value: 'new' })
  expect(resolve(back, jsonEquals, true)).toEqual({ kind: 'contested', terms: back })
  // Untouched here, there is nothing to contest; nor where both ended alike.
  expect(resolve({ base: 'old', ours: 'old', theirs: 'old' }, jsonEquals, true)).toMatchObject({ value: 'old' })
  expect(resolve({ base: 'old', ours: 'old', theirs: 'new' }, jsonEquals, true)).toMatchObject({ value: 'new' })
  expect(resolve({ base: 'old', ours: 'new', theirs: 'new' }, jsonEquals, true)).toMatchObject({ value: 'new' })
})
