import { GLOBAL_SCOPE, grantedTtl, lockInfo } from '../../../src/runtime/deploy-locks.ts'
import type { Command } from '../../../src/runtime/engine-types.ts'
import type { Settled } from '../../../src/runtime/group-writer.ts'
import { storedScope } from '../../../src/runtime/script-rules.ts'
import { isStorableId } from '../../../src/runtime/wire-values.ts'
import { answer, type Fields, failed, type Outgoing } from './answers.ts'
import type { WorldModel } from './model.ts'

/** Deploy locks and snapshots (protocol, section 6); undefined for a route of somebody else. */
export function deployRoute(
  model: WorldModel,
  place: string,
  body: Fields,
  query: (name: string) => string | undefined,
  write: (command: Command) => Settled,
): Outgoing | undefined {
  const { locks } = model
  const now = model.now()
  switch (place) {
    case 'GET /admin/deploy-lock': {
      const lock = locks.get(textOf(query('scope')) ?? GLOBAL_SCOPE, now)
      return answer(lock === undefined ? { locked: false } : { ...lockInfo(lock, now) })
    }
    case 'POST /admin/deploy-lock': {
      const scope = body.scope === '' ? GLOBAL_SCOPE : (body.scope ?? GLOBAL_SCOPE)
      const owner = body.owner === '' ? 'unknown' : (body.owner ?? 'unknown')
      if (!isStorableId(scope) || !isStorableId(owner)) {
        const message = 'scope and owner are non-empty strings of at most 1024 characters'
        return failed(400, 'invalid_payload', { message })
      }
      const held = locks.blocking(scope, now)
      if (held !== undefined) return failed(409, 'locked', { lock: lockInfo(held, now) })
      const ttlMs = grantedTtl(body.ttl)
      const token = model.newUid()
      locks.put({ scope, token, owner, acquiredAt: now, expiresAt: now + ttlMs })
      return answer({ ok: true, token, ttlMs })
    }
    case 'PUT /admin/deploy-lock': {
      const lock = locks.find(textOf(body.token) ?? '', now)
      if (lock === undefined) return notOurs(model, body.scope)
      const ttlMs = grantedTtl(body.ttl)
      locks.put({ ...lock, expiresAt: now + ttlMs })
      return answer({ ok: true, ttlMs })
    }
    case 'DELETE /admin/deploy-lock': {
      const lock = locks.find(textOf(body.token) ?? '', now)
      if (lock === undefined) return notOurs(model, body.scope)
      locks.release(lock.scope)
      return answer({ ok: true })
    }
    case 'POST /admin/deploy-snapshots':
      return take(model, body)
    case 'POST /admin/deploy-snapshots/rollback':
      return rollBack(model, body, write)
    default:
      return undefined
  }
}

function take(model: WorldModel, body: Fields): Outgoing {
  const { ids } = body
  if (!Array.isArray(ids) || !ids.every(isStorableId)) {
    return failed(400, 'invalid_payload', { message: 'ids must be a list of ids' })
  }
  const unique = [...new Set(ids)]
  const blueprints = unique.map((id) => model.world.get('blueprint', id)).filter((found) => found !== undefined)
  const missing = unique.filter((id) => model.world.get('blueprint', id) === undefined)
  const asked = textOf(body.scope)
  const scopes = [...new Set(blueprints.map(storedScope))].sort()
  const refuse = (error: string) => answer({ ok: false, error, scopes }, 400)
  if (asked !== GLOBAL_SCOPE && scopes.length > 1) return refuse('multi_scope_not_supported')
  const scope = asked ?? scopes[0] ?? GLOBAL_SCOPE
  if (asked !== GLOBAL_SCOPE && scopes[0] !== undefined && scopes[0] !== scope) return refuse('scope_mismatch')
  const refused = lockRefusal(model, scope, body.lockToken)
  if (refused !== undefined) return refused
  const id = model.newUid()
  const createdAt = new Date(model.now()).toISOString()
  const [target, note] = [textOf(body.target) ?? '', textOf(body.note) ?? '']
  model.deploySnapshots.push({ id, scope, createdAt, target, note, blueprints })
  return answer({ ok: true, id, count: blueprints.length, missing, createdAt })
}

function rollBack(model: WorldModel, body: Fields, write: (command: Command) => Settled): Outgoing {
  const [id, scope] = [textOf(body.id), textOf(body.scope)]
  const snapshot = model.deploySnapshots.findLast((one) =>
    id === undefined ? scope === undefined || one.scope === scope : one.id === id,
  )
  if (snapshot === undefined) return failed(404, 'not_found')
  const refused = lockRefusal(model, snapshot.scope, body.lockToken)
  if (refused !== undefined) return refused
  const { blueprints } = snapshot
  const { outcome } = write({ kind: 'rollback', blueprints, lockToken: textOf(body.lockToken) })
  if (outcome.kind === 'refused') return failed(500, 'rollback_failed')
  return answer({ ok: true, snapshotId: snapshot.id, ...outcome.reply })
}

function lockRefusal(model: WorldModel, scope: string, token: unknown): Outgoing | undefined {
  const verdict = model.locks.permits(scope, typeof token === 'string' ? [token] : [], model.now())
  switch (verdict.kind) {
    case 'permitted':
      return undefined
    case 'locked':
      return failed(409, 'deploy_locked', { lock: verdict.lock })
    case 'required':
      return failed(409, 'deploy_lock_required')
  }
}

function notOurs(model: WorldModel, scope: unknown): Outgoing {
  const held = model.locks.get(textOf(scope) ?? GLOBAL_SCOPE, model.now())
  return failed(409, held === undefined ? 'not_locked' : 'not_owner')
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
