import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { init } from '../../src/sync/init.ts'
import { changeEntities, connect, emptyCheckout, entityIn, furnish, pending, publicCheckout } from './adopt-support.ts'
import { type Checkout, CODE, startWorld } from './support.ts'

/** As if a run had been killed after the fetch: the line is there, and nothing else. */
function forgetMerge(project: Checkout, old: string): void {
  project.git('reset', '--quiet', '--hard', old)
}

function untouched(project: Checkout, old: string): void {
  expect(project.git('rev-parse', 'HEAD')).toBe(old)
  expect(project.git('status', '--porcelain')).toBe('')
  expect(project.git('for-each-ref', 'refs/lobby')).toBe('')
  expect(project.exists('lobby.json')).toBe(false)
}

describe('what stands in the way of an adoption', () => {
  test('a manifest that does not parse is named, and nothing is left behind', async () => {
    const world = await startWorld()
    const project = await publicCheckout(world)
    const text = project.read('world.json')
    project.write('world.json', text.replace('"entities": [', '"entities": [,'))
    const old = project.commit('Broken')
    await expect(connect(project, world)).rejects.toMatchObject({
      code: 'invalid_files',
      message: expect.stringMatching(/^world\.json:\d+:\d+: /),
    })
    untouched(project, old)
    project.write('world.json', text.replace('"formatVersion": 2', '"formatVersion": 3'))
    await expect(connect(project, world)).rejects.toMatchObject({ code: 'invalid_files' })

    // Files that no commit has: on a branch without any they would stand beside what comes.
    const fresh = emptyCheckout()
    fresh.write('world.json', text)
    await expect(connect(fresh, world)).rejects.toMatchObject({
      code: 'files_in_the_way',
      data: { paths: ['world.json'] },
    })
    expect(fresh.git('for-each-ref')).toBe('')
    await expect(connect(fresh, world, { dryRun: true })).rejects.toMatchObject({ code: 'unborn_branch' })
    await expect(connect(fresh, world, { prefer: 'local', mirror: 'remote' })).rejects.toMatchObject({
      code: 'contradiction',
    })
  })

  test('local changes stay where nothing is written over them; else they stop it', async () => {
    const world = await startWorld()
    const project = await publicCheckout(world)
    project.write('README.md', '# In the making\n')
    changeEntities(project, (entities) => entities.map((entity) => ({ ...entity, pinned: true })))
    const dirty = project.read('world.json')
    expect(await connect(project, world)).toMatchObject({ kind: 'connected', files: 0 })
    expect(project.read('world.json')).toBe(dirty)
    expect(project.git('status', '--porcelain')).toBe(' M README.md\n M world.json')

    const other = await publicCheckout(world)
    other.write('.gitignore', 'mine\n')
    other.git('rm', '--quiet', '--cached', '.gitignore')
    other.git('commit', '--quiet', '-m', 'No ignores')
    const old = other.git('rev-parse', 'HEAD')
    await expect(connect(other, world)).rejects.toMatchObject({ code: 'local_changes' })
    expect(other.git('rev-parse', 'HEAD')).toBe(old)
    expect(other.git('for-each-ref', 'refs/lobby')).toBe('')
  })

  test('interrupted and run again, while the world goes on', async () => {
    const world = await startWorld()
    await furnish(world)
    const project = await publicCheckout(world)
    const old = project.git('rev-parse', 'HEAD')
    await connect(project, world)
    forgetMerge(project, old)
    await world.edit('bob', 'lamp0001', { pinned: true })
    expect(await connect(project, world)).toMatchObject({ kind: 'contested' })
    project.git('merge', '--abort')
    expect(await connect(project, world, { prefer: 'remote' })).toMatchObject({ kind: 'connected' })
    expect(entityIn(project, 'lamp0001')).toMatchObject({ pinned: true })
    expect(await pending(project)).toEqual([])

    // Once they have met, a merge is a merge: deciding in bulk is for the first time.
    expect(await connect(project, world, { prefer: 'local' })).toMatchObject({ kind: 'connected', joined: false })
    await world.edit('bob', 'lamp0001', { pinned: false })
    await expect(connect(project, world, { mirror: 'local' })).rejects.toMatchObject({ code: 'already_connected' })
    expect(await connect(project, world)).toMatchObject({ kind: 'connected', joined: true })
    expect(entityIn(project, 'lamp0001')).toMatchObject({ pinned: false })
  })
})

describe('unlike worlds', () => {
  test('an empty world, and an empty project (public-like)', async () => {
    const full = await startWorld({ publicLike: true })
    await furnish(full, 2)
    const project = await publicCheckout(full)
    const empty = await startWorld({ publicLike: true, worldId: 'empty' })
    for (const { id } of (await empty.remote.snapshot()).entities) await empty.act('x', { type: 'entity_remove', id })
    for (const { id } of (await empty.remote.snapshot()).blueprints) await empty.remote.removeBlueprint(String(id))
    const report = await connect(project, empty)
    expect(report).toMatchObject({ kind: 'connected', files: 0, plan: { onlyRemote: [], remoteTotal: 0 } })
    const operations = await pending(project)
    expect(operations).toHaveLength(report.plan!.onlyLocal.filter((key) => !key.startsWith('shared:')).length)
    expect(operations.every((line) => / /.test(line) && line.includes('.add '))).toBe(true)

    const nothing = emptyCheckout()
    nothing.write('README.md', '# Nothing yet\n')
    nothing.commit('Begin')
    const all = await connect(nothing, full)
    expect(all.plan!.onlyRemote.length).toBe(all.plan!.remoteTotal)
    expect(await pending(nothing)).toEqual([])
  })

  test('scripts of its own against those of another, and assets of one name', async () => {
    const world = await startWorld()
    await furnish(world)
    const makeProject = async () => {
      const project = await publicCheckout(old)
      project.write('assets/bang.mp3', 'a louder bang')
      return { project, old: project.commit('Louder') }
    }
    const old = await startWorld({ worldId: 'plaza' })
    await furnish(old)
    const script = await world.remote.uploadAsset(new TextEncoder().encode('export default 1\n'), 'js')
    const lock = await world.remote.acquireLock('test', 30, 'Lamp')
    if (lock.kind !== 'acquired') throw new Error('locked')
    const { version } = (await world.blueprint('Lamp__red'))!
    await world.act('bob', {
      type: 'blueprint_modify',
      lockToken: lock.token,
      change: {
        id: 'Lamp__red',
        version: Number(version) + 1,
        scriptRef: null,
        script,
        scriptEntry: 'index.js',
        scriptFiles: { 'index.js': script },
        scriptFormat: 'module',
      },
    })
    await world.remote.releaseLock(lock.token, 'Lamp')

    const contested = await makeProject()
    expect(await connect(contested.project, world)).toMatchObject({ kind: 'contested' })

    const local = await makeProject()
    const kept = await connect(local.project, world, { prefer: 'local' })
    expect(kept).toMatchObject({ kind: 'connected' })
    expect(local.project.git('diff', '--name-only', local.old, 'HEAD', '--', 'apps')).toBe('')
    expect(local.project.read('assets/bang.mp3')).toBe('a louder bang')
    expect(await local.project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
    expect(await world.blueprint('Lamp__red')).toMatchObject({ scriptRef: 'Lamp' })
    expect(await pending(local.project)).toEqual([])

    const remote = await makeProject()
    await connect(remote.project, world, { prefer: 'remote' })
    expect(await pending(remote.project)).toEqual([])
    remote.project.check()
  })
})

test('digits that differ in their last places are no difference, and no reason to write', async () => {
  const world = await startWorld()
  await furnish(world)
  const project = await publicCheckout(world)
  changeEntities(project, (entities) =>
    entities.map((entity) => (entity.id === 'lamp0002' ? { ...entity, position: [1.00000001, 0, 0] } : entity)),
  )
  project.commit('Noise')
  expect(await connect(project, world)).toMatchObject({ kind: 'connected', files: 0 })
  expect(await pending(project)).toEqual([])
  await world.edit('bob', 'lamp0001', { position: [5, 5, 5] })
  await project.pull()
  expect(await pending(project)).toEqual([])
})

test('what an old project knows is used: its only target with its code, its policy; its files stay as they are', async () => {
  const world = await startWorld()
  await furnish(world)
  const project = await publicCheckout(world)
  const old = {
    '.lobby/targets.json': { plaza: { worldUrl: world.runtime.url, worldId: 'plaza', adminCode: CODE } },
    '.lobby/sync-policy.json': { default: 'shared', entities: { 'props.color': 'remote', state: 'local' }, magic: 7 },
    '.lobby/sync-state.json': { cursor: 12 },
    '.lobby/blueprint-index.json': {},
  }
  for (const [path, content] of Object.entries(old)) project.write(path, content)
  // Rules count from the first meeting on.
  changeEntities(project, (entities) =>
    entities.map((entity) => (entity.id === 'lamp0001' ? { ...entity, props: { color: 'blue' } } : entity)),
  )
  project.commit('Blue')
  await world.edit('bob', 'lamp0001', { props: { color: 'green' } })
  const context = { ...project.context(), env: {} }
  const report = await init(context, { url: undefined, worldId: undefined })
  expect(report).toMatchObject({ kind: 'connected', name: 'plaza' })
  expect(report.policy!.unclear).toEqual([expect.stringContaining('entities.state'), 'magic is not understood'])
  expect(project.json('lobby.json')).toEqual({
    defaultTarget: 'plaza',
    targets: { plaza: { worldUrl: world.runtime.url, worldId: 'plaza' } },
    policy: { rules: [{ owner: 'shared' }, { type: 'entity', field: ['props', 'color'], owner: 'runtime' }] },
  })
  expect(entityIn(project, 'lamp0001')).toMatchObject({ props: { color: 'green' } })
  for (const [path, content] of Object.entries(old)) expect(project.json(path)).toEqual(content)
  expect(project.git('ls-files', '.lobby')).toBe('')

  // It is read once; and a lobby.json that says all there is to say is not written anew.
  project.write('.lobby/sync-policy.json', { default: 'local' })
  const spelled = JSON.stringify(project.json('lobby.json'), null, 4)
  writeFileSync(join(project.folder, 'lobby.json'), spelled)
  project.commit('Spelled otherwise')
  expect(await init(context, { url: undefined, worldId: undefined })).toMatchObject({ joined: false })
  expect(await connect(project, world)).toMatchObject({ joined: false, name: 'plaza' })
  expect(project.read('lobby.json')).toBe(spelled)

  project.write('.lobby/targets.json', {
    ...old['.lobby/targets.json'],
    other: { worldUrl: 'http://other:1', worldId: 'o' },
  })
  project.remove('lobby.json')
  await expect(init(context, { url: undefined, worldId: undefined })).rejects.toMatchObject({
    code: 'target_not_named',
    exitCode: 5,
  })
})
