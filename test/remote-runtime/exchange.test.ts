import { expect, test } from 'vitest'
import { failureOf } from '../../src/remote-runtime/exchange.ts'

const coded = (code: string) => Object.assign(new Error(`${code} and a long story`), { code })

test.each([
  ['ENOTFOUND', 'no_host', 'ENOTFOUND, no such host', false],
  ['EAI_AGAIN', 'connection', 'EAI_AGAIN', true],
  ['ECONNREFUSED', 'connection', 'ECONNREFUSED', true],
  ['ECONNRESET', 'connection', 'ECONNRESET', true],
  ['ETIMEDOUT', 'timeout', 'timeout', true],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout', 'timeout', true],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls', 'TLS, DEPTH_ZERO_SELF_SIGNED_CERT', true],
  ['CERT_HAS_EXPIRED', 'tls', 'TLS, CERT_HAS_EXPIRED', true],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls', 'TLS, ERR_TLS_CERT_ALTNAME_INVALID', true],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls', 'TLS, UNABLE_TO_VERIFY_LEAF_SIGNATURE', true],
  ['EPROTO', 'tls', 'TLS, EPROTO', true],
] as const)('%s is %s', (code, kind, reason, sent) => {
  expect(failureOf(coded(code), true)).toMatchObject({ kind, reason, sent })
})

test('an error without a code says no more than that', () => {
  expect(failureOf(new Error('x-admin-code: hunter2'), false)).toMatchObject({
    kind: 'connection',
    reason: 'the connection was cut',
  })
})
