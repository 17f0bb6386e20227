import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { RuntimeOptions } from '../../src/remote-runtime/connection.ts'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { SyncError } from '../../src/world/errors.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type Handler = (asked: Asked, response: ServerResponse, socket: Socket) => void

export interface FakeServer {
  readonly url: string
  readonly asked: Asked[]
  readonly close: () => Promise<void>
}

/** A server that answers exactly what a test says. */
export async function serve(handler: Handler): Promise<FakeServer> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => {})
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake')
      const question: Asked = {
        method: request.method ?? '',
        path: (request.url ?? '').replace(/\?.*/, ''),
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks),
      }
      asked.push(question)
      handler(question, response, request.socket)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: async () => {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

export const CODE = 'hunter2-secret'

export interface Opened {
  readonly runtime: RemoteRuntime
  readonly server: FakeServer
  readonly slept: number[]
  readonly warnings: string[]
}

const open: { close(): Promise<void> }[] = []

/** A fake server and a runtime that talks to it, never sleeps, and has no luck with jitter. */
export async function world(
  handler: Handler,
  options: RuntimeOptions & { readonly worldId?: string; readonly path?: string; readonly code?: string } = {},
): Promise<Opened> {
  const server = await serve(handler)
  const slept: number[] = []
  const warnings: string[] = []
  const runtime = openRuntime(
    { url: server.url + (options.path ?? ''), worldId: options.worldId, adminCode: options.code ?? CODE },
    {
      sleep: async (ms) => {
        slept.push(ms)
      },
      random: () => 0,
      onWarning: (text) => warnings.push(text),
      ...options,
    },
  )
  open.push(runtime, server)
  return { runtime, server, slept, warnings }
}

export function track(closable: { close(): Promise<void> }): void {
  open.push(closable)
}

export async function closeAll(): Promise<void> {
  for (const one of open.splice(0)) await one.close()
}

/** The SyncError of a promise that must reject with one, and that must not tell the code anywhere. */
export async function failure(promise: Promise<unknown>): Promise<SyncError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof SyncError)) throw new Error(`no SyncError: ${String(error)}`, { cause: error })
  const told = [error.message, error.hint, error.stack, JSON.stringify(error.data), String(error.cause)].join('\n')
  if (told.includes(CODE)) throw new Error('the admin code is in an error')
  return error
}

export const SNAPSHOT = {
  worldId: 'test-world',
  assetsUrl: 'assets',
  maxUploadSize: '12',
  settings: { title: 'Plaza' },
  spawn: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] },
  blueprints: [],
  entities: [],
}

export function operation(cursor: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    cursor,
    opId: `op-${cursor}`,
    ts: '2026-01-01T00:00:00.000Z',
    actor: 'someone',
    source: 'admin',
    kind: 'entity.update',
    objectUid: 'uid',
    ...more,
  }
}
