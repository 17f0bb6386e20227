import { cpSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'libsql'
import { onTestFinished } from 'vitest'
import type { AdminSession } from '../../src/remote-runtime/remote-runtime.ts'
import { type Runtime, seedWorld, startRuntime } from '../../src/runtime/index.ts'
import { readSeed } from '../../src/runtime/seed.ts'
import { push } from '../../src/sync/push.ts'
import { openSession } from '../../src/sync/session.ts'
import { temporaryFolder } from '../sync/support.ts'
import { withRuntime } from '../sync/unlucky-support.ts'
import type { Shell } from './shell.ts'

export const CODE = 'lanterns-at-dusk'
const WORLD = 'lantern-court'

/** The live world of the runbook: the sample project, served as the public server does, and what befalls it. */
export class RunbookWorld {
  readonly #folder = temporaryFolder()
  #runtime: Runtime | undefined
  #port = 0

  get url(): string {
    return this.#runtime!.url
  }

  /** Serves the sample project; two of its objects are as old worlds have them. */
  async open(): Promise<void> {
    const reading = await readSeed(resolve('fixtures/sample-world'))
    if (reading.kind === 'invalid') throw new Error('the sample project cannot be read')
    await seedWorld(this.#data('live'), WORLD, reading.seed)
    const db = new Database(join(this.#data('live'), 'world.sqlite'))
    for (const id of ['lamp-path-3', 'lamp-path-4']) {
      const row = db.prepare('SELECT body FROM entity WHERE id = ?').get(id) as { body: string } | undefined
      const { uid: _, scope: __, ...old } = JSON.parse(row?.body ?? '{}') as Record<string, unknown>
      db.prepare('UPDATE entity SET body = ? WHERE id = ?').run(JSON.stringify(old), id)
    }
    db.close()
    await this.#serve('live')
    onTestFinished(async () => {
      await this.#runtime?.close()
    })
  }

  /** What happens where the page says `<!-- test: … -->`. */
  readonly directions: Readonly<Record<string, (shell: Shell) => Promise<void>>> = {
    'the world saves what it has': async () => this.#runtime!.save(),
    'the world crashes, and starts again from what it saved last': async () => {
      await this.#runtime!.kill()
      await this.#serve('live')
    },
    'another world answers under the same id': async () => {
      this.#runtime!.save()
      await this.#runtime!.close()
      await this.#serve('other')
    },
    'the right world is back': async () => {
      await this.#runtime!.close()
      await this.#serve('live')
    },
    'the world stops': async () => {
      this.#runtime!.save()
      await this.#runtime!.close()
    },
    'the world starts': async () => this.#serve('live'),
    'a copy of the world is in world-data': async (shell) => {
      cpSync(this.#data('live'), join(shell.home, 'world-data'), { recursive: true })
      rmSync(join(shell.home, 'world-data', 'lock'), { force: true })
    },
    'a push is cut off when its first operation has landed': (shell) => this.#cutOff(shell),
  }

  async #serve(which: string): Promise<void> {
    const options = { dataDir: this.#data(which), port: this.#port, worldId: WORLD, adminCode: CODE }
    this.#runtime = await startRuntime({ ...options, publicLike: true })
    this.#port = this.#runtime.port
  }

  #data(which: string): string {
    return join(this.#folder, which)
  }

  async #cutOff(shell: Shell): Promise<void> {
    const progress = { step: () => {}, warn: () => {} }
    const session = await openSession({ cwd: shell.cwd, env: shell.env, progress }, { target: undefined })
    const connect = async (): Promise<AdminSession> => {
      const real = await session.runtime.connect()
      let sent = 0
      return {
        ...real,
        send: async (command) => {
          if (++sent > 1) throw new Error('cut off')
          return real.send(command)
        },
      }
    }
    const options = { dryRun: false, allowMassDelete: false, autostash: false, confirm: async () => true }
    await push(withRuntime(session, { connect }), options).catch(() => {})
    await session.close()
  }
}
