import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { addLamps, Checkout, CODE, cloneWorld, startWorld, temporaryFolder, type World } from '../sync/support.ts'

/**
 * Faults at every step: a `git` of ours stands first on the PATH, counts its calls, and at the chosen one kills the
 * command that called it (before or after git did its work), or lets git's writes fail as on a full disk. Whatever is
 * interrupted, the next run must complete.
 *
 * `FAULTS=all` runs every step; otherwise a sample, spread over the command.
 */
const CLI = resolve('bin/run.js')
const GIT = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
const EVERY = process.env.FAULTS === 'all' ? 1 : 9

type Fault = 'kill-before' | 'kill-after' | 'full-disk'

function shim(folder: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'git'),
    `#!/bin/bash
n=1; while [ -d "$FAULT_COUNT" ] && ! mkdir "$FAULT_COUNT/$n" 2>/dev/null; do n=$((n+1)); done
if [ "$n" != "$FAULT_AT" ]; then exec ${GIT} "$@"; fi
echo "$*" > "$FAULT_COUNT/what"
case "$FAULT_KIND" in
kill-before) kill -9 $PPID; exit 137 ;;
kill-after) ${GIT} "$@"; code=$?; kill -9 $PPID; exit $code ;;
full-disk) trap '' XFSZ; ulimit -f 0; exec ${GIT} "$@" ;;
esac
`,
  )
  chmodSync(join(bin, 'git'), 0o755)
  return bin
}

interface Run {
  readonly code: number | null
  readonly stderr: string
  /** git calls that were made. */
  readonly calls: number
  /** The arguments of the call that the fault struck. */
  readonly struck: string | undefined
}

/** Runs the real command in a process of its own; the world lives in this one, so nothing here may block. */
async function run(
  cwd: string,
  bin: string,
  args: readonly string[],
  fault?: { at: number; kind: Fault },
): Promise<Run> {
  // A folder per run: children of a killed command may still be counting.
  const count = mkdtempSync(join(bin, '..', 'count-'))
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${bin}:${process.env.PATH}`,
      ADMIN_CODE: CODE,
      FAULT_COUNT: count,
      FAULT_AT: String(fault?.at ?? 0),
      FAULT_KIND: fault?.kind ?? '',
    },
  })
  let stderr = ''
  child.stdout.resume()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise<number | null>((done) => child.on('close', done))
  let calls = 0
  while (existsSync(join(count, String(calls + 1)))) calls++
  const what = join(count, 'what')
  return { code, stderr, calls, struck: existsSync(what) ? readFileSync(what, 'utf8').trim() : undefined }
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
  const kinds: readonly Fault[] = ['kill-before', 'kill-after', 'full-disk']

  it.each(kinds)('a pull struck by %s is completed by the next', async (kind) => {
    const world = await lampWorld()
    const origin = await cloneWorld(world)
    await world.edit('bob', 'lamp0001', { position: [4, 4, 4] })
    await world.act('bob', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    origin.change('apps/Lamp/Lamp.json', (lamp) => {
      lamp.desc = 'mine'
    })
    origin.commit('mine')
    await struckAtEachStep(origin, kind, ['sync', 'pull'], (copy) => {
      expect(copy.json(copy.entityPath('lamp0001')).position).toEqual([4, 4, 4])
      expect(copy.json('world/settings.json').title).toBe('Plaza')
      expect(copy.json('apps/Lamp/Lamp.json').desc).toBe('mine')
      expect(copy.git('rev-list', '--count', '--merges', 'HEAD')).toBe('1')
    })
  })

  it.each(kinds)('a clone struck by %s is completed by the next', async (kind) => {
    const { url } = (await lampWorld()).runtime
    const base = temporaryFolder()
    const bin = shim(base)
    const calls = await run(base, bin, ['sync', 'clone', url, 'whole'])
    expect(calls.code).toBe(0)
    for (const at of steps(calls.calls)) {
      const folder = `struck-${at}`
      const struck = await run(base, bin, ['sync', 'clone', url, folder], { at, kind })
      if (struck.code === 0) continue
      const again = await run(base, bin, ['sync', 'clone', url, folder])
      expect(again.code, `${kind} at ${at}: ${struck.struck}\n${struck.stderr}\n${again.stderr}`).toBe(0)
      const copy = new Checkout(join(base, folder))
      expect(copy.git('status', '--porcelain')).toBe('')
      expect(copy.git('rev-parse', 'HEAD^{tree}')).toBe(
        new Checkout(join(base, 'whole')).git('rev-parse', 'HEAD^{tree}'),
      )
      copy.check()
    }
  })
})

async function struckAtEachStep(
  origin: Checkout,
  kind: Fault,
  args: readonly string[],
  verify: (copy: Checkout) => void,
): Promise<void> {
  const base = temporaryFolder()
  const bin = shim(base)
  const copyOf = (name: string): Checkout => {
    execFileSync('cp', ['-a', origin.folder, join(base, name)])
    return new Checkout(join(base, name))
  }
  const whole = copyOf('whole')
  const unharmed = await run(whole.folder, bin, args)
  expect(unharmed.code, unharmed.stderr).toBe(0)
  verify(whole)
  for (const at of steps(unharmed.calls)) {
    const copy = copyOf(`struck-${at}`)
    const struck = await run(copy.folder, bin, args, { at, kind })
    const again = await run(copy.folder, bin, args)
    const story = `${kind} at ${at}: git ${struck.struck}\n${struck.stderr}\nthen: ${again.stderr}`
    expect(again.code, story).toBe(0)
    verify(copy)
    expect(copy.git('status', '--porcelain'), story).toBe('')
    copy.check()
    rmSync(copy.folder, { recursive: true })
  }
}
