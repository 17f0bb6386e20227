import { expect, it } from 'vitest'
import { init } from '../../src/sync/init.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const CRLF = 'export default () => {\r\n  return 1\r\n}\r\n'

async function crlfScript(world: Awaited<ReturnType<typeof startWorld>>, text: string): Promise<void> {
  const script = await world.remote.uploadAsset(new TextEncoder().encode(text), 'js')
  const lock = await world.remote.acquireLock('test', 30, 'Lamp')
  if (lock.kind !== 'acquired') throw new Error('locked')
  const version = Number((await world.blueprint('Lamp'))?.version) + 1
  const change = {
    id: 'Lamp',
    version,
    scope: 'Lamp',
    script,
    scriptEntry: 'index.js',
    scriptFiles: { 'index.js': script },
    scriptFormat: 'module',
  }
  await world.act('ada', { type: 'blueprint_modify', lockToken: lock.token, change })
  await world.remote.releaseLock(lock.token, 'Lamp')
}

it('G5: blobs are written by the rules of the project, so that a checkout is never dirty at birth', async () => {
  const world = await startWorld()
  await addLamps(world)
  await crlfScript(world, CRLF)
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet', '-b', 'main')
  project.git('config', 'filter.shout.clean', 'tr a-z A-Z')
  project.git('config', 'filter.shout.smudge', 'tr A-Z a-z')
  project.write('.gitattributes', '*.js text eol=lf\n*.glb filter=shout\n')
  project.commit('rules')
  expect((await init(project.context(), { url: world.runtime.url, worldId: undefined, name: 'main' })).kind).toBe(
    'connected',
  )
  expect(project.git('status', '--porcelain')).toBe('')
  expect(project.git('show', 'HEAD:apps/Lamp/index.js')).not.toContain('\r')
  expect(project.git('show', 'refs/lobby/remote:assets/Scene.glb')).toMatch(/^GLTF/)

  // The next operations follow the same rules, here and in a clone of the repository.
  await crlfScript(world, CRLF.replace('1', '2'))
  expect((await project.pull()).kind).toBe('merged')
  expect(project.read('apps/Lamp/index.js')).toBe(CRLF.replace('1', '2').replaceAll('\r', ''))
  expect(project.git('status', '--porcelain')).toBe('')
  expect((await project.push()).kind).toBe('up-to-date')
  const head = await world.head()

  // An edit on disk of the same script still finds what the world holds.
  project.write('apps/Lamp/index.js', 'export default () => 3\n')
  project.commit('three')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, refused: [] })
  expect(await world.head()).toBe(head + 1)
  project.check()
})

it('G5: without rules content is taken to the byte, and files with CRLF read the same', async () => {
  const world = await startWorld()
  await addLamps(world)
  await crlfScript(world, CRLF)
  const project = await cloneWorld(world)
  expect(project.read('apps/Lamp/index.js')).toBe(CRLF)
  const path = project.entityPath('lamp0001')
  project.write(path, project.read(path).replaceAll('\n', '\r\n'))
  project.commit('an editor with CRLF')
  expect((await project.push()).kind).toBe('up-to-date')
  await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })
  expect((await project.pull()).kind).toBe('merged')
  expect(project.json(path).position).toEqual([1, 1, 1])
})
