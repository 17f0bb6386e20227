import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GitShim } from '../faults/git-shim.ts'
import type { KillProxy } from '../faults/kill-proxy.ts'
import { type Rack, runStruck } from './command.ts'
import type { Place } from './place.ts'
import { RuntimeProcess } from './runtime-process.ts'
import type { RuntimeKind } from './schedule.ts'
import { writeTemplate } from './template.ts'

/** The most people of a round. */
const PEOPLE = 3

/** A round's own copies of everything: a runtime that runs, a bare repository, and the clones. */
export interface Bench {
  readonly rack: Rack
  readonly folder: string
  readonly clones: readonly string[]
  /** Stops the runtime and removes the folder, unless it is to be looked at. */
  close(keep: boolean): Promise<void>
}

/** The situation that every round on a kind of runtime begins with, kept as folders to copy. */
export class Lab {
  readonly #place: Place
  readonly #proxy: KillProxy
  readonly #shim: GitShim
  readonly #kind: RuntimeKind
  readonly #base: string
  #usual = 0

  /** A world with some objects, its clone, and a bare repository that has the clone's branch. */
  static async prepare(place: Place, proxy: KillProxy, kind: RuntimeKind): Promise<Lab> {
    const lab = new Lab(place, proxy, kind)
    await lab.#prepare()
    return lab
  }

  private constructor(place: Place, proxy: KillProxy, kind: RuntimeKind) {
    this.#place = place
    this.#proxy = proxy
    this.#kind = kind
    this.#base = join(place.folder, kind)
    const counts = join(this.#base, 'git')
    mkdirSync(counts, { recursive: true })
    this.#shim = new GitShim(counts)
  }

  async #prepare(): Promise<void> {
    const base = this.#base
    const runtime = new RuntimeProcess(this.#place, this.#kind, join(base, 'data'))
    try {
      await runtime.start()
      this.#proxy.to(runtime.url)
      const rack = this.#rack(runtime)
      const project = join(base, 'project')
      const run = async (folder: string, program: string, ...args: readonly string[]) => {
        const ran = await runStruck(rack, { name: 'p0', folder, onSent: () => {} }, program, args, undefined)
        if (ran.code !== 0) throw new Error(`${args.join(' ')} exited with ${ran.code}: ${ran.stdout}${ran.stderr}`)
      }
      const git = (...args: readonly string[]) => run(project, 'git', ...args)
      // A clone is a commit, and its folder no repository yet.
      execFileSync('git', ['config', '--file', this.#place.env.GIT_CONFIG_GLOBAL!, 'user.name', 'Somebody'])
      execFileSync('git', ['config', '--file', this.#place.env.GIT_CONFIG_GLOBAL!, 'user.email', 'some@example.com'])
      await run(base, process.execPath, this.#place.cli, 'sync', 'clone', this.#proxy.url, 'project')
      writeTemplate(project, PEOPLE)
      await git('add', '-A')
      await git('commit', '--quiet', '-m', 'What everybody works on')
      const begun = performance.now()
      await run(project, process.execPath, this.#place.cli, 'sync', 'push')
      this.#usual = performance.now() - begun
      await run(base, 'git', 'clone', '--quiet', '--bare', project, 'origin.git')
      await git('remote', 'add', 'origin', '../origin.git')
      if (this.#kind === 'public') await runtime.save()
    } finally {
      await runtime.stop()
    }
  }

  #rack(runtime: RuntimeProcess): Rack {
    return { place: this.#place, proxy: this.#proxy, shim: this.#shim, runtime, usual: this.#usual }
  }

  /** Copies everything for one round and starts its runtime. */
  async copy(name: string, people: number): Promise<Bench> {
    const folder = join(this.#place.folder, name)
    mkdirSync(folder)
    const clones = Array.from({ length: people }, (_, index) => join(folder, `p${index}`))
    const copy = (what: string, to: string) => execFileSync('cp', ['-a', join(this.#base, what), to])
    copy('data', folder)
    copy('origin.git', folder)
    for (const [index, clone] of clones.entries()) {
      copy('project', clone)
      execFileSync('git', ['config', 'user.name', `p${index}`], { cwd: clone })
      execFileSync('git', ['config', 'user.email', `p${index}@example.com`], { cwd: clone })
    }
    const runtime = new RuntimeProcess(this.#place, this.#kind, join(folder, 'data'))
    await runtime.start()
    this.#proxy.to(runtime.url)
    return {
      rack: this.#rack(runtime),
      folder,
      clones,
      close: async (keep) => {
        await runtime.stop()
        if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
      },
    }
  }
}
