import { expect, test } from 'vitest'
import { BatchParser } from '../../../src/git-bridge/native/batch-parser.ts'

const STREAM = Buffer.from('aa blob 5\nx\ny\nz\nbb missing\ncc tree 0\n\ndd blob 1\n\n\n')

test.each([1, 2, 3, 7, STREAM.length])('answers are cut out of chunks of %d bytes', (size) => {
  const answers: string[] = []
  const parser = new BatchParser(
    () => true,
    ({ type, content }) => answers.push(`${type} ${JSON.stringify(content?.toString())}`),
  )
  for (let at = 0; at < STREAM.length; at += size) parser.push(STREAM.subarray(at, at + size))
  expect(answers).toEqual(['blob "x\\ny\\nz"', 'undefined undefined', 'tree ""', 'blob "\\n"'])
})

test('answers without content end with their header', () => {
  const types: unknown[] = []
  new BatchParser(
    () => false,
    ({ type }) => types.push(type),
  ).push(Buffer.from('aa blob 5\nbb missing\ncc commit 7\n'))
  expect(types).toEqual(['blob', undefined, 'commit'])
})

test('what is no answer is not taken for one', () => {
  const parser = new BatchParser(
    () => true,
    () => {},
  )
  expect(() => parser.push(Buffer.from('HEAD ambiguous\n'))).toThrow('HEAD ambiguous')
  expect(() => parser.push(Buffer.alloc(5_000, 'x'))).toThrow('no header')
})
