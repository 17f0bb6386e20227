import { expect, test } from 'vitest'
import { batch, call, connect, entityOf, type Fields, get, temporaryFolder, testRuntime } from './support.ts'

const ids = (objects: readonly Fields[]) => objects.map(({ id }) => id)

test('no section 9', async () => {
  const runtime = await testRuntime({ publicLike: true })
  const { data } = await get(runtime, '/admin/snapshot')
  expect(Object.keys(data)).not.toContain('capabilities')
  expect((await batch(runtime, [])).status).toBe(404)
})

test('a crash loses objects while the feed and the settings stay', async () => {
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir, publicLike: true })
  const socket = await connect(first)
  await socket.command({ type: 'entity_add', entity: entityOf('kept', { state: { n: 1 } }) })
  await socket.command({ type: 'entity_add', entity: entityOf('held', { mover: 'somebody' }) })
  first.save()
  await socket.command({ type: 'entity_add', entity: entityOf('lost') })
  await socket.command({ type: 'settings_modify', key: 'title', value: 'Home' })
  expect((await get(first, '/admin/changes?cursor=0')).data.operations).toHaveLength(4)
  await socket.command({ type: 'entity_modify', change: { id: 'kept', position: [1, 1, 1] } })
  await first.kill()

  const second = await testRuntime({ dataDir, publicLike: true })
  const { entities, settings } = (await get(second, '/admin/snapshot')).data
  expect(ids(entities).slice(1)).toEqual(['kept'])
  expect(entities[1]).toMatchObject({ position: [0, 0, 0], state: {} })
  expect(settings.title).toBe('Home')
  const head = (await get(second, '/admin/changes')).data.cursor
  expect([4, 5]).toContain(head)
})

test('a closing runtime writes the feed, but saves nothing', async () => {
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir, publicLike: true })
  const socket = await connect(first)
  await Promise.all(['a', 'b'].map((id) => socket.command({ type: 'entity_add', entity: entityOf(id) })))
  await first.close()
  const second = await testRuntime({ dataDir, publicLike: true })
  expect((await get(second, '/admin/changes')).data.cursor).toBe(2)
  expect((await get(second, '/admin/snapshot')).data.entities).toHaveLength(1)
})

test('a reused opId is applied again, recorded nowhere, and skips a cursor number', async () => {
  const runtime = await testRuntime({ publicLike: true })
  const socket = await connect(runtime)
  await socket.command({ type: 'entity_add', entity: entityOf('a'), lastOpId: 'same' })
  await socket.command({ type: 'entity_modify', change: { id: 'a', pinned: true }, lastOpId: 'same' })
  await socket.command({ type: 'settings_modify', key: 'title', value: 'x' })
  const { operations } = (await get(runtime, '/admin/changes?cursor=0')).data
  expect(operations.map((o: Fields) => [o.cursor, o.kind])).toEqual([
    [1, 'entity.add'],
    [3, 'settings.update'],
  ])
  expect((await get(runtime, '/admin/entities?type=app')).data.entities[1].pinned).toBe(true)
})

test('a blueprint change empties the state of its entities without an operation', async () => {
  const runtime = await testRuntime({ publicLike: true })
  const socket = await connect(runtime)
  await socket.command({ type: 'blueprint_add', blueprint: { id: 'b', version: 0 } })
  await socket.command({ type: 'entity_add', entity: entityOf('a', { blueprint: 'b', state: { n: 1 } }) })
  await socket.command({ type: 'blueprint_modify', change: { id: 'b', version: 1, name: 'B' } })
  expect((await get(runtime, '/admin/entities')).data.entities[1].state).toEqual({})
  expect((await get(runtime, '/admin/changes')).data.cursor).toBe(3)
})

test('locks die with the server', async () => {
  const dataDir = temporaryFolder()
  const first = await testRuntime({ dataDir, publicLike: true })
  await call(first, 'POST', '/admin/deploy-lock', { scope: 'a' })
  await first.kill()
  const second = await testRuntime({ dataDir, publicLike: true })
  expect((await get(second, '/admin/deploy-lock?scope=a')).data).toEqual({ locked: false })
})
