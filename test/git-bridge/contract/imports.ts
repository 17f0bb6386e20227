import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NewCommit, Oid } from '../../../src/git-bridge/repository.ts'
import {
  collect,
  commitOn,
  contents,
  type Fixture,
  grow,
  newCommit,
  nobody,
  type OpenFixture,
  REF,
  remove,
  subjects,
  text,
  UNUSUAL_PATHS,
  write,
} from './vocabulary.ts'

export function importsContract(open: OpenFixture): void {
  describe('importing commits', () => {
    let fixture: Fixture
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.dispose())

    test('commits follow each other, each with its edits, and the ref is at the last', async () => {
      const { repository } = fixture
      const first = await repository.importCommits(
        REF,
        undefined,
        undefined,
        [
          newCommit(1, [write('a/x'), write('b')]),
          newCommit(2, [remove('a/x')]),
          newCommit(3, []),
          newCommit(4, [write('b', '4')]),
        ],
        'fetch',
      )
      expect(first).toEqual({ kind: 'imported', tip: await repository.readRef(REF), commits: 4 })
      const tip = (await repository.readRef(REF)) as Oid
      const line = await collect(repository.log({ include: [tip] }))
      expect(line.map(({ message }) => message)).toEqual(['step 4\n', 'step 3\n', 'step 2\n', 'step 1\n'])
      expect(line.map(({ parents }) => parents)).toEqual([...line.slice(1).map(({ oid }) => [oid]), []])
      expect(line[0]).toMatchObject({ author: newCommit(4, []).author, committer: newCommit(4, []).committer })
      expect(line[1]?.tree).toBe(line[2]?.tree)
      expect(await contents(repository, tip)).toEqual({ b: '4' })
      expect(await contents(repository, line[3]?.oid as Oid)).toEqual({
        'a/x': 'content of a/x\n',
        b: 'content of b\n',
      })

      async function* more(): AsyncGenerator<NewCommit> {
        yield newCommit(5, [write('c')])
      }
      expect(await repository.importCommits(REF, tip, tip, more(), 'fetch')).toMatchObject({
        kind: 'imported',
        commits: 1,
      })
      expect(await contents(repository, (await repository.readRef(REF)) as Oid)).toEqual({
        b: '4',
        c: 'content of c\n',
      })
    })

    test('G2: {tree} in a message is the id of the commit’s own tree', async () => {
      const { repository } = fixture
      const message = 'subject\n\nLobby-Tree: {tree}\nAgain: {tree}\n'
      const tip = await grow(repository, REF, [
        newCommit(1, [write('a/b/c'), write('a/d')], message),
        newCommit(2, [remove('a/b/c')], message),
        newCommit(3, [], message),
        newCommit(4, [remove('a')], message),
        newCommit(
          5,
          UNUSUAL_PATHS.map((path) => write(path)),
          message,
        ),
        newCommit(6, [write('foo', 'a file now')], message),
      ])
      const line = await collect(repository.log({ include: [tip] }))
      expect(line).toHaveLength(6)
      for (const { message: written, tree } of line) expect(written).toBe(message.replaceAll('{tree}', tree))
      expect(new Set(line.map(({ tree }) => tree)).size).toBe(5)
    })

    test('objects that exist already can be put, also ones of this import', async () => {
      const { repository } = fixture
      const [script] = (await repository.writeBlobs([text('#!/bin/sh\n')])) as [Oid]
      const tip = await grow(repository, REF, [
        newCommit(1, [{ kind: 'put', path: 'run', mode: '100755', oid: script }, write('a', 'fresh')]),
        newCommit(2, [
          { kind: 'put', path: 'copy', mode: '100644', oid: repository.hashBlob(text('fresh')) },
          { kind: 'put', path: 'sub', mode: '160000', oid: nobody(repository) },
          { kind: 'put', path: 'link', mode: '120000', oid: repository.hashBlob(text('fresh')) },
        ]),
      ])
      expect(await contents(repository, tip)).toEqual({
        run: '* #!/bin/sh\n',
        a: 'fresh',
        copy: 'fresh',
        link: '-> fresh',
      })
      const missing = newCommit(3, [{ kind: 'put', path: 'x', mode: '100644', oid: nobody(repository) }])
      await expect(repository.importCommits(REF, tip, tip, [newCommit(2, []), missing], 'test')).rejects.toMatchObject({
        code: 'object_missing',
      })
      expect(await repository.readRef(REF)).toBe(tip)
    })

    test('G1: a ref that is not where expected stays, and nothing is asked of the commits', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [newCommit(1, [write('a')]), newCommit(2, [])])
      const [before] = (await repository.readCommit(tip)).parents as [Oid]
      let asked = false
      function* commits(): Generator<NewCommit> {
        asked = true
        yield newCommit(3, [])
      }
      expect(await repository.importCommits(REF, before, before, commits(), 'test')).toEqual({
        kind: 'moved',
        actual: tip,
      })
      expect(await repository.importCommits(REF, undefined, undefined, commits(), 'test')).toEqual({
        kind: 'moved',
        actual: tip,
      })
      expect(await repository.importCommits('refs/lobby/other', tip, tip, commits(), 'test')).toEqual({
        kind: 'moved',
        actual: undefined,
      })
      expect(asked).toBe(false)
      expect(await repository.listRefs('refs')).toEqual(new Map([[REF, tip]]))
    })

    test('G1: a ref that moves while commits arrive is not clobbered', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
      const foreign = await commitOn(repository, [tip], 2, [write('b')])
      async function* commits(): AsyncGenerator<NewCommit> {
        yield newCommit(3, [write('c')])
        await repository.updateRef(REF, foreign, tip, 'somebody else')
        yield newCommit(4, [write('d')])
      }
      expect(await repository.importCommits(REF, tip, tip, commits(), 'test')).toEqual({
        kind: 'moved',
        actual: foreign,
      })
      expect(await repository.listRefs('refs')).toEqual(new Map([[REF, foreign]]))
    })

    test('S4: of two importers on one ref, one wins', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
      const outcomes = await Promise.all(
        ['x', 'y', 'z'].map((name) =>
          repository.importCommits(REF, tip, tip, [newCommit(2, [write(name)]), newCommit(3, [])], name),
        ),
      )
      const won = outcomes.filter((outcome) => outcome.kind === 'imported')
      expect(won).toHaveLength(1)
      expect(outcomes.filter(({ kind }) => kind === 'moved')).toEqual(
        Array.from({ length: 2 }, () => ({ kind: 'moved', actual: won[0]?.tip })),
      )
      expect(await repository.listRefs('refs')).toEqual(new Map([[REF, won[0]?.tip]]))
    })

    test('a line is replayed from another commit, which the ref need not descend from', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [
        newCommit(1, [write('a')]),
        newCommit(2, [write('b')]),
        newCommit(3, [write('c')]),
      ])
      const root = (await repository.resolve(`${tip}~2`)) as Oid
      const replayed = await repository.importCommits(REF, tip, root, [newCommit(4, [write('d')])], 'replay')
      expect(replayed).toMatchObject({ kind: 'imported', commits: 1 })
      const now = (await repository.readRef(REF)) as Oid
      expect(await subjects(repository, { include: [now] })).toEqual(['step 4', 'step 1'])
      expect(Object.keys(await contents(repository, now))).toEqual(['a', 'd'])
      expect(
        await repository.importCommits(REF, now, undefined, [newCommit(5, [write('e')])], 'new root'),
      ).toMatchObject({ kind: 'imported' })
      expect(await subjects(repository, { include: [(await repository.readRef(REF)) as Oid] })).toEqual(['step 5'])
    })

    test('an import without commits leaves the ref, or moves it to the parent', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [newCommit(1, []), newCommit(2, [])])
      const [root] = (await repository.readCommit(tip)).parents as [Oid]
      expect(await repository.importCommits(REF, tip, tip, [], 'test')).toEqual({ kind: 'imported', tip, commits: 0 })
      expect(await repository.importCommits(REF, tip, root, [], 'test')).toEqual({
        kind: 'imported',
        tip: root,
        commits: 0,
      })
      expect(await repository.readRef(REF)).toBe(root)
      await expect(repository.importCommits('refs/lobby/none', undefined, undefined, [], 'test')).rejects.toThrow(
        'assertion failed',
      )
      expect(await repository.listRefs('refs')).toEqual(new Map([[REF, root]]))
    })

    test('when the commits throw, nothing is published and the error is passed on', async () => {
      const { repository } = fixture
      const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
      const failure = new Error('the feed broke off')
      async function* broken(count: number): AsyncGenerator<NewCommit> {
        for (let n = 0; n < count; n += 1) yield newCommit(n, [write(`f${n}`, 'x'.repeat(1_000))])
        throw failure
      }
      for (const count of [0, 1, 300]) {
        await expect(repository.importCommits(REF, tip, tip, broken(count), 'test')).rejects.toBe(failure)
      }
      for (const bad of ['a/../b', '.git/config']) {
        const commits = [newCommit(2, [write('fine')]), newCommit(3, [write(bad)])]
        await expect(repository.importCommits(REF, tip, tip, commits, 'test')).rejects.toThrow('assertion failed')
      }
      expect(await repository.listRefs('refs')).toEqual(new Map([[REF, tip]]))
      expect(await grow(repository, REF, [newCommit(2, [write('b')])])).toBe(await repository.readRef(REF))
    })
  })
}
