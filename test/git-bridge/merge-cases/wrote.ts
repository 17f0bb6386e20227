import { type Contest, GONE, type MergeCase, THERE } from './case.ts'
import { LAMP, LINES, MODEL, PLACE, SCRIPT, UTIL } from './plaza.ts'
import { all, type Changes, entity, file, json, move, nothing, settings, spawn, without } from './worlds.ts'

const one = (changes: Changes | undefined) => entity('one', changes)
const first = LINES.replace('one', 'ONE')
const other = LINES.replace('one', 'eins')
const pinned = one({ pinned: true })
const back = one({ pinned: false })
const PIN: readonly Contest[] = [['entity:one', 'pinned', false, true, false]]
const cfg = (value: { readonly [key: string]: number } | undefined) =>
  one({ props: value === undefined ? {} : { cfg: value } })
const MORE = settings({ motd: 'Hello' })

/** M2: operations of the world, one commit each, that end where they began. */
export const WROTE_CASES: readonly MergeCase[] = [
  {
    name: 'M2 pinned here, pinned and unpinned again there: contested',
    ours: pinned,
    theirs: [pinned, back],
    merged: pinned,
    contested: PIN,
  },
  {
    name: 'M2 pinned here, nothing but another field written there: ours',
    ours: pinned,
    theirs: [one({ note: 'x' }), one({ note: undefined })],
    merged: pinned,
  },
  {
    name: 'M2 untouched here, pinned and unpinned there: as it was',
    ours: settings({ motd: 'x' }),
    theirs: [pinned, back],
    merged: settings({ motd: 'x' }),
  },
  {
    name: 'M2 pinned and unpinned again here, untouched there: as it was',
    ours: [pinned, back],
    theirs: MORE,
    merged: MORE,
  },
  {
    name: 'M2 pinned and unpinned again here, unpinned there for good: theirs',
    ours: [pinned, back],
    theirs: one({ pinned: null }),
    merged: one({ pinned: null }),
  },
  {
    name: 'M2 changed there twice, back and on: the last value counts',
    ours: one({ note: 'ours' }),
    theirs: [one({ note: 'a' }), one({ note: undefined }), one({ note: 'theirs' })],
    merged: one({ note: 'ours' }),
    contested: [['entity:one', 'note', GONE, 'ours', 'theirs']],
  },
  {
    name: 'M2 changed there and back, then here to what it was between: contested all the same',
    ours: one({ note: 'a' }),
    theirs: [one({ note: 'a' }), one({ note: undefined })],
    merged: one({ note: 'a' }),
    contested: [['entity:one', 'note', GONE, 'a', GONE]],
  },
  {
    name: 'M2 moved here, moved and put back there but for noise: contested',
    ours: one({ position: [5, 0, 0] }),
    theirs: [one({ position: [0, 0, 7] }), one({ position: [0, 0, 1e-9] })],
    merged: one({ position: [5, 0, 0] }),
    contested: [['entity:one', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 1e-9]]],
  },
  {
    name: 'M2 moved here, noise written there: no operation moved it, ours',
    ours: one({ position: [5, 0, 0] }),
    theirs: [one({ position: [0, 0, 1e-9] }), one({ position: [0, 0, 0] })],
    merged: one({ position: [5, 0, 0] }),
  },
  {
    name: 'M2 turned here, turned and put back as −q there: contested',
    ours: one({ quaternion: [0, 1, 0, 0] }),
    theirs: [one({ quaternion: [1, 0, 0, 0] }), one({ quaternion: [0, 0, 0, -1] })],
    merged: one({ quaternion: [0, 1, 0, 0] }),
    contested: [['entity:one', 'quaternion', [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, -1]]],
  },
  {
    name: 'M2 M3 a key changed here, another put back there: ours',
    base: cfg({ a: 1, b: 1 }),
    ours: cfg({ a: 2, b: 1 }),
    theirs: [cfg({ a: 1, b: 5 }), cfg({ a: 1, b: 1 })],
    merged: cfg({ a: 2, b: 1 }),
  },
  {
    name: 'M2 M3 a key changed here, the same put back there: contested, only that key',
    base: cfg({ a: 1, b: 1 }),
    ours: cfg({ a: 2, b: 2 }),
    theirs: [cfg({ a: 5, b: 1 }), cfg({ a: 1, b: 1 })],
    merged: cfg({ a: 2, b: 2 }),
    contested: [['entity:one', 'props.cfg.a', 1, 2, 1]],
  },
  {
    name: 'M2 M4 a key removed here, put back there: contested',
    base: cfg({ a: 1, b: 1 }),
    ours: cfg({ b: 1 }),
    theirs: [cfg({ a: 5, b: 1 }), cfg({ a: 1, b: 1 })],
    merged: cfg({ b: 1 }),
    contested: [['entity:one', 'props.cfg.a', 1, GONE, 1]],
  },
  {
    name: 'M2 M4 a key added here, added and removed again there: contested',
    base: cfg({ b: 1 }),
    ours: cfg({ a: 2, b: 1 }),
    theirs: [cfg({ a: 5, b: 1 }), cfg({ b: 1 })],
    merged: cfg({ a: 2, b: 1 }),
    contested: [['entity:one', 'props.cfg.a', GONE, 2, GONE]],
  },
  {
    name: 'M2 M4 an entity removed here, changed and put back there: contested whole',
    ours: one(undefined),
    theirs: [pinned, back],
    merged: one(undefined),
    contested: [['entity:one', '', THERE, GONE, THERE]],
  },
  {
    name: 'M2 M4 an entity removed here, removed and added again there: contested whole',
    ours: one(undefined),
    theirs: [one(undefined), one(PLACE)],
    merged: one(undefined),
    contested: [['entity:one', '', THERE, GONE, THERE]],
  },
  {
    name: 'M2 M4 an entity changed here, removed and added again there: what we changed is contested',
    ours: pinned,
    theirs: [one(undefined), one(PLACE)],
    merged: pinned,
    contested: PIN,
  },
  {
    name: 'M4 an entity changed here, changed there and then removed: contested whole',
    ours: pinned,
    theirs: [one({ note: 'x' }), one(undefined)],
    merged: pinned,
    contested: [['entity:one', '', THERE, THERE, GONE]],
  },
  {
    name: 'M4 an entity untouched here, changed there and then removed: gone',
    ours: MORE,
    theirs: [pinned, one(undefined)],
    merged: all(MORE, one(undefined)),
  },
  {
    name: 'M2 an entity added here, added otherwise and removed again there: contested whole',
    ours: entity('four', PLACE),
    theirs: [entity('four', { ...PLACE, pinned: true }), entity('four', undefined)],
    merged: entity('four', PLACE),
    contested: [['entity:four', '', THERE, THERE, GONE]],
  },
  {
    name: 'M2 the same entity added here and there, and removed again there: gone',
    ours: all(MORE, entity('four', PLACE)),
    theirs: [entity('four', PLACE), entity('four', undefined)],
    merged: MORE,
  },
  {
    name: 'M2 a setting changed here, put back there: contested',
    ours: settings({ title: 'Ours' }),
    theirs: [settings({ title: 'x' }), settings({ title: 'Plaza' })],
    merged: settings({ title: 'Ours' }),
    contested: [['settings', 'title', 'Plaza', 'Ours', 'Plaza']],
  },
  {
    name: 'M2 the spawn moved here, put back there: contested',
    ours: spawn({ position: [5, 0, 0] }),
    theirs: [spawn({ position: [0, 0, 7] }), spawn({ position: [0, 0, 0] })],
    merged: spawn({ position: [5, 0, 0] }),
    contested: [['spawn', 'position', [0, 0, 0], [5, 0, 0], [0, 0, 0]]],
  },
  {
    name: 'M2 a blueprint’s name changed here, put back there: contested',
    ours: json(LAMP, { name: 'Ours' }),
    theirs: [json(LAMP, { name: 'x' }), json(LAMP, { name: 'Lamp' })],
    merged: json(LAMP, { name: 'Ours' }),
    contested: [['blueprint:Lamp', 'name', 'Lamp', 'Ours', 'Lamp']],
  },
  {
    name: 'M2 M3 a script changed here, another line put back there: contested, though lines would merge',
    ours: file(SCRIPT, first),
    theirs: [file(SCRIPT, LINES.replace('five', 'x')), file(SCRIPT, LINES)],
    merged: file(SCRIPT, first),
    contested: [['blueprint:Lamp', 'scriptFiles.index.js', `content:${LINES}`, `content:${first}`, `content:${LINES}`]],
    files: [SCRIPT],
  },
  {
    name: 'M2 M8 an app folder renamed and its script changed here, put back there: contested in the new folder',
    ours: all(file(SCRIPT, first), move('apps/Lamp', 'apps/Lantern')),
    theirs: [file(SCRIPT, other), file(SCRIPT, LINES)],
    merged: all(file(SCRIPT, first), move('apps/Lamp', 'apps/Lantern')),
    contested: [['blueprint:Lamp', 'scriptFiles.index.js', `content:${LINES}`, `content:${first}`, `content:${LINES}`]],
    files: ['apps/Lantern/index.js'],
  },
  {
    name: 'M2 a shared module changed here, put back there: contested',
    ours: file(UTIL, first),
    theirs: [file(UTIL, other), file(UTIL, LINES)],
    merged: file(UTIL, first),
    contested: [['shared:util.js', 'content', `content:${LINES}`, `content:${first}`, `content:${LINES}`]],
  },
  {
    name: 'M2 M3 a model replaced in place here, replaced and put back there: the file is contested',
    ours: file(MODEL, 'OURS'),
    theirs: [
      all(file('assets/Lamp_1.glb', 'x'), json(LAMP, { model: 'assets/Lamp_1.glb' })),
      json(LAMP, { model: MODEL }),
    ],
    merged: all(file(MODEL, 'OURS'), file('assets/Lamp_1.glb', 'x')),
    contested: [['blueprint:Lamp', 'model', 'content:LAMP', 'content:OURS', 'content:LAMP']],
    files: [MODEL],
  },
  {
    name: 'M2 M4 a blueprint removed here, its script changed and put back there: contested whole',
    ours: without('apps/Tree'),
    theirs: [file('apps/Tree/index.js', 'x\n'), file('apps/Tree/index.js', 'tree\n')],
    merged: without('apps/Tree'),
    contested: [['blueprint:Tree', '', THERE, GONE, THERE]],
    files: ['apps/Tree/Tree.json', 'apps/Tree/index.js'],
  },
  {
    name: 'M2 M5 put back there, all ours: ours, and said aloud',
    ours: pinned,
    theirs: [pinned, back],
    policy: { rules: [{ owner: 'local' }] },
    merged: pinned,
    resolved: [['entity:one', 'pinned', 'local', true]],
  },
  {
    name: 'M2 M5 put back there, all the world’s: put back here, and said aloud',
    ours: pinned,
    theirs: [pinned, back],
    policy: { rules: [{ owner: 'runtime' }] },
    merged: nothing,
    resolved: [['entity:one', 'pinned', 'runtime', false]],
  },
  {
    name: 'M2 M3 a set changed here, put back there: contested, a union would not see it',
    base: one({ props: { tags: ['a'] } }),
    ours: one({ props: { tags: ['a', 'b'] } }),
    theirs: [one({ props: { tags: [] } }), one({ props: { tags: ['a'] } })],
    policy: { rules: [{ merge: 'set' }] },
    merged: one({ props: { tags: ['a', 'b'] } }),
    contested: [['entity:one', 'props.tags', ['a'], ['a', 'b'], ['a']]],
  },
]
