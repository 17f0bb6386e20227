import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { temporaryFolder, type World } from '../sync/support.ts'
import {
  begin,
  deploy,
  differences,
  expectInStep,
  expectOpen,
  expectSettled,
  inBothLayouts,
  type Project,
  sync,
  withoutMarkers,
} from './conflict-support.ts'

/** A merge tool that writes down what it is given and then puts `merged` in its place. */
function recordingTool(project: Project, merged: (local: string) => string): () => readonly string[] {
  const folder = temporaryFolder()
  const tool = join(folder, 'tool')
  const at = (name: string) => join(folder, name)
  writeFileSync(tool, `#!/bin/sh\ncp "$1" '${at('base')}'; cp "$2" '${at('local')}'; cp "$3" '${at('remote')}'\n`)
  chmodSync(tool, 0o755)
  project.git('config', 'merge.tool', 'recorder')
  project.git('config', 'mergetool.keepBackup', 'false')
  project.git('config', 'mergetool.prompt', 'false')
  project.git('config', 'mergetool.recorder.trustExitCode', 'true')
  project.git(
    'config',
    'mergetool.recorder.cmd',
    `'${tool}' "$BASE" "$LOCAL" "$REMOTE" && cp '${at('merged')}' "$MERGED"`,
  )
  writeFileSync(at('merged'), merged(project.stage(2, project.fileOf('lamp0001'))))
  return () => ['base', 'local', 'remote'].map((name) => readFileSync(at(name), 'utf8'))
}

/** Where a field of an object stands in its file, as {@link differences} names it. */
function place(project: Project, object: string, field: string): string {
  if (project.layout === 'split') return field
  return object === 'settings' || object === 'spawn' ? `${object}.${field}` : `entities.${object}.${field}`
}

/** Contested files of entities: one each, or the one manifest. */
function entityFiles(project: Project, letters: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (project.layout === 'manifest') return { 'world.json': 'UU' }
  return Object.fromEntries(Object.entries(letters).map(([id, how]) => [project.fileOf(id), how]))
}

async function addBlueprint(world: World, id: string): Promise<void> {
  const script = await world.remote.uploadAsset(new TextEncoder().encode(`export default () => '${id}'\n`), 'js')
  const lock = await world.remote.acquireLock('test', 30, id)
  if (lock.kind !== 'acquired') throw new Error('locked')
  const scripts = { script, scriptEntry: 'index.js', scriptFiles: { 'index.js': script }, scriptFormat: 'module' }
  await world.act('ada', {
    type: 'blueprint_add',
    lockToken: lock.token,
    blueprint: { id, name: id, version: 0, scope: id, ...scripts, props: {} },
  })
  await world.remote.releaseLock(lock.token, id)
}

inBothLayouts(
  'M3: two people edit different lines of one script, and different fields of one lamp: merged',
  async (layout) => {
    const begun = await begin(layout)
    const { world, project } = begun
    const script = project.read('apps/Lamp/index.js')
    await deploy(world, 'bob', 'Lamp', {}, { 'index.js': script.replace('// switch', 'lit = true') })
    await world.edit('bob', 'lamp0001', { position: [4, 5, 6] })
    project.write('apps/Lamp/index.js', script.replace('// glow', 'glow()'))
    project.edit('lamp0001', { props: { color: 'blue' } }).commit('mine')
    const pulled = await sync(project, ['pull'])
    expect(pulled.stdout).toContain('Merged 2 changes')
    expect(pulled.code).toBe(0)
    expect(project.read('apps/Lamp/index.js')).toBe(
      script.replace('// glow', 'glow()').replace('// switch', 'lit = true'),
    )
    expect(project.object('lamp0001')).toMatchObject({ position: [4, 5, 6], props: { color: 'blue', glow: 1 } })
    await expectSettled(project, false)
    expect((await sync(project, ['push'])).code).toBe(0)
    expect(await world.entity('lamp0001')).toMatchObject({ position: [4, 5, 6], props: { color: 'blue', glow: 1 } })
    await expectInStep(begun)
  },
)

inBothLayouts('C1, C2: one contested field is one conflict, in the index and in a merge tool', async (layout) => {
  const begun = await begin(layout)
  const { world, project } = begun
  const path = project.fileOf('lamp0001')
  await world.edit('bob', 'lamp0001', {
    position: [2, 2, 2],
    pinned: true,
    props: { color: 'red', glow: 7, label: 'x' },
  })
  await world.edit('bob', 'lamp0002', { scale: [9, 9, 9] })
  project.edit('lamp0001', { position: [1, 1, 1], props: { color: 'blue' } }).commit('mine')
  const pulled = await sync(project, ['pull'])
  expect(pulled.code).toBe(2)
  expect(pulled.stdout).toContain('position: was [0,0,0], here [1,1,1] (Dev), in the world [2,2,2] (bob)')
  await expectOpen(project, { [path]: 'UU' }, { 'entity:lamp0001': ['position'] })

  // All else is merged, in each stage and in the working file; the contested field stands between markers once.
  const sides = ([1, 2, 3] as const).map((stage) => project.stage(stage, path))
  const [base, ours, theirs] = sides as [string, string, string]
  const field = place(project, 'lamp0001', 'position')
  for (const [left, right] of [
    [base, ours],
    [base, theirs],
    [ours, theirs],
  ] as const)
    expect(differences(left, right)).toEqual([field])
  expect(project.stages('lamp0001').map((side) => side?.position)).toEqual([
    [0, 0, 0],
    [1, 1, 1],
    [2, 2, 2],
  ])
  for (const side of project.stages('lamp0001'))
    expect(side).toMatchObject({ pinned: true, props: { color: 'blue', glow: 7, label: 'x' } })
  expect(
    project
      .git('ls-files', '-u')
      .split('\n')
      .map((line) => line.split(/[ \t]/)[2]),
  ).toEqual(['1', '2', '3'])
  const working = project.read(path)
  expect(working.match(/^(<{7}|={7}|>{7})/gm)).toHaveLength(3)
  expect(JSON.parse(withoutMarkers(working, 'ours'))).toEqual(JSON.parse(ours))
  expect(JSON.parse(withoutMarkers(working, 'theirs'))).toEqual(JSON.parse(theirs))
  expect(project.read(project.fileOf('lamp0002'))).toMatch(/9,\s*9,\s*9/)

  const tool = recordingTool(project, (local) => {
    project.write(path, local)
    project.edit('lamp0001', { position: [3, 3, 3] })
    const merged = project.read(path)
    project.write(path, working)
    return merged
  })
  project.git('mergetool')
  const given = tool()
  expect(given).toEqual([base, ours, theirs].map((side) => `${side}\n`))
  expect(differences(given[0]!, given[1]!)).toEqual([field])
  expect(differences(given[0]!, given[2]!)).toEqual([field])
  await expectSettled(project, true)
  expect((await sync(project, ['check'])).code).toBe(0)
  expect(project.status()[path]).toBe('M ')
  expect(project.artifact('entity:lamp0001')).toMatchObject({ status: 'resolved', fields: [{ status: 'merged' }] })
  project.git('commit', '--no-edit')
  expect(project.git('log', '-1', '--format=%B')).toMatch(/^Merge world plaza at \d+ \(2 changes\)\n\n- bob: 2\n/)
  await expectSettled(project, false)
  expect((await sync(project, ['push'])).code).toBe(0)
  expect(await world.entity('lamp0001')).toMatchObject({
    position: [3, 3, 3],
    pinned: true,
    props: { color: 'blue', glow: 7, label: 'x' },
  })
  await expectInStep(begun)
})

for (const [changed, deleted] of [
  ['local', 'remote'],
  ['remote', 'local'],
] as const)
  inBothLayouts(
    `M4: what we changed and they deleted is settled with ${changed}, what we deleted and they changed with ${deleted}`,
    async (layout) => {
      const begun = await begin(layout, {
        before: async (world) => {
          for (const id of ['Pole', 'Post']) await addBlueprint(world, id)
        },
      })
      const { world, project } = begun
      await world.edit('bob', 'lamp0001', { position: [5, 5, 5] })
      await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
      await deploy(world, 'bob', 'Post', { desc: 'bright' })
      expect(await world.remote.removeBlueprint('Pole')).toEqual({ kind: 'ok' })
      project.delete('lamp0001').edit('lamp0002', { pinned: true })
      project.remove('apps/Post')
      project.change('apps/Pole/Pole.json', (pole) => {
        pole.desc = 'tall'
      })
      project.commit('mine')
      const pulled = await sync(project, ['pull'])
      expect(pulled.code).toBe(2)
      expect(pulled.stdout).toContain('deleted here (Dev), changed in the world (bob)')
      expect(pulled.stdout).toContain('changed here (Dev), deleted in the world (bob)')
      const objects = ['blueprint:Pole', 'blueprint:Post', 'entity:lamp0001', 'entity:lamp0002']
      await expectOpen(
        project,
        {
          ...entityFiles(project, { lamp0001: 'DU', lamp0002: 'UD' }),
          'apps/Pole/Pole.json': 'UD',
          'apps/Pole/index.js': 'UD',
          'apps/Post/Post.json': 'DU',
          'apps/Post/index.js': 'DU',
        },
        Object.fromEntries(objects.map((object) => [object, ['(object)']])),
      )
      const settle = (use: string, ...names: string[]) => sync(project, ['resolve', ...names, '--use', use])
      expect((await settle(changed, 'lamp0002', 'blueprint:Pole')).code).toBe(2)
      const last = await settle(deleted, 'lamp0001', 'Post')
      expect(last.stdout).toContain('"git commit" concludes the merge')
      expect(last.code).toBe(0)
      await expectSettled(project, true)
      project.git('commit', '--quiet', '--no-edit')
      await expectSettled(project, false)
      const pushed = await sync(project, ['push', '--allow-mass-delete'])
      expect(pushed.code, pushed.stdout + pushed.stderr).toBe(0)
      const [first, second] = [await world.entity('lamp0001'), await world.entity('lamp0002')]
      const [post, pole] = [await world.blueprint('Post'), await world.blueprint('Pole')]
      if (deleted === 'local') expect([first, post]).toEqual([undefined, undefined])
      else expect([first, post]).toMatchObject([{ position: [5, 5, 5] }, { desc: 'bright' }])
      if (changed === 'remote') expect([second, pole]).toEqual([undefined, undefined])
      else {
        expect([second, pole]).toMatchObject([{ pinned: true }, { desc: 'tall' }])
        const { 'index.js': script } = pole!.scriptFiles as Record<string, string>
        expect(Buffer.from((await world.remote.downloadAsset(script!))!).toString()).toBe(
          "export default () => 'Pole'\n",
        )
      }
      await expectInStep(begun)
    },
  )

inBothLayouts('every kind of object, several at once, each settled in a way of its own', async (layout) => {
  const begun = await begin(layout)
  const { world, project } = begun
  const script = project.read('apps/Lamp/index.js')
  const model = String(project.json('apps/Lamp/Lamp.json').model)
  const theirModel = await world.remote.uploadAsset(new Uint8Array([0, 9, 9, 9]), 'glb')
  await deploy(
    world,
    'bob',
    'Lamp',
    { model: theirModel },
    { 'index.js': script.replace('// glow', 'glow(2)'), '@shared/glow.js': 'export const glow = () => 2\n' },
  )
  await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Theirs' })
  await world.remote.putSpawn({ position: [7, 7, 7], quaternion: [0, 0, 0, 1] })
  // A field that nobody knows: commands drop it, batches keep it.
  const sweet = { kind: 'entity.update', id: 'lamp0001', patch: { flavour: { taste: 'sweet' } } } as const
  await world.remote.batch({ operations: [{ opId: 'sweet', actor: 'bob', source: 'test', ...sweet }] })
  project.write('apps/Lamp/index.js', script.replace('// glow', 'glow(1)'))
  project.write('shared/glow.js', 'export const glow = () => 3\n')
  project.write(model, new Uint8Array([0, 5, 5, 5]))
  project.edit('settings', { title: 'Ours', desc: 'Ours alone' }).edit('spawn', { position: [8, 8, 8] })
  project.edit('lamp0001', { flavour: { taste: 'sour' } })
  project.commit('mine')

  const pulled = await sync(project, ['pull'])
  expect(pulled.code, pulled.stdout + pulled.stderr).toBe(2)
  const files = [
    model,
    'apps/Lamp/index.js',
    'shared/glow.js',
    ...['settings', 'spawn', 'lamp0001'].map((o) => project.fileOf(o)),
  ]
  await expectOpen(project, Object.fromEntries(files.map((path) => [path, 'UU'])), {
    'blueprint:Lamp': ['model', 'scriptFiles.index.js'],
    'entity:lamp0001': ['flavour.taste'],
    settings: ['title'],
    'shared:glow.js': ['content'],
    spawn: ['position'],
  })
  // An asset has no lines to be marked: ours stays in place.
  expect([...readFileSync(join(project.folder, model))]).toEqual([0, 5, 5, 5])
  const hashes = (stage: string) => project.git('cat-file', '-s', `:${stage}:${model}`)
  expect(['1', '2', '3'].map(hashes)).toEqual(['4', '4', '4'])
  expect(project.read('apps/Lamp/index.js')).toContain('<<<<<<< HEAD\n  glow(1)\n=======\n  glow(2)\n>>>>>>> ')

  expect((await sync(project, ['resolve', 'settings', '--use', 'remote'])).code).toBe(2)
  expect((await sync(project, ['resolve', 'spawn', '--use', 'local'])).code).toBe(2)
  expect((await sync(project, ['resolve', 'lamp0001', '--field', 'flavour.taste', '--use', 'local'])).code).toBe(2)
  expect((await sync(project, ['resolve', 'Lamp', '--field', 'model', '--use', 'remote'])).code).toBe(2)
  expect([...readFileSync(join(project.folder, model))]).toEqual([0, 9, 9, 9])
  project.write('shared/glow.js', 'export const glow = () => 4\n')
  expect((await sync(project, ['resolve', 'shared/glow.js', '--use', 'merged'])).code).toBe(2)
  await expectOpen(project, { 'apps/Lamp/index.js': 'UU' }, { 'blueprint:Lamp': ['scriptFiles.index.js'] })
  project.git('checkout', '--quiet', '--theirs', 'apps/Lamp/index.js')
  project.git('add', 'apps/Lamp/index.js')
  await expectSettled(project, true)
  expect(project.artifact('blueprint:Lamp')).toMatchObject({
    status: 'resolved',
    fields: expect.arrayContaining([
      expect.objectContaining({ field: 'model', status: 'remote' }),
      expect.objectContaining({ field: 'scriptFiles.index.js', status: 'merged' }),
    ]),
  })
  project.git('commit', '--quiet', '--no-edit')
  const pushed = await sync(project, ['push'])
  expect(pushed.code, pushed.stdout + pushed.stderr).toBe(0)

  const { settings, spawn } = await world.remote.snapshot()
  expect(settings).toMatchObject({ title: 'Theirs', desc: 'Ours alone' })
  expect(spawn).toMatchObject({ position: [8, 8, 8] })
  expect(await world.entity('lamp0001')).toMatchObject({ flavour: { taste: 'sour' } })
  const lamp = (await world.blueprint('Lamp')) as { model: string; scriptFiles: Record<string, string> }
  expect(lamp.model).toBe(theirModel)
  const text = async (name: string) =>
    Buffer.from((await world.remote.downloadAsset(lamp.scriptFiles[name]!))!).toString()
  expect(await text('index.js')).toBe(script.replace('// glow', 'glow(2)'))
  expect(await text('@shared/glow.js')).toBe('export const glow = () => 4\n')
  await expectInStep(begun)
})
