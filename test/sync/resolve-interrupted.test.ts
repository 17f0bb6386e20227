import { expect, it } from 'vitest'
import { lampProject } from './kept-project.ts'

it('C4: a run that was killed between the file and the index is gone on from, be other fields of the file contested still', async () => {
  for (const then of ['local', 'remote'] as const) {
    const { world, project: lenient } = await lampProject({}, 'manifest')
    const project = lenient.with({})
    for (const [id, x] of [
      ['lamp0001', 1],
      ['lamp0002', 2],
    ] as const) {
      project.editEntity(id, (lamp) => {
        lamp.position = [x, x, x]
      })
      await world.edit('eve', id, { position: [9, 9, x] })
    }
    project.commit('ours')
    expect((await project.pull()).kind).toBe('contested')
    const index = project.git('ls-files', '--stage')
    await project.resolve(['lamp0001'], 'local')
    expect(project.git('ls-files', '--stage')).not.toBe(index)
    // As it is when the index was not written any more.
    const written = project.read('world.json')
    project.git('merge', '--abort')
    expect((await project.pull()).kind).toBe('contested')
    project.write('world.json', written)
    await project.resolve(['lamp0001'], then)
    await project.resolve(['lamp0002'], 'remote')
    expect(project.entity('lamp0001')?.position).toEqual(then === 'local' ? [1, 1, 1] : [9, 9, 1])
    expect(project.entity('lamp0002')?.position).toEqual([9, 9, 2])
    // An edit of somebody's is none that an interrupted run has left.
    project.git('merge', '--abort')
    await project.pull()
    project.write('world.json', written.replace('1,', '7,'))
    await expect(project.resolve(['lamp0001'], then)).rejects.toMatchObject({ code: 'file_edited' })
  }
})
