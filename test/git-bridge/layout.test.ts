import { beforeAll, describe, expect, test } from 'vitest'
import { convertLayout } from '../../src/git-bridge/convert-layout.ts'
import { requireOneLayout } from '../../src/git-bridge/layout.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { type Files, Trees } from './world-trees.ts'

let trees: Trees
beforeAll(async () => {
  trees = await Trees.open()
})

const MANIFEST: Files = { 'world.json': { entities: [] } }
const SPLIT: Files = { 'world/settings.json': {}, 'world/spawn.json': {} }
const WHO = { name: 'Ada', email: 'ada@example.com', time: 1_700_000_000, offset: 0 }

function entity(id: string): JsonObject {
  return { id, blueprint: 'Lamp', position: [1, 2, 3], quaternion: [0, 0, 0, 1], scale: [1, 1, 1], props: {} }
}

describe('G8 a tree has one layout, and both sides the same', () => {
  const check = async (ours: Files, theirs: Files, base?: Files) => {
    const commit = (files: Files) => trees.commit(undefined, files)
    return requireOneLayout(trees.repository, '', {
      base: base && (await commit(base)),
      ours: await commit(ours),
      theirs: await commit(theirs),
    })
  }

  test.each<[string, Files, Files]>([
    ['split', SPLIT, SPLIT],
    ['a manifest', MANIFEST, MANIFEST],
    ['a manifest beside notes about the world', { ...MANIFEST, 'world/notes.md': 'x' }, MANIFEST],
    ['none here', { 'README.md': 'x' }, SPLIT],
  ])('%s', async (_, ours, theirs) => {
    await expect(check(ours, theirs)).resolves.toBeUndefined()
  })

  test('both in one tree are refused, whatever the other side has', async () => {
    for (const theirs of [SPLIT, MANIFEST])
      await expect(check({ ...SPLIT, ...MANIFEST }, theirs)).rejects.toMatchObject({ code: 'both_layouts' })
    const one = { 'world/entities/aa/lamp.json': { id: 'lamp' }, ...MANIFEST }
    await expect(check(one, MANIFEST)).rejects.toMatchObject({ code: 'both_layouts' })
  })

  test('another one than the remote ref has is refused, also where only the base has it', async () => {
    await expect(check(MANIFEST, SPLIT)).rejects.toMatchObject({
      code: 'layout_mismatch',
      hint: expect.stringContaining('gamedev sync layout split'),
    })
    await expect(check(SPLIT, MANIFEST)).rejects.toMatchObject({
      code: 'layout_mismatch',
      hint: expect.stringContaining('gamedev sync layout'),
    })
    await expect(check(SPLIT, SPLIT, MANIFEST)).rejects.toMatchObject({ code: 'layout_mismatch' })
    await expect(check(SPLIT, SPLIT, SPLIT)).resolves.toBeUndefined()
  })
})

describe('G8 a tree in another layout', () => {
  const WORLD: Files = {
    'world.json': {
      formatVersion: 2,
      settings: { title: 'Plaza' },
      spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
      entities: [entity('b'), entity('A/..'), entity('a')],
    },
    'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'Lamp' },
    'world/notes.md': 'ours',
  }
  const turn = async (commit: Oid, layout: 'split' | 'manifest') => {
    const { edits, ...rest } = await convertLayout(trees.repository, commit, '', layout)
    const { tree } = await trees.repository.readCommit(commit)
    return { ...rest, edits, tree: await trees.repository.writeTree(tree, edits) }
  }
  const paths = async (tree: Oid) => (await trees.repository.listFiles(tree)).map(({ path }) => path)

  test('holds the same objects, and there and back again the same file', async () => {
    const sorted = { ...(WORLD['world.json'] as JsonObject), entities: [entity('A/..'), entity('a'), entity('b')] }
    const start = await trees.commit(undefined, { ...WORLD, 'world.json': sorted })
    const split = await turn(start, 'split')
    expect(split).toMatchObject({ entities: 3, dropped: [] })
    expect(await paths(split.tree)).toEqual(
      expect.arrayContaining(['apps/Lamp/Lamp.json', 'world/notes.md', 'world/settings.json', entityFile('A/..')]),
    )
    expect(await paths(split.tree)).not.toContain('world.json')
    const back = await turn(await trees.commit(await commitOf(split.tree), {}), 'manifest')
    const shape = async (tree: Oid) => {
      const found = await trees.repository.lookup(tree, 'world.json')
      return JSON.parse(Buffer.from((await trees.repository.readBlobs([found!.oid])).get(found!.oid)!).toString())
    }
    expect(await paths(back.tree)).toEqual(await paths((await trees.repository.readCommit(start)).tree))
    expect(await shape(back.tree)).toEqual({
      ...sorted,
      entities: sorted.entities.map((one) => ({ ...one, state: {} })),
    })
    expect((await turn(start, 'manifest')).edits).toEqual([])
  })

  test('what has no place in it is named', async () => {
    const start = await trees.commit(undefined, {
      ...WORLD,
      'world.json': { ...(WORLD['world.json'] as JsonObject), author: 'Ada' },
    })
    expect(await turn(start, 'split')).toMatchObject({ dropped: ['author'] })
  })

  test('a file that does not parse, and one that is in the way, are refused', async () => {
    const broken = await trees.commit(undefined, { ...WORLD, 'world.json': '{' })
    await expect(turn(broken, 'split')).rejects.toMatchObject({ code: 'invalid_files' })
    const { 'world/notes.md': _, ...rest } = WORLD
    const blocked = await trees.commit(undefined, { ...rest, world: 'a file' })
    await expect(turn(blocked, 'split')).rejects.toMatchObject({ code: 'not_a_folder' })
  })

  const commitOf = (tree: Oid) =>
    trees.repository.writeCommit({ tree, parents: [], author: WHO, committer: WHO, message: 'x\n' })
})
