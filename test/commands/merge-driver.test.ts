import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import MergeDriver from '../../src/commands/sync/merge-driver.ts'
import { Checkout, temporaryFolder } from '../sync/support.ts'
import { run } from './run.ts'

const LAMP = 'world/entities/3f/lamp.json'
const LOBBY = { targets: { main: { worldUrl: 'http://localhost:3000', worldId: 'plaza' } } }
const lamp = { id: 'lamp', blueprint: 'Lamp', position: [0, 0, 0], props: { color: 'red', glow: 1 } }
const painted = (color: string, glow = 1) => ({ ...lamp, props: { color, glow } })

function repository(): Checkout {
  const checkout = new Checkout(temporaryFolder())
  checkout.git('init', '--quiet', '--initial-branch=main')
  checkout.write('lobby.json', LOBBY)
  return checkout
}

describe('as git runs it', () => {
  function merge(base: object | string, ours: object | string, theirs: object | string, path = LAMP) {
    const checkout = repository()
    for (const [file, content] of Object.entries({ O: base, A: ours, B: theirs })) checkout.write(file, content)
    return { checkout, ran: run(MergeDriver, checkout.folder, ['O', 'A', 'B', path]) }
  }

  test('a clean merge says nothing', async () => {
    const { checkout, ran } = merge(lamp, painted('blue'), { ...lamp, position: [1, 0, 0] })
    expect(await ran).toEqual({ out: '', err: '', code: 0 })
    expect(checkout.json('A')).toEqual({ ...painted('blue'), position: [1, 0, 0] })
  })

  test('a contested field is named', async () => {
    const { checkout, ran } = merge(lamp, painted('blue', 2), painted('green', 3))
    const fields = 'entity:lamp props.color, entity:lamp props.glow'
    expect(await ran).toEqual({ out: '', err: `gamedev: ${LAMP}: both sides changed ${fields}\n`, code: 1 })
    expect(checkout.read('A')).toContain('<<<<<<< ours\n')
  })

  test('many are counted', async () => {
    const props = (value: number) => ({
      ...lamp,
      props: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, value])),
    })
    const { ran } = merge(props(0), props(1), props(2))
    expect((await ran).err).toMatch(/entity:lamp props\.p9 and 20 more\n$/)
  })

  test('what a rule settled is said', async () => {
    const state = (on: number) => ({ ...lamp, state: { on } })
    const { ran } = merge(state(1), state(2), { ...state(3), position: [1, 0, 0] })
    const err = `gamedev: ${LAMP}: both sides changed these, the project wins: entity:lamp state\n`
    expect(await ran).toEqual({ out: '', err, code: 0 })
  })

  test('two objects in one', async () => {
    const { ran } = merge(lamp, { ...lamp, id: 'post' }, painted('blue'))
    const err = `gamedev: ${LAMP} is not merged by field: different ids: "lamp", "post"\n`
    expect(await ran).toEqual({ out: '', err, code: 1 })
  })

  test('no escape reaches the terminal', async () => {
    const { ran } = merge(lamp, { ...lamp, 'a\x1b[31m': 1 }, { ...lamp, 'a\x1b[31m': 2 })
    expect((await ran).err).not.toContain('\x1b')
  })

  test('--json', async () => {
    const checkout = repository()
    for (const [file, content] of Object.entries({ O: lamp, A: painted('blue'), B: painted('red', 2) }))
      checkout.write(file, content)
    const { out, code } = await run(MergeDriver, checkout.folder, ['O', 'A', 'B', LAMP, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ kind: 'merged', path: LAMP })
  })
})

describe('a wrong call', () => {
  test.each([
    ['nothing', []],
    ['too little', ['O', 'A', 'B']],
    ['too much', ['O', 'A', 'B', LAMP, 'x']],
    ['a flag that is none', ['O', 'A', 'B', '--world']],
    ['both', ['--install', '--uninstall']],
    ['files to install', ['--install', 'O']],
  ])('%s', async (_name, argv) => {
    // git would end the whole merge for a code above 128; 2 means open conflicts elsewhere.
    const error = await run(MergeDriver, repository().folder, argv).then(
      () => undefined,
      (thrown: { oclif?: { exit?: number } }) => thrown,
    )
    expect(error?.oclif?.exit).toBe(1)
  })
})

describe('--install', () => {
  test('and --uninstall say what they did', async () => {
    const checkout = repository()
    const config = checkout.read('.git/config')
    const installed = await run(MergeDriver, checkout.folder, ['--install'])
    expect(installed.code).toBe(0)
    expect(installed.out).toBe(`git merges world files by field from now on.
.gitattributes was changed: commit it.
Teammates run "gamedev sync merge-driver --install" once in each clone of theirs.
`)
    expect(checkout.git('config', 'merge.gamedev.driver')).toBe('gamedev sync merge-driver %O %A %B %P')
    expect(checkout.git('check-attr', 'merge', '--', LAMP)).toBe(`${LAMP}: merge: gamedev`)
    expect(checkout.git('status', '--short', '.gitattributes')).toBe('?? .gitattributes')
    expect((await run(MergeDriver, checkout.folder, ['--install'])).out).toBe(
      'git merges world files by field already.\n',
    )
    expect((await run(MergeDriver, checkout.folder, ['--uninstall'])).out).toBe(
      'git merges world files by line from now on.\n.gitattributes was changed: commit it.\n',
    )
    expect(checkout.exists('.gitattributes')).toBe(false)
    expect(checkout.read('.git/config')).toBe(config)
    expect((await run(MergeDriver, checkout.folder, ['--uninstall'])).out).toBe('There is nothing to undo.\n')
  })

  test('in a folder of the project, with --json', async () => {
    const checkout = repository()
    checkout.write('games/plaza/lobby.json', LOBBY)
    checkout.write('games/plaza/apps/x.txt', '')
    const { out } = await run(MergeDriver, join(checkout.folder, 'games/plaza/apps'), ['--install', '--json'])
    expect(JSON.parse(out)).toMatchObject({
      installed: true,
      attributesFile: 'games/plaza/.gitattributes',
      attributesChanged: true,
      configChanged: true,
    })
  })

  test('outside of a project', async () => {
    const checkout = new Checkout(temporaryFolder())
    const { err, code } = await run(MergeDriver, checkout.folder, ['--install'])
    expect(code).toBe(1)
    expect(err).toContain('There is no git repository')
  })
})
