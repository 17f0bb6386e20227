import type { Json, JsonObject } from '../world/json.ts'
import { isJsonObject, own } from '../world/json.ts'
import type { Attribution, EngineContext, NewOperation } from './engine-types.ts'

/** One write in progress: who, when, and under which opId it is recorded. */
export interface Stamp {
  readonly actor: string
  readonly source: string
  readonly opId: string
  /** ISO 8601. */
  readonly ts: string
}

export function stamp(attribution: Attribution, context: EngineContext): Stamp {
  return {
    actor: attribution.actor,
    source: attribution.source,
    opId: attribution.opId ?? context.newOpId(),
    ts: new Date(context.now()).toISOString(),
  }
}

/** The fields that only the server sets, on every write (protocol, section 5). */
export function bookkeeping(by: Stamp): JsonObject {
  return { updatedAt: by.ts, updatedBy: by.actor, updateSource: by.source, lastOpId: by.opId }
}

/** The fields of {@link bookkeeping}, dropped from what clients send. */
export const SERVER_FIELDS = ['updatedAt', 'updatedBy', 'updateSource', 'lastOpId']

export function without(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !fields.includes(key)))
}

export function operation(
  by: Stamp,
  kind: string,
  objectUid: string,
  body: { readonly patch?: JsonObject; readonly snapshot?: JsonObject },
): NewOperation {
  return { opId: by.opId, ts: by.ts, actor: by.actor, source: by.source, kind, objectUid, ...body }
}

/** The object's uid, its id when it has none. */
export function uidOf(object: JsonObject): string {
  return text(own(object, 'uid')) ?? (object.id as string)
}

/** A non-empty string, else undefined. */
export function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** False when `props` is there and no object. */
export function propsAreValid(fields: JsonObject): boolean {
  const props = own(fields, 'props')
  return props === undefined || isJsonObject(props)
}
