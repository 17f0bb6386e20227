import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { check } from '../../src/sync/check.ts'
import { resolve } from '../../src/sync/resolve.ts'
import { kindsFor } from '../e2e/long.ts'
import { changeEntities, connect, entityIn, furnish, pending, publicCheckout } from './adopt-support.ts'
import { addLamps, Checkout, startWorld, temporaryFolder } from './support.ts'

/** Left out by older files: what the runtime fills in, or has as null. */
const SPARSE = { withoutIds: true, without: ['uid', 'scope', 'createdAt', 'scriptFormat', 'author', 'url'] }

const RUNTIMES = [
  ['reference', false],
  ['public-like', true],
] as const

describe.each(kindsFor('adoption', RUNTIMES))('adoption, %s runtime', (_, publicLike) => {
  test('a project that agrees with its world is adopted without a single write', async () => {
    const world = await startWorld({ publicLike })
    await furnish(world, 200)
    const head = await world.head()
    for (const options of [{}, SPARSE]) {
      const project = await publicCheckout(world, options)
      const old = project.git('rev-parse', 'HEAD')
      const report = await connect(project, world)
      expect(report).toMatchObject({ kind: 'connected', files: 0, joined: true })
      expect(report.plan).toMatchObject({ different: [], onlyLocal: [], onlyRemote: [] })
      expect(report.plan!.equal).toBeGreaterThan(200)
      const changed = project.git('diff', '--name-only', old, 'HEAD').split('\n')
      expect(changed.filter((path) => !/^(lobby\.json|\.gitignore|lobby\.seen\/.*)$/.test(path))).toEqual([])
      expect(project.git('merge-base', 'HEAD', 'refs/lobby/remote')).toBe(project.git('rev-parse', 'refs/lobby/remote'))
      expect(project.git('status', '--porcelain')).toBe('')

      expect(await pending(project)).toEqual([])
      const connected = project.git('rev-parse', 'HEAD')
      expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
      expect(await project.pull()).toMatchObject({ kind: 'up-to-date' })
      expect(await connect(project, world)).toMatchObject({ kind: 'connected', joined: false })
      expect(project.git('rev-parse', 'HEAD')).toBe(connected)
      expect(await world.head()).toBe(head)
    }

    // From here on it is a project like any: what is edited on either side, and nothing else, reaches the other.
    const project = await publicCheckout(world, SPARSE)
    await connect(project, world)
    await world.edit('bob', 'many7', { position: [7, 7, 7] })
    await world.act('bob', { type: 'blueprint_modify', change: { id: 'k3jf92', version: 1, desc: 'To sit on.' } })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(project.git('diff', '--stat', 'HEAD^', 'HEAD', '--', 'world.json')).toMatch(/world\.json \| 6 [+]+-+/)
    expect(Object.keys(entityIn(project, 'many7')!)).toEqual(Object.keys(entityIn(project, 'many6')!))
    expect(project.json('apps/k3jf92/k3jf92.json')).toMatchObject({ desc: 'To sit on.' })
    expect(Object.keys(project.json('apps/k3jf92/k3jf92.json'))).not.toContain('scope')

    changeEntities(project, (entities) =>
      entities.map((entity) => (entity.id === 'many8' ? { ...entity, pinned: false } : entity)),
    )
    project.change('apps/Crate/big.json', (crate) => Object.assign(crate, { desc: 'Oak.' }))
    project.write('shared/util.js', 'export const u = 3\n')
    project.commit('Oak, and a module')
    expect(await pending(project)).toEqual([
      'blueprint.update Crate__big',
      'blueprint.update Crate__big',
      'entity.update many8',
    ])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 3, refused: [], held: [] })
    expect(await world.blueprint('Crate__big')).toMatchObject({ desc: 'Oak.', scope: 'Crate', scriptFormat: 'module' })
    expect(await world.entity('many8')).toMatchObject({ pinned: false, scope: 'Lamp', managedBy: 'shared' })
    expect(await pending(project)).toEqual([])
    project.check()
  })

  test('what differs is contested, what only one side has stays; a dry run says so and changes nothing', async () => {
    const world = await startWorld({ publicLike })
    await furnish(world, 4)
    const project = await publicCheckout(world)
    await world.edit('bob', 'lamp0001', { position: [9, 9, 9] })
    await world.edit('bob', 'many1', { pinned: true })
    await world.act('bob', { type: 'entity_remove', id: 'many0' })
    await world.act('bob', {
      type: 'entity_add',
      entity: { ...(await world.entity('many2')), id: 'bobs', uid: 'u-bobs', state: {} },
    })
    changeEntities(project, (entities) =>
      entities.map((entity) => (entity.id === 'lamp0001' ? { ...entity, position: [1, 1, 1] } : entity)),
    )
    project.write('apps/Lamp/index.js', 'export default () => 1\n')
    const old = project.commit('Edited meanwhile')

    const dry = await connect(project, world, { dryRun: true })
    expect(dry).toMatchObject({ kind: 'planned', joined: false })
    expect(dry.plan!.different.map(({ key, fields, contested }) => [key, fields, contested])).toEqual([
      ['blueprint:Lamp', ['scriptFiles.index.js'], ['scriptFiles.index.js']],
      ['entity:lamp0001', ['position'], ['position']],
      ['entity:many1', ['pinned'], ['pinned']],
    ])
    expect(dry.plan).toMatchObject({ onlyLocal: ['entity:many0'], onlyRemote: ['entity:bobs'] })
    expect(project.git('rev-parse', 'HEAD')).toBe(old)
    expect(project.git('status', '--porcelain')).toBe('')
    expect(project.git('for-each-ref', 'refs/lobby')).toBe('')

    expect(await connect(project, world)).toMatchObject({ kind: 'contested', joined: true })
    expect(project.git('diff', '--name-only', '--diff-filter=U').split('\n')).toEqual([
      'apps/Lamp/index.js',
      'world.json',
    ])
    // Only what is contested is between markers, and the one that is new is there; all else is spelled as it was.
    expect(project.git('diff', '--numstat', old, '--', 'world.json')).toBe('36\t0\tworld.json')
    await project.session((session) =>
      resolve(session, session.switches, { names: [], all: true, use: 'remote', field: undefined }),
    )
    project.git('commit', '--quiet', '--no-edit')
    expect(entityIn(project, 'lamp0001')).toMatchObject({ position: [9, 9, 9] })
    expect(Object.keys(entityIn(project, 'lamp0001')!)).not.toContain('uid')
    expect(await pending(project)).toEqual(['entity.add many0'])
    expect(await check(project.context(), { kind: 'working' })).toMatchObject({ conflicts: [], problems: [] })

    project.git('reset', '--quiet', '--hard', old)
    expect(await connect(project, world)).toMatchObject({ kind: 'contested' })
    project.git('merge', '--abort')
    expect(project.git('rev-parse', 'HEAD')).toBe(old)

    const local = await connect(project, world, { prefer: 'local' })
    expect(local).toMatchObject({ kind: 'connected', conflicts: [] })
    expect(local.plan!.different.map(({ key, taken, kept, contested }) => [key, taken, kept, contested])).toEqual([
      ['blueprint:Lamp', 0, 1, []],
      ['entity:lamp0001', 0, 1, []],
      ['entity:many1', 0, 1, []],
    ])
    expect(project.read('apps/Lamp/index.js')).toBe('export default () => 1\n')
    expect(entityIn(project, 'bobs')).toBeDefined()
    expect(project.git('diff', '--numstat', old, 'HEAD', '--', 'apps')).toBe('')
    // Nothing but the new entity came into the manifest.
    expect(project.git('diff', '--numstat', old, 'HEAD', '--', 'world.json')).toMatch(/^\d+\t0\tworld\.json$/)
    expect(await pending(project)).toEqual([
      'blueprint.update Lamp',
      'blueprint.update Lamp__red',
      'entity.add many0',
      'entity.update lamp0001',
      'entity.update many1',
    ])
    expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [1, 1, 1] })
    expect(await world.entity('many0')).toBeDefined()
    expect(await world.entity('bobs')).toBeDefined()
    expect(await pending(project)).toEqual([])
    project.check()
  })
})

test('the world preferred, the other side mirrored: deletions are asked for (public-like)', async () => {
  const world = await startWorld({ publicLike: true })
  await furnish(world, 3)
  const makeProject = async () => {
    const project = await publicCheckout(world)
    changeEntities(project, (entities) => [
      ...entities
        .filter(({ id }) => id !== 'many2')
        .map((entity) => (entity.id === 'many1' ? { ...entity, props: { mine: 1 } } : entity)),
      { ...entities.at(-1)!, id: 'ours' },
    ])
    project.write('apps/Ours/Ours.json', { id: 'Ours', name: 'Ours', props: {} })
    project.write('apps/Ours/NOTES.md', 'Not the world’s.\n')
    project.write('apps/Lamp/index.js', 'export default () => 2\n')
    return { project, old: project.commit('Ours') }
  }

  const preferred = await makeProject()
  expect(await connect(preferred.project, world, { prefer: 'remote' })).toMatchObject({ kind: 'connected' })
  expect(preferred.project.read('apps/Lamp/index.js')).toContain("app.on('update'")
  expect(entityIn(preferred.project, 'many2')).toBeDefined()
  // Keys that only one side has are no difference that anybody must decide.
  expect(entityIn(preferred.project, 'many1')).toMatchObject({ props: { mine: 1 } })
  expect(await pending(preferred.project)).toEqual(['blueprint.add Ours', 'entity.add ours', 'entity.update many1'])

  const { project, old } = await makeProject()
  const refuse = connect(project, world, { mirror: 'remote', confirm: async () => false })
  await expect(refuse).rejects.toMatchObject({ code: 'not_confirmed', exitCode: 5, data: { deleted: 2, changed: 2 } })
  expect(project.git('rev-parse', 'HEAD')).toBe(old)
  expect(project.git('for-each-ref', 'refs/lobby')).toBe('')
  const follows = await connect(project, world, { mirror: 'remote', confirm: async () => true })
  expect(follows).toMatchObject({ kind: 'connected', plan: { onlyLocal: ['blueprint:Ours', 'entity:ours'] } })
  expect(project.exists('apps/Ours/Ours.json')).toBe(false)
  expect(project.exists('apps/Ours/NOTES.md')).toBe(true)
  expect(entityIn(project, 'ours')).toBeUndefined()
  expect(entityIn(project, 'many1')).toMatchObject({ props: {} })
  expect(await pending(project)).toEqual([])
  project.check()

  const leads = await makeProject()
  const questions: string[] = []
  const confirm = async (question: string) => questions.push(question) > 0
  const led = await connect(leads.project, world, { mirror: 'local', confirm })
  expect(led).toMatchObject({ kind: 'connected', files: 0, plan: { onlyRemote: ['entity:many2'] } })
  expect(questions).toEqual([expect.stringContaining('1 object that only the world has will be deleted there')])
  const changed = leads.project.git('diff', '--name-only', leads.old, 'HEAD')
  expect(changed.split('\n').filter((path) => !/^(lobby|\.gitignore)/.test(path))).toEqual([])
  expect(await pending(leads.project)).toEqual([
    'blueprint.add Ours',
    'blueprint.update Lamp',
    'blueprint.update Lamp__red',
    'entity.add ours',
    'entity.remove many2',
    'entity.update many1',
  ])
  expect(await leads.project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
  expect(await world.entity('many2')).toBeUndefined()
  expect(await pending(leads.project)).toEqual([])
  leads.project.check()
})

test('a second world joins the history too: nothing of either is deleted, uids and dates are its own', async () => {
  const staging = await startWorld({ worldId: 'staging' })
  const production = await startWorld({ worldId: 'production' })
  await addLamps(staging)
  await addLamps(production)
  await staging.edit('ada', 'lamp0002', { pinned: true })
  const project = await publicCheckout(staging)
  await connect(project, staging, { name: 'staging' })
  const before = project.git('rev-parse', 'HEAD')
  const second = await connect(project, production, { name: 'production', prefer: 'local' })
  expect(second).toMatchObject({ kind: 'connected', name: 'production' })
  const { different } = second.plan!
  expect(different.filter(({ key }) => key === 'entity:lamp0002')).toMatchObject([{ fields: ['pinned'] }])
  expect(different.flatMap(({ fields }) => fields)).not.toContain('createdAt')
  expect(project.git('diff', '--name-only', before, 'HEAD', '--', 'apps/Lamp', 'shared')).toBe('')
  expect(project.git('for-each-ref', '--format=%(refname)', 'refs/lobby').split('\n')).toEqual([
    'refs/lobby/remote',
    'refs/lobby/targets/production',
  ])
  expect(project.json('lobby.json')).toMatchObject({
    defaultTarget: 'staging',
    targets: { staging: { worldId: 'staging' }, production: { worldId: 'production' } },
  })
  for (const ref of ['remote', 'targets/production']) {
    project.git('merge-base', '--is-ancestor', `refs/lobby/${ref}`, 'HEAD')
  }
  expect((await pending(project)).filter((line) => !/scene|entity\.add/.test(line))).toEqual([])
})

test('a fresh clone of an adopted project goes on; below a folder; in the split layout', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await publicCheckout(world, { below: 'games/plaza' })
  const inside = new Checkout(join(project.folder, 'games/plaza'))
  expect(await connect(inside, world)).toMatchObject({ kind: 'connected', files: 0 })
  expect(inside.git('for-each-ref', '--format=%(refname)', 'refs/lobby')).toMatch(/^refs\/lobby\/projects\//)
  const folder = join(temporaryFolder(), 'copy')
  execFileSync('git', ['clone', '--quiet', project.folder, folder])
  const copy = new Checkout(join(folder, 'games/plaza'))
  expect(await pending(copy)).toEqual([])
  expect(await pending(inside)).toEqual([])

  // The files of a split project, brought into a repository that knows nothing of the world.
  const split = new Checkout(join(temporaryFolder(), 'split'))
  const { clone } = await import('../../src/sync/clone.ts')
  await clone(
    { ...split.context(), cwd: temporaryFolder() },
    { url: world.runtime.url, folder: split.folder, worldId: undefined },
  )
  execFileSync('rm', ['-rf', '.git', 'lobby.json', 'lobby.seen'], { cwd: split.folder })
  split.git('init', '--quiet', '-b', 'main')
  split.commit('Files alone')
  expect(await connect(split, world)).toMatchObject({ kind: 'connected', files: 0 })
  expect(await pending(split)).toEqual([])
})
