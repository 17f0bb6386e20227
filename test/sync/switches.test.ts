import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { worldDiff } from '../../src/sync/diff.ts'
import { fetchLocked } from '../../src/sync/fetch.ts'
import { clone, init } from '../../src/sync/init.ts'
import { worldLog } from '../../src/sync/log.ts'
import { restage } from '../../src/sync/restage.ts'
import { statusLocked } from '../../src/sync/status.ts'
import { readSwitches, requireBidirectional } from '../../src/sync/switches.ts'
import { editWorld } from '../../src/sync/world-edit.ts'
import { addToWorld, removeFromWorld } from '../../src/sync/world-entities.ts'
import { listWorld } from '../../src/sync/world-list.ts'
import { openWorld } from '../../src/sync/world-target.ts'
import { type KeptProject, lampProject } from './kept-project.ts'
import { Checkout, temporaryFolder } from './support.ts'

const OFF = { BIDIRECTIONAL_SYNC: 'off' }
const REFUSED = { code: 'switched_off', exitCode: 5, message: expect.stringContaining('BIDIRECTIONAL_SYNC') }

describe('C6: the switches', () => {
  const NAMES = [
    ['SYNC_STRICT_CONFLICTS', 'strictConflicts'],
    ['BIDIRECTIONAL_SYNC', 'bidirectional'],
  ] as const

  function folderWith(dotenv: string): string {
    const folder = temporaryFolder()
    writeFileSync(join(folder, '.env'), dotenv)
    return folder
  }

  it.each(NAMES)('%s: is on by default, and can be spelled in several ways', async (name, key) => {
    const folder = temporaryFolder()
    const read = async (env: Record<string, string | undefined>) => (await readSwitches(folder, env))[key]
    expect(await readSwitches(folder, {})).toEqual({ strictConflicts: true, bidirectional: true })
    for (const on of ['1', 'true', 'TRUE', 'yes', 'Yes', 'on', 'ON', ' true ', '', undefined])
      expect(await read({ [name]: on }), String(on)).toBe(true)
    for (const off of ['0', 'false', 'False', 'no', 'NO', 'off', 'oFF', ' off\t'])
      expect(await read({ [name]: off }), off).toBe(false)
    const other = NAMES.find(([, candidate]) => candidate !== key)![1]
    expect((await readSwitches(folder, { [name]: 'off' }))[other]).toBe(true)
  })

  it.each(NAMES)('%s: neither on nor off is an error, never a guess', async (name) => {
    const folder = temporaryFolder()
    for (const value of ['2', 'tru', 'enabled', 'nope', 'ja', '-', 'false;', 'true false', 'null', '0x0', 'оff', ' ']) {
      await expect(readSwitches(folder, { [name]: value }), value).rejects.toMatchObject({
        code: 'invalid_switch',
        exitCode: 5,
        message: expect.stringContaining(name),
        hint: expect.stringContaining('true or false'),
        data: { name },
      })
      await expect(readSwitches(folderWith(`${name}='${value}'\n`), {}), value).rejects.toMatchObject({ exitCode: 5 })
    }
  })

  it('the environment comes before .env, switch by switch', async () => {
    const folder = folderWith(
      '# switches\nexport SYNC_STRICT_CONFLICTS="no"  # quoted\r\nBIDIRECTIONAL_SYNC=0\nOTHER=garbage\n',
    )
    expect(await readSwitches(folder, {})).toEqual({ strictConflicts: false, bidirectional: false })
    expect(await readSwitches(folder, { BIDIRECTIONAL_SYNC: 'on' })).toEqual({
      strictConflicts: false,
      bidirectional: true,
    })
    expect(await readSwitches(folder, { SYNC_STRICT_CONFLICTS: '' })).toMatchObject({ strictConflicts: false })
    const wrong = folderWith('BIDIRECTIONAL_SYNC=perhaps\n')
    await expect(readSwitches(wrong, {})).rejects.toMatchObject({ code: 'invalid_switch' })
    expect(await readSwitches(wrong, { BIDIRECTIONAL_SYNC: 'true' })).toMatchObject({ bidirectional: true })
  })

  it('names of the prototype are no switches', async () => {
    const folder = folderWith('__proto__=1\nconstructor=off\n')
    expect(await readSwitches(folder, {})).toEqual({ strictConflicts: true, bidirectional: true })
  })

  it('says which command writes nothing', () => {
    expect(() => requireBidirectional({ strictConflicts: true, bidirectional: false }, 'sync pull')).toThrow(
      'BIDIRECTIONAL_SYNC is off: "gamedev sync pull" writes nothing.',
    )
    expect(() => requireBidirectional({ strictConflicts: false, bidirectional: true }, 'sync pull')).not.toThrow()
  })
})

describe('BIDIRECTIONAL_SYNC=false', () => {
  it('every command that would write refuses, and changes nothing at all; those that look go on working', async () => {
    const { world, project } = await lampProject()
    // There is something for everybody to do: a kept conflict, an open merge is below, news on both sides.
    project.editEntity('lamp0001', (lamp) => {
      lamp.position = [1, 1, 1]
    })
    project.commit('ours')
    await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
    await project.pull()
    project.editEntity('lamp0002', (lamp) => {
      lamp.pinned = true
    })
    project.commit('more of ours')
    await world.edit('bob', 'lamp0001', { props: { color: 'blue' } })
    const off = project.with(OFF)
    const state = project.state()
    const head = await world.head()
    const unchanged = async () => {
      expect(project.state()).toEqual(state)
      expect(await world.head()).toBe(head)
    }

    await expect(off.pull()).rejects.toMatchObject(REFUSED)
    await expect(off.pull({ autostash: true, yes: true })).rejects.toMatchObject(REFUSED)
    await expect(off.push()).rejects.toMatchObject(REFUSED)
    await expect(off.push({ noBatch: true, autostash: true })).rejects.toMatchObject(REFUSED)
    for (const use of ['local', 'remote', 'merged'] as const)
      await expect(off.resolve('all', use)).rejects.toMatchObject(REFUSED)
    await expect(
      off.withProject(async (opened) => restage(opened, await readSwitches(opened.folder, OFF))),
    ).rejects.toMatchObject(REFUSED)
    await expect(
      init(off.context(OFF), { url: world.runtime.url, worldId: undefined, name: 'again' }),
    ).rejects.toMatchObject(REFUSED)
    await unchanged()
    await refusesEdits(off, world.runtime.url)
    await unchanged()

    const empty = temporaryFolder()
    for (const folder of ['new', '.']) {
      const context = new Checkout(empty).context(OFF)
      await expect(clone(context, { url: world.runtime.url, folder, worldId: undefined })).rejects.toMatchObject(
        REFUSED,
      )
      expect(readdirSync(empty)).toEqual([])
    }
    const plain = new Checkout(temporaryFolder())
    plain.git('init', '--quiet')
    await expect(
      init(plain.context(OFF), { url: world.runtime.url, worldId: undefined, name: 'main' }),
    ).rejects.toMatchObject(REFUSED)
    expect(readdirSync(plain.folder)).toEqual(['.git'])
    expect(plain.git('for-each-ref')).toBe('')
    expect(existsSync(join(plain.folder, '.git/index'))).toBe(false)

    // Looking.
    expect(await off.push({ dryRun: true })).toMatchObject({ kind: 'planned' })
    expect(await off.openFields()).toEqual(['kept entity:lamp0001 position'])
    expect((await off.checked()).conflicts).toHaveLength(1)
    expect(await off.withSession((session) => worldLog(session, { limit: 5 }))).not.toHaveLength(0)
    const fetched = await off.withSession(fetchLocked)
    expect(fetched.cursor).toBe(head)
    expect(await off.withSession(statusLocked)).toMatchObject({ incoming: new Map([['bob', 1]]), contested: [] })
    await off.withSession((session) => worldDiff(session, { incoming: true, outgoing: true, fetch: false }))
    const opened = await openWorld(off.context(OFF), {})
    expect((await listWorld(opened)).entities.map(({ id }) => id)).toContain('lamp0001')
    await opened.close()
    // Nothing but the remote ref moved.
    const now = off.state() as { refs: string; reflog: string }
    const before = state as { refs: string }
    expect(now).toEqual({ ...(state as object), refs: now.refs })
    const withoutLine = (refs: string) => refs.split('\n').filter((line) => !line.startsWith('refs/lobby/'))
    expect(withoutLine(now.refs)).toEqual(withoutLine(before.refs))
    expect(await world.head()).toBe(head)

    // On again, and from .env too.
    project.write('.env', 'BIDIRECTIONAL_SYNC=no\nSYNC_STRICT_CONFLICTS=no\n')
    await expect(project.with({}).pull()).rejects.toMatchObject(REFUSED)
    await refusesEdits(project.with({}), undefined)
    expect(await project.with({ BIDIRECTIONAL_SYNC: '1' }).pull()).toMatchObject({ kind: 'merged' })
    expect(await project.with({ BIDIRECTIONAL_SYNC: '1' }).push()).toMatchObject({ kind: 'pushed', landed: 1 })
  })

  it('an open merge is not resolved either; a wrong value refuses all that would read it', async () => {
    const { world, project } = await lampProject()
    project.editEntity('lamp0001', (lamp) => {
      lamp.position = [1, 1, 1]
    })
    project.commit('ours')
    await world.edit('bob', 'lamp0001', { position: [2, 2, 2] })
    expect(await project.with({}).pull()).toMatchObject({ kind: 'contested' })
    const state = project.state()
    for (const env of [OFF, { BIDIRECTIONAL_SYNC: 'maybe' }]) {
      const off = project.with(env)
      await expect(off.resolve('all', 'local')).rejects.toMatchObject({ exitCode: 5 })
      await expect(off.pull()).rejects.toMatchObject({ exitCode: 5 })
      await expect(off.push()).rejects.toMatchObject({ exitCode: 5 })
    }
    expect(project.state()).toEqual(state)
    expect(await project.with(OFF).openFields()).toEqual(['merge entity:lamp0001 position'])
    project.git('merge', '--abort')
  })
})

async function refusesEdits(project: KeptProject, url: string | undefined): Promise<void> {
  const below = join(project.folder, 'below')
  if (!existsSync(below)) mkdirSync(below)
  const env = url === undefined ? {} : OFF
  const opened = await openWorld({ ...project.context(env), cwd: url === undefined ? below : project.folder }, { url })
  const as = { as: 'eve', confirm: async () => true }
  try {
    await expect(editWorld(opened, 'lamp0001', { ...as, set: ['pinned=true'], unset: [] })).rejects.toMatchObject(
      REFUSED,
    )
    await expect(addToWorld(opened, 'Lamp', { ...as, id: undefined, set: [] })).rejects.toMatchObject(REFUSED)
    await expect(removeFromWorld(opened, 'lamp0001', as)).rejects.toMatchObject(REFUSED)
  } finally {
    await opened.close()
  }
}
