import type { Json } from '../../../src/world/json.ts'
import { type Contest, GONE, type MergeCase } from './case.ts'
import { type Edit, entity } from './worlds.ts'

const cfg = (value: Json | undefined): Edit => entity('one', { props: value === undefined ? {} : { cfg: value } })
type RecordRow = readonly [
  name: string,
  base: Json | undefined,
  ours: Json | undefined,
  theirs: Json | undefined,
  merged: Json | undefined,
  contested?: readonly (readonly [
    field: string,
    base: Json | undefined,
    ours: Json | undefined,
    theirs: Json | undefined,
  ])[],
]
const AB = { a: 1, b: 1 }
const RECORD_ROWS: readonly RecordRow[] = [
  ['M3 another key of a record here and there: both', AB, { a: 2, b: 1 }, { a: 1, b: 2 }, { a: 2, b: 2 }],
  [
    'M3 the same key of a record: contested, only that key',
    AB,
    { a: 2, b: 1 },
    { a: 3, b: 2 },
    { a: 2, b: 2 },
    [['a', 1, 2, 3]],
  ],
  ['M3 M4 a key removed here, another changed there: both', AB, { b: 1 }, { a: 1, b: 2 }, { b: 2 }],
  [
    'M4 a key removed here, the same changed there: contested',
    AB,
    { b: 1 },
    { a: 2, b: 1 },
    { b: 1 },
    [['a', 1, GONE, 2]],
  ],
  [
    'M4 a key changed here, the same removed there: contested',
    AB,
    { a: 2, b: 1 },
    { b: 1 },
    { a: 2, b: 1 },
    [['a', 1, 2, GONE]],
  ],
  ['M4 keys added on both sides: both', AB, { ...AB, c: 1 }, { ...AB, d: 1 }, { ...AB, c: 1, d: 1 }],
  [
    'M4 one key added on both sides: contested',
    AB,
    { ...AB, c: 1 },
    { ...AB, c: 2 },
    { ...AB, c: 1 },
    [['c', GONE, 1, 2]],
  ],
  ['M4 a record removed here, untouched there: gone', AB, GONE, AB, GONE],
  ['M4 a record untouched here, removed there: gone', AB, AB, GONE, GONE],
  [
    'M4 a record removed here, changed there: contested whole',
    AB,
    GONE,
    { a: 2, b: 1 },
    GONE,
    [['', AB, GONE, { a: 2, b: 1 }]],
  ],
  [
    'M4 a record changed here, removed there: contested whole',
    AB,
    { a: 2, b: 1 },
    GONE,
    { a: 2, b: 1 },
    [['', AB, { a: 2, b: 1 }, GONE]],
  ],
  [
    'M4 a record made a list here, changed there: contested whole',
    AB,
    [1],
    { a: 2, b: 1 },
    [1],
    [['', AB, [1], { a: 2, b: 1 }]],
  ],
  [
    'M4 a record changed here, made a text there: contested whole',
    AB,
    { a: 2, b: 1 },
    'off',
    { a: 2, b: 1 },
    [['', AB, { a: 2, b: 1 }, 'off']],
  ],
  ['M4 a record removed here, made a text there: contested whole', AB, GONE, 'off', GONE, [['', AB, GONE, 'off']]],
  ['M4 a record made a text here, removed there: contested whole', AB, 'off', GONE, 'off', [['', AB, 'off', GONE]]],
  ['M4 a record made a list here, untouched there: the list', AB, [1], AB, [1]],
  ['M4 a record untouched here, made a list there: the list', AB, AB, [1], [1]],
  ['M4 a record made a list here and a text there: contested whole', AB, [1], 'off', [1], [['', AB, [1], 'off']]],
  ['M4 a record made nothing on both sides: nothing', AB, null, null, null],
  ['M3 a record added on both sides, with keys of their own: both', GONE, { a: 1 }, { b: 1 }, { a: 1, b: 1 }],
  [
    'M3 a record added on both sides, with one key that differs: that key',
    GONE,
    { a: 1, s: 0 },
    { a: 2, s: 0 },
    { a: 1, s: 0 },
    [['a', GONE, 1, 2]],
  ],
  ['M4 a record added here, a list there: contested whole', GONE, { a: 1 }, [1], { a: 1 }, [['', GONE, { a: 1 }, [1]]]],
  [
    'M4 a text made a record here, a list there: contested whole',
    'on',
    { a: 1 },
    [1],
    { a: 1 },
    [['', 'on', { a: 1 }, [1]]],
  ],
  ['M3 a record emptied here, grown there: the new key', AB, {}, { ...AB, c: 1 }, { c: 1 }],
  [
    'M3 two levels down: both',
    { x: { y: AB } },
    { x: { y: { a: 2, b: 1 } } },
    { x: { y: { a: 1, b: 2 } } },
    { x: { y: { a: 2, b: 2 } } },
  ],
  [
    'M3 a list in a record is one value: contested',
    { l: [1] },
    { l: [1, 2] },
    { l: [0, 1] },
    { l: [1, 2] },
    [['l', [1], [1, 2], [0, 1]]],
  ],
  [
    'S1 a key that objects inherit is a key: contested',
    { constructor: 1 },
    { constructor: 2 },
    { constructor: 3 },
    { constructor: 2 },
    [['constructor', 1, 2, 3]],
  ],
  [
    'M3 two keys contested at once, both named',
    AB,
    { a: 2, b: 2 },
    { a: 3, b: 3 },
    { a: 2, b: 2 },
    [
      ['a', 1, 2, 3],
      ['b', 1, 2, 3],
    ],
  ],
]
/** Records among the props: merged by key (M3). */
export const RECORD_CASES: readonly MergeCase[] = RECORD_ROWS.map(([name, base, ours, theirs, merged, contested]) => ({
  name,
  base: cfg(base),
  ours: cfg(ours),
  theirs: cfg(theirs),
  merged: cfg(merged),
  ...(contested === undefined
    ? {}
    : {
        contested: contested.map(
          ([field, ...terms]) => ['entity:one', field === '' ? 'props.cfg' : `props.cfg.${field}`, ...terms] as Contest,
        ),
      }),
}))
