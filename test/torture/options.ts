import { parseArgs } from 'node:util'
import type { RuntimeKind } from './schedule.ts'

export interface Options {
  /** How long to go on beginning rounds. */
  readonly minutes: number
  readonly seed: number
  /** Just this one. */
  readonly round: number | undefined
  readonly runtimes: readonly RuntimeKind[]
  readonly json: boolean
}

/** Reads the command line. Throws what is wrong with it, in words; `fresh` is the seed where none is given. */
export function readOptions(args: readonly string[], fresh: number): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string' },
      round: { type: 'string' },
      runtime: { type: 'string', default: 'both' },
      json: { type: 'boolean', default: false },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw new Error('--minutes is a number above 0')
  const whole = (name: 'seed' | 'round', least: number): number | undefined => {
    const text = values[name]
    if (text === undefined) return undefined
    const number = Number(text)
    if (!Number.isSafeInteger(number) || number < least) throw new Error(`--${name} is a whole number from ${least}`)
    return number
  }
  const runtimes = { reference: ['reference'], public: ['public'], both: ['reference', 'public'] } as const
  const { runtime } = values
  if (runtime !== 'reference' && runtime !== 'public' && runtime !== 'both')
    throw new Error('--runtime is reference, public or both')
  const round = whole('round', 1)
  const seed = whole('seed', 0)
  if (round !== undefined && seed === undefined) throw new Error('--round needs the --seed that it belongs to')
  return { minutes, seed: seed ?? fresh, round, runtimes: runtimes[runtime], json: values.json }
}
