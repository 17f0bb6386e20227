import type { IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import multipart from '@fastify/multipart'
import websocket from '@fastify/websocket'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { BATCH_MAX_BYTES } from '../protocol/schemas.ts'
import { admits } from './admin-code.ts'
import type { AdminSockets } from './admin-sockets.ts'
import { assetRoutes } from './asset-routes.ts'
import { deployRoutes } from './deploy-routes.ts'
import { readRoutes } from './read-routes.ts'
import type { RuntimeCore } from './runtime-core.ts'
import { limitStrangers } from './strangers.ts'
import { writeRoutes } from './write-routes.ts'

/** JSON beyond this is answered with an empty 500 (protocol, section 1); batches have a limit of their own. */
const MAX_JSON_BYTES = 1024 * 1024

/** The HTTP and WebSocket server over a core; not listening yet. */
export async function createHttpServer(core: RuntimeCore, sockets: AdminSockets): Promise<FastifyInstance> {
  const { limits } = core
  const app = fastify({
    bodyLimit: MAX_JSON_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 4096 },
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.idleMs,
    http: {
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      // How often node looks for those that are late.
      connectionsCheckingInterval: Math.min(10_000, limits.headMs),
    },
  })
  const strangers = limitStrangers(app.server, limits.strangers)
  await app.register(cors, { origin: '*', methods: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE'] })
  await app.register(multipart)
  await app.register(websocket, { options: { maxPayload: BATCH_MAX_BYTES } })

  // Our own parser: the built-in one refuses keys such as `__proto__`, which are data like any other (S1).
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body as string))
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    // The route that was found, never the URL as it was spelled: `/%61dmin/…` and `http://any/admin/…` find it as well.
    if (request.routeOptions.url?.startsWith('/admin/') !== true) return
    if (admits(core.adminCode, request.headers['x-admin-code'])) {
      strangers.admit(request.raw.socket)
      return
    }
    linger(request.raw, limits.lingerMs)
    await reply.code(403).send({ error: 'admin_required' })
  })
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send())

  readRoutes(app, core)
  writeRoutes(app, core)
  deployRoutes(app, core)
  assetRoutes(app, core)
  app.get('/admin', { websocket: true }, (socket, request) => {
    const connection = request.raw.socket
    sockets.accept(socket, { baseUrl: baseUrlOf(request, core), connection, admit: () => strangers.admit(connection) })
  })
  return app
}

/** Cuts the connection of a request that was answered before its end came, unless the end comes soon. */
function linger(request: IncomingMessage, milliseconds: number): void {
  if (request.complete) return
  const patience = setTimeout(() => request.socket.destroy(), milliseconds).unref()
  request.once('close', () => clearTimeout(patience))
}

/** The base URL that the client used, so that `assetsUrl` is reachable for it. */
export function baseUrlOf(request: FastifyRequest, core: RuntimeCore): string {
  return core.publicUrl ?? `${request.protocol}://${request.host}`
}

export function queryOf(request: FastifyRequest): { readonly [key: string]: unknown } {
  return request.query as { readonly [key: string]: unknown }
}

/** The members of a JSON body; none when it is no object. */
export function bodyOf(request: FastifyRequest): { readonly [key: string]: unknown } {
  const body: unknown = request.body
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : {}
}
