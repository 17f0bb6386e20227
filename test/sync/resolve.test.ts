import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ConflictArtifact, conflictId } from '../../src/sync/conflict-artifact.ts'
import { contestedName } from '../../src/sync/contested-name.ts'
import { kindsFor } from '../e2e/long.ts'
import { colleague, deploy, editBlueprint, type KeptProject, lampProject, scriptsOf } from './kept-project.ts'
import { temporaryFolder } from './support.ts'

/** What git would commit, with the ids of artifacts left out. */
function staged(project: KeptProject): readonly string[] {
  expect(project.git('diff', '--name-only')).toBe('')
  const lines = project.git('diff', '--cached', '--name-status', '--no-renames').split('\n')
  return lines.map((line) => line.replace('\t', ' ').replace(/[0-9a-f]{8}\.json/, '<id>.json')).sort()
}

function artifactOf(project: KeptProject, object: string): ConflictArtifact {
  return project.kept().get(object)!
}

describe.each(kindsFor('settling kept conflicts', ['split', 'manifest'] as const))(
  'C6: settling kept conflicts in a %s project',
  (layout) => {
    it('local, remote, one field, all', async () => {
      const { world, project } = await lampProject({ publicLike: true }, layout, (w) =>
        w.edit('ada', 'lamp0001', { props: { color: 'white', tone: 'low', gone: 1 } }),
      )
      project.editEntity('lamp0001', (lamp) => {
        lamp.position = [1, 1, 1]
        lamp.props = { color: 'red', tone: 'high', gone: 2, mine: true }
      })
      project.removeEntity('lamp0002')
      project.editSingle('settings', (settings) => {
        settings.title = 'Ours'
      })
      project.editSingle('spawn', (spawn) => {
        spawn.position = [1, 0, 1]
      })
      project.commit('ours')
      await world.edit('bob', 'lamp0001', { position: [9, 9, 9], props: { color: 'blue', tone: 'mid' } })
      await world.edit('bob', 'lamp0002', { pinned: true })
      await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Theirs' })
      await world.remote.putSpawn({ position: [5, 0, 5], quaternion: [0, 0, 0, 1] })
      await project.pull()
      expect(await project.openFields()).toEqual([
        'kept entity:lamp0001 position',
        'kept entity:lamp0001 props.color',
        'kept entity:lamp0001 props.gone',
        'kept entity:lamp0001 props.tone',
        'kept entity:lamp0002 (object)',
        'kept settings title',
        'kept spawn position',
      ])
      const { id } = artifactOf(project, 'entity:lamp0001')
      const changed = (paths: readonly string[]) => (layout === 'manifest' ? ['M world.json'] : paths)

      // A clone of the repository knows no remote ref, and needs none.
      const other = colleague(project)
      expect(await other.resolve([id], 'remote', 'props.color')).toMatchObject({
        use: 'remote',
        resolved: [{ id, object: 'entity:lamp0001', fields: ['props.color'] }],
        merging: false,
      })
      expect(other.entity('lamp0001')).toMatchObject({ position: [1, 1, 1], props: { color: 'blue', tone: 'high' } })
      expect(staged(other)).toEqual([
        'M lobby.conflicts/<id>.json',
        ...changed([`M ${other.entityPathOf('lamp0001')}`]),
      ])
      await other.resolve(['lamp0001'], 'local', 'position')
      expect(await other.openFields()).toEqual([
        'kept entity:lamp0001 props.gone',
        'kept entity:lamp0001 props.tone',
        'kept entity:lamp0002 (object)',
        'kept settings title',
        'kept spawn position',
      ])
      await other.resolve([id.slice(0, 4)], 'remote', 'props.gone')
      expect(other.entity('lamp0001')?.props).toEqual({ color: 'blue', tone: 'high', mine: true })
      await expect(other.resolve([id], 'local', 'props.color')).rejects.toMatchObject({
        code: 'unknown_field',
        hint: 'Contested: props.tone.',
      })
      other.commit('some')
      expect(artifactOf(other, 'entity:lamp0001').fields.map(({ field, status }) => `${field} ${status}`)).toEqual([
        'position local',
        'props.color remote',
        'props.tone open',
        'props.gone remote',
      ])
      expect(await other.push()).toMatchObject({
        kind: 'pushed',
        held: expect.arrayContaining([expect.objectContaining({ key: 'entity:lamp0001', field: 'props.tone' })]),
      })
      expect(await world.entity('lamp0001')).toMatchObject({
        position: [1, 1, 1],
        props: { color: 'blue', tone: 'mid', mine: true },
      })

      // All of theirs.
      await project.pull()
      expect(await project.resolve('all', 'remote')).toMatchObject({ open: [] })
      expect(project.entity('lamp0001')).toMatchObject({ position: [1, 1, 1], props: { color: 'blue', tone: 'mid' } })
      expect(project.entity('lamp0002')).toMatchObject({ pinned: true })
      expect(project.single('settings').title).toBe('Theirs')
      expect(project.single('spawn').position).toEqual([5, 0, 5])
      expect((await project.checked()).conflicts).toEqual([])
      project.commit('theirs')
      expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
      expect((await project.checked()).problems).toEqual([])
      await expect(project.resolve('all', 'local')).rejects.toMatchObject({ code: 'no_conflicts' })

      // All of ours, for a colleague.
      await other.resolve('all', 'merged')
      expect(staged(other).filter((line) => !line.includes('lobby.conflicts'))).toEqual([])
      expect(other.exists('lobby.conflicts')).toBe(false)
      other.commit('ours')
      expect(await other.push()).toMatchObject({ kind: 'pushed', refused: [], held: [] })
      expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'blue', tone: 'high' } })
      expect(await world.entity('lamp0002')).toBeUndefined()
      expect((await world.remote.snapshot()).settings).toMatchObject({ title: 'Ours' })
      expect((await world.remote.snapshot()).spawn).toMatchObject({ position: [1, 0, 1] })
      expect((await other.checked()).conflicts).toEqual([])
      other.check()
    })
  },
)

it('scripts, shared modules and whole blueprints', async () => {
  const source = (name: string) => `export const value = '${name}'\n`
  const index = "import { value } from '@shared/tint.js'\nexport default () => value\n"
  const { world, project } = await lampProject({}, 'split', (w) =>
    deploy(w, 'Lamp', { 'index.js': index, 'a.js': source('base'), '@shared/tint.js': source('base') }),
  )
  project.write('apps/Post/Post.json', { id: 'Post', name: 'Post' })
  project.write('apps/Post/index.js', source('base'))
  project.write('apps/Sign/Sign.json', { id: 'Sign', name: 'Sign' })
  project.write('apps/Sign/index.js', source('base'))
  project.commit('more')
  await project.push()
  project.write('apps/Lamp/a.js', source('ours'))
  project.write('shared/tint.js', source('ours'))
  project.remove('apps/Post')
  project.write('apps/Sign/index.js', source('ours'))
  project.commit('ours')
  await deploy(world, 'Lamp', { 'index.js': index, 'a.js': source('theirs'), '@shared/tint.js': source('theirs') })
  await editBlueprint(world, 'Post', { desc: 'theirs' })
  await world.remote.removeBlueprint('Sign')
  await project.pull()
  expect(await project.openFields()).toEqual([
    'kept blueprint:Lamp scriptFiles.a.js',
    'kept blueprint:Post (object)',
    'kept blueprint:Sign (object)',
    'kept shared:tint.js content',
  ])
  // A pattern is a name here, and names no other file.
  project.write('apps/Lamp/b.js', source('not yet'))
  await project.resolve('all', 'remote')
  expect(
    project
      .git('status', '--porcelain', '--no-renames')
      .split('\n')
      .filter((line) => !line.includes('lobby.conflicts')),
  ).toEqual([
    'M  apps/Lamp/a.js',
    'A  apps/Post/Post.json',
    'A  apps/Post/index.js',
    'D  apps/Sign/Sign.json',
    'D  apps/Sign/index.js',
    'M  shared/tint.js',
    '?? apps/Lamp/b.js',
  ])
  expect(project.read('apps/Lamp/a.js')).toBe(source('theirs'))
  expect(project.read('apps/Post/index.js')).toBe(source('base'))
  expect(project.json('apps/Post/Post.json')).toMatchObject({ desc: 'theirs' })
  project.remove('apps/Lamp/b.js')
  project.commit('theirs')
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
  expect(await project.checked()).toMatchObject({ conflicts: [], problems: [] })
  expect(await scriptsOf(world, 'Lamp')).toMatchObject({ 'a.js': source('theirs') })
})

it('assets: content comes along, under a name that is free', async () => {
  const bytes = (name: string) => new TextEncoder().encode(`glTF ${name}`)
  const upload = (world: Awaited<ReturnType<typeof lampProject>>['world'], name: string) =>
    world.remote.uploadAsset(bytes(name), 'glb')
  const { world, project } = await lampProject({}, 'split', async (w) => {
    const url = await upload(w, 'base')
    await editBlueprint(w, 'Lamp', { model: url, props: { sign: { type: 'model', name: 'sign.glb', url } } })
    await w.edit('ada', 'lamp0001', { props: { sign: { type: 'model', name: 'sign.glb', url } } })
  })
  const model = String(project.json('apps/Lamp/Lamp.json').model)
  expect(project.read(model)).toBe('glTF base')
  // Ours has another file for the model, replaces the old one in place for all others.
  project.write('assets/ours.glb', bytes('ours'))
  project.change('apps/Lamp/Lamp.json', (lamp) => {
    lamp.model = 'assets/ours.glb'
  })
  project.editEntity('lamp0001', (lamp) => {
    lamp.props = { sign: { type: 'model', name: 'mine', url: 'assets/ours.glb' }, mine: 1 }
  })
  project.commit('ours')
  const theirs = await upload(world, 'theirs')
  await editBlueprint(world, 'Lamp', { model: theirs })
  await world.edit('bob', 'lamp0001', { props: { sign: 'none' } })
  await world.edit('bob', 'lamp0001', {
    props: { sign: { type: 'video', name: 'new', url: await upload(world, 'new') } },
  })
  await project.pull()
  expect(await project.openFields()).toEqual([
    'kept blueprint:Lamp model',
    'kept entity:lamp0001 props.sign.name',
    'kept entity:lamp0001 props.sign.url',
  ])
  await project.resolve('all', 'remote')
  const said = String(project.json('apps/Lamp/Lamp.json').model)
  expect(project.read(said)).toBe('glTF theirs')
  const props = project.entity('lamp0001')?.props as { sign: { name: string; url: string }; mine: number }
  expect(project.read(props.sign.url)).toBe('glTF new')
  expect(props).toMatchObject({ sign: { type: 'video', name: 'new' }, mine: 1 })
  project.commit('theirs')
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, held: [] })
  expect(await world.entity('lamp0001')).toMatchObject({ props: { mine: 1 } })
  expect((await world.blueprint('Lamp'))?.model).toBe(theirs)
  expect((await project.checked()).problems).toEqual([])
})

it('an asset that was replaced in place, and a name that is taken meanwhile', async () => {
  const bytes = (name: string) => new TextEncoder().encode(`glTF ${name}`)
  const { world, project } = await lampProject({}, 'split', async (w) =>
    editBlueprint(w, 'Lamp', { model: await w.remote.uploadAsset(bytes('base'), 'glb') }),
  )
  const model = String(project.json('apps/Lamp/Lamp.json').model)
  project.write(model, bytes('ours'))
  project.commit('ours')
  const theirs = await world.remote.uploadAsset(bytes('theirs'), 'glb')
  await editBlueprint(world, 'Lamp', { model: theirs })
  await project.pull()
  expect(await project.openFields()).toEqual(['kept blueprint:Lamp model'])
  expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0, held: [{ field: 'model' }] })
  const before = project.git('ls-files', 'assets').split('\n')
  await project.resolve('all', 'remote')
  const said = String(project.json('apps/Lamp/Lamp.json').model)
  expect(project.read(said)).toBe('glTF theirs')
  expect(project.read(model)).toBe('glTF ours')
  expect(project.git('ls-files', 'assets').split('\n').length).toBeGreaterThanOrEqual(before.length)
  project.commit('theirs')
  expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
})

it('what is not committed is never overwritten, and nothing is done by halves', async () => {
  const { world, project } = await lampProject({}, 'split', async (w) => {
    await w.edit('ada', 'lamp0001', { props: { color: 'white', text: 'base' } })
    await deploy(w, 'Lamp', { 'index.js': 'export default () => 0\n' })
  })
  const path = project.entityPathOf('lamp0001')
  const gone = project.entityPathOf('lamp0002')
  project.editEntity('lamp0001', (lamp) => {
    lamp.props = { color: 'red', text: 'base' }
  })
  project.removeEntity('lamp0002')
  project.write('apps/Lamp/index.js', 'export default () => 1\n')
  project.commit('ours')
  await world.edit('bob', 'lamp0001', { props: { color: 'blue', text: 'base' } })
  await world.edit('bob', 'lamp0002', { pinned: true })
  await deploy(world, 'Lamp', { 'index.js': 'export default () => 2\n' })
  await project.pull()
  const refused = async (code: string, names: readonly string[] | 'all' = 'all') => {
    const state = project.state()
    await expect(project.resolve(names, 'remote')).rejects.toMatchObject({ code })
    expect(project.state()).toEqual(state)
  }
  const reset = () => {
    project.git('read-tree', '--reset', '-u', 'HEAD')
    project.git('clean', '-qfd')
    expect(project.git('status', '--porcelain')).toBe('')
  }

  // The contested field itself, in file or index.
  project.change(path, (lamp) => {
    lamp.props = { color: 'green', text: 'base' }
  })
  await refused('local_changes')
  project.git('add', path)
  await refused('local_changes')
  reset()
  // A script, an untracked file in the way, a file that does not parse or is gone, a link.
  project.write('apps/Lamp/index.js', 'export default () => 3\n')
  await refused('local_changes')
  reset()
  project.write(gone, 'notes\n')
  await refused('local_changes')
  project.remove(gone)
  project.write(path, '{')
  await refused('invalid_files')
  project.remove(path)
  await refused('invalid_files')
  symlinkSync('/dev/null', join(project.folder, path))
  await refused('not_a_file')
  project.remove(path)
  reset()

  // Other fields of the same file are the user's, and stay.
  project.change(path, (lamp) => {
    lamp.pinned = true
    lamp.props = { color: 'red', text: 'mine' }
  })
  await project.resolve(['lamp0001'], 'remote')
  expect(project.entity('lamp0001')).toMatchObject({ pinned: true, props: { color: 'blue', text: 'mine' } })
  reset()
  // The user has taken it over by hand already.
  project.change(path, (lamp) => {
    lamp.props = { color: 'blue', text: 'base' }
  })
  await project.resolve('all', 'remote')
  expect(await project.openFields()).toEqual([])
  reset()
  // Local needs nothing of the files.
  project.write(path, '{')
  await project.resolve('all', 'local')
  expect(project.read(path)).toBe('{')
  expect(project.git('diff', '--cached', '--name-only')).toMatch(/^(lobby\.conflicts\/[0-9a-f]{8}\.json\n?){3}$/)
  reset()

  // The world moved on: what it has now is taken, and what it has no more is said.
  await world.edit('bob', 'lamp0001', { props: { color: 'pink', text: 'base' } })
  await project.withSession(async (session) => (await import('../../src/sync/fetch.ts')).fetchWorld(session))
  await project.resolve(['lamp0001'], 'remote')
  expect(project.entity('lamp0001')).toMatchObject({ props: { color: 'pink', text: 'base' } })
  reset()
  await world.act('bob', { type: 'entity_remove', id: 'lamp0001' })
  await project.withSession(async (session) => (await import('../../src/sync/fetch.ts')).fetchWorld(session))
  await refused('stale_conflict')
  await project.resolve(['lamp0002'], 'remote')
  expect(project.exists(gone)).toBe(true)
})

it('S1: an artifact comes from other people: nothing is written outside of the world-owned files', async () => {
  const { world, project } = await lampProject({}, 'split', (w) =>
    deploy(w, 'Lamp', { 'index.js': 'export default () => 0\n' }),
  )
  project.write('apps/Lamp/index.js', 'export default () => 1\n')
  project.write('README.md', 'read me\n')
  project.write('tool.js', 'a tool\n')
  project.commit('ours')
  await deploy(world, 'Lamp', { 'index.js': 'export default () => 2\n' })
  await project.pull()
  const good = artifactOf(project, 'blueprint:Lamp')
  const file = `lobby.conflicts/${good.id}.json`
  const outside = temporaryFolder()
  writeFileSync(join(outside, 'index.js'), 'outside\n')
  const clean = project.git('rev-parse', 'HEAD')
  const tampered = async (change: Partial<ConflictArtifact>): Promise<unknown> => {
    project.git('reset', '--quiet', '--hard', clean)
    const next = { ...good, ...change }
    const id = change.id ?? conflictId(next.worldId, next.object)
    project.remove(file)
    project.write(`lobby.conflicts/${id}.json`, { ...next, id })
    project.commit('tampered')
    const outcome = await project.resolve('all', 'remote').then(
      () => 'resolved',
      (error: { code?: string }) => error.code,
    )
    const names = project.git('diff', '--name-only', 'HEAD').split('\n')
    expect(names.filter((name) => name !== '' && !name.startsWith('lobby.conflicts/'))).toEqual([])
    return outcome
  }
  const at = (...paths: readonly string[][]) => ({
    fields: paths.map((path) => ({ ...good.fields[0]!, field: contestedName(path), path: [...path] })),
  })
  for (const path of [
    ['scriptFiles', '../../README.md'],
    ['scriptFiles', '../../tool.js'],
    ['scriptFiles', '../../../outside.js'],
    ['scriptFiles', '/etc/passwd'],
    ['scriptFiles', '..\\..\\tool.js'],
    ['scriptFiles', '.git/config'],
    ['scriptFiles'],
    ['scriptFiles', 'index.js', 'deeper'],
    ['__proto__', 'polluted'],
    ['constructor', 'prototype', 'polluted'],
    ['id'],
    ['nothing', 'such'],
  ]) {
    expect(await tampered(at(path))).toBe('resolved')
  }
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  for (const object of [
    'shared:../README.md',
    'shared:../../tool.js',
    'entity:__proto__',
    'nothing:else',
    '',
    'entity:',
  ]) {
    expect(await tampered({ object: object as ConflictArtifact['object'] })).toBe('stale_conflict')
    expect(await tampered({ object: object as ConflictArtifact['object'], ...at([]) })).toBe('resolved')
  }
  // Files and commits that it names are nothing to go by.
  expect(
    await tampered({ path: '../../x', files: [{ path: '../tool.js', stages: {}, working: '0' }], ...at(['id']) }),
  ).toBe('resolved')
  expect(await tampered({ remote: '--upload-pack=x', local: '$(x)', base: '../x', ...at(['id']) })).toBe('resolved')
  project.git('update-ref', '-d', 'refs/lobby/remote')
  for (const remote of ['--upload-pack=x', 'HEAD', '0'.repeat(40), clean, project.git('rev-parse', 'HEAD^{tree}')]) {
    expect(await tampered({ remote })).toBe('stale_conflict')
  }
  expect(await tampered({ worldId: 'garden' })).toBe('stale_conflict')
  // One that says two things says nothing.
  expect(await tampered({ id: good.id, worldId: 'garden' })).toBe('no_conflicts')
  expect(await tampered({ fields: [{ ...good.fields[0]!, path: ['name'] }] })).toBe('no_conflicts')

  // Links that came with a commit lead nowhere.
  const linked = async (path: string, target: string) => {
    project.git('reset', '--quiet', '--hard', clean)
    rmSync(join(project.folder, path), { recursive: true })
    symlinkSync(target, join(project.folder, path))
  }
  await linked('apps/Lamp', outside)
  await expect(project.resolve('all', 'remote')).rejects.toMatchObject({
    code: expect.stringMatching(/not_a_file|local_changes/),
  })
  expect(readFileSync(join(outside, 'index.js'), 'utf8')).toBe('outside\n')
  mkdirSync(join(outside, 'kept'))
  writeFileSync(join(outside, 'kept', `${good.id}.json`), project.git('show', `${clean}:${file}`))
  await linked('lobby.conflicts', join(outside, 'kept'))
  await expect(project.resolve('all', 'local')).rejects.toMatchObject({ code: 'not_a_file' })
  expect(existsSync(join(outside, 'kept', `${good.id}.json`))).toBe(true)
})
