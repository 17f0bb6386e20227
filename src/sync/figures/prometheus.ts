import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { emptyResource } from '@opentelemetry/resources'
import { metricData } from './metric-data.ts'
import type { Reading } from './read-out.ts'

/** Readings in Prometheus's text format, names mapped as OpenTelemetry does: `sync_ops_local_to_remote_total`. */
export function prometheusText(readings: readonly Reading[], now: Date = new Date()): string {
  const metrics = metricData(readings, { since: now, now }, 'cumulative')
  // Prometheus has a unit at the end of a name or nowhere.
  const plain = metrics.map((metric) => ({ ...metric, descriptor: { ...metric.descriptor, unit: '' } }))
  const scopeMetrics = [{ scope: { name: 'gamedev-sync' }, metrics: plain }]
  return new PrometheusSerializer(undefined, false, undefined, true, true).serialize({
    resource: emptyResource(),
    scopeMetrics,
  })
}
