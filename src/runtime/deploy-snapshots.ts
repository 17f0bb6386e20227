import type { JsonObject } from '../world/json.ts'
import type { Connection } from './store-schema.ts'

/** Blueprints as they were before a deploy, to roll back to (protocol, section 6). */
export interface DeploySnapshot {
  readonly id: string
  readonly scope: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly target: string
  readonly note: string
  readonly blueprints: readonly JsonObject[]
}

export interface DeploySnapshots {
  /** Keeps it, and the newest {@link MAX_SNAPSHOTS} in all. */
  put(snapshot: DeploySnapshot): void
  get(id: string): DeploySnapshot | undefined
  /** The newest of a scope, or of all. */
  latest(scope: string | undefined): DeploySnapshot | undefined
  /** The blueprints of every snapshot, which a cleaning of assets must spare. */
  blueprints(): Generator<JsonObject>
}

/** Older ones are of no use to anybody: what they hold is in the feed as well. */
const MAX_SNAPSHOTS = 1000

type Row = [id: string, scope: string, createdAt: string, target: string, note: string, body: string]
const COLUMNS = 'id, scope, created_at, target, note, body'

export function createDeploySnapshots(db: Connection): DeploySnapshots {
  const select = (where: string, ...values: readonly string[]): DeploySnapshot | undefined => {
    const rows = db
      .prepare(`SELECT ${COLUMNS} FROM deploy_snapshot ${where} ORDER BY seq DESC LIMIT 1`)
      .raw()
      .all(...values) as Row[]
    return rows[0] === undefined ? undefined : parse(rows[0])
  }
  return {
    put(s) {
      db.prepare(`INSERT INTO deploy_snapshot (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`).run(
        s.id,
        s.scope,
        s.createdAt,
        s.target,
        s.note,
        JSON.stringify(s.blueprints),
      )
      db.prepare('DELETE FROM deploy_snapshot WHERE seq <= (SELECT max(seq) FROM deploy_snapshot) - ?').run(
        MAX_SNAPSHOTS,
      )
    },
    get: (id) => select('WHERE id = ?', id),
    latest: (scope) => (scope === undefined ? select('') : select('WHERE scope = ?', scope)),
    *blueprints() {
      // One at a time: together they may be larger than the world.
      const body = db.prepare('SELECT body FROM deploy_snapshot WHERE seq = ?').raw()
      for (const [seq] of db.prepare('SELECT seq FROM deploy_snapshot ORDER BY seq').raw().all() as [number][]) {
        for (const [json] of body.all(seq) as [string][]) yield* JSON.parse(json) as JsonObject[]
      }
    },
  }
}

function parse([id, scope, createdAt, target, note, body]: Row): DeploySnapshot {
  return { id, scope, createdAt, target, note, blueprints: JSON.parse(body) as JsonObject[] }
}
