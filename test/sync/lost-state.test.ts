import { describe, expect, it } from 'vitest'
import { init } from '../../src/sync/init.ts'
import { type PullOptions, pull } from '../../src/sync/pull.ts'
import { resolve } from '../../src/sync/resolve.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { Heard } from './figures/heard.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

const REF = 'refs/lobby/remote'
/** Beyond the ten minutes in which a pull relies on the last comparison. */
const LATER = 11 * 60_000

function pullWith(project: Checkout, options: Partial<PullOptions> = {}) {
  const later = { now: Date.now() + LATER }
  return project.session((session) =>
    pull(session, { autostash: false, confirm: async () => true, ...later, ...options }),
  )
}

/** A world like the public server's, with what it needs to be started again. */
async function startUnlucky(): Promise<{ world: World; restart: (world: World) => Promise<World> }> {
  const dataDir = temporaryFolder()
  const world = await startWorld({ publicLike: true, dataDir })
  const { port } = world.runtime
  return {
    world,
    restart: async (crashed) => {
      await crashed.runtime.kill()
      return startWorld({ publicLike: true, dataDir, port })
    },
  }
}

const lampLike = (id: string, more: JsonObject = {}): JsonObject => ({
  id,
  type: 'app',
  blueprint: 'Lamp',
  position: [3, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: {},
  state: {},
  mover: null,
  uploader: null,
  ...more,
})

/** Makes the world lose what was acknowledged, and known here: an addition, an edit, a removal, a blueprint. */
async function loseThings(world: World): Promise<[World, Checkout]> {
  await addLamps(world)
  await world.act('ada', { type: 'entity_add', entity: lampLike('lamp0009') })
  world.runtime.save()
  const project = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [7, 7, 7], props: { text: 'hello' } })
  await world.act('bob', { type: 'entity_add', entity: lampLike('lamp0003') })
  await world.act('bob', { type: 'entity_remove', id: 'lamp0009' })
  await world.act('bob', {
    type: 'blueprint_add',
    blueprint: { id: 'Chair', name: 'Chair', version: 0, scope: 'Chair' },
  })
  await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Kept' })
  return [world, project]
}

describe('G11: a world that lost what it had acknowledged', () => {
  it('stops the pull and names everything; --restore keeps it here and push sends it again', async () => {
    const { world: first, restart } = await startUnlucky()
    const [crashed, project] = await loseThings(first)
    // All but the last two reached us before; the restored branch gets these too.
    expect((await pullWith(project, { now: Date.now() })).kind).toBe('merged')
    await crashed.edit('eve', 'lamp0002', { position: [8, 8, 8] })
    await crashed.act('eve', { type: 'entity_add', entity: lampLike('lamp0004') })
    expect(await crashed.head()).toBe(11)
    const world = await restart(crashed)
    const head = project.git('rev-parse', 'HEAD')

    const failure = await pullWith(project).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'lost_state',
      exitCode: 5,
      hint: expect.stringContaining('--restore'),
      data: {
        objects: [
          { object: 'blueprint:Chair', kind: 'gone' },
          {
            object: 'entity:lamp0001',
            kind: 'older',
            fields: [
              { field: 'position', line: [7, 7, 7], world: [0, 0, 0] },
              { field: 'props.text', line: 'hello' },
            ],
          },
          { object: 'entity:lamp0002', kind: 'older', fields: [{ field: 'position' }] },
          { object: 'entity:lamp0003', kind: 'gone' },
          { object: 'entity:lamp0004', kind: 'gone' },
          { object: 'entity:lamp0009', kind: 'back' },
        ],
      },
    })
    expect((failure as Error).message).toBe(
      'World "plaza" has lost what it had acknowledged: blueprint:Chair is gone; entity:lamp0001 is older in position, props.text; entity:lamp0002 is older in position; entity:lamp0003 is gone; entity:lamp0004 is gone; entity:lamp0009 is back, though it was removed.',
    )
    expect(project.git('rev-parse', 'HEAD')).toBe(head)
    expect(project.git('status', '--porcelain')).toBe('')
    const tip = project.git('rev-parse', REF)
    const clone = new Checkout(`${project.folder}-accepting`)
    project.git('clone', '--quiet', project.folder, clone.folder)
    clone.git('fetch', '--quiet', 'origin', '+refs/lobby/*:refs/lobby/*')

    const restored = await pullWith(project, { loss: 'restore' })
    expect(restored).toMatchObject({ kind: 'merged', conflicts: [], loss: { choice: 'restore' } })
    expect(restored.loss?.objects).toHaveLength(6)
    expect(project.git('rev-parse', `${REF}^`)).toBe(tip)
    expect(project.git('rev-parse', 'HEAD^2')).toBe(project.git('rev-parse', REF))
    expect(project.git('log', '-1', '--format=%an: %s', REF)).toBe(
      'unannounced: lost state: 6 objects went back behind the feed',
    )
    for (const id of ['lamp0003', 'lamp0004']) expect(project.exists(project.entityPathOf(id))).toBe(true)
    expect(project.json(project.entityPath('lamp0002')).position).toEqual([8, 8, 8])
    expect(project.exists(project.entityPathOf('lamp0009'))).toBe(false)
    // A branch that has not settled it is asked as well: a merge that was given up, a pull that was killed.
    const settled = project.git('rev-parse', 'HEAD')
    project.git('reset', '--quiet', '--hard', head)
    const { data } = failure as { readonly data: object }
    await expect(pullWith(project, { verify: false })).rejects.toMatchObject({ code: 'lost_state', data })
    await expect(project.push()).rejects.toMatchObject({ code: 'lost_state', data })
    expect((await pullWith(project, { loss: 'restore', verify: false })).loss?.objects).toHaveLength(6)
    expect(project.git('diff', '--stat', settled, 'HEAD')).toBe('')
    // Though the world goes on meanwhile: what is restored, and what came after, in two merges.
    project.git('reset', '--quiet', '--hard', head)
    await world.edit('eve', 'lamp0002', { pinned: true })
    await world.edit('eve', 'lamp0009', { pinned: true })
    await expect(pullWith(project)).rejects.toMatchObject({ code: 'lost_state' })
    const both = await pullWith(project, { loss: 'restore' })
    // Somebody has taken up what had been removed: restored, that is contested.
    const conflicts = [{ object: 'entity:lamp0009', fields: [{ path: [] }] }]
    expect(both).toMatchObject({ kind: 'contested', conflicts, loss: { choice: 'restore' } })
    expect(project.git('diff', '--stat', settled, 'HEAD')).toBe('')
    expect(project.json(project.entityPath('lamp0002'))).toMatchObject({ position: [8, 8, 8], pinned: true })
    await project.session((session) =>
      resolve(session, session.switches, { names: [], all: true, use: 'local', field: undefined }),
    )
    project.git('commit', '--quiet', '--no-edit')
    // The loss is no change of the world's: a second pull leaves what was restored.
    expect((await pullWith(project)).kind).toBe('up-to-date')
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
    expect(project.json(project.entityPath('lamp0001'))).toMatchObject({
      position: [7, 7, 7],
      props: { text: 'hello' },
    })
    const pushed = await project.push()
    expect(pushed).toMatchObject({ kind: 'pushed', landed: 6, refused: [], held: [], open: undefined })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [7, 7, 7], props: { text: 'hello' } })
    expect(await world.entity('lamp0002')).toMatchObject({ position: [8, 8, 8] })
    expect(await world.entity('lamp0004')).toMatchObject({ blueprint: 'Lamp', position: [3, 0, 0] })
    expect(await world.entity('lamp0009')).toBeUndefined()
    expect(await world.blueprint('Chair')).toMatchObject({ scope: 'Chair' })
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
    project.check()

    // A teammate who had fetched as much takes the line of the restored branch, and finds nothing lost.
    clone.git('pull', '--quiet', '--no-edit', 'origin', 'HEAD')
    expect((await pullWith(clone, { verify: true })).kind).toBe('up-to-date')
    expect(clone.git('merge-base', '--is-ancestor', project.git('rev-parse', 'HEAD^2'), REF)).toBe('')
    expect(clone.json(clone.entityPath('lamp0001'))).toMatchObject({ position: [7, 7, 7] })
    expect(await clone.push()).toMatchObject({ kind: 'up-to-date' })
    clone.check()
  })

  it('--accept-loss takes it over, but for what the branch changed itself', async () => {
    const { world: first, restart } = await startUnlucky()
    const [crashed, project] = await loseThings(first)
    expect((await pullWith(project, { now: Date.now() })).kind).toBe('merged')
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.props = { text: 'mine' }
    })
    project.commit('mine')
    await restart(crashed)
    await expect(pullWith(project)).rejects.toMatchObject({ code: 'lost_state' })
    // Not asked to look, it takes what the feed says.
    expect((await pullWith(project, { verify: false })).kind).toBe('up-to-date')
    const report = await pullWith(project, { loss: 'accept' })
    expect(report).toMatchObject({
      kind: 'contested',
      loss: { choice: 'accept' },
      conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['props', 'text'] }] }],
    })
    expect(project.exists(project.entityPathOf('lamp0003'))).toBe(false)
    expect(project.exists(project.entityPathOf('lamp0009'))).toBe(true)
    expect(project.exists('apps/Chair/Chair.json')).toBe(false)
    expect(project.json('world/settings.json').title).toBe('Kept')
    project.git('checkout', '--quiet', '--ours', '.')
    project.commit('settled')
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
    project.check()
  })

  it('what the feed never announced is a commit of its own; what is no change makes none', async () => {
    const { world, restart } = await startUnlucky()
    await addLamps(world)
    world.runtime.save()
    await world.edit('eve', 'lamp0002', { mover: 'somebody', position: [4, 4, 4] })
    const project = await cloneWorld(world)
    // The hand lets go, and the lamp is where it was: nobody had put it down elsewhere.
    const again = await restart(world)
    expect(await pullWith(project)).toMatchObject({ kind: 'merged', unannounced: 1 })
    expect(project.json(project.entityPath('lamp0002')).position).toEqual([1, 0, 0])
    const tip = project.git('rev-parse', REF)
    await again.edit('eve', 'lamp0002', { mover: 'somebody', position: [5, 5, 5] })
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
    expect(project.git('rev-parse', REF)).toBe(tip)
    // The same operation id again: the public server applies it once more, and tells nobody.
    await again.act('eve', {
      type: 'entity_modify',
      lastOpId: 'twice',
      change: { id: 'lamp0001', pinned: true },
    } as Parameters<World['act']>[1])
    await again.act('eve', {
      type: 'entity_modify',
      lastOpId: 'twice',
      change: { id: 'lamp0001', scope: 'elsewhere' },
    } as Parameters<World['act']>[1])
    const report = await pullWith(project, { verify: true })
    expect(report).toMatchObject({ kind: 'merged', unannounced: 1, loss: undefined })
    expect(Object.fromEntries(report.byAuthor)).toEqual({ eve: 1, unannounced: 1 })
    expect(project.git('log', '-1', '--format=%an <%ae> %s', REF)).toBe(
      'unannounced <unannounced@plaza.lobby> unannounced changes: 1 object',
    )
    expect(project.json(project.entityPath('lamp0001'))).toMatchObject({ pinned: true, scope: 'elsewhere' })
    expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
    project.check()
  })

  it('is told though somebody has taken the object into their hand since, which is the newest operation about it', async () => {
    const { world, restart } = await startUnlucky()
    await addLamps(world)
    world.runtime.save()
    await world.edit('bob', 'lamp0001', { props: { text: 'hello' } })
    const project = await cloneWorld(world)
    const again = await restart(world)
    await again.edit('eve', 'lamp0001', { mover: 'somebody', position: [5, 5, 5] })
    await expect(pullWith(project)).rejects.toMatchObject({
      code: 'lost_state',
      data: { objects: [{ object: 'entity:lamp0001', kind: 'older', fields: [{ field: 'props.text' }] }] },
    })
    expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ loss: { choice: 'restore' }, unannounced: 0 })
    expect(project.json(project.entityPath('lamp0001')).props).toEqual({ text: 'hello' })
  })

  it('a start with CLEAN removes unused blueprints without a word: that is a loss too', async () => {
    const { world, restart } = await startUnlucky()
    await addLamps(world)
    world.runtime.save()
    await world.act('ada', { type: 'blueprint_add', blueprint: { id: 'Bench', name: 'Bench', version: 0, scope: 'B' } })
    const project = await cloneWorld(world)
    const heard = new Heard()
    project.reporter = heard
    await restart(world)
    await expect(pullWith(project)).rejects.toMatchObject({
      code: 'lost_state',
      message: 'World "plaza" has lost what it had acknowledged: blueprint:Bench is gone.',
    })
    // Within ten minutes of the last look nobody looks again, and a durable runtime needs none.
    expect((await pullWith(project, { now: Date.now() })).kind).toBe('up-to-date')
    expect((await pullWith(project, { loss: 'accept' })).kind).toBe('merged')
    expect(project.exists('apps/Bench/Bench.json')).toBe(false)
    expect(heard.of('loss').map(({ step, object }) => [step, object])).toEqual([
      ['found', 'blueprint:Bench'],
      ['accept', 'blueprint:Bench'],
    ])
  })

  it('settings and spawn are lost when they have an older value again', async () => {
    const dataDir = temporaryFolder()
    const world = await startWorld({ publicLike: true, dataDir })
    await world.act('ada', { type: 'settings_modify', key: 'title', value: 'One' })
    const project = await cloneWorld(world)
    await world.act('ada', { type: 'settings_modify', key: 'title', value: 'Two' })
    const older = { settings: 'One', other: 'Three' }
    for (const [name, title] of Object.entries(older)) {
      const session = await project.session(async (real) => {
        const { runtime } = real
        const faked = {
          ...real,
          runtime: new Proxy(runtime, {
            get: (target, key) =>
              key === 'snapshot'
                ? async () => {
                    const snapshot = await runtime.snapshot()
                    return { ...snapshot, settings: { ...snapshot.settings, title } }
                  }
                : (Reflect.get(target, key).bind?.(target) ?? Reflect.get(target, key)),
          }),
        }
        const options = { autostash: false, confirm: async () => true, verify: true }
        return pull(faked, options).then(
          ({ unannounced }) => ({ unannounced }),
          (error: { code: string; message: string }) => error,
        )
      })
      if (name === 'settings') expect(session).toMatchObject({ message: expect.stringContaining('older in title') })
      else expect(session).toEqual({ unannounced: 1 })
    }
    expect(project.json('world/settings.json').title).toBe('Three')
  })
})

it('G11, C1: what is restored may be contested, and is settled like any conflict; in a manifest as well', async () => {
  const { world, restart } = await startUnlucky()
  await addLamps(world)
  world.runtime.save()
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet', '-b', 'main')
  const spawn = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
  project.write('world.json', { formatVersion: 2, settings: {}, spawn, entities: [] })
  project.commit('first')
  await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  project.change('world.json', (manifest) => {
    const lamp = (manifest.entities as { id: string; position: unknown }[]).find(({ id }) => id === 'lamp0002')!
    lamp.position = [9, 9, 9]
  })
  project.commit('mine')
  await world.edit('bob', 'lamp0001', { position: [5, 5, 5] })
  await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
  await world.act('bob', { type: 'entity_add', entity: lampLike('lamp0003') })
  await pullWith(project, { verify: false }).catch(() => {})
  project.git('merge', '--abort')
  const again = await restart(world)
  await expect(pullWith(project)).rejects.toMatchObject({ code: 'lost_state' })
  const report = await pullWith(project, { loss: 'restore' })
  expect(report).toMatchObject({
    kind: 'contested',
    conflicts: [{ object: 'entity:lamp0002', fields: [{ path: ['position'], remote: { value: [6, 6, 6] } }] }],
  })
  await project.session((session) =>
    resolve(session, session.switches, { names: [], all: true, use: 'remote', field: undefined }),
  )
  project.git('commit', '--quiet', '--no-edit')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 3, held: [] })
  expect(await again.entity('lamp0001')).toMatchObject({ position: [5, 5, 5] })
  expect(await again.entity('lamp0002')).toMatchObject({ position: [6, 6, 6] })
  expect(await again.entity('lamp0003')).toMatchObject({ position: [3, 0, 0] })
  expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
  project.check()
})
