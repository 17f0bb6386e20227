import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeHunks, mergeText, type TextHunk, withMarkers } from '../../src/resolvers/text.ts'
import { scriptEdits } from './script-edits.ts'

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

function merged(base: string, ours: string, theirs: string): string | undefined {
  const outcome = mergeText({ base: bytes(base), ours: bytes(ours), theirs: bytes(theirs) })
  return outcome.kind === 'settled' ? Buffer.from(outcome.value).toString('latin1') : undefined
}

describe('M3 scripts merge as text', () => {
  test.each([
    ['far apart', 'a\nb\nc\nd\n', 'A\nb\nc\nd\n', 'a\nb\nc\nD\n', 'A\nb\nc\nD\n'],
    ['the same edit on both sides', 'a\nb\n', 'a\nB\n', 'a\nB\n', 'a\nB\n'],
    ['one side unchanged', 'a\nb\n', 'a\nb\n', 'x\n', 'x\n'],
    ['CRLF', 'a\r\nb\r\nc\r\nd\r\n', 'A\r\nb\r\nc\r\nd\r\n', 'a\r\nb\r\nc\r\nD\r\n', 'A\r\nb\r\nc\r\nD\r\n'],
    ['a lone CR is no end of a line', 'a\rb\nc\nd\n', 'a\rB\nc\nd\n', 'a\rb\nc\nD\n', 'a\rB\nc\nD\n'],
    [
      'U+2028 in UTF-8',
      'x\xe2\x80\xa8y\nb\nc\n',
      'x\xe2\x80\xa8Y\nb\nc\n',
      'x\xe2\x80\xa8y\nb\nC\n',
      'x\xe2\x80\xa8Y\nb\nC\n',
    ],
    [
      'bytes that are no UTF-8',
      '\xff\xfe\nb\n\x80\n',
      '\xff\xff\nb\n\x80\n',
      '\xff\xfe\nb\n\x81\n',
      '\xff\xff\nb\n\x81\n',
    ],
    ['no newline at the end', 'a\nb\nc', 'A\nb\nc', 'a\nb\nC', 'A\nb\nC'],
    ['a newline added at the end by one side', 'a\nb\nc', 'A\nb\nc', 'a\nb\nc\n', 'A\nb\nc\n'],
    ['a final newline removed by one side', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nc', 'A\nb\nc'],
    [
      'a byte order mark stays',
      '\xef\xbb\xbfa\nb\nc\n',
      '\xef\xbb\xbfa\nb\nC\n',
      '\xef\xbb\xbfa\nb\nc\n',
      '\xef\xbb\xbfa\nb\nC\n',
    ],
    [
      'NUL far from the start',
      `a\n${'-'.repeat(8000)}\0\nb\n`,
      `A\n${'-'.repeat(8000)}\0\nb\n`,
      `a\n${'-'.repeat(8000)}\0\nB\n`,
      `A\n${'-'.repeat(8000)}\0\nB\n`,
    ],
    ['from nothing', '', '', 'a\n', 'a\n'],
    ['to nothing', 'a\n', 'a\n', '', ''],
    ['last lines that objects inherit', 'a\nb\nconstructor', 'A\nb\nconstructor', 'a\nb\n__proto__', 'A\nb\n__proto__'],
    ['an insertion that repeats its neighbours', 'a\nx\na\na', 'x\nx\na\na', 'a\nx\nx\na\na', 'x\nx\nx\na\na'],
    ['lines added at both ends', 'm\nn\n', 'top\nm\nn\n', 'm\nn\nbottom\n', 'top\nm\nn\nbottom\n'],
  ])('%s', (_, base, ours, theirs, expected) => {
    expect(merged(base, ours, theirs)).toBe(expected)
    expect(merged(base, theirs, ours)).toBe(expected)
  })

  test.each([
    ['the same line', 'a\n', 'b\n', 'c\n'],
    ['lines that touch', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nB\nc\n'],
    ['changed here, deleted there', 'a\nb\nc\n', 'a\nB\nc\n', 'a\nc\n'],
    ['other lines added at one place', 'a\nb\n', 'a\nx\nb\n', 'a\ny\nb\n'],
    ['other texts from nothing', '', 'x\n', 'y\n'],
    ['line endings changed there, the line here', 'a\nb\n', 'A\nb\n', 'a\r\nb\r\n'],
    ['the last line, which has no newline', 'a\nb', 'a\nx', 'a\nb\nc'],
    ['binary, as git has it', 'a\0\nb\nc\n', 'a\0\0\nb\nc\n', 'a\0\nb\nC\n'],
    ['binary on one side', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\0\n'],
  ])('contested: %s', (_, base, ours, theirs) => {
    expect(merged(base, ours, theirs)).toBeUndefined()
    expect(merged(base, theirs, ours)).toBeUndefined()
  })

  test('the terms come back untouched, and a view into larger memory is read as the view', () => {
    const whole = Buffer.from('XXa\nb\nYY')
    const view = new Uint8Array(whole.buffer, whole.byteOffset + 2, 4)
    const terms = { base: view, ours: bytes('a\nc\n'), theirs: bytes('a\nd\n') }
    expect(mergeText(terms)).toEqual({ kind: 'contested', terms })
    expect(mergeText({ ...terms, ours: view })).toMatchObject({ kind: 'settled' })
    expect(merged('a\nb\n', 'a\nb\n', 'a\nd\n')).toBe('a\nd\n')
  })

  test('texts too long to be compared are contested, not waited for', () => {
    const long = 'x\n'.repeat(31_999)
    expect(merged(long, `${long}a\n`, `b\n${long}`)).toBe(`b\n${long}a\n`)
    expect(merged(long, `${long}a\n`, `b\nb\n${long}`)).toBeUndefined()
    expect(mergeHunks({ base: bytes(long), ours: bytes(long), theirs: bytes(`${long}a\na\n`) })).toBeUndefined()
  })
})

/** Hunks as `kind: ours | base | theirs`, the three once where they are the merged text. */
function written(hunks: readonly TextHunk[] | undefined): readonly string[] | undefined {
  return hunks?.map(({ kind, ...sides }) => {
    const texts = [sides.ours, sides.base, sides.theirs].map((side) => Buffer.from(side).toString('latin1'))
    return `${kind}: ${(kind === 'merged' ? [...new Set(texts)] : texts).join(' | ')}`
  })
}

function hunks(base: string, ours: string, theirs: string): readonly TextHunk[] {
  return mergeHunks({ base: bytes(base), ours: bytes(ours), theirs: bytes(theirs) })!
}

describe('the hunks of a merge', () => {
  test('both sides and the base of what is contested, the merged text of the rest', () => {
    expect(written(hunks('a\nb\nc\nd\ne\n', 'a\nB1\nB2\nc\nD\ne\n', 'A\nb\nc\nd\nE\n'))).toEqual([
      'contested: a\nB1\nB2\n | a\nb\n | A\nb\n',
      'merged: c\n',
      'contested: D\ne\n | d\ne\n | d\nE\n',
    ])
    expect(written(hunks('a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\n'))).toEqual(['merged: A\n', 'merged: b\n', 'merged: C\n'])
    expect(written(hunks('', 'x', 'y'))).toEqual(['contested: x |  | y'])
    expect(written(hunks('', '', ''))).toEqual([])
  })

  test('what both sides did alike belongs to what did not change', () => {
    expect(written(hunks('a\nb\nc\nd\ne\n', 'a\nB\nc\nD\ne\n', 'a\nB\nc\nd\ne\n'))).toEqual([
      'merged: a\nB\nc\n',
      'merged: D\n',
      'merged: e\n',
    ])
  })

  test('M7 swapping the sides swaps them in the contested hunks, and nothing else', () => {
    fc.assert(
      fc.property(scriptEdits, ({ base, ours, theirs }) => {
        const there = hunks(base, ours, theirs)
        const back = hunks(base, theirs, ours)
        expect(back.map((hunk) => ({ ...hunk, ours: hunk.theirs, theirs: hunk.ours }))).toEqual(there)
      }),
      { numRuns: 200, seed: 5 },
    )
  })

  test('each side is the text again, where what the other one changed is taken back', () => {
    fc.assert(
      fc.property(scriptEdits, ({ base, ours }) => {
        for (const side of ['ours', 'theirs'] as const) {
          const one = side === 'ours' ? hunks(base, ours, base) : hunks(base, base, ours)
          expect(one.every(({ kind }) => kind === 'merged')).toBe(true)
          expect(Buffer.concat(one.map((hunk) => hunk[side])).toString('latin1')).toBe(ours)
        }
      }),
      { numRuns: 100, seed: 6 },
    )
  })
})

describe('C2 markers', () => {
  const labels = { ours: 'local', theirs: 'remote' }

  function marked(base: string, ours: string, theirs: string, label?: string): string {
    const names = label === undefined ? labels : { ...labels, base: label }
    return Buffer.from(withMarkers(hunks(base, ours, theirs), names)).toString('latin1')
  }

  test('around what is contested, with the base where it has a name', () => {
    const [base, ours, theirs] = ['a\nb\nc\n', 'a\nours\nc\n', 'a\ntheirs\nc\n']
    expect(marked(base, ours, theirs)).toBe('a\n<<<<<<< local\nours\n=======\ntheirs\n>>>>>>> remote\nc\n')
    expect(marked(base, ours, theirs, 'base')).toBe(
      'a\n<<<<<<< local\nours\n||||||| base\nb\n=======\ntheirs\n>>>>>>> remote\nc\n',
    )
  })

  test('a side without a final newline gets one', () => {
    expect(marked('a\nb', 'a\nx', 'a\ny', 'o')).toBe('a\n<<<<<<< local\nx\n||||||| o\nb\n=======\ny\n>>>>>>> remote\n')
  })

  test('an empty side has no lines', () => {
    expect(marked('a\nb\n', 'a\n', 'a\nc\n')).toBe('a\n<<<<<<< local\n=======\nc\n>>>>>>> remote\n')
  })

  test('CRLF files get CRLF markers', () => {
    expect(marked('a\r\nb\r\n', 'a\r\nx', 'a\r\ny\r\n')).toBe(
      'a\r\n<<<<<<< local\r\nx\r\n=======\r\ny\r\n>>>>>>> remote\r\n',
    )
  })

  test('a merge without a conflict has none', () => {
    expect(marked('a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\n')).toBe('A\nb\nC\n')
  })
})
