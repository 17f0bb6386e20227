import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openNativeRepository, parseGitVersion } from '../../../src/git-bridge/native/open-native-repository.ts'
import { grow, newCommit, REF, write } from '../contract/vocabulary.ts'
import { git, type NativeFixture, nativeFixture } from '../native-fixture.ts'

let fixture: NativeFixture
beforeEach(async () => {
  fixture = await nativeFixture()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await fixture.dispose()
})

test('a repository is found from its top and from any folder in it', async () => {
  const below = join(fixture.path, 'a', 'b')
  await mkdir(below, { recursive: true })
  for (const cwd of [fixture.path, below]) {
    const repository = await openNativeRepository(cwd)
    expect(repository).toMatchObject({
      objectFormat: 'sha1',
      gitDir: join(fixture.path, '.git'),
      commonDir: join(fixture.path, '.git'),
      workTree: fixture.path,
    })
    await repository.close()
  }
})

test('paths are relative to the top, wherever the repository was opened', async () => {
  const below = join(fixture.path, 'a')
  await mkdir(below)
  const tip = await grow(fixture.repository, REF, [newCommit(1, [write('a/x'), write('y')])])
  const repository = await openNativeRepository(below)
  expect(await repository.listFiles(tip, 'y')).toHaveLength(1)
  expect(await repository.diffTrees(undefined, tip, 'a')).toHaveLength(1)
  const found = []
  for await (const commit of repository.log({ include: [tip], paths: ['y'] })) found.push(commit.oid)
  expect(found).toEqual([tip])
  await repository.close()
})

test('the branch that HEAD is on, and where hooks are, each worktree of its own', async () => {
  const { repository, path, room } = fixture
  expect(await repository.branch()).toBe('refs/heads/main')
  expect(await repository.hooksFolder()).toBe(join(path, '.git', 'hooks'))
  const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
  git(path, ['switch', '-q', '--detach', tip])
  expect(await repository.branch()).toBeUndefined()
  const linked = join(room, 'beside')
  git(path, ['worktree', 'add', '-q', '-b', 'topic/lamps', linked, tip])
  git(path, ['config', 'core.hooksPath', '../shared hooks'])
  const beside = await openNativeRepository(linked)
  expect(await beside.branch()).toBe('refs/heads/topic/lamps')
  expect(await beside.hooksFolder()).toBe(join(await realpath(room), 'shared hooks'))
  // No setting that git has a use for: it says so when it is asked.
  git(path, ['config', 'core.hooksPath', ''])
  const without = await openNativeRepository(path)
  expect(without.workTree).toBe(path)
  await expect(without.hooksFolder()).rejects.toMatchObject({ code: 'git_failed' })
  await beside.close()
  await without.close()
})

test('a linked worktree has a git dir of its own and shares refs and objects', async () => {
  const tip = await grow(fixture.repository, REF, [newCommit(1, [write('a')])])
  const linked = join(fixture.room, 'linked')
  git(fixture.path, ['worktree', 'add', '-q', '-b', 'side', linked, tip])
  const repository = await openNativeRepository(linked)
  expect(repository).toMatchObject({
    gitDir: join(fixture.path, '.git', 'worktrees', 'linked'),
    commonDir: join(fixture.path, '.git'),
    workTree: await realpath(linked),
  })
  expect(await repository.readRef(REF)).toBe(tip)
  expect(await repository.readRef('HEAD')).toBe(tip)
  const next = await grow(repository, REF, [newCommit(2, [write('b')])])
  expect(await fixture.repository.readRef(REF)).toBe(next)
  expect(await fixture.repository.readRef('HEAD')).toBeUndefined()
  expect(await fixture.repository.readCommit(next)).toEqual(await repository.readCommit(next))
  await repository.close()
})

test('a bare repository, and the inside of a git dir, have no work tree', async () => {
  const bare = join(fixture.room, 'bare.git')
  git(fixture.room, ['init', '-q', '--bare', bare])
  for (const cwd of [bare, join(fixture.path, '.git', 'objects')]) {
    const repository = await openNativeRepository(cwd)
    expect(repository.workTree).toBeUndefined()
    await grow(repository, REF, [newCommit(1, [write('a')])])
    await repository.close()
  }
})

test('a repository of another user is not trusted, which is not the same as none', async () => {
  vi.stubEnv('GIT_TEST_ASSUME_DIFFERENT_OWNER', '1')
  await expect(openNativeRepository(fixture.path)).rejects.toMatchObject({
    code: 'repository_not_trusted',
    hint: expect.stringContaining('safe.directory') as string,
  })
})

test('where there is no repository, it says so', async () => {
  for (const cwd of [fixture.room, join(fixture.room, 'nowhere')]) {
    await expect(openNativeRepository(cwd)).rejects.toMatchObject({ name: 'SyncError', code: 'not_a_repository' })
  }
})

test('a missing git, and one that is too old, are said by name', async () => {
  const bin = join(fixture.room, 'bin')
  await mkdir(bin)
  vi.stubEnv('PATH', bin)
  await expect(openNativeRepository(fixture.path)).rejects.toMatchObject({ code: 'git_missing' })
  await writeFile(join(bin, 'git'), '#!/bin/sh\necho git version 2.38.9\n', { mode: 0o755 })
  await expect(openNativeRepository(fixture.path)).rejects.toMatchObject({ code: 'git_too_old' })
})

test.each([
  ['git version 2.39.5', [2, 39]],
  ['git version 2.50.1 (Apple Git-155)', [2, 50]],
  ['git version 3.0.0.windows.1', [3, 0]],
  ['hub version 2', undefined],
])('%s', (text, version) => {
  expect(parseGitVersion(text)).toEqual(version)
})

test('what a hook exports does not lead to another repository', async () => {
  const tip = await grow(fixture.repository, REF, [newCommit(1, [write('a')])])
  const other = join(fixture.room, 'other')
  git(fixture.room, ['init', '-q', other])
  vi.stubEnv('GIT_DIR', join(other, '.git'))
  vi.stubEnv('GIT_WORK_TREE', other)
  vi.stubEnv('GIT_INDEX_FILE', join(other, 'index'))
  vi.stubEnv('GIT_OBJECT_DIRECTORY', join(other, '.git', 'objects'))
  vi.stubEnv('GIT_NAMESPACE', 'elsewhere')
  vi.stubEnv('GIT_LITERAL_PATHSPECS', '0')
  const repository = await openNativeRepository(fixture.path)
  expect(repository.gitDir).toBe(join(fixture.path, '.git'))
  expect(await repository.readRef(REF)).toBe(tip)
  expect(await grow(repository, REF, [newCommit(2, [write('b')])])).toBe(await fixture.repository.readRef(REF))
  await repository.close()
})

test('run gives what git said, or throws it', async () => {
  const { repository } = fixture
  const hashed = await repository.run(['hash-object', '--stdin'], { input: 'x' })
  expect(hashed).toMatchObject({ code: 0, stderr: '' })
  expect(hashed.stdout.toString()).toBe(`${repository.hashBlob(Buffer.from('x'))}\n`)
  expect(
    (
      await repository.run(['var', 'GIT_AUTHOR_IDENT'], { env: { GIT_AUTHOR_NAME: 'Zoë', GIT_AUTHOR_EMAIL: 'z' } })
    ).stdout.toString(),
  ).toMatch(/^Zoë <z>/)
  const failing = ['-c', 'a.b=c', 'cat-file', 'blob', 'HEAD']
  await expect(repository.run(failing)).rejects.toMatchObject({
    code: 'git_failed',
    message: expect.stringContaining('git cat-file failed with exit code 128: fatal:'),
  })
  expect(await repository.run(failing, { allowFailure: true })).toMatchObject({ code: 128 })
})

test('S2: credentials in a URL that git repeats are not passed on', async () => {
  const url = 'https://someone:secret@127.0.0.1:1/x.git'
  const error: unknown = await fixture.repository.run(['fetch', '--', url]).catch((thrown: unknown) => thrown)
  expect(JSON.stringify(error) + String(error)).toContain('git fetch failed')
  expect(JSON.stringify(error) + String(error)).not.toContain('secret')
})

test('an abort ends what runs and what comes', async () => {
  const abort = new AbortController()
  const repository = await openNativeRepository(fixture.path, { signal: abort.signal })
  const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
  async function* endless(): AsyncGenerator<ReturnType<typeof newCommit>> {
    yield newCommit(2, [write('b')])
    abort.abort()
    for (let n = 3; ; n += 1) {
      yield newCommit(n, [write(`c${n}`)])
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await expect(repository.importCommits(REF, tip, tip, endless(), 'test')).rejects.toMatchObject({ name: 'AbortError' })
  await expect(repository.readRef(REF)).rejects.toMatchObject({ name: 'AbortError' })
  await expect(repository.readCommit(tip)).rejects.toMatchObject({ name: 'AbortError' })
  expect(await fixture.repository.readRef(REF)).toBe(tip)
  await repository.close()
})
