import { type ChildProcess, spawn } from 'node:child_process'
import type { Place } from './place.ts'
import type { RuntimeKind } from './schedule.ts'

export const WORLD_ID = 'plaza'

/** A runtime in a process of its own, on one data folder and one port, however often it is killed. */
export class RuntimeProcess {
  /** How often it was killed. */
  kills = 0
  #child: ChildProcess | undefined
  #url = ''
  #ended: Promise<void> = Promise.resolve()
  #starting: Promise<void> | undefined
  #said = ''
  readonly #place: Place
  readonly kind: RuntimeKind
  readonly #data: string

  constructor(place: Place, kind: RuntimeKind, data: string) {
    this.#place = place
    this.kind = kind
    this.#data = data
  }

  get url(): string {
    return this.#url
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && !this.#child.killed
  }

  /** Starts it, unless it runs. Rejects with what it said when it does not come up. */
  start(): Promise<void> {
    if (this.isRunning && this.#starting === undefined) return Promise.resolve()
    this.#starting ??= this.#start().finally(() => {
      this.#starting = undefined
    })
    return this.#starting
  }

  async #start(): Promise<void> {
    await this.#ended
    const port = this.#url === '' ? '0' : new URL(this.#url).port
    const { cli, publicRuntime, env } = this.#place
    const args =
      this.kind === 'reference'
        ? [cli, 'runtime', 'start', '--data', this.#data, '--world-id', WORLD_ID, '--port', port]
        : [publicRuntime, this.#data, WORLD_ID, port]
    // Without an admin code everything is accepted: the codes of our commands tell them apart at the proxy.
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text
    })
    const orphan = () => void child.kill('SIGKILL')
    process.once('exit', orphan)
    this.#ended = new Promise((done) =>
      child.once('exit', () => {
        process.off('exit', orphan)
        done()
      }),
    )
    const match = await this.#hears(child, /served at (http:\S+)/)
    if (match === undefined) throw new Error(`the runtime does not start: ${this.#said}`)
    this.#url = match[1]!
  }

  /** SIGKILL. */
  kill(): void {
    if (this.#child?.kill('SIGKILL') === true) this.kills++
  }

  /** The public server's stand-in writes what it has to disk. */
  async save(): Promise<void> {
    const child = this.#child!
    this.#said = ''
    child.kill('SIGUSR2')
    if ((await this.#hears(child, /saved/)) === undefined) throw new Error(`the runtime does not save: ${this.#said}`)
  }

  async stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  /** Waits for something that it prints; undefined when it ends before. */
  #hears(child: ChildProcess, what: RegExp): Promise<RegExpExecArray | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        const match = what.exec(this.#said)
        if (match === null) return
        child.stdout?.off('data', look)
        resolve(match)
      }
      child.stdout?.on('data', look)
      child.once('exit', () => resolve(undefined))
      look()
    })
  }
}
