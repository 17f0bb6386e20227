import { Packr } from 'msgpackr'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { framePackr } from '../../src/protocol/frame-packr.ts'
import { PACKETS } from '../../src/protocol/packets.ts'
import type { Runtime } from '../../src/runtime/index.ts'
import { type AdminClient, batch, CODE, connect, entityOf, get, op, openSocket, testRuntime } from './support.ts'

/** What an ordinary tool of the protocol uses. */
const packr = new Packr({ structuredClone: true })

const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.from([0xc0])])
/** `adminCommand` whose last value is replaced by bytes that no packer would write. */
const commandEndingIn = (command: object, bytes: Buffer) =>
  Buffer.concat([packr.pack([PACKETS.adminCommand, command]).subarray(0, -1), bytes])
const reason = (client: AdminClient) => client.received.at(-1)?.data?.error

async function works(runtime: Runtime): Promise<void> {
  const client = await connect(runtime)
  expect(await client.command({ type: 'settings_modify', key: 'title', value: 'ok' })).toMatchObject({ ok: true })
  expect((await get(runtime, '/admin/snapshot')).data.settings.title).toBe('ok')
}

test('frames that are no frames are refused, each on its own connection, before and after the code', async () => {
  const reports: unknown[] = []
  const runtime = await testRuntime({ report: (error) => reports.push(error) })
  const hostile: readonly Buffer[] = [
    Buffer.alloc(0),
    Buffer.from([0xc1]),
    Buffer.from('hello'),
    nested(1000),
    nested(60_000),
    Buffer.alloc(60_000, 0x81),
    // Lengths that are announced and never come: arrays of 33 million, fifty deep; maps, strings, typed arrays.
    Buffer.concat(Array.from({ length: 50 }, () => Buffer.from([0xdd, 0x01, 0xff, 0xff, 0xff]))),
    Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0xc9, 0xff, 0xff, 0xff, 0xff, 0x74]),
    Buffer.from([0xc7, 9, 0x74, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
    // A record that is used before it is defined, and one that names itself.
    Buffer.from([0x92, 0x17, 0x41]),
    Buffer.from([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x40]),
    packr.pack({ no: 'array' }),
    packr.pack(['23', {}]),
    packr.pack([null]),
  ]
  for (const bytes of hostile) {
    const stranger = await openSocket(runtime)
    stranger.raw(bytes)
    await stranger.closed
    expect(['invalid_packet', 'unauthorized', 'invalid_code'], bytes.subarray(0, 8).toString('hex')).toContain(
      reason(stranger),
    )
    const known = await connect(runtime)
    known.raw(bytes)
    // One that decodes to a packet of no known number is ignored, as one of a later protocol would be.
    await Promise.race([known.closed, known.drain()])
  }
  expect(reports).toEqual([])
  await works(runtime)
})

test('nothing is done before the code, and nothing after a wrong one', async () => {
  const runtime = await testRuntime()
  const late = { type: 'settings_modify', key: 'title', value: 'late', requestId: 'r' }
  for (const first of [
    { code: 'wrong' },
    {},
    { code: [CODE] },
    { code: `${CODE}\0` },
    JSON.parse(`{"__proto__":{"code":"${CODE}"}}`),
  ]) {
    const client = await openSocket(runtime)
    client.send('adminAuth', first)
    client.send('adminAuth', { code: CODE })
    client.send('adminCommand', late)
    await client.closed
    expect(client.received).toEqual([{ packet: 'adminAuthError', data: { error: 'invalid_code' } }])
  }
  const client = await openSocket(runtime)
  client.send('adminCommand', late)
  client.send('adminAuth', { code: CODE })
  await client.closed
  expect(client.received).toEqual([{ packet: 'adminAuthError', data: { error: 'unauthorized' } }])
  expect((await get(runtime, '/status')).data.title).toBe(null)
})

test('text frames, fragments, and what is not masked as it should be', async () => {
  const runtime = await testRuntime()
  const open = async () => {
    const socket = new WebSocket(`${runtime.url.replace('http', 'ws')}/admin`)
    const closed = new Promise<number>((resolve) => socket.on('close', resolve))
    const first = new Promise<unknown>((resolve) => socket.on('message', (b) => resolve(packr.unpack(b as Buffer)[1])))
    socket.on('error', () => {})
    await new Promise((resolve) => socket.on('open', resolve))
    return { socket, closed, first }
  }
  const text = await open()
  text.socket.send('hello')
  expect(await text.first).toEqual({ error: 'invalid_packet' })
  await text.closed

  const whole = packr.pack([PACKETS.adminAuth, { code: CODE }])
  const parts = await open()
  for (const byte of whole.subarray(0, -1)) parts.socket.send(Buffer.from([byte]), { fin: false })
  parts.socket.send(whole.subarray(-1), { fin: true })
  expect(await parts.first).toMatchObject({ ok: true })
  parts.socket.terminate()
  await works(runtime)
})

test('a request id is echoed if it is a text or a number; no other can break the answer', async () => {
  const reports: unknown[] = []
  const runtime = await testRuntime({ report: (error) => reports.push(error) })
  for (const depth of [100, 1500, 3000, 100_000]) {
    for (const command of [
      { type: 'entity_remove', id: 'none', requestId: null },
      { type: 'nonsense', requestId: null },
    ]) {
      const client = await connect(runtime)
      client.raw(commandEndingIn(command, nested(depth)))
      await Promise.race([client.next(({ packet }) => packet === 'adminResult'), client.closed])
    }
  }
  const client = await connect(runtime)
  for (const requestId of [{ a: 1 }, [1], new Map([[1, 2]]), /x/, new Error('x'), true, null]) {
    client.send('adminCommand', { type: 'entity_remove', id: 'none', requestId })
    const { data } = await client.next(({ packet }) => packet === 'adminResult')
    expect(data).toEqual({ ok: true, requestId: undefined })
    await client.drain()
  }
  expect(reports).toEqual([])
  await works(runtime)
})

test('keys that mean something to JavaScript or to msgpackr are data', async () => {
  const reports: unknown[] = []
  const runtime = await testRuntime({ report: (error) => reports.push(error) })
  const watcher = await connect(runtime)
  const keys = [
    'toJSON',
    '__keys__',
    'constructor',
    'hasOwnProperty',
    'toString',
    'valueOf',
    'then',
    'length',
    '__proto__x',
  ]
  for (const key of keys) {
    // An object with the key, and one that shares the other keys, in any order.
    const props = { a: { k: 1, [key]: 1 }, b: { k: 1 }, c: { [key]: 1 }, d: { [key]: { [key]: 2 }, k: 2 } }
    expect((await batch(runtime, [op('entity.add', { entity: entityOf(`by-http-${key}`, { props }) })])).status).toBe(
      200,
    )
    const added = await watcher.next(({ data }) => data?.id === `by-http-${key}`)
    expect(JSON.parse(JSON.stringify(added.data.props, plainly))).toEqual(props)
  }
  expect(await watcher.command({ type: 'entity_remove', id: 'by-http-toJSON' })).toMatchObject({ ok: true })
  const writer = await connect(runtime)
  for (const key of keys) {
    const entity = entityOf(`by-socket-${key}`, { props: { [key]: 1 } })
    writer.raw(framePackr.pack([PACKETS.adminCommand, { type: 'entity_add', entity, requestId: key }]))
    expect((await writer.next(({ data }) => data?.requestId === key)).data).toMatchObject({ ok: true })
  }
  const fresh = await connect(runtime, { subscriptions: { snapshot: true } })
  const snapshot = await fresh.next(({ packet }) => packet === 'snapshot')
  expect(snapshot.data.entities).toHaveLength(2 * keys.length)
  expect(reports).toEqual([])
})

/** Maps, which objects with odd keys arrive as at tools that do not ask for objects. */
function plainly(_key: string, value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value
}

test('values that JSON does not know are settled once, before they are kept', async () => {
  const runtime = await testRuntime()
  const client = await connect(runtime)
  const value = { huge: 10n ** 400n, big: 2n ** 60n, nan: Number.NaN, zero: -0, date: new Date(0), none: undefined }
  expect(await client.command({ type: 'settings_modify', key: 'title', value })).toMatchObject({ ok: true })
  const kept = { huge: null, big: 2 ** 60, nan: null, zero: 0, date: '1970-01-01T00:00:00.000Z' }
  // What memory says must be what the disk will say: an expectation of null holds.
  const { status } = await batch(runtime, [
    op('settings.update', { key: 'title', value: 'after', expect: { value: kept } }),
  ])
  expect(status).toBe(200)
  for (const bad of [new Map([[1, 2]]), new Set([1]), /x/, new Error('x'), new Uint8Array(3)]) {
    const answer = await client.command({ type: 'settings_modify', key: 'title', value: { bad } })
    expect(answer).toMatchObject(bad instanceof Map ? { ok: true } : { ok: false, error: 'invalid_payload' })
  }
})
