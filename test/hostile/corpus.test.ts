import { mkdirSync, symlinkSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { closeTemplate, copyOfTemplate, moveOn } from './cloned-world.ts'
import { withoutWaiting } from './commands.ts'
import { Draw } from './draw.ts'
import { FAMILIES } from './fuzz.ts'
import { addGood, goodEntity } from './hostile-objects.ts'
import { HostileWorld } from './hostile-world.ts'
import { judgeOutput, Sandbox, SECRET } from './sandbox.ts'
import { judgeLine, judgePaths, listTree, readDocuments } from './tree-judge.ts'
import { FLOODS, floodCase } from './volume.ts'
import { ACTORS, PATHS, record } from './words.ts'

const ROOT = resolve(import.meta.dirname, '../..')

let waiting: { readonly restore: () => void }
beforeAll(() => {
  waiting = withoutWaiting()
})
afterAll(async () => {
  waiting.restore()
  await closeTemplate()
})

const open: Sandbox[] = []
afterEach(() => {
  for (const sandbox of open.splice(0)) sandbox.dispose()
})

describe('the judges see what they are there for', () => {
  it('on terminals', () => {
    const ran = { command: 'x', out: '', err: '', code: 0, thrown: undefined }
    expect(judgeOutput({ ...ran, out: 'fine\n' }, false)).toEqual([])
    for (const text of ['\u001b[2J', '\u009b2J', '\u202e', SECRET]) {
      expect(judgeOutput({ ...ran, out: text }, false), text).toHaveLength(1)
    }
    expect(judgeOutput({ ...ran, err: 'TypeError: x\n    at y (z.js:1:1)', code: 1 }, false)).toHaveLength(1)
    expect(judgeOutput({ ...ran, err: 'error: bad', code: 1 }, false)).toHaveLength(1)
    expect(judgeOutput({ ...ran, err: 'error: bad\nhint: mend it', code: 1 }, false)).toEqual([])
    expect(judgeOutput({ ...ran, out: '{"error":{"code":"x"}}', code: 1 }, true)).toHaveLength(1)
    expect(judgeOutput({ ...ran, thrown: new Error('x'), code: 1 }, false)).toHaveLength(1)
  })

  it('in folders', () => {
    const sandbox = new Sandbox()
    open.push(sandbox)
    for (const path of ['README.md', '.git/config', 'apps/A/A.json']) sandbox.write(path, 'x')
    sandbox.settled()
    for (const path of [
      '../canary.txt',
      'README.md',
      '.git/config',
      '.git/hooks/post-merge',
      'src/new.js',
      'apps/.hidden',
    ]) {
      sandbox.write(path, 'evil')
    }
    sandbox.write('apps/A/A.json', 'the world may', 0o755)
    symlinkSync('..', sandbox.path('assets'))
    sandbox.look('it')
    expect(sandbox.findings).toHaveLength(6 + 1 + 1)
  })

  it('in trees', () => {
    const paths = [
      '../x.js',
      'README.md',
      'apps/.git/x.js',
      'apps/a/con.js',
      'apps/a/B.js',
      'apps/A/b.js',
      'shared/a.js',
      'shared/A.js/b.js',
    ]
    const found = judgePaths(paths.map((path) => ({ mode: '100644', path })))
    expect(found.length).toBeGreaterThanOrEqual(6)
    expect(judgePaths([{ mode: '120000', path: 'assets/a.glb' }])).toHaveLength(1)
    expect(judgePaths([{ mode: '100644', path: 'apps/a/b.js' }])).toEqual([])
  })
})

it('S1, S2: every hostile word in every place of a world: what is good is synced, the rest is refused by name', async () => {
  const world = new HostileWorld()
  const sandbox = new Sandbox()
  open.push(sandbox)
  const url = await world.listen()
  onTestFinished(() => world.close())
  addGood(world)
  const script = world.asset('#!/bin/sh\ntouch executed\n', 'js')
  const named = (word: string) => ({ type: 'model', name: word, url: world.asset(`model ${word}`, 'glb') })
  // Ids beyond 1024 characters are none.
  const words = PATHS.filter((word) => word !== 'Good' && word.length <= 1024)
  for (const [n, word] of words.entries()) {
    const said = { actor: ACTORS[n % ACTORS.length]!, objectUid: word }
    world.put('entity', word, { ...goodEntity(word, n), props: record([[word, named(word)]]) }, said)
    const files = [word, `${word}.js`, `@shared/${word}.js`, `lib/${word}/x.ts`].map((path) => [path, script] as const)
    const scripts = { script, scriptEntry: `${word}.js`, scriptFiles: record(files), scriptFormat: 'module' }
    world.put(
      'blueprint',
      word,
      { id: word, name: word, version: 1, scope: word, props: {}, model: named(word).url, ...scripts },
      said,
    )
  }
  const cloned = await sandbox.run('clone', [url, 'project'], { first: true })
  expect(cloned).toMatchObject({ code: 0, thrown: undefined })
  judgeLine(sandbox)
  // Whatever an id looks like, an entity has a file; of blueprints, scripts are refused, and the rest of them stands.
  const documents = [...readDocuments(sandbox, 'HEAD')]
  const entities = documents.filter(([path]) => path.startsWith('world/entities/')).map(([, { id }]) => id)
  expect(new Set(entities)).toEqual(new Set([...words, ...[0, 1, 2, 3].map((n) => `good${n}`)]))
  const blueprints = documents.filter(([path]) => path.startsWith('apps/')).map(([, { id }]) => id)
  expect(new Set(blueprints)).toEqual(new Set([...words, 'Good']))
  expect(cloned.err).toMatch(/blueprint:Lamp is refused|blueprint:\.\. is refused/)
  const checked = await sandbox.run('check', ['--json'])
  const { refused, problems } = JSON.parse(checked.out) as { refused: { object: string }[]; problems: unknown[] }
  expect({ problems, code: checked.code }).toEqual({ problems: [], code: 5 })
  expect(refused.map(({ object }) => object)).toEqual(expect.arrayContaining(['blueprint:..', 'blueprint:.git']))
  for (const argv of [
    ['-n', '300'],
    ['-n', '300', '--json'],
  ])
    expect((await sandbox.run('log', argv)).code).toBe(0)

  // All of it goes again, and takes nothing along.
  for (const word of words) {
    world.remove('entity', word, { actor: '\u001b[2J' })
    world.remove('blueprint', word)
  }
  expect(await sandbox.run('pull', ['--yes', '--json'])).toMatchObject({ code: 0 })
  judgeLine(sandbox)
  const left = listTree(sandbox, 'HEAD').map(({ path }) => path)
  const owned = left.filter((path) => /^(?:apps|world\/entities)\//.test(path))
  expect(owned.map((path) => path.replace(/^.*\//, '')).sort()).toEqual([
    'Good.json',
    'good0.json',
    'good1.json',
    'good2.json',
    'good3.json',
    'index.js',
  ])
  expect(await sandbox.run('doctor')).toMatchObject({ code: 1 })
  const fsck = sandbox.git('fsck', '--strict', '--no-dangling')
  expect({ fsck, findings: sandbox.findings, status: sandbox.git('status', '--porcelain') }).toEqual({
    fsck: '',
    findings: [],
    status: '',
  })
})

it('S1: a link in the place of any folder of ours leads nothing outside', async () => {
  for (const place of ['apps/Good', 'shared', '.lobby']) {
    const { world, sandbox } = await copyOfTemplate()
    open.push(sandbox)
    moveOn(new Draw(place.length), world)
    sandbox.git('rm', '-r', '--quiet', '--ignore-unmatch', place)
    mkdirSync(dirname(sandbox.path(place)), { recursive: true })
    symlinkSync(resolve(sandbox.folder, 'outside'), sandbox.path(place))
    sandbox.git('add', '-A')
    sandbox.git('commit', '--quiet', '--no-verify', '-m', 'a link')
    sandbox.settled()
    await sandbox.run('pull', ['--yes'])
    await sandbox.run('resolve', ['--all', '--use', 'remote'])
    expect(sandbox.findings, place).toEqual([])
  }
})

it.each([
  ['line', [90, 466]],
  ['packet', [1, 2, 3, 4, 5]],
  ['wire', [87]],
  ['project', [187]],
] as const)('cases of the fuzzer: %s', async (family, seeds) => {
  for (const seed of seeds)
    expect((await FAMILIES[family]!(seed)).findings, `npm run fuzz -- --case ${family}:${seed}`).toEqual([])
})

it('the same seed is the same case', async () => {
  const [first, second] = [await FAMILIES.line!(3), await FAMILIES.line!(3)]
  expect(first.story.length).toBeGreaterThan(2)
  expect(second).toEqual(first)
})

it.each(FLOODS.slice(1, 2))('S3: $name', async (flood) => {
  expect((await floodCase(flood, ROOT)).findings).toEqual([])
})
