import { type Count, countsOf } from '../../../src/sync/figures/count.ts'
import type { About, Reporter, SyncEvent } from '../../../src/sync/figures/event.ts'
import type { FigureName } from '../../../src/sync/figures/figures.ts'
import { Sums } from '../../../src/sync/figures/sums.ts'

/** Listens to use cases, run after run, and counts as the kept figures do. */
export class Heard implements Reporter {
  readonly events: (SyncEvent & { readonly about: About })[] = []
  readonly secrets: string[] = []
  readonly sums = new Sums('2026-01-01T00:00:00.000Z')

  tell(event: SyncEvent, about: About): void {
    this.events.push({ ...event, about })
    for (const count of countsOf(event, about)) this.sums.add(count, new Date().toISOString())
  }

  conceal(secret: string | undefined): void {
    if (secret !== undefined) this.secrets.push(secret)
  }

  async enter(): Promise<void> {}

  /** The events of one kind, as far as they say these fields. */
  of<K extends SyncEvent['kind']>(kind: K): readonly Extract<SyncEvent, { kind: K }>[] {
    return this.events.filter((event) => event.kind === kind) as unknown as readonly Extract<SyncEvent, { kind: K }>[]
  }

  forget(): void {
    this.events.length = 0
  }

  /** All counters that are not zero, by their names and own attributes; and the gauge. */
  figures(): Readonly<Record<string, number>> {
    const names: readonly FigureName[] = [
      'sync.ops.local_to_remote',
      'sync.ops.remote_to_local',
      'sync.conflicts.total',
      'sync.conflicts.auto_resolved',
      'sync.overwrites.prevented',
      'sync.overwrites.startup',
      'sync.version_mismatches',
      'sync.lock_failures',
    ]
    const found: Record<string, number> = {}
    for (const name of names) {
      for (const { attributes, value } of this.sums.counters(name)) {
        const { world: _, target: __, ...more } = attributes
        const own = Object.values(more).map((kind) => ` ${kind}`)
        found[name.slice('sync.'.length) + own.join('')] = value
      }
    }
    const lag = this.sums.gauges('sync.cursor.lag')[0]?.value
    return lag === undefined ? found : { ...found, lag }
  }
}

export type { Count }
