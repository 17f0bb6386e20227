import { expect, test } from 'vitest'
import { LockTable } from '../../src/runtime/deploy-locks.ts'
import { createDeploySnapshots } from '../../src/runtime/deploy-snapshots.ts'
import type { Runtime, RuntimeOptions } from '../../src/runtime/index.ts'
import { openDatabase } from '../../src/runtime/store-schema.ts'
import { batch, call, connect, entityOf, type Fields, get, op, testRuntime } from './support.ts'

const ODD_IDS = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '..',
  '../x',
  '.git',
  'con',
  'a\nb',
  '\u202e',
  '"',
  "'; --",
  '%',
  ' ',
  '🏮',
  'x'.repeat(1024),
]
const BAD_IDS = ['', 'a\0b', '\ud800', 'x'.repeat(1025), 5, null, true, [], {}, ['a'], { id: 'a' }]

async function hostileWorld(limits: RuntimeOptions['limits'] = {}) {
  const reports: unknown[] = []
  const runtime = await testRuntime({ limits, report: (error) => reports.push(error) })
  const state = async () => {
    const { blueprints, entities, settings, spawn, cursor } = (await get(runtime, '/admin/snapshot')).data
    return { blueprints, entities, settings, spawn, cursor }
  }
  return { runtime, reports, state }
}

test('operations of any wrong shape are refused by name, and nothing of their batch is kept', async () => {
  const { runtime, reports, state } = await hostileWorld()
  await batch(runtime, [op('entity.add', { entity: entityOf('e') }), op('blueprint.add', { blueprint: { id: 'b' } })])
  const before = await state()
  const good = () => op('settings.update', { key: 'title', value: 'never' })
  const refuse = async (operation: unknown, more: object = {}) => {
    const { status, data } = await call(runtime, 'POST', '/admin/ops', { operations: [good(), operation], ...more })
    expect(status, JSON.stringify(operation)?.slice(0, 200)).toBe(400)
    expect(data).toMatchObject({ error: expect.any(String), message: expect.stringMatching(/./) })
    if (typeof (operation as Fields)?.opId === 'string' && (operation as Fields).opId !== '') {
      expect(data.opId).toBe((operation as Fields).opId)
    }
  }
  for (const operation of [
    null,
    5,
    'x',
    [],
    {},
    { opId: 'x' },
    { opId: 'x', kind: 5 },
    { opId: 'x', kind: 'toString' },
  ]) {
    await refuse(operation)
  }
  for (const id of BAD_IDS) {
    await refuse({ ...op('entity.remove', { id }) })
    await refuse({ ...op('entity.update', { id, patch: {} }) })
    await refuse({ ...op('entity.add', { entity: { ...entityOf('x'), id } }) })
    await refuse({ ...op('blueprint.add', { blueprint: { id } }) })
    await refuse({ ...op('settings.update', { key: id, value: 1 }) })
    await refuse({ ...op('entity.remove', { id: 'x' }), opId: id })
    await refuse({ ...op('entity.remove', { id: 'x' }), actor: id ?? '' })
    await refuse({ ...op('entity.remove', { id: 'x' }), source: id ?? '' })
  }
  for (const value of [5, 'x', true, [], [1]]) {
    await refuse(op('entity.update', { id: 'e', patch: value }))
    await refuse(op('entity.update', { id: 'e', patch: {}, expect: value }))
    await refuse(op('entity.update', { id: 'e', patch: { props: value } }))
    await refuse(op('entity.add', { entity: value }))
    await refuse(op('blueprint.add', { blueprint: value }))
    await refuse(
      op(
        'entity.update',
        { id: 'e', patch: {}, remove: [value] }.remove[0] === 'x'
          ? { id: 'e', remove: 'x' }
          : { id: 'e', patch: {}, remove: [value] },
      ),
    )
    await refuse(op('spawn.update', { position: value, quaternion: [0, 0, 0, 1] }))
  }
  for (const position of [[1, 2], [1, 2, 3, 4], ['1', 2, 3], [null, 2, 3], { 0: 1, 1: 2, 2: 3, length: 3 }]) {
    await refuse(op('spawn.update', { position, quaternion: [0, 0, 0, 1] }))
  }
  await refuse(op('entity.add', { entity: { ...entityOf('x'), type: 'player' } }))
  await refuse(op('entity.update', { id: 'e', patch: { type: 'player' } }))
  await refuse({ ...op('x'.repeat(1_000_000), {}), opId: 'long' })
  const twice = op('entity.remove', { id: 'x' })
  expect((await batch(runtime, [twice, twice])).data).toMatchObject({ error: 'invalid_payload', opId: twice.opId })
  for (const body of [
    {},
    { operations: {} },
    { operations: 'x' },
    { operations: [], expectedCursor: 'x' },
    { operations: [], expectedCursor: 1.5 },
    { operations: [], expectedCursor: 1e308 },
    { operations: [], lockTokens: [] },
    { operations: [], lockTokens: { a: 5 } },
    { operations: [], lockTokens: 'x' },
  ]) {
    expect((await call(runtime, 'POST', '/admin/ops', body)).data, JSON.stringify(body)).toMatchObject({
      error: 'invalid_payload',
      message: expect.any(String),
    })
  }
  expect(await state()).toEqual(before)
  expect(reports).toEqual([])
})

test('odd ids, keys and numbers are data: kept, shown, changed and removed like any other', async () => {
  const { runtime, reports, state } = await hostileWorld()
  const socket = await connect(runtime)
  const props = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":1},"n":1e308,"tiny":5e-324,"big":9007199254740993}',
  )
  for (const id of ODD_IDS) {
    const add = op('entity.add', { entity: entityOf(id, { blueprint: id, props }) })
    const change = op('entity.update', {
      id,
      patch: { 'props.__proto__': 1, 'props.constructor.prototype': 2 },
      expect: { 'props.n': 1e308, 'props.none': { absent: true } },
    })
    const blueprint = op('blueprint.add', { blueprint: { id, name: id, scope: id } })
    const { status } = await batch(runtime, [blueprint, add, change])
    expect(status, id).toBe(200)
    const entity = (await state()).entities.find((e: Fields) => e.id === id)
    expect(Object.keys(entity.props)).toEqual(Object.keys(props))
    expect(Object.getOwnPropertyDescriptor(entity.props, '__proto__')?.value).toBe(1)
    expect(entity.props.constructor).toEqual({ prototype: 2 })
    expect((await get(runtime, `/admin/blueprints/${encodeURIComponent(id)}`)).status).toBe(
      id.includes('..') && id.length < 4 ? 404 : 200,
    )
    expect((await batch(runtime, [op('entity.remove', { id }), op('blueprint.remove', { id })])).status).toBe(200)
  }
  expect(({} as Fields).polluted).toBe(undefined)
  const unknown = await batch(
    runtime,
    ODD_IDS.map((key) => op('settings.update', { key, value: { key } })),
  )
  expect(unknown.status).toBe(200)
  expect(Object.keys((await state()).settings)).not.toContain('constructor')
  await socket.drain()
  expect(reports).toEqual([])
})

test('dotted patches cannot nest deeper than anything may be, nor cost more than they are worth', async () => {
  const { runtime, reports } = await hostileWorld({ copiedMembers: 40_000 })
  await batch(runtime, [op('entity.add', { entity: entityOf('e', { props: { a: {} } }) })])
  const nest = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)
  const path = (depth: number) => `props${'.a'.repeat(depth)}`
  expect((await batch(runtime, [op('entity.update', { id: 'e', patch: { 'props.a': nest(50) } })])).status).toBe(200)
  const deeper = await batch(runtime, [op('entity.update', { id: 'e', patch: { [path(50)]: nest(50) } })])
  expect(deeper).toMatchObject({ status: 400, data: { error: 'invalid_payload', id: 'e' } })
  const steps = Array.from({ length: 10 }, (_, i) =>
    op('entity.update', { id: 'e', patch: { [path(50 + i * 4)]: nest(5) } }),
  )
  expect((await batch(runtime, steps)).status).toBe(400)
  expect(
    (
      await batch(runtime, [
        op('entity.update', { id: 'e', patch: { 'props.a': 1 }, expect: { [`props${'.a'.repeat(1_000_000)}`]: 1 } }),
      ])
    ).status,
  ).toBe(409)

  // Two thousand props in one patch, on an object that has as many: the object is copied once, not each time.
  const wide = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, i]))
  const dotted = Object.fromEntries(Object.keys(wide).map((key) => [`props.${key}`, 'new']))
  const once = [
    op('entity.add', { entity: entityOf('wide', { props: wide }) }),
    op('entity.update', { id: 'wide', patch: dotted }),
  ]
  expect((await batch(runtime, once)).status).toBe(200)
  const many = Array.from({ length: 50 }, (_, i) => op('entity.update', { id: 'wide', patch: { 'props.k1': i } }))
  expect(await batch(runtime, many)).toMatchObject({ status: 413, data: { error: 'payload_too_large', id: 'wide' } })
  expect(reports).toEqual([])
})

test('a small request cannot make a large answer: mismatches, pages of the feed, and the feed itself', async () => {
  const { runtime, reports } = await hostileWorld({ pageBytes: 1_000_000, commitCharacters: 5_000_000 })
  await batch(runtime, [op('entity.add', { entity: entityOf('e', { props: { text: 'x'.repeat(100_000) } }) })])
  const expectations = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, 1]))
  const expect21 = { ...expectations, 'props.text': 'y' }
  const wrong = Array.from({ length: 1000 }, () => op('entity.update', { id: 'e', patch: {}, expect: expect21 }))
  const answer = await batch(runtime, wrong)
  expect(answer.status).toBe(409)
  expect(answer.text.length).toBeLessThan(8_000_000)
  expect(answer.data.mismatches.at(-1)).toEqual({ opId: expect.any(String), id: 'e', field: expect.any(String) })

  // Every operation repeats its object.
  const pin = (_: unknown, i: number) => op('entity.update', { id: 'e', patch: { pinned: i % 2 === 0 } })
  const repeat = (count: number) => batch(runtime, Array.from({ length: count }, pin))
  expect(await repeat(60)).toMatchObject({ status: 413, data: { error: 'payload_too_large' } })
  expect((await repeat(40)).status).toBe(200)
  let cursor = 0
  let seen = 0
  for (let more = true; more; ) {
    const page = await get(runtime, `/admin/changes?cursor=${cursor}&limit=1000`)
    expect(page.text.length).toBeLessThan(1_100_000)
    seen += page.data.operations.length
    cursor = page.data.cursor
    more = page.data.hasMore
  }
  expect([seen, cursor]).toEqual([41, 41])
  expect((await get(runtime, '/admin/changes?cursor=1&limit=3')).data).toMatchObject({ cursor: 4, hasMore: true })
  expect(reports).toEqual([])
})

async function lock(runtime: Runtime, body: unknown) {
  return call(runtime, 'POST', '/admin/deploy-lock', body)
}

test('locks and deploy snapshots of strange names, of wrong types, and too many', async () => {
  const { runtime, reports } = await hostileWorld()
  for (const scope of ODD_IDS) {
    const { data } = await lock(runtime, { scope, owner: scope, ttl: 1e308 })
    expect(data, scope).toMatchObject({ ok: true, ttlMs: 24 * 60 * 60 * 1000 })
    expect((await get(runtime, `/admin/deploy-lock?scope=${encodeURIComponent(scope)}`)).data).toMatchObject({
      locked: true,
      owner: scope,
    })
    expect((await call(runtime, 'DELETE', '/admin/deploy-lock', { token: data.token })).data).toEqual({ ok: true })
  }
  for (const bad of BAD_IDS.filter((id) => id !== '' && id !== null)) {
    expect((await lock(runtime, { scope: bad })).data).toMatchObject({
      error: 'invalid_payload',
      message: expect.any(String),
    })
    expect((await lock(runtime, { owner: bad })).data).toMatchObject({ error: 'invalid_payload' })
    expect((await call(runtime, 'POST', '/admin/deploy-snapshots', { ids: [bad] })).status).toBe(400)
    expect((await call(runtime, 'PUT', '/admin/deploy-lock', { token: bad })).status).toBe(409)
    expect((await call(runtime, 'POST', '/admin/deploy-snapshots/rollback', { id: bad, scope: bad })).status).toBe(404)
  }
  expect((await call(runtime, 'POST', '/admin/deploy-snapshots', { ids: '__proto__' })).status).toBe(400)
  expect((await call(runtime, 'POST', '/admin/clean', { dryrun: 'true' })).data).toMatchObject({
    error: 'invalid_payload',
  })
  for (const ttl of [0, -1, '5', null, {}]) {
    const { data } = await lock(runtime, { scope: 'ttl', ttl })
    expect(data.ttlMs).toBe(120_000)
    await call(runtime, 'DELETE', '/admin/deploy-lock', { token: data.token })
  }
  const { data } = await lock(runtime, { scope: 'global' })
  await batch(runtime, [op('blueprint.add', { blueprint: { id: 'b', desc: 'x'.repeat(1000) } })])
  const first = await call(runtime, 'POST', '/admin/deploy-snapshots', {
    ids: ['b', '$scene'],
    scope: 'global',
    lockToken: data.token,
  })
  expect(first.data).toMatchObject({ ok: true, count: 2 })
  expect((await call(runtime, 'POST', '/admin/clean', { dryrun: true })).status).toBe(200)
  expect((await get(runtime, '/health')).status).toBe(200)
  expect(reports).toEqual([])
})

test('locks and deploy snapshots are bounded in number; expired locks make room', () => {
  const released: string[] = []
  const table = new LockTable([], (lock) => 'released' in lock && released.push(lock.scope))
  const held = (scope: string, expiresAt: number) => ({ scope, token: scope, owner: 'o', acquiredAt: 0, expiresAt })
  for (let i = 0; i < 9999; i++) table.put(held(`s${i}`, 100))
  expect(table.hasRoom(50)).toBe(true)
  table.put(held('last', 200))
  expect(table.hasRoom(50)).toBe(false)
  expect(table.hasRoom(150)).toBe(true)
  expect([released.length, table.get('last', 150)?.scope]).toEqual([9999, 'last'])

  const db = openDatabase(':memory:', undefined)
  const snapshots = createDeploySnapshots(db)
  for (let i = 0; i < 1005; i++) {
    snapshots.put({ id: `s${i}`, scope: 'a', createdAt: '', target: '', note: '', blueprints: [{ id: `b${i}` }] })
  }
  expect([...snapshots.blueprints()].map(({ id }) => id).slice(0, 2)).toEqual(['b5', 'b6'])
  expect([snapshots.get('s4'), snapshots.latest('a')?.id]).toEqual([undefined, 's1004'])
  db.close()
})
