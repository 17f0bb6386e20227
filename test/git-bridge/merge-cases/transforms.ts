import type { Json } from '../../../src/world/json.ts'
import { type Contest, GONE, type MergeCase } from './case.ts'
import { type Edit, entity, spawn } from './worlds.ts'

/** A case about one value, which `set` puts where it belongs. */
function values(
  set: (value: Json | undefined) => Edit,
  [key, field]: readonly [string, string],
  rows: readonly (readonly [name: string, base: Json, ours: Json, theirs: Json, merged: Json | 'contested'])[],
): readonly MergeCase[] {
  return rows.map(([name, base, ours, theirs, merged]) => ({
    name,
    base: set(base),
    ours: set(ours),
    theirs: set(theirs),
    merged: set(merged === 'contested' ? ours : merged),
    ...(merged === 'contested' ? { contested: [[key, field, base, ours, theirs] as Contest] } : {}),
  }))
}

const PINNED = values(
  (pinned) => entity('one', { pinned }),
  ['entity:one', 'pinned'],
  [
    ['M2 an entity pinned here only stays pinned', false, true, false, true],
    ['M2 an entity pinned there only comes pinned', false, false, true, true],
    ['M2 an entity pinned on both sides is pinned', false, true, true, true],
    ['M2 an entity unpinned here only stays unpinned', true, false, true, false],
    ['M2 M4 pinned here, its pin made nothing there: contested', false, true, null, 'contested'],
    ['M2 M4 its pin made nothing here, pinned there: contested', false, null, true, 'contested'],
    ['M2 M4 of no pin, pinned here and unpinned there: contested', null, true, false, 'contested'],
    ['M2 M4 of no pin, unpinned here and pinned there: contested', null, false, true, 'contested'],
  ],
)

const at = (...position: readonly number[]): Json => position
const POSITION = values(
  (position) => entity('one', { position }),
  ['entity:one', 'position'],
  [
    ['M2 an entity moved here only is where we put it', at(0, 0, 0), at(5, 0, 0), at(0, 0, 0), at(5, 0, 0)],
    ['M2 an entity moved there only is where they put it', at(0, 0, 0), at(0, 0, 0), at(0, 0, 7), at(0, 0, 7)],
    ['M2 an entity moved to one place on both sides is there', at(0, 0, 0), at(5, 0, 0), at(5, 0, 0), at(5, 0, 0)],
    [
      'M3 an entity moved in x here and in z there: one value, contested',
      at(0, 0, 0),
      at(5, 0, 0),
      at(0, 0, 7),
      'contested',
    ],
    ['M3 an entity moved along one axis on both sides: contested', at(0, 0, 0), at(5, 0, 0), at(7, 0, 0), 'contested'],
    ['M2 noise of 1e-9 here is no move: theirs wins', at(0, 0, 0), at(1e-9, 0, 0), at(0, 0, 7), at(0, 0, 7)],
    ['M2 noise of 1e-9 there is no move: ours wins', at(0, 0, 0), at(5, 0, 0), at(1e-9, 0, 0), at(5, 0, 0)],
    [
      'M2 noise on both sides keeps the digits that were there',
      at(1, 0, 0),
      at(1 + 1e-9, 0, 0),
      at(1 - 1e-9, 0, 0),
      at(1, 0, 0),
    ],
    ['M2 noise here only keeps the digits that were there', at(1, 0, 0), at(1 + 1e-9, 0, 0), at(1, 0, 0), at(1, 0, 0)],
    [
      'M2 moved to one place but for noise: the digits of the world, which was there first',
      at(0, 0, 0),
      at(5 + 1e-9, 0, 0),
      at(5, 0, 0),
      at(5, 0, 0),
    ],
    [
      'M2 far away the tolerance is relative: 1e6 + 0.5 is no move',
      at(1e6, 0, 0),
      at(1e6 + 0.5, 0, 0),
      at(0, 0, 7),
      at(0, 0, 7),
    ],
    ['M2 near by a step of 1e-3 is a move: contested', at(0, 0, 0), at(1e-3, 0, 0), at(0, 0, 7), 'contested'],
  ],
)

const QUATERNION = values(
  (quaternion) => entity('one', { quaternion }),
  ['entity:one', 'quaternion'],
  [
    ['M2 an entity turned here only', at(0, 0, 0, 1), at(0, 1, 0, 0), at(0, 0, 0, 1), at(0, 1, 0, 0)],
    ['M2 an entity turned there only', at(0, 0, 0, 1), at(0, 0, 0, 1), at(1, 0, 0, 0), at(1, 0, 0, 0)],
    [
      'M3 an entity turned about two axes: one value, contested',
      at(0, 0, 0, 1),
      at(0, 1, 0, 0),
      at(1, 0, 0, 0),
      'contested',
    ],
    ['M2 −q here is no turn: theirs wins', at(0, 0, 0, 1), at(0, 0, 0, -1), at(1, 0, 0, 0), at(1, 0, 0, 0)],
    ['M2 −q there is no turn: ours wins', at(0, 0, 0, 1), at(1, 0, 0, 0), at(0, 0, 0, -1), at(1, 0, 0, 0)],
    [
      'M2 −q here only keeps the sign that was there',
      at(0, 0.6, 0, 0.8),
      at(0, -0.6, 0, -0.8),
      at(0, 0.6, 0, 0.8),
      at(0, 0.6, 0, 0.8),
    ],
    [
      'M2 turned to q here and to −q there: the sign of the world',
      at(0, 0, 0, 1),
      at(0, 0.6, 0, 0.8),
      at(0, -0.6, 0, -0.8),
      at(0, -0.6, 0, -0.8),
    ],
    [
      'M2 −q with noise of 1e-9 is no turn',
      at(0, 0.6, 0, 0.8),
      at(1e-9, -0.6, 0, -0.8),
      at(1, 0, 0, 0),
      at(1, 0, 0, 0),
    ],
    ['M2 the conjugate is a turn: contested', at(0, 0.6, 0, 0.8), at(0, -0.6, 0, 0.8), at(1, 0, 0, 0), 'contested'],
  ],
)

const SCALE = values(
  (scale) => entity('one', { scale }),
  ['entity:one', 'scale'],
  [
    ['M3 an entity scaled on both sides: contested', at(1, 1, 1), at(2, 2, 2), at(3, 3, 3), 'contested'],
    ['M2 the sign of a scale matters', at(1, 1, 1), at(-1, -1, -1), at(1, 1, 1), at(-1, -1, -1)],
  ],
)

const SPAWN = [
  ...values(
    (position) => spawn({ position }),
    ['spawn', 'position'],
    [
      ['M2 the spawn moved here only', at(0, 0, 0), at(5, 0, 0), at(0, 0, 0), at(5, 0, 0)],
      ['M2 the spawn moved there only', at(0, 0, 0), at(0, 0, 0), at(0, 0, 7), at(0, 0, 7)],
      ['M2 the spawn moved alike', at(0, 0, 0), at(5, 0, 0), at(5, 0, 0), at(5, 0, 0)],
      ['M3 the spawn moved on both sides: contested', at(0, 0, 0), at(5, 0, 0), at(0, 0, 7), 'contested'],
      ['M2 noise in the spawn is no move', at(0, 0, 0), at(5, 0, 0), at(0, 1e-9, 0), at(5, 0, 0)],
    ],
  ),
  ...values(
    (quaternion) => spawn({ quaternion }),
    ['spawn', 'quaternion'],
    [['M2 −q of the spawn is no turn', at(0, 0, 0, 1), at(0, 0, 0, -1), at(1, 0, 0, 0), at(1, 0, 0, 0)]],
  ),
]

/** Transforms that one side lacks (M4); they cannot be of another type, since such a file is refused. */
const TRANSFORM_PRESENCE: readonly MergeCase[] = (
  [
    ['M2 M4 the scale removed here, untouched there: it is not there', at(1, 1, 1), GONE, at(1, 1, 1), GONE, false],
    ['M2 M4 the scale untouched here, removed there: it is not there', at(1, 1, 1), at(1, 1, 1), GONE, GONE, false],
    ['M4 the scale removed here, changed there: contested', at(1, 1, 1), GONE, at(2, 2, 2), GONE, true],
    ['M4 the scale changed here, removed there: contested', at(1, 1, 1), at(2, 2, 2), GONE, at(2, 2, 2), true],
    ['M4 the scale removed on both sides: it is not there', at(1, 1, 1), GONE, GONE, GONE, false],
    ['M2 the scale removed here, noise there: it is not there', at(1, 1, 1), GONE, at(1 + 1e-9, 1, 1), GONE, false],
    ['M4 the scale added here: ours', GONE, at(2, 2, 2), GONE, at(2, 2, 2), false],
    ['M4 the scale added there: theirs', GONE, GONE, at(3, 3, 3), at(3, 3, 3), false],
    ['M4 the scale added on both sides: contested', GONE, at(2, 2, 2), at(3, 3, 3), at(2, 2, 2), true],
    ['M4 the scale added alike but for noise: one scale', GONE, at(2 + 1e-9, 2, 2), at(2, 2, 2), at(2, 2, 2), false],
  ] as readonly (readonly [string, Json | undefined, Json | undefined, Json | undefined, Json | undefined, boolean])[]
).map(([name, base, ours, theirs, merged, contested]) => ({
  name,
  base: entity('one', { scale: base }),
  ours: entity('one', { scale: ours }),
  theirs: entity('one', { scale: theirs }),
  merged: entity('one', { scale: merged }),
  ...(contested ? { contested: [['entity:one', 'scale', base, ours, theirs] as Contest] } : {}),
}))

/** Pins, and places with their tolerance (M2): what no grid of values can say. */
export const TRANSFORM_CASES: readonly MergeCase[] = [
  ...PINNED,
  ...POSITION,
  ...QUATERNION,
  ...SCALE,
  ...SPAWN,
  ...TRANSFORM_PRESENCE,
]
