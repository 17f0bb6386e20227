import { Flags } from '@oclif/core'
import { figureJson, figureLines } from '../../cli/figures-view.ts'
import { SyncCommand } from '../../cli/sync-command.ts'

export default class Metrics extends SyncCommand<unknown> {
  static override summary = 'Show what was counted: operations, conflicts, prevented overwrites, lag'
  static override description =
    'The figures of this clone, of all its runs so far; docs/figures.md says what adds to each. They are kept beside the history (.git/lobby/figures): to begin anew, remove that folder. The world is not asked. With OTEL_EXPORTER_OTLP_ENDPOINT set, every command sends them to a collector as well.'
  static override examples = [
    '<%= config.bin %> sync metrics',
    '<%= config.bin %> sync metrics --target production --json',
    '<%= config.bin %> sync metrics --format prometheus > /var/lib/node_exporter/gamedev_sync.prom',
  ]
  static override flags = {
    format: Flags.option({
      options: ['table', 'prometheus'] as const,
      default: 'table',
      description: "A table for people, or Prometheus's text format",
    })(),
  }

  override async run(): Promise<unknown> {
    const { flags } = await this.parse(Metrics)
    const { metrics } = await import('../../sync/metrics.ts')
    const context = this.context()
    const { since, readings, damaged } = await metrics(context, flags.target)
    for (const name of damaged) {
      context.progress.warn(`${name} held figures that cannot be read; it was put aside as damaged.json.`)
    }
    if (flags.format === 'prometheus' && !this.jsonEnabled()) {
      const { prometheusText } = await import('../../sync/figures/prometheus.ts')
      process.stdout.write(prometheusText(readings))
      return undefined
    }
    for (const line of figureLines(readings, since)) this.say(line)
    return { since, metrics: readings.map(figureJson) }
  }
}
