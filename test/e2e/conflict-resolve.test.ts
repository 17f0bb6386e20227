import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { conflictId } from '../../src/sync/conflict-artifact.ts'
import { objectKey } from '../../src/world/state.ts'
import { temporaryFolder } from '../sync/support.ts'
import {
  type Begun,
  begin,
  deploy,
  expectConcluded,
  expectInStep,
  expectOpen,
  expectSettled,
  type Fields,
  inALayout,
  type Layout,
  type Project,
  sync,
  syncJson,
  withoutMarkers,
} from './conflict-support.ts'

const FIRST = conflictId('plaza', objectKey('entity', 'lamp0001'))
const SECOND = conflictId('plaza', objectKey('entity', 'lamp0002'))

/** Two lamps of which three fields are contested, and others are not: the outcome of the pull that finds them. */
async function contest(begun: Begun): Promise<void> {
  const { world, project } = begun
  await world.edit('bob', 'lamp0001', { position: [2, 2, 2], props: { color: 'green', glow: 7, label: 'A lamp' } })
  await world.edit('bob', 'lamp0002', { scale: [2, 2, 2], pinned: true })
  project.edit('lamp0001', { position: [1, 1, 1], pinned: true, props: { color: 'blue' } })
  project.edit('lamp0002', { scale: [3, 3, 3] }).commit('mine')
}

const CONTESTED = { 'entity:lamp0001': ['position', 'props.color'], 'entity:lamp0002': ['scale'] }

function paths(project: Project): readonly string[] {
  return [...new Set(['lamp0001', 'lamp0002'].map((id) => project.fileOf(id)))]
}

function unmerged(project: Project): Readonly<Record<string, string>> {
  return Object.fromEntries(paths(project).map((path) => [path, 'UU']))
}

const LOCAL = { position: [1, 1, 1], color: 'blue', scale: [3, 3, 3] }
const REMOTE = { position: [2, 2, 2], color: 'green', scale: [2, 2, 2] }
const OTHER = { position: [4, 4, 4], color: 'gold', scale: [4, 4, 4] }
type Outcome = typeof LOCAL

/** Writes what somebody decided, instead of the markers. */
function decide(project: Project, { position, color, scale }: Outcome): void {
  for (const path of paths(project)) project.write(path, withoutMarkers(project.read(path), 'theirs'))
  project.edit('lamp0001', { position, props: { color } }).edit('lamp0002', { scale })
}

interface Way {
  /** Settles everything; may look at what is open on its way. */
  readonly settle: (project: Project) => Promise<void>
  readonly outcome: Outcome
  /** What the artifacts say of position, props.color and scale. */
  readonly marks: readonly [string, string, string]
}

/** The last of several resolutions exits with 0, those before with 2. */
async function resolveAll(project: Project, ...calls: readonly (readonly string[])[]): Promise<void> {
  for (const [index, args] of calls.entries()) {
    const { code, stdout, stderr } = await sync(project, ['resolve', ...args])
    expect(code, stdout + stderr).toBe(index === calls.length - 1 ? 0 : 2)
    expect(stdout).toContain(index === calls.length - 1 ? '"git commit" concludes the merge' : 'still open')
  }
}

const WAYS: Readonly<Record<string, Way>> = {
  'a merge tool': {
    settle: async (project) => {
      const folder = temporaryFolder()
      const working = paths(project).map((path) => project.read(path))
      decide(project, OTHER)
      for (const [index, path] of paths(project).entries()) {
        writeFileSync(join(folder, path.replaceAll('/', '-')), project.read(path))
        project.write(path, working[index]!)
      }
      project.git('config', 'mergetool.keepBackup', 'false')
      project.git('config', 'mergetool.x.trustExitCode', 'true')
      project.git('config', 'mergetool.x.cmd', `cp "${folder}/$(echo "$MERGED" | tr / -)" "$MERGED"`)
      project.git('mergetool', '--no-prompt', '--tool=x')
    },
    outcome: OTHER,
    marks: ['merged', 'merged', 'merged'],
  },
  'an edit and git add': {
    settle: async (project) => {
      decide(project, { ...LOCAL, color: 'green' })
      // Edited is not settled: git has to be told.
      await expectOpen(project, unmerged(project), CONTESTED)
      const [first, ...rest] = paths(project)
      project.git('add', first!)
      if (rest.length > 0) await expectOpen(project, { [rest[0]!]: 'UU' }, { 'entity:lamp0002': ['scale'] })
      project.git('add', ...rest)
    },
    outcome: { ...LOCAL, color: 'green' },
    marks: ['merged', 'merged', 'merged'],
  },
  'resolve --use local and --use remote': {
    settle: (project) => resolveAll(project, [SECOND, '--use', 'remote'], ['entity:lamp0001', '--use', 'local']),
    outcome: { ...LOCAL, scale: REMOTE.scale },
    marks: ['local', 'local', 'remote'],
  },
  'resolve --use merged': {
    settle: async (project) => {
      const refused = await syncJson(project, 'resolve', FIRST, '--use', 'merged')
      expect(refused).toMatchObject({ code: 2, data: { error: { code: 'markers_left' } } })
      decide(project, OTHER)
      await resolveAll(project, [FIRST, SECOND, '--use', 'merged'])
    },
    outcome: OTHER,
    marks: ['merged', 'merged', 'merged'],
  },
  'resolve --field, one at a time': {
    settle: async (project) => {
      expect((await sync(project, ['resolve', FIRST, '--use', 'local', '--field', 'props.color'])).code).toBe(2)
      await expectOpen(project, unmerged(project), { ...CONTESTED, 'entity:lamp0001': ['position'] })
      for (const side of project.stages('lamp0001')) expect(side).toMatchObject({ props: { color: 'blue' } })
      expect(project.read(project.fileOf('lamp0001'))).toMatch(/"color": "blue"/)
      await resolveAll(
        project,
        [SECOND, '--use', 'local', '--field', 'scale'],
        [FIRST, '--use', 'remote', '--field', 'position'],
      )
    },
    outcome: { ...LOCAL, position: REMOTE.position },
    marks: ['remote', 'local', 'local'],
  },
  'resolve --all': {
    settle: (project) => resolveAll(project, ['--all', '--use', 'remote']),
    outcome: REMOTE,
    marks: ['remote', 'remote', 'remote'],
  },
  'git checkout --ours': {
    settle: async (project) => {
      project.git('checkout', '--quiet', '--ours', '--', ...paths(project))
      project.git('add', ...paths(project))
    },
    outcome: LOCAL,
    marks: ['merged', 'merged', 'merged'],
  },
  'git checkout --theirs': {
    settle: async (project) => {
      project.git('checkout', '--quiet', '--theirs', '--', ...paths(project))
      project.git('add', ...paths(project))
    },
    outcome: REMOTE,
    marks: ['merged', 'merged', 'merged'],
  },
}

/** A merge in progress stops push and pull: nothing reaches the world, nothing here is changed. */
async function expectStopped({ world, project }: Begun, exitCode: number): Promise<void> {
  const [head, before] = [await world.head(), project.everything()]
  const stopped = { code: exitCode, data: { error: { code: 'merge_in_progress' } } }
  expect(await syncJson(project, 'push')).toMatchObject(stopped)
  expect(await syncJson(project, 'pull')).toMatchObject(stopped)
  expect(await world.head()).toBe(head)
  expect(project.everything()).toEqual(before)
}

async function contested(layout: Layout): Promise<Begun> {
  const begun = await begin(layout)
  await contest(begun)
  return begun
}

for (const [name, { settle, outcome, marks }] of Object.entries(WAYS))
  inALayout(`C4: settled with ${name}`, async (layout) => {
    const begun = await contested(layout)
    const { world, project } = begun
    expect((await sync(project, ['pull'])).code).toBe(2)
    expect(project.unmerged()).toEqual(unmerged(project))
    expect(() => project.git('commit', '--no-edit')).toThrow('unmerged files')
    await settle(project)
    await expectSettled(project, true)
    expect(project.git('status')).toContain('All conflicts fixed but you are still merging')
    const [first, second] = [project.artifact('entity:lamp0001'), project.artifact('entity:lamp0002')]
    expect([first, second]).toMatchObject([{ status: 'resolved' }, { status: 'resolved' }])
    expect([...first.fields, ...second.fields].map(({ status }) => status)).toEqual(marks)
    expect([first.history, second.history]).toEqual([[], []])
    expect(Date.parse(first.closedAt!)).toBeGreaterThanOrEqual(Date.parse(first.openedAt))
    project.git('commit', '--quiet', '--no-edit')
    await expectConcluded(project)
    const pushed = await sync(project, ['push'])
    expect(pushed.code, pushed.stdout + pushed.stderr).toBe(0)
    const { position, color, scale } = outcome
    const props = { color, glow: 7, label: 'A lamp' }
    expect(await world.entity('lamp0001')).toMatchObject({ position, pinned: true, props })
    expect(await world.entity('lamp0002')).toMatchObject({ scale, pinned: true })
    await expectInStep(begun)
  })

inALayout('C1, C3: given up with git merge --abort, twice, then settled; and contested once more', async (layout) => {
  const begun = await contested(layout)
  const { world, project } = begun
  const before = project.everything()
  for (const first of [true, false]) {
    expect((await sync(project, ['pull'])).code).toBe(2)
    project.git('merge', '--abort')
    expect(project.everything()).toEqual(before)
    expect(project.git('status', '--porcelain')).toBe('')
    if (first) await expectSettled(project, false)
    else await expectConcluded(project)
    expect(project.artifacts().map(({ id, status }) => [id, status])).toEqual(
      [FIRST, SECOND].sort().map((id) => [id, 'abandoned']),
    )
  }
  const head = await world.head()
  const refused = await sync(project, ['push'])
  expect(refused.code, refused.stdout + refused.stderr).toBe(3)
  expect(await world.head()).toBe(head)
  expect((await sync(project, ['pull'])).code).toBe(2)
  await expectOpen(project, unmerged(project), CONTESTED)
  const told = (id: string) => {
    const artifact = project.artifacts().find((candidate) => candidate.id === id)!
    return [...artifact.history.map(({ status }) => status), artifact.status]
  }
  expect(told(FIRST)).toEqual(['abandoned', 'abandoned', 'open'])
  await resolveAll(project, ['--all', '--use', 'local'])
  project.git('commit', '--quiet', '--no-edit')
  expect((await sync(project, ['push'])).code).toBe(0)
  await expectInStep(begun)

  await world.edit('bob', 'lamp0001', { position: [6, 6, 6] })
  project.edit('lamp0001', { position: [7, 7, 7] }).commit('again')
  expect((await sync(project, ['pull'])).code).toBe(2)
  await expectOpen(project, { [project.fileOf('lamp0001')]: 'UU' }, { 'entity:lamp0001': ['position'] })
  expect(told(FIRST)).toEqual(['abandoned', 'abandoned', 'resolved', 'open'])
  expect(told(SECOND)).toEqual(['abandoned', 'abandoned', 'resolved'])
  project.git('merge', '--abort')
})

inALayout('C5: nothing is sent while conflicts are open, nor when their markers were committed', async (layout) => {
  const begun = await contested(layout)
  const { world, project } = begun
  const script = project.read('apps/Lamp/index.js')
  await deploy(world, 'bob', 'Lamp', {}, { 'index.js': script.replace('// glow', 'glow(2)') })
  project.write('apps/Lamp/index.js', script.replace('// glow', 'glow(1)'))
  project.commit('my glow')
  expect((await sync(project, ['pull'])).code).toBe(2)
  await expectStopped(begun, 2)
  const mine = project.git('rev-parse', 'HEAD')

  project.git('add', '-A')
  expect((await sync(project, ['check'])).code).toBe(2)
  expect((await sync(project, ['check', '--staged'])).code).toBe(2)
  await expectStopped(begun, 1)
  project.git('commit', '--quiet', '--no-edit')
  const head = await world.head()
  const forced = await syncJson(project, 'check')
  expect(forced.code).toBe(2)
  expect(forced.data.conflicts.map(({ kind, path }: Fields) => [kind, path])).toEqual(
    [...paths(project), 'apps/Lamp/index.js'].sort().map((path) => ['markers', path]),
  )
  const json = await sync(project, ['push'])
  expect([1, 2]).toContain(json.code)

  // The JSON is mended, the script is not.
  for (const path of paths(project)) project.write(path, withoutMarkers(project.read(path), 'ours'))
  project.commit('json mended')
  expect((await sync(project, ['check'])).code).toBe(2)
  const text = await sync(project, ['push'])
  expect(text.stderr).toContain('conflict markers')
  expect(text.code).toBe(2)
  expect(await world.head()).toBe(head)

  project.write('apps/Lamp/index.js', withoutMarkers(project.read('apps/Lamp/index.js'), 'ours'))
  project.commit('all mended')
  expect(project.git('rev-parse', 'HEAD~3')).toBe(mine)
  expect((await sync(project, ['check'])).code).toBe(0)
  expect((await sync(project, ['push'])).code).toBe(0)
  expect(await world.entity('lamp0001')).toMatchObject({ position: [1, 1, 1], props: { color: 'blue', glow: 7 } })
  await expectInStep(begun)
})
