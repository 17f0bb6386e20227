import { expect, test } from 'vitest'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import type { Files } from './world-trees.ts'
import { Trees } from './world-trees.ts'

const WORLD: Files = {
  'world/settings.json': { title: 'Plaza' },
  'world/spawn.json': { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
  'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'Lamp' },
  'apps/Lamp/index.js': 'export default 1\n',
}

test.each([
  ['shared', { shared: 'a file of mine\n' }, { 'shared/x.js': 'x\n' }],
  ['assets', { assets: 'mine\n', 'apps/Lamp/index.js': 'export default 2\n' }, { 'assets/deep/x.glb': 'x' }],
  [
    'apps/Lamp/lib',
    { 'apps/Lamp/lib': 'mine\n', 'world/settings.json': { title: 'Ours' } },
    { 'apps/Lamp/lib/x.js': 'x\n' },
  ],
])('G12: a file of ours at %s is not taken away for a folder of theirs', async (path, ours, theirs) => {
  const trees = await Trees.open()
  const base = await trees.commit(undefined, WORLD)
  const commits = { base, ours: await trees.commit(base, ours as Files), theirs: await trees.commit(base, theirs) }
  const merged = mergeWorlds(trees.repository, '', commits)
  await expect(merged).rejects.toMatchObject({
    code: 'not_a_folder',
    data: { path },
    hint: expect.stringContaining(path),
  })
})

test('a file that the other side itself turned into a folder is in nobody’s way', async () => {
  const trees = await Trees.open()
  const base = await trees.commit(undefined, { ...WORLD, 'apps/Lamp/lib.js': 'x\n' })
  const theirs = await trees.commit(base, { 'apps/Lamp/lib.js': undefined, 'apps/Lamp/lib.js/x.js': 'x\n' })
  const merge = await mergeWorlds(trees.repository, '', { base, ours: base, theirs })
  expect(await trees.paths(merge.tree!)).toContain('apps/Lamp/lib.js/x.js')
})
