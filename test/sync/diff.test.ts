import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DiffOptions, type ObjectDiff, worldDiff } from '../../src/sync/diff.ts'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { init } from '../../src/sync/init.ts'
import { textDiff } from '../../src/sync/text-diff.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const diff = (project: Checkout, options: Partial<DiffOptions> = {}) =>
  project.session((session) => worldDiff(session, { incoming: true, outgoing: true, fetch: false, ...options }))
const fetchInto = (project: Checkout) => project.session(fetchLocked)

/** The differences in one line each. */
function facts(diffs: readonly ObjectDiff[] | undefined): unknown {
  return diffs?.map(({ key, kind, changes }) => [
    kind,
    key,
    Object.fromEntries(changes.map(({ path, before, after }) => [path.join('.'), [before, after]])),
  ])
}

async function setUp() {
  const world = await startWorld()
  await addLamps(world)
  return { world, project: await cloneWorld(world) }
}

describe('what differs between the branch and the world', () => {
  it('is nothing after a clone', async () => {
    const { project } = await setUp()
    const found = await diff(project)
    expect(found).toMatchObject({ worldId: 'plaza', cursor: 3, incoming: [], outgoing: [] })
    expect(found.head).toBe(project.git('rev-parse', 'HEAD'))
    expect(found.tip).toBe(project.git('rev-parse', 'refs/lobby/remote'))
    expect(found.base).toBe(found.tip)
  })

  it('is told by object and field, each side on its own', async () => {
    const { world, project } = await setUp()
    await world.edit('bob', 'lamp0001', { position: [5, 0, 0], props: { color: 'red' }, uid: 'another' })
    await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.pinned = true
    })
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      Object.assign(lamp.props as object, { power: 4 })
    })
    project.write('world/entities/new.json', { id: 'lamp0003', blueprint: 'Lamp', position: [1, 1, 1] })
    project.commit('mine')

    expect(facts((await diff(project)).incoming)).toEqual([])
    await fetchInto(project)
    const head = project.git('rev-parse', 'HEAD')
    await world.runtime.close()
    const { incoming, outgoing } = await diff(project)
    expect(facts(incoming)).toEqual([
      [
        'changed',
        'entity:lamp0001',
        {
          position: [
            [0, 0, 0],
            [5, 0, 0],
          ],
          'props.color': [undefined, 'red'],
        },
      ],
      ['removed', 'entity:lamp0002', expect.objectContaining({ blueprint: ['Lamp', undefined] })],
      ['changed', 'settings', { title: [null, 'Plaza'] }],
    ])
    expect(facts(outgoing)).toEqual([
      ['changed', 'blueprint:Lamp', { 'props.power': [3, 4] }],
      ['changed', 'entity:lamp0001', { pinned: [false, true] }],
      ['added', 'entity:lamp0003', { blueprint: [undefined, 'Lamp'], position: [undefined, [1, 1, 1]] }],
    ])
    expect(outgoing?.map(({ path }) => path)).toEqual([
      'apps/Lamp/Lamp.json',
      project.entityPath('lamp0001'),
      'world/entities/new.json',
    ])
    expect((await diff(project, { outgoing: false })).outgoing).toBeUndefined()
    expect((await diff(project, { incoming: false })).incoming).toBeUndefined()
    expect(project.git('rev-parse', 'HEAD')).toBe(head)
    expect(project.git('status', '--porcelain')).toBe('')
    await expect(diff(project, { fetch: true })).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('asks the world first when told to', async () => {
    const { world, project } = await setUp()
    await world.edit('bob', 'lamp0001', { pinned: true })
    const { incoming, cursor } = await diff(project, { fetch: true })
    expect(cursor).toBe(4)
    expect(facts(incoming)).toEqual([['changed', 'entity:lamp0001', { pinned: [false, true] }]])
  })

  it('is what a pull brings and a push sends', async () => {
    const { world, project } = await setUp()
    await world.edit('bob', 'lamp0001', { pinned: true })
    project.change(project.entityPath('lamp0002'), (lamp) => {
      lamp.scale = [2, 2, 2]
    })
    project.commit('grow')
    await project.pull()
    const pulled = await diff(project)
    expect(facts(pulled.incoming)).toEqual([])
    expect(facts(pulled.outgoing)).toEqual([
      [
        'changed',
        'entity:lamp0002',
        {
          scale: [
            [1, 1, 1],
            [2, 2, 2],
          ],
        },
      ],
    ])
    await project.push()
    expect(await diff(project)).toMatchObject({ incoming: [], outgoing: [] })
  })

  it('marks what both sides changed', async () => {
    const { world, project } = await setUp()
    await world.edit('bob', 'lamp0001', { position: [5, 0, 0] })
    await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.position = [7, 0, 0]
      lamp.pinned = true
    })
    project.change(project.entityPath('lamp0002'), (lamp) => {
      lamp.pinned = true
    })
    project.commit('mine')
    const { outgoing } = await diff(project, { fetch: true })
    expect(outgoing?.map(({ key, contested }) => [key, contested])).toEqual([
      ['entity:lamp0001', [['position']]],
      ['entity:lamp0002', [[]]],
    ])
    expect(facts(outgoing?.slice(0, 1))).toEqual([
      [
        'changed',
        'entity:lamp0001',
        {
          position: [
            [5, 0, 0],
            [7, 0, 0],
          ],
          pinned: [false, true],
        },
      ],
    ])
  })

  it('shows scripts as text', async () => {
    const { project } = await setUp()
    project.write('apps/Lamp/index.js', 'export default (world, app) => {\n  app.on("update", () => {})\n}\n')
    project.write('apps/Lamp/lib/new.js', 'export const a = 1\nexport const b = 2')
    project.write('apps/Fan/Fan.json', { id: 'Fan', name: 'Fan', props: {} })
    project.write('apps/Fan/index.js', 'export default () => {}\n')
    project.commit('scripts')
    const { outgoing } = await diff(project)
    const texts = await project.session(async (session) => {
      const found: Record<string, readonly string[] | undefined> = {}
      for (const { key, changes } of outgoing ?? [])
        for (const { path, before, after } of changes)
          if (path[0] === 'scriptFiles') found[`${key} ${path[1]}`] = await textDiff(session.repository, before, after)
      return found
    })
    expect(texts).toEqual({
      'blueprint:Fan index.js': ['+export default () => {}'],
      'blueprint:Lamp index.js': [
        '@@ -1,3 +1,3 @@',
        ' export default (world, app) => {',
        "-  app.on('update', () => {})",
        '+  app.on("update", () => {})',
        ' }',
      ],
      'blueprint:Lamp lib/new.js': ['+export const a = 1', '+export const b = 2'],
    })
    const [lamp] = outgoing?.filter(({ key }) => key === 'blueprint:Lamp') ?? []
    const gone = lamp?.changes.find(({ path }) => path[1] === 'index.js')
    await project.session(async ({ repository }) => {
      expect(await textDiff(repository, gone?.before, undefined)).toHaveLength(3)
      expect(await textDiff(repository, 'plain text', gone?.after)).toBeUndefined()
      expect(await textDiff(repository, undefined, undefined)).toBeUndefined()
      const [long, bytes] = await repository.writeBlobs([Buffer.from('x\n'.repeat(500)), Buffer.from([0, 1, 2])])
      expect((await textDiff(repository, undefined, `git-asset:${long}.js`))?.at(-1)).toBe('(and 300 more lines)')
      expect(await textDiff(repository, gone?.before, `git-asset:${bytes}.js`)).toEqual(['(content that is no text)'])
    })
  })

  it('is told of a manifest entity by entity, in a project of a subfolder too (G1, G8)', async () => {
    const world = await startWorld()
    await addLamps(world)
    const { settings, spawn, entities } = await world.remote.snapshot()
    const project = new Checkout(temporaryFolder())
    project.git('init', '--quiet')
    const fields = ['id', 'blueprint', 'position', 'quaternion', 'scale', 'pinned', 'props', 'state']
    const { hasAdminCode: _, ...kept } = settings
    project.write('game/world.json', {
      formatVersion: 2,
      settings: kept,
      spawn,
      entities: entities.map((entity) => Object.fromEntries(fields.map((field) => [field, entity[field]]))),
    })
    project.commit('mine')
    const inside = new Checkout(join(project.folder, 'game'))
    const options = { url: world.runtime.url, worldId: undefined, name: 'main' }
    expect((await init(inside.context(), options)).kind).toBe('connected')
    const settled = await diff(inside)
    expect(facts(settled.incoming)).toEqual([])
    await world.edit('bob', 'lamp0001', { position: [5, 0, 0] })
    inside.change('world.json', (manifest) => {
      for (const entity of manifest.entities as Record<string, unknown>[])
        if (entity.id === 'lamp0002') entity.pinned = true
    })
    inside.commit('pin')
    const { incoming, outgoing } = await diff(inside, { fetch: true })
    expect(facts(incoming)).toEqual([
      [
        'changed',
        'entity:lamp0001',
        {
          position: [
            [0, 0, 0],
            [5, 0, 0],
          ],
        },
      ],
    ])
    expect(incoming?.[0]?.path).toBe('world.json')
    expect(facts(outgoing)).toEqual([['changed', 'entity:lamp0002', { pinned: [false, true] }]])
  })

  it('needs a commit, and a history in common', async () => {
    const { project } = await setUp()
    const lobby = project.json('lobby.json')
    project.git('switch', '--quiet', '--orphan', 'other')
    project.write('lobby.json', lobby)
    await expect(diff(project)).rejects.toMatchObject({ code: 'unborn_branch' })
    project.commit('begin anew')
    await expect(diff(project)).rejects.toMatchObject({ code: 'unrelated_histories' })
  })
})
