import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readEntityFile, writeEntityFile } from '../../src/projection/entity.ts'
import { readManifest, writeManifest } from '../../src/projection/manifest.ts'
import { readSettingsFile, writeSettingsFile } from '../../src/projection/settings.ts'
import { readSpawnFile, writeSpawnFile } from '../../src/projection/spawn.ts'
import { objectKey, type WorldObject } from '../../src/world/state.ts'
import { assets, entity, json, sameObject, settings, spawn } from './worlds.ts'

const KINDS = [
  { name: 'entity', arbitrary: entity, read: readEntityFile, write: writeEntityFile },
  { name: 'settings', arbitrary: settings, read: readSettingsFile, write: writeSettingsFile },
  { name: 'spawn', arbitrary: spawn, read: readSpawnFile, write: writeSpawnFile },
] as const

describe.each(KINDS)('$name, split layout', ({ arbitrary, read, write }) => {
  test('read(write(x)) = x, and writing it again gives the same bytes', () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<WorldObject>, (object) => {
        const text = write(object, assets)
        const back = read('file.json', new TextEncoder().encode(text), assets)
        expect(back).toMatchObject({ kind: 'ok' })
        if (back.kind !== 'ok') return
        expect(sameObject(back.object, object)).toBe(true)
        expect(write(back.object, assets)).toBe(text)
      }),
      { numRuns: 300 },
    )
  })
})

test('manifest layout: read(write(x)) = x, states and unknown fields included', () => {
  const states = fc.dictionary(fc.constantFrom('n', 'ready'), json, { maxKeys: 2 })
  fc.assert(
    fc.property(
      settings,
      spawn,
      fc.uniqueArray(fc.tuple(entity, states), { maxLength: 4, selector: ([object]) => object.id }),
      json,
      (settingsObject, spawnObject, entities, note) => {
        const all = [settingsObject, spawnObject, ...entities.map(([object]) => object)]
        const objects = new Map(all.map((object) => [objectKey(object.kind, object.id), object]))
        const kept = new Map(entities.map(([object, state]) => [objectKey('entity', object.id), state]))
        const text = writeManifest(objects, { objects, states: kept, rest: { note }, spelled: new Map() }, assets)
        const read = readManifest('world.json', text, assets)
        expect(read).toMatchObject({ kind: 'ok' })
        if (read.kind !== 'ok') return
        expect([...read.manifest.objects.keys()]).toEqual([...objects.keys()])
        for (const [key, object] of read.manifest.objects) expect(sameObject(object, objects.get(key)!)).toBe(true)
        expect(writeManifest(read.manifest.objects, read.manifest, assets)).toBe(text)
      },
    ),
  )
})

describe('manifest', () => {
  const lamp = {
    id: 'e1',
    blueprint: 'Lamp',
    position: [0, 1, 2],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: false,
  }
  const base = {
    formatVersion: 2,
    settings: { title: 'Hello' },
    spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
  }
  const text = (entities: unknown[], more = {}) => JSON.stringify({ ...base, entities, ...more }, null, 2)

  function ok(content: string) {
    const read = readManifest('world.json', content, assets)
    if (read.kind !== 'ok') throw new Error(read.problem.message)
    return read.manifest
  }

  test('keeps the order of the file and its states; new entities come last with an empty state (M5)', () => {
    const previous = ok(
      text([
        { ...lamp, id: 'b', state: { n: 1 } },
        { ...lamp, id: 'a', state: {} },
        { ...lamp, id: 'gone' },
      ]),
    )
    const objects = new Map(previous.objects)
    objects.delete(objectKey('entity', 'gone'))
    const fresh: WorldObject = { kind: 'entity', id: '0', fields: { blueprint: 'Lamp' } }
    const written = JSON.parse(
      writeManifest(new Map([[objectKey('entity', '0'), fresh], ...objects]), previous, assets),
    )
    expect(written.entities.map((e: { id: string; state: unknown }) => [e.id, e.state])).toEqual([
      ['b', { n: 1 }],
      ['a', {}],
      ['0', {}],
    ])
    expect(Object.keys(written.entities[0])).toEqual([
      'id',
      'blueprint',
      'position',
      'quaternion',
      'scale',
      'pinned',
      'state',
    ])
  })

  test.each([
    ['formatVersion', text([], { formatVersion: 3 }), 'formatVersion is not 2'],
    ['settings', text([], { settings: null }), 'settings is not an object'],
    ['spawn', text([], { spawn: { position: [1] } }), 'position of the spawn is not an array of 3 numbers'],
    ['entities', text([], { entities: {} }), 'entities is not an array'],
    [
      'an id',
      text([{ blueprint: 'Lamp' }]),
      'entities[0]: has no id: give it its own back; a new entity and a copy need new ones',
    ],
    ['a blueprint', text([{ id: 'e' }]), 'entities[0]: blueprint of e is missing'],
    ['state', text([{ ...lamp, state: 1 }]), 'state of e1 is not an object'],
    ['two ids', text([lamp, lamp]), 'two entities have the id e1'],
  ])('refuses a wrong %s', (_, content, message) => {
    expect(readManifest('world.json', content, assets)).toMatchObject({ kind: 'invalid', problem: { message } })
  })

  test('names every defect, with its line where it can', () => {
    const read = readManifest('world.json', text([{ id: 'e' }, 1], { formatVersion: 1 }), assets)
    expect(read.kind === 'invalid' && read.problems.map((p) => [p.message, p.line])).toEqual([
      ['formatVersion is not 2', 2],
      ['entities[0]: blueprint of e is missing', undefined],
      ['entities[1] is not an object', undefined],
    ])
  })
})

describe('entity', () => {
  const file = (value: unknown) => readEntityFile('world/entities/0a/e1.json', JSON.stringify(value, null, 2), assets)

  test('type, state and bookkeeping are no fields (M5)', () => {
    const read = file({
      id: 'e1',
      type: 'app',
      blueprint: 'Lamp',
      state: { n: 1 },
      mover: 'x',
      updatedAt: 'now',
      lastOpId: 'o',
    })
    expect(read).toEqual({ kind: 'ok', object: { kind: 'entity', id: 'e1', fields: { blueprint: 'Lamp' } } })
  })

  test('its bytes are stable and numeric arrays stand on one line (G8)', () => {
    const object: WorldObject = {
      kind: 'entity',
      id: 'e1',
      fields: { tag: 1, props: { list: [], a: [1, 'x'] }, blueprint: 'Lamp', position: [0, 1.5, -2], uid: null },
    }
    expect(writeEntityFile(object, assets)).toBe(`{
  "id": "e1",
  "uid": null,
  "blueprint": "Lamp",
  "position": [0, 1.5, -2],
  "props": {
    "list": [],
    "a": [
      1,
      "x"
    ]
  },
  "tag": 1
}
`)
  })

  test('a missing asset is named with file, field and line', () => {
    expect(file({ id: 'e1', blueprint: 'Lamp', props: { sky: { url: 'assets/gone.png' } } })).toMatchObject({
      kind: 'invalid',
      problem: {
        path: 'world/entities/0a/e1.json',
        code: 'missing_asset',
        line: 6,
        message: 'missing asset: props.sky.url names assets/gone.png (entity e1)',
      },
    })
  })

  test('a file cannot name content directly', () => {
    const read = file({ id: 'e1', blueprint: 'Lamp', props: { sky: { url: `git-asset:${'1'.repeat(40)}` } } })
    expect(read).toMatchObject({ kind: 'invalid', problem: { code: 'invalid' } })
  })

  test.each([
    [{ blueprint: 'Lamp' }, 'has no id: give it its own back; a new entity and a copy need new ones'],
    [{ id: 1, blueprint: 'Lamp' }, 'has no id: give it its own back; a new entity and a copy need new ones'],
    [{ id: 'e' }, 'blueprint of e is missing'],
    [{ id: 'e', blueprint: 1 }, 'blueprint of e is not a string'],
    [{ id: 'e', blueprint: 'Lamp', position: [1, 2] }, 'position of e is not an array of 3 numbers'],
    [{ id: 'e', blueprint: 'Lamp', quaternion: 'x' }, 'quaternion of e is not an array of 4 numbers'],
    [{ id: 'e', blueprint: 'Lamp', pinned: 1 }, 'pinned of e is not true or false'],
    [{ id: 'e', blueprint: 'Lamp', props: [] }, 'props of e is not an object'],
  ])('refuses %j', (value, message) => {
    expect(file(value)).toMatchObject({ kind: 'invalid', problem: { message } })
  })
})
