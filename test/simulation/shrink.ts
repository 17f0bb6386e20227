/** A run that went wrong, small enough to be read: some of the steps of a seed. */
export interface Case {
  readonly seed: number
  /** Numbers of the steps that are done; each step's randomness is its own, so leaving one out leaves the others alike. */
  readonly steps: readonly number[]
  /** Servers lose what they had not saved, and forget their feeds. */
  readonly losses?: boolean
  /** One world, one layout, no shared module: as runs were before others were played. */
  readonly plain?: boolean
}

/**
 * Leaves out steps as long as the run still fails the same way, by halves, quarters and so on (delta debugging). `fails`
 * runs a case; `budget` bounds how many runs that may take.
 */
export async function shrink(start: Case, fails: (candidate: Case) => Promise<boolean>, budget = 400): Promise<Case> {
  let { steps } = start
  let left = budget
  for (let size = Math.ceil(steps.length / 2); size >= 1 && left > 0; ) {
    let removed = false
    for (let from = 0; from < steps.length && left > 0; ) {
      const fewer = [...steps.slice(0, from), ...steps.slice(from + size)]
      left--
      if (await fails({ ...start, steps: fewer })) {
        steps = fewer
        removed = true
      } else from += size
    }
    if (!removed || size > 1) {
      if (size === 1) break
      size = Math.ceil(size / 2)
    }
  }
  return { ...start, steps }
}
