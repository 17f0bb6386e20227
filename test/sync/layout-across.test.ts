import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { check } from '../../src/sync/check.ts'
import { changeLayout, type LayoutReport } from '../../src/sync/layout.ts'
import { writeLayoutChange } from '../../src/sync/layout-change.ts'
import { promote } from '../../src/sync/promote.ts'
import { revert } from '../../src/sync/revert.ts'
import { readLineCommit } from '../../src/sync/tip.ts'
import { colleague, type KeptProject, LENIENT, lampProject } from './kept-project.ts'
import { addLamps, type Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const REF = 'refs/lobby/remote'
const yes = async () => true

type Change = { readonly autostash?: boolean; readonly target?: string }

function change(project: Checkout, layout: 'split' | 'manifest', options: Change = {}): Promise<LayoutReport> {
  const { autostash = false, target } = options
  return project.session((session) => changeLayout(session, layout, { dryRun: false, autostash, confirm: yes }), target)
}

describe('G8: nothing comes from a branch that was only fetched', () => {
  it('not what happened in a life of the world that a backup has ended', async () => {
    const dataDir = temporaryFolder()
    const { world, project } = await lampProject({ dataDir } as object, 'manifest')
    const other = colleague(project)
    await other.pull()
    await world.runtime.close()
    const backup = join(temporaryFolder(), 'data')
    cpSync(dataDir, backup, { recursive: true })
    const port = Number(new URL(world.runtime.url).port)
    const before = await startWorld({ dataDir, port })
    await before.edit('eve', 'lamp0002', { position: [66, 6, 6] })
    await other.pull()
    await change(other, 'split')
    await before.runtime.close()
    const after = await startWorld({ dataDir: backup, port })
    expect((await project.pull()).kind).toBe('up-to-date')
    project.git('fetch', '--quiet', other.folder, 'HEAD:refs/remotes/origin/other')
    await change(project, 'split')
    expect(project.entity('lamp0002')).toMatchObject({ position: [1, 0, 0] })
    expect((await project.push()).kind).toBe('up-to-date')
    expect(await after.entity('lamp0002')).toMatchObject({ position: [1, 0, 0] })
  })

  it('S1: not what somebody forged, with a true change of the layout on top', async () => {
    const { project } = await lampProject({}, 'manifest')
    const other = colleague(project)
    await other.pull()
    other.git('checkout', '--quiet', '--detach', REF)
    other.write('apps/Lamp/index.js', 'evil()\n')
    other.git('add', '--all', 'apps')
    const tree = other.git('write-tree')
    const message = other.git('log', '-1', '--format=%B', REF).replace(/Lobby-Tree: \w+/, `Lobby-Tree: ${tree}`)
    const forged = other.git('commit-tree', tree, '-p', REF, '-m', message) as Oid
    other.git('reset', '--quiet', '--hard')
    other.git('switch', '--quiet', 'main')
    other.git('update-ref', REF, forged)
    const made = await other.session(async (session) => {
      const line = await readLineCommit(session.repository, forged, 'plaza')
      return writeLayoutChange(session, line!, 'split')
    })
    other.git('update-ref', 'refs/heads/pr', made.oid)
    project.git('fetch', '--quiet', other.folder, 'pr:refs/remotes/mallory/pr')
    expect(await change(project, 'split')).toMatchObject({ kind: 'changed' })
    const said = [expect.stringContaining(`by a change of its own (${made.oid.slice(0, 10)})`)]
    expect(project.warnings).toEqual(said)
    expect(await change(project, 'split')).toMatchObject({ kind: 'already' })
    expect(project.warnings).toEqual([...said, ...said])
    expect(project.read('apps/Lamp/index.js')).not.toContain('evil')
    expect(project.git('rev-list', REF).split('\n')).not.toContain(forged)
  })
})

describe('G8: what stands in the way is found before anything is written', () => {
  async function refused(prepare: (project: KeptProject) => void, from: 'split' | 'manifest', code: string) {
    const { project } = await lampProject({}, from)
    prepare(project)
    const [tip, head] = [project.git('rev-parse', REF), project.git('rev-parse', 'HEAD')]
    for (const autostash of [false, true]) {
      await expect(change(project, from === 'split' ? 'manifest' : 'split', { autostash })).rejects.toMatchObject({
        code,
      })
    }
    expect([project.git('rev-parse', REF), project.git('rev-parse', 'HEAD')]).toEqual([tip, head])
    return project
  }

  it('an uncommitted removal', async () => {
    const project = await refused((one) => one.removeEntity('lamp0001'), 'split', 'local_changes')
    expect(project.git('status', '--porcelain')).toMatch(/^ ?D /)
  })

  it('an uncommitted removal, where a branch is to be brought back to the layout of the line first', async () => {
    const { project } = await lampProject({}, 'manifest')
    await change(project, 'split')
    project.git('revert', '--no-edit', '-m', '1', 'HEAD')
    project.remove('world.json')
    for (const autostash of [false, true]) {
      await expect(change(project, 'split', { autostash })).rejects.toMatchObject({ code: 'local_changes' })
    }
    expect(project.git('status', '--porcelain')).toContain('D world.json')
  })

  it('an untracked file', async () => {
    const project = await refused((one) => one.write('world/settings.json', 'mine'), 'manifest', 'local_changes')
    expect(project.read('world/settings.json')).toBe('mine')
  })

  it('an entity that git does not know yet', async () => {
    const place = { position: [0, 0, 0], quaternion: [0, 0, 0, 1], scale: [1, 1, 1] }
    const path = 'world/entities/ab/new1.json'
    const project = await refused(
      (one) => one.write(path, { id: 'new1', blueprint: 'Lamp', ...place }),
      'split',
      'local_changes',
    )
    project.commit('new')
    await change(project, 'manifest')
    expect(project.entity('new1')).toMatchObject(place)
    expect(project.git('status', '--porcelain')).toBe('')
  })

  it.each(['settings', 'spawn'])('a world without %s', async (what) => {
    await refused(
      (one) => {
        one.remove(`world/${what}.json`)
        one.commit('gone')
      },
      'split',
      'invalid_files',
    )
  })

  it('but notes among the entities are none of its business', async () => {
    const { world, project } = await lampProject({}, 'split')
    project.write('world/entities/README.md', 'Ours')
    project.write('world/entities/hall/.gitkeep', '')
    project.commit('notes')
    expect(await change(project, 'manifest')).toMatchObject({ kind: 'changed' })
    await world.edit('eve', 'lamp0001', { position: [3, 3, 3] })
    expect((await project.pull()).kind).toBe('merged')
    expect((await project.push()).kind).toBe('up-to-date')
    project.write('world/entities/README.md', 'Still ours')
    project.git('add', '--all')
    expect((await check(project.context(), { kind: 'staged' })).problems).toEqual([])
    project.commit('more notes')
    expect(await change(project, 'split')).toMatchObject({ kind: 'changed' })
  })

  it('C6: what a lenient pull keeps open on the way there is told, and the change waits', async () => {
    const { world, project } = await lampProject({}, 'manifest')
    project.git('switch', '--quiet', '--create', 'mine')
    project.editEntity('lamp0001', (lamp) => {
      lamp.position = [1, 1, 1]
    })
    project.commit('mine')
    project.git('switch', '--quiet', 'main')
    await world.edit('eve', 'lamp0001', { position: [2, 2, 2] })
    await change(project, 'split')
    project.git('switch', '--quiet', 'mine')
    const lenient = project.with(LENIENT)
    expect(await lenient.pull()).toMatchObject({ kind: 'merged', conflicts: [{ object: 'entity:lamp0001' }] })
    expect(project.exists('world.json')).toBe(true)
    await lenient.resolve(['entity:lamp0001'], 'local')
    project.commit('settled')
    expect((await lenient.pull()).kind).toBe('merged')
    expect(project.exists('world.json')).toBe(false)
    expect(project.entity('lamp0001')).toMatchObject({ position: [1, 1, 1] })
  })
})

it('P8: what happened before a change of the layout can be reverted after it', async () => {
  const { world, project } = await lampProject({}, 'manifest')
  await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
  await project.pull()
  const edit = project.git('rev-parse', REF)
  await change(project, 'split')
  const undo = { partial: false, dryRun: false, allowMassDelete: false, confirm: yes }
  const made = project.git('rev-parse', REF)
  expect((await project.session((session) => revert(session, { revisions: [made], ...undo }))).kind).toBe('nothing')
  expect((await project.session((session) => revert(session, { revisions: [edit], ...undo }))).kind).toBe('reverted')
  expect(await world.entity('lamp0002')).toMatchObject({ position: [1, 0, 0] })
})

it('P8: promoted is from one layout into another', async () => {
  const staging = await startWorld()
  await addLamps(staging)
  const production = await startWorld({ worldId: 'arena' })
  const project = await cloneWorld(staging)
  project.change('lobby.json', (lobby) => {
    const targets = lobby.targets as Record<string, unknown>
    const [own] = Object.values(targets)
    lobby.targets = { staging: own, production: { worldUrl: production.runtime.url, worldId: 'arena' } }
    lobby.defaultTarget = 'staging'
  })
  project.commit('two targets')
  const move = async (id: string, position: readonly number[]) => {
    await staging.edit('eve', id, { position })
    const options = { from: 'staging', to: 'production', dryRun: false, allowMassDelete: false, confirm: yes }
    expect((await promote(project.context(), options)).kind).toBe('promoted')
    expect(await production.entity(id)).toMatchObject({ position })
  }
  await move('lamp0001', [3, 3, 3])
  await change(project, 'manifest')
  await move('lamp0001', [4, 4, 4])
  await move('lamp0002', [5, 5, 5])
})
