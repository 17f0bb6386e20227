import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { AdminCommand } from '../../src/remote-runtime/remote-runtime.ts'
import { CODE } from '../sync/support.ts'
import type { Fields } from './conflict-project.ts'

/** One operation of the feed as far as two runs must agree about it. */
export interface Recorded {
  readonly opId: string
  readonly cursor: number
  readonly actor: string
  readonly kind: string
  readonly id: string
  /** What it did to which object, as text: equal for equal operations. */
  readonly what: string
}

/** A world without what differs from run to run: objects by their ids. */
export interface Seen {
  readonly settings: Fields
  readonly spawn: Fields
  readonly blueprints: Readonly<Record<string, Fields>>
  readonly entities: Readonly<Record<string, Fields>>
}

/** The world, read over HTTP by nobody's code but this, and somebody inside it. */
export interface LiveWorld {
  readonly url: string
  seen(): Promise<Seen>
  /** What was recorded since the case began. */
  feed(): Promise<readonly Recorded[]>
  /** The scopes of these that are locked. */
  locked(scopes: readonly string[]): Promise<readonly string[]>
  edit(actor: string, id: string, change: Fields): Promise<void>
  close(): Promise<void>
}

/** The runtime's bookkeeping, and what it fills in by chance. */
const NOT_COMPARED = new Set([
  ...['version', 'uid', 'createdAt', 'updatedAt', 'updatedBy', 'updateSource', 'lastOpId'],
  ...['mover', 'uploader', 'state'],
])

export function comparable(object: Fields): Fields {
  return Object.fromEntries(
    Object.entries(object)
      .filter(([key]) => !NOT_COMPARED.has(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

export function inWorld(url: string, start: number): LiveWorld {
  const get = async (path: string): Promise<Fields> => {
    const answer = await fetch(`${url}/admin/${path}`, { headers: { 'x-admin-code': CODE } })
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`)
    return (await answer.json()) as Fields
  }
  const byId = (objects: unknown) =>
    Object.fromEntries((objects as Fields[]).map((object) => [String(object.id), comparable(object)]))
  const remote = openRuntime({ url, worldId: 'plaza', adminCode: CODE })
  return {
    url,
    seen: async () => {
      const { settings, spawn, blueprints, entities } = await get('snapshot')
      return {
        settings: settings as Fields,
        spawn: spawn as Fields,
        blueprints: byId(blueprints),
        entities: byId(entities),
      }
    },
    feed: async () => {
      const { operations } = await get(`changes?cursor=${start}&limit=1000`)
      return (operations as Fields[]).map(recorded)
    },
    locked: async (scopes) => {
      const held = await Promise.all(scopes.map((scope) => get(`deploy-lock?scope=${scope}`)))
      return scopes.filter((_, index) => held[index]?.locked === true)
    },
    edit: async (actor, id, change) => {
      const session = await remote.connect()
      const command = { type: 'entity_modify', change: { id, ...change }, actor, source: 'admin' }
      const outcome = await session.send(command as unknown as AdminCommand)
      await session.close()
      if (outcome.kind !== 'ok') throw new Error(outcome.error)
    },
    close: () => remote.close(),
  }
}

function recorded(operation: Fields): Recorded {
  const { opId, cursor, actor, kind, objectUid, patch, snapshot } = operation
  const object = snapshot as Fields | undefined
  const wrote = comparable((patch as Fields | undefined) ?? object ?? {})
  const of = object?.id ?? objectUid
  return {
    opId: String(opId),
    cursor: Number(cursor),
    actor: String(actor),
    kind: String(kind),
    id: String(of),
    what: JSON.stringify([kind, of, wrote]),
  }
}
