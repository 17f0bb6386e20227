import { describe, expect, test } from 'vitest'
import { markDifferences, type Nature } from '../../src/git-bridge/conflict-markers.ts'

const bytes = (text: string) => Buffer.from(text)

function mark(
  base: string | undefined,
  ours: string,
  theirs: string,
  { labels = {}, nature }: { readonly labels?: { readonly base?: string }; readonly nature?: Nature } = {},
): string {
  const sides = { base: base === undefined ? undefined : bytes(base), ours: bytes(ours), theirs: bytes(theirs) }
  const all = { ours: 'local', theirs: 'remote', ...labels }
  return Buffer.from(
    nature === undefined ? markDifferences(sides, all) : markDifferences(sides, all, nature),
  ).toString()
}

const JSON_FILE: Nature = { kind: 'json' }
const conflict = (ours: string, theirs: string, base?: string) =>
  `<<<<<<< local\n${ours}${base === undefined ? '' : `||||||| base\n${base}`}=======\n${theirs}>>>>>>> remote\n`

describe('C2 markers around all that differs', () => {
  test.each<[string, string, string, Nature]>([
    ['a text', 'a\nb\n', 'a\nb\n', { kind: 'text' }],
    ['an empty text', '', '', { kind: 'text' }],
    ['a JSON file', '{\n  "a": 1\n}\n', '{\n  "a": 1\n}\n', JSON_FILE],
  ])('%s in which nothing differs has none, whatever the base says', (_, ours, theirs, nature) => {
    expect(mark('other\n', ours, theirs, { nature })).toBe(ours)
    expect(mark(undefined, ours, theirs, { nature, labels: { base: 'base' } })).toBe(ours)
    expect(mark(ours, ours, theirs, { nature, labels: { base: 'base' } })).toBe(ours)
  })

  test('also where one side is what the base says', () => {
    expect(mark('a\n', 'a\n', 'b\n')).toBe(conflict('a\n', 'b\n'))
    expect(mark('a\n', 'a\n', 'b\n', { labels: { base: 'base' } })).toBe(conflict('a\n', 'b\n', 'a\n'))
  })

  test('of a text, what few lines separate is one; of JSON each by itself', () => {
    expect(mark('', 'a\nx\nb\n', 'c\nx\nd\n')).toBe(conflict('a\nx\nb\n', 'c\nx\nd\n'))
    const [ours, theirs] = ['{\n  "a": 1,\n  "x": 1,\n  "b": 1\n}\n', '{\n  "a": 2,\n  "x": 1,\n  "b": 2\n}\n']
    expect(mark('', ours, theirs, { nature: JSON_FILE })).toBe(
      `{\n${conflict('  "a": 1,\n', '  "a": 2,\n')}  "x": 1,\n${conflict('  "b": 1\n', '  "b": 2\n')}}\n`,
    )
  })

  test('M3 what differs within one list is one value', () => {
    const list = (x: number, z: number) => `{\n  "at": [\n    ${x},\n    5,\n    ${z}\n  ]\n}\n`
    expect(mark('', list(1, 1), list(2, 2), { nature: JSON_FILE })).toBe(
      `{\n  "at": [\n${conflict('    1,\n    5,\n    1\n', '    2,\n    5,\n    2\n')}  ]\n}\n`,
    )
    // At the depth at which a list holds whole objects, two of them are two.
    const objects = (x: number, z: number) => `{\n  "entities": [\n    ${x},\n    5,\n    ${z}\n  ]\n}\n`
    expect(mark('', objects(1, 1), objects(2, 2), { nature: { kind: 'json', listOfObjects: 4 } })).toBe(
      `{\n  "entities": [\n${conflict('    1,\n', '    2,\n')}    5,\n${conflict('    1\n', '    2\n')}  ]\n}\n`,
    )
  })

  test('the base stands between, whole, where it differs too', () => {
    const base = '{\n  "a": 1\n}\n'
    const ours = '{\n  "a": 1,\n  "b": 1\n}\n'
    const theirs = '{\n  "a": 1,\n  "b": 2\n}\n'
    expect(mark(base, ours, theirs, { nature: JSON_FILE, labels: { base: 'base' } })).toBe(
      `{\n${conflict('  "a": 1,\n  "b": 1\n', '  "a": 1,\n  "b": 2\n', '  "a": 1\n')}}\n`,
    )
    // Comparisons that disagree on which of the equal lines is which: one conflict around all.
    const text = mark('x\nx\nq\nx\n', 'x\nq\nx\nx\n', 'q\nx\nx\nx\ny\n', { labels: { base: 'base' } })
    const shown = text.replace(/^<{7} local\n[\s\S]*?^\|{7} base\n([\s\S]*?)^={7}\n[\s\S]*?^>{7} remote\n/gm, '$1')
    expect(shown).toBe('x\nx\nq\nx\n')
  })
})
