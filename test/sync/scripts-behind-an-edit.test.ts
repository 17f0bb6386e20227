import { expect, it } from 'vitest'
import { type PullOptions, pull } from '../../src/sync/pull.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { deploy, editBlueprint, scriptsOf } from './kept-project.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

const REF = 'refs/lobby/remote'
const INDEX = "import { tint } from '@shared/tint.js'\nexport default (world, app) => {\n  tint(app)\n}\n"

const tint = (name: string) => `export const tint = (app) => '${name}'\n`

/** Scripts of which all files say when they were made. */
const made = (when: string) => ({ 'index.js': `// ${when}\n${INDEX}`, '@shared/tint.js': tint(when) })

function pullWith(project: Checkout, options: Partial<PullOptions> = {}) {
  return project.session((session) =>
    pull(session, { autostash: false, confirm: async () => true, verify: false, ...options }),
  )
}

const subjects = (project: Checkout, range: string) =>
  project.git('log', '--reverse', '--format=%an|%s', range).split('\n')

function add(world: World, id: string, more: JsonObject = {}, lockToken?: string): Promise<void> {
  const blueprint = { id, name: id, version: 0, scope: id, props: {}, ...more }
  return world.act('ada', { type: 'blueprint_add', blueprint, lockToken } as never)
}

async function locked<T>(world: World, scope: string, work: (lockToken: string) => Promise<T>): Promise<T> {
  const lock = await world.remote.acquireLock('test', 30, scope)
  if (lock.kind !== 'acquired') throw new Error('locked')
  const done = await work(lock.token)
  await world.remote.releaseLock(lock.token, scope)
  return done
}

async function deployAs(world: World, id: string, scope: string): Promise<void> {
  const script = await world.remote.uploadAsset(new TextEncoder().encode('export default () => 5\n'), 'js')
  const version = Number((await world.blueprint(id))?.version) + 1
  const scripts = {
    scriptRef: null,
    script,
    scriptFiles: { 'index.js': script },
    scriptEntry: 'index.js',
    scriptFormat: 'module',
  }
  await locked(world, scope, (lockToken) =>
    world.act('bob', { type: 'blueprint_modify', lockToken, change: { id, version, ...scripts } }),
  )
}

/** Lamps, a door that shares their module, and a post without scripts. */
async function furnish(world: World): Promise<void> {
  await addLamps(world)
  await add(world, 'Door')
  await add(world, 'Post')
  await deploy(world, 'Lamp', made('first'))
  await deploy(world, 'Door', made('first'))
}

it('G11: an edit of another field brings lost scripts to light: told, then restored or accepted', async () => {
  const dataDir = temporaryFolder()
  const first = await startWorld({ publicLike: true, dataDir })
  await furnish(first)
  first.runtime.save()
  // Even what the line's first commit holds already.
  await deploy(first, 'Post', { 'index.js': 'export default () => 1\n' })
  await first.act('ann', { type: 'settings_modify', key: 'title', value: 'Plaza' })
  const project = await cloneWorld(first)
  await editBlueprint(first, 'Door', { desc: 'lost too' })
  await deploy(first, 'Lamp', { ...made('lost'), 'more.js': 'export const more = 1\n' })
  expect((await pullWith(project)).kind).toBe('merged')
  const good = project.git('rev-parse', REF)
  const head = project.git('rev-parse', 'HEAD')
  await first.runtime.kill()
  const world = await startWorld({ publicLike: true, dataDir, port: first.runtime.port })
  await editBlueprint(world, 'Lamp', { desc: 'a lamp' })
  await editBlueprint(world, 'Post', { desc: 'a post' })
  await editBlueprint(world, 'Door', { author: 'bob' })

  const content = expect.stringMatching(/^git-asset:/)
  const stopped = {
    code: 'lost_state',
    exitCode: 5,
    data: {
      objects: [
        { object: 'blueprint:Door', fields: [{ field: 'desc', line: 'lost too', world: undefined }] },
        {
          object: 'blueprint:Lamp',
          kind: 'older',
          fields: [
            { field: 'scriptFiles.more.js', line: content, world: undefined },
            { field: 'scriptFiles.index.js', line: content, world: content },
          ],
        },
        { object: 'blueprint:Post' },
        { object: 'shared:tint.js', kind: 'older', fields: [{ field: 'content', line: content, world: content }] },
      ],
    },
  }
  await expect(pullWith(project)).rejects.toMatchObject(stopped)
  await expect(project.push()).rejects.toMatchObject({ code: 'lost_state' })
  expect(project.git('rev-parse', 'HEAD', REF)).toBe(`${head}\n${good}`)
  const accepting = new Checkout(`${project.folder}-accepting`)
  project.git('clone', '--quiet', project.folder, accepting.folder)
  accepting.git('fetch', '--quiet', 'origin', '+refs/lobby/*:refs/lobby/*')

  const restored = await pullWith(project, { loss: 'restore' })
  expect(restored).toMatchObject({ kind: 'merged', conflicts: [], loss: { choice: 'restore' } })
  expect(restored.loss?.objects.map(({ object }) => object)).toEqual([
    'blueprint:Door',
    'blueprint:Lamp',
    'blueprint:Post',
    'shared:tint.js',
  ])
  const lost = (names: string) => `unannounced|lost state: blueprint:${names}`
  const edit = expect.stringMatching(/^bob\|/)
  expect(subjects(project, `${good}..${REF}`)).toEqual([
    lost('Lamp went back behind the feed in scriptFiles.more.js, scriptFiles.index.js, shared:tint.js'),
    edit,
    lost('Post went back behind the feed in scriptFormat, scriptFiles.index.js'),
    edit,
    lost('Door went back behind the feed in desc'),
    edit,
  ])
  expect(project.git('diff', '--name-only', head, 'HEAD', '--', 'apps', 'shared').split('\n')).toEqual([
    'apps/Door/Door.json',
    'apps/Lamp/Lamp.json',
    'apps/Post/Post.json',
  ])
  expect(project.json('apps/Lamp/Lamp.json')).toMatchObject({ desc: 'a lamp' })
  project.check()
  const tip = project.git('rev-parse', REF)

  const accepted = await pullWith(accepting, { loss: 'accept' })
  expect(accepted).toMatchObject({ kind: 'merged', loss: { choice: 'accept' } })
  expect(accepting.git('rev-parse', REF)).toBe(tip)
  expect(accepting.git('diff', '--stat', 'HEAD', REF, '--', 'apps', 'shared')).toBe('')
  expect(accepting.read('apps/Lamp/index.js')).toBe(made('first')['index.js'])
  expect(accepting.exists('apps/Lamp/more.js')).toBe(false)
  expect(accepting.read('shared/tint.js')).toBe(tint('first'))
  expect((await pullWith(accepting)).kind).toBe('up-to-date')

  expect(await project.push()).toMatchObject({ kind: 'pushed', refused: [], held: [], open: undefined })
  expect(await scriptsOf(world, 'Lamp')).toEqual({ ...made('lost'), 'more.js': 'export const more = 1\n' })
  expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'a lamp' })
  expect(await scriptsOf(world, 'Post')).toEqual({ 'index.js': 'export default () => 1\n' })
  expect((await pullWith(project, { verify: true })).kind).toBe('up-to-date')
  project.check()
})

it('G4: a module of several blueprints, a variant, a rollback: scripts that nobody names need not be lost', async () => {
  const world = await startWorld({ publicLike: true })
  await furnish(world)
  await locked(world, 'Lamp', (token) => add(world, 'Lamp__Tall', { scope: 'Lamp', scriptRef: 'Lamp' }, token))
  await add(world, 'Lamp__Bare', { scope: 'Lamp' })
  const project = await cloneWorld(world)
  const start = project.git('rev-parse', REF)
  await locked(world, 'Lamp', async (lockToken) => {
    const request = { ids: ['Lamp'], target: 'main', note: '', lockToken, scope: 'Lamp' }
    expect((await world.remote.deploySnapshot(request)).kind).toBe('taken')
  })
  await deploy(world, 'Lamp', made('second'))
  // The door names the module as it was, the tall lamp the scripts that its root had.
  await editBlueprint(world, 'Door', { desc: 'a door' })
  await editBlueprint(world, 'Lamp__Tall', { desc: 'tall' })
  await editBlueprint(world, 'Lamp__Bare', { desc: 'bare' })
  await editBlueprint(world, 'Lamp', { props: { color: 'red', power: 3 } })
  await editBlueprint(world, 'Door', { props: { open: true } })
  expect(await pullWith(project)).toMatchObject({ kind: 'merged', unannounced: 0, loss: undefined })
  expect(project.read('apps/Lamp/index.js')).toBe(made('second')['index.js'])
  const back = await locked(world, 'Lamp', (lockToken) => world.remote.rollbackDeploy({ lockToken, scope: 'Lamp' }))
  expect(back).toMatchObject({ kind: 'rolled-back' })
  await editBlueprint(world, 'Lamp', { desc: 'a lamp' })
  await deploy(world, 'Lamp', made('third'))
  await editBlueprint(world, 'Lamp', { author: 'bob' })
  expect(await pullWith(project, { verify: true })).toMatchObject({ kind: 'merged', unannounced: 0, loss: undefined })
  expect(project.read('apps/Lamp/index.js')).toBe(made('third')['index.js'])
  expect(project.git('log', '--format=%an', `${start}..${REF}`)).not.toContain('unannounced')
  project.check()
})

it('G11: what was lost is found where its blueprint went since', async () => {
  const dataDir = temporaryFolder()
  const first = await startWorld({ publicLike: true, dataDir })
  await addLamps(first)
  await locked(first, 'Lamp', (token) => add(first, 'Lamp__Tall', { scope: 'Lamp', scriptRef: 'Lamp' }, token))
  first.runtime.save()
  const project = await cloneWorld(first)
  expect(project.exists('apps/Lamp/Tall.json')).toBe(true)
  await editBlueprint(first, 'Lamp__Tall', { desc: 'lost' })
  await pullWith(project)
  await first.runtime.kill()
  const world = await startWorld({ publicLike: true, dataDir, port: first.runtime.port })
  await editBlueprint(world, 'Lamp__Tall', { author: 'bob' })
  await deployAs(world, 'Lamp__Tall', 'Lamp')
  await expect(pullWith(project)).rejects.toMatchObject({ data: { objects: [{ object: 'blueprint:Lamp__Tall' }] } })
  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ kind: 'merged', loss: { choice: 'restore' } })
  expect(project.exists('apps/Lamp/Tall.json')).toBe(false)
  expect(project.json('apps/Lamp__Tall/Lamp__Tall.json')).toMatchObject({ desc: 'lost', author: 'bob' })
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await world.blueprint('Lamp__Tall')).toMatchObject({ desc: 'lost', author: 'bob' })
  project.check()
})

it('G11: new scripts, and several props at once, hide no loss of a blueprint whose version did not rise', async () => {
  const dataDir = temporaryFolder()
  const first = await startWorld({ publicLike: true, dataDir })
  await addLamps(first)
  const lines = (a: string, b: string) => ({ 'index.js': `// ${a}\n\n\n\n\nexport default () => '${b}'\n` })
  await deploy(first, 'Lamp', lines('first', 'first'))
  await editBlueprint(first, 'Lamp', { props: { color: 'white', power: 1 } })
  await add(first, 'Post')
  await editBlueprint(first, 'Post', { props: { a: 1, b: 1 } })
  first.runtime.save()
  const project = await cloneWorld(first)
  await deploy(first, 'Lamp', lines('lost', 'first'))
  await editBlueprint(first, 'Lamp', { props: { color: 'red', power: 1 } })
  await editBlueprint(first, 'Post', { props: { a: 2, b: 1 } })
  await first.edit('ann', 'lamp0001', { props: { text: 'lost' } })
  expect((await pullWith(project)).kind).toBe('merged')
  const head = project.git('rev-parse', 'HEAD')
  const good = project.git('rev-parse', REF)
  await first.runtime.kill()
  const world = await startWorld({ publicLike: true, dataDir, port: first.runtime.port })
  await world.edit('bob', 'lamp0001', { pinned: true })
  await deploy(world, 'Lamp', lines('first', 'later'))
  await editBlueprint(world, 'Post', { props: { a: 1, b: 2 } })
  // Told, and given another value since, is history.
  await world.edit('bob', 'lamp0001', { props: { text: 'theirs' } })
  // A version that rises again hides nothing.
  await editBlueprint(world, 'Post', { props: { a: 1, b: 3 } })

  const content = expect.stringMatching(/^(git-)?asset:/)
  const names = [
    {
      object: 'blueprint:Lamp',
      fields: [
        { field: 'scriptFiles.index.js', line: content, world: content },
        { field: 'props.color', line: 'red', world: 'white' },
      ],
    },
    { object: 'blueprint:Post', fields: [{ field: 'props.a', line: 2, world: 1 }] },
  ]
  await expect(pullWith(project)).rejects.toMatchObject({ code: 'lost_state', data: { objects: names } })
  const accepting = new Checkout(`${project.folder}-accepting`)
  project.git('clone', '--quiet', project.folder, accepting.folder)
  expect(await pullWith(accepting, { loss: 'accept' })).toMatchObject({ kind: 'merged' })
  expect(accepting.read('apps/Lamp/index.js')).toBe(lines('first', 'later')['index.js'])

  expect(await pullWith(project, { loss: 'restore' })).toMatchObject({ kind: 'merged', loss: { choice: 'restore' } })
  expect(project.json(project.entityPath('lamp0001'))).toMatchObject({ pinned: true, props: { text: 'theirs' } })
  expect(subjects(project, `${good}..${REF}`)).toEqual([
    'unannounced|lost state: entity:lamp0001 went back behind the feed in props.text',
    expect.stringMatching(/^bob\|/),
    'unannounced|lost state: blueprint:Lamp went back behind the feed in scriptFiles.index.js, props.color',
    expect.stringMatching(/^bob\|/),
    'unannounced|lost state: blueprint:Post went back behind the feed in props.a',
    expect.stringMatching(/^bob\|/),
    expect.stringMatching(/^bob\|/),
    expect.stringMatching(/^bob\|/),
  ])
  expect(project.read('apps/Lamp/index.js')).toBe(lines('lost', 'later')['index.js'])
  expect(project.json('apps/Lamp/Lamp.json').props).toEqual({ color: 'red', power: 1 })
  expect(project.json('apps/Post/Post.json').props).toEqual({ a: 2, b: 3 })
  expect((await pullWith(project)).kind).toBe('up-to-date')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2 })
  expect(await world.blueprint('Lamp')).toMatchObject({ props: { color: 'red', power: 1 } })
  project.check()
  // Whoever had it, and pulls now, finds that somebody has brought it back.
  accepting.git('reset', '--quiet', '--hard', head)
  expect(await pullWith(accepting)).toMatchObject({ kind: 'merged', loss: undefined })
  expect(accepting.read('apps/Lamp/index.js')).toBe(lines('lost', 'later')['index.js'])
})
