import { expect, test } from 'vitest'
import { batch, call, connect, entityOf, get, op, testRuntime } from './support.ts'

const add = (id: string, more = {}) => op('entity.add', { entity: entityOf(id, more) })
const change = (id: string, patch: object, more: object = {}) => op('entity.update', { id, patch, ...more })
const head = async (runtime: Awaited<ReturnType<typeof testRuntime>>) =>
  (await get(runtime, '/admin/changes')).data.cursor
const entities = async (runtime: Awaited<ReturnType<typeof testRuntime>>) =>
  Object.fromEntries(
    (await get(runtime, '/admin/entities?type=app')).data.entities.map((e: { id: string }) => [e.id, e]),
  )

test('all kinds land in one request, in order, and reach the sockets', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const operations = [
    op('blueprint.add', { blueprint: { id: 'lamp', name: 'Lamp', scope: 'lamp' } }),
    op('blueprint.update', { id: 'lamp', patch: { desc: 'bright' } }),
    add('e1', { blueprint: 'lamp' }),
    change('e1', { position: [1, 2, 3] }),
    op('settings.update', { key: 'title', value: 'Home' }),
    op('spawn.update', { position: [0, 1, 0], quaternion: [0, 0, 0, 1] }),
    op('entity.remove', { id: 'e1' }),
    op('blueprint.remove', { id: 'lamp' }),
  ]
  const { status, data } = await batch(runtime, operations)
  expect(status).toBe(200)
  expect(data).toEqual({ ok: true, cursor: 8, results: operations.map(({ opId }, i) => ({ opId, cursor: i + 1 })) })
  const feed = (await get(runtime, '/admin/changes?cursor=0')).data.operations
  expect(feed.map((o: { kind: string }) => o.kind)).toEqual(operations.map(({ kind }) => kind))
  expect(feed[1].snapshot).toMatchObject({
    version: 1,
    desc: 'bright',
    scope: 'lamp',
    updatedBy: 'tester',
    updateSource: 'test',
  })
  expect(feed[2].snapshot.scope).toBe('lamp')
  expect((await socket.drain()).map(({ packet }) => packet)).toEqual([
    'blueprintAdded',
    'blueprintModified',
    'entityAdded',
    'entityModified',
    'settingsModified',
    'spawnModified',
    'entityRemoved',
    'blueprintRemoved',
  ])
})

test('one refused operation leaves no trace of the others', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const before = (await get(runtime, '/admin/snapshot')).data
  const bad = op('spawn.update', { position: [1], quaternion: [0, 0, 0, 1] })
  const { status, data } = await batch(runtime, [add('e1'), op('settings.update', { key: 'title', value: 'x' }), bad])
  expect(status).toBe(400)
  expect(data).toMatchObject({ error: 'invalid_payload', opId: bad.opId, message: expect.any(String) })
  expect((await get(runtime, '/admin/snapshot')).data).toEqual(before)
  expect(await socket.drain()).toEqual([])
})

test('expectations: values, dotted fields, absence and existence', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [add('e1', { props: { color: 'red', size: null } })])
  const good = [
    change('e1', { scale: [2, 2, 2] }, { expect: { position: [0, 0, 0], 'props.color': 'red', 'props.size': null } }),
    change(
      'e1',
      { pinned: true },
      { expect: { label: { absent: true }, 'props.shape': { absent: true }, scale: [2, 2, 2] } },
    ),
    { ...add('e2'), expect: { exists: false } },
    op('settings.update', { key: 'title', value: 'x', expect: { title: null } }),
    op('spawn.update', { position: [1, 0, 0], quaternion: [0, 0, 0, 1], expect: { position: [0, 0, 0] } }),
  ]
  expect((await batch(runtime, good)).status).toBe(200)

  const bad = [
    change('e1', { pinned: false }, { expect: { 'props.color': 'blue', pinned: true, 'props.none': null } }),
    { ...add('e2'), expect: { exists: false } },
    change('gone', { pinned: true }),
    op('entity.remove', { id: 'e1', expect: { 'props.color': { absent: true } } }),
    op('settings.update', { key: 'title', value: 'y', expect: { title: null } }),
  ]
  const answer = await batch(runtime, bad)
  expect(answer.status).toBe(409)
  expect(answer.data).toEqual({
    error: 'expectation_failed',
    headCursor: 6,
    mismatches: [
      { opId: bad[0]!.opId, id: 'e1', field: 'props.color', current: 'red' },
      { opId: bad[0]!.opId, id: 'e1', field: 'props.none', current: { absent: true } },
      { opId: bad[1]!.opId, id: 'e2', field: 'exists', current: true },
      { opId: bad[2]!.opId, id: 'gone', field: 'exists', current: false },
      { opId: bad[3]!.opId, id: 'e1', field: 'props.color', current: 'red' },
      { opId: bad[4]!.opId, id: 'title', field: 'title', current: 'x' },
    ],
  })
  expect((await entities(runtime)).e1.pinned).toBe(true)
})

test('dotted patches let two people set two props of one object; remove deletes fields', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [
    add('e1', { props: { color: 'red', size: 1, sky: { url: 'asset://a.jpg', type: 'texture' } }, label: 'x' }),
  ])
  await Promise.all([
    batch(runtime, [change('e1', { 'props.color': 'blue' })]),
    batch(runtime, [change('e1', { 'props.shape': 'round' }, { remove: ['props.size', 'label'] })]),
    batch(runtime, [change('e1', { 'props.sky.url': 'asset://b.jpg' })]),
  ])
  const props = { color: 'blue', shape: 'round', sky: { url: 'asset://b.jpg', type: 'texture' } }
  const { e1 } = await entities(runtime)
  expect(e1.props).toEqual(props)
  expect(e1).not.toHaveProperty('label')
  const feed = (await get(runtime, '/admin/changes?cursor=3')).data.operations
  expect(feed.at(-1).patch.props).toEqual(props)
})

test('fields nobody knows are kept, bookkeeping and version are the server’s', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [add('e1'), op('blueprint.add', { blueprint: { id: 'b', name: 'B' } })])
  await batch(runtime, [
    change('e1', { custom: { a: 1 }, updatedBy: 'liar', id: 'other', lastOpId: 'lie' }),
    op('blueprint.update', { id: 'b', patch: { name: 'B2', version: 99, createdAt: '1999-01-01T00:00:00.000Z' } }),
    op('blueprint.update', { id: 'b', patch: {}, remove: ['name', 'uid'] }),
  ])
  expect((await entities(runtime)).e1).toMatchObject({ custom: { a: 1 }, updatedBy: 'tester', id: 'e1' })
  const { blueprint } = (await get(runtime, '/admin/blueprints/b')).data
  expect(blueprint.version).toBe(2)
  expect(blueprint).not.toHaveProperty('name')
  expect(blueprint.uid).toEqual(expect.any(String))
  expect(blueprint.createdAt).not.toContain('1999')
})

test('keys such as __proto__ and constructor are data like any other', async () => {
  const runtime = await testRuntime()
  const body = `{"operations":[{"opId":"p1","kind":"entity.add","entity":{"id":"e1","type":"app","props":{"__proto__":{"x":1},"constructor":2,"toString":null}}},{"opId":"p2","kind":"entity.update","id":"e1","patch":{"props.__proto__":3},"expect":{"props.hasOwnProperty":{"absent":true},"props.constructor":2}}]}`
  expect((await call(runtime, 'POST', '/admin/ops', body)).status).toBe(200)
  expect((await get(runtime, '/admin/snapshot')).text).toContain(
    '"props":{"__proto__":3,"constructor":2,"toString":null}',
  )
})

test('a repeated request is acknowledged as duplicates, whatever the head is by now', async () => {
  const runtime = await testRuntime()
  const request = [add('e1'), change('e1', { position: [1, 0, 0] })]
  expect((await batch(runtime, request, { expectedCursor: 0 })).data.cursor).toBe(2)
  await batch(runtime, [change('e1', { position: [2, 0, 0] })])
  const again = await batch(runtime, request, { expectedCursor: 0 })
  expect(again.data).toEqual({
    ok: true,
    cursor: 3,
    results: request.map(({ opId }, i) => ({ opId, cursor: i + 1, duplicate: true })),
  })
  expect((await entities(runtime)).e1.position).toEqual([2, 0, 0])
  const mixed = await batch(runtime, [...request, add('e2')])
  expect(mixed.data.results.map((r: { duplicate?: boolean }) => r.duplicate === true)).toEqual([true, true, false])
})

test('an opId that the WebSocket recorded counts too, and the other way round', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  await socket.command({ type: 'entity_add', entity: entityOf('e1'), lastOpId: 'mine' })
  expect((await batch(runtime, [{ ...change('e1', { pinned: true }), opId: 'mine' }])).data.results[0].duplicate).toBe(
    true,
  )
  const first = change('e1', { pinned: true })
  await batch(runtime, [first])
  const answer = await socket.command({
    type: 'entity_modify',
    change: { id: 'e1', pinned: false },
    lastOpId: first.opId,
  })
  expect(answer).toMatchObject({ ok: true, duplicate: true })
  expect((await entities(runtime)).e1.pinned).toBe(true)
})

test('cursor_mismatch when the head is another', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [add('e1')])
  const answer = await batch(runtime, [add('e2')], { expectedCursor: 0 })
  expect([answer.status, answer.data]).toEqual([409, { error: 'cursor_mismatch', headCursor: 1 }])
  expect((await batch(runtime, [add('e2')], { expectedCursor: 1 })).status).toBe(200)
})

test('script-bearing operations need the lock of their scope, or of global', async () => {
  const runtime = await testRuntime()
  const scripted = (id: string, scope: string) =>
    op('blueprint.add', {
      blueprint: {
        id,
        scope,
        script: 'asset://a.js',
        scriptFiles: { 'index.js': 'asset://a.js' },
        scriptEntry: 'index.js',
      },
    })
  const lock = async (scope: string) =>
    (await call(runtime, 'POST', '/admin/deploy-lock', { scope, owner: 'me' })).data.token
  const required = await batch(runtime, [add('e1'), scripted('a', 'a')])
  expect([required.status, required.data.error]).toEqual([409, 'deploy_lock_required'])
  const token = await lock('a')
  const locked = await batch(runtime, [scripted('a', 'a')], { lockTokens: { a: 'wrong' } })
  expect(locked.data).toMatchObject({ error: 'deploy_locked', lock: { owner: 'me', scope: 'a' } })
  expect((await batch(runtime, [scripted('a', 'a')], { lockTokens: { a: token } })).status).toBe(200)
  const both = await batch(runtime, [scripted('a', 'a'), scripted('b', 'b')], { lockTokens: { a: token } })
  expect(both.data.error).toBe('deploy_lock_required')
  await call(runtime, 'DELETE', '/admin/deploy-lock', { token, scope: 'a' })
  const all = await lock('global')
  expect((await batch(runtime, [scripted('a', 'a'), scripted('b', 'b')], { lockTokens: { global: all } })).status).toBe(
    200,
  )
  const unknown = await batch(runtime, [op('blueprint.add', { blueprint: { id: 'c', script: 'asset://a.js' } })])
  expect([unknown.status, unknown.data.error]).toEqual([400, 'scope_unknown'])
  const moved = await batch(
    runtime,
    [op('blueprint.update', { id: 'a', patch: { scope: 'b', script: 'asset://b.js' } })],
    { lockTokens: { global: all } },
  )
  expect([moved.status, moved.data.error]).toEqual([400, 'scope_mismatch'])
})

test('in_use, and removals of what is gone already', async () => {
  const runtime = await testRuntime()
  await batch(runtime, [op('blueprint.add', { blueprint: { id: 'b' } }), add('e1', { blueprint: 'b' })])
  const used = await batch(runtime, [op('blueprint.remove', { id: 'b' })])
  expect([used.status, used.data.error]).toEqual([409, 'in_use'])
  const inOrder = [op('entity.remove', { id: 'e1' }), op('blueprint.remove', { id: 'b' })]
  expect((await batch(runtime, inOrder)).status).toBe(200)
  const gone = [op('entity.remove', { id: 'e1' }), op('blueprint.remove', { id: 'b' })]
  expect((await batch(runtime, gone)).data).toEqual({
    ok: true,
    cursor: 4,
    results: gone.map(({ opId }) => ({ opId })),
  })
})

test.each([
  ['no list', { operations: 'x' }, undefined],
  ['no opId', { operations: [{ kind: 'entity.remove', id: 'x' }] }, undefined],
  ['an unknown kind', { operations: [{ opId: 'a', kind: 'entity.spin' }] }, 'a'],
  [
    'an opId twice',
    {
      operations: [
        { opId: 'a', kind: 'entity.remove', id: 'x' },
        { opId: 'a', kind: 'entity.remove', id: 'y' },
      ],
    },
    'a',
  ],
  ['no id', { operations: [{ opId: 'a', kind: 'entity.update', patch: {} }] }, 'a'],
  ['an id that no database can hold', { operations: [{ opId: 'a', kind: 'entity.remove', id: 'x\0y' }] }, 'a'],
  ['a half surrogate', { operations: [{ opId: 'a', kind: 'entity.remove', id: '\ud800' }] }, 'a'],
  ['a patch that is no object', { operations: [{ opId: 'a', kind: 'entity.update', id: 'x', patch: [] }] }, 'a'],
  ['a bad cursor', { expectedCursor: 'x', operations: [] }, undefined],
  [
    'props that are no object',
    { operations: [{ opId: 'a', kind: 'entity.add', entity: { id: 'x', type: 'app', props: [] } }] },
    'a',
  ],
  ['another type', { operations: [{ opId: 'a', kind: 'entity.add', entity: { id: 'x', type: 'player' } }] }, 'a'],
])('invalid_payload: %s', async (_name, body, opId) => {
  const runtime = await testRuntime()
  const { status, data } = await call(runtime, 'POST', '/admin/ops', body)
  expect([status, data.error, data.opId]).toEqual([400, 'invalid_payload', opId])
  expect(await head(runtime)).toBe(0)
})

test('limits: 10,000 operations, 16 MB, nesting', async () => {
  const runtime = await testRuntime()
  const many = Array.from({ length: 10_001 }, (_, i) => ({ opId: `o${i}`, kind: 'entity.remove', id: 'x' }))
  expect((await batch(runtime, many)).status).toBe(413)
  expect((await batch(runtime, many.slice(1))).status).toBe(200)
  expect((await call(runtime, 'POST', '/admin/ops', ' '.repeat(16 * 1024 * 1024 + 1))).status).toBe(413)
  const deep = `{"operations":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  expect((await call(runtime, 'POST', '/admin/ops', deep)).status).toBe(400)
  expect((await call(runtime, 'POST', '/admin/ops', '{"operations":')).status).toBe(400)
})

test('capabilities that are switched off are not there', async () => {
  const runtime = await testRuntime({ capabilities: [] })
  const { data } = await get(runtime, '/admin/snapshot')
  expect(Object.keys(data)).not.toContain('capabilities')
  expect(Object.keys(data)).not.toContain('cursor')
  const answer = await batch(runtime, [])
  expect([answer.status, answer.data]).toEqual([
    404,
    { message: 'Route POST:/admin/ops not found', error: 'Not Found', statusCode: 404 },
  ])
  const one = await testRuntime({ capabilities: ['snapshot.cursor'] })
  expect((await get(one, '/admin/snapshot')).data).toMatchObject({ capabilities: ['snapshot.cursor'], cursor: 0 })
})
