import { describe, expect, it } from 'vitest'
import { fetchWorld } from '../../src/sync/fetch.ts'
import { init } from '../../src/sync/init.ts'
import { type PullOptions, pull } from '../../src/sync/pull.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { kindsFor } from '../e2e/long.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'
import { ScriptedFeed, withRuntime } from './unlucky-support.ts'

const REF = 'refs/lobby/remote'

function pullWith(project: Checkout, options: Partial<PullOptions> = {}) {
  return project.session((session) =>
    pull(session, { autostash: false, confirm: async () => true, verify: false, ...options }),
  )
}

async function startUnlucky(): Promise<{ world: World; restart: () => Promise<World> }> {
  const dataDir = temporaryFolder()
  const world = await startWorld({ publicLike: true, dataDir })
  await addLamps(world)
  await world.edit('ada', 'lamp0001', { props: { angle: 1, text: 'a' } })
  world.runtime.save()
  const { port } = world.runtime
  return {
    world,
    restart: async () => {
      await world.runtime.kill()
      return startWorld({ publicLike: true, dataDir, port })
    },
  }
}

const modify = (world: World, actor: string, id: string, change: JsonObject) =>
  world.blueprint(id).then((known) =>
    world.act(actor, {
      type: 'blueprint_modify',
      change: { id, version: (known!.version as number) + 1, ...change },
    } as never),
  )

async function adoptManifest(world: World): Promise<Checkout> {
  const project = new Checkout(temporaryFolder())
  project.git('init', '--quiet', '-b', 'main')
  const spawn = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }
  project.write('world.json', { formatVersion: 2, settings: {}, spawn, entities: [] })
  project.commit('first')
  await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  await pullWith(project)
  return project
}

function lamp(project: Checkout, id: string): Record<string, unknown> {
  if (!project.exists('world.json')) return project.json(project.entityPath(id))
  return (project.json('world.json').entities as Record<string, unknown>[]).find((entity) => entity.id === id)!
}

const subjects = (project: Checkout, range: string) =>
  project.git('log', '--reverse', '--format=%an|%s', range).split('\n')

describe.each(kindsFor('an edit brings it to light', ['split', 'manifest'] as const))(
  'G4, G11: an edit of a world brings to light what that had lost (%s)',
  (layout) => {
    it('stops, names it all, and takes it over or restores it beside the edit', async () => {
      const { world: first, restart } = await startUnlucky()
      const project = layout === 'split' ? await cloneWorld(first) : await adoptManifest(first)
      await first.edit('ann', 'lamp0001', { position: [5, 5, 5], props: { angle: 2, text: 'a' } })
      await modify(first, 'ann', 'Lamp', { desc: 'Lost', keep: true })
      await first.edit('ann', 'lamp0002', { position: [6, 6, 6] })
      expect((await pullWith(project)).kind).toBe('merged')
      const good = project.git('rev-parse', REF)
      const head = project.git('rev-parse', 'HEAD')
      const world = await restart()
      await world.edit('cleo', 'lamp0002', { position: [8, 8, 8] })
      await world.edit('bob', 'lamp0001', { pinned: true })
      await modify(world, 'bob', 'Lamp', { author: 'bob' })
      await world.edit('bob', 'lamp0001', { props: { angle: 1, text: 'b' } })

      const stopped = {
        code: 'lost_state',
        exitCode: 5,
        message:
          'World "plaza" has lost what it had acknowledged: blueprint:Lamp is older in desc, keep; entity:lamp0001 is older in position, props.angle.',
        hint: expect.stringContaining('--restore'),
        data: {
          objects: [
            { object: 'blueprint:Lamp', kind: 'older' },
            {
              object: 'entity:lamp0001',
              fields: [
                { field: 'position', line: [5, 5, 5], world: [0, 0, 0] },
                { field: 'props.angle', line: 2, world: 1 },
              ],
            },
          ],
        },
      }
      await expect(pullWith(project)).rejects.toMatchObject(stopped)
      await expect(project.push()).rejects.toMatchObject({ code: 'lost_state' })
      expect(project.git('rev-parse', 'HEAD')).toBe(head)
      // The last good commit: cleo's.
      expect(subjects(project, `${good}..${REF}`)).toEqual([expect.stringMatching(/^cleo\|/)])
      await expect(pullWith(project)).rejects.toMatchObject(stopped)
      const [other, late] = ['accepting', 'late'].map((name) => {
        const copy = new Checkout(`${project.folder}-${name}`)
        project.git('clone', '--quiet', project.folder, copy.folder)
        copy.git('fetch', '--quiet', 'origin', '+refs/lobby/*:refs/lobby/*')
        return copy
      }) as [Checkout, Checkout]

      const restored = await pullWith(project, { loss: 'restore' })
      expect(restored).toMatchObject({ kind: 'merged', conflicts: [], loss: { choice: 'restore' } })
      expect(restored.loss?.objects.map(({ object }) => object)).toEqual(['blueprint:Lamp', 'entity:lamp0001'])
      expect(lamp(project, 'lamp0001')).toMatchObject({
        position: [5, 5, 5],
        pinned: true,
        props: { angle: 2, text: 'b' },
      })
      expect(lamp(project, 'lamp0002')).toMatchObject({ position: [8, 8, 8] })
      expect(project.json('apps/Lamp/Lamp.json')).toMatchObject({ desc: 'Lost', author: 'bob', keep: true })
      expect(subjects(project, `${good}..${REF}`)).toEqual([
        expect.stringMatching(/^cleo\|/),
        'unannounced|lost state: entity:lamp0001 went back behind the feed in position, props.angle',
        expect.stringMatching(/^bob\|/),
        'unannounced|lost state: blueprint:Lamp went back behind the feed in desc, keep',
        expect.stringMatching(/^bob\|/),
        expect.stringMatching(/^bob\|/),
      ])
      const tip = project.git('rev-parse', REF)
      expect(project.git('rev-parse', 'HEAD^2')).toBe(tip)
      expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')

      // Who accepts makes the same line, and takes the world as it is.
      const accepted = await pullWith(other, { loss: 'accept' })
      expect(accepted).toMatchObject({ kind: 'merged', loss: { choice: 'accept' } })
      expect(other.git('rev-parse', REF)).toBe(tip)
      expect(lamp(other, 'lamp0001')).toMatchObject({ position: [0, 0, 0], props: { angle: 1, text: 'b' } })
      expect((await pullWith(other)).kind).toBe('up-to-date')
      other.check()

      // A branch that has not settled it is asked as well, wherever the ref is: a killed pull, a teammate's ref.
      const settled = project.git('rev-parse', 'HEAD')
      project.git('reset', '--quiet', '--hard', head)
      await expect(pullWith(project)).rejects.toMatchObject(stopped)
      await expect(project.push()).rejects.toMatchObject({ code: 'lost_state' })
      expect((await pullWith(project, { loss: 'restore' })).loss?.objects).toHaveLength(2)
      expect(project.git('diff', '--stat', settled, 'HEAD')).toBe('')

      expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [], held: [], open: undefined })
      expect(await world.entity('lamp0001')).toMatchObject({ position: [5, 5, 5], pinned: true })
      expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'Lost', author: 'bob', keep: true })
      expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
      project.check()

      // Once it was sent again, nobody else need decide.
      expect(await pullWith(late)).toMatchObject({ kind: 'merged', loss: undefined })
      late.git('merge-base', '--is-ancestor', tip, REF)
      expect(lamp(late, 'lamp0001')).toMatchObject({ position: [5, 5, 5], props: { angle: 2, text: 'b' } })
      late.check()
    })
  },
)

it("G4: what a hand moved, what a field was removed by, and noise in the digits is nobody's loss", async () => {
  const { world, restart } = await startUnlucky()
  await modify(world, 'ada', 'Lamp', { author: 'ada', desc: 'here' })
  world.runtime.save()
  const project = await cloneWorld(world)
  const held = (position: readonly number[]): JsonObject => ({ mover: 'eve', position: [...position] })
  await world.edit('eve', 'lamp0001', { position: [1, 1, 1] })
  await world.edit('eve', 'lamp0001', held([2, 2, 2]))
  await world.edit('bob', 'lamp0002', { pinned: true })
  expect((await pullWith(project)).kind).toBe('merged')
  // What was read of the feed is forgotten, as in a fresh clone.
  const fresh = new Checkout(`${project.folder}-fresh`)
  project.git('clone', '--quiet', project.folder, fresh.folder)
  fresh.git('fetch', '--quiet', 'origin', '+refs/lobby/*:refs/lobby/*')
  await world.edit('eve', 'lamp0001', held([0, 0, 0]))
  expect((await pullWith(project)).kind).toBe('up-to-date')
  await world.edit('eve', 'lamp0001', { mover: null })
  await world.edit('eve', 'lamp0001', held([1, 1, 1]))
  await world.edit('eve', 'lamp0001', { mover: null })
  await modify(world, 'bob', 'Lamp', { desc: undefined } as never)
  for (const clone of [project, fresh]) {
    expect(await pullWith(clone)).toMatchObject({ kind: 'merged', unannounced: 0, loss: undefined })
    expect(project.git('log', '--format=%an', REF)).not.toContain('unannounced')
    expect(lamp(clone, 'lamp0001')).toMatchObject({ position: [1, 1, 1] })
    expect(clone.json('apps/Lamp/Lamp.json')).not.toHaveProperty('desc')
  }
  expect(fresh.git('rev-parse', REF)).toBe(project.git('rev-parse', REF))

  // But a field that is gone because the world is an older one is lost.
  world.runtime.save()
  await modify(world, 'ann', 'Lamp', { url: 'added' })
  await pullWith(project)
  const again = await restart()
  await modify(again, 'bob', 'Lamp', { author: 'bob' })
  await expect(pullWith(project)).rejects.toMatchObject({
    message: 'World "plaza" has lost what it had acknowledged: blueprint:Lamp is older in url.',
  })
  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ kind: 'merged' })
  expect(project.json('apps/Lamp/Lamp.json')).toMatchObject({ url: 'added', author: 'bob' })
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await again.blueprint('Lamp')).toMatchObject({ url: 'added', author: 'bob' })
  project.check()
})

it('G11: what somebody held explains where it was last, no other place', async () => {
  const { world } = await startUnlucky()
  const project = await cloneWorld(world)
  const entity = (await world.entity('lamp0001'))!
  const head = await world.head()
  const feed = new ScriptedFeed()
  const happen = (cursor: number, patch: JsonObject, more: JsonObject = {}) =>
    feed.happen(cursor, `op${cursor}`, 'entity.update', { ...entity, ...patch, ...more }, { patch })
  const fetch = () => project.session((session) => fetchWorld(withRuntime(session, feed.answers(session.runtime))))
  happen(head + 1, { position: [1, 1, 1] })
  happen(head + 2, { mover: 'eve', position: [2, 2, 2] })
  happen(head + 3, { mover: 'eve', position: [3, 3, 3] })
  happen(head + 4, { pinned: true }, { position: [3, 3, 3] })
  expect(await fetch()).toMatchObject({ commits: 2 })
  // Nothing in a hand is ever saved: the server came back with what it was before all that.
  happen(head + 5, { mover: 'eve', position: [4, 4, 4] })
  expect(await fetch()).toMatchObject({ commits: 0 })
  happen(head + 6, { pinned: false }, { position: [0, 0, 0] })
  const lost = { message: expect.stringContaining('lamp0001 is older in position.') }
  await expect(fetch()).rejects.toMatchObject(lost)
  // The same for whoever reads all of it at once.
  project.git('update-ref', REF, `${REF}~1`)
  await expect(fetch()).rejects.toMatchObject(lost)
})

it('G11: a push whose echo brings the loss to light is ended by the pull that settles it', async () => {
  const { world: first, restart } = await startUnlucky()
  const project = await cloneWorld(first)
  await first.edit('ann', 'lamp0001', { position: [5, 5, 5] })
  await pullWith(project)
  const world = await restart()
  project.change(project.entityPath('lamp0001'), (entity) => {
    entity.pinned = true
  })
  project.commit('pin')
  await expect(project.push()).rejects.toMatchObject({ code: 'lost_state' })
  await expect(pullWith(project)).rejects.toMatchObject({ code: 'lost_state' })
  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ kind: 'merged', loss: { choice: 'restore' } })
  expect(lamp(project, 'lamp0001')).toMatchObject({ position: [5, 5, 5], pinned: true })
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await world.entity('lamp0001')).toMatchObject({ position: [5, 5, 5], pinned: true })
  expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
})

it('G4, G11: what nobody announced and nobody had is a commit of its own, and said', async () => {
  const { world } = await startUnlucky()
  const project = await cloneWorld(world)
  const entity = (await world.entity('lamp0001'))!
  const head = await world.head()
  const feed = new ScriptedFeed()
  const happen = (cursor: number, patch: JsonObject, more: JsonObject) =>
    feed.happen(cursor, `op${cursor}`, 'entity.update', { ...entity, ...patch, ...more }, { patch })
  const scripted = (checkout: Checkout, options: Partial<PullOptions> = {}) =>
    checkout.session((session) =>
      pull(withRuntime(session, feed.answers(session.runtime)), {
        ...{ autostash: false, confirm: async () => true, verify: false, ...options },
      }),
    )
  happen(head + 1, { pinned: true }, { position: [4, 4, 4], scale: [1, 1, 1.0000000001], uid: 'another' })
  const report = await scripted(project)
  expect(report).toMatchObject({ kind: 'merged', unannounced: 1, loss: undefined })
  expect(subjects(project, `${REF}~2..${REF}`)).toEqual([
    'unannounced|unannounced changes: entity:lamp0001 changed in position',
    expect.stringMatching(/^eve\|/),
  ])
  expect(lamp(project, 'lamp0001')).toMatchObject({ position: [4, 4, 4], pinned: true })
  project.check()

  // A part of a record may be named; what was lost and is contested is asked about again when the merge is given up.
  const props = { angle: 1, text: 'b' }
  happen(head + 2, { 'props.text': 'b' }, { position: [4, 4, 4], pinned: true, props })
  expect(await scripted(project)).toMatchObject({ kind: 'merged', unannounced: 0 })
  happen(head + 3, { position: [9, 9, 9] }, { pinned: true, props })
  project.change(project.entityPath('lamp0001'), (file) => {
    file.position = [2, 2, 2]
  })
  project.commit('mine')
  happen(head + 4, { 'props.text': 'c' }, { position: [4, 4, 4], pinned: true, props: { angle: 1, text: 'c' } })
  const lost = { code: 'lost_state', message: expect.stringContaining('lamp0001 is older in position.') }
  await expect(scripted(project)).rejects.toMatchObject(lost)
  const contested = {
    kind: 'contested',
    conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['position'], remote: { value: [9, 9, 9] } }] }],
  }
  expect(await scripted(project, { loss: 'restore' })).toMatchObject(contested)
  project.git('merge', '--abort')
  await expect(scripted(project)).rejects.toMatchObject(lost)
  expect(await scripted(project, { loss: 'restore' })).toMatchObject(contested)
  project.git('merge', '--abort')
  // The world wrote it and has it as before: ours is still not settled by that (M2).
  expect(await scripted(project, { loss: 'accept' })).toMatchObject({
    kind: 'contested',
    conflicts: [{ fields: [{ path: ['position'], remote: { value: [4, 4, 4] } }] }],
  })
  // What is open is settled by its end: nothing asks again meanwhile.
  await project.session((session) => fetchWorld(withRuntime(session, feed.answers(session.runtime))))
})

it('S1, G4: what an operation said that was refused is announced: the next one that is fine loses nothing by it', async () => {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  const project = await cloneWorld(world)
  await world.edit('ann', 'lamp0001', { pinned: true })
  await pullWith(project)
  // Refused for its URL, which means content; what it says besides counts nevertheless.
  await world.edit('mallory', 'lamp0001', { pinned: false, props: { bad: { type: 'model', url: 'assets/evil.glb' } } })
  expect((await pullWith(project)).fetched.refusals).toMatchObject([{ key: 'entity:lamp0001' }])
  await world.edit('mallory', 'lamp0001', { position: [1, 1, 1] })
  await world.edit('ann', 'lamp0001', { props: {} })
  expect((await pullWith(project)).kind).toBe('merged')
  expect(lamp(project, 'lamp0001')).toMatchObject({ pinned: false, position: [1, 1, 1], props: {} })
})

it('G11: what was removed and made anew may be back as it was before that', async () => {
  const { world: first, restart } = await startUnlucky()
  const project = await cloneWorld(first)
  const entity = (await first.entity('lamp0001'))!
  await first.act('ann', { type: 'entity_remove', id: 'lamp0001' })
  await first.act('ann', { type: 'entity_add', entity: { ...entity, props: { angle: 7, text: 'new' } } })
  expect((await pullWith(project)).kind).toBe('merged')
  const world = await restart()
  await world.edit('bob', 'lamp0001', { pinned: true })
  await expect(pullWith(project)).rejects.toMatchObject({
    code: 'lost_state',
    message: expect.stringContaining('entity:lamp0001 is older in props.angle, props.text.'),
  })
  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ kind: 'merged' })
  expect(lamp(project, 'lamp0001')).toMatchObject({ pinned: true, props: { angle: 7, text: 'new' } })
})

it('G11: a removal that was lost is told though somebody has taken up what is back', async () => {
  const { world: first, restart } = await startUnlucky()
  const project = await cloneWorld(first)
  await first.act('ann', { type: 'entity_remove', id: 'lamp0001' })
  await first.act('ann', { type: 'entity_remove', id: 'lamp0002' })
  expect((await pullWith(project)).kind).toBe('merged')
  const world = await restart()
  await world.edit('bob', 'lamp0002', { pinned: true })
  await world.edit('bob', 'lamp0002', { position: [5, 5, 5] })
  await expect(pullWith(project)).rejects.toMatchObject({
    code: 'lost_state',
    message: 'World "plaza" has lost what it had acknowledged: entity:lamp0002 is back, though it was removed.',
  })
  const accepting = new Checkout(`${project.folder}-accepting`)
  project.git('clone', '--quiet', project.folder, accepting.folder)
  expect(await pullWith(accepting, { loss: 'accept' })).toMatchObject({ kind: 'merged' })
  expect(lamp(accepting, 'lamp0002')).toMatchObject({ pinned: true, position: [5, 5, 5] })
  expect(subjects(accepting, `${REF}~3..${REF}`)).toEqual([
    'unannounced|lost state: entity:lamp0002 is back, though it was removed',
    expect.stringMatching(/^bob\|.* pin/),
    expect.stringMatching(/^bob\|.* move/),
  ])
  // To keep it removed is to decide against bob.
  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({
    kind: 'contested',
    loss: { objects: [{ object: 'entity:lamp0002', kind: 'back' }] },
    conflicts: [{ object: 'entity:lamp0002', fields: [{ path: [] }] }],
  })
  project.check()
})
