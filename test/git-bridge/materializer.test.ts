import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { Effect } from '../../src/world/wire-world.ts'
import { tries } from '../e2e/long.ts'
import { putBlueprint, putEntity, remove, Trees } from './world-trees.ts'

let trees: Trees

beforeEach(async () => {
  trees = await Trees.open()
})

/** A `scriptFiles` whose contents are to be had; the URL is derived from path and content. */
async function scripts(files: Readonly<Record<string, string>>): Promise<JsonObject> {
  const urls: Record<string, string> = {}
  for (const [path, content] of Object.entries(files)) {
    const url = `asset://${Buffer.from(`${path}-${content}`).toString('hex')}.js`
    urls[path] = await trees.asset(url, content)
  }
  return urls
}

const LAYOUTS: readonly Layout[] = ['split', 'manifest']

describe.each(LAYOUTS)('every kind of effect, %s', (layout) => {
  test('G4 G8 is read back as the state that it made', async () => {
    const line = trees.line(undefined, layout)
    await line.settings({ title: 'Plaza', hasAdminCode: true, extra: { a: 1 } })
    await line.apply({ kind: 'spawn', spawn: { position: [0, 1, 0], quaternion: [0, 0, 0, 1], version: 3 } })
    await line.apply(putBlueprint('Lamp', { desc: 'A lamp', version: 7, mover: 'x' }))
    await line.apply(putEntity('one', { position: [1, 2, 3], state: { n: 1 }, lastOpId: 'x', props: { color: 'red' } }))
    await line.apply(putEntity('two', { uid: 'u', unheard: ['of'] }))
    await line.apply({ kind: 'setting', key: 'title', value: undefined })
    await line.apply({ kind: 'setting', key: 'desc', value: null })
    await line.apply({ kind: 'setting', key: 'extra', value: 2 })
    const tip = await line.apply(remove('entity', 'two'))
    expect(line.refused).toEqual([])
    expect(await trees.state(tip)).toEqual({
      settings: { desc: null, extra: 2 },
      spawn: { position: [0, 1, 0], quaternion: [0, 0, 0, 1] },
      'blueprint:Lamp': { name: 'Lamp', desc: 'A lamp' },
      'entity:one': { blueprint: 'Lamp', position: [1, 2, 3], props: { color: 'red' } },
    })
    expect((await trees.project(tip)).layout).toBe(layout)
    expect(await trees.paths(tip)).toEqual(
      layout === 'manifest'
        ? ['apps/Lamp/Lamp.json', 'world.json']
        : ['apps/Lamp/Lamp.json', entityFile('one'), 'world/settings.json', 'world/spawn.json'],
    )
  })

  test('G4 what changes nothing makes no edit', async () => {
    const line = trees.line(undefined, layout)
    const effects: readonly Effect[] = [
      putBlueprint('Lamp', await lampScripts()),
      putEntity('one', { position: [0, 0, 0] }),
      { kind: 'setting', key: 'title', value: 'Plaza' },
      { kind: 'spawn', spawn: { position: [0, 0, 0] } },
    ]
    for (const effect of effects) await line.apply(effect)
    for (const fresh of [line, trees.line(line.tip, layout)]) {
      for (const effect of effects) {
        await fresh.apply(effect)
        expect(fresh.edits).toEqual([])
      }
      const none: readonly Effect[] = [
        remove('entity', 'nobody'),
        remove('blueprint', 'nobody'),
        { kind: 'setting', key: 'unheard', value: 1 },
        { kind: 'setting', key: '__proto__', value: { polluted: 1 } },
        { kind: 'setting', key: 'hasAdminCode', value: true },
        { kind: 'setting', key: 'desc', value: undefined },
        { kind: 'none', reason: 'unknown' },
        putEntity('one', { position: [0, 0, 0], mover: 'somebody', lastOpId: 'later', state: { n: 2 } }),
      ]
      for (const effect of none) {
        await fresh.apply(effect)
        expect(fresh.edits, JSON.stringify(effect)).toEqual([])
      }
    }
    expect(line.refused).toEqual([])
  })

  test('G4 the same commits, whenever the feed was polled', async () => {
    const lamp = await lampScripts()
    const effects: readonly Effect[] = [
      putBlueprint('Lamp', lamp),
      putEntity('one'),
      putEntity('two'),
      putEntity('three'),
      remove('entity', 'one'),
      putEntity('one', { pinned: true }),
      putBlueprint('Lamp__Big', { scriptRef: 'Lamp' }),
      remove('blueprint', 'Lamp'),
      putBlueprint('Lamp', await scripts({ 'index.js': 'other' })),
      putEntity('two', { model: 1 }),
      remove('entity', 'three'),
      putEntity('three'),
      { kind: 'setting', key: 'title', value: 'x' },
      remove('blueprint', 'Lamp__Big'),
    ]
    const whole = trees.line(undefined, layout)
    await whole.settings({})
    let polled = whole.tip
    for (const effect of effects) {
      await whole.apply(effect)
      polled = await trees.line(polled, layout).apply(effect)
      const [a, b] = [await trees.files(whole.tip!), await trees.files(polled!)]
      expect([...b], JSON.stringify(effect)).toEqual([...a])
    }
  })

  test('S1 S3 what cannot be read back is refused by name, the rest goes on', async () => {
    const line = trees.line(undefined, layout)
    await line.settings({ title: 'Plaza' })
    const before = await line.apply({ kind: 'spawn', spawn: { position: [0, 0, 0] } })
    let deep: JsonObject = {}
    for (let i = 0; i < 500; i++) deep = { deep }
    await line.apply({ kind: 'spawn', spawn: { position: 'everywhere' } })
    await line.apply({ kind: 'spawn', spawn: { quaternion: [0, 0, 1] } })
    await line.apply({ kind: 'setting', key: 'desc', value: deep })
    await line.apply({ kind: 'setting', key: 'title', value: Number.POSITIVE_INFINITY })
    await line.apply(putEntity('deep', { props: deep }))
    await line.apply(putEntity('shapeless', { position: [1, 2] }))
    await line.apply(
      putEntity('forger', { props: { a: { url: 'git-asset:1234567890123456789012345678901234567890.png' } } }),
    )
    await line.apply(putEntity('reader', { props: { a: { url: 'assets/../.env' } } }))
    await line.apply(putBlueprint('Shapeless', { props: 'none' }))
    expect(line.tip).toBe(before)
    expect(line.refused.map(([key]) => key)).toEqual([
      'spawn',
      'spawn',
      'settings',
      'settings',
      'entity:deep',
      'entity:shapeless',
      'entity:forger',
      'entity:reader',
      'blueprint:Shapeless',
    ])
    await line.apply(putEntity('fine'))
    expect(Object.keys(await trees.state(line.tip!))).toContain('entity:fine')
  })

  test('S1 ids of no good taste are names like any other', async () => {
    const ids = [
      '../x',
      '.git',
      '..',
      '.',
      'con',
      'NUL.txt',
      'a/b',
      'a\\b',
      '-rf',
      ' ',
      '\u202e',
      '\0',
      '__proto__',
      'a\nb',
    ]
    const line = trees.line(undefined, layout)
    await line.settings({})
    for (const id of ids) {
      await line.apply(putEntity(id))
      await line.apply(putBlueprint(id, { name: id, ...(await scripts({ 'index.js': `// ${id}` })) }))
    }
    const paths = await trees.paths(line.tip!)
    for (const path of paths) expect(path).toMatch(/^(?:world|apps)\/[A-Za-z0-9+%_./~ -]+$|^world\.json$/)
    for (const path of paths) expect(path).not.toMatch(/(?:^|\/)\.|\.\.|(?:^|\/)(?:con|nul)(?:\.|\/|$)/i)
    const state = await trees.state(line.tip!)
    for (const id of ids) {
      expect(Object.hasOwn(state, `entity:${id}`), `entity ${JSON.stringify(id)}`).toBe(true)
      expect(state[`blueprint:${id}`], `blueprint ${JSON.stringify(id)}`).toMatchObject({ name: id })
    }
    for (const id of ids) {
      await line.apply(remove('entity', id))
      await line.apply(remove('blueprint', id))
    }
    expect(Object.keys(await trees.state(line.tip!)).filter((key) => key.includes(':'))).toEqual([])
  })

  test('a project in a subfolder holds the same', async () => {
    const below = trees.line(undefined, layout, 'games/plaza/')
    const top = trees.line(undefined, layout)
    const lamp = await lampScripts()
    for (const line of [below, top]) {
      await line.settings({ title: 'Plaza' })
      await line.apply(putBlueprint('Lamp', { ...lamp, model: await trees.asset('asset://m.glb', 'model') }))
      await line.apply(putEntity('one'))
      await line.apply(putEntity('two'))
      await line.apply(remove('entity', 'two'))
    }
    expect(await trees.files(below.tip!, 'games/plaza/')).toEqual(await trees.files(top.tip!))
    expect((await trees.paths(below.tip!)).every((path) => path.startsWith('games/plaza/'))).toBe(true)
  })
})

async function lampScripts(): Promise<JsonObject> {
  return { scriptFiles: await scripts({ 'index.js': 'export default 1', 'lib/a.js': 'a' }), scriptEntry: 'index.js' }
}

describe('scripts', () => {
  const files = async (line: { readonly tip: Parameters<Trees['paths']>[0] | undefined }) =>
    (await trees.paths(line.tip!)).filter((path) => !path.startsWith('world/'))

  test('of a root: written, changed, removed', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1', 'old.js': 'o' }) }))
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '2', 'new.ts': 'n' }) }))
    expect(await files(line)).toEqual(['apps/Lamp/Lamp.json', 'apps/Lamp/index.js', 'apps/Lamp/new.ts'])
    expect(await trees.text(line.tip!, 'apps/Lamp/index.js')).toBe('2')
    await line.apply(putBlueprint('Lamp', { scriptFiles: null, script: null }))
    expect(await files(line)).toEqual(['apps/Lamp/Lamp.json'])
    expect(await trees.state(line.tip!)).toEqual({ 'blueprint:Lamp': { name: 'Lamp' } })
  })

  test('a file that becomes a folder, and a folder that becomes a file', async () => {
    const line = trees.line(undefined)
    const file = { scriptFiles: await scripts({ 'index.js': '1', 'lib.js': 'file' }) }
    const folder = { scriptFiles: await scripts({ 'index.js': '1', 'lib.js/a.js': 'below' }) }
    for (const fields of [file, folder, file, folder]) {
      await line.apply(putBlueprint('Lamp', fields))
      const fresh = await trees.line(line.tip).apply(putBlueprint('Lamp', fields))
      expect(fresh).toBe(line.tip)
      const expected = fields === file ? 'apps/Lamp/lib.js' : 'apps/Lamp/lib.js/a.js'
      expect(await files(line)).toEqual(['apps/Lamp/Lamp.json', 'apps/Lamp/index.js', expected])
    }
  })

  test('G4 bytes that cannot be had leave the file that is there, and are completed later', async () => {
    const line = trees.line(undefined)
    const missing = 'asset://missing.js'
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1', 'lib.js': 'l' }) }))
    await line.apply(
      putBlueprint('Lamp', {
        scriptFiles: { ...(await scripts({ 'index.js': '2' })), 'lib.js': missing, 'new.js': missing },
      }),
    )
    expect(await files(line)).toEqual(['apps/Lamp/Lamp.json', 'apps/Lamp/index.js', 'apps/Lamp/lib.js'])
    expect(await trees.text(line.tip!, 'apps/Lamp/index.js')).toBe('2')
    await trees.asset(missing, 'here')
    await line.apply(
      putBlueprint('Lamp', {
        scriptFiles: { ...(await scripts({ 'index.js': '2' })), 'lib.js': missing, 'new.js': missing },
      }),
    )
    expect(await trees.text(line.tip!, 'apps/Lamp/new.js')).toBe('here')
    expect(line.refused).toEqual([])
  })

  test('a root and its variants share a folder; the last one takes the scripts along', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) }))
    await line.apply(putBlueprint('Lamp__Big', { scriptRef: 'Lamp' }))
    await line.apply(putBlueprint('Elsewhere', { scriptRef: 'Lamp' }))
    expect(await files(line)).toEqual([
      'apps/Lamp/Big.json',
      'apps/Lamp/Elsewhere.json',
      'apps/Lamp/Lamp.json',
      'apps/Lamp/index.js',
    ])
    expect(await trees.state(line.tip!)).toMatchObject({
      'blueprint:Lamp': { scriptFiles: { 'index.js': 'content:1' } },
      'blueprint:Lamp__Big': { scriptRef: 'Lamp' },
      'blueprint:Elsewhere': { scriptRef: 'Lamp' },
    })
  })

  test('a variant that comes before its root stays where it is (M8)', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Big', { scriptRef: 'Lamp' }))
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) }))
    await line.apply(putBlueprint('Big', { scriptRef: 'Lamp', desc: 'later' }))
    expect(await files(line)).toEqual(['apps/Big/Big.json', 'apps/Lamp/Lamp.json', 'apps/Lamp/index.js'])
    expect(await trees.state(line.tip!)).toMatchObject({ 'blueprint:Big': { scriptRef: 'Lamp', desc: 'later' } })
  })

  test('a root that is removed under its variants leaves a tree that can be read (G4)', async () => {
    const line = trees.line(undefined)
    const lamp = putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) })
    await line.apply(lamp)
    await line.apply(putBlueprint('Lamp__Big', { scriptRef: 'Lamp' }))
    await line.apply(remove('blueprint', 'Lamp'))
    expect(await trees.state(line.tip!)).toEqual({ 'blueprint:Lamp__Big': { name: 'Lamp__Big', scriptRef: 'Lamp' } })
    await line.apply(lamp)
    expect(await trees.state(line.tip!)).toMatchObject({
      'blueprint:Lamp': { scriptFiles: { 'index.js': 'content:1' } },
      'blueprint:Lamp__Big': { scriptRef: 'Lamp' },
    })
    await line.apply(remove('blueprint', 'Lamp'))
    await line.apply(remove('blueprint', 'Lamp__Big'))
    expect(await files(line)).toEqual([])
  })

  test('the scripts of a root that is removed do not fall to the blueprint beside it', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) }))
    await line.apply(putBlueprint('Lamp__Plain', {}))
    expect(await trees.state(line.tip!)).toMatchObject({ 'blueprint:Lamp__Plain': { name: 'Lamp__Plain' } })
    await line.apply(remove('blueprint', 'Lamp'))
    expect(await trees.state(line.tip!)).toEqual({ 'blueprint:Lamp__Plain': { name: 'Lamp__Plain' } })
  })

  test('a root that becomes a variant of another gives its scripts up', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) }))
    await line.apply(putBlueprint('Tree', { scriptFiles: await scripts({ 'index.js': '2' }) }))
    await line.apply(putBlueprint('Lamp', { scriptRef: 'Tree', scriptFiles: null }))
    expect(await trees.state(line.tip!)).toEqual({
      'blueprint:Lamp': { name: 'Lamp', scriptRef: 'Tree' },
      'blueprint:Tree': { name: 'Tree', scriptEntry: 'index.js', scriptFiles: { 'index.js': 'content:2' } },
    })
  })

  test('a variant with scripts of its own moves to a folder of its own', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1' }) }))
    await line.apply(putBlueprint('Lamp__Big', { scriptRef: 'Lamp' }))
    await line.apply(putBlueprint('Lamp__Big', { scriptFiles: await scripts({ 'index.js': 'big' }) }))
    expect(await files(line)).toEqual([
      'apps/Lamp/Lamp.json',
      'apps/Lamp/index.js',
      'apps/Lamp__Big/Lamp__Big.json',
      'apps/Lamp__Big/index.js',
    ])
    expect(await trees.state(line.tip!)).toMatchObject({
      'blueprint:Lamp': { scriptFiles: { 'index.js': 'content:1' } },
      'blueprint:Lamp__Big': { scriptFiles: { 'index.js': 'content:big' } },
    })
  })

  test('two roots whose folders differ in case alone get folders that differ on every system (G8)', async () => {
    const line = trees.line(undefined)
    for (const id of ['Lamp__a', 'lamp__b', 'LAMP'])
      await line.apply(putBlueprint(id, { scriptFiles: await scripts({ 'index.js': id }) }))
    const folded = (await files(line)).map((path) => path.toLowerCase())
    expect(new Set(folded).size).toBe(folded.length)
    expect(new Set(folded.map((path) => path.split('/')[1])).size).toBe(3)
    expect(await trees.state(line.tip!)).toMatchObject({
      'blueprint:Lamp__a': { scriptFiles: { 'index.js': 'content:Lamp__a' } },
      'blueprint:lamp__b': { scriptFiles: { 'index.js': 'content:lamp__b' } },
      'blueprint:LAMP': { scriptFiles: { 'index.js': 'content:LAMP' } },
    })
  })

  test('S1 unsafe paths are refused by name, the others are written', async () => {
    const bad = [
      '../../../evil.js',
      '/etc/passwd.js',
      'a/../../b.js',
      '.git/hooks/pre-commit.js',
      'lib/.git/x.js',
      '.GIT/x.js',
      'git~1/x.js',
      '.g\u200cit/x.js',
      'con.js',
      'lib/nul.ts',
      'a\\b.js',
      'a:b.js',
      '.hidden.js',
      'lib/.hidden/x.js',
      'x.txt',
      'x.json',
      'Lamp.json/x.js',
      'node_modules/x.js',
      'a//b.js',
      'ends./x.js',
      'new\nline.js',
      '',
      '@shared/../../evil.js',
      '@shared/.git/x.js',
      'shared/../apps/x.js',
    ]
    const line = trees.line(undefined)
    const scriptFiles: Record<string, string> = {
      ...((await scripts({ 'index.js': 'fine' })) as Record<string, string>),
    }
    for (const path of bad) scriptFiles[path] = await trees.asset('asset://evil.js', 'evil')
    Object.defineProperty(scriptFiles, '__proto__', { value: 'asset://evil.js', enumerable: true })
    await line.apply(putBlueprint('Lamp', { scriptFiles }))
    expect(await trees.paths(line.tip!)).toEqual(['apps/Lamp/Lamp.json', 'apps/Lamp/index.js'])
    expect(line.refused).toHaveLength(bad.length + 1)
    for (const path of bad) expect(line.refused.map(([, reason]) => reason).join('\n')).toContain(JSON.stringify(path))
  })

  test('shared modules are files of their own', async () => {
    const line = trees.line(undefined)
    await line.apply(
      putBlueprint('Lamp', {
        scriptFiles: await scripts({ 'index.js': '1', '@shared/util.js': 'u', 'shared/deep/b.ts': 'b' }),
      }),
    )
    expect(await files(line)).toEqual([
      'apps/Lamp/Lamp.json',
      'apps/Lamp/index.js',
      'shared/deep/b.ts',
      'shared/util.js',
    ])
    await line.apply(putBlueprint('Tree', { scriptFiles: await scripts({ 'index.js': '2', '@shared/util.js': 'v' }) }))
    expect(await trees.state(line.tip!)).toMatchObject({ 'shared:util.js': { content: 'content:v' } })
    // Nobody can know who else imports a module: it stays.
    await line.apply(remove('blueprint', 'Lamp'))
    await line.apply(remove('blueprint', 'Tree'))
    expect(await files(line)).toEqual(['shared/deep/b.ts', 'shared/util.js'])
  })

  test('S1 a shared module that is another’s where case folds is refused', async () => {
    const line = trees.line(undefined)
    await line.apply(
      putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1', '@shared/lib/util.js': 'u' }) }),
    )
    const evil = {
      'index.js': '2',
      '@shared/LIB/Util.js': 'v',
      '@shared/lib/UTIL.JS/x.js': 'w',
      '@shared/Lib/other.js': 'o',
    }
    await line.apply(putBlueprint('Tree', { scriptFiles: await scripts(evil) }))
    expect(line.refused.map(([, reason]) => reason)).toEqual([
      'script "@shared/lib/UTIL.JS/x.js" is a file and a folder at once',
      'shared module "LIB/Util.js": is "shared/lib/util.js" where case folds',
    ])
    const shared = (await trees.paths(line.tip!)).filter((path) => path.startsWith('shared/'))
    expect(shared).toEqual(['shared/Lib/other.js', 'shared/lib/util.js'])
  })

  test('a shared module in the way of another’s folder is refused, and so is the other way round', async () => {
    const line = trees.line(undefined)
    await line.apply(putBlueprint('Lamp', { scriptFiles: await scripts({ 'index.js': '1', '@shared/a.js': 'file' }) }))
    const tree = putBlueprint('Tree', {
      scriptFiles: await scripts({ 'index.js': '2', '@shared/a.js/b.js': 'below', '@shared/c.js/d.js': 'x' }),
    })
    await line.apply(tree)
    await line.apply(putBlueprint('Bush', { scriptFiles: await scripts({ 'index.js': '3', '@shared/c.js': 'file' }) }))
    const polled = await trees.line(line.tip).apply(tree)
    expect(polled).toBe(line.tip)
    expect((await files(line)).filter((path) => path.startsWith('shared/'))).toEqual([
      'shared/a.js',
      'shared/c.js/d.js',
    ])
    expect(line.refused.map(([key]) => key)).toEqual(['blueprint:Tree', 'blueprint:Bush'])
  })
})

describe.each(LAYOUTS)('assets, %s', (layout) => {
  const assetsOf = async (tip: Parameters<Trees['paths']>[0]) =>
    (await trees.paths(tip)).filter((path) => path.startsWith('assets/'))

  test('are named after what names them, reused by content, numbered where a name is taken', async () => {
    const line = trees.line(undefined, layout)
    await line.settings({})
    const [a, b, same] = [
      await trees.asset('asset://a.GLB', 'A'),
      await trees.asset('asset://b.glb', 'B'),
      await trees.asset('asset://again.glb', 'A'),
    ]
    await line.apply(putBlueprint('Lamp', { model: a, image: { url: await trees.asset('asset://i.png', 'I') } }))
    await line.apply(putBlueprint('lamp', { model: b }))
    await line.apply(
      putEntity('one', {
        props: { sky: { type: 'texture', name: 'Night Sky.hdr', url: await trees.asset('asset://s.hdr', 'S') } },
      }),
    )
    await line.apply(putEntity('two', { props: { again: { url: same } } }))
    expect(await assetsOf(line.tip!)).toEqual([
      'assets/Lamp.glb',
      'assets/Lamp__image.png',
      'assets/Night Sky.hdr',
      'assets/lamp_1.glb',
    ])
    expect(await trees.state(line.tip!)).toMatchObject({
      'blueprint:Lamp': { model: 'content:A', image: { url: 'content:I' } },
      'blueprint:lamp': { model: 'content:B' },
      'entity:one': { props: { sky: { url: 'content:S' } } },
      'entity:two': { props: { again: { url: 'content:A' } } },
    })
    const paths = await assetsOf(line.tip!)
    const polled = await trees.line(line.tip, layout).apply(putEntity('three', { props: { x: { url: b } } }))
    expect(await assetsOf(polled)).toEqual(paths)
  })

  test('G4 bytes that cannot be had leave the URL, and are completed later', async () => {
    const line = trees.line(undefined, layout)
    await line.settings({})
    const late = putEntity('one', { props: { a: { url: 'asset://late.png' } } })
    await line.apply(late)
    expect(await trees.state(line.tip!)).toMatchObject({ 'entity:one': { props: { a: { url: 'asset://late.png' } } } })
    await trees.asset('asset://late.png', 'L')
    await line.apply(late)
    expect(await trees.state(line.tip!)).toMatchObject({ 'entity:one': { props: { a: { url: 'content:L' } } } })
  })

  test('S1 names from the world are only names', async () => {
    const line = trees.line(undefined, layout)
    await line.settings({})
    const names = ['../../evil', '.git', '.gitattributes', 'con', 'a/b', '\u202egnp', '-x', '', 'CON', 'x'.repeat(400)]
    for (const [index, name] of names.entries()) {
      const url = await trees.asset(`asset://${index}.png`, `bytes ${index}`)
      await line.apply(putEntity(`e${index}`, { props: { [name]: { name, url } } }))
    }
    const paths = await assetsOf(line.tip!)
    expect(paths).toHaveLength(names.length)
    for (const path of paths) expect(path).toMatch(/^assets\/[A-Za-z0-9_-][A-Za-z0-9._ -]*\.png$/)
    await trees.state(line.tip!)
  })
})

test('M5 a manifest keeps the states of entities that stay, and their order', async () => {
  const lamp = { position: [0, 0, 0], quaternion: [0, 0, 0, 1], scale: [1, 1, 1], pinned: false, props: {} }
  const start = await trees.commit(undefined, {
    'world.json': {
      formatVersion: 2,
      settings: {},
      spawn: {},
      entities: ['b', 'a', 'c'].map((id) => ({ id, blueprint: 'Lamp', ...lamp, state: { of: id } })),
      note: 'kept',
    },
  })
  const line = trees.line(start, 'manifest')
  await line.apply(putEntity('a', { ...lamp, pinned: true, state: { of: 'the runtime' } }))
  await line.apply(remove('entity', 'b'))
  await line.apply(putEntity('b', lamp))
  const document = JSON.parse((await trees.text(line.tip!, 'world.json'))!) as JsonObject
  expect(document.note).toBe('kept')
  expect((document.entities as JsonObject[]).map(({ id, state }) => [id, state])).toEqual([
    ['a', { of: 'a' }],
    ['c', { of: 'c' }],
    ['b', {}],
  ])
})

describe.each(LAYOUTS)('law: operations one by one, %s', (layout) => {
  const id = fc.constantFrom('one', 'two', 'Lamp__Big', 'LAMP', '../x')
  const effect: fc.Arbitrary<Effect> = fc.oneof(
    fc
      .tuple(id, fc.record({ pinned: fc.boolean(), props: fc.dictionary(fc.constantFrom('a', 'b'), fc.nat(2)) }))
      .map(([id, fields]) => putEntity(id, fields as JsonObject)),
    id.map((id) => remove('entity', id)),
    fc
      .tuple(id, fc.constantFrom('none', 'one', 'two', 'ref'), fc.nat(2))
      .map(([id, kind, desc]) => putBlueprint(id, { desc: String(desc), ...scriptsOf(kind, id) })),
    id.map((id) => remove('blueprint', id)),
    fc
      .tuple(fc.constantFrom('title', 'desc'), fc.option(fc.nat(2), { nil: undefined }))
      .map(([key, value]): Effect => ({ kind: 'setting', key, value })),
    fc.nat(2).map((x): Effect => ({ kind: 'spawn', spawn: { position: [x, 0, 0] } })),
  )

  function scriptsOf(kind: string, id: string): JsonObject {
    if (kind === 'none') return {}
    if (kind === 'ref') return id === 'one' ? {} : { scriptRef: 'one' }
    // Scripts differ from blueprint to blueprint: equal ones would be shared.
    const name = Buffer.from(`${kind} ${id}`).toString('hex')
    return {
      scriptFiles:
        kind === 'one'
          ? { 'index.js': `asset://${name}.js` }
          : { 'main.ts': `asset://${name}.js`, 'lib/a.js': `asset://${name}b.js` },
    }
  }

  test('G3 G4 in any order of objects give the state of the final snapshot', async () => {
    for (const kind of ['one', 'two'])
      for (const id of ['one', 'two', 'Lamp__Big', 'LAMP', '../x']) {
        const name = Buffer.from(`${kind} ${id}`).toString('hex')
        await trees.asset(`asset://${name}.js`, name)
        await trees.asset(`asset://${name}b.js`, `${name}b`)
      }
    await fc.assert(
      fc.asyncProperty(fc.array(effect, { maxLength: 14 }), async (effects) => {
        const line = trees.line(undefined, layout)
        await line.settings({})
        await line.apply({ kind: 'spawn', spawn: {} })
        let polled = line.tip
        for (const effect of effects) {
          await line.apply(effect)
          polled = await trees.line(polled, layout).apply(effect)
        }
        expect(await trees.files(polled!)).toEqual(await trees.files(line.tip!))
        const last = new Map<string, Effect>()
        for (const effect of effects) last.set(keyOf(effect), effect)
        const fresh = trees.line(undefined, layout)
        await fresh.settings({})
        await fresh.apply({ kind: 'spawn', spawn: {} })
        for (const effect of last.values()) await fresh.apply(effect)
        expect(line.refused).toEqual([])
        expect(await trees.state(fresh.tip!)).toEqual(await trees.state(line.tip!))
        const expected = [...last].flatMap(([key, effect]) => (effect.kind === 'put' ? [key] : [])).sort()
        const keys = Object.keys(await trees.state(line.tip!)).filter((key) => /^(?:entity|blueprint):/.test(key))
        expect(keys.sort()).toEqual(expected)
      }),
      tries(12),
    )
  })
})

function keyOf(effect: Effect): string {
  switch (effect.kind) {
    case 'put':
    case 'remove':
      return `${effect.of}:${effect.id}`
    case 'setting':
      return `settings ${effect.key}`
    default:
      return effect.kind
  }
}
