import fc from 'fast-check'
import { type AssetPaths, type AssetValue, type AssetValues, assetValue } from '../../src/projection/asset-value.ts'
import { fromEntries, type Json, type JsonObject, jsonEquals } from '../../src/world/json.ts'
import { isBookkeeping, type WorldObject } from '../../src/world/state.ts'

/** Arbitrary world objects in project spelling, as files can say them. */

const key = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', '1', '10', '') },
)

const leaf: fc.Arbitrary<Json> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom('assets/not-here.png', `git-asset:${'0'.repeat(40)}`, 'asset://sky.jpg', 'a\r\nb\u2028'),
)

function record(value: fc.Arbitrary<Json>, keys: fc.Arbitrary<string> = key): fc.Arbitrary<JsonObject> {
  return fc.array(fc.tuple(keys, value), { maxLength: 5 }).map((entries) => fromEntries(entries))
}

export const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    record(tie('value')),
  ),
})).value

export const ASSETS: readonly (readonly [string, AssetValue])[] = [
  'sky.jpg',
  'Lamp.glb',
  'no-extension',
  'deep/er.tar.gz',
].map((name, index) => [`assets/${name}`, assetValue(String(index + 1).repeat(40), /\.([^.]+)$/.exec(name)?.[1] ?? '')])
const byPath = new Map(ASSETS)
const byValue = new Map(ASSETS.map(([path, value]) => [value, path]))

export const assets: AssetPaths & AssetValues = {
  pathOf: (value) => byValue.get(value),
  valueOf: (path) => byPath.get(path),
}

const url = fc.oneof(
  fc.constantFrom(...ASSETS.map(([, value]) => value as string)),
  fc.constantFrom('asset://Model.glb', 'https://example.com/a.glb', '', 'asset://sky.hdr'),
)

/** A value whose `url`, where it has one, is fit for a URL's place. */
const prop: fc.Arbitrary<Json> = fc.oneof(
  json.filter(
    (value) => typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, 'url'),
  ),
  fc.record({ type: fc.constant('texture'), name: fc.string(), url }),
)

export const props = record(prop)
const vector = (count: number) =>
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: count, maxLength: count })
const someText = fc.option(fc.string({ unit: 'binary', maxLength: 12 }), { nil: null })
/** Ids as worlds have them, and ids as nobody should. */
export const anyId = fc.oneof(
  fc.string({ minLength: 1, maxLength: 12, unit: fc.constantFrom(...'abcXYZ019_-') }),
  fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
  fc.constantFrom(
    '$scene',
    '__proto__',
    'constructor',
    'con',
    'Lamp',
    'Lamp__Big',
    'lamp__Big',
    'LAMP',
    'Lamp__Small',
    '..',
    'ItLv2e1Ebl',
    '\ud800',
    '\ufffd',
  ),
)

/** Fields that nobody knows, kept apart from those that have a meaning. */
const unknown = record(json, key).map((fields) =>
  fromEntries(Object.entries(fields).filter(([name]) => !KNOWN.has(name) && !isBookkeeping(name))),
)
const KNOWN = new Set([
  'id',
  'type',
  'state',
  'name',
  'props',
  'model',
  'image',
  'script',
  'scriptFiles',
  'scriptEntry',
])

function optional(fields: Record<string, fc.Arbitrary<Json>>, required: readonly string[]): fc.Arbitrary<JsonObject> {
  return fc
    .tuple(fc.record(fields, { requiredKeys: [...required] }), unknown)
    .map(([known, others]) => fromEntries([...Object.entries(known as JsonObject), ...Object.entries(others)]))
}

export const entityFields = optional(
  {
    uid: someText,
    scope: someText,
    managedBy: fc.constantFrom('local', 'runtime', 'shared'),
    blueprint: anyId,
    position: vector(3),
    quaternion: vector(4),
    scale: vector(3),
    pinned: fc.boolean(),
    props,
  },
  ['blueprint'],
)

export const entity: fc.Arbitrary<WorldObject> = fc
  .tuple(anyId, entityFields)
  .map(([id, fields]) => ({ kind: 'entity', id, fields }))

export const blueprintFields = optional(
  {
    uid: someText,
    name: someText,
    scope: someText,
    managedBy: fc.constantFrom('local', 'runtime', 'shared'),
    createdAt: fc.constantFrom('2024-01-01T00:00:00.000Z', '2026-11-22T08:02:06.759Z'),
    desc: someText,
    preload: fc.boolean(),
    keep: fc.boolean(),
    model: fc.option(url, { nil: null }),
    image: fc.oneof(url, fc.constant(null), fc.record({ url, type: fc.constant('image') })),
    props,
  },
  ['name'],
)

export const scriptFiles: fc.Arbitrary<JsonObject> = fc
  .uniqueArray(fc.constantFrom('index.js', 'index.ts', 'main.js', 'lib/a.ts', 'lib/b.js'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((paths) => fromEntries(paths.sort().map((path, i) => [path, assetValue(String(i).repeat(40), path.slice(-2))])))

export const settings: fc.Arbitrary<WorldObject> = record(json).map((fields) => ({
  kind: 'settings',
  id: 'settings',
  fields,
}))
export const spawn: fc.Arbitrary<WorldObject> = optional({ position: vector(3), quaternion: vector(4) }, []).map(
  (fields) => ({
    kind: 'spawn',
    id: 'spawn',
    fields,
  }),
)

export function sameObject(a: WorldObject, b: WorldObject): boolean {
  return a.kind === b.kind && a.id === b.id && jsonEquals(a.fields, b.fields)
}
