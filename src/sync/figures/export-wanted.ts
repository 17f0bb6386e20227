import type { Environment } from '../target.ts'

/**
 * Whether the standard variables of OpenTelemetry ask for metrics over OTLP: an endpoint is named, or the exporter is. An
 * environment that says nothing of it exports nothing, unlike an SDK, because this is a command-line tool.
 */
export function isExported(env: Environment): boolean {
  const said = (name: string): string => (env[name] ?? '').trim()
  if (said('OTEL_SDK_DISABLED').toLowerCase() === 'true') return false
  const exporters = said('OTEL_METRICS_EXPORTER').toLowerCase()
  if (exporters !== '') return exporters.split(',').some((name) => name.trim() === 'otlp')
  return said('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT') !== '' || said('OTEL_EXPORTER_OTLP_ENDPOINT') !== ''
}
