import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Runtime, RuntimeOptions } from '../../../src/runtime/index.ts'
import { seeded } from '../host.ts'
import { AdminDoor } from './admin-door.ts'
import { handle } from './http-routes.ts'
import { WorldModel } from './model.ts'
import { PUBLIC, REFERENCE } from './server-kind.ts'

/** Worlds by their data folder, as a disk would keep them. */
const worlds = new Map<string, WorldModel>()

/**
 * `startRuntime`, with the model behind a real socket: what is told of the real runtime can be told of the model. Time,
 * limits and what HTTP itself does (CORS, ranges, waiting for news) are not modelled.
 */
export async function startModel(options: RuntimeOptions): Promise<Runtime> {
  const world = worlds.get(options.dataDir) ?? create(options)
  if (!world.running) world.start()
  const server = createServer((request, response) => {
    void answer(world, request, response)
  })
  const sockets = new WebSocketServer({ server, path: '/admin' })
  sockets.on('connection', (socket, request) => connect(world, socket, `http://${request.headers.host}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const down = async (crash: boolean): Promise<void> => {
    world.stop({ crash })
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => down(false),
    kill: () => down(true),
    save: () => world.save(),
  }
}

function create(options: RuntimeOptions): WorldModel {
  const capabilities = options.capabilities ?? REFERENCE.capabilities
  const world = new WorldModel({
    worldId: options.worldId,
    kind: options.publicLike === true ? PUBLIC : { ...REFERENCE, capabilities },
    now: options.clock ?? Date.now,
    random: seeded(worlds.size),
    ...(options.adminCode === undefined ? {} : { adminCode: options.adminCode }),
  })
  const { retention } = options
  if (retention !== undefined) world.onOperation(() => world.retain(retention))
  worlds.set(options.dataDir, world)
  return world
}

async function answer(world: WorldModel, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { status, body } = handle(world, {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: request.headers as Record<string, string>,
    body: Buffer.concat(chunks),
    base: `http://${request.headers.host}`,
    process: undefined,
    late: false,
  })
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(body)
}

function connect(world: WorldModel, socket: WebSocket, base: string): void {
  const door = new AdminDoor(world, base, undefined, {
    frame: (_, bytes) => socket.send(bytes),
    end: (code) => (code === 1005 ? socket.close() : socket.terminate()),
  })
  socket.on('message', (bytes) => door.receive(bytes as Buffer))
  socket.on('close', () => door.leave())
}
