import type { About, SyncEvent } from './event.ts'
import type { FigureName } from './figures.ts'

export type Attributes = Readonly<Record<string, string>>

/** What one event adds to one figure. */
export type Count = { readonly name: FigureName; readonly attributes: Attributes } & (
  | { readonly kind: 'add'; readonly by: number }
  /** Counted once, however often and in however many runs it is seen. */
  | { readonly kind: 'once'; readonly id: string }
  | { readonly kind: 'set'; readonly value: number }
  | { readonly kind: 'observe'; readonly value: number }
)

/** What an event adds to the figures (docs/figures.md). */
export function countsOf(event: SyncEvent, about: About): readonly Count[] {
  const attributes = { ...named('world', about.world), ...named('target', about.target) }
  const add = (name: FigureName, by = 1, more: Attributes = {}): Count => ({
    kind: 'add',
    name,
    attributes: { ...attributes, ...more },
    by,
  })
  const once = (name: FigureName, id: readonly unknown[], more: Attributes = {}): Count => ({
    kind: 'once',
    name,
    attributes: { ...attributes, ...more },
    id: JSON.stringify([name, about.world ?? '', ...id]),
  })
  const unwritten = () => add('sync.overwrites.prevented', 1, { reason: 'expectation' })
  switch (event.kind) {
    case 'handshake':
      return [{ kind: 'observe', name: 'sync.handshake.duration_ms', attributes, value: event.ms }]
    case 'lag':
      return [{ kind: 'set', name: 'sync.cursor.lag', attributes, value: Math.max(0, event.cursor - event.taken) }]
    case 'taken-in':
      return event.own ? [] : [add('sync.ops.remote_to_local')]
    case 'landed':
      return [add('sync.ops.local_to_remote')]
    case 'auto-resolved': {
      const { object, field, mode, since } = event
      return [once('sync.conflicts.auto_resolved', [since ?? '', object, field, mode], { mode })]
    }
    case 'contested':
      return event.fields.flatMap((field) => {
        const id = [event.since ?? '', event.object, field]
        const found = once('sync.conflicts.total', id)
        if (event.by === 'merge') return [found]
        return [found, once('sync.overwrites.prevented', id, { reason: 'contested' })]
      })
    case 'held-back': {
      if (event.why === 'runtime') return []
      const { since, object, field, why } = event
      return [once('sync.overwrites.prevented', [since ?? '', object, field, why], { reason: 'held_back' })]
    }
    case 'mismatch':
      return [...(event.refused ? [add('sync.version_mismatches')] : []), unwritten()]
    case 'refused':
      if (event.unsent || event.error !== 'version_mismatch') return []
      return [add('sync.version_mismatches'), unwritten()]
    case 'lock':
      if (event.step === 'taken' || event.step === 'released') return []
      return [add('sync.lock_failures', 1, { reason: event.step.replace('-', '_') })]
    case 'replaced-at-start':
      return [add('sync.overwrites.startup', event.fields)]
    default:
      return []
  }
}

/** Longer ones are cut: they become names of time series. */
const LONGEST = 200

function named(attribute: string, value: string | undefined): Attributes {
  return value === undefined ? {} : { [attribute]: value.slice(0, LONGEST) }
}
