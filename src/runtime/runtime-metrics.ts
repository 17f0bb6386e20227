import { Counter, type CounterConfiguration, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Command } from './engine-types.ts'
import type { Settled } from './group-writer.ts'

/** What is read when somebody asks, and counted by nobody. */
export interface Readings {
  /** The cursor of the newest operation, and of the newest one that the feed has dropped. */
  readonly head: number
  readonly floor: number
  readonly blueprints: number
  readonly entities: number
  readonly deployLocks: number
  /** Open TCP connections, and those of them that have shown no admin code. */
  readonly connections: number
  readonly strangers: number
  /** Authenticated. */
  readonly webSockets: number
  /** Requests that `changes.wait` holds. */
  readonly waiting: number
}

/** The figures of one runtime, for `GET /metrics`. Labels come from our own tables alone, never from a request. */
export interface RuntimeMetrics {
  readonly contentType: string
  /** Prometheus' text format. */
  text(readings: () => Promise<Readings>): Promise<string>
  /** An answered request; `route` is the pattern that matched, undefined for none. */
  request(method: string, route: string | undefined, status: number, seconds: number | undefined): void
  command(kind: Command['kind'], settled: Settled): void
  /** A command that was refused before the world saw it. */
  malformed(kind: 'batch' | 'unknown'): void
  committed(seconds: number, failed: boolean): void
  upload(outcome: 'stored' | 'too_large' | 'hash_mismatch' | 'invalid_filename' | 'malformed', bytes: number): void
  wrongCode(over: 'http' | 'websocket'): void
  /** A failure of ours. */
  failure(): void
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts from now on; `gamedev_runtime_*`, and prom-client's own `process_*` and `nodejs_*`. */
export function createMetrics(): RuntimeMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const named = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) => ({
    name: `gamedev_runtime_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const requests = tallied(named('http_requests_total', 'Requests answered', ['method', 'route', 'status'] as const))
  const durations = new Histogram({
    ...named('http_request_duration_seconds', 'Time to answer, but for those that wait for changes', [
      'route',
    ] as const),
    buckets: DURATIONS,
  })
  const commands = tallied(
    named('commands_total', 'Commands by what became of them: done, or the error code', [
      'command',
      'outcome',
    ] as const),
  )
  const operations = tallied(named('operations_total', 'Operations applied', ['kind'] as const))
  const duplicates = new Counter(named('duplicate_commands_total', 'Commands and batches that were recorded before'))
  const mismatches = new Counter(named('expectation_mismatches_total', 'Fields of batches that were not as expected'))
  const commits = new Histogram({
    ...named('commit_duration_seconds', 'Transactions of the store, flushed to disk'),
    buckets: DURATIONS,
  })
  const failedCommits = new Counter(named('commit_failures_total', 'Transactions that were not possible'))
  const uploads = tallied(named('uploads_total', 'Uploads by what became of them', ['outcome'] as const))
  const uploaded = new Counter(named('upload_bytes_total', 'Bytes of the uploads that were stored'))
  const wrongCodes = tallied(named('auth_failures_total', 'Wrong or missing admin codes', ['over'] as const))
  const failures = new Counter(named('failures_total', 'Failures of the runtime itself, which its log describes'))
  const all = [requests, commands, operations, uploads, wrongCodes]

  const gauges: readonly (readonly [Gauge, (readings: Readings) => number])[] = [
    [new Gauge(named('feed_cursor', 'Cursor of the newest operation')), (r) => r.head],
    [new Gauge(named('feed_floor', 'Cursor of the newest operation that the feed has dropped')), (r) => r.floor],
    [new Gauge(named('blueprints', 'Blueprints in the world')), (r) => r.blueprints],
    [new Gauge(named('entities', 'Entities in the world')), (r) => r.entities],
    [new Gauge(named('deploy_locks', 'Deploy locks held')), (r) => r.deployLocks],
    [new Gauge(named('connections', 'Open connections')), (r) => r.connections],
    [new Gauge(named('stranger_connections', 'Open connections that have shown no admin code')), (r) => r.strangers],
    [new Gauge(named('websockets', 'Authenticated WebSockets')), (r) => r.webSockets],
    [new Gauge(named('waiting_requests', 'Requests that wait for changes')), (r) => r.waiting],
  ]

  return {
    contentType: registry.contentType,
    async text(readings) {
      const now = await readings()
      for (const [gauge, read] of gauges) gauge.set(read(now))
      for (const counter of all) counter.settle()
      return registry.metrics()
    },
    request(method, route = 'none', status, seconds) {
      requests.inc([METHODS.has(method) ? method : 'other', route, String(status)])
      if (seconds !== undefined) durations.observe({ route }, seconds)
    },
    command(command, { outcome, operations: applied }) {
      commands.inc([command, outcome.kind === 'done' ? 'done' : outcome.error])
      if (outcome.kind === 'refused') {
        const list = outcome.reply.mismatches
        if (Array.isArray(list)) mismatches.inc(list.length)
        return
      }
      if (outcome.reply.duplicate === true || (command === 'batch' && applied.length === 0)) duplicates.inc()
      for (const [kind, count] of tally(applied)) operations.inc([kind], count)
    },
    malformed: (command) => commands.inc([command, 'invalid_payload']),
    committed(seconds, failed) {
      if (failed) failedCommits.inc()
      else commits.observe(seconds)
    },
    upload(outcome, bytes) {
      uploads.inc([outcome])
      if (outcome === 'stored') uploaded.inc(bytes)
    },
    wrongCode: (over) => wrongCodes.inc([over]),
    failure: () => failures.inc(),
  }
}

/**
 * A counter that is told how much when somebody looks: prom-client checks and hashes labels each time, and commands come by
 * ten thousands a second.
 */
function tallied(configuration: CounterConfiguration<string>): {
  inc(labels: readonly string[], count?: number): void
  settle(): void
} {
  const counter = new Counter(configuration)
  const counts = new Map<string, { readonly labels: readonly string[]; count: number }>()
  return {
    inc(labels, count = 1) {
      const key = labels.length === 1 ? labels[0]! : labels.join(' ')
      const entry = counts.get(key)
      if (entry === undefined) counts.set(key, { labels, count })
      else entry.count += count
    },
    settle() {
      for (const entry of counts.values()) {
        counter.labels(...entry.labels).inc(entry.count)
        entry.count = 0
      }
    },
  }
}

function tally(operations: Settled['operations']): Iterable<readonly [string, number]> {
  const [only] = operations
  if (only !== undefined && operations.length === 1) return [[only.kind, 1]]
  const counts = new Map<string, number>()
  for (const { kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return counts
}
