import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Packr } from 'msgpackr'
import { onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { PACKETS, packetName } from '../../src/protocol/packets.ts'
import { type Runtime, type RuntimeOptions, startRuntime } from '../../src/runtime/index.ts'

export const CODE = 'secret'
/** Where a server is, whoever runs it. */
export type Reachable = Pick<Runtime, 'url'>
export type Fields = Record<string, unknown>

const RECORDINGS = '../shared/fixtures/lobby-runtime'
export const recordingsExist = existsSync(join(RECORDINGS, 'steps.json'))

export function recording<T>(name: string): T {
  return JSON.parse(readFileSync(join(RECORDINGS, name), 'utf8')) as T
}

/** A folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-runtime-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A runtime that is closed when the test is over. */
export async function testRuntime(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  const runtime = await startRuntime({
    dataDir: options.dataDir ?? temporaryFolder(),
    port: 0,
    worldId: 'test-world',
    adminCode: CODE,
    ...options,
  })
  onTestFinished(() => runtime.close())
  return runtime
}

export interface Answer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly data: any
}

/** One HTTP call with the admin code; a body that is no string is sent as JSON. */
export async function call(
  runtime: Reachable,
  method: string,
  path: string,
  body?: unknown,
  headers: Fields = {},
): Promise<Answer> {
  const json = body !== undefined && !(body instanceof FormData)
  const response = await fetch(runtime.url + path, {
    method,
    headers: {
      'x-admin-code': CODE,
      ...(json ? { 'content-type': 'application/json' } : {}),
      ...(headers as Record<string, string>),
    },
    ...(body === undefined
      ? {}
      : { body: body instanceof FormData || typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, text, data: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text === '' ? undefined : text
  }
}

export const get = (runtime: Reachable, path: string) => call(runtime, 'GET', path)

let opNumber = 0
/** An operation of a batch with an opId of its own. */
export function op(kind: string, payload: Fields): Fields {
  return { opId: `op-${++opNumber}`, actor: 'tester', source: 'test', kind, ...payload }
}

export const batch = (runtime: Reachable, operations: readonly Fields[], more: Fields = {}) =>
  call(runtime, 'POST', '/admin/ops', { ...more, operations })

export const entityOf = (id: string, more: Fields = {}): Fields => ({
  id,
  type: 'app',
  blueprint: '$scene',
  position: [0, 0, 0],
  quaternion: [0, 0, 0, 1],
  scale: [1, 1, 1],
  pinned: false,
  props: {},
  state: {},
  ...more,
})

export async function upload(runtime: Reachable, name: string, bytes: Uint8Array | string): Promise<Answer> {
  const form = new FormData()
  form.append('file', new Blob([typeof bytes === 'string' ? bytes : new Uint8Array(bytes)]), name)
  return call(runtime, 'POST', '/admin/upload', form)
}

export interface Received {
  readonly packet: string
  // biome-ignore lint/suspicious/noExplicitAny: packets are looked into freely
  readonly data: any
}

/** An admin WebSocket that remembers all it received. */
export interface AdminClient {
  readonly received: Received[]
  readonly closed: Promise<number>
  raw(bytes: Uint8Array): void
  /** Reads nothing any more, until {@link resume}. */
  pause(): void
  resume(): void
  send(packet: keyof typeof PACKETS, data: unknown): void
  /** Sends an adminCommand and waits for its result. */
  command(command: Fields): Promise<Fields>
  next(test: (received: Received) => boolean): Promise<Received>
  /** Waits until all that was sent to this socket so far has been received; returns and forgets it. */
  drain(): Promise<Received[]>
}

const packr = new Packr({ structuredClone: true })
let requestNumber = 0

export async function openSocket(runtime: Reachable): Promise<AdminClient> {
  const socket = new WebSocket(`${runtime.url.replace('http', 'ws')}/admin`)
  const received: Received[] = []
  const waiting = new Set<{ test: (received: Received) => boolean; resolve: (received: Received) => void }>()
  socket.on('message', (bytes) => {
    const [id, data] = packr.unpack(bytes as Buffer) as [number, unknown]
    const packet: Received = { packet: packetName(id) ?? `unknown ${id}`, data }
    received.push(packet)
    for (const waiter of waiting) {
      if (!waiter.test(packet)) continue
      waiting.delete(waiter)
      waiter.resolve(packet)
    }
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('error', () => {})
  await new Promise((resolve) => socket.on('open', resolve))
  onTestFinished(() => socket.terminate())
  const client: AdminClient = {
    received,
    closed,
    raw: (bytes) => socket.send(bytes),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    send: (packet, data) => socket.send(packr.pack([PACKETS[packet], data])),
    next: (test) => {
      const there = received.find(test)
      return there === undefined ? new Promise((resolve) => waiting.add({ test, resolve })) : Promise.resolve(there)
    },
    async command(command) {
      const requestId = (command.requestId as string | undefined) ?? `r${++requestNumber}`
      client.send('adminCommand', { ...command, requestId })
      const isMine = ({ packet, data }: Received) => packet === 'adminResult' && data.requestId === requestId
      return (await client.next(isMine)).data as Fields
    },
    async drain() {
      const marker = `drain${++requestNumber}`
      await client.command({ type: 'no such command', requestId: marker })
      return received.splice(0).filter(({ data }) => data?.requestId !== marker)
    },
  }
  return client
}

export async function connect(runtime: Reachable, auth?: Fields): Promise<AdminClient> {
  const client = await openSocket(runtime)
  client.send('adminAuth', { code: CODE, subscriptions: { snapshot: false, players: false, runtime: false }, ...auth })
  await client.next(({ packet }) => packet === 'adminAuthOk')
  if (auth === undefined) await client.drain()
  return client
}
