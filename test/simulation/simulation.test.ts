import { rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KEPT } from './kept.ts'
import type * as Worker from './worker.ts'

const { bundleSimulation } = (await import(pathToFileURL(resolve('scripts/simulation-bundle.js')).href)) as {
  bundleSimulation(): Promise<string>
}

/** The bundle, because the product's own modules have to meet the models. */
let simulation: typeof Worker
let file: string

beforeAll(async () => {
  file = await bundleSimulation()
  simulation = (await import(pathToFileURL(file).href)) as typeof Worker
})
afterAll(() => rmSync(file, { force: true }))

describe('the simulation', () => {
  it('plays the same trace for the same seed', async () => {
    for (const seed of [1, 2, 3]) {
      const one = await simulation.safely({ seed, steps: simulation.allSteps(60), losses: true })
      const two = await simulation.safely({ seed, steps: simulation.allSteps(60), losses: true })
      expect(one.trace.length).toBeGreaterThan(60)
      expect(simulation.digest(two)).toBe(simulation.digest(one))
    }
  })

  it('plays another one for another', async () => {
    const digests = new Set<string>()
    for (const seed of [4, 5, 6, 7]) {
      digests.add(simulation.digest(await simulation.safely({ seed, steps: simulation.allSteps(20) })))
    }
    expect(digests.size).toBe(4)
  })

  it.each(KEPT)('is sound where it once was not: $was (seed $seed)', async ({ was: _, ...one }) => {
    const outcome = await simulation.safely(one)
    expect(outcome.defects, outcome.trace.join('\n')).toEqual([])
  })
})
