import { describe, expect, it } from 'vitest'
import { mergeMessage } from '../../src/sync/pull.ts'
import { refSegment } from '../../src/sync/session.ts'

describe('names that come from outside', () => {
  it('refSegment: one segment for any text, injective, and short enough for every file system', () => {
    const long = ['x'.repeat(300), `${'x'.repeat(300)}y`, 'é'.repeat(100), 'x'.repeat(199), `${'x'.repeat(134)}%%`]
    const texts = ['a', 'a/b', 'a%2fb', '.', '..', '', ' ', 'a.lock', '\ud800', '💩', ...long]
    const segments = texts.map(refSegment)
    expect(new Set(segments).size).toBe(texts.length)
    for (const segment of segments) expect(segment).toMatch(/^[A-Za-z0-9_%-]{0,200}$/)
    expect(refSegment('a/b')).toBe('a%2fb')
    expect(refSegment('x'.repeat(200))).toBe('x'.repeat(200))
  })

  it('G6: the message of a merge forges no trailer and obeys nobody', () => {
    const fetched = { worldId: 'a\n\nLobby-Op: x', cursor: 7 } as Parameters<typeof mergeMessage>[0]
    const authors = new Map([
      ['@everyone closes #1 [skip ci]', 2],
      ['b\nLobby-Cursor: 9', 1],
    ])
    expect(mergeMessage(fetched, authors)).toBe(
      'Merge world a Lobby-Op: x at 7 (3 changes)\n\n- @ everyone closes # 1 (skip ci]: 2\n- b Lobby-Cursor: 9: 1\n',
    )
  })
})
