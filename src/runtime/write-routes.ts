import type { FastifyInstance, FastifyReply } from 'fastify'
import { BATCH_MAX_BYTES } from '../protocol/schemas.ts'
import type { Json } from '../world/json.ts'
import { collectAssets } from './asset-references.ts'
import { isContentName } from './asset-store.ts'
import { parseBatch } from './batch-request.ts'
import type { Command, Refused } from './engine-types.ts'
import type { Settled } from './group-writer.ts'
import { answerError, bodyOf, NotJson } from './http-server.ts'
import { type RuntimeCore, submitHttp } from './runtime-core.ts'
import { InvalidPayload, toJson } from './wire-values.ts'

/** An asset this young may belong to a push whose operations are still to come. */
const CLEAN_GRACE_MS = 60 * 60 * 1000

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
  payload_too_large: 413,
  db_unavailable: 503,
}

/** The writes that HTTP offers (protocol, sections 5 and 9). */
export function writeRoutes(app: FastifyInstance, core: RuntimeCore): void {
  app.delete<{ Params: { id: string } }>('/admin/blueprints/:id', async (request, reply) => {
    const { outcome } = await submitHttp(core, { kind: 'blueprint_remove', id: request.params.id })
    return outcome.kind === 'refused' ? refuse(reply, outcome) : { ok: true }
  })

  app.put('/admin/spawn', async (request, reply) => {
    const { position, quaternion } = bodyOf(request)
    const { outcome } = await submitHttp(core, {
      kind: 'spawn_put',
      position: jsonOrNull(position),
      quaternion: jsonOrNull(quaternion),
    })
    return outcome.kind === 'refused' ? refuse(reply, outcome) : { ok: true, spawn: outcome.reply.spawn }
  })

  app.post('/admin/clean', async (request, reply) => {
    const { dryrun = false } = bodyOf(request)
    if (typeof dryrun !== 'boolean') throw new InvalidPayload('dryrun must be true or false')
    const { outcome } = await submitHttp(core, { kind: 'clean', dryrun }, 'runtime', 'runtime')
    if (outcome.kind === 'refused') return reply.code(500).send({ error: 'clean_failed' })
    const blueprints = outcome.reply.blueprints as readonly string[]
    const assets = await cleanAssets(core, dryrun, new Set(blueprints))
    return { ok: true, dryrun, blueprints, assets }
  })

  if (core.capabilities.has('ops.batch')) batchRoute(app, core)
}

function batchRoute(app: FastifyInstance, core: RuntimeCore): void {
  app.post(
    '/admin/ops',
    {
      bodyLimit: BATCH_MAX_BYTES,
      errorHandler: (error, _request, reply) => {
        if (error.statusCode === 413) return reply.code(413).send({ error: 'payload_too_large' })
        if (!(error instanceof NotJson) && error.statusCode !== 415) return answerError(error, core, reply)
        return reply.code(400).send({ error: 'invalid_payload', message: 'the body is not JSON' })
      },
    },
    async (request, reply) => {
      const parsed = parseBatch(request.body)
      if (parsed.kind !== 'batch') core.metrics?.malformed('batch')
      if (parsed.kind === 'too_large') return reply.code(413).send({ error: 'payload_too_large' })
      if (parsed.kind === 'invalid') {
        const { opId, message } = parsed
        return reply.code(400).send({ error: 'invalid_payload', opId, message })
      }
      const settled = await submitHttp(core, parsed.command)
      if (settled.outcome.kind === 'refused') return refuse(reply, settled.outcome)
      return { ok: true, cursor: settled.head, results: resultsOf(parsed.command, settled) }
    },
  )
}

function resultsOf(command: Extract<Command, { kind: 'batch' }>, { operations, recorded }: Settled) {
  const own = new Set(operations.map((op) => op.opId))
  return command.operations.map(({ opId }) => {
    const cursor = recorded(opId)
    if (cursor === undefined) return { opId }
    return own.has(opId) ? { opId, cursor } : { opId, cursor, duplicate: true }
  })
}

async function cleanAssets(core: RuntimeCore, dryrun: boolean, gone: ReadonlySet<string>): Promise<readonly string[]> {
  const used = new Set<string>()
  for (const blueprint of core.world.all('blueprint')) {
    if (!gone.has(blueprint.id as string)) collectAssets(blueprint, used)
  }
  for (const entity of core.world.all('entity')) collectAssets(entity, used)
  for (const blueprint of core.snapshots.blueprints()) collectAssets(blueprint, used)
  collectAssets(core.world.settings, used)
  const grace = core.publicLike ? 0 : CLEAN_GRACE_MS
  const unused = (await core.assets.list()).filter(
    ({ filename, modifiedAt }) => isContentName(filename) && !used.has(filename) && modifiedAt <= core.now() - grace,
  )
  for (const { filename } of dryrun ? [] : unused) await core.assets.remove(filename)
  return unused.map(({ filename }) => filename).sort()
}

function refuse(reply: FastifyReply, outcome: Refused): FastifyReply {
  return reply.code(STATUS[outcome.error] ?? 500).send({ error: outcome.error, ...outcome.reply })
}

/** JSON of a body is JSON already, but for its depth. */
function jsonOrNull(value: unknown): Json {
  try {
    return value === undefined ? null : toJson(value)
  } catch (error) {
    if (error instanceof InvalidPayload) return null
    throw error
  }
}
