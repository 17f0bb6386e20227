import { expect, test } from 'vitest'
import { type AdminClient, call, connect, entityOf, type Fields, get, type Reachable, testRuntime } from './support.ts'

const acquire = (runtime: Reachable, scope?: string, more: Fields = {}) =>
  call(runtime, 'POST', '/admin/deploy-lock', { owner: 'me', ...(scope === undefined ? {} : { scope }), ...more })

const SCRIPT = {
  script: 'asset://a.js',
  scriptEntry: 'index.js',
  scriptFiles: { 'index.js': 'asset://a.js' },
  scriptFormat: 'module',
}

async function scripted(socket: AdminClient, lockToken: string, blueprint: Fields): Promise<Fields> {
  return socket.command({ type: 'blueprint_add', blueprint: { version: 0, ...SCRIPT, ...blueprint }, lockToken })
}

test('locks: defaults, exclusion of global, renewal and release by token', async () => {
  let now = 1_800_000_000_000
  const runtime = await testRuntime({ clock: () => now })
  const a = await call(runtime, 'POST', '/admin/deploy-lock', { scope: 'a' })
  expect(a.data).toEqual({ ok: true, token: expect.any(String), ttlMs: 120_000 })
  expect((await get(runtime, '/admin/deploy-lock?scope=a')).data).toMatchObject({ owner: 'unknown', scope: 'a' })
  expect((await get(runtime, '/admin/deploy-lock')).data).toEqual({ locked: false })
  expect((await acquire(runtime)).data).toMatchObject({ error: 'locked', lock: { scope: 'a' } })
  expect((await call(runtime, 'PUT', '/admin/deploy-lock', { token: 'x', scope: 'a' })).data).toEqual({
    error: 'not_owner',
  })
  expect((await call(runtime, 'DELETE', '/admin/deploy-lock', { token: 'x', scope: 'b' })).data).toEqual({
    error: 'not_locked',
  })
  now += 100_000
  expect((await call(runtime, 'PUT', '/admin/deploy-lock', { token: a.data.token, ttl: 30 })).data).toEqual({
    ok: true,
    ttlMs: 30_000,
  })
  now += 30_000
  const global = await acquire(runtime)
  expect(global.status).toBe(200)
  expect((await acquire(runtime, 'a')).data).toMatchObject({ error: 'locked', lock: { scope: 'global' } })
  expect((await call(runtime, 'PUT', '/admin/deploy-lock', { token: a.data.token, scope: 'a' })).data).toEqual({
    error: 'not_locked',
  })
  expect((await call(runtime, 'DELETE', '/admin/deploy-lock', { token: global.data.token })).data).toEqual({ ok: true })
  expect((await acquire(runtime, 'a')).status).toBe(200)
})

test('any script field needs scope and lock; an empty script does not', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const add = (blueprint: Fields, lockToken?: string) => socket.command({ type: 'blueprint_add', blueprint, lockToken })
  expect(await add({ id: 'p', version: 0, script: '' })).toMatchObject({ ok: true })
  expect(await add({ id: 'x', scope: 's', scriptRef: null })).toMatchObject({ error: 'deploy_lock_required' })
  const { token } = (await acquire(runtime, 's')).data
  expect(await add({ id: 'x', scope: 's', ...SCRIPT })).toMatchObject({ error: 'deploy_locked', lock: { scope: 's' } })
  expect(await add({ id: 'x', version: 0, scope: 's', ...SCRIPT }, token)).toMatchObject({ ok: true })
  const modify = (change: Fields, lockToken?: string) => socket.command({ type: 'blueprint_modify', change, lockToken })
  expect(await modify({ id: 'x', version: 1, scope: 't', script: 'asset://b.js' }, token)).toMatchObject({
    error: 'scope_mismatch',
  })
  expect(await modify({ id: 'p', version: 1, script: 'asset://b.js' }, token)).toMatchObject({
    error: 'deploy_lock_required',
  })
  expect(await modify({ id: 'x', version: 1, scope: 't' })).toMatchObject({ ok: true })
})

test.each([
  ['scriptFiles', ['a']],
  ['scriptFiles', { '/a.js': 'asset://a.js' }],
  ['scriptFiles', { '../a.js': 'asset://a.js' }],
  ['scriptFiles', { 'a\\b.js': 'asset://a.js' }],
  ['scriptFiles', { 'a//b.js': 'asset://a.js' }],
  ['scriptFiles', { ' ': 'asset://a.js' }],
  ['scriptFiles', { 'a.js': 'https://elsewhere/a.js' }],
  ['scriptEntry', '../a.js'],
  ['scriptEntry', 7],
])('%s %j is refused', async (field, value) => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const { token } = (await acquire(runtime, 's')).data
  const error = field === 'scriptFiles' ? 'invalid_script_files' : 'invalid_script_entry'
  expect(await scripted(socket, token, { id: 'x', scope: 's', [field]: value })).toMatchObject({ ok: false, error })
})

test('variants share the scripts of their root', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const { token } = (await acquire(runtime, 's')).data
  await scripted(socket, token, { id: 'root', scope: 's' })
  const none = { scriptEntry: null, scriptFiles: null, scriptFormat: null }
  await scripted(socket, token, { id: 'variant', scope: 's', scriptRef: 'root', script: 'asset://own.js' })
  const read = async (id: string) => (await get(runtime, `/admin/blueprints/${id}`)).data.blueprint
  expect(await read('variant')).toMatchObject({ ...none, scriptRef: 'root', script: 'asset://a.js', scope: 's' })
  await scripted(socket, token, { id: 'self', scope: 's', scriptRef: 'self' })
  expect(await read('self')).toMatchObject({ ...SCRIPT, scriptRef: null })
  await scripted(socket, token, { id: 'careless', scriptRef: 'root' })
  expect((await read('careless')).scope).toBe('global')
  const change = { id: 'careless', version: 1, scriptRef: 'root' }
  expect(await socket.command({ type: 'blueprint_modify', change, lockToken: token })).toMatchObject({
    error: 'scope_mismatch',
  })
  const root = { id: 'root', version: 1, script: 'asset://b.js' }
  await socket.command({ type: 'blueprint_modify', change: root, lockToken: token })
  expect((await read('variant')).script).toBe('asset://a.js')
})

test('a field sent as undefined is removed', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  await socket.command({ type: 'blueprint_add', blueprint: { id: 'b', version: 0, desc: 'x', custom: 1 } })
  await socket.command({
    type: 'blueprint_modify',
    change: { id: 'b', version: 1, desc: undefined, custom: undefined },
  })
  const { operations } = (await get(runtime, '/admin/changes?cursor=1')).data
  for (const part of [operations[0].patch, operations[0].snapshot]) {
    expect(part).not.toHaveProperty('desc')
    expect(part).not.toHaveProperty('custom')
  }
  await socket.command({ type: 'settings_modify', key: 'title', value: undefined })
  expect((await get(runtime, '/admin/changes?cursor=2')).data.operations[0].patch).toEqual({ key: 'title' })
  expect((await get(runtime, '/admin/snapshot')).data.settings).not.toHaveProperty('title')
})

test('deploy snapshots: taken under the lock, rolled back with new versions, gone blueprints made again', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const { token } = (await acquire(runtime, 's')).data
  await scripted(socket, token, { id: 'a', scope: 's', name: 'A' })
  await scripted(socket, token, { id: 'b', scope: 's', name: 'B' })
  await socket.command({ type: 'blueprint_add', blueprint: { id: 'c', version: 0, scope: 't' } })
  const take = (body: Fields) => call(runtime, 'POST', '/admin/deploy-snapshots', { target: 't', note: '', ...body })
  const back = (body: Fields) => call(runtime, 'POST', '/admin/deploy-snapshots/rollback', body)
  expect((await back({ scope: 's', lockToken: token })).data).toEqual({ error: 'not_found' })
  expect((await take({ ids: ['a', 'c'], lockToken: token })).data).toEqual({
    ok: false,
    error: 'multi_scope_not_supported',
    scopes: ['s', 't'],
  })
  expect((await take({ ids: ['a'] })).data).toMatchObject({ error: 'deploy_locked' })
  expect((await take({ ids: ['c'] })).data).toEqual({ error: 'deploy_lock_required' })
  expect((await take({ ids: 'a' })).status).toBe(400)
  const taken = (await take({ ids: ['a', 'b', 'nope'], lockToken: token })).data
  expect(taken).toMatchObject({ ok: true, count: 2, missing: ['nope'] })

  const change = { id: 'a', version: 7, name: 'A2', extra: 1 }
  await socket.command({ type: 'blueprint_modify', change })
  await call(runtime, 'DELETE', '/admin/blueprints/b')
  expect((await back({ id: taken.id })).data).toMatchObject({ error: 'deploy_locked' })
  expect((await back({ id: taken.id, lockToken: token })).data).toEqual({
    ok: true,
    snapshotId: taken.id,
    restored: ['a', 'b'],
    failed: [],
  })
  const { blueprint } = (await get(runtime, '/admin/blueprints/a')).data
  expect(blueprint).toMatchObject({ name: 'A', version: 8, updateSource: 'admin.rollback' })
  expect(blueprint).not.toHaveProperty('extra')
  expect((await get(runtime, '/admin/blueprints/b')).data.blueprint).toMatchObject({ name: 'B', ...SCRIPT })
})

test('sockets: who does not say who they are is turned away', async () => {
  const runtime = await testRuntime()
  const { openSocket } = await import('./support.ts')
  for (const [speak, error] of [
    [(s: AdminClient) => s.send('adminCommand', { type: 'kick' }), 'unauthorized'],
    [(s: AdminClient) => s.raw(new Uint8Array([0xc1, 1, 2])), 'invalid_packet'],
  ] as const) {
    const socket = await openSocket(runtime)
    speak(socket)
    await socket.closed
    expect(socket.received).toEqual([{ packet: 'adminAuthError', data: { error } }])
  }
})

test('actor and source: as sent, else networkId, else admin', async () => {
  const runtime = await testRuntime()
  const plain = await connect(runtime)
  const named = await connect(runtime, { networkId: 'net' })
  await plain.command({ type: 'entity_add', entity: entityOf('a') })
  await named.command({ type: 'entity_add', entity: entityOf('b') })
  await named.command({ type: 'entity_add', entity: entityOf('c'), networkId: 'mine' })
  await named.command({ type: 'entity_add', entity: entityOf('d'), networkId: 'mine', actor: 'me', source: 'here' })
  const { operations } = (await get(runtime, '/admin/changes?cursor=0')).data
  expect(operations.map((o: Fields) => [o.actor, o.source])).toEqual([
    ['admin', 'admin'],
    ['net', 'admin'],
    ['mine', 'admin'],
    ['me', 'here'],
  ])
})
