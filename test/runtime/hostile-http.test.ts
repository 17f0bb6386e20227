import { expect, test } from 'vitest'
import { rawRequest } from './raw-http.ts'
import { testRuntime } from './support.ts'

test('no spelling of a path gets around the admin code', async () => {
  const runtime = await testRuntime()
  for (const path of [
    '/admin/snapshot',
    '/%61dmin/snapshot',
    '/%61%64%6d%69%6e/%73%6e%61%70%73%68%6f%74',
    '/admin%2Fsnapshot',
    '/admin//snapshot',
    '//admin/snapshot',
    '/./admin/snapshot',
    '/assets/../admin/snapshot',
    '/assets/%2e%2e/admin/snapshot',
    '/ADMIN/snapshot',
    '/admin/snapshot/',
    '/admin/snapshot;x',
    '/admin/snapshot?x-admin-code=secret',
    '/admin/snapshot%00',
    `${runtime.url}/admin/snapshot`,
    'http://elsewhere/admin/snapshot',
    'http://elsewhere/%61dmin/snapshot',
    'elsewhere:80/admin/snapshot',
    '*',
  ]) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const answer = await rawRequest(runtime, `${method} ${path}`)
      expect([400, 403, 404, method === 'OPTIONS' ? 204 : 404], `${method} ${path}`).toContain(answer.status)
      expect(answer.text, path).not.toContain('blueprints')
    }
  }
  const body = JSON.stringify({ operations: [{ opId: 'x', kind: 'settings.update', key: 'title', value: 'taken' }] })
  const json = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  expect((await rawRequest(runtime, 'POST /%61dmin/ops', json, body)).status).toBe(403)
  expect((await rawRequest(runtime, 'POST http://elsewhere/admin/ops', json, body)).status).toBe(403)
  expect((await rawRequest(runtime, 'GET /status')).text).toContain('"title":null')
})
