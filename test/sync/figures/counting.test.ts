import { describe, expect, test } from 'vitest'
import { openConflicts } from '../../../src/sync/conflicts.ts'
import { fetchLocked } from '../../../src/sync/fetch.ts'
import { pull } from '../../../src/sync/pull.ts'
import { resolve } from '../../../src/sync/resolve.ts'
import { openProject, openSession } from '../../../src/sync/session.ts'
import { statusLocked } from '../../../src/sync/status.ts'
import { connect, publicCheckout } from '../adopt-support.ts'
import { killedAt, pushWith, recover } from '../push-support.ts'
import { addLamps, type Checkout, cloneWorld, startWorld, type World } from '../support.ts'
import { Heard } from './heard.ts'

const move = (checkout: Checkout, id: string, x: number) => {
  checkout.change(checkout.entityPath(id), (entity) => {
    entity.position = [x, 0, 0]
  })
  return checkout.commit(`move ${id} to ${x}`)
}

async function lamps(world: World): Promise<{ checkout: Checkout; heard: Heard }> {
  await addLamps(world)
  const checkout = await cloneWorld(world)
  const heard = new Heard()
  checkout.reporter = heard
  return { checkout, heard }
}

async function settle(checkout: Checkout, use: 'local' | 'remote'): Promise<void> {
  const project = await openProject(checkout.context())
  await resolve(
    project,
    { strictConflicts: true, bidirectional: true },
    { names: [], all: true, use, field: undefined },
  )
  await project.repository.close()
}

describe('figures, on a runtime with transactions', () => {
  test('a day of work, each event counted once', async () => {
    const world = await startWorld()
    const { checkout, heard } = await lamps(world)

    // Somebody in the world: an operation of theirs, behind it and not any more.
    await world.edit('ada', 'lamp0001', { position: [5, 0, 0] })
    await checkout.session(fetchLocked)
    await checkout.session(statusLocked)
    expect(heard.figures()).toEqual({ 'ops.remote_to_local': 1, lag: 1 })
    await checkout.pull()
    await checkout.pull()
    expect(heard.figures()).toEqual({ 'ops.remote_to_local': 1, lag: 0 })
    expect(heard.of('taken-in')).toMatchObject([{ object: 'entity:lamp0001', does: 'entity.update', own: false }])
    expect(heard.of('handshake')).toHaveLength(4)
    expect(heard.events.every(({ about }) => about.world === 'plaza' && about.target === 'main')).toBe(true)
    expect(heard.secrets).toContain('secret')

    // The project: what lands is told once, and its echo is nobody else's.
    heard.forget()
    move(checkout, 'lamp0001', 6)
    await checkout.push({ dryRun: true })
    expect(heard.of('planned')).toEqual([])
    await checkout.push()
    await checkout.session(fetchLocked)
    expect(heard.figures()).toEqual({ 'ops.remote_to_local': 1, 'ops.local_to_remote': 1, lag: 0 })
    const [planned] = heard.of('planned')
    expect(planned).toMatchObject({ object: 'entity:lamp0001', does: 'entity.update', uid: expect.stringMatching(/-/) })
    expect(heard.of('sent').map(({ op }) => op)).toEqual([planned?.op])
    expect(heard.of('landed').map(({ op }) => op)).toEqual([planned?.op])
    expect(heard.of('taken-in')).toMatchObject([{ op: planned?.op, own: true }])

    // A conflict is one, however often it is met before it is settled.
    heard.forget()
    move(checkout, 'lamp0001', 7)
    await world.edit('ada', 'lamp0001', { position: [8, 0, 0] })
    for (let again = 0; again < 2; again++) expect((await checkout.push()).kind).toBe('contested')
    const met = {
      'ops.remote_to_local': 2,
      'ops.local_to_remote': 1,
      'conflicts.total': 1,
      'overwrites.prevented contested': 1,
    }
    expect(heard.figures()).toEqual({ ...met, lag: 1 })
    expect((await checkout.pull()).kind).toBe('contested')
    checkout.git('merge', '--abort')
    expect((await checkout.pull()).kind).toBe('contested')
    expect(heard.figures()).toEqual({ ...met, lag: 1 })
    expect(heard.of('contested').map(({ by, fields, as }) => [by, fields, as])).toEqual([
      ['push', ['position'], undefined],
      ['push', ['position'], undefined],
      ['merge', ['position'], 'shown'],
      ['merge', ['position'], 'shown'],
    ])
    // Given up by hand, that was told when it was noticed.
    expect(heard.of('conflict-resolved')).toMatchObject([{ mode: 'abandoned' }])
    const { conflicts } = await checkout.session(openConflicts)
    heard.forget()
    await settle(checkout, 'local')
    expect(heard.of('conflict-resolved')).toMatchObject([
      { id: conflicts[0]?.id, object: 'entity:lamp0001', world: 'plaza', fields: ['position'], mode: 'local' },
    ])
    checkout.commit('mine')
    await checkout.push()
    expect(heard.figures()).toEqual({ ...met, 'ops.local_to_remote': 2, lag: 0 })

    // The same field again, since another baseline: another conflict.
    move(checkout, 'lamp0001', 9)
    await world.edit('ada', 'lamp0001', { position: [10, 0, 0] })
    await checkout.pull()
    expect(heard.figures()['conflicts.total']).toBe(2)
    await settle(checkout, 'remote')
    checkout.commit('theirs')

    // A rule settles: counted by its mode, once for the push's merge, the pull's and the closing one.
    checkout.change('lobby.json', (lobby) => {
      lobby.policy = { rules: [{ type: 'entity', field: 'position', owner: 'local' }] }
    })
    move(checkout, 'lamp0002', 3)
    await world.edit('ada', 'lamp0002', { position: [4, 0, 0] })
    heard.forget()
    await checkout.push()
    expect(heard.figures()).toMatchObject({ 'conflicts.auto_resolved local': 1, 'conflicts.total': 2, lag: 0 })
    expect(heard.of('auto-resolved')[0]).toMatchObject({ object: 'entity:lamp0002', field: 'position', mode: 'local' })
    checkout.check()

    // Somebody is faster than a transaction: nothing is written over, and the next round merges.
    const { 'ops.local_to_remote': before = 0 } = heard.figures()
    move(checkout, 'lamp0002', 11)
    let moved = false
    await pushWith(checkout, {
      before: async ({ name }) => {
        if (name !== 'batch' || moved) return
        moved = true
        await world.edit('ada', 'lamp0002', { position: [12, 0, 0] })
      },
    })
    expect(heard.figures()).toMatchObject({
      'ops.local_to_remote': before + 1,
      version_mismatches: 1,
      'overwrites.prevented expectation': 1,
      'conflicts.auto_resolved local': 2,
    })
    expect(heard.of('mismatch')).toMatchObject([{ object: 'entity:lamp0002', field: 'position', refused: true }])

    // A lock that somebody holds.
    heard.forget()
    const lock = await world.remote.acquireLock('somebody', 60, 'Lamp')
    if (lock.kind !== 'acquired') throw new Error('held')
    checkout.write('apps/Lamp/index.js', 'export default () => {}\n')
    checkout.commit('script')
    await expect(checkout.push()).rejects.toMatchObject({ code: 'deploy_locked' })
    expect(heard.figures()).toMatchObject({ 'lock_failures held': 1 })
    expect(heard.of('lock')).toMatchObject([{ step: 'held', scope: 'Lamp', owner: 'somebody' }])
    await world.remote.releaseLock(lock.token, 'Lamp')
    heard.forget()
    await checkout.push()
    expect(heard.of('lock').map(({ step }) => step)).toEqual(['taken', 'released'])
    // Its token is known as a secret, and is in no event.
    const token = heard.secrets.findLast((secret) => secret !== 'secret')!
    expect(token.length).toBeGreaterThan(10)
    expect(JSON.stringify(heard.events)).not.toContain(token)
    expect(heard.figures()['overwrites.startup']).toBeUndefined()

    // A push that was killed after it landed is counted by whoever ends it; its echo is its own, whoever fetches first.
    heard.forget()
    const sofar = heard.figures()
    move(checkout, 'lamp0001', 13)
    const killed = killedAt(1, 'after', ({ name }) => name === 'batch')
    await expect(pushWith(checkout, killed)).rejects.toThrow()
    expect(heard.figures()).toEqual(sofar)
    await checkout.session(fetchLocked)
    expect(heard.of('taken-in')).toMatchObject([{ own: true }])
    for (let again = 0; again < 2; again++) await recover(checkout)
    expect(heard.figures()).toEqual({ ...sofar, 'ops.local_to_remote': sofar['ops.local_to_remote']! + 1 })
    expect(heard.of('recovered')).toMatchObject([{ what: 'push', landed: 1, left: 0 }])
  })

  test('adopting: a mirror gives values of the world up, everything else gives up nothing', async () => {
    const world = await startWorld()
    await addLamps(world)
    for (const [options, figures] of [
      [{ prefer: 'local' }, { 'conflicts.auto_resolved local': 1 }],
      [{ mirror: 'local' }, { 'overwrites.startup': 2 }],
    ] as const) {
      const checkout = await publicCheckout(world)
      checkout.change('world.json', (manifest) => {
        const entities = manifest.entities as { id: string; pinned: boolean }[]
        manifest.entities = entities.filter(({ id }) => id !== 'lamp0002')
        for (const entity of entities) if (entity.id === 'lamp0001') entity.pinned = true
      })
      checkout.commit('edited here')
      const heard = new Heard()
      checkout.reporter = heard
      await connect(checkout, world, { ...options, confirm: async () => true })
      expect([options, heard.figures()]).toEqual([options, figures])
    }
  })
})

describe('figures, on a public server', () => {
  test('versions that moved on, requests without ids, objects in hands, conflicts kept open', async () => {
    const world = await startWorld({ publicLike: true })
    const { checkout, heard } = await lamps(world)

    // The spawn goes over HTTP, under an id of the runtime's own: it is ours all the same.
    checkout.change('world/spawn.json', (spawn) => {
      spawn.position = [1, 2, 3]
    })
    checkout.commit('spawn')
    await checkout.push()
    expect(heard.figures()).toEqual({ 'ops.local_to_remote': 1, lag: 0 })

    // A blueprint's version moved on after it was looked at.
    checkout.change('apps/Lamp/Lamp.json', (blueprint) => {
      blueprint.desc = 'ours'
    })
    checkout.commit('desc')
    let moved = false
    await pushWith(checkout, {
      before: async ({ name, what }) => {
        if (name !== 'send' || moved || (what[0] as { type: string }).type !== 'blueprint_modify') return
        moved = true
        const { version } = (await world.blueprint('Lamp')) as { version: number }
        await world.act('ada', {
          type: 'blueprint_modify',
          change: { id: 'Lamp', version: version + 1, author: 'ada' },
        })
      },
    })
    expect(heard.figures()).toMatchObject({ version_mismatches: 1, 'overwrites.prevented expectation': 1 })
    expect(heard.of('refused')).toMatchObject([{ object: 'blueprint:Lamp', error: 'version_mismatch', unsent: false }])
    await checkout.pull()
    await checkout.push()
    const { 'ops.local_to_remote': before = 0 } = heard.figures()

    // In somebody's hand: held back, once while nothing else is known.
    await world.edit('ada', 'lamp0001', { mover: 'ada', position: [3, 0, 0] })
    move(checkout, 'lamp0001', 4)
    heard.forget()
    for (let again = 0; again < 2; again++) await checkout.push()
    expect(heard.of('held-back')[0]).toMatchObject({ object: 'entity:lamp0001', field: 'position', why: 'hand' })
    expect(heard.figures()).toMatchObject({ 'ops.local_to_remote': before, 'overwrites.prevented held_back': 1 })

    // Kept open (C6): a conflict like any other, and what a push holds back for it.
    heard.forget()
    await world.edit('ada', 'lamp0001', { mover: null, position: [5, 0, 0] })
    const session = await openSession(checkout.context({ SYNC_STRICT_CONFLICTS: 'false' }), { target: undefined })
    await pull(session, { autostash: false, confirm: async () => false })
    await session.close()
    await checkout.push()
    expect(heard.of('contested')).toMatchObject([{ by: 'merge', as: 'kept', fields: ['position'] }])
    expect(heard.of('held-back')).toMatchObject([{ field: 'position', why: 'conflict' }])
    expect(heard.figures()).toMatchObject({ 'conflicts.total': 1, 'overwrites.prevented held_back': 2, lag: 0 })
  })
})
