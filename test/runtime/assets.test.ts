import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  batch,
  call,
  connect,
  entityOf,
  type Fields,
  get,
  op,
  temporaryFolder,
  testRuntime,
  upload,
} from './support.ts'

const hashOf = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('uploads are stored under their hash, once', async () => {
  const dataDir = temporaryFolder()
  const runtime = await testRuntime({ dataDir })
  const name = `${hashOf('hello')}.txt`
  for (const sent of [name, name, 'Note.TXT', 'a.b.txt']) {
    expect((await upload(runtime, sent, 'hello')).data).toEqual({ ok: true, filename: name })
  }
  expect((await get(runtime, `/admin/upload-check?filename=${name}`)).data).toEqual({ exists: true })
  const response = await fetch(`${runtime.url}/assets/${name}`)
  expect([response.status, await response.text()]).toEqual([200, 'hello'])
  expect(response.headers.get('cache-control')).toBe('public, max-age=0')
  const kept = readdirSync(join(dataDir, 'assets')).filter((file) => file.endsWith('.txt'))
  expect(kept).toEqual([name])
  expect(readdirSync(join(dataDir, 'assets', '.incoming'))).toEqual([])
})

test('a name that promises another content is refused; the public server believes it', async () => {
  const runtime = await testRuntime()
  const promised = `${hashOf('other')}.txt`
  const answer = await upload(runtime, promised, 'hello')
  expect([answer.status, answer.data]).toEqual([400, { error: 'hash_mismatch', filename: `${hashOf('hello')}.txt` }])
  const lax = await testRuntime({ publicLike: true })
  expect((await upload(lax, promised, 'hello')).data).toEqual({ ok: true, filename: promised })
  expect((await get(lax, `/admin/upload-check?filename=${hashOf('hello')}.txt`)).data).toEqual({ exists: true })
})

test('too large an upload is refused whole', async () => {
  const dataDir = temporaryFolder()
  const runtime = await testRuntime({ dataDir, maxUploadMegabytes: 1 })
  const answer = await upload(runtime, 'big.bin', new Uint8Array(1024 * 1024 + 1))
  expect([answer.status, answer.data]).toEqual([413, { error: 'file_too_large', filename: 'big.bin' }])
  expect((await upload(runtime, 'fits.bin', new Uint8Array(1024 * 1024))).status).toBe(200)
  expect((await get(runtime, '/admin/snapshot')).data.maxUploadSize).toBe('1')
  expect(readdirSync(join(dataDir, 'assets', '.incoming'))).toEqual([])
})

test.each(['../../world.sqlite', '..%2fworld.sqlite', '.incoming', '%2e%2e%2flock.sqlite', 'a%00b'])(
  'no asset is reached by the name %s',
  async (name) => {
    const runtime = await testRuntime()
    const { status } = await get(runtime, `/assets/${encodeURIComponent(name)}`)
    const raw = await get(runtime, `/assets/${name}`)
    expect([status >= 400, raw.status >= 400]).toEqual([true, true])
    expect((await upload(runtime, `x.${'/'}..`, 'a')).status).toBe(400)
  },
)

test('ranges and HEAD', async () => {
  const runtime = await testRuntime()
  const name = (await upload(runtime, 'a.txt', '0123456789')).data.filename
  const part = async (range: string) => {
    const response = await fetch(`${runtime.url}/assets/${name}`, { headers: { range } })
    return [response.status, await response.text(), response.headers.get('content-range')]
  }
  expect(await part('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10'])
  expect(await part('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10'])
  expect(await part('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10'])
  expect(await part('bytes=0-99')).toEqual([206, '0123456789', 'bytes 0-9/10'])
  expect(await part('bytes=10-')).toEqual([416, '', 'bytes */10'])
  expect(await part('lines=1-2')).toEqual([200, '0123456789', null])
  const head = await fetch(`${runtime.url}/assets/${name}`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '10'])
})

test('a fresh world brings its built-in assets, readable without a code', async () => {
  const runtime = await testRuntime()
  for (const name of ['scene.js', 'Model.glb', 'sky.jpg', 'sky.hdr', 'empty.glb', 'avatar.vrm']) {
    const response = await fetch(`${runtime.url}/assets/${name}`)
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect([name, response.status, hashOf(bytes)]).toEqual([
      name,
      200,
      hashOf(readFileSync(join('fixtures', 'runtime-assets', name))),
    ])
  }
})

test('clean removes what nothing uses; a dry run only says it', async () => {
  let now = Date.now()
  const runtime = await testRuntime({ clock: () => now })
  const used = (await upload(runtime, 'used.png', 'used')).data.filename
  const unused = (await upload(runtime, 'unused.png', 'unused')).data.filename
  await batch(runtime, [
    op('blueprint.add', { blueprint: { id: 'idle' } }),
    op('blueprint.add', { blueprint: { id: 'kept', keep: true, image: { url: `asset://${used}` } } }),
    op('blueprint.add', { blueprint: { id: 'busy' } }),
    op('entity.add', { entity: entityOf('e', { blueprint: 'busy' }) }),
  ])
  const socket = await connect(runtime)
  const young = (await call(runtime, 'POST', '/admin/clean', { dryrun: true })).data
  expect(young).toEqual({ ok: true, dryrun: true, blueprints: ['idle'], assets: [] })
  now += 2 * 60 * 60 * 1000
  expect((await call(runtime, 'POST', '/admin/clean', { dryrun: true })).data.assets).toEqual([unused])
  expect((await get(runtime, '/admin/changes')).data.cursor).toBe(4)
  expect((await call(runtime, 'POST', '/admin/clean', {})).data).toEqual({
    ok: true,
    dryrun: false,
    blueprints: ['idle'],
    assets: [unused],
  })
  expect((await get(runtime, '/admin/changes?cursor=4')).data.operations).toMatchObject([
    { kind: 'blueprint.remove', actor: 'runtime', source: 'runtime', patch: { id: 'idle' } },
  ])
  expect((await socket.drain()).map(({ packet }) => packet)).toEqual(['blueprintRemoved'])
  const { blueprints } = (await get(runtime, '/admin/snapshot')).data
  expect(blueprints.map((b: Fields) => b.id)).toEqual(['$scene', 'kept', 'busy'])
  expect((await fetch(`${runtime.url}/assets/${unused}`)).status).toBe(404)
})
