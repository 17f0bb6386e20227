import { afterEach, describe, expect, test } from 'vitest'
import type { BatchRequest } from '../../src/remote-runtime/remote-runtime.ts'
import { CODE, closeAll, failure, json, world } from './fake-server.ts'

afterEach(closeAll)

const LOCK = { locked: true, owner: 'you', scope: 'demo' }
const operation = { opId: 'a', actor: 'me', source: 'git:1', kind: 'entity.remove', id: 'e' } as const
const REQUEST: BatchRequest = { operations: [operation] }

describe('a batch', () => {
  test('goes out as it is', async () => {
    const { runtime, server } = await world((_, response) => json(response, { ok: true, cursor: 1, results: [] }))
    const patch = JSON.parse('{"__proto__":{"x":1},"props.color":"red"}')
    const request: BatchRequest = {
      expectedCursor: 4,
      lockTokens: { demo: 't' },
      operations: [
        { ...operation, kind: 'entity.update', patch, remove: ['desc'], expect: { desc: 'old' } },
        { opId: 'b', actor: 'me', source: 'git:1', kind: 'settings.update', key: 'title', value: undefined },
      ],
    }
    await runtime.batch(request)
    expect(String(server.asked[0]?.body)).toBe(JSON.stringify(request))
    expect(String(server.asked[0]?.body)).toContain('"__proto__":{"x":1}')
  })

  test.each([
    [
      200,
      {
        ok: true,
        cursor: 5,
        results: [
          { opId: 'a', cursor: 5 },
          { opId: 'b', duplicate: true },
        ],
      },
      {
        kind: 'landed',
        cursor: 5,
        results: [
          { opId: 'a', cursor: 5 },
          { opId: 'b', duplicate: true },
        ],
      },
    ],
    [
      409,
      {
        error: 'expectation_failed',
        headCursor: 9,
        mismatches: [{ opId: 'a', id: 'e', field: 'props.x', current: null }],
      },
      { kind: 'mismatch', mismatches: [{ opId: 'a', id: 'e', field: 'props.x', current: null }] },
    ],
    [409, { error: 'deploy_locked', lock: LOCK }, { kind: 'locked', error: 'deploy_locked', lock: LOCK }],
    [409, { error: 'deploy_lock_required' }, { kind: 'locked', error: 'deploy_lock_required', lock: undefined }],
    [
      409,
      { error: 'cursor_mismatch', headCursor: 9 },
      { kind: 'refused', error: 'cursor_mismatch', opId: undefined, message: '' },
    ],
    [
      400,
      { error: 'invalid_payload', opId: 'a', message: `no ${CODE}` },
      { kind: 'refused', error: 'invalid_payload', opId: 'a', message: 'no ***' },
    ],
    [404, { error: 'not_found', opId: 'a' }, { kind: 'refused', error: 'not_found', opId: 'a' }],
    [413, { error: 'too_large' }, { kind: 'refused', error: 'payload_too_large' }],
  ])('%i %j', async (status, body, outcome) => {
    const { runtime } = await world((_, response) => json(response, body, status))
    expect(await runtime.batch(REQUEST)).toMatchObject(outcome)
  })

  test.each([
    [200, { ok: true, cursor: 5 }, 'results'],
    [200, { ok: false, cursor: 5, results: [] }, 'ok'],
    [409, { error: 'expectation_failed', mismatches: [{}] }, 'mismatches[0].opId'],
    [404, { error: 'Not Found' }, 'HTTP 404'],
    [400, {}, 'HTTP 400'],
  ])('%i %j is an invalid response', async (status, body, said) => {
    const { runtime } = await world((_, response) => json(response, body, status))
    const error = await failure(runtime.batch(REQUEST))
    expect(error.code).toBe('invalid_response')
    expect(error.message).toContain(said)
  })

  test('beyond the limit of bytes is never sent', async () => {
    const { runtime, server } = await world((_, response) => json(response, {}))
    const patch = { desc: 'x'.repeat(17 * 1024 * 1024) }
    const outcome = await runtime.batch({ operations: [{ ...operation, kind: 'entity.update', patch }] })
    expect(outcome).toMatchObject({ kind: 'refused', error: 'payload_too_large' })
    expect(server.asked).toHaveLength(0)
  })

  test('beyond the limit of operations is a bug', async () => {
    const { runtime } = await world((_, response) => json(response, {}))
    await expect(runtime.batch({ operations: Array.from({ length: 10_001 }, () => operation) })).rejects.toThrow(
      'assertion failed',
    )
  })
})

describe('single writes', () => {
  test('removing a blueprint sends no body and no content-type', async () => {
    const { runtime, server } = await world((_, response) => json(response, { ok: true }))
    expect(await runtime.removeBlueprint('a/b ü')).toEqual({ kind: 'ok' })
    expect(server.asked[0]).toMatchObject({ method: 'DELETE', path: '/admin/blueprints/a%2Fb%20%C3%BC' })
    expect(server.asked[0]?.headers).not.toHaveProperty('content-type')
    expect(server.asked[0]?.body).toHaveLength(0)
  })

  test.each([
    [409, { error: 'in_use' }, { kind: 'refused', error: 'in_use' }],
    [404, { error: 'not_found' }, { kind: 'refused', error: 'not_found' }],
    [409, { error: 'deploy_locked', lock: LOCK }, { kind: 'refused', error: 'deploy_locked', lock: LOCK }],
    [
      409,
      { error: 'version_mismatch', current: { id: 'a' } },
      { kind: 'refused', error: 'version_mismatch', current: { id: 'a' } },
    ],
  ])('%i %j is refused', async (status, body, outcome) => {
    const { runtime } = await world((_, response) => json(response, body, status))
    expect(await runtime.removeBlueprint('a')).toEqual(outcome)
  })

  test('ids made of dots stay ids, ids that no URL can name are not there', async () => {
    const { runtime, server } = await world((_, response) => json(response, { error: 'not_found' }, 404))
    expect(await runtime.blueprint('..')).toBeUndefined()
    expect(server.asked[0]?.path).toBe('/admin/blueprints/%2E%2E')
    expect(await runtime.blueprint('\ud800')).toBeUndefined()
    expect(await runtime.removeBlueprint('')).toEqual({ kind: 'refused', error: 'not_found' })
    expect(server.asked).toHaveLength(1)
  })

  test('a blueprint is read as it is', async () => {
    const { runtime } = await world((_, response) => json(response, { blueprint: { id: 'a', version: 3, more: [1] } }))
    expect(await runtime.blueprint('a')).toEqual({ id: 'a', version: 3, more: [1] })
  })

  test('the spawn', async () => {
    const { runtime, server } = await world((_, response) => json(response, { ok: true, spawn: {} }))
    expect(await runtime.putSpawn({ position: [1, 0, 2], quaternion: [0, 0, 0, 1] })).toEqual({ kind: 'ok' })
    expect(server.asked[0]).toMatchObject({ method: 'PUT', path: '/admin/spawn' })
    expect(JSON.parse(String(server.asked[0]?.body))).toEqual({ position: [1, 0, 2], quaternion: [0, 0, 0, 1] })
  })
})
