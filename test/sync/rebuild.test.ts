import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fetchWorld } from '../../src/sync/fetch.ts'
import { type RebuildOptions, rebuild } from '../../src/sync/rebuild.ts'
import { addLamps, type Checkout, cloneWorld, startWorld } from './support.ts'

const REF = 'refs/lobby/remote'

const rebuildIn = (project: Checkout, options: Partial<RebuildOptions> = {}) =>
  project.session((session) => rebuild(session, { dryRun: false, ...options }))

const fetchIn = (project: Checkout) => project.session((session) => fetchWorld(session))
const at = (project: Checkout, revision = REF) => project.git('rev-parse', revision)

/** A commit of the line with another tree, certified all the same: as a bug of ours, or of another version, makes it. */
function wrongCommit(project: Checkout, of: string): string {
  project.git('read-tree', `--index-output=${project.folder}/.git/wrong`, of)
  const env = { ...process.env, GIT_INDEX_FILE: `${project.folder}/.git/wrong` }
  const git = (...args: string[]) => execFileSync('git', args, { cwd: project.folder, encoding: 'utf8', env }).trimEnd()
  git('update-index', '--force-remove', project.entityPathOf('lamp0001'))
  const tree = git('write-tree')
  const message = project.git('log', '-1', '--format=%B', of).replace(/^Lobby-Tree: .*$/m, `Lobby-Tree: ${tree}`)
  return git('commit-tree', tree, '-p', `${of}^`, '-m', message)
}

describe('sync rebuild', () => {
  it('replays the feed beside the ref; the same line is left alone, a wrong one is replaced', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    for (let x = 1; x <= 3; x++) await world.edit('bob', 'lamp0001', { position: [x, 0, 0] })
    await project.pull()
    const merged = at(project)
    for (let x = 4; x <= 6; x++) await world.edit('bob', 'lamp0001', { position: [x, 0, 0] })
    await fetchIn(project)
    const tip = at(project)
    const refs = project.git('for-each-ref')
    expect(await rebuildIn(project)).toMatchObject({ kind: 'same', by: 'feed', from: { cursor: 3 }, before: tip })
    expect(await rebuildIn(project, { from: `${REF}~2` })).toMatchObject({ kind: 'same', from: { cursor: 7 } })
    expect(project.git('for-each-ref')).toBe(refs)

    // Wrong beyond what the branch has taken in.
    const wrong = wrongCommit(project, tip)
    project.git('update-ref', REF, wrong)
    // As a run leaves it that was killed.
    project.git('update-ref', 'refs/lobby/rebuild/refs%2flobby%2fremote', merged)
    const differs = {
      by: 'feed',
      before: wrong,
      tip,
      difference: {
        commits: { present: 1, rebuilt: 1 },
        first: { present: { commit: wrong, cursor: 9 }, rebuilt: { commit: tip, cursor: 9 } },
        cursor: 9,
        paths: [project.entityPathOf('lamp0001')],
      },
    }
    expect(await rebuildIn(project, { dryRun: true })).toMatchObject({ ...differs, kind: 'differs' })
    expect(at(project)).toBe(wrong)
    expect(await rebuildIn(project, { from: `${REF}~1` })).toMatchObject({ ...differs, kind: 'replaced' })
    expect(project.git('for-each-ref')).toBe(refs)
    // It stays, and the baseline with it.
    await world.edit('bob', 'lamp0001', { position: [7, 0, 0] })
    expect(await project.pull()).toMatchObject({ kind: 'merged', fetched: { before: tip, commits: 1 } })
    expect(project.git('merge-base', 'HEAD^', REF)).toBe(merged)
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([7, 0, 0])
    project.check()

    for (const from of ['HEAD', 'nonsense']) {
      await expect(rebuildIn(project, { from })).rejects.toMatchObject({ code: 'not_on_line' })
    }
  })

  it('what the branch has taken in is not contradicted: the line in HEAD wins (G7)', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    await world.edit('bob', 'lamp0002', { position: [4, 0, 0] })
    await fetchIn(project)
    project.git('update-ref', REF, wrongCommit(project, REF))
    // Within ten minutes of the first look nobody notices: lamp0001 seems deleted.
    await project.pull({ yes: true })
    const taken = at(project)
    await expect(rebuildIn(project)).rejects.toMatchObject({
      code: 'rebuild_disagrees',
      exitCode: 5,
      hint: expect.stringContaining(`--from ${taken.slice(0, 10)}`),
      data: { taken, difference: { paths: [project.entityPathOf('lamp0001')] } },
    })
    expect(at(project)).toBe(taken)
    expect(await rebuildIn(project, { from: taken })).toMatchObject({ kind: 'same' })
    expect(project.git('for-each-ref', 'refs/lobby/rebuild')).toBe('')
  })

  it('a ref that is gone, foreign or broken is made anew from the branch', async () => {
    const world = await startWorld()
    await addLamps(world)
    const project = await cloneWorld(world)
    await world.edit('bob', 'lamp0001', { position: [1, 0, 0] })
    await project.pull()
    await world.edit('bob', 'lamp0001', { position: [2, 0, 0] })
    await fetchIn(project)
    const tip = at(project)
    const merged = at(project, 'HEAD^2')

    project.git('update-ref', '-d', REF)
    expect(await rebuildIn(project)).toMatchObject({ kind: 'replaced', before: undefined, tip, difference: undefined })
    const head = at(project, 'HEAD')
    project.git('update-ref', REF, head)
    await expect(project.pull()).rejects.toMatchObject({
      code: 'foreign_ref',
      hint: expect.stringContaining('rebuild'),
    })
    expect(await rebuildIn(project, { dryRun: true })).toMatchObject({ kind: 'differs', before: head, tip })
    expect(at(project)).toBe(head)
    expect(await rebuildIn(project, { from: merged })).toMatchObject({ kind: 'replaced', before: head, tip })
    // The object is not there at all.
    const missing = '1234567890'.repeat(4)
    writeFileSync(`${project.folder}/.git/${REF}`, `${missing}\n`)
    expect(await rebuildIn(project)).toMatchObject({ kind: 'replaced', before: missing, tip })
    // The file of the ref is empty, as a full disk leaves it.
    writeFileSync(`${project.folder}/.git/${REF}`, '')
    expect(await rebuildIn(project)).toMatchObject({ kind: 'replaced', before: undefined, tip })
    expect(await project.pull()).toMatchObject({ kind: 'merged' })
    project.check()

    // A branch that never met the world has nothing to make it of.
    project.git('checkout', '--quiet', '--orphan', 'alone')
    project.git('commit', '--quiet', '-m', 'alone')
    project.git('update-ref', '-d', REF)
    await expect(rebuildIn(project)).rejects.toMatchObject({ code: 'no_line', hint: expect.stringContaining('init') })
  })

  it('G9: where the feed does not reach back, a fresh snapshot goes on top', async () => {
    const world = await startWorld({ retention: 3 })
    await addLamps(world)
    const project = await cloneWorld(world)
    for (let x = 1; x <= 2; x++) await world.edit('bob', 'lamp0001', { position: [x, 0, 0] })
    await project.pull()
    await world.edit('bob', 'lamp0001', { position: [4, 0, 0] })
    await fetchIn(project)
    const tip = at(project)
    await expect(rebuildIn(project, { from: `${REF}~3` })).rejects.toMatchObject({ code: 'cursor_expired' })
    expect(await rebuildIn(project)).toMatchObject({ kind: 'same', by: 'snapshot', before: tip })
    expect(at(project)).toBe(tip)
    const wrong = wrongCommit(project, tip)
    project.git('update-ref', REF, wrong)
    expect(await rebuildIn(project)).toMatchObject({
      kind: 'replaced',
      by: 'snapshot',
      difference: { commits: { present: 0, rebuilt: 1 }, paths: [project.entityPathOf('lamp0001')] },
    })
    expect(at(project, `${REF}^`)).toBe(wrong)
    expect(await project.pull()).toMatchObject({ kind: 'merged', conflicts: [] })
    expect(project.json(project.entityPath('lamp0001')).position).toEqual([4, 0, 0])
    project.check()
  })
})
