import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { parseOid } from '../../src/git-bridge/repository.ts'
import { parseAssetValue } from '../../src/projection/asset-value.ts'
import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { AssetStore } from '../../src/sync/asset-store.ts'
import { nativeFixture } from '../git-bridge/native-fixture.ts'

it('S3: what is remembered of a plain name with spaces says nothing about another asset', async () => {
  const fixture = await nativeFixture()
  onTestFinished(() => fixture.dispose())
  const honest = 'export default 1\n'
  const hashed = `asset://${createHash('sha256').update(honest).digest('hex')}.js`
  // A plain name, which promises nothing about its bytes; up to its space it is a content hash.
  const plain = `${hashed} x.y`
  const bytes = new Map([
    [hashed, honest],
    [plain, 'evil()\n'],
  ])
  const runtime = {
    downloadAsset: async (url: string) => new TextEncoder().encode(bytes.get(url)),
  } as unknown as RemoteRuntime
  const place = { prefix: '', cachePath: join(fixture.room, 'assets') }
  const open = () => new AssetStore(fixture.repository, runtime, place, { step: () => {}, warn: () => {} })
  const content = async (store: AssetStore, url: string) => {
    await store.ensure([url])
    const { oid } = parseAssetValue(store.valueOf(url))!
    return Buffer.from((await fixture.repository.readBlobs([parseOid(oid)])).get(parseOid(oid))!).toString('utf8')
  }
  const first = open()
  expect(await content(first, plain)).toBe('evil()\n')
  await first.close()
  const second = open()
  expect(await content(second, hashed)).toBe(honest)
  expect(await content(second, plain)).toBe('evil()\n')
  await second.close()
})

it('of a cache that was half written, no part of a URL is taken for one', async () => {
  const fixture = await nativeFixture()
  onTestFinished(() => fixture.dispose())
  const known = new Map<string, string>()
  for (const script of ['export default 1\n', 'export default 2\n']) {
    known.set(`asset://${createHash('sha256').update(script).digest('hex')}.js`, script)
  }
  const uploaded: Uint8Array[] = []
  const runtime = {
    downloadAsset: async (url: string) => new TextEncoder().encode(known.get(url)),
    uploadAsset: async (bytes: Uint8Array, extension: string) => {
      uploaded.push(bytes)
      return `asset://${createHash('sha256').update(bytes).digest('hex')}.${extension}`
    },
  } as unknown as RemoteRuntime
  const cachePath = join(fixture.room, 'assets')
  const open = () => new AssetStore(fixture.repository, runtime, { prefix: '', cachePath }, { step() {}, warn() {} })
  const first = open()
  await first.ensure(known.keys())
  const values = [...known.keys()].map((url) => [url, first.valueOf(url)!] as const)
  await first.close()
  const whole = readFileSync(cachePath, 'utf8')
  const [line] = whole.split('\n') as [string]
  const cuts = [...Array(whole.length).keys()].map((length) => whole.slice(0, length))
  // Somebody went on after it.
  for (const text of [...cuts, ...cuts.slice(0, line.length).map((cut) => cut + whole)]) {
    writeFileSync(cachePath, text)
    const store = open()
    await store.load()
    for (const [url, value] of values) expect([undefined, url], text).toContain(store.urlOf(value))
    await store.close()
  }
  writeFileSync(cachePath, whole.slice(0, line.length - 3))
  const last = open()
  for (const [url, value] of values) expect(await last.publish(value, true)).toBe(url)
  expect(uploaded).toHaveLength(2)
  await last.close()
})
