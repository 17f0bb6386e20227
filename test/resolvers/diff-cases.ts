import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LineChange } from '../../src/resolvers/line-diff.ts'

/**
 * Pairs of texts whose comparison is recorded, as git makes it: which of several shortest answers it takes, which lines
 * it does not search at all, where it gives up the search. They are made from a number, so that a record is short.
 */
export interface RecordedDiff {
  readonly kind: keyof typeof KINDS
  readonly seed: number
  /** `start-end>from-to`, or a hash of that where it is long. */
  readonly changes: string
}

/** `RECORD=diff npx vitest run test/resolvers/text-against-git.test.ts` writes the answers anew. */
export const DIFFS = join(import.meta.dirname, 'diff.jsonl')

export function readDiffs(): readonly RecordedDiff[] {
  const lines = readFileSync(DIFFS, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as RecordedDiff)
}

const LONGEST_SHOWN = 120

export function shown(changes: readonly LineChange[]): string {
  const text = changes.map(({ start, end, from, to }) => `${start}-${end}>${from}-${to}`).join(' ')
  return text.length <= LONGEST_SHOWN ? text : createHash('sha1').update(text).digest('hex')
}

type Below = (n: number) => number

/** Marsaglia's xorshift: the same numbers wherever and whenever. */
function chance(seed: number): Below {
  let state = (seed * 2654435761 + 1) >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  for (let i = 0; i < 4; i++) next()
  return (n) => next() % n
}

type Texts = readonly [a: readonly number[], b: readonly number[]]
/** `own` gives a line that stands nowhere else. */
type Make = (r: Below, own: () => number) => Texts

const many = (n: number, line: () => number): number[] => Array.from({ length: n }, line)

const KINDS = {
  /** A few lines of a few kinds, edited or written anew. */
  small: (r, own) => {
    const kinds = 2 + r(4)
    const a = many(r(14), () => r(kinds))
    if (r(3) === 0) return [a, many(r(14), () => r(kinds))]
    const b = [...a]
    for (let i = 0, edits = 1 + r(4); i < edits; i++) {
      const [at, gone] = [r(b.length + 1), r(4)]
      b.splice(at, gone, ...many(r(4), () => (r(5) === 0 ? own() : r(kinds))))
    }
    return [a, b]
  },
  /** A script of some frequent lines and many rare ones, with lines of its own and blocks that were moved. */
  medium: (r, own) => {
    const [frequent, rare] = [1 + r(3), 10 + r(40)]
    const line = (unlike: number) => {
      const among = r(10)
      return among < unlike ? own() : among < 7 ? r(frequent) : 10 + r(rare)
    }
    const a = many(20 + r(100), () => line(r(4)))
    const b = [...a]
    for (let i = 0, edits = 1 + r(5); i < edits; i++) {
      const at = r(b.length + 1)
      if (r(4) === 0) {
        const moved = b.splice(at, r(12))
        b.splice(r(b.length + 1), 0, ...moved)
      } else {
        const gone = r(15)
        b.splice(at, gone, ...many(r(25), () => line(2 + r(7))))
      }
    }
    return [a, b]
  },
  /** Frequent lines amid ones that the other text lacks. */
  lost: (r, own) => {
    const frequent = 1 + r(2)
    const text = () => {
      const lines: number[] = []
      for (let i = 0, blocks = 2 + r(6); i < blocks; i++) {
        lines.push(...many(1 + r(14), () => (r(5) < 1 + r(2) ? r(frequent) : own())))
        for (let j = r(4); j > 0; j--) lines.push(r(2) ? 10 + i : r(frequent))
      }
      return lines
    }
    return [text(), text()]
  },
  /** The same, amid more lines than are looked at. */
  wide: (r, own) => {
    const frequent = 1 + r(2)
    const text = () => {
      const lines = [500]
      for (let i = 0, blocks = 1 + r(3); i < blocks; i++) {
        lines.push(...many(60 + r(140), () => (r(6) === 0 ? r(frequent) : own())))
        lines.push(...many(r(3), () => r(frequent)), 501 + i)
      }
      return lines
    }
    return [text(), text()]
  },
  /** Long texts with little in common, where git stops searching for the shortest answer. */
  large: (r) => {
    const kinds = [3, 10, 30, 100, 300][r(5)]!
    const a = many(200 + r(900), () => r(kinds))
    if (r(2)) return [a, many(200 + r(900), () => r(kinds))]
    return [a, a.flatMap((line) => (r(3) ? [line] : r(2) ? [] : [r(kinds)]))]
  },
  /** One much longer than the other. */
  lopsided: (r) => {
    const kinds = [3, 10, 30][r(3)]!
    const a = many(r(2) ? r(30) : 600 + r(400), () => r(kinds))
    return [a, many(a.length < 40 ? 600 + r(600) : r(60), () => r(kinds))]
  },
  /** A long block, found with the last step before git gives up, at the edge of what it searched. */
  edge: (r) => {
    const block = Array.from({ length: 150 }, (_, i) => 500 + i)
    const a = [...block, ...many(400, () => r(30))]
    const b = [...many(250 + r(10), () => r(30)), ...block, ...many(400, () => r(30))]
    const [x, y] = r(2) ? [a, b] : [b, a]
    return r(2) ? [x, y] : [x.toReversed(), y.toReversed()]
  },
} satisfies Readonly<Record<string, Make>>

export function textsOf({ kind, seed }: Pick<RecordedDiff, 'kind' | 'seed'>): Texts {
  let fresh = 1000
  return KINDS[kind](chance(seed), () => fresh++)
}
