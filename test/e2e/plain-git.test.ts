import { spawnSync } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { withDriverAttributes } from '../../src/sync/merge-driver-setup.ts'
import { fromEntries, type JsonObject } from '../../src/world/json.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder } from '../sync/support.ts'
import { kindsFor } from './long.ts'

/** The built command, as git's shell starts it. */
const DRIVER = `"${process.execPath}" "${resolve('bin/run.js')}" sync merge-driver %O %A %B %P`

const LOBBY = { targets: { main: { worldUrl: 'http://localhost:3000', worldId: 'plaza' } } }
const entity = (id: string): JsonObject => ({
  id,
  uid: `${id}-uid`,
  blueprint: 'Lamp',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: { color: 'red', glow: 1, label: 'A lamp in the court of the plaza' },
  state: {},
})

/** A repository with the driver, in which one lamp can be changed wherever its layout has it. */
class Project extends Checkout {
  readonly layout: 'split' | 'manifest'

  constructor(layout: 'split' | 'manifest', driver = DRIVER) {
    super(temporaryFolder())
    this.layout = layout
    this.git('init', '--quiet', '--initial-branch=main')
    this.useDriver(driver)
    this.write('lobby.json', LOBBY)
    this.write('.gitattributes', withDriverAttributes(''))
    const entities = ['lamp', 'post'].map(entity)
    const settings = { title: 'Plaza' }
    if (layout === 'manifest') this.write('world.json', { formatVersion: 2, settings, spawn: {}, entities })
    else {
      this.write('world/settings.json', settings)
      for (const { state: _, ...fields } of entities) this.write(this.fileOf(String(fields.id)), fields)
    }
    this.commit('a world')
  }

  useDriver(command: string): void {
    const settings = ['name = world files by field', `driver = ${JSON.stringify(command)}`, 'recursive = binary']
    appendFileSync(join(this.folder, '.git/config'), `[merge "gamedev"]\n\t${settings.join('\n\t')}\n`)
  }

  fileOf(id: string): string {
    return this.layout === 'manifest' ? 'world.json' : `world/entities/00/${id}.json`
  }

  edit(id: string, change: JsonObject): this {
    this.change(this.fileOf(id), (document) => {
      const list = (document.entities ?? [document]) as Record<string, unknown>[]
      const found = list.find((candidate) => candidate.id === id)!
      for (const [key, value] of Object.entries(change)) {
        found[key] = key === 'props' ? { ...(found.props as object), ...(value as object) } : value
      }
    })
    return this
  }

  lamp(id = 'lamp'): Record<string, unknown> {
    const document = this.json(this.fileOf(id))
    return ((document.entities ?? [document]) as Record<string, unknown>[]).find((candidate) => candidate.id === id)!
  }

  /** The branch `other`, with one commit on it; back on main. */
  branch(change: () => void): void {
    this.git('switch', '--quiet', '-c', 'other')
    change()
    this.commit('other')
    this.git('switch', '--quiet', 'main')
  }

  /** Runs git, which may find conflicts. */
  try(...args: string[]): { code: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync('git', args, { cwd: this.folder, encoding: 'utf8' })
    return { code: status, output: stdout + stderr }
  }

  unmerged(): readonly string[] {
    return this.git('diff', '--name-only', '--diff-filter=U').split('\n').filter(Boolean)
  }

  /** Whatever happened: no temporary file is left, none is empty. */
  checkFiles(): void {
    expect(readdirSync(this.folder).filter((name) => name.startsWith('.merge_file'))).toEqual([])
    for (const path of this.git('ls-files').split('\n')) expect(this.read(path)).not.toBe('')
  }
}

beforeAll(() => {
  const commands = JSON.parse(readFileSync(join(resolve('.'), 'oclif.manifest.json'), 'utf8')) as {
    commands: Record<string, unknown>
  }
  expect(commands.commands, 'the command is built').toHaveProperty(['sync:merge-driver'])
})

const MOVED: JsonObject = { position: [5, 0, 0] }
const BLUE: JsonObject = { props: { color: 'blue' } }
const GREEN: JsonObject = { props: { color: 'green' } }

/** The ways in which git brings the change of `other` together with what is on main. */
const WAYS: Readonly<Record<string, (project: Project, here: JsonObject, there: JsonObject) => number | null>> = {
  'git merge': (project, here, there) => {
    project.branch(() => project.edit('lamp', there))
    project.edit('lamp', here).commit('main')
    return project.try('merge', '--no-edit', 'other').code
  },
  'git rebase': (project, here, there) => {
    project.branch(() => project.edit('lamp', there))
    project.edit('lamp', here).commit('main')
    return project.try('rebase', 'other').code
  },
  'git cherry-pick': (project, here, there) => {
    project.branch(() => project.edit('lamp', there))
    project.edit('lamp', here).commit('main')
    return project.try('cherry-pick', 'other').code
  },
  'git stash pop': (project, here, there) => {
    project.edit('lamp', there)
    project.git('stash')
    project.edit('lamp', here).commit('main')
    return project.try('stash', 'pop').code
  },
}

const LAYOUTS = ['split', 'manifest'] as const

describe.each(LAYOUTS)('a %s world', (layout) => {
  // git asks the driver about one file either way; all with `npm run test:long`.
  const ways = Object.keys(WAYS).filter((way) => kindsFor(way, LAYOUTS).includes(layout))

  test.each(ways)('%s: moved here, painted there', (way) => {
    const project = new Project(layout)
    expect(WAYS[way]!(project, MOVED, BLUE)).toBe(0)
    expect(project.lamp()).toMatchObject({ position: [5, 0, 0], props: { color: 'blue', glow: 1 } })
    expect(project.unmerged()).toEqual([])
    project.checkFiles()
  })

  test.each(ways)('%s: painted here and there', (way) => {
    const project = new Project(layout)
    expect(WAYS[way]!(project, { ...GREEN, ...MOVED }, { ...BLUE, pinned: true })).toBe(1)
    const path = project.fileOf('lamp')
    expect(project.unmerged()).toEqual([path])
    const working = project.read(path)
    expect(working.match(/^<{7}/gm)).toHaveLength(1)
    const [ours, theirs] = way === 'git rebase' ? ['blue', 'green'] : ['green', 'blue']
    expect(working).toMatch(
      new RegExp(`\n<{7} ours\n +"color": "${ours}",\n={7}\n +"color": "${theirs}",\n>{7} theirs\n`),
    )
    const resolved = working.replace(/<{7}[\s\S]*?={7}\n([\s\S]*?)>{7} theirs\n/, '$1')
    project.write(path, resolved)
    expect(project.lamp()).toMatchObject({ position: [5, 0, 0], pinned: true, props: { color: theirs } })
    project.checkFiles()
  })

  test('a conflict can be given up', () => {
    const project = new Project(layout)
    expect(WAYS['git merge']!(project, GREEN, BLUE)).toBe(1)
    project.git('merge', '--abort')
    expect(project.lamp()).toMatchObject({ props: { color: 'green' } })
    expect(project.git('status', '--porcelain')).toBe('')
  })

  test('a driver that fails leaves an ordinary conflict and an intact file', () => {
    const killed = `sh -c 'kill -9 $$'`
    for (const driver of ['no-such-program %O %A %B %P', 'false', killed]) {
      const project = new Project(layout, driver)
      const before = () => project.git('show', `HEAD:${project.fileOf('lamp')}`)
      expect(WAYS['git merge']!(project, MOVED, BLUE)).not.toBe(0)
      expect(project.read(project.fileOf('lamp')).trimEnd()).toBe(before())
      project.checkFiles()
      project.git('merge', '--abort')
      expect(project.git('status', '--porcelain')).toBe('')
      // Nothing is lost by it: with the driver there, the same merge is clean.
      project.useDriver(DRIVER)
      expect(project.try('merge', '--no-edit', 'other').code).toBe(0)
      expect(project.lamp()).toMatchObject({ position: [5, 0, 0], props: { color: 'blue' } })
    }
  })
})

test('criss-cross merges: a virtual base is not ours to merge', () => {
  const project = new Project('split')
  project.branch(() => project.edit('lamp', { pinned: true }))
  project.edit('lamp', { blueprint: 'Post' }).commit('main')
  const [main, other] = [project.git('rev-parse', 'main'), project.git('rev-parse', 'other')]
  project.git('merge', '--quiet', '--no-edit', other)
  project.git('switch', '--quiet', 'other')
  project.git('merge', '--quiet', '--no-edit', main)
  project.edit('lamp', BLUE).commit('other')
  project.git('switch', '--quiet', 'main')
  project.edit('lamp', MOVED).commit('main')
  expect(project.try('merge', '--no-edit', 'other').code).toBe(0)
  expect(project.lamp()).toMatchObject({
    blueprint: 'Post',
    pinned: true,
    position: [5, 0, 0],
    props: { color: 'blue' },
  })
})

describe('a rename that git only guesses', () => {
  /** One lamp goes, another comes that looks almost the same. */
  function replaceLamp(project: Project): void {
    const { id: _, ...rest } = project.lamp()
    project.remove(project.fileOf('lamp'))
    project.write(project.fileOf('lantern'), fromEntries([['id', 'lantern'], ...Object.entries(rest as JsonObject)]))
  }

  test.each(['git merge', 'git rebase', 'git cherry-pick'])('%s: an edit never lands on the other lamp', (way) => {
    const command = way.slice('git '.length)
    const project = new Project('split')
    project.branch(() => project.edit('lamp', BLUE))
    replaceLamp(project)
    project.commit('main')
    const { code, output } = project.try(command, 'other')
    expect(code).toBe(1)
    expect(output).toContain('different ids')
    const path = project.fileOf('lantern')
    expect(project.unmerged()).toEqual([path])
    const working = project.read(path)
    // Not even silently in a part of the file: ids and colours stand between markers.
    const [ours, theirs] = way === 'git rebase' ? ['blue', 'red'] : ['red', 'blue']
    const [here, there] = way === 'git rebase' ? ['lamp', 'lantern'] : ['lantern', 'lamp']
    expect(working).toContain(`<<<<<<< ours\n  "id": "${here}",\n=======\n  "id": "${there}",\n>>>>>>> theirs\n`)
    expect(working).toContain(`<<<<<<< ours\n    "color": "${ours}",\n=======\n    "color": "${theirs}",\n>>>>>>>`)
    project.checkFiles()
  })

  test('the other way round', () => {
    const project = new Project('split')
    project.branch(() => replaceLamp(project))
    project.edit('lamp', BLUE).commit('main')
    expect(project.try('merge', '--no-edit', 'other').code).toBe(1)
    expect(project.unmerged()).toHaveLength(1)
  })

  test('a file that was only moved takes the edit along', () => {
    const project = new Project('split')
    project.branch(() => project.edit('lamp', BLUE))
    project.write('world/entities/court/lamp.json', project.read(project.fileOf('lamp')))
    project.remove(project.fileOf('lamp'))
    project.commit('main')
    expect(project.try('merge', '--no-edit', 'other').code).toBe(0)
    expect(project.json('world/entities/court/lamp.json')).toMatchObject({ props: { color: 'blue' } })
  })
})

test('a teammate installs it once per clone, and git finds the program on the PATH', () => {
  const origin = new Project('split')
  origin.branch(() => origin.edit('lamp', BLUE))
  origin.edit('lamp', { props: { glow: 2 } }).commit('main')

  const programs = temporaryFolder()
  symlinkSync(resolve('bin/run.js'), join(programs, 'gamedev'))
  const folder = join(temporaryFolder(), 'a clone')
  const env = { ...process.env, PATH: `${programs}${delimiter}${process.env.PATH}` }
  const inClone = (program: string, ...args: string[]) =>
    spawnSync(program, args, { cwd: folder, encoding: 'utf8', env })
  origin.git('clone', '--quiet', origin.folder, folder)
  // Neighbouring lines: without the configuration git merges lines, and cannot.
  expect(inClone('git', 'merge', '--no-edit', 'origin/other').status).toBe(1)
  inClone('git', 'merge', '--abort')
  const installed = inClone('gamedev', 'sync', 'merge-driver', '--install')
  expect(installed).toMatchObject({ status: 0, stdout: 'git merges world files by field from now on.\n', stderr: '' })
  expect(inClone('git', 'merge', '--no-edit', 'origin/other').status).toBe(0)
  const lamp = JSON.parse(readFileSync(join(folder, origin.fileOf('lamp')), 'utf8')) as JsonObject
  expect(lamp.props).toMatchObject({ color: 'blue', glow: 2 })
  expect(inClone('git', 'status', '--porcelain').stdout).toBe('')
})

test("git merge refs/lobby/remote: the world's line, with an owner of a field", async () => {
  const world = await startWorld()
  await addLamps(world)
  const project = await cloneWorld(world)
  project.git('config', 'merge.gamedev.driver', DRIVER)
  project.write('.gitattributes', withDriverAttributes(''))
  const [first] = readdirSync(join(project.folder, 'world/entities'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => `world/entities/${file}`)
  const path = first!
  const id = String(project.json(path).id)
  const rules = [{ type: 'entity', field: 'props.glow', owner: 'runtime' }]
  project.change('lobby.json', (document) => {
    document.policy = { rules }
  })
  project.commit('driver and policy')

  await world.edit('ada', id, { position: [7, 0, 7], props: { glow: 3 } })
  project.change(path, (document) => {
    document.props = { ...(document.props as object), glow: 2 }
    document.pinned = true
  })
  project.commit('ours')
  await project.session(async (session) => {
    const { fetchWorld } = await import('../../src/sync/fetch.ts')
    await fetchWorld(session)
  })
  project.git('merge', '--quiet', '--no-edit', 'refs/lobby/remote')
  expect(project.json(path)).toMatchObject({ position: [7, 0, 7], pinned: true, props: { glow: 3 } })
  expect((await project.push()).kind).toBe('pushed')
  expect(await world.entity(id)).toMatchObject({ position: [7, 0, 7], pinned: true, props: { glow: 3 } })
  project.check()
})
