import { describe, expect, it } from 'vitest'
import { conflictId } from '../../src/sync/conflict-artifact.ts'
import type { PushReport } from '../../src/sync/push.ts'
import { statusLocked } from '../../src/sync/status.ts'
import { LONG, testsOn } from '../e2e/long.ts'
import { colleague, deploy, editBlueprint, type KeptProject, lampProject, RUNTIMES, scriptsOf } from './kept-project.ts'

/** Each layout on one runtime, in turns; all pairs with `npm run test:long`. */
const PAIRS = (['split', 'manifest'] as const).map((layout, index) => [layout, RUNTIMES[index]!] as const)

describe.each(RUNTIMES)('C6: kept conflicts, against a %s runtime', (runtime, options) => {
  /** One of both, but with `npm run test:long`: what is kept is told from git. */
  const test = testsOn(
    RUNTIMES.map(([name]) => name),
    runtime,
  )
  const layouts = PAIRS.filter(([, [name]]) => name === runtime).map(([layout]) => layout)

  it.each(LONG ? (['split', 'manifest'] as const) : layouts)(
    'several at once, in a %s project: ours stays, the rest is theirs, the next push sends all else',
    async (layout) => {
      const { world, project } = await lampProject(options, layout, (w) =>
        w.edit('ada', 'lamp0001', { props: { color: 'white', power: 1, size: { w: 1, h: 1 }, calm: true } }),
      )
      project.editEntity('lamp0001', (lamp) => {
        lamp.position = [1, 1, 1]
        lamp.pinned = true
        lamp.props = { color: 'red', power: 2, size: { w: 2, h: 5 }, calm: true, mine: 'yes' }
      })
      project.editEntity('lamp0002', (lamp) => {
        lamp.scale = [2, 2, 2]
      })
      project.editSingle('settings', (settings) => {
        settings.title = 'Ours'
        settings.desc = 'ours too'
      })
      project.editSingle('spawn', (spawn) => {
        spawn.position = [1, 0, 1]
      })
      const ours = project.commit('ours')
      await world.edit('bob', 'lamp0001', {
        position: [9, 9, 9],
        quaternion: [0, 1, 0, 0],
        props: { color: 'blue', power: 1, size: { w: 3, h: 1 }, calm: false, theirs: 1 },
      })
      await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Theirs' })
      await world.remote.putSpawn({ position: [5, 0, 5], quaternion: [0, 0, 0, 1] })

      const report = await project.pull()
      expect(report).toMatchObject({ kind: 'merged', resolved: [] })
      expect(report.conflicts.map(({ object }) => object).sort()).toEqual(['entity:lamp0001', 'settings', 'spawn'])
      expect(project.git('log', '-1', '--format=%P').split(' ')).toEqual([
        ours,
        project.git('rev-parse', 'refs/lobby/remote'),
      ])
      expect(project.git('status', '--porcelain')).toBe('')
      expect(project.entity('lamp0001')).toMatchObject({
        position: [1, 1, 1],
        quaternion: [0, 1, 0, 0],
        pinned: true,
        props: { color: 'red', power: 2, size: { w: 2, h: 5 }, calm: false, mine: 'yes', theirs: 1 },
      })
      expect(project.single('settings')).toMatchObject({ title: 'Ours', desc: 'ours too' })
      expect(project.single('spawn')).toMatchObject({ position: [1, 0, 1] })

      const open = [
        'kept entity:lamp0001 position',
        'kept entity:lamp0001 props.color',
        'kept entity:lamp0001 props.size.w',
        'kept settings title',
        'kept spawn position',
      ]
      expect(await project.openFields()).toEqual(open)
      expect((await project.checked()).conflicts.map(({ kind, object }) => `${kind} ${object}`).sort()).toEqual([
        'kept entity:lamp0001',
        'kept settings',
        'kept spawn',
      ])
      expect(project.kept().get('entity:lamp0001')).toMatchObject({
        status: 'open',
        local: ours,
        files: [],
        history: [],
        fields: expect.arrayContaining([
          expect.objectContaining({
            field: 'props.color',
            base: { value: 'white' },
            local: { value: 'red' },
            remote: { value: 'blue' },
            localBy: expect.objectContaining({ name: 'Dev', commit: ours }),
            remoteBy: expect.objectContaining({ name: 'bob' }),
          }),
        ]),
      })

      const pushed = await project.push()
      expect(pushed).toMatchObject({ kind: 'pushed', refused: [], open: undefined })
      expect(heldBy(pushed)).toEqual([
        'entity:lamp0001 position',
        'entity:lamp0001 props.color',
        'entity:lamp0001 props.size.w',
        'settings title',
        'spawn position',
      ])
      expect(await world.entity('lamp0001')).toMatchObject({
        position: [9, 9, 9],
        quaternion: [0, 1, 0, 0],
        pinned: true,
        props: { color: 'blue', power: 2, size: { w: 3, h: 5 }, calm: false, mine: 'yes', theirs: 1 },
      })
      expect(await world.entity('lamp0002')).toMatchObject({ scale: [2, 2, 2] })
      const { settings, spawn } = await world.remote.snapshot()
      expect(settings).toMatchObject({ title: 'Theirs', desc: 'ours too' })
      expect(spawn).toMatchObject({ position: [5, 0, 5] })

      const head = await world.head()
      const state = project.state()
      expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0, held: expect.anything() })
      expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
      expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0 })
      expect(await world.head()).toBe(head)
      expect(project.state()).toEqual(state)

      const other = colleague(project)
      expect(await other.openFields()).toEqual(open)
      expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 0 })
      expect(await world.head()).toBe(head)
      expect(await other.with({}).pull()).toMatchObject({ kind: 'up-to-date' })
      project.check()
    },
  )

  test('a script file: the others of its blueprint are sent, its own fields too', async () => {
    const index = "import { a } from './a.js'\nexport default (world, app) => {\n  a()\n}\n"
    const source = (name: string) => `export const a = () => '${name}'\n`
    const { world, project } = await lampProject(options, 'split', (w) =>
      deploy(w, 'Lamp', { 'index.js': index, 'a.js': source('base') }),
    )
    project.write('apps/Lamp/a.js', source('ours'))
    project.write('apps/Lamp/index.js', `// ours\n${index}`)
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'ours'
    })
    project.commit('ours')
    await deploy(world, 'Lamp', { 'index.js': index, 'a.js': source('theirs') })
    expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'blueprint:Lamp' }] })
    expect(project.read('apps/Lamp/a.js')).toBe(source('ours'))
    expect(await project.openFields()).toEqual(['kept blueprint:Lamp scriptFiles.a.js'])
    const pushed = await project.push()
    expect(pushed).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
    expect(heldBy(pushed)).toContain('blueprint:Lamp scriptFiles.a.js')
    expect(await scriptsOf(world, 'Lamp')).toEqual({ 'index.js': `// ours\n${index}`, 'a.js': source('theirs') })
    expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'ours' })
    const head = await world.head()
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0 })
    expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
    expect(await world.head()).toBe(head)
    expect(project.read('apps/Lamp/a.js')).toBe(source('ours'))
    project.check()
  })

  test('blueprint fields and a key of its props', async () => {
    const { world, project } = await lampProject(options)
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'ours'
      lamp.author = 'ours'
      lamp.props = { color: 'red', power: 7 }
    })
    project.commit('ours')
    await editBlueprint(world, 'Lamp', { desc: 'theirs', props: { color: 'blue', power: 3 } })
    await project.pull()
    const pushed = await project.push()
    expect(pushed).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
    expect(heldBy(pushed)).toEqual(['blueprint:Lamp desc', 'blueprint:Lamp props.color'])
    expect(await world.blueprint('Lamp')).toMatchObject({
      desc: 'theirs',
      author: 'ours',
      props: { color: 'blue', power: 7 },
    })
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0 })
  })

  test('M4: deleted here, changed there, and the other way round', async () => {
    const { world, project } = await lampProject(options)
    project.removeEntity('lamp0001')
    project.editEntity('lamp0002', (lamp) => {
      lamp.props = { color: 'red' }
    })
    project.editSingle('settings', (settings) => {
      settings.desc = 'ours'
    })
    project.commit('ours')
    await world.edit('bob', 'lamp0001', { position: [9, 9, 9] })
    await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
    const report = await project.pull()
    expect(report.conflicts.map(({ object, fields }) => `${object} ${fields[0]?.field}`).sort()).toEqual([
      'entity:lamp0001 (object)',
      'entity:lamp0002 (object)',
    ])
    expect(project.entity('lamp0001')).toBeUndefined()
    expect(project.entity('lamp0002')).toMatchObject({ props: { color: 'red' } })
    const pushed = await project.push()
    expect(pushed).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(heldBy(pushed)).toEqual(['entity:lamp0001 ', 'entity:lamp0002 '])
    expect(await world.entity('lamp0001')).toMatchObject({ position: [9, 9, 9] })
    expect(await world.entity('lamp0002')).toBeUndefined()
    const head = await world.head()
    expect(await project.push()).toMatchObject({ landed: 0 })
    expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
    expect(await world.head()).toBe(head)
    // Both give way, each on its side.
    await world.act('bob', { type: 'entity_remove', id: 'lamp0001' })
    project.removeEntity('lamp0002')
    project.commit('gone here too')
    expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
    expect(await project.openFields()).toEqual([])
    expect(project.exists('lobby.conflicts')).toBe(false)
    project.check()
  })
})

function setProps(project: KeptProject, props: Record<string, unknown>): void {
  project.editEntity('lamp0001', (lamp) => {
    lamp.props = props
  })
  project.commit('ours')
}

const INDEX = "import { tint } from '@shared/tint.js'\nexport default (world, app) => {\n  tint(app)\n}\n"
const tint = (name: string) => `export const tint = (app) => '${name}'\n`

it('a shared module: scripts that import it wait, all others are sent', async () => {
  const { world, project } = await lampProject({ publicLike: true }, 'split', async (w) => {
    await deploy(w, 'Lamp', { 'index.js': INDEX, '@shared/tint.js': tint('base') })
  })
  expect(project.read('shared/tint.js')).toBe(tint('base'))
  project.write('apps/Post/Post.json', { id: 'Post', name: 'Post' })
  project.write('apps/Post/index.js', 'export default () => {}\n')
  project.write('apps/Tinted/Tinted.json', { id: 'Tinted', name: 'Tinted' })
  project.write('apps/Tinted/index.js', INDEX)
  project.write('shared/tint.js', tint('ours'))
  project.write('apps/Lamp/index.js', `// ours\n${INDEX}`)
  project.change('apps/Lamp/Lamp.json', (lamp) => {
    lamp.desc = 'ours'
  })
  project.commit('ours')
  await deploy(world, 'Lamp', { 'index.js': INDEX, '@shared/tint.js': tint('theirs') })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'shared:tint.js' }] })
  expect(project.read('shared/tint.js')).toBe(tint('ours'))
  const pushed = await project.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 2, refused: [], open: undefined })
  expect(heldBy(pushed)).toEqual(
    expect.arrayContaining(['blueprint:Lamp scripts', 'blueprint:Tinted ', 'shared:tint.js content']),
  )
  expect(await scriptsOf(world, 'Lamp')).toEqual({ 'index.js': INDEX, '@shared/tint.js': tint('theirs') })
  expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'ours' })
  expect(await world.blueprint('Post')).toMatchObject({ scriptEntry: 'index.js' })
  const head = await world.head()
  expect(await project.push()).toMatchObject({ landed: 0 })
  expect(await world.head()).toBe(head)
  // Ours after all: what waited is sent.
  await project.resolve(['shared:tint.js'], 'local')
  project.commit('ours after all')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, held: [] })
  expect(await scriptsOf(world, 'Lamp')).toEqual({ 'index.js': `// ours\n${INDEX}`, '@shared/tint.js': tint('ours') })
  expect(await scriptsOf(world, 'Tinted')).toEqual({ 'index.js': INDEX, '@shared/tint.js': tint('ours') })
})

it('variants of a root whose script is held back are not sent again and again', async () => {
  const source = (name: string) => `export default () => '${name}'\n`
  const { world, project } = await lampProject({}, 'split', (w) => deploy(w, 'Lamp', { 'index.js': source('base') }))
  project.write('apps/Lamp/Red.json', { id: 'Lamp__Red', name: 'Red', scriptRef: 'Lamp' })
  project.commit('a variant')
  await project.push()
  project.write('apps/Lamp/index.js', source('ours'))
  project.commit('ours')
  await deploy(world, 'Lamp', { 'index.js': source('theirs') })
  await project.pull()
  const head = await world.head()
  const pushed = await project.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 0 })
  expect(heldBy(pushed)).toEqual(['blueprint:Lamp scriptFiles.index.js'])
  expect(await world.head()).toBe(head)
  // A removal takes the whole object with it, what is contested in it included.
  project.remove('apps/Lamp')
  project.removeEntity('lamp0001')
  project.removeEntity('lamp0002')
  project.commit('no lamps')
  const removed = await project.push()
  expect(removed).toMatchObject({ kind: 'pushed', landed: 3, refused: [] })
  expect(heldBy(removed)).toEqual(['blueprint:Lamp '])
  expect(await world.blueprint('Lamp')).toBeDefined()
})

it('what cannot be without something held back waits with it', async () => {
  const { world, project } = await lampProject()
  project.write('apps/Post/Post.json', { id: 'Post', name: 'Post', desc: 'base' })
  project.write('apps/Old/Old.json', { id: 'Old', name: 'Old' })
  project.editEntity('lamp0001', (lamp) => {
    lamp.blueprint = 'Old'
  })
  project.commit('two more')
  await project.push()
  // Ours changes a blueprint that the world removes, and adds users of it; removes an entity that the world changes.
  project.change('apps/Post/Post.json', (post) => {
    post.desc = 'ours'
  })
  const post = { ...project.entity('lamp0002'), id: 'post0001', uid: undefined, blueprint: 'Post' }
  project.write(project.entityPathOf('post0001'), post)
  project.editEntity('lamp0002', (lamp) => {
    lamp.blueprint = 'Post'
    lamp.pinned = true
  })
  project.removeEntity('lamp0001')
  project.commit('ours')
  await world.remote.removeBlueprint('Post')
  await world.edit('bob', 'lamp0001', { position: [3, 3, 3] })
  const pulled = await project.pull()
  expect(pulled.conflicts.map(({ object, fields }) => `${object} ${fields[0]?.field}`).sort()).toEqual([
    'blueprint:Post (object)',
    'entity:lamp0001 (object)',
  ])
  project.remove('apps/Old')
  project.commit('and its blueprint')
  const pushed = await project.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
  expect(heldBy(pushed)).toEqual([
    'blueprint:Old ',
    'blueprint:Post ',
    'entity:lamp0001 ',
    'entity:lamp0002 blueprint',
    'entity:post0001 ',
  ])
  expect(await world.entity('lamp0001')).toMatchObject({ blueprint: 'Old' })
  expect(await world.blueprint('Old')).toBeDefined()
  expect(await world.entity('lamp0002')).toMatchObject({ blueprint: 'Lamp', pinned: true })
  expect(await world.entity('post0001')).toBeUndefined()
  // With ours for all, everything lands.
  await project.resolve('all', 'local')
  project.commit('ours')
  expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [], open: undefined })
  expect(await world.entity('post0001')).toMatchObject({ blueprint: 'Post' })
  expect(await world.blueprint('Old')).toBeUndefined()
})

it('M6: a blueprint deleted here that the world came to use stays deleted, and stays in the world', async () => {
  const { world, project } = await lampProject({}, 'split', async (w) => {
    await w.act('ada', { type: 'blueprint_add', blueprint: { id: 'Post', name: 'Post', version: 0, props: {} } })
  })
  project.remove('apps/Post')
  project.editEntity('lamp0002', (lamp) => {
    lamp.pinned = true
  })
  project.commit('no posts')
  await world.edit('bob', 'lamp0001', { blueprint: 'Post' })
  expect(await project.pull()).toMatchObject({
    kind: 'merged',
    conflicts: [{ object: 'blueprint:Post', fields: [{ path: [], dangling: ['entity:lamp0001'] }] }],
  })
  expect(project.exists('apps/Post')).toBe(false)
  expect(project.entity('lamp0001')).toMatchObject({ blueprint: 'Post' })
  const pushed = await project.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
  expect(heldBy(pushed)).toEqual(['blueprint:Post '])
  expect(await world.blueprint('Post')).toBeDefined()
  expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
  expect((await project.checked()).conflicts).toHaveLength(1)
  await project.resolve(['Post'], 'remote')
  expect(project.git('status', '--porcelain').replace(/[0-9a-f]{8}/, '<id>')).toBe(
    'A  apps/Post/Post.json\nD  lobby.conflicts/<id>.json',
  )
  project.commit('back')
  expect((await project.checked()).conflicts).toEqual([])
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
})

it('a kept conflict lives on until both sides agree', async () => {
  const { world, project } = await lampProject({}, 'split', (w) =>
    w.edit('ada', 'lamp0001', { props: { color: 'white', tone: 'low' } }),
  )
  const set = (props: Record<string, string>) => {
    project.editEntity('lamp0001', (lamp) => {
      lamp.props = props
    })
    project.commit('ours')
  }
  set({ color: 'red', tone: 'high' })
  await world.edit('bob', 'lamp0001', { props: { color: 'blue', tone: 'mid' } })
  await project.pull()
  const first = project.kept().get('entity:lamp0001')
  expect(await project.openFields()).toEqual(['kept entity:lamp0001 props.color', 'kept entity:lamp0001 props.tone'])
  // Strict pulls and pushes go on with it.
  const strict = project.with({})
  await world.edit('bob', 'lamp0002', { position: [3, 3, 3] })
  expect(await strict.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
  expect(await strict.openFields()).toHaveLength(2)
  expect(heldBy(await strict.push())).toEqual(['entity:lamp0001 props.color', 'entity:lamp0001 props.tone'])
  expect(project.kept().get('entity:lamp0001')).toEqual(first)
  // The world comes to agree with one of them.
  await world.edit('bob', 'lamp0001', { props: { color: 'blue', tone: 'high' } })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
  expect(await project.openFields()).toEqual(['kept entity:lamp0001 props.color'])
  expect(
    project
      .kept()
      .get('entity:lamp0001')
      ?.fields.map(({ field, status }) => `${field} ${status}`),
  ).toEqual(['props.color open', 'props.tone merged'])
  // What agreed once is an ordinary field again.
  set({ color: 'red', tone: 'deep' })
  expect(await project.push()).toMatchObject({ landed: 1, held: [{ field: 'props.color' }] })
  expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'blue', tone: 'deep' } })
  // We come to agree: without news from the world nothing is recorded, with any commit of a pull it is settled.
  set({ color: 'blue', tone: 'deep' })
  expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
  await world.edit('bob', 'lamp0002', { position: [4, 4, 4] })
  expect(await project.pull()).toMatchObject({ kind: 'merged' })
  expect(await project.openFields()).toEqual([])
  expect(project.git('ls-files', 'lobby.conflicts')).toBe('')
  expect((await project.checked()).conflicts).toEqual([])
  project.check()
})

it('M2: a move that the tolerance calls the same is settled', async () => {
  const { world, project } = await lampProject()
  project.editEntity('lamp0001', (lamp) => {
    lamp.position = [1, 1, 1]
  })
  project.commit('ours')
  await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
  await project.pull()
  expect(await project.openFields()).toHaveLength(1)
  await world.edit('bob', 'lamp0001', { position: [1.0000000001, 1, 1] })
  await world.edit('bob', 'lamp0002', { pinned: true })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
  expect(await project.openFields()).toEqual([])
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
})

it('M5: owned fields are not kept, the others are', async () => {
  const { world, project } = await lampProject({ publicLike: true })
  project.change('lobby.json', (lobby) => {
    lobby.policy = { rules: [{ type: 'entity', field: 'position', owner: 'local' }] }
  })
  project.editEntity('lamp0001', (lamp) => {
    Object.assign(lamp, { position: [1, 1, 1], pinned: true, scale: [2, 2, 2], props: { color: 'red' } })
  })
  project.commit('ours')
  await world.edit('bob', 'lamp0001', { position: [9, 9, 9], scale: [3, 3, 3], props: { color: 'red', more: 1 } })
  const report = await project.pull()
  expect(report.resolved).toMatchObject([{ key: 'entity:lamp0001', fields: [{ path: ['position'], by: 'local' }] }])
  expect(await project.openFields()).toEqual(['kept entity:lamp0001 scale'])
  expect(project.kept().get('entity:lamp0001')?.autoResolved).toMatchObject([{ field: 'position', by: 'local' }])
  expect(heldBy(await project.push())).toEqual(['entity:lamp0001 scale'])
  expect(await world.entity('lamp0001')).toMatchObject({ position: [1, 1, 1], scale: [3, 3, 3] })
})

it('conflicts with another world hold nothing back here, and stay', async () => {
  const { world, project } = await lampProject()
  project.editEntity('lamp0001', (lamp) => {
    lamp.pinned = true
  })
  project.commit('ours')
  await world.edit('bob', 'lamp0001', { pinned: true, position: [1, 1, 1] })
  await world.edit('bob', 'lamp0001', { pinned: false })
  await project.pull()
  const artifact = project.kept().get('entity:lamp0001')!
  expect(artifact.fields.map(({ field }) => field)).toEqual(['pinned'])
  const id = conflictId('garden', artifact.object)
  const path = `lobby.conflicts/${id}.json`
  project.remove(`lobby.conflicts/${artifact.id}.json`)
  project.write(path, { ...artifact, id, worldId: 'garden' })
  project.commit('of another world')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, held: [] })
  expect(await world.entity('lamp0001')).toMatchObject({ pinned: true })
  await world.edit('bob', 'lamp0002', { pinned: true })
  expect(await project.pull()).toMatchObject({ kind: 'merged' })
  expect(project.exists(path)).toBe(true)

  // What cannot be read may hold back anything.
  project.write(path, '<<<<<<< HEAD\n')
  project.editEntity('lamp0002', (lamp) => {
    lamp.scale = [2, 2, 2]
  })
  project.commit('spoilt')
  const head = await world.head()
  await expect(project.push()).rejects.toMatchObject({ code: 'invalid_artifact', exitCode: 2, data: { path } })
  expect(await world.head()).toBe(head)
  // Notes beside the artifacts are nobody's business.
  project.git('mv', path, 'lobby.conflicts/README.json')
  project.commit('renamed')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, held: [] })
})

it('settings of settings: what is beside an open one is sent', async () => {
  const { world, project } = await lampProject({}, 'split', (w) =>
    w.act('ada', { type: 'settings_modify', key: 'image', value: { url: 'a', more: 1 } }),
  )
  project.editSingle('settings', (settings) => {
    settings.image = { url: 'ours', more: 2 }
  })
  project.commit('ours')
  await world.act('bob', { type: 'settings_modify', key: 'image', value: { url: 'theirs', more: 1 } })
  await project.pull()
  expect(await project.openFields()).toEqual(['kept settings image.url'])
  const pushed = await project.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(heldBy(pushed)).toContain('settings image.url')
  expect((await world.remote.snapshot()).settings).toMatchObject({ image: { url: 'theirs', more: 2 } })
  expect(await project.push()).toMatchObject({ landed: 0 })
})

it('C6: a further edit of one kept field leaves the others held back, and keeps the history', async () => {
  const { world, project } = await lampProject({}, 'split', (w) =>
    w.edit('ada', 'lamp0001', { props: { color: 'white', tone: 'low' } }),
  )
  setProps(project, { color: 'red', tone: 'high' })
  await world.edit('bob', 'lamp0001', { props: { color: 'blue', tone: 'mid' } })
  await project.pull()
  const first = project.kept().get('entity:lamp0001')!
  await world.edit('bob', 'lamp0001', { props: { color: 'green', tone: 'mid' } })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'entity:lamp0001' }] })
  expect(await project.openFields()).toEqual(['kept entity:lamp0001 props.color', 'kept entity:lamp0001 props.tone'])
  const second = project.kept().get('entity:lamp0001')!
  expect(second.id).toBe(first.id)
  expect(second.fields[0]).toMatchObject({ field: 'props.color', local: { value: 'red' }, remote: { value: 'green' } })
  expect(second.history).toMatchObject([{ openedAt: first.openedAt, status: 'open', fields: first.fields }])
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0 })
  expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'green', tone: 'mid' } })

  // P7, G: neither the plan nor the status names what would not be sent.
  expect(await project.push({ dryRun: true })).toMatchObject({ kind: 'planned', operations: [] })
  expect(await project.withSession(statusLocked)).toMatchObject({ outgoing: [] })

  // Strict, and contested once more: the git conflict takes the place of what was kept of the same field.
  await world.edit('bob', 'lamp0001', { props: { color: 'pink', tone: 'mid' } })
  const strict = project.with({})
  expect(await strict.pull()).toMatchObject({ kind: 'contested' })
  expect(await strict.openFields()).toEqual(['kept entity:lamp0001 props.tone', 'merge entity:lamp0001 props.color'])
  await strict.withProject(async ({ repository }) => {
    await repository.run(['checkout', '--ours', '--', strict.entityPathOf('lamp0001')])
  })
  strict.commit('ours, by plain git')
  expect(await strict.push()).toMatchObject({ kind: 'pushed', landed: 1, held: [{ field: 'props.tone' }] })
  expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'red', tone: 'mid' } })
})

it('C6: what was held back is not said to have been acknowledged', async () => {
  const source = (name: string) => `export default () => '${name}'\n`
  const { world, project } = await lampProject({}, 'split', (w) => deploy(w, 'Lamp', { 'index.js': source('base') }))
  project.write('apps/Lamp/index.js', source('ours'))
  project.change('apps/Lamp/Lamp.json', (lamp) => {
    lamp.desc = 'ours'
  })
  project.commit('ours')
  await deploy(world, 'Lamp', { 'index.js': source('theirs') })
  await project.pull()
  const pushed = await project.push()
  expect(pushed.kind === 'pushed' && pushed.held.map(({ key, field }) => `${key} ${field}`)).toEqual([
    'blueprint:Lamp scriptFiles.index.js',
  ])
})

it('C6: a kept deletion of a root in use does not stop the push of everything else', async () => {
  const { world, project } = await lampProject()
  project.remove('apps/Lamp')
  project.removeEntity('lamp0001')
  project.removeEntity('lamp0002')
  project.commit('no lamps')
  const lock = await world.remote.acquireLock('bob', 30, 'Lamp')
  await world.act('bob', {
    type: 'blueprint_add',
    lockToken: lock.kind === 'acquired' ? lock.token : '',
    blueprint: { id: 'Lamp__Red', name: 'Red', version: 0, scope: 'Lamp', props: {}, scriptRef: 'Lamp' },
  })
  await world.remote.releaseLock(lock.kind === 'acquired' ? lock.token : '', 'Lamp')
  const lamp = await world.entity('lamp0001')
  await world.act('bob', { type: 'entity_add', entity: { ...lamp, id: 'lamp0003', uid: undefined } })
  expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'blueprint:Lamp' }] })
  project.editEntity('lamp0003', (entity) => {
    entity.pinned = true
  })
  project.commit('pinned')
  expect(await project.push()).toMatchObject({
    kind: 'pushed',
    landed: 3,
    held: [{ key: 'blueprint:Lamp' }],
    open: undefined,
  })
  expect(await world.entity('lamp0003')).toMatchObject({ pinned: true })
  expect(await world.entity('lamp0001')).toBeUndefined()
})

function heldBy(report: PushReport): readonly string[] {
  return report.kind === 'pushed' ? report.held.map(({ key, field }) => `${key} ${field}`).sort() : [report.kind]
}
