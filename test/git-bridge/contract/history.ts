import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import {
  commitOn,
  type Fixture,
  grow,
  newCommit,
  nobody,
  type OpenFixture,
  person,
  REF,
  remove,
  subjects,
  UNUSUAL_PATHS,
  write,
} from './vocabulary.ts'

export function historyContract(open: OpenFixture): void {
  describe('history', () => {
    let fixture: Fixture
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.dispose())

    test('commits say what was written, to the byte', async () => {
      const { repository } = fixture
      const tree = await repository.writeTree(undefined, [write('a')])
      const root = await commitOn(repository, [], 1)
      const commit = {
        tree,
        parents: [root, await commitOn(repository, [root], 2)],
        author: { name: "Zoë O'Neil, Jr.", email: 'zoë+x@example.org', time: 1_234_567_890, offset: -570 },
        committer: { name: 'lobby', email: '', time: 4_102_444_799, offset: 345 },
        message: '\nsubject 🌍\n\nbody\n  indented\n\n\ntrailer: x\n\n',
      }
      const oid = await repository.writeCommit(commit)
      expect(await repository.readCommit(oid)).toEqual({ ...commit, oid })
      const bare = await repository.writeCommit({ ...commit, parents: [], message: '' })
      expect(await repository.readCommit(bare)).toEqual({ ...commit, parents: [], message: '', oid: bare })
    })

    test.each([
      { name: '', email: 'a' },
      { name: 'a<b', email: 'a' },
      { name: 'a', email: 'a>b' },
      { name: 'a\nb', email: 'a' },
      { name: 'a\0b', email: 'a' },
    ])('a name that git cannot hold is a bug of ours: %j', async (name) => {
      const { repository } = fixture
      const author = { ...person(1), ...name }
      const imported = repository.importCommits(REF, undefined, undefined, [{ ...newCommit(1, []), author }], 'test')
      await expect(imported).rejects.toThrow('assertion failed')
      const tree = await repository.writeTree(undefined, [])
      await expect(
        repository.writeCommit({ tree, parents: [], author, committer: person(1), message: '' }),
      ).rejects.toThrow('assertion failed')
      expect(await repository.listRefs('refs')).toEqual(new Map())
    })

    test('ancestors and merge bases', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 1)
      const a = await commitOn(repository, [root], 2)
      const b = await commitOn(repository, [root], 3)
      const merge = await commitOn(repository, [a, b], 4)
      const other = await commitOn(repository, [], 5, [write('unrelated')])
      expect(await repository.mergeBase(a, b)).toBe(root)
      expect(await repository.mergeBase(merge, b)).toBe(b)
      expect(await repository.mergeBase(b, merge)).toBe(b)
      expect(await repository.mergeBase(a, a)).toBe(a)
      expect(await repository.mergeBase(a, other)).toBeUndefined()
      expect(await repository.isAncestor(root, merge)).toBe(true)
      expect(await repository.isAncestor(b, merge)).toBe(true)
      expect(await repository.isAncestor(merge, merge)).toBe(true)
      expect(await repository.isAncestor(merge, b)).toBe(false)
      expect(await repository.isAncestor(other, merge)).toBe(false)
      await expect(repository.mergeBase(a, nobody(repository))).rejects.toThrow()
      await expect(repository.isAncestor(nobody(repository), a)).rejects.toThrow()
    })

    test('of several best common ancestors, the newest is the merge base', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 1)
      const a = await commitOn(repository, [root], 2)
      const b = await commitOn(repository, [root], 3)
      const left = await commitOn(repository, [a, b], 4)
      const right = await commitOn(repository, [b, a], 5)
      expect(await repository.mergeBase(left, right)).toBe(b)
      expect(await repository.mergeBase(right, left)).toBe(b)
      const deeper = await commitOn(repository, [left, root], 6)
      expect(await repository.mergeBase(deeper, await commitOn(repository, [right], 7))).toBe(b)
    })

    test('the log is newest first, and stops where told', async () => {
      const { repository } = fixture
      const tip = await grow(
        repository,
        REF,
        [1, 2, 3, 4, 5].map((n) => newCommit(n, [write(`f${n}`)])),
      )
      const third = (await repository.resolve(`${tip}~2`)) as Oid
      expect(await subjects(repository, { include: [tip] })).toEqual(['step 5', 'step 4', 'step 3', 'step 2', 'step 1'])
      expect(await subjects(repository, { include: [tip], exclude: [third] })).toEqual(['step 5', 'step 4'])
      expect(await subjects(repository, { include: [tip, third], limit: 2 })).toEqual(['step 5', 'step 4'])
      expect(await subjects(repository, { include: [tip], exclude: [tip] })).toEqual([])
      expect(await subjects(repository, { include: [tip], limit: 0 })).toEqual([])
      expect(await subjects(repository, { include: [] })).toEqual([])
      await expect(subjects(repository, { include: [tip, nobody(repository)] })).rejects.toThrow()
      for await (const commit of repository.log({ include: [tip] })) {
        expect(commit.oid).toBe(tip)
        break
      }
    })

    test('a long line is listed to its end, to what is excluded, and to the limit, wherever these are', async () => {
      const { repository } = fixture
      const line = [await commitOn(repository, [], 0)]
      for (let n = 1; n < 40; n++) line.push(await commitOn(repository, [line.at(-1)!], n))
      const steps = (from: number, to: number): string[] =>
        Array.from({ length: from - to + 1 }, (_, n) => `step ${from - n}`)
      const include = [line[39]!]
      for (const firstParent of [false, true]) {
        expect(await subjects(repository, { include, firstParent })).toEqual(steps(39, 0))
        expect(await subjects(repository, { include: [line[0]!], firstParent })).toEqual(['step 0'])
        for (const count of [1, 2, 15, 16, 17, 18, 32, 33, 39, 40, 41]) {
          const down = Math.max(40 - count, 0)
          expect(await subjects(repository, { include, firstParent, limit: count })).toEqual(steps(39, down))
          if (count >= 40) continue
          const exclude = [line[39 - count]!]
          expect(await subjects(repository, { include, exclude, firstParent })).toEqual(steps(39, down))
          expect(await subjects(repository, { include, exclude, firstParent, limit: 3 })).toEqual(
            steps(39, Math.max(down, 37)),
          )
        }
      }
    })

    test('what is excluded beside the line, or below a merge, is left out all the same', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 1)
      const below = await commitOn(repository, [root], 2)
      const fork = await commitOn(repository, [below], 3)
      const ours = await commitOn(repository, [fork], 4)
      const beside = await commitOn(repository, [fork], 5)
      expect(await subjects(repository, { include: [ours], exclude: [beside] })).toEqual(['step 4'])
      expect(await subjects(repository, { include: [ours], exclude: [beside], limit: 1 })).toEqual(['step 4'])
      const merge = await commitOn(repository, [ours, beside], 6)
      const tip = await commitOn(repository, [merge], 7)
      expect(await subjects(repository, { include: [tip], exclude: [below] })).toEqual([
        'step 7',
        'step 6',
        'step 5',
        'step 4',
        'step 3',
      ])
      expect(await subjects(repository, { include: [tip], exclude: [ours, beside] })).toEqual(['step 7', 'step 6'])
      expect(await subjects(repository, { include: [tip], exclude: [below], firstParent: true })).toEqual([
        'step 7',
        'step 6',
        'step 4',
        'step 3',
      ])
      expect(await subjects(repository, { include: [tip], limit: 3 })).toEqual(['step 7', 'step 6', 'step 5'])
      expect(await subjects(repository, { include: [ours], exclude: [await commitOn(repository, [], 8)] })).toEqual([
        'step 4',
        'step 3',
        'step 2',
        'step 1',
      ])
    })

    test('what is excluded leaves out its parents, however old it pretends to be', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 10)
      const below = await commitOn(repository, [root], 20)
      const tip = await commitOn(repository, [below], 30)
      const liar = await commitOn(repository, [below, await commitOn(repository, [], 2)], 1)
      expect(await subjects(repository, { include: [tip], exclude: [liar] })).toEqual(['step 30'])
      expect(await subjects(repository, { include: [tip, liar], exclude: [liar] })).toEqual(['step 30'])
    })

    test('the log follows first parents where asked', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 1, [write('a')])
      const ours = await commitOn(repository, [root], 2, [write('ours')])
      const theirs = await commitOn(repository, [root], 3, [write('theirs')])
      const merge = await commitOn(repository, [ours, theirs], 4, [write('theirs')])
      expect(await subjects(repository, { include: [merge] })).toEqual(['step 4', 'step 3', 'step 2', 'step 1'])
      expect(await subjects(repository, { include: [merge], firstParent: true })).toEqual([
        'step 4',
        'step 2',
        'step 1',
      ])
      expect(await subjects(repository, { include: [merge], firstParent: true, paths: ['theirs'] })).toEqual(['step 4'])
      expect(await subjects(repository, { include: [merge], exclude: [theirs] })).toEqual(['step 4', 'step 2'])
    })

    test('paths limit the log to what changed at or below them, on every side of merges', async () => {
      const { repository } = fixture
      const root = await commitOn(repository, [], 1, [write('w/a'), write('w/b'), write('x')])
      const changed = await commitOn(repository, [root], 2, [write('w/a', '2')])
      const undone = await commitOn(repository, [changed], 3, [write('w/a')])
      const other = await commitOn(repository, [root], 4, [write('x', '4')])
      const merge = await commitOn(repository, [undone, other], 5, [write('x', '4')])
      const tip = await commitOn(repository, [merge], 6, [remove('w/b')])
      const limited = (...paths: string[]): Promise<string[]> => subjects(repository, { include: [tip], paths })
      expect(await limited('w')).toEqual(['step 6', 'step 3', 'step 2', 'step 1'])
      expect(await limited('w/a')).toEqual(['step 3', 'step 2', 'step 1'])
      expect(await limited('x')).toEqual(['step 5', 'step 4', 'step 1'])
      expect(await limited('w/b', 'x')).toEqual(['step 6', 'step 5', 'step 4', 'step 1'])
      expect(await limited('nothing')).toEqual([])
      expect(await limited()).toEqual([])
      expect(await subjects(repository, { include: [tip], paths: ['x'], exclude: [other] })).toEqual(['step 5'])
      expect(await subjects(repository, { include: [tip], paths: ['x'], limit: 1 })).toEqual(['step 5'])
    })

    test('unusual paths limit the log to themselves', async () => {
      const { repository } = fixture
      const tip = await grow(
        repository,
        REF,
        UNUSUAL_PATHS.map((path, n) => newCommit(n, [write(path)])),
      )
      for (const [n, path] of UNUSUAL_PATHS.entries()) {
        expect([path, await subjects(repository, { include: [tip], paths: [path] })]).toEqual([path, [`step ${n}`]])
      }
      expect(await subjects(repository, { include: [tip], paths: ['new\nline', '--all'] })).toHaveLength(2)
    })
  })
}
