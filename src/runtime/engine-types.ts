import type { PacketName } from '../protocol/packets.ts'
import type { BatchOperation } from '../protocol/schemas.ts'
import type { Json, JsonObject } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import type { LockTable } from './deploy-locks.ts'
import type { RuntimeLimits } from './runtime-limits.ts'

/** Who did it, as recorded on the operation; `opId` is what the client sent as `lastOpId` (protocol, section 5). */
export interface Attribution {
  readonly actor: string
  readonly source: string
  readonly opId: string | undefined
}

/** What the world can be asked to do. Payloads are JSON already; their meaning is checked by the engine. */
export type Command =
  | { readonly kind: 'blueprint_add'; readonly blueprint: Json; readonly lockToken: string | undefined }
  | {
      readonly kind: 'blueprint_modify'
      readonly change: Json
      readonly remove: readonly string[]
      readonly lockToken: string | undefined
    }
  | { readonly kind: 'blueprint_remove'; readonly id: string }
  | { readonly kind: 'entity_add'; readonly entity: Json }
  | { readonly kind: 'entity_modify'; readonly change: Json }
  | { readonly kind: 'entity_remove'; readonly id: Json }
  | { readonly kind: 'settings_modify'; readonly key: Json; readonly value: Json | undefined }
  | { readonly kind: 'spawn_put'; readonly position: Json; readonly quaternion: Json }
  | { readonly kind: 'spawn_modify'; readonly op: Json }
  | {
      readonly kind: 'batch'
      readonly operations: readonly BatchOperation[]
      readonly expectedCursor: number | undefined
      readonly lockTokens: ReadonlyMap<string, string>
    }
  | { readonly kind: 'rollback'; readonly blueprints: readonly JsonObject[]; readonly lockToken: string | undefined }
  | { readonly kind: 'clean'; readonly dryrun: boolean }

export interface Packet {
  readonly name: PacketName
  /** JSON, or an object whose members may be undefined. */
  readonly data: unknown
}

/** An operation before it has its place in the feed. */
export type NewOperation = Omit<Operation, 'cursor'>

/** What is done besides the answer when a command succeeds. */
export interface Done {
  readonly kind: 'done'
  readonly operations: readonly NewOperation[]
  /** For every authenticated admin socket. */
  readonly packets: readonly Packet[]
  /** Beyond `ok: true`, for the answer. */
  readonly reply: { readonly [field: string]: unknown }
}

/** A command that changed nothing, and why. */
export interface Refused {
  readonly kind: 'refused'
  readonly error: string
  /** Beyond the error code, for the answer. */
  readonly reply: { readonly [field: string]: unknown }
  /** For the sender alone, after the answer. */
  readonly toSender: readonly Packet[]
}

export type Outcome = Done | Refused

/** Everything impure that the engine needs, injected. */
export interface EngineContext {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly newUid: () => string
  readonly newOpId: () => string
  readonly locks: LockTable
  /** Cursor of the operation already recorded under an opId. */
  readonly recorded: (opId: string) => number | undefined
  /** The head cursor, the operations of earlier commands of the same group included. */
  readonly head: () => number
  /** Without one, dotted patches may copy what they like. */
  readonly copiedMembers?: RuntimeLimits['copiedMembers']
  /** Behave as the public server does where ours is better on purpose. */
  readonly publicLike: boolean
}

export function done(
  operations: readonly NewOperation[],
  packets: readonly Packet[],
  reply: { readonly [field: string]: unknown } = {},
): Done {
  return { kind: 'done', operations, packets, reply }
}

export function refused(
  error: string,
  reply: { readonly [field: string]: unknown } = {},
  toSender: readonly Packet[] = [],
): Refused {
  return { kind: 'refused', error, reply, toSender }
}
