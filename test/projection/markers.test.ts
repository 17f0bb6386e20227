import { describe, expect, it } from 'vitest'
import { findMarkers, settleMarkers } from '../../src/projection/markers.ts'

const OPEN = '<<<<<<< local'
const CLOSE = '>>>>>>> remote'

describe('C5: conflict markers', () => {
  it.each([
    ['at the beginning', `${OPEN}\na\n=======\nb\n${CLOSE}\n`, 1],
    ['after other lines', `{\n  "a": 1,\n${OPEN}\n=======\n${CLOSE}`, 3],
    ['with CRLF', `x\r\n<<<<<<<\r\na\r\n=======\r\nb\r\n>>>>>>>\r\n`, 2],
    ['without names', '<<<<<<<\n=======\n>>>>>>>', 1],
    ['the first of several', `a\nb\n${OPEN}\n${CLOSE}\n${OPEN}\n${CLOSE}\n`, 3],
    ['longer, where git merged a file that was moved', 'a\n<<<<<<<< HEAD:y\nb\n========\nc\n>>>>>>>> x:x\n', 2],
    ['after an opening that looks like one', `<<<<<<<< \n${OPEN}\n${CLOSE}\n`, 2],
    ['in text that is no UTF-8', Buffer.from([0xff, 0x0a, ...Buffer.from(`${OPEN}\n${CLOSE}`)]), 2],
  ])('are found %s', (_, content, line) => {
    expect(findMarkers(content)).toEqual({ line, column: 1 })
    expect(findMarkers(Buffer.from(content))).toEqual({ line, column: 1 })
  })

  it.each([
    ['an opening alone', `${OPEN}\na\n=======\n`],
    ['a closing alone', `a\n${CLOSE}\n`],
    ['a closing before the opening', `${CLOSE}\n${OPEN}\n`],
    ['markers inside of lines', ` ${OPEN}\n ${CLOSE}\n`],
    ['runs of unequal length', '<<<<<<<<\n>>>>>>>\n'],
    ['runs that go on', '<<<<<<<a\n>>>>>>>b\n'],
    ['an underlined title', 'Title\n=======\n'],
    ['markers after a lone carriage return', `a\r${OPEN}\rb\r${CLOSE}`],
    ['nothing', ''],
  ])('are not seen in %s', (_, content) => {
    expect(findMarkers(content)).toBeUndefined()
    expect(findMarkers(Buffer.from(content))).toBeUndefined()
  })

  it('are not looked for in binary content', () => {
    const text = Buffer.from(`${OPEN}\n${CLOSE}\n`)
    expect(findMarkers(Buffer.concat([text, Buffer.from([0])]))).toBeUndefined()
    expect(findMarkers(Buffer.concat([text, Buffer.alloc(8000, 0x20), Buffer.from([0])]))).toEqual({
      line: 1,
      column: 1,
    })
  })
})

describe('a side of each conflict', () => {
  const text = (extra: string) =>
    `a\n<<<<<<<${extra} HEAD:y\nours\n|||||||${extra} base\nbase\n=======${extra}\ntheirs\n>>>>>>>${extra} x:x\nb\n=======\n`

  it.each(['', '<'])('is taken, the other and the markers go', (longer) => {
    const content = Buffer.from(
      text('').replace(/^([<|=>])\1{6}(?= |\n[to])/gm, (run, mark) => (longer === '' ? run : run + mark)),
    )
    expect(Buffer.from(settleMarkers(content, 'ours')).toString()).toBe('a\nours\nb\n=======\n')
    expect(Buffer.from(settleMarkers(content, 'theirs')).toString()).toBe('a\ntheirs\nb\n=======\n')
  })

  it('is nothing that other content has', () => {
    const title = Buffer.from('Title\n=======\nü\n')
    expect(settleMarkers(title, 'ours')).toBe(title)
    const bytes = Buffer.from([0xff, 0x0a, ...Buffer.from(`${OPEN}\n`), 0xfe, ...Buffer.from(`\n=======\n${CLOSE}\n`)])
    expect([...settleMarkers(bytes, 'ours')]).toEqual([0xff, 0x0a, 0xfe, 0x0a])
  })
})
