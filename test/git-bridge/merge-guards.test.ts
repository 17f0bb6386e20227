import { beforeAll, describe, expect, test } from 'vitest'
import { appFolders, refuseLosses, refuseProblems, requireOneLayout } from '../../src/git-bridge/merge-guards.ts'
import type { FileProblem } from '../../src/projection/json-file.ts'
import { type Files, Trees } from './world-trees.ts'

let trees: Trees
beforeAll(async () => {
  trees = await Trees.open()
})

const MANIFEST: Files = { 'world.json': { entities: [] } }
const SPLIT: Files = { 'world/settings.json': {}, 'world/spawn.json': {} }

describe('G8 a tree has one layout, and both sides the same', () => {
  const check = async (ours: Files, theirs: Files) =>
    requireOneLayout(trees.repository, '', await trees.commit(undefined, ours), await trees.commit(undefined, theirs))

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

  test('another one than the remote ref has is refused, and said what is to come back', async () => {
    await expect(check(MANIFEST, SPLIT)).rejects.toMatchObject({
      code: 'layout_mismatch',
      hint: expect.stringContaining('the folder world/'),
    })
    await expect(check(SPLIT, MANIFEST)).rejects.toMatchObject({
      code: 'layout_mismatch',
      hint: expect.stringContaining('world.json'),
    })
  })
})

describe('files that do not parse', () => {
  const wrong: FileProblem = { code: 'invalid', path: 'world.json', line: 3, column: 5, message: 'is not JSON' }
  const marked: FileProblem = { code: 'conflict_markers', path: 'a.js', message: 'has markers' }
  const rootless: FileProblem = { code: 'script_root', path: 'b.json', message: 'has no root' }

  test('are refused by the first of them', () => {
    expect(() => refuseProblems([])).not.toThrow()
    expect(() => refuseProblems([wrong])).toThrow(
      expect.objectContaining({
        message: 'world.json:3:5: is not JSON',
        exitCode: 1,
        hint: 'Correct the file and run the command again.',
      }),
    )
    expect(() => refuseProblems([wrong, rootless])).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('names all 2'), data: { problems: [wrong, rootless] } }),
    )
  })

  test('C5: markers are a conflict that is open', () => {
    expect(() => refuseProblems([wrong, marked])).toThrow(expect.objectContaining({ exitCode: 2 }))
  })

  test('of the line: only those that would make an object look deleted', () => {
    expect(() => refuseLosses([rootless])).not.toThrow()
    expect(() => refuseLosses([rootless, wrong])).toThrow(
      expect.objectContaining({ message: expect.stringContaining('world.json:3:5') }),
    )
  })
})

test('the app folders of a tree', async () => {
  const names = async (files: Files) => appFolders(trees.repository, await trees.commit(undefined, files), '')
  expect(await names({ 'apps/B/B.json': {}, 'apps/A/A.json': {}, 'apps/x': 'x' })).toEqual(['A', 'B', 'x'])
  expect(await names({ 'README.md': 'x' })).toEqual([])
  expect(await names({ apps: 'no folder' })).toEqual([])
})
