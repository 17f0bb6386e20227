import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, test } from 'vitest'
import { readChanges } from '../../src/remote-runtime/changes.ts'
import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { parseEdits, parseValue } from '../../src/sync/field-edits.ts'
import { objectKeysNamed } from '../../src/sync/object-name.ts'
import { type EditOptions, editWorld } from '../../src/sync/world-edit.ts'
import { type AddOptions, addToWorld, removeFromWorld } from '../../src/sync/world-entities.ts'
import { listWorld } from '../../src/sync/world-list.ts'
import { openWorld, type World, type WorldChoice } from '../../src/sync/world-target.ts'
import { SyncError } from '../../src/world/errors.ts'
import type { Operation } from '../../src/world/operation.ts'
import { addLamps, Checkout, CODE, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const yes = async () => true

async function reach(choice: WorldChoice, cwd = temporaryFolder(), env: Record<string, string> = {}): Promise<World> {
  const world = await openWorld(new Checkout(cwd).context(env), choice)
  onTestFinished(() => world.close())
  return world
}

const edit = (world: World, name: string, options: Partial<EditOptions>) =>
  editWorld(world, name, { set: [], unset: [], as: 'builder', confirm: yes, ...options })
const add = (world: World, blueprint: string, options: Partial<AddOptions> = {}) =>
  addToWorld(world, blueprint, { id: undefined, set: [], as: 'builder', confirm: yes, ...options })
const remove = (world: World, name: string, as = 'builder') => removeFromWorld(world, name, { as, confirm: yes })

async function failure(work: Promise<unknown>): Promise<SyncError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof SyncError)) throw new Error('it did not fail as expected', { cause: error })
  return error
}

async function feed(runtime: RemoteRuntime): Promise<readonly Operation[]> {
  const operations: Operation[] = []
  for await (const answer of readChanges(runtime, 0, { limit: 1000 })) {
    if (answer.kind === 'page') operations.push(...answer.operations)
  }
  return operations
}

describe.each([
  ['the reference runtime', {}],
  ['a runtime like the public one', { publicLike: true }],
])('editing %s', (_, options) => {
  async function setUp() {
    const live = await startWorld(options)
    await addLamps(live)
    return { live, world: await reach({ url: live.runtime.url }) }
  }

  it('composes an entity from what the world holds, and records who it was', async () => {
    const { live, world } = await setUp()
    await live.edit('ada', 'lamp0001', { props: { color: 'white', size: 2, deep: { a: 1, b: [1, 2] } } })
    const report = await edit(world, 'lamp0001', {
      set: ['position=1,2,3', 'props.color=red', 'props.deep.b.1=9', 'props.deep.c={"x":null}'],
      unset: ['props.size', 'props.none'],
      as: 'alice',
    })
    expect(report).toMatchObject({ kind: 'changed', worldId: 'plaza', object: 'entity:lamp0001', actor: 'alice' })
    expect(report.changes).toEqual([
      { path: ['props', 'size'], before: 2, after: undefined },
      { path: ['position'], before: [0, 0, 0], after: [1, 2, 3] },
      { path: ['props', 'color'], before: 'white', after: 'red' },
      { path: ['props', 'deep', 'b', '1'], before: 2, after: 9 },
      { path: ['props', 'deep', 'c'], before: undefined, after: { x: null } },
    ])
    expect(await live.entity('lamp0001')).toMatchObject({ position: [1, 2, 3], pinned: false })
    expect((await live.entity('lamp0001'))?.props).toEqual({ color: 'red', deep: { a: 1, b: [1, 9], c: { x: null } } })
    const last = (await feed(live.remote)).at(-1)
    expect(last).toMatchObject({ kind: 'entity.update', actor: 'alice', source: 'admin', opId: report.opIds[0] })
  })

  it('sends nothing when the object holds the values already', async () => {
    const { live, world } = await setUp()
    const head = await live.head()
    const report = await edit(world, 'entity:lamp0001', { set: ['pinned=false'], unset: ['props.none'] })
    expect(report).toMatchObject({ kind: 'unchanged', changes: [], opIds: [] })
    expect(await live.head()).toBe(head)
  })

  it('raises the version of a blueprint, and removes its fields', async () => {
    const { live, world } = await setUp()
    await edit(world, 'Lamp', { set: ['name="Red Lamp"', 'props.color=red', 'desc=x'] })
    expect(await live.blueprint('Lamp')).toMatchObject({ name: 'Red Lamp', version: 1, desc: 'x' })
    const report = await edit(world, 'blueprint:Lamp', { unset: ['desc', 'props.power'], as: 'carol' })
    const lamp = await live.blueprint('Lamp')
    expect(lamp).toMatchObject({ version: 2, updatedBy: 'carol', scope: 'Lamp', props: { color: 'red' } })
    expect(Object.keys(lamp ?? {})).not.toContain('desc')
    expect(report.changes).toHaveLength(2)
  })

  it('composes a blueprint anew when somebody else was faster', async () => {
    const { live, world } = await setUp()
    const meanwhile = (version: number) =>
      live.act('bob', {
        type: 'blueprint_modify',
        change: { id: 'Lamp', version, props: { color: 'white', power: version * 10 } },
      })
    const overtaken: World = {
      ...world,
      runtime: {
        ...world.runtime,
        snapshot: async () => {
          const snapshot = await world.runtime.snapshot()
          await meanwhile(1)
          return snapshot
        },
      },
    }
    const report = await edit(overtaken, 'Lamp', { set: ['props.color=red'] })
    expect(report.opIds).toHaveLength(1)
    expect(await live.blueprint('Lamp')).toMatchObject({ version: 2, props: { color: 'red', power: 10 } })

    let version = 2
    const always: World = {
      ...world,
      runtime: {
        ...world.runtime,
        snapshot: async () => {
          const snapshot = await world.runtime.snapshot()
          await meanwhile(++version)
          return snapshot
        },
        blueprint: async (id) => {
          const blueprint = await world.runtime.blueprint(id)
          await meanwhile(++version)
          return blueprint
        },
      },
    }
    const error = await failure(edit(always, 'Lamp', { set: ['props.color=blue'] }))
    expect(error).toMatchObject({ code: 'refused', exitCode: 1, data: { error: 'version_mismatch' } })
    expect(error.hint).toContain('again')
  })

  it('changes settings key by key', async () => {
    const { live, world } = await setUp()
    const report = await edit(world, 'settings', {
      set: ['title=Plaza', 'image.url=asset://a.png', 'rank=2'],
      as: 'eve',
    })
    expect(report.opIds).toHaveLength(3)
    expect((await live.remote.snapshot()).settings).toMatchObject({
      title: 'Plaza',
      image: { url: 'asset://a.png' },
      rank: 2,
    })
    await edit(world, 'settings', { unset: ['title'] })
    expect((await live.remote.snapshot()).settings.title ?? null).toBe(null)
    const operations = (await feed(live.remote)).slice(-4)
    expect(operations.map(({ actor, objectUid }) => [actor, objectUid])).toEqual([
      ['eve', 'world:settings:title'],
      ['eve', 'world:settings:image'],
      ['eve', 'world:settings:rank'],
      ['builder', 'world:settings:title'],
    ])
  })

  it('moves the spawn, and says whom the feed names for it', async () => {
    const { live, world } = await setUp()
    const report = await edit(world, 'spawn', { set: ['position.1=5'], as: 'carol' })
    expect((await live.remote.snapshot()).spawn).toEqual({ position: [0, 5, 0], quaternion: [0, 0, 0, 1] })
    const last = (await feed(live.remote)).at(-1)
    expect(last).toMatchObject({ kind: 'spawn.update', actor: report.actor })
    expect(report.actor).toBe('publicLike' in options ? 'admin' : 'carol')
  })

  it('adds and removes entities', async () => {
    const { live, world } = await setUp()
    const added = await add(world, 'Lamp', { set: ['position=4,0,-2', 'props.color=red'], as: 'dora' })
    expect(added.id).toMatch(/^lamp-[a-z0-9]{6}$/)
    expect(await live.entity(added.id)).toMatchObject({
      type: 'app',
      blueprint: 'Lamp',
      scope: 'Lamp',
      position: [4, 0, -2],
      quaternion: [0, 0, 0, 1],
      scale: [1, 1, 1],
      pinned: false,
      props: { color: 'red' },
      state: {},
      updatedBy: 'dora',
    })
    await add(world, 'blueprint:Model', { id: 'lamp-hall' })
    expect(await live.entity('lamp-hall')).toMatchObject({ blueprint: 'Model', scope: 'global' })
    expect(await remove(world, 'lamp-hall', 'dora')).toMatchObject({ object: 'entity:lamp-hall', actor: 'dora' })
    expect(await live.entity('lamp-hall')).toBeUndefined()
    expect((await feed(live.remote)).at(-1)).toMatchObject({ kind: 'entity.remove', actor: 'dora' })
  })

  it('removes a blueprint when nothing uses it', async () => {
    const { live, world } = await setUp()
    const used = await failure(remove(world, 'Lamp'))
    expect(used).toMatchObject({ code: 'refused', data: { error: 'in_use' } })
    expect(used.hint).toContain('entities')
    await remove(world, 'lamp0001')
    await remove(world, 'lamp0002')
    await remove(world, 'Lamp')
    expect(await live.blueprint('Lamp')).toBeUndefined()
    for (const name of ['settings', 'spawn'])
      expect(await failure(remove(world, name))).toMatchObject({ code: 'not_removable' })
  })

  it('refuses what a runtime would acknowledge and lose, and sends nothing', async () => {
    const { live, world } = await setUp()
    const head = await live.head()
    const refused: readonly (readonly [string, Partial<EditOptions>, string])[] = [
      ['nope', { set: ['a=1'] }, 'unknown_object'],
      ['entity:Lamp', { set: ['a=1'] }, 'unknown_object'],
      ['lamp0001', {}, 'invalid_edit'],
      ['lamp0001', { set: ['pinned'] }, 'invalid_edit'],
      ['lamp0001', { set: ['name=x'] }, 'invalid_edit'],
      ['lamp0001', { unset: ['position'] }, 'invalid_edit'],
      ['lamp0001', { set: ['position.7=1'] }, 'invalid_edit'],
      ['lamp0001', { set: ['position.0.x=1'] }, 'invalid_edit'],
      ['lamp0001', { set: ['position=1,2'] }, 'invalid_value'],
      ['lamp0001', { set: ['props=[1]'] }, 'invalid_value'],
      ['lamp0001', { set: ['blueprint=Nothing'] }, 'unknown_blueprint'],
      ['Lamp', { set: ['version=9'] }, 'invalid_edit'],
      ['settings', { set: ['colour=red'] }, 'invalid_edit'],
      ['spawn', { set: ['scale=1,1,1'] }, 'invalid_edit'],
      ['spawn', { unset: ['position'] }, 'invalid_edit'],
      ['lamp0001', { set: ['pinned=true'], as: '' }, 'invalid_actor'],
    ]
    for (const [name, change, code] of refused) {
      const error = await failure(edit(world, name, change))
      expect([name, change, error.code]).toEqual([name, change, code])
    }
    const scripts = await failure(edit(world, 'Lamp', { set: ['scriptEntry=other.js'] }))
    expect(scripts).toMatchObject({ code: 'refused', data: { error: 'deploy_lock_required' } })
    expect(scripts.hint).toContain('sync push')
    expect(await failure(add(world, 'Nothing'))).toMatchObject({ code: 'unknown_blueprint' })
    expect(await failure(add(world, 'Lamp', { id: 'lamp0001' }))).toMatchObject({ code: 'id_taken' })
    expect(await failure(add(world, 'Lamp', { set: ['scale=1'] }))).toMatchObject({ code: 'invalid_value' })
    expect(await failure(add(world, 'Lamp', { set: ['id=x'] }))).toMatchObject({ code: 'invalid_edit' })
    expect(await live.head()).toBe(head)
  })

  it('tells an entity from a blueprint of the same id', async () => {
    const { live, world } = await setUp()
    await add(world, 'Lamp', { id: 'Lamp' })
    const error = await failure(edit(world, 'Lamp', { set: ['props.color=red'] }))
    expect(error).toMatchObject({ code: 'ambiguous_name', hint: 'Write entity:Lamp or blueprint:Lamp.' })
    await edit(world, 'entity:Lamp', { set: ['props.color=red'] })
    expect(await live.entity('Lamp')).toMatchObject({ props: { color: 'red' } })
    expect(await live.blueprint('Lamp')).toMatchObject({ props: { color: 'white' } })
  })

  it('empties props, which are a record always', async () => {
    const { live, world } = await setUp()
    await edit(world, 'Lamp', { unset: ['props'] })
    expect(await live.blueprint('Lamp')).toMatchObject({ props: {} })
    await edit(world, 'Lamp', { unset: ['props'], set: ['props.a\\.b=1'] })
    expect((await live.blueprint('Lamp'))?.props).toEqual({ 'a.b': 1 })
  })

  it('lists entities and blueprints in order', async () => {
    const { world } = await setUp()
    await edit(world, 'lamp0002', { set: ['position=1,2,3'] })
    const list = await listWorld(world)
    expect(list.worldId).toBe('plaza')
    expect(list.entities.filter(({ blueprint }) => blueprint === 'Lamp')).toEqual([
      { id: 'lamp0001', blueprint: 'Lamp', position: [0, 0, 0] },
      { id: 'lamp0002', blueprint: 'Lamp', position: [1, 2, 3] },
    ])
    expect(list.blueprints.map(({ id, entities }) => [id, entities])).toEqual([
      ['$scene', 1],
      ['Lamp', 2],
    ])
  })
})

describe('the world that is meant', () => {
  it('is that of a URL, with the code of the environment unless that names another world (S2)', async () => {
    const live = await startWorld()
    expect((await listWorld(await reach({ url: `${live.runtime.url}/`, worldId: 'plaza' }))).worldId).toBe('plaza')
    const other = await reach({ url: live.runtime.url, worldId: 'other' })
    expect(await failure(edit(other, 'spawn', { set: ['position=1,1,1'] }))).toMatchObject({
      code: 'wrong_world',
      exitCode: 5,
    })
    const env = { WORLD_URL: 'http://localhost:1', WORLD_ID: 'x' }
    const foreign = await reach({ url: live.runtime.url }, undefined, env)
    expect(await failure(listWorld(foreign))).toMatchObject({ code: 'unauthorized', exitCode: 4 })
  })

  it('is that of the environment or of .env, without a repository', async () => {
    const live = await startWorld()
    const env = { WORLD_URL: live.runtime.url, WORLD_ID: 'plaza' }
    expect((await listWorld(await reach({}, undefined, env))).worldId).toBe('plaza')
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.env'), `WORLD_URL=${live.runtime.url}\nWORLD_ID=plaza\nADMIN_CODE=${CODE}\n`)
    expect((await listWorld(await reach({}, folder))).worldId).toBe('plaza')
    expect(await failure(reach({}))).toMatchObject({ code: 'no_target' })
    expect(await failure(reach({ target: 'nowhere' }))).toMatchObject({ code: 'unknown_target' })
  })

  it('is that of the project, from any folder of it', async () => {
    const live = await startWorld()
    await addLamps(live)
    const project = await cloneWorld(live)
    mkdirSync(join(project.folder, 'docs'))
    await edit(await reach({}, join(project.folder, 'docs')), 'lamp0001', { set: ['pinned=true'] })
    expect(await live.entity('lamp0001')).toMatchObject({ pinned: true })
    expect(await failure(reach({ target: 'nowhere' }, project.folder))).toMatchObject({ code: 'unknown_target' })
  })

  it('P7: asks where the target wants that', async () => {
    const live = await startWorld()
    await addLamps(live)
    const project = await cloneWorld(live)
    project.change('lobby.json', (lobby) => {
      Object.assign((lobby.targets as Record<string, object>).main!, { confirm: true })
    })
    const world = await reach({}, project.folder)
    const questions: string[] = []
    const confirm = async (question: string) => questions.push(question) > 1
    expect(await failure(edit(world, 'lamp0001', { set: ['pinned=true'], confirm }))).toMatchObject({
      code: 'not_confirmed',
      exitCode: 5,
    })
    expect(await live.entity('lamp0001')).toMatchObject({ pinned: false })
    await edit(world, 'lamp0001', { set: ['pinned=true'], confirm })
    expect(await live.entity('lamp0001')).toMatchObject({ pinned: true })
    expect(questions).toEqual(Array(2).fill(`Change lamp0001 in the world at ${live.runtime.url}?`))
  })
})

test.each([
  ['true', true],
  ['"12"', '12'],
  ['12', 12],
  ['-0', 0],
  ['1,2,3', [1, 2, 3]],
  [' -1.5, 2e3 ,.5', [-1.5, 2000, 0.5]],
  ['1,2,', '1,2,'],
  ['1.2.3,4', '1.2.3,4'],
  ['red', 'red'],
  ['', ''],
  ['{"a":[1,{"b":null}]}', { a: [1, { b: null }] }],
  ['{broken', '{broken'],
])('the value %j is %j', (text, value) => {
  expect(parseValue(text)).toEqual(value)
})

test('edits that say nothing are refused', () => {
  for (const set of ['x', '=1', 'a..b=1', '.a=1', 'n=1e999', 'n=[1e999]', 'n=1,1e999'])
    expect(() => parseEdits({ set: [set], unset: [] })).toThrow(SyncError)
  expect(() => parseEdits({ set: [], unset: ['a.'] })).toThrow(SyncError)
  expect(parseEdits({ set: ['a=b=c'], unset: ['d'] })).toEqual([
    { path: ['d'], value: undefined },
    { path: ['a'], value: 'b=c' },
  ])
})

test('names of objects', () => {
  expect(objectKeysNamed('settings')).toEqual(['settings'])
  expect(objectKeysNamed('entity:settings')).toEqual(['entity:settings'])
  expect(objectKeysNamed('a:b')).toEqual(['entity:a:b', 'blueprint:a:b'])
  for (const name of ['', 'entity:', 'blueprint:']) expect(() => objectKeysNamed(name)).toThrow(SyncError)
})
