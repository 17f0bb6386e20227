import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { conflictId } from '../../src/sync/conflict-artifact.ts'
import { objectKey } from '../../src/world/state.ts'
import { addLamps, Checkout, CODE, startWorld, temporaryFolder } from '../sync/support.ts'
import {
  type BeginOptions,
  type Begun,
  begin,
  deploy,
  expectConcluded,
  expectInStep,
  expectOpen,
  expectSettled,
  inALayout,
  type Layout,
  Project,
  sync,
  syncJson,
  withoutMarkers,
} from './conflict-support.ts'

/** A lamp whose position and colour are contested, pulled. */
async function contested(layout: Layout, options: BeginOptions = {}): Promise<Begun> {
  const begun = await begin(layout, options)
  const { world, project } = begun
  await world.edit('bob', 'lamp0001', { position: [2, 2, 2], props: { color: 'green', glow: 7, label: 'A lamp' } })
  project.edit('lamp0001', { position: [1, 1, 1], pinned: true, props: { color: 'blue' } }).commit('mine')
  return begun
}

const CONTESTED = { 'entity:lamp0001': ['position', 'props.color'] }

inALayout('merge.conflictStyle=diff3 shows the base between the sides, also of what is left', async (layout) => {
  const { project } = await contested(layout, { config: { 'merge.conflictStyle': 'diff3' } })
  const path = project.fileOf('lamp0001')
  expect((await sync(project, ['pull'])).code).toBe(2)
  const shown = () => project.read(path).match(/^<{7} [\s\S]*?^>{7} .*$/gm) ?? []
  const color = /^<{7} HEAD\n +"color": "blue",\n\|{7} \w+\n +"color": "red",\n={7}\n +"color": "green",\n>{7} \S+$/
  expect(shown()).toHaveLength(2)
  expect(shown()[0]!.replace(/\s/g, '')).toMatch(/HEAD.*1,1,1.*\|{7}.*0,0,0.*={7}.*2,2,2.*>{7}/)
  expect(shown()[1]).toMatch(color)
  for (const side of ['ours', 'theirs'] as const) {
    expect(JSON.parse(withoutMarkers(project.read(path), side))).toEqual(
      JSON.parse(project.stage(side === 'ours' ? 2 : 3, path)),
    )
  }
  expect((await sync(project, ['resolve', 'lamp0001', '--field', 'position', '--use', 'local'])).code).toBe(2)
  expect(shown()).toHaveLength(1)
  expect(shown()[0]).toMatch(color)
})

inALayout('core.autocrlf=true: markers and settled files end their lines as the checkout does', async (layout) => {
  const begun = await contested(layout, { config: { 'core.autocrlf': 'true' } })
  const { world, project } = begun
  const script = project.read('apps/Lamp/index.js')
  expect(script).toContain('\r\n')
  await deploy(world, 'bob', 'Lamp', {}, { 'index.js': script.replaceAll('\r', '').replace('// glow', 'glow(2)') })
  project.write('apps/Lamp/index.js', script.replace('// glow', 'glow(1)'))
  project.commit('my glow')
  const files = [project.fileOf('lamp0001'), 'apps/Lamp/index.js']
  const bareLines = () => files.flatMap((path) => project.read(path).match(/[^\r]\n/g) ?? [])
  expect((await sync(project, ['pull'])).code).toBe(2)
  await expectOpen(project, Object.fromEntries(files.map((path) => [path, 'UU'])), {
    ...CONTESTED,
    'blueprint:Lamp': ['scriptFiles.index.js'],
  })
  expect(project.read('apps/Lamp/index.js')).toContain('<<<<<<< HEAD\r\n  glow(1)\r\n=======\r\n  glow(2)\r\n>>>>>>> ')
  expect(bareLines()).toEqual([])
  for (const args of [
    ['lamp0001', '--field', 'position', '--use', 'remote'],
    ['lamp0001', '--use', 'local'],
    ['Lamp', '--use', 'local'],
  ])
    expect([0, 2]).toContain((await sync(project, ['resolve', ...args])).code)
  await expectSettled(project, true)
  expect(bareLines()).toEqual([])
  project.git('commit', '--quiet', '--no-edit')
  expect(project.git('status', '--porcelain')).toBe('')
  for (const path of files) expect(project.git('show', `HEAD:${path}`)).not.toContain('\r')
  expect((await sync(project, ['push'])).code).toBe(0)
  expect(await world.entity('lamp0001')).toMatchObject({ position: [2, 2, 2], props: { color: 'blue', glow: 7 } })
  await expectInStep(begun)
})

inALayout('G1: in a subfolder of a linked worktree, with spaces and umlauts in every name', async (layout) => {
  const id = 'Straßen Lampe ø'
  const begun = await begin(layout, {
    folder: 'spiele/großer Platz',
    worktree: true,
    before: async (world) => {
      const lamp = { id, type: 'app', blueprint: 'Lamp', scale: [1, 1, 1], pinned: false, props: {}, state: {} }
      await world.act('ada', {
        type: 'entity_add',
        entity: { ...lamp, position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
      })
    },
  })
  const { world, project } = begun
  if (layout === 'split') {
    mkdirSync(join(project.folder, 'world/entities/große Halle'))
    project.git('mv', project.fileOf('lamp0002'), 'world/entities/große Halle/Lampe 2.json')
  }
  project.git('mv', 'apps/Lamp', 'apps/Schöne Lampe')
  const moved = layout === 'split' ? 'world/entities/große Halle/Lampe 2.json' : 'world.json'
  project.rewrite(moved, (document) => {
    const lamp =
      layout === 'split' ? document : (document.entities as { id: string }[]).find((one) => one.id === 'lamp0002')
    Object.assign(lamp!, { position: [1, 1, 1] })
  })
  project.change('apps/Schöne Lampe/Lamp.json', (lamp) => {
    lamp.desc = 'mine'
  })
  project.edit(id, { position: [1, 1, 1] }).commit('mine')
  for (const entity of [id, 'lamp0002']) await world.edit('bob', entity, { position: [2, 2, 2] })
  await deploy(world, 'bob', 'Lamp', { desc: 'theirs' })
  const before = project.everything()
  const inside = new Project(join(project.folder, 'apps'), layout)
  for (const once of [true, false]) {
    expect((await sync(inside, ['pull'])).code).toBe(2)
    if (!once) break
    project.git('merge', '--abort')
    expect(project.everything()).toEqual(before)
  }
  const files = new Set([project.fileOf(id), moved, 'apps/Schöne Lampe/Lamp.json'])
  await expectOpen(project, Object.fromEntries([...files].map((path) => [path, 'UU'])), {
    [`entity:${id}`]: ['position'],
    'entity:lamp0002': ['position'],
    'blueprint:Lamp': ['desc'],
  })
  expect(project.artifact(`entity:${id}`).id).toBe(conflictId('plaza', objectKey('entity', id)))

  // The world goes on meanwhile, and is looked at: what is open stays what it was.
  await world.edit('bob', id, { pinned: true })
  expect((await sync(project, ['fetch'])).code).toBe(0)
  project.git('config', 'mergetool.keepBackup', 'false')
  project.git('config', 'mergetool.x.trustExitCode', 'true')
  project.git('config', 'mergetool.x.cmd', 'cp "$REMOTE" "$MERGED"')
  project.git('mergetool', '--no-prompt', '--tool=x', 'apps/Schöne Lampe/Lamp.json')
  const named = await sync(inside, ['resolve', id, `entity:lamp0002`, '--use', 'local'])
  expect(named.code, named.stdout + named.stderr).toBe(0)
  await expectSettled(project, true)
  project.git('commit', '--quiet', '--no-edit')
  expect((await sync(inside, ['push'])).code).toBe(0)
  expect(await world.entity(id)).toMatchObject({ position: [1, 1, 1], pinned: true })
  expect(await world.entity('lamp0002')).toMatchObject({ position: [1, 1, 1] })
  expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'theirs' })
  expect(project.exists('apps/Schöne Lampe/index.js')).toBe(true)
  expect((await project.pull()).kind).toBe('up-to-date')
  expect((await project.push()).kind).toBe('up-to-date')
  expect(project.git('status', '--porcelain')).toBe('')
})

for (const [name, conclude] of [
  ['git commit', ['commit', '--quiet', '--no-edit']],
  ['git merge --abort', ['merge', '--abort']],
] as const)
  inALayout(`--autostash: local changes come back after ${name}`, async (layout) => {
    const { world, project } = await contested(layout)
    await world.edit('bob', 'lamp0002', { position: [6, 6, 6] })
    project.edit('lamp0002', { pinned: true })
    project.write('notes.txt', 'not committed\n')
    project.git('add', 'notes.txt')
    project.write('untracked.txt', 'not even added\n')
    const before = [project.everything(), project.status()]
    const refused = await syncJson(project, 'pull')
    expect(refused).toMatchObject({ code: 1, data: { error: { code: 'local_changes' } } })
    expect([project.everything(), project.status()]).toEqual(before)

    expect((await sync(project, ['pull', '--autostash'])).code).toBe(2)
    await expectOpen(project, { [project.fileOf('lamp0001')]: 'UU' }, CONTESTED)
    if (conclude[0] === 'commit') expect((await sync(project, ['resolve', '--all', '--use', 'remote'])).code).toBe(0)
    project.git(...conclude)
    expect(project.read('notes.txt')).toBe('not committed\n')
    expect(project.read('untracked.txt')).toBe('not even added\n')
    expect(project.git('stash', 'list')).toBe('')
    expect(project.object('lamp0002')).toMatchObject({ pinned: true })
    expect(Object.keys(project.status()).sort()).toEqual(['notes.txt', project.fileOf('lamp0002')].sort())
    if (conclude[0] === 'merge') expect(project.files()).toEqual((before[0] as { files: unknown }).files)
    else expect(project.object('lamp0002')).toMatchObject({ position: [6, 6, 6] })
  })

inALayout('M4: sync init where both have files: a conflict as after a pull', async (layout) => {
  const world = await startWorld()
  await addLamps(world)
  const project = new Project(temporaryFolder(), layout)
  project.git('init', '--quiet', '-b', 'main')
  const lamp = {
    id: 'lamp0001',
    blueprint: 'Lamp',
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: false,
    props: {},
  }
  const mine = { ...lamp, position: [5, 5, 5] }
  if (layout === 'split') project.write(project.fileOf('lamp0001'), mine)
  else {
    const { settings, spawn: place } = await world.remote.snapshot()
    project.write('world.json', { formatVersion: 2, settings, spawn: place, entities: [{ ...mine, state: {} }] })
  }
  project.write('apps/Lamp/Lamp.json', { id: 'Lamp', name: 'Lamp', scope: 'Lamp', props: { color: 'black', power: 3 } })
  project.write('apps/Lamp/index.js', 'export default () => 5\n')
  project.commit('files that we had')
  const before = project.everything()
  for (const once of [true, false]) {
    const connected = await sync(project, ['init', world.runtime.url])
    expect(connected.code, connected.stdout + connected.stderr).toBe(2)
    if (!once) break
    project.git('merge', '--abort')
    expect(project.everything()).toEqual(before)
  }
  await expectOpen(
    project,
    { [project.fileOf('lamp0001')]: 'AA', 'apps/Lamp/Lamp.json': 'AA', 'apps/Lamp/index.js': 'AA' },
    { 'entity:lamp0001': ['position'], 'blueprint:Lamp': ['props.color', 'scriptFiles.index.js'] },
  )
  expect((await sync(project, ['resolve', 'Lamp', '--use', 'remote'])).code).toBe(2)
  expect((await sync(project, ['resolve', 'lamp0001', '--use', 'local'])).code).toBe(0)
  await expectSettled(project, true)
  project.git('commit', '--quiet', '--no-edit')
  await expectConcluded(project)
  expect((await sync(project, ['push'])).code).toBe(0)
  expect(await world.entity('lamp0001')).toMatchObject({ position: [5, 5, 5] })
  expect(project.json('apps/Lamp/Lamp.json')).toMatchObject({ props: { color: 'white' } })
  await expectInStep({ world, project })
})

inALayout('sync resolve without arguments needs a terminal, and says what to do without one', async (layout) => {
  const { project } = await contested(layout)
  expect((await sync(project, ['pull'])).code).toBe(2)
  const before = project.everything()
  const { code, stderr } = await sync(project, ['resolve'], {})
  expect(stderr.replace(/[\s›]+/g, ' ')).toContain('pass ids or --all, and --use local, remote or merged')
  expect(code).toBe(1)
  for (const args of [['lamp0001'], ['nobody', '--use', 'local'], ['lamp0001', '--use', 'local', '--field', 'scale']])
    expect((await sync(project, ['resolve', ...args], {})).code).toBe(1)
  expect(project.everything()).toEqual(before)
})

/** `script` of util-linux lends a terminal to a command. */
const hasScript = /util-linux/.test(spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout ?? '')

it.runIf(hasScript)('at a terminal it walks through the conflicts and asks', async () => {
  const { world, project } = await contested('split')
  await world.edit('bob', 'lamp0002', { scale: [2, 2, 2] })
  project.edit('lamp0002', { scale: [3, 3, 3] }).commit('mine too')
  expect((await sync(project, ['pull'])).code).toBe(2)
  const command = `'${process.execPath}' '${resolve('bin/run.js')}' sync resolve`
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: project.folder,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ADMIN_CODE: CODE, CI: '' },
  })
  const asked: string[] = []
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    for (const [, about] of output.matchAll(/(entity:\w+): \[l\]ocal/g)) {
      if (asked.includes(about!)) continue
      asked.push(about!)
      child.stdin.write(about === 'entity:lamp0001' ? 'r\n' : 'l\n')
    }
  })
  const code = await new Promise<number | null>((done) => child.on('close', done))
  expect(asked.sort()).toEqual(['entity:lamp0001', 'entity:lamp0002'])
  expect(output).toContain('"git commit" concludes the merge')
  expect(code).toBe(0)
  await expectSettled(project, true)
  expect(project.object('lamp0001')).toMatchObject({ position: [2, 2, 2], props: { color: 'green' } })
  expect(project.object('lamp0002')).toMatchObject({ scale: [3, 3, 3] })
})

it('C1: a conflict in one worktree is not in the way of another', async () => {
  const { world, project } = await contested('split')
  const linked = new Checkout(join(temporaryFolder(), 'linked'))
  project.git('worktree', 'add', '--quiet', '-b', 'work', linked.folder, 'HEAD~1')
  expect((await sync(project, ['pull'])).code).toBe(2)
  expect((await sync(linked, ['pull'])).code).toBe(0)
  expect(linked.git('status', '--porcelain')).toBe('')
  expect((await syncJson(linked, 'conflicts')).data).toMatchObject({ merging: null, conflicts: [] })
  expect((await syncJson(project, 'conflicts')).data.conflicts).toHaveLength(1)
  expect(await world.entity('lamp0001')).toMatchObject({ position: [2, 2, 2] })
})
