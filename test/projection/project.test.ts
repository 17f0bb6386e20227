import { describe, expect, test } from 'vitest'
import { assetValue } from '../../src/projection/asset-value.ts'
import { assetPaths, layoutOf, readProject } from '../../src/projection/project.ts'
import { objectKey, SETTINGS, SPAWN } from '../../src/world/state.ts'

type Tree = Record<string, unknown>

/** Objects are written as JSON; the id of each file is made of its place. */
function read(tree: Tree) {
  const paths = Object.keys(tree)
  const asked: string[] = []
  const project = readProject(
    paths.map((path, i) => ({ path, oid: i.toString(16).padStart(40, '0') })),
    (path) => {
      asked.push(path)
      const value = tree[path]
      return value === undefined
        ? undefined
        : new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
    },
  )
  const oidOf = (path: string) => paths.indexOf(path).toString(16).padStart(40, '0')
  return { ...project, asked, oidOf }
}

const lamp = {
  id: 'e1',
  blueprint: 'Lamp',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
}
const manifest = (entities: unknown[]) => ({ formatVersion: 2, settings: {}, spawn: {}, entities })

test('a split project', () => {
  const project = read({
    'world/settings.json': { title: 'Hello' },
    'world/spawn.json': { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
    'world/entities/0a/e1.json': { ...lamp, props: { sky: { url: 'assets/Sky.JPG' } } },
    'apps/Lamp/Lamp.json': { model: 'assets/Lamp.glb' },
    'apps/Lamp/index.js': 'code',
    'apps/Lamp/Big.json': {},
    'shared/a.ts': 'code',
    'assets/Lamp.glb': 'bytes',
    'assets/Sky.JPG': 'bytes',
    'README.md': 'text',
    'world/notes.md': 'text',
  })
  expect(project.problems).toEqual([])
  expect(project.layout).toBe('split')
  expect(project.asked.every((path) => path.endsWith('.json'))).toBe(true)
  expect(project.assets).toEqual(
    new Map([
      ['assets/Lamp.glb', assetValue(project.oidOf('assets/Lamp.glb'), 'glb')],
      ['assets/Sky.JPG', assetValue(project.oidOf('assets/Sky.JPG'), 'jpg')],
    ]),
  )
  expect(Object.fromEntries(project.paths)).toEqual({
    settings: 'world/settings.json',
    spawn: 'world/spawn.json',
    'entity:e1': 'world/entities/0a/e1.json',
    'blueprint:Lamp': 'apps/Lamp/Lamp.json',
    'blueprint:Lamp__Big': 'apps/Lamp/Big.json',
    'shared:a.ts': 'shared/a.ts',
  })
  expect(project.state.get(objectKey('blueprint', 'Lamp'))!.fields).toEqual({
    name: 'Lamp',
    model: assetValue(project.oidOf('assets/Lamp.glb'), 'glb'),
    scriptRef: 'Lamp__Big',
  })
  expect(project.state.get(objectKey('blueprint', 'Lamp__Big'))!.fields).toEqual({
    name: 'Big',
    scriptEntry: 'index.js',
    scriptFiles: { 'index.js': assetValue(project.oidOf('apps/Lamp/index.js'), 'js') },
  })
  expect(project.state.get(objectKey('shared', 'a.ts'))!.fields).toEqual({
    content: assetValue(project.oidOf('shared/a.ts'), 'ts'),
  })
})

test('a manifest project', () => {
  const project = read({ 'world.json': manifest([lamp]), 'apps/Lamp/Lamp.json': {} })
  expect(project).toMatchObject({ layout: 'manifest', problems: [] })
  expect([...project.state.keys()]).toEqual([SETTINGS, SPAWN, 'entity:e1', 'blueprint:Lamp'])
  expect(project.paths.get(objectKey('entity', 'e1'))).toBe('world.json')
})

test('an empty tree is no world', () => {
  expect(read({})).toMatchObject({ layout: 'none', problems: [] })
  expect(read({ 'README.md': '' }).state.size).toBe(0)
})

describe('problems', () => {
  test('both layouts in one tree', () => {
    const project = read({
      'world.json': manifest([lamp]),
      'world/entities/0a/e1.json': lamp,
      'apps/Lamp/Lamp.json': {},
    })
    expect(project.layout).toBe('split')
    expect(project.problems).toMatchObject([{ path: 'world.json', code: 'both_layouts' }])
  })

  test('two files with one id, each named', () => {
    const project = read({
      'apps/Lamp/Lamp.json': {},
      'apps/Other/x.json': { id: 'Lamp' },
      'world/entities/0a/e1.json': lamp,
      'world/entities/0b/copy.json': lamp,
    })
    expect(project.problems).toEqual([
      {
        path: 'world/entities/0b/copy.json',
        code: 'duplicate_id',
        message: 'world/entities/0a/e1.json and world/entities/0b/copy.json have the same id: e1',
      },
      {
        path: 'apps/Other/x.json',
        code: 'duplicate_id',
        message: 'apps/Lamp/Lamp.json and apps/Other/x.json have the same id: Lamp',
      },
    ])
  })

  test('an entity of an unknown blueprint; templates of the runtime are known', () => {
    const project = read({
      'world/entities/0a/e1.json': lamp,
      'world/entities/0a/e2.json': { ...lamp, id: 'e2', blueprint: 'Model' },
    })
    expect(project.problems).toEqual([
      {
        path: 'world/entities/0a/e1.json',
        code: 'unknown_blueprint',
        message: 'entity e1 names the blueprint Lamp, which does not exist',
      },
    ])
  })

  test('every file that is wrong is named, the rest is read', () => {
    const project = read({
      'world/settings.json': '[',
      'world/spawn.json': { position: 1 },
      'world/entities/0a/e1.json': '{\n<<<<<<< ours\n',
      'apps/Lamp/Lamp.json': { model: 'assets/gone.glb' },
      'apps/Other/Other.json': {},
      'world/entities/0a/e2.json': undefined,
    })
    expect(project.problems.map((p) => [p.path, p.code, p.line])).toEqual([
      ['world/settings.json', 'syntax', 1],
      ['world/spawn.json', 'invalid', 1],
      ['world/entities/0a/e1.json', 'conflict_markers', 2],
      ['world/entities/0a/e2.json', 'missing_file', undefined],
      ['apps/Lamp/Lamp.json', 'missing_asset', 1],
    ])
    expect([...project.state.keys()]).toEqual(['blueprint:Other'])
  })
})

test.each([
  [[], 'none'],
  [['apps/Lamp/Lamp.json', 'assets/x'], 'none'],
  [['world.json'], 'manifest'],
  [['world/settings.json'], 'split'],
  [['world/entities/0a/e.json', 'world.json'], 'both'],
  [['world/notes.md', 'world.json'], 'manifest'],
])('layoutOf(%j) = %s', (paths, layout) => {
  expect(layoutOf(paths)).toBe(layout)
})

test('of several files with one content, writers name the first', () => {
  const value = assetValue('1'.repeat(40), 'glb')
  const paths = assetPaths(
    new Map([
      ['assets/b.glb', value],
      ['assets/a.glb', value],
    ]),
  )
  expect(paths.pathOf(value)).toBe('assets/a.glb')
  expect(paths.pathOf(assetValue('2'.repeat(40), 'glb'))).toBeUndefined()
})
