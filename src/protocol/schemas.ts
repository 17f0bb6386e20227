import * as z from 'zod/mini'
import type { JsonObject } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'

/**
 * Wire schemas of the admin protocol. They say what we rely on and let everything else pass: a validated value is the
 * original object, never zod's copy, because zod drops a `__proto__` key and reorders unknown ones. Spelled with
 * `zod/mini`, which is the same library without its method chains: less than half to load at every start.
 */
const cursor = z.int().check(z.nonnegative())
const record = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
)
/** It stands in messages, in file names and in commits: one line of ordinary text. */
const worldId = z
  .string()
  .check(
    z.minLength(1),
    z.maxLength(255),
    z.regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'expected a world id without control characters'),
  )
/** `GET /status`. */
export const statusSchema = z.looseObject({
  ok: z.optional(z.boolean()),
  worldId: z.optional(worldId),
})

/** `GET /admin/snapshot`. Objects are checked one by one by their reader, so that one bad object refuses itself alone (S1). */
export const snapshotSchema = z.looseObject({
  worldId,
  assetsUrl: z.string(),
  maxUploadSize: z.nullish(z.union([z.string(), z.number()])),
  settings: record,
  spawn: record,
  blueprints: z.array(z.unknown()),
  entities: z.array(z.unknown()),
  capabilities: z.optional(z.array(z.string())),
  cursor: z.optional(cursor),
})
export interface Snapshot {
  readonly worldId: string
  readonly assetsUrl: string
  readonly maxUploadSize?: string | number | null
  readonly settings: JsonObject
  readonly spawn: JsonObject
  /** Those that have an id; their reader refuses what else is wrong with one (S1). */
  readonly blueprints: readonly JsonObject[]
  readonly entities: readonly JsonObject[]
  /** What the runtime offers beyond the public protocol (section 9). */
  readonly capabilities?: readonly string[]
  readonly cursor?: number
}

export const operationSchema = z.looseObject({
  cursor,
  opId: z.string(),
  ts: z.string(),
  actor: z.string(),
  source: z.string(),
  kind: z.string(),
  objectUid: z.string(),
  patch: z.nullish(record),
  snapshot: z.nullish(record),
})

/** `GET /admin/changes`. */
export const changesSchema = z.looseObject({
  cursor,
  headCursor: cursor,
  operations: z.array(operationSchema),
  hasMore: z.boolean(),
})
export interface ChangesPage {
  readonly cursor: number
  readonly headCursor: number
  readonly operations: readonly Operation[]
  readonly hasMore: boolean
}

export const deployLockSchema = z.looseObject({
  locked: z.boolean(),
  owner: z.optional(z.string()),
  acquiredAt: z.optional(z.number()),
  ageMs: z.optional(z.number()),
  expiresInMs: z.optional(z.number()),
  scope: z.nullish(z.string()),
})
export interface DeployLock {
  readonly locked: boolean
  readonly owner?: string
  readonly acquiredAt?: number
  readonly ageMs?: number
  readonly expiresInMs?: number
  readonly scope?: string | null
}

/** The operations of `POST /admin/ops` (section 9). */
export type BatchOperation = {
  readonly opId: string
  readonly actor: string
  readonly source: string
  /** Field (dotted below `props`) → the value the client believes it to have; `{ absent: true }` for a missing field; `{ exists: false }` for an object that must not exist. */
  readonly expect?: JsonObject
} & (
  | { readonly kind: 'blueprint.add'; readonly blueprint: JsonObject }
  | {
      readonly kind: 'blueprint.update' | 'entity.update'
      readonly id: string
      readonly patch: JsonObject
      readonly remove?: readonly string[]
    }
  | { readonly kind: 'blueprint.remove' | 'entity.remove'; readonly id: string }
  | { readonly kind: 'entity.add'; readonly entity: JsonObject }
  | { readonly kind: 'settings.update'; readonly key: string; readonly value: JsonObject[string] | undefined }
  | { readonly kind: 'spawn.update'; readonly position: JsonObject[string]; readonly quaternion: JsonObject[string] }
)

export interface BatchRequest {
  readonly expectedCursor?: number
  readonly lockTokens?: { readonly [scope: string]: string }
  readonly operations: readonly BatchOperation[]
}

export const batchOkSchema = z.looseObject({
  ok: z.literal(true),
  cursor,
  results: z.array(z.looseObject({ opId: z.string(), cursor: z.optional(cursor), duplicate: z.optional(z.boolean()) })),
})
export const mismatchSchema = z.looseObject({
  opId: z.string(),
  id: z.optional(z.string()),
  field: z.optional(z.string()),
})

/** Limits of one batch: operations, and bytes of its JSON (section 9). */
export const BATCH_MAX_OPERATIONS = 10_000
export const BATCH_MAX_BYTES = 16 * 1024 * 1024
