import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type GitFault, GitShim, type GitStrike } from '../faults/git-shim.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from '../sync/support.ts'
import { type Ran, sync } from './conflict-project.ts'
import { kindsFor, LONG } from './long.ts'

/**
 * Faults at every git process: a `git` of ours kills the command that called it (before or after git did its work), or
 * lets git's writes fail as on a full disk. Whatever is interrupted, the next run must complete. `npm test` runs a
 * sample of the steps, spread over the command. Pulls and pushes that are killed have tests of their own.
 */
const EVERY = LONG ? 1 : 9

/** Runs the real command in a process of its own; `calls` are the git processes that it began. */
async function run(
  folder: string,
  shim: GitShim,
  args: readonly string[],
  strike?: GitStrike,
): Promise<Ran & { readonly calls: readonly string[] }> {
  const counting = shim.count(strike)
  const ran = await sync({ folder }, args, counting.env)
  return { ...ran, calls: counting.calls() }
}

async function lampWorld(): Promise<World> {
  const world = await startWorld()
  await addLamps(world)
  return world
}

function steps(calls: number): readonly number[] {
  return Array.from({ length: calls }, (_, index) => index + 1).filter(
    (step) => step % EVERY === 1 % EVERY || step === calls,
  )
}

describe('commands that are killed or run out of disk', () => {
  const kinds: readonly GitFault[] = ['kill-before', 'kill-after', 'full-disk']

  it('a pull that runs out of disk is completed by the next', async () => {
    const world = await lampWorld()
    const origin = await cloneWorld(world)
    await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
    await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    origin.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'mine'
    })
    origin.commit('mine')
    await struckAtEachStep(origin, 'full-disk', ['pull'], (copy) => {
      expect(copy.json(copy.entityPath('lamp0001')).position).toEqual([4, 4, 4])
      expect(copy.json('world/settings.json').title).toBe('Plaza')
      expect(copy.json('apps/Lamp/Lamp.json').desc).toBe('mine')
      expect(copy.git('rev-list', '--count', '--merges', 'HEAD')).toBe('1')
    })
  })

  it('a git that dies under a command is said, whatever else the command was asking', async () => {
    const origin = await cloneWorld(await lampWorld())
    const bin = temporaryFolder()
    const rest = `exec ${execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()} "$@"`
    writeFileSync(join(bin, 'git'), `#!/bin/sh\ncase "$*" in rev-parse*) kill -9 $$ ;; esac\n${rest}\n`, {
      mode: 0o755,
    })
    // What dies is asked beside git's version: its end comes before that answer, or after it.
    for (let time = 0; time < 3; time++) {
      const { code, stderr } = await sync(origin, ['pull'], { PATH: `${bin}:${process.env.PATH}` })
      expect(stderr).toContain('git rev-parse was killed')
      expect(code).toBe(1)
    }
  })

  it.each(kindsFor('a clone that is struck', kinds))('a clone struck by %s is completed by the next', async (kind) => {
    const { url } = (await lampWorld()).runtime
    const base = temporaryFolder()
    const shim = new GitShim(temporaryFolder())
    const calls = await run(base, shim, ['clone', url, 'whole'])
    expect(calls.code).toBe(0)
    for (const at of steps(calls.calls.length)) {
      const folder = `struck-${at}`
      const struck = await run(base, shim, ['clone', url, folder], { at, kind })
      if (struck.code === 0) continue
      const again = await sync({ folder: base }, ['clone', url, folder])
      expect(again.code, `${kind} at ${at}: git ${struck.calls[at - 1]}\n${struck.stderr}\n${again.stderr}`).toBe(0)
      const copy = new Checkout(join(base, folder))
      expect(copy.git('status', '--porcelain')).toBe('')
      // What was begun is finished as an init would: all files are the same, and what was seen is written down besides.
      const whole = new Checkout(join(base, 'whole'))
      const files = (of: Checkout) => of.git('ls-tree', '-r', 'HEAD').replace(/^.*\tlobby\.seen\/.*\n/m, '')
      expect(files(copy)).toBe(files(whole))
      copy.check()
    }
  })
})

async function struckAtEachStep(
  origin: Checkout,
  kind: GitFault,
  args: readonly string[],
  verify: (copy: Checkout) => void,
): Promise<void> {
  const base = temporaryFolder()
  const shim = new GitShim(temporaryFolder())
  const copyOf = (name: string): Checkout => {
    execFileSync('cp', ['-a', origin.folder, join(base, name)])
    return new Checkout(join(base, name))
  }
  const whole = copyOf('whole')
  const unharmed = await run(whole.folder, shim, args)
  expect(unharmed.code, unharmed.stderr).toBe(0)
  verify(whole)
  for (const at of steps(unharmed.calls.length)) {
    const copy = copyOf(`struck-${at}`)
    const struck = await run(copy.folder, shim, args, { at, kind })
    const again = await sync(copy, args)
    const story = `${kind} at ${at}: git ${struck.calls[at - 1]}\n${struck.stderr}\nthen: ${again.stderr}`
    expect(again.code, story).toBe(0)
    verify(copy)
    expect(copy.git('status', '--porcelain'), story).toBe('')
    copy.check()
    rmSync(copy.folder, { recursive: true })
  }
}
