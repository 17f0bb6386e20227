import { expect, test } from 'vitest'
import { diffLines } from '../../src/resolvers/line-diff.ts'
import { readDiffs, shown, textsOf } from './diff-cases.ts'

test.each(readDiffs())('M3 as git compares them, recorded: $kind $seed', ({ kind, seed, changes }) => {
  const [a, b] = textsOf({ kind, seed })
  expect(shown(diffLines(Int32Array.from(a), Int32Array.from(b)))).toBe(changes)
})
