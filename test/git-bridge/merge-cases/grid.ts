import type { Json } from '../../../src/world/json.ts'
import { GONE, type MergeCase } from './case.ts'
import { type Edit, nothing } from './worlds.ts'

type There = 'unchanged' | 'changed' | 'removed' | 'of another type'
type Cell = 'base' | 'ours' | 'theirs' | 'gone' | 'contested'

/**
 * M2 and M4 for a field that is one value: what we did (rows) and what the world did (columns), and whose value comes
 * out of it. Every cell is the rule's word, not the code's.
 */
const PRESENT: Readonly<Record<There, Readonly<Record<There, Cell>>>> = {
  unchanged: { unchanged: 'base', changed: 'theirs', removed: 'gone', 'of another type': 'theirs' },
  changed: { unchanged: 'ours', changed: 'contested', removed: 'contested', 'of another type': 'contested' },
  removed: { unchanged: 'gone', changed: 'contested', removed: 'gone', 'of another type': 'contested' },
  'of another type': { unchanged: 'ours', changed: 'contested', removed: 'contested', 'of another type': 'contested' },
}

/** The same for a field that the base lacks. */
const ABSENT: Readonly<Record<'absent' | 'added', Readonly<Record<'absent' | 'added', Cell>>>> = {
  absent: { absent: 'gone', added: 'theirs' },
  added: { absent: 'ours', added: 'contested' },
}

/** A field that is one value, and values for it. */
export interface Field {
  /** In words, as the subject of a sentence. */
  readonly what: string
  readonly key: string
  readonly field: string
  /** Sets the field, or removes it. */
  readonly set: (value: Json | undefined) => Edit
  readonly was: Json
  /** Two values of the same type as {@link was}. */
  readonly changed: readonly [ours: Json, theirs: Json]
  /** Two values of other types. */
  readonly typed: readonly [ours: Json, theirs: Json]
}

/** All 16 pairs of what the sides may do to a field that is there, the 4 to one that is not, and both doing the same. */
export function grid({ what, key, field, set, was, changed, typed }: Field): readonly MergeCase[] {
  const values: Readonly<Record<There, readonly [Json | undefined, Json | undefined]>> = {
    unchanged: [was, was],
    changed,
    removed: [GONE, GONE],
    'of another type': typed,
  }
  const present = set(was)
  const absent = set(GONE)
  const cases: MergeCase[] = []
  const add = (
    name: string,
    base: Edit,
    before: Json | undefined,
    [ours, theirs]: readonly [Json | undefined, Json | undefined],
    cell: Cell,
  ): void => {
    const value = { base: before, ours, theirs, gone: GONE, contested: ours }[cell]
    cases.push({
      name: `${name}: ${cell === 'contested' ? 'contested' : cell === 'gone' ? 'it is not there' : `${cell} stays`}`,
      base,
      ours: ours === before ? nothing : set(ours),
      theirs: theirs === before ? nothing : set(theirs),
      merged: set(value),
      ...(cell === 'contested' ? { contested: [[key, field, before, ours, theirs]] } : {}),
    })
  }
  for (const [here, row] of Object.entries(PRESENT) as [There, Record<There, Cell>][]) {
    for (const [there, cell] of Object.entries(row) as [There, Cell][]) {
      add(`M2 M4 ${what}, ${here} here, ${there} there`, present, was, [values[here][0], values[there][1]], cell)
    }
  }
  for (const [here, row] of Object.entries(ABSENT) as ['absent' | 'added', Record<'absent' | 'added', Cell>][]) {
    for (const [there, cell] of Object.entries(row) as ['absent' | 'added', Cell][]) {
      const value = (state: string, side: 0 | 1) => (state === 'added' ? changed[side] : GONE)
      add(`M2 M4 ${what}, ${here} here, ${there} there`, absent, GONE, [value(here, 0), value(there, 1)], cell)
    }
  }
  add(`M2 ${what}, changed alike on both sides`, present, was, [changed[0], changed[0]], 'ours')
  add(`M2 M4 ${what}, made the same other type on both sides`, present, was, [typed[0], typed[0]], 'ours')
  add(`M2 M4 ${what}, added alike on both sides`, absent, GONE, [changed[0], changed[0]], 'ours')
  return cases
}
