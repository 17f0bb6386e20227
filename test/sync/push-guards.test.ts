import { join } from 'node:path'
import Database from 'libsql'
import { describe, expect, it } from 'vitest'
import { addLamps, type Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const setColor = (project: Checkout, color: string) =>
  project.change(project.entityPath('lamp0001'), (lamp) => {
    lamp.props = { ...(lamp.props as object), color }
  })

describe('P7: a push that undoes edits of the world', () => {
  it('names whose they are, and asks; not for edits that nobody took back', async () => {
    const world = await startWorld({ publicLike: true })
    await addLamps(world)
    const project = await cloneWorld(world)
    await world.edit('builder', 'lamp0001', { props: { color: 'red' } })
    await world.edit('builder', 'lamp0001', { props: { color: 'green' } })
    await world.edit('bob', 'lamp0002', { position: [5, 5, 5] })
    await world.act('bob', {
      type: 'entity_add',
      entity: {
        id: 'lamp0003',
        type: 'app',
        blueprint: 'Lamp',
        position: [0, 0, 0],
        quaternion: [0, 0, 0, 1],
        scale: [1, 1, 1],
        pinned: false,
        props: {},
        state: {},
        mover: null,
        uploader: null,
      },
    })
    await project.pull()
    // A deliberate change is none, nor is deleting what somebody added.
    setColor(project, 'blue')
    project.commit('blue')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    const pull = project.git('rev-list', '--merges', '--max-count=1', 'HEAD^')
    setColor(project, 'green')
    project.commit('green again')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    project.git('revert', '--no-edit', '-m', '1', pull)
    const questions: string[] = []
    const ask = async (question: string) => questions.push(question) < 0
    const refused = await project.push({ confirm: ask }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'not_confirmed', exitCode: 5 })
    expect(questions).toHaveLength(1)
    expect(questions[0]).toMatch(/bob's change of position of lamp0002/)
    expect(questions[0]).toMatch(/bob's addition of lamp0003/)
    // Ours in between: what led to the present colour is no edit of builder's any more.
    expect(questions[0]).not.toMatch(/builder/)
    const plan = await project.push({ dryRun: true })
    expect(plan.kind === 'planned' && plan.undone.map(({ key, path, by }) => `${by} ${key} ${path}`).sort()).toEqual([
      'bob entity:lamp0002 position',
      'bob entity:lamp0003 ',
    ])
    const cursor = await world.head()
    expect(await project.push({ yes: true })).toMatchObject({ kind: 'pushed', refused: [], merge: 'merged' })
    expect(await world.head()).toBeGreaterThan(cursor)
    expect(await world.entity('lamp0002')).toMatchObject({ position: [1, 0, 0] })
    // Once undone, it is ours.
    project.change(project.entityPath('lamp0002'), (lamp) => {
      lamp.position = [5, 5, 5]
    })
    project.commit('there after all')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    // One object that is put back by hand is said, not asked.
    await world.edit('builder', 'lamp0001', { position: [7, 7, 7] })
    await project.pull()
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.position = [0, 0, 0]
    })
    project.commit('where it was')
    project.warnings.length = 0
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(project.warnings).toEqual(["This push undoes builder's change of position of lamp0001."])
    // What a teammate pushed came by the world like any edit.
    const other = await cloneWorld(world)
    other.change(other.entityPath('lamp0002'), (lamp) => {
      lamp.pinned = true
    })
    other.commit('pinned')
    await other.push()
    await project.pull()
    project.git('revert', '--no-edit', '-m', '1', 'HEAD')
    const refusal = await project.push().catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'not_confirmed', message: expect.stringMatching(/pinned of lamp0002/) })
  })
})

it('a push from a detached HEAD, as CI has it, with an identity and without', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const branch = project.git('rev-parse', 'HEAD')
  project.git('switch', '--quiet', '--detach')
  setColor(project, 'red')
  const commit = project.commit('from CI')
  const report = await project.push()
  expect(report).toMatchObject({ kind: 'pushed', branch: 'HEAD', landed: 1, merge: 'merged', open: undefined })
  expect(project.git('rev-parse', 'HEAD^1')).toBe(commit)
  expect(project.git('rev-parse', 'master')).toBe(branch)
  expect((await project.push()).kind).toBe('up-to-date')
  // What the closing merge would have said, the next run finds out again.
  project.git('switch', '--quiet', '--detach', commit)
  expect((await project.push()).kind).toBe('up-to-date')
  setColor(project, 'green')
  const next = project.commit('from CI again')
  project.git('config', 'user.useConfigOnly', 'true')
  const identity = { name: process.env.GIT_COMMITTER_NAME, email: process.env.GIT_COMMITTER_EMAIL }
  delete process.env.GIT_COMMITTER_NAME
  delete process.env.GIT_COMMITTER_EMAIL
  try {
    expect(await project.push()).toMatchObject({
      kind: 'pushed',
      landed: 1,
      merge: 'left',
      head: next,
      open: undefined,
    })
  } finally {
    process.env.GIT_COMMITTER_NAME = identity.name
    process.env.GIT_COMMITTER_EMAIL = identity.email
  }
  expect(await world.entity('lamp0001')).toMatchObject({ props: { color: 'green' } })
  expect((await project.push()).kind).toBe('up-to-date')
  project.check()
})

it('P5, G11: a value that no operation announced is looked for when the world does not take the push', async () => {
  const dataDir = temporaryFolder()
  const first = await startWorld({ dataDir })
  await addLamps(first)
  const project = await cloneWorld(first)
  await project.push()
  await first.runtime.close()
  const database = new Database(join(dataDir, 'world.sqlite'))
  const row = database.prepare('SELECT body FROM entity WHERE id = ?').get('lamp0001') as { body: string }
  const entity = JSON.parse(row.body) as { props: Record<string, unknown> }
  entity.props.label = 'by hand'
  database.prepare('UPDATE entity SET body = ? WHERE id = ?').run(JSON.stringify(entity), 'lamp0001')
  database.close()
  const world = await startWorld({ dataDir, port: first.runtime.port })

  project.change(project.entityPath('lamp0001'), (lamp) => {
    lamp.props = { label: 'by commit' }
    lamp.position = [3, 3, 3]
  })
  project.commit('ours')
  expect(await project.push()).toMatchObject({ kind: 'contested', contested: [{ key: 'entity:lamp0001' }] })
  expect(project.git('log', '-1', '--format=%an', 'refs/lobby/remote')).toBe('unannounced')
  expect(await world.entity('lamp0001')).toMatchObject({ props: { label: 'by hand' }, position: [0, 0, 0] })
})
