import type { JsonObject } from '../../../src/world/json.ts'
import { type Contest, GONE, type MergeCase, THERE } from './case.ts'
import { LAMP, LINES, PLACE, TREE } from './plaza.ts'
import { all, type Changes, type Edit, entity, file, json, nothing, without } from './worlds.ts'

const one = (changes: Changes | undefined) => entity('one', changes)
const four = (changes: Changes) => entity('four', { ...PLACE, ...changes })
const noLamp = one(undefined)

/** Removed on one side and changed on the other: the object as a whole, ours kept. */
const removedHere = (key: string): readonly Contest[] => [[key, '', THERE, GONE, THERE]]
const removedThere = (key: string): readonly Contest[] => [[key, '', THERE, THERE, GONE]]

const ENTITIES: readonly MergeCase[] = [
  { name: 'M7 an entity untouched on both sides stays', ours: nothing, theirs: nothing, merged: nothing },
  { name: 'M2 an entity changed here, untouched there', ours: one({ pinned: true }), merged: one({ pinned: true }) },
  { name: 'M2 an entity untouched here, changed there', theirs: one({ pinned: true }), merged: one({ pinned: true }) },
  { name: 'M4 an entity removed here, untouched there: gone', ours: noLamp, merged: noLamp },
  { name: 'M4 an entity untouched here, removed there: gone', theirs: noLamp, merged: noLamp },
  { name: 'M4 an entity removed on both sides: gone', ours: noLamp, theirs: noLamp, merged: noLamp },
  {
    name: 'M4 an entity removed here, changed there: contested whole',
    ours: noLamp,
    theirs: one({ pinned: true }),
    merged: noLamp,
    contested: removedHere('entity:one'),
  },
  {
    name: 'M4 an entity changed here, removed there: contested whole',
    ours: one({ pinned: true }),
    theirs: noLamp,
    merged: one({ pinned: true }),
    contested: removedThere('entity:one'),
  },
  {
    name: 'M4 an entity removed here, a field nobody knows added there: contested whole',
    ours: noLamp,
    theirs: one({ note: 'theirs' }),
    merged: noLamp,
    contested: removedHere('entity:one'),
  },
  {
    name: 'M2 M4 an entity removed here, noise there: gone',
    base: one({ position: [1, 0, 0] }),
    ours: noLamp,
    theirs: one({ position: [1 + 1e-9, 0, 0] }),
    merged: noLamp,
  },
  {
    name: 'M2 M4 an entity turned to −q here, removed there: gone',
    ours: one({ quaternion: [0, 0, 0, -1], note: undefined }),
    theirs: noLamp,
    merged: noLamp,
  },
  { name: 'M4 an entity added here only', ours: four({}), merged: four({}) },
  { name: 'M4 an entity added there only', theirs: four({}), merged: four({}) },
  { name: 'M4 an entity added alike on both sides: one', ours: four({}), theirs: four({}), merged: four({}) },
  {
    name: 'M4 an entity added on both sides, in other places: the place is contested',
    ours: four({ position: [4, 0, 0] }),
    theirs: four({ position: [0, 0, 4] }),
    merged: four({ position: [4, 0, 0] }),
    contested: [['entity:four', 'position', GONE, [4, 0, 0], [0, 0, 4]]],
  },
  {
    name: 'M4 an entity added on both sides, with fields of their own: all of them',
    ours: four({ props: { a: 1 }, note: 'ours' }),
    theirs: four({ props: { b: 1 }, memo: 'theirs' }),
    merged: four({ props: { a: 1, b: 1 }, note: 'ours', memo: 'theirs' }),
  },
  {
    name: 'M4 an entity added on both sides, a field on one of them only: kept',
    ours: four({ note: 'ours' }),
    theirs: four({}),
    merged: four({ note: 'ours' }),
  },
  {
    name: 'M1 entities added under two ids on the two sides are two',
    ours: four({}),
    theirs: entity('five', PLACE),
    merged: all(four({}), entity('five', PLACE)),
  },
  {
    name: 'M1 M4 an entity removed here and added anew under another id: the world’s change of the first is contested',
    ours: all(noLamp, four({})),
    theirs: one({ pinned: true }),
    merged: all(noLamp, four({})),
    contested: removedHere('entity:one'),
  },
  {
    name: 'M1 an entity and a blueprint of one id are two objects',
    ours: file('apps/one/one.json', { id: 'one', name: 'one' }),
    theirs: one({ pinned: true }),
    merged: all(file('apps/one/one.json', { id: 'one', name: 'one' }), one({ pinned: true })),
  },
  {
    name: 'M4 an entity removed here, a blueprint of its id added there: one goes, the other comes',
    ours: noLamp,
    theirs: file('apps/one/one.json', { id: 'one', name: 'one' }),
    merged: all(noLamp, file('apps/one/one.json', { id: 'one', name: 'one' })),
  },
  {
    name: 'M4 two entities removed, one on either side: both gone',
    ours: noLamp,
    theirs: entity('two', undefined),
    merged: all(noLamp, entity('two', undefined)),
  },
  {
    name: 'M4 all entities removed here, one changed there: that one is contested',
    ours: all(noLamp, entity('two', undefined)),
    theirs: one({ pinned: true }),
    merged: all(noLamp, entity('two', undefined)),
    contested: removedHere('entity:one'),
  },
]

const APP = 'apps/Tree'
const TREE_SCRIPT = 'apps/Tree/index.js'
const noTree = without(APP)
const tree = (changes: Changes) => json(TREE, changes)
const BOTH = [TREE, TREE_SCRIPT]
const hut = (fields: JsonObject, script?: string): Edit =>
  all(
    file('apps/Hut/Hut.json', { id: 'Hut', name: 'Hut', ...fields }),
    script === undefined ? nothing : file('apps/Hut/index.js', script),
  )

const BLUEPRINTS: readonly MergeCase[] = [
  { name: 'M4 a blueprint with its script removed here, untouched there: gone', ours: noTree, merged: noTree },
  { name: 'M4 a blueprint with its script untouched here, removed there: gone', theirs: noTree, merged: noTree },
  { name: 'M4 a blueprint removed on both sides: gone', ours: noTree, theirs: noTree, merged: noTree },
  {
    name: 'M4 a blueprint removed here, its JSON changed there: contested with its script',
    ours: noTree,
    theirs: tree({ desc: 'theirs' }),
    merged: noTree,
    contested: removedHere('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'M4 a blueprint’s JSON changed here, removed there: contested with its script',
    ours: tree({ desc: 'ours' }),
    theirs: noTree,
    merged: tree({ desc: 'ours' }),
    contested: removedThere('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'M4 a blueprint removed here, its script changed there: contested with its script',
    ours: noTree,
    theirs: file(TREE_SCRIPT, 'theirs\n'),
    merged: noTree,
    contested: removedHere('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'M4 a blueprint’s script changed here, removed there: contested with its script',
    ours: file(TREE_SCRIPT, 'ours\n'),
    theirs: noTree,
    merged: file(TREE_SCRIPT, 'ours\n'),
    contested: removedThere('blueprint:Tree'),
    files: BOTH,
  },
  {
    name: 'M4 a blueprint removed here, a script added there: contested with both scripts',
    ours: noTree,
    theirs: file('apps/Tree/lib/leaf.js', 'leaf\n'),
    merged: noTree,
    contested: removedHere('blueprint:Tree'),
    files: [...BOTH, 'apps/Tree/lib/leaf.js'],
  },
  { name: 'M4 a blueprint added here only', ours: hut({}, 'hut\n'), merged: hut({}, 'hut\n') },
  { name: 'M4 a blueprint added there only', theirs: hut({}, 'hut\n'), merged: hut({}, 'hut\n') },
  {
    name: 'M4 a blueprint added alike on both sides: one',
    ours: hut({}, 'hut\n'),
    theirs: hut({}, 'hut\n'),
    merged: hut({}, 'hut\n'),
  },
  {
    name: 'M4 a blueprint added on both sides, described otherwise: the description is contested',
    ours: hut({ desc: 'ours' }, 'hut\n'),
    theirs: hut({ desc: 'theirs' }, 'hut\n'),
    merged: hut({ desc: 'ours' }, 'hut\n'),
    contested: [['blueprint:Hut', 'desc', GONE, 'ours', 'theirs']],
  },
  {
    name: 'M4 a blueprint added on both sides, with other scripts: the script is contested',
    ours: hut({}, 'ours\n'),
    theirs: hut({}, 'theirs\n'),
    merged: hut({}, 'ours\n'),
    contested: [['blueprint:Hut', 'scriptFiles.index.js', GONE, 'content:ours\n', 'content:theirs\n']],
    files: ['apps/Hut/index.js'],
  },
  {
    name: 'M4 a blueprint added on both sides, with fields of their own: all of them',
    ours: hut({ desc: 'ours' }, 'hut\n'),
    theirs: hut({ author: 'theirs' }, 'hut\n'),
    merged: hut({ desc: 'ours', author: 'theirs' }, 'hut\n'),
  },
  {
    name: 'M4 a blueprint removed here while the entities that use it go as well: gone',
    base: entity('four', { ...PLACE, blueprint: 'Tree' }),
    ours: all(noTree, entity('four', undefined)),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(noTree, entity('four', undefined), json(LAMP, { desc: 'theirs' })),
  },
]

const UTIL = 'shared/util.js'
const util = (text: string | undefined) => file(UTIL, text)
const first = LINES.replace('one', 'ONE')
const last = LINES.replace('five', 'FIVE')
const other = LINES.replace('one', 'eins')
const key = 'shared:util.js'
const added = (text: string | undefined) => file('shared/more.js', text)

const MODULES: readonly MergeCase[] = [
  { name: 'M2 a shared module changed here only', ours: util(first), merged: util(first) },
  { name: 'M2 a shared module changed there only', theirs: util(first), merged: util(first) },
  { name: 'M2 a shared module changed alike', ours: util(first), theirs: util(first), merged: util(first) },
  {
    name: 'M3 other lines of a shared module changed on either side: merged as text',
    ours: util(first),
    theirs: util(last),
    merged: util(first.replace('five', 'FIVE')),
    resolved: [[key, 'content', 'text', `content:${first.replace('five', 'FIVE')}`]],
  },
  {
    name: 'M3 one line of a shared module changed on both sides: contested',
    ours: util(first),
    theirs: util(other),
    merged: util(first),
    contested: [[key, 'content', `content:${LINES}`, `content:${first}`, `content:${other}`]],
  },
  { name: 'M4 a shared module removed here, untouched there: gone', ours: util(undefined), merged: util(undefined) },
  { name: 'M4 a shared module untouched here, removed there: gone', theirs: util(undefined), merged: util(undefined) },
  {
    name: 'M4 a shared module removed on both sides: gone',
    ours: util(undefined),
    theirs: util(undefined),
    merged: util(undefined),
  },
  {
    name: 'M4 a shared module removed here, changed there: contested whole',
    ours: util(undefined),
    theirs: util(first),
    merged: util(undefined),
    contested: removedHere(key),
  },
  {
    name: 'M4 a shared module changed here, removed there: contested whole',
    ours: util(first),
    theirs: util(undefined),
    merged: util(first),
    contested: removedThere(key),
  },
  { name: 'M4 a shared module added here only', ours: added('ours\n'), merged: added('ours\n') },
  { name: 'M4 a shared module added there only', theirs: added('theirs\n'), merged: added('theirs\n') },
  {
    name: 'M4 a shared module added alike: one',
    ours: added('same\n'),
    theirs: added('same\n'),
    merged: added('same\n'),
  },
  {
    name: 'M4 a shared module added on both sides with other contents: contested',
    ours: added('ours\n'),
    theirs: added('theirs\n'),
    merged: added('ours\n'),
    contested: [['shared:more.js', 'content', GONE, 'content:ours\n', 'content:theirs\n']],
  },
]

export const OBJECT_CASES: readonly MergeCase[] = [...ENTITIES, ...BLUEPRINTS, ...MODULES]
