import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Oid, TreeEdit } from '../../../src/git-bridge/repository.ts'
import {
  commitOn,
  contents,
  type Fixture,
  nobody,
  type OpenFixture,
  remove,
  text,
  UNUSUAL_PATHS,
  write,
} from './vocabulary.ts'

export function treesContract(open: OpenFixture): void {
  describe('objects and trees', () => {
    let fixture: Fixture
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.dispose())

    test('blobs come back as written, by the id that hashing says', async () => {
      const { repository } = fixture
      const blobs = [
        text(''),
        text('hello\n'),
        Buffer.from([0, 10, 13, 255, 254, 0]),
        text('hello\n'),
        Buffer.alloc(300_000, 'x\n'),
      ]
      const oids = await repository.writeBlobs(blobs)
      expect(oids).toEqual(blobs.map((bytes) => repository.hashBlob(bytes)))
      expect(oids[1]).toBe(oids[3])
      const found = await repository.readBlobs(oids)
      expect(found.size).toBe(4)
      oids.forEach((oid, index) => {
        expect(Buffer.compare(found.get(oid) as Uint8Array, blobs[index] as Uint8Array)).toBe(0)
      })
      expect(await repository.writeBlobs([])).toEqual([])
      expect(await repository.readBlobs([])).toEqual(new Map())
    })

    test.each([
      ['many folders', Array.from({ length: 40 }, (_, n) => `f${String(n).padStart(2, '0')}/x`)],
      ['folders in folders', Array.from({ length: 30 }, (_, n) => `${'d/'.repeat(n)}x`).sort()],
      [
        'many in one of few',
        ['a/x', ...Array.from({ length: 20 }, (_, n) => `b/${String(n).padStart(2, '0')}/x`), 'c/x'],
      ],
    ])('%s are listed and compared like few', async (_, paths) => {
      const { repository } = fixture
      const tree = await repository.writeTree(
        undefined,
        paths.map((path) => write(path)),
      )
      const listed = async (prefix?: string) => (await repository.listFiles(tree, prefix)).map(({ path }) => path)
      expect((await listed()).sort()).toEqual([...paths].sort())
      const below = paths[1]!.slice(0, paths[1]!.indexOf('/'))
      expect((await listed(below)).sort()).toEqual(paths.filter((path) => path.startsWith(`${below}/`)).sort())
      expect(await listed(paths[1])).toEqual([paths[1]])
      const changes = await repository.diffTrees(undefined, tree)
      expect(changes.map(({ path }) => path).sort()).toEqual([...paths].sort())
      const less = await repository.writeTree(tree, [remove(paths[1]!)])
      expect((await repository.diffTrees(tree, less)).map(({ path, after }) => [path, after])).toEqual([
        [paths[1], undefined],
      ])
    })

    test('what is not here is false to ask for and an error to read', async () => {
      const { repository } = fixture
      const missing = nobody(repository)
      const [blob] = (await repository.writeBlobs([text('x')])) as [Oid]
      expect(await repository.hasObject(missing)).toBe(false)
      expect(await repository.hasObject(blob)).toBe(true)
      const refused = { code: 'object_missing' }
      await expect(repository.readBlobs([blob, missing])).rejects.toMatchObject(refused)
      await expect(repository.readTree(missing)).rejects.toMatchObject(refused)
      await expect(repository.readTree(blob)).rejects.toMatchObject(refused)
      await expect(repository.readCommit(missing)).rejects.toMatchObject(refused)
      await expect(repository.lookup(missing, 'a')).rejects.toMatchObject(refused)
      await expect(
        repository.writeTree(undefined, [{ kind: 'put', path: 'a', mode: '100644', oid: missing }]),
      ).rejects.toMatchObject(refused)
      await expect(commitOn(repository, [missing], 1)).rejects.toMatchObject(refused)
      expect((await repository.readBlobs([blob])).size).toBe(1)
    })

    test('a tree is its base with edits applied in order', async () => {
      const { repository } = fixture
      const base = await repository.writeTree(undefined, [
        write('a/b/one'),
        write('a/two'),
        write('three'),
        write('z/only'),
      ])
      const table: readonly (readonly [string, readonly TreeEdit[], Record<string, string>])[] = [
        ['nothing', [], {}],
        ['a change', [write('a/two', 'new')], { 'a/two': 'new' }],
        ['the last of several changes', [write('a/two', '1'), remove('a/two'), write('a/two', '2')], { 'a/two': '2' }],
        ['a delete that empties folders', [remove('z/only')], { 'z/only': '' }],
        ['a delete of a folder', [remove('a')], { 'a/b/one': '', 'a/two': '' }],
        ['deletes of what is not there', [remove('q'), remove('a/q/r'), remove('three/x')], {}],
        ['a folder where a file was', [write('three/x', 'x')], { three: '', 'three/x': 'x' }],
        ['a file where a folder was', [write('a', 'x')], { 'a/b/one': '', 'a/two': '', a: 'x' }],
        ['new folders', [write('n/e/w', 'x')], { 'n/e/w': 'x' }],
        ['a folder that comes and goes', [write('n/e/w', 'x'), remove('n/e/w')], {}],
      ]
      const before = await contents(repository, base)
      for (const [name, edits, expected] of table) {
        const tree = await repository.writeTree(base, edits)
        const after = Object.entries({ ...before, ...expected }).filter(
          ([path, content]) => content !== '' || !(path in expected),
        )
        expect([name, await contents(repository, tree)]).toEqual([name, Object.fromEntries(after)])
        if (Object.keys(expected).length === 0) expect(tree).toBe(base)
      }
    })

    test('the empty tree can be written, committed, listed and compared', async () => {
      const { repository } = fixture
      const empty = await repository.writeTree(undefined, [])
      const full = await repository.writeTree(undefined, [write('a/b')])
      expect(await repository.writeTree(full, [remove('a/b')])).toBe(empty)
      expect(await repository.readTree(empty)).toEqual([])
      const commit = await commitOn(repository, [], 1)
      expect((await repository.readCommit(commit)).tree).toBe(empty)
      expect(await repository.listFiles(commit)).toEqual([])
      expect(await repository.diffTrees(undefined, empty)).toEqual([])
      expect((await repository.diffTrees(full, empty)).map(({ path }) => path)).toEqual(['a/b'])
    })

    test('modes: executables, links and submodules are kept and told apart', async () => {
      const { repository } = fixture
      const [script, target] = (await repository.writeBlobs([text('#!/bin/sh\n'), text('../a')])) as [Oid, Oid]
      const submodule = nobody(repository)
      const tree = await repository.writeTree(undefined, [
        { kind: 'put', path: 'bin/run', mode: '100755', oid: script },
        { kind: 'put', path: 'link', mode: '120000', oid: target },
        { kind: 'put', path: 'sub', mode: '160000', oid: submodule },
        write('plain'),
      ])
      const plain = repository.hashBlob(text('content of plain\n'))
      expect(await repository.listFiles(tree)).toEqual([
        { path: 'bin/run', mode: '100755', oid: script },
        { path: 'link', mode: '120000', oid: target },
        { path: 'plain', mode: '100644', oid: plain },
        { path: 'sub', mode: '160000', oid: submodule },
      ])
      const { oid: bin } = (await repository.lookup(tree, 'bin')) ?? { oid: submodule }
      expect(await repository.readTree(tree)).toEqual([
        { name: 'bin', mode: '40000', oid: bin },
        { name: 'link', mode: '120000', oid: target },
        { name: 'plain', mode: '100644', oid: plain },
        { name: 'sub', mode: '160000', oid: submodule },
      ])
      const changed = await repository.writeTree(tree, [{ kind: 'put', path: 'bin/run', mode: '100644', oid: script }])
      expect(await repository.diffTrees(tree, changed)).toEqual([
        { path: 'bin/run', before: { mode: '100755', oid: script }, after: { mode: '100644', oid: script } },
      ])
    })

    test('unusual paths are written, listed, looked up and compared as they are', async () => {
      const { repository } = fixture
      const commit = await commitOn(
        repository,
        [],
        1,
        UNUSUAL_PATHS.map((path) => write(path, path)),
      )
      const expected = Object.fromEntries(UNUSUAL_PATHS.map((path) => [path, path]))
      expect(await contents(repository, commit)).toEqual(expected)
      const inBytes = [...UNUSUAL_PATHS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect((await repository.listFiles(commit)).map(({ path }) => path)).toEqual(inBytes)
      expect((await repository.diffTrees(undefined, commit)).map(({ path }) => path)).toEqual(inBytes)
      for (const path of UNUSUAL_PATHS) {
        const file = { mode: '100644', oid: repository.hashBlob(text(path)) }
        expect(await repository.lookup(commit, path)).toEqual(file)
        expect(await repository.listFiles(commit, path)).toEqual([{ path, ...file }])
        expect(await repository.diffTrees(undefined, commit, path)).toEqual([{ path, before: undefined, after: file }])
      }
    })

    test('a prefix limits to a folder or a file, by whole segments', async () => {
      const { repository } = fixture
      const before = await commitOn(
        repository,
        [],
        1,
        ['w', 'w-x/a', 'world/a', 'world/b/c', 'worldly'].map((path) => write(path)),
      )
      const after = await commitOn(repository, [before], 2, [
        ...['w-x/a', 'world/a', 'worldly'].map((path) => write(path, 'new')),
        remove('world/b/c'),
        write('world/d', 'new'),
      ])
      const listed = async (prefix?: string): Promise<string[]> =>
        (await repository.listFiles(after, prefix)).map(({ path }) => path)
      expect(await listed()).toEqual(['w', 'w-x/a', 'world/a', 'world/d', 'worldly'])
      expect(await listed('')).toEqual(await listed())
      expect(await listed('world')).toEqual(['world/a', 'world/d'])
      expect(await listed('world/')).toEqual(['world/a', 'world/d'])
      expect(await listed('worldly')).toEqual(['worldly'])
      expect(await listed('worl')).toEqual([])
      expect(await listed('world/b')).toEqual([])
      const differ = async (prefix?: string): Promise<string[]> =>
        (await repository.diffTrees(before, after, prefix)).map(({ path }) => path)
      expect(await differ()).toEqual(['w-x/a', 'world/a', 'world/b/c', 'world/d', 'worldly'])
      expect(await differ('world/')).toEqual(['world/a', 'world/b/c', 'world/d'])
      expect(await differ('world/b')).toEqual(['world/b/c'])
      expect(await differ('worl')).toEqual([])
    })

    test('a difference says what was and what is, and knows no renames', async () => {
      const { repository } = fixture
      const before = await repository.writeTree(undefined, [write('moved', 'same'), write('was-file'), write('dir/x')])
      const after = await repository.writeTree(undefined, [
        write('elsewhere', 'same'),
        write('was-file/y'),
        write('dir'),
      ])
      const oid = (content: string): Oid => repository.hashBlob(text(content))
      const file = (content: string): { mode: string; oid: Oid } => ({ mode: '100644', oid: oid(content) })
      const changes = await repository.diffTrees(before, after)
      expect(new Set(changes)).toEqual(
        new Set([
          { path: 'dir', before: undefined, after: file('content of dir\n') },
          { path: 'dir/x', before: file('content of dir/x\n'), after: undefined },
          { path: 'elsewhere', before: undefined, after: file('same') },
          { path: 'moved', before: file('same'), after: undefined },
          { path: 'was-file', before: file('content of was-file\n'), after: undefined },
          { path: 'was-file/y', before: undefined, after: file('content of was-file/y\n') },
        ]),
      )
      expect(await repository.diffTrees(after, after)).toEqual([])
    })

    test('lookup finds files, folders and the root, and nothing else', async () => {
      const { repository } = fixture
      const commit = await commitOn(repository, [], 1, [write('a/b/c')])
      const { tree } = await repository.readCommit(commit)
      expect(await repository.lookup(commit, '')).toEqual({ mode: '40000', oid: tree })
      expect(await repository.lookup(tree, 'a/b')).toMatchObject({ mode: '40000' })
      expect(await repository.lookup(commit, 'a/b/c')).toMatchObject({ mode: '100644' })
      for (const path of ['b', 'a/c', 'a/b/c/d', 'A']) expect(await repository.lookup(commit, path)).toBeUndefined()
    })

    test.each([
      '',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      'a/../b',
      './a',
      '.git',
      '.GIT/config',
      'a/.Git/x',
      'git~1',
      '.git. .',
      '.git::$INDEX_ALLOCATION',
      '.g\u200cit/x',
      'a\\.git\\x',
      'nul\0',
      '\ud800',
    ])('S1: a path that git must not hold is a bug of ours: %j', async (path) => {
      const { repository } = fixture
      await expect(repository.writeTree(undefined, [write(path)])).rejects.toThrow('assertion failed')
      await expect(repository.writeTree(undefined, [remove(path)])).rejects.toThrow('assertion failed')
    })
  })
}
