import type { FastifyInstance, FastifyReply } from 'fastify'
import type { JsonObject } from '../world/json.ts'
import { GLOBAL_SCOPE, grantedTtl, lockInfo } from './deploy-locks.ts'
import { bodyOf, queryOf } from './http-server.ts'
import { type RuntimeCore, submitHttp } from './runtime-core.ts'
import { storedScope } from './script-rules.ts'
import { isStorableId } from './wire-values.ts'

/** Deploy locks and snapshots (protocol, section 6). */
export function deployRoutes(app: FastifyInstance, core: RuntimeCore): void {
  const { locks, now } = core

  app.get('/admin/deploy-lock', (request) => {
    const lock = locks.get(textOf(queryOf(request).scope) ?? GLOBAL_SCOPE, now())
    return lock === undefined ? { locked: false } : lockInfo(lock, now())
  })

  app.post('/admin/deploy-lock', (request, reply) => {
    const body = bodyOf(request)
    const scope = body.scope === '' ? GLOBAL_SCOPE : (body.scope ?? GLOBAL_SCOPE)
    const owner = body.owner === '' ? 'unknown' : (body.owner ?? 'unknown')
    if (!isStorableId(scope) || !isStorableId(owner)) {
      const message = 'scope and owner are non-empty strings of at most 1024 characters'
      return reply.code(400).send({ error: 'invalid_payload', message })
    }
    const held = locks.blocking(scope, now())
    if (held !== undefined) return reply.code(409).send({ error: 'locked', lock: lockInfo(held, now()) })
    if (!locks.hasRoom(now())) return reply.code(409).send({ error: 'too_many_locks' })
    const ttlMs = grantedTtl(body.ttl)
    const lock = { scope, token: core.newUid(), owner, acquiredAt: now() }
    locks.put({ ...lock, expiresAt: lock.acquiredAt + ttlMs })
    return { ok: true, token: lock.token, ttlMs }
  })

  app.put('/admin/deploy-lock', (request, reply) => {
    const body = bodyOf(request)
    const lock = locks.find(textOf(body.token) ?? '', now())
    if (lock === undefined) return notOurs(core, reply, body.scope)
    const ttlMs = grantedTtl(body.ttl)
    locks.put({ ...lock, expiresAt: now() + ttlMs })
    return { ok: true, ttlMs }
  })

  app.delete('/admin/deploy-lock', (request, reply) => {
    const body = bodyOf(request)
    const lock = locks.find(textOf(body.token) ?? '', now())
    if (lock === undefined) return notOurs(core, reply, body.scope)
    locks.release(lock.scope)
    return { ok: true }
  })

  app.post('/admin/deploy-snapshots', (request, reply) => takeSnapshot(core, bodyOf(request), reply))
  app.post('/admin/deploy-snapshots/rollback', (request, reply) => rollBack(core, bodyOf(request), reply))
}

function takeSnapshot(core: RuntimeCore, body: { readonly [key: string]: unknown }, reply: FastifyReply) {
  const { ids } = body
  if (!Array.isArray(ids) || !ids.every(isStorableId)) {
    return reply.code(400).send({ error: 'invalid_payload', message: 'ids must be a list of ids' })
  }
  const unique = [...new Set(ids)]
  const blueprints = unique.map((id) => core.world.get('blueprint', id)).filter((b) => b !== undefined)
  const missing = unique.filter((id) => core.world.get('blueprint', id) === undefined)
  const scope = snapshotScope(blueprints, textOf(body.scope))
  if (scope.kind === 'several') {
    return reply.code(400).send({ ok: false, error: 'multi_scope_not_supported', scopes: scope.scopes })
  }
  if (scope.kind === 'mismatch')
    return reply.code(400).send({ ok: false, error: 'scope_mismatch', scopes: scope.scopes })
  const refusal = lockRefusal(core, scope.scope, body.lockToken, reply)
  if (refusal !== undefined) return refusal
  const id = core.newUid()
  const createdAt = new Date(core.now()).toISOString()
  const note = textOf(body.note) ?? ''
  core.snapshots.put({ id, scope: scope.scope, createdAt, target: textOf(body.target) ?? '', note, blueprints })
  return { ok: true, id, count: blueprints.length, missing, createdAt }
}

async function rollBack(core: RuntimeCore, body: { readonly [key: string]: unknown }, reply: FastifyReply) {
  const id = textOf(body.id)
  const asked = textOf(body.scope)
  const snapshot = id === undefined ? core.snapshots.latest(asked) : core.snapshots.get(id)
  if (snapshot === undefined) return reply.code(404).send({ error: 'not_found' })
  const refusal = lockRefusal(core, snapshot.scope, body.lockToken, reply)
  if (refusal !== undefined) return refusal
  const { outcome } = await submitHttp(
    core,
    { kind: 'rollback', blueprints: snapshot.blueprints, lockToken: textOf(body.lockToken) },
    'admin',
    'admin.rollback',
  )
  if (outcome.kind === 'refused') return reply.code(500).send({ error: 'rollback_failed' })
  return { ok: true, snapshotId: snapshot.id, ...outcome.reply }
}

type SnapshotScope =
  | { readonly kind: 'one'; readonly scope: string }
  | { readonly kind: 'several'; readonly scopes: readonly string[] }
  | { readonly kind: 'mismatch'; readonly scopes: readonly string[] }

/** Blueprints of several scopes need `global`; without a scope the single common one is used. */
function snapshotScope(blueprints: readonly JsonObject[], asked: string | undefined): SnapshotScope {
  const scopes = [...new Set(blueprints.map(storedScope))].sort()
  if (asked === GLOBAL_SCOPE) return { kind: 'one', scope: GLOBAL_SCOPE }
  if (scopes.length > 1) return { kind: 'several', scopes }
  const scope = asked ?? scopes[0] ?? GLOBAL_SCOPE
  return scopes[0] === undefined || scopes[0] === scope ? { kind: 'one', scope } : { kind: 'mismatch', scopes }
}

function lockRefusal(core: RuntimeCore, scope: string, token: unknown, reply: FastifyReply): FastifyReply | undefined {
  const verdict = core.locks.permits(scope, typeof token === 'string' ? [token] : [], core.now())
  switch (verdict.kind) {
    case 'permitted':
      return undefined
    case 'locked':
      return reply.code(409).send({ error: 'deploy_locked', lock: verdict.lock })
    case 'required':
      return reply.code(409).send({ error: 'deploy_lock_required' })
  }
}

/** A token that no lock has: `not_owner` where somebody else holds the scope, else `not_locked`. */
function notOurs(core: RuntimeCore, reply: FastifyReply, scope: unknown): FastifyReply {
  const held = core.locks.get(textOf(scope) ?? GLOBAL_SCOPE, core.now())
  return reply.code(409).send({ error: held === undefined ? 'not_locked' : 'not_owner' })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
