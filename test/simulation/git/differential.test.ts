import { expect, test } from 'vitest'
import { seeded } from '../host.ts'
import { Twin } from './twin.ts'
import { step } from './twin-steps.ts'

/** `DIFF_RUNS=1000` tries that many sequences, from `DIFF_SEED` on. */
const RUNS = Number(process.env.DIFF_RUNS ?? 6)
const FIRST = Number(process.env.DIFF_SEED ?? 1)
const STEPS = 20

test('the model does what git does, command by command', () => {
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    const twin = new Twin({ 'merge.renames': 'false', 'diff.renames': 'false' })
    const random = seeded(seed)
    const done: string[] = []
    try {
      for (let n = 0; n < STEPS; n += 1) {
        twin.tick()
        const { name, git, model } = step(twin, random)
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
}, 3_600_000)
