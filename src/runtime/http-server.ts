import type { IncomingMessage } from 'node:http'
import cors from '@fastify/cors'
import multipart from '@fastify/multipart'
import websocket from '@fastify/websocket'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { BATCH_MAX_BYTES } from '../protocol/schemas.ts'
import { admits } from './admin-code.ts'
import type { AdminSockets } from './admin-sockets.ts'
import { assetRoutes } from './asset-routes.ts'
import { deployRoutes } from './deploy-routes.ts'
import { metricsRoute } from './metrics-route.ts'
import { readRoutes } from './read-routes.ts'
import type { RuntimeCore } from './runtime-core.ts'
import { limitStrangers } from './strangers.ts'
import { InvalidPayload } from './wire-values.ts'
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
    keepAliveTimeout: limits.keepAliveMs,
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
    } catch (cause) {
      done(new NotJson('the body is not JSON', { cause }))
    }
  })
  app.addHook('onRequest', async (request, reply) => {
    // The route that was found, never the URL as it was spelled: `/%61dmin/…` and `http://any/admin/…` find it as well.
    const { url } = request.routeOptions
    if (request.ws && url !== '/admin') return reply.callNotFound()
    if (url?.startsWith('/admin/') !== true) return
    if (admits(core.adminCode, request.headers['x-admin-code'])) strangers.admit(request.raw.socket)
    else {
      core.metrics?.wrongCode('http')
      await reply.code(403).send({ error: 'admin_required' })
    }
  })
  app.addHook('onResponse', async (request, reply) => {
    linger(request.raw, limits.lingerMs)
    if (core.metrics === undefined) return
    const seconds = queryOf(request).wait === undefined ? reply.elapsedTime / 1000 : undefined
    core.metrics.request(request.method, request.routeOptions.url, reply.statusCode, seconds)
  })
  app.setErrorHandler<FastifyError>((error, _request, reply) => answerError(error, core, reply))

  readRoutes(app, core)
  writeRoutes(app, core)
  deployRoutes(app, core)
  assetRoutes(app, core)
  if (core.metrics !== undefined)
    metricsRoute(app, core, core.metrics, () => ({ strangers: strangers.size, webSockets: sockets.size }))
  app.route({
    method: 'GET',
    url: '/admin',
    handler: (_request, reply) => reply.callNotFound(),
    wsHandler: (socket, request) => {
      const connection = request.raw.socket
      sockets.accept(socket, {
        baseUrl: baseUrlOf(request, core),
        connection,
        admit: () => strangers.admit(connection),
      })
    },
  })
  return app
}

/** A body that says it is JSON, and is not. */
export class NotJson extends Error {}

/**
 * Malformed JSON and JSON beyond the limit are answered with an empty 500, as by the public server (protocol, section 1).
 * So are failures of ours, which are reported; what else is wrong with a request is said.
 */
export function answerError(
  error: Error & Partial<FastifyError>,
  core: RuntimeCore,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof NotJson || error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return reply.code(500).send()
  const status = error.statusCode ?? 500
  if (status === 415) return reply.code(415).send({ error: 'unsupported_media_type', message: 'send JSON' })
  if (status >= 400 && status < 500)
    return reply.code(status).send({ error: 'invalid_request', message: error.message })
  if (error instanceof InvalidPayload) {
    return reply.code(400).send({ error: 'invalid_payload', message: error.message })
  }
  core.report(error)
  return reply.code(500).send()
}

/**
 * Reads what still comes of a request that is answered already, for the next one on its connection waits behind it. Cuts
 * the connection unless the end comes soon.
 */
function linger(request: IncomingMessage, milliseconds: number): void {
  if (request.complete) return
  // A form that was refused may have stopped it halfway.
  request.unpipe()
  request.resume()
  // Where we were the slow ones, the end may be there, and only not be read yet.
  const cut = () => setImmediate(() => request.complete || request.socket.destroy())
  const patience = setTimeout(cut, milliseconds).unref()
  request.once('close', () => clearTimeout(patience))
}

/** The base URL that the client used, so that `assetsUrl` is reachable for it. */
export function baseUrlOf(request: FastifyRequest, core: RuntimeCore): string {
  return core.publicUrl ?? `${request.protocol}://${request.host}`
}

export function queryOf(request: FastifyRequest): { readonly [key: string]: unknown } {
  return request.query as { readonly [key: string]: unknown }
}

/** The members of a JSON body; none without one. Anything else is refused, rather than taken for a request without any. */
export function bodyOf(request: FastifyRequest): { readonly [key: string]: unknown } {
  const body: unknown = request.body ?? {}
  if (typeof body !== 'object' || Array.isArray(body)) throw new InvalidPayload('the body must be a JSON object')
  return { ...body }
}
