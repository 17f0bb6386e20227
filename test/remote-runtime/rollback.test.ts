import { afterEach, expect, test } from 'vitest'
import { closeAll, failure, json, world } from './fake-server.ts'

afterEach(closeAll)

const LOCK = { locked: true, owner: 'me', acquiredAt: 1, ageMs: 2, expiresInMs: 3, scope: 'demo' }
const request = { id: 's', lockToken: 't', scope: 'demo' }

test.each([
  [
    200,
    { ok: true, snapshotId: 's', restored: ['demo'], failed: [] },
    { kind: 'rolled-back', id: 's', restored: ['demo'], failed: [] },
  ],
  [
    200,
    { ok: true, snapshotId: 's', restored: [], failed: ['a', { id: 'b', error: 'scope_unknown' }, 7] },
    { kind: 'rolled-back', id: 's', restored: [], failed: ['a', 'b', '7'] },
  ],
  [404, { error: 'Not Found', message: 'Route' }, { kind: 'unsupported' }],
  [404, { error: 'not_found' }, { kind: 'missing' }],
  [409, { error: 'deploy_locked', lock: LOCK }, { kind: 'refused', error: 'deploy_locked', lock: LOCK }],
  [400, { error: 'scope_mismatch' }, { kind: 'refused', error: 'scope_mismatch' }],
])('a rollback: %i %j', async (status, body, outcome) => {
  const { runtime, server } = await world((_, response) => json(response, body, status))
  expect(await runtime.rollbackDeploy(request)).toEqual(outcome)
  expect(JSON.parse(String(server.asked[0]?.body))).toEqual(request)
})

test('an answer that says nothing of it is an invalid response', async () => {
  const { runtime } = await world((_, response) => json(response, { ok: true, snapshotId: 's', restored: 'demo' }))
  expect(await failure(runtime.rollbackDeploy(request))).toMatchObject({ code: 'invalid_response' })
})
