import { expect, it } from 'vitest'
import type { Change } from '../e2e/race-world.ts'
import { type Commit, type History, judge, listing, type Operation } from './judge.ts'

const LAMP = 'entity:lamp'

function change(before: string | undefined, after: string | undefined): Change {
  const json = (value: string | undefined) => (value === undefined ? undefined : JSON.stringify(value))
  return { object: LAMP, field: 'props.a', before: json(before), after: json(after) }
}

const commit = (oid: string, ...changes: Change[]): Commit => ({ oid, subject: oid, merge: false, changes })
const merge = (oid: string, ...changes: Change[]): Commit => ({ oid, subject: oid, merge: true, changes })
const operation = (cursor: number, changed: Change, head?: string): Operation => {
  return { cursor, opId: `op${cursor}`, actor: 'somebody', changes: [changed], head }
}

/** `knows`: for each HEAD, the commits in its history and how far the line is in it. */
function history(
  parts: Partial<History>,
  knows: Readonly<Record<string, { readonly commits?: readonly string[]; readonly taken?: number }>> = {},
): History {
  return {
    commits: [],
    feed: [],
    listed: new Set(),
    final: new Map(),
    knowledge: {
      has: (head, oid) => knows[head]?.commits?.includes(oid) === true,
      taken: (head) => knows[head]?.taken ?? 0,
    },
    ...parts,
  }
}

const lost = (parts: Partial<History>, knows?: Parameters<typeof history>[1]) =>
  judge(history(parts, knows)).map(({ value, instead }) => `${value} for ${instead}`)

it('whoever replaces what stands before them loses nothing', () => {
  const commits = [commit('c1', change('made', 'p0.1')), commit('c2', change('p0.1', 'p0.2'))]
  expect(lost({ commits, feed: [operation(1, change('made', 'e0.1')), operation(2, change('e0.1', 'e1.1'))] })).toEqual(
    [],
  )
})

it('a push that overwrites what its HEAD did not have has lost it, unless that is listed', () => {
  const feed = [operation(1, change('made', 'e0.1')), operation(2, change('e0.1', 'p0.1'), 'c1')]
  const commits = [commit('c1', change('made', 'p0.1'))]
  expect(lost({ feed, commits }, { c1: { taken: 0 } })).toEqual(['"e0.1" for "p0.1"'])
  expect(lost({ feed, commits }, { c1: { taken: 1 } })).toEqual([])
  const listed = new Set([listing(LAMP, 'props.a', '"e0.1"')])
  expect(lost({ feed, commits, listed }, { c1: { taken: 0 } })).toEqual([])
})

it('a push over what a teammate pushed has seen it when it has their commit', () => {
  const feed = [operation(1, change('made', 'p0.1'), 'c1'), operation(2, change('p0.1', 'p1.1'), 'c2')]
  const commits = [commit('c1', change('made', 'p0.1')), commit('c2', change('p0.1', 'p1.1'))]
  expect(lost({ feed, commits }, { c1: {}, c2: { commits: ['c1'] } })).toEqual([])
  const unseen = [commits[0]!, commit('c2', change('made', 'p1.1'))]
  expect(lost({ feed, commits: unseen }, { c1: {}, c2: {} })).toEqual(['"p0.1" for "p1.1"'])
})

it('a merge may take what replaces the other side by a chain of known edits, and nothing else', () => {
  const commits = [commit('c1', change('made', 'p0.1'))]
  const feed = [operation(1, change('p0.1', 'e0.1')), operation(2, change('e0.1', 'e0.2'))]
  expect(lost({ commits: [...commits, merge('m', change('p0.1', 'e0.2'))], feed })).toEqual([])
  expect(lost({ commits: [...commits, merge('m', change('p0.1', 'made'))], feed })).toEqual(['"p0.1" for "made"'])
  expect(lost({ commits: [...commits, merge('m', change('e0.2', 'p0.1'))], feed })).toEqual(['"e0.2" for "p0.1"'])
})

it('an object that a merge brings back was removed for nothing; values go with an object that somebody removed', () => {
  const presence = (before: string | undefined, after: string | undefined): Change => {
    return { object: LAMP, field: '', before, after }
  }
  const removal = commit('c1', presence('present', undefined), change('p0.1', undefined))
  expect(lost({ commits: [removal, merge('m', presence('present', undefined), change('p0.1', undefined))] })).toEqual(
    [],
  )
  expect(lost({ commits: [removal, merge('m', presence(undefined, 'present'))] })).toEqual(['undefined for present'])
  expect(lost({ commits: [merge('m', change('p0.1', undefined))] })).toEqual(['"p0.1" for undefined'])
})
