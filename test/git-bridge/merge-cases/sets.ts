import type { PolicyRule } from '../../../src/resolvers/policy.ts'
import type { Json } from '../../../src/world/json.ts'
import { GONE, type MergeCase } from './case.ts'
import { all, type Changes, type Edit, entity, settings } from './worlds.ts'

const one = (changes: Changes | undefined) => entity('one', changes)
const rules = (...all: readonly PolicyRule[]) => ({ rules: all })
const props = (value: { readonly [key: string]: Json }) => one({ props: value })
const tags = (...list: readonly Json[]): Edit => props({ tags: list })
const SET = rules({ field: 'props.tags', merge: 'set' })
/** Lists that the policy calls sets (M3). */
export const SET_CASES: readonly MergeCase[] = [
  {
    name: 'M3 a set, one added on either side: both, sorted behind the old ones',
    base: tags('b', 'a'),
    ours: tags('b', 'a', 'z'),
    theirs: tags('b', 'a', 'c'),
    policy: SET,
    merged: tags('b', 'a', 'c', 'z'),
    resolved: [['entity:one', 'props.tags', 'set', ['b', 'a', 'c', 'z']]],
  },
  {
    name: 'M3 a set, one removed here, one added there',
    base: tags('a', 'b'),
    ours: tags('b'),
    theirs: tags('a', 'b', 'c'),
    policy: SET,
    merged: tags('b', 'c'),
    resolved: [['entity:one', 'props.tags', 'set', ['b', 'c']]],
  },
  {
    name: 'M3 M4 a set added on both sides: all of both',
    base: props({}),
    ours: tags('b', 'a'),
    theirs: tags('c', 'a'),
    policy: SET,
    merged: tags('a', 'b', 'c'),
    resolved: [['entity:one', 'props.tags', 'set', ['a', 'b', 'c']]],
  },
  {
    name: 'M3 a set of numbers and texts: 1 is not "1"',
    base: tags(1),
    ours: tags(1, '1'),
    theirs: tags(1, 2),
    policy: SET,
    merged: tags(1, '1', 2),
    resolved: [['entity:one', 'props.tags', 'set', [1, '1', 2]]],
  },
  {
    name: 'M3 a set that one side alone changed is that side’s, in its order',
    base: all(tags('a', 'b'), one({ note: 'was' })),
    ours: tags('b', 'a', 'a'),
    theirs: one({ note: 'theirs' }),
    policy: SET,
    merged: all(tags('b', 'a', 'a'), one({ note: 'theirs' })),
  },
  {
    name: 'M3 a list that no rule calls a set: contested',
    base: tags('a'),
    ours: tags('a', 'b'),
    theirs: tags('a', 'c'),
    policy: rules({ field: 'props.labels', merge: 'set' }),
    merged: tags('a', 'b'),
    contested: [['entity:one', 'props.tags', ['a'], ['a', 'b'], ['a', 'c']]],
  },
  {
    name: 'M3 a list of records is no set: contested',
    base: tags({ a: 1 }),
    ours: tags({ a: 1 }, { b: 1 }),
    theirs: tags({ a: 1 }, { c: 1 }),
    policy: SET,
    merged: tags({ a: 1 }, { b: 1 }),
    contested: [['entity:one', 'props.tags', [{ a: 1 }], [{ a: 1 }, { b: 1 }], [{ a: 1 }, { c: 1 }]]],
  },
  {
    name: 'M3 M4 a set removed here, changed there: contested',
    base: tags('a'),
    ours: props({}),
    theirs: tags('a', 'c'),
    policy: SET,
    merged: props({}),
    contested: [['entity:one', 'props.tags', ['a'], GONE, ['a', 'c']]],
  },
  {
    name: 'M3 M4 a set made a text here, changed there: contested',
    base: tags('a'),
    ours: props({ tags: 'a' }),
    theirs: tags('a', 'c'),
    policy: SET,
    merged: props({ tags: 'a' }),
    contested: [['entity:one', 'props.tags', ['a'], 'a', ['a', 'c']]],
  },
  {
    name: 'M2 M3 a set that has an owner is its owner’s',
    base: tags('a'),
    ours: tags('a', 'b'),
    theirs: tags('a', 'c'),
    policy: rules({ field: 'props.tags', merge: 'set' }, { type: 'entity', owner: 'local' }),
    merged: tags('a', 'b'),
    resolved: [['entity:one', 'props.tags', 'local', ['a', 'b']]],
  },
  {
    name: 'M2 M3 a set shared again for one object is merged',
    base: tags('a'),
    ours: tags('a', 'b'),
    theirs: tags('a', 'c'),
    policy: rules({ owner: 'runtime', merge: 'set' }, { id: 'one', owner: 'shared' }),
    merged: tags('a', 'b', 'c'),
    resolved: [['entity:one', 'props.tags', 'set', ['a', 'b', 'c']]],
  },
  {
    name: 'M3 a set among the settings',
    base: settings({ admins: ['ada'] }),
    ours: settings({ admins: ['ada', 'eve'] }),
    theirs: settings({ admins: ['bob'] }),
    policy: rules({ type: 'settings', field: 'admins', merge: 'set' }),
    merged: settings({ admins: ['bob', 'eve'] }),
    resolved: [['settings', 'admins', 'set', ['bob', 'eve']]],
  },
  {
    name: 'M3 places are no sets, whatever a rule says: contested',
    ours: one({ position: [5, 0, 0] }),
    theirs: one({ position: [0, 0, 7] }),
    policy: rules({ field: 'props', merge: 'set' }),
    merged: one({ position: [5, 0, 0] }),
    contested: [['entity:one', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 7]]],
  },
]
