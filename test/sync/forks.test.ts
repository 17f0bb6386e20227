import { expect, it } from 'vitest'
import { init } from '../../src/sync/init.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

it('G7: of two lines in one history the furthest wins, and stays', async () => {
  const world = await startWorld()
  await addLamps(world)
  const ann = await cloneWorld(world)
  await world.edit('bob', 'lamp0002', { pinned: true })
  const dan = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [9, 9, 9] })
  await ann.pull()
  ann.git(
    'pull',
    '--quiet',
    '--no-rebase',
    '--no-edit',
    '--allow-unrelated-histories',
    '-X',
    'ours',
    dan.folder,
    'HEAD',
  )
  ann.change(ann.entityPath('lamp0001'), (lamp) => {
    lamp.position = [0, 0, 0]
  })
  ann.commit('back, having seen it')
  const tip = ann.git('rev-parse', 'refs/lobby/remote')
  for (let n = 0; n < 3; n++) {
    expect((await ann.pull()).kind).toBe('up-to-date')
    expect(ann.git('rev-parse', 'refs/lobby/remote')).toBe(tip)
  }
  expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await world.entity('lamp0001')).toMatchObject({ position: [0, 0, 0] })
})

it('G7: a shallow clone is refused, with the command that deepens it', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  project.write('notes.txt', 'one\n')
  project.commit('one')
  project.write('notes.txt', 'two\n')
  project.commit('two')
  const shallow = new Checkout(`${temporaryFolder()}/shallow`)
  project.git('clone', '--quiet', '--depth', '1', `file://${project.folder}`, shallow.folder)
  await expect(shallow.pull()).rejects.toMatchObject({
    code: 'shallow_clone',
    hint: expect.stringContaining('--unshallow'),
  })
  await expect(shallow.push()).rejects.toMatchObject({ code: 'shallow_clone' })
  const join = init(shallow.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  await expect(join).rejects.toMatchObject({ code: 'shallow_clone' })
  shallow.git('fetch', '--quiet', '--unshallow')
  expect((await shallow.pull()).kind).toBe('up-to-date')
})

it('G6: connecting a project that is connected already makes no commit', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const head = project.git('rev-parse', 'HEAD')
  await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  expect(project.git('rev-parse', 'HEAD')).toBe(head)
})

it('what --autostash has put aside comes back, also after a crash', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  project.write('notes.txt', 'committed\n')
  project.commit('notes')
  // As a run leaves it that was killed between putting the changes aside and the merge.
  project.write('notes.txt', 'precious\n')
  project.write('.git/lobby/autostash', 'gamedev sync autostash 1234')
  project.git('stash', 'push', '--quiet', '--message', 'gamedev sync autostash 1234')
  await world.edit('bob', 'lamp0001', { pinned: true })
  expect((await project.pull()).kind).toBe('merged')
  expect(project.read('notes.txt')).toBe('precious\n')
  expect(project.git('stash', 'list')).toBe('')
  expect(project.warnings.join()).toContain('are back')
})
