import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readUnmerged } from '../../src/sync/index-stages.ts'
import { openProject, type Project } from '../../src/sync/session.ts'
import {
  applySettled,
  type Choice,
  type SettledFile,
  type Stages,
  settleFile,
  worktreeFile,
  worktreeOid,
} from '../../src/sync/settle-files.ts'
import type { JsonObject } from '../../src/world/json.ts'
import type { ObjectKey } from '../../src/world/state.ts'
import { Checkout, temporaryFolder } from './support.ts'

const ENTITY = 'world/entities/00/lamp.json'
const KEY = 'entity:lamp' as ObjectKey
const bytes = (value: JsonObject | string | undefined) =>
  value === undefined ? undefined : new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
const stages = (base?: JsonObject | string, ours?: JsonObject | string, theirs?: JsonObject | string): Stages => ({
  base: bytes(base),
  ours: bytes(ours),
  theirs: bytes(theirs),
})
const choice = (path: string, use: Choice['use'], key = KEY): Choice => ({
  key,
  path: path === '' ? [] : path.split('.'),
  use,
})

/** What became of a file, as values. */
function told(file: ReturnType<typeof settleFile>): unknown {
  const value = (content: Uint8Array | undefined): unknown => {
    const text = content === undefined ? undefined : new TextDecoder().decode(content)
    return text?.startsWith('{"') || text?.startsWith('{\n') ? JSON.parse(text) : text
  }
  if (file.kind === 'unfit') return 'unfit'
  if (file.kind === 'merged') return value(file.bytes)
  const { base, ours, theirs } = file.stages
  return [base, ours, theirs].map(value)
}

const A = { id: 'lamp', x: 'base', y: 'base' }
const B = { id: 'lamp', x: 'ours', y: 'ours', z: 1 }
const C = { id: 'lamp', x: 'theirs', y: 'theirs', z: 1 }

describe('C4: settling the contested fields of a file', () => {
  it.each<readonly [string, Stages, readonly Choice[], unknown]>([
    ['all ours', stages(A, B, C), [choice('x', 'ours'), choice('y', 'ours')], B],
    ['all theirs', stages(A, B, C), [choice('x', 'theirs'), choice('y', 'theirs')], C],
    ['one each', stages(A, B, C), [choice('x', 'theirs'), choice('y', 'ours')], { ...B, x: 'theirs' }],
    [
      'one left open',
      stages(A, B, C),
      [choice('x', 'theirs'), choice('y', undefined)],
      [
        { ...A, x: 'theirs' },
        { ...B, x: 'theirs' },
        { ...C, x: 'theirs' },
      ],
    ],
    [
      'without a base',
      stages(undefined, B, C),
      [choice('x', 'ours'), choice('y', undefined)],
      [undefined, B, { ...C, x: 'ours' }],
    ],
    ['a base that does not parse', stages('{', B, C), [choice('x', 'theirs'), choice('y', 'theirs')], C],
    [
      'absent in theirs',
      stages(A, B, { id: 'lamp', y: 'ours', z: 1 }),
      [choice('x', 'theirs')],
      { id: 'lamp', y: 'ours', z: 1 },
    ],
    [
      'absent in ours',
      stages(A, { id: 'lamp' }, { id: 'lamp', x: 'theirs' }),
      [choice('x', 'theirs')],
      { id: 'lamp', x: 'theirs' },
    ],
    ['choices that are not those of the file', stages(A, B, C), [choice('x', 'theirs')], 'unfit'],
    [
      'a key of the prototype',
      stages({}, '{"props":{"__proto__":1}}', '{"props":{"__proto__":{"evil":true}}}'),
      [choice('props.__proto__', 'theirs')],
      JSON.parse('{"props":{"__proto__":{"evil":true}}}'),
    ],
    ['deleted in theirs, take theirs', stages(A, B, undefined), [choice('', 'theirs')], undefined],
    ['deleted in theirs, keep ours', stages(A, B, undefined), [choice('', 'ours')], B],
    ['deleted in ours, left open', stages(A, undefined, C), [choice('', undefined)], [A, undefined, C]],
    ['a side that does not parse is one value', stages(A, B, '{'), [choice('x', 'theirs')], '{'],
    ['nothing chosen leaves all open', stages(A, B, '{'), [], [A, B, '{']],
  ])('%s', (_, sides, choices, expected) => {
    expect(told(settleFile(ENTITY, sides, choices))).toEqual(expected)
    expect(({} as Record<string, unknown>).evil).toBeUndefined()
  })

  it('entities, settings and spawn of a manifest are settled apart from each other', () => {
    const world = (side: string): JsonObject => ({
      formatVersion: 2,
      settings: { title: side },
      spawn: { position: [side.length, 0, 0] },
      entities: [
        { id: 'lamp', x: side },
        { id: 'post', x: side },
      ],
    })
    const sides = stages(world('base'), world('ours'), world('theirs'))
    const keys = ['settings', 'spawn', 'entity:lamp', 'entity:post'] as ObjectKey[]
    const [settings, spawn, lamp, post] = keys as [ObjectKey, ObjectKey, ObjectKey, ObjectKey]
    const choices = (left: Choice['use']) => [
      choice('title', 'theirs', settings),
      choice('position', 'ours', spawn),
      choice('x', 'theirs', lamp),
      choice('x', left, post),
    ]
    expect(told(settleFile('world.json', sides, choices('ours')))).toEqual({
      ...world('ours'),
      settings: { title: 'theirs' },
      entities: [
        { id: 'lamp', x: 'theirs' },
        { id: 'post', x: 'ours' },
      ],
    })
    const open = told(settleFile('world.json', sides, choices(undefined))) as JsonObject[]
    expect(open.map(({ entities }) => entities)).toEqual(
      ['base', 'ours', 'theirs'].map((side) => [
        { id: 'lamp', x: 'theirs' },
        { id: 'post', x: side },
      ]),
    )
    expect(open.map((doc) => doc.settings)).toEqual(Array(3).fill({ title: 'theirs' }))
    // Deleted on one side: the whole entity is the value.
    const without = { ...world('ours'), entities: [{ id: 'post', x: 'ours' }] }
    const gone = settleFile('world.json', stages(world('base'), world('ours'), without), [choice('', 'theirs', lamp)])
    expect(told(gone)).toEqual({ ...world('ours'), entities: [{ id: 'post', x: 'ours' }] })
    const back = settleFile('world.json', stages(world('base'), without, world('ours')), [choice('', 'theirs', lamp)])
    // C2: where it stands on the side that has it.
    expect((told(back) as { entities: unknown[] }).entities).toEqual([
      { id: 'lamp', x: 'ours' },
      { id: 'post', x: 'ours' },
    ])
  })

  it.each(['apps/Lamp/index.js', 'shared/a.js', 'assets/a.glb', 'notes.json'])('%s is one value', (path) => {
    const sides = stages('{"a":1}', '{"a":2}', '{"a":3}')
    expect(told(settleFile(path, sides, [choice('content', 'theirs')]))).toEqual({ a: 3 })
    expect(told(settleFile(path, sides, [choice('content', undefined)]))).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }])
  })
})

describe('settled files in index and working tree', () => {
  async function projectIn(sub: string): Promise<{ checkout: Checkout; project: Project }> {
    const checkout = new Checkout(temporaryFolder())
    checkout.git('init', '--quiet', '--initial-branch=main')
    checkout.git('config', 'core.autocrlf', 'false')
    checkout.write(`${sub}lobby.json`, { targets: { main: { worldUrl: 'http://localhost:1', worldId: 'plaza' } } })
    checkout.write(`${sub}${ENTITY}`, A)
    checkout.write(`${sub}apps/Lamp/[a].js`, 'one\n')
    checkout.write(`${sub}apps/Lamp/a.js`, 'two\n')
    checkout.commit('a world')
    const context = checkout.context()
    const project = await openProject({ ...context, cwd: join(checkout.folder, sub) })
    return { checkout, project }
  }

  it.each(['', 'game/'])('are written as git writes them, below "%s"', async (sub) => {
    const { checkout, project } = await projectIn(sub)
    checkout.write(`${sub}apps/Lamp/a.js`, 'not staged\n')
    const applied = await applySettled(
      project,
      new Map<string, SettledFile>([
        [ENTITY, { kind: 'contested', stages: stages(A, B, C) }],
        ['apps/Lamp/[a].js', { kind: 'merged', bytes: bytes('settled\n') }],
        ['world/entities/00/new.json', { kind: 'merged', bytes: bytes('{}\n') }],
        ['world/entities/00/none.json', { kind: 'merged', bytes: undefined }],
      ]),
      { ours: 'HEAD', theirs: 'the world' },
    )
    expect((await readUnmerged(project.repository)).map(({ path }) => path)).toEqual([sub + ENTITY])
    expect(checkout.read(sub + ENTITY)).toMatch(/<<<<<<< HEAD\n[\s\S]*=======\n[\s\S]*>>>>>>> the world/)
    expect(applied.get(ENTITY)?.working).toBe(await worktreeOid(project, ENTITY))
    expect(applied.get(ENTITY)?.stages).toMatchObject({ path: sub + ENTITY })
    expect(checkout.git('status', '--porcelain').split('\n').sort()).toEqual([
      ` M ${sub}apps/Lamp/a.js`,
      `A  ${sub}world/entities/00/new.json`,
      `M  ${sub}apps/Lamp/[a].js`,
      `UU ${sub}${ENTITY}`,
    ])
    await applySettled(project, new Map([[ENTITY, { kind: 'merged', bytes: undefined }]]), { ours: 'a', theirs: 'b' })
    expect(await readUnmerged(project.repository)).toEqual([])
    expect(checkout.exists(sub + ENTITY)).toBe(false)
    await project.repository.close()
  })

  it('nothing is written through a link', async () => {
    const { checkout, project } = await projectIn('')
    const outside = temporaryFolder()
    checkout.remove('world/entities/00')
    symlinkSync(outside, join(checkout.folder, 'world/entities/00'))
    const settled = new Map([[ENTITY, { kind: 'merged', bytes: bytes('{}\n') } as const]])
    const applied = applySettled(project, settled, { ours: 'a', theirs: 'b' })
    await expect(applied).rejects.toMatchObject({ code: 'not_a_file' })
    expect(new Checkout(outside).exists('lamp.json')).toBe(false)
    await project.repository.close()
  })

  it('files of the working tree: absent, ordinary, and what is none', async () => {
    const { checkout, project } = await projectIn('')
    expect(await worktreeOid(project, 'none.json')).toBeUndefined()
    expect(await worktreeFile(project, 'none.json')).toBeUndefined()
    expect(await worktreeOid(project, ENTITY)).toBe(checkout.git('rev-parse', `HEAD:${ENTITY}`))
    expect(new TextDecoder().decode(await worktreeFile(project, ENTITY))).toBe(checkout.read(ENTITY))
    symlinkSync('lobby.json', join(checkout.folder, 'link.json'))
    mkdirSync(join(checkout.folder, 'folder.json'))
    for (const path of ['link.json', 'folder.json']) {
      expect(await worktreeOid(project, path)).toBeUndefined()
      await expect(worktreeFile(project, path)).rejects.toMatchObject({ code: 'not_a_file' })
    }
    await project.repository.close()
  })
})
