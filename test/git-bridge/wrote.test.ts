import { beforeEach, describe, expect, test } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import type { Oid, Repository } from '../../src/git-bridge/repository.ts'
import { readNews } from '../../src/git-bridge/seen.ts'
import { formatTrailers } from '../../src/git-bridge/trailers.ts'
import { type Units, unitsOf } from '../../src/git-bridge/units.ts'
import { mergeWorlds } from '../../src/git-bridge/world-merge.ts'
import { writtenIn } from '../../src/git-bridge/wrote.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { FieldSet } from '../../src/resolvers/fields.ts'
import type { Effect } from '../../src/world/wire-world.ts'
import { type Files, putBlueprint, putEntity, remove, Trees } from './world-trees.ts'

let trees: Trees

async function writtenSince(repository: Repository, base: Oid, tip: Oid, prefix: string, units: Units) {
  return (await writtenIn(repository, await readNews(repository, { base, ours: base, theirs: tip }), prefix, units))
    .wrote
}

beforeEach(async () => {
  trees = await Trees.open()
})

const file = (layout: Layout, id: string) => (layout === 'split' ? entityFile(id) : 'world.json')

describe.each<Layout>(['split', 'manifest'])('M2 what operations wrote, %s', (layout) => {
  let base: Oid

  beforeEach(async () => {
    const line = trees.line(undefined, layout)
    await line.settings({ title: 'Plaza', desc: 'd' })
    base = await line.apply(putEntity('one', { position: [0, 0, 0], props: { a: 1, b: 1 } }), putEntity('two'))
  })

  async function wrote(
    effects: readonly Effect[],
    paths: readonly string[],
    prefix = '',
  ): Promise<ReadonlyMap<string, FieldSet>> {
    const line = trees.line(base, layout, prefix)
    for (const effect of effects) await line.apply(effect)
    return writtenSince(trees.repository, base, line.tip!, prefix, unitsOf(paths))
  }

  test('nothing happened', async () => {
    expect((await wrote([], [file(layout, 'one')])).size).toBe(0)
  })

  test('a field that was put back is written', async () => {
    const start = { position: [0, 0, 0], props: { a: 1, b: 1 } }
    const found = await wrote(
      [putEntity('one', { ...start, props: { a: 2, b: 1 } }), putEntity('one', start)],
      [file(layout, 'one')],
    )
    const set = found.get('entity:one')
    expect(set?.touches(['props', 'a'])).toBe(true)
    expect(set?.touches(['props'])).toBe(true)
    expect(set?.touches(['props', 'b'])).toBe(false)
    expect(set?.touches(['position'])).toBe(false)
    expect(set?.touches([])).toBe(true)
  })

  test('noise is not', async () => {
    const found = await wrote(
      [putEntity('one', { position: [1e-9, 0, 0], props: { a: 1, b: 1 } })],
      [file(layout, 'one')],
    )
    expect(found.get('entity:one')).toBeUndefined()
  })

  test('removed and added again: presence and all', async () => {
    const found = await wrote([remove('entity', 'two'), putEntity('two')], [file(layout, 'two')])
    expect(found.get('entity:two')?.touches([])).toBe(true)
    expect(found.get('entity:two')?.touches(['blueprint'])).toBe(true)
  })

  test('settings and the spawn, key by key', async () => {
    const paths = layout === 'split' ? ['world/settings.json', 'world/spawn.json'] : ['world.json']
    const found = await wrote(
      [
        { kind: 'setting', key: 'title', value: 'x' },
        { kind: 'setting', key: 'title', value: 'Plaza' },
        { kind: 'spawn', spawn: { position: [1, 0, 0] } },
      ],
      paths,
    )
    expect(found.get('settings')?.touches(['title'])).toBe(true)
    expect(found.get('settings')?.touches(['desc'])).toBe(false)
    expect(found.get('spawn')?.touches(['position'])).toBe(true)
  })

  test('a blueprint: fields and scripts', async () => {
    const script = await trees.asset('asset://a.js', 'a')
    const found = await wrote(
      [putBlueprint('Lamp', { desc: 'x' }), putBlueprint('Lamp', { desc: 'x', scriptFiles: { 'index.js': script } })],
      ['apps/Lamp/Lamp.json'],
    )
    const set = found.get('blueprint:Lamp')
    expect([set?.touches(['desc']), set?.touches(['scriptFiles', 'index.js']), set?.touches(['model'])]).toEqual([
      true,
      true,
      false,
    ])
  })

  test('a snapshot may be about anything', async () => {
    const line = trees.line(base, layout)
    const tip = await line.apply(putEntity('one', { position: [5, 0, 0] }), putEntity('two', { pinned: true }))
    const found = await writtenSince(
      trees.repository,
      base,
      tip,
      '',
      unitsOf([file(layout, 'one'), file(layout, 'two')]),
    )
    expect(found.get('entity:one' as never)?.touches(['position'])).toBe(true)
    expect(found.get('entity:two' as never)?.touches(['pinned'])).toBe(true)
  })
})

test('only the units that were asked for', async () => {
  const line = trees.line(undefined)
  const base = await line.apply(putEntity('one'), putEntity('two'))
  await line.apply(putEntity('one', { pinned: true }))
  const tip = await line.apply(putEntity('two', { pinned: true }))
  const found = await writtenSince(trees.repository, base, tip, '', unitsOf([entityFile('two')]))
  expect([...found.keys()]).toEqual(['entity:two'])
})

test('below a prefix', async () => {
  const line = trees.line(undefined, 'split', 'games/plaza/')
  const base = await line.apply(putEntity('one'))
  const tip = await line.apply(putEntity('one', { pinned: true }))
  const found = await writtenSince(trees.repository, base, tip, 'games/plaza/', unitsOf([entityFile('one')]))
  expect(found.get('entity:one' as never)?.touches(['pinned'])).toBe(true)
  expect((await writtenSince(trees.repository, base, tip, 'games/other/', unitsOf([entityFile('one')]))).size).toBe(0)
})

test('G7, P1: what a push took in on its way is not seen, though its commit held the same long ago', async () => {
  const { repository } = trees
  const path = 'apps/Lamp/index.js'
  const script = (a: string, b: string) => ({ [path]: `${a}\n1\n2\n3\n4\n${b}\n` })
  let cursor = 1
  const operation = (after: Oid, files: Files, source = 'admin') => {
    const object = 'blueprint:Lamp'
    const trailers = formatTrailers({ worldId: 'plaza', cursor: ++cursor, opId: `op-${cursor}`, source, object })
    return trees.commit(after, files, `change\n\n${trailers.replace('{tree}', after)}`)
  }
  const first = await trees.line(undefined).apply(putBlueprint('Lamp', { scriptEntry: 'index.js' }))
  const root = await operation(first, script('a0', 'b0'))
  const x = await trees.commit(root, script('a1', 'b0'))
  const base = await operation(root, script('a0', 'b1'))
  // HEAD takes b1 in from the world.
  const taken = await trees.commit(x, script('a1', 'b1'))
  const { tree, author, committer } = await repository.readCommit(taken)
  const ours = await repository.writeCommit({ tree, author, committer, parents: [x, base], message: 'merge\n' })
  // Somebody puts b0 back, and a push that knows it sends its own merge with that.
  const back = await operation(base, script('a0', 'b0'))
  const theirs = await operation(back, script('a1', 'b0'), `git:${x}`)
  const merged = await mergeWorlds(repository, '', { base, ours, theirs })
  expect(merged.contested).toEqual([])
  expect(await trees.text(merged.tree!, path)).toBe(script('a1', 'b0')[path])
})

test('G7: what both had before the baseline says nothing of what the world wrote in between', async () => {
  const { repository } = trees
  const path = 'apps/Lamp/index.js'
  const operation = (after: Oid, text: string, cursor: number, source = 'admin') => {
    const object = 'blueprint:Lamp'
    const trailers = formatTrailers({ worldId: 'plaza', cursor, opId: `op-${cursor}`, source, object })
    return trees.commit(after, { [path]: text }, `change\n\n${trailers.replace('{tree}', after)}`)
  }
  const first = await trees.line(undefined).apply(putBlueprint('Lamp', { scriptEntry: 'index.js' }))
  const root = await operation(first, 'zero\n', 2)
  const common = await trees.commit(root, { [path]: 'one\n' })
  // A teammate has it, too, and changes something else.
  const x = await trees.commit(common, { 'notes.txt': 'x\n' })
  const base = await operation(root, 'two\n', 3)
  // HEAD gives way to the world; the teammate, who has seen that as well, does not.
  const taken = await trees.commit(common, { [path]: 'two\n' })
  const { tree, author, committer } = await repository.readCommit(taken)
  const ours = await repository.writeCommit({ tree, author, committer, parents: [common, base], message: 'merge\n' })
  const theirs = await operation(base, 'one\n', 4, `git:${x}`)
  const merged = await mergeWorlds(repository, '', { base, ours, theirs })
  expect(merged.contested).toEqual([])
  expect(await trees.text(merged.tree!, path)).toBe('one\n')
})
