import { expect, it } from 'vitest'
import { markersStaged } from '../../src/sync/conflicts.ts'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { KeptProject, lampProject } from './kept-project.ts'
import { temporaryFolder } from './support.ts'

it('C6, G7: a teammate whose remote ref is older than the branch takes what the world has, not what was fetched once', async () => {
  const { world, project } = await lampProject()
  const bare = temporaryFolder()
  project.git('init', '--quiet', '--bare', bare)
  project.git('push', '--quiet', bare, 'HEAD:refs/heads/main')
  const folder = temporaryFolder()
  project.git('clone', '--quiet', '--branch', 'main', bare, folder)
  const teammate = new KeptProject(folder)
  await teammate.withSession(fetchLocked)

  project.editEntity('lamp0001', (lamp) => {
    lamp.position = [4, 1, 0]
  })
  project.commit('ours')
  await world.edit('bob', 'lamp0001', { position: [4, 2, 0] })
  await project.pull()
  project.git('push', '--quiet', bare, 'HEAD:refs/heads/main')
  teammate.git('pull', '--quiet')
  expect(await teammate.openFields()).toEqual(['kept entity:lamp0001 position'])
  await teammate.resolve(['lamp0001'], 'remote')
  expect(teammate.entity('lamp0001')?.position).toEqual([4, 2, 0])
  teammate.commit('theirs')
  await teammate.push()
  expect(await world.entity('lamp0001')).toMatchObject({ position: [4, 2, 0] })
})

it('C4: a file taken as it is settles nothing that was not named', async () => {
  const { world, project } = await lampProject({}, 'manifest')
  for (const [id, x] of [
    ['lamp0001', 1],
    ['lamp0002', 2],
  ] as const) {
    project.editEntity(id, (lamp) => {
      lamp.position = [x, 9, 9]
      lamp.pinned = true
    })
    await world.edit('bob', id, { position: [x, 7, 7] })
  }
  project.commit('ours')
  const strict = project.with({})
  expect(await strict.pull()).toMatchObject({ kind: 'contested' })
  strict.git('checkout', '--quiet', '--ours', 'world.json')
  await expect(strict.resolve(['lamp0001'], 'merged')).rejects.toMatchObject({
    code: 'settles_more',
    data: { others: ['entity:lamp0002 position'] },
  })
  expect(await strict.openFields()).toEqual(['merge entity:lamp0001 position', 'merge entity:lamp0002 position'])
  await strict.resolve('all', 'merged')
  expect(await strict.openFields()).toEqual([])
})

it('C2: what is settled in a manifest stands at one place in all stages', async () => {
  const { world, project } = await lampProject({}, 'manifest')
  project.editEntity('lamp0001', (lamp) => {
    lamp.pinned = true
  })
  project.editEntity('lamp0002', (lamp) => {
    lamp.position = [9, 9, 9]
  })
  project.commit('ours')
  await world.act('bob', { type: 'entity_remove', id: 'lamp0001' })
  await world.edit('bob', 'lamp0002', { position: [7, 7, 7] })
  const strict = project.with({})
  expect(await strict.pull()).toMatchObject({ kind: 'contested' })
  await strict.resolve(['lamp0001'], 'local')
  const ids = [1, 2, 3].map((stage) => {
    const world = JSON.parse(strict.git('show', `:${stage}:world.json`)) as { entities: { id: string }[] }
    return world.entities.map(({ id }) => id)
  })
  expect(ids[0]).toContain('lamp0001')
  expect(ids[1]).toEqual(ids[0])
  expect(ids[2]).toEqual(ids[0])
  expect(strict.read('world.json').match(/^<{7} /gm)).toHaveLength(1)
})

it('C4: the name of a file is no pattern, and markers that are staged are found', async () => {
  const project = new KeptProject(temporaryFolder(), {})
  const [odd, other] = ['apps/Lamp/[x].js', 'apps/Lamp/x.js'] as const
  const write = (text: string, message: string) => {
    for (const path of [odd, other]) project.write(path, text)
    project.commit(message)
  }
  project.git('init', '--quiet', '--initial-branch=main')
  project.write('lobby.json', { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
  project.write('apps/Lamp/Lamp.json', { id: 'Lamp', name: 'Lamp' })
  write('base\n', 'base')
  project.git('switch', '--quiet', '-c', 'branch')
  write('theirs\n', 'theirs')
  project.git('switch', '--quiet', 'main')
  write('ours\n', 'ours')
  expect(() => project.git('merge', '--quiet', 'branch')).toThrow()
  project.write(odd, 'settled\n')
  await project.resolve([odd], 'merged')
  expect(project.git('diff', '--name-only', '--diff-filter=U')).toBe(other)
  expect(await project.withProject(markersStaged)).toEqual([])
  project.git('add', other)
  expect(await project.open()).toEqual([])
  expect(await project.withProject(markersStaged)).toEqual([other])
})
