import { beforeEach, describe, expect, test, vi } from 'vitest'
import { openRuntime } from '../../../src/remote-runtime/open-runtime.ts'
import type { RemoteRuntime } from '../../../src/remote-runtime/remote-runtime.ts'
import { WorldModel } from './model.ts'
import { forgetServers, registerServer } from './network.ts'
import { PUBLIC, REFERENCE, type ServerKind } from './server-kind.ts'

vi.mock('../../../src/remote-runtime/exchange.ts', () => import('./wire.ts'))
vi.mock('../../../src/remote-runtime/socket.ts', () => import('./wire.ts'))

const BASE = 'http://worlds.test/plaza'
const BY = { actor: 'me', source: 'git:1' }

beforeEach(forgetServers)

function started(kind: ServerKind): { readonly world: WorldModel; readonly runtime: RemoteRuntime } {
  let now = 1_800_000_000_000
  let seed = 0
  const random = () => (seed = (seed + 0.618033988749895) % 1)
  const world = new WorldModel({ worldId: 'plaza', kind, adminCode: 'secret', now: () => now++, random })
  registerServer(BASE, world)
  return { world, runtime: openRuntime({ url: BASE, worldId: 'plaza', adminCode: 'secret' }, { retries: 0 }) }
}

describe.each([REFERENCE, PUBLIC])('$name', (kind) => {
  test('the client reads and writes it', async () => {
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
    const page = await runtime.changes(0, { limit: 1 })
    expect(page).toMatchObject({ kind: 'page', page: { cursor: 1, headCursor: 2, hasMore: true } })
    expect(world.history.map(({ opId, actor }) => [opId, actor])).toEqual([
      ['op-lamp', 'me'],
      [expect.any(String), 'me'],
    ])
    await runtime.close()
  })
})
