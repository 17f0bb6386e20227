import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatSignature } from '../../../src/git-bridge/commit-object.ts'
import { FastImport, quotePath } from '../../../src/git-bridge/native/fast-import.ts'
import type { NewCommit, Oid } from '../../../src/git-bridge/repository.ts'
import {
  commitOn,
  contents,
  grow,
  newCommit,
  person,
  REF,
  remove,
  text,
  UNUSUAL_PATHS,
  write,
} from '../contract/vocabulary.ts'
import { git, gitChildren, type NativeFixture, nativeFixture } from '../native-fixture.ts'

let fixture: NativeFixture
beforeEach(async () => {
  fixture = await nativeFixture()
})
afterEach(() => fixture.dispose())

const importers = (): number[] => gitChildren('fast-import')

async function litter(): Promise<string[]> {
  const top = await readdir(join(fixture.path, '.git'))
  return top.filter((name) => name.startsWith('fast_import_crash') || name.endsWith('.lock'))
}

test.each([10, 400])('fsck is content with an import of %d commits, and no temporary ref stays', async (count) => {
  const { repository, path } = fixture
  const commits = Array.from({ length: count }, (_, n) =>
    newCommit(
      n,
      [
        write(`world/entities/${n % 16}/${n % 50}.json`, `${n}`),
        ...(n % 5 === 0 ? [remove(`world/entities/${n % 7}`)] : []),
      ],
      `${n}\n\nLobby-Tree: {tree}\n`,
    ),
  )
  const tip = await grow(repository, REF, [
    newCommit(
      0,
      UNUSUAL_PATHS.map((name) => write(name)),
    ),
    ...commits,
  ])
  git(path, ['fsck', '--strict', '--no-dangling'])
  expect(git(path, ['for-each-ref', '--format=%(refname)'])).toBe(`${REF}\n`)
  const lines = git(path, ['log', '--format=%T %(trailers:key=Lobby-Tree,valueonly,separator=)', tip])
    .trim()
    .split('\n')
  expect(lines).toHaveLength(count + 1)
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(\w+) \1$/)
  expect(await litter()).toEqual([])
})

test('the ids are those that git itself gives', async () => {
  const { repository, path } = fixture
  const tree = await repository.writeTree(undefined, [write('foo.txt', 'a'), write('foo/x', 'b'), write('foo0', 'c')])
  const lines = (['foo.txt', 'foo0'] as const).map(
    (name, n) => `100644 blob ${repository.hashBlob(text(n === 0 ? 'a' : 'c'))}\t${name}`,
  )
  const inner = git(path, ['mktree'], `100644 blob ${repository.hashBlob(text('b'))}\tx\n`).trim()
  expect(git(path, ['mktree'], `${[...lines, `040000 tree ${inner}\tfoo`].join('\n')}\n`).trim()).toBe(tree)
  git(path, ['fsck', '--strict', '--no-dangling', tree])
})

test('G1: when git is killed while importing, the ref stays, and the next import works', async () => {
  const { repository } = fixture
  const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
  async function* commits(): AsyncGenerator<NewCommit> {
    for (let n = 2; n < 200; n += 1) {
      if (n === 150) for (const pid of importers()) process.kill(pid, 'SIGKILL')
      yield newCommit(n, [write(`f${n}`, 'x'.repeat(5_000))])
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await expect(repository.importCommits(REF, tip, tip, commits(), 'test')).rejects.toMatchObject({
    code: 'git_failed',
    message: 'git fast-import was killed.',
  })
  expect(await repository.listRefs('refs')).toEqual(new Map([[REF, tip]]))
  expect(importers()).toEqual([])
  expect(await litter()).toEqual([])
  await grow(repository, REF, [newCommit(2, [write('b')])])
  git(fixture.path, ['fsck', '--strict', '--no-dangling'])
})

test('G1: when this process is gone in the middle of a stream, nothing is published', async () => {
  const { repository, path } = fixture
  const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
  const half = `commit ${REF}\nmark :1\ncommitter a <a> 5 +0000\ndata 1\nx\nfrom ${tip}\nM 100644 inline b\ndata 1\nx\n`
  expect(() => git(path, ['fast-import', '--done', '--quiet'], half)).toThrow('stream ends early')
  expect(await repository.readRef(REF)).toBe(tip)
})

test('an import that is given up leaves no process, ref or report', async () => {
  const { repository, path } = fixture
  const stream = new FastImport({ cwd: path }, repository.gitDir, repository.objectFormat)
  const who = formatSignature(person(1))
  await stream.commit({ from: undefined, author: who, committer: who, message: 'x\n', edits: [write('a')] })
  await stream.abandon()
  expect(importers()).toEqual([])
  expect(await repository.listRefs('refs')).toEqual(new Map())
  expect(await litter()).toEqual([])
})

test('what git refuses is said, and its crash report does not stay', async () => {
  const { repository, path } = fixture
  const stream = new FastImport({ cwd: path }, repository.gitDir, repository.objectFormat)
  const who = formatSignature(person(1))
  const bad: Parameters<FastImport['commit']>[0] = {
    from: 'nonsense' as Oid,
    author: who,
    committer: who,
    message: 'x\n',
    edits: [],
  }
  await stream.commit(bad)
  await expect(stream.finish()).rejects.toMatchObject({
    code: 'git_failed',
    message: expect.stringContaining('Invalid ref name'),
  })
  expect(await litter()).toEqual([])
})

test('a slow reader holds the writer back, and a large stream arrives whole', async () => {
  const { repository } = fixture
  const blob = (n: number): Buffer => Buffer.alloc(400_000, `${n} `)
  const tip = await grow(
    repository,
    REF,
    Array.from({ length: 50 }, (_, n) => newCommit(n, [{ kind: 'write', path: `f${n}`, bytes: blob(n) }])),
  )
  const found = await contents(repository, tip)
  expect(Object.values(found).every(({ length }) => length === 400_000)).toBe(true)
  expect(Object.keys(found)).toHaveLength(50)
})

test('commits grow on merges and on trees with modes that git no longer writes', async () => {
  const { repository, path } = fixture
  const a = await commitOn(repository, [], 1, [write('a/x')])
  const b = await commitOn(repository, [a], 2, [write('b')])
  const merge = await commitOn(repository, [b, a], 3)
  const blob = repository.hashBlob(text('content of b\n'))
  const old = Buffer.concat([Buffer.from('100664 old\0'), Buffer.from(blob, 'hex')])
  const folder = git(path, ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], old).trim()
  const root = git(path, ['mktree'], `040000 tree ${folder}\tdir\n`).trim() as Oid
  const parent = git(path, ['commit-tree', '-p', merge, '-m', 'old', root]).trim() as Oid
  await repository.updateRef(REF, parent, undefined, 'test')
  const tip = await grow(repository, REF, [newCommit(4, [write('dir/new'), write('other/x')], '{tree}\n')])
  expect((await repository.readCommit(tip)).message).toBe(`${(await repository.readCommit(tip)).tree}\n`)
  expect((await repository.lookup(tip, 'dir/old'))?.mode).toBe('100644')
})

test('signing is asked of git only where the user signs', async () => {
  const { repository, path } = fixture
  const commit = {
    tree: await repository.writeTree(undefined, []),
    parents: [],
    author: person(1),
    committer: person(2),
    message: 'x\n',
  }
  const plain = await repository.writeCommit(commit)
  expect(await repository.writeCommit({ ...commit, sign: true })).toBe(plain)
  git(path, ['config', 'commit.gpgSign', 'true'])
  expect(await repository.writeCommit(commit)).toBe(plain)
  const program = join(fixture.room, 'sign')
  await writeFile(program, '#!/bin/sh\ncat >/dev/null\necho "[GNUPG:] SIG_CREATED " >&2\necho signed\n', {
    mode: 0o755,
  })
  git(path, ['config', 'gpg.program', program])
  const signed = await repository.writeCommit({ ...commit, sign: true })
  expect(git(path, ['cat-file', 'commit', signed])).toContain('gpgsig signed\n')
  expect(await repository.readCommit(signed)).toEqual({ ...commit, oid: signed })
})

test.each([
  ['plain/a.json', '"plain/a.json"'],
  ['-x "y"\\z', '"-x \\042y\\042\\134z"'],
  ['a\nb\tc\x7f', '"a\\012b\\011c\\177"'],
  ['Ü 🌍', '"Ü 🌍"'],
])('%j is quoted for fast-import', (path, quoted) => {
  expect(quotePath(path)).toBe(quoted)
})
