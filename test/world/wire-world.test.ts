import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/world/json.ts'
import { isKnownKind, OPERATION_KINDS, type Operation } from '../../src/world/operation.ts'
import { isBookkeeping, objectKey, parseObjectKey, SETTINGS, SPAWN } from '../../src/world/state.ts'
import {
  applyOperations,
  effectOf,
  isInHand,
  keepsSetting,
  SETTINGS_KEYS,
  type WireWorld,
} from '../../src/world/wire-world.ts'

function op(kind: string, more: Partial<Operation> = {}): Operation {
  return {
    cursor: 1,
    opId: 'op-1',
    ts: '2026-01-01T00:00:00.000Z',
    actor: 'builder',
    source: 'admin',
    kind,
    objectUid: 'uid',
    ...more,
  }
}

const lamp: JsonObject = { id: 'lamp', type: 'app', blueprint: 'Lamp' }

describe('effectOf', () => {
  test('the snapshot decides, never the patch (G4)', () => {
    const operation = op('entity.update', { patch: { id: 'other', pinned: true }, snapshot: lamp })
    expect(effectOf(operation)).toEqual({ kind: 'put', of: 'entity', id: 'lamp', object: lamp })
  })

  test.each<[string, Operation]>([
    ['an update without a snapshot', op('entity.update', { patch: { id: 'lamp' } })],
    ['an id that is no text', op('entity.add', { snapshot: { ...lamp, id: 7 } })],
    ['an empty id', op('blueprint.add', { snapshot: { id: '' } })],
    ['no id', op('blueprint.add', { snapshot: {} })],
    ['a player', op('entity.add', { snapshot: { ...lamp, type: 'player' } })],
    ['a removal that names nothing', op('entity.remove')],
    ['a removal that names no text', op('blueprint.remove', { patch: { id: {} } })],
    ['a setting without a key', op('settings.update', { patch: { value: 1 } })],
    ['a setting with an empty key', op('settings.update', { patch: { key: '' } })],
    ['a spawn without a snapshot', op('spawn.update', { patch: { op: 'clear' } })],
    ['a kind that nobody knows', op('weather.update', { snapshot: lamp })],
    ['a kind that objects inherit', op('__proto__', { snapshot: lamp })],
    ['an id that is only inherited', op('entity.remove', { patch: Object.create({ id: 'lamp' }) as JsonObject })],
  ])('none: %s', (_, operation) => expect(effectOf(operation).kind).toBe('none'))

  test('removals name the object by patch or snapshot', () => {
    expect(effectOf(op('entity.remove', { patch: { id: 'lamp' }, snapshot: lamp }))).toMatchObject({
      kind: 'remove',
      id: 'lamp',
      object: lamp,
    })
    expect(effectOf(op('blueprint.remove', { snapshot: { id: 'Lamp' } }))).toMatchObject({
      of: 'blueprint',
      id: 'Lamp',
    })
  })

  test('a setting without a value is gone, one with null is null (M4)', () => {
    expect(effectOf(op('settings.update', { patch: { key: 'title' } }))).toEqual({
      kind: 'setting',
      key: 'title',
      value: undefined,
    })
    expect(effectOf(op('settings.update', { patch: { key: 'title', value: null } }))).toMatchObject({ value: null })
  })

  test('every kind that is known has an effect', () => {
    for (const kind of OPERATION_KINDS) {
      const operation = op(kind, { patch: { id: 'lamp', key: 'title' }, snapshot: lamp })
      expect(effectOf(operation).kind).not.toBe('none')
      expect(isKnownKind(kind)).toBe(true)
    }
    expect(isKnownKind('toString')).toBe(false)
  })
})

describe('G3 applyOperations', () => {
  const world: WireWorld = {
    settings: { title: 'Plaza', extra: 1 },
    spawn: { position: [0, 0, 0] },
    blueprints: new Map([['Lamp', { id: 'Lamp' }]]),
    entities: new Map([['lamp', lamp]]),
  }

  test('in order, and the world it began with stays as it was', () => {
    const after = applyOperations(world, [
      op('entity.add', { snapshot: { ...lamp, id: 'two' } }),
      op('entity.update', { snapshot: { ...lamp, pinned: true } }),
      op('entity.remove', { patch: { id: 'two' } }),
      op('blueprint.add', { snapshot: { id: 'Tree' } }),
      op('blueprint.remove', { patch: { id: 'Lamp' } }),
      op('settings.update', { patch: { key: 'title' } }),
      op('settings.update', { patch: { key: 'desc', value: 'd' } }),
      op('settings.update', { patch: { key: 'extra', value: 2 } }),
      op('settings.update', { patch: { key: 'unheard', value: 1 } }),
      op('settings.update', { patch: { key: '__proto__', value: { polluted: 1 } } }),
      op('spawn.update', { snapshot: { position: [1, 1, 1] } }),
      op('weather.update'),
    ])
    expect(after.settings).toEqual({ extra: 2, desc: 'd' })
    expect(after.spawn).toEqual({ position: [1, 1, 1] })
    expect([...after.blueprints.keys()]).toEqual(['Tree'])
    expect([...after.entities]).toEqual([['lamp', { ...lamp, pinned: true }]])
    expect(world.settings).toEqual({ title: 'Plaza', extra: 1 })
    expect([...world.blueprints.keys()]).toEqual(['Lamp'])
    expect(world.entities.size).toBe(1)
  })

  test('removing what is not there, and nothing at all', () => {
    expect(applyOperations(world, [op('entity.remove', { patch: { id: 'nobody' } })])).toEqual(world)
    expect(applyOperations(world, [])).toEqual(world)
  })
})

test('settings keys that a world never serializes are not kept', () => {
  for (const key of SETTINGS_KEYS) expect(keepsSetting({}, key)).toBe(true)
  expect(keepsSetting({}, 'unheard')).toBe(false)
  expect(keepsSetting({ unheard: null }, 'unheard')).toBe(true)
  expect(keepsSetting({}, 'toString')).toBe(false)
  expect(keepsSetting({}, '__proto__')).toBe(false)
})

describe('G4 objects in somebody’s hand', () => {
  const held = { ...lamp, mover: 'player-1' }
  const place = { id: 'lamp', position: [1, 0, 0], quaternion: [0, 0, 0, 1], mover: 'player-1', lastOpId: 'x' }
  test.each<[string, Operation, boolean]>([
    ['moved while held', op('entity.update', { patch: place, snapshot: held }), true],
    ['taken', op('entity.update', { patch: { id: 'lamp', mover: 'player-1' }, snapshot: held }), true],
    ['let go', op('entity.update', { patch: { id: 'lamp', mover: null }, snapshot: { ...lamp, mover: null } }), false],
    ['moved by a program', op('entity.update', { patch: place, snapshot: lamp }), false],
    ['an empty mover is none', op('entity.update', { patch: place, snapshot: { ...lamp, mover: '' } }), false],
    ['a change besides', op('entity.update', { patch: { ...place, pinned: true }, snapshot: held }), false],
    ['props while held', op('entity.update', { patch: { ...place, props: {} }, snapshot: held }), false],
    ['added while held', op('entity.add', { patch: place, snapshot: held }), false],
    ['without a patch', op('entity.update', { snapshot: held }), false],
    ['without a snapshot', op('entity.update', { patch: place }), false],
    ['a key that objects inherit', op('entity.update', { patch: { ...place, toString: 1 }, snapshot: held }), false],
  ])('%s', (_, operation, inHand) => expect(isInHand(operation)).toBe(inHand))
})

describe('keys of objects', () => {
  test.each([
    ['entity', 'lamp', 'entity:lamp'],
    ['entity', 'a:b', 'entity:a:b'],
    ['blueprint', '', 'blueprint:'],
    ['shared', 'lib/a.ts', 'shared:lib/a.ts'],
    ['entity', '__proto__', 'entity:__proto__'],
  ] as const)('%s %s', (kind, id, key) => {
    expect(objectKey(kind, id)).toBe(key)
    expect(parseObjectKey(objectKey(kind, id))).toEqual({ kind, id })
  })

  test('the settings and the spawn have one each', () => {
    expect(objectKey('settings', 'whatever')).toBe(SETTINGS)
    expect(objectKey('spawn', 'spawn')).toBe(SPAWN)
    expect(parseObjectKey(SETTINGS)).toEqual({ kind: 'settings', id: 'settings' })
    expect(parseObjectKey(SPAWN)).toEqual({ kind: 'spawn', id: 'spawn' })
  })

  test('bookkeeping is the runtime’s own', () => {
    expect(['version', 'mover', 'uploader', 'lastOpId', 'updatedAt'].every(isBookkeeping)).toBe(true)
    expect(['uid', 'scope', 'state', 'toString', ''].some(isBookkeeping)).toBe(false)
  })
})
