import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rawRequest } from './raw-http.ts'
import { batch, CODE, call, get, op, temporaryFolder, testRuntime, upload } from './support.ts'

test('no spelling of a path gets around the admin code', async () => {
  const runtime = await testRuntime()
  for (const path of [
    '/admin/snapshot',
    '/%61dmin/snapshot',
    '/%61%64%6d%69%6e/%73%6e%61%70%73%68%6f%74',
    '/admin%2Fsnapshot',
    '/admin//snapshot',
    '//admin/snapshot',
    '/./admin/snapshot',
    '/assets/../admin/snapshot',
    '/assets/%2e%2e/admin/snapshot',
    '/ADMIN/snapshot',
    '/admin/snapshot/',
    '/admin/snapshot;x',
    '/admin/snapshot?x-admin-code=secret',
    '/admin/snapshot%00',
    `${runtime.url}/admin/snapshot`,
    'http://elsewhere/admin/snapshot',
    'http://elsewhere/%61dmin/snapshot',
    'elsewhere:80/admin/snapshot',
    '*',
  ]) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const answer = await rawRequest(runtime, `${method} ${path}`)
      expect([400, 403, 404, method === 'OPTIONS' ? 204 : 404], `${method} ${path}`).toContain(answer.status)
      expect(answer.text, path).not.toContain('blueprints')
    }
  }
  const body = JSON.stringify({ operations: [{ opId: 'x', kind: 'settings.update', key: 'title', value: 'taken' }] })
  const json = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  expect((await rawRequest(runtime, 'POST /%61dmin/ops', json, body)).status).toBe(403)
  expect((await rawRequest(runtime, 'POST http://elsewhere/admin/ops', json, body)).status).toBe(403)
  expect((await rawRequest(runtime, 'GET /status')).text).toContain('"title":null')
})

const CODED = `X-Admin-Code: ${CODE}`
const typed = (type: string, body: string) => [
  CODED,
  `Content-Type: ${type}`,
  `Content-Length: ${Buffer.byteLength(body)}`,
]

test('bodies that are no JSON, too large, compressed, or of another kind', async () => {
  const reports: unknown[] = []
  const runtime = await testRuntime({ report: (error) => reports.push(error) })
  const post = async (path: string, type: string, body: string, more: readonly string[] = []) => {
    const { status, text } = await rawRequest(runtime, `POST ${path}`, [...typed(type, body), ...more], body)
    return [status, text.split('\r\n\r\n').slice(1).join()]
  }
  const json = 'application/json'
  // The public server's own empty 500s (protocol, section 1).
  expect(await post('/admin/deploy-lock', json, '{a}')).toEqual([500, ''])
  expect(await post('/admin/deploy-lock', json, '')).toEqual([500, ''])
  expect(await post('/admin/deploy-lock', json, JSON.stringify('x'.repeat(1024 * 1024)))).toEqual([500, ''])
  expect(await post('/admin/upload', json, '{}')).toEqual([500, ''])
  for (const body of ['[]', '5', '"x"', 'true']) {
    expect(await post('/admin/deploy-lock', json, body)).toEqual([
      400,
      expect.stringContaining('must be a JSON object'),
    ])
  }
  expect((await post('/admin/deploy-lock', 'text/plain', '{"scope":"a"}'))[0]).toBe(400)
  expect(await post('/admin/deploy-lock', 'application/xml', '<a/>')).toEqual([
    415,
    expect.stringContaining('media_type'),
  ])
  expect((await post('/admin/ops', 'application/xml', '<a/>'))[0]).toBe(400)
  expect((await post('/admin/ops', json, '{"operations":'))[0]).toBe(400)
  expect((await post('/admin/ops', json, 'x'.repeat(100), ['Content-Encoding: gzip']))[0]).toBe(400)
  const nested = `{"operations":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  expect(await post('/admin/ops', json, nested)).toEqual([400, expect.stringContaining('nested too deeply')])
  const large = `1\r\n"\r\n1000000\r\n${'x'.repeat(16 * 1024 * 1024)}\r\n1\r\n"\r\n0\r\n\r\n`
  const chunked = [CODED, `Content-Type: ${json}`, 'Transfer-Encoding: chunked']
  expect((await rawRequest(runtime, 'POST /admin/ops', chunked, large)).status).toBe(413)
  expect(
    (await rawRequest(runtime, 'POST /admin/ops', [CODED, `Content-Type: ${json}`, 'Content-Length: 99999999999']))
      .status,
  ).toBe(413)
  // Two ways to say where a body ends, which is how requests are smuggled past proxies.
  const smuggled = [...typed(json, '{}'), 'Transfer-Encoding: chunked']
  expect(
    (await rawRequest(runtime, 'POST /admin/deploy-lock', smuggled, '0\r\n\r\nGET /admin/snapshot HTTP/1.1\r\n\r\n'))
      .status,
  ).toBe(400)
  expect((await rawRequest(runtime, 'GET /health', ['Content-Length: 1', 'Content-Length: 2'])).status).toBe(400)
  expect((await get(runtime, '/admin/deploy-lock')).data).toEqual({ locked: false })
  expect(reports).toEqual([])
})

test('queries, verbs, headers and upgrades that nobody means', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [op('settings.update', { key: 'title', value: 'here' })])
  const changes = async (query: string) => (await get(runtime, `/admin/changes?${query}`)).data
  for (const cursor of [
    '-1',
    'NaN',
    '1e308',
    '1.5',
    '0x1',
    ' 1',
    '99999999999999999999',
    '%00',
    '1&cursor=2',
    'null',
    '1,2',
  ]) {
    expect(await changes(`cursor=${cursor}`), cursor).toEqual({ error: 'invalid_cursor' })
  }
  for (const limit of ['0', '-1', '1001', '1e9', 'NaN', '', '2&limit=3']) {
    expect(await changes(`cursor=0&limit=${limit}`), limit).toEqual({ error: 'invalid_limit' })
  }
  for (const wait of ['-1', 'NaN', '1e3', 'x', '', '1&wait=2']) {
    expect(await changes(`cursor=0&wait=${wait}`), wait).toEqual({ error: 'invalid_wait' })
  }
  expect(await changes(`cursor=${Number.MAX_SAFE_INTEGER}`)).toMatchObject({
    operations: [],
    hasMore: false,
    headCursor: 1,
  })
  for (const query of [
    '__proto__[cursor]=0',
    'cursor[]=0',
    'constructor=1',
    '%',
    `x=${'y'.repeat(8000)}`,
    'toString=1',
  ]) {
    expect(await changes(query), query).toMatchObject({ cursor: 1, operations: [] })
  }
  for (const id of ['__proto__', 'constructor', '%00', '..%2f..', '%F0%9F%98%80', 'toString', `${'x'.repeat(4000)}`]) {
    expect((await get(runtime, `/admin/blueprints/${id}`)).data, id).toEqual({ error: 'not_found' })
  }
  expect((await get(runtime, `/admin/blueprints/${'x'.repeat(5000)}`)).status).toBe(414)
  expect((await get(runtime, '/assets/%zz')).status).toBe(400)
  expect((await rawRequest(runtime, `GET /health?${'x'.repeat(100_000)}`)).status).toBe(431)
  expect((await rawRequest(runtime, 'GET /health', [`X: ${'x'.repeat(100_000)}`])).status).toBe(431)
  for (const method of ['TRACE', 'PROPFIND', 'PATCH', 'CONNECT', 'MOVE', 'QUERY', 'X']) {
    expect([0, 400, 404], method).toContain((await rawRequest(runtime, `${method} /admin/snapshot`, [CODED])).status)
  }
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  ]
  for (const path of ['/health', '/status', '/admin/snapshot', '/nowhere', '/assets/Model.glb', '/admin/']) {
    expect((await rawRequest(runtime, `GET ${path}`, [CODED, ...upgrade])).status, path).toBe(404)
  }
  expect((await rawRequest(runtime, 'GET /admin', upgrade.slice(0, 2))).status).toBe(400)
  expect((await get(runtime, '/admin')).status).toBe(404)
  const cors = ['Origin: null', 'Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: x-admin-code']
  const preflight = (await rawRequest(runtime, 'OPTIONS /admin/ops', cors)).text.toLowerCase()
  expect(preflight).toContain('access-control-allow-origin: *')
  expect(preflight).not.toContain('access-control-allow-credentials')
})

test('wrong codes, however many, keep nobody out', async () => {
  const runtime = await testRuntime()
  const wrong = ['', 'x', 'secre', 'secretx', 'SECRET', 'x'.repeat(8000), 'secret, secret', '\u00e9']
  const statuses = new Set<number>()
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let i = 0; i < 20; i++) {
        const { status } = await call(runtime, 'GET', '/admin/snapshot', undefined, {
          'x-admin-code': wrong[i % wrong.length],
        })
        statuses.add(status)
      }
    }),
  )
  expect([...statuses]).toEqual([403])
  expect((await rawRequest(runtime, 'GET /admin/snapshot', ['X-Admin-Code: wrong', CODED])).status).toBe(403)
  expect((await get(runtime, '/admin/snapshot')).status).toBe(200)
})

test('a failure of ours is reported, and says nothing to the client', async () => {
  const reports: unknown[] = []
  const dataDir = temporaryFolder()
  const runtime = await testRuntime({ dataDir, report: (error) => reports.push(error) })
  rmSync(join(dataDir, 'assets', '.incoming'), { recursive: true })
  const answer = await upload(runtime, 'a.js', 'abc')
  expect([answer.status, answer.text]).toEqual([500, ''])
  expect(reports).toHaveLength(1)
})
