import { describe, expect, test } from 'vitest'
import { parseOid } from '../../src/git-bridge/repository.ts'
import type { MergedObject } from '../../src/git-bridge/world-merge.ts'
import { fieldName } from '../../src/resolvers/fields.ts'
import { type PlanInput, type PlannedOperation, planPush } from '../../src/sync/plan.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { type ObjectKey, parseObjectKey, type WorldObject } from '../../src/world/state.ts'

const COMMIT = parseOid('ab'.repeat(20))

/** What the world has and what it shall have, by key. */
type Changes = Readonly<Record<string, readonly [theirs: JsonObject | undefined, merged: JsonObject | undefined]>>

function world(key: string, fields: JsonObject): WorldObject {
  return { ...parseObjectKey(key as ObjectKey), fields }
}

function plan(changes: Changes, more: Partial<PlanInput> = {}): readonly PlannedOperation[] {
  const objects = new Map<ObjectKey, MergedObject>()
  for (const [key, [theirs, merged]] of Object.entries(changes)) {
    objects.set(key as ObjectKey, {
      base: undefined,
      ours: undefined,
      theirs: theirs && { object: world(key, theirs), path: 'there' },
      merged: merged && world(key, merged),
    })
  }
  return planPush({
    worldId: 'plaza',
    cursor: 7,
    objects,
    redeploy: new Map(),
    attribute: () => ({ commit: COMMIT, actor: 'Ada' }),
    scopeOf: () => undefined,
    ...more,
  })
}

const said = (operations: readonly PlannedOperation[]) =>
  operations.map(({ kind, id, changes, scripts }) => [kind, id, changes.map(({ path }) => fieldName(path)), scripts])

const lamp = { blueprint: 'Lamp', position: [0, 0, 0], props: { color: 'red', size: 1 } }
const root = { name: 'Lamp', scope: 'Lamp', scriptFiles: { 'index.js': 'git-asset:1' } }

describe('P2 minimal operations', () => {
  test.each<[string, Changes, readonly unknown[]]>([
    ['nothing to do', { 'entity:one': [lamp, lamp] }, []],
    ['absent on both sides', { 'entity:one': [undefined, undefined] }, []],
    ['a field', { 'entity:one': [lamp, { ...lamp, pinned: true }] }, [['entity.update', 'one', ['pinned'], false]]],
    [
      'a key of props',
      { 'entity:one': [lamp, { ...lamp, props: { color: 'blue', size: 1 } }] },
      [['entity.update', 'one', ['props.color'], false]],
    ],
    ['a field that goes', { 'entity:one': [{ ...lamp, note: 1 }, lamp] }, [['entity.update', 'one', ['note'], false]]],
    ['an entity that comes', { 'entity:one': [undefined, lamp] }, [['entity.add', 'one', [], false]]],
    ['an entity that goes', { 'entity:one': [lamp, undefined] }, [['entity.remove', 'one', [], false]]],
    [
      'a blueprint without scripts',
      { 'blueprint:Lamp': [undefined, { name: 'Lamp' }] },
      [['blueprint.add', 'Lamp', [], false]],
    ],
    ['a blueprint with scripts', { 'blueprint:Lamp': [undefined, root] }, [['blueprint.add', 'Lamp', [], true]]],
    ['a variant', { 'blueprint:Big': [undefined, { scriptRef: 'Lamp' }] }, [['blueprint.add', 'Big', [], true]]],
    [
      'a blueprint’s field',
      { 'blueprint:Lamp': [root, { ...root, desc: 'x' }] },
      [['blueprint.update', 'Lamp', ['desc'], false]],
    ],
    [
      'a script, by itself',
      { 'blueprint:Lamp': [root, { ...root, scriptFiles: { 'index.js': 'git-asset:2' } }] },
      [['blueprint.update', 'Lamp', [], true]],
    ],
    [
      'a script and a field, in one',
      { 'blueprint:Lamp': [root, { ...root, desc: 'x', scriptFiles: {} }] },
      [['blueprint.update', 'Lamp', ['desc'], true]],
    ],
    ['a shared module is no operation of its own', { 'shared:a.js': [undefined, { content: 'git-asset:1' }] }, []],
    [
      'the spawn',
      { spawn: [{ position: [0, 0, 0] }, { position: [1, 0, 0] }] },
      [['spawn.update', 'spawn', ['position'], false]],
    ],
    ['the spawn cannot go', { spawn: [{ position: [0, 0, 0] }, undefined] }, []],
    ['the settings cannot go', { settings: [{ title: 'x' }, undefined] }, []],
  ])('%s', (_, changes, expected) => expect(said(plan(changes))).toEqual(expected))

  test('M2 noise, −q and another uid are nothing to send', () => {
    const place = { ...lamp, uid: 'a', quaternion: [0, 0, 0, 1] }
    const same = { ...lamp, uid: 'b', quaternion: [0, 0, 0, -1], position: [1e-9, 0, 0] }
    expect(plan({ 'entity:one': [place, same], 'blueprint:Lamp': [{ ...root, uid: 'a' }, root] })).toEqual([])
    const both = plan({ 'entity:one': [place, { ...same, pinned: true }] })
    expect(said(both)).toEqual([['entity.update', 'one', ['pinned'], false]])
  })

  test('settings: one operation a key, with the value before and after', () => {
    const operations = plan({
      settings: [
        { title: 'Plaza', desc: 'd', image: { url: 'a' } },
        { title: 'Square', image: { url: 'b' } },
      ],
    })
    expect(operations.map(({ kind, setting, changes }) => [kind, setting, changes])).toEqual([
      ['settings.update', 'title', [{ path: ['title'], before: 'Plaza', after: 'Square' }]],
      ['settings.update', 'desc', [{ path: ['desc'], before: 'd', after: undefined }]],
      ['settings.update', 'image', [{ path: ['image'], before: { url: 'a' }, after: { url: 'b' } }]],
    ])
    expect(new Set(operations.map(({ opId }) => opId)).size).toBe(3)
    expect(plan({ settings: [undefined, { title: 'x' }] }).map(({ setting }) => setting)).toEqual(['title'])
    const proto = JSON.parse('{"__proto__": 1}') as JsonObject
    expect(plan({ settings: [{}, proto] })[0]).toMatchObject({ setting: '__proto__', changes: [{ after: 1 }] })
  })

  test('each operation knows the object before and after', () => {
    const [update] = plan({ 'entity:one': [lamp, { ...lamp, pinned: true }] })
    expect(update).toMatchObject({
      before: { fields: lamp },
      after: { fields: { pinned: true } },
      by: { actor: 'Ada' },
    })
    expect(plan({ 'entity:one': [undefined, lamp] })[0]?.before).toBeUndefined()
    expect(plan({ 'entity:one': [lamp, undefined] })[0]?.after).toBeUndefined()
  })
})

describe('scopes (protocol, section 5)', () => {
  test('a scope that changes with scripts goes first, in an operation of its own', () => {
    const operations = plan({ 'blueprint:Lamp': [root, { ...root, scope: 'New', desc: 'x', scriptFiles: {} }] })
    expect(said(operations)).toEqual([
      ['blueprint.update', 'Lamp', ['scope', 'desc'], false],
      ['blueprint.update', 'Lamp', [], true],
    ])
    expect(new Set(operations.map(({ opId }) => opId)).size).toBe(2)
  })

  test('alone it is a field like any other', () => {
    expect(said(plan({ 'blueprint:Lamp': [root, { ...root, scope: 'New' }] }))).toEqual([
      ['blueprint.update', 'Lamp', ['scope'], false],
    ])
    expect(said(plan({ 'entity:one': [lamp, { ...lamp, scope: 'New' }] }))).toEqual([
      ['entity.update', 'one', ['scope'], false],
    ])
  })

  test('a new blueprint without one gets its folder’s; one that has a scope keeps it', () => {
    const more = { scopeOf: () => 'Folder' }
    const scope = (changes: Changes) => plan(changes, more)[0]?.after?.fields.scope
    expect(scope({ 'blueprint:Lamp': [undefined, { name: 'Lamp' }] })).toBe('Folder')
    expect(scope({ 'blueprint:Lamp': [undefined, { name: 'Lamp', scope: null }] })).toBe('Folder')
    expect(scope({ 'blueprint:Lamp': [undefined, root] })).toBe('Lamp')
    expect(scope({ 'entity:one': [undefined, lamp] })).toBeUndefined()
    expect(scope({ 'blueprint:Lamp': [{ name: 'a' }, { name: 'b' }] })).toBeUndefined()
  })
})

describe('P2 order', () => {
  const order = (changes: Changes, more: Partial<PlanInput> = {}) =>
    plan(changes, more).map(({ kind, id }) => `${kind} ${id}`)

  test('dependencies first, removals last', () => {
    expect(
      order({
        'entity:gone': [lamp, undefined],
        'blueprint:AGone': [{ scriptRef: 'ZGone' }, undefined],
        'blueprint:ZGone': [root, undefined],
        'blueprint:ARoot': [{ name: 'a' }, undefined],
        spawn: [{}, { position: [0, 0, 0] }],
        settings: [{}, { title: 'x' }],
        'entity:b': [lamp, { ...lamp, pinned: true }],
        'entity:a': [undefined, lamp],
        'blueprint:Changed': [root, { ...root, desc: 'x' }],
        'blueprint:New': [undefined, root],
        'blueprint:ANewVariant': [undefined, { scriptRef: 'New' }],
      }),
    ).toEqual([
      'blueprint.add New',
      'blueprint.update Changed',
      'blueprint.add ANewVariant',
      'entity.add a',
      'entity.update b',
      'settings.update settings',
      'spawn.update spawn',
      'entity.remove gone',
      'blueprint.remove AGone',
      'blueprint.remove ARoot',
      'blueprint.remove ZGone',
    ])
  })

  test('a root that gets its scripts now, before a variant that is added now (protocol, section 5)', () => {
    expect(
      order({
        'blueprint:ZRoot': [
          { name: 'ZRoot', scope: 'Lamp' },
          { ...root, name: 'ZRoot' },
        ],
        'blueprint:ANew': [undefined, { scriptRef: 'ZRoot' }],
        'blueprint:AOld': [{ scriptRef: 'Other' }, { scriptRef: 'ZRoot' }],
      }),
    ).toEqual(['blueprint.update ZRoot', 'blueprint.add ANew', 'blueprint.update AOld'])
  })

  test('an entity leaves a blueprint before that is removed', () => {
    expect(
      order({
        'blueprint:Lamp': [root, undefined],
        'entity:one': [lamp, { ...lamp, blueprint: 'Tree' }],
        'blueprint:Tree': [undefined, root],
      }),
    ).toEqual(['blueprint.add Tree', 'entity.update one', 'blueprint.remove Lamp'])
  })

  test('does not depend on the order of the objects', () => {
    const changes: Changes = {
      'entity:b': [undefined, lamp],
      'entity:a': [undefined, lamp],
      'blueprint:Lamp': [undefined, root],
      'blueprint:Big': [undefined, { scriptRef: 'Lamp' }],
    }
    const reversed = Object.fromEntries(Object.entries(changes).reverse())
    expect(order(reversed)).toEqual(order(changes))
    expect(plan(reversed).map(({ opId }) => opId)).toEqual(plan(changes).map(({ opId }) => opId))
  })

  test('scripts that must be sent again, once', () => {
    const variant = { name: 'Big', scriptRef: 'Lamp' }
    const redeploy = new Map([
      ['blueprint:Lamp' as ObjectKey, world('blueprint:Lamp', root)],
      ['blueprint:Big' as ObjectKey, world('blueprint:Big', variant)],
    ])
    expect(said(plan({}, { redeploy }))).toEqual([
      ['blueprint.update', 'Lamp', [], true],
      ['blueprint.update', 'Big', [], true],
    ])
    const changed = plan(
      { 'blueprint:Lamp': [root, { ...root, scriptFiles: {} }], 'blueprint:Big': [variant, { ...variant, desc: 'x' }] },
      { redeploy },
    )
    expect(said(changed)).toEqual([
      ['blueprint.update', 'Lamp', [], true],
      ['blueprint.update', 'Big', ['desc'], false],
      ['blueprint.update', 'Big', [], true],
    ])
    expect(new Set(changed.map(({ opId }) => opId)).size).toBe(3)
  })
})

describe('P3 ids of operations', () => {
  const changes: Changes = {
    'entity:one': [undefined, lamp],
    'blueprint:one': [undefined, root],
    'entity:two': [lamp, undefined],
    'entity:three': [lamp, { ...lamp, pinned: true }],
    'entity:settings': [undefined, lamp],
    settings: [{}, { title: 'x', desc: 'y' }],
    spawn: [{}, { position: [1, 1, 1] }],
  }
  const ids = (more: Partial<PlanInput> = {}) => plan(changes, more).map(({ opId }) => opId)

  test('a repeated push has the same, all of them distinct', () => {
    expect(ids()).toEqual(ids())
    expect(new Set(ids()).size).toBe(8)
    for (const id of ids()) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  test.each<[string, Partial<PlanInput>]>([
    ['world', { worldId: 'square' }],
    ['cursor', { cursor: 8 }],
    ['commit', { attribute: () => ({ commit: parseOid('cd'.repeat(20)), actor: 'Ada' }) }],
  ])('another %s has others', (_, more) => {
    const others = new Set(ids(more))
    expect(ids().some((id) => others.has(id))).toBe(false)
  })

  test('who is said to have done it does not matter', () => {
    expect(ids({ attribute: () => ({ commit: COMMIT, actor: 'Bob' }) })).toEqual(ids())
  })
})
