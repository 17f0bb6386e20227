import { describe, expect, test } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import { mergeWorlds, type WorldConflict } from '../../src/git-bridge/world-merge.ts'
import { entityFile } from '../../src/projection/paths.ts'
import type { JsonObject } from '../../src/world/json.ts'
import { CaseBuilder, LAYOUTS, type MergeCase, merge } from './merge-cases/case.ts'
import { BENCH, fileOf, LAMP, LINES, MODEL, PLACE, SCRIPT, TREE, UTIL } from './merge-cases/plaza.ts'
import { quickRepository } from './merge-cases/repository.ts'
import { checkStages, hunksOf, type Shown, shownIn, taking } from './merge-cases/stages.ts'
import { all, entity, file, json, place, settings, spawn, stateOf, textsOf, without } from './merge-cases/worlds.ts'

const quick = await quickRepository()
const builders = { split: new CaseBuilder(quick, 'split'), manifest: new CaseBuilder(quick, 'manifest') }

type Sides = Pick<MergeCase, 'base' | 'ours' | 'theirs' | 'policy'>

interface Conflict {
  readonly conflict: WorldConflict
  readonly shown: ReadonlyMap<string, Shown>
  /** What the tree says that stands in the working folder, and the one that is kept. */
  readonly working: ReadonlyMap<string, string>
  readonly kept: ReadonlyMap<string, string>
}

/** A contested merge of the plaza, its laws checked. */
async function conflictOf(layout: Layout, sides: Sides, base?: string): Promise<Conflict> {
  const built = await builders[layout].build({ name: '', merged: (world) => world, ...sides })
  const labels = { ours: 'local', theirs: 'remote', ...(base === undefined ? {} : { base }) }
  const result = await merge(quick, built, { policy: sides.policy, conflicts: async () => labels })
  expect(result.tree).toBeUndefined()
  await checkStages(quick, result)
  const conflict = result.conflict!
  const [working, kept] = [await textsOf(quick, conflict.tree), await textsOf(quick, conflict.keptTree)]
  return { conflict, shown: await shownIn(quick, conflict), working, kept }
}

/** The entity in a stage, wherever the layout has it. */
function entityIn(text: string | undefined, id: string): JsonObject | undefined {
  if (text === undefined) return undefined
  const document = JSON.parse(text) as JsonObject
  if (document.id === id) return document
  const found = (document.entities as readonly JsonObject[]).find((entity) => entity.id === id)
  if (found === undefined) return undefined
  const { state, ...fields } = found
  expect(state).toEqual({})
  return fields as JsonObject
}

/** The lines that not all of some texts of equally many lines have. */
function differing(...texts: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = texts.map((text) => text.split('\n'))
  expect(rest.every((lines) => lines.length === first!.length)).toBe(true)
  return first!.flatMap((line, i) => {
    const lines = [line, ...rest.map((other) => other[i]!)].map((each) => each.trim().replace(/,$/, ''))
    return new Set(lines).size === 1 ? [] : [lines]
  })
}

const one = (changes: { readonly [key: string]: JsonObject[string] | undefined } | undefined) => entity('one', changes)

describe.each(LAYOUTS)('C2 fields of JSON, %s', (layout) => {
  const path = fileOf('entity:one', layout)
  const contested: Sides = {
    base: one({ note: 'was' }),
    ours: one({ note: 'ours', position: [5, 0, 0] }),
    theirs: one({ note: 'theirs', pinned: true }),
  }

  test('the three stages are the merged file with nothing but the contested field as each side has it', async () => {
    const { shown, conflict } = await conflictOf(layout, contested)
    expect(conflict.files).toHaveLength(1)
    const { file, stages } = shown.get(path)!
    expect(file.fields).toEqual([{ key: 'entity:one', path: ['note'] }])
    const merged = { id: 'one', ...PLACE, position: [5, 0, 0], pinned: true }
    expect(entityIn(stages.base, 'one')).toEqual({ ...merged, note: 'was' })
    expect(entityIn(stages.ours, 'one')).toEqual({ ...merged, note: 'ours' })
    expect(entityIn(stages.theirs, 'one')).toEqual({ ...merged, note: 'theirs' })
  })

  test('line by line they differ in that field', async () => {
    const { stages } = (await conflictOf(layout, contested)).shown.get(path)!
    expect(differing(stages.base!, stages.ours!, stages.theirs!)).toEqual([
      ['"note": "was"', '"note": "ours"', '"note": "theirs"'],
    ])
  })

  test('markers stand around exactly that line', async () => {
    const { shown, working } = await conflictOf(layout, contested)
    const text = shown.get(path)!.working
    const indent = layout === 'split' ? '  ' : '      '
    expect(hunksOf(text)).toEqual([
      { ours: `${indent}"note": "ours"\n`, base: undefined, theirs: `${indent}"note": "theirs"\n` },
    ])
    expect(text).toContain(
      `<<<<<<< local\n${indent}"note": "ours"\n=======\n${indent}"note": "theirs"\n>>>>>>> remote\n`,
    )
    expect(working.get(path)).toBe(text)
  })

  test('with a name for the base, its line stands between the sides', async () => {
    const { stages, working } = (await conflictOf(layout, contested, 'base 12')).shown.get(path)!
    const indent = layout === 'split' ? '  ' : '      '
    expect(hunksOf(working)).toEqual([
      { ours: `${indent}"note": "ours"\n`, base: `${indent}"note": "was"\n`, theirs: `${indent}"note": "theirs"\n` },
    ])
    expect(working).toContain('\n||||||| base 12\n')
    expect(taking(working, 'base')).toBe(stages.base)
  })

  test('contested fields far apart are conflicts of their own', async () => {
    const { shown } = await conflictOf(layout, {
      base: one({ note: 'was' }),
      ours: one({ blueprint: 'Tree', note: 'ours' }),
      theirs: one({ blueprint: 'Bench', note: 'theirs' }),
    })
    const { stages, working } = shown.get(path)!
    expect(hunksOf(working).map(({ ours, theirs }) => [ours.trim(), theirs.trim()])).toEqual([
      ['"blueprint": "Tree",', '"blueprint": "Bench",'],
      ['"note": "ours"', '"note": "theirs"'],
    ])
    expect(differing(stages.base!, stages.ours!, stages.theirs!)).toHaveLength(2)
  })

  test('contested fields with a line between them are two conflicts: what is between them is settled', async () => {
    const near: Sides = {
      base: one({ props: { a: 1, b: 1, c: 1 } }),
      ours: one({ props: { a: 2, b: 1, c: 2 } }),
      theirs: one({ props: { a: 3, b: 1, c: 3 } }),
    }
    expect(hunksOf((await conflictOf(layout, near)).shown.get(path)!.working)).toHaveLength(2)
    const { working, stages } = (await conflictOf(layout, near, 'base')).shown.get(path)!
    expect(hunksOf(working)).toHaveLength(2)
    expect(taking(working, 'base')).toBe(stages.base)
  })

  test('a field that one side lacks: an empty half, and the commas where they belong', async () => {
    const { stages, working } = (
      await conflictOf(layout, { base: one({ note: 'was' }), ours: one({ note: undefined }), theirs: one({ note: 1 }) })
    ).shown.get(path)!
    expect(entityIn(stages.base, 'one')).toEqual({ id: 'one', ...PLACE, note: 'was' })
    expect(entityIn(stages.ours, 'one')).toEqual({ id: 'one', ...PLACE })
    expect(entityIn(stages.theirs, 'one')).toEqual({ id: 'one', ...PLACE, note: 1 })
    for (const hunk of hunksOf(working)) expect(hunk.ours).not.toContain('note')
  })

  test('M3 a place is one value and one conflict, whatever components differ', async () => {
    const { stages, working } = (
      await conflictOf(layout, { ours: one({ position: [5, 0, 0] }), theirs: one({ position: [0, 0, 7] }) })
    ).shown.get(path)!
    expect(entityIn(stages.base, 'one')!.position).toEqual([0, 0, 0])
    expect(entityIn(stages.ours, 'one')!.position).toEqual([5, 0, 0])
    expect(entityIn(stages.theirs, 'one')!.position).toEqual([0, 0, 7])
    expect(hunksOf(working)).toHaveLength(1)
  })

  test('a record and a list', async () => {
    const { stages } = (
      await conflictOf(layout, {
        base: one({ props: { x: { a: 1 } } }),
        ours: one({ props: { x: [1, 2] } }),
        theirs: one({ props: { x: { a: 2, b: 'b' } } }),
      })
    ).shown.get(path)!
    expect(entityIn(stages.ours, 'one')!.props).toEqual({ x: [1, 2] })
    expect(entityIn(stages.theirs, 'one')!.props).toEqual({ x: { a: 2, b: 'b' } })
  })

  test('settings and the spawn', async () => {
    const { shown } = await conflictOf(layout, {
      ours: all(settings({ title: 'Ours', rank: 1 }), spawn({ position: [5, 0, 0] })),
      theirs: all(settings({ title: 'Theirs', voice: 'on' }), spawn({ position: [0, 0, 7] })),
    })
    const of = (key: 'settings' | 'spawn', side: 'base' | 'ours' | 'theirs') => {
      const document = JSON.parse(shown.get(fileOf(key, layout))!.stages[side]!) as JsonObject
      return layout === 'split' ? document : document[key]
    }
    const rest = { desc: 'A place', rank: 1, voice: 'on' }
    expect(of('settings', 'base')).toEqual({ title: 'Plaza', ...rest })
    expect(of('settings', 'ours')).toEqual({ title: 'Ours', ...rest })
    expect(of('settings', 'theirs')).toEqual({ title: 'Theirs', ...rest })
    expect(of('spawn', 'theirs')).toEqual({ position: [0, 0, 7], quaternion: [0, 0, 0, 1] })
    expect([...shown.keys()].sort()).toEqual(
      layout === 'split' ? ['world/settings.json', 'world/spawn.json'] : ['world.json'],
    )
  })

  test('a text with what looks like markers in it', async () => {
    const { stages } = (
      await conflictOf(layout, { ours: one({ note: '<<<<<<< a\n=======\n' }), theirs: one({ note: '>>>>>>> b' }) })
    ).shown.get(path)!
    expect(entityIn(stages.ours, 'one')!.note).toBe('<<<<<<< a\n=======\n')
  })

  test('put back on purpose: theirs is what the base is, and markers stand there all the same', async () => {
    const { stages, working } = (
      await conflictOf(layout, { ours: one({ pinned: true }), theirs: [one({ pinned: true }), one({ pinned: false })] })
    ).shown.get(path)!
    // A merge tool would take our side unasked if the base were the same as theirs: it lacks the field.
    expect(entityIn(stages.theirs!, 'one')).toMatchObject({ pinned: false })
    expect(entityIn(stages.base!, 'one')).not.toHaveProperty('pinned')
    expect(hunksOf(working)).toHaveLength(1)
  })

  test('what a policy settled is in all three stages', async () => {
    const { stages } = (
      await conflictOf(layout, { ...contested, policy: { rules: [{ field: 'pinned', owner: 'runtime' }] } })
    ).shown.get(path)!
    for (const text of Object.values(stages)) expect(entityIn(text, 'one')!.pinned).toBe(true)
    const both = await conflictOf(layout, {
      base: one({ note: 'was', memo: 'was' }),
      ours: one({ note: 'ours', memo: 'ours' }),
      theirs: one({ note: 'theirs', memo: 'theirs' }),
      policy: { rules: [{ field: 'memo', owner: 'runtime' }] },
    })
    for (const text of Object.values(both.shown.get(path)!.stages)) expect(entityIn(text, 'one')!.memo).toBe('theirs')
  })
})

describe.each(LAYOUTS)('C2 objects that one side lacks, %s', (layout) => {
  const path = fileOf('entity:one', layout)

  test('removed here, changed there', async () => {
    const { shown, kept } = await conflictOf(layout, { ours: one(undefined), theirs: one({ pinned: true }) })
    const { stages, working } = shown.get(path)!
    expect(entityIn(stages.base, 'one')).toEqual({ id: 'one', ...PLACE })
    expect(entityIn(stages.theirs, 'one')).toEqual({ id: 'one', ...PLACE, pinned: true })
    expect(entityIn(kept.get(path), 'one')).toBeUndefined()
    if (layout === 'split') {
      expect(Object.keys(stages).sort()).toEqual(['base', 'theirs'])
      expect(working).toBe(stages.theirs)
    } else {
      expect(entityIn(stages.ours, 'one')).toBeUndefined()
      expect(hunksOf(working)).toHaveLength(1)
    }
  })

  test('changed here, removed there', async () => {
    const { shown, kept } = await conflictOf(layout, { ours: one({ pinned: true }), theirs: one(undefined) })
    const { stages, working } = shown.get(path)!
    expect(entityIn(stages.base, 'one')).toEqual({ id: 'one', ...PLACE })
    expect(entityIn(stages.ours, 'one')).toEqual({ id: 'one', ...PLACE, pinned: true })
    expect(entityIn(kept.get(path), 'one')).toEqual({ id: 'one', ...PLACE, pinned: true })
    if (layout === 'split') {
      expect(Object.keys(stages).sort()).toEqual(['base', 'ours'])
      expect(working).toBe(stages.ours)
    } else expect(entityIn(stages.theirs, 'one')).toBeUndefined()
  })

  test('added on both sides: there is no base', async () => {
    const four = (note: string) => entity('four', { ...PLACE, note })
    const { shown } = await conflictOf(layout, { ours: four('ours'), theirs: four('theirs') })
    const { stages, working } = shown.get(fileOf('entity:four', layout))!
    expect(entityIn(stages.ours, 'four')).toEqual({ id: 'four', ...PLACE, note: 'ours' })
    expect(entityIn(stages.theirs, 'four')).toEqual({ id: 'four', ...PLACE, note: 'theirs' })
    // A manifest is there in the base, and the entity in it without the field.
    expect(entityIn(stages.base, 'four')).toEqual(layout === 'split' ? undefined : { id: 'four', ...PLACE })
    expect(hunksOf(working)).toHaveLength(1)
  })

  test('a blueprint removed here: all its files are conflicts, and come back in the working tree', async () => {
    const { shown, kept, working } = await conflictOf(layout, {
      base: file('apps/Tree/lib/leaf.js', 'leaf\n'),
      ours: without('apps/Tree'),
      theirs: json(TREE, { desc: 'theirs' }),
    })
    expect([...shown.keys()]).toEqual([TREE, 'apps/Tree/index.js', 'apps/Tree/lib/leaf.js'])
    for (const [path, { file, stages }] of shown) {
      expect(file.fields).toEqual([{ key: 'blueprint:Tree', path: [] }])
      expect(Object.keys(stages).sort()).toEqual(['base', 'theirs'])
      expect(kept.has(path)).toBe(false)
      expect(working.get(path)).toBe(stages.theirs)
    }
    expect(JSON.parse(shown.get(TREE)!.stages.theirs!)).toEqual({ id: 'Tree', name: 'Tree', desc: 'theirs' })
    expect(shown.get('apps/Tree/lib/leaf.js')!.stages).toEqual({ base: 'leaf\n', theirs: 'leaf\n' })
  })

  test('a blueprint removed there: all its files are conflicts, and stay', async () => {
    const { shown, kept } = await conflictOf(layout, {
      ours: file('apps/Tree/index.js', 'ours\n'),
      theirs: without('apps/Tree'),
    })
    expect([...shown.keys()]).toEqual([TREE, 'apps/Tree/index.js'])
    for (const [path, { stages }] of shown) {
      expect(Object.keys(stages).sort()).toEqual(['base', 'ours'])
      expect(kept.get(path)).toBe(stages.ours)
    }
    expect(shown.get('apps/Tree/index.js')!.stages).toEqual({ base: 'tree\n', ours: 'ours\n' })
  })

  test('a script that was added there to a blueprint removed here is only theirs', async () => {
    const { shown } = await conflictOf(layout, {
      ours: without('apps/Tree'),
      theirs: file('apps/Tree/leaf.js', 'leaf\n'),
    })
    expect(shown.get('apps/Tree/leaf.js')!.stages).toEqual({ theirs: 'leaf\n' })
  })

  test('a blueprint added on both sides: neither its JSON nor its script has a base', async () => {
    const hut = (word: string) =>
      all(file('apps/Hut/Hut.json', { id: 'Hut', name: 'Hut', desc: word }), file('apps/Hut/index.js', `${word}\n`))
    const { shown } = await conflictOf(layout, { ours: hut('ours'), theirs: hut('theirs') })
    expect([...shown.keys()]).toEqual(['apps/Hut/Hut.json', 'apps/Hut/index.js'])
    for (const { stages } of shown.values()) expect(Object.keys(stages).sort()).toEqual(['ours', 'theirs'])
    expect(shown.get('apps/Hut/index.js')!.working).toBe('<<<<<<< local\nours\n=======\ntheirs\n>>>>>>> remote\n')
  })

  test('M6 a removal that leaves an entity dangling: the blueprint’s files, the entity is merged', async () => {
    const four = entity('four', { ...PLACE, blueprint: 'Bench' })
    const { shown, kept } = await conflictOf(layout, { ours: without('apps/Bench'), theirs: four })
    expect([...shown.keys()]).toEqual([BENCH])
    const { stages } = shown.get(BENCH)!
    expect(Object.keys(stages).sort()).toEqual(['base', 'theirs'])
    expect(stages.base).toBe(stages.theirs)
    expect(entityIn(kept.get(fileOf('entity:four', layout)), 'four')).toMatchObject({ blueprint: 'Bench' })
  })

  test('M6 the mirror: ours stays in the working tree', async () => {
    const four = entity('four', { ...PLACE, blueprint: 'Bench' })
    const { shown, kept } = await conflictOf(layout, { ours: four, theirs: without('apps/Bench') })
    expect(Object.keys(shown.get(BENCH)!.stages).sort()).toEqual(['base', 'ours'])
    expect(kept.has(BENCH)).toBe(true)
  })
})

describe.each(LAYOUTS)('M6 scripts that get another root, %s', (layout) => {
  test('here, while one is added there: the former root as a whole, and what is kept can be read', async () => {
    const built = await builders[layout].build({
      name: '',
      merged: (world) => world,
      // Without dates the first name is the root: the oak is, and the tree its variant.
      ours: file('apps/Tree/Oak.json', { id: 'Oak', name: 'Oak' }),
      theirs: file('apps/Tree/leaf.js', 'leaf\n'),
    })
    const result = await merge(quick, built, { conflicts: async () => ({ ours: 'local', theirs: 'remote' }) })
    const conflict = result.conflict!
    expect(conflict.files.every(({ fields }) => fields[0]!.key === 'blueprint:Tree')).toBe(true)
    await expect(stateOf(quick, conflict.keptTree)).resolves.toMatchObject({
      'blueprint:Oak': { scriptFiles: { 'index.js': 'content:tree\n' } },
      'blueprint:Tree': { scriptRef: 'Oak' },
    })
  })
})

describe.each(LAYOUTS)('C2 scripts, %s', (layout) => {
  const edited = (first: string, last: string) => LINES.replace('one', first).replace('five', last)

  test('ordinary conflicts of lines; what either side changed elsewhere is merged', async () => {
    const long = Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join('')
    const { shown } = await conflictOf(layout, {
      base: file(SCRIPT, long),
      ours: file(SCRIPT, long.replace('line 0', 'ours 0').replace('line 10\n', 'ours 10\n')),
      theirs: file(SCRIPT, long.replace('line 19', 'theirs 19').replace('line 10\n', 'theirs 10\n')),
    })
    expect([...shown.keys()]).toEqual([SCRIPT])
    const { file: conflicted, stages, working } = shown.get(SCRIPT)!
    expect(conflicted.fields).toEqual([{ key: 'blueprint:Lamp', path: ['scriptFiles', 'index.js'] }])
    expect(stages.base).toBe(long)
    expect(stages.ours).toContain('ours 0\n')
    expect(stages.theirs).toContain('theirs 19\n')
    expect(hunksOf(working)).toEqual([{ ours: 'ours 10\n', base: undefined, theirs: 'theirs 10\n' }])
    expect(taking(working, 'theirs')).toBe(
      long.replace('line 0', 'ours 0').replace('line 10\n', 'theirs 10\n').replace('line 19', 'theirs 19'),
    )
  })

  test('the JSON beside it is merged and no conflict', async () => {
    const { shown, kept } = await conflictOf(layout, {
      ours: all(file(SCRIPT, edited('eins', 'five')), json(LAMP, { desc: 'ours' })),
      theirs: all(file(SCRIPT, edited('uno', 'five')), json(LAMP, { author: 'theirs' })),
    })
    expect([...shown.keys()]).toEqual([SCRIPT])
    expect(JSON.parse(kept.get(LAMP)!)).toMatchObject({ desc: 'ours', author: 'theirs' })
  })

  test('the base between the sides, where it has a name', async () => {
    const { shown } = await conflictOf(
      layout,
      { ours: file(SCRIPT, edited('eins', 'five')), theirs: file(SCRIPT, edited('uno', 'cinque')) },
      'base 12',
    )
    expect(hunksOf(shown.get(SCRIPT)!.working)).toEqual([{ ours: 'eins\n', base: 'one\n', theirs: 'uno\n' }])
  })

  test('removed here, changed there: the surviving text', async () => {
    const { shown, working } = await conflictOf(layout, {
      base: file('apps/Lamp/lib.js', LINES),
      ours: file('apps/Lamp/lib.js', undefined),
      theirs: file('apps/Lamp/lib.js', edited('uno', 'five')),
    })
    expect(shown.get('apps/Lamp/lib.js')!.stages).toEqual({ base: LINES, theirs: edited('uno', 'five') })
    expect(working.get('apps/Lamp/lib.js')).toBe(edited('uno', 'five'))
  })

  test('changed here, removed there: the surviving text', async () => {
    const { shown, working } = await conflictOf(layout, {
      ours: file(SCRIPT, edited('eins', 'five')),
      theirs: file(SCRIPT, undefined),
    })
    expect(shown.get(SCRIPT)!.stages).toEqual({ base: LINES, ours: edited('eins', 'five') })
    expect(working.get(SCRIPT)).toBe(edited('eins', 'five'))
  })

  test('put back on purpose: markers, though the lines would merge', async () => {
    const { shown } = await conflictOf(layout, {
      ours: file(SCRIPT, edited('eins', 'five')),
      theirs: [file(SCRIPT, edited('one', 'x')), file(SCRIPT, LINES)],
    })
    expect(hunksOf(shown.get(SCRIPT)!.working)).toEqual([{ ours: 'eins\n', base: undefined, theirs: 'one\n' }])
  })

  test('put back on purpose, emptied here: markers around it all', async () => {
    const { shown } = await conflictOf(layout, {
      ours: file(SCRIPT, ''),
      theirs: [file(SCRIPT, edited('one', 'x')), file(SCRIPT, LINES)],
    })
    expect(shown.get(SCRIPT)!.stages).toEqual({ ours: '', theirs: LINES })
    expect(hunksOf(shown.get(SCRIPT)!.working)).toEqual([{ ours: '', base: undefined, theirs: LINES }])
  })

  test('binary content: ours stays, without markers', async () => {
    const { shown } = await conflictOf(layout, { ours: file(SCRIPT, 'a\0ours'), theirs: file(SCRIPT, 'a\0theirs') })
    expect(shown.get(SCRIPT)).toMatchObject({
      stages: { base: LINES, ours: 'a\0ours', theirs: 'a\0theirs' },
      working: 'a\0ours',
    })
  })

  test('no newline at the end, and CRLF', async () => {
    const { shown } = await conflictOf(layout, {
      base: file(SCRIPT, 'a\r\nb\r\nc'),
      ours: file(SCRIPT, 'a\r\nb\r\nOURS'),
      theirs: file(SCRIPT, 'a\r\nb\r\nTHEIRS'),
    })
    expect(shown.get(SCRIPT)!.working).toBe(
      'a\r\nb\r\n<<<<<<< local\r\nOURS\r\n=======\r\nTHEIRS\r\n>>>>>>> remote\r\n',
    )
  })

  test('shared modules as well', async () => {
    const { shown } = await conflictOf(layout, {
      ours: file(UTIL, edited('eins', 'five')),
      theirs: file(UTIL, edited('uno', 'cinque')),
    })
    expect([...shown.keys()]).toEqual([UTIL])
    expect(hunksOf(shown.get(UTIL)!.working)).toEqual([{ ours: 'eins\n', base: undefined, theirs: 'uno\n' }])
    expect(shown.get(UTIL)!.working).toContain('cinque')
  })

  test('in a folder that we renamed: there', async () => {
    const { shown } = await conflictOf(layout, {
      ours: (world) => {
        const files = [...all(file(SCRIPT, edited('eins', 'five')))(world).files]
        return { ...world, files: new Map(files.map(([path, text]) => [path.replace('apps/Lamp', 'apps/New'), text])) }
      },
      theirs: file(SCRIPT, edited('uno', 'five')),
    })
    expect([...shown.keys()]).toEqual(['apps/New/index.js'])
    expect(shown.get('apps/New/index.js')!.stages).toEqual({
      base: LINES,
      ours: edited('eins', 'five'),
      theirs: edited('uno', 'five'),
    })
  })
})

describe.each(LAYOUTS)('C2 assets, %s', (layout) => {
  const anew = all(file('assets/Lamp_1.glb', 'THEIRS'), json(LAMP, { model: 'assets/Lamp_1.glb' }))

  test('replaced in place on both sides: three contents of the file, nothing in the JSON', async () => {
    for (const theirs of [anew, file(MODEL, 'THEIRS')]) {
      const { shown, working, kept } = await conflictOf(layout, { ours: file(MODEL, 'OURS'), theirs })
      expect([...shown.keys()]).toEqual([MODEL])
      expect(shown.get(MODEL)).toMatchObject({
        file: { fields: [{ key: 'blueprint:Lamp', path: ['model'] }] },
        stages: { base: 'LAMP', ours: 'OURS', theirs: 'THEIRS' },
        working: 'OURS',
      })
      expect(JSON.parse(working.get(LAMP)!)).toMatchObject({ model: MODEL })
      expect(working.get(LAMP)).toBe(kept.get(LAMP))
    }
  })

  test('another field of the same blueprint contested: the JSON shows that one only', async () => {
    const { shown } = await conflictOf(layout, {
      ours: all(file(MODEL, 'OURS'), json(LAMP, { desc: 'ours' })),
      theirs: all(anew, json(LAMP, { desc: 'theirs' })),
    })
    expect([...shown.keys()]).toEqual([LAMP, MODEL])
    const { base, ours, theirs } = shown.get(LAMP)!.stages
    for (const text of [base, ours, theirs]) expect(JSON.parse(text!)).toMatchObject({ model: MODEL })
  })

  test('files of other names: the names are in the JSON, both contents in the tree', async () => {
    const { shown, working } = await conflictOf(layout, {
      ours: all(file('assets/ours.glb', 'OURS'), json(LAMP, { model: 'assets/ours.glb' })),
      theirs: all(file('assets/theirs.glb', 'THEIRS'), json(LAMP, { model: 'assets/theirs.glb' })),
    })
    expect([...shown.keys()]).toEqual([LAMP])
    const { stages } = shown.get(LAMP)!
    const model = (text: string | undefined) => (JSON.parse(text!) as JsonObject).model
    expect([model(stages.base), model(stages.ours), model(stages.theirs)]).toEqual([
      MODEL,
      'assets/ours.glb',
      'assets/theirs.glb',
    ])
    expect([working.get('assets/ours.glb'), working.get('assets/theirs.glb')]).toEqual(['OURS', 'THEIRS'])
  })

  test('a file that two objects share is not shown in place: one of them only is contested', async () => {
    const { shown, working } = await conflictOf(layout, {
      base: json(BENCH, { model: MODEL }),
      ours: file(MODEL, 'OURS'),
      theirs: anew,
    })
    expect([...shown.keys()]).toEqual([LAMP])
    const { stages } = shown.get(LAMP)!
    expect(JSON.parse(stages.ours!)).toMatchObject({ model: MODEL })
    expect(JSON.parse(stages.theirs!)).toMatchObject({ model: 'assets/Lamp_1.glb' })
    // The base's content has no name any more, and its old one would read as ours.
    expect(JSON.parse(stages.base!)).not.toHaveProperty('model')
    expect(JSON.parse(working.get(BENCH)!)).toMatchObject({ model: MODEL })
  })

  test('the asset of a prop: in the file, or in the JSON, by the same rule', async () => {
    const sky = (path: string, content: string) =>
      all(file(path, content), one({ props: { sky: { url: path, gain: 1 } } }))
    const inPlace = await conflictOf(layout, {
      base: sky('assets/sky.hdr', 'SKY'),
      ours: file('assets/sky.hdr', 'OURS'),
      theirs: sky('assets/sky_1.hdr', 'THEIRS'),
    })
    expect([...inPlace.shown.keys()]).toEqual(['assets/sky.hdr'])
    const named = await conflictOf(layout, {
      base: sky('assets/sky.hdr', 'SKY'),
      ours: sky('assets/a.hdr', 'OURS'),
      theirs: sky('assets/b.hdr', 'THEIRS'),
    })
    expect([...named.shown.keys()]).toEqual([fileOf('entity:one', layout)])
  })

  test('removed here, replaced there: in the JSON', async () => {
    const { shown, working } = await conflictOf(layout, { ours: json(LAMP, { model: undefined }), theirs: anew })
    expect([...shown.keys()]).toEqual([LAMP])
    expect(JSON.parse(shown.get(LAMP)!.stages.ours!)).not.toHaveProperty('model')
    expect(working.get('assets/Lamp_1.glb')).toBe('THEIRS')
  })
})

describe.each(LAYOUTS)('C2 the whole, %s', (layout) => {
  test('many conflicts: files in order, the kept tree with our values and all else of theirs', async () => {
    const { conflict, kept } = await conflictOf(layout, {
      ours: all(
        one({ pinned: true, note: 'ours' }),
        json(LAMP, { desc: 'ours' }),
        file(SCRIPT, LINES.replace('one', 'eins')),
        file('README.md', 'ours\n'),
        settings({ title: 'Ours' }),
      ),
      theirs: all(
        one({ pinned: null, memo: 'theirs' }),
        json(LAMP, { desc: 'theirs', author: 'theirs' }),
        file(SCRIPT, LINES.replace('one', 'uno')),
        entity('four', PLACE),
        entity('two', undefined),
        settings({ title: 'Theirs', rank: 3 }),
      ),
    })
    const paths = conflict.files.map(({ path }) => path)
    expect(paths).toEqual(paths.toSorted())
    expect(paths).toHaveLength(layout === 'split' ? 4 : 3)
    const state = await stateOf(quick, conflict.keptTree)
    expect(state).toMatchObject({
      'entity:one': { pinned: true, note: 'ours', memo: 'theirs' },
      'entity:four': PLACE,
      'blueprint:Lamp': { desc: 'ours', author: 'theirs', scriptFiles: { 'index.js': expect.stringMatching(/eins/) } },
      settings: { title: 'Ours', rank: 3 },
    })
    expect(state).not.toHaveProperty('entity:two')
    expect(kept.get('README.md')).toBe('ours\n')
  })

  test('without a common ancestor: no file has a first stage', async () => {
    const built = await builders[layout].build({
      name: '',
      merged: (world) => world,
      ours: all(one({ pinned: true }), file(SCRIPT, 'ours\n')),
      theirs: all(one({ pinned: null }), file(SCRIPT, 'theirs\n'), entity('four', PLACE)),
    })
    const conflicts = async () => ({ ours: 'local', theirs: 'remote', base: 'base' })
    const result = await mergeWorlds(quick, '', { ...built, base: undefined }, { conflicts })
    await checkStages(quick, result)
    expect(result.conflict!.files.map(({ path }) => path)).toEqual([SCRIPT, fileOf('entity:one', layout)].sort())
    for (const { stages } of result.conflict!.files) expect(Object.keys(stages).sort()).toEqual(['ours', 'theirs'])
    expect(await stateOf(quick, result.conflict!.keptTree)).toHaveProperty('entity:four')
  })

  test('without names for the sides contested fields are told, and nothing is written', async () => {
    const built = await builders[layout].build({
      name: '',
      merged: (world) => world,
      ours: one({ pinned: true }),
      theirs: one({ pinned: null }),
    })
    const result = await merge(quick, built)
    expect(result).toMatchObject({ tree: undefined, conflict: undefined })
    expect(result.contested.map(({ key }) => key)).toEqual(['entity:one'])
  })

  test('in a project below a folder: paths of the project in the files, those of the repository in the trees', async () => {
    const below = 'games/plaza/'
    const built = await builders[layout].build({
      name: '',
      merged: (world) => world,
      ours: one({ pinned: true }),
      theirs: one({ pinned: null, note: 'theirs' }),
    })
    const [base, ours, theirs] = await Promise.all([built.base, built.ours, built.theirs].map(moved))
    const result = await mergeWorlds(quick, below, { base, ours: ours!, theirs: theirs! }, { conflicts: labels })
    const [conflicted] = result.conflict!.files
    const path = fileOf('entity:one', layout)
    expect(conflicted!.path).toBe(path)
    expect((await quick.lookup(result.conflict!.tree, below + path))?.oid).toBe(conflicted!.working)
    expect((await quick.lookup(result.conflict!.keptTree, below + path))?.oid).toBe(conflicted!.stages.ours)
    expect((await quick.lookup(result.conflict!.tree, 'README.md'))?.oid).toBeDefined()

    async function labels() {
      return { ours: 'local', theirs: 'remote' }
    }
    async function moved(commit: (typeof built)['base']) {
      const files = await quick.listFiles(commit)
      const [readme] = await quick.writeBlobs([Buffer.from('beside\n')])
      const tree = await quick.writeTree(undefined, [
        ...files.map(({ path, oid }) => ({ path: below + path, kind: 'put', oid, mode: '100644' }) as const),
        { path: 'README.md', kind: 'put', oid: readme!, mode: '100644' },
      ])
      const { author, committer, message } = await quick.readCommit(commit)
      return quick.writeCommit({ tree, parents: [], author, committer, message })
    }
  })
})

test('C2 an entity whose file we moved: the conflict is there, and nowhere else', async () => {
  const at = 'world/entities/park/lamp.json'
  const { shown, working } = await conflictOf('split', {
    ours: all(one({ pinned: true }), place('one', at)),
    theirs: one({ pinned: null }),
  })
  expect([...shown.keys()]).toEqual([at])
  expect(working.has(entityFile('one'))).toBe(false)
})

test('M5 the state that stands in a manifest stays with an entity that is removed here, changed there', async () => {
  const built = await builders.manifest.build({
    name: '',
    merged: (world) => world,
    ours: one(undefined),
    theirs: one({ pinned: true }),
  })
  const [base, theirs] = await Promise.all([stateful(built.base), stateful(built.theirs)])
  const labels = async () => ({ ours: 'local', theirs: 'remote' })
  const { conflict } = await mergeWorlds(quick, '', { base, ours: built.ours, theirs }, { conflicts: labels })
  const { stages } = (await shownIn(quick, conflict!)).get('world.json')!
  expect(stages.theirs).toContain('"hp": 7')
  const policy = { rules: [{ owner: 'runtime' as const }] }
  const back = await mergeWorlds(quick, '', { base, ours: built.ours, theirs }, { policy })
  expect((await textsOf(quick, back.tree!)).get('world.json')).toContain('"hp": 7')

  async function stateful(commit: typeof built.base) {
    const text = (await textsOf(quick, commit)).get('world.json')!
    const bytes = Buffer.from(text.replace('"state": {}', '"state": {\n        "hp": 7\n      }'))
    const { tree, author, committer, message, parents } = await quick.readCommit(commit)
    const next = await quick.writeTree(tree, [{ path: 'world.json', kind: 'write', bytes }])
    return quick.writeCommit({ tree: next, author, committer, message, parents })
  }
})
