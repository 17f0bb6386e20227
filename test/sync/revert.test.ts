import { describe, expect, test } from 'vitest'
import Revert from '../../src/commands/sync/revert.ts'
import { type RevertOptions, type RevertReport, revert } from '../../src/sync/revert.ts'
import type { Session } from '../../src/sync/session.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { run } from '../commands/run.ts'
import { kindsFor } from '../e2e/long.ts'
import { addLamps, type Checkout, CODE, cloneWorld, startWorld, type World } from './support.ts'

const PLAIN = { partial: false, dryRun: false, allowMassDelete: false, confirm: async () => true }

function revertIn(
  checkout: Checkout,
  revisions: readonly string[],
  options: Partial<RevertOptions> = {},
): Promise<RevertReport> {
  return checkout.session((session) => revert(session, { revisions, ...PLAIN, ...options }))
}

async function fetched(checkout: Checkout): Promise<string> {
  const { fetchLocked } = await import('../../src/sync/fetch.ts')
  return (await checkout.session(fetchLocked)).tip
}

/** Replaces the lamp's script in the world, as a deploy by somebody else. */
async function deploy(world: World, text: string): Promise<void> {
  const script = await world.remote.uploadAsset(new TextEncoder().encode(text), 'js')
  const lock = await world.remote.acquireLock('test', 30, 'Lamp')
  if (lock.kind !== 'acquired') throw new Error('locked')
  const { version } = (await world.blueprint('Lamp')) as { version: number }
  await world.act('bob', {
    type: 'blueprint_modify',
    lockToken: lock.token,
    change: { id: 'Lamp', version: version + 1, script, scriptEntry: 'index.js', scriptFiles: { 'index.js': script } },
  })
  await world.remote.releaseLock(lock.token, 'Lamp')
}

const RUNTIMES = [
  { runtime: 'reference', options: { publicLike: false } },
  { runtime: 'public-like', options: { publicLike: true } },
] as const

describe.each(kindsFor('reverts', RUNTIMES))('revert on the $runtime runtime', ({ options }) => {
  test('undoes each kind of commit in the world, where the world still holds what it wrote', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const checkout = await cloneWorld(world)
    const head = checkout.git('rev-parse', 'HEAD')
    const root = checkout.git('rev-parse', 'refs/lobby/remote')

    // A field, and what says who undid what.
    await world.edit('ada', 'lamp0001', { position: [5, 0, 0] })
    await world.edit('bob', 'lamp0001', { scale: [2, 2, 2] })
    const moved = (await fetched(checkout)) && checkout.git('rev-parse', 'refs/lobby/remote~1')
    const shown = await run(Revert, checkout.folder, ['refs/lobby/remote~1', '--dry-run'], { ADMIN_CODE: CODE })
    expect(shown.out.split('\n').slice(0, 3)).toEqual([
      'Would undo 1 commit of world plaza:',
      expect.stringMatching(/^ {2}entity\.update lamp0001 {2}\(Dev, [0-9a-f]{8}\)$/),
      '    position: [5,0,0] → [0,0,0]',
    ])
    const planned = await revertIn(checkout, ['refs/lobby/remote~1'], { dryRun: true })
    expect(planned.kind === 'planned' && planned.operations.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'entity.update lamp0001',
    ])
    expect((await world.entity('lamp0001'))?.position).toEqual([5, 0, 0])
    const undone = await revertIn(checkout, [moved.slice(0, 10)])
    expect(undone).toMatchObject({ kind: 'reverted', landed: 1, left: [], unseen: [], refused: [] })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [0, 0, 0], scale: [2, 2, 2] })
    expect(checkout.git('log', '-1', '--format=%an', 'refs/lobby/remote')).toBe('Dev')
    expect(checkout.git('rev-parse', 'HEAD')).toBe(head)
    expect(checkout.git('status', '--porcelain')).toBe('')
    // Again: there is nothing left of it. And the undoing can be undone as any commit.
    expect((await revertIn(checkout, [moved])).kind).toBe('nothing')
    await revertIn(checkout, ['refs/lobby/remote'])
    expect((await world.entity('lamp0001'))?.position).toEqual([5, 0, 0])
    // By value: that others put back what the commit wrote does not protect it.
    expect(await revertIn(checkout, [moved])).toMatchObject({ kind: 'reverted', landed: 1 })
    expect((await world.entity('lamp0001'))?.position).toEqual([0, 0, 0])

    // A script.
    const before = (await world.blueprint('Lamp'))?.script
    await deploy(world, 'export default () => { broken }\n')
    await fetched(checkout)
    expect(await revertIn(checkout, ['refs/lobby/remote'])).toMatchObject({ kind: 'reverted', landed: 1, left: [] })
    expect((await world.blueprint('Lamp'))?.script).toBe(before)
    expect(await world.remote.lockStatus('Lamp')).toMatchObject({ locked: false })

    // Settings, spawn; a removal, whose object comes back as it was.
    await world.act('ada', { type: 'settings_modify', key: 'title', value: 'Oops' })
    await world.remote.putSpawn({ position: [9, 9, 9], quaternion: [0, 0, 0, 1] })
    const lamp = await world.entity('lamp0002')
    await world.act('ada', { type: 'entity_remove', id: 'lamp0002' })
    await fetched(checkout)
    const three = await revertIn(checkout, ['refs/lobby/remote~3..refs/lobby/remote'])
    expect(three).toMatchObject({ kind: 'reverted', landed: 3, left: [] })
    expect(three.commits.map(({ object }) => object)).toEqual(['entity:lamp0002', 'spawn', 'settings'])
    const back = await world.entity('lamp0002')
    for (const field of ['id', 'uid', 'blueprint', 'position', 'quaternion', 'scale', 'pinned', 'props', 'scope'])
      expect([field, back?.[field]]).toEqual([field, lamp?.[field]])
    const snapshot = await world.remote.snapshot()
    expect(snapshot.settings.title).toBeNull()
    expect((snapshot.spawn as { position: unknown }).position).not.toEqual([9, 9, 9])

    // An addition: undoing it removes the object, as long as nobody touched it.
    await world.act('ada', {
      type: 'blueprint_add',
      blueprint: { id: 'Sign', name: 'Sign', version: 0, scope: 'Sign' },
    })
    await world.act('ada', {
      type: 'entity_add',
      entity: { ...lamp, id: 'sign0001', uid: undefined, blueprint: 'Sign', mover: null, uploader: null, state: {} },
    })
    await fetched(checkout)
    const used = await revertIn(checkout, ['refs/lobby/remote~1'])
    expect(used.kind).toBe('changed-since')
    expect(used.notUndone[0]?.contested[0]?.fields[0]?.dangling).toEqual(['entity:sign0001'])
    expect(await revertIn(checkout, ['refs/lobby/remote~1', 'refs/lobby/remote'])).toMatchObject({ landed: 2 })
    expect(await world.entity('sign0001')).toBeUndefined()
    expect(await world.blueprint('Sign')).toBeUndefined()

    // What cannot be undone, by name.
    await expect(revertIn(checkout, [root])).rejects.toMatchObject({ code: 'snapshot_commit' })
    await expect(revertIn(checkout, [head])).rejects.toMatchObject({ code: 'not_of_line' })
    await expect(revertIn(checkout, ['nonsense'])).rejects.toMatchObject({ code: 'unknown_commit' })
    await expect(revertIn(checkout, ['..HEAD'])).rejects.toMatchObject({ code: 'invalid_range' })
    checkout.check()
  })

  test('what was changed since is named and not touched, and a pull merges the rest like any edit', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const checkout = await cloneWorld(world)
    await world.edit('ada', 'lamp0001', { position: [5, 0, 0], scale: [3, 3, 3] })
    await world.edit('bob', 'lamp0001', { scale: [4, 4, 4] })
    await fetched(checkout)
    const wrote = checkout.git('rev-parse', 'refs/lobby/remote~1')
    const refused = await revertIn(checkout, [wrote])
    expect(refused.kind).toBe('changed-since')
    expect(refused.notUndone[0]?.contested[0]?.fields).toEqual([
      { path: ['scale'], terms: { base: [3, 3, 3], ours: [1, 1, 1], theirs: [4, 4, 4] } },
    ])
    expect((await world.entity('lamp0001'))?.position).toEqual([5, 0, 0])
    const said = await run(Revert, checkout.folder, [wrote], { ADMIN_CODE: CODE })
    expect(said).toMatchObject({ code: 3, err: '' })
    expect(said.out.split('\n').slice(2)).toEqual([
      '  entity:lamp0001',
      '    scale: written [3,3,3], before [1,1,1], now [4,4,4]',
      'Nothing was sent. With --partial, what can be undone is.',
      '',
    ])
    const json = await run(Revert, checkout.folder, [wrote, '--json'], { ADMIN_CODE: CODE })
    expect(JSON.parse(json.out)).toMatchObject({
      kind: 'changed-since',
      changedSince: [{ commit: wrote, objects: [{ object: 'entity:lamp0001', fields: [{ field: 'scale' }] }] }],
    })
    expect(await revertIn(checkout, [wrote], { partial: true })).toMatchObject({
      kind: 'reverted',
      landed: 1,
      left: [],
    })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [0, 0, 0], scale: [4, 4, 4] })

    // Our own push is undone as well; a branch that changed the same goes on to be asked, one that did not follows.
    await checkout.pull()
    checkout.change(checkout.entityPath('lamp0002'), (lamp) => {
      lamp.position = [7, 7, 7]
    })
    checkout.commit('move the second lamp')
    await checkout.push()
    const pushed = checkout.git('rev-parse', 'refs/lobby/remote')
    checkout.git('branch', 'further')
    expect(await revertIn(checkout, [pushed])).toMatchObject({ kind: 'reverted', landed: 1 })
    expect((await world.entity('lamp0002'))?.position).toEqual([1, 0, 0])
    expect((await checkout.push()).kind).toBe('up-to-date')
    expect((await world.entity('lamp0002'))?.position).toEqual([1, 0, 0])
    expect((await checkout.pull()).kind).toBe('merged')
    expect(checkout.json(checkout.entityPath('lamp0002')).position).toEqual([1, 0, 0])
    checkout.git('switch', '--quiet', 'further')
    checkout.change(checkout.entityPath('lamp0002'), (lamp) => {
      lamp.position = [8, 8, 8]
    })
    checkout.commit('move it on')
    expect((await checkout.push()).kind).toBe('contested')
    expect((await checkout.pull()).kind).toBe('contested')
    checkout.git('merge', '--abort')

    // What moves under it: another field is no matter, the same one is told or, where nothing checks it, asked about.
    checkout.git('switch', '--quiet', '-')
    const meanwhile = (change: JsonObject) => (session: Session) => {
      let edit: Promise<void> | undefined
      const first = () => (edit ??= world.edit('eve', 'lamp0001', change))
      const { runtime } = session
      const batch: typeof runtime.batch = (request) => first().then(() => runtime.batch(request))
      const connect: typeof runtime.connect = () => first().then(() => runtime.connect())
      return revert({ ...session, runtime: { ...runtime, batch, connect } }, ASKED)
    }
    const ASKED = { revisions: ['refs/lobby/remote'], ...PLAIN }
    await world.edit('ada', 'lamp0001', { position: [6, 0, 0] })
    await fetched(checkout)
    expect(await checkout.session(meanwhile({ scale: [5, 5, 5] }))).toMatchObject({ kind: 'reverted', left: [] })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [0, 0, 0], scale: [5, 5, 5] })
    await world.edit('ada', 'lamp0001', { position: [6, 0, 0] })
    await fetched(checkout)
    const late = await checkout.session(meanwhile({ position: [7, 0, 0] }))
    if (options.publicLike !== true) expect(late.kind).toBe('changed-since')
    else {
      expect(late.kind === 'reverted' && late.unseen).toMatchObject([
        { key: 'entity:lamp0001', path: ['position'], value: [7, 0, 0], by: 'eve' },
      ])
    }
    await world.edit('ada', 'lamp0001', { position: [6, 0, 0] })
    await fetched(checkout)
    await world.edit('ada', 'lamp0001', { mover: 'ada' })
    expect(await revertIn(checkout, ['refs/lobby/remote'], { noBatch: true })).toMatchObject({
      kind: 'held',
      held: [{ key: 'entity:lamp0001', field: 'position' }],
    })
    await world.edit('ada', 'lamp0001', { mover: null })

    // Switched off, nothing is written; a target that wants to be asked is.
    await expect(
      checkout.session((session) =>
        revert(
          { ...session, switches: { ...session.switches, bidirectional: false } },
          { revisions: [wrote], ...PLAIN },
        ),
      ),
    ).rejects.toMatchObject({ code: 'switched_off', exitCode: 5 })
    await expect(
      checkout.session((session) =>
        revert({ ...session, target: { ...session.target, confirm: true } }, { ...ASKED, confirm: async () => false }),
      ),
    ).rejects.toMatchObject({ code: 'not_confirmed', exitCode: 5 })
    expect((await world.entity('lamp0002'))?.position).toEqual([1, 0, 0])
    checkout.check()
  })
})
