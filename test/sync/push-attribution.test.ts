import { describe, expect, onTestFinished, test } from 'vitest'
import { openNativeRepository } from '../../src/git-bridge/native/open-native-repository.ts'
import { parseOid } from '../../src/git-bridge/repository.ts'
import { attributions } from '../../src/sync/attribution.ts'
import type { Session } from '../../src/sync/session.ts'
import type { ObjectKey } from '../../src/world/state.ts'
import { Checkout, temporaryFolder } from './support.ts'

const entity = (id: string, x: number) => ({
  id,
  blueprint: 'Lamp',
  position: [x, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: {},
  state: {},
})

/** A repository whose commits are by the authors given, and what they did. */
class History {
  readonly checkout = new Checkout(temporaryFolder())
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
    this.checkout.git('init', '--quiet')
  }

  commit(author: string, files: Readonly<Record<string, object | string>>): string {
    for (const [path, content] of Object.entries(files)) this.checkout.write(this.#prefix + path, content)
    this.checkout.git('add', '-A')
    this.checkout.git('commit', '--quiet', '--allow-empty', '--author', `${author} <${author}@x>`, '-m', author)
    return this.checkout.git('rev-parse', 'HEAD')
  }

  /** Who is named for each object, against a tip. */
  async authors(tip: string, wanted: Readonly<Record<string, string | undefined>>): Promise<readonly string[]> {
    const repository = await openNativeRepository(this.checkout.folder)
    onTestFinished(() => repository.close())
    const session = { repository, prefix: this.#prefix } as unknown as Session
    const attributed = Object.entries(wanted).map(([key, path]) => ({ key: key as ObjectKey, path }))
    const head = parseOid(this.checkout.git('rev-parse', 'HEAD'))
    const attribute = await attributions(session, head, parseOid(tip), attributed)
    return attributed.map(({ key }) => {
      const { actor, commit } = attribute(key)
      expect(this.checkout.git('log', '-1', '--format=%an', commit)).toBe(actor)
      return `${key} ${actor}`
    })
  }
}

describe.each(['', 'games/plaza/'])('P2: the newest commit that touched an object, in a project at "%s"', (prefix) => {
  test('a file, an app with its scripts, what only a merge changed', async () => {
    const history = new History(prefix)
    const tip = history.commit('world', { 'world/entities/one.json': entity('one', 0), 'apps/Lamp/Lamp.json': {} })
    history.commit('ada', { 'world/entities/one.json': entity('one', 1), 'world/entities/two.json': entity('two', 1) })
    history.commit('bob', { 'world/entities/two.json': entity('two', 2), 'apps/Lamp/Lamp.json': { id: 'Lamp' } })
    history.commit('eve', { 'apps/Lamp/lib/a.js': 'a\n', 'README.md': 'x\n' })
    history.commit('zoe', {})
    expect(
      await history.authors(tip, {
        'entity:one': 'world/entities/one.json',
        'entity:two': 'world/entities/two.json',
        'blueprint:Lamp': 'apps/Lamp/Lamp.json',
        'entity:gone': undefined,
      }),
    ).toEqual(['entity:one ada', 'entity:two bob', 'blueprint:Lamp eve', 'entity:gone zoe'])
    history.checkout.git('switch', '--quiet', '-c', 'side', tip)
    history.commit('pat', { 'world/entities/one.json': entity('one', 1) })
    history.checkout.git('switch', '--quiet', '-')
    history.checkout.git('merge', '--quiet', '--no-edit', 'side')
    expect(await history.authors(tip, { 'entity:one': 'world/entities/one.json' })).toEqual(['entity:one pat'])
    const merge = history.checkout.git('rev-parse', 'HEAD')
    expect(await history.authors(merge, { 'entity:one': 'world/entities/one.json' })).toEqual(['entity:one Dev'])
  })

  test('M8: who moved files touched nothing of their objects', async () => {
    const history = new History(prefix)
    const start = { 'world/entities/one.json': entity('one', 0), 'apps/Lamp/Lamp.json': {}, 'apps/Lamp/a.js': 'a' }
    const tip = history.commit('world', { ...start, 'world/entities/two.json': entity('two', 0) })
    history.commit('ada', { 'world/entities/one.json': entity('one', 1), 'apps/Lamp/a.js': 'b' })
    const move = (from: string, to: string) => {
      history.checkout.git('mv', prefix + from, prefix + to)
    }
    history.commit('zoe', { 'world/entities/hall/keep.txt': '' })
    move('world/entities/one.json', 'world/entities/hall/one.json')
    move('apps/Lamp', 'apps/Light')
    history.commit('bob', {})
    move('world/entities/two.json', 'world/entities/hall/two.json')
    history.commit('eve', { 'world/entities/hall/two.json': entity('two', 2) })
    move('world/entities/hall/one.json', 'world/entities/one.json')
    history.commit('pat', {})
    expect(
      await history.authors(tip, {
        'entity:one': 'world/entities/one.json',
        'entity:two': 'world/entities/hall/two.json',
        'blueprint:Lamp': 'apps/Light/Lamp.json',
      }),
    ).toEqual(['entity:one ada', 'entity:two eve', 'blueprint:Lamp ada'])
  })

  test('M8: what was moved and removed then, who removed it', async () => {
    const history = new History(prefix)
    const file = 'world/entities/one.json'
    const tip = history.commit('world', { [file]: entity('one', 0), 'apps/Lamp/Lamp.json': {}, 'apps/Lamp/a.js': 'a' })
    history.commit('zoe', { 'world/entities/hall/keep.txt': '' })
    history.checkout.git('mv', prefix + file, `${prefix}world/entities/hall/one.json`)
    history.checkout.git('mv', `${prefix}apps/Lamp`, `${prefix}apps/Light`)
    history.commit('bob', {})
    history.checkout.git('rm', '-q', '-r', `${prefix}world/entities/hall/one.json`, `${prefix}apps/Light`)
    history.commit('ada', {})
    history.commit('eve', { 'README.md': 'x' })
    const wanted = { 'entity:one': file, 'blueprint:Lamp': 'apps/Lamp/Lamp.json' }
    expect(await history.authors(tip, wanted)).toEqual(['entity:one ada', 'blueprint:Lamp ada'])
  })

  test('in a manifest, each entity, the settings and the spawn by themselves', async () => {
    const history = new History(prefix)
    let manifest = {
      formatVersion: 2,
      settings: { title: 'a' },
      spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
      entities: [entity('one', 0), entity('two', 0)],
    }
    const write = (author: string, change: Partial<typeof manifest>) => {
      manifest = { ...manifest, ...change }
      return history.commit(author, { 'world.json': manifest })
    }
    const tip = write('world', {})
    write('ada', { settings: { title: 'b' } })
    write('bob', { entities: [entity('one', 1), entity('two', 0), entity('three', 0)] })
    write('eve', { entities: [entity('one', 1), entity('two', 2), entity('three', 0)] })
    write('zoe', { spawn: { position: [1, 0, 0], quaternion: [0, 0, 0, 1] } })
    const at = 'world.json'
    expect(
      await history.authors(tip, {
        settings: at,
        spawn: at,
        'entity:one': at,
        'entity:two': at,
        'entity:three': at,
        'entity:never': at,
      }),
    ).toEqual(['settings ada', 'spawn zoe', 'entity:one bob', 'entity:two eve', 'entity:three bob', 'entity:never zoe'])
  })
})
