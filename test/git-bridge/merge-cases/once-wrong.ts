import { type Contest, GONE, type MergeCase, THERE } from './case.ts'
import { LAMP, MODEL, PLACE } from './plaza.ts'
import { all, type Changes, entity, file, json, place, settings, without } from './worlds.ts'

const noTree = without('apps/Tree')
const gone = (key: string): readonly Contest[] => [[key, '', THERE, GONE, THERE]]
const goneThere = (key: string): readonly Contest[] => [[key, '', THERE, THERE, GONE]]
const leaf = file('apps/Tree/leaf.js', 'leaf\n')
const noBench = without('apps/Bench')
const four = { ...PLACE, blueprint: 'Bench' }
const BOTH = ['apps/Tree/Tree.json', 'apps/Tree/index.js']

const one = (changes: Changes | undefined) => entity('one', changes)
const PARK = 'world/entities/park/lamp.json'
const park = place('one', PARK)
const square = place('one', 'world/entities/square/lamp.json')

const FIELDS: readonly MergeCase[] = [
  {
    name: 'M3 M4 an entity added on both sides, with props of its own here, with none there: all of them',
    ours: entity('four', { ...PLACE, props: { color: 'red' } }),
    theirs: entity('four', { ...PLACE, props: {} }),
    merged: entity('four', { ...PLACE, props: { color: 'red' } }),
  },
  {
    name: 'M2 M7 an empty record made an empty list there, another field changed here: both',
    base: one({ props: { slots: {} } }),
    ours: one({ pinned: true }),
    theirs: one({ props: { slots: [] } }),
    merged: one({ pinned: true, props: { slots: [] } }),
  },
  {
    name: 'M2 M7 a record made a list of its entries there, another field changed here: both',
    base: one({ props: { slots: { a: 1 } } }),
    ours: one({ pinned: true }),
    theirs: one({ props: { slots: [['a', 1]] } }),
    merged: one({ pinned: true, props: { slots: [['a', 1]] } }),
  },
  {
    name: 'M3 M4 a text made a record on both sides: merged by key',
    base: one({ props: { cfg: 'on' } }),
    ours: one({ props: { cfg: { a: 1 } } }),
    theirs: one({ props: { cfg: { b: 1 } } }),
    merged: one({ props: { cfg: { a: 1, b: 1 } } }),
  },
  {
    name: 'M1 a uid that the world gave is no change: our removal of the entity holds',
    base: one({ uid: 'a' }),
    ours: entity('one', undefined),
    theirs: one({ uid: 'b' }),
    merged: entity('one', undefined),
  },
  {
    name: 'M2 a setting named uid is a setting like any other: contested',
    base: settings({ uid: 'a' }),
    ours: settings({ uid: 'b' }),
    theirs: settings({ uid: 'c' }),
    merged: settings({ uid: 'b' }),
    contested: [['settings', 'uid', 'a', 'b', 'c']],
  },
]

/** What two branches of people may do and a line does not: entities’ files moved on the other side. */
const MOVED_THERE: readonly MergeCase[] = (
  [
    {
      name: 'M8 an entity’s file moved there, changed here: changed, where they put it',
      ours: one({ pinned: true }),
      theirs: park,
      merged: all(park, one({ pinned: true })),
    },
    {
      name: 'M8 an entity’s file moved to two places: ours',
      ours: park,
      theirs: square,
      merged: park,
    },
    {
      name: 'M8 an entity’s file moved and changed to two places: one entity, in ours',
      ours: all(park, one({ pinned: true })),
      theirs: all(square, one({ note: 'theirs' })),
      merged: all(park, one({ pinned: true, note: 'theirs' })),
    },
    {
      name: 'M4 M8 an entity removed here, its file moved there: a move is no change, gone',
      ours: one(undefined),
      theirs: park,
      merged: one(undefined),
    },
  ] as readonly MergeCase[]
).map((one): MergeCase => ({ ...one, layouts: ['split'] }))

/** Merges that came out wrong once. */
export const ONCE_WRONG: readonly MergeCase[] = [
  ...FIELDS,
  ...MOVED_THERE,
  {
    name: 'C2 M4 a blueprint removed here, one of its scripts removed there: contested, that script not shown',
    base: leaf,
    ours: noTree,
    theirs: file('apps/Tree/leaf.js', undefined),
    merged: noTree,
    contested: gone('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'C2 M4 one of the scripts of a blueprint removed here, the blueprint there: contested, that script not shown',
    base: leaf,
    ours: file('apps/Tree/leaf.js', undefined),
    theirs: noTree,
    merged: file('apps/Tree/leaf.js', undefined),
    contested: goneThere('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'M6 M7 an entity and its blueprint removed here, the entity changed there: both contested',
    base: entity('four', four),
    ours: all(noBench, entity('four', undefined)),
    theirs: entity('four', { pinned: true }),
    merged: all(noBench, entity('four', undefined)),
    contested: [...gone('blueprint:Bench'), ...gone('entity:four')],
    dangling: ['entity:four'],
  },
  {
    name: 'M6 M7 the blueprint of an entity contested, theirs removed here: both contested',
    ours: all(noBench, entity('one', { blueprint: 'Tree' })),
    theirs: entity('one', { blueprint: 'Bench' }),
    merged: all(noBench, entity('one', { blueprint: 'Tree' })),
    contested: [...gone('blueprint:Bench'), ['entity:one', 'blueprint', 'Lamp', 'Tree', 'Bench']],
    dangling: ['entity:one'],
  },
  {
    name: 'C2 M4 the only script removed here, exchanged for another there: theirs, with nothing to show or to choose',
    base: all(file('apps/Tree/index.js', undefined), leaf),
    ours: file('apps/Tree/leaf.js', undefined),
    theirs: all(file('apps/Tree/leaf.js', undefined), file('apps/Tree/index.js', 'theirs\n')),
    merged: all(file('apps/Tree/leaf.js', undefined), file('apps/Tree/index.js', 'theirs\n')),
  },
  {
    name: 'C2 M3 a model replaced in place here, by one of another type there: contested in the JSON',
    ours: file(MODEL, 'OURS'),
    theirs: all(file('assets/Lamp.vrm', 'THEIRS'), json(LAMP, { model: 'assets/Lamp.vrm' })),
    merged: all(file(MODEL, 'OURS'), file('assets/Lamp.vrm', 'THEIRS')),
    contested: [['blueprint:Lamp', 'model', 'content:LAMP', 'content:OURS', 'content:THEIRS']],
  },
  {
    name: 'C2 M3 a model replaced in place here and there, our content newly used there elsewhere: in the JSON',
    ours: file(MODEL, 'OURS'),
    theirs: all(
      file('assets/a.glb', 'THEIRS'),
      file('assets/b.glb', 'OURS'),
      json(LAMP, { model: 'assets/a.glb' }),
      entity('two', { props: { shape: { url: 'assets/b.glb' } } }),
    ),
    merged: all(
      file(MODEL, 'OURS'),
      file('assets/a.glb', 'THEIRS'),
      entity('two', { props: { shape: { url: MODEL } } }),
    ),
    contested: [['blueprint:Lamp', 'model', 'content:LAMP', 'content:OURS', 'content:THEIRS']],
  },
  {
    name: 'M6 M7 an entity changed here, removed with its blueprint there: both contested',
    base: entity('four', four),
    ours: entity('four', { pinned: true }),
    theirs: all(noBench, entity('four', undefined)),
    merged: entity('four', { pinned: true }),
    contested: [...goneThere('blueprint:Bench'), ...goneThere('entity:four')],
    dangling: ['entity:four'],
  },
  {
    name: 'M6 M7 the blueprint of an entity contested, ours removed there: both contested',
    ours: entity('one', { blueprint: 'Bench' }),
    theirs: all(noBench, entity('one', { blueprint: 'Tree' })),
    merged: entity('one', { blueprint: 'Bench' }),
    contested: [...goneThere('blueprint:Bench'), ['entity:one', 'blueprint', 'Lamp', 'Bench', 'Tree']],
    dangling: ['entity:one'],
  },
]
