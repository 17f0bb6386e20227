import { beforeAll, describe, expect, test } from 'vitest'
import { appFolders, refuseLosses, refuseProblems } from '../../src/git-bridge/merge-guards.ts'
import type { FileProblem } from '../../src/projection/json-file.ts'
import { type Files, Trees } from './world-trees.ts'

let trees: Trees
beforeAll(async () => {
  trees = await Trees.open()
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
