import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Packr } from 'msgpackr'
import { afterEach, describe, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { PACKETS, type PacketName } from '../../src/protocol/packets.ts'
import type { RuntimeOptions } from '../../src/remote-runtime/connection.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import { CODE, closeAll, failure, track } from './fake-server.ts'

afterEach(closeAll)

const packr = new Packr({ structuredClone: true })

type Payload = Readonly<Record<string, unknown>>
interface Peer {
  readonly socket: WebSocket
  readonly say: (name: PacketName, payload: unknown) => void
}
interface Behaviour {
  readonly auth?: (payload: Payload, peer: Peer) => void
  readonly command?: (payload: Payload, peer: Peer) => void
}

const welcome = (_: Payload, { say }: Peer) => say('adminAuthOk', { ok: true, capabilities: {} })
const echo = ({ requestId }: Payload, { say }: Peer) => say('adminResult', { ok: true, requestId })
const COMMAND = { type: 'entity_remove', actor: 'me', source: 'git:1', id: 'e' }

/** A runtime's admin WebSocket that does what a test says, and what it heard. */
async function admin(behaviour: Behaviour, options: RuntimeOptions & { readonly path?: string; code?: string } = {}) {
  const heard: (readonly [number, Payload])[] = []
  const peers: Peer[] = []
  const http = createServer((_, response) => response.writeHead(404).end())
  const wires = new Set<Duplex>()
  const server = new WebSocketServer({ noServer: true })
  http.on('upgrade', (request, wire, head) => {
    wires.add(wire)
    if (request.url !== `${options.path ?? ''}/admin`) return void wire.destroy()
    server.handleUpgrade(request, wire, head, (socket) => {
      const say = (name: PacketName, payload: unknown) => socket.send(packr.pack([PACKETS[name], payload]))
      const peer = { socket, say }
      peers.push(peer)
      socket.on('message', (data: Buffer) => {
        const [id, payload] = packr.unpack(data) as [number, Payload]
        heard.push([id, payload])
        if (id === PACKETS.adminAuth) (behaviour.auth ?? welcome)(payload, peer)
        else if (id === PACKETS.adminCommand) (behaviour.command ?? echo)(payload, peer)
      })
    })
  })
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}${options.path ?? ''}`
  const runtime = openRuntime({ url, worldId: undefined, adminCode: options.code ?? CODE }, options)
  track(runtime)
  track({
    close: async () => {
      for (const wire of wires) wire.destroy()
      await new Promise((done) => http.close(done))
    },
  })
  return { runtime, heard, peers }
}

describe('authenticating', () => {
  test('is the first frame, below the base path', async () => {
    const { runtime, heard } = await admin({}, { path: '/worlds/plaza' })
    const session = await runtime.connect()
    await session.close()
    expect(heard).toEqual([
      [PACKETS.adminAuth, { code: CODE, subscriptions: { snapshot: false, players: false, runtime: false } }],
    ])
  })

  test('a code that is refused', async () => {
    const { runtime } = await admin({
      auth: (_, { say, socket }) => {
        say('adminAuthError', { error: `invalid_code ${CODE}` })
        socket.close()
      },
    })
    const error = await failure(runtime.connect())
    expect(error).toMatchObject({ code: 'unauthorized', exitCode: 4 })
    expect(error.message).toContain('invalid_code ***')
  })

  test.each([
    ['a close before the answer', { auth: (_: Payload, { socket }: Peer) => socket.close(1011) }, /closed with 1011/],
    ['a cut before the answer', { auth: (_: Payload, { socket }: Peer) => socket.terminate() }, /closed with 1006/],
    ['no answer', { auth: () => {} }, /timeout/],
  ])('%s', async (_, behaviour, reason) => {
    const { runtime } = await admin(behaviour, { timeoutMs: 150 })
    const error = await failure(runtime.connect())
    expect(error).toMatchObject({ code: 'unreachable', exitCode: 4 })
    expect(error.message).toMatch(reason)
  })

  test('a server without a WebSocket, and no server at all', async () => {
    const http = createServer((_, response) => response.writeHead(404).end())
    await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const runtime = openRuntime({ url, worldId: undefined, adminCode: CODE })
    track(runtime)
    expect((await failure(runtime.connect())).message).toContain('no WebSocket is served there')
    http.closeAllConnections()
    await new Promise((done) => http.close(done))
    expect(await failure(runtime.connect())).toMatchObject({
      code: 'unreachable',
      data: { url, reason: 'ECONNREFUSED' },
    })
  })

  test('a signal ends it', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    const { runtime } = await admin({ auth: () => stop.abort(reason) }, { signal: stop.signal })
    await expect(runtime.connect()).rejects.toBe(reason)
    await expect(runtime.connect()).rejects.toBe(reason)
  })
})

describe('commands', () => {
  test('go out as they are, undefined as undefined', async () => {
    const { runtime, heard } = await admin({})
    const session = await runtime.connect()
    const change = { id: 'a', version: 2, desc: undefined, image: null }
    await session.send({ type: 'blueprint_modify', actor: 'me', source: 'git:1', lastOpId: 'op', change })
    const [id, payload] = heard[1]!
    expect(id).toBe(PACKETS.adminCommand)
    expect(payload).toMatchObject({ type: 'blueprint_modify', actor: 'me', source: 'git:1', lastOpId: 'op' })
    expect(payload.change).toStrictEqual(change)
    expect(payload.requestId).toEqual(expect.any(String))
  })

  test('find their own answers, in whatever order those come', async () => {
    const waiting: (() => void)[] = []
    const { runtime, heard } = await admin({
      command: ({ requestId, n }, { say }) => {
        waiting.push(() =>
          say('adminResult', n === 1 ? { ok: false, error: 'not_found', requestId } : { ok: true, requestId }),
        )
        if (waiting.length === 3) for (const answer of waiting.reverse()) answer()
      },
    })
    const session = await runtime.connect()
    const outcomes = await Promise.all([0, 1, 2].map((n) => session.send({ ...COMMAND, n })))
    expect(outcomes).toEqual([{ kind: 'ok' }, { kind: 'refused', error: 'not_found' }, { kind: 'ok' }])
    expect(heard.slice(1).map(([, { n }]) => n)).toEqual([0, 1, 2])
  })

  test('by the thousand, in order, never more in flight than there is room for', async () => {
    const heard: unknown[] = []
    let open = 0
    let most = 0
    const { runtime } = await admin({
      command: (payload, peer) => {
        heard.push(payload.n)
        most = Math.max(most, ++open)
        setImmediate(() => {
          open--
          echo(payload, peer)
        })
      },
    })
    const session = await runtime.connect()
    const outcomes = await Promise.all(
      Array.from({ length: 3000 }, (_, n) => session.send({ ...COMMAND, n, pad: 'x'.repeat(2000) })),
    )
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['ok']))
    expect(heard).toEqual(Array.from({ length: 3000 }, (_, n) => n))
    expect(most).toBeLessThanOrEqual(256)
  })

  test('a refusal carries what the runtime says', async () => {
    const lock = { locked: true, owner: 'you', scope: 'demo' }
    const { runtime } = await admin({
      command: ({ requestId, n }, { say }) =>
        say(
          'adminResult',
          n === 0
            ? { ok: false, error: 'version_mismatch', requestId, current: { id: 'a', version: 4, desc: undefined } }
            : { ok: false, error: 'deploy_locked', requestId, lock, current: undefined },
        ),
    })
    const session = await runtime.connect()
    expect(await session.send({ ...COMMAND, n: 0 })).toStrictEqual({
      kind: 'refused',
      error: 'version_mismatch',
      current: { id: 'a', version: 4 },
    })
    expect(await session.send({ ...COMMAND, n: 1 })).toStrictEqual({ kind: 'refused', error: 'deploy_locked', lock })
  })

  test('with a key that msgpack would rename are not sent', async () => {
    const { runtime, heard } = await admin({})
    const session = await runtime.connect()
    const entity = JSON.parse('{"id":"e","props":[{"__proto__":{"x":1}}]}')
    expect(await session.send({ ...COMMAND, entity })).toEqual({ kind: 'refused', error: 'invalid_payload' })
    expect(heard).toHaveLength(1)
    expect(({} as Payload).x).toBeUndefined()
  })

  test('that are never answered time out alone', async () => {
    const { runtime } = await admin(
      { command: (payload, peer) => (payload.n === 0 ? undefined : echo(payload, peer)) },
      { timeoutMs: 200 },
    )
    const session = await runtime.connect()
    const silent = failure(session.send({ ...COMMAND, n: 0 }))
    expect(await session.send({ ...COMMAND, n: 1 })).toEqual({ kind: 'ok' })
    expect(await silent).toMatchObject({ code: 'connection_lost', exitCode: 4 })
    expect(await session.send({ ...COMMAND, n: 2 })).toEqual({ kind: 'ok' })
  })

  test.each([
    ['close', (socket: WebSocket) => socket.close(1001)],
    ['cut', (socket: WebSocket) => socket.terminate()],
  ])('under way when the connection is lost all reject: %s', async (_, end) => {
    let commands = 0
    const { runtime } = await admin({
      command: (payload, peer) => (++commands < 3 ? echo(payload, peer) : end(peer.socket)),
    })
    const session = await runtime.connect()
    const sent = Array.from({ length: 600 }, (_, n) => session.send({ ...COMMAND, n }))
    const settled = await Promise.allSettled(sent)
    expect(settled.slice(0, 2)).toEqual([0, 1].map(() => ({ status: 'fulfilled', value: { kind: 'ok' } })))
    for (const { status } of settled.slice(2)) expect(status).toBe('rejected')
    expect(await failure(sent[2]!)).toMatchObject({ code: 'connection_lost', exitCode: 4 })
    expect(await failure(session.send(COMMAND))).toMatchObject({ code: 'connection_lost' })
    await session.close()
  })
})

describe('whatever else arrives', () => {
  test('object packets tell that something changed', async () => {
    const { runtime, peers } = await admin({})
    const session = await runtime.connect()
    let changes = 0
    session.onChange(() => changes++)
    const objects = ['blueprintAdded', 'blueprintModified', 'entityAdded', 'entityModified', 'entityRemoved'] as const
    for (const name of [...objects, 'settingsModified', 'spawnModified', 'blueprintRemoved'] as const) {
      peers[0]!.say(name, name === 'entityRemoved' ? 'bare-id' : { id: 'x' })
    }
    peers[0]!.say('playerJoined', {})
    await session.send(COMMAND)
    expect(changes).toBe(8)
  })

  test('unknown and malformed frames are ignored', async () => {
    const { runtime, peers } = await admin({})
    const session = await runtime.connect()
    let changes = 0
    session.onChange(() => changes++)
    const { socket, say } = peers[0]!
    for (const packet of [[99, {}], [-1], [1.5, 0], ['27', {}], [], {}, null, 'text', 27, [27], [27, null], [27, []]]) {
      socket.send(packr.pack(packet))
    }
    say('adminResult', { ok: true })
    say('adminResult', { ok: true, requestId: 7 })
    say('adminResult', { ok: true, requestId: 'nobody' })
    say('adminResult', { ok: true, requestId: '__proto__' })
    say('adminAuthOk', { ok: true })
    say('adminAuthError', { error: 'late' })
    socket.send('a text frame')
    socket.send(Buffer.alloc(0))
    // An array that says it has four thousand million members, nesting without end, broken extensions.
    socket.send(Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]))
    socket.send(Buffer.alloc(200_000, 0x91))
    socket.send(Buffer.from([0x92, 0x1b, 0xc7, 0x02, 0x65, 0x91]))
    for (let seed = 1; seed < 500; seed++) {
      socket.send(Buffer.from(Array.from({ length: seed % 40 }, (_, i) => (seed * 7919 * (i + 1) * 31) % 256)))
    }
    expect(await session.send(COMMAND)).toEqual({ kind: 'ok' })
    expect(changes).toBeLessThan(500)
  })

  test('a result with __proto__ pollutes nothing', async () => {
    const { runtime } = await admin({
      command: ({ requestId }, { socket }) => {
        const current = JSON.parse('{"id":"a","__proto__":{"polluted":1}}')
        const plain = new Packr({ useRecords: false })
        socket.send(plain.pack([PACKETS.adminResult, { ok: false, error: 'x', requestId, current }]))
      },
    })
    const session = await runtime.connect()
    const outcome = await session.send(COMMAND)
    expect(outcome).toMatchObject({ kind: 'refused', current: { id: 'a' } })
    expect(({} as Payload).polluted).toBeUndefined()
  })

  test('a message beyond the limit ends the session', async () => {
    const { runtime } = await admin(
      { command: (_, { say }) => say('snapshot', { pad: 'x'.repeat(100_000) }) },
      { limits: { frameBytes: 10_000 } },
    )
    const session = await runtime.connect()
    expect(await failure(session.send(COMMAND))).toMatchObject({ code: 'connection_lost' })
  })
})

describe('closing', () => {
  test('rejects what is under way and may be repeated', async () => {
    const { runtime } = await admin({ command: () => {} })
    const session = await runtime.connect()
    const sent = failure(session.send(COMMAND))
    await session.close()
    await session.close()
    expect(await sent).toMatchObject({ code: 'connection_lost' })
    expect(await failure(session.send(COMMAND))).toMatchObject({ code: 'connection_lost' })
  })

  test('the runtime closes its sessions', async () => {
    const { runtime, peers } = await admin({})
    await runtime.connect()
    await runtime.connect()
    const closed = peers.map(({ socket }) => new Promise((done) => socket.on('close', done)))
    await runtime.close()
    await Promise.all(closed)
  })

  test('a peer that does not say goodbye is cut off', async () => {
    const { runtime, peers } = await admin({}, { timeoutMs: 200 })
    const session = await runtime.connect()
    const { socket } = peers[0]!
    socket.pause()
    await session.close()
  })
})
