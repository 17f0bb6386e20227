import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { clone, init } from '../../src/sync/init.ts'
import { openSession } from '../../src/sync/session.ts'
import { SyncError } from '../../src/world/errors.ts'
import { addLamps, Checkout, CODE, cloneWorld, startWorld, temporaryFolder } from './support.ts'

/** The failure of a use case: its code, exit code and sentence. */
async function failure(
  work: Promise<unknown>,
): Promise<{ code: string; exit: number; message: string; hint: string | undefined }> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    return { code: error.code, exit: error.exitCode, message: error.message, hint: error.hint }
  }
  throw new Error('it did not fail')
}

function cloneInto(folder: string, url: string, env: Record<string, string> = {}, worldId?: string) {
  const context = { ...new Checkout(folder).context(env), cwd: dirname(folder) }
  return clone(context, { url, folder, worldId })
}

describe('bad input gets one clear sentence, the right exit code, and changes nothing', () => {
  it('clone: what is no URL, nothing listening, wrong code, wrong world', async () => {
    const world = await startWorld()
    const folder = join(temporaryFolder(), 'p')
    expect(await failure(cloneInto(folder, 'ftp://host/x'))).toMatchObject({ code: 'invalid_url', exit: 1 })
    expect(await failure(cloneInto(folder, 'http://127.0.0.1:1'))).toMatchObject({ code: 'unreachable', exit: 4 })
    const wrong = await failure(cloneInto(folder, world.runtime.url, { ADMIN_CODE: 'not-it' }))
    expect(wrong).toMatchObject({ code: 'unauthorized', exit: 4 })
    expect(JSON.stringify(wrong)).not.toContain('not-it')
    expect(await failure(cloneInto(folder, world.runtime.url, {}, 'other'))).toMatchObject({
      code: 'wrong_world',
      exit: 5,
    })
    expect(existsSync(folder)).toBe(false)
  })

  it('clone: a server without a changefeed', async () => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json')
      if (request.url === '/status') return response.end(JSON.stringify({ ok: true, worldId: 'old' }))
      response.statusCode = 404
      return response.end(JSON.stringify({ message: 'no', error: 'Not Found', statusCode: 404 }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const folder = join(temporaryFolder(), 'p')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await failure(cloneInto(folder, url))).toMatchObject({ code: 'no_changefeed', exit: 1 })
    expect(existsSync(folder)).toBe(false)
  })

  it('clone: a folder that is not empty is left alone', async () => {
    const world = await startWorld()
    const folder = join(temporaryFolder(), 'p')
    mkdirSync(folder)
    writeFileSync(join(folder, 'mine.txt'), 'x')
    expect(await failure(cloneInto(folder, world.runtime.url))).toMatchObject({ code: 'folder_not_empty', exit: 1 })
    expect(readdirSync(folder)).toEqual(['mine.txt'])
  })

  it('a world that was reset or replaced stops everything (G2, G11)', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    const before = project.git('for-each-ref')
    const port = world.runtime.port
    await world.runtime.close()
    const fresh = await startWorld({ port })
    expect(await failure(project.pull())).toMatchObject({ code: 'world_reset', exit: 5 })
    // A feed that is as long again, but another one.
    await addLamps(fresh)
    await fresh.edit('bob', 'lamp0001', { pinned: true })
    await fresh.edit('bob', 'lamp0001', { pinned: false })
    expect(await failure(project.pull())).toMatchObject({ code: 'world_reset', exit: 5 })
    expect(await failure(project.push())).toMatchObject({ code: 'world_reset', exit: 5 })
    expect(project.git('for-each-ref')).toBe(before)
  })

  it('no repository, no project, no branch, no commit', async () => {
    const world = await startWorld()
    const empty = new Checkout(temporaryFolder())
    const open = (checkout: Checkout) => openSession(checkout.context(), { target: undefined })
    expect(await failure(open(empty))).toMatchObject({ code: 'not_a_repository', exit: 1 })
    empty.git('init', '--quiet')
    expect(await failure(open(empty))).toMatchObject({ code: 'not_a_project', exit: 1 })
    empty.write('lobby.json', { targets: { main: { worldUrl: world.runtime.url, worldId: 'plaza' } } })
    expect(await failure(empty.pull())).toMatchObject({ code: 'unborn_branch', exit: 1 })
    const project = await cloneWorld(world)
    project.git('switch', '--quiet', '--detach')
    expect(await failure(project.pull())).toMatchObject({ code: 'detached_head', exit: 1 })
  })

  it('a merge in progress', async () => {
    const world = await startWorld()
    const project = await cloneWorld(world)
    project.git('switch', '--quiet', '-c', 'side')
    project.write('README.md', 'a\n')
    project.commit('a')
    project.git('switch', '--quiet', '-')
    project.write('README.md', 'b\n')
    project.commit('b')
    expect(() => project.git('merge', 'side')).toThrow()
    expect(await failure(project.pull())).toMatchObject({ code: 'merge_in_progress', exit: 2 })
    project.write('README.md', 'c\n')
    project.git('add', '-A')
    expect(await failure(project.push())).toMatchObject({ code: 'merge_in_progress', exit: 1 })
  })

  it('files that cannot be read name file, line and column', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    project.write('apps/Lamp/Lamp.json', '{\n  "id": "Lamp",\n  "props": { "a": }\n}\n')
    project.commit('broken')
    const broken = await failure(project.push())
    expect(broken).toMatchObject({ code: 'invalid_files', exit: 1 })
    expect(broken.message).toMatch(/^apps\/Lamp\/Lamp\.json:3:\d+: /)
    project.write('apps/Lamp/Lamp.json', { id: 'Lamp', name: 'Lamp', model: 'assets/none.glb' })
    project.commit('missing asset')
    const missing = await failure(project.push())
    expect(missing).toMatchObject({ code: 'invalid_files', exit: 1 })
    expect(missing.message).toContain('assets/none.glb')
    project.git('revert', '--no-edit', 'HEAD', 'HEAD~1')
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.blueprint = 'Nothing'
    })
    project.commit('unknown blueprint')
    const unknown = await failure(project.push())
    expect(unknown).toMatchObject({ code: 'invalid_files', exit: 1 })
    expect(unknown.message).toContain('"Nothing"')
    project.git('revert', '--no-edit', 'HEAD')
    project.write('world/entities/copy.json', project.read(project.entityPath('lamp0001')))
    project.commit('copied without a new id')
    const twice = await failure(project.push())
    expect(twice).toMatchObject({ code: 'invalid_files', exit: 1 })
    expect(twice.message).toContain('lamp0001')
    expect(await world.head()).toBe(3)
  })

  it('local changes to the same files stop a pull as in git; --autostash helps', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    const path = project.entityPath('lamp0001')
    project.write(path, project.read(path).replace('"pinned": false', '"pinned": true'))
    await world.edit('bob', 'lamp0001', { position: [6, 6, 6] })
    const head = project.git('rev-parse', 'HEAD')
    const blocked = await failure(project.pull())
    expect(blocked).toMatchObject({ code: 'local_changes', exit: 1 })
    expect(blocked.message).toContain(path)
    expect(project.git('rev-parse', 'HEAD')).toBe(head)
    expect(project.json(path)).toMatchObject({ pinned: true, position: [0, 0, 0] })
    // To delete a file is a change like any: git itself would write it again.
    const other = project.entityPath('lamp0002')
    project.remove(other)
    await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
    const deleted = await failure(project.pull())
    expect(deleted).toMatchObject({ code: 'local_changes', exit: 1 })
    expect(deleted.message).toContain(other)
    expect(project.exists(other)).toBe(false)
    project.git('checkout', '--', other)
    expect((await project.pull({ autostash: true })).kind).toBe('merged')
    expect(project.json(path)).toMatchObject({ pinned: true, position: [6, 6, 6] })
    expect(project.git('status', '--porcelain')).toBe(` M ${path}`)
    expect(project.git('stash', 'list')).toBe('')
    project.check()

    // Nor is a conflict left about a file that has them, though nothing would be written to it: giving that merge up
    // would take them along.
    project.commit('pinned')
    project.write(path, project.read(path).replace('[6, 6, 6]', '[7, 7, 7]'))
    await world.act('bob', { type: 'entity_remove', id: 'lamp0001' })
    const contested = await failure(project.pull())
    expect(contested).toMatchObject({ code: 'local_changes', exit: 1 })
    expect(contested.message).toContain(path)
    expect(project.git('status', '--porcelain')).toBe(` M ${path}`)
    expect(project.exists('.git/MERGE_HEAD')).toBe(false)
    project.git('add', path)
    expect(await failure(project.pull())).toMatchObject({ code: 'local_changes', exit: 1 })
    project.git('reset', '--quiet')
    project.git('checkout', '--', path)
    // Touched is not changed.
    project.write(path, project.read(path))
    expect((await project.pull()).kind).toBe('contested')
  })

  it('files that are not in the way of the merge may be dirty', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    project.change(project.entityPath('lamp0002'), (lamp) => {
      lamp.pinned = true
    })
    project.write('notes.txt', 'mine\n')
    await world.edit('bob', 'lamp0001', { position: [6, 6, 6] })
    expect((await project.pull()).kind).toBe('merged')
    expect(project.json(project.entityPath('lamp0002')).pinned).toBe(true)
    expect(project.git('status', '--porcelain').split('\n').length).toBe(2)
  })

  it('G12, P7: deleting most of a world asks first, on both sides', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    for (const id of ['lamp0001', 'lamp0002']) await world.act('bob', { type: 'entity_remove', id })
    const scene = (await world.remote.snapshot()).entities[0]
    await world.act('bob', { type: 'entity_remove', id: String(scene?.id) })
    expect(await failure(project.pull())).toMatchObject({ code: 'mass_deletion', exit: 5 })
    expect((await project.pull({ yes: true })).kind).toBe('merged')
    project.remove('apps/Lamp')
    project.remove('apps/$scene')
    project.commit('away with it')
    expect(await failure(project.push())).toMatchObject({ code: 'mass_deletion', exit: 5 })
    expect(await project.push({ allowMassDelete: true })).toMatchObject({ kind: 'pushed', landed: 2 })
    expect((await world.remote.snapshot()).blueprints).toEqual([])
  })

  it('P7: a target with confirm asks', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    project.change('lobby.json', (lobby) => {
      const { targets } = lobby as { targets: { main: { confirm?: boolean } } }
      targets.main.confirm = true
    })
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.pinned = true
    })
    project.commit('pin')
    expect(await failure(project.push())).toMatchObject({ code: 'not_confirmed', exit: 5 })
    expect(await project.push({ yes: true })).toMatchObject({ kind: 'pushed', landed: 1 })
  })

  it('S1: objects that cannot be written safely are refused by name, the rest is synced', async () => {
    const world = await startWorld({ publicLike: true })
    await addLamps(world)
    const project = await cloneWorld(world)
    const script = await world.remote.uploadAsset(new TextEncoder().encode('x'), 'js')
    const lock = await world.remote.acquireLock('test', 30, 'evil')
    if (lock.kind !== 'acquired') throw new Error('locked')
    const blueprint = {
      version: 0,
      scope: 'evil',
      name: 'evil',
      props: {},
      script,
      scriptFormat: 'module',
      scriptEntry: '.git/config.js',
    }
    await world.act('mallory', {
      type: 'blueprint_add',
      lockToken: lock.token,
      blueprint: { ...blueprint, id: '..', scriptFiles: { '.git/config.js': script, 'ok.js': script } },
    })
    await world.act('mallory', {
      type: 'entity_add',
      entity: { id: '../../evil', type: 'app', blueprint: '..', props: {}, position: [0, 0, 0], state: {} },
    })
    await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })
    const report = await project.pull()
    expect(report.kind).toBe('merged')
    expect(report.fetched.refusals.map(({ key }) => key)).toContain('blueprint:..')
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([1, 1, 1])
    for (const path of project.git('ls-files').split('\n'))
      expect(path).toMatch(/^(?:apps|assets|world|lobby\.seen)\/|^lobby\.json$|^\.git(?:ignore|attributes)$/)
    expect(existsSync(join(project.folder, '..', 'evil'))).toBe(false)
    project.check()
  })

  it('init: an existing repository joins a world; equal files settle, different ones are contested', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = new Checkout(temporaryFolder())
    project.git('init', '--quiet', '-b', 'main')
    project.write('README.md', 'ours\n')
    project.commit('first')
    const report = await init(project.context(), { url: world.runtime.url, worldId: undefined, name: 'main' })
    expect(report.kind).toBe('connected')
    expect(project.read('README.md')).toBe('ours\n')
    expect(project.json(project.entityPath('lamp0001')).blueprint).toBe('Lamp')
    expect(project.git('status', '--porcelain')).toBe('')
    expect((await project.pull()).kind).toBe('up-to-date')
    expect((await project.push()).kind).toBe('up-to-date')

    // The same files without their history: equal, so nothing is written on either side.
    const copy = new Checkout(temporaryFolder())
    project.git('checkout-index', '-a', `--prefix=${copy.folder}/`)
    copy.git('init', '--quiet', '-b', 'main')
    copy.remove('lobby.json')
    copy.commit('imported')
    const head = await world.head()
    expect((await init(copy.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })).kind).toBe(
      'connected',
    )
    expect(copy.git('diff', '--stat', 'HEAD^1', 'HEAD', '--', '.', ':!lobby.json')).toBe('')
    expect(await world.head()).toBe(head)

    const other = new Checkout(temporaryFolder())
    project.git('checkout-index', '-a', `--prefix=${other.folder}/`)
    other.git('init', '--quiet', '-b', 'main')
    other.remove('lobby.json')
    other.remove('lobby.seen')
    other.change(other.entityPath('lamp0001'), (lamp) => {
      lamp.position = [9, 9, 9]
    })
    const commit = other.commit('imported')
    const contested = await init(other.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
    expect(contested).toMatchObject({
      kind: 'contested',
      conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['position'] }] }],
    })
    expect(other.git('rev-parse', 'HEAD')).toBe(commit)
    // M4: added on both sides. Nothing else is in git's way, and giving up leaves what there was.
    const path = other.entityPathOf('lamp0001')
    expect(other.git('status', '--porcelain', '--', 'world')).toBe(`AA ${path}`)
    other.git('checkout', '--quiet', '--ours', '--', path)
    other.git('add', path)
    other.git('commit', '--quiet', '--no-edit')
    expect(other.git('rev-parse', 'HEAD^1')).toBe(commit)
    expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [9, 9, 9] })
  })

  it('S4: while another command writes here, a second one says so', async () => {
    const world = await startWorld()
    const project = await cloneWorld(world)
    const lock = join(project.folder, '.git/lobby/lock')
    const { hostname } = await import('node:os')
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), command: 'sync pull' }))
    expect(await failure(project.pull())).toMatchObject({ code: 'locked', exit: 1 })
    writeFileSync(lock, JSON.stringify({ pid: 2 ** 30, host: hostname(), command: 'sync pull' }))
    expect((await project.pull()).kind).toBe('up-to-date')
    expect(existsSync(lock)).toBe(false)
    expect(await project.session((session) => fetchLocked(session))).toMatchObject({ operations: 0 })
    expect(CODE).toBe('secret')
  })
})

it('a shared module that is gone but still imported is named, before anything is sent', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  project.write('apps/Lamp/index.js', "import { glow } from '@shared/glow.js'\nexport default () => glow()\n")
  project.write('shared/glow.js', 'export const glow = () => 1\n')
  project.commit('glow')
  expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [] })
  project.remove('shared/glow.js')
  project.commit('gone')
  const head = await world.head()
  for (const dryRun of [true, false]) {
    const gone = await failure(project.push({ dryRun }))
    expect(gone).toMatchObject({ code: 'invalid_files', exit: 1 })
    expect(gone.message).toContain('shared/glow.js')
  }
  expect(await world.head()).toBe(head)
})
