import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { readChanges } from '../../src/remote-runtime/changes.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { startRuntime } from '../../src/runtime/index.ts'
import type { Operation } from '../../src/world/operation.ts'
import { CODE, closeAll, failure, track } from './fake-server.ts'

afterEach(closeAll)

const BY = { actor: 'me', source: 'git:1' }
const APP = {
  type: 'app',
  blueprint: 'lamp',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  mover: null,
  uploader: null,
  pinned: false,
  props: {},
  state: {},
}

/** The reference runtime, as itself or as the public server behaves. */
async function started(publicLike: boolean, adminCode = CODE) {
  const dataDir = await mkdtemp(join(tmpdir(), 'remote-runtime-'))
  const server = await startRuntime({ dataDir, port: 0, worldId: 'plaza', adminCode: CODE, publicLike })
  const runtime = openRuntime({ url: server.url, worldId: 'plaza', adminCode })
  track(runtime)
  track(server)
  track({ close: () => rm(dataDir, { recursive: true, force: true }) })
  return { server, runtime }
}

async function feed(runtime: RemoteRuntime, after: number): Promise<Operation[]> {
  const all: Operation[] = []
  for await (const batch of readChanges(runtime, after, { limit: 7 })) {
    if (batch.kind === 'page') all.push(...batch.operations)
  }
  return all
}

describe.each([
  ['the reference runtime', false],
  ['one that is like the public server', true],
])('%s', (_, publicLike) => {
  test('is the world that it says', async () => {
    const { runtime } = await started(publicLike)
    expect((await runtime.identify()).worldId).toBe('plaza')
    const snapshot = await runtime.snapshot()
    expect(snapshot.capabilities?.includes('ops.batch') ?? false).toBe(!publicLike)
    expect(await runtime.blueprint('$scene')).toMatchObject({ id: '$scene' })
    expect(await runtime.blueprint('nothing')).toBeUndefined()
  })

  test('refuses a wrong code everywhere', async () => {
    const { runtime } = await started(publicLike, 'wrong')
    for (const call of [() => runtime.snapshot(), () => runtime.head(), () => runtime.connect()]) {
      expect(await failure(call())).toMatchObject({ code: 'unauthorized', exitCode: 4 })
    }
    expect(await failure(runtime.removeBlueprint('x'))).toMatchObject({ code: 'unauthorized' })
  })

  test('takes commands and tells them in the feed', async () => {
    const { runtime } = await started(publicLike)
    const from = await runtime.head()
    const session = await runtime.connect()
    let changes = 0
    session.onChange(() => changes++)
    const blueprint = { id: 'lamp', name: 'Lamp', version: 0, model: null, script: '', props: {}, desc: 'bright' }
    const outcomes = await Promise.all([
      session.send({ type: 'blueprint_add', ...BY, lastOpId: 'op-add', blueprint }),
      session.send({ type: 'blueprint_modify', ...BY, change: { id: 'lamp', version: 1, desc: undefined } }),
      session.send({ type: 'blueprint_modify', ...BY, change: { id: 'lamp', version: 1, name: 'No' } }),
      ...Array.from({ length: 30 }, (_, n) =>
        session.send({ type: 'entity_add', ...BY, entity: { ...APP, id: `e${n}` } }),
      ),
      session.send({ type: 'settings_modify', ...BY, key: 'title', value: 'Plaza' }),
    ])
    expect(outcomes[2]).toMatchObject({
      kind: 'refused',
      error: 'version_mismatch',
      current: { id: 'lamp', version: 1 },
    })
    expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(33)
    expect(await runtime.head()).toBeGreaterThanOrEqual(from + 33)
    expect(changes).toBeGreaterThanOrEqual(33)

    const operations = await feed(runtime, from)
    expect(operations).toHaveLength(33)
    expect(operations[0]).toMatchObject({ opId: 'op-add', kind: 'blueprint.add', actor: 'me', source: 'git:1' })
    expect(operations[1]?.snapshot).not.toHaveProperty('desc')
    expect(await runtime.removeBlueprint('lamp')).toEqual({ kind: 'refused', error: 'in_use' })
    expect(await runtime.putSpawn({ position: [1, 2, 3], quaternion: [0, 0, 0, 1] })).toEqual({ kind: 'ok' })
    expect((await runtime.snapshot()).spawn).toMatchObject({ position: [1, 2, 3] })
    await session.close()
  })

  test('locks scopes', async () => {
    const { runtime } = await started(publicLike)
    expect((await runtime.lockStatus('demo')).locked).toBe(false)
    const lock = await runtime.acquireLock('me', 30, 'demo')
    if (lock.kind !== 'acquired') throw new Error('not acquired')
    expect(await runtime.acquireLock('you', 30, 'demo')).toMatchObject({ kind: 'held', lock: { owner: 'me' } })
    expect(await runtime.renewLock(lock.token, 60, 'demo')).toBe(true)
    expect(await runtime.renewLock('other', 60, 'demo')).toBe(false)
    await runtime.releaseLock(lock.token, 'demo')
    await runtime.releaseLock(lock.token, 'demo')
    expect((await runtime.lockStatus('demo')).locked).toBe(false)
  })

  test('keeps assets', async () => {
    const { runtime } = await started(publicLike)
    const bytes = Buffer.from('export default () => {}\n'.repeat(20_000))
    const url = await runtime.uploadAsset(bytes, 'js')
    expect(Buffer.from((await runtime.downloadAsset(url))!).equals(bytes)).toBe(true)
    expect(await failure(runtime.uploadAsset(Buffer.alloc(13 * 1024 * 1024), 'bin'))).toMatchObject({
      code: 'asset_too_large',
    })
  })

  test('loses the connection under commands', async () => {
    const { runtime, server } = await started(publicLike)
    const session = await runtime.connect()
    const sent = Array.from({ length: 500 }, (_, n) =>
      session.send({ type: 'entity_add', ...BY, entity: { ...APP, id: `e${n}` } }),
    )
    const lost = failure(sent.at(-1)!)
    await server.kill()
    expect(await lost).toMatchObject({ code: 'connection_lost', exitCode: 4 })
    await Promise.allSettled(sent)
  })
})

test('a batch lands whole, and its repetition is a duplicate', async () => {
  const { runtime } = await started(false)
  const from = await runtime.head()
  const operations = [
    { opId: 'b1', ...BY, kind: 'blueprint.add', blueprint: { id: 'lamp', name: 'Lamp', props: { color: 'red' } } },
    { opId: 'e1', ...BY, kind: 'entity.add', entity: { ...APP, id: 'e1' } },
    { opId: 's1', ...BY, kind: 'settings.update', key: 'title', value: 'Plaza' },
  ] as const
  const landed = await runtime.batch({ operations })
  expect(landed).toMatchObject({ kind: 'landed', results: [{ opId: 'b1' }, { opId: 'e1' }, { opId: 's1' }] })
  expect((await feed(runtime, from)).map(({ opId }) => opId)).toEqual(['b1', 'e1', 's1'])
  expect(await runtime.batch({ operations })).toMatchObject({ kind: 'landed', results: [{ duplicate: true }, {}, {}] })

  const stale = { 'props.color': 'blue' }
  const patch = { 'props.color': 'green' }
  expect(
    await runtime.batch({
      operations: [{ opId: 'b2', ...BY, kind: 'blueprint.update', id: 'lamp', patch, expect: stale }],
    }),
  ).toMatchObject({ kind: 'mismatch', mismatches: [{ opId: 'b2', id: 'lamp', field: 'props.color', current: 'red' }] })
  expect(
    await runtime.batch({ expectedCursor: from, operations: [{ opId: 'r', ...BY, kind: 'entity.remove', id: 'e1' }] }),
  ).toMatchObject({ kind: 'refused', error: 'cursor_mismatch' })
  const scripted = { id: 'robot', name: 'Robot', scope: 'robot', script: 'asset://a.js' }
  expect(
    await runtime.batch({ operations: [{ opId: 'x', ...BY, kind: 'blueprint.add', blueprint: scripted }] }),
  ).toMatchObject({ kind: 'locked' })
})

test('a long poll is answered by the next operation', async () => {
  const { runtime } = await started(false)
  const from = await runtime.head()
  const waiting = runtime.changes(from, { wait: 30 })
  const session = await runtime.connect()
  await session.send({ type: 'settings_modify', ...BY, key: 'title', value: 'Plaza' })
  expect(await waiting).toMatchObject({ kind: 'page', page: { operations: [{ kind: 'settings.update' }] } })
})
