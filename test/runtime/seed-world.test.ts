import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { type Seed, seedWorld } from '../../src/runtime/index.ts'
import { batch, entityOf, type Fields, get, op, temporaryFolder, testRuntime } from './support.ts'

const EMPTY: Seed = { settings: {}, spawn: undefined, blueprints: [], entities: [], assets: [] }

test('a seeded world: objects, scripts, assets, and a feed that tells of each', async () => {
  const dataDir = temporaryFolder()
  const bytes = new TextEncoder().encode('export default () => {}\n')
  const script = `asset://${createHash('sha256').update(bytes).digest('hex')}.js`
  const seeded = await seedWorld(dataDir, 'test-world', {
    settings: { title: 'Home' },
    spawn: { position: [0, 1, 0], quaternion: [0, 0, 0, 1] },
    blueprints: [
      { id: 'Lamp__Tall', scope: 'Lamp', scriptRef: 'Lamp' },
      { id: 'Lamp', scope: 'Lamp', script, scriptEntry: 'index.js', scriptFiles: { 'index.js': script } },
    ],
    entities: [{ id: 'sky', blueprint: '$scene' }, entityOf('e1', { blueprint: 'Lamp', state: { on: true } })] as never,
    assets: [{ bytes, extension: 'js' }],
  })
  // The fresh world's own scene entity goes: one operation more than there are objects, settings and spawn.
  expect(seeded).toEqual({ blueprints: 2, entities: 2, assets: 1, cursor: 7 })
  const runtime = await testRuntime({ dataDir })
  const { blueprints, entities, settings, spawn, cursor } = (await get(runtime, '/admin/snapshot')).data
  expect([settings.title, spawn.position, cursor]).toEqual(['Home', [0, 1, 0], 7])
  expect(entities.map((e: Fields) => [e.id, e.scope])).toEqual([
    ['sky', 'global'],
    ['e1', 'Lamp'],
  ])
  expect(blueprints.map((b: Fields) => [b.id, b.script, b.version])).toEqual([
    ['$scene', 'asset://scene.js', 0],
    ['Lamp', script, 0],
    ['Lamp__Tall', script, 0],
  ])
  expect((await fetch(`${runtime.url}/assets/${script.slice('asset://'.length)}`)).status).toBe(200)
  expect((await get(runtime, '/admin/changes?cursor=0')).data.operations).toHaveLength(7)
})

test('only an empty world is filled, and all of it or nothing', async () => {
  const dataDir = temporaryFolder()
  const bad = { ...EMPTY, entities: [entityOf('a'), entityOf('b', { props: [] })] } as unknown as Seed
  await expect(seedWorld(dataDir, 'test-world', bad)).rejects.toMatchObject({ code: 'seed_refused' })
  const runtime = await testRuntime({ dataDir })
  expect((await get(runtime, '/admin/snapshot')).data).toMatchObject({ cursor: 0, entities: [{ blueprint: '$scene' }] })
  await expect(seedWorld(dataDir, 'test-world', EMPTY)).rejects.toMatchObject({ code: 'data_in_use' })
  await batch(runtime, [op('entity.add', { entity: entityOf('a') })])
  await runtime.close()
  await expect(seedWorld(dataDir, 'test-world', EMPTY)).rejects.toMatchObject({ code: 'world_not_empty' })
  await expect(seedWorld(dataDir, 'other', EMPTY)).rejects.toMatchObject({ code: 'wrong_world', exitCode: 5 })
})
