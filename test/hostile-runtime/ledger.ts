import { DEFAULT_SETTINGS, DEFAULT_SPAWN } from '../../src/runtime/fresh-world.ts'
import { isJsonObject, type Json, type JsonObject, jsonEquals, withKey } from '../../src/world/json.ts'
import type { Operation } from '../../src/world/operation.ts'
import { CODE } from './case.ts'
import { ask, type Target } from './perform.ts'

interface Snapshot {
  readonly settings: JsonObject
  readonly spawn: JsonObject
  readonly blueprints: readonly JsonObject[]
  readonly entities: readonly JsonObject[]
  readonly cursor: number
}

/** What the world must be: the feed, folded, and everything that was acknowledged. */
export interface Ledger {
  acknowledge(opIds: ReadonlyMap<string, number>): void
  /** Reads what the feed has further, and compares; the problems found. */
  audit(target: Target): Promise<readonly string[]>
  readonly head: number
}

export function openLedger(): Ledger {
  const objects = new Map<string, JsonObject>()
  const recorded = new Map<string, number>()
  const owed = new Map<string, number>()
  let settings = DEFAULT_SETTINGS
  let spawn: JsonObject = DEFAULT_SPAWN
  let head = 0
  let begun = false

  function apply(op: Operation): void {
    const [kind, verb] = op.kind.split('.') as [string, string]
    if (kind === 'settings') {
      const { key, value } = op.patch as { readonly key: string; readonly value?: Json }
      if (Object.hasOwn(DEFAULT_SETTINGS, key)) settings = withKey(settings, key, value)
    } else if (kind === 'spawn') spawn = op.snapshot as JsonObject
    else {
      const snapshot = op.snapshot as JsonObject
      if (verb === 'remove') objects.delete(`${kind}:${snapshot.id}`)
      else objects.set(`${kind}:${snapshot.id}`, snapshot)
    }
  }

  function begin({ blueprints, entities }: Snapshot): void {
    for (const blueprint of blueprints) objects.set(`blueprint:${blueprint.id}`, blueprint)
    for (const entity of entities) objects.set(`entity:${entity.id}`, entity)
    begun = true
  }

  function differences(snapshot: Snapshot): readonly string[] {
    const problems: string[] = []
    const seen = new Set<string>()
    for (const [kind, list] of [
      ['blueprint', snapshot.blueprints],
      ['entity', snapshot.entities],
    ] as const) {
      for (const object of list) {
        const key = `${kind}:${object.id}`
        if (seen.has(key)) problems.push(`the snapshot has ${key} twice`)
        seen.add(key)
        if (!jsonEquals(objects.get(key), object)) problems.push(`${key} is not what the feed says`)
      }
    }
    for (const key of objects.keys()) if (!seen.has(key)) problems.push(`${key} is in the feed and not in the snapshot`)
    if (!jsonEquals(settings, snapshot.settings)) problems.push('the settings are not what the feed says')
    if (!jsonEquals(spawn, snapshot.spawn)) problems.push('the spawn is not what the feed says')
    return problems
  }

  return {
    get head() {
      return head
    },
    acknowledge(opIds) {
      for (const [opId, cursor] of opIds) owed.set(opId, cursor)
    },
    async audit(target) {
      const problems: string[] = []
      const snapshot = await read<Snapshot>(target, '/admin/snapshot')
      if (!begun) {
        if (snapshot.cursor > 0) return ['the world did not begin empty']
        begin(snapshot)
      }
      while (head < snapshot.cursor) {
        const page = await read<{ operations: readonly Operation[]; cursor: number }>(
          target,
          `/admin/changes?cursor=${head}&limit=500`,
        )
        if (page.operations.length === 0) return [`the feed ends at ${head}, before the head ${snapshot.cursor}`]
        for (const op of page.operations) {
          if (op.cursor <= head) problems.push(`cursor ${op.cursor} after ${head}`)
          if (recorded.has(op.opId)) problems.push(`${op.opId} is in the feed twice`)
          if (op.snapshot !== undefined && !isJsonObject(op.snapshot))
            problems.push(`${op.opId} has no object for a snapshot`)
          recorded.set(op.opId, op.cursor)
          head = op.cursor
          apply(op)
        }
      }
      if (head !== snapshot.cursor) problems.push('the feed went beyond a world that nobody changes')
      for (const [opId, cursor] of owed) {
        if (recorded.get(opId) !== cursor)
          problems.push(`${opId} was acknowledged at ${cursor}, and is at ${recorded.get(opId)}`)
      }
      owed.clear()
      return [...problems, ...differences(snapshot)]
    },
  }
}

/** As any client would: JSON, with the code. Throws when that is not what comes. */
export async function read<T>(target: Target, path: string): Promise<T> {
  const answer = await ask(target, { method: 'GET', path, headers: { 'x-admin-code': CODE }, body: undefined })
  if (typeof answer === 'string' || answer.status !== 200)
    throw new Error(`GET ${path}: ${JSON.stringify(answer).slice(0, 300)}`)
  return JSON.parse(Buffer.from(answer.text, 'latin1').toString()) as T
}
