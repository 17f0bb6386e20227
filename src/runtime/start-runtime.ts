import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { assert, SyncError } from '../world/errors.ts'
import { createAdminSockets } from './admin-sockets.ts'
import { installAssets, openAssetStore } from './asset-store.ts'
import { builtInAssets, claimDataFolder } from './data-folder.ts'
import { LockTable } from './deploy-locks.ts'
import { createDeploySnapshots } from './deploy-snapshots.ts'
import { createGroupWriter, type WriterParts } from './group-writer.ts'
import { createHttpServer } from './http-server.ts'
import { createLooseWriter } from './loose-writer.ts'
import { observedStore, observedWriter } from './observed.ts'
import { emptyStates, openWorld, shortId } from './open-world.ts'
import type { RuntimeCore } from './runtime-core.ts'
import { DEFAULT_LIMITS, type RuntimeLimits } from './runtime-limits.ts'
import { createStore } from './store.ts'
import { openDatabase } from './store-schema.ts'

/** What this runtime adds to the public protocol (section 9). */
export const CAPABILITIES = ['snapshot.cursor', 'ops.batch', 'changes.wait', 'durable'] as const

export interface RuntimeOptions {
  /** Holds the world; made when it is not there. */
  readonly dataDir: string
  /** 0 takes a free one. */
  readonly port: number
  readonly host?: string
  readonly worldId: string
  /** None, or empty, accepts everything. */
  readonly adminCode?: string | undefined
  /** Base URL that clients reach it under, behind a proxy; else as each request says. */
  readonly publicUrl?: string | undefined
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /** How many operations the feed keeps; older cursors are answered 410. Default: all. */
  readonly retention?: number | undefined
  /** Offer only these; none makes it answer like a server that knows nothing of section 9. */
  readonly capabilities?: readonly string[] | undefined
  /** Megabytes of one upload, announced and enforced. */
  readonly maxUploadMegabytes?: number | undefined
  /** Refuse to let the database grow beyond this; writes then fail as on a full disk. */
  readonly maxDatabaseBytes?: number | undefined
  /** What one client may take; see {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<RuntimeLimits> | undefined
  /** Count, and serve the figures at `GET /metrics`, without a code. Default: no. */
  readonly metrics?: boolean | undefined
  /** Lose and repeat what the public server loses and repeats; no section 9. For testing tools. */
  readonly publicLike?: boolean | undefined
  /** With `publicLike`: milliseconds between saves of blueprints and entities. Default: never. */
  readonly saveInterval?: number | undefined
  /** Told of failures that are ours (a full disk, a bug); by default they go to standard error. */
  readonly report?: (error: unknown) => void
}

export interface Runtime {
  readonly url: string
  readonly port: number
  /** Finishes what is under way, then stops. */
  close(): Promise<void>
  /** Drops everything at once, as a crash would: nothing is flushed, answered or waited for. */
  kill(): Promise<void>
  /** With `publicLike`: saves blueprints and entities now. Elsewhere everything is saved already. */
  save(): void
}

/**
 * Starts the reference runtime in this process.
 *
 * Throws `data_in_use`, `wrong_world`, `data_format` and `cannot_listen`.
 *
 * @example
 * const runtime = await startRuntime({ dataDir, port: 0, worldId: 'test' })
 * await fetch(`${runtime.url}/health`)
 * await runtime.close()
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  assert(options.retention === undefined || options.retention >= 1, 'retention keeps at least one operation')
  const folder = await claimDataFolder(options.dataDir)
  const undo: (() => unknown)[] = [() => folder.unlock()]
  try {
    const publicLike = options.publicLike === true
    const now = options.clock ?? Date.now
    const tell = options.report ?? ((error: unknown) => console.error(error))
    // Loaded here, so that who does not count does not pay for it.
    const metrics = options.metrics === true ? (await import('./runtime-metrics.ts')).createMetrics() : undefined
    const report = (error: unknown) => {
      metrics?.failure()
      tell(error)
    }
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const maxUploadMegabytes = options.maxUploadMegabytes ?? 12
    const db = openDatabase(folder.database, options.maxDatabaseBytes)
    undo.unshift(() => db.close())
    const store = createStore(db, options.retention, limits)
    const { world, head } = openWorld(store, options.worldId, now)
    if (publicLike) emptyStates(world)
    await installAssets(builtInAssets(), folder.assets)
    const assets = await openAssetStore(folder.assets, publicLike ? Infinity : maxUploadMegabytes * 1024 * 1024)

    const locks = publicLike ? new LockTable([], () => {}) : new LockTable(store.locks(now()), store.persistLock)
    const sockets = createAdminSockets(() => core)
    const { broadcast } = sockets
    const parts: WriterParts = {
      world,
      head,
      store: metrics === undefined ? store : observedStore(store, metrics),
      locks,
      now,
      newUid: randomUUID,
      newOpId: shortId,
      copiedMembers: limits.copiedMembers,
      broadcast,
      report,
    }
    const loose = publicLike ? createLooseWriter(parts) : undefined
    const plain = loose ?? createGroupWriter(parts)
    const writer = metrics === undefined ? plain : observedWriter(plain, metrics)
    const closing = new AbortController()
    const core: RuntimeCore = {
      worldId: options.worldId,
      world,
      writer,
      store,
      locks,
      assets,
      snapshots: createDeploySnapshots(db),
      capabilities: new Set(publicLike ? [] : (options.capabilities ?? CAPABILITIES)),
      adminCode: options.adminCode,
      publicUrl: options.publicUrl?.replace(/\/+$/, ''),
      maxUploadMegabytes,
      limits,
      now,
      newUid: randomUUID,
      publicLike,
      closing: closing.signal,
      metrics,
      report,
    }
    const app = await createHttpServer(core, sockets)
    undo.unshift(() => app.close())
    const { url, port } = await listen(app, options)
    const saving =
      loose === undefined || options.saveInterval === undefined
        ? undefined
        : setInterval(() => loose.save(), options.saveInterval).unref()

    let stopped: Promise<void> | undefined
    const stop = (end: () => void): Promise<void> => {
      stopped ??= (async () => {
        clearInterval(saving)
        sockets.stop()
        end()
        closing.abort()
        await app.close()
        store.close()
        folder.unlock()
      })()
      return stopped
    }
    return {
      url,
      port,
      close: () => stop(() => writer.drain()),
      kill: () =>
        stop(() => {
          writer.drop()
          sockets.terminate()
          app.server.closeAllConnections()
        }),
      save: () => loose?.save(),
    }
  } catch (error) {
    for (const step of undo) await step()
    throw error
  }
}

async function listen(
  app: FastifyInstance,
  { port, host = '127.0.0.1' }: RuntimeOptions,
): Promise<{ readonly url: string; readonly port: number }> {
  try {
    await app.listen({ port, host })
  } catch (cause) {
    throw new SyncError('cannot_listen', `The runtime cannot listen on ${host}:${port}.`, {
      hint: 'Choose another port with --port.',
      cause,
    })
  }
  const { port: actual } = app.server.address() as AddressInfo
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return { url: `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${actual}`, port: actual }
}
