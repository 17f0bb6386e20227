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
  put(snapshot: DeploySnapshot): void
  get(id: string): DeploySnapshot | undefined
  /** The newest of a scope, or of all. */
  latest(scope: string | undefined): DeploySnapshot | undefined
  /** The blueprints of every snapshot, which a cleaning of assets must spare. */
  blueprints(): Generator<JsonObject>
}

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
    },
    get: (id) => select('WHERE id = ?', id),
    latest: (scope) => (scope === undefined ? select('') : select('WHERE scope = ?', scope)),
    *blueprints() {
      for (const [body] of db.prepare('SELECT body FROM deploy_snapshot').raw().all() as [string][]) {
        yield* JSON.parse(body) as JsonObject[]
      }
    },
  }
}

function parse([id, scope, createdAt, target, note, body]: Row): DeploySnapshot {
  return { id, scope, createdAt, target, note, blueprints: JSON.parse(body) as JsonObject[] }
}
