import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { rawConnection } from './raw-http.ts'
import { batch, CODE, call, connect, entityOf, get, op, openSocket, testRuntime, upload } from './support.ts'

/** Samples by name and labels, as they stand in the text. */
async function samples(runtime: { readonly url: string }): Promise<Readonly<Record<string, number>>> {
  const response = await fetch(`${runtime.url}/metrics`)
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at).replace('gamedev_runtime_', ''), Number(line.slice(at + 1))]
    }),
  )
}

test('operations, refusals, requests, uploads, locks and connections are counted', async () => {
  const runtime = await testRuntime({ metrics: true, retention: 3 })
  const socket = await connect(runtime)
  await socket.command({ type: 'entity_add', entity: { ...entityOf('by-socket') } })
  await socket.command({ type: 'entity_modify', change: { id: 'none' } })
  const add = op('entity.add', { entity: entityOf('e') })
  await batch(runtime, [
    add,
    op('settings.update', { key: 'title', value: 'x' }),
    op('entity.update', { id: 'e', patch: {} }),
  ])
  await batch(runtime, [add])
  await batch(runtime, [op('entity.update', { id: 'e', patch: {}, expect: { pinned: true, position: 5 } })])
  await batch(runtime, [op('no kind', {})])
  await call(runtime, 'POST', '/admin/deploy-lock', { scope: 'a' })
  await upload(runtime, 'a.js', 'abc')
  await upload(runtime, `${createHash('sha256').update('abc').digest('hex')}.js`, 'other')
  await call(runtime, 'GET', '/admin/snapshot', undefined, { 'x-admin-code': 'wrong' })
  const wrong = await openSocket(runtime)
  wrong.send('adminAuth', { code: 'wrong' })
  await wrong.closed
  await rawConnection(runtime)
  await get(runtime, '/admin/blueprints/$scene')
  await get(runtime, '/nowhere/at-all')
  expect(await samples(runtime)).toMatchObject({
    'operations_total{kind="entity.add"}': 2,
    'operations_total{kind="settings.update"}': 1,
    'operations_total{kind="entity.update"}': 1,
    'commands_total{command="entity_add",outcome="done"}': 1,
    'commands_total{command="entity_modify",outcome="not_found"}': 1,
    'commands_total{command="batch",outcome="done"}': 2,
    'commands_total{command="batch",outcome="expectation_failed"}': 1,
    'commands_total{command="batch",outcome="invalid_payload"}': 1,
    duplicate_commands_total: 1,
    expectation_mismatches_total: 2,
    'uploads_total{outcome="stored"}': 1,
    'uploads_total{outcome="hash_mismatch"}': 1,
    upload_bytes_total: 3,
    'auth_failures_total{over="http"}': 1,
    'auth_failures_total{over="websocket"}': 1,
    commit_duration_seconds_count: 2,
    'http_requests_total{method="POST",route="/admin/ops",status="200"}': 2,
    'http_requests_total{method="POST",route="/admin/ops",status="409"}': 1,
    'http_requests_total{method="GET",route="/admin/blueprints/:id",status="200"}': 1,
    'http_requests_total{method="GET",route="none",status="404"}': 1,
    'http_request_duration_seconds_count{route="/admin/ops"}': 4,
    feed_cursor: 4,
    feed_floor: 1,
    blueprints: 1,
    entities: 3,
    deploy_locks: 1,
    websockets: 1,
    waiting_requests: 0,
    failures_total: 0,
  })
})

test('no request chooses a label, and no figure tells what a code protects', async () => {
  const runtime = await testRuntime({ metrics: true, worldId: 'secret-world', publicUrl: 'https://host/secret-path' })
  const before = Object.keys(await samples(runtime)).length
  await connect(runtime, { networkId: 'secret-network' })
  for (let i = 0; i < 10; i++) {
    await call(runtime, i % 2 === 0 ? 'GET' : 'PROPFIND', `/secret-${i}?secret=${i}`, undefined, {
      'user-agent': `secret-${i}`,
    })
    await get(runtime, `/assets/secret-${i}.js`)
    await get(runtime, `/admin/blueprints/secret-${i}`)
    await batch(runtime, [
      { ...op('entity.add', { entity: entityOf(`secret-${i}`) }), actor: `secret-${i}`, source: 'secret' },
    ])
    await batch(runtime, [{ ...op(`secret.${i}`, {}) }])
    await batch(runtime, [op('settings.update', { key: `secret-${i}`, value: 'secret' })])
  }
  const client = await connect(runtime)
  for (let i = 0; i < 10; i++) await client.command({ type: `secret-${i}` })
  const text = await (await fetch(`${runtime.url}/metrics`)).text()
  expect(text).not.toContain('secret')
  expect(text).not.toContain(CODE)
  expect(Object.keys(await samples(runtime)).length).toBeLessThan(before + 120)
})

test('without metrics there is no such route', async () => {
  expect((await get(await testRuntime(), '/metrics')).status).toBe(404)
})
