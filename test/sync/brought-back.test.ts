import { describe, expect, it } from 'vitest'
import { fetchWorld } from '../../src/sync/fetch.ts'
import { pull } from '../../src/sync/pull.ts'
import { resolve } from '../../src/sync/resolve.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** Two clones of one project, ann's and bob's. */
async function team(): Promise<{ readonly world: World; readonly ann: Checkout; readonly bob: Checkout }> {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  const ann = await cloneWorld(world)
  const bob = new Checkout(`${temporaryFolder()}/bob`)
  ann.git('clone', '--quiet', ann.folder, bob.folder)
  return { world, ann, bob }
}

/** Tidies up: the file is elsewhere, and little of it is as before, so that git takes it for another. */
function moveAndChange(project: Checkout, id: string): string {
  const path = project.entityPath(id)
  const lamp = project.json(path)
  project.remove(path)
  project.write(`world/entities/hall/${id}-gate.json`, {
    ...lamp,
    position: [40, 41, 42],
    quaternion: [0, 1, 0, 0],
    scale: [2, 3, 4],
    pinned: true,
    props: { color: 'red', text: 'by the gate', tone: 'warm', size: 'large', label: 'gate', note: 'do not move' },
  })
  return project.commit(`${id} to the hall`)
}

function takeFrom(project: Checkout, other: Checkout): void {
  project.git('fetch', '--quiet', other.folder, 'HEAD')
  project.git('merge', '--quiet', '--no-edit', 'FETCH_HEAD')
}

async function undoneBy(project: Checkout): Promise<readonly string[]> {
  const plan = await project.push({ dryRun: true })
  return plan.kind === 'planned' ? plan.undone.map(({ by, key }) => `${by} ${key}`).sort() : [plan.kind]
}

describe('P7: a push that adds what somebody has removed from the world', () => {
  it('says so where git took a file that was moved and changed for a new one', async () => {
    const { world, ann, bob } = await team()
    moveAndChange(bob, 'lamp0001')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    await ann.pull()
    takeFrom(bob, ann)
    expect(bob.json('world/entities/hall/lamp0001-gate.json').id).toBe('lamp0001')
    expect(await undoneBy(bob)).toEqual(['eve entity:lamp0001'])
    expect(await bob.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(bob.warnings).toEqual(["This push undoes eve's removal of lamp0001."])
    // Once said, it is ours; and so is removing it for good.
    bob.remove('world/entities/hall/lamp0001-gate.json')
    bob.commit('gone')
    bob.warnings.length = 0
    expect(await bob.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    moveAndChange(bob, 'lamp0002')
    expect(await bob.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(bob.warnings).toEqual([])
  })

  it('says so behind a squash that took in what the world had done, and asks about several', async () => {
    const { world, ann, bob } = await team()
    const main = bob.git('branch', '--show-current')
    bob.git('switch', '--quiet', '-c', 'feature')
    await world.edit('eve', 'lamp0001', { props: { color: 'green' } })
    await bob.pull()
    moveAndChange(bob, 'lamp0001')
    moveAndChange(bob, 'lamp0002')
    bob.git('switch', '--quiet', main)
    bob.git('merge', '--quiet', '--squash', 'feature')
    bob.commit('Squash of feature')
    bob.git('branch', '--quiet', '-D', 'feature')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    await world.act('sam', { type: 'entity_remove', id: 'lamp0002' })
    await ann.pull()
    ann.write('notes.txt', 'notes\n')
    ann.commit('notes')
    takeFrom(bob, ann)
    // Whoever goes on from it has not been told either.
    bob.change('world/entities/hall/lamp0001-gate.json', (lamp) => {
      lamp.position = [1, 1, 1]
    })
    bob.commit('nearer')
    expect(await undoneBy(bob)).toEqual(['eve entity:lamp0001', 'sam entity:lamp0002'])
    const questions: string[] = []
    const ask = async (question: string) => questions.push(question) < 0
    await expect(bob.push({ confirm: ask })).rejects.toMatchObject({ code: 'not_confirmed', exitCode: 5 })
    expect(questions).toEqual([
      "This push undoes sam's removal of lamp0002, eve's removal of lamp0001, taken in by an earlier pull. Push it?",
    ])
    expect(await world.entity('lamp0001')).toBeUndefined()
    expect(await bob.push({ yes: true })).toMatchObject({ kind: 'pushed', landed: 2 })
  })

  it('says so where a teammate had removed it in their branch', async () => {
    const { world, ann, bob } = await team()
    moveAndChange(bob, 'lamp0001')
    ann.git('rm', '--quiet', ann.entityPath('lamp0001'))
    ann.git('commit', '--quiet', '--author', 'Ann <ann@example.com>', '-m', 'no lamp here')
    expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    takeFrom(bob, ann)
    await bob.push()
    expect(bob.warnings).toEqual(["This push undoes Ann's removal of lamp0001."])
    expect(await world.entity('lamp0001')).toMatchObject({ position: [40, 41, 42] })
  })

  it('says so where somebody makes it anew, once', async () => {
    const { world, ann } = await team()
    const path = ann.entityPath('lamp0001')
    const lamp = ann.json(path)
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    await ann.pull()
    ann.write(path, { ...lamp, position: [7, 7, 7] })
    ann.commit('again, over there')
    expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(ann.warnings).toEqual(["This push undoes eve's removal of lamp0001."])
    ann.warnings.length = 0
    for (const position of [
      [8, 8, 8],
      [9, 9, 9],
    ]) {
      ann.change(path, (again) => {
        again.position = position
      })
      ann.commit('moved')
      await ann.push()
    }
    // Our own removal is nobody else's.
    ann.remove(path)
    ann.commit('gone after all')
    await ann.push()
    ann.git('revert', '--no-edit', 'HEAD^')
    await ann.push()
    expect(ann.warnings).toEqual([])
  })

  it('says so where somebody merged the remote ref with git alone', async () => {
    const { world, ann } = await team()
    moveAndChange(ann, 'lamp0001')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    await ann.session((session) => fetchWorld(session))
    ann.git('merge', '--quiet', '--no-edit', 'refs/lobby/remote')
    ann.write('notes.txt', 'notes\n')
    ann.commit('notes')
    expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(ann.warnings).toEqual(["This push undoes eve's removal of lamp0001."])
  })
})

describe('P7: what somebody has decided is not told', () => {
  it('a conflict with a removal that a pull left to be settled', async () => {
    const { world, ann } = await team()
    const before = ann.git('rev-parse', 'HEAD')
    const path = ann.entityPath('lamp0001')
    moveAndChange(ann, 'lamp0001')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    expect((await ann.pull()).kind).toBe('contested')
    await ann.session((session) =>
      resolve(session, session.switches, { names: [], all: true, use: 'local', field: undefined }),
    )
    ann.git('commit', '--quiet', '--no-edit')
    // Nor what a squash makes of it.
    ann.git('switch', '--quiet', '-c', 'squashed', before)
    ann.git('merge', '--quiet', '--squash', '@{-1}')
    ann.commit('Squash')
    expect(await undoneBy(ann)).toEqual([])
    ann.git('switch', '--quiet', '-')
    ann.change('world/entities/hall/lamp0001-gate.json', (lamp) => {
      lamp.position = [5, 5, 5]
    })
    ann.commit('and moved')
    ann.warnings.length = 0
    expect(await undoneBy(ann)).toEqual([])
    expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(ann.warnings).toEqual([])
    expect(ann.exists(path)).toBe(false)
  })

  it('such a conflict on a branch that is squashed, about what its parent had changed', async () => {
    const { world, ann } = await team()
    ann.change(ann.entityPath('lamp0001'), (lamp) => {
      lamp.position = [5, 5, 5]
    })
    ann.commit('moved')
    ann.git('switch', '--quiet', '-c', 'feature')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    expect((await ann.pull()).kind).toBe('contested')
    await ann.session((session) =>
      resolve(session, session.switches, { names: [], all: true, use: 'local', field: undefined }),
    )
    ann.git('commit', '--quiet', '--no-edit')
    ann.git('switch', '--quiet', '-')
    ann.git('merge', '--quiet', '--squash', 'feature')
    ann.commit('Squash')
    ann.warnings.length = 0
    expect(await ann.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(ann.warnings).toEqual([])
  })

  it('a conflict of git’s own, between two branches', async () => {
    const { world, ann, bob } = await team()
    for (const id of ['lamp0001', 'lamp0002']) {
      bob.change(bob.entityPath(id), (lamp) => {
        lamp.position = [5, 5, 5]
      })
    }
    // One of them where git sees that it was moved.
    bob.git('mv', bob.entityPath('lamp0002'), 'world/entities/moved.json')
    bob.commit('both')
    await world.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    await world.act('eve', { type: 'entity_remove', id: 'lamp0002' })
    await ann.pull()
    expect(() => takeFrom(bob, ann)).toThrow()
    bob.git('add', '-A')
    bob.git('commit', '--quiet', '--no-edit')
    expect(await undoneBy(bob)).toEqual([])
    expect(await bob.push()).toMatchObject({ kind: 'pushed', landed: 2 })
    expect(bob.warnings).toEqual([])
  })

  it('what a world had lost, and a pull restores', async () => {
    const dataDir = temporaryFolder()
    const crashed = await startWorld({ publicLike: true, dataDir })
    const { port } = crashed.runtime
    await addLamps(crashed)
    crashed.runtime.save()
    const project = await cloneWorld(crashed)
    await crashed.act('eve', { type: 'entity_remove', id: 'lamp0001' })
    crashed.runtime.save()
    const entity = { ...(await crashed.entity('lamp0002')), id: 'lamp0003', uid: undefined }
    await crashed.act('bob', { type: 'entity_add', entity })
    await project.pull()
    await crashed.runtime.kill()
    const world = await startWorld({ publicLike: true, dataDir, port })
    await project.session((session) =>
      pull(session, { autostash: false, confirm: async () => true, loss: 'restore', verify: true }),
    )
    project.warnings.length = 0
    expect(await undoneBy(project)).toEqual([])
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(project.warnings).toEqual([])
    expect(await world.entity('lamp0003')).toBeDefined()
  })
})
