import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pull } from '../../src/sync/pull.ts'
import { push } from '../../src/sync/push.ts'
import { connect } from './adopt-support.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const confirm = async () => true

function pullFrom(checkout: Checkout, target: string) {
  return checkout.session((session) => pull(session, { autostash: false, confirm }), target)
}

function pushTo(checkout: Checkout, target: string) {
  const options = { dryRun: false, allowMassDelete: false, autostash: false, confirm }
  return checkout.session((session) => push(session, options), target)
}

test('what one world brings to another is known to whoever has it from there, and has gone on', async () => {
  const plaza = await startWorld({ worldId: 'plaza' })
  await addLamps(plaza)
  const yard = await startWorld({ worldId: 'yard' })
  const ann = await cloneWorld(plaza)
  await connect(ann, yard, { name: 'staging', prefer: 'local' })
  const bob = new Checkout(join(temporaryFolder(), 'bob'))
  ann.git('clone', '--quiet', ann.folder, bob.folder)

  // Ann brings all of it to the second world, with an edit of her own that Bob has not seen.
  await plaza.edit('eve', 'lamp0001', { position: [5, 0, 0] })
  await pullFrom(ann, 'main')
  ann.change('world/settings.json', (settings) => {
    settings.title = 'Ours'
  })
  ann.commit('A title')
  expect(await pushTo(ann, 'staging')).toMatchObject({ kind: 'pushed', refused: [] })
  const log = ann.git('log', '--format=%an %s', 'refs/lobby/targets/staging')
  expect(log).toContain('eve eve: add Lamp lamp0001')
  expect(log).toContain('Dev Dev: add Lamp lamp0002')

  // Bob saw both lamps in the first world; he removes the one, and somebody there moves the other on.
  await plaza.edit('eve', 'lamp0001', { position: [6, 0, 0] })
  await plaza.edit('eve', 'lamp0001', { position: [0, 0, 0] })
  await pullFrom(bob, 'main')
  bob.remove(bob.entityPath('lamp0002'))
  bob.commit('One lamp is enough')
  expect(await pullFrom(bob, 'staging')).toMatchObject({ kind: 'merged' })
  expect(() => bob.entityPath('lamp0002')).toThrow('no file')
  expect(bob.json(bob.entityPath('lamp0001'))).toMatchObject({ position: [0, 0, 0] })
  expect(bob.json('world/settings.json')).toMatchObject({ title: 'Ours' })
  expect(await pushTo(bob, 'staging')).toMatchObject({ kind: 'pushed', refused: [] })
  expect(await yard.entity('lamp0002')).toBeUndefined()
  expect(await yard.entity('lamp0001')).toMatchObject({ position: [0, 0, 0] })
})
