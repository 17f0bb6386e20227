import { beforeEach, describe, expect, test } from 'vitest'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { readUnits } from '../../src/git-bridge/tree-objects.ts'
import { addUnit, inUnits, type Units, unitsOf } from '../../src/git-bridge/units.ts'
import { type Files, Trees } from './world-trees.ts'

let trees: Trees

beforeEach(async () => {
  trees = await Trees.open()
})

const FILES: Files = {
  'world/settings.json': { title: 'Plaza' },
  'world/spawn.json': { position: [0, 0, 0] },
  'world/entities/aa/one.json': { id: 'one', blueprint: 'Lamp', props: { m: { url: 'assets/m.glb' } } },
  'world/entities/bb/two.json': { id: 'two', blueprint: 'Lamp' },
  'apps/Lamp/Lamp.json': { name: 'Lamp' },
  'apps/Lamp/Big.json': { id: 'Big', name: 'Big' },
  'apps/Lamp/index.js': 'i',
  'apps/Lamp/package.json': '{ broken',
  'apps/Scripts/only.js': 'x',
  'shared/u.js': 'u',
  'assets/m.glb': 'M',
  'README.md': 'r',
}

const read = (treeish: Oid | undefined, units: Units, prefix = '') =>
  readUnits(trees.repository, treeish, prefix, units)

describe('readUnits', () => {
  test('reads the units that were asked for, and nothing else', async () => {
    const commit = await trees.commit(undefined, { ...FILES, 'world/entities/cc/broken.json': '{' })
    const some = await read(commit, unitsOf(['world/entities/aa/one.json', 'shared/u.js']))
    expect([...some.objects.keys()].sort()).toEqual(['entity:one', 'shared:u.js'])
    expect(some.problems).toEqual([])
    const app = await read(commit, unitsOf(['apps/Lamp/index.js']))
    expect([...app.objects].map(([key, { path }]) => [key, path])).toEqual([
      ['blueprint:Big', 'apps/Lamp/Big.json'],
      ['blueprint:Lamp', 'apps/Lamp/Lamp.json'],
    ])
    expect([...app.assets.keys()]).toEqual(['assets/m.glb'])
  })

  test('everything at once agrees with reading the project', async () => {
    const commit = await trees.commit(undefined, FILES)
    const units = unitsOf(await trees.paths(commit))
    const { objects, problems } = await read(commit, units)
    const project = await trees.project(commit)
    expect(problems).toEqual([])
    expect(new Map([...objects].map(([key, { object }]) => [key, object]))).toEqual(project.state)
    expect(new Map([...objects].map(([key, { path }]) => [key, path]))).toEqual(project.paths)
  })

  test('what is not there, and the empty tree', async () => {
    const commit = await trees.commit(undefined, FILES)
    const none = await read(commit, unitsOf(['world/entities/zz/none.json', 'apps/None/x.js', 'world.json']))
    expect(none).toMatchObject({ problems: [], manifest: undefined })
    expect(none.objects.size).toBe(0)
    expect((await read(undefined, unitsOf(Object.keys(FILES)))).objects.size).toBe(0)
    expect((await read(commit, unitsOf(['apps/Scripts/only.js']))).objects.size).toBe(0)
  })

  test('a manifest, with all that is in it', async () => {
    const manifest = {
      formatVersion: 2,
      settings: { title: 'x' },
      spawn: {},
      entities: [{ id: 'one', blueprint: 'Lamp', state: { n: 1 } }],
    }
    const commit = await trees.commit(undefined, { 'world.json': manifest })
    const { objects, manifest: said } = await read(commit, unitsOf(['world.json']))
    expect([...objects.keys()]).toEqual(['settings', 'spawn', 'entity:one'])
    expect(said?.states.get('entity:one' as never)).toEqual({ n: 1 })
  })

  test('S1 a symbolic link is no file of the world', async () => {
    const commit = await trees.commit(undefined, FILES)
    const [oid] = await trees.repository.writeBlobs([new TextEncoder().encode('/etc/passwd')])
    const link = { kind: 'put', oid: oid!, mode: '120000' } as const
    const tree = await trees.repository.writeTree((await trees.repository.readCommit(commit)).tree, [
      { ...link, path: 'world/entities/aa/one.json' },
      { ...link, path: 'world/settings.json' },
      { ...link, path: 'shared/u.js' },
      { ...link, path: 'apps/Lamp/Big.json' },
      { ...link, path: 'apps/Lamp/link.js' },
    ])
    const { objects } = await read(tree, unitsOf(Object.keys(FILES)))
    expect([...objects.keys()].sort()).toEqual(['blueprint:Lamp', 'entity:two', 'spawn'])
    expect(objects.get('blueprint:Lamp' as never)?.object.fields.scriptFiles).not.toHaveProperty('link.js')
  })

  test('one id in two files is told, naming both', async () => {
    const commit = await trees.commit(undefined, {
      ...FILES,
      'world/entities/zz/copy.json': { id: 'one', blueprint: 'Lamp' },
      'apps/Copy/Copy.json': { id: 'Lamp' },
    })
    const { problems } = await read(commit, unitsOf(await trees.paths(commit)))
    expect(problems.map(({ code, path }) => [code, path])).toEqual([
      ['duplicate_id', 'world/entities/zz/copy.json'],
      ['duplicate_id', 'apps/Lamp/Lamp.json'],
    ])
    expect(problems[0]?.message).toContain('world/entities/aa/one.json')
  })

  test('files that do not parse are told with their place', async () => {
    const commit = await trees.commit(undefined, {
      ...FILES,
      'world/entities/aa/one.json': '{\n  "id": "one"\n  "blueprint": "Lamp"\n}',
      'world/entities/bb/two.json': { id: 'two', blueprint: 'Lamp', props: { a: { url: 'assets/gone.png' } } },
      'apps/Lamp/Big.json': '<<<<<<< HEAD\n',
    })
    const { problems } = await read(commit, unitsOf(await trees.paths(commit)))
    expect(problems.map(({ code, path, line }) => [code, path, line])).toEqual([
      ['syntax', 'world/entities/aa/one.json', 3],
      ['missing_asset', 'world/entities/bb/two.json', expect.any(Number)],
      ['conflict_markers', 'apps/Lamp/Big.json', 1],
    ])
  })

  test('below a prefix', async () => {
    const below = Object.fromEntries(Object.entries(FILES).map(([path, content]) => [`games/plaza/${path}`, content]))
    const commit = await trees.commit(undefined, { ...below, 'assets/m.glb': 'another' })
    const { objects, assets } = await read(commit, unitsOf(Object.keys(FILES)), 'games/plaza/')
    expect(objects.get('entity:one' as never)?.path).toBe('world/entities/aa/one.json')
    expect([...assets.keys()]).toEqual(['assets/m.glb'])
    expect(objects.size).toBe(7)
  })
})

describe('units', () => {
  test('a path belongs to the smallest part that can be read alone', () => {
    const units = unitsOf([
      'world.json',
      'world/settings.json',
      'world/entities/aa/one.json',
      'apps/Lamp/lib/a.ts',
      'apps/Tree/Tree.json',
      'shared/a.js',
      'assets/a.png',
      'README.md',
      'apps/Lamp/README.md',
      'apps/Lamp/.hidden.js',
      'apps/Lamp/node_modules/x.js',
      'apps/Other/package.json',
      'world/notes.md',
    ])
    expect([...units.files]).toEqual(['world.json', 'world/settings.json', 'world/entities/aa/one.json', 'shared/a.js'])
    expect([...units.folders]).toEqual(['Lamp', 'Tree'])
    expect([...units.assets]).toEqual(['assets/a.png'])
    expect(inUnits(units, 'apps/Lamp/index.js')).toBe(true)
    expect(inUnits(units, 'apps/Lantern/index.js')).toBe(false)
    expect(inUnits(units, 'apps/Lamp/README.md')).toBe(false)
    expect(inUnits(units, 'world/entities/aa/two.json')).toBe(false)
    expect(inUnits(units, 'shared/a.js')).toBe(true)
    addUnit(units, 'apps/Lantern/index.js')
    expect(inUnits(units, 'apps/Lantern/Lantern.json')).toBe(true)
  })
})
