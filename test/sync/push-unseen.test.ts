import { describe, expect, it } from 'vitest'
import { resolve, type Use } from '../../src/sync/resolve.ts'
import { Killed, killedAt, pushWith, recover } from './push-support.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** Lets somebody in the world act just before, or just after, our command of a type. */
function someone(type: string, act: () => Promise<void>, when: 'before' | 'after' = 'before') {
  let done = false
  return {
    [when]: async ({ name, what }: { readonly name: string; readonly what: readonly unknown[] }) => {
      const command = name === 'send' ? (what[0] as { type: string }).type : name
      if (done || command !== type) return
      done = true
      await act()
    },
  }
}

async function start(): Promise<{ readonly world: World; readonly project: Checkout }> {
  const world = await startWorld({ publicLike: true })
  await addLamps(world)
  await world.edit('ada', 'lamp0001', { props: { color: 'white', tone: 'warm' } })
  await world.edit('ada', 'lamp0002', { props: { color: 'white' } })
  return { world, project: await cloneWorld(world) }
}

function edit(project: Checkout, id: string, change: (lamp: Record<string, unknown>) => void): void {
  project.change(project.entityPath(id), change)
  project.commit(`edit ${id}`)
}

/** Resolves everything to one side and concludes the merge. */
async function settle(project: Checkout, use: Use): Promise<void> {
  await project.session((session) =>
    resolve(session, session.switches, { names: [], all: true, use, field: undefined }),
  )
  project.git('commit', '--quiet', '--no-edit')
}

const props = (lamp: Record<string, unknown>) => lamp.props as Record<string, unknown>

describe('P5: what somebody wrote unseen while a push was on its way, on a runtime without transactions', () => {
  it('a prop that we never meant to change is put back, in the same run', async () => {
    const { world, project } = await start()
    edit(project, 'lamp0001', (lamp) => {
      props(lamp).color = 'red'
    })
    const report = await pushWith(
      project,
      someone('entity_modify', () =>
        world.edit('bob', 'lamp0001', { props: { color: 'white', tone: 'cold', size: 3 } }),
      ),
    )
    expect(report).toMatchObject({
      kind: 'pushed',
      landed: 2,
      refused: [],
      open: undefined,
      merge: 'merged',
      unseen: [
        { key: 'entity:lamp0001', path: ['props', 'tone'], base: 'warm', value: 'cold', by: 'bob' },
        { key: 'entity:lamp0001', path: ['props', 'size'], base: undefined, value: 3, by: 'bob' },
      ],
    })
    const all = { color: 'red', tone: 'cold', size: 3 }
    expect((await world.entity('lamp0001'))?.props).toEqual(all)
    expect(project.json(project.entityPath('lamp0001')).props).toEqual(all)
    expect((await project.push()).kind).toBe('up-to-date')
    // Whoever edits other fields, other objects, or after us what we never wrote, is in nobody's way.
    edit(project, 'lamp0001', (lamp) => {
      props(lamp).color = 'blue'
    })
    const quiet = await pushWith(
      project,
      someone('entity_modify', async () => {
        await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
        await world.edit('bob', 'lamp0002', { props: { color: 'black' } })
      }),
    )
    expect(quiet).toMatchObject({ kind: 'pushed', landed: 1, unseen: [], merge: 'merged' })
    expect(await world.entity('lamp0001')).toMatchObject({ position: [4, 4, 4], props: { ...all, color: 'blue' } })
    project.check()
  })

  it('P3: a colleague who pushes the same commit from elsewhere puts nothing back unseen', async () => {
    const { world, project } = await start()
    edit(project, 'lamp0001', (lamp) => {
      lamp.position = [1, 1, 1]
    })
    const path = project.entityPath('lamp0001')
    const folder = `${temporaryFolder()}/colleague`
    project.git('clone', '--quiet', project.folder, folder)
    const colleague = new Checkout(folder)
    colleague.git('config', 'user.name', 'Cid')
    colleague.git('config', 'user.email', 'cid@example.com')
    const report = await pushWith(
      project,
      someone('entity_modify', async () => {
        // Theirs lands first, and somebody who sees that goes on from it.
        expect(await colleague.push()).toMatchObject({ kind: 'pushed', landed: 1 })
        await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
      }),
    )
    expect(report).toMatchObject({ kind: 'pushed', unseen: [{ path: ['position'], value: [2, 2, 2], by: 'bob' }] })
    // What the world holds is what its feed says.
    const moved = (await world.remote.snapshot()).entities.find(({ id }) => id === 'lamp0001')?.position
    expect(JSON.parse(project.git('show', `refs/lobby/remote:${path}`)).position).toEqual(moved)
  })

  it('P3: what such a colleague brought and somebody removed since is not brought back', async () => {
    const { world, project } = await start()
    const path = project.entityPathOf('lamp0009')
    project.write(path, { ...project.json(project.entityPath('lamp0001')), id: 'lamp0009', uid: undefined })
    project.commit('add')
    const folder = `${temporaryFolder()}/colleague`
    project.git('clone', '--quiet', project.folder, folder)
    const colleague = new Checkout(folder)
    colleague.git('config', 'user.name', 'Cid')
    colleague.git('config', 'user.email', 'cid@example.com')
    const report = await pushWith(
      project,
      someone('entity_add', async () => {
        expect(await colleague.push()).toMatchObject({ kind: 'pushed', landed: 1 })
        await world.act('bob', { type: 'entity_remove', id: 'lamp0009' })
      }),
    )
    expect(report).toMatchObject({ kind: 'pushed', unseen: [{ key: 'entity:lamp0009', path: [], by: 'bob' }] })
    expect(await world.entity('lamp0009')).toBeUndefined()
    expect(project.exists(path)).toBe(false)
    expect(await project.push()).toMatchObject({ kind: 'up-to-date' })
  })

  it.each([
    ['before', 'red'],
    ['after', 'green'],
  ] as const)('the same prop, written %s us, is an open conflict', async (when, inWorld) => {
    const { world, project } = await start()
    edit(project, 'lamp0001', (lamp) => {
      props(lamp).color = 'red'
    })
    const report = await pushWith(
      project,
      someone('entity_modify', () => world.edit('bob', 'lamp0001', { props: { color: 'green', tone: 'warm' } }), when),
    )
    const conflict = {
      object: 'entity:lamp0001',
      fields: [
        { path: ['props', 'color'], base: { value: 'white' }, local: { value: 'red' }, remote: { value: 'green' } },
      ],
    }
    expect(report).toMatchObject({ kind: 'pushed', landed: 1, merge: 'contested', conflicts: [conflict] })
    expect((await world.entity('lamp0001'))?.props).toMatchObject({ color: inWorld })
    expect(project.git('status', '--porcelain')).toMatch(/^UU world\/entities/m)
    await expect(project.push()).rejects.toMatchObject({ code: 'merge_in_progress', exitCode: 2 })
    // Given up, it comes back with the next push: the value is not forgotten.
    project.git('merge', '--abort')
    await expect(project.push()).rejects.toMatchObject({ code: 'merge_in_progress', exitCode: 2 })
    await settle(project, 'remote')
    expect(await project.push()).toMatchObject(
      inWorld === 'green' ? { kind: 'up-to-date' } : { kind: 'pushed', landed: 1, unseen: [] },
    )
    expect((await world.entity('lamp0001'))?.props).toEqual({ color: 'green', tone: 'warm' })
    expect((await project.push()).kind).toBe('up-to-date')
    project.check()
  })

  it('what we removed while somebody changed it, and what we added over what somebody added', async () => {
    const { world, project } = await start()
    const lamp = project.json(project.entityPath('lamp0002'))
    project.remove(project.entityPath('lamp0002'))
    project.commit('away with it')
    const removed = await pushWith(
      project,
      someone('entity_remove', () => world.edit('bob', 'lamp0002', { position: [9, 9, 9] })),
    )
    expect(removed).toMatchObject({
      kind: 'pushed',
      landed: 1,
      merge: 'contested',
      unseen: [{ key: 'entity:lamp0002', path: [], by: 'bob' }],
      conflicts: [{ object: 'entity:lamp0002', fields: [{ path: [], local: { absent: true } }] }],
    })
    expect(await world.entity('lamp0002')).toBeUndefined()
    await settle(project, 'remote')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, operations: [{ kind: 'entity.add' }] })
    expect(await world.entity('lamp0002')).toMatchObject({ position: [9, 9, 9], props: { color: 'white' } })

    const { id: _, ...fields } = lamp
    project.write(project.entityPathOf('lamp0003'), { ...fields, id: 'lamp0003', position: [3, 3, 3] })
    project.commit('a third')
    const added = await pushWith(
      project,
      someone('entity_add', () =>
        world.act('bob', {
          type: 'entity_add',
          entity: {
            ...fields,
            id: 'lamp0003',
            type: 'app',
            position: [5, 5, 5],
            props: { color: 'white', made: 'by bob' },
            state: {},
            mover: null,
            uploader: null,
          },
        }),
      ),
    )
    expect(added).toMatchObject({
      merge: 'contested',
      unseen: [{ key: 'entity:lamp0003', path: [], by: 'bob' }],
      conflicts: [{ object: 'entity:lamp0003', fields: [{ path: ['position'] }] }],
    })
    await settle(project, 'local')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0003')).toMatchObject({
      position: [3, 3, 3],
      props: { color: 'white', made: 'by bob' },
    })
    expect((await project.push()).kind).toBe('up-to-date')
    project.check()
  })

  it('a setting, the spawn, and a blueprint whose version somebody raised', async () => {
    const { world, project } = await start()
    project.change('world/spawn.json', (spawn) => {
      spawn.position = [1, 1, 1]
    })
    project.change('world/settings.json', (settings) => {
      settings.title = 'Ours'
    })
    project.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'ours'
    })
    project.commit('three things')
    const report = await pushWith(
      project,
      someone('connect', async () => {
        await world.remote.putSpawn({ position: [0, 0, 0], quaternion: [0, 1, 0, 0] })
        await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Theirs' })
        const { version } = (await world.blueprint('Lamp'))!
        await world.act('bob', {
          type: 'blueprint_modify',
          change: { id: 'Lamp', version: Number(version) + 1, url: 'x' },
        })
      }),
    )
    expect(report).toMatchObject({
      kind: 'pushed',
      merge: 'contested',
      refused: [{ error: 'version_mismatch: bob changed it meanwhile' }],
      conflicts: [{ object: 'settings', fields: [{ path: ['title'], base: { value: null } }] }],
    })
    expect(report.kind === 'pushed' && report.unseen.map(({ key, path }) => `${key} ${path}`)).toEqual(
      expect.arrayContaining(['settings title', 'spawn quaternion']),
    )
    await settle(project, 'local')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2, refused: [] })
    const { settings, spawn } = await world.remote.snapshot()
    expect(settings.title).toBe('Ours')
    expect(spawn).toEqual({ position: [1, 1, 1], quaternion: [0, 1, 0, 0] })
    expect(await world.blueprint('Lamp')).toMatchObject({ desc: 'ours', url: 'x' })
    expect((await project.push()).kind).toBe('up-to-date')
    project.check()
  })

  it('is found out also by the run after one that was killed; and kept open where conflicts are not strict', async () => {
    const { world, project } = await start()
    edit(project, 'lamp0001', (lamp) => {
      props(lamp).color = 'red'
    })
    const bob = someone('entity_modify', () =>
      world.edit('bob', 'lamp0001', { props: { color: 'green', tone: 'cold' } }),
    )
    const kill = killedAt(1, 'after', ({ name }) => name === 'send')
    const dead = pushWith(project, {
      before: async (call) => {
        await bob.before?.(call)
        kill.before?.(call)
      },
      after: kill.after!,
    })
    expect(await dead.catch((error: unknown) => error)).toBeInstanceOf(Killed)
    project.write('.env', 'SYNC_STRICT_CONFLICTS=false\n')
    const recovered = await recover(project)
    expect(recovered).toMatchObject({
      conclusion: {
        merge: 'merged',
        unseen: [{ path: ['props', 'color'] }, { path: ['props', 'tone'] }],
        conflicts: [{ object: 'entity:lamp0001', fields: [{ path: ['props', 'color'] }] }],
      },
    })
    expect(project.json(project.entityPath('lamp0001')).props).toEqual({ color: 'red', tone: 'cold' })
    expect(project.warnings.join('\n')).toMatch(/bob wrote props\.color of entity:lamp0001/)
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1, unseen: [] })
    expect((await world.entity('lamp0001'))?.props).toEqual({ color: 'red', tone: 'cold' })
    project.check()
  })
})
