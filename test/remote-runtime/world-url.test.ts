import { expect, test } from 'vitest'
import { parseWorldUrl, socketUrl } from '../../src/remote-runtime/world-url.ts'
import { SyncError } from '../../src/world/errors.ts'

test.each([
  ['http://localhost:3000', 'http://localhost:3000'],
  ['http://localhost:3000/', 'http://localhost:3000'],
  ['  https://host/worlds/plaza//  ', 'https://host/worlds/plaza'],
  ['ws://localhost:3000', 'http://localhost:3000'],
  ['wss://Host/worlds/plaza/', 'https://host/worlds/plaza'],
  ['https://host:443', 'https://host'],
  ['http://[::1]:3000/', 'http://[::1]:3000'],
])('%s is the world URL %s', (text, url) => {
  expect(parseWorldUrl(text)).toBe(url)
  expect(parseWorldUrl(parseWorldUrl(text))).toBe(url)
})

test.each([
  '',
  'localhost',
  'localhost:3000',
  'ftp://host',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'constructor:x',
  'http://',
  'http://host/?',
  'http://host/#',
  'http://host/?code=hunter2',
  'http://host/#hunter2',
  'http://admin:hunter2@host/',
  'http://hunter2@host/',
  'http://admin:hunter2@host:port',
  'http://ho\u001b[31mst/hunter\u0000',
])('%j is refused, and nothing secret repeated', (text) => {
  const error = catching(() => parseWorldUrl(text))
  expect(error).toMatchObject({ code: 'invalid_url', exitCode: 1 })
  const told = `${error.message}${error.hint}${JSON.stringify(error.data)}${error.stack}`
  expect(told).not.toContain('hunter2')
  expect(error.message).not.toContain('\u001b')
})

test('the socket is the same place with /admin', () => {
  expect(socketUrl('https://host/worlds/plaza')).toBe('wss://host/worlds/plaza/admin')
  expect(socketUrl('http://localhost:3000')).toBe('ws://localhost:3000/admin')
})

function catching(run: () => unknown): SyncError {
  try {
    run()
  } catch (error) {
    if (error instanceof SyncError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
