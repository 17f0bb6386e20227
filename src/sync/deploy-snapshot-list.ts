import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import { isJsonObject, type Json, own } from '../world/json.ts'
import type { Session } from './session.ts'
import { readText } from './working-tree.ts'
import { writeWhole } from './write-whole.ts'

/** A deploy snapshot that this checkout had a runtime take. The runtime lists none, so what it took is written down here. */
export interface SnapshotRecord {
  readonly id: string
  readonly scope: string
  /** The blueprints in it. */
  readonly ids: readonly string[]
  /** The same for all snapshots of one push. */
  readonly deploy: string
  /** HEAD when it was taken. */
  readonly commit: Oid | undefined
  /** The tip of the world's line when it was taken: what the blueprints were. */
  readonly line: Oid | undefined
  readonly note: string
  /** ISO 8601. */
  readonly time: string
  /** When it was rolled back to, if it was. */
  readonly rolledBack: string | undefined
}

/** Older ones are forgotten here, not in the runtime. */
const KEPT = 200

function placeOf(session: Session): string {
  return join(session.stateFolder, 'deploy-snapshots.json')
}

/** Which world's they are: a ref that has come to stand for another world must not lend it its snapshots. */
function worldOf({ target }: Session): string {
  return JSON.stringify([target.address.url, target.address.worldId ?? null])
}

type Stored = readonly (SnapshotRecord & { readonly world: string })[]

/** The snapshots that were taken from here in the session's world, the newest first. */
export async function listSnapshots(session: Session): Promise<readonly SnapshotRecord[]> {
  const world = worldOf(session)
  return (await readAll(session)).filter((record) => record.world === world).reverse()
}

export async function rememberSnapshots(session: Session, taken: readonly SnapshotRecord[]): Promise<void> {
  const world = worldOf(session)
  await writeAll(session, [...(await readAll(session)), ...taken.map((record) => ({ ...record, world }))].slice(-KEPT))
}

/** Notes that the runtime was rolled back to these. */
export async function markRolledBack(session: Session, ids: readonly string[], time: string): Promise<void> {
  const all = await readAll(session)
  const world = worldOf(session)
  if (!all.some((record) => record.world === world && ids.includes(record.id))) return
  await writeAll(
    session,
    all.map((record) => (record.world === world && ids.includes(record.id) ? { ...record, rolledBack: time } : record)),
  )
}

async function writeAll(session: Session, records: Stored): Promise<void> {
  await mkdir(session.stateFolder, { recursive: true })
  await writeWhole(placeOf(session), Buffer.from(`${JSON.stringify(records, null, 2)}\n`), 0o644)
}

/** What cannot be read is passed over: a lost list costs no more than the ids in it. */
async function readAll(session: Session): Promise<Stored> {
  const text = await readText(placeOf(session))
  if (text === undefined) return []
  try {
    const document: unknown = JSON.parse(text)
    return Array.isArray(document) ? (document as Json[]).flatMap(recordOf) : []
  } catch {
    return []
  }
}

function recordOf(entry: Json): Stored {
  if (!isJsonObject(entry)) return []
  const text = (key: string): string | undefined => {
    const value = own(entry, key)
    return typeof value === 'string' ? value : undefined
  }
  const commit = (key: string): Oid | undefined => {
    const value = text(key)
    return value !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(value) ? parseOid(value) : undefined
  }
  const [id, scope, world] = [text('id'), text('scope'), text('world')]
  if (id === undefined || scope === undefined || world === undefined) return []
  const ids = own(entry, 'ids')
  return [
    {
      id,
      scope,
      world,
      ids: Array.isArray(ids) ? ids.filter((one): one is string => typeof one === 'string') : [],
      deploy: text('deploy') ?? id,
      commit: commit('commit'),
      line: commit('line'),
      note: text('note') ?? '',
      time: text('time') ?? '',
      rolledBack: text('rolledBack'),
    },
  ]
}
