import { expect, it } from 'vitest'
import Push from '../../src/commands/sync/push.ts'
import { run } from '../commands/run.ts'
import { addLamps, CODE, cloneWorld, startWorld } from './support.ts'

it('M5: what a rule settles in a push is said, whoever wins, by a dry run as well', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const rules = [
    { id: 'lamp0001', owner: 'local' },
    { id: 'lamp0002', owner: 'runtime' },
  ]
  project.change('lobby.json', (lobby) => Object.assign(lobby, { policy: { rules } }))
  for (const id of ['lamp0001', 'lamp0002']) {
    project.change(project.entityPath(id), (entity) => Object.assign(entity, { props: { color: 'mine' } }))
    await world.edit('bob', id, { props: { color: 'theirs' } })
  }
  project.commit('mine')
  const settled = [
    'Settled by a rule of lobby.json (gamedev sync policy explain):',
    '  entity:lamp0001 props.color: local takes "mine", not "theirs"',
    '  entity:lamp0002 props.color: runtime takes "theirs", not "mine"',
  ]
  const push = (...argv: readonly string[]) => run(Push, project.folder, argv, { ADMIN_CODE: CODE })
  expect((await push('--dry-run')).out.split('\n')).toEqual(expect.arrayContaining(settled))
  expect(JSON.parse((await push('--dry-run', '--json')).out)).toMatchObject({
    resolved: [
      { object: 'entity:lamp0001', fields: [{ field: 'props.color', by: 'local', local: 'mine', remote: 'theirs' }] },
      { object: 'entity:lamp0002', fields: [{ field: 'props.color', by: 'runtime', local: 'mine', remote: 'theirs' }] },
    ],
  })
  const sent = await push()
  expect([sent.code, sent.out.split('\n')]).toEqual([0, expect.arrayContaining(settled)])
  expect(sent.out).toContain('Pushed 1 operation')
  expect((await world.entity('lamp0001'))?.props).toEqual({ color: 'mine' })
  expect(project.json(project.entityPath('lamp0002')).props).toEqual({ color: 'theirs' })

  // Where the world wins all of it, nothing is sent; but it is not nothing.
  project.change(project.entityPath('lamp0002'), (entity) => Object.assign(entity, { props: { color: 'again' } }))
  await world.edit('bob', 'lamp0002', { props: { color: 'still theirs' } })
  project.commit('again')
  expect((await push()).out).toContain('runtime takes "still theirs", not "again"\nNothing to push')
})
