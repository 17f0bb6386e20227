import type { PolicyRule } from '../../../src/resolvers/policy.ts'
import type { Json } from '../../../src/world/json.ts'
import { GONE, type MergeCase, THERE } from './case.ts'
import { LAMP, LINES, MODEL, SCRIPT, TREE, UTIL } from './plaza.ts'
import { all, type Changes, type Edit, entity, file, json, settings, spawn, without } from './worlds.ts'

const one = (changes: Changes | undefined) => entity('one', changes)
const rules = (...all: readonly PolicyRule[]) => ({ rules: all })
/** Pinned here, the pin made nothing there: the simplest thing to contest. */
const PIN = { ours: one({ pinned: true }), theirs: one({ pinned: null }) }
const PIN_CONTESTED = [['entity:one', 'pinned', false, true, null]] as const
const OURS = { merged: one({ pinned: true }), resolved: [['entity:one', 'pinned', 'local', true]] } as const
const THEIRS = { merged: one({ pinned: null }), resolved: [['entity:one', 'pinned', 'runtime', null]] } as const
const NOBODY = { merged: one({ pinned: true }), contested: PIN_CONTESTED }

const PINS: readonly (readonly [
  name: string,
  rules: readonly PolicyRule[],
  outcome: Omit<MergeCase, 'name'>,
  base?: Edit,
])[] = [
  ['M5 without any rule all is shared: contested', [], NOBODY],
  ['M5 all ours', [{ owner: 'local' }], OURS],
  ['M5 all the world’s', [{ owner: 'runtime' }], THEIRS],
  ['M5 all shared, said aloud: contested', [{ owner: 'shared' }], NOBODY],
  ['M5 by type: entities are the world’s', [{ type: 'entity', owner: 'runtime' }], THEIRS],
  ['M5 by type: blueprints being ours says nothing about entities', [{ type: 'blueprint', owner: 'local' }], NOBODY],
  ['M5 by field: pins are ours', [{ field: 'pinned', owner: 'local' }], OURS],
  ['M5 by field: places being ours says nothing about pins', [{ field: 'position', owner: 'local' }], NOBODY],
  ['M5 by field: a star is any field', [{ field: '*', owner: 'runtime' }], THEIRS],
  ['M5 by id: this one is ours', [{ id: 'one', owner: 'local' }], OURS],
  ['M5 by id: a glob', [{ id: 'o*e', owner: 'local' }], OURS],
  ['M5 by id: another one being ours says nothing', [{ id: 'two', owner: 'local' }], NOBODY],
  ['M5 by scope: the north is the world’s', [{ scope: 'north', owner: 'runtime' }], THEIRS, one({ scope: 'north' })],
  ['M5 by scope: a glob', [{ scope: 'n*', owner: 'runtime' }], THEIRS, one({ scope: 'north' })],
  [
    'M5 by scope: the south says nothing about the north',
    [{ scope: 'south', owner: 'local' }],
    NOBODY,
    one({ scope: 'north' }),
  ],
  ['M5 by scope: an object without one is in none', [{ scope: '*', owner: 'local' }], NOBODY],
  [
    'M5 by type, id, scope and field at once',
    [{ type: 'entity', id: 'one', scope: 'north', field: 'pinned', owner: 'local' }],
    OURS,
    one({ scope: 'north' }),
  ],
  ['M5 managed locally: ours', [], OURS, one({ managedBy: 'local' })],
  ['M5 managed by the runtime: the world’s', [], THEIRS, one({ managedBy: 'runtime' })],
  ['M5 managed by all: contested', [], NOBODY, one({ managedBy: 'shared' })],
  ['M5 managed by somebody unheard of: contested', [], NOBODY, one({ managedBy: 'Ada' })],
  ['M5 a rule says more than who manages', [{ owner: 'runtime' }], THEIRS, one({ managedBy: 'local' })],
  ['M5 a rule that shares says more than who manages', [{ owner: 'shared' }], NOBODY, one({ managedBy: 'local' })],
  ['M5 the last rule that matches decides', [{ owner: 'local' }, { field: 'pinned', owner: 'runtime' }], THEIRS],
  ['M5 the last rule decides, however general', [{ field: 'pinned', owner: 'runtime' }, { owner: 'local' }], OURS],
  ['M5 a later rule that does not match decides nothing', [{ owner: 'local' }, { id: 'two', owner: 'runtime' }], OURS],
]

const PINNED: readonly MergeCase[] = PINS.map(([name, list, outcome, base]) => ({
  name,
  ...(base === undefined ? {} : { base }),
  ...PIN,
  policy: rules(...list),
  ...outcome,
}))

const LOCAL = rules({ owner: 'local' })
const RUNTIME = rules({ owner: 'runtime' })
const lamp = (changes: Changes) => json(LAMP, changes)
const script = (text: string) => file(SCRIPT, text)
const first = LINES.replace('one', 'ONE')
const other = LINES.replace('one', 'eins')
const last = LINES.replace('five', 'FIVE')
const props = (value: { readonly [key: string]: Json }) => one({ props: value })

const OTHERS: readonly MergeCase[] = [
  {
    name: 'M2 M5 ownership says nothing about what the world alone changed',
    ours: one({ note: 'ours' }),
    theirs: one({ pinned: true }),
    policy: LOCAL,
    merged: one({ note: 'ours', pinned: true }),
  },
  {
    name: 'M2 M5 ownership says nothing about what we alone changed',
    ours: one({ pinned: true }),
    theirs: one({ note: 'theirs' }),
    policy: RUNTIME,
    merged: one({ note: 'theirs', pinned: true }),
  },
  {
    name: 'M2 M5 ownership says nothing about what both changed alike',
    ours: one({ pinned: true }),
    theirs: one({ pinned: true }),
    policy: RUNTIME,
    merged: one({ pinned: true }),
  },
  {
    name: 'M3 M5 a record merges by key before its owner is asked',
    base: props({ a: 1, b: 1, c: 1 }),
    ours: props({ a: 2, b: 2, c: 1 }),
    theirs: props({ a: 3, b: 1, c: 3 }),
    policy: rules({ field: 'props', owner: 'runtime' }),
    merged: props({ a: 3, b: 2, c: 3 }),
    resolved: [['entity:one', 'props.a', 'runtime', 3]],
  },
  {
    name: 'M5 by key: one key is ours, the next one contested',
    base: props({ a: 1, b: 1 }),
    ours: props({ a: 2, b: 2 }),
    theirs: props({ a: 3, b: 3 }),
    policy: rules({ field: 'props.a', owner: 'local' }),
    merged: props({ a: 2, b: 2 }),
    contested: [['entity:one', 'props.b', 1, 2, 3]],
    resolved: [['entity:one', 'props.a', 'local', 2]],
  },
  {
    name: 'M5 by key: what is below the key as well',
    base: props({ cfg: { x: { y: 1 } } }),
    ours: props({ cfg: { x: { y: 2 } } }),
    theirs: props({ cfg: { x: { y: 3 } } }),
    policy: rules({ field: 'props.cfg', owner: 'runtime' }),
    merged: props({ cfg: { x: { y: 3 } } }),
    resolved: [['entity:one', 'props.cfg.x.y', 'runtime', 3]],
  },
  {
    name: 'M5 by key: a key with dots, as a list',
    base: props({ 'a.b': 1, a: { b: 1 } }),
    ours: props({ 'a.b': 2, a: { b: 2 } }),
    theirs: props({ 'a.b': 3, a: { b: 3 } }),
    policy: rules({ field: ['props', 'a.b'], owner: 'local' }),
    merged: props({ 'a.b': 2, a: { b: 2 } }),
    contested: [['entity:one', 'props.a.b', 1, 2, 3]],
    resolved: [['entity:one', 'props.a.b', 'local', 2]],
  },
  {
    name: 'M5 a key removed here, changed there, the world’s: it comes back',
    base: props({ a: 1 }),
    ours: props({}),
    theirs: props({ a: 2 }),
    policy: RUNTIME,
    merged: props({ a: 2 }),
    resolved: [['entity:one', 'props.a', 'runtime', 2]],
  },
  {
    name: 'M5 a key changed here, removed there, the world’s: it goes',
    base: props({ a: 1 }),
    ours: props({ a: 2 }),
    theirs: props({}),
    policy: RUNTIME,
    merged: props({}),
    resolved: [['entity:one', 'props.a', 'runtime', GONE]],
  },
  {
    name: 'M3 M5 a place is the world’s',
    ours: one({ position: [5, 0, 0] }),
    theirs: one({ position: [0, 0, 7] }),
    policy: rules({ type: 'entity', field: 'position', owner: 'runtime' }),
    merged: one({ position: [0, 0, 7] }),
    resolved: [['entity:one', 'position', 'runtime', [0, 0, 7]]],
  },
  {
    name: 'M5 settings by type: the world’s',
    ours: settings({ title: 'Ours' }),
    theirs: settings({ title: 'Theirs' }),
    policy: rules({ type: 'settings', owner: 'runtime' }),
    merged: settings({ title: 'Theirs' }),
    resolved: [['settings', 'title', 'runtime', 'Theirs']],
  },
  {
    name: 'M5 settings by key: the title is ours, the rest contested',
    ours: settings({ title: 'Ours', desc: 'ours' }),
    theirs: settings({ title: 'Theirs', desc: 'theirs' }),
    policy: rules({ type: 'settings', field: 'title', owner: 'local' }),
    merged: settings({ title: 'Ours', desc: 'ours' }),
    contested: [['settings', 'desc', 'A place', 'ours', 'theirs']],
    resolved: [['settings', 'title', 'local', 'Ours']],
  },
  {
    name: 'M5 the spawn by its id: ours',
    ours: spawn({ position: [5, 0, 0] }),
    theirs: spawn({ position: [0, 0, 7] }),
    policy: rules({ id: 'spawn', owner: 'local' }),
    merged: spawn({ position: [5, 0, 0] }),
    resolved: [['spawn', 'position', 'local', [5, 0, 0]]],
  },
  {
    name: 'M5 a shared module by type: ours, its text is not merged',
    ours: file(UTIL, first),
    theirs: file(UTIL, last),
    policy: rules({ type: 'shared', owner: 'local' }),
    merged: file(UTIL, first),
    resolved: [['shared:util.js', 'content', 'local', `content:${first}`]],
  },
  {
    name: 'M5 a blueprint by id: the world’s, its script too',
    ours: all(script(first), lamp({ desc: 'ours' })),
    theirs: all(script(other), lamp({ desc: 'theirs' })),
    policy: rules({ type: 'blueprint', id: 'Lamp', owner: 'runtime' }),
    merged: all(script(other), lamp({ desc: 'theirs' })),
    resolved: [
      ['blueprint:Lamp', 'desc', 'runtime', 'theirs'],
      ['blueprint:Lamp', 'scriptFiles.index.js', 'runtime', `content:${other}`],
    ],
  },
  {
    name: 'M5 scripts by field: ours, the JSON contested',
    ours: all(script(first), lamp({ desc: 'ours' })),
    theirs: all(script(other), lamp({ desc: 'theirs' })),
    policy: rules({ field: 'scriptFiles', owner: 'local' }),
    merged: all(script(first), lamp({ desc: 'ours' })),
    contested: [['blueprint:Lamp', 'desc', GONE, 'ours', 'theirs']],
    resolved: [['blueprint:Lamp', 'scriptFiles.index.js', 'local', `content:${first}`]],
  },
  {
    name: 'M5 one script by its name, which has a dot: the world’s',
    ours: script(first),
    theirs: script(other),
    policy: rules({ field: 'scriptFiles.index.js', owner: 'runtime' }),
    merged: script(other),
    resolved: [['blueprint:Lamp', 'scriptFiles.index.js', 'runtime', `content:${other}`]],
  },
  {
    name: 'M5 models are the world’s: the file that we replaced in place stays, its name changes',
    ours: file(MODEL, 'OURS'),
    theirs: all(file('assets/Lamp_1.glb', 'THEIRS'), lamp({ model: 'assets/Lamp_1.glb' })),
    policy: rules({ field: 'model', owner: 'runtime' }),
    merged: all(file(MODEL, 'OURS'), file('assets/Lamp_1.glb', 'THEIRS'), lamp({ model: 'assets/Lamp_1.glb' })),
    resolved: [['blueprint:Lamp', 'model', 'runtime', 'content:THEIRS']],
  },
  {
    name: 'M4 M5 removed here, changed there, all ours: gone',
    ours: one(undefined),
    theirs: one({ pinned: true }),
    policy: LOCAL,
    merged: one(undefined),
    resolved: [['entity:one', '', 'local', GONE]],
  },
  {
    name: 'M4 M5 removed here, changed there, all the world’s: it comes back',
    ours: one(undefined),
    theirs: one({ pinned: true }),
    policy: RUNTIME,
    merged: one({ pinned: true }),
    resolved: [['entity:one', '', 'runtime', THERE]],
  },
  {
    name: 'M4 M5 changed here, removed there, all ours: it stays',
    ours: one({ pinned: true }),
    theirs: one(undefined),
    policy: LOCAL,
    merged: one({ pinned: true }),
    resolved: [['entity:one', '', 'local', THERE]],
  },
  {
    name: 'M4 M5 changed here, removed there, all the world’s: gone',
    ours: one({ pinned: true }),
    theirs: one(undefined),
    policy: RUNTIME,
    merged: one(undefined),
    resolved: [['entity:one', '', 'runtime', GONE]],
  },
  {
    name: 'M4 M5 removed here, changed there: a rule about a field says nothing about presence',
    ours: one(undefined),
    theirs: one({ pinned: true }),
    policy: rules({ field: 'pinned', owner: 'local' }, { field: '*', owner: 'local' }),
    merged: one(undefined),
    contested: [['entity:one', '', THERE, GONE, THERE]],
  },
  {
    name: 'M4 M5 removed here, changed there, managed by the runtime: it comes back',
    base: one({ managedBy: 'runtime' }),
    ours: one(undefined),
    theirs: one({ pinned: true }),
    merged: one({ pinned: true }),
    resolved: [['entity:one', '', 'runtime', THERE]],
  },
  {
    name: 'M4 M5 a blueprint with its script removed here, changed there, the world’s: all of it comes back',
    ours: without('apps/Tree'),
    theirs: all(json(TREE, { desc: 'theirs' }), file('apps/Tree/leaf.js', 'leaf\n')),
    policy: RUNTIME,
    merged: all(json(TREE, { desc: 'theirs' }), file('apps/Tree/leaf.js', 'leaf\n')),
    resolved: [['blueprint:Tree', '', 'runtime', THERE]],
  },
  {
    name: 'M4 M5 a blueprint with its script changed here, removed there, the world’s: all of it goes',
    ours: all(json(TREE, { desc: 'ours' }), file('apps/Tree/leaf.js', 'leaf\n')),
    theirs: without('apps/Tree'),
    policy: RUNTIME,
    merged: without('apps/Tree'),
    resolved: [['blueprint:Tree', '', 'runtime', GONE]],
  },
  {
    name: 'M4 M5 a shared module removed here, changed there, the world’s: it comes back',
    ours: file(UTIL, undefined),
    theirs: file(UTIL, first),
    policy: RUNTIME,
    merged: file(UTIL, first),
    resolved: [['shared:util.js', '', 'runtime', THERE]],
  },
  {
    name: 'M4 M5 untouched here, removed there, all ours: gone all the same',
    theirs: one(undefined),
    ours: one({}),
    policy: LOCAL,
    merged: one(undefined),
  },
  {
    name: 'M5 M7 who manages is itself changed here: the new one decides',
    ours: one({ managedBy: 'local', pinned: true }),
    theirs: one({ pinned: null }),
    merged: one({ managedBy: 'local', pinned: true }),
    resolved: [['entity:one', 'pinned', 'local', true]],
  },
  {
    name: 'M5 M7 who manages is itself changed there: the new one decides',
    ours: one({ pinned: true }),
    theirs: one({ managedBy: 'local', pinned: null }),
    merged: one({ managedBy: 'local', pinned: true }),
    resolved: [['entity:one', 'pinned', 'local', true]],
  },
  {
    name: 'M5 who manages is itself contested: so is the rest',
    ours: one({ managedBy: 'local', pinned: true }),
    theirs: one({ managedBy: 'runtime', pinned: null }),
    merged: one({ managedBy: 'local', pinned: true }),
    contested: [
      ['entity:one', 'managedBy', GONE, 'local', 'runtime'],
      ['entity:one', 'pinned', false, true, null],
    ],
  },
  {
    name: 'M5 moved into a scope here: the rule of that scope decides',
    ours: one({ scope: 'north', pinned: true }),
    theirs: one({ pinned: null }),
    policy: rules({ scope: 'north', owner: 'runtime' }),
    merged: one({ scope: 'north', pinned: null }),
    resolved: [['entity:one', 'pinned', 'runtime', null]],
  },
]

/** Which side wins a field that both changed (M5). */
export const OWNERSHIP_CASES: readonly MergeCase[] = [...PINNED, ...OTHERS]
