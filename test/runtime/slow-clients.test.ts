import { connect as openConnection } from 'node:net'
import { Packr } from 'msgpackr'
import { expect, test } from 'vitest'
import { PACKETS } from '../../src/protocol/packets.ts'
import { rawConnection } from './raw-http.ts'
import { batch, CODE, connect, entityOf, get, op, openSocket, testRuntime } from './support.ts'

const packr = new Packr({ structuredClone: true })
const HEAD = `Host: world\r\nX-Admin-Code: ${CODE}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`

test('who says nothing, or not all of it, is cut off; who is done is not', async () => {
  const runtime = await testRuntime({ limits: { headMs: 150, requestMs: 300, lingerMs: 50, authMs: 50 } })
  const silent = await rawConnection(runtime)
  const slowHead = await rawConnection(runtime)
  slowHead.write('GET /health HTTP/1.1\r\nHost: wor')
  const slowBody = await rawConnection(runtime)
  slowBody.write(`POST /admin/ops HTTP/1.1\r\n${HEAD}{`)
  const slowUpload = await rawConnection(runtime)
  slowUpload.write(
    `POST /admin/upload HTTP/1.1\r\n${HEAD.replace('application/json', 'multipart/form-data; boundary=x')}--x\r\nContent-Disposition: form-data; name="file"; filename="a.js"\r\n\r\nabc`,
  )
  const refused = await rawConnection(runtime)
  refused.write(`POST /admin/ops HTTP/1.1\r\n${HEAD.replace(CODE, 'wrong')}{`)
  const unauthenticated = await openSocket(runtime)

  expect((await silent.ended).status).toBe(408)
  expect((await slowHead.ended).status).toBe(408)
  expect((await slowBody.ended).status).toBe(408)
  expect([400, 408]).toContain((await slowUpload.ended).status)
  expect((await refused.ended).status).toBe(403)
  await unauthenticated.closed
  expect(unauthenticated.received).toEqual([{ packet: 'adminAuthError', data: { error: 'unauthorized' } }])
  expect((await get(runtime, '/health')).status).toBe(200)
})

test('a wrong code does not cost its client the connection', async () => {
  const runtime = await testRuntime({ limits: { lingerMs: 20 } })
  const connection = await rawConnection(runtime)
  const request = (path: string) =>
    connection.write(`GET ${path} HTTP/1.1\r\nHost: world\r\nX-Admin-Code: wrong\r\n\r\n`)
  const answer = () => new Promise<string>((resolve) => connection.socket.once('data', (data) => resolve(String(data))))
  const refusal = answer()
  request('/admin/snapshot')
  expect(await refusal).toContain('403')
  // Longer than what a body that still comes would be waited for.
  await new Promise((resolve) => connection.socket.setTimeout(40).once('timeout', resolve))
  const next = answer()
  request('/health')
  expect(await next).toContain('200')
})

test('hundreds of connections that show no code: the oldest go, who has the code stays and comes in', async () => {
  const runtime = await testRuntime({ limits: { strangers: 20 } })
  const member = await connect(runtime)
  const { hostname, port } = new URL(runtime.url)
  const flood = Array.from({ length: 300 }, () => {
    const socket = openConnection({ host: hostname, port: Number(port) })
    const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    socket.on('error', () => {}).resume()
    return { socket, ended }
  })
  // Which of them came first is the kernel's business; all but the newest go.
  let left = flood.length
  await new Promise<void>((resolve) => {
    for (const { ended } of flood) void ended.then(() => --left === 20 && resolve())
  })
  expect((await get(runtime, '/admin/snapshot')).status).toBe(200)
  const late = await connect(runtime)
  expect(await late.command({ type: 'settings_modify', key: 'title', value: 'in' })).toMatchObject({ ok: true })
  expect(await member.command({ type: 'settings_modify', key: 'title', value: 'still' })).toMatchObject({ ok: true })
  for (const { socket } of flood) socket.destroy()
})

test('sockets that never authenticate are few, short-lived, and may send little', async () => {
  const runtime = await testRuntime({ limits: { strangers: 20, authMs: 60_000, authBytes: 1000 } })
  const many = await Promise.all(Array.from({ length: 20 }, () => openSocket(runtime)))
  const more = await Promise.all(Array.from({ length: 20 }, () => openSocket(runtime)))
  await Promise.all(many.map(({ closed }) => closed))
  const big = more.at(-1)!
  big.raw(packr.pack([PACKETS.adminAuth, { code: CODE, more: 'x'.repeat(500_000) }]))
  expect(await big.closed).toBe(1006)
  const small = more.at(-2)!
  small.send('adminAuth', { code: CODE })
  await small.next(({ packet }) => packet === 'adminAuthOk')
  small.send('adminCommand', { type: 'settings_modify', key: 'title', value: 'x'.repeat(5000), requestId: 'r' })
  expect((await small.next(({ packet }) => packet === 'adminResult')).data).toMatchObject({ ok: true })
})

test('a client that is not there any more is let go', async () => {
  const runtime = await testRuntime({ limits: { heartbeatMs: 50 } })
  // An upgraded connection by hand, which answers no ping.
  const deaf = await rawConnection(runtime)
  const key = Buffer.alloc(16).toString('base64')
  deaf.write(
    `GET /admin HTTP/1.1\r\nHost: world\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  await new Promise((resolve) => deaf.socket.once('data', resolve))
  const auth = packr.pack([PACKETS.adminAuth, { code: CODE }])
  deaf.write(Buffer.concat([Buffer.from([0x82, 0x80 | auth.length, 0, 0, 0, 0]), auth]))
  await deaf.ended
  expect((await get(runtime, '/health')).status).toBe(200)
})

test('a client that does not read is let go; the others are served', async () => {
  const runtime = await testRuntime({ limits: { backlogBytes: 1024 * 1024 } })
  const reader = await connect(runtime)
  const stuck = await connect(runtime)
  stuck.pause()
  for (let i = 0; i < 30; i++) {
    const props = { text: String(i).padEnd(400_000) }
    expect((await batch(runtime, [op('entity.add', { entity: entityOf('big', { props }) })])).status).toBe(200)
  }
  stuck.resume()
  await stuck.closed
  expect((await get(runtime, '/admin/changes')).data.cursor).toBe(30)
  expect(await reader.command({ type: 'entity_remove', id: 'big' })).toMatchObject({ ok: true })
})
