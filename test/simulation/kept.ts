import type { Case } from './shrink.ts'

/** Runs that failed once, as small as they could be made, and what was wrong. */
export const KEPT: readonly (Case & { readonly was: string })[] = [
  {
    seed: 190,
    steps: [
      2, 3, 4, 12, 13, 14, 15, 16, 17, 19, 21, 22, 23, 24, 26, 27, 32, 33, 34, 36, 44, 49, 50, 51, 53, 54, 55, 60, 61,
      63, 65, 66, 67, 68, 70, 71, 72, 88,
    ],
    losses: true,
    was: 'scripts that a crash took, and that somebody deployed over, gave way without a word',
  },
]
