import { beforeEach, describe, expect, test } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { Effect } from '../../src/world/wire-world.ts'
import { type Files, putBlueprint, putEntity, Trees } from './world-trees.ts'

let trees: Trees

beforeEach(async () => {
  trees = await Trees.open()
})

const PLACE = { position: [0, 0, 0], quaternion: [0, 0, 0, 1], scale: [1, 1, 1], pinned: false, props: {} }
const naming = (id: string, url: string) => putEntity(id, { ...PLACE, props: { model: { url } } })

async function world(after: Oid | undefined, layout: Layout, ...effects: readonly Effect[]): Promise<Oid> {
  const line = trees.line(after, layout)
  if (after === undefined) {
    await line.settings({ title: 'Plaza' })
    await line.apply({ kind: 'spawn', spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] } })
  }
  for (const effect of effects) await line.apply(effect)
  expect(line.refused).toEqual([])
  return line.tip!
}

async function merged(base: Oid, ours: Oid, theirs: Oid) {
  const result = await mergeWorlds(trees.repository, '', { base, ours, theirs })
  expect(result.contested).toEqual([])
  return { ...result, tree: result.tree!, state: await trees.state(result.tree!) }
}

describe.each<Layout>(['split', 'manifest'])('M3 an asset of theirs is never bound to other content, %s', (layout) => {
  let base: Oid

  beforeEach(async () => {
    base = await world(
      undefined,
      layout,
      putBlueprint('Signpost', { model: await trees.asset('asset://old.glb', 'OLD') }),
      putBlueprint('Lamp', { model: await trees.asset('asset://lamp.glb', 'LAMP') }),
      putEntity('one', PLACE),
      putEntity('two', PLACE),
    )
  })

  const changes: readonly (readonly [string, Files])[] = [
    ['replaced in place', { 'assets/Signpost.glb': 'NEW' }],
    ['replaced by what another file holds', { 'assets/Signpost.glb': 'LAMP' }],
    ['replaced, a copy of the old kept first', { 'assets/A.glb': 'OLD', 'assets/Signpost.glb': 'NEW' }],
    ['replaced, a copy of the old kept last', { 'assets/Z.glb': 'OLD', 'assets/Signpost.glb': 'NEW' }],
    ['swapped with another', { 'assets/Signpost.glb': 'LAMP', 'assets/Lamp.glb': 'OLD' }],
  ]
  test.each(changes)('%s by us, named anew by an entity of theirs', async (_, files) => {
    const ours = await trees.commit(base, files)
    const before = await trees.state(ours)
    const theirs = await world(base, layout, naming('two', 'asset://old.glb'), naming('four', 'asset://old.glb'))
    const { state, objects } = await merged(base, ours, theirs)
    expect(state).toMatchObject({
      'blueprint:Signpost': before['blueprint:Signpost'],
      'blueprint:Lamp': before['blueprint:Lamp'],
      'entity:two': { props: { model: { url: 'content:OLD' } } },
      'entity:four': { props: { model: { url: 'content:OLD' } } },
    })
    expect([...objects.keys()].filter((key) => key.startsWith('entity:'))).toEqual([])
  })

  test('a copy of theirs with the same content, one of the two replaced by us', async () => {
    const copies = await trees.commit(base, { 'assets/A.glb': 'OLD' })
    const ours = await trees.commit(copies, { 'assets/Signpost.glb': 'NEW' })
    const signpost = JSON.parse((await trees.text(copies, 'apps/Signpost/Signpost.json'))!) as { model: string }
    expect(signpost.model).toBe('assets/Signpost.glb')
    const theirs = await trees.commit(copies, {
      'apps/Other/Other.json': { id: 'Other', name: 'Other', model: 'assets/Signpost.glb' },
    })
    const { state } = await merged(copies, ours, theirs)
    expect(state['blueprint:Other']).toMatchObject({ model: 'content:OLD' })
    expect(state['blueprint:Signpost']).toMatchObject({ model: 'content:NEW' })
  })

  test('a copy with the same content, one of the two replaced by us, named by an entity', async () => {
    const copies = await trees.commit(base, { 'assets/A.glb': 'OLD', 'assets/Z.glb': 'OLD' })
    const ours = await trees.commit(copies, { 'assets/Signpost.glb': 'NEW' })
    const named = await world(copies, layout, naming('two', 'asset://old.glb'))
    const path = layout === 'split' ? entityFile('two') : 'world.json'
    const text = (await trees.text(named, path))!.replace('assets/A.glb', 'assets/Signpost.glb')
    expect(text).toContain('"assets/Signpost.glb"')
    const { state } = await merged(copies, ours, await trees.commit(named, { [path]: text }))
    expect(state['entity:two']).toMatchObject({ props: { model: { url: 'content:OLD' } } })
  })

  test('replaced in place by them, while an entity of ours names the old', async () => {
    const ours = await world(base, layout, naming('one', 'asset://old.glb'))
    const theirs = await trees.commit(base, { 'assets/Signpost.glb': 'NEW' })
    const { state } = await merged(base, ours, theirs)
    expect(state).toMatchObject({
      'blueprint:Signpost': { model: 'content:NEW' },
      'entity:one': { props: { model: { url: 'content:OLD' } } },
    })
  })

  test('content that we have already, under a name of their own, while we changed something else', async () => {
    const ours = await trees.commit(base, { 'apps/Mine/Mine.json': { id: 'Mine', name: 'Mine' } })
    const named = await world(base, layout, naming('two', 'asset://old.glb'))
    const path = layout === 'split' ? entityFile('two') : 'world.json'
    const text = (await trees.text(named, path))!.replace('assets/Signpost.glb', 'assets/copy.glb')
    const theirs = await trees.commit(named, { [path]: text, 'assets/copy.glb': 'OLD' })
    const { state } = await merged(base, ours, theirs)
    expect(state['entity:two']).toMatchObject({ props: { model: { url: 'content:OLD' } } })
  })

  test('S1 a symbolic link is no asset: not read, not overwritten, named as what it is', async () => {
    const [oid] = await trees.repository.writeBlobs([new TextEncoder().encode('/etc/passwd')])
    const linked = async (path: string) => {
      const commit = await trees.repository.readCommit(base)
      const tree = await trees.repository.writeTree(commit.tree, [{ path, kind: 'put', oid: oid!, mode: '120000' }])
      return trees.repository.writeCommit({ ...commit, tree, parents: [base] })
    }
    const url = await trees.asset('asset://new.glb', 'NEW')
    const theirs = await world(base, layout, naming('two', url))
    expect(await trees.paths(theirs)).toContain('assets/model.glb')
    const { assets, tree } = await merged(base, await linked('assets/model.glb'), theirs)
    expect([...assets.keys()]).toEqual(['assets/Lamp.glb', 'assets/Signpost.glb', 'assets/model_1.glb'])
    expect((await trees.repository.lookup(tree, 'assets/model.glb'))?.mode).toBe('120000')
    await expect(merged(base, await linked('assets/Signpost.glb'), theirs)).rejects.toMatchObject({
      code: 'invalid_files',
      message: expect.stringMatching(/assets\/Signpost\.glb.*symbolic link/) as string,
    })
  })

  test('deleted by us, with the blueprint that named it', async () => {
    const ours = await trees.commit(base, {
      'assets/Signpost.glb': undefined,
      'apps/Signpost/Signpost.json': { id: 'Signpost', name: 'Signpost' },
    })
    const theirs = await world(base, layout, naming('two', 'asset://old.glb'))
    const { state } = await merged(base, ours, theirs)
    expect(state['entity:two']).toMatchObject({ props: { model: { url: 'content:OLD' } } })
  })

  test('renamed by us', async () => {
    const ours = await trees.commit(base, {
      'assets/Signpost.glb': undefined,
      'assets/signs/post.glb': 'OLD',
      'apps/Signpost/Signpost.json': { id: 'Signpost', name: 'Signpost', model: 'assets/signs/post.glb' },
    })
    const theirs = await world(base, layout, naming('two', 'asset://old.glb'))
    const { state, tree } = await merged(base, ours, theirs)
    expect(state['entity:two']).toMatchObject({ props: { model: { url: 'content:OLD' } } })
    expect((await trees.paths(tree)).filter((path) => path.startsWith('assets/'))).toEqual([
      'assets/Lamp.glb',
      'assets/signs/post.glb',
    ])
  })

  test('an asset that nothing of ours names', async () => {
    const start = await world(base, layout, putBlueprint('Signpost', {}))
    expect(await trees.text(start, 'assets/Signpost.glb')).toBe('OLD')
    const theirs = await world(start, layout, naming('two', 'asset://old.glb'))
    for (const [content, paths] of [
      ['NEW', ['assets/Lamp.glb', 'assets/Signpost.glb', 'assets/Signpost_1.glb']],
      [undefined, ['assets/Lamp.glb', 'assets/Signpost.glb']],
    ] as const) {
      const ours = await trees.commit(start, { 'assets/Signpost.glb': content })
      const { state, tree } = await merged(start, ours, theirs)
      expect(state['entity:two']).toMatchObject({ props: { model: { url: 'content:OLD' } } })
      expect((await trees.paths(tree)).filter((path) => path.startsWith('assets/'))).toEqual(paths)
    }
  })

  test('and after that merge nothing of theirs is ours to push', async () => {
    const ours = await trees.commit(base, { 'assets/Signpost.glb': 'NEW' })
    const theirs = await world(base, layout, naming('two', 'asset://old.glb'))
    const { tree } = await merged(base, ours, theirs)
    const pulled = await trees.repository.writeCommit({
      ...(await trees.repository.readCommit(ours)),
      tree,
      parents: [ours, theirs],
    })
    const next = await merged(theirs, pulled, theirs)
    expect(
      [...next.objects].filter(([, { theirs, merged }]) => theirs?.object.fields.props !== merged?.fields.props),
    ).toHaveLength(0)
    const later = await world(theirs, layout, naming('four', 'asset://old.glb'))
    expect((await merged(theirs, pulled, later)).state).toMatchObject({
      'entity:two': { props: { model: { url: 'content:OLD' } } },
      'entity:four': { props: { model: { url: 'content:OLD' } } },
      'blueprint:Signpost': { model: 'content:NEW' },
    })
  })
})
