import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mergeText } from '../../src/resolvers/text.ts'

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
    ['NUL', 'a\0\nb\nc\n', 'a\0\0\nb\nc\n', 'a\0\nb\nC\n', 'a\0\0\nb\nC\n'],
    ['from nothing', '', '', 'a\n', 'a\n'],
    ['to nothing', 'a\n', 'a\n', '', ''],
    ['last lines that objects inherit', 'a\nb\nconstructor', 'A\nb\nconstructor', 'a\nb\n__proto__', 'A\nb\n__proto__'],
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
    const long = 'x\n'.repeat(20_001)
    expect(merged(long, `${long}a\n`, `b\n${long}`)).toBeUndefined()
  })
})

describe('M3 against git', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'gamedev-text-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** `git merge-file -p`: the text of a clean merge. */
  function git(base: string, ours: string, theirs: string): string | undefined {
    for (const [name, text] of Object.entries({ base, ours, theirs })) writeFileSync(join(folder, name), bytes(text))
    const { status, stdout } = spawnSync('git', ['merge-file', '-p', 'ours', 'base', 'theirs'], { cwd: folder })
    return status === 0 ? stdout.toString('latin1') : undefined
  }

  /** A few lines, and small edits of them, so that clean merges and conflicts are both common. */
  const line = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom('', '}', '{', 'é', '\xff') },
    { weight: 3, arbitrary: fc.nat(60).map((n) => `  line${n}()`) },
  )
  const ending = fc.constantFrom('\n', '\n', '\n', '\r\n')
  const text = fc.array(fc.tuple(line, ending), { minLength: 2, maxLength: 12 }).chain((lines) =>
    fc.boolean().map((final) =>
      lines
        .map(([a, b]) => a + b)
        .join('')
        .replace(/\n$/, final ? '\n' : ''),
    ),
  )
  const edit = fc.record({ at: fc.nat(12), drop: fc.nat(2), put: fc.array(line, { maxLength: 2 }) })
  const edited = (base: string, edits: readonly { at: number; drop: number; put: string[] }[]) => {
    const lines = base.split(/(?<=\n)/)
    for (const { at, drop, put } of edits) lines.splice(Math.min(at, lines.length), drop, ...put.map((l) => `${l}\n`))
    return lines.join('')
  }

  test('on small edits, whatever merges cleanly here merges to the same text there', () => {
    let clean = 0
    fc.assert(
      fc.property(text, fc.array(edit, { maxLength: 2 }), fc.array(edit, { maxLength: 2 }), (base, mine, other) => {
        const ours = edited(base, mine)
        const theirs = edited(base, other)
        const here = merged(base, ours, theirs)
        if (here === undefined) return
        clean++
        const there = git(base, ours, theirs)
        if (there !== undefined) expect(here).toBe(there)
        else expect({ base, ours, theirs, here }).toEqual('a conflict, as git says')
      }),
      { numRuns: 150, seed: 11 },
    )
    expect(clean).toBeGreaterThan(20)
  })

  test('an insertion that repeats its neighbours is not swallowed', () => {
    const [base, ours, theirs] = ['a\nx\na\na', 'x\nx\na\na', 'a\nx\nx\na\na']
    expect(git(base, ours, theirs)).toBe('x\nx\nx\na\na')
    expect(merged(base, ours, theirs)).toBeUndefined()
  })

  test('git is there', () => expect(execFileSync('git', ['--version']).toString()).toMatch(/^git version/))
})
