import type { JsonObject } from './json.ts'

/** The kinds of operation that are understood; others keep the cursor moving and change nothing (protocol, section 3). */
export const OPERATION_KINDS = [
  'blueprint.add',
  'blueprint.update',
  'blueprint.remove',
  'entity.add',
  'entity.update',
  'entity.remove',
  'settings.update',
  'spawn.update',
] as const
export type OperationKind = (typeof OPERATION_KINDS)[number]

/** A place in the changefeed of one world: a non-negative safe integer. Gaps mean nothing. */
export type Cursor = number

/** One entry of the changefeed (protocol, section 3). `snapshot` is the truth; `patch` is only a hint. */
export interface Operation {
  readonly cursor: Cursor
  readonly opId: string
  /** ISO 8601. */
  readonly ts: string
  readonly actor: string
  readonly source: string
  /** One of {@link OPERATION_KINDS}, or something newer. */
  readonly kind: string
  readonly objectUid: string
  readonly patch?: JsonObject
  readonly snapshot?: JsonObject
}

export function isKnownKind(kind: string): kind is OperationKind {
  return (OPERATION_KINDS as readonly string[]).includes(kind)
}
