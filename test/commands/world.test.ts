import { expect, it } from 'vitest'
import Add from '../../src/commands/world/add.ts'
import Edit from '../../src/commands/world/edit.ts'
import List from '../../src/commands/world/list.ts'
import Remove from '../../src/commands/world/remove.ts'
import { addLamps, CODE, cloneWorld, startWorld, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

const env = { ADMIN_CODE: CODE }

it('edits, adds, lists and removes by URL, without a repository', async () => {
  const world = await startWorld()
  await addLamps(world)
  const folder = temporaryFolder()
  const url = ['--url', world.runtime.url]
  const edited = await run(
    Edit,
    folder,
    ['--set', 'position=1,2,3', '--set', 'props.color=red', 'lamp0001', '--as', 'alice', ...url],
    env,
  )
  expect(edited).toEqual({
    out: 'alice changed entity:lamp0001 of world plaza:\n    position: [0,0,0] → [1,2,3]\n    props.color: (absent) → "red"\n',
    err: '',
    code: 0,
  })
  const again = await run(Edit, folder, ['lamp0001', '--set', 'props.color=red', ...url], env)
  expect(again.out).toBe('entity:lamp0001 of world plaza has these values already; nothing was sent.\n')
  const added = await run(Add, folder, ['Lamp', '--id', 'lamp\u001b[31m', '--set', 'position=0,1e-7,9', ...url], env)
  expect(added.out).toBe('builder added entity:lamp\uFFFD[31m of Lamp to world plaza.\n')

  const list = await run(List, folder, url, env)
  expect(list.code).toBe(0)
  expect(list.out).not.toContain('\u001b')
  const lines = list.out.split('\n')
  expect(lines[0]).toBe(`World plaza (${world.runtime.url}): 4 entities, 2 blueprints`)
  expect(lines).toContain('ENTITY      BLUEPRINT  POSITION')
  expect(lines).toContain('lamp0001    Lamp       1, 2, 3')
  expect(lines).toContain('lamp [31m   Lamp       0, 0, 9')
  expect(lines.slice(-4)).toEqual(['BLUEPRINT  NAME   ENTITIES', '$scene     Scene  1', 'Lamp       Lamp   3', ''])

  const removed = await run(Remove, folder, ['lamp0002', '--json', ...url], env)
  expect(JSON.parse(removed.out)).toMatchObject({ worldId: 'plaza', object: 'entity:lamp0002', actor: 'builder' })
  const json = JSON.parse((await run(List, folder, ['--json', ...url], env)).out) as { entities: { id: string }[] }
  expect(json.entities.map(({ id }) => id)).not.toContain('lamp0002')
})

it('edits the world of the project', async () => {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  const project = await cloneWorld(world)
  const edited = await run(Edit, project.folder, ['Lamp', '--unset', 'props.power', '--json'], env)
  expect(edited.code).toBe(0)
  expect(JSON.parse(edited.out)).toEqual({
    kind: 'changed',
    worldId: 'plaza',
    object: 'blueprint:Lamp',
    actor: 'builder',
    opIds: [expect.any(String)],
    changes: [{ field: 'props.power', before: 3 }],
  })
})

it('says what is wrong and what to do, with an exit code', async () => {
  const world = await startWorld()
  const folder = temporaryFolder()
  const url = ['--url', world.runtime.url]
  const unknown = await run(Edit, folder, ['nope', '--set', 'a=1', ...url], env)
  expect(unknown).toEqual({
    out: '',
    err: 'error: The world has no object "nope".\nhint: Run "gamedev world list" to see what there is.\n',
    code: 1,
  })
  const json = await run(Remove, folder, ['$scene', '--json', ...url], env)
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'refused', data: { error: 'in_use' } } })
  expect(await run(List, folder, url, { ADMIN_CODE: 'wrong' })).toMatchObject({ code: 4 })
  expect(await run(List, folder, [...url, '--world-id', 'other'], env)).toMatchObject({ code: 5 })
  expect(await run(List, folder, [], env)).toMatchObject({ code: 1, err: expect.stringContaining('--url') })
  const environment = { ...env, WORLD_URL: world.runtime.url, WORLD_ID: 'plaza' }
  expect(await run(List, folder, [], environment)).toMatchObject({ code: 0 })
})
