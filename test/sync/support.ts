import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { entityFile } from '../../src/projection/paths.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { AdminCommand, RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { type Runtime, type RuntimeOptions, startRuntime } from '../../src/runtime/index.ts'
import type { Reporter } from '../../src/sync/figures/event.ts'
import { clone } from '../../src/sync/init.ts'
import { pull } from '../../src/sync/pull.ts'
import { type PushOptions, push } from '../../src/sync/push.ts'
import { type Context, openSession, type Session } from '../../src/sync/session.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { looseRef } from '../loose-ref.ts'

export const CODE = 'secret'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-sync-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A world that runs until the test is over, and somebody inside it. */
export interface World {
  readonly runtime: Runtime
  readonly remote: RemoteRuntime
  /** Sends a command as somebody in the world; a refusal throws. */
  act(actor: string, command: Omit<AdminCommand, 'actor' | 'source'>): Promise<void>
  edit(actor: string, id: string, change: JsonObject): Promise<void>
  entity(id: string): Promise<JsonObject | undefined>
  blueprint(id: string): Promise<JsonObject | undefined>
  head(): Promise<number>
}

export async function startWorld(options: Partial<RuntimeOptions> = {}): Promise<World> {
  const runtime = await startRuntime({
    dataDir: temporaryFolder(),
    port: 0,
    worldId: 'plaza',
    adminCode: CODE,
    ...options,
  })
  onTestFinished(() => runtime.close())
  const remote = openRuntime({ url: runtime.url, worldId: options.worldId ?? 'plaza', adminCode: CODE })
  onTestFinished(() => remote.close())
  const session = await remote.connect()
  const act: World['act'] = async (actor, command) => {
    const outcome = await session.send({ ...command, actor, source: 'admin' } as unknown as AdminCommand)
    if (outcome.kind !== 'ok') throw new Error(`${String(command.type)}: ${outcome.error}`)
  }
  return {
    runtime,
    remote,
    act,
    edit: (actor, id, change) => act(actor, { type: 'entity_modify', change: { id, ...change } }),
    entity: async (id) => (await remote.snapshot()).entities.find((entity) => entity.id === id),
    blueprint: (id) => remote.blueprint(id),
    head: () => remote.head(),
  }
}

/** A checkout in a folder of its own. */
export class Checkout {
  readonly folder: string
  readonly warnings: string[] = []
  /** Who listens to what the use cases decide. */
  reporter: Reporter | undefined

  constructor(folder: string) {
    this.folder = folder
  }

  git(...args: string[]): string {
    const [command, name = ''] = args
    const known = command === 'rev-parse' && args.length === 2 ? looseRef(this.folder, name) : undefined
    if (known !== undefined) return known
    return execFileSync('git', args, {
      cwd: this.folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trimEnd()
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8')
  }

  json(path: string): Record<string, unknown> {
    return JSON.parse(this.read(path)) as Record<string, unknown>
  }

  exists(path: string): boolean {
    return existsSync(join(this.folder, path))
  }

  write(path: string, content: string | Uint8Array | object): void {
    const file = join(this.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    const bytes =
      typeof content === 'string' || content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`
    writeFileSync(file, bytes)
  }

  /** Changes a JSON file. */
  change(path: string, change: (document: Record<string, unknown>) => void): void {
    const document = this.json(path)
    change(document)
    this.write(path, document)
  }

  remove(path: string): void {
    rmSync(join(this.folder, path), { recursive: true })
  }

  commit(message: string): string {
    this.git('add', '-A')
    this.git('commit', '--quiet', '-m', message)
    return this.git('rev-parse', 'HEAD')
  }

  /** The file of an entity, wherever it is. */
  entityPath(id: string): string {
    for (const file of readdirSync(join(this.folder, 'world/entities'), { recursive: true, encoding: 'utf8' })) {
      const path = `world/entities/${file}`
      if (path.endsWith('.json') && this.json(path).id === id) return path
    }
    throw new Error(`no file for entity ${id}`)
  }

  /** The file of an entity where new ones are put, whatever stands in it. */
  entityPathOf(id: string): string {
    return entityFile(id)
  }

  context(env: Record<string, string> = {}): Context {
    return {
      cwd: this.folder,
      env: { ADMIN_CODE: CODE, ...env },
      progress: { step: () => {}, warn: (text) => this.warnings.push(text) },
      reporter: this.reporter,
    }
  }

  async session<T>(work: (session: Session) => Promise<T>, target?: string): Promise<T> {
    const session = await openSession(this.context(), { target })
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }

  pull(options: { autostash?: boolean; yes?: boolean } = {}) {
    return this.session((session) =>
      pull(session, { autostash: options.autostash ?? false, confirm: async () => options.yes ?? false }),
    )
  }

  push(options: Partial<PushOptions> & { yes?: boolean } = {}) {
    return this.session((session) =>
      push(session, {
        dryRun: false,
        allowMassDelete: false,
        autostash: false,
        confirm: async () => options.yes ?? false,
        ...options,
      }),
    )
  }

  /** What must hold after every command: a sound repository, certified commits on the line, no change left behind. */
  check(): void {
    fsck(this)
    const line = this.git(
      'log',
      '--format=%H %T %(trailers:key=Lobby-Tree,valueonly,separator=%x20) %(trailers:key=Lobby-Cursor,valueonly,separator=%x20)',
      'refs/lobby/remote',
    )
    for (const entry of line.split('\n')) {
      const [, tree, named, cursor] = entry.split(' ')
      if (tree !== named || !/^\d+$/.test(cursor ?? '')) throw new Error(`not certified: ${entry}`)
    }
  }
}

/** Has git look at every object. Indexes that nobody made need no processes to be looked at. */
export function fsck(checkout: Checkout): void {
  checkout.git(
    ...['core.commitGraph=false', 'core.multiPackIndex=false'].flatMap((setting) => ['-c', setting]),
    'fsck',
    '--strict',
    '--no-dangling',
  )
}

export async function cloneWorld(world: World, folder = join(temporaryFolder(), 'project')): Promise<Checkout> {
  const checkout = new Checkout(folder)
  const context = checkout.context()
  await clone({ ...context, cwd: dirname(folder) }, { url: world.runtime.url, folder, worldId: undefined })
  return checkout
}

/** A blueprint `Lamp` with a script and two entities, made in the world. */
export async function addLamps(world: World): Promise<void> {
  const script = await world.remote.uploadAsset(
    new TextEncoder().encode("export default (world, app) => {\n  app.on('update', () => {})\n}\n"),
    'js',
  )
  const lock = await world.remote.acquireLock('test', 30, 'Lamp')
  if (lock.kind !== 'acquired') throw new Error('locked')
  await world.act('ada', {
    type: 'blueprint_add',
    lockToken: lock.token,
    blueprint: {
      id: 'Lamp',
      name: 'Lamp',
      version: 0,
      scope: 'Lamp',
      script,
      scriptEntry: 'index.js',
      scriptFiles: { 'index.js': script },
      scriptFormat: 'module',
      props: { color: 'white', power: 3 },
    },
  })
  await world.remote.releaseLock(lock.token, 'Lamp')
  for (const [index, id] of ['lamp0001', 'lamp0002'].entries()) {
    await world.act('ada', {
      type: 'entity_add',
      entity: {
        id,
        type: 'app',
        blueprint: 'Lamp',
        position: [index, 0, 0],
        quaternion: [0, 0, 0, 1],
        scale: [1, 1, 1],
        pinned: false,
        props: {},
        state: {},
        mover: null,
        uploader: null,
      },
    })
  }
}
