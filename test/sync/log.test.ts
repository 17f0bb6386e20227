import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { type LogOptions, worldLog } from '../../src/sync/log.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const log = (project: Checkout, options: Partial<LogOptions> = {}) =>
  project.session((session) => worldLog(session, { limit: 20, ...options }))
const fetchInto = (project: Checkout) => project.session(fetchLocked)

it('tells what happened in the world, newest first, while nobody serves it', async () => {
  const world = await startWorld()
  const project = await cloneWorld(world)
  await addLamps(world)
  await world.edit('bob', 'lamp0001', { position: [1, 2, 3] })
  await world.act('http://x: a', { type: 'settings_modify', key: 'title', value: 'Plaza' })
  await fetchInto(project)
  const operations = await world.remote.changes(0)
  await world.runtime.close()

  const entries = await log(project)
  expect(entries.map(({ cursor, actor, words, object }) => [cursor, actor, words, object])).toEqual([
    [5, 'http://x: a', 'set setting title', 'settings'],
    [4, 'bob', 'move Lamp lamp0001', 'entity:lamp0001'],
    [3, 'ada', 'add Lamp lamp0002', 'entity:lamp0002'],
    [2, 'ada', 'add Lamp lamp0001', 'entity:lamp0001'],
    [1, 'ada', 'add blueprint Lamp', 'blueprint:Lamp'],
    [0, 'snapshot', 'plaza, 1 blueprints, 1 entities', 'snapshot'],
  ])
  expect(entries.at(-1)?.opId).toBeUndefined()
  const page = operations.kind === 'page' ? operations.page.operations : []
  expect(entries.map(({ opId }) => opId).slice(0, 5)).toEqual(page.map(({ opId }) => opId).reverse())
  expect(entries[1]?.time).toBe(`${page[3]?.ts.slice(0, 19)}Z`)
  expect(entries.every(({ source }) => source === 'admin' || source === 'snapshot')).toBe(true)
  const line = project.git('log', '--format=%H', 'refs/lobby/remote').split('\n')
  expect(entries.map(({ commit }) => commit)).toEqual(line)
})

it('can be limited to one object and to the newest', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  for (let x = 1; x <= 4; x++) {
    await world.edit('bob', 'lamp0001', { position: [x, 0, 0] })
    await world.edit('bob', 'lamp0002', { position: [x, 0, 1] })
  }
  await world.act('eve', { type: 'entity_add', entity: { id: 'Lamp', type: 'app', blueprint: 'Lamp', props: {} } })
  await world.act('eve', { type: 'blueprint_modify', change: { id: 'Lamp', version: 1, desc: 'x' } })
  await fetchInto(project)
  const cursors = async (options: Partial<LogOptions>) => (await log(project, options)).map(({ cursor }) => cursor)
  expect(await cursors({ limit: 3 })).toEqual([13, 12, 11])
  expect(await cursors({ object: 'lamp0001' })).toEqual([10, 8, 6, 4])
  expect(await cursors({ object: 'entity:lamp0002', limit: 2 })).toEqual([11, 9])
  expect(await cursors({ object: 'Lamp' })).toEqual([13, 12])
  expect(await cursors({ object: 'blueprint:Lamp' })).toEqual([13])
  expect(await cursors({ object: 'settings' })).toEqual([])
  await expect(log(project, { object: 'entity:' })).rejects.toMatchObject({ code: 'invalid_name' })
})

it('G7: a fresh clone of the repository knows the history that its branch brought along', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [1, 2, 3] })
  await project.pull()
  const folder = join(temporaryFolder(), 'copy')
  project.git('clone', '--quiet', project.folder, folder)
  const copy = new Checkout(folder)
  expect(copy.git('for-each-ref', 'refs/lobby')).toBe('')
  expect(await log(copy)).toEqual(await log(project))
  expect(copy.git('for-each-ref', 'refs/lobby')).toBe('')

  // The ref is behind what a teammate's branch holds.
  await fetchInto(copy)
  await world.edit('bob', 'lamp0002', { position: [1, 2, 3] })
  await project.pull()
  copy.git('pull', '--quiet', '--ff-only')
  expect((await log(copy))[0]).toMatchObject({ cursor: 5, object: 'entity:lamp0002' })
})

it('says so when nothing was ever fetched, or the ref is none of ours', async () => {
  const world = await startWorld()
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet')
  project.write('lobby.json', { targets: { main: { worldUrl: world.runtime.url, worldId: 'plaza' } } })
  await expect(log(project)).rejects.toMatchObject({ code: 'no_line' })
  project.commit('mine')
  await expect(log(project)).rejects.toMatchObject({ code: 'no_line' })
  project.git('update-ref', 'refs/lobby/remote', 'HEAD')
  await expect(log(project)).rejects.toMatchObject({ code: 'foreign_ref', exitCode: 5 })
})
