import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import type { Session } from '../../src/sync/session.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { Operation } from '../../src/world/operation.ts'
import { applyOperations } from '../../src/world/wire-world.ts'

/** A session whose runtime answers otherwise where a test says so. */
export function withRuntime(session: Session, answers: Partial<RemoteRuntime>): Session {
  const runtime = new Proxy(session.runtime, {
    get(target, key) {
      if (Object.hasOwn(answers, key)) return answers[key as keyof RemoteRuntime]
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...session, runtime }
}

const byId = (objects: readonly JsonObject[]) => new Map(objects.map((object) => [String(object.id), object]))

/** What a test lets happen in a world after what really did. */
export class ScriptedFeed {
  readonly operations: Operation[] = []
  /** Operations up to here are not kept, without anybody saying so. */
  dropped = 0
  /** How many operations a page has. */
  page = 1000
  /** Called when a snapshot is asked for, before it is answered and after it was taken. */
  beforeSnapshot: () => void = () => {}
  afterSnapshot: () => void = () => {}

  happen(cursor: number, opId: string, kind: string, object: JsonObject, more: Partial<Operation> = {}): void {
    const ts = new Date(Date.UTC(2030, 0, 1, 0, 0, cursor)).toISOString()
    const patch = kind.endsWith('.remove') ? { id: object.id! } : object
    this.operations.push({
      ...{ cursor, opId, ts, actor: 'eve', source: 'admin', kind, objectUid: String(object.id), patch },
      ...{ snapshot: { ...object, lastOpId: opId } },
      ...more,
    })
  }

  /** The answers of a runtime whose world and feed are the real ones and then these. */
  answers(real: RemoteRuntime): Partial<RemoteRuntime> {
    const all = async (): Promise<readonly Operation[]> => {
      const operations: Operation[] = []
      for (let cursor = 0; ; ) {
        const answer = await real.changes(cursor, { limit: 1000 })
        if (answer.kind === 'expired') throw new Error('the real feed has expired')
        operations.push(...answer.page.operations)
        cursor = answer.page.cursor
        if (!answer.page.hasMore) return [...operations, ...this.operations]
      }
    }
    const head = async () => Math.max(0, ...(await all()).map(({ cursor }) => cursor))
    return {
      head,
      changes: async (after) => {
        const later = (await all()).filter(({ cursor }) => cursor > after && cursor > this.dropped)
        const operations = later.slice(0, this.page)
        const cursor = operations.at(-1)?.cursor ?? after
        const hasMore = later.length > operations.length
        return { kind: 'page', page: { cursor, headCursor: await head(), operations, hasMore } }
      },
      snapshot: async () => {
        this.beforeSnapshot()
        const snapshot = await real.snapshot()
        const { capabilities: _, cursor: __, ...plain } = snapshot
        const { settings, spawn } = snapshot
        const world = { settings, spawn, blueprints: byId(snapshot.blueprints), entities: byId(snapshot.entities) }
        const now = applyOperations(world, this.operations)
        this.afterSnapshot()
        return {
          ...plain,
          settings: now.settings,
          spawn: now.spawn,
          blueprints: [...now.blueprints.values()],
          entities: [...now.entities.values()],
        }
      },
    }
  }
}
