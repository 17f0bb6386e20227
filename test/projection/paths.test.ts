import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  assetFile,
  blueprintFile,
  classify,
  entityFile,
  foldPath,
  isWorldOwned,
  unsafePath,
} from '../../src/projection/paths.ts'
import { anyId } from './worlds.ts'

const never = () => false

test.each([
  ['world.json', { kind: 'manifest' }],
  ['world/settings.json', { kind: 'settings' }],
  ['world/spawn.json', { kind: 'spawn' }],
  ['world/entities/0a/ent1.json', { kind: 'entity' }],
  ['world/entities/ent1.json', { kind: 'entity' }],
  ['world/entities/0a/b/ent1.json', { kind: 'entity' }],
  ['world/entities/0a/.ent1.json', { kind: 'other' }],
  ['world/notes.md', { kind: 'other' }],
  ['apps/Lamp/Lamp.json', { kind: 'blueprint', folder: 'Lamp' }],
  ['apps/$scene/-scene.json', { kind: 'blueprint', folder: '$scene' }],
  ['apps/Lamp/package.json', { kind: 'other' }],
  ['apps/Lamp/tsconfig.json', { kind: 'other' }],
  ['apps/Lamp/jsconfig.json', { kind: 'other' }],
  ['apps/Lamp/data/Lamp.json', { kind: 'other' }],
  ['apps/Lamp.json', { kind: 'other' }],
  ['apps/Lamp/index.js', { kind: 'script', folder: 'Lamp', path: 'index.js' }],
  ['apps/Lamp/lib/a.ts', { kind: 'script', folder: 'Lamp', path: 'lib/a.ts' }],
  ['apps/Lamp/a.mjs', { kind: 'other' }],
  ['apps/Lamp/node_modules/x/index.js', { kind: 'other' }],
  ['apps/Lamp/.git/hooks/a.js', { kind: 'other' }],
  ['apps/Lamp/.eslintrc.js', { kind: 'other' }],
  ['apps/Lamp/.js', { kind: 'other' }],
  ['apps/index.js', { kind: 'other' }],
  ['shared/a.js', { kind: 'shared', path: 'a.js' }],
  ['shared/deep/a.ts', { kind: 'shared', path: 'deep/a.ts' }],
  ['shared/a.json', { kind: 'other' }],
  ['assets/Lamp.glb', { kind: 'asset', name: 'Lamp.glb' }],
  ['assets/deep/Lamp', { kind: 'asset', name: 'deep/Lamp' }],
  ['assets', { kind: 'other' }],
  ['README.md', { kind: 'other' }],
  ['sub/world.json', { kind: 'other' }],
])('classify %s', (path, expected) => {
  expect(classify(path)).toEqual(expected)
})

test('world-owned files', () => {
  const owned = ['world.json', 'world/x', 'apps/a/b', 'shared/x.md', 'assets/a']
  const others = ['world.json.bak', 'worlds/x', 'apps', 'apps/', 'lobby.json', 'src/apps/a', '.lobby/x']
  expect(owned.filter((path) => !isWorldOwned(path))).toEqual([])
  expect(others.filter(isWorldOwned)).toEqual([])
})

describe('unsafe paths (S1)', () => {
  test.each([
    '',
    '/etc/passwd',
    '../x.js',
    'apps/../x.js',
    'apps/Lamp/..',
    './x',
    'apps//x.js',
    'apps/x/',
    'C:/x.js',
    'C:x.js',
    'apps\\x.js',
    '.git/config',
    'apps/.git/config',
    'apps/.GIT/config',
    'apps/git~1/config',
    'apps/GIT~2/x',
    'apps/.g\u200cit/config',
    'apps/\u200d.git/x',
    '\ufeff.git/x',
    'apps/.hidden.js',
    'apps/\u202ehidden/a',
    'apps/a\u2028b.ts',
    'apps/a\u200bb.ts',
    'apps/soft\u00adhyphen.js',
    'apps/tag\u{e0041}.js',
    'apps/.git::$INDEX_ALLOCATION/x',
    'apps/con',
    'apps/CON.js',
    'apps/nul.tar.gz',
    'apps/aux .js',
    'apps/com1.js',
    'apps/COM¹.js',
    'apps/lpt9',
    'apps/conin$',
    'apps/x.',
    'apps/x ',
    'apps/x./y',
    'apps/a\nb.js',
    'apps/a\u001b[2J.js',
    'apps/a\u0085b',
    'apps/a\0b',
    `apps/${'é'.repeat(128)}.js`,
    `apps/${'a'.repeat(256)}`,
    `${'a/'.repeat(600)}a`,
    'apps/\ud800.js',
    'apps/\u2024git/x',
    'apps/...',
    'apps/a:b.js',
    '.',
    '..',
  ])('refuses %j', (path) => {
    expect(unsafePath(path)).toBeTypeOf('string')
  })

  test.each([
    'apps/Lamp/index.js',
    'apps/$scene/$scene.json',
    'world/entities/0a/%63on.json',
    'assets/Größe 2.glb',
    'apps/Console/con-trol.js',
    'apps/com10/x.js',
    'apps/gitlab/git~x.js',
    'shared/a..b.js',
    `assets/${'a'.repeat(255)}`,
  ])('lets %j be', (path) => {
    expect(unsafePath(path)).toBeUndefined()
  })
})

describe('entity files (G8)', () => {
  test.each([
    ['ent0000001', 'ent0000001'],
    ['ItLv2e1Ebl', '+it+lv2e1+ebl'],
    ['a_b-c', 'a_b-c'],
    ['+a', '%2ba'],
    ['%61', '%2561'],
    ['.git', '%2egit'],
    ['con', '%63on'],
    ['com1', '%63om1'],
    ['Con', '+con'],
    ['é', '%c3%a9'],
    ['', '%'],
    ['a/b', 'a%2fb'],
  ])('%j is named %s', (id, name) => {
    expect(entityFile(id)).toMatch(/^world\/entities\/[0-9a-f]{2}\//)
    expect(entityFile(id).split('/')[3]).toBe(`${name}.json`)
  })

  const hostile = fc.oneof(
    anyId,
    fc.string({ unit: 'binary' }),
    fc.string({ minLength: 150, maxLength: 400 }),
    fc.string({ unit: fc.constantFrom(...'aA+%.~/ é\ud800\ufffd') }),
  )

  test('names are safe, short and of the entity kind', () => {
    fc.assert(
      fc.property(hostile, (id) => {
        const path = entityFile(id)
        expect(unsafePath(path)).toBeUndefined()
        expect(classify(path)).toEqual({ kind: 'entity' })
        expect(path).toMatch(/^[\x21-\x7e]+$/)
      }),
      { numRuns: 1000 },
    )
  })

  test('names are injective, also where case folds and Unicode is normalised', () => {
    fc.assert(
      fc.property(hostile, hostile, (a, b) => {
        for (const other of [b, a.toLowerCase(), a.toUpperCase(), a.normalize('NFD'), `${a}.`]) {
          if (other !== a) expect(foldPath(entityFile(other))).not.toBe(foldPath(entityFile(a)))
        }
      }),
      { numRuns: 1000 },
    )
    const long = 'x'.repeat(1000)
    expect(entityFile(`${long}a`)).not.toBe(entityFile(`${long}b`))
    expect(entityFile('\ud800')).not.toBe(entityFile('\ufffd'))
  })

  test('shards spread', () => {
    const shards = new Set(Array.from({ length: 5000 }, (_, i) => entityFile(`ent${i}`).split('/')[2]))
    expect(shards.size).toBe(256)
  })
})

describe('blueprint files (protocol, section 8)', () => {
  test.each([
    ['Lamp', undefined, undefined, 'apps/Lamp/Lamp.json'],
    ['Lamp__Big', 'Whatever', undefined, 'apps/Lamp/Big.json'],
    ['Lamp__Big__Red', undefined, undefined, 'apps/Lamp/Big__Red.json'],
    ['$scene', 'Scene', undefined, 'apps/$scene/$scene.json'],
    ['$other', undefined, undefined, 'apps/-other/-other.json'],
    ['Lamp', undefined, 'Root', 'apps/Root/Lamp.json'],
    ['Lamp__Big', undefined, 'Root', 'apps/Root/Big.json'],
    ['ItLv2e1Ebl', 'Red Lamp', undefined, 'apps/Red Lamp/Red Lamp.json'],
    ['ItLv2e1Ebl', 'Red Lamp', 'Root', 'apps/Root/Red Lamp.json'],
    ['ItLv2e1Ebl', undefined, undefined, 'apps/ItLv2e1Ebl/ItLv2e1Ebl.json'],
    ['0d5b318a-91c6-49fd-a188-bf28322a9bcf', 'Tree', undefined, 'apps/Tree/Tree.json'],
    ['ent0000002', 'Tree', undefined, 'apps/ent0000002/ent0000002.json'],
    ['streetLampOld', 'Tree', undefined, 'apps/streetLampOld/streetLampOld.json'],
    ['../../etc', undefined, undefined, 'apps/-..-etc/-..-etc.json'],
    ['..', undefined, undefined, 'apps/app/app.json'],
    ['con', undefined, undefined, 'apps/_con/_con.json'],
    ['node_modules', undefined, undefined, 'apps/_node_modules/_node_modules.json'],
    ['package', undefined, undefined, 'apps/package_1/package_1.json'],
    ['Lamp__package', undefined, undefined, 'apps/Lamp/package_1.json'],
    ['__x', undefined, undefined, 'apps/__x/__x.json'],
    ['x__', undefined, undefined, 'apps/x/app.json'],
  ])('%s named %s, root in %s', (id, name, root, expected) => {
    expect(blueprintFile(id, name, root, never)).toBe(expected)
  })

  test('collisions are numbered, also where only case differs', () => {
    const taken = new Set(['apps/lamp/lamp.json', 'apps/Lamp_1/Lamp_1.json', 'apps/lamp/Big.json'])
    expect(blueprintFile('LAMP', undefined, undefined, (p) => taken.has(p))).toBe('apps/LAMP_1/LAMP_1.json')
    expect(blueprintFile('Lamp', undefined, undefined, (p) => taken.has(p))).toBe('apps/Lamp_2/Lamp_2.json')
    expect(blueprintFile('lamp__Big', undefined, undefined, (p) => taken.has(p))).toBe('apps/lamp/Big_1.json')
  })

  test('a folder with another root is kept out of', () => {
    const folderTaken = (folder: string) => folder === 'lamp'
    expect(blueprintFile('Lamp__Big', undefined, undefined, never, folderTaken)).toBe('apps/Lamp__Big/Lamp__Big.json')
    expect(blueprintFile('Lamp', undefined, undefined, never, folderTaken)).toBe('apps/Lamp_1/Lamp_1.json')
    expect(blueprintFile('Lamp__Big', undefined, 'Lamp', never, folderTaken)).toBe('apps/Lamp/Big.json')
  })

  test('whatever the world says, the file is safe and is read as a blueprint (S1)', () => {
    fc.assert(
      fc.property(
        fc.oneof(anyId, fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 500 })),
        fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
        (id, name) => {
          const path = blueprintFile(id, name, undefined, never)
          expect(unsafePath(path)).toBeUndefined()
          expect(classify(path).kind).toBe('blueprint')
        },
      ),
      { numRuns: 1000 },
    )
  })
})

test.each([
  ['Lamp', 'glb', 'assets/Lamp.glb'],
  ['$scene__image', 'PNG', 'assets/scene__image.png'],
  ['.hidden', '', 'assets/hidden'],
  ['../../x', 'j/s', 'assets/-..-x.js'],
  ['', 'png', 'assets/asset.png'],
  ['nul', 'png', 'assets/_nul.png'],
  ['taken', 'png', 'assets/taken_2.png'],
])('asset %j.%s → %s', (base, extension, expected) => {
  const taken = new Set(['assets/taken.png', 'assets/taken_1.png'])
  expect(assetFile(base, extension, (path) => taken.has(path))).toBe(expected)
  expect(unsafePath(expected)).toBeUndefined()
})
