import { describe, expect, test } from 'vitest'
import Promote from '../../src/commands/sync/promote.ts'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { type PromoteOptions, type PromoteReport, promote } from '../../src/sync/promote.ts'
import { pull } from '../../src/sync/pull.ts'
import { run } from '../commands/run.ts'
import { kindsFor } from '../e2e/long.ts'
import { addLamps, Checkout, CODE, cloneWorld, fsck, startWorld, temporaryFolder, type World } from './support.ts'

const LINES = ['refs/lobby/targets/*:refs/lobby/targets/*', '+refs/lobby/remote:refs/lobby/remote']
const REF = 'refs/lobby/promoted/production/staging'

/** A project that knows two worlds: `staging`, which it was cloned from, and `production`. */
async function twoWorlds(staging: World, production: World): Promise<Checkout> {
  const checkout = await cloneWorld(staging)
  checkout.change('lobby.json', (lobby) => {
    const { targets } = lobby as { targets: Record<string, unknown> }
    const [name] = Object.keys(targets)
    lobby.targets = {
      staging: targets[name!],
      production: { worldUrl: production.runtime.url, worldId: 'arena' },
    }
    lobby.defaultTarget = 'staging'
  })
  checkout.commit('two targets')
  return checkout
}

async function promoteIn(checkout: Checkout, options: Partial<PromoteOptions> = {}): Promise<PromoteReport> {
  return promote(checkout.context(), {
    from: 'staging',
    to: 'production',
    dryRun: false,
    allowMassDelete: false,
    confirm: async () => true,
    ...options,
  })
}

function fieldsOf(report: PromoteReport): readonly string[] {
  if (report.kind !== 'contested') throw new Error(`${report.kind}, not contested`)
  return report.contested.flatMap(({ key, fields }) => fields.map(({ path }) => `${key} ${path.join('.')}`))
}

const RUNTIMES = [
  { runtime: 'reference', options: {} },
  { runtime: 'public-like', options: { publicLike: true } },
] as const

describe.each(kindsFor('promotion', RUNTIMES))('promote to the $runtime runtime', ({ options }) => {
  test('merges what changed in one world into the other, and remembers what was promoted', async () => {
    const staging = await startWorld()
    await addLamps(staging)
    const production = await startWorld({ ...options, worldId: 'arena' })
    const checkout = await twoWorlds(staging, production)
    const head = checkout.git('rev-parse', 'HEAD')

    // The first time: what is missing is added, what only the other world has stays.
    await production.act('eve', { type: 'settings_modify', key: 'desc', value: 'mine' })
    await production.act('eve', {
      type: 'entity_add',
      entity: {
        ...(await staging.entity('lamp0001')),
        id: 'own0001',
        uid: undefined,
        mover: null,
        uploader: null,
        state: {},
      },
    })
    const planned = await promoteIn(checkout, {
      dryRun: true,
      confirm: async () => expect.fail('a dry run asks nothing'),
    })
    expect(planned).toMatchObject({ kind: 'contested', first: true })
    expect(fieldsOf(planned)).toEqual(['settings desc'])
    expect(await promoteIn(checkout)).toMatchObject({ kind: 'contested', first: true })
    await expect(promoteIn(checkout, { prefer: 'production', confirm: async () => false })).rejects.toMatchObject({
      code: 'not_confirmed',
      exitCode: 5,
    })
    expect(await production.blueprint('Lamp')).toBeUndefined()
    const asked: string[] = []
    const first = await promoteIn(checkout, {
      prefer: 'production',
      confirm: async ({ operations }) => {
        asked.push(...operations.map(({ kind, id }) => `${kind} ${id}`))
        return true
      },
    })
    expect(asked).toEqual(['blueprint.add Lamp', 'entity.add lamp0001', 'entity.add lamp0002'])
    expect(first).toMatchObject({ kind: 'promoted', landed: 3, left: [], contested: [], unseen: [] })
    expect(await production.entity('own0001')).toBeDefined()
    expect((await production.remote.snapshot()).settings.desc).toBe('mine')
    const script = (await production.blueprint('Lamp'))?.script
    expect(script).toBe((await staging.blueprint('Lamp'))?.script)
    expect(checkout.git('rev-parse', REF)).toBe(checkout.git('rev-parse', 'refs/lobby/remote'))
    expect(checkout.git('log', '-1', '--format=%an %B', 'refs/lobby/targets/production')).toContain(`Dev Dev: add`)
    expect(checkout.git('rev-parse', 'HEAD')).toBe(head)
    expect((await promoteIn(checkout)).kind).toBe('up-to-date')

    // From then on both worlds' changes count, field by field; a deletion is a change like any other.
    await staging.edit('ada', 'lamp0001', { position: [5, 0, 0] })
    await staging.act('ada', { type: 'settings_modify', key: 'title', value: 'Square' })
    await staging.act('ada', { type: 'entity_remove', id: 'lamp0002' })
    await production.edit('eve', 'lamp0001', { scale: [2, 2, 2] })
    expect(await promoteIn(checkout)).toMatchObject({ kind: 'promoted', landed: 3, left: [] })
    expect(await production.entity('lamp0001')).toMatchObject({ position: [5, 0, 0], scale: [2, 2, 2] })
    expect(await production.entity('lamp0002')).toBeUndefined()
    expect(await staging.entity('lamp0001')).toMatchObject({ scale: [1, 1, 1] })
    const promoted = checkout.git('rev-parse', REF)

    // A clone that has the lines, but not the refs that remember: the operations tell what was promoted.
    const other = new Checkout(`${temporaryFolder()}/clone`)
    checkout.git('clone', '--quiet', checkout.folder, other.folder)
    expect(await promoteIn(other)).toMatchObject({ kind: 'contested', first: true })
    other.git('update-ref', '-d', 'refs/lobby/targets/production')
    other.git('fetch', '--quiet', 'origin', ...LINES)
    expect((await promoteIn(other)).kind).toBe('up-to-date')
    expect(other.git('rev-parse', REF)).toBe(promoted)

    // Both changed it: named with all values, nothing sent, until somebody decides.
    await staging.edit('ada', 'lamp0001', { position: [6, 0, 0] })
    await production.edit('eve', 'lamp0001', { position: [7, 0, 0] })
    const contested = await promoteIn(other)
    expect(contested.kind === 'contested' && contested.contested[0]?.fields).toEqual([
      { path: ['position'], terms: { base: [5, 0, 0], ours: [6, 0, 0], theirs: [7, 0, 0] } },
    ])
    expect((await production.entity('lamp0001'))?.position).toEqual([7, 0, 0])
    const said = await run(Promote, other.folder, ['staging', 'production', '--yes'], { ADMIN_CODE: CODE })
    expect(said).toMatchObject({ code: 2, err: '' })
    expect(said.out.split('\n')).toEqual([
      'Both worlds changed these since the last promotion:',
      '  entity:lamp0001',
      '    position: promoted last [5,0,0], in staging [6,0,0], in production [7,0,0]',
      'Nothing was sent. --prefer staging or --prefer production decides them all.',
      '',
    ])
    const args = ['staging', 'production', '--prefer', 'staging']
    const plan = await run(Promote, other.folder, args, { ADMIN_CODE: CODE, CI: 'true' })
    expect(plan).toMatchObject({ code: 5, err: expect.stringContaining('was not confirmed; nothing was sent') })
    expect(plan.out.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^ {2}entity\.update lamp0001 {2}\(Dev, [0-9a-f]{8}\)$/),
      '    position: [7,0,0] → [6,0,0]',
      '  settled for staging: entity:lamp0001 position: [6,0,0]',
      '',
    ])
    expect(await run(Promote, other.folder, [...args, '-t', 'staging'])).toMatchObject({ code: 1 })
    expect(other.git('rev-parse', REF)).toBe(promoted)
    expect(await promoteIn(other, { prefer: 'staging' })).toMatchObject({ kind: 'promoted', landed: 1 })
    expect((await production.entity('lamp0001'))?.position).toEqual([6, 0, 0])
    expect(fieldsOf(await contestDeletion(staging, production, other))).toEqual(['entity:lamp0001 '])
    expect((await promoteIn(other, { prefer: 'production' })).kind).toBe('up-to-date')
    expect((await production.entity('lamp0001'))?.scale).toEqual([9, 9, 9])
    expect((await promoteIn(other)).kind).toBe('up-to-date')

    // The pull from the second world brings it into a branch.
    await checkout.session((session) => pull(session, { autostash: false, confirm: async () => true }), 'staging')
    checkout.check()
    fsck(checkout)
  })
})

test('what did not land is left for the next promotion, in another clone as well', async () => {
  const staging = await startWorld()
  await addLamps(staging)
  const production = await startWorld({ publicLike: true, worldId: 'arena' })
  const checkout = await twoWorlds(staging, production)
  expect((await promoteIn(checkout)).kind).toBe('promoted')
  const before = checkout.git('rev-parse', REF)
  await staging.edit('ada', 'lamp0001', { position: [5, 0, 0] })
  await staging.edit('ada', 'lamp0002', { position: [6, 0, 0] })
  // Somebody in production holds one of them in their hand.
  await production.edit('eve', 'lamp0002', { mover: 'eve' })
  const partly = await promoteIn(checkout, { noBatch: true })
  expect(partly).toMatchObject({ kind: 'promoted', landed: 1 })
  expect(partly.kind === 'promoted' && partly.left.map(({ id }) => id)).toEqual(['lamp0002'])
  expect(checkout.git('rev-parse', REF)).toBe(before)
  await production.edit('eve', 'lamp0002', { mover: null })
  const other = new Checkout(`${temporaryFolder()}/clone`)
  checkout.git('clone', '--quiet', checkout.folder, other.folder)
  other.git('fetch', '--quiet', 'origin', ...LINES)
  const rest = await promoteIn(other)
  expect(rest.kind === 'promoted' && rest.operations.map(({ id }) => id)).toEqual(['lamp0002'])
  expect((await production.entity('lamp0002'))?.position).toEqual([6, 0, 0])
  expect((await promoteIn(checkout)).kind).toBe('up-to-date')
  // A field that was promoted, and promoted again, is nobody else's edit.
  await staging.edit('ada', 'lamp0001', { position: [8, 0, 0] })
  expect(await promoteIn(checkout)).toMatchObject({ kind: 'promoted', landed: 1, left: [] })

  // Twice what the runtime records under an id of its own; but who put something back on purpose is asked (M2).
  for (const at of [1, 2]) {
    await staging.remote.putSpawn({ position: [at, at, at], quaternion: [0, 0, 0, 1] })
    expect(await promoteIn(checkout)).toMatchObject({ kind: 'promoted', landed: 1, left: [] })
  }
  for (const scale of [3, 1]) await production.edit('eve', 'lamp0001', { scale: [scale, scale, scale] })
  await staging.edit('ada', 'lamp0001', { scale: [4, 4, 4] })
  expect(fieldsOf(await promoteIn(checkout))).toEqual(['entity:lamp0001 scale'])
  expect(await promoteIn(checkout, { prefer: 'staging' })).toMatchObject({ kind: 'promoted', landed: 1 })

  // Scripts go under the other world's locks, with a deploy snapshot.
  const script = await staging.remote.uploadAsset(new TextEncoder().encode('export default () => 5\n'), 'js')
  const [here, there] = [await lockOf(staging), await lockOf(production)]
  await staging.act('ada', {
    type: 'blueprint_modify',
    lockToken: here,
    change: { id: 'Lamp', version: 9, script, scriptEntry: 'index.js', scriptFiles: { 'index.js': script } },
  })
  await expect(promoteIn(checkout)).rejects.toMatchObject({ code: 'deploy_locked', exitCode: 3 })
  await production.remote.releaseLock(there, 'Lamp')
  expect(await promoteIn(checkout)).toMatchObject({ landed: 1, snapshots: [{ scope: 'Lamp', count: 1 }], left: [] })
  expect((await production.blueprint('Lamp'))?.script).toBe(script)

  // Worlds are never mixed up, nor is one promoted to itself.
  await expect(promoteIn(checkout, { to: 'staging' })).rejects.toMatchObject({ code: 'same_world', exitCode: 5 })
  await expect(promoteIn(checkout, { to: 'nowhere' })).rejects.toMatchObject({ code: 'unknown_target' })
  await expect(promoteIn(checkout, { prefer: 'nobody' })).rejects.toMatchObject({ code: 'invalid_prefer' })
  checkout.change('lobby.json', (lobby) => {
    ;(lobby.targets as Record<string, { worldUrl: string }>).production!.worldUrl = staging.runtime.url
  })
  await expect(promoteIn(checkout)).rejects.toMatchObject({ code: 'wrong_world', exitCode: 5 })
  checkout.git('checkout', '--quiet', 'lobby.json')

  // P7: half of a world gone is more often a mistake than a wish.
  for (const id of ['lamp0001', 'lamp0002']) await staging.act('ada', { type: 'entity_remove', id })
  await staging.remote.removeBlueprint('Lamp')
  await expect(promoteIn(checkout)).rejects.toMatchObject({ code: 'mass_deletion', exitCode: 5 })
  expect(await production.entity('lamp0001')).toBeDefined()
  expect(await promoteIn(checkout, { allowMassDelete: true })).toMatchObject({
    kind: 'promoted',
    landed: 3,
    left: [],
  })
  expect(await production.blueprint('Lamp')).toBeUndefined()
  expect(await checkout.session(fetchLocked, 'production')).toMatchObject({ worldId: 'arena' })
})

async function contestDeletion(staging: World, production: World, checkout: Checkout): Promise<PromoteReport> {
  await staging.act('ada', { type: 'entity_remove', id: 'lamp0001' })
  await production.edit('eve', 'lamp0001', { scale: [9, 9, 9] })
  return promoteIn(checkout)
}

async function lockOf(world: World): Promise<string> {
  const lock = await world.remote.acquireLock('test', 30, 'Lamp')
  if (lock.kind !== 'acquired') throw new Error('locked')
  return lock.token
}
