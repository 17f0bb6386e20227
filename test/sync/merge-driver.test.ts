import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openNativeRepository } from '../../src/git-bridge/native/open-native-repository.ts'
import { type DriverIo, runMergeDriver } from '../../src/sync/merge-driver.ts'
import {
  configureMergeDriver,
  installMergeDriver,
  isProgramOnPath,
  mergeDriverInstalled,
  mergeDriverState,
  uninstallMergeDriver,
  withDriverAttributes,
  withoutDriverAttributes,
} from '../../src/sync/merge-driver-setup.ts'
import { Checkout, temporaryFolder } from './support.ts'

const LAMP = 'world/entities/3f/lamp.json'
const lamp = { id: 'lamp', blueprint: 'Lamp', position: [0, 0, 0], pinned: false, props: { color: 'red' } }
const LOBBY = { defaultTarget: 'main', targets: { main: { worldUrl: 'http://localhost:3000', worldId: 'plaza' } } }

/** An empty repository. */
function repository(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '--initial-branch=main')
  checkout.write('lobby.json', LOBBY)
  return checkout
}

type Content = string | Uint8Array | object

/** Runs the driver on three versions, as git would; undefined: the file is not there at all. */
async function drive(
  checkout: Checkout,
  path: string,
  versions: { base?: Content | undefined; ours: Content; theirs: Content },
  io: Partial<DriverIo> = {},
) {
  const files = { base: '.merge_file_O', ours: '.merge_file_A', theirs: '.merge_file_B', path }
  for (const side of ['base', 'ours', 'theirs'] as const) {
    const content = versions[side]
    if (content === undefined) rmSync(join(checkout.folder, files[side]), { force: true })
    else checkout.write(files[side], content)
  }
  const report = await runMergeDriver(checkout.folder, files, { env: {}, writeFile, ...io })
  const left = readdirSync(checkout.folder).filter((name) => name.startsWith('.merge_file_A'))
  expect(left).toEqual([files.ours])
  return { report, result: checkout.read(files.ours) }
}

const blue = { ...lamp, props: { color: 'blue' } }
const green = { ...lamp, props: { color: 'green' } }
const moved = { ...lamp, position: [1, 0, 0] }

describe('runMergeDriver', () => {
  test('by field', async () => {
    const { report, result } = await drive(repository(), LAMP, { base: lamp, ours: moved, theirs: blue })
    expect(report).toEqual({ kind: 'merged', exitCode: 0, resolved: [] })
    expect(JSON.parse(result)).toEqual({ ...moved, props: blue.props })
  })

  test('a contested field has markers around it', async () => {
    const { report, result } = await drive(repository(), LAMP, {
      base: lamp,
      ours: { ...green, position: [1, 0, 0] },
      theirs: { ...blue, pinned: true },
    })
    expect(report).toMatchObject({ kind: 'contested', exitCode: 1, fields: [{ path: ['props', 'color'] }] })
    expect(result).toBe(`{
  "id": "lamp",
  "blueprint": "Lamp",
  "position": [1, 0, 0],
  "pinned": true,
  "props": {
<<<<<<< ours
    "color": "green"
=======
    "color": "blue"
>>>>>>> theirs
  }
}
`)
  })

  test.each(['diff3', 'zdiff3'])('merge.conflictStyle=%s shows the base', async (style) => {
    const checkout = repository()
    checkout.git('config', 'merge.conflictStyle', style)
    const { result } = await drive(checkout, LAMP, { base: lamp, ours: green, theirs: blue })
    expect(result).toContain(
      '    "color": "green"\n||||||| base\n    "color": "red"\n=======\n    "color": "blue"\n>>>>>>>',
    )
  })

  test('a project in a folder below, its lobby.json the nearest that fits', async () => {
    const checkout = repository()
    checkout.write('games/plaza/lobby.json', LOBBY)
    // An app may be called so.
    checkout.write('games/plaza/apps/Lobby/lobby.json', { id: 'Lobby__lobby' })
    const versions = { base: lamp, ours: moved, theirs: blue }
    for (const path of [`games/plaza/${LAMP}`, 'games/plaza/apps/Lobby/Lobby.json']) {
      expect((await drive(checkout, path, versions)).report.kind).toBe('merged')
    }
    // Neither the project above nor the top knows such a file: git's own merge.
    expect((await drive(checkout, `games/${LAMP}`, versions)).report).toMatchObject({ kind: 'lines' })
  })

  test('without lobby.json the top of the repository counts', async () => {
    const checkout = repository()
    checkout.remove('lobby.json')
    expect((await drive(checkout, LAMP, { base: lamp, ours: moved, theirs: blue })).report.kind).toBe('merged')
    expect((await drive(checkout, `sub/${LAMP}`, { base: lamp, ours: moved, theirs: blue })).report.kind).toBe('lines')
  })

  describe('ownership', () => {
    const policy = {
      rules: [
        { field: 'props.color', owner: 'runtime' },
        { field: 'props.tags', merge: 'set' },
      ],
    }
    /** A commit on the world's line, and one that is none. */
    function commits(checkout: Checkout): { line: string; branch: string } {
      const tree = execFileSync('git', ['write-tree'], { cwd: checkout.folder, encoding: 'utf8' }).trim()
      const message = (named: string) =>
        `ada: moved\n\nLobby-World: plaza\nLobby-Cursor: 7\nLobby-Op: x\nLobby-Tree: ${named}\n`
      const commit = (named: string) => checkout.git('commit-tree', tree, '-m', message(named))
      return { line: commit(tree), branch: commit('0'.repeat(40)) }
    }
    const versions = { base: lamp, ours: green, theirs: blue }

    test('decides where the world is merged', async () => {
      const checkout = repository()
      checkout.write('lobby.json', { ...LOBBY, policy })
      const { line } = commits(checkout)
      const { report, result } = await drive(checkout, LAMP, versions, { env: { [`GITHEAD_${line}`]: 'x' } })
      expect(report).toMatchObject({ kind: 'merged', resolved: [{ path: ['props', 'color'], by: 'runtime' }] })
      expect(JSON.parse(result)).toEqual(blue)
    })

    test('decides nothing between two branches, nor where git does not say what it merges', async () => {
      const checkout = repository()
      checkout.write('lobby.json', { ...LOBBY, policy })
      const { line, branch } = commits(checkout)
      for (const env of [
        {},
        { [`GITHEAD_${branch}`]: 'x' },
        { [`GITHEAD_${'1'.repeat(40)}`]: 'x' },
        { [`GITHEAD_${line}`]: 'x', [`GITHEAD_${branch}`]: 'x' },
      ]) {
        expect((await drive(checkout, LAMP, versions, { env })).report.kind).toBe('contested')
      }
      const managed = { base: { ...lamp, managedBy: 'local' }, ours: { ...green, managedBy: 'local' } }
      const theirs = { ...blue, managedBy: 'local' }
      expect((await drive(checkout, LAMP, { ...managed, theirs })).report.kind).toBe('contested')
      const env = { [`GITHEAD_${line}`]: 'x' }
      // A rule comes before the object's own word.
      checkout.write('lobby.json', LOBBY)
      const kept = await drive(checkout, LAMP, { ...managed, theirs }, { env })
      expect(kept.report).toMatchObject({ kind: 'merged', resolved: [{ by: 'local' }] })
      expect(JSON.parse(kept.result)).toEqual(managed.ours)
    })

    test('sets are sets in every merge', async () => {
      const checkout = repository()
      checkout.write('lobby.json', { ...LOBBY, policy })
      const tags = (...list: string[]) => ({ ...lamp, props: { tags: list } })
      const { report, result } = await drive(checkout, LAMP, {
        base: tags('a'),
        ours: tags('a', 'b'),
        theirs: tags('c', 'a'),
      })
      expect(report).toMatchObject({ kind: 'merged', resolved: [{ by: 'set' }] })
      expect(JSON.parse(result)).toEqual(tags('a', 'b', 'c'))
    })

    test('a lobby.json in conflict has no say', async () => {
      const checkout = repository()
      const { line } = commits(checkout)
      checkout.write('lobby.json', `<<<<<<< ours\n${JSON.stringify({ ...LOBBY, policy })}\n=======\n>>>>>>> x\n`)
      const env = { [`GITHEAD_${line}`]: 'x' }
      expect((await drive(checkout, LAMP, versions, { env })).report.kind).toBe('contested')
    })
  })
})

describe('what cannot be merged by field', () => {
  test('two objects that git took for one: every difference is marked', async () => {
    // A merge of lines would take the edit of the one into the other: its id is not next to it.
    const [base, ours, theirs] = [lamp, { ...lamp, id: 'post' }, { ...lamp, props: { color: 'blue' } }].map(
      (value) => `${JSON.stringify(value, null, 2)}\n`,
    ) as [string, string, string]
    const { report, result } = await drive(repository(), 'world/entities/77/post.json', { base, ours, theirs })
    expect(report).toEqual({ kind: 'conflict', exitCode: 1, reason: 'different ids: "lamp", "post"' })
    expect(result.match(/^<{7} ours$/gm)).toHaveLength(2)
    expect(result).toContain('<<<<<<< ours\n  "id": "post",\n=======\n  "id": "lamp",\n>>>>>>> theirs\n')
  })

  test('a broken file: a conflict as git shows it, also where the lines would merge', async () => {
    const ours = '{\n  "id": "lamp",\n  "a": 1,\n  "b": 1,\n  "c": 1,\n  oops\n}\n'
    const base = ours.replace('  oops\n', '')
    const theirs = base.replace('"id"', '"iid"')
    const { report, result } = await drive(repository(), LAMP, { base, ours, theirs })
    expect(report).toMatchObject({ kind: 'conflict', exitCode: 1 })
    expect(result).toMatch(/^\{\n<<<<<<< ours\n {2}"id": [\s\S]*oops\n=======\n {2}"iid": [\s\S]*>>>>>>> theirs\n\}\n$/)
    const near = await drive(repository(), LAMP, { base, ours, theirs: base.replace('"c": 1,', '"c": 2') })
    expect(near.report.exitCode).toBe(1)
    expect(near.result).toBe(
      '{\n  "id": "lamp",\n  "a": 1,\n  "b": 1,\n<<<<<<< ours\n  "c": 1,\n  oops\n=======\n  "c": 2\n>>>>>>> theirs\n}\n',
    )
  })

  test('equal sides are merged, whatever they hold', async () => {
    const { report, result } = await drive(repository(), LAMP, { base: lamp, ours: '{ oops', theirs: '{ oops' })
    expect(report.exitCode).toBe(0)
    expect(result).toBe('{ oops')
  })

  test('a base that cannot be read', async () => {
    const { report, result } = await drive(repository(), LAMP, { ours: '{\n  "a": 1\n}\n', theirs: '{\n  "a": 2\n}\n' })
    expect(report).toMatchObject({ kind: 'conflict', exitCode: 1 })
    expect(result).toBe('{\n<<<<<<< ours\n  "a": 1\n=======\n  "a": 2\n>>>>>>> theirs\n}\n')
  })

  test('their version cannot be read: ours stays', async () => {
    const checkout = repository()
    checkout.write('A', 'ours')
    checkout.write('O', 'base')
    const files = { base: 'O', ours: 'A', theirs: 'B', path: LAMP }
    expect(await runMergeDriver(checkout.folder, files)).toMatchObject({ kind: 'conflict', exitCode: 1 })
    expect(checkout.read('A')).toBe('ours')
  })

  test('binary content: ours stays', async () => {
    const ours = new Uint8Array([0x7b, 0, 0x7d])
    const { report, result } = await drive(repository(), LAMP, { base: lamp, ours, theirs: blue })
    expect(report).toMatchObject({ kind: 'conflict', exitCode: 1 })
    expect(result).toBe('{\0}')
  })

  test.each<[string, string, object, object, object]>([
    ['merged', LAMP, lamp, moved, blue],
    ['contested', LAMP, lamp, green, blue],
    ['different ids', LAMP, lamp, { ...lamp, id: 'post' }, blue],
    ['a foreign file', 'notes.json', lamp, moved, lamp],
  ])('a full disk leaves the file as it was: %s', async (_name, path, base, ours, theirs) => {
    const checkout = repository()
    const before = `${JSON.stringify(ours, null, 2)}\n`
    const full: DriverIo['writeFile'] = async (file, bytes) => {
      await writeFile(file, bytes.subarray(0, bytes.length / 2))
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    }
    const { report, result } = await drive(checkout, path, { base, ours, theirs }, { writeFile: full })
    expect(report).toMatchObject({ kind: 'conflict', exitCode: 1, reason: 'no space left on device' })
    expect(result).toBe(before)
  })

  test('other files are merged as git merges them', async () => {
    const checkout = repository()
    const lines = (first: string, last: string) => `${first}\nb\nc\nd\n${last}\n`
    const path = 'apps/Lamp/index.js'
    const clean = await drive(checkout, path, { base: lines('a', 'e'), ours: lines('A', 'e'), theirs: lines('a', 'E') })
    expect(clean).toEqual({ report: { kind: 'lines', exitCode: 0 }, result: lines('A', 'E') })
    const both = await drive(checkout, path, { base: lines('a', 'e'), ours: lines('A', 'e'), theirs: lines('X', 'E') })
    expect(both.report).toEqual({ kind: 'lines', exitCode: 1 })
    expect(both.result).toBe('<<<<<<< ours\nA\n=======\nX\n>>>>>>> theirs\nb\nc\nd\nE\n')
    const binary = await drive(checkout, 'apps/Lamp/package.json', { base: 'a', ours: 'b\0', theirs: 'c' })
    expect(binary).toMatchObject({ report: { kind: 'conflict', exitCode: 1 }, result: 'b\0' })
  })
})

const BLOCK = `# gamedev sync: world files are merged by field, see "gamedev sync merge-driver --help"
/world.json merge=gamedev
/world/**/*.json merge=gamedev
/apps/*/*.json merge=gamedev
# gamedev sync: end
`

describe('the attributes', () => {
  test.each([
    ['nothing', '', BLOCK],
    ['lines', '*.glb binary\n', `*.glb binary\n${BLOCK}`],
    ['a last line without an end', '*.glb binary', `*.glb binary\n${BLOCK}`],
    ['CRLF', '*.glb binary\r\n\r\n# x\r\n', `*.glb binary\r\n\r\n# x\r\n${BLOCK.replaceAll('\n', '\r\n')}`],
    ['odd bytes', '\xff\xfe \x80\n', `\xff\xfe \x80\n${BLOCK}`],
  ])('after %s', (_name, before, after) => {
    expect(withDriverAttributes(before)).toBe(after)
    expect(withDriverAttributes(after)).toBe(after)
    expect(withoutDriverAttributes(after)).toBe(before === '' || before.endsWith('\n') ? before : `${before}\n`)
    expect(withoutDriverAttributes(before)).toBe(before)
  })

  test('what stands after the block, or was lost of it', () => {
    expect(withDriverAttributes(`a b\n${BLOCK}c d\n`)).toBe(`a b\n${BLOCK}c d\n`)
    expect(withoutDriverAttributes(`a b\n${BLOCK}c d\n`)).toBe('a b\nc d\n')
    const half = `a b\n${BLOCK.split('\n').slice(0, 2).join('\n')}\nc d\n`
    expect(withDriverAttributes(half)).toBe(`a b\nc d\n${BLOCK}`)
    expect(withoutDriverAttributes(`${BLOCK}${BLOCK}`)).toBe('')
  })
})

describe('installing', () => {
  const SETTINGS = {
    'merge.gamedev.name': 'gamedev sync: world files by field',
    'merge.gamedev.driver': 'gamedev sync merge-driver %O %A %B %P',
    'merge.gamedev.recursive': 'binary',
  }
  const settings = (checkout: Checkout) => checkout.git('config', '--local', '--get-regexp', '^merge\\.gamedev\\.')

  async function project(folder = '') {
    const checkout = repository()
    const opened = await openNativeRepository(checkout.folder)
    const prefix = folder === '' ? '' : `${folder}/`
    mkdirSync(join(checkout.folder, folder), { recursive: true })
    return { checkout, project: { repository: opened, folder: join(checkout.folder, folder), prefix } }
  }

  test('in the top folder, once and again, and back', async () => {
    const { checkout, project: place } = await project()
    const config = checkout.read('.git/config')
    expect(await mergeDriverState(place)).toEqual({ attributes: false, config: false })
    expect(await installMergeDriver(place)).toEqual({
      attributesFile: '.gitattributes',
      attributesChanged: true,
      configChanged: true,
    })
    expect(checkout.read('.gitattributes')).toBe(BLOCK)
    expect(settings(checkout)).toBe(
      Object.entries(SETTINGS)
        .map(([key, value]) => `${key} ${value}`)
        .join('\n'),
    )
    expect(await mergeDriverInstalled(place)).toBe(true)
    expect(await installMergeDriver(place)).toMatchObject({ attributesChanged: false, configChanged: false })
    expect(await uninstallMergeDriver(place)).toMatchObject({ attributesChanged: true, configChanged: true })
    expect(checkout.exists('.gitattributes')).toBe(false)
    expect(checkout.read('.git/config')).toBe(config)
    expect(await uninstallMergeDriver(place)).toMatchObject({ attributesChanged: false, configChanged: false })
  })

  test('in a folder below; what else is there stays', async () => {
    const { checkout, project: place } = await project('games/plaza')
    const before = Buffer.from([0x2a, 0x20, 0xff, 0x0d, 0x0a])
    checkout.write('games/plaza/.gitattributes', before)
    checkout.git('config', 'merge.gamedev.driver', 'something else')
    checkout.git('config', 'merge.other.driver', 'mine')
    expect((await installMergeDriver(place)).attributesFile).toBe('games/plaza/.gitattributes')
    expect(checkout.git('config', 'merge.gamedev.driver')).toBe(SETTINGS['merge.gamedev.driver'])
    const driverOf = (path: string) => checkout.git('check-attr', 'merge', '--', path).replace(/^.*: /, '')
    for (const path of ['world.json', 'world/settings.json', LAMP, 'world/entities/a/b/c.json', 'apps/Lamp/Red.json']) {
      expect(driverOf(`games/plaza/${path}`)).toBe('gamedev')
      expect(driverOf(path)).toBe('unspecified')
    }
    for (const path of [
      'lobby.json',
      'sub/world.json',
      'apps/Lamp/index.js',
      'apps/Lamp/lib/a.json',
      'assets/a.json',
    ]) {
      expect(driverOf(`games/plaza/${path}`)).toBe('unspecified')
    }
    await uninstallMergeDriver(place)
    expect(readFileSync(join(checkout.folder, 'games/plaza/.gitattributes'))).toEqual(before)
    expect(checkout.git('config', 'merge.other.driver')).toBe('mine')
  })

  test('a teammate has the attributes and lacks the configuration', async () => {
    const { checkout, project: place } = await project()
    checkout.write('.gitattributes', withDriverAttributes(''))
    expect(await mergeDriverState(place)).toEqual({ attributes: true, config: false })
    expect(await mergeDriverInstalled(place)).toBe(false)
    expect(await configureMergeDriver(place)).toBe(true)
    expect(await configureMergeDriver(place)).toBe(false)
    expect(await mergeDriverInstalled(place)).toBe(true)
  })

  test('whether the program is found', async () => {
    const folder = temporaryFolder()
    expect(await isProgramOnPath({ PATH: folder })).toBe(false)
    expect(await isProgramOnPath({})).toBe(false)
    const program = join(folder, process.platform === 'win32' ? 'gamedev.cmd' : 'gamedev')
    mkdirSync(dirname(program), { recursive: true })
    writeFileSync(program, '')
    chmodSync(program, 0o755)
    expect(await isProgramOnPath({ PATH: folder })).toBe(true)
  })
})
