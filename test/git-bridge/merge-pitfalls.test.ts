import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/world/json.ts'
import { CaseBuilder, GONE, LAYOUTS, type MergeCase, merge } from './merge-cases/case.ts'
import { checkSwap } from './merge-cases/laws.ts'
import { fileOf, TREE } from './merge-cases/plaza.ts'
import { quickRepository } from './merge-cases/repository.ts'
import { check } from './merge-cases/run.ts'
import { hunksOf, shownIn, taking } from './merge-cases/stages.ts'
import { all, entity, file, json } from './merge-cases/worlds.ts'

const quick = await quickRepository()
const LABELS = async () => ({ ours: 'local', theirs: 'remote' })
const told = (one: Pick<MergeCase, 'base' | 'ours' | 'theirs'>): MergeCase => ({ name: '', merged: (w) => w, ...one })

describe.each(LAYOUTS)('%s', (layout) => {
  const builder = new CaseBuilder(quick, layout)

  test('M3 C2 a list of records is one value, and one conflict, though lines with keys are between the differences', async () => {
    const items = (x: number, y: number): JsonObject => ({
      items: [
        { id: 1, x },
        { id: 2, y },
      ],
    })
    const built = await builder.build(
      told({
        base: entity('one', { props: items(1, 1) }),
        ours: entity('one', { props: items(5, 1) }),
        theirs: entity('one', { props: items(1, 7) }),
      }),
    )
    const { conflict } = await merge(quick, built, { conflicts: LABELS })
    const shown = await shownIn(quick, conflict!)
    expect(hunksOf(shown.get(fileOf('entity:one', layout))!.working)).toHaveLength(1)
  })

  test('C2 with a name for the base, a place removed there beside a rotation put back there: its lines are stage 1', async () => {
    const built = await builder.build(
      told({
        base: entity('one', { position: [2, 0, 1], quaternion: [0, 0, 0, 0], scale: undefined }),
        ours: entity('one', { position: [1, 0, 0], quaternion: [2, 1, 1, 1] }),
        theirs: [
          entity('one', { position: [1, 0, 0], quaternion: [2, 1, 1, 1] }),
          entity('one', { position: undefined, quaternion: [0, 0, 0, 0] }),
        ],
      }),
    )
    const conflicts = async () => ({ ...(await LABELS()), base: 'base' })
    const { conflict } = await merge(quick, built, { conflicts })
    const { stages, working } = (await shownIn(quick, conflict!)).get(fileOf('entity:one', layout))!
    expect(taking(working, 'base')).toBe(stages.base)
  })

  test('M4 M5 the format of scripts removed here, changed there: contested, not theirs in silence', () =>
    check(builder, {
      name: '',
      base: json(TREE, { scriptFormat: 'module' }),
      ours: json(TREE, { scriptFormat: undefined }),
      theirs: json(TREE, { scriptFormat: 'legacy' }),
      merged: json(TREE, { scriptFormat: undefined }),
      contested: [['blueprint:Tree', 'scriptFormat', 'module', GONE, 'legacy']],
    }))

  test('M6 M7 scripts that get another root there, one of them changed here and removed there', async () => {
    const built = await builder.build(
      told({
        base: all(
          json(TREE, { createdAt: '2025-01-01T00:00:00.000Z' }),
          file('apps/Tree/Oak.json', { id: 'Oak', name: 'Oak' }),
          file('apps/Tree/leaf.js', 'leaf\n'),
        ),
        ours: file('apps/Tree/index.js', 'ours\n'),
        theirs: all(
          file('apps/Tree/index.js', undefined),
          json('apps/Tree/Oak.json', { createdAt: '2024-01-01T00:00:00.000Z' }),
        ),
      }),
    )
    await checkSwap(quick, built)
  })
})
