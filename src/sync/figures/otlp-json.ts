/** A module of our own, because the build can load that one only as a part of it. */
export { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
