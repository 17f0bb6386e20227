import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readApp, writeApp } from '../../src/projection/app.ts'
import type { AssetValue } from '../../src/projection/asset-value.ts'
import { readEntityFile, writeEntityFile } from '../../src/projection/entity.ts'
import { unsafePath } from '../../src/projection/paths.ts'
import { fromWire, toWire, type WireKind, wireAssetUrls } from '../../src/projection/wire.ts'
import { type JsonObject, own } from '../../src/world/json.ts'
import { isBookkeeping } from '../../src/world/state.ts'
import { ok, store } from './asset-store.ts'
import { anyId, blueprintFields, entityFields, json, sameObject } from './worlds.ts'

const fixtures = fileURLToPath(new URL('../../../shared/fixtures/lobby-runtime/', import.meta.url))
const files = ['snapshot-fresh.json', 'snapshot-after-ops.json', 'snapshot-with-player.json']

/** A wire object without what is never projected, and with script fields of which nothing is left taken out. */
function essence(kind: WireKind, wire: JsonObject): unknown {
  const hidden = kind === 'entity' ? ['state'] : []
  return Object.fromEntries(
    Object.entries(wire).filter(
      ([key, value]) =>
        !isBookkeeping(key) && !hidden.includes(key) && !(key.startsWith('script') && (value === null || value === '')),
    ),
  )
}

describe.skipIf(!existsSync(fixtures))('recorded worlds', () => {
  const recorded: [WireKind, JsonObject][] = []
  if (existsSync(fixtures)) {
    for (const file of files) {
      const snapshot = JSON.parse(readFileSync(fixtures + file, 'utf8'))
      recorded.push(['settings', snapshot.settings], ['spawn', snapshot.spawn])
      for (const blueprint of snapshot.blueprints) recorded.push(['blueprint', blueprint])
      for (const entity of snapshot.entities) recorded.push(['entity', entity])
    }
    for (const operation of JSON.parse(readFileSync(`${fixtures}changes-all.json`, 'utf8')).operations) {
      const kind = operation.kind.split('.')[0]
      if (kind !== 'settings' && operation.snapshot) recorded.push([kind, operation.snapshot])
    }
  }

  test('wire → project → wire gives the original, bookkeeping aside', () => {
    expect(recorded.length).toBeGreaterThan(20)
    for (const [kind, wire] of recorded) {
      const { assetOf, urlOf } = store()
      const read = ok(kind, wire, assetOf)
      expect(read.refused).toEqual([])
      expect(essence(kind, toWire(read.object, urlOf))).toEqual(essence(kind, wire))
    }
  })

  test('what goes through files comes back as it was', () => {
    for (const [kind, wire] of recorded) {
      const assets = store()
      const { object, scripts } = ok(kind, wire, assets.assetOf)
      if (kind === 'entity') {
        const back = readEntityFile('e.json', writeEntityFile(object, assets), assets)
        expect(back).toEqual({ kind: 'ok', object })
      } else if (kind === 'blueprint') {
        const path = 'apps/App/App.json'
        const bytes = writeApp([{ path, object }], assets).get(path)!
        const placed = scripts.map((s) => ({ path: `apps/App/${s.path}`, value: s.value as AssetValue }))
        const back = readApp('App', { blueprints: [{ path, bytes }], scripts: placed }, assets)
        expect(back.problems).toEqual([])
        expect(back.objects).toEqual([object])
      }
    }
  })
})

describe('laws', () => {
  const wires = fc.oneof(
    fc
      .tuple(anyId, entityFields)
      .map(([id, fields]) => ['entity', { ...fields, id, type: 'app', state: {}, mover: null }] as const),
    fc.tuple(anyId, blueprintFields).map(([id, fields]) => ['blueprint', { ...fields, id, version: 1 }] as const),
  )

  test('toWire(fromWire(w)) = w, and fromWire is canonical', () => {
    fc.assert(
      fc.property(wires, ([kind, raw]) => {
        // In the wire's spelling, content is a URL.
        const { assetOf, urlOf } = store()
        const wire = JSON.parse(JSON.stringify(raw).replaceAll('git-asset:', 'asset://')) as JsonObject
        const read = fromWire(kind, wire, assetOf)
        if (read.kind === 'refused') return
        const back = toWire(read.object, urlOf)
        const again = ok(kind, back, assetOf)
        expect(sameObject(again.object, read.object)).toBe(true)
        expect(toWire(again.object, urlOf)).toEqual(back)
        for (const key of Object.keys(wire)) {
          if (!isBookkeeping(key) && key !== 'state') expect(own(back, key)).toEqual(own(wire, key))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('scripts of the wire, written to files and read back, are what fromWire says', () => {
    const path = fc.constantFrom(
      'index.js',
      'index.ts',
      'main.js',
      'main.ts',
      'lib/a.js',
      '@shared/a.js',
      'shared/b.js',
      '../x.js',
    )
    const url = fc.constantFrom('asset://1.js', 'asset://2.js', 'asset://3.ts')
    const scripted = fc.record(
      {
        script: fc.oneof(url, fc.constantFrom('', null)),
        scriptEntry: fc.oneof(path, fc.constantFrom('', null)),
        scriptFiles: fc.oneof(fc.dictionary(path, url), fc.constant(null)),
        scriptFormat: fc.constantFrom('module', 'legacy-body', null),
        scriptRef: fc.constantFrom('Lamp', 'Root', null),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(scripted, (wire) => {
        const assets = store()
        const { object, scripts } = ok('blueprint', { id: 'Lamp', name: 'Lamp', ...wire } as JsonObject, assets.assetOf)
        const file = 'apps/Lamp/Lamp.json'
        const bytes = writeApp([{ path: file, object }], assets).get(file)!
        const placed = scripts.map((s) => ({ path: `apps/Lamp/${s.path}`, value: s.value as AssetValue }))
        const back = readApp('Lamp', { blueprints: [{ path: file, bytes }], scripts: placed }, assets)
        expect(back.problems).toEqual([])
        expect(back.objects).toEqual([object])
        // What the project says goes back to the world, and comes again as the same.
        const again = ok('blueprint', toWire(object, assets.urlOf), assets.assetOf)
        expect(again.object).toEqual(object)
      }),
      { numRuns: 2000 },
    )
  })

  test('whatever comes, nothing throws, and no script leaves its place (S1)', () => {
    const hostilePath = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '../x.js',
        '@shared/../x.js',
        '.git/a.js',
        '/a.js',
        'a\\b.js',
        'con.js',
        'a.js/b.js',
        'a.js',
        'shared/a.js',
        'Lamp.json/a.js',
        '@shared/',
        '__proto__',
        'x.exe',
      ),
    )
    const hostile = fc.record(
      {
        id: fc.oneof(anyId, json),
        type: fc.constantFrom('app', 'player', 1),
        blueprint: json,
        props: json,
        model: json,
        image: json,
        script: fc.oneof(json, fc.constant('asset://a.js')),
        scriptEntry: fc.oneof(json, hostilePath),
        scriptRef: json,
        scriptFiles: fc.oneof(json, fc.dictionary(hostilePath, fc.oneof(json, fc.constant('asset://b.js')))),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.constantFrom<WireKind>('blueprint', 'entity', 'settings', 'spawn'), hostile, (kind, wire) => {
        const value = wire as JsonObject
        const read = fromWire(kind, value, store().assetOf)
        wireAssetUrls(kind, value)
        if (read.kind === 'refused') return
        for (const script of read.scripts) expect(unsafePath(`apps/x/${script.path}`)).toBeUndefined()
        for (const script of read.shared) expect(unsafePath(`shared/${script.path}`)).toBeUndefined()
        for (const script of [...read.scripts, ...read.shared]) expect(script.path).toMatch(/\.(js|ts)$/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('refusals (S1, S3)', () => {
  const deep = JSON.parse(`${'['.repeat(195)}${']'.repeat(195)}`)
  test.each<[WireKind, JsonObject, string]>([
    ['entity', { id: 'e', type: 'player', blueprint: 'x' }, 'type is not "app"'],
    ['entity', { id: '', type: 'app', blueprint: 'x' }, 'id is not a usable string'],
    ['entity', { id: 'x'.repeat(2000), type: 'app', blueprint: 'x' }, 'id is not a usable string'],
    ['entity', { id: 'e', type: 'app' }, 'blueprint is missing'],
    [
      'entity',
      { id: 'e', type: 'app', blueprint: 'x', position: [0, 0, '0'] },
      'position is not an array of 3 numbers',
    ],
    [
      'entity',
      { id: 'e', type: 'app', blueprint: 'x', position: [0, 0, Number.POSITIVE_INFINITY] },
      'holds a number that is too large',
    ],
    ['entity', { id: 'e', type: 'app', blueprint: 'x', props: 'p' }, 'props is not an object'],
    [
      'entity',
      { id: 'e', type: 'app', blueprint: 'x', props: { a: { url: `git-asset:${'0'.repeat(40)}` } } },
      'props.a.url is no URL',
    ],
    ['blueprint', { id: 'b', model: 'assets/Lamp.glb' }, 'model is no URL'],
    ['blueprint', { id: 'b', image: 3 }, 'image is not an object'],
    ['blueprint', { id: 'b', name: {} }, 'name is not a string'],
    ['blueprint', { id: 'b', extra: deep }, 'is nested too deeply'],
    ['spawn', { position: [0, 0] }, 'position is not an array of 3 numbers'],
  ])('%s %#', (kind, wire, reason) => {
    expect(fromWire(kind, wire, store().assetOf)).toEqual({ kind: 'refused', reason })
  })

  test('an entity without a position is one (protocol, section 4)', () => {
    expect(ok('entity', { id: 'e', type: 'app', blueprint: 'x' }).object.fields).toEqual({ blueprint: 'x' })
  })

  test('settings keep unknown keys and URLs; hasAdminCode is derived', () => {
    const wire = { title: null, image: { url: 'asset://x.png' }, more: 1, hasAdminCode: true, version: 2 }
    const { object } = ok('settings', wire)
    expect(object.fields).toEqual({ title: null, image: { url: 'asset://x.png' }, more: 1, version: 2 })
    expect(toWire(object, String)).toEqual(object.fields)
  })
})

test('asset URLs of an object, without repeats', () => {
  const blueprint = {
    id: 'b',
    model: 'asset://m.glb',
    image: { url: 'https://example.com/i.png' },
    script: 'asset://1.js',
    scriptFiles: { 'index.js': 'asset://1.js', '@shared/a.js': 'asset://2.js', '../x.js': 'asset://3.js' },
    props: { a: { url: 'asset://m.glb' }, b: { url: 'asset://s.png' } },
  }
  expect(wireAssetUrls('blueprint', blueprint)).toEqual([
    'asset://m.glb',
    'asset://s.png',
    'asset://1.js',
    'asset://2.js',
  ])
  expect(wireAssetUrls('blueprint', { ...blueprint, scriptRef: 'r' })).toEqual(['asset://m.glb', 'asset://s.png'])
  expect(wireAssetUrls('entity', blueprint)).toEqual(['asset://m.glb', 'asset://s.png'])
  expect(wireAssetUrls('settings', blueprint)).toEqual([])
})
