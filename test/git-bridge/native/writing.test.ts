import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Oid } from '../../../src/git-bridge/repository.ts'
import { text } from '../contract/vocabulary.ts'
import { type NativeFixture, nativeFixture } from '../native-fixture.ts'

let fixture: NativeFixture
beforeEach(async () => {
  fixture = await nativeFixture()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await fixture.dispose()
})

/** How many processes of git's wrote objects since its trace was begun. */
async function writers(trace: string): Promise<number> {
  return (await readFile(trace, 'utf8')).split('\n').filter((line) => /unpack-objects|index-pack/.test(line)).length
}

test('what is written while git writes goes together, and is there when each write returns', async () => {
  const { repository, room } = fixture
  const trace = join(room, 'trace')
  vi.stubEnv('GIT_TRACE', trace)
  const write = async (n: number): Promise<void> => {
    const [oid] = (await repository.writeBlobs([text(`blob ${n}`)])) as [Oid]
    expect(await repository.hasObject(oid)).toBe(true)
    const tree = await repository.writeTree(undefined, [{ kind: 'write', path: `f${n}`, bytes: text(`file ${n}`) }])
    expect(await repository.lookup(tree, `f${n}`)).toEqual({
      mode: '100644',
      oid: repository.hashBlob(text(`file ${n}`)),
    })
  }
  await write(0)
  const alone = await writers(trace)
  await Promise.all(Array.from({ length: 20 }, (_, n) => write(n + 1)))
  expect(alone).toBe(2)
  expect(await writers(trace)).toBeLessThan(alone + 20)
})

test('a write that fails is told to all that went with it, and the next one works', async () => {
  const { repository } = fixture
  vi.stubEnv('PATH', fixture.room)
  const failing = [1, 2, 3].map((n) => repository.writeBlobs([text(`lost ${n}`)]))
  for (const { status } of await Promise.allSettled(failing)) expect(status).toBe('rejected')
  vi.unstubAllEnvs()
  const [oid] = (await repository.writeBlobs([text('kept')])) as [Oid]
  expect(await repository.hasObject(oid)).toBe(true)
})

test('what git cannot write is an error, never an id', async () => {
  const { repository, path } = fixture
  const content = text('in the way')
  // A file where git wants a folder: as good as a disk that refuses, and root meets it too.
  const folder = join(path, '.git', 'objects', repository.hashBlob(content).slice(0, 2))
  await writeFile(folder, '')
  const failed = { code: 'git_failed', data: { command: 'unpack-objects' } }
  await expect(repository.writeBlobs([content])).rejects.toMatchObject(failed)
  await expect(repository.writeTree(undefined, [{ kind: 'write', path: 'f', bytes: content }])).rejects.toMatchObject(
    failed,
  )
  await rm(folder)
  expect(await repository.hasObject((await repository.writeBlobs([content]))[0]!)).toBe(true)
})
