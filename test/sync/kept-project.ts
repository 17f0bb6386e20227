import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type CheckReport, check } from '../../src/sync/check.ts'
import type { ConflictArtifact } from '../../src/sync/conflict-artifact.ts'
import { type OpenConflict, openConflicts } from '../../src/sync/conflicts.ts'
import { init } from '../../src/sync/init.ts'
import { type PullReport, pull } from '../../src/sync/pull.ts'
import { type PushOptions, type PushReport, push } from '../../src/sync/push.ts'
import { type ResolveReport, resolve, type Use } from '../../src/sync/resolve.ts'
import { openProject, openSession, type Project, type Session } from '../../src/sync/session.ts'
import { readSwitches } from '../../src/sync/switches.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** C6: pulls complete, conflicts are kept open. */
export const LENIENT = { SYNC_STRICT_CONFLICTS: 'false' }

/** Runtimes between which a push differs: transactions of narrow patches, or commands of whole fields. */
export const RUNTIMES = [
  ['reference', {}],
  ['public-like', { publicLike: true }],
] as const

type Env = Record<string, string>
type Document = Record<string, unknown>

/** A project whose use cases run with switches of their own. */
export class KeptProject extends Checkout {
  readonly #env: Env

  constructor(folder: string, env: Env = LENIENT) {
    super(folder)
    this.#env = env
  }

  /** The same folder with other switches. */
  with(env: Env): KeptProject {
    return new KeptProject(this.folder, env)
  }

  async withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession(this.context(this.#env), { target: undefined })
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }

  async withProject<T>(work: (project: Project) => Promise<T>): Promise<T> {
    const project = await openProject(this.context(this.#env))
    try {
      return await work(project)
    } finally {
      await project.repository.close()
    }
  }

  override pull(options: { autostash?: boolean; yes?: boolean } = {}): Promise<PullReport> {
    return this.withSession((session) =>
      pull(session, { autostash: options.autostash ?? false, confirm: async () => options.yes ?? true }),
    )
  }

  override push(options: Partial<PushOptions> = {}): Promise<PushReport> {
    return this.withSession((session) =>
      push(session, {
        dryRun: false,
        allowMassDelete: true,
        autostash: false,
        confirm: async () => true,
        ...options,
      }),
    )
  }

  async open(): Promise<readonly OpenConflict[]> {
    return (await this.withProject(openConflicts)).conflicts
  }

  /** The open conflicts, one line for each field: `kept entity:lamp0001 props.color`. */
  async openFields(): Promise<readonly string[]> {
    const conflicts = await this.open()
    return conflicts
      .flatMap(({ source, object, fields }) => fields.map(({ field }) => `${source} ${object} ${field}`))
      .sort()
  }

  async resolve(names: readonly string[] | 'all', use: Use, field?: string): Promise<ResolveReport> {
    return this.withProject(async (project) =>
      resolve(project, await readSwitches(project.folder, this.context(this.#env).env), {
        names: names === 'all' ? [] : names,
        all: names === 'all',
        use,
        field,
      }),
    )
  }

  checked(): Promise<CheckReport> {
    return check(this.context(this.#env), { kind: 'working' })
  }

  /** The committed artifacts by object. */
  kept(): ReadonlyMap<string, ConflictArtifact> {
    const names = this.git('ls-tree', '--name-only', 'HEAD', 'lobby.conflicts/').split('\n').filter(Boolean)
    const artifacts = names.map((name) => JSON.parse(this.git('show', `HEAD:${name}`)) as ConflictArtifact)
    return new Map(artifacts.map((artifact) => [artifact.object, artifact]))
  }

  /** An entity's JSON, wherever the layout has it. */
  entity(id: string): Document | undefined {
    if (!this.exists('world.json'))
      return this.exists(this.entityPathOf(id)) ? this.json(this.entityPathOf(id)) : undefined
    return (this.json('world.json').entities as Document[]).find((entity) => entity.id === id)
  }

  editEntity(id: string, edit: (entity: Document) => void): void {
    if (!this.exists('world.json')) this.change(this.entityPathOf(id), edit)
    else this.change('world.json', (world) => edit((world.entities as Document[]).find((entity) => entity.id === id)!))
  }

  addEntity(entity: Document & { readonly id: string }): void {
    if (!this.exists('world.json')) this.write(this.entityPathOf(entity.id), entity)
    else {
      this.change('world.json', (world) => {
        world.entities = [...(world.entities as Document[]), entity]
      })
    }
  }

  removeEntity(id: string): void {
    if (!this.exists('world.json')) this.remove(this.entityPathOf(id))
    else {
      this.change('world.json', (world) => {
        world.entities = (world.entities as Document[]).filter((entity) => entity.id !== id)
      })
    }
  }

  editSingle(kind: 'settings' | 'spawn', edit: (value: Document) => void): void {
    if (!this.exists('world.json')) this.change(`world/${kind}.json`, edit)
    else this.change('world.json', (world) => edit(world[kind] as Document))
  }

  single(kind: 'settings' | 'spawn'): Document {
    return this.exists('world.json') ? (this.json('world.json')[kind] as Document) : this.json(`world/${kind}.json`)
  }

  /** Everything that a command could change here: refs, index, and every file's content. */
  state(): unknown {
    const files = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true })
        .filter(({ name }) => name !== '.git')
        .flatMap((entry) => {
          const at = join(folder, entry.name)
          return entry.isDirectory() ? files(at) : [`${at} ${statSync(at).mode} ${readFileSync(at, 'base64')}`]
        })
        .sort()
    return {
      head: this.git('rev-parse', '--symbolic-full-name', 'HEAD'),
      refs: this.git('for-each-ref', '--format=%(refname) %(objectname)'),
      reflog: this.git('reflog'),
      index: this.git('ls-files', '--stage'),
      files: files(this.folder),
    }
  }
}

export type Layout = 'split' | 'manifest'

/** A world with two lamps, and a project that is connected with it. */
export async function lampProject(
  options: { publicLike?: boolean } = {},
  layout: Layout = 'split',
  before: (world: World) => Promise<void> = async () => {},
): Promise<{ readonly world: World; readonly project: KeptProject }> {
  const world = await startWorld(options)
  await addLamps(world)
  await before(world)
  if (layout === 'split') return { world, project: new KeptProject((await cloneWorld(world)).folder) }
  const project = new KeptProject(join(temporaryFolder(), 'project'))
  project.write('.gitignore', '.env\n.lobby/*\n')
  project.git('init', '--quiet', '--initial-branch=main')
  const { settings, spawn, entities } = await world.remote.snapshot()
  const fields = ['id', 'blueprint', 'position', 'quaternion', 'scale', 'pinned', 'props', 'uid']
  const listed = entities.map((entity) => Object.fromEntries(fields.map((key) => [key, entity[key]])))
  project.write('world.json', { formatVersion: 2, settings, spawn, entities: listed })
  project.commit('a manifest')
  const report = await init(project.context(), { url: world.runtime.url, worldId: undefined, name: 'main' })
  expect(report.kind).toBe('connected')
  return { world, project }
}

/** What a plain `git clone` of a project gives a colleague. */
export function colleague(project: KeptProject): KeptProject {
  const folder = join(temporaryFolder(), 'colleague')
  project.git('clone', '--quiet', project.folder, folder)
  return new KeptProject(folder)
}

export async function editBlueprint(world: World, id: string, change: JsonObject): Promise<void> {
  const now = await world.blueprint(id)
  await world.act('bob', { type: 'blueprint_modify', change: { id, version: Number(now?.version) + 1, ...change } })
}

/** Deploys scripts in the world, files of shared modules included. */
export async function deploy(world: World, id: string, sources: Record<string, string>): Promise<void> {
  const files: Record<string, string> = {}
  for (const [path, source] of Object.entries(sources)) {
    files[path] = await world.remote.uploadAsset(new TextEncoder().encode(source), 'js')
  }
  const lock = await world.remote.acquireLock('bob', 30, id)
  if (lock.kind !== 'acquired') throw new Error('locked')
  const version = Number((await world.blueprint(id))?.version) + 1
  await world.act('bob', {
    type: 'blueprint_modify',
    lockToken: lock.token,
    change: {
      id,
      version,
      script: files['index.js']!,
      scriptFiles: files,
      scriptEntry: 'index.js',
      scriptFormat: 'module',
    },
  })
  await world.remote.releaseLock(lock.token, id)
}

/** The scripts that a blueprint has in the world, as text. */
export async function scriptsOf(world: World, id: string): Promise<Record<string, string>> {
  const files = ((await world.blueprint(id))?.scriptFiles ?? {}) as Record<string, string>
  const texts = await Promise.all(
    Object.entries(files).map(async ([path, url]) => {
      const hash = url.replace('asset://', '')
      const answer = await fetch(new URL(`assets/${hash}`, `${world.runtime.url.replace(/\/?$/, '/')}`))
      return [path, await answer.text()] as const
    }),
  )
  return Object.fromEntries(texts)
}
