import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/world/json.ts'
import { objectKey, SETTINGS } from '../../../src/world/state.ts'
import { seeded } from '../host.ts'
import type { Announced, Silent } from './changes.ts'
import { WorldModel } from './model.ts'
import { PUBLIC, REFERENCE, type ServerKind } from './server-kind.ts'

const E = objectKey('entity', 'e')
let now = 1_800_000_000_000

function started(kind: ServerKind) {
  const world = new WorldModel({ worldId: 'plaza', kind, now: () => now, random: seeded(1) })
  const said: Announced[] = []
  const unsaid: Silent[] = []
  world.onOperation((announced) => said.push(announced))
  world.onSilent((silent) => unsaid.push(silent))
  const entity = { id: 'e', blueprint: '$scene', position: [0, 0, 0], props: {} }
  world.edit({ kind: 'add', of: 'entity', object: entity }, 'eve')
  world.save()
  return { world, said, unsaid }
}

function change(world: WorldModel, fields: JsonObject, by = 'eve'): void {
  now++
  world.edit({ kind: 'modify', of: 'entity', id: 'e', change: fields }, by)
}

const place = (object: JsonObject | undefined): Json | undefined => object?.position

test('operations are told with what they made of their object, and every state can be had again', () => {
  const { world, said } = started(REFERENCE)
  change(world, { position: [1, 0, 0] })
  world.edit({ kind: 'setting', key: 'title', value: 'Home' }, 'sam')
  world.edit({ kind: 'setting', key: 'unknown', value: 1 }, 'sam')
  world.edit({ kind: 'spawn', position: [0, 1, 0], quaternion: [0, 0, 0, 1] }, 'sam')
  world.edit({ kind: 'remove', of: 'entity', id: 'e' }, 'sam')
  expect(said.map(({ key, before, after }) => [key, before === undefined, after === undefined])).toEqual([
    [E, true, false],
    [E, false, false],
    [SETTINGS, false, false],
    [SETTINGS, false, false],
    ['spawn', false, false],
    [E, false, true],
  ])
  expect(said[2]?.after).toMatchObject({ title: 'Home' })
  expect(said[3]?.after).toBe(said[3]?.before)
  expect(said[1]).toMatchObject({ operation: { cursor: 2, actor: 'eve' }, via: { what: 'editor', process: undefined } })
  expect([0, 1, 2, 6].map((cursor) => place(world.stateAt(cursor).entities.get('e')))).toEqual([
    undefined,
    [0, 0, 0],
    [1, 0, 0],
    undefined,
  ])
  expect(world.stateAt(2).settings.title).toBeNull()
  expect(world.stateAt(world.head)).toEqual(world.state())
})

test('editors: blueprints with scripts under a lock, and only where nobody holds it', () => {
  const { world, said } = started(PUBLIC)
  const scripts = { script: 'asset://a.js', scriptEntry: 'a.js', scriptFiles: { 'a.js': 'asset://a.js' } }
  const add = () =>
    world.edit({ kind: 'add', of: 'blueprint', object: { id: 'lamp', scope: 'lamp', ...scripts } }, 'eve')
  expect(add().outcome.kind).toBe('done')
  const write = {
    kind: 'modify',
    of: 'blueprint',
    id: 'lamp',
    change: { script: 'asset://b.js' },
    remove: ['desc'],
  } as const
  expect(world.edit(write, 'eve').outcome.kind).toBe('done')
  world.locks.put({ scope: 'lamp', token: 't', owner: 'me', acquiredAt: now, expiresAt: now + 1000 })
  expect(world.edit(write, 'eve').outcome).toMatchObject({ kind: 'refused', error: 'deploy_locked' })
  world.edit({ kind: 'remove', of: 'blueprint', id: 'lamp' }, 'eve')
  expect(said.slice(1).map(({ operation }) => [operation.kind, operation.actor, operation.source])).toEqual([
    ['blueprint.add', 'eve', 'admin'],
    ['blueprint.update', 'eve', 'admin'],
    ['blueprint.remove', 'admin', 'admin.http'],
  ])
})

test('a public server sets back what it did not save, and never saves what is in a hand', () => {
  const { world, unsaid } = started(PUBLIC)
  world.edit({ kind: 'hold', id: 'e', change: { position: [5, 0, 0] } }, 'eve')
  expect(world.object(E)?.mover).toBe('eve')
  world.save()
  expect(world.unsaved).toEqual([E])
  world.edit({ kind: 'setting', key: 'title', value: 'Home' }, 'sam')
  now++
  const losses = world.restart()
  expect([losses.operations, losses.objects.map(({ key }) => key), unsaid]).toEqual([[], [E], losses.objects])
  expect(losses.objects[0]).toMatchObject({
    cursor: 3,
    cause: 'restart',
    before: { mover: 'eve' },
    after: { mover: null },
  })
  expect([place(world.object(E)), world.object(SETTINGS)?.title]).toEqual([[0, 0, 0], 'Home'])
  expect(place(world.objectAt(E, 3))).toEqual([5, 0, 0])
  change(world, { pinned: true })
  expect(place(world.objectAt(E, 4))).toEqual([0, 0, 0])
  world.edit({ kind: 'hold', id: 'e', change: {} }, 'eve')
  world.edit({ kind: 'drop', id: 'e', change: { position: [6, 0, 0] } }, 'eve')
  world.save()
  expect(world.restart().objects).toEqual([])
})

test('a crash loses the feed of its very moment, and gives its cursors again', () => {
  const { world } = started(PUBLIC)
  now++
  for (const title of ['A', 'B', 'C']) world.edit({ kind: 'setting', key: 'title', value: title }, 'sam')
  const { operations } = world.restart({ written: 1 })
  expect(operations.map(({ cursor, patch }) => [cursor, patch?.value])).toEqual([
    [3, 'B'],
    [4, 'C'],
  ])
  expect([world.head, world.object(SETTINGS)?.title, world.stateAt(2).settings.title]).toEqual([2, 'C', 'A'])
  world.edit({ kind: 'setting', key: 'title', value: 'D' }, 'sam')
  expect(world.history.map(({ cursor }) => cursor)).toEqual([1, 2, 3, 4, 3])
  now++
  expect(world.restart({ sudden: true }).operations).toHaveLength(1)
  world.edit({ kind: 'setting', key: 'title', value: 'E' }, 'sam')
  world.barrier()
  expect(world.restart({ sudden: true }).operations).toEqual([])
  expect(started(REFERENCE).world.restart()).toEqual({ operations: [], objects: [] })
})

test('changes that nobody announces: an opId used again, states, scripts, a start that cleans', () => {
  const { world, unsaid } = started(PUBLIC)
  const by = { actor: 'me', source: 'git:1', opId: 'same' }
  const via = { what: 'entity_modify', process: undefined, late: false }
  for (const x of [1, 2]) world.apply({ kind: 'entity_modify', change: { id: 'e', position: [x, 0, 0] } }, by, via)
  expect(unsaid).toMatchObject([{ key: E, cause: 'write', cursor: 3, before: { position: [1, 0, 0] } }])
  expect([world.head, place(world.objectAt(E, 2))]).toEqual([3, [1, 0, 0]])
  world.runScript('e', { n: 7 })
  world.edit({ kind: 'modify', of: 'blueprint', id: '$scene', change: { desc: 'x' } }, 'eve')
  expect(unsaid.slice(1).map(({ cause, after }) => [cause, after?.state])).toEqual([
    ['script', { n: 7 }],
    ['write', {}],
  ])
  world.edit({ kind: 'add', of: 'blueprint', object: { id: 'unused' } }, 'eve')
  world.save()
  world.restart({ clean: true })
  expect(unsaid.at(-1)).toMatchObject({ key: 'blueprint:unused', cause: 'clean', after: undefined })
  expect(world.restart().objects).toEqual([])
})

test('a feed that forgets, and one that repeats itself', () => {
  const { world } = started(REFERENCE)
  for (let x = 1; x < 5; x++) change(world, { position: [x, 0, 0] })
  world.redeliver()
  expect(world.feed.operations().map(({ cursor }) => cursor)).toEqual([1, 2, 3, 4, 5, 6])
  expect(world.feed.operations().at(-1)?.opId).toBe(world.history.at(-1)?.opId)
  world.retain(2)
  expect([world.feed.oldest(), world.history.length, place(world.stateAt(3).entities.get('e'))]).toEqual([
    5,
    5,
    [2, 0, 0],
  ])
})

test('a backup that is put back', () => {
  const { world, unsaid } = started(REFERENCE)
  change(world, { position: [1, 0, 0] })
  const backup = world.backup()
  change(world, { position: [2, 0, 0] })
  world.edit({ kind: 'add', of: 'entity', object: { id: 'f', blueprint: '$scene' } }, 'eve')
  const changed = world.restoreBackup(backup)
  expect(changed).toEqual(unsaid)
  expect(changed.map(({ key, cause, after }) => [key, cause, place(after)])).toEqual([
    [E, 'restore', [1, 0, 0]],
    ['entity:f', 'restore', undefined],
  ])
  change(world, { position: [3, 0, 0] })
  expect([world.head, world.history.length, world.history.at(-1)?.cursor]).toEqual([3, 5, 3])
  expect([2, 3].map((cursor) => place(world.objectAt(E, cursor)))).toEqual([
    [1, 0, 0],
    [3, 0, 0],
  ])
})
