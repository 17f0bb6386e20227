import { BATCH_MAX_OPERATIONS, type BatchOperation } from '../protocol/schemas.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import { isKnownKind } from '../world/operation.ts'
import type { Command } from './engine-types.ts'
import { InvalidPayload, isStorableId, toObject } from './wire-values.ts'

export type ParsedBatch =
  | { readonly kind: 'batch'; readonly command: Extract<Command, { kind: 'batch' }> }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'invalid'; readonly opId: string | undefined; readonly message: string }

/** Checks the body of `POST /admin/ops` (protocol, section 9), by hand: zod costs 40 times as much here. */
export function parseBatch(input: unknown): ParsedBatch {
  let body: JsonObject
  try {
    body = toObject(input)
  } catch (error) {
    if (!(error instanceof InvalidPayload)) throw error
    return { kind: 'invalid', opId: undefined, message: error.message }
  }
  const list = own(body, 'operations')
  if (!Array.isArray(list)) return { kind: 'invalid', opId: undefined, message: 'operations must be a list' }
  if (list.length > BATCH_MAX_OPERATIONS) return { kind: 'too_large' }
  const expectedCursor = own(body, 'expectedCursor') ?? undefined
  if (expectedCursor !== undefined && !Number.isSafeInteger(expectedCursor)) {
    return { kind: 'invalid', opId: undefined, message: 'expectedCursor must be a cursor' }
  }
  const tokens = own(body, 'lockTokens') ?? {}
  if (!isJsonObject(tokens) || !Object.values(tokens).every((token) => typeof token === 'string')) {
    return { kind: 'invalid', opId: undefined, message: 'lockTokens must map scopes to tokens' }
  }
  const opIds = new Set<string>()
  const operations: BatchOperation[] = []
  for (const entry of list) {
    const opId = isJsonObject(entry) ? own(entry, 'opId') : undefined
    const problem = isJsonObject(entry) ? problemOf(entry) : 'an operation must be an object'
    const repeated = typeof opId === 'string' && opIds.has(opId) ? 'opId occurs twice in this request' : undefined
    const message = problem ?? repeated
    if (message !== undefined) return { kind: 'invalid', opId: typeof opId === 'string' ? opId : undefined, message }
    opIds.add(opId as string)
    operations.push({ actor: 'admin', source: 'admin.http', ...(entry as JsonObject) } as unknown as BatchOperation)
  }
  const lockTokens = new Map(Object.entries(tokens) as [string, string][])
  return {
    kind: 'batch',
    command: { kind: 'batch', operations, expectedCursor: expectedCursor as number | undefined, lockTokens },
  }
}

/** Why an operation cannot be understood; undefined when it can. */
function problemOf(op: JsonObject): string | undefined {
  const kind = own(op, 'kind')
  if (!isStorableId(own(op, 'opId'))) return 'opId must be a non-empty string'
  for (const name of ['actor', 'source']) {
    const value = own(op, name)
    if (value !== undefined && !isStorableId(value)) return `${name} must be a non-empty string`
  }
  const expect = own(op, 'expect')
  if (expect !== undefined && !isJsonObject(expect)) return 'expect must be an object'
  if (typeof kind !== 'string' || !isKnownKind(kind))
    return `unknown kind ${JSON.stringify(kind ?? null).slice(0, 100)}`
  switch (kind) {
    case 'blueprint.add':
      return hasId(own(op, 'blueprint')) ? undefined : 'blueprint must be an object with an id'
    case 'entity.add':
      return hasId(own(op, 'entity')) ? undefined : 'entity must be an object with an id'
    case 'blueprint.update':
    case 'entity.update': {
      const remove = own(op, 'remove') ?? []
      if (!isStorableId(own(op, 'id'))) return 'id must be a non-empty string'
      if (!isJsonObject(own(op, 'patch') ?? {})) return 'patch must be an object'
      return Array.isArray(remove) && remove.every((f) => typeof f === 'string')
        ? undefined
        : 'remove must be a list of fields'
    }
    case 'blueprint.remove':
    case 'entity.remove':
      return isStorableId(own(op, 'id')) ? undefined : 'id must be a non-empty string'
    case 'settings.update':
      return isStorableId(own(op, 'key')) ? undefined : 'key must be a non-empty string'
    case 'spawn.update':
      return undefined
  }
}

function hasId(value: unknown): boolean {
  return isJsonObject(value) && isStorableId(own(value, 'id'))
}
