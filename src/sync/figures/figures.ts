/**
 * The figures: what they are called, and what may stand beside them. docs/figures.md says what adds to each.
 */
export type FigureName =
  | 'sync.ops.local_to_remote'
  | 'sync.ops.remote_to_local'
  | 'sync.conflicts.total'
  | 'sync.conflicts.auto_resolved'
  | 'sync.overwrites.prevented'
  | 'sync.overwrites.startup'
  | 'sync.version_mismatches'
  | 'sync.lock_failures'
  | 'sync.cursor.lag'
  | 'sync.handshake.duration_ms'

export interface Figure {
  readonly name: FigureName
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** In UCUM, as OpenTelemetry has it. */
  readonly unit: string
  readonly description: string
  /** An attribute of its own beside `world` and `target`, and all values that it may have. */
  readonly by?: { readonly attribute: string; readonly values: readonly string[] }
}

export const FIGURES: readonly Figure[] = [
  {
    name: 'sync.ops.local_to_remote',
    kind: 'counter',
    unit: '{operation}',
    description: 'Operations of this project that landed in the world.',
  },
  {
    name: 'sync.ops.remote_to_local',
    kind: 'counter',
    unit: '{operation}',
    description: 'Operations of the world that were taken onto its line here, those of pushes from here left out.',
  },
  {
    name: 'sync.conflicts.total',
    kind: 'counter',
    unit: '{field}',
    description: 'Contested fields, each once for a baseline.',
  },
  {
    name: 'sync.conflicts.auto_resolved',
    kind: 'counter',
    unit: '{field}',
    description: 'Fields that both sides changed and a rule settled, each once for a baseline.',
    by: { attribute: 'mode', values: ['local', 'runtime', 'set', 'text'] },
  },
  {
    name: 'sync.overwrites.prevented',
    kind: 'counter',
    unit: '{field}',
    description: 'Fields that a push would have written over something unseen, and did not.',
    by: { attribute: 'reason', values: ['contested', 'expectation', 'held_back'] },
  },
  {
    name: 'sync.overwrites.startup',
    kind: 'counter',
    unit: '{field}',
    description: 'Values of the world that were given up unmerged when a project was connected with it.',
  },
  {
    name: 'sync.version_mismatches',
    kind: 'counter',
    unit: '{refusal}',
    description: 'Refusals of the runtime because it holds another version or value than expected.',
  },
  {
    name: 'sync.lock_failures',
    kind: 'counter',
    unit: '{lock}',
    description: 'Deploy locks that were not got, were lost, or could not be renewed.',
    by: { attribute: 'reason', values: ['held', 'lost', 'not_renewed'] },
  },
  {
    name: 'sync.cursor.lag',
    kind: 'gauge',
    unit: '{operation}',
    description: "The world's cursor less that of the baseline, as last seen.",
  },
  {
    name: 'sync.handshake.duration_ms',
    kind: 'histogram',
    unit: 'ms',
    description: 'How long the world took to say which one it is, at the beginning of a command.',
  },
]

/** Upper bounds of the histogram's buckets, inclusive, in milliseconds; one more holds what is beyond. */
export const BOUNDS: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]
