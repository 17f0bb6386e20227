import { describe, expect, it } from 'vitest'
import { addLamps, cloneWorld, startWorld } from './support.ts'

describe.each([
  ['reference', {}],
  ['public-like', { publicLike: true }],
] as const)('what a push holds back, against a %s runtime', (_, options) => {
  it("P5: the transform of an object in somebody's hand waits, the rest lands", async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    project.change(project.entityPath('lamp0001'), (lamp) => {
      lamp.position = [1, 1, 1]
      lamp.props = { text: 'mine' }
    })
    project.change('world/settings.json', (settings) => {
      settings.title = 'X'
    })
    project.commit('two things')
    await world.edit('bob', 'lamp0001', {
      mover: 'player-1',
      position: [7, 7, 7],
      quaternion: [0, 0, 0, 1],
      scale: [1, 1, 1],
    })
    const first = await project.push()
    expect(first).toMatchObject({ kind: 'pushed', landed: 2, held: [{ key: 'entity:lamp0001', field: 'position' }] })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [7, 7, 7], props: { text: 'mine' } })
    // Put down elsewhere: now both sides have moved it.
    await world.edit('bob', 'lamp0001', { mover: null, position: [8, 8, 8] })
    expect(await project.pull()).toMatchObject({
      kind: 'contested',
      conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['position'] }] }],
    })
    project.check()
  })

  it('fields that the runtime never keeps are not sent again and again', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    project.change('world/settings.json', (settings) => {
      settings.custom = 1
    })
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.createdAt = '2020-01-01T00:00:00.000Z'
      lamp.desc = 'bright'
    })
    project.commit('odd things')
    const report = await project.push()
    expect(report).toMatchObject({ kind: 'pushed', landed: 1, open: undefined })
    expect(report.kind === 'pushed' && report.held.map(({ key, field }) => `${key} ${field}`).sort()).toEqual([
      // A date that differs is the runtime's own word, like a uid (M1): the file says what it likes.
      'settings custom',
    ])
    const head = await world.head()
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 0 })
    expect(await world.head()).toBe(head)
    expect(project.git('status', '--porcelain')).toBe('')
  })
})
