import type { Json } from '../../../src/world/json.ts'
import { GONE, type MergeCase } from './case.ts'
import { grid } from './grid.ts'
import { BENCH, LAMP } from './plaza.ts'
import { all, type Changes, entity, json, settings } from './worlds.ts'

const note = (value: Json | undefined) => entity('one', { note: value })
const prop = (key: string) => (value: Json | undefined) =>
  entity('one', { props: value === undefined ? {} : { [key]: value } })
const lampProp = (key: string) => (value: Json | undefined) =>
  json(LAMP, { props: value === undefined ? {} : { [key]: value } })

const GRIDS: readonly MergeCase[] = [
  ...grid({
    what: 'a field of an entity that nobody knows',
    key: 'entity:one',
    field: 'note',
    set: note,
    was: 'was',
    changed: ['ours', 'theirs'],
    typed: [['a'], 7],
  }),
  ...grid({
    what: 'a prop of an entity',
    key: 'entity:one',
    field: 'props.color',
    set: prop('color'),
    was: 'red',
    changed: ['blue', 'green'],
    typed: [null, { r: 1 }],
  }),
  ...grid({
    what: 'a list among the props of an entity',
    key: 'entity:one',
    field: 'props.tags',
    set: prop('tags'),
    was: ['a', 'b'],
    changed: [
      ['a', 'b', 'c'],
      ['z', 'a', 'b'],
    ],
    typed: ['a', { a: true }],
  }),
  ...grid({
    what: 'the description of a blueprint',
    key: 'blueprint:Lamp',
    field: 'desc',
    set: (value) => json(LAMP, { desc: value }),
    was: 'A lamp',
    changed: ['A bright lamp', 'A dark lamp'],
    typed: [null, 5],
  }),
  ...grid({
    what: 'a prop of a blueprint',
    key: 'blueprint:Lamp',
    field: 'props.watts',
    set: lampProp('watts'),
    was: 40,
    changed: [60, 100],
    typed: ['60', [100]],
  }),
  ...grid({
    what: 'a setting',
    key: 'settings',
    field: 'motd',
    set: (value) => settings({ motd: value }),
    was: 'Hello',
    changed: ['Hi', 'Welcome'],
    typed: [false, ['Welcome']],
  }),
]
const one = (changes: Changes) => entity('one', changes)
const lamp = (changes: Changes) => json(LAMP, changes)
const OTHERS: readonly MergeCase[] = [
  {
    name: 'M2 other fields of one entity on either side: all of them',
    ours: one({ position: [5, 0, 0], note: 'ours' }),
    theirs: one({ pinned: true, props: { color: 'red' } }),
    merged: one({ position: [5, 0, 0], note: 'ours', pinned: true, props: { color: 'red' } }),
  },
  {
    name: 'M2 −q there, something else here: the sign that was there',
    base: one({ quaternion: [0, 0.6, 0, 0.8] }),
    ours: one({ note: 'ours' }),
    theirs: one({ quaternion: [0, -0.6, 0, -0.8] }),
    merged: one({ note: 'ours' }),
  },
  {
    name: 'M2 one field contested, the others of both sides are merged',
    ours: one({ position: [5, 0, 0], note: 'ours' }),
    theirs: one({ position: [0, 0, 7], pinned: true }),
    merged: one({ position: [5, 0, 0], note: 'ours', pinned: true }),
    contested: [['entity:one', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 7]]],
  },
  {
    name: 'M2 three objects contested at once, all named',
    ours: all(one({ pinned: true }), lamp({ desc: 'ours' }), settings({ title: 'Ours' })),
    theirs: all(one({ pinned: null }), lamp({ desc: 'theirs' }), settings({ title: 'Theirs' })),
    merged: all(one({ pinned: true }), lamp({ desc: 'ours' }), settings({ title: 'Ours' })),
    contested: [
      ['blueprint:Lamp', 'desc', GONE, 'ours', 'theirs'],
      ['entity:one', 'pinned', false, true, null],
      ['settings', 'title', 'Plaza', 'Ours', 'Theirs'],
    ],
  },
  {
    name: 'M2 the blueprint of an entity exchanged here only',
    ours: one({ blueprint: 'Tree' }),
    theirs: one({ pinned: true }),
    merged: one({ blueprint: 'Tree', pinned: true }),
  },
  {
    name: 'M2 the blueprint of an entity exchanged on both sides: contested',
    ours: one({ blueprint: 'Tree' }),
    theirs: one({ blueprint: 'Bench' }),
    merged: one({ blueprint: 'Tree' }),
    contested: [['entity:one', 'blueprint', 'Lamp', 'Tree', 'Bench']],
  },
  {
    name: 'M1 uids that differ on all sides: the word of the world',
    base: one({ uid: 'a' }),
    ours: one({ uid: 'mine', pinned: true }),
    theirs: one({ uid: 'c' }),
    merged: one({ uid: 'c', pinned: true }),
  },
  {
    name: 'M2 the name of a blueprint changed here only',
    ours: lamp({ name: 'Lantern' }),
    theirs: lamp({ desc: 'x' }),
    merged: lamp({ name: 'Lantern', desc: 'x' }),
  },
  {
    name: 'M2 the name of a blueprint changed on both sides: contested',
    ours: lamp({ name: 'Lantern' }),
    theirs: lamp({ name: 'Torch' }),
    merged: lamp({ name: 'Lantern' }),
    contested: [['blueprint:Lamp', 'name', 'Lamp', 'Lantern', 'Torch']],
  },
  {
    name: 'M4 the name of a blueprint made nothing here, changed there: contested',
    ours: lamp({ name: null }),
    theirs: lamp({ name: 'Torch' }),
    merged: lamp({ name: null }),
    contested: [['blueprint:Lamp', 'name', 'Lamp', null, 'Torch']],
  },
  {
    name: 'M2 a name that is left out is the name of the file: no change',
    ours: lamp({ name: undefined, desc: 'ours' }),
    theirs: lamp({ name: 'Torch' }),
    merged: lamp({ name: 'Torch', desc: 'ours' }),
  },
  {
    name: 'M2 a name that is left out where it was another one is a change: contested',
    base: lamp({ name: 'Torch' }),
    ours: lamp({ name: undefined }),
    theirs: lamp({ name: 'Lantern' }),
    merged: lamp({ name: 'Lamp' }),
    contested: [['blueprint:Lamp', 'name', 'Torch', 'Lamp', 'Lantern']],
  },
  {
    name: 'M2 fields of a blueprint without scripts, other ones on either side',
    ours: json(BENCH, { desc: 'ours' }),
    theirs: json(BENCH, { author: 'theirs', preload: true }),
    merged: json(BENCH, { desc: 'ours', author: 'theirs', preload: true }),
  },
  {
    name: 'M3 settings recurse by key, and below',
    base: settings({ sky: { sun: 1, fog: 1 } }),
    ours: settings({ sky: { sun: 2, fog: 1 }, title: 'Ours' }),
    theirs: settings({ sky: { sun: 1, fog: 2 }, rank: 3 }),
    merged: settings({ sky: { sun: 2, fog: 2 }, title: 'Ours', rank: 3 }),
  },
  {
    name: 'M3 a key of a record among the settings: contested, only that key',
    base: settings({ sky: { sun: 1, fog: 1 } }),
    ours: settings({ sky: { sun: 2, fog: 1 } }),
    theirs: settings({ sky: { sun: 3, fog: 2 } }),
    merged: settings({ sky: { sun: 2, fog: 2 } }),
    contested: [['settings', 'sky.sun', 1, 2, 3]],
  },
]

/** Fields that are one value each, and several at once. */
export const FIELD_CASES: readonly MergeCase[] = [...GRIDS, ...OTHERS]
