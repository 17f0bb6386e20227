import { mkdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { testsOn } from '../e2e/long.ts'
import { addLamps, type Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** The same story on every kind of runtime: ours with batches, ours without, one like the public server. */
const KINDS = [
  { name: 'reference', options: {} },
  { name: 'reference, without section 9,', options: { capabilities: [] } },
  { name: 'public-like', options: { publicLike: true } },
] as const

describe.each(KINDS)('clone, pull and push against a $name runtime', (kind) => {
  const { name, options } = kind
  /** The public one always, and one of ours; all three with `npm run test:long`. */
  const test = name === 'public-like' ? it : testsOn(KINDS.slice(0, 2), kind)

  async function begin(): Promise<{ world: World; project: Checkout }> {
    const world = await startWorld(options)
    await addLamps(world)
    return { world, project: await cloneWorld(world) }
  }

  test('G3: a clone holds the world, and says nothing is to do', async () => {
    const { world, project } = await begin()
    expect(project.json('apps/Lamp/Lamp.json')).toMatchObject({
      id: 'Lamp',
      scope: 'Lamp',
      props: { color: 'white', power: 3 },
    })
    expect(project.read('apps/Lamp/index.js')).toContain("app.on('update'")
    expect(project.json(project.entityPath('lamp0002'))).toMatchObject({ blueprint: 'Lamp', position: [1, 0, 0] })
    expect(project.git('status', '--porcelain')).toBe('')
    expect(project.json('lobby.json')).toMatchObject({
      targets: { main: { worldUrl: world.runtime.url, worldId: 'plaza' } },
    })
    expect(project.read('lobby.json')).not.toContain('secret')
    const before = [project.git('rev-parse', 'HEAD', 'refs/lobby/remote'), await world.head()]
    expect((await project.pull()).kind).toBe('up-to-date')
    expect((await project.push()).kind).toBe('up-to-date')
    expect([project.git('rev-parse', 'HEAD', 'refs/lobby/remote'), await world.head()]).toEqual(before)
    project.check()
  })

  test('G4, G6: an edit in the world becomes a commit of the line and a merge on the branch', async () => {
    const { world, project } = await begin()
    await world.edit('bob', 'lamp0001', { position: [7, 8, 9] })
    await world.edit('bob', 'lamp0001', { position: [7, 8, 9] })
    await world.act('eve', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    const report = await project.pull()
    expect(report.kind).toBe('merged')
    expect(Object.fromEntries(report.byAuthor)).toEqual({ bob: 1, eve: 1 })
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([7, 8, 9])
    expect(project.json('world/settings.json').title).toBe('Plaza')
    expect(project.git('log', '--format=%an <%ae> %s', '-2', 'refs/lobby/remote')).toBe(
      'eve <eve@plaza.lobby> eve: set setting title\nbob <bob@plaza.lobby> bob: move Lamp lamp0001',
    )
    expect(project.git('log', '--format=%an', '-1')).toBe('Dev')
    expect(project.git('rev-parse', 'HEAD^2')).toBe(project.git('rev-parse', 'refs/lobby/remote'))
    expect(project.git('status', '--porcelain')).toBe('')
    project.check()
  })

  test('P2: a commit becomes operations under its author, and comes back as a merge', async () => {
    const { world, project } = await begin()
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.props = { color: 'red', power: 3 }
    })
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.position = [5, 5, 5]
    })
    project.remove(project.entityPath('lamp0002'))
    project.change('world/settings.json', (settings) => {
      settings.title = 'Hello'
    })
    project.change('world/spawn.json', (spawn) => {
      spawn.position = [1, 1, 1]
    })
    const commit = project.commit('many things')
    const head = await world.head()
    const dry = await project.push({ dryRun: true })
    expect(dry.kind === 'planned' && dry.operations.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'blueprint.update Lamp',
      'entity.update lamp0001',
      'settings.update settings',
      'spawn.update spawn',
      'entity.remove lamp0002',
    ])
    expect(await world.head()).toBe(head)
    const report = await project.push()
    expect(report).toMatchObject({ kind: 'pushed', landed: 5, refused: [], open: undefined })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [5, 5, 5] })
    expect(await world.entity('lamp0002')).toBeUndefined()
    expect(await world.blueprint('Lamp')).toMatchObject({ props: { color: 'red', power: 3 } })
    expect((await world.remote.snapshot()).settings.title).toBe('Hello')
    expect((await world.remote.snapshot()).spawn.position).toEqual([1, 1, 1])
    const sources = project
      .git('log', '--format=%(trailers:key=Lobby-Source,valueonly,separator=%x20)', '-5', 'refs/lobby/remote')
      .split('\n')
    expect(sources.filter((source) => source === `git:${commit}`).length).toBeGreaterThanOrEqual(4)
    expect(project.git('rev-parse', 'HEAD^1')).toBe(commit)
    expect(project.git('diff', commit, 'HEAD', '--name-only')).toMatch(/^lobby\.seen\/\d+-[0-9a-f]{16}$/)
    expect(project.git('status', '--porcelain')).toBe('')
    const after = await world.head()
    expect((await project.push()).kind).toBe('up-to-date')
    expect((await project.pull()).kind).toBe('up-to-date')
    expect(await world.head()).toBe(after)
    project.check()
  })

  test('P4: scripts, shared modules and assets travel both ways', async () => {
    const { world, project } = await begin()
    project.write('apps/Lamp/index.js', "import { glow } from '@shared/glow.js'\nexport default () => glow()\n")
    project.write('shared/glow.js', 'export const glow = () => 1\n')
    project.write('assets/lamp.glb', new Uint8Array([1, 2, 3, 4]))
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.model = 'assets/lamp.glb'
    })
    project.commit('a glowing lamp')
    expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], open: undefined })
    const lamp = (await world.blueprint('Lamp')) as {
      scriptFiles: Record<string, string>
      model: string
      script: string
    }
    expect(Object.keys(lamp.scriptFiles).sort()).toEqual(['@shared/glow.js', 'index.js'])
    expect(lamp.script).toBe(lamp.scriptFiles['index.js'])
    expect(lamp.model).toMatch(/^asset:\/\/[0-9a-f]{64}\.glb$/)
    expect(project.git('status', '--porcelain')).toBe('')

    // Another checkout sees the same files.
    const other = await cloneWorld(world)
    expect(other.read('shared/glow.js')).toBe('export const glow = () => 1\n')
    expect(other.read(String(other.json('apps/Lamp/Lamp.json').model))).toBe('\x01\x02\x03\x04')

    // A shared module alone redeploys who imports it.
    other.write('shared/glow.js', 'export const glow = () => 2\n')
    other.commit('brighter')
    expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.read('shared/glow.js')).toBe('export const glow = () => 2\n')
    expect((await project.push()).kind).toBe('up-to-date')
    project.check()
    other.check()
  })

  test('M1: both sides change different fields of one object, and lines of one script', async () => {
    const { world, project } = await begin()
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.props = { text: 'here' }
    })
    project.commit('a text')
    await world.edit('bob', 'lamp0001', { position: [3, 3, 3] })
    await world.edit('bob', 'lamp0002', { scale: [2, 2, 2] })
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [3, 3, 3], props: { text: 'here' } })
    expect(project.json(project.entityPath('lamp0001'))).toMatchObject({ position: [3, 3, 3], props: { text: 'here' } })
    expect(project.json(project.entityPath('lamp0002')).scale).toEqual([2, 2, 2])
    expect((await project.pull()).kind).toBe('up-to-date')
    project.check()
  })

  test('P1, M2, C1: the same field on both sides stops a push before anything is sent, and a pull leaves a git conflict', async () => {
    const { world, project } = await begin()
    const path = project.entityPath('lamp0001')
    project.change(path, (lamp) => {
      lamp.position = [1, 1, 1]
    })
    const commit = project.commit('here')
    await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
    const head = await world.head()
    expect((await project.push()).kind).toBe('contested')
    expect(project.git('status', '--porcelain')).toBe('')
    const pulled = await project.pull()
    expect(pulled.kind).toBe('contested')
    expect(pulled.conflicts).toMatchObject([
      {
        object: 'entity:lamp0001',
        path,
        fields: [
          {
            field: 'position',
            base: { value: [0, 0, 0] },
            local: { value: [1, 1, 1] },
            remote: { value: [2, 2, 2] },
            localBy: { name: 'Dev', commit },
            remoteBy: { name: 'bob', cursor: head },
          },
        ],
      },
    ])
    expect(project.git('rev-parse', 'HEAD')).toBe(commit)
    expect(project.git('status', '--porcelain', '--', ':!lobby.seen')).toBe(`UU ${path}`)
    await expect(project.push()).rejects.toMatchObject({ code: 'merge_in_progress', exitCode: 2 })
    expect(await world.head()).toBe(head)
    project.git('merge', '--abort')
    expect(project.git('status', '--porcelain')).toBe('')
    // Put back in the world to what it was: still a change that somebody made.
    await world.edit('bob', 'lamp0001', { position: [0, 0, 0] })
    expect((await project.pull()).kind).toBe('contested')
    expect(project.read(path)).toContain('<<<<<<< HEAD')
    project.check()
  })

  test('a new app folder becomes a blueprint with entities, and keeps its place', async () => {
    const { world, project } = await begin()
    project.write('apps/Signs/Big Sign.json', { name: 'Big Sign', props: { text: 'hi' } })
    project.write('apps/Signs/index.js', 'export default () => {}\n')
    project.write('world/entities/signs/first.json', {
      id: 'sign0001',
      blueprint: 'Signs__Big Sign',
      position: [0, 1, 0],
      quaternion: [0, 0, 0, 1],
      scale: [1, 1, 1],
      pinned: false,
      props: {},
    })
    project.commit('signs')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [], open: undefined })
    const blueprint = await world.blueprint('Signs__Big Sign')
    expect(blueprint).toMatchObject({ name: 'Big Sign', scope: 'Signs' })
    expect(project.json('apps/Signs/Big Sign.json')).toMatchObject({
      id: 'Signs__Big Sign',
      uid: blueprint?.uid,
      scope: 'Signs',
    })
    expect(project.entityPath('sign0001')).toBe('world/entities/signs/first.json')
    await world.edit('bob', 'sign0001', { position: [0, 2, 0] })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.json('world/entities/signs/first.json').position).toEqual([0, 2, 0])
    expect(
      project
        .git('ls-files', 'apps/Signs', 'world/entities')
        .split('\n')
        .filter((path) => /[Ss]ign/.test(path)),
    ).toEqual(['apps/Signs/Big Sign.json', 'apps/Signs/index.js', 'world/entities/signs/first.json'])
    project.check()
  })

  test('M8: files moved on disk push nothing, and follow the world where they are', async () => {
    const { world, project } = await begin()
    project.git('mv', 'apps/Lamp', 'apps/Lights')
    const path = project.entityPath('lamp0001')
    mkdirSync(`${project.folder}/world/entities/hall`)
    project.git('mv', path, 'world/entities/hall/entrance.json')
    project.commit('tidy up')
    const head = await world.head()
    expect((await project.push()).kind).toBe('up-to-date')
    expect(await world.head()).toBe(head)
    await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
    const current = await world.blueprint('Lamp')
    await world.act('bob', {
      type: 'blueprint_modify',
      change: { id: 'Lamp', version: Number(current?.version) + 1, desc: 'bright' },
    })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.json('world/entities/hall/entrance.json').position).toEqual([4, 4, 4])
    expect(project.json('apps/Lights/Lamp.json').desc).toBe('bright')
    expect(project.exists('apps/Lamp')).toBe(false)
    expect(project.exists(path)).toBe(false)
    expect((await project.push()).kind).toBe('up-to-date')
    project.check()
  })

  test('G7: a fresh git clone goes on with no other state, with the same commits', async () => {
    const { world, project } = await begin()
    await world.edit('bob', 'lamp0001', { position: [1, 2, 3] })
    await project.pull()
    const folder = `${temporaryFolder()}/copy`
    project.git('clone', '--quiet', project.folder, folder)
    const { Checkout } = await import('./support.ts')
    const copy = new Checkout(folder)
    await world.edit('bob', 'lamp0002', { position: [3, 2, 1] })
    expect((await copy.pull()).kind).toBe('merged')
    await project.pull()
    expect(copy.git('rev-parse', 'refs/lobby/remote')).toBe(project.git('rev-parse', 'refs/lobby/remote'))
    copy.change(copy.entityPath('lamp0001'), (lamp) => {
      lamp.pinned = true
    })
    copy.commit('pin')
    expect(await copy.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.git('rev-parse', 'refs/lobby/remote')).toBe(copy.git('rev-parse', 'refs/lobby/remote'))
    copy.check()
    project.check()
  })
})
