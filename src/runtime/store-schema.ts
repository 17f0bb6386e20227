import Database from 'libsql'
import { SyncError } from '../world/errors.ts'

export type Connection = InstanceType<typeof Database>

/** Raised when the tables change their shape; a newer number is refused rather than misread. */
const FORMAT = 1

const TABLES = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blueprint (id TEXT PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS entity (id TEXT PRIMARY KEY, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS operation (cursor INTEGER PRIMARY KEY, op_id TEXT NOT NULL UNIQUE, body TEXT);
  CREATE TABLE IF NOT EXISTS deploy_lock (
    scope TEXT PRIMARY KEY, token TEXT NOT NULL, owner TEXT NOT NULL, acquired_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS deploy_snapshot (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, created_at TEXT NOT NULL,
    target TEXT NOT NULL, note TEXT NOT NULL, body TEXT NOT NULL
  );
`

/**
 * Opens a world's database. WAL with `synchronous=FULL`: a commit is on disk before it returns, which is what lets the
 * runtime call itself durable (protocol, section 9).
 */
export function openDatabase(path: string, maxBytes: number | undefined): Connection {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  if (maxBytes !== undefined) {
    const [pageSize] = db.prepare('PRAGMA page_size').raw().all() as [[number]]
    db.pragma(`max_page_count = ${Math.max(1, Math.floor(maxBytes / pageSize[0]))}`)
  }
  db.exec(TABLES)
  const format = readMeta(db, 'format')
  if (format === undefined) writeMeta(db, 'format', String(FORMAT))
  else if (Number(format) > FORMAT) {
    db.close()
    throw new SyncError('data_format', `The data in '${path}' has format ${format}; this version knows ${FORMAT}.`, {
      hint: 'Start it with the version of gamedev that wrote it, or a newer one.',
    })
  }
  return db
}

export function readMeta(db: Connection, key: string): string | undefined {
  const [row] = db.prepare('SELECT value FROM meta WHERE key = ?').raw().all(key) as [string][]
  return row?.[0]
}

export function writeMeta(db: Connection, key: string, value: string): void {
  db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(key, value)
}

/** Runs `work` in one transaction. SQLite itself has rolled back already after some failures, a full disk for instance. */
export function transaction<T>(db: Connection, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
}
