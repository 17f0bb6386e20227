import { describe, expect, test } from 'vitest'
import Rollback from '../../src/commands/sync/rollback.ts'
import type { RollbackOutcome } from '../../src/remote-runtime/remote-runtime.ts'
import { takeDeploySnapshots } from '../../src/sync/deploy-snapshot.ts'
import { listSnapshots } from '../../src/sync/deploy-snapshot-list.ts'
import { takeLocks } from '../../src/sync/locks.ts'
import type { PlannedOperation } from '../../src/sync/plan.ts'
import { type RollbackOptions, type RollbackPlan, type RollbackReport, rollback } from '../../src/sync/rollback.ts'
import type { Session } from '../../src/sync/session.ts'
import { objectKey, type WorldObject } from '../../src/world/state.ts'
import { run } from '../commands/run.ts'
import { kindsFor } from '../e2e/long.ts'
import { addLamps, type Checkout, CODE, cloneWorld, startWorld, type World } from './support.ts'

function rollBack(checkout: Checkout, options: Partial<RollbackOptions> = {}): Promise<RollbackReport> {
  return checkout.session((session) => rollback(session, { dryRun: false, confirm: async () => true, ...options }))
}

const SCRIPT = 'apps/Lamp/index.js'

function scripted(id: string, scope: string): PlannedOperation {
  const object: WorldObject = { kind: 'blueprint', id, fields: { scope } }
  return {
    kind: 'blueprint.update',
    key: objectKey('blueprint', id),
    id,
    opId: id,
    by: { commit: '0'.repeat(40) as never, actor: 'Dev' },
    before: object,
    after: object,
    changes: [],
    scripts: true,
  }
}

/** What a push of scripts does before it sends them. */
async function takeFor(session: Session, ...operations: readonly PlannedOperation[]) {
  const scopes = operations.map(({ before }) => String(before?.fields.scope))
  const locks = await takeLocks(session.runtime, scopes)
  try {
    return await takeDeploySnapshots(session, locks, operations)
  } finally {
    await locks.release()
  }
}

async function pushScript(checkout: Checkout, text: string): Promise<void> {
  checkout.write(SCRIPT, text)
  checkout.commit(`lamp: ${text.trim()}`)
  const pushed = await checkout.push()
  expect(pushed).toMatchObject({ kind: 'pushed', landed: 1, refused: [], snapshots: [{ scope: 'Lamp', count: 1 }] })
}

async function scriptOf(world: World): Promise<unknown> {
  return (await world.blueprint('Lamp'))?.script
}

describe.each(
  kindsFor('a rollback', [
    { runtime: 'reference', options: {} },
    { runtime: 'public-like', options: { publicLike: true } },
  ]),
)('rollback on the $runtime runtime', ({ options }) => {
  test('puts the scripts back, as operations of the world that no later push undoes and the next pull brings', async () => {
    const world = await startWorld(options)
    await addLamps(world)
    const checkout = await cloneWorld(world)
    await expect(rollBack(checkout)).rejects.toMatchObject({ code: 'no_snapshot' })
    const old = { script: await scriptOf(world), text: checkout.read(SCRIPT) }
    await pushScript(checkout, 'export default () => 1\n')
    const [record] = await checkout.session(listSnapshots)
    expect(record).toMatchObject({ scope: 'Lamp', ids: ['Lamp'], commit: checkout.git('rev-parse', 'HEAD^1') })
    expect(record?.note).toBe(
      `${checkout.git('branch', '--show-current')}@${record?.commit?.slice(0, 8)} lamp: export default () => 1`,
    )
    // Somebody in the world edits the blueprint: the runtime puts it back as a whole, and the plan says so.
    await world.act('eve', { type: 'blueprint_modify', change: { id: 'Lamp', version: 9, desc: 'a lamp' } })

    const plans: RollbackPlan[] = []
    const confirm = (answer: boolean) => async (plan: RollbackPlan) => {
      plans.push(plan)
      return answer
    }
    expect((await rollBack(checkout, { dryRun: true, confirm: async () => expect.fail('asks nothing') })).kind).toBe(
      'planned',
    )
    await expect(rollBack(checkout, { confirm: confirm(false) })).rejects.toMatchObject({
      code: 'not_confirmed',
      exitCode: 5,
    })
    expect(await scriptOf(world)).not.toBe(old.script)
    const shown = await run(Rollback, checkout.folder, ['--dry-run'], { ADMIN_CODE: CODE })
    expect(shown.out.split('\n')).toEqual([
      expect.stringMatching(
        `^Deploy snapshot ${record?.id} \\(scope Lamp, 1 blueprint\\) of \\S+, before \\w+@\\w+ lamp: export`,
      ),
      '  blueprint:Lamp',
      '    desc: "a lamp" → (absent)',
      expect.stringMatching(/^ {4}scriptFiles\.index\.js: \(content \w+\) → \(content \w+\)$/),
      expect.stringMatching(/^ {2}undone with it: an edit of blueprint:Lamp by eve \(\w+\)$/),
      'Nothing was sent.',
      '',
    ])
    const done = await rollBack(checkout, { confirm: confirm(true) })
    expect(done).toMatchObject({ kind: 'rolled-back', restored: ['Lamp'], failed: [] })
    const fields = (changes: RollbackPlan['changes']) =>
      changes.flatMap(({ key, changes }) => changes.map(({ path }) => `${key} ${path.join('.')}`))
    for (const plan of plans) {
      expect(plan.later).toMatchObject([{ object: 'blueprint:Lamp', actor: 'eve' }])
      expect(fields(plan.changes)).toEqual(['blueprint:Lamp desc', 'blueprint:Lamp scriptFiles.index.js'])
    }
    expect(done.kind === 'rolled-back' && fields(done.changes)).toEqual(fields(done.plan.changes))
    expect(await scriptOf(world)).toBe(old.script)
    expect(checkout.git('log', '-1', '--format=%(trailers:key=Lobby-Source,valueonly)', 'refs/lobby/remote')).toBe(
      'admin.rollback',
    )
    expect(await world.remote.lockStatus('Lamp')).toMatchObject({ locked: false })

    // The branch has the new script still; a push does not send it again, and a branch that goes on is asked.
    expect(checkout.read(SCRIPT)).toBe('export default () => 1\n')
    const branch = checkout.git('branch', '--show-current')
    checkout.git('branch', 'further')
    expect((await checkout.push()).kind).toBe('up-to-date')
    expect(await scriptOf(world)).toBe(old.script)
    expect((await checkout.pull()).kind).toBe('merged')
    expect(checkout.read(SCRIPT)).toBe(old.text)
    checkout.git('switch', '--quiet', 'further')
    checkout.write(SCRIPT, 'export default () => 2\n')
    checkout.commit('go on')
    expect((await checkout.push()).kind).toBe('contested')
    checkout.git('switch', '--quiet', branch)

    // Neither does a branch that has the commit without the push's closing merge: what it pushed was seen, this is news.
    checkout.git('switch', '--quiet', '--create', 'unmerged', record!.commit!)
    expect((await checkout.push()).kind).toBe('up-to-date')
    expect(await scriptOf(world)).toBe(old.script)
    checkout.git('switch', '--quiet', branch)

    // Once rolled back, it is the push before that is next; there is none.
    await expect(rollBack(checkout)).rejects.toMatchObject({ code: 'no_snapshot' })
    // By its id, again and again; one that nobody knows, or a runtime without any, is said.
    expect(await rollBack(checkout, { snapshot: record!.id })).toMatchObject({
      kind: 'rolled-back',
      restored: ['Lamp'],
    })
    await expect(rollBack(checkout, { snapshot: 'nobody' })).rejects.toMatchObject({ code: 'unknown_snapshot' })
    const answering = (outcome: RollbackOutcome) =>
      checkout.session((session) =>
        rollback(
          { ...session, runtime: { ...session.runtime, rollbackDeploy: async () => outcome } },
          { snapshot: record!.id, dryRun: false, confirm: async () => true },
        ),
      )
    await expect(answering({ kind: 'unsupported' })).rejects.toMatchObject({ code: 'no_deploy_snapshots' })
    await expect(answering({ kind: 'refused', error: 'rollback_failed' })).rejects.toMatchObject({
      code: 'rollback_refused',
    })
    const failed = { kind: 'rolled-back', id: record!.id, restored: [], failed: ['Lamp'] } as const
    expect(await answering(failed)).toMatchObject({ failed: ['Lamp'] })
    // A lock that somebody holds stops it, and nothing stays locked.
    const lock = await world.remote.acquireLock('eve', 30, 'Lamp')
    await expect(rollBack(checkout, { snapshot: record!.id })).rejects.toMatchObject({
      code: 'deploy_locked',
      exitCode: 3,
    })
    if (lock.kind === 'acquired') await world.remote.releaseLock(lock.token, 'Lamp')
    checkout.check()
  })
})

test('takes one snapshot per lock, or one under the global lock, and never fails a push for it', async () => {
  const world = await startWorld()
  await addLamps(world)
  await world.act('ada', { type: 'blueprint_add', blueprint: { id: 'Sign', name: 'Sign', version: 0, scope: 'Sign' } })
  const checkout = await cloneWorld(world)
  await checkout.session(async (session) => {
    const taken = await takeFor(session, scripted('Sign', 'Sign'), scripted('Lamp', 'Lamp'))
    expect(taken.map(({ scope, count }) => [scope, count])).toEqual([
      ['Lamp', 1],
      ['Sign', 1],
    ])
    const global = await takeFor(session, scripted('Sign', 'global'), scripted('Lamp', 'Lamp'))
    expect(global.map(({ scope, count }) => [scope, count])).toEqual([['global', 2]])
    expect((await listSnapshots(session)).map(({ id }) => id)).toEqual(
      [...global, ...taken.toReversed()].map(({ id }) => id),
    )
    // All snapshots of one push are one deploy.
    expect(new Set((await listSnapshots(session)).map(({ deploy }) => deploy)).size).toBe(2)
    // Additions replace no scripts.
    expect(await takeFor(session, { ...scripted('New', 'New'), kind: 'blueprint.add', before: undefined })).toEqual([])
    const without = { ...session.runtime, deploySnapshot: async () => ({ kind: 'unsupported' }) as const }
    expect(await takeFor({ ...session, runtime: without }, scripted('Lamp', 'Lamp'))).toEqual([])
    expect(checkout.warnings).toEqual([])
    const refusing = { ...without, deploySnapshot: async () => ({ kind: 'refused', error: 'no' }) as const }
    expect(await takeFor({ ...session, runtime: refusing }, scripted('Lamp', 'Lamp'))).toEqual([])
    expect(checkout.warnings).toEqual([expect.stringContaining('No deploy snapshot of scope "Lamp" was taken (no)')])
  })
  expect(await rollBack(checkout)).toMatchObject({ kind: 'rolled-back', restored: ['Lamp', 'Sign'] })
})
