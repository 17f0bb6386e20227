import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { init } from '../../src/sync/init.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

function repository(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '-b', 'main')
  checkout.write('README.md', 'ours\n')
  checkout.commit('first')
  return checkout
}

async function connect(world: World, project: Checkout) {
  return init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
}

describe('where a project may be', () => {
  it('G1: a subfolder of a repository, in a linked worktree', async () => {
    const world = await startWorld()
    await addLamps(world)
    const top = repository()
    const linked = new Checkout(join(temporaryFolder(), 'linked'))
    top.git('worktree', 'add', '--quiet', '-b', 'work', linked.folder)
    mkdirSync(join(linked.folder, 'games/plaza'), { recursive: true })
    const project = new Checkout(join(linked.folder, 'games/plaza'))
    expect((await connect(world, project)).kind).toBe('connected')
    expect(linked.git('for-each-ref', '--format=%(refname)', 'refs/lobby')).toBe(
      'refs/lobby/projects/games%2fplaza/remote',
    )
    expect(
      linked
        .git('ls-files')
        .split('\n')
        .filter((path) => !path.startsWith('games/plaza/')),
    ).toEqual(['README.md'])
    expect(project.json('apps/Lamp/Lamp.json').id).toBe('Lamp')

    // From a folder inside the project, both ways.
    const inside = new Checkout(join(project.folder, 'apps'))
    await world.edit('bob', 'lamp0001', { position: [1, 2, 3] })
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'bright'
    })
    linked.write('elsewhere.txt', 'not ours\n')
    linked.commit('bright, and something else')
    expect((await inside.pull()).kind).toBe('merged')
    expect(await inside.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([1, 2, 3])
    expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'bright' })
    expect(linked.git('status', '--porcelain')).toBe('')
    linked.git('fsck', '--strict')
    expect(top.git('status', '--porcelain')).toBe('')
  })

  it('G8: a project with a manifest keeps it, and the state that stands in it', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = repository()
    const scene = (await world.remote.snapshot()).entities[0]
    const entity = (id: string, blueprint: string, x: number) => ({
      id,
      blueprint,
      position: [x, 0, 0],
      quaternion: [0, 0, 0, 1],
      scale: [1, 1, 1],
      pinned: false,
      props: {},
      state: id === 'lamp0001' ? { lit: true } : {},
    })
    const snapshot = await world.remote.snapshot()
    project.write('world.json', {
      formatVersion: 2,
      settings: snapshot.settings,
      spawn: snapshot.spawn,
      entities: [entity('lamp0002', 'Lamp', 1), entity('lamp0001', 'Lamp', 0), entity(String(scene?.id), '$scene', 0)],
    })
    project.commit('a manifest')
    expect((await connect(world, project)).kind).toBe('connected')
    const ids = () => (project.json('world.json').entities as { id: string }[]).map(({ id }) => id)
    expect(ids()).toEqual(['lamp0002', 'lamp0001', scene?.id])
    expect(project.exists('world')).toBe(false)
    await world.edit('bob', 'lamp0002', { position: [5, 5, 5] })
    project.change('world.json', (manifest) => {
      const lamp = (manifest.entities as Record<string, unknown>[])[1]
      if (lamp !== undefined) lamp.pinned = true
    })
    project.commit('pin')
    expect((await project.pull()).kind).toBe('merged')
    const [second, first] = project.json('world.json').entities as Record<string, unknown>[]
    expect(second).toMatchObject({ id: 'lamp0002', position: [5, 5, 5] })
    expect(first).toMatchObject({ id: 'lamp0001', pinned: true, state: { lit: true } })
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0001')).toMatchObject({ pinned: true })
    expect((await project.push()).kind).toBe('up-to-date')
    expect(project.read('world.json')).toContain('"position": [\n')
    project.check()

    // G12 counts the objects of a manifest too.
    for (const id of ids()) await world.act('bob', { type: 'entity_remove', id })
    await expect(project.pull()).rejects.toMatchObject({ code: 'mass_deletion' })
    expect((await project.pull({ yes: true })).kind).toBe('merged')
    expect(ids()).toEqual([])

    project.write('world/settings.json', {})
    project.commit('two layouts')
    await expect(project.push()).rejects.toMatchObject({ code: 'both_layouts' })
  })

  it('a repository without a commit begins with the world; files in the way are left alone', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = new Checkout(temporaryFolder())
    project.git('init', '--quiet', '-b', 'trunk')
    project.write('notes.txt', 'mine\n')
    project.write('apps/Lamp/index.js', 'mine\n')
    await expect(connect(world, project)).rejects.toMatchObject({ code: 'files_in_the_way' })
    expect(project.read('apps/Lamp/index.js')).toBe('mine\n')
    project.remove('apps')
    expect(await connect(world, project)).toMatchObject({ kind: 'connected', branch: 'trunk' })
    expect(project.git('status', '--porcelain')).toBe('?? notes.txt')
    expect((await project.pull()).kind).toBe('up-to-date')
    project.check()
  })

  it('G1: a second world has a ref of its own', async () => {
    const world = await startWorld()
    await addLamps(world)
    const other = await startWorld({ worldId: 'staging' })
    const project = repository()
    await connect(world, project)
    await expect(
      init(project.context(), { url: other.runtime.url, worldId: 'nothing', name: 'staging' }),
    ).rejects.toMatchObject({ code: 'wrong_world', exitCode: 5 })
    expect(project.git('for-each-ref', '--format=%(refname)', 'refs/lobby')).toBe('refs/lobby/remote')
  })

  it('G10: hooks and signing are the ones that git itself would use', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = repository()
    await connect(world, project)
    const { chmodSync } = await import('node:fs')
    project.write('.git/hooks/commit-msg', '#!/bin/sh\necho "Reviewed-by: hook" >> "$1"\n')
    chmodSync(join(project.folder, '.git/hooks/commit-msg'), 0o755)
    await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.git('log', '-1', '--format=%B')).toContain('Reviewed-by: hook')
    project.write('.git/hooks/pre-merge-commit', '#!/bin/sh\necho "not today" >&2\nexit 1\n')
    chmodSync(join(project.folder, '.git/hooks/pre-merge-commit'), 0o755)
    await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
    await expect(project.pull()).rejects.toMatchObject({
      code: 'hook_refused',
      message: expect.stringContaining('not today'),
    })
    expect(project.git('status')).toContain('git commit')
    project.remove('.git/hooks/pre-merge-commit')
    // The next run concludes what the hook held up.
    await project.pull()
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([2, 2, 2])
    expect(project.git('status', '--porcelain')).toBe('')
    project.check()
  })
})

it('G1: a project that was moved within its repository does not take its world for empty', async () => {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  const top = new Checkout(temporaryFolder())
  top.git('init', '--quiet', '-b', 'main')
  top.write('games/plaza/notes.txt', 'notes\n')
  top.commit('begin')
  const project = new Checkout(join(top.folder, 'games/plaza'))
  await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
  top.git('mv', 'games/plaza', 'games/square')
  top.commit('another name')
  const moved = new Checkout(join(top.folder, 'games/square'))
  const head = await world.head()
  for (const command of [() => moved.push(), () => moved.pull()]) {
    await expect(command()).rejects.toMatchObject({ code: 'project_moved', exitCode: 5 })
  }
  expect(await world.head()).toBe(head)
  // Connected anew: all is the same.
  await init(moved.context(), { url: undefined, worldId: undefined, name: 'main' })
  expect(await moved.push()).toMatchObject({ kind: 'up-to-date' })
  await world.edit('eve', 'lamp0001', { pinned: true })
  expect(await moved.pull()).toMatchObject({ kind: 'merged' })
  expect(moved.json(moved.entityPathOf('lamp0001'))).toMatchObject({ pinned: true })
  expect(await world.head()).toBe(head + 1)
})

it('local changes that do not fit after an autostash are said, and kept', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const path = project.entityPathOf('lamp0001')
  project.change(path, (lamp) => {
    lamp.pinned = true
  })
  await world.edit('eve', 'lamp0001', { props: { color: 'red' } })
  project.change(path, (lamp) => {
    lamp.props = { color: 'blue' }
  })
  expect(await project.pull({ autostash: true })).toMatchObject({ kind: 'merged' })
  expect(project.warnings.join()).toContain('do not fit any more')
  expect(project.git('stash', 'list')).not.toBe('')
})
