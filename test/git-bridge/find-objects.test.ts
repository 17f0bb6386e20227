import { beforeAll, describe, expect, it } from 'vitest'
import { findObjects } from '../../src/git-bridge/find-objects.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { ObjectKey } from '../../src/world/state.ts'
import { type Files, Trees } from './world-trees.ts'

const lamp = (id: string) => ({ id, blueprint: 'Lamp', position: [0, 0, 0] })
const WORLD: Files = {
  'world/settings.json': { title: 'Plaza' },
  'world/spawn.json': { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
  [entityFile('lamp')]: lamp('lamp'),
  'world/entities/mine/deep/er.json': lamp('moved'),
  'world/entities/mine/escaped.json': '{ "id": "esc\\u0061ped", "blueprint": "Lamp" }\n',
  'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'Lamp' },
  'apps/Lamp/Red.json': { id: 'Lamp__Red', name: 'Red', scriptRef: 'Lamp' },
  'apps/Lamp/index.js': 'export default () => {}\n',
  'apps/elsewhere/x.json': { id: 'Post', name: 'Post' },
  'apps/Quiet/Quiet.json': { name: 'it does not say its id' },
  'shared/lib/tint.js': 'export const tint = 1\n',
  'README.md': 'read me\n',
}

let trees: Trees
let world: Oid
beforeAll(async () => {
  trees = await Trees.open()
  world = await trees.commit(undefined, WORLD)
})

async function places(treeish: Oid, keys: readonly string[], prefix = ''): Promise<Record<string, string>> {
  const found = await findObjects(trees.repository, treeish, prefix, keys as readonly ObjectKey[])
  return Object.fromEntries([...found].map(([key, { path }]) => [key, path]))
}

describe('M8: an object is where the tree says it is', () => {
  it('finds what stands where it usually does, and what was moved', async () => {
    const expected = {
      settings: 'world/settings.json',
      spawn: 'world/spawn.json',
      'entity:lamp': entityFile('lamp'),
      'entity:moved': 'world/entities/mine/deep/er.json',
      'entity:escaped': 'world/entities/mine/escaped.json',
      'blueprint:Lamp': 'apps/Lamp/Lamp.json',
      'blueprint:Lamp__Red': 'apps/Lamp/Red.json',
      'blueprint:Post': 'apps/elsewhere/x.json',
      'blueprint:Quiet': 'apps/Quiet/Quiet.json',
      'shared:lib/tint.js': 'shared/lib/tint.js',
    }
    expect(await places(world, Object.keys(expected))).toEqual(expected)
    for (const [key, path] of Object.entries(expected)) expect(await places(world, [key])).toEqual({ [key]: path })
    const found = await findObjects(trees.repository, world, '', ['blueprint:Lamp' as ObjectKey])
    expect(Object.keys(found.get('blueprint:Lamp' as ObjectKey)!.object.fields.scriptFiles as object)).toEqual([
      'index.js',
    ])
  })

  it.each([
    'entity:nobody',
    'entity:',
    'entity:__proto__',
    'entity:../settings',
    'blueprint:nobody',
    'blueprint:',
    'shared:none.js',
    'shared:../README.md',
    'shared:../apps/Lamp/index.js',
    'shared:lib',
    'shared:',
    'asset:x',
    'nothing',
    '',
  ])('%j is nowhere', async (key) => {
    expect(await places(world, [key])).toEqual({})
    expect(await places(world, [key, 'entity:lamp'])).toEqual({ 'entity:lamp': entityFile('lamp') })
  })

  it('a manifest holds all entities, settings and spawn', async () => {
    const document = { formatVersion: 2, settings: { title: 'x' }, spawn: {}, entities: [lamp('a'), lamp('b')] }
    const manifest = await trees.commit(undefined, { 'world.json': document, 'apps/Lamp/Lamp.json': { id: 'Lamp' } })
    expect(await places(manifest, ['entity:b', 'entity:c', 'settings', 'blueprint:Lamp'])).toEqual({
      'entity:b': 'world.json',
      settings: 'world.json',
      'blueprint:Lamp': 'apps/Lamp/Lamp.json',
    })
  })

  it('a project in a folder is looked for there alone', async () => {
    const both = await trees.commit(world, {
      'game/world/settings.json': {},
      'game/apps/Door/Door.json': { id: 'Door' },
    })
    expect(await places(both, ['blueprint:Door', 'blueprint:Lamp', 'settings'], 'game/')).toEqual({
      'blueprint:Door': 'apps/Door/Door.json',
      settings: 'world/settings.json',
    })
    expect(await places(both, ['blueprint:Door'])).toEqual({})
  })

  it('a file that does not parse matters where nothing else is found', async () => {
    const broken = await trees.commit(world, {
      'world/entities/mine/deep/er.json': '{ "id": "moved", ',
      'apps/elsewhere/x.json': '<<<<<<< HEAD\n"Post"\n',
    })
    for (const key of ['entity:moved', 'blueprint:Post'])
      await expect(places(broken, [key])).rejects.toMatchObject({ code: 'invalid_files' })
    // Others are found beside it.
    expect(await places(broken, ['entity:lamp', 'blueprint:Lamp'])).toEqual({
      'entity:lamp': entityFile('lamp'),
      'blueprint:Lamp': 'apps/Lamp/Lamp.json',
    })
  })
})
