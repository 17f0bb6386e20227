import { cpSync } from 'node:fs'
import { expect, test } from 'vitest'
import { conflictTable } from '../../src/cli/conflict-view.ts'
import { openConflicts } from '../../src/sync/conflicts.ts'
import { resolve } from '../../src/sync/resolve.ts'
import { openProject, type Project } from '../../src/sync/session.ts'
import { Checkout, temporaryFolder } from './support.ts'

const SWITCHES = { strictConflicts: true, bidirectional: true }
const LAMP = 'world/entities/00/lamp.json'
const HERE = 'world/entities/hall/entrance.json'
const THERE = 'world/entities/yard/gate.json'
const APP = ['apps/Lamp/Lamp.json', 'apps/Lamp/index.js'] as const

/** A project whose lamp, and the app of it, two branches moved to two places. */
function movedTwice(change: (checkout: Checkout, place: string, side: 'ours' | 'theirs') => void): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '--initial-branch=main')
  checkout.write('lobby.json', { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
  checkout.write(APP[0], { id: 'Lamp', name: 'Lamp', desc: 'A lamp that is long enough for git to know again' })
  checkout.write(APP[1], `${Array.from({ length: 12 }, (_, line) => `const line${line} = ${line}`).join('\n')}\n`)
  checkout.write(LAMP, {
    id: 'lamp',
    blueprint: 'Lamp',
    position: [0, 0, 0],
    pinned: false,
    props: { size: 1, mood: 2 },
  })
  checkout.commit('base')
  const sides = [
    ['theirs', 'other', THERE, 'apps/Theirs'],
    ['ours', 'main', HERE, 'apps/Ours'],
  ] as const
  checkout.git('branch', 'other')
  for (const [side, branch, place, app] of sides) {
    checkout.git('switch', '--quiet', branch)
    checkout.write(`${place}.keep`, '')
    checkout.git('mv', LAMP, place)
    checkout.git('mv', 'apps/Lamp', app)
    change(checkout, place, side)
    checkout.commit(side)
  }
  expect(() => checkout.git('merge', '--quiet', 'other')).toThrow()
  return checkout
}

async function within<T>(checkout: Checkout, work: (project: Project) => Promise<T>): Promise<T> {
  const project = await openProject(checkout.context())
  try {
    return await work(project)
  } finally {
    await project.repository.close()
  }
}

const settle = (checkout: Checkout, use: 'local' | 'remote', ...names: readonly string[]) =>
  within(checkout, (project) => resolve(project, SWITCHES, { names, all: names.length === 0, use, field: undefined }))

const listed = (checkout: Checkout) => within(checkout, async (project) => (await openConflicts(project)).conflicts)

test('a file that both sides moved is one conflict, and stays whichever place is taken', async () => {
  const checkout = movedTwice(() => {})
  const conflicts = await listed(checkout)
  expect(conflicts.map(({ path }) => path)).toEqual(['apps/Ours/Lamp.json', 'apps/Ours/index.js', HERE])
  expect(conflicts.flatMap(({ unmerged }) => unmerged)).toHaveLength(9)
  expect(conflictTable(conflicts)[3]).toMatch(/hall.entrance\.json +\(place\) +world.*00/)
  // By whatever name: the place of the other side is not a conflict of its own.
  expect((await settle(checkout, 'remote', HERE)).open).toHaveLength(2)
  expect([checkout.exists(HERE), checkout.exists(THERE), checkout.exists(LAMP)]).toEqual([false, true, false])
  expect((await settle(checkout, 'local', 'apps/Theirs/Lamp.json', 'apps/Theirs/index.js')).open).toEqual([])
  expect(checkout.exists('apps/Theirs/index.js')).toBe(false)
  expect(checkout.exists('apps/Ours/index.js')).toBe(true)
  checkout.git('commit', '--quiet', '-m', 'merged')
  expect(checkout.git('status', '--short')).toBe('')
})

test.each([
  ['local', HERE, 8, { position: [0, 0, 0], pinned: true, props: { size: 2, mood: 7 } }],
  ['remote', THERE, 9, { position: [0, 0, 0], pinned: true, props: { size: 3, mood: 7 } }],
] as const)(
  'what is contested in it is taken from the side %s, the rest is merged',
  async (use, place, value, expected) => {
    const checkout = movedTwice((project, path, side) => {
      const ours = side === 'ours'
      project.change(path, (lamp) => {
        // Far enough apart for a merge by lines.
        if (!ours) lamp.pinned = true
        lamp.props = { size: ours ? 2 : 3, a: 1, b: 1, c: 1, mood: 7 }
      })
      project.change(path, (lamp) => void delete (lamp as Record<string, unknown>).nothing)
      const script = `apps/${ours ? 'Ours' : 'Theirs'}/index.js`
      project.write(script, project.read(script).replace('line5 = 5', `line5 = ${ours ? 8 : 9}`))
    })
    // Somebody chose the other side first, and was stopped before the index knew: nobody has edited these files.
    const stopped = new Checkout(temporaryFolder())
    cpSync(checkout.folder, stopped.folder, { recursive: true })
    await settle(stopped, use === 'local' ? 'remote' : 'local')
    const files = [HERE, THERE, 'apps/Ours/index.js', 'apps/Theirs/index.js']
    for (const path of files) if (stopped.exists(path)) checkout.write(path, stopped.read(path))
    expect((await settle(checkout, use)).open).toEqual([])
    expect(checkout.json(place)).toMatchObject(expected)
    const script = checkout.read(`apps/${use === 'local' ? 'Ours' : 'Theirs'}/index.js`)
    expect(script).toContain(`line5 = ${value}\n`)
    expect(script).not.toContain('<<<')
    expect(checkout.git('ls-files', '--unmerged')).toBe('')
  },
)

test.each(['local', 'remote'] as const)(
  'two objects that git took for one that was moved twice stay both, use %s',
  async (use) => {
    const lamp = (id: string, position: readonly number[]) => ({
      id,
      blueprint: 'Lamp',
      position,
      pinned: false,
      props: { size: 1, mood: 2, color: 'white', power: 3 },
    })
    const checkout = new Checkout(temporaryFolder())
    checkout.git('init', '--quiet', '--initial-branch=main')
    checkout.write('lobby.json', { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
    checkout.write(LAMP, lamp('lamp', [0, 0, 0]))
    checkout.commit('base')
    checkout.git('branch', 'other')
    for (const [branch, place, id] of [
      ['other', THERE, 'gate'],
      ['main', HERE, 'entrance'],
    ] as const) {
      checkout.git('switch', '--quiet', branch)
      checkout.remove(LAMP)
      checkout.write(place, lamp(id, [id.length, 0, 0]))
      checkout.commit(`another lamp: ${id}`)
    }
    expect(() => checkout.git('merge', '--quiet', 'other')).toThrow()
    const conflicts = await listed(checkout)
    expect(conflicts.map(({ path, unmerged }) => [path, unmerged.length])).toEqual([[HERE, 3]])
    expect(conflictTable(conflicts)[1]).toContain('(two files)')
    const before = checkout.read(HERE)
    checkout.write(HERE, `${before} `)
    await expect(settle(checkout, use)).rejects.toMatchObject({ code: 'file_edited' })
    checkout.write(HERE, before)
    expect((await settle(checkout, use)).open).toEqual([])
    expect(checkout.json(HERE)).toEqual(lamp('entrance', [8, 0, 0]))
    expect(checkout.json(THERE)).toEqual(lamp('gate', [4, 0, 0]))
    expect(checkout.exists(LAMP)).toBe(false)
    checkout.git('commit', '--quiet', '-m', 'merged')
    expect(checkout.git('status', '--short')).toBe('')
  },
)

test.each([
  ['local', true],
  ['remote', true],
  ['local', false],
  ['remote', false],
] as const)(
  'an object that git took for another, which both deleted, stays: use %s, ours moved: %s',
  async (use, oursMoved) => {
    const lamp = (id: string, color: string) => ({ id, blueprint: 'Lamp', scale: [1, 1, 1], pinned: false, color })
    const checkout = new Checkout(temporaryFolder())
    checkout.git('init', '--quiet', '--initial-branch=main')
    checkout.write('lobby.json', { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
    checkout.write(LAMP, lamp('lamp', 'white'))
    checkout.commit('base')
    checkout.git('branch', 'other')
    for (const branch of ['other', 'main']) {
      checkout.git('switch', '--quiet', branch)
      checkout.remove(LAMP)
      if ((branch === 'main') === oursMoved) checkout.write(HERE, lamp('entrance', 'white'))
      checkout.write(`${branch}.md`, branch)
      checkout.commit(branch)
    }
    expect(() => checkout.git('merge', '--quiet', 'other')).toThrow()
    const conflicts = await listed(checkout)
    expect(conflicts.map(({ path }) => path)).toEqual([HERE])
    expect(conflictTable(conflicts)[1]).toContain('(two files)')
    expect((await settle(checkout, use)).open).toEqual([])
    expect(checkout.json(HERE)).toEqual(lamp('entrance', 'white'))
    expect(checkout.exists(LAMP)).toBe(false)
  },
)
