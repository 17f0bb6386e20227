import { expect, test } from 'vitest'
import { decodeCommit, encodeCommit, formatSignature } from '../../src/git-bridge/commit-object.ts'
import { decodeTree } from '../../src/git-bridge/raw-tree.ts'
import { parseOid } from '../../src/git-bridge/repository.ts'

const OID = parseOid('12'.repeat(20))
const TREE = parseOid('34'.repeat(20))

test.each([
  [0, '+0000'],
  [90, '+0130'],
  [-570, '-0930'],
  [840, '+1400'],
])('an offset of %d minutes is %s', (offset, text) => {
  expect(formatSignature({ name: 'A B', email: 'a@b', time: 7, offset })).toBe(`A B <a@b> 7 ${text}`)
})

test.each([-1, 1.5, Number.NaN])('a time of %d is a bug of ours', (time) => {
  expect(() => formatSignature({ name: 'a', email: 'b', time, offset: 0 })).toThrow('assertion failed')
})

test('a message with NUL is a bug of ours', () => {
  const who = { name: 'a', email: 'b', time: 1, offset: 0 }
  const commit = { tree: TREE, parents: [], author: who, committer: who, message: 'a\0b' }
  expect(() => encodeCommit(commit)).toThrow('assertion failed')
})

const read = (lines: string, encoding: BufferEncoding = 'utf8') =>
  decodeCommit(OID, Buffer.from(`tree ${TREE}\n${lines}`, encoding))

test('signatures, unknown headers and continuation lines are passed over', () => {
  const commit = read(
    `parent ${OID}\nauthor a <b> 5 +0100\ncommitter c <d> 6 -0100\ngpgsig -----\n tree fake\n parent fake\n\nmessage\n`,
  )
  expect(commit).toEqual({
    oid: OID,
    tree: TREE,
    parents: [OID],
    author: { name: 'a', email: 'b', time: 5, offset: 60 },
    committer: { name: 'c', email: 'd', time: 6, offset: -60 },
    message: 'message\n',
  })
})

test('other encodings are decoded, unknown ones read as UTF-8', () => {
  expect(read('author é <b> 5 +0000\nencoding ISO-8859-1\n\ncafé\n', 'latin1')).toMatchObject({
    author: { name: 'é' },
    message: 'café\n',
  })
  expect(read('encoding x-nobody\n\ncafé\n')).toMatchObject({ message: 'café\n' })
})

test.each([
  ['author\n', { name: '', email: '', time: 0, offset: 0 }],
  ['author nobody\n', { name: 'nobody', email: '', time: 0, offset: 0 }],
  ['author a <b>\n', { name: 'a', email: 'b', time: 0, offset: 0 }],
  ['author <b> 5 +0000\n', { name: '', email: 'b', time: 5, offset: 0 }],
  ['author a <b <c> d> -5 x\n', { name: 'a', email: 'b <c> d', time: 0, offset: 0 }],
])('what is malformed is read as far as it goes: %j', (header, author) => {
  expect(read(`${header}\nx`)).toMatchObject({ author, message: 'x' })
})

test('a commit without a message, or without a tree that could be one', () => {
  expect(read('author a <b> 5 +0000')).toMatchObject({ author: { name: 'a' }, message: '' })
  expect(() => decodeCommit(OID, Buffer.from('author a <b> 5 +0000\n\nx'))).toThrow('not an object id')
})

test.each([
  ['without an end of its mode', '100644'],
  ['without an end of its name', '100644 name'],
  ['whose id is cut off', `100644 name\0${'x'.repeat(19)}`],
])('a tree %s is malformed', (_, content) => {
  expect(() => decodeTree('sha1', Buffer.from(content, 'latin1'))).toThrow('a tree object is malformed')
})
