import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FileMerge, isWorldJson, mergeWorldFile, OF_MANIFEST } from '../../src/git-bridge/merge-file.ts'
import { formatJson } from '../../src/projection/json-file.ts'
import { sameObject } from '../../src/resolvers/object.ts'
import type { Policy } from '../../src/resolvers/policy.ts'
import { fromEntries, type JsonObject, own } from '../../src/world/json.ts'
import { fields, object } from '../resolvers/fixture.ts'

const ENTITY = 'world/entities/3f/lamp.json'
const BLUEPRINT = 'apps/Lamp/Lamp.json'
const MANIFEST = 'world.json'
const LABELS = { ours: 'ours', theirs: 'theirs' }

const bytes = (content: string): Uint8Array => new TextEncoder().encode(content)
const text = (content: Uint8Array | undefined): string => new TextDecoder().decode(content)
const inline = (value: JsonObject): string => formatJson(value, { inlineNumbers: true })
const plain = (value: JsonObject): string => formatJson(value, { inlineNumbers: false })

interface Versions {
  readonly base?: string | JsonObject | undefined
  readonly ours: string | JsonObject
  readonly theirs: string | JsonObject
}

function merge(path: string, { base, ours, theirs }: Versions, policy?: Policy): FileMerge {
  const spelled = (value: string | JsonObject) => bytes(typeof value === 'string' ? value : JSON.stringify(value))
  const sides = { base: base === undefined ? undefined : spelled(base), ours: spelled(ours), theirs: spelled(theirs) }
  return mergeWorldFile(path, sides, { policy, labels: LABELS })
}

function merged(path: string, versions: Versions, policy?: Policy): string {
  const result = merge(path, versions, policy)
  if (result.kind !== 'merged') throw new Error(`not merged: ${JSON.stringify(result)}`)
  return text(result.bytes)
}

function contested(path: string, versions: Versions, policy?: Policy): Extract<FileMerge, { kind: 'contested' }> {
  const result = merge(path, versions, policy)
  if (result.kind !== 'contested') throw new Error(`not contested: ${JSON.stringify(result)}`)
  return result
}

/** One side of a file with markers in it. */
function take(working: string, side: 'ours' | 'theirs'): string {
  return working.replace(/<{7} ours\n([\s\S]*?)={7}\n([\s\S]*?)>{7} theirs\n/g, side === 'ours' ? '$1' : '$2')
}

const lamp = {
  id: 'lamp',
  uid: 'u1',
  blueprint: 'Lamp',
  position: [0, 1, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: { color: 'red', glow: 1 },
}
const blueprint = { id: 'Lamp', name: 'Lamp', author: 'ada', scriptEntry: 'main.js', props: { glow: 1, on: true } }
const settings = { title: 'Plaza', public: false, image: { url: 'asset://a.png' } }
const spawn = { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }

describe('one object', () => {
  test('moved here, coloured there', () => {
    const ours = { ...lamp, position: [5, 1, 0] }
    const theirs = { ...lamp, props: { ...lamp.props, color: 'blue' } }
    expect(merged(ENTITY, { base: lamp, ours, theirs })).toBe(inline({ ...ours, props: theirs.props }))
    expect(merged(ENTITY, { base: lamp, ours: theirs, theirs: ours })).toBe(inline({ ...ours, props: theirs.props }))
  })

  test('one record, different keys: what is new stands where its side has it', () => {
    const { position: _, ...base } = lamp
    const ours = { ...base, props: { color: 'red', glow: 2 } }
    const theirs = { ...lamp, props: { color: 'red', size: 'big', glow: 1, far: { a: 1 } } }
    const moved = { ...lamp, props: { color: 'red', size: 'big', glow: 2, far: { a: 1 } } }
    expect(merged(ENTITY, { base, ours, theirs })).toBe(inline(moved))
  })

  test('the order of our keys stays; what only they have follows what it follows there', () => {
    const ours = { props: { color: 'red', glow: 1 }, id: 'lamp', blueprint: 'Lamp', pinned: true }
    const base = { ...ours, pinned: false }
    const theirs = { id: 'lamp', blueprint: 'Post', pinned: false, props: { glow: 1, color: 'red' }, scope: 'x' }
    expect(merged(ENTITY, { base, ours, theirs })).toBe(
      inline({ props: ours.props, scope: 'x', id: 'lamp', blueprint: 'Post', pinned: true }),
    )
  })

  test('one field on both sides: only that one is marked, the rest is merged', () => {
    const ours = { ...lamp, position: [5, 1, 0], props: { color: 'red', glow: 2 } }
    const theirs = { ...lamp, position: [7, 1, 0], props: { color: 'blue', glow: 1 } }
    const result = contested(ENTITY, { base: lamp, ours, theirs })
    const terms = { base: lamp.position, ours: ours.position, theirs: theirs.position }
    expect(result.fields).toEqual([{ key: 'entity:lamp', path: ['position'], terms }])
    const props = { color: 'blue', glow: 2 }
    expect(text(result.stages.base)).toBe(inline({ ...lamp, props }))
    expect(text(result.stages.ours)).toBe(inline({ ...ours, props }))
    expect(text(result.stages.theirs)).toBe(inline({ ...theirs, props }))
    expect(text(result.working)).toBe(
      inline({ ...lamp, props }).replace(
        '  "position": [0, 1, 0],\n',
        '<<<<<<< ours\n  "position": [5, 1, 0],\n=======\n  "position": [7, 1, 0],\n>>>>>>> theirs\n',
      ),
    )
  })

  test('a key removed here and changed there', () => {
    const ours = { ...lamp, props: { glow: 1 } }
    const theirs = { ...lamp, props: { color: 'blue', glow: 1 } }
    const { stages, fields: found } = contested(ENTITY, { base: lamp, ours, theirs })
    expect(found.map(({ path }) => path)).toEqual([['props', 'color']])
    expect(text(stages.ours)).toBe(inline(ours))
    expect(text(stages.theirs)).toBe(inline(theirs))
  })

  test('added on both sides', () => {
    const ours = { ...lamp, props: { color: 'red' } }
    const theirs = { ...lamp, props: { glow: 1 } }
    for (const base of [undefined, '']) {
      expect(merged(ENTITY, { base, ours, theirs })).toBe(inline({ ...lamp, props: { glow: 1, color: 'red' } }))
      const other = contested(ENTITY, { base, ours, theirs: { ...theirs, blueprint: 'Post' } })
      expect(other.stages.base).toBeUndefined()
      expect(other.fields.map(({ path }) => path)).toEqual([['blueprint']])
    }
  })

  test('a uid that differs is no change: theirs is taken', () => {
    const ours = { ...lamp, uid: 'u2', pinned: true }
    expect(merged(ENTITY, { base: lamp, ours, theirs: { ...lamp, uid: 'u3' } })).toBe(inline({ ...ours, uid: 'u3' }))
  })

  test('state stays ours, unless only theirs changed', () => {
    const state = (on: number): JsonObject => ({ ...lamp, state: { on } })
    expect(merged(ENTITY, { base: state(1), ours: { ...state(1), pinned: true }, theirs: state(2) })).toBe(
      inline({ ...lamp, pinned: true, state: { on: 2 } }),
    )
    const result = merge(ENTITY, { base: state(1), ours: state(3), theirs: { ...state(2), pinned: true } })
    const terms = { base: { on: 1 }, ours: { on: 3 }, theirs: { on: 2 } }
    expect(result).toMatchObject({
      kind: 'merged',
      resolved: [{ key: 'entity:lamp', path: ['state'], terms, value: { on: 3 }, by: 'local' }],
    })
    if (result.kind === 'merged') expect(text(result.bytes)).toBe(inline({ ...state(3), pinned: true }))
  })

  test('bookkeeping is a field like any other, a path of an asset is text', () => {
    const base = { ...blueprint, version: 1, model: 'assets/a.glb' }
    const ours = { ...base, version: 2 }
    const theirs = { ...base, model: 'assets/b.glb' }
    expect(merged(BLUEPRINT, { base, ours, theirs })).toBe(plain({ ...ours, model: 'assets/b.glb' }))
  })

  test('the policy decides, and says so', () => {
    const ours = { ...lamp, props: { color: 'green', glow: 1 } }
    const theirs = { ...lamp, props: { color: 'blue', glow: 1 } }
    const policy: Policy = { rules: [{ type: 'entity', field: 'props', owner: 'runtime' }] }
    const result = merge(ENTITY, { base: lamp, ours, theirs }, policy)
    expect(result).toMatchObject({
      kind: 'merged',
      resolved: [{ key: 'entity:lamp', path: ['props', 'color'], value: 'blue', by: 'runtime' }],
    })
    expect(contested(ENTITY, { base: lamp, ours, theirs }).fields).toHaveLength(1)
  })

  test.each([
    ['world/settings.json', settings, { title: 'Forum' }, { public: true }, inline],
    ['world/spawn.json', spawn, { position: [1, 0, 0] }, { quaternion: [0, 1, 0, 0] }, inline],
    [BLUEPRINT, blueprint, { scriptEntry: 'index.js' }, { author: 'bo', list: [1, 2] }, plain],
  ])('%s', (path, base, here, there, spell) => {
    expect(merged(path, { base, ours: { ...base, ...here }, theirs: { ...base, ...there } })).toBe(
      spell({ ...base, ...here, ...there }),
    )
    const both = { base, ours: { ...base, x: [1, 2] }, theirs: { ...base, x: [2, 1] } }
    const result = contested(path, both)
    expect(text(result.stages.ours)).toBe(spell(both.ours))
    expect(text(result.stages.base)).toBe(spell(base))
  })

  test('bytes of a side that has the result already are kept', () => {
    const odd = `${JSON.stringify({ ...lamp, pinned: true })}\r\n`
    expect(merged(ENTITY, { base: lamp, ours: odd, theirs: inline(lamp) })).toBe(odd)
    expect(merged(ENTITY, { base: lamp, ours: inline(lamp), theirs: odd })).toBe(odd)
    expect(merged(ENTITY, { base: lamp, ours: odd, theirs: inline({ ...lamp, pinned: true }) })).toBe(odd)
  })

  test('a byte order mark and CRLF are read', () => {
    const ours = `\uFEFF${inline({ ...lamp, pinned: true }).replaceAll('\n', '\r\n')}`
    expect(merged(ENTITY, { base: lamp, ours, theirs: { ...lamp, blueprint: 'Post' } })).toBe(
      inline({ ...lamp, blueprint: 'Post', pinned: true }),
    )
  })

  test('keys that JavaScript knows are data', () => {
    const base = JSON.parse('{"id":"lamp","blueprint":"L","props":{"__proto__":{"a":1},"constructor":1}}') as JsonObject
    const ours = JSON.stringify(base).replace('"a":1', '"a":1,"b":2')
    const theirs = JSON.stringify(base).replace('"constructor":1', '"constructor":2')
    expect(JSON.parse(merged(ENTITY, { base, ours, theirs }))).toEqual(
      JSON.parse('{"id":"lamp","blueprint":"L","props":{"__proto__":{"a":1,"b":2},"constructor":2}}'),
    )
  })
})

describe('unfit', () => {
  test.each([
    ['apps/Lamp/index.js', 'foreign'],
    ['apps/Lamp/package.json', 'foreign'],
    ['assets/lamp.json', 'foreign'],
    ['lobby.json', 'foreign'],
  ])('%s', (path, why) => {
    expect(isWorldJson(path)).toBe(false)
    expect(merge(path, { base: lamp, ours: lamp, theirs: lamp })).toMatchObject({ kind: 'unfit', why })
  })

  const post = { ...lamp, id: 'post' }
  const { id: _, ...anonymous } = lamp
  test.each<[string, string, string, Versions]>([
    ['a rename that was guessed', ENTITY, 'identity', { base: lamp, ours: post, theirs: { ...lamp, pinned: true } }],
    ['the other way round', ENTITY, 'identity', { base: lamp, ours: { ...lamp, pinned: true }, theirs: post }],
    ['another base', ENTITY, 'identity', { base: post, ours: lamp, theirs: { ...lamp, pinned: true } }],
    ['two added at one place', ENTITY, 'identity', { ours: lamp, theirs: post }],
    ['no id', ENTITY, 'identity', { base: anonymous, ours: anonymous, theirs: { ...anonymous, pinned: true } }],
    ['an id that is none', ENTITY, 'identity', { ours: { ...lamp, id: 1 }, theirs: { ...lamp, id: 1 } }],
    [
      'an id that one side took away',
      BLUEPRINT,
      'identity',
      { base: blueprint, ours: blueprint, theirs: { name: 'L' } },
    ],
    [
      'names, without ids',
      BLUEPRINT,
      'identity',
      { base: { name: 'A' }, ours: { name: 'B' }, theirs: { name: 'A', x: 1 } },
    ],
    ['markers', ENTITY, 'unreadable', { base: lamp, ours: '<<<<<<< ours\n{}\n=======\n>>>>>>> x\n', theirs: lamp }],
    ['a broken base', ENTITY, 'unreadable', { base: '{', ours: lamp, theirs: lamp }],
    ['no text at all', ENTITY, 'unreadable', { base: lamp, ours: '', theirs: lamp }],
    ['an array', ENTITY, 'unreadable', { base: lamp, ours: lamp, theirs: '[]' }],
  ])('%s', (_name, path, why, versions) => {
    expect(merge(path, versions)).toMatchObject({ kind: 'unfit', why })
  })

  test('bytes that are no UTF-8', () => {
    const sides = { base: undefined, ours: bytes(inline(lamp)), theirs: new Uint8Array([0x7b, 0xff, 0x7d]) }
    expect(mergeWorldFile(ENTITY, sides, { labels: LABELS })).toMatchObject({ kind: 'unfit', why: 'unreadable' })
  })

  test('a blueprint whose id is its place', () => {
    const base = { props: { a: 1, b: 1 } }
    const versions = { base, ours: { props: { a: 2, b: 1 } }, theirs: { props: { a: 1, b: 2 } } }
    expect(merged('apps/Lamp/Red.json', versions)).toBe(plain({ props: { a: 2, b: 2 } }))
    const both = contested('apps/Lamp/Red.json', { ...versions, theirs: { props: { a: 3, b: 1 } } })
    expect(both.fields[0]!.key).toBe('blueprint:Lamp__Red')
  })
})

describe('a manifest', () => {
  const entity = (id: string, more: JsonObject = {}): JsonObject => ({ ...lamp, id, state: {}, ...more })
  const world = (entities: readonly JsonObject[], more: JsonObject = {}): JsonObject => ({
    formatVersion: 2,
    settings,
    spawn,
    entities,
    ...more,
  })
  const base = world([entity('a'), entity('b'), entity('c')])

  test('entities are matched by id, whatever their order', () => {
    const ours = world([entity('c'), entity('a', { position: [1, 1, 1] }), entity('b'), entity('new-here')])
    const theirs = world([entity('new-there'), entity('a', { pinned: true }), entity('c', { blueprint: 'Post' })], {
      settings: { ...settings, title: 'Forum' },
      note: 'kept',
    })
    expect(merged(MANIFEST, { base, ours, theirs })).toBe(
      plain(
        world(
          [
            entity('c', { blueprint: 'Post' }),
            entity('a', { position: [1, 1, 1], pinned: true }),
            entity('new-here'),
            entity('new-there'),
          ],
          { settings: { ...settings, title: 'Forum' }, note: 'kept' },
        ),
      ),
    )
  })

  test('contested fields of several objects, and nothing else', () => {
    const at = (x: number, title: string, more: JsonObject) =>
      world([entity('a', { position: [x, 0, 0] }), entity('b', more), entity('c')], {
        settings: { ...settings, title },
      })
    const ours = at(1, 'A', { pinned: true })
    const theirs = at(2, 'B', { blueprint: 'Post' })
    const result = contested(MANIFEST, { base, ours, theirs })
    expect(result.fields.map(({ key, path }) => `${key} ${path.join('.')}`)).toEqual([
      'settings title',
      'entity:a position',
    ])
    const both = { pinned: true, blueprint: 'Post' }
    expect(text(result.stages.base)).toBe(plain(world([entity('a'), entity('b', both), entity('c')])))
    expect(text(result.stages.ours)).toBe(plain(at(1, 'A', both)))
    expect(text(result.stages.theirs)).toBe(plain(at(2, 'B', both)))
    const working = text(result.working)
    expect(working.match(/^<{7} ours$/gm)).toHaveLength(2)
    expect(take(working, 'ours')).toBe(text(result.stages.ours))
    expect(take(working, 'theirs')).toBe(text(result.stages.theirs))
  })

  test('deleted here, changed there: it would come back where it was', () => {
    const ours = world([entity('a'), entity('c')])
    const theirs = world([entity('a'), entity('b', { pinned: true }), entity('c')])
    const { fields: found, stages, working } = contested(MANIFEST, { base, ours, theirs })
    expect(found).toMatchObject([{ key: 'entity:b', path: [] }])
    expect(text(stages.base)).toBe(plain(base))
    expect(text(stages.ours)).toBe(plain(ours))
    expect(text(stages.theirs)).toBe(plain(theirs))
    expect(take(text(working), 'theirs')).toBe(plain(theirs))
    const swapped = contested(MANIFEST, { base, ours: theirs, theirs: ours })
    expect(text(swapped.stages.ours)).toBe(plain(theirs))
    expect(text(swapped.stages.theirs)).toBe(plain(ours))
  })

  test('deleted here, only its state changed there: gone', () => {
    const ours = world([entity('a'), entity('c')])
    const theirs = world([entity('a'), entity('b', { state: { on: 1 } }), entity('c', { pinned: true })])
    expect(merged(MANIFEST, { base, ours, theirs })).toBe(plain(world([entity('a'), entity('c', { pinned: true })])))
  })

  test('what belongs to no object merges as a whole', () => {
    const result = contested(MANIFEST, {
      base,
      ours: { ...base, formatVersion: 3, note: { a: 1 } },
      theirs: { ...base, note: { b: 1 } },
    })
    expect(result.fields).toMatchObject([{ key: OF_MANIFEST, path: ['note'] }])
    expect(text(result.stages.base)).toBe(plain({ ...base, formatVersion: 3 }))
    expect(text(result.stages.theirs)).toBe(plain({ ...base, formatVersion: 3, note: { b: 1 } }))
  })

  test('added on both sides', () => {
    const ours = world([entity('a'), entity('b')])
    const theirs = world([entity('a'), entity('c')])
    expect(merged(MANIFEST, { ours, theirs })).toBe(plain(world([entity('a'), entity('b'), entity('c')])))
  })

  test.each([
    ['two entities with one id', world([entity('a'), entity('a')])],
    ['an entity without an id', world([{ blueprint: 'Lamp' }])],
    ['an entity that is none', { ...base, entities: ['a'] }],
    ['no entities', { formatVersion: 2 }],
  ])('unfit: %s', (_name, broken) => {
    expect(merge(MANIFEST, { base, ours: broken, theirs: base })).toMatchObject({ kind: 'unfit', why: 'identity' })
    expect(merge(MANIFEST, { base, ours: base, theirs: broken })).toMatchObject({ kind: 'unfit', why: 'identity' })
    expect(merge(MANIFEST, { base: broken, ours: base, theirs: base })).toMatchObject({ kind: 'unfit' })
  })
})

describe('laws', () => {
  const versions = fc.record({ base: fields, ours: fields, theirs: fields })
  const named = (value: JsonObject): JsonObject =>
    fromEntries([['id', 'lamp'], ...Object.entries(value).filter(([key]) => key !== 'id')])
  const read = (content: Uint8Array) => object(JSON.parse(text(content)) as JsonObject)

  test('an unchanged side gives the other', () => {
    fc.assert(
      fc.property(fields, fields, (base, changed) => {
        const result = merge(ENTITY, { base: named(base), ours: named(base), theirs: named(changed) })
        expect(result.kind).toBe('merged')
        if (result.kind === 'merged') expect(sameObject(read(result.bytes), object(named(changed)))).toBe(true)
      }),
    )
  })

  test('stages differ in contested fields only, and the working file is made of them', () => {
    fc.assert(
      fc.property(versions, ({ base, ours, theirs }) => {
        const result = merge(ENTITY, { base: named(base), ours: named(ours), theirs: named(theirs) })
        if (result.kind !== 'contested') {
          expect(result.kind).toBe('merged')
          return
        }
        const working = text(result.working)
        expect(take(working, 'ours')).toBe(text(result.stages.ours))
        expect(take(working, 'theirs')).toBe(text(result.stages.theirs))
        const [here, there] = [read(result.stages.ours).fields, read(result.stages.theirs).fields]
        const tops = new Set(result.fields.map(({ path }) => path[0]))
        for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
          if (!tops.has(key)) expect(own(here, key)).toEqual(own(there, key))
        }
      }),
    )
  })

  test('a manifest of one entity merges it as its own file does', () => {
    fc.assert(
      fc.property(versions, ({ base, ours, theirs }) => {
        const world = (value: JsonObject) => ({ formatVersion: 2, settings: {}, spawn: {}, entities: [named(value)] })
        const alone = merge(ENTITY, { base: named(base), ours: named(ours), theirs: named(theirs) })
        const within = merge(MANIFEST, { base: world(base), ours: world(ours), theirs: world(theirs) })
        expect(within.kind).toBe(alone.kind)
        if (alone.kind === 'contested' && within.kind === 'contested') expect(within.fields).toEqual(alone.fields)
        if (alone.kind === 'merged' && within.kind === 'merged') {
          const { entities } = JSON.parse(text(within.bytes)) as { entities: JsonObject[] }
          expect(entities).toEqual([JSON.parse(text(alone.bytes))])
        }
      }),
    )
  })
})
