import { expect, test } from 'vitest'
import { batch, call, entityOf, type Fields, get, op, temporaryFolder, testRuntime } from './support.ts'

const adds = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => op('entity.add', { entity: entityOf(`e${from + i}`) }))

test('pages of the feed', async () => {
  const runtime = await testRuntime()
  await batch(runtime, adds(1, 25))
  const first = (await get(runtime, '/admin/changes?cursor=0&limit=10')).data
  expect([first.cursor, first.headCursor, first.hasMore, first.operations.length]).toEqual([10, 25, true, 10])
  const last = (await get(runtime, '/admin/changes?cursor=20&limit=5')).data
  expect([last.cursor, last.headCursor, last.hasMore, last.operations.length]).toEqual([25, 25, false, 5])
  for (const latest of ['', '?cursor=', '?cursor=latest', '?limit=5']) {
    expect((await get(runtime, `/admin/changes${latest}`)).data).toEqual({
      cursor: 25,
      headCursor: 25,
      operations: [],
      hasMore: false,
    })
  }
})

test('the snapshot carries the cursor of its state', async () => {
  const runtime = await testRuntime()
  await batch(runtime, adds(1, 3))
  const { data } = await get(runtime, '/admin/snapshot')
  expect(data).toMatchObject({
    cursor: 3,
    capabilities: ['snapshot.cursor', 'ops.batch', 'changes.wait', 'durable'],
    hasAdminCode: true,
    maxUploadSize: '12',
  })
})

test('changes.wait answers when something newer exists, when the time is over, and when the runtime closes', async () => {
  const runtime = await testRuntime()
  await batch(runtime, adds(1, 1))
  expect((await get(runtime, '/admin/changes?cursor=0&wait=60')).data.operations).toHaveLength(1)
  const waiting = get(runtime, '/admin/changes?cursor=1&wait=60')
  const second = get(runtime, '/admin/changes?cursor=1&wait=60')
  await batch(runtime, adds(2, 2))
  for (const answer of [await waiting, await second]) expect(answer.data).toMatchObject({ cursor: 3, headCursor: 3 })
  expect((await get(runtime, '/admin/changes?cursor=3&wait=0.01')).data.operations).toEqual([])
  expect((await get(runtime, '/admin/changes?cursor=99&wait=60')).data).toMatchObject({ cursor: 99, headCursor: 3 })
  expect((await get(runtime, '/admin/changes?cursor=3&wait=x')).data).toEqual({ error: 'invalid_wait' })
  const open = get(runtime, '/admin/changes?cursor=3&wait=60').catch(() => 'cut')
  await get(runtime, '/health')
  await runtime.close()
  await open
})

test('without changes.wait, wait is not understood', async () => {
  const runtime = await testRuntime({ capabilities: ['snapshot.cursor'] })
  expect((await get(runtime, '/admin/changes?cursor=0&wait=60')).data.operations).toEqual([])
})

test('retention: older cursors expire, opIds are never forgotten', async () => {
  const dataDir = temporaryFolder()
  const runtime = await testRuntime({ dataDir, retention: 5 })
  const early = adds(1, 8)
  await batch(runtime, early)
  const expired = await get(runtime, '/admin/changes?cursor=2')
  expect([expired.status, expired.data]).toEqual([410, { error: 'cursor_expired', oldestCursor: 4 }])
  const cursors = async (from: number) =>
    (await get(runtime, `/admin/changes?cursor=${from}`)).data.operations.map((o: Fields) => o.cursor)
  expect(await cursors(3)).toEqual([4, 5, 6, 7, 8])
  expect(await cursors(4)).toEqual([5, 6, 7, 8])
  expect((await batch(runtime, early)).data.results[0]).toEqual({ opId: early[0]!.opId, cursor: 1, duplicate: true })
  await runtime.close()
  const again = await testRuntime({ dataDir })
  expect((await get(again, '/admin/changes?cursor=0')).status).toBe(410)
  await batch(again, adds(9, 1))
  expect((await get(again, '/admin/changes?cursor=3')).data.operations).toHaveLength(6)
})

test('errors of the transport are as the public server’s', async () => {
  const runtime = await testRuntime()
  const empty = { status: 500, text: '', data: undefined }
  const json = { 'content-type': 'application/json' }
  expect(await call(runtime, 'PUT', '/admin/spawn', '{bad')).toEqual(empty)
  expect(await call(runtime, 'PUT', '/admin/spawn', JSON.stringify({ big: 'x'.repeat(1024 * 1024) }))).toEqual(empty)
  expect(await call(runtime, 'DELETE', '/admin/blueprints/x', undefined, json)).toEqual(empty)
  expect(await call(runtime, 'POST', '/admin/upload', {})).toEqual(empty)
  expect((await call(runtime, 'DELETE', '/admin/blueprints/x')).data).toEqual({ error: 'not_found' })
  expect((await get(runtime, '/admin/blueprints/x')).data).toEqual({ error: 'not_found' })
  expect((await get(runtime, '/nowhere')).data).toEqual({
    message: 'Route GET:/nowhere not found',
    error: 'Not Found',
    statusCode: 404,
  })
})

test('CORS: any origin, the requested headers echoed, no code asked', async () => {
  const runtime = await testRuntime()
  const response = await fetch(`${runtime.url}/admin/changes`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://a.example',
      'access-control-request-method': 'DELETE',
      'access-control-request-headers': 'x-admin-code',
    },
  })
  expect(response.status).toBe(204)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD, PUT, PATCH, POST, DELETE')
  expect(response.headers.get('access-control-allow-headers')).toBe('x-admin-code')
})

test('without an admin code everything is accepted', async () => {
  const runtime = await testRuntime({ adminCode: undefined })
  const { status, data } = await call(runtime, 'GET', '/admin/snapshot', undefined, { 'x-admin-code': 'whatever' })
  expect([status, data.hasAdminCode]).toEqual([200, false])
})
