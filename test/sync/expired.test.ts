import { describe, expect, it } from 'vitest'
import { formatRewritten, formatTrailers, rewrittenIn } from '../../src/git-bridge/trailers.ts'
import { fetchWorld } from '../../src/sync/fetch.ts'
import { pull } from '../../src/sync/pull.ts'
import type { ObjectKey } from '../../src/world/state.ts'
import { Heard } from './figures/heard.ts'
import { editBlueprint } from './kept-project.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from './support.ts'

const REF = 'refs/lobby/remote'

/** Pulls with the flags of the command. */
function pullWith(project: Checkout, loss?: 'accept' | 'restore') {
  return project.session((session) => pull(session, { autostash: false, confirm: async () => true, loss }))
}

const message = (project: Checkout, commit = REF) => project.git('log', '-1', '--format=%B', commit)

it('G9: what a snapshot rewrote stands in its message, and nothing from the feed can forge it', () => {
  const trailers = { worldId: 'w', cursor: 5, opId: 'x', source: 's', object: 'snapshot' }
  const keys = ['entity:b', 'entity: {tree}%\n\nRewritten: *', 'blueprint:\u2028'] as ObjectKey[]
  const said = `snapshot: w\n\n${formatRewritten(keys)}${formatTrailers(trailers)}`.replaceAll('{tree}', 'a'.repeat(40))
  expect(rewrittenIn(said)).toEqual(new Set(keys))
  expect(said.match(/^Rewritten: /gm)).toHaveLength(3)
  const many = Array.from({ length: 10_001 }, (_, n) => `entity:${n}` as ObjectKey)
  expect(formatRewritten(many)).toBe('Rewritten: *\n\n')
  expect(rewrittenIn(said.replace('entity:b', '*'))).toBe('all')
  expect(formatRewritten([])).toBe('')
  const tail = formatTrailers(trailers).replace('{tree}', 'a'.repeat(40))
  // Somebody who is called that, and the commit of an operation.
  expect(rewrittenIn(`Rewritten: *\n\n${tail}`)).toEqual(new Set())
  expect(rewrittenIn(`x\n\nRewritten: *\n\n${tail.replace('Object: snapshot', 'Object: spawn')}`)).toEqual(new Set())
})

describe('G9: a feed that does not reach back to where we are', () => {
  it('a new snapshot becomes one commit on the tip; the baseline and local work stay', async () => {
    const world = await startWorld({ retention: 2 })
    await addLamps(world)
    const project = await cloneWorld(world)
    const tip = project.git('rev-parse', REF)
    project.change(project.entityPath('lamp0002'), (lamp) => {
      lamp.position = [2, 2, 2]
    })
    const mine = project.commit('mine')
    for (let x = 1; x <= 4; x++) await world.edit('bob', 'lamp0001', { position: [x, 1, 1] })
    await world.act('eve', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    await world.act('eve', {
      type: 'entity_add',
      entity: { ...(await world.entity('lamp0001'))!, id: 'lamp0003', uid: 'u3' },
    })
    await world.edit('bob', 'lamp0001', { position: [9, 1, 1] })

    const heard = new Heard()
    project.reporter = heard
    const report = await pullWith(project)
    expect(report).toMatchObject({
      kind: 'merged',
      conflicts: [],
      loss: undefined,
      fetched: { commits: 1, cursor: await world.head(), renewed: { from: 3, rewritten: 1, lost: [] } },
    })
    expect(project.warnings).toEqual(['The feed of world plaza no longer reaches back to 3: took a new snapshot.'])
    expect(heard.of('snapshot-taken')).toMatchObject([{ from: 3, cursor: await world.head(), rewritten: 1 }])
    expect(heard.figures()).toEqual({ lag: 0 })
    expect(project.git('rev-parse', `${REF}^`)).toBe(tip)
    expect(project.git('merge-base', mine, REF)).toBe(tip)
    expect(project.git('diff', '--name-status', tip, REF).split('\n')).toHaveLength(3)
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([9, 1, 1])
    expect(project.json(project.entityPath('lamp0002')).position).toEqual([2, 2, 2])
    expect(project.json('world/settings.json').title).toBe('Plaza')
    expect(project.exists(project.entityPathOf('lamp0003'))).toBe(true)
    // What nobody wrote since is known not to be, though no commit of the line tells (the cache of G9).
    expect(rewrittenIn(message(project))).toEqual(new Set(['entity:lamp0001']))
    // The line goes on by operations, and a push lands what is left.
    await world.edit('bob', 'lamp0003', { pinned: true })
    expect((await pullWith(project)).fetched).toMatchObject({ commits: 1, operations: 1 })
    expect(project.git('log', '-1', '--format=%s', REF)).toBe('bob: pin Lamp lamp0003')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0002')).toMatchObject({ position: [2, 2, 2] })
    project.check()
  })

  it('M2: what was put back meanwhile counts as written; without the cache whatever may have been', async () => {
    const world = await startWorld({ retention: 2 })
    await addLamps(world)
    const project = await cloneWorld(world)
    for (const id of ['lamp0001', 'lamp0002']) {
      project.change(project.entityPath(id), (lamp) => {
        lamp.position = [5, 5, 5]
      })
    }
    project.commit('mine')
    // There and back again: somebody wants it where it was.
    await world.edit('bob', 'lamp0001', { position: [1, 1, 1] })
    await world.edit('bob', 'lamp0001', { position: [0, 0, 0] })
    const scene = String((await world.remote.snapshot()).entities[0]!.id)
    await world.edit('eve', scene, { pinned: true })
    const clone = `${project.folder}-clone`
    project.git('clone', '--quiet', project.folder, clone)
    await project.session((session) => fetchWorld(session))
    expect(project.git('log', '-1', '--format=%an', REF)).toBe('snapshot')
    expect(rewrittenIn(message(project))).toEqual(new Set(['entity:lamp0001', `entity:${scene}`]))
    // A fresh clone knows the operations of the line alone: all that it cannot vouch for counts.
    const fresh = new Checkout(clone)
    await fresh.session((session) => fetchWorld(session))
    const named = rewrittenIn(message(fresh))
    expect(named === 'all' ? [] : [...named]).toEqual(
      expect.arrayContaining(['blueprint:Lamp', 'entity:lamp0001', 'entity:lamp0002', `entity:${scene}`]),
    )
    expect(fresh.git('rev-parse', `${REF}^`)).toBe(project.git('rev-parse', `${REF}^`))
    fresh.check()
    // Of the two that we moved, bob wants one where it was.
    expect(await pullWith(project)).toMatchObject({
      kind: 'contested',
      conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['position'] }] }],
    })
    expect(project.json(project.entityPathOf('lamp0002')).position).toEqual([5, 5, 5])
  })

  it('G11: objects that are not there any more stop it, until somebody says what to do', async () => {
    const world = await startWorld({ retention: 2 })
    await addLamps(world)
    const project = await cloneWorld(world)
    const restoring = `${project.folder}-restoring`
    project.git('clone', '--quiet', project.folder, restoring)
    const before = project.git('for-each-ref')
    await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
    for (let x = 1; x <= 3; x++) await world.edit('bob', 'lamp0001', { position: [x, 1, 1] })
    await expect(pullWith(project)).rejects.toMatchObject({
      code: 'lost_state',
      exitCode: 5,
      message: expect.stringContaining('entity:lamp0002 is gone'),
      hint: expect.stringContaining('--accept-loss'),
      data: { objects: [{ object: 'entity:lamp0002', kind: 'gone' }] },
    })
    await expect(project.push()).rejects.toMatchObject({ code: 'lost_state' })
    expect(project.git('for-each-ref')).toBe(before)

    expect(await pullWith(project, 'accept')).toMatchObject({ kind: 'merged', loss: { choice: 'accept' } })
    expect(project.exists(project.entityPathOf('lamp0002'))).toBe(false)
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([3, 1, 1])
    expect(project.git('log', '--format=%an|%s', '-2', REF).split('\n')).toEqual([
      'unannounced|lost state: 1 object gone or older',
      expect.stringMatching(/^snapshot\|/),
    ])
    expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
    project.check()

    const other = new Checkout(restoring)
    expect(await pullWith(other, 'restore')).toMatchObject({ kind: 'merged', loss: { objects: [{ kind: 'gone' }] } })
    expect(other.exists(other.entityPathOf('lamp0002'))).toBe(true)
    expect(other.json(other.entityPath('lamp0001')).position).toEqual([3, 1, 1])
    expect(await pullWith(other)).toMatchObject({ kind: 'up-to-date' })
    expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0002')).toMatchObject({ blueprint: 'Lamp', position: [1, 0, 0] })
    other.check()
  })

  it('G7: a fresh clone of the project whose line the feed has left behind goes on from it', async () => {
    const world = await startWorld({ retention: 1 })
    await addLamps(world)
    const project = await cloneWorld(world)
    for (let x = 1; x <= 3; x++) await world.edit('bob', 'lamp0001', { position: [x, 1, 1] })
    project.git('update-ref', '-d', REF)
    expect(await pullWith(project)).toMatchObject({ kind: 'merged', fetched: { before: undefined, commits: 1 } })
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([3, 1, 1])
    expect(project.git('merge-base', 'HEAD^', REF)).toBe(project.git('rev-parse', 'HEAD^^{commit}^'))
    expect(await pullWith(project)).toMatchObject({ kind: 'up-to-date' })
    project.check()
  })

  it('G11: what is back behind the line stops it as well, though the feed tells no more', async () => {
    const dataDir = temporaryFolder()
    const options = { publicLike: true, dataDir, retention: 4 }
    const world = await startWorld(options)
    await addLamps(world)
    const post = { ...(await world.entity('lamp0001'))!, id: 'post', uid: 'post' }
    await world.act('ada', { type: 'entity_add', entity: post })
    const project = await cloneWorld(world)
    await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
    world.runtime.save()
    await world.edit('bob', 'lamp0001', { position: [5, 5, 5] })
    await world.act('bob', { type: 'entity_remove', id: 'post' })
    expect((await pullWith(project)).kind).toBe('merged')
    await world.runtime.kill()
    const again = await startWorld({ ...options, port: world.runtime.port })
    for (let x = 0; x < 4; x++) await again.edit('bob', 'lamp0002', { position: [x, 1, 1] })
    await expect(pullWith(project)).rejects.toMatchObject({
      code: 'lost_state',
      data: {
        objects: [
          { object: 'entity:lamp0001', kind: 'older', fields: [{ field: 'position' }] },
          { object: 'entity:post', kind: 'back' },
        ],
      },
    })
    expect(await pullWith(project, 'restore')).toMatchObject({ kind: 'merged' })
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([5, 5, 5])
    expect(project.json(project.entityPath('lamp0002')).position).toEqual([3, 1, 1])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2 })
    expect(await again.entity('lamp0001')).toMatchObject({ position: [5, 5, 5] })
    expect(await again.entity('post')).toBeUndefined()
    project.check()
  })

  it('G11: what was last written before the line began, or before its newest operation, is behind it', async () => {
    const dataDir = temporaryFolder()
    let time = Date.now()
    const options = { publicLike: true, dataDir, retention: 4, clock: () => time }
    const world = await startWorld(options)
    await addLamps(world)
    await editBlueprint(world, 'Lamp', { desc: 'first' })
    world.runtime.save()
    // Times on the line are in seconds.
    time += 5_000
    await editBlueprint(world, 'Lamp', { desc: 'second' })
    const project = await cloneWorld(world)
    await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
    expect((await pullWith(project)).kind).toBe('merged')
    await world.runtime.kill()
    const again = await startWorld({ ...options, port: world.runtime.port })
    for (let x = 0; x < 4; x++) await again.edit('bob', 'lamp0002', { position: [x, 1, 1] })
    await expect(pullWith(project)).rejects.toMatchObject({
      code: 'lost_state',
      data: {
        objects: [
          { object: 'blueprint:Lamp', kind: 'older', fields: [{ field: 'desc', line: 'second', world: 'first' }] },
          { object: 'entity:lamp0001', kind: 'older', fields: [{ field: 'position' }] },
        ],
      },
    })
    expect(await pullWith(project, 'restore')).toMatchObject({ kind: 'merged', conflicts: [] })
    expect(rewrittenIn(message(project, `${REF}^`))).toEqual(new Set(['entity:lamp0002']))
    expect(project.json('apps/Lamp/Lamp.json').desc).toBe('second')
    expect(project.json(project.entityPath('lamp0002')).position).toEqual([3, 1, 1])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2 })
    project.check()
  })
})
