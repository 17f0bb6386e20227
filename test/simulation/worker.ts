import { createHash } from 'node:crypto'
import { type Case, shrink } from './shrink.ts'
import { type Outcome, play } from './universe.ts'

/** What one worker is to do: every `stride`-th seed from `seed` on. */
export interface Order {
  readonly seed: number
  readonly stride: number
  readonly steps: number
  readonly runs: number
  /** Milliseconds since 1970, by the real clock. */
  readonly until: number | undefined
  readonly shrink: boolean
  readonly losses: boolean
  readonly plain: boolean
}

export interface Failure extends Case {
  readonly defects: readonly string[]
}

export type Report =
  | {
      readonly kind: 'progress'
      readonly runs: number
      readonly steps: number
      readonly counts: Readonly<Record<string, number>>
    }
  | ({ readonly kind: 'failure' } & Failure)

export function allSteps(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** What a run's trace comes to: the same for the same seed, on any machine. */
export function digest(outcome: Outcome): string {
  return createHash('sha256')
    .update([...outcome.trace, ...outcome.defects].join('\n'))
    .digest('hex')
    .slice(0, 16)
}

/** The sort of a defect: shrinking must not change it for another. */
function sortOf(defects: readonly string[]): string {
  return defects[0]?.split(':', 1)[0] ?? ''
}

/** Plays seeds one after the other and tells what it finds. */
export async function work(order: Order, tell: (report: Report) => void): Promise<void> {
  const clock = globalThis.Date
  let runs = 0
  let counts: Record<string, number> = {}
  let told = clock.now()
  const progress = () => {
    tell({ kind: 'progress', runs, steps: runs * order.steps, counts })
    runs = 0
    counts = {}
    told = clock.now()
  }
  for (let index = 0; index < order.runs; index++) {
    if (order.until !== undefined && clock.now() >= order.until) break
    const seed = order.seed + index * order.stride
    const outcome = await safely({ seed, steps: allSteps(order.steps), losses: order.losses, plain: order.plain })
    runs++
    for (const [name, count] of Object.entries(outcome.counts)) counts[name] = (counts[name] ?? 0) + count
    if (outcome.defects.length > 0) tell({ kind: 'failure', ...(await smaller(outcome, order)) })
    if (clock.now() - told > 1_000) progress()
  }
  progress()
}

/** What breaks the simulation itself is a failure like any. */
export async function safely(one: Case): Promise<Outcome> {
  try {
    return await play(one)
  } catch (error) {
    return { ...one, defects: [`crash: ${(error as Error).stack}`], trace: [], counts: {} }
  }
}

async function smaller(outcome: Outcome, { shrink: wanted, losses, plain }: Order): Promise<Failure> {
  const { seed, steps, defects } = outcome
  if (!wanted) return { seed, steps, defects, losses, plain }
  const sort = sortOf(defects)
  const small = await shrink(
    { seed, steps, losses, plain },
    async (candidate) => sortOf((await safely(candidate)).defects) === sort,
  )
  return { ...small, defects: (await safely(small)).defects }
}

export { play }
