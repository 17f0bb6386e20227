import { beforeEach, describe, expect, test } from 'vitest'
import { Overlay } from '../../src/git-bridge/overlay.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { Trees } from './world-trees.ts'

let trees: Trees
let base: Oid
const bytes = (text: string) => new TextEncoder().encode(text)

beforeEach(async () => {
  trees = await Trees.open()
  base = await trees.commit(undefined, { 'a.txt': 'a', 'apps/x/one.js': '1', 'apps/x/two.js': '2', 'appsy.txt': 'y' })
})

/** The tree that the edits make of the base. */
async function made(overlay: Overlay): Promise<Readonly<Record<string, string>>> {
  const tree = await trees.repository.writeTree((await trees.repository.readCommit(base)).tree, overlay.take())
  const files: Record<string, string> = {}
  for (const path of await trees.paths(tree)) files[path] = (await trees.text(tree, path))!
  return files
}

describe('a tree being edited', () => {
  test('reads what the base holds, and what was written since', async () => {
    const overlay = new Overlay(trees.repository, base, '')
    expect(Buffer.from((await overlay.bytes('a.txt'))!).toString()).toBe('a')
    expect(await overlay.bytes('nothing')).toBeUndefined()
    expect(await overlay.oid('apps')).toBeUndefined()
    await overlay.write('a.txt', bytes('A'))
    await overlay.write('new/b.txt', bytes('b'))
    await overlay.delete('apps/x/one.js')
    expect(Buffer.from((await overlay.bytes('a.txt'))!).toString()).toBe('A')
    expect(await overlay.bytes('apps/x/one.js')).toBeUndefined()
    expect(await made(overlay)).toEqual({ 'a.txt': 'A', 'apps/x/two.js': '2', 'appsy.txt': 'y', 'new/b.txt': 'b' })
  })

  test('G4 what changes nothing is no edit', async () => {
    const overlay = new Overlay(trees.repository, base, '')
    await overlay.write('a.txt', bytes('a'))
    await overlay.put('apps/x/two.js', (await overlay.oid('apps/x/two.js'))!)
    await overlay.delete('nothing')
    await overlay.delete('apps')
    expect(overlay.take()).toEqual([])
    await overlay.write('a.txt', bytes('A'))
    expect(overlay.take()).toHaveLength(1)
    await overlay.write('a.txt', bytes('A'))
    expect(overlay.take()).toEqual([])
  })

  test('lists a folder as it is now, and nothing beside it', async () => {
    const overlay = new Overlay(trees.repository, base, '')
    await overlay.write('apps/x/three.js', bytes('3'))
    await overlay.delete('apps/x/one.js')
    const listed = async () => [...(await overlay.list('apps/')).keys()].sort()
    expect(await listed()).toEqual(['apps/x/three.js', 'apps/x/two.js'])
    await overlay.delete('apps/x/two.js')
    await overlay.prefetch(['apps/x/none.js'])
    expect(await listed()).toEqual(['apps/x/three.js'])
    expect([...(await overlay.list('none/')).keys()]).toEqual([])
  })

  test('of several writes to one path the last counts', async () => {
    const overlay = new Overlay(trees.repository, base, '')
    await overlay.write('a.txt', bytes('1'))
    await overlay.delete('a.txt')
    await overlay.write('a.txt', bytes('2'))
    await overlay.write('b.txt', bytes('b'))
    await overlay.delete('b.txt')
    expect(await made(overlay)).toMatchObject({ 'a.txt': '2' })
  })

  test('many are looked up in one go, whatever was written meanwhile', async () => {
    const overlay = new Overlay(trees.repository, base, '')
    const looking = overlay.prefetch(['a.txt', 'apps/x/one.js', 'apps/x/two.js', 'nothing', 'a.txt'])
    await overlay.write('apps/x/two.js', bytes('later'))
    await looking
    expect(Buffer.from((await overlay.bytes('apps/x/two.js'))!).toString()).toBe('later')
    await overlay.prefetch([])
  })

  test('below a prefix, and over nothing', async () => {
    const start = await trees.commit(undefined, { 'games/plaza/assets/a.png': 'a', 'games/plazas/assets/b.png': 'b' })
    const overlay = new Overlay(trees.repository, start, 'games/plaza/')
    expect([...(await overlay.list('assets/')).keys()]).toEqual(['assets/a.png'])
    await overlay.write('world.json', bytes('{}'))
    expect(overlay.take()).toMatchObject([{ path: 'games/plaza/world.json', kind: 'write' }])
    const empty = new Overlay(trees.repository, undefined, '')
    expect(await empty.oid('a.txt')).toBeUndefined()
    expect((await empty.list('apps/')).size).toBe(0)
  })
})
