import type { Random } from './random.ts'

const IDS = [
  'a',
  'b',
  'c',
  'd',
  'e',
  'lamp',
  '$scene',
  '__proto__',
  'constructor',
  'toString',
  '../x',
  '.git',
  'con',
  'a\nb',
  '🏮',
]
const BAD_TEXTS = [
  '',
  '\0',
  'a\0b',
  '\ud800',
  '\udc00x',
  'x'.repeat(1025),
  '\u202e',
  'asset://',
  'asset://../x',
  '%00',
  '<b>',
  "'; --",
]
const KEYS = [
  'a',
  'b',
  'url',
  'color',
  'k.l',
  '__proto__',
  '__keys__',
  'toJSON',
  'constructor',
  'hasOwnProperty',
  'then',
  '',
  '.',
  '..',
  '0',
  '-1',
  'length',
  '$ref',
]
const NUMBERS = [0, -0, 1, -1, 0.1, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, -1e308, 5e-324, 1e21]

export const idOf = (random: Random): string => random.pick(IDS)
export const textOf = (random: Random): string => (random.chance(0.5) ? random.pick(IDS) : random.pick(BAD_TEXTS))
export const keyOf = (random: Random): string => random.pick(KEYS)

/** Any JSON value, seldom deep, seldom large. */
export function jsonOf(random: Random, depth = 0): unknown {
  if (depth > 5) return null
  switch (random.below(depth === 0 ? 12 : 9)) {
    case 0:
      return null
    case 1:
      return random.chance(0.5)
    case 2:
      return random.pick(NUMBERS)
    case 3:
    case 4:
      return textOf(random)
    case 5:
      return random.list(4, () => jsonOf(random, depth + 1))
    case 6:
    case 7:
      return objectOf(random, depth)
    case 8:
      return random.list(4, () => random.pick(NUMBERS))
    case 9:
      return nested(random.pick([10, 60, 63, 64, 65, 100, 400]), random.chance(0.5))
    case 10:
      return 'x'.repeat(random.pick([100, 10_000, 300_000]))
    default:
      return Object.fromEntries(Array.from({ length: random.pick([10, 1000]) }, (_, i) => [`k${i}`, i]))
  }
}

export function objectOf(random: Random, depth = 0): Record<string, unknown> {
  return Object.fromEntries(random.list(4, () => [keyOf(random), jsonOf(random, depth + 1)] as const))
}

function nested(depth: number, lists: boolean): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = lists ? [value] : { a: value }
  return value
}

/** The same bytes with some of them changed, left out, or repeated. */
export function mutated(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes)
  for (let times = 1 + random.below(4); times > 0 && result.length > 0; times--) {
    const at = random.below(result.length)
    switch (random.below(5)) {
      case 0:
        result[at] = random.below(256)
        break
      case 1:
        result[at] = result[at]! ^ (1 << random.below(8))
        break
      case 2:
        result = result.subarray(0, at)
        break
      case 3:
        result = Buffer.concat([
          result.subarray(0, at),
          result.subarray(Math.min(result.length, at + 1 + random.below(20))),
        ])
        break
      default:
        result = Buffer.concat([result, result.subarray(at, at + random.below(200))])
    }
  }
  return result
}
