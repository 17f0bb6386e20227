import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GitShim } from '../faults/git-shim.ts'
import type { KillProxy } from '../faults/kill-proxy.ts'
import type { Write } from '../faults/watch.ts'
import type { Place } from './place.ts'
import type { RuntimeProcess } from './runtime-process.ts'
import { type Strike, victimOf } from './schedule.ts'

/** What commands are run with, and struck by. */
export interface Rack {
  readonly place: Place
  readonly proxy: KillProxy
  readonly shim: GitShim
  readonly runtime: RuntimeProcess
  /** Milliseconds that a push takes here, for strikes by time. */
  readonly usual: number
}

export interface Blow {
  readonly strike: Strike
  readonly restart: 'at once' | 'afterwards'
}

/** A command that ran to its end, or to somebody's. */
export interface Ran {
  readonly args: readonly string[]
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What was struck; undefined where the command ended before. */
  readonly struck: string | undefined
}

/** Something written to the world, and the commit that HEAD was at then. */
export interface Sent {
  readonly write: Write
  readonly head: string
}

/** How long a command may take, in milliseconds: waiting for a lock that a dead push left takes 15 s. */
const PATIENCE = 120_000

/**
 * Runs a program in somebody's checkout, in a process group of its own, and strikes it. `onSent` hears what it writes to
 * the world. Rejects when it does not end.
 */
export async function runStruck(
  rack: Rack,
  who: { readonly name: string; readonly folder: string; readonly onSent: (sent: Sent) => void },
  program: string,
  args: readonly string[],
  blow: Blow | undefined,
): Promise<Ran> {
  const { place, proxy, shim, runtime } = rack
  const strike = blow?.strike
  const counting =
    strike?.kind === 'git'
      ? shim.count({ at: strike.at, kind: strike.fault, delay: strike.delay }, strike.group)
      : undefined
  const child = spawn(program, args, {
    cwd: who.folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...place.env, ADMIN_CODE: who.name, ...counting?.env, ...pathsOf(place, counting?.env) },
  })
  let struck: string | undefined
  let back: Promise<void> = Promise.resolve()
  let over = false
  const killRuntime = () => {
    // What was to be struck a moment later has ended: the next command is not to be struck.
    if (over) return
    runtime.kill()
    if (blow?.restart === 'at once') back = runtime.start()
  }
  const kill = () => (victimOf(strike) === 'runtime' ? killRuntime() : killCommand(child, strike?.group === true))
  const watch = proxy.watch({
    code: who.name,
    kill,
    strike: strike?.kind === 'net' ? strike : undefined,
    onWrite: (write) => who.onSent({ write, head: headOf(who.folder) }),
  })
  const timer =
    strike?.kind !== 'time'
      ? undefined
      : setTimeout(() => {
          struck = 'at any time'
          kill()
        }, strike.part * rack.usual)
  const patience = setTimeout(() => killCommand(child, true), PATIENCE)
  const ended = await ending(child)
  over = true
  clearTimeout(timer)
  clearTimeout(patience)
  await watch.settled()
  proxy.unwatch(watch)
  // One that was struck late may not be dead yet, and one that was not struck runs on.
  await back
  await runtime.start()
  if (strike?.kind === 'git') {
    const call = counting?.calls()[strike.at - 1]
    if (call !== undefined) struck = `${strike.fault} ${strike.at}: git ${call}`
  } else struck ??= watch.struck
  const ran = { args, code: ended.code, stdout: ended.stdout, stderr: ended.stderr }
  if (ended.signal !== null && struck === undefined) throw new Error(`${args.join(' ')} did not end\n${ran.stderr}`)
  return { ...ran, struck }
}

/** The git that counts stands before the program of ours on the PATH. */
function pathsOf({ env }: Place, counting: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const [first] = counting?.PATH?.split(':') ?? []
  return first === undefined ? {} : { PATH: `${first}:${env.PATH}` }
}

function killCommand(child: ChildProcess, group: boolean): void {
  try {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(group ? -child.pid : child.pid, 'SIGKILL')
  } catch {
    // It ended by itself just before.
  }
}

interface Ended {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

function ending(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** The commit of HEAD, read as a process that cannot wait reads it. */
function headOf(folder: string): string {
  const head = readFileSync(join(folder, '.git/HEAD'), 'utf8').trim()
  const ref = /^ref: (.*)$/.exec(head)?.[1]
  if (ref === undefined) return head
  try {
    return readFileSync(join(folder, '.git', ref), 'utf8').trim()
  } catch {
    const packed = readFileSync(join(folder, '.git/packed-refs'), 'utf8')
    return (
      packed
        .split('\n')
        .find((line) => line.endsWith(` ${ref}`))
        ?.slice(0, -ref.length - 1) ?? ''
    )
  }
}
