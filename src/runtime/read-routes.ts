import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { baseUrlOf, queryOf } from './http-server.ts'
import { type RuntimeCore, worldSnapshot } from './runtime-core.ts'

const DEFAULT_LIMIT = 200
const MAX_LIMIT = 1000
const MAX_WAIT_SECONDS = 60

/** The read half of the protocol (sections 1 and 2). */
export function readRoutes(app: FastifyInstance, core: RuntimeCore): void {
  app.get('/health', () => ({ ok: true }))

  app.get('/status', () => ({
    ok: true,
    worldId: core.worldId,
    title: core.world.settings.title ?? null,
    desc: core.world.settings.desc ?? null,
    playerLimit: core.world.settings.playerLimit ?? 0,
    connectedUsers: [],
  }))

  app.get('/admin/snapshot', (request) => {
    core.writer.barrier()
    return {
      worldId: core.worldId,
      ...worldSnapshot(core, baseUrlOf(request, core)),
      ...(core.capabilities.size > 0 ? { capabilities: [...core.capabilities] } : {}),
      ...(core.capabilities.has('snapshot.cursor') ? { cursor: core.writer.head } : {}),
    }
  })

  app.get('/admin/changes', (request, reply) => changes(core, request, reply))

  app.get<{ Params: { id: string } }>('/admin/blueprints/:id', (request, reply) => {
    const blueprint = core.world.get('blueprint', request.params.id)
    return blueprint === undefined ? reply.code(404).send({ error: 'not_found' }) : { blueprint }
  })

  app.get('/admin/entities', (request) => {
    const { type } = queryOf(request)
    return { entities: type === undefined || type === 'app' ? [...core.world.all('entity')] : [] }
  })
}

async function changes(core: RuntimeCore, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = queryOf(request)
  const latest = query.cursor === undefined || query.cursor === '' || query.cursor === 'latest'
  const limit = query.limit === undefined ? DEFAULT_LIMIT : wholeNumber(query.limit)
  const wait = query.wait === undefined ? 0 : seconds(query.wait)
  const asked = latest ? undefined : wholeNumber(query.cursor)
  if (!latest && asked === undefined) return reply.code(400).send({ error: 'invalid_cursor' })
  if (limit === undefined || limit < 1 || limit > MAX_LIMIT) return reply.code(400).send({ error: 'invalid_limit' })
  if (wait === undefined) return reply.code(400).send({ error: 'invalid_wait' })

  core.writer.barrier()
  if (asked === undefined) {
    const head = core.writer.head
    return reply.send({ cursor: head, headCursor: head, operations: [], hasMore: false })
  }
  if (asked < core.store.floor) {
    return reply.code(410).send({ error: 'cursor_expired', oldestCursor: core.store.oldest() ?? core.writer.head })
  }
  if (wait > 0 && asked === core.writer.head && core.capabilities.has('changes.wait')) {
    await news(core, asked, wait, reply)
  }
  const head = core.writer.head
  const page = core.store.page(asked, limit)
  const cursor = page.operations.at(-1)?.cursor ?? asked
  const operations = page.operations.map(({ json }) => json).join(',')
  return reply
    .type('application/json; charset=utf-8')
    .send(`{"cursor":${cursor},"headCursor":${head},"operations":[${operations}],"hasMore":${page.hasMore}}`)
}

/** Resolves when the head passes `cursor`, when the time is over, and when there is nobody left to answer. */
function news(core: RuntimeCore, cursor: number, waitSeconds: number, reply: FastifyReply): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      forget()
      reply.raw.off('close', finish)
      core.closing.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, Math.min(waitSeconds, MAX_WAIT_SECONDS) * 1000)
    const forget = core.writer.onCommit(() => {
      if (core.writer.head > cursor) finish()
    })
    reply.raw.on('close', finish)
    core.closing.addEventListener('abort', finish)
    if (core.closing.aborted) finish()
  })
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{1,16}$/.test(value)) return undefined
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : undefined
}

function seconds(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,6}(\.\d{1,6})?$/.test(value) ? Number(value) : undefined
}
