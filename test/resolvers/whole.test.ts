import { describe, expect, test } from 'vitest'
import { danglingDeletions, type MergedSides, referenceOf } from '../../src/resolvers/whole.ts'
import type { Json, JsonObject } from '../../src/world/json.ts'
import { type ObjectKey, objectKey, type WorldObject } from '../../src/world/state.ts'
import { object } from './fixture.ts'

const blueprint = (id: string, fields: JsonObject = {}) => object(fields, 'blueprint', id)
const entity = (id: string, of: Json) => object({ blueprint: of }, 'entity', id)

describe('what an object cannot be without', () => {
  test.each<[string, WorldObject | undefined, string | undefined]>([
    ['an entity: its blueprint', entity('one', 'Lamp'), 'blueprint:Lamp'],
    ['a variant: the root of its scripts', blueprint('Big', { scriptRef: 'Lamp' }), 'blueprint:Lamp'],
    ['a blueprint by itself: nothing', blueprint('Lamp'), undefined],
    ['an entity of a blueprint that every runtime brings along: nothing', entity('one', 'Model'), undefined],
    ['an entity whose blueprint is no text: nothing', entity('one', 7), undefined],
    ['an entity whose blueprint is an empty text: nothing', entity('one', ''), undefined],
    ['an entity without a blueprint: nothing', object({}, 'entity', 'one'), undefined],
    ['a scriptRef of an entity means nothing', object({ scriptRef: 'Lamp' }, 'entity', 'one'), undefined],
    ['settings: nothing', object({ blueprint: 'Lamp' }, 'settings', 'settings'), undefined],
    ['settings with a scriptRef: nothing', object({ scriptRef: 'Lamp' }, 'settings', 'settings'), undefined],
    ['a shared module: nothing', object({ content: 'x' }, 'shared', 'util.js'), undefined],
    ['no object: nothing', undefined, undefined],
    ['an id that objects inherit is an id', entity('one', 'constructor'), 'blueprint:constructor'],
  ])('%s', (_, value, expected) => expect(referenceOf(value)).toBe(expected))
})

type Sides = readonly [base: boolean, ours: boolean, theirs: boolean, merged: boolean]

/** A blueprint `Lamp` that is there or not, and what else took part in the merge. */
function dangling(lamp: Sides, others: Readonly<Record<string, Omit<MergedSides, 'contested'>>>, contested = false) {
  const [base, ours, theirs, merged] = lamp.map((there) => (there ? blueprint('Lamp') : undefined))
  const objects = new Map<ObjectKey, MergedSides>([
    [objectKey('blueprint', 'Lamp'), { base, ours, theirs, merged, contested: false }],
    ...Object.entries(others).map(([key, sides]) => [key as ObjectKey, { ...sides, contested }] as const),
  ])
  return Object.fromEntries(danglingDeletions(objects))
}

const HERE: Sides = [true, false, true, false]
const THERE: Sides = [true, true, false, false]
const lamp = entity('one', 'Lamp')
const tree = entity('one', 'Tree')
const FOUND = { 'blueprint:Lamp': ['entity:one'] }

describe('M6 deletions that leave something dangling', () => {
  test.each<[string, Sides, Omit<MergedSides, 'contested'>, object]>([
    ['removed here, used anew there', HERE, { base: undefined, ours: undefined, theirs: lamp, merged: lamp }, FOUND],
    ['removed there, used anew here', THERE, { base: undefined, ours: lamp, theirs: undefined, merged: lamp }, FOUND],
    ['removed here, turned to there', HERE, { base: tree, ours: tree, theirs: lamp, merged: lamp }, FOUND],
    ['removed there, turned to here', THERE, { base: tree, ours: lamp, theirs: tree, merged: lamp }, FOUND],
    ['removed here, used here all the same', HERE, { base: lamp, ours: lamp, theirs: lamp, merged: lamp }, {}],
    ['removed there, used there all the same', THERE, { base: lamp, ours: lamp, theirs: lamp, merged: lamp }, {}],
    [
      'removed here, turned to there and away in the merge',
      HERE,
      { base: tree, ours: tree, theirs: lamp, merged: tree },
      {},
    ],
    [
      'removed here, used there by what is gone itself',
      HERE,
      { base: lamp, ours: undefined, theirs: lamp, merged: undefined },
      {},
    ],
    [
      'removed on both sides',
      [true, false, false, false],
      { base: undefined, ours: undefined, theirs: lamp, merged: lamp },
      {},
    ],
    [
      'removed here, and there again in the merge',
      [true, false, true, true],
      { base: undefined, ours: undefined, theirs: lamp, merged: lamp },
      {},
    ],
    ['removed nowhere', [true, true, true, true], { base: undefined, ours: lamp, theirs: undefined, merged: lamp }, {}],
    ['never there', [false, false, false, false], { base: undefined, ours: lamp, theirs: undefined, merged: lamp }, {}],
  ])('%s', (_, sides, one, expected) => expect(dangling(sides, { 'entity:one': one })).toEqual(expected))

  test.each<[string, Sides, Omit<MergedSides, 'contested'>, object]>([
    [
      'removed here with its blueprint, changed there',
      HERE,
      { base: lamp, ours: undefined, theirs: lamp, merged: undefined },
      FOUND,
    ],
    [
      'changed here, removed there with its blueprint',
      THERE,
      { base: lamp, ours: lamp, theirs: undefined, merged: lamp },
      FOUND,
    ],
    ['turned to it there, to another here', HERE, { base: tree, ours: tree, theirs: lamp, merged: tree }, FOUND],
    ['turned to it here, to another there', THERE, { base: tree, ours: lamp, theirs: tree, merged: lamp }, FOUND],
    ['using it on no side', HERE, { base: lamp, ours: tree, theirs: tree, merged: tree }, {}],
    ['broken by whoever removed it', HERE, { base: lamp, ours: lamp, theirs: lamp, merged: lamp }, {}],
  ])('M7 either side of what is contested may be chosen: %s', (_, sides, one, expected) => {
    expect(dangling(sides, { 'entity:one': one }, true)).toEqual(expected)
  })

  test('a variant of a removed root', () => {
    const big = blueprint('Big', { scriptRef: 'Lamp' })
    const sides = { base: undefined, ours: undefined, theirs: big, merged: big }
    expect(dangling(HERE, { 'blueprint:Big': sides })).toEqual({ 'blueprint:Lamp': ['blueprint:Big'] })
  })

  test('all that would dangle are named, one removal for each blueprint', () => {
    const added = (value: WorldObject): MergedSides => ({
      base: undefined,
      ours: undefined,
      theirs: value,
      merged: value,
      contested: false,
    })
    const gone = (id: string): MergedSides => ({
      base: blueprint(id),
      ours: undefined,
      theirs: blueprint(id),
      merged: undefined,
      contested: false,
    })
    const objects = new Map<ObjectKey, MergedSides>(
      Object.entries({
        'blueprint:Lamp': gone('Lamp'),
        'blueprint:Tree': gone('Tree'),
        'entity:a': added(entity('a', 'Lamp')),
        'entity:b': added(entity('b', 'Tree')),
        'entity:c': added(entity('c', 'Lamp')),
        'entity:d': added(entity('d', 'Bench')),
      }) as [ObjectKey, MergedSides][],
    )
    expect(Object.fromEntries(danglingDeletions(objects))).toEqual({
      'blueprint:Lamp': ['entity:a', 'entity:c'],
      'blueprint:Tree': ['entity:b'],
    })
  })

  test('an entity of the id of a removed blueprint is something else', () => {
    const one = { base: lamp, ours: undefined, theirs: lamp, merged: undefined, contested: false }
    expect(danglingDeletions(new Map([['entity:Lamp' as ObjectKey, one]])).size).toBe(0)
  })
})
