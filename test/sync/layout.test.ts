import { describe, expect, it } from 'vitest'
import { check } from '../../src/sync/check.ts'
import { changeLayout, type LayoutReport } from '../../src/sync/layout.ts'
import { kindsFor } from '../e2e/long.ts'
import { colleague, type KeptProject, LENIENT, lampProject, RUNTIMES } from './kept-project.ts'

const REF = 'refs/lobby/remote'

function change(project: KeptProject, layout: 'split' | 'manifest', dryRun = false): Promise<LayoutReport> {
  return project.withSession((session) =>
    changeLayout(session, layout, { dryRun, autostash: false, confirm: async () => true }),
  )
}

/** Where an entity stands in the files, whatever the layout. */
function positionOf(project: KeptProject, id: string): unknown {
  if (!project.exists('world.json')) {
    const path = project.entityPathOf(id)
    return project.exists(path) ? project.json(path).position : undefined
  }
  const { entities } = project.json('world.json') as { entities: { id: string; position: unknown }[] }
  return entities.find((entity) => entity.id === id)?.position
}

function move(project: KeptProject, id: string, position: readonly number[]): string {
  if (project.exists('world.json')) {
    project.change('world.json', (manifest) => {
      const entity = (manifest.entities as { id: string; position: unknown }[]).find((one) => one.id === id)!
      entity.position = position
    })
  } else {
    project.change(project.entityPath(id), (entity) => {
      entity.position = position
    })
  }
  return project.commit(`move ${id}`).trim()
}

function remove(project: KeptProject, id: string): void {
  project.change('world.json', (manifest) => {
    manifest.entities = (manifest.entities as { id: string }[]).filter((entity) => entity.id !== id)
  })
  project.commit(`remove ${id}`)
}

describe.each(kindsFor('a layout is changed', RUNTIMES))('G8: the layout is changed, %s', (_, options) => {
  it.each([
    ['manifest', 'split'],
    ['split', 'manifest'],
  ] as const)('from %s to %s: no value changes, nothing is sent, edits of both sides stay edits', async (from, to) => {
    const { world, project } = await lampProject(options, from)
    const moved = move(project, 'lamp0001', [1, 1, 1])
    await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
    const head = await world.remote.head()
    expect(await change(project, to, true)).toMatchObject({ kind: 'planned', layout: to })
    const report = await change(project, to)
    expect(report).toMatchObject({ kind: 'changed', entities: 3 })
    expect(await world.remote.head()).toEqual(head)
    expect(project.exists('world.json')).toBe(to === 'manifest')
    expect(project.exists('world/settings.json')).toBe(to === 'split')
    expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
    expect(positionOf(project, 'lamp0002')).toEqual([2, 2, 2])
    expect(project.git('log', '-1', '--format=%an %s', REF).trim()).toMatch(/^layout layout: /)
    // The line, its commit and the branch say the same world.
    expect(project.git('log', '-1', '--format=%(trailers:key=Lobby-Cursor,valueonly)', REF).trim()).toBe(
      project.git('log', '-1', '--format=%(trailers:key=Lobby-Cursor,valueonly)', `${REF}~1`).trim(),
    )
    expect((await project.pull()).kind).toBe('up-to-date')

    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [1, 1, 1] })
    // P2: the commit that made the edit is named, though its file is another one now.
    expect(project.git('log', '-1', '--format=%(trailers:key=Lobby-Source,valueonly)', REF).trim()).toBe(`git:${moved}`)
    await world.edit('eve', 'lamp0001', { position: [3, 3, 3] })
    expect((await project.pull()).kind).toBe('merged')
    expect(positionOf(project, 'lamp0001')).toEqual([3, 3, 3])
    expect(await change(project, to)).toMatchObject({ kind: 'already', entities: 3 })
    project.check()

    expect(await change(project, from)).toMatchObject({ kind: 'changed' })
    expect(positionOf(project, 'lamp0001')).toEqual([3, 3, 3])
    expect((await project.push()).kind).toBe('up-to-date')
    expect(project.git('status', '--porcelain')).toBe('')
    project.check()
  })

  it('a pull that meets a change among the news takes it over between them', async () => {
    const { world, project } = await lampProject(options, 'manifest')
    project.git('switch', '--quiet', '--create', 'feature')
    move(project, 'lamp0001', [1, 1, 1])
    project.git('switch', '--quiet', 'main')
    await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
    await change(project, 'split')
    await world.edit('eve', 'lamp0002', { position: [4, 4, 4] })
    await world.edit('eve', 'lamp0001', { pinned: true })
    expect((await project.pull()).kind).toBe('merged')
    project.git('switch', '--quiet', 'feature')
    await expect(project.push()).rejects.toMatchObject({ code: 'layout_mismatch' })
    expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
    expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
    expect(positionOf(project, 'lamp0002')).toEqual([4, 4, 4])
    expect(project.json(project.entityPath('lamp0001')).pinned).toBe(true)
    expect(project.exists('world.json')).toBe(false)
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    project.check()
  })

  it('what is contested before the change is settled first', async () => {
    const { world, project: lenient } = await lampProject(options, 'manifest')
    const project = lenient.with({})
    move(project, 'lamp0001', [1, 1, 1])
    await world.edit('eve', 'lamp0001', { position: [2, 2, 2] })
    expect(await change(project, 'split')).toMatchObject({ kind: 'contested', conflicts: [{ path: 'world.json' }] })
    expect(project.exists('world.json')).toBe(true)
    project.git('checkout', '--ours', 'world.json')
    project.git('commit', '--quiet', '--all', '--message=ours')
    expect(await change(project, 'split')).toMatchObject({ kind: 'changed' })
    expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  })
})

describe('G8: teammates and a change of the layout', () => {
  it('whoever merges it by git goes on with it, though the own line has come further', async () => {
    const { world, project } = await lampProject({}, 'manifest')
    const other = colleague(project)
    await change(project, 'split')
    await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
    await other.pull()
    project.git('push', '--quiet', other.folder, 'main:refs/heads/from-ann')
    other.git('reset', '--quiet', '--hard', 'HEAD~1')
    other.git('merge', '--quiet', '--no-edit', 'from-ann')
    expect(other.exists('world.json')).toBe(false)
    expect((await other.pull()).kind).toBe('merged')
    expect(positionOf(other, 'lamp0002')).toEqual([2, 2, 2])
    expect((await other.push()).kind).toBe('up-to-date')
    other.check()
  })

  it('with work of their own they take the same change over, and git merges without a conflict', async () => {
    const { world, project } = await lampProject({}, 'manifest')
    const other = colleague(project)
    // The colleague's line goes on in the old layout, and so does the colleague.
    await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
    await other.pull()
    move(other, 'lamp0002', [5, 5, 5])
    remove(other, 'lamp0001')
    move(project, 'lamp0002', [2, 2, 2])
    await change(project, 'split')
    const turn = project.git('rev-parse', REF).trim()
    other.git('fetch', '--quiet', project.folder, 'main:refs/remotes/origin/main')
    expect(await change(other, 'split')).toMatchObject({ kind: 'changed' })
    expect(other.git('branch', '--contains', turn, '--format=%(refname)').trim()).toBe('refs/heads/main')
    expect(other.exists('world.json')).toBe(false)
    expect(positionOf(other, 'lamp0001')).toBeUndefined()
    expect(positionOf(other, 'lamp0002')).toEqual([5, 5, 5])
    other.git('merge', '--quiet', '--no-edit', 'origin/main')
    expect(positionOf(other, 'lamp0001')).toBeUndefined()
    expect(positionOf(other, 'lamp0002')).toEqual([5, 5, 5])
    expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 2 })
    expect(await world.entity('lamp0002')).toMatchObject({ position: [5, 5, 5] })
    expect(await world.entity('lamp0001')).toBeUndefined()
    other.check()
  })
})

describe('G8: git merges a branch that has gone on in the old layout', () => {
  /** A teammate whose branch has edits, and one who has changed the layout. */
  async function apart() {
    const { project } = await lampProject({}, 'manifest')
    project.git('switch', '--quiet', '--create', 'theirs')
    move(project, 'lamp0002', [5, 5, 5])
    project.git('switch', '--quiet', '-')
    return project
  }

  it('a merge that would drop its edits is told by the check of what is staged', async () => {
    const project = await apart()
    await change(project, 'split')
    expect(() => project.git('merge', '--quiet', '--no-edit', 'theirs')).toThrow()
    project.git('rm', '--quiet', 'world.json')
    const { problems } = await check(project.context(), { kind: 'staged' })
    expect(problems).toMatchObject([{ path: 'world.json', code: 'layout_mismatch' }])
    project.git('merge', '--abort')
    // Where only one side changed what the layouts differ in, git does it right.
    project.git('switch', '--quiet', '--create', 'readme', 'HEAD~1')
    project.write('README.md', 'Plaza')
    project.commit('readme')
    project.git('merge', '--no-commit', '@{-1}')
    expect((await check(project.context(), { kind: 'staged' })).problems).toEqual([])
  })

  it('a merge about which git asked nobody is told by the next pull, and a push asks', async () => {
    const { project } = await lampProject({}, 'split')
    project.git('switch', '--quiet', '--create', 'theirs')
    project.remove(project.entityPath('lamp0001'))
    project.commit('remove lamp0001')
    project.git('switch', '--quiet', '-')
    await change(project, 'manifest')
    project.warnings.length = 0
    await project.pull()
    expect(project.warnings).toEqual([])
    project.git('merge', '--quiet', '--no-edit', 'theirs')
    const merge = project.git('rev-parse', 'HEAD').slice(0, 10)
    expect(positionOf(project, 'lamp0001')).toBeDefined()
    await project.pull()
    expect(project.warnings.filter((text) => text.includes(`Merge ${merge} is of two layouts`))).toHaveLength(1)
    await expect(project.push({ confirm: async () => false })).rejects.toMatchObject({ code: 'not_confirmed' })
    expect((await project.push()).kind).toBe('up-to-date')
  })

  it('the branch is converted first, and merged then', async () => {
    const project = await apart()
    await change(project, 'split')
    project.git('switch', '--quiet', 'theirs')
    expect(await change(project, 'split')).toMatchObject({ kind: 'changed' })
    expect(project.git('log', '--format=%s', '--author=layout', '--all').trim().split('\n')).toHaveLength(1)
    project.git('switch', '--quiet', '-')
    project.git('merge', '--quiet', '--no-edit', 'theirs')
    expect(project.exists('world.json')).toBe(false)
    expect(positionOf(project, 'lamp0002')).toEqual([5, 5, 5])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    project.check()
  })
})

it('G8: two who changed it without knowing of each other join their changes before git merges them', async () => {
  const { world, project } = await lampProject({}, 'manifest')
  const other = colleague(project)
  await change(project, 'split')
  await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
  await change(other, 'split')
  other.remove(other.entityPath('lamp0001'))
  other.commit('remove lamp0001')
  other.git('fetch', '--quiet', project.folder, 'main:refs/remotes/origin/main')
  const tree = other.git('rev-parse', 'HEAD^{tree}')
  expect(await change(other, 'split')).toMatchObject({ kind: 'changed' })
  expect(other.git('rev-parse', 'HEAD^{tree}')).toBe(tree)
  expect(await change(other, 'split')).toMatchObject({ kind: 'already' })
  other.git('merge', '--quiet', '--no-edit', 'origin/main')
  // Without a base in this layout, git would take it for a file that the other branch added.
  expect(positionOf(other, 'lamp0001')).toBeUndefined()
  expect(positionOf(other, 'lamp0002')).toEqual([2, 2, 2])
  expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 1 })
  expect(await world.entity('lamp0001')).toBeUndefined()
  other.check()
})

describe('G8: what is in the way of a change', () => {
  it('files changed by hand are named, and brought to one layout with the line either way', async () => {
    for (const wanted of ['manifest', 'split'] as const) {
      const { world, project } = await lampProject({}, 'manifest')
      await change(project, 'split')
      project.git('revert', '--no-edit', '-m', '1', 'HEAD')
      move(project, 'lamp0001', [1, 1, 1])
      await world.edit('eve', 'lamp0002', { position: [2, 2, 2] })
      await expect(project.pull()).rejects.toMatchObject({ code: 'layout_mismatch' })
      expect(await change(project, wanted)).toMatchObject({ kind: 'changed' })
      expect(project.exists('world.json')).toBe(wanted === 'manifest')
      expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
      expect(positionOf(project, 'lamp0002')).toEqual([2, 2, 2])
      expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
      project.check()
    }
  })

  it('local changes stop it, conflicts that are kept open as well', async () => {
    const { world, project } = await lampProject({}, 'manifest')
    project.change('world.json', (manifest) => {
      manifest.entities = []
    })
    await expect(change(project, 'split')).rejects.toMatchObject({ code: 'local_changes' })
    project.git('checkout', '--quiet', '.')
    move(project, 'lamp0001', [1, 1, 1])
    await world.edit('eve', 'lamp0001', { position: [2, 2, 2] })
    const lenient = project.with(LENIENT)
    await lenient.pull()
    await expect(change(lenient, 'split')).rejects.toMatchObject({ code: 'kept_conflicts', exitCode: 2 })
    expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
  })

  it('a change that was cut off is completed by the next pull', async () => {
    const { project } = await lampProject({}, 'manifest')
    move(project, 'lamp0001', [1, 1, 1])
    const mine = project.git('rev-parse', 'HEAD').trim()
    await change(project, 'split')
    project.git('reset', '--quiet', '--hard', mine)
    expect(project.exists('world.json')).toBe(true)
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(project.exists('world.json')).toBe(false)
    expect(positionOf(project, 'lamp0001')).toEqual([1, 1, 1])
    project.check()
  })

  it('S1: a commit that calls itself one, and changes more, is not believed', async () => {
    const { project } = await lampProject({}, 'manifest')
    await change(project, 'split')
    const turn = project.git('rev-parse', REF).trim()
    const path = project.entityPath('lamp0001')
    const forged = { ...project.json(path), position: [9, 9, 9] }
    project.write(path, forged)
    project.git('add', path)
    const tree = project.git('write-tree').trim()
    const message = project.git('log', '-1', '--format=%B', turn).replace(/Lobby-Tree: \w+/, `Lobby-Tree: ${tree}`)
    const commit = project.git('commit-tree', tree, '-p', `${turn}~1`, '-m', message).trim()
    project.git('reset', '--quiet', '--hard', 'HEAD~1')
    project.git('update-ref', REF, commit)
    await expect(project.pull()).rejects.toMatchObject({ code: 'not_a_layout_change', exitCode: 5 })
    expect(positionOf(project, 'lamp0001')).not.toEqual([9, 9, 9])
  })
})
