import { createHash } from 'node:crypto'
import { it } from 'vitest'

/** `npm run test:long` runs every case of what `npm test` only samples. */
export const LONG = process.env.LONG === 'all'

/** Milliseconds for a test that begins many processes, on a machine that is busy. */
export const PATIENCE = LONG ? 7_200_000 : 240_000

/**
 * The kinds of a thing (layouts, runtimes) that a test runs on: all with `npm run test:long`; else one, which the test's
 * name decides, so that the tests of a file share them evenly and each is always run on the same.
 */
export function kindsFor<T>(name: string, kinds: readonly T[]): readonly T[] {
  if (LONG) return kinds
  return [kinds[createHash('sha256').update(name).digest()[7]! % kinds.length]!]
}

/** `it` for a suite that is there once for each of these kinds: a test runs on those that {@link kindsFor} names. */
export function testsOn<T>(kinds: readonly T[], kind: T): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    if (kindsFor(name, kinds).includes(kind)) it(name, body)
  }
}

/** How often a costly law is tried: ten times as often with `npm run test:long`. */
export function tries(usually: number): { readonly numRuns: number } {
  return { numRuns: LONG ? usually * 10 : usually }
}
