import { entityFile } from '../../../src/projection/paths.ts'
import type { JsonObject } from '../../../src/world/json.ts'
import { GONE, type MergeCase, THERE } from './case.ts'
import { BENCH, LAMP, LINES, MODEL, PLACE, SCRIPT } from './plaza.ts'
import { all, type Changes, entity, file, json, move, place, without } from './worlds.ts'

const one = (changes: Changes | undefined) => entity('one', changes)
const PARK = 'world/entities/park/lamp.json'
const park = place('one', PARK)
const first = LINES.replace('one', 'ONE')
const other = LINES.replace('one', 'eins')
const lantern = move('apps/Lamp', 'apps/Lantern')
const hut: JsonObject = { id: 'Hut', name: 'Hut' }

const ENTITIES: readonly MergeCase[] = [
  {
    name: 'M8 an entity’s file moved here, changed there: changed, where we put it',
    ours: park,
    theirs: one({ pinned: true }),
    merged: all(park, one({ pinned: true })),
  },
  {
    name: 'M8 an entity’s file moved and changed here, another field changed there',
    ours: all(park, one({ note: 'ours' })),
    theirs: one({ pinned: true }),
    merged: all(park, one({ note: 'ours', pinned: true })),
  },
  {
    name: 'M8 an entity’s file moved here, a field contested: the conflict is where we put it',
    ours: all(park, one({ pinned: true })),
    theirs: one({ pinned: null }),
    merged: all(park, one({ pinned: true })),
    contested: [['entity:one', 'pinned', false, true, null]],
    files: [PARK],
  },
  {
    name: 'M4 M8 an entity’s file moved here, removed there: a move is no change, gone',
    ours: park,
    theirs: one(undefined),
    merged: one(undefined),
  },
  {
    name: 'M4 M8 an entity’s file moved and changed here, removed there: contested where we put it',
    ours: all(park, one({ pinned: true })),
    theirs: one(undefined),
    merged: all(park, one({ pinned: true })),
    contested: [['entity:one', '', THERE, THERE, GONE]],
    files: [PARK],
  },
  {
    name: 'M8 an entity’s file moved there only: where they put it',
    theirs: park,
    merged: park,
  },
  {
    name: 'M8 an entity’s file moved alike on both sides: there',
    ours: park,
    theirs: park,
    merged: park,
  },
  {
    name: 'M1 M8 an entity added on both sides in two files is one: where we have it',
    oneWay: true,
    ours: all(entity('four', { ...PLACE, note: 'ours' }), place('four', PARK)),
    theirs: entity('four', { ...PLACE, memo: 'theirs' }),
    merged: all(entity('four', { ...PLACE, note: 'ours', memo: 'theirs' }), place('four', PARK)),
  },
  {
    name: 'M1 M8 an entity added on both sides in two files, a field contested: one conflict, where we have it',
    oneWay: true,
    ours: all(entity('four', { ...PLACE, note: 'ours' }), place('four', PARK)),
    theirs: entity('four', { ...PLACE, note: 'theirs' }),
    merged: all(entity('four', { ...PLACE, note: 'ours' }), place('four', PARK)),
    contested: [['entity:four', 'note', GONE, 'ours', 'theirs']],
    files: [PARK],
  },
  {
    name: 'M8 two entities exchange their files here, one changed there: identity is in the files',
    oneWay: true,
    ours: all(place('one', entityFile('two')), place('two', entityFile('one'))),
    theirs: one({ pinned: true }),
    merged: all(place('one', entityFile('two')), place('two', entityFile('one')), one({ pinned: true })),
  },
]

const APPS: readonly MergeCase[] = [
  {
    name: 'M8 an app folder renamed here, its script changed there: in the new folder',
    ours: lantern,
    theirs: file(SCRIPT, first),
    merged: all(file(SCRIPT, first), lantern),
  },
  {
    name: 'M8 an app folder renamed here, its JSON changed there: in the new folder',
    ours: lantern,
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(json(LAMP, { desc: 'theirs' }), lantern),
  },
  {
    name: 'M3 M8 an app folder renamed here, one script line changed on both sides: contested in the new folder',
    ours: all(file(SCRIPT, first), lantern),
    theirs: file(SCRIPT, other),
    merged: all(file(SCRIPT, first), lantern),
    contested: [['blueprint:Lamp', 'scriptFiles.index.js', `content:${LINES}`, `content:${first}`, `content:${other}`]],
    files: ['apps/Lantern/index.js'],
  },
  {
    name: 'M3 M8 an app folder renamed and its script changed here, another line there: merged in the new folder',
    ours: all(file(SCRIPT, first), lantern),
    theirs: file(SCRIPT, LINES.replace('five', 'FIVE')),
    merged: all(file(SCRIPT, first.replace('five', 'FIVE')), lantern),
    resolved: [['blueprint:Lamp', 'scriptFiles.index.js', 'text', `content:${first.replace('five', 'FIVE')}`]],
  },
  {
    name: 'M8 an app folder renamed here, a script added there: in the new folder',
    ours: lantern,
    theirs: file('apps/Lamp/lib/light.js', 'light\n'),
    merged: all(file('apps/Lamp/lib/light.js', 'light\n'), lantern),
  },
  {
    name: 'M8 an app folder renamed here, its script removed there: gone from the new folder',
    ours: lantern,
    theirs: file(SCRIPT, undefined),
    merged: all(file(SCRIPT, undefined), lantern),
  },
  {
    name: 'M8 an app folder renamed there, its script changed here: in the new folder',
    ours: file(SCRIPT, first),
    theirs: lantern,
    merged: all(file(SCRIPT, first), lantern),
  },
  {
    name: 'M8 an app folder renamed there, its JSON changed here: in the new folder',
    ours: json(LAMP, { desc: 'ours' }),
    theirs: lantern,
    merged: all(json(LAMP, { desc: 'ours' }), lantern),
  },
  {
    name: 'M8 an app folder renamed to two names: ours',
    ours: lantern,
    theirs: move('apps/Lamp', 'apps/Torch'),
    merged: lantern,
  },
  {
    name: 'M8 an app folder renamed to two names, its JSON changed there: changed in ours',
    ours: lantern,
    theirs: all(json(LAMP, { desc: 'theirs' }), move('apps/Lamp', 'apps/Torch')),
    merged: all(json(LAMP, { desc: 'theirs' }), lantern),
  },
  {
    name: 'M8 a blueprint’s file renamed here, changed there: changed under the new name',
    ours: move(LAMP, 'apps/Lamp/Big lamp.json'),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(json(LAMP, { desc: 'theirs' }), move(LAMP, 'apps/Lamp/Big lamp.json')),
  },
  {
    name: 'M8 a blueprint’s file renamed there, changed here: changed under the new name',
    ours: json(LAMP, { desc: 'ours' }),
    theirs: move(LAMP, 'apps/Lamp/Big lamp.json'),
    merged: all(json(LAMP, { desc: 'ours' }), move(LAMP, 'apps/Lamp/Big lamp.json')),
  },
  {
    name: 'M8 a blueprint’s file renamed here, its description contested: the conflict is under the new name',
    ours: all(json(LAMP, { desc: 'ours' }), move(LAMP, 'apps/Lamp/Big lamp.json')),
    theirs: json(LAMP, { desc: 'theirs' }),
    merged: all(json(LAMP, { desc: 'ours' }), move(LAMP, 'apps/Lamp/Big lamp.json')),
    contested: [['blueprint:Lamp', 'desc', GONE, 'ours', 'theirs']],
    files: ['apps/Lamp/Big lamp.json'],
  },
  {
    name: 'M4 M8 an app folder renamed here, its blueprint removed there: a move is no change, gone',
    ours: move('apps/Tree', 'apps/Oak'),
    theirs: without('apps/Tree'),
    merged: without('apps/Tree'),
  },
  {
    name: 'M4 M8 an app folder renamed there, its blueprint removed here: a move is no change, gone',
    ours: without('apps/Tree'),
    theirs: move('apps/Tree', 'apps/Oak'),
    merged: without('apps/Tree'),
  },
  {
    name: 'M4 M8 an app folder renamed and its JSON changed here, removed there: contested in the new folder',
    ours: all(json('apps/Tree/Tree.json', { desc: 'ours' }), move('apps/Tree', 'apps/Oak')),
    theirs: without('apps/Tree'),
    merged: all(json('apps/Tree/Tree.json', { desc: 'ours' }), move('apps/Tree', 'apps/Oak')),
    contested: [['blueprint:Tree', '', THERE, THERE, GONE]],
    files: ['apps/Oak/Tree.json', 'apps/Oak/index.js'],
  },
  {
    name: 'M4 M8 an app folder renamed and its JSON changed there, removed here: contested in the new folder',
    ours: without('apps/Tree'),
    theirs: all(json('apps/Tree/Tree.json', { desc: 'theirs' }), move('apps/Tree', 'apps/Oak')),
    merged: without('apps/Tree'),
    contested: [['blueprint:Tree', '', THERE, GONE, THERE]],
    files: ['apps/Oak/Tree.json', 'apps/Oak/index.js'],
  },
  {
    name: 'M1 M8 a blueprint added on both sides in two folders is one: where we have it',
    ours: file('apps/Cabin/Hut.json', { ...hut, desc: 'ours' }),
    theirs: file('apps/Hut/Hut.json', { ...hut, author: 'theirs' }),
    merged: file('apps/Cabin/Hut.json', { ...hut, desc: 'ours', author: 'theirs' }),
  },
  {
    name: 'M1 M8 a blueprint with a script added on both sides in two folders: one conflict, where we have it',
    ours: all(file('apps/Cabin/Hut.json', hut), file('apps/Cabin/index.js', 'ours\n')),
    theirs: all(file('apps/Hut/Hut.json', hut), file('apps/Hut/index.js', 'theirs\n')),
    merged: all(file('apps/Cabin/Hut.json', hut), file('apps/Cabin/index.js', 'ours\n')),
    contested: [['blueprint:Hut', 'scriptFiles.index.js', GONE, 'content:ours\n', 'content:theirs\n']],
    files: ['apps/Cabin/index.js'],
  },
  {
    name: 'M8 a shared module renamed here, changed there: its path is its identity, contested',
    ours: move('shared/util.js', 'shared/lib/util.js'),
    theirs: file('shared/util.js', first),
    merged: move('shared/util.js', 'shared/lib/util.js'),
    contested: [['shared:util.js', '', THERE, GONE, THERE]],
  },
  {
    name: 'M8 a model’s folder renamed here, the model newly used there: by its new path',
    ours: all(move(MODEL, 'assets/models/Lamp.glb'), json(LAMP, { model: 'assets/models/Lamp.glb' })),
    theirs: one({ props: { shape: { url: MODEL } } }),
    merged: all(
      move(MODEL, 'assets/models/Lamp.glb'),
      json(LAMP, { model: 'assets/models/Lamp.glb' }),
      one({ props: { shape: { url: 'assets/models/Lamp.glb' } } }),
    ),
  },
]

/** The id in a file is the identity: another one there is another object. */
const IDS: readonly MergeCase[] = [
  {
    name: 'M8 an entity’s file given another id here, the entity changed there: contested under a free name',
    ours: all(entity('one', undefined), entity('uno', PLACE), place('uno', entityFile('one'))),
    theirs: entity('one', { pinned: true }),
    merged: all(entity('one', undefined), entity('uno', PLACE), place('uno', entityFile('one'))),
    contested: [['entity:one', '', THERE, GONE, THERE]],
    files: [entityFile('one').replace('.json', '_1.json')],
    layouts: ['split'],
  },
  {
    name: 'M1 M4 a blueprint’s file given another id here, the blueprint changed there: contested under a free name',
    ours: json(BENCH, { id: 'Seat' }),
    theirs: json(BENCH, { desc: 'theirs' }),
    merged: json(BENCH, { id: 'Seat' }),
    contested: [['blueprint:Bench', '', THERE, GONE, THERE]],
    files: ['apps/Bench/Bench_1.json'],
  },
  {
    name: 'M1 M4 a blueprint’s file given another id there, the blueprint changed here: contested, both stay',
    ours: json(BENCH, { desc: 'ours' }),
    theirs: json(BENCH, { id: 'Seat' }),
    merged: all(json(BENCH, { desc: 'ours' }), file('apps/Bench/Bench_1.json', { id: 'Seat', name: 'Bench' })),
    contested: [['blueprint:Bench', '', THERE, THERE, GONE]],
  },
  {
    name: 'M1 M4 a blueprint with a script given another id here, changed there: contested in a folder of its own',
    ours: json('apps/Tree/Tree.json', { id: 'Oak' }),
    theirs: json('apps/Tree/Tree.json', { desc: 'theirs' }),
    merged: json('apps/Tree/Tree.json', { id: 'Oak' }),
    contested: [['blueprint:Tree', '', THERE, GONE, THERE]],
    files: ['apps/Tree_1/Tree_1.json', 'apps/Tree_1/index.js'],
  },
]

export const MOVE_CASES: readonly MergeCase[] = [
  ...ENTITIES.map((one): MergeCase => ({ ...one, layouts: ['split'] })),
  ...APPS,
  ...IDS,
]
