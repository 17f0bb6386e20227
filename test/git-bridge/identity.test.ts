import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { describeIdentity, type SettledIdentity, settleIdentity } from '../../src/git-bridge/identity.ts'
import type { Oid } from '../../src/git-bridge/repository.ts'
import { counted, similarity } from '../../src/git-bridge/similarity.ts'
import { readUnits } from '../../src/git-bridge/tree-objects.ts'
import { unitsOf } from '../../src/git-bridge/units.ts'
import { entityFile } from '../../src/projection/paths.ts'
import { type JsonObject, own } from '../../src/world/json.ts'
import { objectKey } from '../../src/world/state.ts'
import { type Files, Trees } from './world-trees.ts'

const LAMP = 'apps/Lamp/Lamp.json'
const lamp = {
  id: 'Lamp',
  uid: 'u-lamp',
  name: 'Lamp',
  scope: 'Lamp',
  createdAt: '2024-01-01T00:00:00.000Z',
  keep: false,
  props: { color: 'white', power: 3 },
}
const big = { ...lamp, id: 'Lamp__Big', uid: 'u-big', name: 'Big', createdAt: '2024-02-01T00:00:00.000Z' }
const bench = { id: 'Seat', uid: 'u-seat', name: 'Seat', scope: 'Seat', desc: 'to sit on', preload: true, props: {} }
const place = { blueprint: 'Lamp', quaternion: [0, 0, 0, 1], scale: [1, 1, 1], pinned: false, props: {} }
const entity = (id: string, x: number) => ({ id, uid: `u-${id}`, ...place, position: [x, 0, 0] })
const file = (id: string) => entityFile(id)

const BASE: Files = {
  [LAMP]: lamp,
  'apps/Lamp/Big.json': big,
  'apps/Lamp/index.js': 'export default () => 1\n',
  'apps/Bench/Bench.json': bench,
  'apps/Bench/index.js': 'export default () => 2\n',
  [file('one')]: entity('one', 1),
  [file('two')]: entity('two', 2),
  [file('three')]: entity('three', 3),
}

let trees: Trees
let base: Oid
beforeAll(async () => {
  trees = await Trees.open()
  base = await trees.commit(undefined, BASE)
})

/** What becomes of the base with these files changed. */
async function settle(
  files: Files,
  options: { readonly from?: Oid | undefined } = { from: base },
): Promise<SettledIdentity> {
  const { from } = options
  const ours = await trees.commit(base, files)
  const changes = await trees.repository.diffTrees(from, ours)
  const units = unitsOf(changes.map(({ path }) => path))
  const [atBase, atOurs] = await Promise.all([
    readUnits(trees.repository, from, '', units),
    readUnits(trees.repository, ours, '', units),
  ])
  return settleIdentity(trees.repository, '', { base: from, ours }, units, atBase, atOurs)
}

function placed({ objects }: SettledIdentity): Record<string, string> {
  return Object.fromEntries([...objects.objects].map(([key, { path }]) => [path, key]).sort())
}

const said = ({ notes }: SettledIdentity) => notes.map(describeIdentity)
const wrong = ({ objects }: SettledIdentity) => objects.problems.map(({ path, message }) => `${path}: ${message}`)
const without = (object: JsonObject, ...keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
const anonymous = (object: JsonObject) => without(object, 'id', 'uid')

describe('files that lost their ids (M8)', () => {
  it('nothing is looked at where every file says whose it is', async () => {
    const settled = await settle({ [LAMP]: { ...lamp, desc: 'x' }, [file('one')]: entity('one', 7) })
    expect(settled.notes).toEqual([])
    expect(settled.objects.objects.get(objectKey('blueprint', 'Lamp'))).not.toHaveProperty('unsaid')
  })

  it('in their place they are what the base has there', async () => {
    const settled = await settle({
      'apps/Bench/Bench.json': { ...anonymous(bench), name: 'Chair' },
      [LAMP]: anonymous(lamp),
      [file('one')]: { ...anonymous(entity('one', 9)), position: [9, 9, 9] },
    })
    expect(wrong(settled)).toEqual([])
    expect(placed(settled)).toMatchObject({
      'apps/Bench/Bench.json': 'blueprint:Seat',
      [LAMP]: 'blueprint:Lamp',
      [file('one')]: 'entity:one',
    })
    // By its path Lamp.json has the id that it lost: there is nothing to say, and nothing to write.
    expect(said(settled)).toEqual([
      'apps/Bench/Bench.json has lost its id: taken for blueprint "Seat"',
      `${file('one')} has lost its id: taken for entity "one"`,
    ])
    expect(settled.objects.objects.get(objectKey('blueprint', 'Seat'))?.unsaid).toBe(true)
  })

  it('moved with their folder they are what git’s rename detection says, and references follow', async () => {
    const settled = await settle({
      [LAMP]: undefined,
      'apps/Lamp/Big.json': undefined,
      'apps/Lamp/index.js': undefined,
      'apps/Lantern/Lantern.json': anonymous(lamp),
      'apps/Lantern/Huge.json': { ...anonymous(big), scriptRef: 'Lantern', desc: 'bigger' },
      'apps/Lantern/index.js': 'export default () => 1\n',
    })
    expect(wrong(settled)).toEqual([])
    expect(placed(settled)).toEqual({
      'apps/Lantern/Huge.json': 'blueprint:Lamp__Big',
      'apps/Lantern/Lantern.json': 'blueprint:Lamp',
    })
    expect(said(settled)).toEqual([
      'apps/Lantern/Huge.json has lost its id: taken for blueprint "Lamp__Big" (was apps/Lamp/Big.json)',
      'apps/Lantern/Lantern.json has lost its id: taken for blueprint "Lamp" (was apps/Lamp/Lamp.json)',
    ])
    const variant = settled.objects.objects.get(objectKey('blueprint', 'Lamp__Big'))!
    expect(own(variant.object.fields, 'scriptRef')).toBe('Lamp')
  })

  it('the most similar goes first, one to one, whatever the key order', async () => {
    const moved = (id: string, x: number) => {
      const { props, ...rest } = anonymous(entity(id, x))
      return { props: props!, ...rest }
    }
    const settled = await settle({
      [file('one')]: undefined,
      [file('two')]: undefined,
      [file('three')]: undefined,
      'world/entities/park/b.json': moved('one', 1),
      'world/entities/park/a.json': { ...moved('two', 2), pinned: true, note: 'edited' },
      'world/entities/park/c.json': moved('three', 3),
    })
    expect(wrong(settled)).toEqual([])
    expect(placed(settled)).toEqual({
      'world/entities/park/a.json': 'entity:two',
      'world/entities/park/b.json': 'entity:one',
      'world/entities/park/c.json': 'entity:three',
    })
  })

  it('the uid says it as well, before all similarity', async () => {
    const settled = await settle({
      [file('one')]: undefined,
      [file('two')]: undefined,
      'world/entities/park/a.json': without(entity('one', 2), 'id'),
      'world/entities/park/b.json': without(entity('two', 1), 'id'),
    })
    expect(placed(settled)).toEqual({
      'world/entities/park/a.json': 'entity:one',
      'world/entities/park/b.json': 'entity:two',
    })
  })

  it('equally similar ones are an error that names the files, never a guess', async () => {
    const twin = { ...entity('x', 5) }
    const from = await trees.commit(base, {
      [file('twin1')]: { ...twin, id: 'twin1', uid: 'u1' },
      [file('twin2')]: { ...twin, id: 'twin2', uid: 'u2' },
    })
    const ours = await trees.commit(from, {
      [file('twin1')]: undefined,
      [file('twin2')]: undefined,
      'world/entities/park/t.json': anonymous(twin),
    })
    const units = unitsOf((await trees.repository.diffTrees(from, ours)).map(({ path }) => path))
    const [atBase, atOurs] = await Promise.all(
      [from, ours].map((commit) => readUnits(trees.repository, commit, '', units)),
    )
    const settled = await settleIdentity(trees.repository, '', { base: from, ours }, units, atBase!, atOurs!)
    expect(settled.notes).toEqual([])
    const first = wrong(settled)[0]
    for (const part of ['world/entities/park/t.json lost the id', file('twin1'), file('twin2'), ' or '])
      expect(first).toContain(part)
  })

  it('an entity’s file that is nobody’s is an error that says what to do; a blueprint’s is new', async () => {
    const settled = await settle({
      'world/entities/new.json': anonymous(entity('x', 1)),
      'apps/Tree/Tree.json': { name: 'Tree' },
    })
    expect(wrong(settled)).toEqual([
      'world/entities/new.json: has no id: give it its own back; a new entity and a copy need new ones',
    ])
    expect(placed(settled)).toMatchObject({ 'apps/Tree/Tree.json': 'blueprint:Tree' })
    expect(settled.notes).toEqual([])
  })

  it('what replaces a file is new when the file went elsewhere with its id', async () => {
    const settled = await settle({
      'apps/Bench/Bench.json': { name: 'Bench', desc: 'another' },
      'apps/Chair/Chair.json': bench,
      'apps/Chair/index.js': 'export default () => 2\n',
    })
    expect(placed(settled)).toMatchObject({
      'apps/Bench/Bench.json': 'blueprint:Bench',
      'apps/Chair/Chair.json': 'blueprint:Seat',
    })
    expect(settled.notes).toEqual([])
  })

  it('kinds are not mixed, and a blueprint that an entity names is one that somebody made', async () => {
    const settled = await settle({
      [LAMP]: undefined,
      'world/entities/x.json': anonymous(lamp),
      'apps/Lantern/Lantern.json': anonymous(lamp),
      [file('one')]: { ...entity('one', 1), blueprint: 'Lantern' },
    })
    expect(settled.notes).toEqual([])
    expect(placed(settled)).toMatchObject({ 'apps/Lantern/Lantern.json': 'blueprint:Lantern' })
    expect(wrong(settled)[0]).toContain('world/entities/x.json')
  })
})

describe('copies (M8)', () => {
  const copy = (folder: string): Files => ({
    [`apps/${folder}/Lamp.json`]: lamp,
    [`apps/${folder}/Big.json`]: { ...big, scriptRef: 'Lamp' },
    [`apps/${folder}/index.js`]: 'export default () => 1\n',
  })

  it.each([
    ['the original as it was', {}],
    ['the original changed as well', { [LAMP]: { ...lamp, desc: 'edited' }, 'apps/Lamp/index.js': '2\n' }],
  ] as const)('a copied app folder holds new objects, %s', async (_, edits) => {
    const settled = await settle({ ...copy('Lamp2'), ...edits })
    expect(wrong(settled)).toEqual([])
    expect(placed(settled)).toMatchObject({
      'apps/Lamp2/Big.json': 'blueprint:Lamp2__Big',
      'apps/Lamp2/Lamp.json': 'blueprint:Lamp2__Lamp',
    })
    expect(said(settled)).toEqual([
      'apps/Lamp2/Big.json is a copy of apps/Lamp/Big.json: a new blueprint "Lamp2__Big"',
      'apps/Lamp2/Lamp.json is a copy of apps/Lamp/Lamp.json: a new blueprint "Lamp2__Lamp"',
    ])
    const { objects } = settled.objects
    const root = objects.get(objectKey('blueprint', 'Lamp2__Lamp'))!
    expect(root.object.fields).toMatchObject({ name: 'Lamp', props: lamp.props, scriptFiles: {} })
    expect(root.object.fields).not.toHaveProperty('uid')
    expect(root.unsaid).toBe(true)
    const variant = objects.get(objectKey('blueprint', 'Lamp2__Big'))!.object.fields
    expect(variant).toMatchObject({ scriptRef: 'Lamp2__Lamp' })
    expect(variant).not.toHaveProperty('uid')
    const original = objects.get(objectKey('blueprint', 'Lamp'))
    if ('apps/Lamp/index.js' in edits) expect(original?.object.fields).toMatchObject({ uid: 'u-lamp', desc: 'edited' })
  })

  it('its ids are those of its paths; one that is taken gets a number, and two copies are two', async () => {
    const settled = await settle({
      'apps/Seat/Seat.json': lamp,
      'apps/Other/Other.json': lamp,
      'apps/Model/Model.json': lamp,
    })
    expect(wrong(settled)).toEqual([])
    expect(placed(settled)).toEqual({
      'apps/Model/Model.json': 'blueprint:Model_1',
      'apps/Other/Other.json': 'blueprint:Other',
      'apps/Seat/Seat.json': 'blueprint:Seat_1',
    })
  })

  it('a folder that was moved and lost its ids beside a copy keeps its own', async () => {
    const settled = await settle({
      ...copy('Lamp2'),
      'apps/Bench/Bench.json': undefined,
      'apps/Stool/Stool.json': anonymous(bench),
    })
    expect(placed(settled)).toEqual({
      'apps/Lamp2/Big.json': 'blueprint:Lamp2__Big',
      'apps/Lamp2/Lamp.json': 'blueprint:Lamp2__Lamp',
      'apps/Stool/Stool.json': 'blueprint:Seat',
    })
  })

  it.each<[string, Files, readonly string[]]>([
    ['two files in one folder', { 'apps/Lamp/Copy.json': lamp }, ['apps/Lamp/Copy.json', LAMP, 'the same id: Lamp']],
    ['two entity files', { 'world/entities/copy.json': entity('one', 4), [file('one')]: entity('one', 8) }, ['one']],
    ['a copy in a folder that is not new', { 'apps/Bench/Lamp.json': lamp }, ['apps/Bench/Lamp.json', LAMP]],
    [
      'two new folders with one unknown id',
      { 'apps/A/A.json': { id: 'New' }, 'apps/B/B.json': { id: 'New' } },
      ['apps/A/A.json', 'apps/B/B.json', '"New"'],
    ],
    [
      'a copy beside the original that moved',
      { [LAMP]: undefined, 'apps/Lantern/Lantern.json': lamp, 'apps/Lamp2/Lamp.json': lamp },
      ['apps/Lamp2/Lamp.json', 'apps/Lantern/Lantern.json'],
    ],
    [
      'two copies in one new folder',
      { 'apps/Lamp2/Lamp.json': lamp, 'apps/Lamp2/Again.json': lamp },
      ['apps/Lamp2/Lamp.json', 'apps/Lamp2/Again.json'],
    ],
  ])('%s with one id are an error that names both', async (_, files, parts) => {
    const settled = await settle(files)
    expect(settled.notes).toEqual([])
    expect(wrong(settled)).not.toEqual([])
    for (const part of parts) expect(wrong(settled).join('\n')).toContain(part)
  })

  it('without a base nothing is a copy beyond doubt', async () => {
    const settled = await settle(copy('Lamp2'), {})
    expect(settled.notes).toEqual([])
    expect(wrong(settled).join('\n')).toContain('apps/Lamp2/Lamp.json')
  })

  it('a file that was copied and given another id gets a uid of its own', async () => {
    const settled = await settle({
      'apps/Torch/Torch.json': { ...lamp, id: 'Torch' },
      'world/entities/x.json': { ...entity('one', 4), id: 'four' },
      [file('one')]: entity('one', 8),
    })
    expect(wrong(settled)).toEqual([])
    expect(said(settled)).toEqual([
      'apps/Torch/Torch.json has the uid of blueprint:Lamp: blueprint "Torch" gets one of its own',
      'world/entities/x.json has the uid of entity:one: entity "four" gets one of its own',
    ])
    expect(settled.objects.objects.get(objectKey('blueprint', 'Torch'))?.object.fields).not.toHaveProperty('uid')
    expect(settled.objects.objects.get(objectKey('entity', 'four'))?.object.fields).not.toHaveProperty('uid')
  })

  it('a new file without an id gives way to one that says the id of its path', async () => {
    const settled = await settle({ 'apps/Seat/Seat.json': { name: 'Seat, another' } })
    expect(placed(settled)).toEqual({ 'apps/Seat/Seat.json': 'blueprint:Seat_1' })
    expect(said(settled)).toEqual(['apps/Seat/Seat.json has no id, and "Seat" is another\'s: a new blueprint "Seat_1"'])
  })
})

it('similarity is git’s own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gamedev-similarity-'))
  try {
    const texts = [
      'a\nb\nc\nd\ne\n',
      'a\nb\nc\nd\nE\n',
      'a\nb\nX\nY\nZ\nc\n',
      `${'long line '.repeat(30)}\nshort\n`,
      `${'long line '.repeat(20)}\nshort\nmore\n`,
      JSON.stringify(lamp, null, 2),
      JSON.stringify({ ...anonymous(lamp), name: 'Lantern', desc: 'new' }, null, 2),
      'no newline at the end',
    ].map((text) => `${text}${'pad\n'.repeat(5)}`)
    for (const [i, before] of texts.entries()) {
      for (const after of texts.slice(i + 1, i + 2)) {
        writeFileSync(join(folder, 'before'), before)
        writeFileSync(join(folder, 'after'), after)
        const ours = similarity(counted(Buffer.from(before)), counted(Buffer.from(after)))
        expect([before, after, gitSimilarity(folder)]).toEqual([before, after, Math.floor(ours * 100)])
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

/** `similarity index` as git counts it for a rename of `before` to `after`. */
function gitSimilarity(folder: string): number {
  const git = (args: readonly string[], input?: string) =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', ...(input === undefined ? {} : { input }) }).trim()
  git(['init', '--quiet', '--bare', '.git'])
  const tree = (name: string) => git(['mktree'], `100644 blob ${git(['hash-object', '-w', name])}\t${name}\n`)
  const found = git(['diff-tree', '-r', '-M1%', tree('before'), tree('after')])
  return Number(/ R(\d{3})\t/.exec(found)?.[1] ?? 0)
}
