import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import { checked, loadReplies } from './checked.ts'
import { type Http, unexpectedStatus, unreachable } from './http.ts'
import { printable } from './printable.ts'
import type { Snapshot, WorldIdentity } from './remote-runtime.ts'

/**
 * `GET /status`, which needs no code and therefore gets none; undefined where the server has no such route, or does
 * not say its world there (protocol, section 1).
 */
export async function readStatus(http: Http): Promise<WorldIdentity | undefined> {
  const loading = loadReplies()
  const answer = await http.read('/status', { code: false })
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw unexpectedStatus(http.connection, answer)
  const { statusSchema } = await loading
  const status = checked<{ readonly worldId?: string; readonly title?: unknown }>(
    http,
    answer.endpoint,
    statusSchema,
    answer.json,
  )
  if (status.worldId === undefined) return undefined
  return { worldId: status.worldId, title: typeof status.title === 'string' ? status.title : undefined }
}

/** `GET /admin/snapshot`. */
export async function readSnapshot(http: Http): Promise<Snapshot> {
  const loading = loadReplies()
  const answer = await http.read('/admin/snapshot')
  if (answer.status === 404) {
    throw unreachable(http.connection, answer.endpoint, 'HTTP 404, no lobby world is served there')
  }
  if (answer.status !== 200) throw unexpectedStatus(http.connection, answer)
  const { snapshotSchema } = await loading
  const snapshot = checked<Snapshot>(http, answer.endpoint, snapshotSchema, answer.json)
  const identified = (list: readonly unknown[], what: string): readonly JsonObject[] => {
    const kept = list.filter((object): object is JsonObject => isJsonObject(object) && hasId(object))
    if (kept.length < list.length)
      http.connection.warn(`${list.length - kept.length} ${what} without an id are left out`)
    return kept
  }
  return {
    ...snapshot,
    blueprints: identified(snapshot.blueprints, 'blueprints'),
    entities: identified(snapshot.entities, 'entities'),
  }
}

function hasId(object: JsonObject): boolean {
  const id = own(object, 'id')
  return typeof id === 'string' && id !== ''
}

export function identityOf(snapshot: Snapshot): WorldIdentity {
  const title = own(snapshot.settings, 'title')
  return { worldId: snapshot.worldId, title: typeof title === 'string' ? title : undefined }
}

/** Throws {@link SyncError} `wrong_world` (exit 5) when the runtime is not the world that we mean. */
export function requireWorld(http: Http, expected: string | undefined, found: string): void {
  if (expected === undefined || expected === found) return
  const { base, code } = http.connection
  const [ours, theirs] = [printable(expected, code), printable(found, code)]
  throw new SyncError('wrong_world', `${base} is the world "${theirs}", not "${ours}"`, {
    exitCode: 5,
    hint: 'Check WORLD_URL and WORLD_ID of the target; nothing was read from it or written to it.',
    data: { url: base, expected: ours, found: theirs },
  })
}
