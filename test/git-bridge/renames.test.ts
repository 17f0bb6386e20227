import { describe, expect, test } from 'vitest'
import { findRenames, type Renames, type Said } from '../../src/git-bridge/renames.ts'
import { counted, similarity } from '../../src/git-bridge/similarity.ts'

/** Files by their paths; what they say is a line for each letter. */
function said(files: Readonly<Record<string, string>>): readonly Said[] {
  return Object.entries(files).map(([path, letters]) => ({
    path,
    text: Buffer.from([...letters].map((letter) => `${letter}${letter}${letter}\n`).join('')),
  }))
}

const find = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>) => {
  const { pairs, ambiguous }: Renames = findRenames(said(before), said(after))
  return { pairs: Object.fromEntries(pairs), ambiguous }
}

describe('M8 files that moved', () => {
  test.each<[string, Record<string, string>, Record<string, string>, Record<string, string>, Renames['ambiguous']]>([
    ['nothing is gone', {}, { 'a/x': 'abc' }, {}, []],
    ['nothing is new', { 'a/x': 'abc' }, {}, {}, []],
    ['the very same', { 'a/x': 'abc' }, { 'b/y': 'abc' }, { 'b/y': 'a/x' }, []],
    [
      'the very same several times, told apart by their names',
      { 'a/x': 'abc', 'a/y': 'abc', 'a/z': 'abc' },
      { 'b/y': 'abc', 'b/x': 'abc' },
      { 'b/x': 'a/x', 'b/y': 'a/y' },
      [],
    ],
    [
      'one name is left on each side',
      { 'a/x': 'abc', 'a/y': 'abc' },
      { 'b/x': 'abc', 'b/new': 'abc' },
      { 'b/x': 'a/x', 'b/new': 'a/y' },
      [],
    ],
    [
      'a name that is there twice says nothing',
      { 'a/x': 'abc', 'b/x': 'abc' },
      { 'c/x': 'abc' },
      {},
      [{ before: ['a/x', 'b/x'], after: ['c/x'] }],
    ],
    [
      'a new name that is there twice says nothing either',
      { 'a/x': 'abc' },
      { 'b/x': 'abc', 'c/x': 'abc' },
      {},
      [{ before: ['a/x'], after: ['b/x', 'c/x'] }],
    ],
    ['the most similar first', { x: 'abcd', y: 'abcf' }, { z: 'abcde' }, { z: 'x' }, []],
    ['half is enough', { x: 'ab' }, { y: 'bc' }, { y: 'x' }, []],
    ['less than half is another file', { x: 'abcde' }, { y: 'abxyz' }, {}, []],
    [
      'of equally similar ones the one of that name',
      { 'a/x': 'abc1', 'a/y': 'abc2' },
      { 'b/y': 'abc3' },
      { 'b/y': 'a/y' },
      [],
    ],
    [
      'equally similar to two: never a guess',
      { x: 'abc1', y: 'abc2' },
      { z: 'abc3' },
      {},
      [{ before: ['x', 'y'], after: ['z'] }],
    ],
    [
      'all that is equally similar is one question',
      { x: 'abc1', y: 'abc2' },
      { u: 'abc3', v: 'abc4' },
      {},
      [{ before: ['x', 'y'], after: ['u', 'v'] }],
    ],
    [
      'two questions are two',
      { x: 'abc1', y: 'abc2', p: 'klm1', q: 'klm2' },
      { z: 'abc3', r: 'klm3' },
      {},
      [
        { before: ['x', 'y'], after: ['z'] },
        { before: ['p', 'q'], after: ['r'] },
      ],
    ],
  ])('%s', (_, before, after, pairs, ambiguous) => {
    expect(find(before, after)).toEqual({ pairs, ambiguous })
  })

  test('beyond a million comparisons only files that say the very same are found', () => {
    const files = (from: string, mark: string, count: number) =>
      Array.from({ length: count }, (_, n) => ({ path: `${from}/${n}`, text: Buffer.from(`${n}\nx\nx\n${mark}\n`) }))
    const found = findRenames(
      [...files('a', 'old', 1_001), ...said({ s: 's' })],
      [...files('b', 'new', 1_000), ...said({ t: 's' })],
    )
    expect(Object.fromEntries(found.pairs)).toEqual({ t: 's' })
    expect(found.ambiguous).toEqual([])
    const fewer = findRenames(files('a', 'old', 20), files('b', 'new', 20))
    expect(fewer.pairs.get('b/7')).toBe('a/7')
  })
})

test.each([
  ['', '', 1],
  ['', 'a\n', 0],
  ['a\nb\n', 'b\na\n', 1],
  // Pieces end with a line, or after 64 bytes of a longer one.
  [`${'x'.repeat(64)}a`, `${'x'.repeat(64)}b`, 64 / 65],
  [`${'x'.repeat(63)}\na`, `${'x'.repeat(63)}\nb`, 64 / 65],
  [`${'x'.repeat(30)}a`, `${'x'.repeat(30)}b`, 0],
])('how similar %j and %j are', (before, after, expected) => {
  const [a, b] = [counted(Buffer.from(before)), counted(Buffer.from(after))]
  expect(similarity(a, b)).toBeCloseTo(expected, 10)
  expect(similarity(b, a)).toBeCloseTo(expected, 10)
})
