import { describe, expect, it } from 'vitest'
import { type CloneCommit, type FeedOperation, type History, judge, key, type Listed, storyOf } from './race-judge.ts'
import { type Change, PRESENCE } from './race-world.ts'

/** Histories of one lamp, told in a few words: what the judge says of them must not depend on how a race happens to go. */
const LAMP = 'entity:lamp'

const text = (value: string | undefined) => (value === undefined ? undefined : JSON.stringify(value))

function change(before: string | undefined, after: string | undefined, field = 'props.a', object = LAMP): Change {
  return { object, field, before: text(before), after: text(after) }
}

const present = { object: LAMP, field: PRESENCE, before: undefined, after: 'present' }
const absent = { object: LAMP, field: PRESENCE, before: 'present', after: undefined }

/** Somebody in the world; an operation is named after the edit that it was made for. */
const live = (cursor: number, opId: string, ...changes: Change[]): FeedOperation => {
  return { cursor, opId, actor: opId.split('.')[0]!, source: 'admin', changes }
}

const pushed = (cursor: number, commit: string, ...changes: Change[]): FeedOperation => {
  return { cursor, opId: `op${cursor}`, actor: commit.slice(0, 2), source: `git:${hex(commit)}`, changes }
}

const commit = (oid: string, taken: number, ...changes: Change[]): CloneCommit => {
  return { oid: hex(oid), subject: oid, merge: false, taken, changes }
}

const merge = (oid: string, taken: number, ...changes: Change[]): CloneCommit => {
  return { ...commit(oid, taken, ...changes), merge: true }
}

const hex = (oid: string) => Buffer.from(oid).toString('hex')

const listed = (value: string | undefined, field = 'props.a'): Listed => ({ object: LAMP, field, value: text(value) })

interface Told {
  readonly feed?: readonly FeedOperation[]
  /** Commits of the clones p1, p2, … */
  readonly clones?: readonly (readonly CloneCommit[])[]
  readonly lists?: readonly Listed[]
  /** Where the world is not what the feed made of it. */
  readonly final?: Readonly<Record<string, string>>
}

function history({ feed = [], clones = [], lists = [], final = {} }: Told): History {
  const world = new Map<string, string>()
  for (const { changes } of feed) {
    for (const { object, field, after } of changes) {
      if (after === undefined) world.delete(key(object, field))
      else world.set(key(object, field), after)
    }
  }
  for (const [field, value] of Object.entries(final)) world.set(key(LAMP, field), text(value)!)
  return {
    feed,
    clones: clones.map((commits, index) => ({ name: `p${index + 1}`, commits, listed: index === 0 ? lists : [] })),
    final: world,
  }
}

/** How each edit ended, by its value. */
function endsOf(told: Told): Record<string, string> {
  const ends = judge(history(told)).verdicts.map(({ edit, end }) => [edit.value ?? `${edit.by} removed`, end])
  return Object.fromEntries(ends.map(([value, end]) => [value!.replaceAll('"', ''), end!]))
}

describe('what is not lost', () => {
  it.each<[string, Told, Record<string, string>]>([
    ['stands in the world', { feed: [live(1, 'e1.1', change('made', 'e1.1'))] }, { 'e1.1': 'current' }],
    [
      'was overwritten by somebody in the world',
      { feed: [live(1, 'e1.1', change('made', 'e1.1')), live(2, 'e2.1', change('e1.1', 'e2.1'))] },
      { 'e1.1': 'edited-over', 'e2.1': 'current' },
    ],
    [
      'was overwritten by a push that had pulled it',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 b', change('e1.1', 'p1.1'))],
        clones: [
          [merge('p1 a', 1, change('made', 'e1.1')), commit('p1 b', 1, change('e1.1', 'p1.1')), merge('p1 c', 2)],
        ],
      },
      { 'e1.1': 'pushed-over', 'p1.1': 'current' },
    ],
    [
      'was overwritten by a push whose commit is older, and which had settled the conflict before',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 1), merge('p1 c', 2)]],
      },
      { 'e1.1': 'pushed-over', 'p1.1': 'current' },
    ],
    [
      'was overwritten by the next push of its own author',
      {
        feed: [pushed(1, 'p1 a', change('made', 'p1.1')), pushed(2, 'p1 c', change('p1.1', 'p1.2'))],
        clones: [
          [
            commit('p1 a', 0, change('made', 'p1.1')),
            merge('p1 b', 1),
            commit('p1 c', 1, change('p1.1', 'p1.2')),
            merge('p1 d', 2),
          ],
        ],
      },
      { 'p1.1': 'pushed-over', 'p1.2': 'current' },
    ],
    [
      'was rewritten before it was sent',
      {
        feed: [pushed(1, 'p1 b', change('made', 'p1.2'))],
        clones: [
          [commit('p1 a', 0, change('made', 'p1.1')), commit('p1 b', 0, change('p1.1', 'p1.2')), merge('p1 c', 1)],
        ],
      },
      { 'p1.1': 'rewritten', 'p1.2': 'current' },
    ],
    [
      'was given up in a conflict',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 1, change('p1.1', 'e1.1'))]],
        lists: [listed('p1.1'), listed('e1.1')],
      },
      { 'p1.1': 'conflict', 'e1.1': 'current' },
    ],
    [
      'was overwritten unseen, and reported (P5)',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
        lists: [listed('p1.1'), listed('e1.1')],
      },
      { 'e1.1': 'conflict', 'p1.1': 'current' },
    ],
    [
      'was overwritten unseen, and in the world before the push could report it',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          pushed(2, 'p1 a', change('e1.1', 'p1.1')),
          live(3, 'e2.1', change('p1.1', 'e2.1')),
        ],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 3)]],
        lists: [listed('p1.1'), listed('e2.1')],
      },
      { 'e1.1': 'edited-over', 'p1.1': 'edited-over', 'e2.1': 'current' },
    ],
    [
      'was written back over in the world, and put right',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          live(2, 'e2.1', change('e1.1', 'made'), change('made', 'e2.1', 'props.b')),
          live(3, 'e2.1r1.a', change('made', 'e1.1')),
        ],
      },
      { 'e1.1': 'current', 'e2.1': 'current' },
    ],
    [
      'is gone with an object that somebody removed who had seen it',
      {
        feed: [
          live(1, 'e1.1', present, change(undefined, 'e1.1')),
          pushed(2, 'p1 b', absent, change('e1.1', undefined)),
        ],
        clones: [
          [
            merge('p1 a', 1, present, change(undefined, 'e1.1')),
            commit('p1 b', 1, absent, change('e1.1', undefined)),
            merge('p1 c', 2),
          ],
        ],
      },
      { 'e1.1': 'pushed-over', 'p1 removed': 'current' },
    ],
  ])('%s', (_, told, ends) => {
    expect(endsOf(told)).toEqual(ends)
    expect(judge(history(told)).defects).toEqual([])
  })
})

describe('what is lost', () => {
  it.each<[string, Told, Record<string, string>]>([
    [
      'a push overwrote it unseen',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
      },
      { 'e1.1': 'lost', 'p1.1': 'current' },
    ],
    [
      'a push wrote an older value back over it, in a whole `props`',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          pushed(2, 'p1 a', change('e1.1', 'made'), change('made', 'p1.1', 'props.b')),
        ],
        clones: [[commit('p1 a', 0, change('made', 'p1.1', 'props.b')), merge('p1 b', 2)]],
      },
      { 'e1.1': 'lost', 'p1.1': 'current' },
    ],
    [
      'what overwrites the push that overwrote it does not make it seen',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          pushed(2, 'p1 a', change('e1.1', 'p1.1')),
          live(3, 'e2.1', change('p1.1', 'e2.1')),
        ],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
      },
      { 'e1.1': 'lost', 'p1.1': 'edited-over', 'e2.1': 'current' },
    ],
    [
      'a conflict of another field lists other values',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
        lists: [listed('e1.1', 'props.b'), listed('e1.2')],
      },
      { 'e1.1': 'lost', 'p1.1': 'current' },
    ],
    [
      'a conflict of somebody else lists it',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p2 a', change('e1.1', 'p2.1'))],
        clones: [[merge('p1 a', 1)], [commit('p2 a', 0, change('made', 'p2.1')), merge('p2 b', 2)]],
        lists: [listed('e1.1')],
      },
      { 'e1.1': 'lost', 'p2.1': 'current' },
    ],
    [
      'a push was made from what another clone had seen',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)], [merge('p2 a', 1)]],
      },
      { 'e1.1': 'lost', 'p1.1': 'current' },
    ],
    [
      'a merge dropped what was never sent',
      {
        feed: [live(1, 'e1.1', change('made', 'e1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 1, change('p1.1', 'e1.1'))]],
      },
      { 'p1.1': 'lost', 'e1.1': 'current' },
    ],
    [
      'a merge took a removal over it, which no conflict says',
      {
        feed: [live(1, 'e1.1', absent, change('made', undefined))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 1, absent, change('p1.1', undefined))]],
      },
      { 'p1.1': 'lost', 'e1 removed': 'current' },
    ],
    [
      'a removal was undone by a push that did not know of it',
      {
        feed: [live(1, 'e1.1', absent), pushed(2, 'p1 a', present, change(undefined, 'p1.1'))],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
      },
      { 'e1 removed': 'lost', 'p1.1': 'current' },
    ],
    [
      'it was written back over in the world, and nobody put it right',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          live(2, 'e2.1', change('e1.1', 'made'), change('made', 'e2.1', 'props.b')),
        ],
      },
      { 'e1.1': 'lost', 'e2.1': 'current' },
    ],
    [
      'it was written back over in the world, and then by a push that had not seen it',
      {
        feed: [
          live(1, 'e1.1', change('made', 'e1.1')),
          live(2, 'e2.1', change('e1.1', 'made'), change('made', 'e2.1', 'props.b')),
          pushed(3, 'p1 a', change('made', 'p1.1')),
        ],
        clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 3)]],
      },
      { 'e1.1': 'lost', 'e2.1': 'current', 'p1.1': 'current' },
    ],
    [
      'the world forgot it',
      { feed: [live(1, 'e1.1', change('made', 'e1.1'))], final: { 'props.a': 'made' } },
      { 'e1.1': 'lost' },
    ],
    [
      'it stays in HEAD, and nothing sends it',
      { clones: [[commit('p1 a', 0, change('made', 'p1.1'))]], final: { 'props.a': 'made' } },
      { 'p1.1': 'local' },
    ],
  ])('%s', (_, told, ends) => expect(endsOf(told)).toEqual(ends))
})

it('names what no feed may have', () => {
  const twice = [live(1, 'e1.1', change('made', 'e1.1')), live(2, 'e1.1'), live(2, 'e1.2')]
  expect(judge(history({ feed: twice, final: { 'props.a': 'made' } })).defects).toEqual([
    'e1.1 is in the feed at 1 and at 2',
    'the feed goes from 2 to 2',
    'entity:lamp props.a is "made" in the world, by the feed it is "e1.1"',
  ])
})

it('tells the whole story of a field', () => {
  const told = history({
    feed: [live(1, 'e1.1', change('made', 'e1.1')), pushed(2, 'p1 a', change('e1.1', 'p1.1'))],
    clones: [[commit('p1 a', 0, change('made', 'p1.1')), merge('p1 b', 2)]],
    lists: [listed('p1.1')],
  })
  const lost = judge(told).verdicts.find(({ end }) => end === 'lost')!
  const story = storyOf(told, lost)
  const parts = [
    'e1 wrote "e1.1"',
    'overwrote it unseen',
    'feed 1 e1',
    'feed 2 p1',
    '"p1 a"',
    'lists "p1.1"',
    'world: "p1.1"',
  ]
  for (const part of parts) expect(story).toContain(part)
})

describe('clones that merge each other', () => {
  const bringing = (oid: string, taken: number, changes: Change[], brought: Change[]): CloneCommit => {
    return { ...merge(oid, taken, ...changes), brought }
  }
  const mine = change('made', 'p1.1')
  const over = change('p1.1', 'p2.1')

  it('a push has seen what came in with a merge, whoever sends whose commit', () => {
    // p2 merges what p1 committed, overwrites it and sends both; p1 never pushes.
    const feed = [
      { ...pushed(1, 'p1 a', mine), pusher: 'p2' },
      { ...pushed(2, 'p2 b', over), pusher: 'p2' },
    ]
    const clones = [
      [commit('p1 a', 0, mine)],
      [bringing('p2 a', 0, [mine], [mine]), commit('p2 b', 0, over), merge('p2 c', 2)],
    ]
    expect(endsOf({ feed, clones })).toEqual({ 'p1.1': 'pushed-over', 'p2.1': 'current' })
    // Sent by somebody who had it from nowhere.
    const blind = [
      live(1, 'e1.1', change('made', 'e1.1')),
      { ...pushed(2, 'p1 a', change('e1.1', 'p1.1')), pusher: 'p2' },
    ]
    expect(endsOf({ feed: blind, clones: [[commit('p1 a', 0, mine)], [merge('p2 a', 2)]] })['e1.1']).toBe('lost')
  })

  it('what a merge drops unsent was replaced by somebody who had it, or is lost', () => {
    const feed = [{ ...pushed(1, 'p2 b', over), pusher: 'p2' }]
    const theirs = [bringing('p2 a', 0, [mine], [mine]), commit('p2 b', 0, over), merge('p2 c', 1)]
    const taking = (brought: Change[]) => [commit('p1 a', 0, mine), bringing('p1 b', 1, [over], brought)]
    expect(endsOf({ feed, clones: [taking([over]), theirs] })['p1.1']).toBe('pushed-over')
    expect(endsOf({ feed, clones: [taking([change('made', 'p2.1')]), theirs] })['p1.1']).toBe('lost')
    // Settled by p2, in a merge of theirs.
    const told = history({ feed, clones: [taking([change('made', 'p2.1')]), theirs] })
    const clones = told.clones.map((clone) => (clone.name === 'p2' ? { ...clone, listed: [listed('p1.1')] } : clone))
    expect(judge({ ...told, clones }).verdicts.find(({ edit }) => edit.value === '"p1.1"')?.end).toBe('pushed-over')
  })
})
