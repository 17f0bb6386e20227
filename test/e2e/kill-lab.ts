import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import type { RuntimeOptions } from '../../src/runtime/index.ts'
import { startRuntime } from '../../src/runtime/index.ts'
import { clone } from '../../src/sync/init.ts'
import { type GitFault, GitShim } from '../faults/git-shim.ts'
import { KillProxy } from '../faults/kill-proxy.ts'
import type { NetStep, NetStrike } from '../faults/watch.ts'
import { Checkout, CODE, startWorld, temporaryFolder, type World } from '../sync/support.ts'
import type { Ran } from './conflict-project.ts'
import { inWorld, type LiveWorld } from './kill-live.ts'
import { random } from './kill-seed.ts'

const CLI = resolve('bin/run.js')

/** Where a command is killed: at one of its git processes, or at one step of its network. */
export type Point =
  | {
      readonly kind: 'git'
      readonly at: number
      readonly fault: Extract<GitFault, 'kill-before' | 'kill-after'>
      /** With all git processes that the command has running; else these find out by themselves. */
      readonly group: boolean
    }
  | ({ readonly kind: 'net' } & NetStrike)

/** A run of the built command, and the steps that it took. */
export interface Stepped extends Ran {
  readonly calls: readonly string[]
  readonly steps: readonly NetStep[]
  /** What was struck; undefined where the command ended before. */
  readonly struck: string | undefined
}

/** A world and a project of it, copied for one case. */
export interface Copy {
  readonly project: Checkout
  readonly world: LiveWorld
  /** Runs `gamedev sync …`, killed at a point or to its end. */
  sync(args: readonly string[], point?: Point): Promise<Stepped>
  close(): Promise<void>
}

/**
 * One situation, kept as two folders (the project's and the runtime's), and copies of it in which commands are killed.
 * Runtimes run in this process, one after the other behind one proxy, which is the world's address in the project.
 */
export class Lab {
  /** The feed's cursor at the begin of each copy. */
  readonly start: number
  readonly #base: string
  readonly #proxy: KillProxy
  readonly #shim = new GitShim(temporaryFolder())
  readonly #options: Partial<RuntimeOptions>

  /** Makes the situation: the world as it is cloned, then what happens in it, then what the project commits. */
  static async prepare(
    options: Partial<RuntimeOptions>,
    furnish: (world: World) => Promise<void>,
    happens: (world: World) => Promise<void>,
    commits: (project: Checkout) => void,
  ): Promise<Lab> {
    const base = temporaryFolder()
    const world = await startWorld({ ...options, dataDir: join(base, 'data') })
    const proxy = await KillProxy.listen()
    onTestFinished(() => proxy.close())
    proxy.to(world.runtime.url)
    await furnish(world)
    const project = new Checkout(join(base, 'project'))
    const context = { ...project.context(), cwd: base }
    await clone(context, { url: proxy.url, folder: project.folder, worldId: undefined })
    await happens(world)
    commits(project)
    const start = await world.head()
    // The public server keeps what it saved (protocol, section 3).
    world.runtime.save()
    await world.runtime.close()
    return new Lab(base, proxy, options, start)
  }

  private constructor(base: string, proxy: KillProxy, options: Partial<RuntimeOptions>, start: number) {
    this.#base = base
    this.#proxy = proxy
    this.#options = options
    this.start = start
  }

  async copy(): Promise<Copy> {
    const folder = mkdtempSync(join(this.#base, 'copy-'))
    execFileSync('cp', ['-a', join(this.#base, 'project'), join(this.#base, 'data'), folder])
    let passed = 0
    const runtime = await startRuntime({
      port: 0,
      worldId: 'plaza',
      adminCode: CODE,
      clock: () => Date.now() + passed,
      ...this.#options,
      dataDir: join(folder, 'data'),
    })
    this.#proxy.to(runtime.url)
    const project = new Checkout(join(folder, 'project'))
    const world = inWorld(runtime.url, this.start)
    return {
      project,
      world,
      sync: async (args, point) => {
        const ran = await this.#run(project, args, point)
        // Whoever comes next comes some seconds later: locks that were taken for a moment have run out.
        if (ran.struck !== undefined) passed += 11_000
        return ran
      },
      close: async () => {
        await world.close()
        await runtime.close()
        rmSync(folder, { recursive: true })
      },
    }
  }

  async #run(project: Checkout, args: readonly string[], point?: Point): Promise<Stepped> {
    const counting =
      point?.kind === 'git' ? this.#shim.count({ at: point.at, kind: point.fault }, point.group) : this.#shim.count()
    const child = spawn(process.execPath, [CLI, 'sync', ...args], {
      cwd: project.folder,
      // A group of its own, which a kill takes with it: the command, and the git processes that it began.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ADMIN_CODE: CODE, ...counting.env },
    })
    const { pid } = child
    const kill = () => {
      try {
        if (pid !== undefined && child.exitCode === null) process.kill(-pid, 'SIGKILL')
      } catch {
        // It ended by itself just before.
      }
    }
    const watch = this.#proxy.watch({ kill, strike: point?.kind === 'net' ? point : undefined })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((done) =>
      child.on('close', (code, signal) => done({ code, signal })),
    )
    await watch.settled()
    const calls = counting.calls()
    const at = point?.kind === 'git' ? `${point.fault} git ${calls[point.at - 1]}` : watch.struck
    return { code, stdout, stderr, calls, steps: watch.steps, struck: signal === 'SIGKILL' ? at : undefined }
  }
}

/** Every point at which a run that took these steps can be killed, in the order in which it took them by kind. */
export function pointsOf({ calls, steps }: Pick<Stepped, 'calls' | 'steps'>, seed: string): readonly Point[] {
  const later = random(`${seed} later`)
  return [
    ...calls.flatMap((_, index) =>
      (['kill-before', 'kill-after'] as const).map((fault, after) => ({
        kind: 'git' as const,
        at: index + 1,
        fault,
        group: (index + after) % 2 === 0,
      })),
    ),
    ...steps.flatMap(({ moments }, index) =>
      moments.map((moment) => ({
        kind: 'net' as const,
        at: index + 1,
        moment,
        later: moment === 'answered' ? Math.floor(later() * 16) : 0,
      })),
    ),
  ]
}

export function nameOf(point: Point): string {
  return point.kind === 'git'
    ? `git ${point.at} ${point.fault}${point.group ? ' group' : ''}`
    : `net ${point.at} ${point.moment}${point.later === 0 ? '' : `+${point.later}ms`}`
}
