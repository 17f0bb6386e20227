import { rmSync, truncateSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { clone, init } from '../../src/sync/init.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

it('a clone that was killed in the middle of its checkout is completed, though the world has moved on', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const url = world.runtime.url
  const tree = project.git('rev-parse', 'HEAD^{tree}')
  const tip = project.git('rev-parse', 'refs/lobby/remote')
  // As the kill leaves it: no commit, no index, some files whole, one cut short, the rest missing.
  project.git('update-ref', '-d', 'HEAD')
  rmSync(join(project.folder, '.git/index'))
  truncateSync(join(project.folder, project.entityPath('lamp0001')), 20)
  project.remove('apps')
  project.write('.git/lobby/clone', url)
  project.write('.git/lobby/first-commit', JSON.stringify({ tree, tip, cursor: 3 }))
  await world.edit('bob', 'lamp0002', { position: [5, 5, 5] })

  const context = { ...project.context(), cwd: dirname(project.folder) }
  expect((await clone(context, { url, folder: project.folder, worldId: undefined })).kind).toBe('connected')
  expect(project.git('rev-parse', 'HEAD^{tree}')).toBe(tree)
  expect(project.git('status', '--porcelain')).toBe('')
  expect(project.exists('.git/lobby/first-commit')).toBe(false)
  expect((await project.pull()).kind).toBe('merged')
  expect(project.json(project.entityPath('lamp0002')).position).toEqual([5, 5, 5])
  project.check()
})

it('G6: where git pull rebases, init has it keep merges', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet', '-b', 'main')
  project.git('config', 'pull.rebase', 'true')
  await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  expect(project.git('config', '--get', 'pull.rebase')).toBe('merges')
})

it('a .gitignore that is not committed is in the way of a first commit, and stays as it is', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet', '-b', 'main')
  project.write('.gitignore', 'mine\n')
  const joined = init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  await expect(joined).rejects.toMatchObject({
    code: 'files_in_the_way',
    message: expect.stringContaining('.gitignore'),
  })
  expect(project.read('.gitignore')).toBe('mine\n')
  expect(project.exists('apps')).toBe(false)
})
