import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCommit, encodeCommit, formatSignature } from '../../src/git-bridge/commit-object.ts'
import { createMemoryRepository } from '../../src/git-bridge/memory/memory-repository.ts'
import { parseOid } from '../../src/git-bridge/repository.ts'
import {
  authorOf,
  committerOf,
  formatTrailers,
  harmless,
  LINE_FORMAT,
  NO_OPERATION,
  oneLine,
  readTrailers,
  readUncertified,
} from '../../src/git-bridge/trailers.ts'

const TREE = parseOid('12'.repeat(20))
const OTHER = parseOid('34'.repeat(20))

const plain = {
  worldId: 'plaza',
  cursor: 42,
  opId: 'op-1',
  source: 'admin',
  object: 'entity:lamp',
}

/** A commit's message as the line writes it, its tree filled in as the importer does. */
function message(trailers: Parameters<typeof formatTrailers>[0] = plain, subject = 'builder: move Lamp'): string {
  return `${harmless(subject)}\n\n${formatTrailers(trailers)}`.replaceAll('{tree}', TREE)
}

const read = (text: string, tree = TREE) => readTrailers({ message: text, tree })

describe('G2 trailers', () => {
  test('ordinary ones read as people would write them', () => {
    expect(message()).toBe(
      'builder: move Lamp\n\n' +
        'Lobby-World: plaza\nLobby-Cursor: 42\nLobby-Op: op-1\nLobby-Source: admin\n' +
        `Lobby-Object: entity:lamp\nLobby-Format: ${LINE_FORMAT}\nLobby-Tree: ${TREE}\n`,
    )
  })

  test('round trip of ordinary ones', () => {
    expect(read(message())).toEqual({ ...plain, tree: TREE, format: LINE_FORMAT, cleaned: false })
    expect(read(message({ ...plain, cleaned: true }))?.cleaned).toBe(true)
    expect(read(message({ ...plain, opId: NO_OPERATION }))?.opId).toBe(NO_OPERATION)
  })

  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(
      '',
      ' ',
      '%',
      '%0a',
      '%%',
      '{tree}',
      '{tree',
      'a\n\nLobby-Cursor: 7\n',
      'x\nLobby-Tree: {tree}',
      'a\r\nLobby-World: other',
      'a\u2028Lobby-Op: b',
      '\u0085',
      '\0',
      '\ud800',
      'a\udfffb',
      '\ud83d\ude00',
      '\ufeff lead',
      'trail \u00a0',
      '-----BEGIN PGP SIGNATURE-----',
      `${'x'.repeat(10_000)}`,
    ),
  )

  test('law: whatever the feed says comes back to the letter, and never as a trailer of its own', () => {
    const trailers = fc.record({
      worldId: nasty,
      cursor: fc.maxSafeNat(),
      opId: nasty,
      source: nasty,
      object: nasty,
    })
    fc.assert(
      fc.property(trailers, nasty, (trailers, subject) => {
        const text = message(trailers, subject)
        expect(read(text)).toMatchObject({ ...trailers, tree: TREE, format: LINE_FORMAT })
        expect(text.split('\n').filter((line) => line.startsWith('Lobby-'))).toHaveLength(7)
        expect(text.split(TREE)).toHaveLength(2)
      }),
      { numRuns: 1000 },
    )
  })

  test('they survive being a commit', async () => {
    const repository = await createMemoryRepository()
    const actor = '<root>\nLobby-Tree: {tree}\0'
    const trailers = { ...plain, opId: '\ud800\n{tree}', source: 'git:%7B\u2029' }
    const outcome = await repository.importCommits(
      'refs/lobby/remote',
      undefined,
      undefined,
      [
        {
          author: authorOf({ actor, ts: '2026-01-01T00:00:00Z' }, 'plaza'),
          committer: committerOf('2026-01-01T00:00:00Z', 0),
          message: `${harmless(`${actor}: {tree}`)}\n\n${formatTrailers(trailers)}`,
          edits: [{ path: 'world/x.json', kind: 'write', bytes: new Uint8Array() }],
        },
      ],
      'test',
    )
    if (outcome.kind !== 'imported') throw new Error('not imported')
    const commit = await repository.readCommit(outcome.tip)
    expect(readTrailers(commit)).toMatchObject({ ...trailers, tree: commit.tree, format: LINE_FORMAT })
    expect(commit.author.name).toBe(`root Lobby-Tree: {tree}`)
  })

  test('an id that Unicode did not know yet is spelled alike by every version of it (G4)', () => {
    const future = '\u{1faea}\u{323b0}\u0378'
    expect(formatTrailers({ ...plain, opId: future })).toContain(`Lobby-Op: ${future}\n`)
  })

  test('a commit whose tree is another is none of the line', () => {
    expect(read(message(), OTHER)).toBeUndefined()
    expect(readUncertified(message())).toMatchObject({ cursor: 42, tree: TREE })
  })

  test('of a line written by an older version, what it does not say is empty', () => {
    const old = message().replace(/^Lobby-(?:Source|Format|Object): .*\n/gm, '')
    expect(readUncertified(old)).toMatchObject({ cursor: 42, source: '', format: 0, object: '', cleaned: false })
    expect(readUncertified('')).toBeUndefined()
  })

  test('an amended message keeps them, an added paragraph loses them', () => {
    expect(read(message().replace('move', 'shift'))).toBeDefined()
    expect(read(message().trimEnd())).toBeDefined()
    expect(read(`${message()}\n\n`)).toBeDefined()
    expect(read(`${message()}Signed-off-by: A <a@example.com>\n`)).toBeDefined()
    expect(read(`${message()}\nSigned-off-by: A <a@example.com>\n`)).toBeUndefined()
    expect(read(`squash\n\n${message()}\nmore\n`)).toBeUndefined()
    expect(read(`${message()} \t\nmore\n`)).toBeUndefined()
  })

  test('those of an earlier paragraph do not count, nor do they hide the last', () => {
    const forged = message({ ...plain, cursor: 7 })
    expect(read(`${forged}\n${message()}`)?.cursor).toBe(42)
  })

  test.each<[string, (text: string) => string]>([
    ['one key twice', (text) => `${text}Lobby-Cursor: 43\n`],
    ['the tree twice', (text) => `${text}Lobby-Tree: ${TREE}\n`],
    ['no tree', (text) => text.replace(/Lobby-Tree: .*\n/, '')],
    ['no cursor', (text) => text.replace(/Lobby-Cursor: .*\n/, '')],
    ['no operation', (text) => text.replace(/Lobby-Op: .*\n/, '')],
    ['no world', (text) => text.replace(/Lobby-World: .*\n/, '')],
    ['a cursor with a sign', (text) => text.replace('Cursor: 42', 'Cursor: -42')],
    ['a cursor with zeros before it', (text) => text.replace('Cursor: 42', 'Cursor: 042')],
    ['a cursor in hex', (text) => text.replace('Cursor: 42', 'Cursor: 0x2a')],
    ['a cursor with a fraction', (text) => text.replace('Cursor: 42', 'Cursor: 4.2')],
    ['a cursor beyond what numbers hold', (text) => text.replace('Cursor: 42', 'Cursor: 9007199254740993')],
    ['a cursor of many digits', (text) => text.replace('Cursor: 42', `Cursor: ${'9'.repeat(400)}`)],
    ['a tree that is no id', (text) => text.replace(TREE, 'deadbeef')],
    ['a tree in capitals', (text) => text.replace(TREE, 'AB'.repeat(20))],
    ['a broken escape', (text) => text.replace('Op: op-1', 'Op: op%zz')],
    ['half an escape', (text) => text.replace('Op: op-1', 'Op: op%e')],
    ['an indented block', (text) => text.replace(/^Lobby/gm, '  Lobby')],
    ['nothing', () => ''],
    ['a subject alone', () => 'builder: move Lamp\n'],
  ])('none: %s', (_, change) => {
    const text = change(message())
    expect(text).not.toBe(message())
    expect(read(text)).toBeUndefined()
  })

  test('case of the keys counts, as does the one space', () => {
    expect(read(message().replace('Lobby-Op: ', 'lobby-op: '))).toBeUndefined()
    expect(read(message().replace('Lobby-Op: ', 'Lobby-Op:'))).toBeUndefined()
  })

  test('the largest cursor comes back', () => {
    expect(read(message({ ...plain, cursor: Number.MAX_SAFE_INTEGER }))?.cursor).toBe(Number.MAX_SAFE_INTEGER)
    expect(read(message({ ...plain, cursor: 0 }))?.cursor).toBe(0)
  })
})

describe('S1 text for one line', () => {
  test.each([
    ['line ends', 'a\nb\r\nc\u2028d\u2029e\u0085f', 'a b c d e f'],
    ['escapes of terminals', '\u001b[31mred\u001b[0m\u009b2J', '[31mred [0m 2J'],
    ['the direction of writing', 'user\u202etxt.exe', 'user txt.exe'],
    ['what is not seen', 'a\u200bb\ufeffc\u00add', 'a b c d'],
    ['spaces', '  a \t\u00a0 b  ', 'a b'],
    ['nothing', '\n\0\r', ''],
  ])('%s', (_, text, expected) => expect(oneLine(text)).toBe(expected))

  test('is bounded, and stays text where it is cut', () => {
    expect(oneLine('x'.repeat(1000))).toHaveLength(200)
    expect(oneLine('x'.repeat(200))).toBe('x'.repeat(200))
    expect(oneLine('abcdef', 4)).toBe('abc…')
    expect(oneLine(`ab${'\u{1f600}'.repeat(5)}`, 4).isWellFormed()).toBe(true)
    expect(oneLine('a\ud800b').isWellFormed()).toBe(true)
  })
})

describe('G4 harmless subjects', () => {
  test.each([
    ['an issue', 'fixes #12', 'fixes # 12'],
    ['an issue elsewhere', 'closes owner/repo#12', 'closes owner/repo# 12'],
    ['people', '@everyone hello@team', '@ everyone hello@ team'],
    ['twice the sign', '##1 @@a', '## 1 @@ a'],
    ['the tree’s place', 'a {tree} b', 'a (tree) b'],
    ['lines', 'a\n\nLobby-Cursor: 1', 'a Lobby-Cursor: 1'],
    ['plain words', 'builder: move Lamp ent0003 [3 fields]', 'builder: move Lamp ent0003 [3 fields]'],
  ])('%s', (_, text, expected) => expect(harmless(text)).toBe(expected))

  test.each([
    '[skip ci]',
    '[ci skip]',
    '[no ci]',
    '[skip actions]',
    '[actions skip]',
    '[SKIP CI]',
    '[Skip  Ci]',
    '[ci-skip]',
    '[skip-ci]',
    '[skip\u200bci]',
    '[skip\nci]',
    '[[skip ci]',
    'a [b [skip ci] c',
    '[skip netlify]',
    '[netlify skip]',
    '[vercel skip]',
    '[azp skip]',
    '[skip azurepipelines]',
    '[skip travis]',
    '[appveyor skip]',
    '[CF-Pages-Skip]',
    '***NO_CI***',
  ])('%s skips nothing', (text) => {
    const clean = harmless(`builder: ${text}`)
    expect(clean).not.toMatch(/\[[^\]]*\b(?:ci|skip)\b[^\]]*\]/i)
    expect(clean).not.toContain('***NO_CI***')
  })

  test('law: no reference, no mention, no place for a tree, one line', () => {
    const piece = fc.constantFrom(
      '#',
      '@',
      '1',
      'a',
      '{tree}',
      '{',
      '}',
      'tree',
      '[',
      ']',
      'skip',
      'ci',
      ' ',
      '\n',
      '\u200b',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const clean = harmless(pieces.join(''))
        expect(clean).not.toMatch(/[#@]\w|\{tree\}|\n/)
        expect(clean).not.toMatch(/\[ci skip\]|\[skip ci\]/i)
        expect(harmless(clean)).toBe(clean)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('G4 authors and committers', () => {
  const author = (actor: string, ts = '2026-01-02T03:04:05.999Z', world = 'plaza') => authorOf({ actor, ts }, world)

  test('the actor as the feed spells it, at the second of the operation, in UTC', () => {
    expect(author('Ada Lovelace')).toEqual({
      name: 'Ada Lovelace',
      email: 'Ada-Lovelace@plaza.lobby',
      time: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
      offset: 0,
    })
  })

  test.each([
    ['brackets', '<evil> name', 'evil name', 'evil-name@plaza.lobby'],
    ['newlines', 'a\nauthor b <c> 0 +0000', 'a author b c 0 +0000', 'a-author-b-c-0-+0000@plaza.lobby'],
    ['nothing', '', 'unknown', 'unknown@plaza.lobby'],
    ['nothing that git keeps', ' .,:;<>"\\\' ', 'unknown', 'unknown@plaza.lobby'],
    ['what git drops from the ends', '"quoted."', 'quoted', 'quoted@plaza.lobby'],
    ['an address', 'a@b', 'a@b', 'a-b@plaza.lobby'],
    ['other scripts', 'Zoë 李', 'Zoë 李', 'Zoë-李@plaza.lobby'],
  ])('%s', (_, actor, name, email) => {
    expect(author(actor)).toMatchObject({ name, email })
  })

  test('law: git can hold every one of them, and gives back the same', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('x'.repeat(5000), '\0', '<>', '. . .', '\ud800', 'a\u2028b', "'", '\\', '…', ':a:'),
      fc.string({ unit: fc.constantFrom('.', ',', '<', '>', '@', ' ', 'a', '"', "'", '\\', '\n'), maxLength: 12 }),
    )
    const committer = committerOf('2026-01-01T00:00:00Z', 0)
    fc.assert(
      fc.property(text, text, (actor, world) => {
        const signature = author(actor, '2026-01-01T00:00:00Z', world)
        expect(() => formatSignature(signature)).not.toThrow()
        expect(signature.name.length).toBeLessThanOrEqual(100)
        expect(signature.name).not.toMatch(/^[\s.,:;"'\\<>]|[\s.,:;"'\\<>]$|\p{Cc}/u)
        expect(signature.email).toMatch(/^[^\s<>@]+@[^\s<>@]+\.lobby$/u)
        const commit = { tree: TREE, parents: [], author: signature, committer, message: 'x\n' }
        expect(decodeCommit(OTHER, encodeCommit(commit)).author).toEqual(signature)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['a date before 1970', '1901-01-01T00:00:00Z', 0],
    ['a date beyond 2099', '2345-01-01T00:00:00Z', Date.UTC(2099, 11, 31, 23, 59, 59) / 1000],
    ['a year of six digits', '+275760-09-13T00:00:00.000Z', Date.UTC(2099, 11, 31, 23, 59, 59) / 1000],
    ['no date', 'yesterday', 0],
    ['nothing', '', 0],
    ['another zone', '2026-01-01T02:00:00+02:00', Date.UTC(2026, 0, 1) / 1000],
    ['no zone: UTC, whatever the machine’s is', '2026-07-01T00:00:00', Date.UTC(2026, 6, 1) / 1000],
    ['no zone, with a fraction', '2026-07-01T00:00:00.5', Date.UTC(2026, 6, 1) / 1000],
    ['a zone without a colon', '2026-07-01T02:30:00+0230', Date.UTC(2026, 6, 1) / 1000],
    ['a zone of hours', '2026-06-30T22:00-02', Date.UTC(2026, 6, 1) / 1000],
    ['a month that is none', '2026-13-01T00:00:00Z', 0],
    ['a day', '2026-07-01', Date.UTC(2026, 6, 1) / 1000],
    ['what one engine alone would read', 'July 1, 2026', 0],
    ['a number', '1751328000000', 0],
  ])('dates: %s', (_, ts, time) => {
    const zone = process.env.TZ
    try {
      for (const TZ of ['UTC', 'America/New_York']) {
        process.env.TZ = TZ
        expect(author('a', ts).time).toBe(time)
        expect(committerOf(ts, 0).time).toBe(time)
      }
    } finally {
      if (zone === undefined) delete process.env.TZ
      else process.env.TZ = zone
    }
  })

  test('the committer is fixed and never earlier than the parent', () => {
    const first = committerOf('2026-01-02T00:00:00Z', 0)
    const second = committerOf('2026-01-01T00:00:00Z', first.time)
    expect(second).toEqual(first)
    expect(committerOf('2026-01-03T00:00:00Z', first.time).time).toBe(first.time + 86_400)
    expect(first).toMatchObject({ name: 'gamedev sync', email: 'sync@gamedev.lobby', offset: 0 })
  })
})
