import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeEach, describe, expect } from 'vitest'
import { testsOn } from '../e2e/long.ts'
import { addLamps, Checkout, cloneWorld, startWorld, temporaryFolder, type World } from './support.ts'

/** A project with a git server between its clones. */
interface Team {
  readonly world: World
  readonly project: Checkout
  readonly server: string
  /** An ordinary `git clone` of the project. */
  clone(...args: string[]): Checkout
}

async function team(options: { publicLike: boolean }): Promise<Team> {
  const world = await startWorld(options)
  await addLamps(world)
  const project = await cloneWorld(world)
  const server = join(temporaryFolder(), 'server.git')
  execFileSync('git', [
    'init',
    '--quiet',
    '--bare',
    '--initial-branch',
    project.git('branch', '--show-current'),
    server,
  ])
  project.git('remote', 'add', 'origin', server)
  project.git('push', '--quiet', '--set-upstream', 'origin', 'HEAD')
  return {
    world,
    project,
    server,
    clone: (...args) => {
      const folder = join(temporaryFolder(), 'clone')
      execFileSync('git', ['clone', '--quiet', ...args, `file://${server}`, folder])
      return new Checkout(folder)
    },
  }
}

/** Commits another colour of a lamp. */
function paint(checkout: Checkout, id: string, color: string): string {
  checkout.change(checkout.entityPath(id), (entity) => {
    entity.props = { ...(entity.props as object), color }
  })
  return checkout.commit(`${id} ${color}`)
}

const colorOf = (checkout: Checkout, id: string) =>
  (checkout.json(checkout.entityPath(id)).props as { color?: string }).color

const inWorld = async (world: World, id: string) =>
  ((await world.entity(id))?.props as { color?: string } | undefined)?.color

const RUNTIMES = [
  { name: 'reference', publicLike: false },
  { name: 'public-like', publicLike: true },
] as const

describe.each(RUNTIMES)('G7 what HEAD has seen, on a $name runtime', (kind) => {
  let team_: Team
  let world: World
  let project: Checkout

  beforeEach(async () => {
    team_ = await team({ publicLike: kind.publicLike })
    world = team_.world
    project = team_.project
  })

  /** One of both, but with `npm run test:long`: what is seen is told from git. */
  const test = testsOn(RUNTIMES, kind)

  /** As if the process had died between the push and its closing merge. */
  async function pushUnmerged(checkout: Checkout, commit: string): Promise<void> {
    expect(await checkout.push()).toMatchObject({ kind: 'pushed' })
    checkout.git('reset', '--quiet', '--hard', commit)
  }

  const quiet = async (checkout: Checkout) => {
    const head = await world.head()
    expect(await checkout.push()).toMatchObject({ kind: 'up-to-date' })
    expect(await checkout.pull()).toMatchObject({ kind: 'up-to-date' })
    expect(await world.head()).toBe(head)
    checkout.check()
  }

  test('what was pushed and then reverted stays reverted, whoever goes on', async () => {
    const red = paint(project, 'lamp0001', 'red')
    await pushUnmerged(project, red)
    project.git('revert', '--no-edit', 'HEAD')
    project.git('push', '--quiet', '--force')
    const fresh = team_.clone()
    for (const checkout of [project, fresh]) {
      expect(await checkout.pull()).toMatchObject({ kind: 'merged' })
      expect(colorOf(checkout, 'lamp0001')).toBeUndefined()
    }
    expect(await project.push({ yes: true })).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await inWorld(world, 'lamp0001')).toBeUndefined()
    await quiet(project)
  })

  test('what was added, pushed and then deleted does not come back', async () => {
    const lamp = project.json(project.entityPath('lamp0001'))
    const path = project.entityPathOf('lamp0009')
    project.write(path, { ...lamp, id: 'lamp0009', uid: undefined })
    const added = project.commit('add')
    await pushUnmerged(project, added)
    project.remove(path)
    project.commit('and delete')
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(project.exists(path)).toBe(false)
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0009')).toBeUndefined()
    await quiet(project)
  })

  test('what was added, pushed and removed in the world again stays removed, though no tree shows either', async () => {
    const lamp = project.json(project.entityPath('lamp0001'))
    const path = project.entityPathOf('lamp0009')
    project.write(path, { ...lamp, id: 'lamp0009', uid: undefined })
    await pushUnmerged(project, project.commit('add'))
    await world.act('eve', { type: 'entity_remove', id: 'lamp0009' })
    paint(project, 'lamp0002', 'red')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0009')).toBeUndefined()
    expect(project.exists(path)).toBe(false)
    await quiet(project)
  })

  test('what was deleted, pushed and then restored is added again', async () => {
    const path = project.entityPath('lamp0002')
    const before = project.git('rev-parse', 'HEAD')
    project.remove(path)
    const gone = project.commit('delete')
    await pushUnmerged(project, gone)
    project.git('checkout', before, '--', path)
    project.commit('restore')
    await project.pull()
    expect(project.exists(path)).toBe(true)
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    expect(await world.entity('lamp0002')).toMatchObject({ blueprint: 'Lamp' })
  })

  test('what the world made of our push afterwards is no conflict with it', async () => {
    const red = paint(project, 'lamp0001', 'red')
    const blue = paint(project, 'lamp0002', 'blue')
    await pushUnmerged(project, blue)
    expect(red).not.toBe(blue)
    // Put back to what it was before, and changed further: both by somebody who saw ours.
    await world.edit('eve', 'lamp0001', { props: {} })
    await world.edit('eve', 'lamp0002', { props: { color: 'green' } })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(colorOf(project, 'lamp0001')).toBeUndefined()
    expect(colorOf(project, 'lamp0002')).toBe('green')
    await quiet(project)
  })

  test('a push from a feature branch, then a pull on main', async () => {
    project.git('switch', '--quiet', '-c', 'feature')
    const red = paint(project, 'lamp0001', 'red')
    expect(await project.push()).toMatchObject({ kind: 'pushed' })
    project.git('switch', '--quiet', '-')
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(colorOf(project, 'lamp0001')).toBe('red')
    await quiet(project)
    // The branch itself comes in later: nothing is new, nothing contested.
    project.git('merge', '--quiet', '--no-edit', 'feature')
    await quiet(project)
    expect(await inWorld(world, 'lamp0001')).toBe('red')
    expect(project.git('log', '--format=%H')).toContain(red)
  })

  test('squash merges: of what was pushed, of what was pulled, and of both', async () => {
    const main = project.git('branch', '--show-current')
    project.git('switch', '--quiet', '-c', 'feature')
    await world.edit('eve', 'lamp0002', { props: { color: 'green' } })
    await project.pull()
    paint(project, 'lamp0001', 'red')
    expect(await project.push()).toMatchObject({ kind: 'pushed' })
    project.git('switch', '--quiet', main)
    project.git('merge', '--quiet', '--squash', 'feature')
    project.git('commit', '--quiet', '-m', 'Squashed feature')
    project.git('push', '--quiet', '--force', 'origin', `HEAD:${main}`)
    project.git('branch', '--quiet', '-D', 'feature')
    // On top of what the squashed branch had seen: our own change is one-sided, so is the world's.
    for (const [checkout, color] of [
      [project, 'amber'],
      [team_.clone(), 'violet'],
    ] as const) {
      checkout.git('switch', '--quiet', '-c', `work-${color}`)
      paint(checkout, 'lamp0002', color)
      expect(await checkout.push()).toMatchObject({ kind: checkout === project ? 'pushed' : 'contested' })
    }
    await world.edit('eve', 'lamp0001', { props: { color: 'white' } })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect([colorOf(project, 'lamp0001'), colorOf(project, 'lamp0002')]).toEqual(['white', 'amber'])
    await quiet(project)
  })

  test('a squash merge that is reverted stays reverted: its mark was seen, though no file says so', async () => {
    const main = project.git('branch', '--show-current')
    const before = [colorOf(project, 'lamp0001'), colorOf(project, 'lamp0002')]
    project.git('switch', '--quiet', '-c', 'feature')
    await world.edit('eve', 'lamp0002', { props: { color: 'green' } })
    await project.pull()
    paint(project, 'lamp0001', 'red')
    expect(await project.push()).toMatchObject({ kind: 'pushed' })
    project.git('switch', '--quiet', main)
    project.git('merge', '--quiet', '--squash', 'feature')
    project.git('commit', '--quiet', '-m', 'Squashed feature')
    project.git('branch', '--quiet', '-D', 'feature')
    project.git('revert', '--no-edit', 'HEAD')
    await world.edit('eve', 'lamp0001', { pinned: true })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect([colorOf(project, 'lamp0001'), colorOf(project, 'lamp0002')]).toEqual(before)
    expect(project.json(project.entityPath('lamp0001')).pinned).toBe(true)
    // It undoes what the base holds: that is asked about (P7).
    await expect(project.push({ yes: false })).rejects.toMatchObject({ code: 'not_confirmed' })
    expect(await project.push({ yes: true })).toMatchObject({ kind: 'pushed', landed: 2 })
    expect([await inWorld(world, 'lamp0001'), await inWorld(world, 'lamp0002')]).toEqual(before)
  })

  test('a rebase that flattened the line into the branch', async () => {
    const start = project.git('rev-parse', 'HEAD')
    paint(project, 'lamp0001', 'red')
    await world.edit('eve', 'lamp0002', { props: { color: 'green' } })
    await project.pull()
    paint(project, 'lamp0002', 'teal')
    // Somebody else's commit, on which the branch is put by an ordinary rebase.
    project.git('switch', '--quiet', '-c', 'other', start)
    project.write('notes.txt', 'notes\n')
    project.commit('notes')
    project.git('switch', '--quiet', '-')
    project.git('rebase', '--quiet', 'other')
    expect(project.git('log', '--merges', '--format=%H', `${start}..`)).toBe('')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 2 })
    expect([await inWorld(world, 'lamp0001'), await inWorld(world, 'lamp0002')]).toEqual(['red', 'teal'])
    await quiet(project)
  })

  test('a commit amended after its push', async () => {
    const red = paint(project, 'lamp0001', 'red')
    await pushUnmerged(project, red)
    project.change(project.entityPath('lamp0002'), (entity) => {
      entity.pinned = true
    })
    project.git('commit', '--quiet', '--all', '--amend', '--no-edit')
    await world.edit('eve', 'lamp0001', { props: { color: 'green' } })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(colorOf(project, 'lamp0001')).toBe('green')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    await quiet(project)
  })

  test('criss-cross: two clones pull at different times and merge through the server', async () => {
    const other = team_.clone()
    paint(project, 'lamp0001', 'red')
    await world.edit('eve', 'lamp0002', { props: { color: 'green' } })
    expect(await project.push()).toMatchObject({ kind: 'pushed' })
    other.write('notes.txt', 'notes\n')
    other.commit('notes')
    await world.edit('eve', 'lamp0002', { props: { color: 'lime' } })
    expect(await other.pull()).toMatchObject({ kind: 'merged' })
    const [here, there] = [project.git('rev-parse', 'HEAD'), other.git('rev-parse', 'HEAD')]
    project.git('push', '--quiet', 'origin', `${here}:refs/heads/a`)
    other.git('push', '--quiet', 'origin', `${there}:refs/heads/b`)
    // Each merges the other's: two merge bases.
    project.git('fetch', '--quiet', 'origin')
    project.git('merge', '--quiet', '--no-edit', 'origin/b')
    other.git('fetch', '--quiet', 'origin')
    other.git('merge', '--quiet', '--no-edit', 'origin/a')
    for (const checkout of [project, other]) {
      expect([colorOf(checkout, 'lamp0001'), colorOf(checkout, 'lamp0002')]).toEqual(['red', 'lime'])
      await quiet(checkout)
    }
    paint(project, 'lamp0002', 'teal')
    expect(await project.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    paint(other, 'lamp0001', 'blue')
    expect(await other.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    project.git('fetch', '--quiet', other.folder, 'HEAD')
    project.git('merge', '--quiet', '--no-edit', 'FETCH_HEAD')
    await quiet(project)
    expect([colorOf(project, 'lamp0001'), colorOf(project, 'lamp0002')]).toEqual(['blue', 'teal'])
  })

  test('CI that pushes and never writes back', async () => {
    const main = project.git('branch', '--show-current')
    const colors = ['red', 'blue', undefined, 'teal']
    for (const color of colors) {
      if (color === undefined) project.git('revert', '--no-edit', 'HEAD')
      else paint(project, 'lamp0001', color)
      project.git('push', '--quiet', 'origin', main)
      const ci = team_.clone()
      expect(await ci.push({ yes: true })).toMatchObject({ kind: 'pushed', landed: 1 })
      expect(await inWorld(world, 'lamp0001')).toBe(color ?? 'red')
    }
    await world.edit('eve', 'lamp0001', { props: { color: 'white' } })
    expect(await team_.clone().push()).toMatchObject({ kind: 'up-to-date' })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    expect(colorOf(project, 'lamp0001')).toBe('white')
    await quiet(project)
  })

  test('what a teammate’s push brings of ours is no news, however we went on', async () => {
    const main = project.git('branch', '--show-current')
    const edit = (checkout: Checkout, id: string, fields: object) => {
      checkout.change(checkout.entityPath(id), (lamp) => void Object.assign(lamp, fields))
      return checkout.commit(`${id} ${JSON.stringify(fields)}`)
    }
    for (const id of ['new1', 'new2']) {
      const lamp = { ...project.json(project.entityPath('lamp0001')), id, uid: undefined }
      project.write(project.entityPathOf(id), lamp)
    }
    edit(project, 'lamp0001', { props: { color: 'red' } })
    edit(project, 'lamp0002', { props: { color: 'red' } })
    project.git('push', '--quiet', 'origin', main)
    // Of what the world has not heard of yet, a teammate changes a part, and pushes all of it.
    const mate = team_.clone()
    edit(mate, 'lamp0001', { pinned: true })
    edit(mate, 'lamp0002', { props: { color: 'blue' } })
    edit(mate, 'new1', { pinned: true })
    // The whole object came with a commit that we do not have, nothing of it changed.
    mate.write(mate.entityPath('new2'), JSON.stringify(mate.json(mate.entityPath('new2'))))
    mate.commit('tidy')
    // One of us has pulled something else meanwhile: what we have in common is older than the baseline.
    await world.act('eve', { type: 'settings_modify', key: 'title', value: 'Plaza' })
    const later = team_.clone()
    expect(await later.pull()).toMatchObject({ kind: 'merged' })
    expect(await mate.push()).toMatchObject({ kind: 'pushed', landed: 4 })
    mate.git('push', '--quiet', 'origin', `${main}:mate`)
    for (const checkout of [project, later]) {
      checkout.git('fetch', '--quiet', 'origin')
      edit(checkout, 'lamp0001', { props: { color: 'green' } })
      edit(checkout, 'lamp0002', { props: {} })
      for (const id of ['new1', 'new2']) checkout.remove(checkout.entityPath(id))
      checkout.commit('not these')
      const { conflicts } = await checkout.pull()
      expect(
        conflicts.map(({ object, fields }) => [object, ...fields.map(({ path }) => path.join('.'))]).sort(),
      ).toEqual([
        ['entity:lamp0002', 'props.color'],
        ['entity:new1', ''],
      ])
      expect(colorOf(checkout, 'lamp0001')).toBe('green')
      expect(checkout.json(checkout.entityPath('lamp0001')).pinned).toBe(true)
      expect(checkout.exists(checkout.entityPathOf('new2'))).toBe(false)
    }
  })

  test('a teammate’s put-back is news, whether their commits are here or not', async () => {
    const main = project.git('branch', '--show-current')
    paint(project, 'lamp0001', 'red')
    project.git('push', '--quiet', 'origin', main)
    expect(await team_.clone().push()).toMatchObject({ kind: 'pushed', landed: 1 })
    // Eve goes on from what the world has, on a branch of her own.
    const eve = team_.clone()
    eve.git('switch', '--quiet', '-c', 'eve', 'HEAD^')
    await eve.pull()
    eve.change(eve.entityPath('lamp0001'), (lamp) => {
      lamp.props = {}
    })
    eve.commit('no, as it was')
    expect(await eve.push()).toMatchObject({ kind: 'pushed', landed: 1 })
    eve.git('push', '--quiet', 'origin', 'eve')
    // The next run of CI has her branch as well.
    expect(await team_.clone().push()).toMatchObject({ kind: 'up-to-date' })
    expect(await inWorld(world, 'lamp0001')).toBeUndefined()

    // Two changes of hers that end where they began, under one of ours.
    paint(eve, 'lamp0002', 'teal')
    await eve.push()
    eve.change(eve.entityPath('lamp0002'), (lamp) => {
      lamp.props = {}
    })
    eve.commit('and back')
    await eve.push()
    eve.git('push', '--quiet', 'origin', 'eve')
    paint(project, 'lamp0002', 'blue')
    expect(await project.push()).toMatchObject({ kind: 'contested' })
    project.git('fetch', '--quiet')
    expect(await project.push()).toMatchObject({ kind: 'contested' })
    expect(await inWorld(world, 'lamp0002')).toBeUndefined()
  })
})
