import type { JsonObject } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import type { HeldLock } from './deploy-locks.ts'
import type { RuntimeLimits } from './runtime-limits.ts'
import { type Connection, readMeta, transaction, writeMeta } from './store-schema.ts'
import type { ObjectTable, RowChange } from './world-tables.ts'

/** What a data folder holds of its world, read once at the start. */
export interface StoredWorld {
  readonly settings: JsonObject
  readonly spawn: JsonObject
  readonly blueprints: readonly JsonObject[]
  readonly entities: readonly JsonObject[]
  readonly head: number
}

export interface FeedPage {
  readonly operations: readonly { readonly cursor: number; readonly json: string }[]
  readonly hasMore: boolean
}

/** More than one commit takes. */
export class CommitTooLarge extends Error {}

/** The rows of one world: its objects, its feed and its locks. */
export interface Store {
  readonly worldId: string | undefined
  /** Undefined in a data folder that holds no world yet. */
  load(): StoredWorld | undefined
  create(
    worldId: string,
    world: { readonly settings: JsonObject; readonly spawn: JsonObject },
    rows: readonly RowChange[],
  ): void
  /**
   * State and feed in one transaction, on disk when it returns: one row per changed object, one per operation. Throws
   * and changes nothing when that fails; {@link CommitTooLarge} where it is the caller's fault.
   */
  commit(changes: Iterable<RowChange>, operations: readonly Operation[]): void
  /** The cursors of those opIds that are recorded, however long ago: retention never forgets them. */
  recorded(opIds: readonly string[]): Map<string, number>
  /** At most `limit` operations after a cursor, as JSON texts; fewer where they are large, but one at least. */
  page(cursor: number, limit: number): FeedPage
  /** The cursor up to which operations were dropped; 0 when none was. */
  readonly floor: number
  /** The cursor of the oldest operation kept. */
  oldest(): number | undefined
  locks(now: number): readonly HeldLock[]
  persistLock(lock: HeldLock | { readonly scope: string; readonly released: true }): void
  close(): void
}

/** `retention`: how many operations at the end of the feed keep their content; undefined keeps all. */
export function createStore(
  db: Connection,
  retention: number | undefined,
  limits: Pick<RuntimeLimits, 'pageBytes' | 'commitCharacters'>,
): Store {
  const upsert = {
    blueprint: db.prepare('INSERT INTO blueprint VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body'),
    entity: db.prepare('INSERT INTO entity VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body'),
  }
  const remove = {
    blueprint: db.prepare('DELETE FROM blueprint WHERE id = ?'),
    entity: db.prepare('DELETE FROM entity WHERE id = ?'),
  }
  const append = db.prepare('INSERT INTO operation VALUES (?, ?, ?)')
  const forget = db.prepare('UPDATE operation SET body = NULL WHERE cursor > ? AND cursor <= ?')
  const known = db.prepare('SELECT op_id, cursor FROM operation WHERE op_id IN (SELECT value FROM json_each(?))').raw()
  const after = db.prepare('SELECT cursor, body FROM operation WHERE cursor > ? ORDER BY cursor LIMIT ?').raw()
  const sized = db
    .prepare(
      'SELECT sum(size) FROM (SELECT octet_length(body) AS size FROM operation WHERE cursor > ? ORDER BY cursor LIMIT ?)',
    )
    .raw()
  let floor = Number(readMeta(db, 'floor') ?? 0)

  function write(change: RowChange): void {
    if (change.kind !== 'object') writeMeta(db, change.kind, JSON.stringify(change.value))
    else if (change.value === undefined) remove[change.table].run(change.id)
    else upsert[change.table].run(change.id, JSON.stringify(change.value))
  }

  function pageOfLarge(from: number, limit: number): FeedPage {
    const operations: FeedPage['operations'][number][] = []
    for (let at = from, bytes = 0; ; at = operations.at(-1)!.cursor) {
      const [row] = after.all(at, 1) as Row[]
      if (row === undefined) return { operations, hasMore: false }
      bytes += row[1].length
      if (operations.length === limit || (operations.length > 0 && bytes > limits.pageBytes)) {
        return { operations, hasMore: true }
      }
      operations.push(fromRow(row))
    }
  }

  function bodies(table: ObjectTable): readonly JsonObject[] {
    const rows = db.prepare(`SELECT body FROM ${table} ORDER BY rowid`).raw().all() as [string][]
    return rows.map(([body]) => JSON.parse(body) as JsonObject)
  }

  return {
    get worldId() {
      return readMeta(db, 'worldId')
    },
    load() {
      const settings = readMeta(db, 'settings')
      const spawn = readMeta(db, 'spawn')
      if (settings === undefined || spawn === undefined) return undefined
      const [head] = db.prepare('SELECT max(cursor) FROM operation').raw().all() as [[number | null]]
      return {
        settings: JSON.parse(settings) as JsonObject,
        spawn: JSON.parse(spawn) as JsonObject,
        blueprints: bodies('blueprint'),
        entities: bodies('entity'),
        head: head[0] ?? 0,
      }
    },
    create(worldId, { settings, spawn }, rows) {
      transaction(db, () => {
        writeMeta(db, 'worldId', worldId)
        write({ kind: 'settings', value: settings })
        write({ kind: 'spawn', value: spawn })
        for (const row of rows) write(row)
      })
    },
    commit(changes, operations) {
      const head = operations.at(-1)?.cursor
      const dropTo = retention === undefined || head === undefined ? 0 : head - retention
      transaction(db, () => {
        for (const change of changes) write(change)
        let characters = 0
        for (const op of operations) {
          const json = JSON.stringify(op)
          characters += json.length
          if (characters > limits.commitCharacters) throw new CommitTooLarge('the operations repeat too much')
          append.run(op.cursor, op.opId, json)
        }
        if (dropTo > floor) {
          forget.run(floor, dropTo)
          writeMeta(db, 'floor', String(dropTo))
        }
      })
      floor = Math.max(floor, dropTo)
    },
    recorded(opIds) {
      if (opIds.length === 0) return new Map()
      return new Map(known.all(JSON.stringify(opIds)) as [string, number][])
    },
    page(cursor, limit) {
      const from = Math.max(cursor, floor)
      const [size] = sized.all(from, limit + 1) as [[number | null]]
      if ((size[0] ?? 0) > limits.pageBytes) return pageOfLarge(from, limit)
      const rows = (after.all(from, limit + 1) as Row[]).map(fromRow)
      return { operations: rows.slice(0, limit), hasMore: rows.length > limit }
    },
    get floor() {
      return floor
    },
    oldest() {
      return (after.all(floor, 1) as Row[])[0]?.[0]
    },
    locks(now) {
      db.prepare('DELETE FROM deploy_lock WHERE expires_at <= ?').run(now)
      const rows = db.prepare('SELECT scope, token, owner, acquired_at, expires_at FROM deploy_lock').raw().all()
      return (rows as [string, string, string, number, number][]).map(
        ([scope, token, owner, acquiredAt, expiresAt]) => ({ scope, token, owner, acquiredAt, expiresAt }),
      )
    },
    persistLock(lock) {
      if ('released' in lock) db.prepare('DELETE FROM deploy_lock WHERE scope = ?').run(lock.scope)
      else {
        db.prepare('INSERT OR REPLACE INTO deploy_lock VALUES (?, ?, ?, ?, ?)').run(
          lock.scope,
          lock.token,
          lock.owner,
          lock.acquiredAt,
          lock.expiresAt,
        )
      }
    },
    close() {
      db.close()
    },
  }
}

type Row = [cursor: number, json: string]

function fromRow([cursor, json]: Row): FeedPage['operations'][number] {
  return { cursor, json }
}
