import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeOperation } from '../../src/projection/words.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { Operation } from '../../src/world/operation.ts'
import { json } from './worlds.ts'

function op(kind: string, patch?: JsonObject, snapshot?: JsonObject, objectUid = 'uid'): Operation {
  const rest = { ...(patch && { patch }), ...(snapshot && { snapshot }) }
  return { cursor: 1, opId: 'o', ts: '2026-01-01T00:00:00.000Z', actor: 'a', source: 's', kind, objectUid, ...rest }
}

const lamp = { id: 'ent0003', blueprint: 'Lamp' }
const meta = { id: 'ent0003', uid: 'u', scope: 's', managedBy: 'shared', updatedAt: 'x', updatedBy: 'y', lastOpId: 'z' }

describe('describeOperation', () => {
  test.each([
    [op('entity.add', undefined, lamp), 'add Lamp ent0003'],
    [op('entity.remove', { id: 'ent0003' }, lamp), 'remove Lamp ent0003'],
    [op('entity.remove', { id: 'ent0003' }), 'remove entity ent0003'],
    [op('entity.update', { ...meta, position: [1, 2, 3] }, lamp), 'move Lamp ent0003'],
    [op('entity.update', { ...meta, position: [], quaternion: [], scale: [], mover: 'p' }, lamp), 'move Lamp ent0003'],
    [op('entity.update', { ...meta, quaternion: [0, 0, 0, 1] }, lamp), 'turn Lamp ent0003'],
    [op('entity.update', { ...meta, scale: [1, 1, 1] }, lamp), 'scale Lamp ent0003'],
    [op('entity.update', { ...meta, pinned: true }, lamp), 'pin Lamp ent0003'],
    [op('entity.update', { ...meta, mover: 'p' }, lamp), 'hold Lamp ent0003'],
    [op('entity.update', { ...meta, mover: null }, lamp), 'let go of Lamp ent0003'],
    [op('entity.update', { ...meta, props: { color: 'red' } }, lamp), 'change props.color of ent0003'],
    [op('entity.update', { ...meta, props: { a: 1, b: 2 } }, lamp), 'change props of ent0003'],
    [op('entity.update', { ...meta, 'props.color': 'red' }, lamp), 'change props.color of ent0003'],
    [op('entity.update', meta, lamp), 'change details of ent0003'],
    [op('blueprint.add', undefined, { id: 'l', name: 'Lamp' }), 'add blueprint Lamp'],
    [op('blueprint.add', undefined, { id: 'l', name: null }), 'add blueprint l'],
    [op('blueprint.remove', { id: 'l' }), 'remove blueprint l'],
    [
      op(
        'blueprint.update',
        { id: 'l', script: 's', scriptFiles: {}, scriptFormat: 'module' },
        { id: 'l', name: 'Lamp' },
      ),
      'change scripts of blueprint Lamp',
    ],
    [
      op('blueprint.update', { id: 'l', name: 'n', desc: 'd' }, { id: 'l', name: 'n' }),
      'change name and desc of blueprint n',
    ],
    [op('blueprint.update', { a: 1, b: 2, c: 3, d: 4 }, { id: 'l' }), 'change 4 fields of blueprint l'],
    [op('settings.update', { key: 'title', value: 'x' }), 'set setting title'],
    [op('settings.update', { key: 'title' }), 'clear setting title'],
    [op('settings.update', undefined, undefined, 'world:settings:voice'), 'clear setting voice'],
    [op('spawn.update', { op: 'clear' }), 'clear the spawn point'],
    [op('spawn.update'), 'move the spawn point'],
    [op('weather.change', undefined, undefined, 'sky'), 'weather.change sky'],
  ])('%#: $1', (operation, words) => {
    expect(describeOperation(operation)).toBe(words)
  })

  test('whatever the feed says, it is one short line of plain characters (G4, S1)', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 })
    const fields = fc.dictionary(
      fc.oneof(text, fc.constantFrom('id', 'name', 'blueprint', 'key', 'props')),
      fc.oneof(json, text),
    )
    const kinds = fc.oneof(
      text,
      fc.constantFrom('entity.add', 'entity.update', 'blueprint.update', 'settings.update', 'spawn.update'),
    )
    fc.assert(
      fc.property(kinds, fields, fields, text, (kind, patch, snapshot, uid) => {
        const words = describeOperation(op(kind, patch as JsonObject, snapshot as JsonObject, uid))
        expect(words).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect([...words].length).toBeLessThanOrEqual(120)
      }),
      { numRuns: 1000 },
    )
  })
})
