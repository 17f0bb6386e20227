import { join } from 'node:path'
import Database from 'libsql'
import { describe, expect, it } from 'vitest'
import Doctor from '../../src/commands/sync/doctor.ts'
import type { Snapshot } from '../../src/remote-runtime/remote-runtime.ts'
import { startRuntime } from '../../src/runtime/index.ts'
import { examine } from '../../src/sync/doctor.ts'
import { openWorld, type World as Target } from '../../src/sync/world-target.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { run } from '../commands/run.ts'
import { addLamps, Checkout, CODE, startWorld, temporaryFolder, type World } from './support.ts'

/** A world that is as old as some are: objects lack what today's runtime gives each. */
async function oldWorld(options: object): Promise<World> {
  const dataDir = temporaryFolder()
  const first = await startRuntime({ dataDir, port: 0, worldId: 'plaza', adminCode: CODE })
  await first.close()
  const db = new Database(join(dataDir, 'world.sqlite'))
  const put = (table: 'blueprint' | 'entity', body: JsonObject) =>
    db.prepare(`INSERT OR REPLACE INTO ${table} (id, body) VALUES (?, ?)`).run(String(body.id), JSON.stringify(body))
  const lamp = { version: 3, props: { color: 'white' }, keep: false, desc: 'old' }
  put('blueprint', { id: 'Lamp', name: 'Lamp', scriptRef: null, ...lamp })
  put('blueprint', { id: 'xZ9', name: 'Variant', scriptRef: 'Lamp', uid: 'u-xz9', managedBy: 'local', ...lamp })
  put('blueprint', { id: 'Bench', name: 'Bench', uid: 'u-bench', scope: 'wood', managedBy: 'shared', ...lamp })
  put('blueprint', { id: 'Stray', name: 'Stray', uid: null, scope: '', managedBy: 'shared', ...lamp })
  const place = {
    type: 'app',
    position: [1, 2, 3],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: true,
    props: {},
  }
  put('entity', { id: 'e1', blueprint: 'xZ9', ...place })
  put('entity', { id: 'e2', blueprint: 'Bench', uid: 'u-e2', managedBy: 'runtime', ...place })
  put('entity', { id: 'e3', blueprint: 'Model', uid: 'u-e3', scope: 'mine', ...place })
  db.close()
  return startWorld({ dataDir, ...options })
}

/** An app folder of another name, not connected with anything. */
function project(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '--initial-branch=main')
  checkout.write('apps/Lights/Lamp.json', { id: 'Lamp', name: 'Lamp' })
  checkout.write('apps/Hut/Hut.json', { name: 'Hut' })
  return checkout
}

async function reach(world: World, checkout: Checkout, env: Record<string, string> = {}): Promise<Target> {
  const target = await openWorld(checkout.context(env), { url: world.runtime.url })
  return target
}

const yes = async () => true
const without = (objects: Snapshot['entities'], ...keys: readonly string[]) =>
  objects.map((object) => Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))))
/** All that a doctor must leave alone. */
const rest = ({ blueprints, entities, settings, spawn }: Snapshot) => {
  const marks = ['uid', 'scope', 'managedBy', 'version', 'lastOpId', 'updatedAt', 'updatedBy', 'updateSource']
  return [without(blueprints, ...marks), without(entities, ...marks, 'state'), settings, spawn]
}

describe.each([
  ['the reference runtime', {}],
  ['a public-like runtime', { publicLike: true }],
])('sync doctor on %s', (_, options) => {
  it('lists what objects lack, writes it, and touches nothing else', async () => {
    const world = await oldWorld(options)
    const checkout = project()
    const target = await reach(world, checkout)
    const before = await world.remote.snapshot()
    const head = await world.head()
    const look = await examine(checkout.context(), target, { fix: false, confirm: yes })
    expect(look).toMatchObject({ worldId: 'plaza', objects: 9, fixed: undefined })
    const gets = { managedBy: 'shared' }
    expect(look.unmarked.map(({ key, lacks, gets }) => [key, lacks.join(' '), gets])).toEqual([
      ['blueprint:Lamp', 'uid scope managedBy', { ...gets, scope: 'Lights' }],
      ['blueprint:Stray', 'uid scope', { scope: 'global' }],
      ['blueprint:xZ9', 'scope', { scope: 'Lights' }],
      ['entity:e1', 'uid scope managedBy', { ...gets, scope: 'Lights' }],
      ['entity:e2', 'scope', { scope: 'wood' }],
      ['entity:e3', 'managedBy', gets],
    ])
    const unsaid = look.findings.filter(({ check }) => check === 'ids')
    expect(unsaid.map(({ kind, path, message }) => [kind, path, message])).toEqual([
      ['information', 'apps/Hut/Hut.json', 'has no id of its own: by its path it is blueprint "Hut"'],
    ])
    expect(await world.head()).toBe(head)

    // Switched off, nothing is written; looking goes on.
    const off = await reach(world, checkout, { BIDIRECTIONAL_SYNC: 'false' })
    await expect(examine(checkout.context(), off, { fix: true, confirm: yes })).rejects.toMatchObject({
      code: 'switched_off',
      exitCode: 5,
    })
    expect((await examine(checkout.context(), off, { fix: false, confirm: yes })).unmarked).toHaveLength(6)
    const asking = { ...target, confirm: true }
    await expect(examine(checkout.context(), asking, { fix: true, confirm: async () => false })).rejects.toMatchObject({
      code: 'not_confirmed',
      exitCode: 5,
    })
    expect(await world.head()).toBe(head)

    const questions: string[] = []
    const confirm = async (question: string) => questions.push(question) > 0
    const fixed = await examine(checkout.context(), asking, { fix: true, confirm })
    expect(questions).toEqual([`Write uid, scope and managedBy of 6 objects in the world at ${world.runtime.url}?`])
    expect(fixed).toMatchObject({ unmarked: [], refused: new Map() })
    expect(fixed.fixed?.map(({ key }) => key)).toEqual(look.unmarked.map(({ key }) => key))
    const after = await world.remote.snapshot()
    expect(rest(after)).toEqual(rest(before))
    const uuid = expect.stringMatching(/^[0-9a-f]{8}-/)
    expect(await world.blueprint('Lamp')).toMatchObject({ uid: uuid, scope: 'Lights', managedBy: 'shared', version: 4 })
    expect(await world.blueprint('xZ9')).toMatchObject({ uid: 'u-xz9', scope: 'Lights', managedBy: 'local' })
    expect(await world.blueprint('Stray')).toMatchObject({ uid: uuid, scope: 'global' })
    expect(await world.entity('e1')).toMatchObject({ uid: uuid, scope: 'Lights', managedBy: 'shared' })
    expect(await world.entity('e2')).toMatchObject({ uid: 'u-e2', scope: 'wood', managedBy: 'runtime' })
    expect(await world.entity('e3')).toMatchObject({ uid: 'u-e3', scope: 'mine', managedBy: 'shared' })
    expect((await world.remote.blueprint('Bench'))?.version).toBe(3)

    // A second run finds nothing, and needs no project.
    const now = await world.head()
    const anywhere = new Checkout(temporaryFolder())
    const again = await examine(anywhere.context(), target, { fix: true, confirm: yes })
    expect(again).toMatchObject({ unmarked: [], fixed: [] })
    expect(again.findings.map(({ check, kind }) => `${check} ${kind}`)).toEqual([
      'git ok',
      'world ok',
      'clock ok',
      'objects ok',
    ])
    expect(await world.head()).toBe(now)
    await target.close()
    await off.close()
  })

  it('does not put back what somebody set meanwhile', async () => {
    const world = await oldWorld(options)
    const checkout = new Checkout(temporaryFolder())
    const target = await reach(world, checkout)
    let reads = 0
    const overtaken: Target = {
      ...target,
      runtime: {
        ...target.runtime,
        snapshot: async () => {
          const snapshot = await target.runtime.snapshot()
          // The second reading is what the operations are composed from.
          if (++reads === 2) {
            const change = { id: 'Lamp', version: 40, scope: 'mine', desc: 'new' }
            await world.act('ada', { type: 'blueprint_modify', change })
          }
          return snapshot
        },
      },
    }
    const report = await examine(checkout.context(), overtaken, { fix: true, confirm: yes })
    expect(report.unmarked).toEqual([])
    expect(await world.blueprint('Lamp')).toMatchObject({ scope: 'mine', desc: 'new' })
    expect(await world.entity('e1')).toMatchObject({ uid: expect.any(String) })
    await target.close()
  })
})

it('a world of today lacks nothing', async () => {
  const world = await startWorld()
  await addLamps(world)
  const checkout = new Checkout(temporaryFolder())
  const target = await reach(world, checkout)
  expect(await examine(checkout.context(), target, { fix: false, confirm: yes })).toMatchObject({ unmarked: [] })
  await target.close()
})

it('the command says what it sees and what it did, and fails while anything is missing', async () => {
  const world = await oldWorld({})
  const checkout = project()
  const { folder } = checkout
  const env = { ADMIN_CODE: CODE, WORLD_URL: world.runtime.url, WORLD_ID: 'plaza' }
  const doctor = (...argv: readonly string[]) => run(Doctor, folder, argv, env)
  const head = await world.head()
  const seen = await doctor()
  expect(seen.code).toBe(1)
  const lines = seen.out.split('\n')
  expect(lines).toContain(
    'information  ids           apps/Hut/Hut.json: has no id of its own: by its path it is blueprint "Hut"',
  )
  expect(lines.slice(-12)).toEqual([
    'problem      objects       6 of 9 objects lack uid, scope or managedBy',
    '                           Run "gamedev sync doctor --fix" to write that to the world.',
    'What --fix writes:',
    '  OBJECT           WITHOUT                GETS',
    '  blueprint:Lamp   uid, scope, managedBy  a new uid, scope "Lights", managedBy "shared"',
    '  blueprint:Stray  uid, scope             a new uid, scope "global"',
    '  blueprint:xZ9    scope                  scope "Lights"',
    '  entity:e1        uid, scope, managedBy  a new uid, scope "Lights", managedBy "shared"',
    '  entity:e2        scope                  scope "wood"',
    '  entity:e3        managedBy              managedBy "shared"',
    '1 problem found.',
    '',
  ])
  const dry = await doctor('--fix', '--dry-run', '--json')
  expect(dry.code).toBe(1)
  expect(JSON.parse(dry.out)).toMatchObject({ ok: false, objects: 9, unmarked: { length: 6 } })
  checkout.write('.env', 'BIDIRECTIONAL_SYNC=off\n')
  const off = await doctor('--fix', '--json')
  checkout.remove('.env')
  expect([off.code, JSON.parse(off.out)]).toMatchObject([5, { error: { code: 'switched_off' } }])
  expect(await world.head()).toBe(head)
  const fixed = await doctor('--fix', '--yes')
  expect(fixed.code).toBe(0)
  expect(fixed.out).toMatch(/all of 9 objects have uid, scope and managedBy\n(.*\n)*Written to 6 objects:\n/)
  expect(JSON.parse((await doctor('--json')).out)).toMatchObject({ ok: true, unmarked: [] })
})
