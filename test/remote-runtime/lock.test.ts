import { afterEach, describe, expect, test } from 'vitest'
import { closeAll, failure, json, world } from './fake-server.ts'

afterEach(closeAll)

const LOCK = { locked: true, owner: 'me', acquiredAt: 1, ageMs: 2, expiresInMs: 3, scope: 'demo' }

test('the status of a scope', async () => {
  const { runtime, server } = await world((_, response) => json(response, LOCK))
  expect(await runtime.lockStatus('a&b')).toEqual(LOCK)
  expect(server.asked[0]?.query.get('scope')).toBe('a&b')
})

describe('acquiring', () => {
  test('gives a token', async () => {
    const { runtime, server } = await world((_, response) => json(response, { ok: true, token: 't', ttlMs: 30_000 }))
    expect(await runtime.acquireLock('me', 30, 'demo')).toEqual({ kind: 'acquired', token: 't', ttlMs: 30_000 })
    expect(JSON.parse(String(server.asked[0]?.body))).toEqual({ owner: 'me', ttl: 30, scope: 'demo' })
    expect(server.asked[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } })
  })

  test.each([
    [{ error: 'locked', lock: LOCK }, LOCK],
    [{ error: 'locked' }, { locked: true, scope: 'demo' }],
    [
      { error: 'locked', lock: 'yes' },
      { locked: true, scope: 'demo' },
    ],
  ])('tells who holds it: %j', async (body, lock) => {
    const { runtime } = await world((_, response) => json(response, body, 409))
    expect(await runtime.acquireLock('me', 30, 'demo')).toEqual({ kind: 'held', lock })
  })

  test('without a token is an invalid response', async () => {
    const { runtime } = await world((_, response) => json(response, { ok: true, ttlMs: 1 }))
    const error = await failure(runtime.acquireLock('me', 30, 'demo'))
    expect(error).toMatchObject({ code: 'invalid_response' })
    expect(error.message).toContain('token')
  })
})

test.each([
  [200, { ok: true, ttlMs: 1 }, true],
  [409, { error: 'not_owner' }, false],
  [409, { error: 'not_locked' }, false],
])('renewing: %i %j is %s', async (status, body, ours) => {
  const { runtime, server } = await world((_, response) => json(response, body, status))
  expect(await runtime.renewLock('t', 60, 'demo')).toBe(ours)
  expect(server.asked[0]?.method).toBe('PUT')
})

test('releasing a lock that ran out is fine, anything else is said', async () => {
  let status = 200
  const { runtime, server } = await world((_, response) => json(response, { error: 'not_owner' }, status))
  await runtime.releaseLock('t', 'demo')
  status = 409
  await runtime.releaseLock('t', 'demo')
  expect(JSON.parse(String(server.asked[0]?.body))).toEqual({ token: 't', scope: 'demo' })
  status = 400
  expect(await failure(runtime.releaseLock('t', 'demo'))).toMatchObject({ code: 'invalid_response' })
})

test.each([
  [200, { ok: true, id: 's', count: 1, missing: [] }, { kind: 'taken', id: 's' }],
  [404, { error: 'Not Found', message: 'Route' }, { kind: 'unsupported' }],
  [404, { error: 'not_found' }, { kind: 'refused', error: 'not_found' }],
  [400, { ok: false, error: 'multi_scope_not_supported' }, { kind: 'refused', error: 'multi_scope_not_supported' }],
])('a deploy snapshot: %i %j', async (status, body, outcome) => {
  const { runtime } = await world((_, response) => json(response, body, status))
  const request = { ids: ['a'], target: 'prod', note: 'n', lockToken: 't', scope: 'demo' }
  expect(await runtime.deploySnapshot(request)).toEqual(outcome)
})
