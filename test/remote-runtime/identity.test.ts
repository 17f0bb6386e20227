import { afterEach, expect, test } from 'vitest'
import { closeAll, failure, json, SNAPSHOT, world } from './fake-server.ts'

afterEach(closeAll)

test('the status says who it is, and is asked without the code', async () => {
  const { runtime, server } = await world((_, response) => json(response, { ok: true, worldId: 'w', title: 'Plaza' }), {
    path: '/worlds/plaza',
    worldId: 'w',
  })
  expect(await runtime.identify()).toEqual({ worldId: 'w', title: 'Plaza' })
  expect(server.asked.map(({ path }) => path)).toEqual(['/worlds/plaza/status'])
  expect(server.asked[0]?.headers).not.toHaveProperty('x-admin-code')
})

test.each([
  ['is not served', 404, { error: 'Not Found' }],
  ['does not name the world', 200, { ok: true }],
])('where the status %s, the snapshot says it', async (_, status, body) => {
  const { runtime, server } = await world((asked, response) =>
    asked.path === '/status' ? json(response, body, status) : json(response, SNAPSHOT),
  )
  expect(await runtime.identify()).toEqual({ worldId: 'test-world', title: 'Plaza' })
  expect(server.asked.map(({ path }) => path)).toEqual(['/status', '/admin/snapshot'])
})

test('another world is refused with both ids, before anything else is read', async () => {
  const { runtime, server } = await world((_, response) => json(response, { ok: true, worldId: 'theirs' }), {
    worldId: 'ours',
  })
  const error = await failure(runtime.identify())
  expect(error).toMatchObject({ code: 'wrong_world', exitCode: 5, data: { expected: 'ours', found: 'theirs' } })
  expect(error.message).toMatch(/"theirs", not "ours"/)
  expect(server.asked).toHaveLength(1)
})

test.each(['', 'a\nLobby-Cursor: 9', 'a\u001b[1m', 'a\u202eb', 'w'.repeat(256), 7])(
  'S1: what is no world id is taken from neither answer: %j',
  async (worldId) => {
    const { runtime } = await world((asked, response) =>
      json(response, asked.path === '/status' ? { worldId } : { ...SNAPSHOT, worldId }),
    )
    for (const asked of [runtime.identify(), runtime.snapshot()]) {
      const error = await failure(asked)
      expect(error).toMatchObject({ code: 'invalid_response' })
      expect(error.message).toContain('worldId')
    }
  },
)

test('the snapshot of another world is refused too', async () => {
  const { runtime } = await world((_, response) => json(response, SNAPSHOT), { worldId: 'ours' })
  expect(await failure(runtime.snapshot())).toMatchObject({ code: 'wrong_world', exitCode: 5 })
})

test('a world that was not named stays the one it was at first', async () => {
  const { runtime } = await world((asked, response) =>
    json(response, asked.path === '/status' ? { worldId: 'one' } : { ...SNAPSHOT, worldId: 'two' }),
  )
  await runtime.identify()
  expect(await failure(runtime.snapshot())).toMatchObject({ code: 'wrong_world' })
})

test('where nothing is served, it says that no world is there', async () => {
  const { runtime } = await world((_, response) => json(response, { error: 'Not Found' }, 404))
  expect(await failure(runtime.identify())).toMatchObject({ code: 'unreachable', exitCode: 4 })
})

test.each([
  [{ worldId: '' }, 'worldId'],
  [{ assetsUrl: undefined }, 'assetsUrl'],
  [{ settings: [] }, 'settings'],
  [{ entities: {} }, 'entities'],
  [{ blueprints: 'all' }, 'blueprints'],
  [{ capabilities: 'all' }, 'capabilities'],
])('a snapshot with %j is refused by field', async (wrong, path) => {
  const { runtime } = await world((_, response) => json(response, { ...SNAPSHOT, ...wrong }))
  const error = await failure(runtime.snapshot())
  expect(error.code).toBe('invalid_response')
  expect(error.message).toContain(path)
})

test('S1: objects of a snapshot without an id refuse themselves alone', async () => {
  const blueprints = [{ id: 'a' }, { id: 7 }, null, 'b', { id: '' }]
  const { runtime } = await world((_, response) => json(response, { ...SNAPSHOT, blueprints }))
  expect((await runtime.snapshot()).blueprints).toEqual([{ id: 'a' }])
})

test('capabilities come from the snapshot', async () => {
  const { runtime } = await world((_, response) =>
    json(response, { ...SNAPSHOT, capabilities: ['ops.batch'], cursor: 4 }),
  )
  expect(await runtime.snapshot()).toMatchObject({ capabilities: ['ops.batch'], cursor: 4 })
})
