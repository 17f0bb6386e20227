import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { assetLocation } from '../../src/remote-runtime/asset-name.ts'
import { closeAll, failure, type Handler, json, SNAPSHOT, serve, track, world } from './fake-server.ts'

afterEach(closeAll)

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const BYTES = Buffer.from('model bytes')
const NAME = `${hash(BYTES)}.glb`

/** Assets at `<base>/assets`, and a snapshot that says so. */
const assets =
  (answer: Handler, snapshot: Record<string, unknown> = {}): Handler =>
  (asked, response, socket) =>
    asked.path === '/admin/snapshot' ? json(response, { ...SNAPSHOT, ...snapshot }) : answer(asked, response, socket)

describe('downloading', () => {
  test('needs no code and gets none', async () => {
    const { runtime, server } = await world(assets((_, response) => response.end(BYTES)))
    expect(Buffer.from((await runtime.downloadAsset(`asset://${NAME}`))!)).toEqual(BYTES)
    expect(server.asked.map(({ path }) => path)).toEqual([`/assets/${NAME}`])
    expect(server.asked[0]?.headers).not.toHaveProperty('x-admin-code')
  })

  test.each([
    ['assets', '/worlds/plaza/assets/'],
    ['assets/', '/worlds/plaza/assets/'],
    ['/files', '/files/'],
    ['', '/worlds/plaza/'],
  ])('assetsUrl %j is below the world', async (assetsUrl, folder) => {
    const base = 'http://host/worlds/plaza'
    expect(assetLocation(base, assetsUrl, 'a b.glb')?.href).toBe(`http://host${folder}a%20b.glb`)
  })

  test('an absolute assetsUrl leads elsewhere, without the code', async () => {
    const cdn = await serve((_, response) => response.end('sky'))
    track(cdn)
    const { runtime, server } = await world(
      assets((_, response) => json(response, {}, 404), { assetsUrl: `${cdn.url}/some/assets/` }),
    )
    await runtime.snapshot()
    expect(String(await runtime.downloadAsset('asset://sky day.jpg'))).toBe('sky')
    expect(cdn.asked[0]?.path).toBe('/some/assets/sky%20day.jpg')
    expect(cdn.asked[0]?.headers).not.toHaveProperty('x-admin-code')
    expect(server.asked).toHaveLength(1)
  })

  test('a hashed name that is not at the usual place is looked for where the snapshot says', async () => {
    const cdn = await serve((_, response) => response.end(BYTES))
    track(cdn)
    const { runtime, server } = await world(assets((_, response) => response.end('<html>'), { assetsUrl: cdn.url }))
    expect(Buffer.from((await runtime.downloadAsset(`asset://${NAME}`))!)).toEqual(BYTES)
    expect(server.asked.map(({ path }) => path)).toEqual([`/assets/${NAME}`, '/admin/snapshot'])
  })

  test.each(['ftp://host/assets', 'http://user:pass@host/assets', 'http://'])(
    '%s is no assetsUrl',
    async (assetsUrl) => {
      const { runtime } = await world(assets((_, response) => json(response, {}, 404), { assetsUrl }))
      expect(await failure(runtime.downloadAsset('asset://Model.glb'))).toMatchObject({ code: 'invalid_response' })
    },
  )

  test('bytes that are not what the name promises are refused, plain names are taken as they are', async () => {
    const { runtime } = await world(assets((_, response) => response.end('other bytes')))
    await runtime.snapshot()
    expect(await failure(runtime.downloadAsset(`asset://${NAME}`))).toMatchObject({
      code: 'asset_corrupt',
      exitCode: 1,
    })
    expect(String(await runtime.downloadAsset('asset://Model.glb'))).toBe('other bytes')
  })

  test.each([true, false])('404 is tried again (there at last: %s)', async (there) => {
    let calls = 0
    const { runtime, slept } = await world(
      assets((_, response) => (++calls > 2 && there ? response.end(BYTES) : json(response, {}, 404))),
    )
    await runtime.snapshot()
    const bytes = await runtime.downloadAsset(`asset://${NAME}`)
    expect(bytes && Buffer.from(bytes)).toEqual(there ? BYTES : undefined)
    expect(slept).toEqual(there ? [125, 250] : [125, 250, 500])
  })

  test('a cut body is tried again', async () => {
    let calls = 0
    const { runtime } = await world(
      assets((_, response) => {
        response.writeHead(200, { 'content-length': BYTES.length })
        if (++calls === 1) response.write('mod', () => response.destroy())
        else response.end(BYTES)
      }),
    )
    expect(await runtime.downloadAsset(`asset://${NAME}`)).toHaveLength(BYTES.length)
  })

  test('gzip is undone', async () => {
    const { runtime } = await world(
      assets((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(BYTES))),
    )
    expect(await runtime.downloadAsset(`asset://${NAME}`)).toHaveLength(BYTES.length)
  })

  test.each(['announced', 'streamed', 'compressed'])('too large: %s', async (how) => {
    const big = Buffer.alloc(100_000)
    const { runtime } = await world(
      assets((_, response) => {
        if (how === 'compressed') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(big))
        else if (how === 'announced') response.end(big)
        else {
          response.write(big)
          response.end()
        }
      }),
      { limits: { assetBytes: 50_000 } },
    )
    expect(await failure(runtime.downloadAsset(`asset://${NAME}`))).toMatchObject({ code: 'asset_too_large' })
  })

  test.each([
    'http://host/x',
    'asset://',
    'asset://.',
    'asset://..',
    'asset://../status',
    'asset://a/b',
    'asset://a\\b',
    'asset://a..b',
    'asset://a\u0000b',
    'asset://a\nb',
    'asset://\ud800',
    `asset://${'x'.repeat(256)}`,
  ])('%j is no name', async (url) => {
    const { runtime, server } = await world(assets((_, response) => response.end('x')))
    expect(await failure(runtime.downloadAsset(url))).toMatchObject({ code: 'invalid_asset_name' })
    expect(server.asked).toHaveLength(0)
  })

  test('odd characters stay within the name', async () => {
    const { runtime, server } = await world(assets((_, response) => response.end('x')))
    await runtime.downloadAsset('asset://a?b#c%2e.glb')
    expect(server.asked.at(-1)?.path).toBe('/assets/a%3Fb%23c%252e.glb')
  })

  test('many at once, each name once', async () => {
    const files = Array.from({ length: 40 }, () => randomBytes(5000))
    const byName = new Map(files.map((file) => [`/assets/${hash(file)}.bin`, file]))
    const { runtime, server } = await world(assets((asked, response) => response.end(byName.get(asked.path))))
    const wanted = [...files, ...files].map((file) => `asset://${hash(file)}.bin`)
    const got = await Promise.all(wanted.map((url) => runtime.downloadAsset(url)))
    expect(got.map((bytes) => hash(bytes!))).toEqual([...files, ...files].map(hash))
    expect(server.asked).toHaveLength(40)
  })
})

describe('uploading', () => {
  /** A store that keeps what is posted. */
  function store(options: { readonly loses?: boolean; readonly cuts?: boolean; readonly renames?: boolean } = {}) {
    const kept = new Set<string>()
    const bodies: Buffer[] = []
    const handler: Handler = (asked, response) => {
      if (asked.path === '/admin/upload-check') {
        return json(response, { exists: kept.has(asked.query.get('filename') ?? '') })
      }
      if (asked.path !== '/admin/upload') return json(response, {}, 404)
      bodies.push(asked.body)
      const filename = /filename="([^"]*)"/.exec(asked.body.toString('latin1'))?.[1] ?? ''
      if (options.loses !== true) kept.add(filename)
      if (options.cuts === true) response.destroy()
      else json(response, { ok: true, filename: options.renames === true ? 'other' : filename })
    }
    return { kept, bodies, handler: assets(handler) }
  }

  test('checks, sends under the hash, and checks again', async () => {
    const { handler, bodies } = store()
    const { runtime, server } = await world(handler)
    expect(await runtime.uploadAsset(BYTES, '.GLB')).toBe(`asset://${NAME}`)
    expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /admin/snapshot',
      'GET /admin/upload-check',
      'POST /admin/upload',
      'GET /admin/upload-check',
    ])
    const form = await new Response(bodies[0], {
      headers: { 'content-type': server.asked[2]?.headers['content-type'] ?? '' },
    }).formData()
    const file = form.get('file')
    if (!(file instanceof File)) throw new Error('no file')
    expect(file.name).toBe(NAME)
    expect(Buffer.from(await file.arrayBuffer())).toEqual(BYTES)
    expect([...form.keys()]).toEqual(['file'])
  })

  test('what is there is not sent again', async () => {
    const { handler, kept, bodies } = store()
    kept.add(NAME)
    const { runtime } = await world(handler)
    expect(await runtime.uploadAsset(BYTES, 'glb')).toBe(`asset://${NAME}`)
    expect(bodies).toHaveLength(0)
  })

  test('the same bytes are sent once', async () => {
    const { handler, bodies } = store()
    const { runtime } = await world(handler)
    await Promise.all(Array.from({ length: 5 }, () => runtime.uploadAsset(BYTES, 'glb')))
    expect(bodies).toHaveLength(1)
  })

  test('a cut connection is settled by asking', async () => {
    const { handler, bodies } = store({ cuts: true })
    const { runtime } = await world(handler)
    expect(await runtime.uploadAsset(BYTES, 'glb')).toBe(`asset://${NAME}`)
    expect(bodies).toHaveLength(1)
  })

  test('a cut connection that lost it is an error', async () => {
    const { runtime } = await world(store({ cuts: true, loses: true }).handler)
    expect(await failure(runtime.uploadAsset(BYTES, 'glb'))).toMatchObject({ code: 'unreachable' })
  })

  test('acknowledged but not there', async () => {
    const { runtime, slept } = await world(store({ loses: true }).handler)
    expect(await failure(runtime.uploadAsset(BYTES, 'glb'))).toMatchObject({ code: 'asset_missing' })
    expect(slept).toEqual([125, 250, 500])
  })

  test('under another name', async () => {
    const { runtime } = await world(store({ renames: true }).handler)
    expect(await failure(runtime.uploadAsset(BYTES, 'glb'))).toMatchObject({ code: 'invalid_response' })
  })

  test.each([
    ['2', 2 * 1024 * 1024 + 1, 'asset_too_large'],
    ['2', 2 * 1024 * 1024, undefined],
    [2, 2 * 1024 * 1024 + 1, 'asset_too_large'],
    [undefined, 4_000_001, 'asset_too_large'],
    ['many', 4_000_000, undefined],
    [null, 4_000_000, undefined],
    ['100', 4_000_001, 'asset_too_large'],
  ])('maxUploadSize %j and %i bytes: %s', async (maxUploadSize, size, code) => {
    const { handler, bodies } = store()
    const { runtime } = await world(
      (asked, response, socket) =>
        asked.path === '/admin/snapshot'
          ? json(response, { ...SNAPSHOT, maxUploadSize })
          : handler(asked, response, socket),
      { limits: { assetBytes: 4_000_000 } },
    )
    const sent = runtime.uploadAsset(Buffer.alloc(size), 'bin')
    if (code === undefined) expect(await sent).toMatch(/^asset:/)
    else expect(await failure(sent)).toMatchObject({ code })
    expect(bodies).toHaveLength(code === undefined ? 1 : 0)
  })

  test.each(['', 'a/b', '../x', 'a"b', 'tar.gz', 'x'.repeat(17)])('%j is no extension', async (extension) => {
    const { runtime, server } = await world(store().handler)
    expect(await failure(runtime.uploadAsset(BYTES, extension))).toMatchObject({ code: 'invalid_asset_name' })
    expect(server.asked).toHaveLength(0)
  })

  test('a refusal is said', async () => {
    const { runtime } = await world(
      assets((asked, response) =>
        asked.path === '/admin/upload-check'
          ? json(response, { exists: false })
          : json(response, { error: 'builder_required' }, 400),
      ),
    )
    const error = await failure(runtime.uploadAsset(BYTES, 'glb'))
    expect(error.message).toContain('builder_required')
  })
})
