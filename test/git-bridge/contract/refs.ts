import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import { commitOn, type Fixture, grow, newCommit, nobody, type OpenFixture, REF, write } from './vocabulary.ts'

export function refsContract(open: OpenFixture): void {
  describe('refs', () => {
    let fixture: Fixture
    let a: Oid
    let b: Oid
    beforeEach(async () => {
      fixture = await open()
      a = await commitOn(fixture.repository, [], 1, [write('a')])
      b = await commitOn(fixture.repository, [a], 2, [write('b')])
    })
    afterEach(() => fixture.dispose())

    test('G1: a ref moves by compare-and-swap only', async () => {
      const { repository } = fixture
      expect(await repository.readRef(REF)).toBeUndefined()
      expect(await repository.updateRef(REF, b, a, 'stale')).toBe(false)
      expect(await repository.updateRef(REF, a, undefined, 'create')).toBe(true)
      expect(await repository.updateRef(REF, b, undefined, 'create again')).toBe(false)
      expect(await repository.readRef(REF)).toBe(a)
      expect(await repository.updateRef(REF, b, a, 'move')).toBe(true)
      expect(await repository.updateRef(REF, a, a, 'stale')).toBe(false)
      expect(await repository.updateRef(REF, undefined, a, 'stale delete')).toBe(false)
      expect(await repository.readRef(REF)).toBe(b)
      expect(await repository.updateRef(REF, undefined, b, 'delete')).toBe(true)
      expect(await repository.readRef(REF)).toBeUndefined()
      expect(await repository.updateRef(REF, undefined, undefined, 'nothing to nothing')).toBe(true)
    })

    test('of many that swap at once, one wins', async () => {
      const { repository } = fixture
      const won = await Promise.all([a, b, a, b].map((next) => repository.updateRef(REF, next, undefined, 'race')))
      expect(won.filter(Boolean)).toHaveLength(1)
    })

    test('HEAD is its branch', async () => {
      const { repository } = fixture
      expect(await repository.readRef('HEAD')).toBeUndefined()
      expect(await repository.updateRef('HEAD', a, undefined, 'first')).toBe(true)
      expect(await repository.readRef('HEAD')).toBe(a)
      expect(await repository.updateRef('HEAD', b, b, 'stale')).toBe(false)
      expect(await repository.listRefs('refs/heads')).toEqual(new Map([['refs/heads/main', a]]))
    })

    test('refs are listed below a prefix, by whole segments', async () => {
      const { repository } = fixture
      await repository.updateRef(REF, a, undefined, 'test')
      await repository.updateRef('refs/lobby/targets/staging', b, undefined, 'test')
      await repository.updateRef('refs/lobbyist', b, undefined, 'test')
      const listed = new Map([
        [REF, a],
        ['refs/lobby/targets/staging', b],
      ])
      expect(await repository.listRefs('refs/lobby/')).toEqual(listed)
      expect(await repository.listRefs('refs/lobby')).toEqual(listed)
      expect(await repository.listRefs('refs/nothing/')).toEqual(new Map())
      expect(await repository.readRef('refs/lobby/targets')).toBeUndefined()
    })

    test('a ref in the way of another, and an object that is not here, are refused', async () => {
      const { repository } = fixture
      await repository.updateRef(REF, a, undefined, 'test')
      await expect(repository.updateRef(`${REF}/below`, a, undefined, 'test')).rejects.toMatchObject({
        code: 'ref_refused',
      })
      await expect(repository.updateRef('refs/lobby/x', nobody(repository), undefined, 'test')).rejects.toMatchObject({
        code: 'ref_refused',
      })
      expect([...(await repository.listRefs('refs/lobby')).keys()]).toEqual([REF])
      expect(await repository.updateRef(REF, nobody(repository), b, 'stale')).toBe(false)
      expect(await repository.readRef(REF)).toBe(a)
    })

    test('a name that could be read as a description of a commit is the ref of that name', async () => {
      const { repository } = fixture
      const ref = `refs/lobby/v1-1-g${b.slice(0, 12)}`
      expect(await repository.readRef(ref)).toBeUndefined()
      await repository.updateRef(ref, a, undefined, 'test')
      expect(await repository.readRef(ref)).toBe(a)
      // What git would look for besides is there too.
      await repository.updateRef(`refs/heads/${REF}`, b, undefined, 'test')
      expect(await repository.readRef(REF)).toBeUndefined()
      await repository.updateRef(REF, a, undefined, 'test')
      expect(await repository.readRef(REF)).toBe(a)
    })

    test.each(['--all', 'main', 'refs/a b', 'refs/../x', 'refs/a\n', 'refs/a.lock', 'refs//a', 'refs/@{1}', ''])(
      'what is no full ref name is a bug of ours: %j',
      async (name) => {
        await expect(fixture.repository.readRef(name)).rejects.toThrow('full ref name')
        await expect(fixture.repository.updateRef(name, a, undefined, 'test')).rejects.toThrow('full ref name')
      },
    )

    test('revisions resolve to commits', async () => {
      const { repository } = fixture
      await grow(repository, 'refs/heads/main', [newCommit(1, [write('x')]), newCommit(2, []), newCommit(3, [])])
      const tip = (await repository.readRef('HEAD')) as Oid
      const [before = ''] = (await repository.readCommit(tip)).parents
      const [first] = (await repository.readCommit(before as Oid)).parents
      const merge = await commitOn(repository, [tip, a], 9)
      await repository.updateRef('refs/tags/v1', merge, undefined, 'test')
      for (const name of [
        'HEAD',
        '@',
        'main',
        'heads/main',
        'refs/heads/main',
        tip,
        tip.slice(0, 12),
        'main^{commit}',
        'main^0',
        'v1^',
        'v1^1',
        'v1~',
      ]) {
        expect([name, await repository.resolve(name)]).toEqual([name, tip])
      }
      expect(await repository.resolve('v1^2')).toBe(a)
      expect(await repository.resolve('HEAD^')).toBe(before)
      expect(await repository.resolve('main~2')).toBe(first)
      expect(await repository.resolve('v1~1^~')).toBe(first)
      const tree = (await repository.readCommit(tip)).tree
      for (const none of [
        'nobody',
        'main~3',
        'main~9^',
        'main^2~1',
        'main^2',
        tree,
        nobody(repository),
        '',
        '-h',
        '--all',
        'a\0b',
        'a\nb',
        'main:x',
      ]) {
        expect([none, await repository.resolve(none)]).toEqual([none, undefined])
      }
    })
  })
}
