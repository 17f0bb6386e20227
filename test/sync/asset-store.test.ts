import { createHash } from 'node:crypto'
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
