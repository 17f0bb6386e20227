import { expect, test } from 'vitest'
import { type Random, seeded } from '../host.ts'
import { branches, step } from './twin/steps.ts'
import { Twin } from './twin/twin.ts'
import type { Step } from './twin/vocabulary.ts'

/** `DIFF_RUNS=1000` tries that many sequences, from `DIFF_SEED` on. */
const RUNS = Number(process.env.DIFF_RUNS ?? 3)
const FIRST = Number(process.env.DIFF_SEED ?? 1)
const STEPS = 20

/** Tries sequences of commands; `next` gives one after the other, undefined at the end. */
function compare(seed: number, begin: (twin: Twin, random: Random) => () => Step | undefined): void {
  // Of whole folders that were renamed the model knows nothing.
  const twin = new Twin({ 'merge.directoryRenames': 'false' })
  const done: string[] = []
  try {
    const next = begin(twin, seeded(seed))
    for (;;) {
      twin.tick()
      const step = next()
      if (step === undefined) return
      const { name, git, model } = step
      done.push(name)
      const states = twin.states()
      const [expected, actual] = [
        { said: git, ...states.git },
        { said: model, ...states.model },
      ]
      expect(actual, `seed ${seed}: ${done.join(', ')}`).toEqual(expected)
    }
  } finally {
    twin.dispose()
  }
}

test('the model does what git does, command by command', () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    compare(seed, (twin, random) => {
      let left = STEPS
      return () => (left-- > 0 ? step(twin, random) : undefined)
    })
  }
}, 3_600_000)

test('branches come together as in git', () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    compare(seed, (twin, random) => {
      const steps = branches(twin, random)
      return () => {
        const { done, value } = steps.next()
        return done === true ? undefined : value
      }
    })
  }
}, 3_600_000)
