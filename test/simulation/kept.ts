import type { Case } from './shrink.ts'

/** Runs that failed once, as small as they could be made, and what was wrong. */
export const KEPT: readonly (Case & { readonly was: string })[] = []
