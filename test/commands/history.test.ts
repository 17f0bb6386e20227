import { expect, it } from 'vitest'
import Diff from '../../src/commands/sync/diff.ts'
import Log from '../../src/commands/sync/log.ts'
import Status from '../../src/commands/sync/status.ts'
import { addLamps, CODE, cloneWorld, startWorld } from '../sync/support.ts'
import { run } from './run.ts'

const env = { ADMIN_CODE: CODE }

it('sync log prints one line an operation', async () => {
  const world = await startWorld({ clock: () => Date.UTC(2026, 4, 1, 12) })
  const project = await cloneWorld(world)
  await addLamps(world)
  await project.pull()
  await world.runtime.close()
  const log = await run(Log, project.folder, ['-n', '3'], env)
  expect(log).toEqual({
    out: [
      '3  2026-05-01 12:00:00Z  ada  add Lamp lamp0002  (entity:lamp0002)',
      '2  2026-05-01 12:00:00Z  ada  add Lamp lamp0001  (entity:lamp0001)',
      '1  2026-05-01 12:00:00Z  ada  add blueprint Lamp  (blueprint:Lamp)',
      '',
    ].join('\n'),
    err: '',
    code: 0,
  })
  const json = JSON.parse((await run(Log, project.folder, ['lamp0001', '--json'], env)).out) as unknown
  expect(json).toEqual([
    {
      commit: project.git('rev-parse', 'refs/lobby/remote~1'),
      cursor: 2,
      opId: expect.any(String),
      time: '2026-05-01T12:00:00Z',
      actor: 'ada',
      source: 'admin',
      object: 'entity:lamp0001',
      words: 'add Lamp lamp0001',
    },
  ])
  expect((await run(Log, project.folder, ['nobody'], env)).out).toBe('No operation about nobody was fetched.\n')
})

it('sync diff prints objects, fields and scripts', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  await world.edit('bob', 'lamp0001', { position: [5, 0, 0] })
  await world.act('bob', { type: 'entity_remove', id: 'lamp0002' })
  project.change(project.entityPath('lamp0001'), (lamp) => {
    lamp.position = [7, 0, 0]
  })
  project.write('apps/Lamp/index.js', 'export default (world, app) => {\n  app.remove()\n}\n')
  project.commit('mine')
  const diff = await run(Diff, project.folder, ['--fetch'], env)
  expect(diff.err).toBe('')
  expect(
    diff.out.split('\n').filter((line) => !/^ {4}(?:quaternion|scale|scope|managedBy|props|pinned)/.test(line)),
  ).toEqual([
    'To pull from world plaza at 5:',
    `  changed entity:lamp0001  ${project.entityPath('lamp0001')}`,
    '    position: [0,0,0] → [5,0,0]',
    `  removed entity:lamp0002  ${project.entityPath('lamp0002')}`,
    '    blueprint: "Lamp"',
    '    position: [1,0,0]',
    'To push to world plaza at 5:',
    '  changed blueprint:Lamp  apps/Lamp/Lamp.json',
    '    scriptFiles.index.js:',
    '      @@ -1,3 +1,3 @@',
    '       export default (world, app) => {',
    "      -  app.on('update', () => {})",
    '      +  app.remove()',
    '       }',
    `  changed entity:lamp0001  ${project.entityPath('lamp0001')}`,
    '    position: [5,0,0] → [7,0,0]  (contested)',
    '',
  ])
  const json = JSON.parse((await run(Diff, project.folder, ['--outgoing', '--json'], env)).out) as object
  expect(json).toEqual({
    worldId: 'plaza',
    cursor: 5,
    head: project.git('rev-parse', 'HEAD'),
    tip: project.git('rev-parse', 'refs/lobby/remote'),
    base: project.git('merge-base', 'HEAD', 'refs/lobby/remote'),
    outgoing: [
      {
        object: 'blueprint:Lamp',
        kind: 'changed',
        path: 'apps/Lamp/Lamp.json',
        contested: [],
        changes: [
          {
            field: 'scriptFiles.index.js',
            before: expect.stringMatching(/^git-asset:[0-9a-f]{40}\.js$/),
            after: `git-asset:${project.git('rev-parse', 'HEAD:apps/Lamp/index.js')}.js`,
          },
        ],
      },
      {
        object: 'entity:lamp0001',
        kind: 'changed',
        path: project.entityPath('lamp0001'),
        contested: ['position'],
        changes: [{ field: 'position', before: [5, 0, 0], after: [7, 0, 0] }],
      },
    ],
  })
})

it('sync status says what each side would send the other, and what both changed', async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  const said = async () => (await run(Status, project.folder, [], env)).out.split('\n')
  const place = (cursor: number) =>
    `On branch ${project.git('branch', '--show-current')}, world plaza at ${cursor} (${world.runtime.url}).`
  expect(await said()).toEqual([place(3), 'Both sides are the same.', ''])
  await world.edit('bob', 'lamp0001', { position: [5, 0, 0] })
  const path = project.entityPath('lamp0001')
  project.change(path, (lamp) => {
    lamp.position = [7, 0, 0]
  })
  project.commit('mine')
  const both = [
    'Contested:',
    `  entity:lamp0001  ${path}`,
    '    position: was [0,0,0], here [7,0,0], in the world [5,0,0]',
    '',
  ]
  expect(await said()).toEqual([place(4), 'To pull: 1 change: bob 1.', ...both])
  await world.edit('bob', 'lamp0002', { position: [6, 0, 0] })
  project.change(project.entityPath('lamp0002'), (lamp) => {
    lamp.pinned = true
  })
  const uncommitted = 'Not committed: 1 file.'
  expect(await said()).toEqual([
    place(5),
    'To pull: 2 changes in 1 file: bob 2.',
    ...both.slice(0, -1),
    uncommitted,
    '',
  ])
  project.commit('pinned')
  // Of a push that would be refused, nothing is planned.
  expect(await said()).toEqual([place(5), 'To pull: 2 changes in 1 file: bob 2.', ...both])
  project.git('reset', '--quiet', '--hard', 'HEAD~2')
  project.change(project.entityPath('lamp0002'), (lamp) => {
    lamp.pinned = true
  })
  const commit = project.commit('pinned alone').slice(0, 8)
  expect(await said()).toEqual([
    place(5),
    'To pull: 2 changes in 2 files: bob 2.',
    'To push: 1 operation.',
    `  entity.update lamp0002  (Dev, ${commit})`,
    '    pinned: false → true',
    '',
  ])
})
