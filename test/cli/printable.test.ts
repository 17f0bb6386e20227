import { expect, test } from 'vitest'
import { printable, printableJson, printableLine, printableText, progressView } from '../../src/cli/progress-view.ts'

const HOSTILE = 'a\u001b[2J\u009b31m\u007f\u202eb\u2028c\ud800d\u{e0041}'
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

test('S1: text from outside commands no terminal, on as many lines as it is allowed', () => {
  expect(printable(`${HOSTILE}\n\t`).replace(/[\n\t]/g, '')).not.toMatch(OBEYED)
  expect(printableLine('a\nerror: forged')).toBe('a\ufffderror: forged')
  expect(printableText('a\nerror: forged')).toBe('a\n  error: forged')
})

test('S1: JSON says the same with escapes', () => {
  const document = { [HOSTILE]: [HOSTILE, 'plain', 'é', '💩', '\n'] }
  const text = printableJson(JSON.stringify(document, null, 2))
  expect(text.replaceAll('\n', '')).not.toMatch(OBEYED)
  expect(JSON.parse(text)).toEqual(document)
  expect(text).toContain('💩')
})

test('S1: a warning is one line', () => {
  let written = ''
  const stream = { isTTY: false, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream
  progressView(stream).warn('asset://x\nhint: run this')
  expect(written).toBe('warning: asset://x\ufffdhint: run this\n')
})
