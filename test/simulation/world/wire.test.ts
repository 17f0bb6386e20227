import { beforeEach, expect, test, vi } from 'vitest'
import { openRuntime } from '../../../src/remote-runtime/open-runtime.ts'
import type { AdminSession, RemoteRuntime } from '../../../src/remote-runtime/remote-runtime.ts'
import type { SyncError } from '../../../src/world/errors.ts'
import { Host, SimProcess, seeded, startHost, theHost } from '../host.ts'
import { WorldModel } from './model.ts'
import { deliverLate, forgetServers, lateWrites, registerServer, type Step, setGate, type Verdict } from './network.ts'
import { PUBLIC, REFERENCE, type ServerKind } from './server-kind.ts'

vi.mock('../../../src/remote-runtime/exchange.ts', () => import('./wire.ts'))
vi.mock('../../../src/remote-runtime/socket.ts', () => import('./wire.ts'))

const BY = { actor: 'me', source: 'git:1' }
let ann: SimProcess
/** What becomes of steps by their words; everything else arrives. */
let verdicts: Record<string, Verdict>
/** Steps that wait until {@link go}. */
let waiting: { readonly step: Step; readonly go: (verdict: Verdict) => void }[]
let hold = (_: Step) => false

beforeEach(() => {
  forgetServers()
  ann = new SimProcess('ann', 1)
  startHost(new Host({ now: 1_800_000_000_000, random: seeded(1) }))
  theHost().current = ann
  verdicts = {}
  waiting = []
  hold = () => false
  setGate((step) => {
    if (hold(step)) return new Promise((go) => waiting.push({ step, go }))
    return Promise.resolve(verdicts[`${step.kind} ${step.what}`] ?? 'deliver')
  })
})

function started(kind: ServerKind = REFERENCE): { readonly world: WorldModel; readonly runtime: RemoteRuntime } {
  const world = new WorldModel({ worldId: 'plaza', kind, adminCode: 'secret' })
  registerServer('http://plaza.test', world)
  world.edit(
    { kind: 'add', of: 'entity', object: { id: 'e', blueprint: '$scene', position: [0, 0, 0], pinned: false } },
    'eve',
  )
  world.save()
  return {
    world,
    runtime: openRuntime({ url: 'http://plaza.test', worldId: 'plaza', adminCode: 'secret' }, { retries: 0 }),
  }
}

const pinning = (opId: string, pinned = true) => ({
  operations: [{ opId, ...BY, kind: 'entity.update', id: 'e', patch: { pinned } } as const],
})
const pinned = (world: WorldModel) => world.world.get('entity', 'e')?.pinned
const failure = (work: Promise<unknown>): Promise<SyncError> =>
  work.then(
    () => expect.unreachable('it succeeded'),
    (error: SyncError) => error,
  )
const microtasks = () => new Promise<void>((resolve) => setImmediate(resolve))
const move = (session: AdminSession, x: number) =>
  session.send({ type: 'entity_modify', ...BY, change: { id: 'e', position: [x, 0, 0] } })

test.each([REFERENCE, PUBLIC])('the client reads and writes a world: $name', async (kind) => {
  const { world, runtime } = started(kind)
  expect(await runtime.identify()).toEqual({ worldId: 'plaza', title: undefined })
  const snapshot = await runtime.snapshot()
  expect(snapshot.capabilities?.includes('ops.batch') ?? false).toBe(kind === REFERENCE)
  expect(snapshot.blueprints.map(({ id }) => id)).toEqual(['$scene'])
  const script = await runtime.uploadAsset(new TextEncoder().encode('export default 1\n'), 'js')
  expect(new TextDecoder().decode(await runtime.downloadAsset(script))).toBe('export default 1\n')
  const lock = await runtime.acquireLock('me', 10, 'lamp')
  expect(lock).toMatchObject({ kind: 'acquired', ttlMs: 10_000 })
  const session = await runtime.connect()
  let changes = 0
  session.onChange(() => changes++)
  const lamp = {
    id: 'lamp',
    version: 0,
    scope: 'lamp',
    script,
    scriptEntry: 'index.js',
    scriptFiles: { 'index.js': script },
  }
  const lockToken = lock.kind === 'acquired' ? lock.token : ''
  const outcomes = await Promise.all([
    session.send({ type: 'blueprint_add', ...BY, blueprint: lamp }),
    session.send({ type: 'blueprint_add', ...BY, blueprint: lamp, lockToken, lastOpId: 'op-lamp' }),
    session.send({ type: 'blueprint_modify', ...BY, change: { id: 'lamp', version: 0, desc: 'x' } }),
    session.send({ type: 'settings_modify', ...BY, key: 'title', value: 'Home' }),
  ])
  expect(outcomes).toMatchObject([
    { kind: 'refused', error: 'deploy_locked' },
    { kind: 'ok' },
    { kind: 'refused', error: 'version_mismatch', current: { id: 'lamp', version: 0 } },
    { kind: 'ok' },
  ])
  expect(changes).toBe(3)
  await session.close()
  const page = await runtime.changes(1, { limit: 1 })
  expect(page).toMatchObject({ kind: 'page', page: { cursor: 2, headCursor: 3, hasMore: true } })
  expect(world.history.slice(1).map(({ opId, actor }) => [opId, actor])).toEqual([
    ['op-lamp', 'me'],
    [expect.any(String), 'me'],
  ])
  await runtime.close()
})

test('a request that is lost, one that is cut off and comes late, an answer that is lost', async () => {
  const { world, runtime } = started()
  verdicts = { 'request POST /admin/ops': 'lose' }
  expect((await failure(runtime.batch(pinning('a')))).data).toMatchObject({ outcome: 'unknown' })
  expect([pinned(world), deliverLate()]).toEqual([false, 0])

  verdicts = { 'request POST /admin/ops': 'cut' }
  expect((await failure(runtime.batch(pinning('b')))).data).toMatchObject({ outcome: 'unknown' })
  expect(pinned(world)).toBe(false)
  expect(lateWrites().map(({ what, process }) => [what, process?.name])).toEqual([['POST /admin/ops', 'ann']])
  const late: boolean[] = []
  world.onOperation(({ via }) => late.push(via.late))
  expect([deliverLate(), deliverLate(), pinned(world)]).toEqual([1, 0, true])

  verdicts = { 'answer POST /admin/ops 200': 'cut' }
  expect((await failure(runtime.batch(pinning('c', false)))).data).toMatchObject({ outcome: 'unknown' })
  expect([pinned(world), late]).toEqual([false, [true, false]])
})

test('a request that arrives twice; servers that are not there', async () => {
  const { world, runtime } = started()
  verdicts = { 'request POST /admin/ops': 'repeat' }
  expect(await runtime.batch(pinning('a'))).toMatchObject({ kind: 'landed', results: [{ opId: 'a', duplicate: true }] })
  expect(world.history).toHaveLength(2)
  verdicts = {}
  world.reachable = false
  expect((await failure(runtime.batch(pinning('b')))).data).toMatchObject({
    outcome: 'not_sent',
    reason: 'ECONNREFUSED',
  })
  world.reachable = true
  world.stop()
  expect((await failure(runtime.batch(pinning('b')))).data).toMatchObject({ outcome: 'not_sent' })
  expect(await failure(runtime.connect())).toMatchObject({ code: 'unreachable' })
  world.start()
  expect(await runtime.batch(pinning('b'))).toMatchObject({ kind: 'landed' })
  const elsewhere = openRuntime(
    { url: 'http://nowhere.test', worldId: undefined, adminCode: undefined },
    { retries: 0 },
  )
  expect(await failure(elsewhere.snapshot())).toMatchObject({ code: 'unreachable' })
})

test('the dead hear nothing, and what they sent may still arrive', async () => {
  const { world, runtime } = started()
  hold = ({ kind }) => kind === 'request'
  let heard = false
  const over = () => {
    heard = true
  }
  runtime.batch(pinning('a')).then(over, over)
  await microtasks()
  expect(waiting.map(({ step }) => [step.process, step.kind, step.what, step.write])).toEqual([
    [ann, 'request', 'POST /admin/ops', true],
  ])
  ann.dead = true
  runtime.head().then(over, over)
  waiting[0]!.go('deliver')
  await microtasks()
  expect([pinned(world), lateWrites().length]).toEqual([false, 1])
  expect([deliverLate(), pinned(world)]).toEqual([1, true])
  await microtasks()
  expect([heard, waiting.length]).toEqual([false, 1])
})

test('a restart forgets what was on its way', async () => {
  const { world, runtime } = started()
  verdicts = { 'request POST /admin/ops': 'cut' }
  await failure(runtime.batch(pinning('a')))
  world.restart()
  expect([deliverLate(), pinned(world), lateWrites().length]).toEqual([1, false, 0])
})

test('an aborted command stops waiting at once', async () => {
  const { world } = started()
  const stop = new AbortController()
  const address = { url: 'http://plaza.test', worldId: 'plaza', adminCode: 'secret' }
  const runtime = openRuntime(address, { retries: 0, signal: stop.signal })
  hold = ({ kind }) => kind === 'request'
  const failed = failure(runtime.batch(pinning('a')))
  await microtasks()
  stop.abort(new Error('interrupted'))
  expect((await failed).message).toBe('interrupted')
  expect([deliverLate(), pinned(world)]).toEqual([1, true])
})

test('frames of a socket that is cut come late, in their order', async () => {
  const { world, runtime } = started(PUBLIC)
  const session = await runtime.connect()
  expect(await move(session, 1)).toEqual({ kind: 'ok' })
  hold = ({ kind, write }) => kind === 'frame' && write
  const first = move(session, 2)
  const lost = [move(session, 3), move(session, 4)].map(failure)
  await microtasks()
  expect(waiting.map(({ step }) => step.what)).toEqual(['adminCommand entity_modify'])
  waiting[0]!.go('deliver')
  await microtasks()
  waiting[1]!.go('cut')
  expect(await first).toEqual({ kind: 'ok' })
  expect((await Promise.all(lost)).map(({ code }) => code)).toEqual(['connection_lost', 'connection_lost'])
  expect(world.world.get('entity', 'e')?.position).toEqual([2, 0, 0])
  expect(lateWrites().map(({ count }) => count)).toEqual([2])
  lateWrites()[0]!.arrive()
  expect(world.world.get('entity', 'e')?.position).toEqual([3, 0, 0])
  expect([deliverLate(), lateWrites().length]).toEqual([1, 0])
  const places = world.history.map(({ snapshot }) => snapshot?.position)
  expect(places).toEqual([0, 1, 2, 3, 4].map((x) => [x, 0, 0]))
  await session.close()
})

test('what others make the server say waits until its reader is awake', async () => {
  const { world, runtime } = started(PUBLIC)
  const session = await runtime.connect()
  let heard = 0
  session.onChange(() => heard++)
  hold = ({ awake }) => !awake
  expect(await move(session, 1)).toEqual({ kind: 'ok' })
  theHost().current = undefined
  world.edit({ kind: 'modify', of: 'entity', id: 'e', change: { pinned: true } }, 'eve')
  world.edit({ kind: 'remove', of: 'entity', id: 'e' }, 'eve')
  await microtasks()
  expect([heard, waiting.map(({ step }) => step.what)]).toEqual([1, ['entityRemoved']])
  theHost().current = ann
  waiting[0]!.go('deliver')
  await microtasks()
  expect(heard).toBe(3)
})

test('a server that goes down is heard of when the network says so', async () => {
  const { world, runtime } = started(PUBLIC)
  const session = await runtime.connect()
  hold = ({ kind, write }) => kind === 'frame' && !write
  const answer = failure(move(session, 1))
  await microtasks()
  world.restart()
  const lost = failure(move(session, 2))
  theHost().current = undefined
  await microtasks()
  verdicts = {}
  hold = () => false
  for (const { go } of waiting) go('lose')
  expect([(await answer).code, (await lost).code]).toEqual(['connection_lost', 'connection_lost'])
  expect(world.history).toHaveLength(2)
  expect(world.world.get('entity', 'e')?.position).toEqual([0, 0, 0])
})
