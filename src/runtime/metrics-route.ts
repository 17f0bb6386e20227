import type { FastifyInstance } from 'fastify'
import type { RuntimeCore } from './runtime-core.ts'
import type { Readings, RuntimeMetrics } from './runtime-metrics.ts'

/**
 * `GET /metrics`, in Prometheus' text format. It needs no code, as is the custom, and says nothing that a code protects:
 * figures, without an id, a name or a path of anybody.
 */
export function metricsRoute(
  app: FastifyInstance,
  core: RuntimeCore,
  metrics: RuntimeMetrics,
  counted: () => Pick<Readings, 'strangers' | 'webSockets'>,
): void {
  app.get('/metrics', async (_request, reply) => {
    const text = await metrics.text(async () => ({
      ...counted(),
      head: core.writer.head,
      floor: core.store.floor,
      blueprints: core.world.count('blueprint'),
      entities: core.world.count('entity'),
      deployLocks: core.locks.count(core.now()),
      connections: await connectionsOf(app),
      waiting: core.writer.waiting,
    }))
    return reply.type(metrics.contentType).send(text)
  })
}

function connectionsOf(app: FastifyInstance): Promise<number> {
  return new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count ?? 0)))
}
