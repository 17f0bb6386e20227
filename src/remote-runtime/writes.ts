import { assert } from '../world/errors.ts'
import { isJsonObject, type JsonObject } from '../world/json.ts'
import { checked, loadReplies, type Replies } from './checked.ts'
import { type Answer, errorCode, type Http, unexpectedStatus } from './http.ts'
import { lockOf } from './lock.ts'
import { printable } from './printable.ts'
import type { BatchOutcome, BatchRequest, CommandOutcome, RemoteRuntime } from './remote-runtime.ts'

type Landed = Extract<BatchOutcome, { kind: 'landed' }>
type Mismatch = Extract<BatchOutcome, { kind: 'mismatch' }>

/** `GET /admin/blueprints/:id`; undefined when there is none. */
export async function readBlueprint(http: Http, id: string): Promise<JsonObject | undefined> {
  const path = blueprintPath(id)
  if (path === undefined) return undefined
  const answer = await http.read(path)
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw unexpectedStatus(http.connection, answer)
  const { blueprintSchema } = await loadReplies()
  return checked<{ readonly blueprint: JsonObject }>(http, answer.endpoint, blueprintSchema, answer.json).blueprint
}

/** The HTTP writes of protocol, sections 5 and 9. None of them is ever sent twice (P6). */
export function writeCalls(http: Http): Pick<RemoteRuntime, 'batch' | 'removeBlueprint' | 'putSpawn'> {
  return {
    batch: (request) => sendBatch(http, request),
    removeBlueprint: async (id) => {
      const path = blueprintPath(id)
      if (path === undefined) return { kind: 'refused', error: 'not_found' }
      return outcomeOf(http, await http.write('DELETE', path))
    },
    putSpawn: async ({ position, quaternion }) =>
      outcomeOf(http, await http.write('PUT', '/admin/spawn', JSON.stringify({ position, quaternion }))),
  }
}

/** A request beyond the size limit is refused here as the runtime would refuse it, without sending it. */
async function sendBatch(http: Http, request: BatchRequest): Promise<BatchOutcome> {
  const replies = await loadReplies()
  assert(request.operations.length <= replies.BATCH_MAX_OPERATIONS, 'a batch of too many operations was planned')
  const json = JSON.stringify(request)
  if (Buffer.byteLength(json) > replies.BATCH_MAX_BYTES) return tooLarge
  const answer = await http.write('POST', '/admin/ops', json)
  if (answer.status === 200) {
    const { cursor, results } = checked<Omit<Landed, 'kind'>>(http, answer.endpoint, replies.batchOkSchema, answer.json)
    return { kind: 'landed', cursor, results }
  }
  const error = errorCode(answer)
  if (answer.status === 413) return tooLarge
  // "Not Found" is what an unknown route says; `not_found` is about an object.
  if (error === undefined || error === 'Not Found') throw unexpectedStatus(http.connection, answer)
  if (error === 'expectation_failed') {
    const read = checked<Omit<Mismatch, 'kind'>>(http, answer.endpoint, replies.mismatchesSchema, answer.json)
    return { kind: 'mismatch', mismatches: read.mismatches }
  }
  const said = printable(error, http.connection.code)
  if (error === 'deploy_locked' || error === 'deploy_lock_required') {
    return { kind: 'locked', error: said, lock: lockOf(answer.json, replies.deployLockSchema) }
  }
  return { kind: 'refused', error: said, ...refusal(http, answer) }
}

const tooLarge: BatchOutcome = {
  kind: 'refused',
  error: 'payload_too_large',
  opId: undefined,
  message: 'the batch is larger than the runtime accepts',
}

function refusal(http: Http, answer: Answer): { readonly opId: string | undefined; readonly message: string } {
  const json = isJsonObject(answer.json) ? answer.json : {}
  const text = (key: string) => (Object.hasOwn(json, key) && typeof json[key] === 'string' ? json[key] : undefined)
  return { opId: text('opId'), message: printable(text('message') ?? '', http.connection.code) }
}

async function outcomeOf(http: Http, answer: Answer): Promise<CommandOutcome> {
  if (answer.status === 200) return { kind: 'ok' }
  const error = errorCode(answer)
  if (error === undefined) throw unexpectedStatus(http.connection, answer)
  return refusedOf(error, answer.json, await loadReplies(), http.connection.code)
}

/** What an HTTP answer or an `adminResult` says besides its error. */
export function refusedOf(error: string, said: unknown, replies: Replies, code: string | undefined): CommandOutcome {
  const current = isJsonObject(said) && Object.hasOwn(said, 'current') ? said.current : undefined
  const lock = lockOf(said, replies.deployLockSchema)
  return {
    kind: 'refused',
    error: printable(error, code),
    ...(isJsonObject(current) ? { current } : {}),
    ...(lock === undefined ? {} : { lock }),
  }
}

/** Undefined for an id that no URL can name. A path segment of dots would be resolved on the way. */
function blueprintPath(id: string): string | undefined {
  if (id === '' || /[\uD800-\uDFFF]/u.test(id)) return undefined
  return `/admin/blueprints/${/^\.+$/.test(id) ? id.replaceAll('.', '%2E') : encodeURIComponent(id)}`
}
