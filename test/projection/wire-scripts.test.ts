import { describe, expect, test } from 'vitest'
import { toWire } from '../../src/projection/wire.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { ok, store } from './asset-store.ts'

describe('scripts', () => {
  const scripted = (wire: JsonObject) => ok('blueprint', { id: 'Lamp', name: 'Lamp', ...wire })

  test('scriptFiles are split into the app’s and shared ones', () => {
    const read = scripted({
      scriptEntry: 'index.js',
      scriptFormat: 'module',
      script: 'asset://1.js',
      scriptFiles: {
        'index.js': 'asset://1.js',
        '@shared/a.js': 'asset://2.js',
        'shared/b/c.ts': 'asset://3.ts',
        'lib/x.ts': 'asset://4.ts',
      },
    })
    expect(read.scripts.map((s) => s.path)).toEqual(['index.js', 'lib/x.ts'])
    expect(read.shared.map((s) => s.path)).toEqual(['a.js', 'b/c.ts'])
    expect(read.object.fields).toMatchObject({ scriptEntry: 'index.js', scriptFormat: 'module' })
    expect(Object.keys(read.object.fields.scriptFiles as JsonObject)).toEqual(['index.js', 'lib/x.ts'])
  })

  test.each([
    ['a bare script is index.js', { script: 'asset://1.js' }, ['index.js'], 'index.js'],
    [
      'or what scriptEntry says',
      { script: 'asset://1.js', scriptEntry: 'main.js', scriptFiles: null },
      ['main.js'],
      'main.js',
    ],
    [
      'a script that its files lack is one more',
      { script: 'asset://1.js', scriptFiles: { 'a.js': 'asset://2.js' } },
      ['a.js', 'index.js'],
      'index.js',
    ],
    [
      'the entry is the file that is the script',
      { script: 'asset://2.js', scriptFiles: { 'a.js': 'asset://2.js', 'b.js': 'asset://3.js' } },
      ['a.js', 'b.js'],
      'a.js',
    ],
    [
      '.js and .ts are interchangeable',
      { script: 'asset://2.ts', scriptEntry: 'a.js', scriptFiles: { 'a.ts': 'asset://2.ts' } },
      ['a.ts'],
      'a.ts',
    ],
    [
      'an empty script is none',
      { script: '', scriptEntry: 'x.js', scriptFiles: {}, scriptFormat: 'module' },
      [],
      undefined,
    ],
    [
      'null is none',
      { script: null, scriptEntry: null, scriptFiles: null, scriptFormat: null, scriptRef: null },
      [],
      undefined,
    ],
    ['a reference to itself is none', { scriptRef: 'Lamp', script: 'asset://1.js' }, ['index.js'], 'index.js'],
  ])('%s', (_, wire, paths, entry) => {
    const { scripts, object, refused } = scripted(wire)
    expect(refused).toEqual([])
    expect(scripts.map((s) => s.path)).toEqual(paths)
    expect(object.fields.scriptEntry).toBe(entry)
    expect(Object.keys(object.fields)).not.toContain('script')
    if (paths.length === 0) expect(object.fields).toEqual({ name: 'Lamp' })
  })

  test('a variant carries its reference and no scripts', () => {
    const read = scripted({ scriptRef: 'Root', script: 'asset://1.js', scriptFiles: { 'a.js': 'asset://1.js' } })
    expect(read).toMatchObject({ scripts: [], shared: [], object: { fields: { name: 'Lamp', scriptRef: 'Root' } } })
    expect(toWire(read.object, String)).toEqual({ id: 'Lamp', name: 'Lamp', scriptRef: 'Root' })
  })

  test('S1: names that are one where case folds or Unicode is normalised are one; the entry stays', () => {
    const names = [
      'INDEX.js',
      'index.js',
      'lib/caf\u00e9.js',
      'Lib/cafe\u0301.js',
      '@shared/a.js',
      'shared/A.js',
      'x.js',
      'X.JS/y.js',
    ]
    const read = scripted({
      scriptEntry: 'index.js',
      script: 'asset://1.js',
      scriptFiles: Object.fromEntries(names.map((name) => [name, 'asset://1.js'])),
    })
    expect(read.scripts.map(({ path }) => path)).toEqual(['index.js', 'lib/caf\u00e9.js', 'x.js'])
    expect(read.shared.map(({ path }) => path)).toEqual(['a.js'])
    expect(read.refused).toEqual([
      'script "INDEX.js" is there twice',
      'script "Lib/cafe\u0301.js" is there twice',
      'script "shared/A.js" is there twice',
      'script "X.JS/y.js" is a file and a folder at once',
    ])
    // An entry need not be among the files (protocol, section 5).
    const other = scripted({
      scriptEntry: 'index.js',
      script: 'asset://1.js',
      scriptFiles: { 'Index.js': 'asset://1.js' },
    })
    expect(other.scripts.map(({ path }) => path)).toEqual(['Index.js'])
  })

  test('bytes that are not to be had leave the raw URL (G4)', () => {
    const read = scripted({
      model: 'asset://gone',
      scriptFiles: { 'index.js': 'asset://gone' },
      script: 'asset://gone',
    })
    expect(read.scripts).toEqual([{ path: 'index.js', value: 'asset://gone' }])
    expect(read.object.fields).toMatchObject({ model: 'asset://gone', scriptFiles: { 'index.js': 'asset://gone' } })
  })

  test('toWire takes the whole map of scripts, shared modules included', () => {
    const { assetOf, urlOf } = store()
    const { object } = ok('blueprint', { id: 'Lamp', name: 'Lamp', script: 'asset://1.js' }, assetOf)
    const scriptFiles = { 'index.js': 'asset://new.js', '@shared/a.js': 'asset://2.js' }
    expect(toWire(object, urlOf, scriptFiles)).toEqual({
      id: 'Lamp',
      name: 'Lamp',
      scriptEntry: 'index.js',
      scriptFiles,
      script: 'asset://new.js',
    })
    expect(toWire(object, urlOf)).toMatchObject({ script: 'asset://1.js', scriptFiles: { 'index.js': 'asset://1.js' } })
  })

  test.each([
    '../x.js',
    '/x.js',
    'a//x.js',
    './x.js',
    'a\\x.js',
    '.hidden.js',
    'lib/.x.js',
    '.git/x.js',
    'GIT~1/x.js',
    'con.js',
    'x',
    'x.json',
    'x.mjs',
    'node_modules/x.js',
    '@shared/../x.js',
    '@shared/.x.js',
    'shared/x',
    '@shared/',
    'Lamp.json/x.js',
    'a\u0000.js',
    '',
    'C:x.js',
    'dir.js ',
  ])('refuses the script %j and keeps the rest (S1)', (path) => {
    const read = scripted({
      scriptFiles: { [path]: 'asset://x.js', 'index.js': 'asset://1.js' },
      script: 'asset://1.js',
      scriptEntry: 'index.js',
    })
    expect(read.refused.length).toBe(1)
    expect(read.refused[0]).toContain(JSON.stringify(path))
    expect(read.scripts.map((s) => s.path)).toEqual(['index.js'])
    expect(read.shared).toEqual([])
  })

  test('a path cannot be a file and a folder, nor a shared module there twice', () => {
    const twice = {
      'a.js': 'asset://1.js',
      'a.js/b.js': 'asset://2.js',
      '@shared/c.js': 'asset://3.js',
      'shared/c.js': 'asset://4.js',
    }
    const read = scripted({ scriptFiles: twice, script: 'asset://1.js' })
    expect(read.scripts.map((s) => s.path)).toEqual(['a.js'])
    expect(read.shared.map((s) => s.value)).toEqual([store().assetOf('asset://3.js')])
    expect(read.refused.length).toBe(2)
  })

  test('a script that is no asset is refused', () => {
    expect(scripted({ scriptFiles: { 'index.js': 'https://evil.example/x.js', 'a.js': 1 } }).refused.length).toBe(2)
  })
})
