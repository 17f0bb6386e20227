import { expect, test } from 'vitest'
import { SyncError } from '../../src/world/errors.ts'
import { childRuntime } from './child-runtime.ts'
import { batch, CODE, call, connect, entityOf, type Fields, get, op, temporaryFolder, testRuntime } from './support.ts'

test('SIGKILL in the middle of a burst loses nothing that was acknowledged', async () => {
  const dataDir = temporaryFolder()
  const child = await childRuntime(dataDir, CODE)
  const socket = await connect(child)
  const acknowledged: string[] = []
  const sent = Array.from({ length: 400 }, (_, i) => {
    const id = `e${i}`
    return socket
      .command({ type: 'entity_add', entity: entityOf(id, { position: [i, 0, 0] }), lastOpId: `op-of-${id}` })
      .then(() => {
        if (acknowledged.push(id) === 150) child.process.kill('SIGKILL')
      })
  })
  void Promise.allSettled(sent)
  expect(await child.ended).toBe('SIGKILL')
  expect(acknowledged.length).toBeGreaterThanOrEqual(150)

  const runtime = await testRuntime({ dataDir })
  const { entities, cursor } = (await get(runtime, '/admin/snapshot')).data
  const feed = (await get(runtime, '/admin/changes?cursor=0&limit=1000')).data.operations as Fields[]
  const there = new Set(entities.map((e: Fields) => e.id))
  const recorded = new Set(feed.map((o) => o.opId))
  for (const id of acknowledged) expect([id, there.has(id), recorded.has(`op-of-${id}`)]).toEqual([id, true, true])
  expect(feed.length).toBe(entities.length - 1)
  expect(cursor).toBe(feed.at(-1)!.cursor)
})

test('SIGTERM closes cleanly, and the world is there again', async () => {
  const dataDir = temporaryFolder()
  const child = await childRuntime(dataDir, CODE)
  await batch(child, [op('settings.update', { key: 'title', value: 'Home' })])
  child.process.kill('SIGTERM')
  expect(await child.ended).toBe(0)
  const runtime = await testRuntime({ dataDir })
  expect((await get(runtime, '/status')).data).toMatchObject({ ok: true, worldId: 'test-world', title: 'Home' })
})

test('a restart gives back the same snapshot, order of objects included', async () => {
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir })
  const socket = await connect(first)
  await batch(first, [
    op('entity.add', { entity: entityOf('b', { props: { n: 1e21, z: -0, text: 'a\0\ud800' } }) }),
    op('entity.add', { entity: entityOf('a') }),
  ])
  await socket.command({
    type: 'entity_add',
    entity: { ...entityOf('c'), when: new Date(0), nan: Number.NaN, big: 12n, gone: undefined, list: [undefined] },
  })
  await socket.command({ type: 'entity_modify', change: { id: 'b', pinned: true } })
  const before = await get(first, '/admin/snapshot')
  await first.kill()
  const second = await testRuntime({ dataDir })
  const after = await get(second, '/admin/snapshot')
  expect(after.data.entities).toEqual(before.data.entities)
  expect(after.data.cursor).toBe(before.data.cursor)
})

test('a full disk is answered server_error and 500; memory stays as the disk is', async () => {
  const dataDir = temporaryFolder()
  const reported: unknown[] = []
  const runtime = await testRuntime({ dataDir, maxDatabaseBytes: 400_000, report: (error) => reported.push(error) })
  const socket = await connect(runtime)
  await batch(runtime, [op('entity.add', { entity: entityOf('small') })])
  await socket.drain()
  const big = 'x'.repeat(1_000_000)
  const [answer, tooBig, fits] = await Promise.all([
    batch(runtime, [op('entity.add', { entity: entityOf('big', { props: { big } }) })]),
    socket.command({ type: 'entity_add', entity: entityOf('big2', { props: { big } }) }),
    socket.command({ type: 'entity_modify', change: { id: 'small', pinned: true } }),
  ])
  expect([answer.status, answer.data]).toEqual([500, { error: 'server_error' }])
  expect(tooBig).toMatchObject({ ok: false, error: 'server_error' })
  expect(fits).toMatchObject({ ok: true })
  expect(reported.length).toBeGreaterThanOrEqual(2)
  const packets = (await socket.drain()).filter(({ packet }) => packet !== 'adminResult')
  expect(packets.map(({ packet, data }) => [packet, data.id])).toEqual([['entityModified', 'small']])
  const before = (await get(runtime, '/admin/snapshot')).data
  expect(before.entities.map((e: Fields) => e.id)).not.toContain('big')
  await runtime.kill()
  const after = (await get(await testRuntime({ dataDir }), '/admin/snapshot')).data
  expect(after.entities).toEqual(before.entities)
  expect(after.cursor).toBe(2)
})

test('a refused command does not fail its neighbours in the group', async () => {
  const runtime = await testRuntime()
  const socket = await connect(runtime)
  const answers = await Promise.all([
    socket.command({ type: 'entity_add', entity: entityOf('a') }),
    socket.command({ type: 'entity_add', entity: entityOf('bad', { props: null }) }),
    socket.command({ type: 'entity_modify', change: { id: 'nobody', pinned: true } }),
    socket.command({ type: 'entity_add', entity: { ...entityOf('cyclic'), props: cyclic() } }),
    socket.command({ type: 'blueprint_modify', change: { id: '$scene', version: 0 } }),
    socket.command({ type: 'entity_add', entity: entityOf('b') }),
  ])
  expect(answers.map(({ ok, error }) => error ?? ok)).toEqual([
    true,
    'invalid_payload',
    'not_found',
    'invalid_payload',
    'version_mismatch',
    true,
  ])
  expect((await get(runtime, '/admin/changes?cursor=0')).data.operations).toHaveLength(2)
})

test('one folder has one server, and one world', async () => {
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir })
  const second = await testRuntime({ dataDir }).catch((error: unknown) => error)
  expect(second).toBeInstanceOf(SyncError)
  expect(second).toMatchObject({ code: 'data_in_use', hint: expect.any(String) })
  await first.close()
  const wrong = await testRuntime({ dataDir, worldId: 'other' }).catch((error: unknown) => error)
  expect(wrong).toBeInstanceOf(SyncError)
  expect(wrong).toMatchObject({ code: 'wrong_world', exitCode: 5 })
  expect((await get(await testRuntime({ dataDir }), '/health')).data).toEqual({ ok: true })
})

test('a port in use is said, and the folder is free again', async () => {
  const { port } = await testRuntime()
  const dataDir = temporaryFolder()
  expect(await testRuntime({ dataDir, port }).catch((error: unknown) => error)).toMatchObject({ code: 'cannot_listen' })
  await testRuntime({ dataDir })
})

test('locks survive a restart; expired ones do not', async () => {
  let now = 1_800_000_000_000
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir, clock: () => now })
  const { token } = (await call(first, 'POST', '/admin/deploy-lock', { owner: 'me', ttl: 60, scope: 'a' })).data
  await call(first, 'POST', '/admin/deploy-lock', { owner: 'me', ttl: 5, scope: 'b' })
  await first.kill()
  now += 30_000
  const second = await testRuntime({ dataDir, clock: () => now })
  expect((await get(second, '/admin/deploy-lock?scope=a')).data).toEqual({
    locked: true,
    owner: 'me',
    acquiredAt: 1_800_000_000_000,
    ageMs: 30_000,
    expiresInMs: 30_000,
    scope: 'a',
  })
  expect((await get(second, '/admin/deploy-lock?scope=b')).data).toEqual({ locked: false })
  expect((await call(second, 'PUT', '/admin/deploy-lock', { token, ttl: 60, scope: 'a' })).status).toBe(200)
  expect((await call(second, 'DELETE', '/admin/deploy-lock', { token, scope: 'a' })).data).toEqual({ ok: true })
})

function cyclic(): Fields {
  const object: Fields = {}
  object.self = object
  return object
}
