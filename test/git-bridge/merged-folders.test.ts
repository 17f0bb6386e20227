import { beforeEach, describe, expect, test } from 'vitest'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import { sameObject } from '../../src/resolvers/object.ts'
import type { Effect } from '../../src/world/wire-world.ts'
import { putBlueprint, Trees } from './world-trees.ts'

let trees: Trees

beforeEach(async () => {
  trees = await Trees.open()
})

const script = async (text: string) => ({
  'index.js': await trees.asset(`asset://${Buffer.from(text).toString('hex')}.js`, text),
})

async function world(after: Oid | undefined, ...effects: readonly Effect[]): Promise<Oid> {
  const line = trees.line(after)
  if (after === undefined) await line.settings({ title: 'Plaza' })
  for (const effect of effects) await line.apply(effect)
  expect(line.refused).toEqual([])
  return line.tip!
}

async function merged(base: Oid, ours: Oid, theirs: Oid) {
  const result = await mergeWorlds(trees.repository, '', { base, ours, theirs })
  expect(result.contested).toEqual([])
  const commit = await trees.repository.writeCommit({
    ...(await trees.repository.readCommit(ours)),
    tree: result.tree!,
    parents: [ours, theirs],
  })
  const state = await trees.state(commit)
  const paths = (await trees.paths(commit)).filter((path) => path.startsWith('apps/'))
  return { ...result, commit, state, paths }
}

/** What a push would send. */
const outgoing = ({ objects }: Awaited<ReturnType<typeof merged>>) =>
  [...objects].filter(([, { theirs, merged }]) => !sameObject(theirs?.object, merged)).map(([key]) => key)

describe('M8 an app folder has the scripts of one blueprint', () => {
  const theirIds = ['Tree', 'k3x9', 'Tree__k3x9'] as const

  describe.each(theirIds)('ours in the place where the world puts %s', (id) => {
    test.each(['my-tree', 'Tree__mine'])('%s keeps its folder and its scripts, from merge to merge', async (mine) => {
      const base = await world(undefined)
      const start = await trees.commit(base, {
        'apps/Tree/Tree.json': { id: mine, name: 'Tree' },
        'apps/Tree/index.js': 'mine',
      })
      const put = async (text: string, more = {}) =>
        putBlueprint(id, { name: 'Tree', scriptFiles: await script(text), ...more })
      const theirs = await world(base, await put('theirs'))
      const first = await merged(base, start, theirs)
      expect(first.state).toEqual({
        settings: { title: 'Plaza' },
        [`blueprint:${mine}`]: expect.objectContaining({ scriptFiles: { 'index.js': 'content:mine' } }) as unknown,
        [`blueprint:${id}`]: expect.objectContaining({ scriptFiles: { 'index.js': 'content:theirs' } }) as unknown,
      })
      expect(await trees.text(first.commit, 'apps/Tree/index.js')).toBe('mine')
      expect(first.paths).toHaveLength(4)
      expect(outgoing(first)).toEqual([`blueprint:${mine}`])

      // The world goes on: the object is found by its id, in our place.
      const later = await world(theirs, await put('theirs, later', { desc: 'x' }))
      const second = await merged(theirs, first.commit, later)
      expect(second.paths).toEqual(first.paths)
      expect(outgoing(second)).toEqual([`blueprint:${mine}`])
      expect(second.state).toMatchObject({
        [`blueprint:${mine}`]: { scriptFiles: { 'index.js': 'content:mine' } },
        [`blueprint:${id}`]: { desc: 'x', scriptFiles: { 'index.js': 'content:theirs, later' } },
      })

      // Ours is pushed and comes back.
      const pushed = await world(later, putBlueprint(mine, { name: 'Tree', scriptFiles: await script('mine') }))
      const closed = await merged(later, second.commit, pushed)
      expect(closed.paths).toEqual(first.paths)
      expect(closed.state).toMatchObject(second.state)
      expect(outgoing(await merged(pushed, closed.commit, pushed))).toEqual([])
    })
  })

  test('ours has scripts and no blueprint yet', async () => {
    const base = await world(undefined)
    const ours = await trees.commit(base, { 'apps/Tree/index.js': 'mine' })
    const theirs = await world(base, putBlueprint('Tree', { scriptFiles: await script('theirs') }))
    const { commit, state } = await merged(base, ours, theirs)
    expect(await trees.text(commit, 'apps/Tree/index.js')).toBe('mine')
    expect(state['blueprint:Tree']).toMatchObject({ scriptFiles: { 'index.js': 'content:theirs' } })
  })

  test('folders whose names differ in case alone are one folder (G8)', async () => {
    const base = await world(undefined)
    const ours = await trees.commit(base, {
      'apps/tree/tree.json': { id: 'my-tree', name: 'tree' },
      'apps/tree/index.js': 'mine',
    })
    const theirs = await world(base, putBlueprint('Tree', { scriptFiles: await script('theirs') }))
    const { paths, state } = await merged(base, ours, theirs)
    expect(new Set(paths.map((path) => path.toLowerCase())).size).toBe(4)
    expect(new Set(paths.map((path) => path.split('/')[1]!.toLowerCase())).size).toBe(2)
    expect(state['blueprint:my-tree']).toMatchObject({ scriptFiles: { 'index.js': 'content:mine' } })
  })

  test('a blueprint of both sides gets scripts there, and another root beside it here', async () => {
    const base = await world(undefined, putBlueprint('Tree', {}))
    const ours = await trees.commit(base, {
      'apps/Tree/Tree.json': { id: 'Tree', name: 'Tree', scriptEntry: null },
      'apps/Tree/mine.json': { id: 'my-tree', name: 'mine' },
      'apps/Tree/index.js': 'mine',
    })
    expect((await trees.state(ours))['blueprint:Tree']).toEqual({ name: 'Tree' })
    const theirs = await world(base, putBlueprint('Tree', { scriptFiles: await script('theirs') }))
    const { state, commit } = await merged(base, ours, theirs)
    expect(state).toMatchObject({
      'blueprint:my-tree': { scriptFiles: { 'index.js': 'content:mine' } },
      'blueprint:Tree': { scriptFiles: { 'index.js': 'content:theirs' } },
    })
    expect(await trees.text(commit, 'apps/Tree/index.js')).toBe('mine')
  })

  test('the same scripts here and there are no reason to share a folder that either may change', async () => {
    const base = await world(undefined)
    const ours = await trees.commit(base, {
      'apps/Tree/Tree.json': { id: 'my-tree', name: 'Tree' },
      'apps/Tree/index.js': 'same',
    })
    const theirs = await world(base, putBlueprint('Tree', { scriptFiles: await script('same') }))
    const first = await merged(base, ours, theirs)
    const edited = await trees.commit(first.commit, { 'apps/Tree/index.js': 'mine' })
    const second = await merged(theirs, edited, theirs)
    expect(second.state).toMatchObject({
      'blueprint:my-tree': { scriptFiles: { 'index.js': 'content:mine' } },
      'blueprint:Tree': { scriptFiles: { 'index.js': 'content:same' } },
    })
  })
})
