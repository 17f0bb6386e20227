import { describe, expect, it } from 'vitest'
import type { FeedOperation } from '../e2e/race-judge.ts'
import type { Acknowledged } from './editor.ts'
import { readOptions } from './options.ts'
import { kindOf, planRound, type Turn } from './schedule.ts'
import { headsOf } from './sent-from.ts'
import { linesIn, withLine } from './template.ts'
import { findDefects, type Held } from './world-checks.ts'

describe('the schedule', () => {
  it('is decided by seed and round alone', () => {
    expect(planRound(7, 3, 'reference')).toEqual(planRound(7, 3, 'reference'))
    expect(planRound(7, 4, 'reference')).not.toEqual(planRound(7, 3, 'reference'))
  })

  it('strikes commands and the reference runtime in every way, and never a public server', () => {
    const turnsOf = (kind: 'reference' | 'public'): readonly Turn[] =>
      Array.from({ length: 60 }, (_, round) => planRound(1, round, kind).steps).flatMap((steps) =>
        steps.flatMap((step) => (step.kind === 'turns' ? step.turns : [])),
      )
    const kinds = (kind: 'reference' | 'public') =>
      new Set(turnsOf(kind).flatMap(({ strike }) => (strike === undefined ? [] : [kindOf(strike)])))
    const commands = ['before', 'half', 'sent', 'landed', 'answered'].map((moment) => `command ${moment} a request`)
    const rest = ['command before git', 'command after git', 'command during git', 'git at work', 'git before']
    expect(kinds('public')).toEqual(new Set([...commands, ...rest, 'command at any time']))
    expect([...kinds('reference')].filter((kind) => kind.startsWith('runtime'))).toHaveLength(6)
    for (const { person, strike } of turnsOf('reference')) {
      expect(person).toBeLessThan(3)
      if (strike !== undefined && 'at' in strike) expect(strike.at).toBeGreaterThan(0)
    }
  })
})

it('options are read, and refused in words', () => {
  expect(readOptions([], 5)).toEqual({
    minutes: 1,
    seed: 5,
    round: undefined,
    runtimes: ['reference', 'public'],
    json: false,
  })
  expect(readOptions(['--minutes', '0.5', '--seed', '0', '--round', '3', '--runtime', 'public', '--json'], 5)).toEqual({
    minutes: 0.5,
    seed: 0,
    round: 3,
    runtimes: ['public'],
    json: true,
  })
  for (const [args, message] of [
    [['--minutes', 'x'], /--minutes is/],
    [['--seed', '1.5'], /--seed is/],
    [['--runtime', 'other'], /--runtime is/],
    [['--round', '3'], /--round needs/],
  ] as const)
    expect(() => readOptions(args, 5)).toThrow(message)
})

it('lines of scripts are set and found again by whose they are', () => {
  const script = '// p0: made\n// 0\n// p1: made\nexport default () => {}\n'
  const edited = withLine(script, 'p1', 'p1.4')
  expect(edited).toBe('// p0: made\n// 0\n// p1: p1.4\nexport default () => {}\n')
  expect(Object.fromEntries(linesIn(edited))).toEqual({ p0: '"made"', p1: '"p1.4"' })
})

it('operations are told by the request or the frame that they were sent in', () => {
  const body = (document: object) => Buffer.from(JSON.stringify(document))
  const heads = headsOf([
    { head: 'a', write: { name: 'POST /admin/ops', body: body({ operations: [{ opId: 'x' }, { opId: 'y' }] }) } },
    { head: 'b', write: { name: 'frame', payload: { type: 'entity_modify', lastOpId: 'z' } } },
    { head: 'c', write: { name: 'PUT /admin/spawn', body: body({ position: [1, 2, 3] }) } },
    { head: 'd', write: { name: 'POST /admin/upload', body: Buffer.from('{') } },
  ])
  expect(Object.fromEntries(heads)).toEqual({ x: 'a', y: 'a', z: 'b', 'spawn [1,2,3]': 'c' })
})

describe('what a durable runtime must never show', () => {
  const beginning = { cursor: 4, state: new Map([['entity:lamp', new Map([['position', '[0]']])]]) }
  const moved = (cursor: number, opId: string, before: string, after: string): FeedOperation => {
    const changes = [{ object: 'entity:lamp', field: 'position', before, after }]
    return { cursor, opId, actor: 'e0', source: 'admin', changes }
  }
  const feed = [moved(5, 'e0.1', '[0]', '[1]'), moved(6, 'e0.2', '[1]', '[2]')]
  const state = new Map([['entity:lamp position', '[2]']])
  const nobody = { operations: [], batches: [], assets: new Map<string, string>() }

  it('is nothing, where everything is there', () => {
    const acknowledged = {
      ...nobody,
      operations: ['e0.1', 'e0.2'],
      batches: [
        ['e0.1', 'e0.2'],
        ['e0.8', 'e0.9'],
      ],
    }
    expect(findDefects({ feed, state, cursor: 6 }, beginning, [acknowledged])).toEqual([])
    // A snapshot from before the end of the feed.
    expect(findDefects({ feed, state: new Map([['entity:lamp position', '[1]']]), cursor: 5 }, beginning, [])).toEqual(
      [],
    )
  })

  it.each<[string, Partial<Held> & { readonly acknowledged?: Acknowledged }, RegExp]>([
    ['a lost operation', { acknowledged: { ...nobody, operations: ['e0.3'] } }, /e0.3 was acknowledged and is not/],
    ['half a transaction', { acknowledged: { ...nobody, batches: [['e0.2', 'e0.3']] } }, /only e0.2 is in the feed/],
    ['a gap', { feed: [feed[0]!, moved(7, 'e0.2', '[1]', '[2]')], cursor: 7 }, /goes from 5 to 7/],
    ['an opId twice', { feed: [feed[0]!, moved(6, 'e0.1', '[1]', '[2]')] }, /e0.1 is in the feed twice/],
    [
      'state that went back',
      { state: new Map([['entity:lamp position', '[1]']]) },
      /is \[1\] in the snapshot, by the feed/,
    ],
  ])('%s', (_, { acknowledged = nobody, ...held }, message) => {
    const defects = findDefects({ feed, state, cursor: 6, ...held }, beginning, [acknowledged])
    expect(defects).toEqual([expect.stringMatching(message)])
  })
})
