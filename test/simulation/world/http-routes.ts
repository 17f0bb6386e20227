import { BATCH_MAX_BYTES } from '../../../src/protocol/schemas.ts'
import { collectAssets } from '../../../src/runtime/asset-references.ts'
import { parseBatch } from '../../../src/runtime/batch-request.ts'
import type { Command, Refused } from '../../../src/runtime/engine-types.ts'
import type { Settled } from '../../../src/runtime/group-writer.ts'
import { InvalidPayload, toJson } from '../../../src/runtime/wire-values.ts'
import type { Json } from '../../../src/world/json.ts'
import { answer, type Fields, failed, type Incoming, type Outgoing } from './answers.ts'
import { deployRoute } from './deploy-routes.ts'
import { jsonText } from './json-text.ts'
import type { WorldModel } from './model.ts'
import { uploadedFile } from './multipart.ts'

const MAX_JSON_BYTES = 1024 * 1024
const MEGABYTES = 12
const CLEAN_GRACE_MS = 60 * 60 * 1000
const BROKEN: Outgoing = { status: 500, body: '' }
const STATUS: { readonly [error: string]: number } = {
  invalid_payload: 400,
  invalid_script_files: 400,
  invalid_script_entry: 400,
  scope_unknown: 400,
  scope_mismatch: 400,
  not_found: 404,
  in_use: 409,
  version_mismatch: 409,
  deploy_locked: 409,
  deploy_lock_required: 409,
  expectation_failed: 409,
  cursor_mismatch: 409,
}

/** What the world's server answers (protocol, sections 1, 2, 5 to 7 and 9). Synchronous: what it does is done at once. */
export function handle(model: WorldModel, incoming: Incoming): Outgoing {
  const { method, path } = incoming
  const question = path.indexOf('?')
  const route = question < 0 ? path : path.slice(0, question)
  const query = new URLSearchParams(question < 0 ? '' : path.slice(question + 1))
  const text = (name: string): string | undefined => query.get(name) ?? undefined
  if (!route.startsWith('/admin/')) return open(model, method, route)
  if ((model.adminCode ?? '') !== '' && incoming.headers['x-admin-code'] !== model.adminCode) {
    return failed(403, 'admin_required')
  }
  const place = `${method} ${route.replace(/^(\/admin\/blueprints\/).+$/, '$1:id')}`
  switch (place) {
    case 'GET /admin/snapshot':
      return snapshot(model, incoming.base)
    case 'GET /admin/changes':
      return changes(model, text('cursor'), text('limit'), text('wait'))
    case 'GET /admin/entities': {
      const type = text('type')
      const entities = type === undefined || type === 'app' ? [...model.world.all('entity')] : []
      return { status: 200, body: `{"entities":[${entities.map(jsonText).join(',')}]}` }
    }
    case 'GET /admin/blueprints/:id': {
      const blueprint = model.world.get('blueprint', idIn(route))
      return blueprint === undefined ? failed(404, 'not_found') : answer({ blueprint })
    }
    case 'DELETE /admin/blueprints/:id': {
      if (incoming.headers['content-type'] !== undefined && incoming.body.byteLength === 0) return BROKEN
      const { outcome } = write(model, incoming, place, { kind: 'blueprint_remove', id: idIn(route) })
      return outcome.kind === 'refused' ? refusal(outcome) : answer({ ok: true })
    }
    case 'POST /admin/ops':
      return model.kind.capabilities.includes('ops.batch') ? batch(model, incoming, place) : noRoute(method, path)
    case 'GET /admin/upload-check': {
      const filename = text('filename') ?? ''
      if (filename === '') return failed(400, 'invalid_payload')
      return answer({ exists: model.assets.find(filename) !== undefined })
    }
    case 'POST /admin/upload':
      return upload(model, incoming)
    default:
      return withBody(model, incoming, place, text) ?? noRoute(method, path)
  }
}

/** What needs no code. */
function open(model: WorldModel, method: string, route: string): Outgoing {
  if (method !== 'GET') return noRoute(method, route)
  if (route === '/health') return answer({ ok: true })
  if (route === '/status') {
    const { title = null, desc = null, playerLimit = 0 } = model.world.settings
    return answer({ ok: true, worldId: model.worldId, title, desc, playerLimit, connectedUsers: [] })
  }
  const asset = route.startsWith('/assets/') ? model.assets.find(decodeURIComponent(route.slice(8))) : undefined
  return asset === undefined ? noRoute(method, route) : { status: 200, body: asset }
}

/** Routes that read a JSON body, and those of the locks. */
function withBody(
  model: WorldModel,
  incoming: Incoming,
  place: string,
  query: (name: string) => string | undefined,
): Outgoing | undefined {
  const body = bodyOf(incoming)
  if (body === undefined) return BROKEN
  if (body === 'no object') return failed(400, 'invalid_payload', { message: 'the body must be a JSON object' })
  if (place === 'PUT /admin/spawn') {
    const [position, quaternion] = [jsonOrNull(body.position), jsonOrNull(body.quaternion)]
    const { outcome } = write(model, incoming, place, { kind: 'spawn_put', position, quaternion })
    return outcome.kind === 'refused' ? refusal(outcome) : answer({ ok: true, spawn: outcome.reply.spawn })
  }
  if (place === 'POST /admin/clean') {
    const { dryrun = false } = body
    if (typeof dryrun === 'boolean') return clean(model, incoming, dryrun)
    return failed(400, 'invalid_payload', { message: 'dryrun must be true or false' })
  }
  return deployRoute(model, place, body, query, (command) =>
    write(model, incoming, place, command, 'admin', 'admin.rollback'),
  )
}

function snapshot(model: WorldModel, base: string): Outgoing {
  model.barrier()
  const { world, kind } = model
  const list = (of: 'blueprint' | 'entity') => [...world.all(of)].map(jsonText).join(',')
  const own = { worldId: model.worldId, ...surroundings(model, base) }
  const { players, hasAdminCode, adminUrl, ...first } = own
  const rest = {
    players,
    hasAdminCode,
    adminUrl,
    ...(kind.capabilities.length > 0 ? { capabilities: kind.capabilities } : {}),
    ...(kind.capabilities.includes('snapshot.cursor') ? { cursor: model.head } : {}),
  }
  const [head, tail] = [JSON.stringify(first).slice(0, -1), JSON.stringify(rest).slice(1)]
  return { status: 200, body: `${head},"blueprints":[${list('blueprint')}],"entities":[${list('entity')}],${tail}` }
}

/** A snapshot without its objects. */
export function surroundings(model: WorldModel, base: string) {
  return {
    assetsUrl: `${base}/assets`,
    maxUploadSize: String(MEGABYTES),
    settings: model.world.settings,
    spawn: model.world.spawn,
    players: [],
    hasAdminCode: (model.adminCode ?? '') !== '',
    adminUrl: `${base}/admin`,
  }
}

/** `wait` is understood and never waited for: time stands still while a request is answered. */
function changes(model: WorldModel, cursor = 'latest', limit = '200', wait = '0'): Outgoing {
  const latest = cursor === '' || cursor === 'latest'
  const count = wholeNumber(limit)
  const asked = latest ? undefined : wholeNumber(cursor)
  if (!latest && asked === undefined) return failed(400, 'invalid_cursor')
  if (count === undefined || count < 1 || count > 1000) return failed(400, 'invalid_limit')
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(wait)) return failed(400, 'invalid_wait')
  model.barrier()
  const { feed } = model
  if (asked === undefined) {
    return answer({ cursor: feed.head, headCursor: feed.head, operations: [], hasMore: false })
  }
  if (asked < feed.floor) return failed(410, 'cursor_expired', { oldestCursor: feed.oldest() ?? feed.head })
  return { status: 200, body: feed.pageText(asked, count) }
}

function batch(model: WorldModel, incoming: Incoming, place: string): Outgoing {
  if (incoming.body.byteLength > BATCH_MAX_BYTES) return failed(413, 'payload_too_large')
  const body = isEmpty(incoming) ? { value: undefined } : json(incoming.body)
  if (body === undefined) return failed(400, 'invalid_payload', { message: 'the body is not JSON' })
  const parsed = parseBatch(body.value)
  if (parsed.kind === 'too_large') return failed(413, 'payload_too_large')
  if (parsed.kind === 'invalid') {
    return failed(400, 'invalid_payload', { opId: parsed.opId, message: parsed.message })
  }
  const { outcome, operations, head, recorded } = write(model, incoming, place, parsed.command)
  if (outcome.kind === 'refused') return refusal(outcome)
  const fresh = new Set(operations.map(({ opId }) => opId))
  const results = parsed.command.operations.map(({ opId }) => {
    const cursor = recorded(opId)
    if (cursor === undefined) return { opId }
    return fresh.has(opId) ? { opId, cursor } : { opId, cursor, duplicate: true }
  })
  return answer({ ok: true, cursor: head, results })
}

function upload(model: WorldModel, { headers, body }: Incoming): Outgoing {
  const file = uploadedFile(headers['content-type'] ?? '', body)
  if (file === 'no multipart') return BROKEN
  if (file === undefined) return failed(400, 'invalid_payload', { message: 'there is no file' })
  const named = { filename: file.filename.slice(0, 200) }
  const { verifiesUploads } = model.kind
  if (verifiesUploads && file.bytes.byteLength > MEGABYTES * 1024 * 1024) return failed(413, 'file_too_large', named)
  const outcome = model.assets.put(file.filename, file.bytes, verifiesUploads)
  switch (outcome.kind) {
    case 'stored':
      return answer({ ok: true, filename: verifiesUploads ? outcome.filename : file.filename })
    case 'hash_mismatch':
      return failed(400, 'hash_mismatch', { filename: outcome.filename })
    case 'invalid_filename':
      return failed(400, 'invalid_filename', named)
  }
}

/** Drops what nothing uses; ours spares assets that a push may have uploaded for operations still to come. */
function clean(model: WorldModel, incoming: Incoming, dryrun: boolean): Outgoing {
  const place = 'POST /admin/clean'
  const { outcome } = write(model, incoming, place, { kind: 'clean', dryrun }, 'runtime', 'runtime')
  if (outcome.kind === 'refused') return failed(500, 'clean_failed')
  const blueprints = outcome.reply.blueprints as readonly string[]
  const assets = unusedAssets(model, new Set(blueprints))
  for (const filename of dryrun ? [] : assets) model.assets.remove(filename)
  return answer({ ok: true, dryrun, blueprints, assets })
}

function unusedAssets(model: WorldModel, gone: ReadonlySet<string>): readonly string[] {
  const used = new Set<string>()
  for (const blueprint of model.world.all('blueprint')) {
    if (!gone.has(blueprint.id as string)) collectAssets(blueprint, used)
  }
  for (const entity of model.world.all('entity')) collectAssets(entity, used)
  for (const { blueprints } of model.deploySnapshots) for (const blueprint of blueprints) collectAssets(blueprint, used)
  collectAssets(model.world.settings, used)
  return model.assets.olderThan(model.kind.durable ? CLEAN_GRACE_MS : 0).filter((name) => !used.has(name))
}

function write(
  model: WorldModel,
  { process, late }: Incoming,
  what: string,
  command: Command,
  actor = 'admin',
  source = 'admin.http',
): Settled {
  return model.apply(command, { actor, source, opId: undefined }, { what, process, late })
}

export function refusal(outcome: Refused): Outgoing {
  return failed(STATUS[outcome.error] ?? 500, outcome.error, outcome.reply)
}

function noRoute(method: string, path: string): Outgoing {
  return answer({ message: `Route ${method}:${path} not found`, error: 'Not Found', statusCode: 404 }, 404)
}

/** The members of a JSON body; undefined when the server chokes on it. */
function bodyOf(incoming: Incoming): Fields | 'no object' | undefined {
  const { body } = incoming
  if (isEmpty(incoming)) return {}
  if (body.byteLength > MAX_JSON_BYTES) return undefined
  const parsed = json(body)
  if (parsed === undefined) return undefined
  const value = parsed.value ?? {}
  return typeof value === 'object' && !Array.isArray(value) ? { ...value } : 'no object'
}

function isEmpty({ headers, body }: Incoming): boolean {
  return headers['content-type'] === undefined && body.byteLength === 0
}

function json(body: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(body.toString('utf8')) }
  } catch {
    return undefined
  }
}

function jsonOrNull(value: unknown): Json {
  try {
    return value === undefined ? null : toJson(value)
  } catch (error) {
    if (error instanceof InvalidPayload) return null
    throw error
  }
}

function idIn(route: string): string {
  return decodeURIComponent(route.slice('/admin/blueprints/'.length))
}

function wholeNumber(value: string): number | undefined {
  return /^\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined
}
