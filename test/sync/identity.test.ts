import { describe, expect, it } from 'vitest'
import { check } from '../../src/sync/check.ts'
import { kindsFor } from '../e2e/long.ts'
import { lampProject } from './kept-project.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** Nothing is to be pushed, and no pull moves a file. */
async function settled(world: World, project: Checkout): Promise<void> {
  const [head, files] = [await world.head(), project.git('ls-files')]
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
  expect(await world.head()).toBe(head)
  await project.pull()
  expect(project.git('ls-files')).toBe(files)
  expect(project.git('status', '--porcelain')).toBe('')
}

function move(project: Checkout, from: string, to: string): void {
  project.write(`${to}.tmp`, '')
  project.remove(`${to}.tmp`)
  project.git('mv', from, to)
}

const forget = (project: Checkout, path: string) =>
  project.change(path, (document) => {
    delete document.id
    delete document.uid
  })

const RUNTIMES = [
  ['the reference runtime', {}],
  ['a public-like runtime', { publicLike: true }],
] as const

describe.each(kindsFor('copies', RUNTIMES))('%s', (_, options) => {
  it('M8: moved files are the same objects, with their ids and without', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    const [one, two] = ['lamp0001', 'lamp0002'].map((id) => project.entityPath(id))
    move(project, 'apps/Lamp', 'apps/Lantern')
    move(project, 'apps/Lantern/Lamp.json', 'apps/Lantern/Light.json')
    move(project, one!, 'world/entities/park/by the lake/first.json')
    project.commit('two levels at once')
    await settled(world, project)
    move(project, 'apps/Lantern', 'apps/lantern-')
    move(project, 'apps/lantern-', 'apps/lantern')
    move(project, 'apps/lantern/Light.json', 'apps/lantern/light.json')
    project.commit('case only')
    await settled(world, project)

    // What the world does next lands in the moved files, before and after they lost their ids.
    await world.edit('ada', 'lamp0001', { pinned: true })
    await world.act('ada', { type: 'blueprint_modify', change: { id: 'Lamp', version: 9, name: 'Leuchte' } })
    await project.pull()
    expect(project.json('world/entities/park/by the lake/first.json')).toMatchObject({ id: 'lamp0001', pinned: true })
    expect(project.json('apps/lantern/light.json')).toMatchObject({ id: 'Lamp', name: 'Leuchte' })

    move(project, 'apps/lantern', 'apps/Beacon')
    move(project, 'apps/Beacon/light.json', 'apps/Beacon/Beacon.json')
    move(project, 'world/entities/park/by the lake/first.json', 'world/entities/first.json')
    for (const path of ['apps/Beacon/Beacon.json', 'world/entities/first.json', two!]) forget(project, path)
    const lost = [
      'apps/Beacon/Beacon.json has lost its id: taken for blueprint "Lamp" (was apps/Lamp/Lamp.json)',
      `world/entities/first.json has lost its id: taken for entity "lamp0001" (was ${one})`,
      `${two} has lost its id: taken for entity "lamp0002"`,
    ].sort()
    for (const kind of ['working', 'staged'] as const) {
      if (kind === 'staged') project.git('add', '-A')
      const checked = await check(project.context(), { kind })
      expect(checked.problems).toEqual([])
      expect(checked.warnings.filter((warning) => warning.includes('lost'))).toEqual(lost)
    }
    project.commit('moved, and lost their ids')
    await settled(world, project)
    expect(project.json('apps/Beacon/Beacon.json')).not.toHaveProperty('id')

    await world.edit('ada', 'lamp0001', { position: [5, 5, 5] })
    await project.pull()
    expect(project.json('world/entities/first.json')).toMatchObject({ id: 'lamp0001', position: [5, 5, 5] })
    // The merge wrote all of them back.
    expect(project.json('apps/Beacon/Beacon.json')).toMatchObject({ id: 'Lamp', name: 'Leuchte' })
    expect(project.json(two!)).toMatchObject({ id: 'lamp0002' })
    await settled(world, project)

    // Moved, edited and without an id, in one commit: the edit is what is pushed.
    move(project, 'apps/Beacon', 'apps/Torch')
    forget(project, 'apps/Torch/Beacon.json')
    project.change('apps/Torch/Beacon.json', (lamp) => {
      lamp.props = { color: 'red', power: 3 }
    })
    move(project, 'world/entities/first.json', 'world/entities/deep/er/first.json')
    project.change('world/entities/deep/er/first.json', (entity) => {
      entity.scale = [2, 2, 2]
    })
    project.commit('moved and edited')
    const pushed = await project.push()
    expect(pushed).toMatchObject({ kind: 'pushed', landed: 2, refused: [], held: [], open: undefined })
    expect(pushed.kind === 'pushed' && pushed.operations.map(({ kind, id }) => [kind, id])).toEqual([
      ['blueprint.update', 'Lamp'],
      ['entity.update', 'lamp0001'],
    ])
    expect(await world.blueprint('Lamp')).toMatchObject({ props: { color: 'red' } })
    expect(project.json('apps/Torch/Beacon.json')).toMatchObject({ id: 'Lamp', props: { color: 'red' } })
    await settled(world, project)
    project.check()
  })

  it('M8: one app that a merge left at two places is no copy, but an error that names both', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    project.git('branch', 'other')
    project.write('apps/Lamp/Lamp.json', { id: 'Lamp', name: 'Nothing of what it was' })
    project.write('apps/Lamp/index.js', 'export default () => 3\n')
    project.commit('anew')
    const branch = project.git('branch', '--show-current')
    project.git('switch', '--quiet', 'other')
    project.git('mv', 'apps/Lamp', 'apps/Lantern')
    project.commit('moved')
    project.git('switch', '--quiet', branch)
    project.git('merge', '--quiet', '--no-commit', '--strategy=ours', 'other')
    project.git('checkout', 'other', '--', 'apps/Lantern')
    project.commit('merged')
    expect(project.exists('apps/Lamp/Lamp.json') && project.exists('apps/Lantern/Lamp.json')).toBe(true)
    const refused: unknown = await project.push().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'invalid_files' })
    expect(JSON.stringify(refused)).toMatch(
      /apps\/Lamp\/Lamp\.json.*apps\/Lantern\/Lamp\.json|apps\/Lantern.*apps\/Lamp\//,
    )
    project.git('rm', '--quiet', '-r', 'apps/Lantern')
    project.commit('one of them')
    expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
    expect((await world.remote.snapshot()).blueprints.map(({ id }) => id)).not.toContain('Lantern')
  })

  it('M8: a copied app folder is a new object, wherever and whenever it is looked at', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    // Without an id and without a scope: named by its place, and the rest comes back with the push.
    project.write('apps/Hut/Hut.json', { name: 'Hut' })
    project.write('apps/Hut/Red.json', { name: 'Red hut', props: { color: 'red' } })
    project.write('apps/Hut/index.js', 'export default () => 3\n')
    project.commit('a hut')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [], held: [], open: undefined })
    expect(await world.blueprint('Hut__Red')).toMatchObject({ scope: 'Hut', scriptRef: 'Hut' })
    const uid = (await world.blueprint('Hut'))?.uid
    expect(project.json('apps/Hut/Hut.json')).toMatchObject({ uid, scope: 'Hut', name: 'Hut', managedBy: 'shared' })
    await settled(world, project)

    for (const file of ['Hut.json', 'Red.json', 'index.js'])
      project.write(`apps/Hut2/${file}`, project.read(`apps/Hut/${file}`))
    project.commit('a second hut')
    // A fresh clone of the repository, without anything else, sees the same two objects.
    const fresh = new Checkout(temporaryFolder())
    fresh.git('clone', '--quiet', project.folder, '.')
    const planned = await fresh.push({ dryRun: true })
    expect(planned.kind === 'planned' && planned.operations.map(({ kind, id }) => [kind, id])).toEqual([
      ['blueprint.add', 'Hut2__Hut'],
      ['blueprint.add', 'Hut2__Red'],
    ])
    const copies = [
      'apps/Hut2/Hut.json is a copy of apps/Hut/Hut.json: a new blueprint "Hut2__Hut"',
      'apps/Hut2/Red.json is a copy of apps/Hut/Red.json: a new blueprint "Hut2__Red"',
    ]
    for (const checkout of [project, fresh]) {
      const { problems, warnings } = await check(checkout.context(), { kind: 'commit', revision: 'HEAD' })
      expect(problems).toEqual([])
      expect(warnings.filter((warning) => warning.includes('copy'))).toEqual(copies)
    }
    // A pull before the first push writes the new ids; the originals stay what they were.
    await world.act('ada', { type: 'blueprint_modify', change: { id: 'Hut', version: 7, desc: 'small' } })
    await project.pull()
    expect(project.json('apps/Hut2/Hut.json')).toMatchObject({ id: 'Hut2__Hut', name: 'Hut' })
    for (const key of ['uid', 'desc']) expect(project.json('apps/Hut2/Hut.json')).not.toHaveProperty(key)
    expect(project.json('apps/Hut2/Red.json')).toMatchObject({ id: 'Hut2__Red', scriptRef: 'Hut2__Hut' })
    expect(project.json('apps/Hut/Hut.json')).toMatchObject({ uid, desc: 'small' })

    // The clone pushes without having pulled that.
    await fresh.pull()
    expect(await fresh.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [], held: [], open: undefined })
    const copy = await world.blueprint('Hut2__Hut')
    expect(copy).toMatchObject({ name: 'Hut', scriptFiles: { 'index.js': expect.any(String) } })
    expect(copy?.uid).not.toBe(uid)
    expect(await world.blueprint('Hut2__Red')).toMatchObject({ scriptRef: 'Hut2__Hut' })
    expect(fresh.json('apps/Hut2/Hut.json')).toMatchObject({ id: 'Hut2__Hut', uid: copy?.uid })
    await settled(world, fresh)
    await project.pull()
    expect(project.json('apps/Hut2/Hut.json')).toMatchObject({ id: 'Hut2__Hut', uid: copy?.uid })
    await settled(world, project)

    // Renamed in the world: the file stays where it is.
    await world.act('ada', { type: 'blueprint_modify', change: { id: 'Hut2__Hut', version: 50, name: 'Castle' } })
    await project.pull()
    expect(project.json('apps/Hut2/Hut.json')).toMatchObject({ id: 'Hut2__Hut', name: 'Castle' })

    // A copy that is pushed at once, and one that cannot be told from its original.
    project.write('apps/Lamp3/Lamp3.json', project.read('apps/Lamp/Lamp.json'))
    project.write('apps/Lamp3/index.js', project.read('apps/Lamp/index.js'))
    project.commit('a third lamp')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, refused: [], held: [], open: undefined })
    expect(project.json('apps/Lamp3/Lamp3.json')).toMatchObject({ id: 'Lamp3' })
    await settled(world, project)
    // The original has moved: who was there first tells, before the copy is committed as well.
    move(project, 'apps/Lamp3', 'apps/Torch3')
    project.commit('moved')
    project.write('apps/Torch4/Lamp3.json', project.read('apps/Torch3/Lamp3.json'))
    project.write('apps/Torch4/index.js', project.read('apps/Torch3/index.js'))
    project.git('add', '.')
    const staged = await check(project.context(), { kind: 'working' })
    expect(staged).toMatchObject({
      problems: [],
      warnings: expect.arrayContaining([expect.stringContaining('Torch4/Lamp3.json is a copy of')]),
    })
    project.commit('a fourth')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, refused: [], held: [], open: undefined })
    expect(project.json('apps/Torch4/Lamp3.json')).toMatchObject({ id: 'Torch4__Lamp3' })
    expect(project.json('apps/Torch3/Lamp3.json')).toMatchObject({ id: 'Lamp3' })
    await settled(world, project)
    project.write('apps/Lamp/Again.json', project.read('apps/Lamp/Lamp.json'))
    project.commit('twice in one folder')
    const twice = await check(project.context(), { kind: 'working' })
    expect(twice.problems).toMatchObject([{ code: 'duplicate_id', message: expect.stringContaining('Again.json') }])
    const head = await world.head()
    await expect(project.push()).rejects.toMatchObject({
      code: 'invalid_files',
      message: expect.stringMatching(/Again\.json.*Lamp\.json|Lamp\.json.*Again\.json/),
    })
    expect(await world.head()).toBe(head)
    project.check()
  })
})

it('M8: moves and lost ids in a project with a manifest; a renamed asset is no change', async () => {
  const { world, project } = await lampProject({}, 'manifest')
  const model = project.json('apps/$scene/$scene.json').model as string
  move(project, 'apps/Lamp', 'apps/Lantern')
  forget(project, 'apps/Lantern/Lamp.json')
  move(project, model, 'assets/sky/scene.glb')
  project.change('apps/$scene/$scene.json', (scene) => {
    scene.model = 'assets/sky/scene.glb'
  })
  project.commit('moved')
  await settled(world, project)
  await world.act('ada', { type: 'blueprint_modify', change: { id: 'Lamp', version: 9, name: 'Leuchte' } })
  await world.edit('ada', 'lamp0001', { pinned: true })
  await project.pull()
  expect(project.json('apps/Lantern/Lamp.json')).toMatchObject({ id: 'Lamp', name: 'Leuchte' })
  await settled(world, project)

  const entities = (document: Record<string, unknown>) => document.entities as Record<string, unknown>[]
  project.change('world.json', (document) => {
    entities(document).push({ ...entities(document).at(-1) })
  })
  project.commit('one entity twice')
  await expect(project.push()).rejects.toMatchObject({
    code: 'invalid_files',
    message: expect.stringMatching(/two entities have the id lamp000\d/),
  })
  project.change('world.json', (document) => {
    delete entities(document).at(-1)!.id
  })
  project.commit('one without an id')
  await expect(project.push()).rejects.toMatchObject({
    code: 'invalid_files',
    message: expect.stringContaining('has no id: give it its own back'),
  })
})
