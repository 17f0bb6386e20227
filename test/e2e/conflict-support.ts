import { join } from 'node:path'
import { expect, it } from 'vitest'
import { check } from '../../src/sync/check.ts'
import { openConflicts } from '../../src/sync/conflicts.ts'
import { init } from '../../src/sync/init.ts'
import { openProject } from '../../src/sync/session.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { addLamps, Checkout, cloneWorld, fsck, startWorld, temporaryFolder, type World } from '../sync/support.ts'
import { type Fields, LAYOUTS, type Layout, Project, syncJson } from './conflict-project.ts'
import { kindsFor, PATIENCE } from './long.ts'

export { type Fields, type Layout, Project, type Ran, sync, syncJson } from './conflict-project.ts'

/** A test of both layouts at once: what takes time in it are processes. */
export function inBothLayouts(name: string, test: (layout: Layout) => Promise<void>, timeout?: number): void {
  inLayouts(LAYOUTS, name, test, timeout)
}

/** A test in both layouts with `npm run test:long`, in one of them otherwise. */
export function inALayout(name: string, test: (layout: Layout) => Promise<void>): void {
  inLayouts(kindsFor(name, LAYOUTS), name, test)
}

function inLayouts(
  layouts: readonly Layout[],
  name: string,
  test: (layout: Layout) => Promise<void>,
  timeout = PATIENCE,
): void {
  it(name, { timeout }, async () => {
    const outcomes = await Promise.allSettled(layouts.map(test))
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') continue
      const error = outcome.reason as Error
      error.message = `in a ${layouts[index]} project: ${error.message}`
      throw error
    }
  })
}

const SCRIPT = [
  'export default (world, app) => {',
  '  let lit = false',
  '',
  '  // switch',
  '',
  '  // glow',
  '',
  '}',
  '',
]

/** Lamps whose files have something to merge in each kind: many lines, a shared module, an asset, props, settings. */
async function furnish(world: World): Promise<void> {
  await addLamps(world)
  const model = await world.remote.uploadAsset(new Uint8Array([0, 1, 2, 3]), 'glb')
  await deploy(
    world,
    'ada',
    'Lamp',
    { model },
    {
      'index.js': `import { glow } from '@shared/glow.js'\n${SCRIPT.join('\n')}`,
      '@shared/glow.js': 'export const glow = () => 1\n',
    },
  )
  for (const id of ['lamp0001', 'lamp0002']) {
    await world.edit('ada', id, { props: { color: 'red', glow: 1, label: 'A lamp' } })
  }
  await world.act('ada', { type: 'settings_modify', key: 'title', value: 'Plaza' })
  await world.act('ada', { type: 'settings_modify', key: 'desc', value: 'A court' })
}

/** Changes a blueprint as a deployment does: files are uploaded, its lock is held. */
export async function deploy(
  world: World,
  actor: string,
  id: string,
  change: JsonObject,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  const current = (await world.blueprint(id)) as { version: number; scope: string; scriptFiles?: JsonObject }
  const lock = await world.remote.acquireLock('test', 30, current.scope)
  if (lock.kind !== 'acquired') throw new Error('locked')
  const scriptFiles: Record<string, string> = { ...(current.scriptFiles as Record<string, string>) }
  for (const [name, text] of Object.entries(files)) {
    scriptFiles[name] = await world.remote.uploadAsset(new TextEncoder().encode(text), 'js')
  }
  const scripts = Object.keys(files).length === 0 ? {} : { script: scriptFiles['index.js']!, scriptFiles }
  const version = current.version + 1
  await world.act(actor, {
    type: 'blueprint_modify',
    lockToken: lock.token,
    change: { id, version, ...change, ...scripts },
  })
  await world.remote.releaseLock(lock.token, current.scope)
}

export interface Begun {
  readonly world: World
  readonly project: Project
}

export interface BeginOptions {
  /** Where in its repository the project is. */
  readonly folder?: string
  /** Put it into a linked worktree of that repository. */
  readonly worktree?: boolean
  /** Configuration of the repository, set before the world's files come into it. */
  readonly config?: Readonly<Record<string, string>>
  /** Done in the world before the project sees it. */
  readonly before?: (world: World) => Promise<void>
}

/**
 * A furnished world, and a project that has it. A split one is cloned; one with a manifest is a repository that has the
 * files already and is connected, as is every one in a subfolder.
 */
export async function begin(layout: Layout, options: BeginOptions = {}): Promise<Begun> {
  const world = await startWorld()
  await furnish(world)
  await options.before?.(world)
  if (layout === 'split' && options.folder === undefined && options.config === undefined) {
    return { world, project: new Project((await cloneWorld(world)).folder, layout) }
  }
  let top = new Checkout(temporaryFolder())
  top.git('init', '--quiet', '-b', 'main')
  for (const [key, value] of Object.entries(options.config ?? {})) top.git('config', key, value)
  top.write('README.md', 'ours\n')
  top.commit('first')
  if (options.worktree === true) {
    const linked = join(temporaryFolder(), 'linked')
    top.git('worktree', 'add', '--quiet', '-b', 'work', linked)
    top = new Checkout(linked)
  }
  const project = new Project(join(top.folder, options.folder ?? ''), layout)
  project.write('notes.txt', 'ours\n')
  if (layout === 'manifest') {
    const { settings, spawn: place, entities } = await world.remote.snapshot()
    const kept = ['id', 'blueprint', 'position', 'quaternion', 'scale', 'pinned', 'props', 'state']
    project.write('world.json', {
      formatVersion: 2,
      settings,
      spawn: place,
      entities: entities.map((entity) => Object.fromEntries(kept.map((key) => [key, (entity as Fields)[key] ?? {}]))),
    })
  }
  top.commit('files that we had')
  const report = await init(project.context(), { url: world.runtime.url, worldId: 'plaza', name: 'main' })
  expect(report).toMatchObject({ kind: 'connected' })
  expect(project.exists('world.json')).toBe(layout === 'manifest')
  expect(top.git('status', '--porcelain')).toBe('')
  return { world, project }
}

/** What is contested, object by object: names of fields, `(object)` for its presence. */
export type Contested = Readonly<Record<string, readonly string[]>>

/** git, `sync conflicts`, `sync check` and the artifacts agree about what is open (C1, C4, C5). */
export async function expectOpen(
  project: Project,
  unmerged: Readonly<Record<string, string>>,
  contested: Contested,
): Promise<void> {
  const [conflicts, checked] = await Promise.all([syncJson(project, 'conflicts'), syncJson(project, 'check')])
  expect(project.unmerged()).toEqual(unmerged)
  expect(conflicts.code).toBe(2)
  expect(fieldsOf(conflicts.data.conflicts)).toEqual(contested)
  const paths = new Set(conflicts.data.conflicts.flatMap((conflict: { unmerged: string[] }) => conflict.unmerged))
  const prefix = project.prefix()
  expect([...paths].sort()).toEqual(
    Object.keys(unmerged)
      .map((path) => prefix + path)
      .sort(),
  )
  expect(checked.code).toBe(2)
  const found = checked.data.conflicts as { kind: string; path: string }[]
  expect(found.map(({ path }) => path).sort()).toEqual([...paths].sort())
  expect(new Set(found.map(({ kind }) => kind))).toEqual(new Set(['unmerged']))
  const open = project.artifacts().filter(({ status }) => status === 'open')
  expect(fieldsOf(open)).toEqual(contested)
  expect(open.map(({ id }) => id).sort()).toEqual(conflicts.data.conflicts.map(({ id }: { id: string }) => id).sort())
}

function fieldsOf(
  conflicts: readonly { readonly object: string; readonly fields: readonly { field: string; status: string }[] }[],
): Contested {
  return Object.fromEntries(
    conflicts.map(({ object, fields }) => [
      object,
      fields
        .filter(({ status }) => status === 'open')
        .map(({ field }) => field)
        .sort(),
    ]),
  )
}

/** Nothing is open any more, as all agree again; a merge may still wait for its commit. */
export async function expectSettled(project: Project, merging: boolean): Promise<void> {
  const [conflicts, checked] = await Promise.all([
    syncJson(project, 'conflicts'),
    check(project.context(), { kind: 'working' }),
  ])
  expect(project.unmerged()).toEqual({})
  expect(conflicts).toMatchObject({ code: 0, data: { conflicts: [] } })
  expect(conflicts.data.merging === null).toBe(!merging)
  expect(checked).toMatchObject({ conflicts: [], problems: [], refused: [] })
  expect(project.artifacts().filter(({ status }) => status === 'open')).toEqual([])
}

/** What `sync conflicts` would list, without its process. */
export async function openFields(project: Project): Promise<Contested> {
  const opened = await openProject(project.context())
  try {
    const { conflicts } = await openConflicts(opened)
    return fieldsOf(conflicts.map(({ object, path, fields }) => ({ object: object ?? path, fields })))
  } finally {
    await opened.repository.close()
  }
}

/** Nothing is open and no merge waits: what {@link expectSettled} says through the commands, without their processes. */
export async function expectConcluded(project: Project): Promise<void> {
  const opened = await openProject(project.context())
  try {
    expect(await openConflicts(opened)).toEqual({ conflicts: [], mergeHead: undefined, stale: [], invalid: [] })
  } finally {
    await opened.repository.close()
  }
  expect(await check(project.context(), { kind: 'working' })).toMatchObject({ conflicts: [], problems: [] })
  expect(project.git('status', '--porcelain')).toBe('')
}

/** What the world and the branch hold is the same, nothing is left to do, and the repository is sound. */
export async function expectInStep({ world, project }: Begun): Promise<void> {
  const head = await world.head()
  expect((await project.pull()).kind).toBe('up-to-date')
  expect((await project.push()).kind).toBe('up-to-date')
  expect(await world.head()).toBe(head)
  const snapshot = await world.remote.snapshot()
  const held = snapshot.entities.map(({ id }) => String(id)).sort()
  expect(project.entities().sort()).toEqual(held)
  for (const entity of snapshot.entities as readonly Fields[]) {
    const { id, blueprint, position, quaternion, scale, pinned, props } = entity
    expect(project.object(String(id))).toMatchObject({ blueprint, position, quaternion, scale, pinned })
    expect(project.object(String(id))?.props).toEqual(props)
  }
  expect(project.object('settings')).toEqual(snapshot.settings)
  expect(project.object('spawn')).toEqual(snapshot.spawn)
  expect(project.git('status', '--porcelain')).toBe('')
  fsck(project)
}

/** A document with its entities by id, so that it can be compared whatever their order. */
function byIds(document: Fields): Fields {
  if (!Array.isArray(document.entities)) return document
  return { ...document, entities: Object.fromEntries((document.entities as Fields[]).map((one) => [one.id, one])) }
}

/** The places in which two JSON files differ: keys from the top, entities of a manifest by their ids. */
export function differences(left: string, right: string): readonly string[] {
  const found: string[] = []
  const walk = (a: unknown, b: unknown, path: readonly string[]): void => {
    if (isRecord(a) && isRecord(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(a[key], b[key], [...path, key])
    } else if (JSON.stringify(a) !== JSON.stringify(b)) found.push(path.join('.'))
  }
  walk(byIds(JSON.parse(left) as Fields), byIds(JSON.parse(right) as Fields), [])
  return found.sort()
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A file with markers as one side has it. */
export function withoutMarkers(text: string, side: 'ours' | 'theirs'): string {
  return text.replace(
    /^<{7} .*\n([\s\S]*?)(?:^\|{7} .*\n[\s\S]*?)?^={7}\r?\n([\s\S]*?)^>{7} .*\n/gm,
    side === 'ours' ? '$1' : '$2',
  )
}
