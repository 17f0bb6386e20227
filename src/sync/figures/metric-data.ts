import { type HrTime, ValueType } from '@opentelemetry/api'
import { AggregationTemporality, type DataPoint, DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import type { Point } from './kept.ts'
import { BOUNDS } from './kept.ts'
import type { Reading } from './read-out.ts'

export interface MetricTimes {
  readonly since: Date
  readonly now: Date
}

/** Readings as OpenTelemetry has metrics, aggregated already. */
export function metricData(
  readings: readonly Reading[],
  { since, now }: MetricTimes,
  temporality: 'cumulative' | 'delta',
): MetricData[] {
  const of = <T, V>(points: readonly Point<T>[], value: (of: T) => V): DataPoint<V>[] =>
    points.map((point) => ({
      startTime: timeOf(since),
      endTime: timeOf(now),
      attributes: { ...point.attributes },
      value: value(point.value),
    }))
  const aggregationTemporality =
    temporality === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE
  return readings
    .filter(({ points }) => points.length > 0)
    .map((reading): MetricData => {
      const { name, description, unit } = reading.figure
      const common = { descriptor: { name, description, unit, valueType: ValueType.DOUBLE }, aggregationTemporality }
      if ('kind' in reading.figure && reading.figure.kind === 'histogram') {
        const { points } = reading as Extract<Reading, { figure: { kind: 'histogram' } }>
        const dataPoints = of(points, ({ count, sum, buckets }) => ({
          count,
          sum,
          buckets: { boundaries: [...BOUNDS], counts: [...buckets] },
        }))
        return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints }
      }
      const { points } = reading as Extract<Reading, { figure: { kind: 'counter' | 'gauge' } }>
      const dataPoints = of(points, (value) => value)
      return reading.figure.kind === 'gauge'
        ? { ...common, dataPointType: DataPointType.GAUGE, dataPoints }
        : { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    })
}

function timeOf(date: Date): HrTime {
  const ms = date.getTime()
  return [Math.floor(ms / 1000), (ms % 1000) * 1_000_000]
}
