import type { AssetStore } from './asset-store.ts'
import type { LockTable } from './deploy-locks.ts'
import type { DeploySnapshots } from './deploy-snapshots.ts'
import type { Command } from './engine-types.ts'
import type { Settled, Writer } from './group-writer.ts'
import type { RuntimeLimits } from './runtime-limits.ts'
import type { RuntimeMetrics } from './runtime-metrics.ts'
import type { Store } from './store.ts'
import type { WorldTables } from './world-tables.ts'

/** Everything that routes and sockets serve from. */
export interface RuntimeCore {
  readonly worldId: string
  readonly world: WorldTables
  readonly writer: Writer
  readonly store: Store
  readonly locks: LockTable
  readonly assets: AssetStore
  readonly snapshots: DeploySnapshots
  readonly capabilities: ReadonlySet<string>
  readonly adminCode: string | undefined
  /** Base URL that clients reach this runtime under; undefined: as each request says. */
  readonly publicUrl: string | undefined
  readonly maxUploadMegabytes: number
  readonly limits: RuntimeLimits
  readonly now: () => number
  readonly newUid: () => string
  readonly publicLike: boolean
  /** Aborted when the runtime closes; nobody waits beyond that. */
  readonly closing: AbortSignal
  /** Undefined where nobody asked for them. */
  readonly metrics: RuntimeMetrics | undefined
  /** Told of failures that are ours. */
  readonly report: (error: unknown) => void
}

/** Sends a command that came over HTTP; `source` is what the feed records (protocol, section 5). */
export function submitHttp(
  core: RuntimeCore,
  command: Command,
  actor = 'admin',
  source = 'admin.http',
): Promise<Settled> {
  return new Promise((settle) => {
    core.writer.submit({ command, by: { actor, source, opId: undefined } }, settle)
  })
}

/** The world as `GET /admin/snapshot` and the snapshot packet say it, without world id, cursor and capabilities. */
export function worldSnapshot(core: RuntimeCore, baseUrl: string) {
  const { world } = core
  return {
    assetsUrl: `${baseUrl}/assets`,
    maxUploadSize: String(core.maxUploadMegabytes),
    settings: world.settings,
    spawn: world.spawn,
    blueprints: [...world.all('blueprint')],
    entities: [...world.all('entity')],
    players: [],
    hasAdminCode: core.adminCode !== undefined && core.adminCode !== '',
    adminUrl: `${baseUrl}/admin`,
  }
}
