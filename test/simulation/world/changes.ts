import type { JsonObject } from '../../../src/world/json.ts'
import type { Operation } from '../../../src/world/operation.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN } from '../../../src/world/state.ts'
import type { SimProcess } from '../host.ts'

/** How a write came: a request of a simulated process, an editor inside the world, the server itself. */
export interface Via {
  /** `POST /admin/ops`, `entity_modify`, `editor`, … */
  readonly what: string
  readonly process: SimProcess | undefined
  /** It arrived after its process was cut off from it, or dead. */
  readonly late: boolean
}

/** One operation, and what it made of its object; equal values are an operation that changed nothing. */
export interface Announced {
  readonly operation: Operation
  readonly key: ObjectKey
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
  readonly via: Via
}

/** A change of an object that no operation says. */
export interface Silent {
  readonly key: ObjectKey
  readonly before: JsonObject | undefined
  readonly after: JsonObject | undefined
  /** The head when it happened. */
  readonly cursor: number
  /**
   * `write`: of a write that changes more than it says (an opId used again, states that a blueprint's change empties);
   * `script`: what a script or a save does by itself; `restart`: state that was not saved; `restore`: a backup; `clean`: a
   * start that cleans up.
   */
  readonly cause: 'write' | 'script' | 'restart' | 'restore' | 'clean'
}

/** What a server lost when it went down. */
export interface Losses {
  /** Acknowledged, but not in the feed any more: nobody ever read them there. */
  readonly operations: readonly Operation[]
  readonly objects: readonly Silent[]
}

/** The object that an operation is about, and what it is afterwards, as far as the operation itself says it. */
export function keyOf(operation: Omit<Operation, 'cursor'>): ObjectKey {
  const { kind, snapshot, patch } = operation
  if (kind === 'settings.update') return SETTINGS
  if (kind === 'spawn.update') return SPAWN
  const id = (snapshot?.id ?? patch?.id) as string
  return objectKey(kind.startsWith('blueprint') ? 'blueprint' : 'entity', id)
}
