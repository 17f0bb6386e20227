import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { interruptedPush } from '../../src/sync/push-journal.ts'
import { SyncError } from '../../src/world/errors.ts'
import { testsOn } from '../e2e/long.ts'
import { feedOf, Killed, killedAt, pushWith, recover } from './push-support.ts'
import { addLamps, type Checkout, cloneWorld, startWorld, type World } from './support.ts'

const RUNTIMES = [
  ['reference', {}],
  ['public-like', { publicLike: true }],
] as const

function journalFile(project: Checkout): string | undefined {
  const folder = join(project.folder, '.git/lobby')
  const name = readdirSync(folder).find((file) => /^push-.*\.json$/.test(file))
  return name === undefined ? undefined : join(folder, name)
}

/** Changes of every kind, told apart by a number. */
function changeAll(project: Checkout, n: number): void {
  project.change(project.entityPath('lamp0001'), (lamp) => {
    lamp.position = [n, 0, 0]
    lamp.props = { text: `n${n}` }
  })
  project.change('apps/Lamp/Lamp.json', (lamp) => {
    lamp.desc = `n${n}`
  })
  project.write('apps/Lamp/index.js', `export default () => ${n}\n`)
  project.change('world/settings.json', (settings) => {
    settings.title = `n${n}`
  })
  project.change('world/spawn.json', (spawn) => {
    spawn.position = [n, 1, 1]
  })
  project.write(`apps/App${n}/App${n}.json`, { id: `App${n}`, name: `App${n}`, scope: `App${n}`, props: {} })
  project.write(`world/entities/app${n}.json`, {
    id: `app${n}`,
    blueprint: `App${n}`,
    position: [0, n, 0],
    quaternion: [0, 0, 0, 1],
    scale: [1, 1, 1],
    pinned: false,
    props: {},
  })
  if (project.exists(`apps/App${n - 1}`)) {
    project.remove(`apps/App${n - 1}`)
    project.remove(project.entityPath(`app${n - 1}`))
  }
  project.commit(`change ${n}`)
}

async function expectWorldIs(world: World, n: number): Promise<void> {
  const { entities, blueprints, settings, spawn } = await world.remote.snapshot()
  expect(entities.find(({ id }) => id === 'lamp0001')).toMatchObject({ position: [n, 0, 0], props: { text: `n${n}` } })
  expect(blueprints.find(({ id }) => id === 'Lamp')).toMatchObject({ desc: `n${n}` })
  expect(settings.title).toBe(`n${n}`)
  expect(spawn.position).toEqual([n, 1, 1])
  const apps = (list: readonly object[]) =>
    list.map((o) => String((o as { id: unknown }).id)).filter((id) => /^app\d/i.test(id))
  expect(apps(blueprints)).toEqual([`App${n}`])
  expect(apps(entities)).toEqual([`app${n}`])
}

describe.each(RUNTIMES)('P6: a push that is killed, against a %s runtime', (name, options) => {
  /** One of both, but with `npm run test:long`. */
  const test = testsOn(
    RUNTIMES.map(([runtime]) => runtime),
    name,
  )

  it('at any request: the next push finds out what landed, and finishes', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    changeAll(project, 1)
    const names: string[] = []
    await pushWith(project, { before: ({ name: call }) => void names.push(call) }, { allowMassDelete: true })
    await expectWorldIs(world, 1)
    changeAll(project, 2)
    names.length = 0
    expect(
      await pushWith(project, { before: ({ name: call }) => void names.push(call) }, { allowMassDelete: true }),
    ).toMatchObject({ kind: 'pushed', refused: [], held: [] })
    // What a push asks for depends on nothing but its changes.
    const points = names
      .flatMap((_, index) => (['before', 'after'] as const).map((when) => [index + 1, when] as const))
      // A lock whose token nobody could write down ends by itself, in a moment (see push-locks.test.ts).
      .filter(([at, when]) => !(names[at - 1] === 'acquireLock' && when === 'after'))
      .filter(([at]) => names[at - 1] !== 'renewLock' || names[at - 2] !== 'acquireLock')
    const step = process.env.LONG === 'all' ? 1 : Math.ceil(points.length / 4)
    let n = 2
    for (const [at, when] of points.filter((_, index) => index % step === step - 1)) {
      changeAll(project, ++n)
      const cursor = await world.head()
      const error = await pushWith(project, killedAt(at, when), { allowMassDelete: true }).catch((e: unknown) => e)
      const where = `${name}: ${when} request ${at}, ${names[at - 1]}`
      // The release of a lock may fail without anybody's noticing.
      if (!(error instanceof Killed)) expect(names[at - 1], where).toMatch(/releaseLock|deploySnapshot/)
      const landed = (await feedOf(world.remote, cursor)).length
      const journal = journalFile(project)
      project.warnings.length = 0
      const report = await project.push({ allowMassDelete: true })
      if (journal !== undefined) {
        const [warning] = project.warnings
        expect(warning, where).toMatch(/^An interrupted push of \d+ operations to world "plaza": /)
        if (landed === 0) expect(warning).toMatch(/nothing landed, \d+ stay to be pushed\.$/)
        else
          expect(warning, where).toMatch(
            new RegExp(`all of them landed|: ${landed} landed, \\d+ did not and stays? to be pushed`),
          )
      }
      expect(report.kind, where).toMatch(/pushed|up-to-date/)
      await expectWorldIs(world, n)
      const ops = await feedOf(world.remote, cursor)
      expect(new Set(ops.map(({ opId }) => opId)).size, where).toBe(ops.length)
      const written = ops.map(
        ({ kind, objectUid, patch }) => `${kind} ${objectUid} ${Object.keys(patch ?? {}).includes('scriptFiles')}`,
      )
      expect(new Set(written).size, `${where}: ${written}`).toBe(written.length)
      expect(journalFile(project)).toBeUndefined()
      expect(await world.remote.lockStatus('Lamp')).toMatchObject({ locked: false })
      expect(project.git('status', '--porcelain')).toBe('')
    }
    project.check()
    expect((await project.push()).kind).toBe('up-to-date')
  })

  test('says what landed by itself, in the same run, where only the answer was lost', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    changeAll(project, 1)
    let cut = false
    const report = await pushWith(project, {
      after: ({ name: call }) => {
        if (cut || !/^(batch|send)$/.test(call)) return
        cut = true
        throw new SyncError('connection_lost', 'The connection was lost', { exitCode: 4 })
      },
    })
    expect(report).toMatchObject({
      kind: 'pushed',
      lost: { code: 'connection_lost' },
      merge: 'merged',
      open: undefined,
    })
    expect(report.kind === 'pushed' && report.landed).toBeGreaterThan(0)
    expect(journalFile(project)).toBeUndefined()
    await project.push()
    await expectWorldIs(world, 1)
    expect((await project.push()).kind).toBe('up-to-date')
  })

  test('keeps its journal where the world cannot be asked, and goes on wherever the branch went', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const project = await cloneWorld(world)
    const sending = ({ name: call }: { readonly name: string }) => /^(batch|send)$/.test(call)
    const kill = async () =>
      expect(await pushWith(project, killedAt(1, 'after', sending)).catch((e: unknown) => e)).toBeInstanceOf(Killed)
    const move = (x: number) => {
      project.change(project.entityPath('lamp0001'), (lamp) => {
        lamp.position = [x, 0, 0]
      })
      project.commit(`move ${x}`)
    }
    // The user commits on top.
    move(1)
    await kill()
    expect(await project.session(interruptedPush)).toEqual({ worldId: 'plaza', branch: 'master', operations: 1 })
    project.write('README.md', 'mine\n')
    const top = project.commit('on top')
    expect(await recover(project)).toMatchObject({
      operations: 1,
      message: 'An interrupted push of 1 operation to world "plaza": it landed.',
      conclusion: { merge: 'merged', missing: [], unseen: [] },
    })
    expect(project.git('rev-parse', 'HEAD^1')).toBe(top)
    expect(await project.session(interruptedPush)).toBeUndefined()
    // Another branch, that knows nothing of it: only a report, and the next pull on the branch takes it in.
    move(2)
    await kill()
    project.git('switch', '--quiet', '-c', 'side', 'HEAD^')
    expect(await recover(project)).toMatchObject({ conclusion: { merge: 'left', landed: [{ kind: 'entity.update' }] } })
    project.git('switch', '--quiet', 'master')
    expect((await project.pull()).kind).toBe('merged')
    expect((await project.push()).kind).toBe('up-to-date')
    // A merge in progress: first that one.
    move(3)
    await kill()
    const head = project.git('rev-parse', 'HEAD')
    writeFileSync(join(project.folder, '.git/MERGE_HEAD'), `${head}\n`)
    await expect(project.push()).rejects.toMatchObject({ code: 'merge_in_progress' })
    expect(journalFile(project)).toBeDefined()
    project.git('merge', '--quit')
    expect(await recover(project)).toMatchObject({ conclusion: { merge: 'merged' } })
    // What is no journal is put aside; another world's is left alone.
    move(4)
    await kill()
    const path = journalFile(project)!
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(0, 100))
    project.warnings.length = 0
    expect((await project.push()).kind).toBe('up-to-date')
    expect(project.warnings.join()).toMatch(/journal of an interrupted push cannot be read/)
    expect(existsSync(`${path}.damaged`)).toBe(true)
    writeFileSync(path, text.replace('"plaza"', '"other"'))
    project.warnings.length = 0
    expect(await recover(project)).toBeUndefined()
    expect(project.warnings.join()).toMatch(/world "other" is left alone/)
    project.check()
  })
})
