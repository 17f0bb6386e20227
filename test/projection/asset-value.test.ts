import { describe, expect, test } from 'vitest'
import {
  type AssetPlace,
  assetValue,
  extensionOf,
  mapAssetUrls,
  parseAssetValue,
} from '../../src/projection/asset-value.ts'
import type { JsonObject } from '../../src/world/json.ts'

const oid = 'a1'.repeat(20)

test.each([
  [`git-asset:${oid}.glb`, { oid, extension: 'glb' }],
  [`git-asset:${oid}`, { oid, extension: '' }],
  [`git-asset:${'b2'.repeat(32)}.js`, { oid: 'b2'.repeat(32), extension: 'js' }],
  [`git-asset:${oid}.a/b`, undefined],
  [`git-asset:${oid}.`, undefined],
  [`git-asset:${oid.toUpperCase()}.glb`, undefined],
  [`git-asset:${oid}0.glb`, undefined],
  ['asset://x.glb', undefined],
  [null, undefined],
])('parseAssetValue(%j)', (value, expected) => {
  expect(parseAssetValue(value)).toEqual(expected)
})

test('an asset value is made of an id and a lower-case extension', () => {
  expect(assetValue(oid, 'GLB')).toBe(`git-asset:${oid}.glb`)
  expect(assetValue(oid, '')).toBe(`git-asset:${oid}`)
  expect(() => assetValue('short', 'glb')).toThrow('assertion failed')
})

test.each([
  ['assets/Lamp.GLB', 'glb'],
  ['assets/a.tar.gz', 'gz'],
  ['assets/none', ''],
  ['assets/.hidden', ''],
  ['a.b/none', ''],
])('extensionOf(%s)', (path, expected) => {
  expect(extensionOf(path)).toBe(expected)
})

describe('mapAssetUrls (protocol, section 7)', () => {
  function visit(kind: 'blueprint' | 'entity', fields: JsonObject) {
    const seen: [string, AssetPlace][] = []
    const mapped = mapAssetUrls(kind, fields, (value, where) => {
      seen.push([value, where])
      return `${value}!`
    })
    return { seen, mapped }
  }

  const fields: JsonObject = {
    name: 'Lamp',
    model: 'm',
    image: { url: 'i', type: 'image' },
    url: 'no',
    script: 'no',
    props: {
      sky: { type: 'texture', name: 'blue sky.jpg', url: 's' },
      bare: { url: 'b' },
      odd: { url: 1 },
      text: 'no',
      list: [{ url: 'no' }],
      deep: { inner: { url: 'no' } },
    },
  }

  test('a blueprint: model, image, props', () => {
    const { seen, mapped } = visit('blueprint', fields)
    expect(seen).toEqual([
      ['m', { field: 'model', name: 'Lamp', at: 'model' }],
      ['i', { field: 'image', name: 'Lamp__image', at: 'image.url' }],
      ['s', { field: 'props', name: 'blue sky', at: 'props.sky.url' }],
      ['b', { field: 'props', name: 'bare', at: 'props.bare.url' }],
    ])
    expect(mapped).toMatchObject({
      model: 'm!',
      image: { url: 'i!', type: 'image' },
      url: 'no',
      props: { bare: { url: 'b!' } },
    })
    expect(Object.keys(mapped)).toEqual(Object.keys(fields))
  })

  test('an image as a string; an entity’s props only', () => {
    expect(visit('blueprint', { image: 'i' }).mapped).toEqual({ image: 'i!' })
    expect(visit('entity', fields).seen.map(([value]) => value)).toEqual(['s', 'b'])
  })

  test('what does not change stays the same object', () => {
    expect(mapAssetUrls('blueprint', fields, (value) => value)).toBe(fields)
  })
})
