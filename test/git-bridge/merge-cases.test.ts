import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SyncError } from '../../src/world/errors.ts'
import { CaseBuilder, LAYOUTS, merge } from './merge-cases/case.ts'
import { LAMP } from './merge-cases/plaza.ts'
import { quickRepository } from './merge-cases/repository.ts'
import { check } from './merge-cases/run.ts'
import { CASES } from './merge-cases/table.ts'
import { all, entity, file, json, settings, spawn } from './merge-cases/worlds.ts'
import { type NativeFixture, nativeFixture } from './native-fixture.ts'

const quick = await quickRepository()

describe.each(LAYOUTS)('%s', (layout) => {
  const builder = new CaseBuilder(quick, layout)
  const cases = CASES.filter(({ layouts }) => layouts === undefined || layouts.includes(layout))

  test.each(cases)('$name', (one) => check(builder, one))

  test.each([
    ['a place that is no place', entity('one', { position: 'here' })],
    ['a place of two numbers', entity('one', { position: [1, 2] })],
    ['a rotation of three', entity('one', { quaternion: [0, 0, 0] })],
    ['an entity without a blueprint', entity('one', { blueprint: undefined })],
    ['a pin that is a text', entity('one', { pinned: 'yes' })],
    ['a spawn that is nowhere', spawn({ position: null })],
    ['a blueprint’s model that is a number', json(LAMP, { model: 7 })],
    ['an asset that is not there', json(LAMP, { model: 'assets/gone.glb' })],
    ['two blueprints of one id', file('apps/Lamp/Twin.json', { id: 'Lamp', name: 'Twin' })],
  ])('M4 a type that cannot be is refused by name, never merged: %s', async (_, edit) => {
    // Whatever is wrong on one side, the other touched as well: what only the world touched is taken unread.
    const theirs = all(
      settings({ motd: 'x' }),
      spawn({ position: [1, 0, 0] }),
      entity('one', { note: 'theirs' }),
      json(LAMP, { desc: 'theirs' }),
    )
    for (const sides of [
      { ours: edit, theirs },
      { ours: theirs, theirs: edit },
    ]) {
      const built = await builder.build({ name: '', merged: (world) => world, ...sides })
      const outcome = await merge(quick, built).catch((error: unknown) => error)
      expect(outcome).toBeInstanceOf(SyncError)
      expect(outcome).toMatchObject({ code: 'invalid_files', exitCode: 1 })
    }
  })
})

describe('a sample on the native repository', () => {
  let native: NativeFixture
  beforeAll(async () => {
    native = await nativeFixture()
  })
  afterAll(() => native.dispose())

  const every = 23
  test.each(LAYOUTS)('%s', async (layout) => {
    const builder = new CaseBuilder(native.repository, layout)
    const cases = CASES.filter(({ layouts }) => layouts === undefined || layouts.includes(layout))
    for (const one of cases.filter((_, i) => i % every === 0)) {
      await check(builder, one).catch((error: unknown) => {
        throw new Error(one.name, { cause: error })
      })
    }
  })
})
