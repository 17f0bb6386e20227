import { createHash } from 'node:crypto'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ObjectReader } from '../../../src/git-bridge/native/object-reader.ts'
import { openNativeRepository } from '../../../src/git-bridge/native/open-native-repository.ts'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import { LONG } from '../../e2e/long.ts'
import { contents, grow, newCommit, nobody, REF, text, write } from '../contract/vocabulary.ts'
import { git, gitChildren, type NativeFixture, nativeFixture } from '../native-fixture.ts'

let fixture: NativeFixture
beforeEach(async () => {
  fixture = await nativeFixture()
})
afterEach(() => fixture.dispose())

/** Ends the long-lived cat-file by its id, as the system might; resolves when it is gone. */
async function killReaders(): Promise<void> {
  for (const pid of readers()) process.kill(pid, 'SIGKILL')
  while (readers().length > 0) await new Promise((resolve) => setImmediate(resolve))
}

const readers = (): number[] => gitChildren('cat-file')

test('many reads at once are answered each with its own', async () => {
  const { repository } = fixture
  const blobs = Array.from({ length: 3_000 }, (_, n) => text(`blob ${n} ${'x'.repeat(n % 500)}`))
  const oids = await repository.writeBlobs(blobs)
  const reads = oids.map(async (oid, n) => {
    if (n % 7 === 0) expect(await repository.hasObject(nobody(repository))).toBe(false)
    const found = await repository.readBlobs([oid])
    expect(Buffer.compare(found.get(oid) as Buffer, blobs[n] as Buffer)).toBe(0)
  })
  await Promise.all(reads)
})

test('a blob of many megabytes goes in and out, also as a file of a commit', async () => {
  const { repository } = fixture
  const pattern = createHash('sha512').update('large').digest()
  const large = Buffer.alloc((LONG ? 100 : 20) * 1024 * 1024, pattern)
  const [oid, small] = (await repository.writeBlobs([large, text('small')])) as [Oid, Oid]
  const [found] = await Promise.all([repository.readBlobs([oid, small]), repository.readBlobs([small])])
  expect(Buffer.compare(found.get(oid) as Buffer, large)).toBe(0)
  large[5] = 1
  const tip = await grow(repository, REF, [newCommit(1, [{ kind: 'write', path: 'big', bytes: large }])])
  expect(await repository.lookup(tip, 'big')).toEqual({ mode: '100644', oid: repository.hashBlob(large) })
})

test('objects written after the reader started are found, in packs too', async () => {
  const { repository, path } = fixture
  expect(await repository.hasObject(nobody(repository))).toBe(false)
  const tip = await grow(
    repository,
    REF,
    Array.from({ length: 60 }, (_, n) => newCommit(n, [write(`f${n}`)])),
  )
  expect(git(path, ['count-objects', '-v'])).toContain('packs: 1\n')
  expect(Object.keys(await contents(repository, tip))).toHaveLength(60)
  const foreign = git(path, ['commit-tree', '-m', 'foreign', `${tip}^{tree}`]).trim() as Oid
  expect(await repository.readCommit(foreign)).toMatchObject({ message: 'foreign\n' })
  git(path, ['update-ref', 'refs/heads/main', foreign])
  git(path, ['gc', '-q', '--prune=now'])
  expect(Object.keys(await contents(repository, foreign))).toHaveLength(60)
  expect(await repository.readRef(REF)).toBe(tip)
})

test('when the reading process dies, reads fail clearly and later ones work', async () => {
  const { repository } = fixture
  const oids = await repository.writeBlobs(Array.from({ length: 40 }, (_, n) => Buffer.alloc(1_000_000, `${n},`)))
  await repository.readBlobs(oids.slice(0, 1))
  expect(readers()).toHaveLength(1)
  const waiting = repository.readBlobs(oids)
  for (const pid of readers()) process.kill(pid, 'SIGKILL')
  await expect(waiting).rejects.toMatchObject({ code: 'git_failed', message: expect.stringContaining('cat-file') })
  expect((await repository.readBlobs(oids)).size).toBe(40)
  await killReaders()
  await repository.readBlobs(oids).catch(() => {})
  expect((await repository.readBlobs(oids)).size).toBe(40)
})

test('a corrupt object fails to be read, and no other', async () => {
  const { repository, path } = fixture
  const [bad, good] = (await repository.writeBlobs([text('bad'), text('good')])) as [Oid, Oid]
  const file = join(path, '.git', 'objects', bad.slice(0, 2), bad.slice(2))
  await chmod(file, 0o644)
  await writeFile(file, 'spoiled')
  await expect(repository.readBlobs([bad])).rejects.toThrow()
  expect((await repository.readBlobs([good])).size).toBe(1)
})

test('a reader that is closed has no process left, and refuses to be asked', async () => {
  const reader = new ObjectReader({ cwd: fixture.path })
  const asked = reader.type(nobody(fixture.repository))
  await reader.close()
  expect(await asked).toBeUndefined()
  expect(readers()).toEqual([])
  await expect(reader.type(nobody(fixture.repository))).rejects.toThrow('assertion failed')
})

test('an id means its own object, whatever refs/replace says', async () => {
  const { repository, path } = fixture
  const [a, b] = (await repository.writeBlobs([text('a'), text('b')])) as [Oid, Oid]
  git(path, ['replace', a, b])
  expect(String((await repository.readBlobs([a])).get(a))).toBe('a')
})

test('beyond a shallow boundary there is nothing', async () => {
  const { repository, path, room } = fixture
  const tip = await grow(repository, REF, [
    newCommit(1, [write('a')]),
    newCommit(2, [write('b')]),
    newCommit(3, [write('c')]),
  ])
  git(path, ['update-ref', 'refs/heads/main', tip])
  const shallow = join(room, 'shallow')
  git(room, ['clone', '-q', '--depth=1', pathToFileURL(path).href, shallow])
  const clone = await openNativeRepository(shallow)
  const [parent] = (await clone.readCommit(tip)).parents as [Oid]
  expect(await clone.hasObject(tip)).toBe(true)
  expect(await clone.hasObject(parent)).toBe(false)
  await expect(clone.readCommit(parent)).rejects.toMatchObject({ code: 'object_missing' })
  const listed = []
  for await (const { oid } of clone.log({ include: [tip] })) listed.push(oid)
  expect(listed).toEqual([tip])
  await clone.close()
})

test('refs are read from packed-refs and through symbolic refs', async () => {
  const { repository, path } = fixture
  const tip = await grow(repository, REF, [newCommit(1, [write('a')])])
  git(path, ['pack-refs', '--all'])
  expect(await repository.readRef(REF)).toBe(tip)
  git(path, ['symbolic-ref', 'refs/lobby/alias', REF])
  expect(await repository.readRefs([REF, 'refs/lobby/alias', 'refs/lobby/none', 'HEAD'])).toEqual(
    new Map([
      [REF, tip],
      ['refs/lobby/alias', tip],
    ]),
  )
  const next = await grow(repository, REF, [newCommit(2, [write('b')])])
  expect(await repository.readRef(REF)).toBe(next)
  expect(await repository.updateRef(REF, undefined, next, 'delete')).toBe(true)
  expect(await repository.readRef(REF)).toBeUndefined()
})

test('file names that are not UTF-8 survive edits beside them', async () => {
  const { repository, path } = fixture
  const [blob] = (await repository.writeBlobs([text('x')])) as [Oid]
  const raw = Buffer.concat([Buffer.from(`100644 blob ${blob}\tcaf`), Buffer.from([0xe9, 0xff]), Buffer.from('\0')])
  const base = git(path, ['mktree', '-z'], raw).trim() as Oid
  const edited = await repository.writeTree(base, [write('a'), write('z')])
  const tip = await grow(repository, REF, [newCommit(1, [write('q')])])
  const listed = (await repository.run(['ls-tree', '-z', '--name-only', edited])).stdout
  expect(listed.toString('latin1')).toBe('a\0caf\xe9\xff\0z\0')
  expect(
    await repository.writeTree(edited, [
      { kind: 'delete', path: 'a' },
      { kind: 'delete', path: 'z' },
    ]),
  ).toBe(base)
  expect(await repository.readTree(edited)).toHaveLength(3)
  expect(tip).not.toBe(base)
})
