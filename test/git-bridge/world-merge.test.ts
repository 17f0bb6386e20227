import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import { describeProblem } from '../../src/git-bridge/merge-guards.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import { entityFile } from '../../src/projection/paths.ts'
import { diffObjects, fieldName } from '../../src/resolvers/fields.ts'
import { SyncError } from '../../src/world/errors.ts'
import type { Json, JsonObject } from '../../src/world/json.ts'
import type { Effect } from '../../src/world/wire-world.ts'
import { tries } from '../e2e/long.ts'
import { type Files, putBlueprint, putEntity, remove, Trees } from './world-trees.ts'

let trees: Trees

beforeEach(async () => {
  trees = await Trees.open()
})

const LAYOUTS: readonly Layout[] = ['split', 'manifest']
const PLACE = { position: [0, 0, 0], quaternion: [0, 0, 0, 1], scale: [1, 1, 1], pinned: false, props: {} }

/** The first commit of a line: a world of three lamps. */
async function plaza(layout: Layout, prefix = '', more: readonly Effect[] = []): Promise<Oid> {
  const line = trees.line(undefined, layout, prefix)
  await line.settings({ title: 'Plaza', desc: 'A place', rank: 0 })
  return line.apply(
    { kind: 'spawn', spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] } },
    putBlueprint('Lamp', {
      scriptFiles: { 'index.js': await trees.asset('asset://1.js', 'a\nb\nc\nd\n') },
      model: await trees.asset('asset://lamp.glb', 'LAMP'),
    }),
    ...['one', 'two', 'three'].map((id) => putEntity(id, PLACE)),
    ...more,
  )
}

/** What the world did after a commit of the line. */
async function world(after: Oid, layout: Layout, effects: readonly Effect[], prefix = ''): Promise<Oid> {
  const line = trees.line(after, layout, prefix)
  for (const effect of effects) await line.apply(effect)
  expect(line.refused).toEqual([])
  return line.tip!
}

async function json(commit: Oid, path: string): Promise<JsonObject> {
  return JSON.parse((await trees.text(commit, path))!) as JsonObject
}

/** A commit of ours that edits entities where the layout has them. */
async function edit(
  commit: Oid,
  layout: Layout,
  id: string,
  change: (entity: JsonObject) => JsonObject | undefined,
  prefix = '',
): Promise<Oid> {
  if (layout === 'split') {
    const path = prefix + entityFile(id)
    const found = (await trees.text(commit, path)) === undefined ? { id, blueprint: 'Lamp' } : await json(commit, path)
    return trees.commit(commit, { [path]: change(found) })
  }
  const manifest = await json(commit, `${prefix}world.json`)
  const entities = manifest.entities as readonly JsonObject[]
  const found = entities.find((entity) => entity.id === id)
  const changed = change(found ?? { id, blueprint: 'Lamp', state: {} })
  const rest = entities.filter((entity) => entity.id !== id)
  return trees.commit(commit, {
    [`${prefix}world.json`]: { ...manifest, entities: changed === undefined ? rest : [...rest, changed] },
  })
}

function merge(base: Oid | undefined, ours: Oid, theirs: Oid, prefix = '') {
  return mergeWorlds(trees.repository, prefix, { base, ours, theirs })
}

async function merged(base: Oid | undefined, ours: Oid, theirs: Oid, prefix = '') {
  const result = await merge(base, ours, theirs, prefix)
  expect(result.contested).toEqual([])
  return { ...result, tree: result.tree!, state: await trees.state(result.tree!, prefix) }
}

async function contests(base: Oid | undefined, ours: Oid, theirs: Oid) {
  const result = await merge(base, ours, theirs)
  expect(result.tree).toBeUndefined()
  return result.contested.flatMap(({ key, fields }) =>
    fields.map(({ path, terms }) => [key, fieldName(path), terms.base, terms.ours, terms.theirs] as const),
  )
}

/** `<object> <blueprint>` of what names a blueprint that is not there. */
function dangling(state: Readonly<Record<string, Json>>): readonly string[] {
  return Object.entries(state).flatMap(([key, fields]) => {
    const { blueprint, scriptRef } = fields as JsonObject
    const named = key.startsWith('entity:') ? blueprint : key.startsWith('blueprint:') ? scriptRef : undefined
    return typeof named === 'string' && state[`blueprint:${named}`] === undefined ? [`${key} ${named}`] : []
  })
}

async function treeOf(commit: Oid): Promise<Oid> {
  return (await trees.repository.readCommit(commit)).tree
}

describe.each(LAYOUTS)('%s', (layout) => {
  let base: Oid
  beforeEach(async () => {
    base = await plaza(layout)
  })
  const move = (x: number) => (entity: JsonObject) => ({ ...entity, position: [x, 0, 0] })

  test('M7 nothing on either side is our tree', async () => {
    const result = await merge(base, base, base)
    expect(result).toMatchObject({ tree: await treeOf(base), contested: [], incoming: [], outgoing: [] })
    expect(result.objects.size).toBe(0)
  })

  test('M7 merging with an unchanged side gives the other side’s tree exactly', async () => {
    const theirs = await world(base, layout, [
      putEntity('one', { ...PLACE, pinned: true }),
      remove('entity', 'two'),
      putEntity('four', PLACE),
    ])
    expect((await merged(base, base, theirs)).tree).toBe(await treeOf(theirs))
    let ours = await edit(base, layout, 'one', move(5))
    ours = await edit(ours, layout, 'two', () => undefined)
    ours = await edit(ours, layout, 'four', (entity) => ({ ...PLACE, ...entity }))
    ours = await trees.commit(ours, {
      'README.md': 'Hello',
      'apps/Lamp/notes.txt': 'n',
      'apps/Lamp/index.js': 'a\r\nb',
    })
    const result = await merged(base, ours, base)
    expect(result.tree).toBe(await treeOf(ours))
    expect(result.incoming).toEqual([])
    expect([...result.objects.keys()].sort()).toEqual(['blueprint:Lamp', 'entity:four', 'entity:one', 'entity:two'])
  })

  test('M1 disjoint objects: both changes, and files that are no world’s stay', async () => {
    let ours = await edit(base, layout, 'one', move(5))
    ours = await edit(ours, layout, 'two', () => undefined)
    ours = await trees.commit(ours, { 'README.md': 'Hello', 'world/notes.md': 'mine', '.gitattributes': '* text\n' })
    const theirs = await world(base, layout, [
      putEntity('three', { ...PLACE, pinned: true }),
      putEntity('four', PLACE),
      { kind: 'setting', key: 'title', value: 'Square' },
    ])
    const { tree, state, incoming } = await merged(base, ours, theirs)
    expect(state).toMatchObject({
      settings: { title: 'Square' },
      'entity:one': { position: [5, 0, 0] },
      'entity:three': { pinned: true },
      'entity:four': { pinned: false },
    })
    expect(Object.keys(state)).not.toContain('entity:two')
    for (const path of ['README.md', 'world/notes.md', '.gitattributes'])
      expect(await trees.text(tree, path)).toBe(await trees.text(ours, path))
    if (layout === 'split')
      expect(incoming.map(({ path }) => path).sort()).toEqual(
        [entityFile('three'), entityFile('four'), 'world/settings.json'].sort(),
      )
  })

  test('M2 disjoint fields of one object', async () => {
    const ours = await edit(base, layout, 'one', (entity) => ({ ...entity, position: [5, 0, 0], props: { a: 1 } }))
    const theirs = await world(base, layout, [putEntity('one', { ...PLACE, pinned: true, props: { b: 2 } })])
    const { state, objects } = await merged(base, ours, theirs)
    expect(state['entity:one']).toMatchObject({ position: [5, 0, 0], pinned: true, props: { a: 1, b: 2 } })
    expect(objects.get('entity:one' as never)?.merged?.fields).toMatchObject({ pinned: true, props: { a: 1, b: 2 } })
  })

  test('M2 the same field: contested with the right terms, no tree', async () => {
    const ours = await edit(base, layout, 'one', move(5))
    const theirs = await world(base, layout, [putEntity('one', { ...PLACE, position: [0, 0, 7], pinned: true })])
    expect(await contests(base, ours, theirs)).toEqual([['entity:one', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 7]]])
    expect(await contests(base, theirs, ours)).toEqual([['entity:one', 'position', [0, 0, 0], [0, 0, 7], [5, 0, 0]]])
    const result = await merge(base, ours, theirs)
    expect(result.contested[0]?.path).toBe(layout === 'split' ? entityFile('one') : 'world.json')
  })

  test('M2 put back by the world after the base: contested', async () => {
    const ours = await edit(base, layout, 'one', move(5))
    const there = putEntity('one', { ...PLACE, position: [0, 0, 7] })
    const theirs = await world(base, layout, [there, putEntity('one', PLACE)])
    expect(await treeOf(theirs)).toBe(await treeOf(base))
    expect(await contests(base, ours, theirs)).toEqual([['entity:one', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 0]]])
    const elsewhere = await edit(base, layout, 'one', (entity) => ({ ...entity, pinned: true }))
    expect((await merged(base, elsewhere, theirs)).state['entity:one']).toMatchObject({ pinned: true })
    const gone = await edit(base, layout, 'one', () => undefined)
    expect((await contests(base, gone, theirs)).map(([key, field]) => [key, field])).toEqual([['entity:one', '']])
  })

  test('M2 a setting put back: contested, the others not', async () => {
    const path = layout === 'split' ? 'world/settings.json' : 'world.json'
    const document = await json(base, path)
    const change = (settings: JsonObject) => ({ ...settings, title: 'Mine', rank: 1 })
    const ours = await trees.commit(base, {
      [path]:
        layout === 'split' ? change(document) : { ...document, settings: change(document.settings as JsonObject) },
    })
    const theirs = await world(base, layout, [
      { kind: 'setting', key: 'title', value: 'x' },
      { kind: 'setting', key: 'title', value: 'Plaza' },
    ])
    expect(await contests(base, ours, theirs)).toEqual([['settings', 'title', 'Plaza', 'Mine', 'Plaza']])
  })

  test('M4 both deleted, delete/untouched, delete/modify, add/add', async () => {
    const gone = await edit(base, layout, 'one', () => undefined)
    const goneThere = await world(base, layout, [remove('entity', 'one')])
    expect(Object.keys((await merged(base, gone, goneThere)).state)).not.toContain('entity:one')
    expect(Object.keys((await merged(base, base, goneThere)).state)).not.toContain('entity:one')
    const touched = await world(base, layout, [putEntity('one', { ...PLACE, pinned: true })])
    expect((await contests(base, gone, touched)).map((c) => [c[0], c[1], c[3]])).toEqual([
      ['entity:one', '', undefined],
    ])
    const mine = await edit(base, layout, 'one', move(5))
    expect((await contests(base, mine, goneThere)).map((c) => [c[0], c[1], c[4]])).toEqual([
      ['entity:one', '', undefined],
    ])
    const added = await edit(base, layout, 'four', (entity) => ({ ...PLACE, ...entity, position: [4, 0, 0] }))
    const addedThere = await world(base, layout, [putEntity('four', PLACE)])
    expect(await contests(base, added, addedThere)).toEqual([
      ['entity:four', 'position', undefined, [4, 0, 0], [0, 0, 0]],
    ])
  })

  test('M3 one record that both sides make, with keys of their own', async () => {
    const made = (cfg: JsonObject) => (entity: JsonObject) => ({ ...PLACE, ...entity, props: { cfg } })
    const there = (id: string, cfg: JsonObject) => putEntity(id, { ...PLACE, props: { cfg } })
    for (const id of ['one', 'four']) {
      const ours = await edit(base, layout, id, made({ mine: 1 }))
      const theirs = await world(base, layout, [there(id, { theirs: 2 })])
      const { state } = await merged(base, ours, theirs)
      expect(state[`entity:${id}`]).toMatchObject({ props: { cfg: { mine: 1, theirs: 2 } } })
      expect((await merged(base, theirs, ours)).state).toEqual(state)
      // Made, taken away, and made again is no different.
      const again = await world(theirs, layout, [putEntity(id, PLACE), there(id, { theirs: 2 })])
      expect((await merged(base, ours, again)).state).toEqual(state)
      const same = await edit(base, layout, id, made({ theirs: 1 }))
      expect((await contests(base, same, theirs)).map(([key, field]) => [key, field])).toEqual([
        [`entity:${id}`, 'props.cfg.theirs'],
      ])
    }
  })

  test('M3 a record that was there, taken away and put back: what is in it was written', async () => {
    const cfg = { a: 1, b: 1 }
    const start = await world(base, layout, [putEntity('one', { ...PLACE, props: { cfg } })])
    const theirs = await world(start, layout, [putEntity('one', PLACE), putEntity('one', { ...PLACE, props: { cfg } })])
    const change = (props: JsonObject) => edit(start, layout, 'one', (entity) => ({ ...entity, props }))
    const fields = async (props: JsonObject) =>
      (await contests(start, await change(props), theirs)).map(([, field]) => field)
    expect(await fields({ cfg: { a: 2, b: 1 } })).toEqual(['props.cfg.a'])
    expect(await fields({})).toEqual(['props.cfg'])
    expect((await merged(start, await change({ cfg: { ...cfg, c: 1 } }), theirs)).state['entity:one']).toMatchObject({
      props: { cfg: { ...cfg, c: 1 } },
    })
  })

  test('a setting that we removed is gone, and to be pushed', async () => {
    const path = layout === 'split' ? 'world/settings.json' : 'world.json'
    const document = await json(base, path)
    const { desc: _, ...kept } = (layout === 'split' ? document : document.settings) as JsonObject
    const ours = await trees.commit(base, { [path]: layout === 'split' ? kept : { ...document, settings: kept } })
    const theirs = await world(base, layout, [{ kind: 'setting', key: 'title', value: 'Square' }])
    const { state, objects } = await merged(base, ours, theirs)
    expect(state.settings).toEqual({ title: 'Square', rank: 0 })
    const settings = objects.get('settings' as never)
    expect(diffObjects(settings?.theirs?.object, settings?.merged)).toEqual([
      { path: ['desc'], before: 'A place', after: undefined },
    ])
  })

  test('after a push that landed as it was, no commit of the line is looked into, however many there are', async () => {
    let ours = base
    for (const [index, id] of ['one', 'two', 'four', 'five'].entries())
      ours = await edit(ours, layout, id, (entity) => ({ ...PLACE, type: 'app', ...entity, position: [index, 0, 0] }))
    const effects = ['one', 'two', 'four', 'five'].map((id, index) =>
      putEntity(id, { ...PLACE, position: [index, 0, 0] }),
    )
    const theirs = await world(base, layout, [...effects, putEntity('three', { ...PLACE, pinned: true })])
    const diffTrees = vi.spyOn(trees.repository, 'diffTrees')
    const { state } = await merged(base, ours, theirs)
    expect(diffTrees.mock.calls.map(([from, to]) => [from, to])).toEqual([
      [base, ours],
      [base, theirs],
    ])
    expect(state).toEqual(await trees.state(theirs))
    // What did not land as it was is looked at.
    const more = await edit(ours, layout, 'two', (entity) => ({ ...entity, pinned: true }))
    expect((await merged(base, more, theirs)).state['entity:two']).toMatchObject({ pinned: true })
    expect(diffTrees.mock.calls.length).toBeGreaterThan(4)
  })

  test('M8 our own push coming back: ours stays, to the letter', async () => {
    const ours = await edit(base, layout, 'four', (entity) => ({ ...entity, ...PLACE, position: [0.1, 0, 0] }))
    const theirs = await world(
      base,
      layout,
      [putEntity('four', { ...PLACE, uid: undefined as unknown as Json, position: [0.1 + 1e-9, 0, 0] })].map(clean),
    )
    const { state } = await merged(base, ours, theirs)
    expect(state['entity:four']).toMatchObject({ blueprint: 'Lamp' })
  })

  test('M3 scripts that both sides changed are merged as text, or contested', async () => {
    const ours = await trees.commit(base, { 'apps/Lamp/index.js': 'A\nb\nc\nd\n' })
    const model = 'asset://lamp.glb'
    const script = async (text: string) =>
      putBlueprint('Lamp', {
        model,
        scriptFiles: { 'index.js': await trees.asset(`asset://${Buffer.from(text).toString('hex')}.js`, text) },
      })
    const theirs = await world(base, layout, [await script('a\nb\nc\nD\n')])
    const { tree } = await merged(base, ours, theirs)
    expect(await trees.text(tree, 'apps/Lamp/index.js')).toBe('A\nb\nc\nD\n')
    const other = await world(base, layout, [await script('X\nb\nc\nd\n')])
    expect((await contests(base, ours, other)).map(([key, field]) => [key, field])).toEqual([
      ['blueprint:Lamp', 'scriptFiles.index.js'],
    ])
    // Put back on purpose (M2), though a text merge would take ours.
    const back = await world(base, layout, [await script('a\nb\nc\nD\n'), await script('a\nb\nc\nd\n')])
    expect((await contests(base, ours, back)).map(([key, field]) => [key, field])).toEqual([
      ['blueprint:Lamp', 'scriptFiles.index.js'],
    ])
  })

  test('scripts added and removed on both sides', async () => {
    const ours = await trees.commit(base, { 'apps/Lamp/ours.js': 'o' })
    const model = 'asset://lamp.glb'
    const theirs = await world(base, layout, [
      putBlueprint('Lamp', {
        model,
        scriptFiles: { 'index.js': 'asset://1.js', 'theirs.js': await trees.asset('asset://t.js', 't') },
      }),
    ])
    const { tree } = await merged(base, ours, theirs)
    expect((await trees.paths(tree)).filter((path) => path.startsWith('apps/'))).toEqual([
      'apps/Lamp/Lamp.json',
      'apps/Lamp/index.js',
      'apps/Lamp/ours.js',
      'apps/Lamp/theirs.js',
    ])
    const gone = await trees.commit(ours, { 'apps/Lamp/index.js': undefined })
    const kept = await merged(base, gone, theirs)
    expect(await trees.text(kept.tree, 'apps/Lamp/index.js')).toBeUndefined()
    expect(await trees.text(kept.tree, 'apps/Lamp/theirs.js')).toBe('t')
  })

  test('M8 an app folder that we renamed is where the world’s changes go', async () => {
    const files: Record<string, string | undefined> = {}
    for (const name of ['Lamp.json', 'index.js']) {
      files[`apps/Lantern/${name}`] = await trees.text(base, `apps/Lamp/${name}`)
      files[`apps/Lamp/${name}`] = undefined
    }
    const ours = await trees.commit(base, files)
    const theirs = await world(base, layout, [
      putBlueprint('Lamp', {
        model: 'asset://lamp.glb',
        desc: 'new',
        scriptFiles: { 'index.js': await trees.asset('asset://2.js', 'new') },
      }),
    ])
    const { tree, state } = await merged(base, ours, theirs)
    expect(state['blueprint:Lamp']).toMatchObject({ desc: 'new', scriptFiles: { 'index.js': 'content:new' } })
    expect((await trees.paths(tree)).filter((path) => path.startsWith('apps/'))).toEqual([
      'apps/Lantern/Lamp.json',
      'apps/Lantern/index.js',
    ])
    const removed = await world(base, layout, [
      remove('blueprint', 'Lamp'),
      ...['one', 'two', 'three'].map((id) => remove('entity', id)),
    ])
    const without = await merged(base, ours, removed)
    expect((await trees.paths(without.tree)).filter((path) => path.startsWith('apps/'))).toEqual([])
  })

  test('two blueprints of other ids in one place: each keeps its scripts', async () => {
    const ours = await trees.commit(base, {
      'apps/Tree/Tree.json': { id: 'mine', name: 'Tree' },
      'apps/Tree/index.js': 'mine',
    })
    const theirs = await world(base, layout, [
      putBlueprint('Tree', { scriptFiles: { 'index.js': await trees.asset('asset://t.js', 'theirs') } }),
    ])
    const { state } = await merged(base, ours, theirs)
    expect(state).toMatchObject({
      'blueprint:mine': { scriptFiles: { 'index.js': 'content:mine' } },
      'blueprint:Tree': { scriptFiles: { 'index.js': 'content:theirs' } },
    })
  })

  test('a blueprint that we put into a folder which gets scripts stays without', async () => {
    const before = await world(base, layout, [putBlueprint('Tree', {})])
    const ours = await trees.commit(before, { 'apps/Tree/Bush.json': { id: 'Bush', name: 'Bush' } })
    const theirs = await world(before, layout, [
      putBlueprint('Tree', { scriptFiles: { 'index.js': await trees.asset('asset://t.js', 't') } }),
    ])
    const { state } = await merged(before, ours, theirs)
    expect(state['blueprint:Bush']).toEqual({ name: 'Bush' })
    expect(state['blueprint:Tree']).toMatchObject({ scriptFiles: { 'index.js': 'content:t' } })
  })

  describe('M3 M8 assets', () => {
    test('replaced in place by us while the world changes the object', async () => {
      const ours = await trees.commit(base, { 'assets/Lamp.glb': 'BRIGHTER' })
      const theirs = await world(base, layout, [
        putBlueprint('Lamp', { model: 'asset://lamp.glb', desc: 'new', scriptFiles: { 'index.js': 'asset://1.js' } }),
      ])
      const { state, objects } = await merged(base, ours, theirs)
      expect(state['blueprint:Lamp']).toMatchObject({ model: 'content:BRIGHTER', desc: 'new' })
      expect([...objects.keys()]).toEqual(['blueprint:Lamp'])
    })

    test('our replacement comes back under another name', async () => {
      const ours = await trees.commit(base, { 'assets/Lamp.glb': 'BRIGHTER' })
      const theirs = await world(base, layout, [
        putBlueprint('Lamp', {
          model: await trees.asset('asset://b.glb', 'BRIGHTER'),
          scriptFiles: { 'index.js': 'asset://1.js' },
        }),
      ])
      expect(await trees.paths(theirs)).toContain('assets/Lamp_1.glb')
      const { tree, state } = await merged(base, ours, theirs)
      expect(state['blueprint:Lamp']).toMatchObject({ model: 'content:BRIGHTER' })
      expect((await trees.paths(tree)).filter((path) => path.startsWith('assets/'))).toEqual(['assets/Lamp.glb'])
    })

    test('replaced in place by us, named anew by the world: each has its content', async () => {
      const ours = await trees.commit(base, { 'assets/Lamp.glb': 'BRIGHTER' })
      const theirs = await world(base, layout, [
        putEntity('three', { ...PLACE, props: { m: { url: 'asset://lamp.glb' } } }),
      ])
      const { state } = await merged(base, ours, theirs)
      expect(state).toMatchObject({
        'blueprint:Lamp': { model: 'content:BRIGHTER' },
        'entity:three': { props: { m: { url: 'content:LAMP' } } },
      })
    })

    test('the same content added on both sides, under two names', async () => {
      const ours = await trees.commit(base, { 'assets/sky.hdr': 'SKY' })
      const theirs = await world(base, layout, [
        putEntity('three', { ...PLACE, props: { night: { url: await trees.asset('asset://s.hdr', 'SKY') } } }),
      ])
      const { tree, state } = await merged(base, ours, theirs)
      expect(state['entity:three']).toMatchObject({ props: { night: { url: 'content:SKY' } } })
      expect(await trees.text(tree, 'assets/night.hdr')).toBeUndefined()
    })

    test('one name, two contents: both stay', async () => {
      const mine = await edit(await trees.commit(base, { 'assets/night.hdr': 'MINE' }), layout, 'one', (entity) => ({
        ...entity,
        props: { sky: { url: 'assets/night.hdr' } },
      }))
      const theirs = await world(base, layout, [
        putEntity('three', { ...PLACE, props: { night: { url: await trees.asset('asset://s.hdr', 'SKY') } } }),
      ])
      const { tree, state } = await merged(base, mine, theirs)
      expect(state).toMatchObject({
        'entity:one': { props: { sky: { url: 'content:MINE' } } },
        'entity:three': { props: { night: { url: 'content:SKY' } } },
      })
      expect((await trees.paths(tree)).filter((path) => path.startsWith('assets/'))).toEqual([
        'assets/Lamp.glb',
        'assets/night.hdr',
        'assets/night_1.hdr',
      ])
    })

    test('numbered names of the two sides do not meet', async () => {
      const of = async (id: string, content: string) =>
        putEntity(id, { ...PLACE, props: { model: { url: await trees.asset(`asset://${content}.glb`, content) } } })
      const there = await world(base, layout, [await of('four', 'B')])
      const here = await world(base, layout, [await of('five', 'C'), await of('six', 'A')])
      for (const [ours, theirs] of [
        [there, here],
        [here, there],
      ] as const) {
        const { state } = await merged(base, ours, theirs)
        expect(state).toMatchObject({
          'entity:four': { props: { model: { url: 'content:B' } } },
          'entity:five': { props: { model: { url: 'content:C' } } },
          'entity:six': { props: { model: { url: 'content:A' } } },
        })
      }
    })

    test('names that differ in case alone are one name (G8)', async () => {
      const ours = await trees.commit(base, { 'assets/MODEL.glb': 'mine' })
      const theirs = await world(base, layout, [
        putEntity('four', { ...PLACE, props: { model: { url: await trees.asset('asset://t.glb', 'theirs') } } }),
      ])
      const { tree } = await merged(base, ours, theirs)
      const paths = (await trees.paths(tree)).map((path) => path.toLowerCase())
      expect(new Set(paths).size).toBe(paths.length)
    })

    test('moved by us while the world changes the object', async () => {
      const lamp = await json(base, 'apps/Lamp/Lamp.json')
      const ours = await trees.commit(base, {
        'assets/Lamp.glb': undefined,
        'assets/models/bright.glb': 'LAMP',
        'apps/Lamp/Lamp.json': { ...lamp, model: 'assets/models/bright.glb' },
      })
      const theirs = await world(base, layout, [
        putBlueprint('Lamp', { model: 'asset://lamp.glb', desc: 'new', scriptFiles: { 'index.js': 'asset://1.js' } }),
        putEntity('three', { ...PLACE, props: { m: { url: 'asset://lamp.glb' } } }),
      ])
      const { tree, state } = await merged(base, ours, theirs)
      expect(state).toMatchObject({
        'blueprint:Lamp': { model: 'content:LAMP', desc: 'new' },
        'entity:three': { props: { m: { url: 'content:LAMP' } } },
      })
      expect((await json(tree, 'apps/Lamp/Lamp.json')).model).toBe('assets/models/bright.glb')
    })

    test('contested where both sides name other contents', async () => {
      const ours = await trees.commit(base, { 'assets/Lamp.glb': 'BRIGHTER' })
      const theirs = await world(base, layout, [
        putBlueprint('Lamp', {
          model: await trees.asset('asset://d.glb', 'DARKER'),
          scriptFiles: { 'index.js': 'asset://1.js' },
        }),
      ])
      expect((await contests(base, ours, theirs)).map(([key, field]) => [key, field])).toEqual([
        ['blueprint:Lamp', 'model'],
      ])
    })
  })

  test('a project in a subfolder, its neighbours untouched', async () => {
    const start = await plaza(layout, 'games/plaza/')
    let ours = await edit(start, layout, 'one', move(5), 'games/plaza/')
    ours = await trees.commit(ours, {
      'games/other/world.json': 'not ours',
      'apps/Lamp/Lamp.json': '{',
      'games/plaza/assets/Lamp.glb': 'NEW',
    })
    const theirs = await world(
      start,
      layout,
      [putEntity('one', { ...PLACE, pinned: true }), putEntity('two', { ...PLACE, pinned: true })],
      'games/plaza/',
    )
    const { state, tree, incoming, outgoing } = await merged(start, ours, theirs, 'games/plaza/')
    expect(state).toMatchObject({
      'entity:one': { position: [5, 0, 0], pinned: true },
      'entity:two': { pinned: true },
      'blueprint:Lamp': { model: 'content:NEW' },
    })
    expect(incoming.every(({ path }) => path.startsWith('games/plaza/'))).toBe(true)
    expect(outgoing.every((path) => !path.startsWith('games/'))).toBe(true)
    expect(await trees.text(tree, 'games/other/world.json')).toBe('not ours')
    expect(await trees.text(tree, 'apps/Lamp/Lamp.json')).toBe('{')
  })

  test('without a base: what both have agrees, what one has is kept', async () => {
    const ours = await edit(await plaza(layout), layout, 'mine', (entity) => ({ ...PLACE, ...entity }))
    const theirs = await world(await plaza(layout), layout, [putEntity('four', PLACE)])
    const { state } = await merged(undefined, ours, theirs)
    expect(Object.keys(state)).toEqual(expect.arrayContaining(['entity:mine', 'entity:four', 'entity:one']))
  })

  test('invalid JSON of ours: the error names file, line and column', async () => {
    const path = layout === 'split' ? entityFile('one') : 'world.json'
    const theirs = await world(base, layout, [putEntity('two', { ...PLACE, pinned: true })])
    const cases: readonly (readonly [string, RegExp])[] = [
      ['{\n  "id": "one",\n}\n', /:3:1: a comma before/],
      ['', /:1:1: unexpected end/],
      ['<<<<<<< HEAD\n', /:1:1: conflict markers/],
      ['[]', /:1:1: is not a JSON object/],
    ]
    for (const [text, message] of cases) {
      const error = await merge(base, await trees.commit(base, { [path]: text }), theirs).catch(
        (reason: unknown) => reason,
      )
      if (!(error instanceof SyncError)) throw new Error(`no SyncError for ${text}`)
      expect(error).toMatchObject({ code: 'invalid_files' })
      expect(error.message).toMatch(message)
      expect(error.message.startsWith(`${path}:`)).toBe(true)
      expect(error.hint).toBeTruthy()
    }
  })

  test('a line that cannot be read is an error, never a deletion', async () => {
    const ours = await edit(base, layout, 'one', move(5))
    const broken = await trees.commit(base, { [layout === 'split' ? entityFile('one') : 'world.json']: '{' })
    await expect(merge(base, ours, broken)).rejects.toMatchObject({ code: 'invalid_files' })
  })

  test('M7 swapping the sides swaps the contests, and gives one state where there are none', async () => {
    const ours = await edit(base, layout, 'one', (entity) => ({ ...entity, pinned: true, props: { a: 1 } }))
    const theirs = await edit(base, layout, 'one', (entity) => ({ ...entity, position: [1, 1, 1], props: { b: 1 } }))
    expect((await merged(base, ours, theirs)).state).toEqual((await merged(base, theirs, ours)).state)
  })

  test('law: disjoint changes of both sides are all applied', async () => {
    const ids = ['one', 'two', 'three', 'four', 'five']
    const change = fc.constantFrom('none', 'move', 'prop', 'remove')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), change), { minLength: 5, maxLength: 5 }), async (plan) => {
        let ours = base
        const effects: Effect[] = []
        const all: Effect[] = []
        for (const [index, [mine, kind]] of plan.entries()) {
          const id = ids[index]!
          if (kind === 'none') continue
          const fields = kind === 'move' ? { ...PLACE, position: [index + 1, 0, 0] } : { ...PLACE, props: { n: index } }
          const effect = kind === 'remove' ? remove('entity', id) : putEntity(id, fields)
          all.push(effect)
          if (!mine) effects.push(effect)
          else
            ours = await edit(ours, layout, id, (entity) => (kind === 'remove' ? undefined : { ...entity, ...fields }))
        }
        const theirs = await world(base, layout, effects)
        const both = await world(base, layout, all)
        const result = await merged(base, ours, theirs)
        expect(result.state).toEqual(await trees.state(both))
        expect((await merged(base, theirs, ours)).state).toEqual(result.state)
        if (effects.length === 0) expect(result.tree).toBe(await treeOf(ours))
        if (effects.length === all.length) expect(result.tree).toBe(await treeOf(theirs))
      }),
      tries(15),
    )
  })
})

function clean(effect: Effect): Effect {
  return JSON.parse(JSON.stringify(effect)) as Effect
}

test('a blueprint of theirs that is spelled anew for its assets stays without scripts', async () => {
  const base = await plaza('manifest')
  const model = await trees.asset('asset://c.glb', 'C')
  const ours = await world(base, 'manifest', [putEntity('four', { ...PLACE, props: { model: { url: model } } })])
  const theirs = await world(base, 'manifest', [
    putBlueprint('LAMP', { scriptRef: 'Lamp' }),
    putBlueprint('LAMP', { model, desc: 'plain' }),
  ])
  const { state } = await merged(base, ours, theirs)
  expect(state['blueprint:LAMP']).toEqual({ name: 'LAMP', desc: 'plain', model: 'content:C' })
})

describe('law: blueprints with scripts, variants and assets', () => {
  const contents = fc.constantFrom('A', 'B', 'C')
  const fields = fc.record({
    kind: fc.constantFrom('none', 'root', 'two', 'variant'),
    model: fc.option(contents),
    desc: fc.nat(2),
  })
  const change = (id: fc.Arbitrary<string>) =>
    fc.tuple(id, fc.option(fields, { freq: 4 }), fc.boolean()).map(([id, fields, blueprint]): Effect => {
      if (fields === null) return remove(blueprint ? 'blueprint' : 'entity', id)
      const url = fields.model === null ? null : `asset://${fields.model}.glb`
      if (!blueprint) return putEntity(id, { ...PLACE, props: url === null ? {} : { model: { url } } })
      return putBlueprint(id, {
        // Names of files are derived from these, so that assets collide.
        name: 'Lamp',
        desc: String(fields.desc),
        model: url,
        ...(fields.kind === 'variant' && id !== 'Lamp' ? { scriptRef: 'Lamp' } : {}),
        ...(fields.kind === 'root' ? { scriptFiles: { 'index.js': `asset://${id}1.js` } } : {}),
        ...(fields.kind === 'two'
          ? { scriptFiles: { 'main.ts': `asset://${id}2.js`, 'lib/a.js': `asset://${id}3.js` } }
          : {}),
      })
    })
  const mine = ['Lamp__a', 'Lamp__b', 'Tree', 'lamp']
  const other = ['Lamp__c', 'Lamp', 'Tree__x', 'LAMP']
  const changes = (ids: readonly string[]) => fc.array(change(fc.constantFrom(...ids)), { maxLength: 5 })

  test.each(LAYOUTS)('M7 what each side did to objects of its own is all there, %s', async (layout) => {
    for (const content of ['A', 'B', 'C']) await trees.asset(`asset://${content}.glb`, content)
    for (const id of [...mine, ...other])
      for (const n of [1, 2, 3]) await trees.asset(`asset://${id}${n}.js`, `${id} ${n}`)
    await fc.assert(
      fc.asyncProperty(changes([...mine, ...other]), changes(mine), changes(other), async (before, ours, theirs) => {
        const base = await plaza(layout, '', before)
        const there = await world(base, layout, theirs)
        const here = await world(base, layout, ours)
        const both = await world(base, layout, [...ours, ...theirs])
        const expected = await trees.state(both)
        const broken = dangling(expected)
        const known = [...dangling(await trees.state(here)), ...dangling(await trees.state(there))]
        if (broken.some((name) => !known.includes(name))) {
          // M6: a blueprint went on one side while the other came to use it.
          for (const [one, two] of [
            [here, there],
            [there, here],
          ] as const) {
            const { contested } = await merge(base, one, two)
            expect(contested.flatMap(({ fields }) => fields).some((field) => field.dangling !== undefined)).toBe(true)
          }
          return
        }
        const result = await merged(base, here, there)
        expect(result.state).toEqual(expected)
        expect((await merged(base, there, here)).state).toEqual(expected)
        // Nobody's content vanishes: what objects name is there, or the state could not be read.
        expect((await merged(base, base, there)).tree).toBe(await treeOf(there))
        expect((await merged(base, here, base)).tree).toBe(await treeOf(here))
      }),
      tries(10),
    )
  })
})

describe('files that were moved', () => {
  test('M8 an entity’s file is where we put it, whatever the world does', async () => {
    const base = await plaza('split')
    const text = (await trees.text(base, entityFile('one')))!
    const ours = await trees.commit(base, { [entityFile('one')]: undefined, 'world/entities/park/lamp.json': text })
    const theirs = await world(base, 'split', [putEntity('one', { ...PLACE, pinned: true })])
    const { tree, state } = await merged(base, ours, theirs)
    expect(state['entity:one']).toMatchObject({ pinned: true })
    expect(await trees.text(tree, entityFile('one'))).toBeUndefined()
    expect(await trees.text(tree, 'world/entities/park/lamp.json')).toContain('"pinned": true')
    // And at the next merge, whose base is on the line.
    const next = await trees.commit(ours, {
      'world/entities/park/lamp.json': await trees.text(tree, 'world/entities/park/lamp.json'),
    })
    const later = await world(theirs, 'split', [putEntity('one', { ...PLACE, pinned: true, position: [9, 0, 0] })])
    expect((await merged(theirs, next, later)).state['entity:one']).toMatchObject({ position: [9, 0, 0] })
    const gone = await merged(theirs, next, await world(theirs, 'split', [remove('entity', 'one')]))
    expect(await trees.text(gone.tree, 'world/entities/park/lamp.json')).toBeUndefined()
  })

  test('a copy that kept its id is an error that names both files', async () => {
    const base = await plaza('split')
    const theirs = await world(base, 'split', [putEntity('two', { ...PLACE, pinned: true })])
    const copied = await trees.commit(base, {
      'world/entities/park/copy.json': await trees.text(base, entityFile('one')),
    })
    await expect(merge(base, copied, theirs)).rejects.toMatchObject({
      code: 'invalid_files',
      message: expect.stringContaining('park/copy.json') as string,
    })
  })

  test('a copied app folder is a new object, said aloud', async () => {
    const base = await plaza('split')
    const app = await trees.commit(base, {
      'apps/Copy/Copy.json': await trees.text(base, 'apps/Lamp/Lamp.json'),
      'apps/Copy/index.js': 'x',
    })
    const { notes, objects } = await merge(base, app, base)
    expect([...objects.keys()]).toEqual(['blueprint:Copy'])
    expect(notes).toEqual([
      { kind: 'copy', key: 'blueprint:Copy', path: 'apps/Copy/Copy.json', of: 'apps/Lamp/Lamp.json' },
    ])
  })

  test('a blueprint added here, which the world has elsewhere, is one object (M1)', async () => {
    const base = await plaza('split')
    const ours = await trees.commit(base, { 'apps/stuff/thing.json': { id: 'Thing', name: 'Thing', desc: 'mine' } })
    const theirs = await world(base, 'split', [putBlueprint('Thing', { desc: 'mine', author: 'them' })])
    const { tree, state } = await merged(base, ours, theirs)
    expect(state['blueprint:Thing']).toEqual({ name: 'Thing', desc: 'mine', author: 'them' })
    expect(await trees.text(tree, 'apps/Thing/Thing.json')).toBeUndefined()
  })

  test('shared modules merge as text', async () => {
    const line = trees.line(undefined)
    const module = async (text: string) =>
      putBlueprint('Lamp', {
        scriptFiles: {
          'index.js': await trees.asset('asset://i.js', 'i'),
          '@shared/u.js': await trees.asset(`asset://${Buffer.from(text).toString('hex')}.js`, text),
        },
      })
    const base = await line.apply(await module('a\nb\nc\nd\n'))
    const ours = await trees.commit(base, { 'shared/u.js': 'A\nb\nc\nd\n', 'shared/v.js': 'v' })
    const theirs = await world(base, 'split', [await module('a\nb\nc\nD\n')])
    const { tree } = await merged(base, ours, theirs)
    expect(await trees.text(tree, 'shared/u.js')).toBe('A\nb\nc\nD\n')
    expect(await trees.text(tree, 'shared/v.js')).toBe('v')
  })
})

describe('the settings and the spawn cannot go', () => {
  test.each(['world/settings.json', 'world/spawn.json'])('%s missing is an error that says so', async (path) => {
    const base = await plaza('split')
    const ours = await trees.commit(base, { [path]: undefined })
    const moved = await world(base, 'split', [
      path.includes('spawn')
        ? { kind: 'spawn', spawn: { position: [1, 0, 0], quaternion: [0, 0, 0, 1] } }
        : { kind: 'setting', key: 'title', value: 'x' },
    ])
    for (const theirs of [base, moved]) {
      await expect(merge(base, ours, theirs)).rejects.toMatchObject({
        code: 'invalid_files',
        exitCode: 1,
        message: expect.stringMatching(new RegExp(`^${path}: is missing; restore it`)) as string,
      })
    }
    // Restored, or never there.
    const back = await trees.commit(ours, { [path]: await trees.text(base, path), 'shared/a.js': 'a' })
    expect((await merged(base, back, base)).tree).toBe(await treeOf(back))
    const line = trees.line(undefined)
    const empty = await line.apply(putEntity('one', PLACE))
    const mine = await trees.commit(empty, { 'shared/a.js': 'a' })
    expect((await merged(empty, mine, empty)).tree).toBe(await treeOf(mine))
  })
})

describe('G8 layouts', () => {
  const split = async (commit: Oid): Promise<Files> => {
    const manifest = await json(commit, 'world.json')
    const files: Record<string, JsonObject | undefined> = {
      'world.json': undefined,
      'world/settings.json': manifest.settings as JsonObject,
      'world/spawn.json': manifest.spawn as JsonObject,
    }
    for (const entity of manifest.entities as readonly JsonObject[]) {
      const { state, ...rest } = entity
      files[entityFile(entity.id as string)] = rest as JsonObject
    }
    return files
  }

  test('a line in another layout deletes nothing', async () => {
    const base = await plaza('manifest')
    const theirs = await trees.commit(base, await split(base))
    const ours = await edit(base, 'manifest', 'one', (entity) => ({ ...entity, pinned: true }))
    const outcome = await merge(base, ours, theirs).catch((error: unknown) => error)
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'layout_mismatch' })
    else throw new Error('merged two layouts')
    expect((await merged(base, base, theirs)).tree).toBe(await treeOf(theirs))
  })

  test('world.json that we deleted does not come back empty', async () => {
    const base = await plaza('manifest')
    const ours = await trees.commit(base, { 'world.json': undefined })
    const { tree } = await merged(base, ours, base)
    expect(tree).toBe(await treeOf(ours))
  })
})

test('a problem is told like a compiler’s', () => {
  expect(describeProblem({ path: 'world.json', line: 12, column: 3, code: 'syntax', message: 'no' })).toBe(
    'world.json:12:3: no',
  )
  expect(describeProblem({ path: 'world.json', code: 'syntax', message: 'no' })).toBe('world.json: no')
})
