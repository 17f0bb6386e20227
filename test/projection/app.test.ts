import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readApp, writeApp, writeBlueprintFile } from '../../src/projection/app.ts'
import { type AssetValue, assetValue } from '../../src/projection/asset-value.ts'
import { electEntry } from '../../src/projection/script-entry.ts'
import { fromEntries, type JsonObject, own } from '../../src/world/json.ts'
import { objectKey, type WorldObject } from '../../src/world/state.ts'
import { assets, blueprintFields, sameObject, scriptFiles } from './worlds.ts'

const content = (path: string) => assetValue('a'.repeat(40), path.slice(-2))

function app(
  folder: string,
  blueprints: Record<string, unknown>,
  scripts: readonly string[] = [],
  hint?: (id: string) => string,
) {
  return readApp(
    folder,
    {
      blueprints: Object.entries(blueprints).map(([file, value]) => ({
        path: `apps/${folder}/${file}.json`,
        bytes: typeof value === 'string' ? value : JSON.stringify(value),
      })),
      scripts: scripts.map((path) => ({ path: `apps/${folder}/${path}`, value: content(path) })),
    },
    assets,
    hint === undefined ? {} : { entryHint: hint },
  )
}

/** id → its script fields, those that are there. */
function scriptsOf(read: ReturnType<typeof app>): Record<string, unknown> {
  expect(read.problems).toEqual([])
  return Object.fromEntries(
    read.objects.map(({ id, fields }) => {
      const files = own(fields, 'scriptFiles') as JsonObject | undefined
      return [id, [own(fields, 'scriptRef') ?? null, own(fields, 'scriptEntry') ?? null, files && Object.keys(files)]]
    }),
  )
}

describe('ids and names (protocol, section 8)', () => {
  test.each([
    ['Lamp', 'Lamp', {}, 'Lamp', 'Lamp'],
    ['Lamp', 'Big', {}, 'Lamp__Big', 'Big'],
    ['Lamp', 'Big', { id: 'mine' }, 'mine', 'Big'],
    ['Lamp', 'Big', { name: 'Big one' }, 'Lamp__Big', 'Big one'],
    ['Lamp', 'Big', { name: null }, 'Lamp__Big', null],
    ['$scene', '$scene', {}, '$scene', '$scene'],
    ['$scene', '-scene', {}, '$scene', '$scene'],
    ['$scene', '-scene', { id: '$scene', name: 'Scene' }, '$scene', 'Scene'],
  ])('apps/%s/%s.json %j', (folder, file, value, id, name) => {
    const read = app(folder, { [file]: value })
    expect(read.problems).toEqual([])
    expect(read.objects).toMatchObject([{ kind: 'blueprint', id, fields: { name } }])
    expect(read.paths).toEqual(new Map([[objectKey('blueprint', id), `apps/${folder}/${file}.json`]]))
  })

  test('id, script, scriptFiles and bookkeeping are no fields; unknown ones are', () => {
    const value = {
      id: 'Lamp',
      version: 3,
      script: 'asset://x.js',
      scriptFiles: {},
      updatedAt: 'x',
      custom: { a: 1 },
      name: 'L',
    }
    expect(app('Lamp', { Lamp: value }).objects[0]!.fields).toEqual({ custom: { a: 1 }, name: 'L' })
  })

  test('two files with one id are a problem that names both', () => {
    const read = app('Lamp', { Lamp: {}, Other: { id: 'Lamp' } })
    expect(read.problems).toMatchObject([{ code: 'duplicate_id', path: 'apps/Lamp/Other.json' }])
    expect(read.problems[0]!.message).toContain('apps/Lamp/Lamp.json')
  })

  test('files that do not parse and assets that are missing are named', () => {
    const read = app('Lamp', { Lamp: '{', Big: { model: 'assets/gone.glb' }, Odd: { id: 7 } })
    expect(read.problems).toMatchObject([
      { path: 'apps/Lamp/Lamp.json', code: 'syntax', line: 1 },
      {
        path: 'apps/Lamp/Big.json',
        code: 'missing_asset',
        message: 'missing asset: model names assets/gone.glb (blueprint Lamp__Big)',
      },
      { path: 'apps/Lamp/Odd.json', code: 'invalid' },
    ])
  })
})

describe('the script root (protocol, section 8)', () => {
  const early = '2024-01-01T00:00:00.000Z'
  const late = '2025-01-01T00:00:00.000Z'
  const root = ['index.js']
  test.each([
    [
      'no scripts: nobody is a variant',
      { A: {}, B: {} },
      [],
      { Lamp__A: [null, null, undefined], Lamp__B: [null, null, undefined] },
    ],
    [
      'the oldest',
      { A: { createdAt: late }, B: { createdAt: early } },
      root,
      { Lamp__A: ['Lamp__B', null, undefined], Lamp__B: [null, 'index.js', root] },
    ],
    [
      'dated before undated',
      { A: {}, B: { createdAt: late } },
      root,
      { Lamp__A: ['Lamp__B', null, undefined], Lamp__B: [null, 'index.js', root] },
    ],
    [
      'then the name, case apart',
      { b: {}, A: {} },
      root,
      { Lamp__b: ['Lamp__A', null, undefined], Lamp__A: [null, 'index.js', root] },
    ],
    [
      'whom others name comes first',
      { A: { createdAt: early }, B: {}, C: { scriptRef: 'Lamp__B' } },
      root,
      {
        Lamp__A: ['Lamp__B', null, undefined],
        Lamp__B: [null, 'index.js', root],
        Lamp__C: ['Lamp__B', null, undefined],
      },
    ],
    [
      'a reference to itself or null is none',
      { A: { scriptRef: 'Lamp__A' }, B: { scriptRef: null } },
      root,
      { Lamp__A: [null, 'index.js', root], Lamp__B: ['Lamp__A', null, undefined] },
    ],
    [
      'a root elsewhere stays named',
      { A: {}, B: { scriptRef: 'Other' } },
      root,
      { Lamp__A: [null, 'index.js', root], Lamp__B: ['Other', null, undefined] },
    ],
    [
      'expressly without scripts',
      { A: { scriptEntry: null, createdAt: early }, B: {} },
      root,
      { Lamp__A: [null, null, undefined], Lamp__B: [null, 'index.js', root] },
    ],
    [
      'the older moment, however it is spelled',
      {
        A: { createdAt: '2024-06-01T00:30:00+02:00' },
        B: { createdAt: '2024-05-31T23:00:00Z' },
        C: { createdAt: late },
      },
      root,
      {
        Lamp__A: [null, 'index.js', root],
        Lamp__B: ['Lamp__A', null, undefined],
        Lamp__C: ['Lamp__A', null, undefined],
      },
    ],
    [
      'milliseconds are a date, nonsense is none',
      { A: { createdAt: 'once' }, B: { createdAt: 1 }, C: { createdAt: null } },
      root,
      {
        Lamp__A: ['Lamp__B', null, undefined],
        Lamp__B: [null, 'index.js', root],
        Lamp__C: ['Lamp__B', null, undefined],
      },
    ],
    [
      'equally old: the name, whatever the ids say',
      { b: { createdAt: early, id: '0' }, A: { createdAt: early, id: 'zz' } },
      root,
      { 0: ['zz', null, undefined], zz: [null, 'index.js', root] },
    ],
    [
      'names that differ in case alone: always the same one',
      { a: {}, A: {} },
      root,
      { Lamp__a: ['Lamp__A', null, undefined], Lamp__A: [null, 'index.js', root] },
    ],
    [
      'the folder’s own blueprint has no precedence over an older one',
      { Lamp: { createdAt: late }, Old: { createdAt: early } },
      root,
      { Lamp: ['Lamp__Old', null, undefined], Lamp__Old: [null, 'index.js', root] },
    ],
    [
      'of several that others name, the oldest',
      { A: { createdAt: late }, B: { createdAt: early }, C: { scriptRef: 'Lamp__A' }, D: { scriptRef: 'Lamp__B' } },
      root,
      {
        Lamp__A: ['Lamp__B', null, undefined],
        Lamp__B: [null, 'index.js', root],
        Lamp__C: ['Lamp__A', null, undefined],
        Lamp__D: ['Lamp__B', null, undefined],
      },
    ],
    [
      'one that names another is never it, however old',
      { A: { createdAt: early, scriptRef: 'Other' }, B: { createdAt: late } },
      root,
      { Lamp__A: ['Other', null, undefined], Lamp__B: [null, 'index.js', root] },
    ],
    [
      'a reference of a reference: each keeps the one it names',
      { A: {}, B: { scriptRef: 'Lamp__A' }, C: { scriptRef: 'Lamp__B' } },
      root,
      {
        Lamp__A: [null, 'index.js', root],
        Lamp__B: ['Lamp__A', null, undefined],
        Lamp__C: ['Lamp__B', null, undefined],
      },
    ],
    [
      'whom others name carries the scripts though it says to have none',
      { A: { scriptEntry: null }, B: { scriptRef: 'Lamp__A' } },
      root,
      { Lamp__A: [null, 'index.js', root], Lamp__B: ['Lamp__A', null, undefined] },
    ],
    [
      'an empty reference is none',
      { A: { scriptRef: '' }, B: { createdAt: late } },
      root,
      { Lamp__A: ['Lamp__B', null, undefined], Lamp__B: [null, 'index.js', root] },
    ],
    ['unless nobody else can be', { A: { scriptEntry: null } }, root, { Lamp__A: [null, 'index.js', root] }],
    [
      'entry and format without scripts are dropped',
      { A: { scriptEntry: 'x.js', scriptFormat: 'module' } },
      [],
      { Lamp__A: [null, null, undefined] },
    ],
  ] as const)('%s', (_, blueprints, scripts, expected) => {
    expect(scriptsOf(app('Lamp', blueprints, scripts))).toEqual(expected)
  })

  test('scripts that nobody carries are a problem', () => {
    const read = app('Lamp', { A: { scriptRef: 'Other' } }, root)
    expect(read.problems).toMatchObject([{ code: 'script_root', path: 'apps/Lamp/A.json' }])
    const circle = app('Lamp', { A: { scriptRef: 'Lamp__B' }, B: { scriptRef: 'Lamp__A' } }, root)
    expect(circle.problems).toMatchObject([{ code: 'script_root' }])
    expect(app('Lamp', {}, root)).toMatchObject({ objects: [], problems: [] })
  })

  test('an app cannot have a folder that the world would take for shared/', () => {
    expect(app('Lamp', { Lamp: {} }, ['shared/x.js']).problems).toMatchObject([{ path: 'apps/Lamp/shared/x.js' }])
  })

  test('scriptFormat stays as it is', () => {
    expect(app('Lamp', { Lamp: { scriptFormat: 'module' } }, root).objects[0]!.fields.scriptFormat).toBe('module')
    expect(app('Lamp', { Lamp: {} }, root).objects[0]!.fields).not.toHaveProperty('scriptFormat')
  })

  test('the folder’s own blueprint speaks for the entry first', () => {
    const read = app('Lamp', { A: { createdAt: early, scriptEntry: 'a.js' }, Lamp: { scriptEntry: 'b.js' } }, [
      'a.js',
      'b.js',
    ])
    expect(scriptsOf(read)).toEqual({ Lamp__A: [null, 'b.js', ['a.js', 'b.js']], Lamp: ['Lamp__A', null, undefined] })
  })

  test('the world’s entry is asked when no file declares one', () => {
    const files = ['index.js', 'main.js']
    expect(scriptsOf(app('Lamp', { Lamp: {} }, files, () => 'main.js'))).toEqual({ Lamp: [null, 'main.js', files] })
  })
})

test.each([
  ['index.js', undefined, ['index.js', 'index.ts'], 'index.js'],
  ['index.js', undefined, ['index.ts'], 'index.ts'],
  ['main.ts', undefined, ['main.js', 'index.js'], 'main.js'],
  ['gone.js', undefined, ['index.js'], 'gone.js'],
  [undefined, 'main.js', ['index.js', 'main.ts'], 'main.ts'],
  [undefined, 'gone.js', ['index.js', 'index.ts'], 'index.ts'],
  [undefined, undefined, ['a.js', 'index.js'], 'index.js'],
  [undefined, undefined, ['lib/only.js'], 'lib/only.js'],
  [undefined, undefined, ['a.js', 'b.js'], undefined],
  [undefined, undefined, [], undefined],
])('entry: declared %s, hint %s, among %j → %s', (declared, hint, scripts, expected) => {
  expect(electEntry(declared, hint, scripts)).toBe(expected)
})

describe('writing', () => {
  test('key order; what a reader fills in is left out', () => {
    const object: WorldObject = {
      kind: 'blueprint',
      id: 'Lamp',
      fields: {
        custom: 1,
        props: { sky: { type: 'texture', url: assets.valueOf('assets/sky.jpg')! } },
        model: assets.valueOf('assets/Lamp.glb')!,
        scriptFiles: { 'index.js': content('index.js') },
        scriptEntry: 'index.js',
        scriptFormat: 'module',
        keep: false,
        createdAt: '2024',
        managedBy: 'shared',
        scope: 'Lamp',
        name: 'Lamp',
        uid: 'u',
        image: null,
      },
    }
    expect(writeBlueprintFile(object, assets)).toBe(`{
  "id": "Lamp",
  "uid": "u",
  "name": "Lamp",
  "scope": "Lamp",
  "managedBy": "shared",
  "createdAt": "2024",
  "keep": false,
  "scriptFormat": "module",
  "model": "assets/Lamp.glb",
  "image": null,
  "props": {
    "sky": {
      "type": "texture",
      "url": "assets/sky.jpg"
    }
  },
  "custom": 1
}
`)
  })

  const ids = ['Lamp', 'Lamp__Big', 'mine', '__proto__']
  /** A folder as a world can bring it about: one root or none, variants of it or of another, and others without scripts. */
  const folder = fc
    .record({
      fields: fc.tuple(blueprintFields, blueprintFields, blueprintFields, blueprintFields),
      count: fc.integer({ min: 1, max: 4 }),
      root: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
      refs: fc.array(fc.constantFrom('none', 'root', 'Elsewhere'), { minLength: 4, maxLength: 4 }),
      scripts: scriptFiles,
      declared: fc.option(fc.constantFrom('index.js', 'main.js', 'index.ts', 'gone.js'), { nil: undefined }),
      format: fc.option(fc.constantFrom('module', 'legacy-body'), { nil: undefined }),
    })
    .map(({ fields, count, root, refs, scripts, declared, format }) => {
      const at = root !== undefined && root < count ? root : undefined
      return ids.slice(0, count).map((id, index): { path: string; object: WorldObject } => {
        const entries = Object.entries(fields[index]!)
        if (index === at) {
          const entry = electEntry(declared, undefined, Object.keys(scripts))
          if (entry !== undefined) entries.push(['scriptEntry', entry])
          if (format !== undefined) entries.push(['scriptFormat', format])
          entries.push(['scriptFiles', scripts])
        } else if (refs[index] === 'Elsewhere') entries.push(['scriptRef', 'Elsewhere'])
        else if (refs[index] === 'root' && at !== undefined) entries.push(['scriptRef', ids[at]!])
        return {
          path: `apps/Lamp/${index === 0 ? 'Lamp' : `f${index}`}.json`,
          object: { kind: 'blueprint', id, fields: fromEntries(entries) },
        }
      })
    })

  test('read(write(x)) = x for whole folders, and writing it again gives the same bytes', () => {
    fc.assert(
      fc.property(folder, (blueprints) => {
        const texts = writeApp(blueprints, assets)
        const scripts = blueprints.flatMap(({ object }) =>
          Object.entries((own(object.fields, 'scriptFiles') ?? {}) as JsonObject).map(([path, value]) => ({
            path: `apps/Lamp/${path}`,
            value: value as AssetValue,
          })),
        )
        const read = readApp(
          'Lamp',
          { blueprints: [...texts].map(([path, bytes]) => ({ path, bytes })), scripts },
          assets,
        )
        expect(read.problems).toEqual([])
        expect(read.objects.length).toBe(blueprints.length)
        for (const [index, { path, object }] of blueprints.entries()) {
          expect(sameObject(read.objects[index]!, object)).toBe(true)
          expect(read.paths.get(objectKey('blueprint', object.id))).toBe(path)
        }
        const again = read.objects.map((object) => ({
          path: read.paths.get(objectKey('blueprint', object.id))!,
          object,
        }))
        expect(writeApp(again, assets)).toEqual(texts)
      }),
      { numRuns: 500 },
    )
  })
})
