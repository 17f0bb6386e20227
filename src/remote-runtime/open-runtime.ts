import { type AssetPlace, assetCalls } from './assets.ts'
import { readHead, readPage } from './changes.ts'
import { connectionOf, type RuntimeOptions } from './connection.ts'
import { openHttp } from './http.ts'
import { identityOf, readSnapshot, readStatus, requireWorld } from './identity.ts'
import { lockCalls } from './lock.ts'
import type { AdminSession, RemoteRuntime, RuntimeAddress, Snapshot } from './remote-runtime.ts'
import { rollbackCalls } from './rollback.ts'
import { readBlueprint, writeCalls } from './writes.ts'

/**
 * The runtime at an address. Nothing is sent before the first call, and whatever is expensive to load (zod, undici,
 * msgpackr) is loaded by the first call that needs it.
 *
 * Throws `SyncError` `invalid_url` for a URL that is none, or that carries credentials.
 *
 * @example
 * const runtime = openRuntime({ url: 'http://localhost:3000', worldId: 'plaza', adminCode: process.env.ADMIN_CODE })
 * await runtime.identify()
 * const snapshot = await runtime.snapshot()
 */
export function openRuntime(address: RuntimeAddress, options: RuntimeOptions = {}): RemoteRuntime {
  const connection = connectionOf(address, options)
  const http = openHttp(connection)
  const sessions = new Set<AdminSession>()
  let worldId = address.worldId
  let place: AssetPlace | undefined

  const snapshot = async (): Promise<Snapshot> => {
    const taken = await readSnapshot(http)
    requireWorld(http, worldId, taken.worldId)
    worldId = taken.worldId
    // Not the whole of it: it would be kept for as long as the runtime is open.
    place = { assetsUrl: taken.assetsUrl, maxUploadSize: taken.maxUploadSize ?? null }
    return taken
  }

  return {
    address: { ...address, url: connection.base },
    identify: async () => {
      const identity = (await readStatus(http)) ?? identityOf(await snapshot())
      requireWorld(http, worldId, identity.worldId)
      worldId = identity.worldId
      return identity
    },
    snapshot,
    head: () => readHead(http),
    changes: (cursor, page) => readPage(http, cursor, page),
    blueprint: (id) => readBlueprint(http, id),
    ...writeCalls(http),
    connect: async () => {
      const { openSession } = await import('./session.ts')
      const session = await openSession(connection)
      sessions.add(session)
      session.closed.then(() => sessions.delete(session))
      return session
    },
    ...lockCalls(http),
    ...rollbackCalls(http),
    ...assetCalls(http, { known: () => place, ask: snapshot }),
    close: async () => {
      await Promise.all([...sessions].map((session) => session.close()))
      http.close()
    },
  }
}
