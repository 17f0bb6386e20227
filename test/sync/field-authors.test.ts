import { describe, expect, it } from 'vitest'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { formatTrailers } from '../../src/git-bridge/trailers.ts'
import { fieldKey } from '../../src/resolvers/fields.ts'
import { type AuthorsOf, fieldAuthors } from '../../src/sync/field-authors.ts'
import type { Project } from '../../src/sync/session.ts'
import type { ObjectKey } from '../../src/world/state.ts'
import { type Files, Trees } from '../git-bridge/world-trees.ts'

const LAMP = 'world/entities/00/lamp.json'
const KEY = 'entity:lamp' as ObjectKey

class History {
  readonly trees: Trees
  #time = 1_700_000_000

  constructor(trees: Trees) {
    this.trees = trees
  }

  async commit(author: string, parents: readonly Oid[], files: Files, message = 'edit\n'): Promise<Oid> {
    const { repository } = this.trees
    const staged = await this.trees.commit(parents[0], files)
    const who = { name: author, email: 'x@example.com', time: this.#time++, offset: 0 }
    const { tree } = await repository.readCommit(staged)
    return repository.writeCommit({ tree, parents, author: who, committer: { ...who, name: 'git' }, message })
  }

  lamp(author: string, parents: readonly Oid[], fields: object, path = LAMP): Promise<Oid> {
    return this.commit(author, parents, { [path]: { id: 'lamp', blueprint: 'Lamp', ...fields } })
  }

  /** Field → author. */
  async authors(tip: Oid, base: Oid | undefined, fields: readonly string[], more: Partial<AuthorsOf> = {}) {
    const project = { repository: this.trees.repository, prefix: '' } as unknown as Project
    const paths = fields.map((field) => (field === '' ? [] : field.split('.')))
    const found = await fieldAuthors(project, { key: KEY, tip, base, paths: [LAMP], fields: paths, ...more })
    return Object.fromEntries(
      paths.flatMap((path, index) => {
        const who = found.get(fieldKey(path))
        return who === undefined ? [] : [[fields[index]!, who]]
      }),
    )
  }

  async names(...args: Parameters<History['authors']>): Promise<Record<string, string>> {
    const found = await this.authors(...args)
    return Object.fromEntries(Object.entries(found).map(([field, { name }]) => [field, name]))
  }
}

const open = async () => new History(await Trees.open())

describe('C3: who gave a field its value, and when', () => {
  it('the newest commit that changed it, of those that are asked for', async () => {
    const history = await open()
    const root = await history.lamp('ada', [], { pinned: false, props: { color: 'white', size: 1 } })
    const one = await history.lamp('ben', [root], { pinned: true, props: { color: 'white', size: 1 } })
    const two = await history.lamp('cat', [one], { pinned: true, props: { color: 'red', size: 1 } })
    const three = await history.lamp('dan', [two], { pinned: true, props: { color: 'blue', size: 1 } })
    const fields = ['pinned', 'props.color', 'props.size', 'props.none']
    expect(await history.names(three, root, fields)).toEqual({ pinned: 'ben', 'props.color': 'dan' })
    expect(await history.names(two, root, fields)).toEqual({ pinned: 'ben', 'props.color': 'cat' })
    expect(await history.names(three, undefined, fields)).toEqual({
      pinned: 'ben',
      'props.color': 'dan',
      'props.size': 'ada',
    })
    expect(await history.names(three, three, fields)).toEqual({})
    expect((await history.authors(one, root, ['pinned'])).pinned).toEqual({
      name: 'ben',
      commit: one,
      at: '2023-11-14T22:13:21Z',
    })
  })

  it('put back counts, and so does an object that came or went', async () => {
    const history = await open()
    const root = await history.lamp('ada', [], { pinned: false })
    const there = await history.lamp('ben', [root], { pinned: true })
    const back = await history.lamp('cat', [there], { pinned: false })
    expect(await history.names(back, root, ['pinned'])).toEqual({ pinned: 'cat' })
    const gone = await history.commit('dan', [back], { [LAMP]: undefined })
    expect(await history.names(gone, root, ['', 'pinned'])).toEqual({ '': 'dan', pinned: 'dan' })
    const again = await history.lamp('eve', [gone], { pinned: false })
    expect(await history.names(again, gone, ['', 'pinned'])).toEqual({ '': 'eve', pinned: 'eve' })
    expect(await history.names(gone, root, ['pinned'], { key: 'entity:other' as ObjectKey })).toEqual({})
  })

  it('merges are nobody’s; those of both sides are looked into', async () => {
    const history = await open()
    const root = await history.lamp('ada', [], { pinned: false, x: 1, y: 1 })
    const left = await history.lamp('ben', [root], { pinned: false, x: 2, y: 1 })
    const right = await history.lamp('cat', [root], { pinned: false, x: 1, y: 2 })
    const merge = await history.lamp('merger', [left, right], { pinned: true, x: 2, y: 2 })
    expect(await history.names(merge, root, ['x', 'y', 'pinned'])).toEqual({ x: 'ben', y: 'cat' })
    // What came from the other side of a baseline is not asked about.
    expect(await history.names(merge, right, ['x', 'y'])).toEqual({ x: 'ben' })
  })

  it('a file that moved is followed as far as its paths are known', async () => {
    const history = await open()
    const moved = 'world/entities/mine/lamp.json'
    const root = await history.lamp('ada', [], { pinned: false })
    const edited = await history.lamp('ben', [root], { pinned: true })
    const after = await history.commit('cat', [edited], {
      [LAMP]: undefined,
      [moved]: { id: 'lamp', blueprint: 'Lamp', pinned: true },
    })
    const later = await history.lamp('dan', [after], { pinned: true, x: 1 }, moved)
    expect(await history.names(later, root, ['pinned', 'x'], { paths: [LAMP, moved] })).toEqual({
      pinned: 'ben',
      x: 'dan',
    })
    expect(await history.names(later, root, ['x'], { paths: [] })).toEqual({})
  })

  it('scripts of a blueprint, wherever its folder has them, and the world’s cursor', async () => {
    const history = await open()
    const key = 'blueprint:Lamp' as ObjectKey
    const root = await history.commit('ada', [], {
      'apps/Lamp/Lamp.json': { id: 'Lamp', name: 'Lamp' },
      'apps/Lamp/index.js': 'one\n',
      'apps/Lamp/lib/a.js': 'one\n',
    })
    const trailers = formatTrailers({ worldId: 'plaza', cursor: 7, opId: 'op', source: 'admin', object: key })
    const world = await history.commit('ben', [root], { 'apps/Lamp/lib/a.js': 'two\n' }, `x\n\n${trailers}`)
    const found = await fieldAuthors({ repository: history.trees.repository, prefix: '' } as unknown as Project, {
      key,
      tip: world,
      base: root,
      paths: ['apps/Lamp/Lamp.json'],
      fields: [
        ['scriptFiles', 'lib/a.js'],
        ['scriptFiles', 'index.js'],
      ],
    })
    expect([...found.values()]).toMatchObject([{ name: 'ben', commit: world }])
    expect([...found.keys()]).toEqual([fieldKey(['scriptFiles', 'lib/a.js'])])
  })

  it('of very many commits the newest is named for what is further back', async () => {
    const history = await open()
    const root = await history.lamp('ada', [], { pinned: false, n: 0 })
    let tip = await history.lamp('ben', [root], { pinned: true, n: 0 })
    for (let n = 1; n <= 51; n++) tip = await history.lamp(`crowd ${n}`, [tip], { pinned: true, n })
    expect(await history.names(tip, root, ['pinned', 'n', 'none'])).toEqual({
      pinned: 'crowd 51',
      n: 'crowd 51',
      none: 'crowd 51',
    })
  })
})
