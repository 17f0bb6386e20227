import { describe, expect, it } from 'vitest'
import { type PullOptions, pull } from '../../src/sync/pull.ts'
import { testsOn } from '../e2e/long.ts'
import { deploy, editBlueprint } from './kept-project.ts'
import { addLamps, type Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

const REF = 'refs/lobby/remote'
const MODULE = 'shared/tint.js'
const INDEX = "import { tint } from '@shared/tint.js'\nexport default (world, app) => {\n  tint(app)\n}\n"

const tint = (name: string) => `export const tint = (app) => '${name}'\n`
const scripts = (when: string, edition = when) => ({
  'index.js': `// ${when}\n${INDEX}`,
  '@shared/tint.js': tint(edition),
})

const pullWith = (project: Checkout, options: Partial<PullOptions>) =>
  project.session((session) =>
    pull(session, { autostash: false, confirm: async () => true, verify: false, ...options }),
  )

const changed = (project: Checkout) =>
  project.git('diff-tree', '-r', '--name-only', '--no-commit-id', `${REF}^`, REF).split('\n')

/** A lamp and a door that import one module, of which the lamp has a newer edition than the door. */
async function furnish(options: Parameters<typeof startWorld>[0]): Promise<{ world: World; project: Checkout }> {
  const world = await startWorld(options)
  await addLamps(world)
  await world.act('ada', {
    type: 'blueprint_add',
    blueprint: { id: 'Door', name: 'Door', version: 0, scope: 'Door', props: {} },
  })
  await deploy(world, 'Door', scripts('first'))
  await deploy(world, 'Lamp', scripts('first'))
  const project = await cloneWorld(world)
  await deploy(world, 'Lamp', scripts('second'))
  await project.pull()
  expect(project.read(MODULE)).toBe(tint('second'))
  return { world, project }
}

const KINDS = [{ publicLike: false }, { publicLike: true }] as const

describe.each(KINDS)('a shared module of which blueprints name several editions, %o', (options) => {
  /** One of both, but with `npm run test:long`: they say the same of blueprints. */
  const test = testsOn(KINDS, options)

  test('is what was deployed last: other changes of who has an older one leave it alone', async () => {
    const { world, project } = await furnish(options)
    await editBlueprint(world, 'Door', { desc: 'a door' })
    await project.pull()
    expect(changed(project)).toEqual(['apps/Door/Door.json'])
    expect(project.read(MODULE)).toBe(tint('second'))
    await editBlueprint(world, 'Door', { props: { a: 1, b: 2 } })
    await project.pull()
    expect(changed(project)).toEqual(['apps/Door/Door.json'])
    // Nor do several in one go, of which only the first is asked about.
    for (const a of [5, 6, 7]) await editBlueprint(world, 'Door', { props: { a, b: 2 } })
    await project.pull()
    const files = project.git('log', '-3', '--format=', '--name-only', REF).split('\n')
    expect(files).toEqual(['apps/Door/Door.json', 'apps/Door/Door.json', 'apps/Door/Door.json'])
    expect(project.read(MODULE)).toBe(tint('second'))
    // Nor do its own new scripts, deployed beside the old edition.
    await deploy(world, 'Door', scripts('third', 'first'))
    await project.pull()
    expect(changed(project)).toEqual(['apps/Door/index.js'])
    expect(project.read(MODULE)).toBe(tint('second'))
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
  })

  test('follows who deploys another edition than before, older ones too', async () => {
    const { world, project } = await furnish(options)
    await deploy(world, 'Door', scripts('third', 'second'))
    await project.pull()
    expect(changed(project)).toEqual(['apps/Door/index.js'])
    await deploy(world, 'Door', scripts('fourth', 'first'))
    await project.pull()
    expect(project.read(MODULE)).toBe(tint('first'))
    await deploy(world, 'Lamp', scripts('fifth'))
    await project.pull()
    expect(project.read(MODULE)).toBe(tint('fifth'))
  })

  test('does not go back with a copy of who has an older one', async () => {
    const { world, project } = await furnish(options)
    const { uid: _, ...door } = (await world.blueprint('Door'))!
    const copy = async (id: string, scriptFiles: unknown) => {
      const lock = await world.remote.acquireLock('bob', 30, 'Door')
      if (lock.kind !== 'acquired') throw new Error('locked')
      const blueprint = { ...door, id, name: id, version: 0, scriptFiles }
      await world.act('bob', { type: 'blueprint_add', blueprint, lockToken: lock.token } as never)
      await world.remote.releaseLock(lock.token, 'Door')
      await project.pull()
      expect(project.read(`apps/${id}/index.js`)).toContain('// first')
    }
    await copy('Gate', door.scriptFiles)
    expect(project.read(MODULE)).toBe(tint('second'))
    const other = await world.remote.uploadAsset(new TextEncoder().encode(tint('new')), 'js')
    await copy('Fence', { ...(door.scriptFiles as object), '@shared/tint.js': other })
    expect(project.read(MODULE)).toBe(tint('new'))
  })
})

it('does not go back with what a runtime lost of who has an older one', async () => {
  const dataDir = temporaryFolder()
  const { world, project } = await furnish({ publicLike: true, dataDir })
  await editBlueprint(world, 'Door', { desc: 'saved' })
  await project.pull()
  world.runtime.save()
  await editBlueprint(world, 'Door', { desc: 'lost' })
  await project.pull()
  await world.runtime.kill()
  await startWorld({ publicLike: true, dataDir, port: world.runtime.port })
  await expect(pullWith(project, { verify: true })).rejects.toMatchObject({ code: 'lost_state' })
  await pullWith(project, { verify: true, loss: 'accept' })
  expect(project.json('apps/Door/Door.json').desc).toBe('saved')
  expect(project.read(MODULE)).toBe(tint('second'))
})

it('is not lost with what a runtime lost of who has an older one, as a later edit shows it', async () => {
  const dataDir = temporaryFolder()
  const { world: first, project } = await furnish({ publicLike: true, dataDir })
  await editBlueprint(first, 'Door', { desc: 'saved', props: { a: 1, b: 1 } })
  await project.pull()
  first.runtime.save()
  await editBlueprint(first, 'Door', { desc: 'lost' })
  await editBlueprint(first, 'Door', { props: { a: 2, b: 1 } })
  await project.pull()
  await first.runtime.kill()
  const world = await startWorld({ publicLike: true, dataDir, port: first.runtime.port })
  await editBlueprint(world, 'Door', { props: { a: 1, b: 3, c: 3 } })
  const stopped: unknown = await project.pull().catch((error: unknown) => error)
  expect(stopped).toMatchObject({ code: 'lost_state', data: { objects: [{ object: 'blueprint:Door' }] } })
  expect(JSON.stringify((stopped as { data: unknown }).data)).not.toContain('shared')
  await pullWith(project, { loss: 'accept' })
  expect(project.git('log', '-8', '--format=%s%n%b', REF)).toContain('lost state: blueprint:Door')
  expect(project.git('log', '-8', '--format=%s%n%b', REF)).not.toContain('shared')
  expect(project.json('apps/Door/Door.json')).toMatchObject({ desc: 'saved', props: { a: 1, b: 3, c: 3 } })
  expect(project.read(MODULE)).toBe(tint('second'))
})

it('does not go back where the feed was cut, and who has an older one changed', async () => {
  const { world, project } = await furnish({ retention: 2 })
  await editBlueprint(world, 'Door', { desc: 'a door' })
  for (let n = 0; n < 4; n++) await world.edit('ann', 'lamp0001', { position: [n, 0, 0] })
  await project.pull()
  expect(project.warnings.join()).toContain('no longer reaches back')
  expect(project.json('apps/Door/Door.json').desc).toBe('a door')
  expect(project.read(MODULE)).toBe(tint('second'))
  // What nobody had before is news.
  await deploy(world, 'Door', scripts('third'))
  for (let n = 0; n < 4; n++) await world.edit('ann', 'lamp0001', { position: [n, 1, 0] })
  await project.pull()
  expect(project.read(MODULE)).toBe(tint('third'))
})
