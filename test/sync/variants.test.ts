import { describe, expect, it } from 'vitest'
import { addLamps, type Checkout, cloneWorld, startWorld, type World } from './support.ts'

/** A root with two variants, as the world knows them. */
async function fences(world: World): Promise<Checkout> {
  const project = await cloneWorld(world)
  project.write('apps/Fence/Fence.json', { id: 'Fence', name: 'Fence' })
  project.write('apps/Fence/A.json', { id: 'Fence__A', name: 'A', scriptRef: 'Fence' })
  project.write('apps/Fence/B.json', { id: 'Fence__B', name: 'B', scriptRef: 'Fence' })
  project.write('apps/Fence/index.js', 'export default () => 1\n')
  project.commit('fences')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 3, refused: [], held: [] })
  return project
}

it.each([
  ['reference', {}],
  ['public-like', { publicLike: true }],
] as const)('P2: a variant becomes the root, against a %s runtime', async (_, options) => {
  const world = await startWorld(options)
  const project = await fences(world)
  project.remove('apps/Fence/Fence.json')
  project.change('apps/Fence/A.json', (a) => {
    delete a.scriptRef
  })
  project.change('apps/Fence/B.json', (b) => {
    b.scriptRef = 'Fence__A'
  })
  project.commit('A is the root now')
  expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
  expect(await world.blueprint('Fence')).toBeUndefined()
  expect((await world.blueprint('Fence__A'))?.scriptFiles).toMatchObject({
    'index.js': expect.stringMatching(/^asset:/),
  })
  expect(await world.blueprint('Fence__B')).toMatchObject({ scriptRef: 'Fence__A' })
  expect((await project.push()).kind).toBe('up-to-date')
  expect((await cloneWorld(world)).git('ls-files', 'apps')).toContain('/index.js')
})

it('M6: a root is not removed under its variants', async () => {
  const world = await startWorld()
  const project = await fences(world)
  project.remove('apps/Fence/Fence.json')
  project.remove('apps/Fence/index.js')
  project.commit('no root')
  const head = await world.head()
  await expect(project.push()).rejects.toMatchObject({
    code: 'invalid_files',
    message: expect.stringContaining('"Fence"'),
  })
  expect(await world.head()).toBe(head)
})

describe.each([false, true])('P2 P4 a variant that changes its root and its scope (public-like: %s)', (publicLike) => {
  it('lands under the lock of the new scope; and what entities still use is not removed', async () => {
    const world = await startWorld({ publicLike })
    await addLamps(world)
    const project = await cloneWorld(world)
    project.write('apps/Lamp/Tall.json', { name: 'Tall', scope: 'Lamp' })
    project.write('apps/Door/Door.json', { name: 'Door', scope: 'Door' })
    project.write('apps/Door/index.js', 'export default () => 1\n')
    project.commit('two apps')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [] })
    project.git('mv', 'apps/Lamp/Tall.json', 'apps/Door/Tall.json')
    project.change('apps/Door/Tall.json', (tall) => {
      delete tall.scriptRef
      tall.scope = 'Door'
    })
    project.commit('a tall door')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [], held: [] })
    expect(await world.blueprint('Lamp__Tall')).toMatchObject({ scope: 'Door', scriptRef: 'Door' })
    // The lamps are still there.
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.id = 'Lantern'
      delete lamp.uid
    })
    project.commit('another id')
    const head = await world.head()
    await expect(project.push({ yes: true })).rejects.toMatchObject({
      code: 'invalid_files',
      message: expect.stringContaining('names blueprint "Lamp", which this push removes'),
    })
    expect(await world.head()).toBe(head)
  })
})
