import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { hostname } from 'node:os'
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { AggregationTemporality, InstrumentType, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import { Sums } from './kept.ts'
import { metricData } from './metric-data.ts'
import { readOut } from './read-out.ts'

export type ExportOutcome = { readonly kind: 'exported' } | { readonly kind: 'failed'; readonly reason: string }

/** What is exported. */
export interface Exported {
  /** What was kept before this run. */
  readonly before: Sums
  /** What is kept now, this run included. */
  readonly now: Sums
  readonly run: Sums
}

export interface ExportOptions {
  readonly version: string
  /** What tells the figures of this clone from those of others. */
  readonly folder: string
}

/**
 * How long a collector may take to answer, in milliseconds: less than the exporter waits before it tries again, so that
 * one that refuses costs nothing; the next run sends all of it anyway. The whole may take a little longer.
 */
const ANSWER_MS = 750
const WHOLE_MS = 1000

/**
 * Sends the figures to a collector, over OTLP as the standard `OTEL_*` variables say: by default all that was ever
 * counted here (cumulative), so that a run that could not reach it loses nothing; where
 * `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` says `delta` or `lowmemory`, what this run added. Never throws, and
 * waits no longer than a second.
 */
export async function exportFigures(sums: Exported, options: ExportOptions): Promise<ExportOutcome> {
  const agents: (HttpAgent | HttpsAgent)[] = []
  let timer: NodeJS.Timeout | undefined
  try {
    const url = setting('ENDPOINT')
    if (url !== undefined && !URL.canParse(url)) return { kind: 'failed', reason: 'the endpoint is no URL' }
    const exporter = await openExporter((protocol) => {
      const agent = protocol === 'https:' ? new HttpsAgent(certificates()) : new HttpAgent()
      agents.push(agent)
      return agent
    })
    if (exporter === undefined) {
      return { kind: 'failed', reason: 'OTEL_EXPORTER_OTLP_PROTOCOL names none of http/protobuf and http/json' }
    }
    const late = new Promise<ExportOutcome>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'failed', reason: 'the collector took too long' }), WHOLE_MS)
    })
    return await Promise.race([send(exporter, sums, options), late])
  } catch (error) {
    return { kind: 'failed', reason: (error as Error).message }
  } finally {
    clearTimeout(timer)
    // Whatever is under way still would keep the process alive.
    for (const agent of agents) agent.destroy()
  }
}

async function send(exporter: PushMetricExporter, sums: Exported, options: ExportOptions): Promise<ExportOutcome> {
  const chosen = exporter.selectAggregationTemporality?.(InstrumentType.COUNTER)
  const temporality = chosen === AggregationTemporality.DELTA ? 'delta' : 'cumulative'
  const from = temporality === 'delta' ? added(sums) : sums.now
  const times = { since: new Date(temporality === 'delta' ? sums.run.since : sums.now.since), now: new Date() }
  const scope = { name: 'gamedev-sync', version: options.version }
  const metrics = metricData(readOut(from), times, temporality)
  return new Promise((resolve) => {
    exporter.export({ resource: resourceOf(options), scopeMetrics: [{ scope, metrics }] }, ({ code, error }) =>
      resolve(code === 0 ? { kind: 'exported' } : { kind: 'failed', reason: error?.message ?? 'it was refused' }),
    )
  })
}

/** What this run adds to what was there: what earlier runs have seen already does not count again. */
function added({ before, run }: Exported): Sums {
  const both = new Sums(run.since)
  both.merge(before)
  both.merge(run)
  return both.after(before)
}

/** A setting of the exporter: that of metrics, else that of all signals. Everything else the exporter reads itself. */
function setting(name: string): string | undefined {
  const said = ['METRICS_', ''].map((signal) => process.env[`OTEL_EXPORTER_OTLP_${signal}${name}`]?.trim())
  return said.find((value) => value !== undefined && value !== '')
}

/** An agent of our own, so that it can be closed in time, needs what the exporter would give to its own. */
function certificates(): { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
  const read = (name: string) => {
    const file = setting(name)
    return file === undefined ? undefined : readFileSync(file)
  }
  const [ca, cert, key] = [read('CERTIFICATE'), read('CLIENT_CERTIFICATE'), read('CLIENT_KEY')]
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

type AgentOf = (protocol: string) => HttpAgent | HttpsAgent

/** The exporter of the protocol that is asked for; undefined for one that there is none of here. */
async function openExporter(agent: AgentOf): Promise<PushMetricExporter | undefined> {
  const protocol = setting('PROTOCOL') ?? 'http/protobuf'
  const config = { timeoutMillis: ANSWER_MS, httpAgentOptions: agent }
  switch (protocol.toLowerCase()) {
    case 'http/protobuf': {
      const { OTLPMetricExporter } = await import('./otlp-protobuf.ts')
      return new OTLPMetricExporter(config)
    }
    case 'http/json': {
      const { OTLPMetricExporter } = await import('./otlp-json.ts')
      return new OTLPMetricExporter(config)
    }
    default:
      return undefined
  }
}

/** Who says this: by default this clone on this machine; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` decide. */
function resourceOf({ version, folder }: ExportOptions): Resource {
  const instance = createHash('sha256').update(`${hostname()}\0${folder}`).digest('hex').slice(0, 32)
  const own = resourceFromAttributes({
    'service.name': 'gamedev-sync',
    'service.version': version,
    'service.instance.id': instance,
  })
  return own.merge(detectResources({ detectors: [envDetector] }))
}
