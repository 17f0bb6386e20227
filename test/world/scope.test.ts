import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/world/json.ts'
import { resolveScope } from '../../src/world/scope.ts'

/** Several apps with mixed scopes; ids follow no pattern. */
const BLUEPRINTS: Readonly<Record<string, JsonObject>> = {
  Lamp: { scope: 'lights' },
  Lamp__Big: { scriptRef: 'Lamp' },
  Lamp__Own: { scriptRef: 'Lamp', scope: 'own' },
  ItLv2e1Ebl: { scriptRef: 'Lamp__Big' },
  Hut: {},
  Hut__Red: { scriptRef: 'Hut' },
  'a__b__c ü': { scope: 'Hut' },
  $scene: { scope: 'global' },
  orphan: { scriptRef: 'gone' },
  self: { scriptRef: 'self' },
  one: { scriptRef: 'two' },
  two: { scriptRef: 'three' },
  three: { scriptRef: 'two' },
  empty: { scope: '', scriptRef: null },
  none: { scope: null, scriptRef: '' },
  odd: { scope: 7, scriptRef: 'Lamp' },
  __proto__0: { scriptRef: '__proto__' },
}
const blueprint = (id: string) => (Object.hasOwn(BLUEPRINTS, id) ? BLUEPRINTS[id] : undefined)
const folders: Readonly<Record<string, string>> = {
  Hut: 'Huts',
  Hut__Red: 'Elsewhere',
  orphan: 'Orphans',
  two: 'Second',
  three: 'Third',
  one: 'First',
}
const fallback = (id: string) => (Object.hasOwn(folders, id) ? folders[id] : undefined)

describe('the scope of a blueprint', () => {
  it.each([
    ['its own', 'Lamp', 'lights', 'lights'],
    ['its own, though its id is spelled like another app’s', 'a__b__c ü', 'Hut', 'Hut'],
    ['its own before its root’s: scopes are mixed in a folder', 'Lamp__Own', 'own', 'own'],
    ['its root’s', 'Lamp__Big', 'lights', 'lights'],
    ['that of its root’s root', 'ItLv2e1Ebl', 'lights', 'lights'],
    ['none: an id says nothing; then its folder', 'Hut', undefined, 'Huts'],
    ['its root’s folder, not its own', 'Hut__Red', undefined, 'Huts'],
    ['no root', 'orphan', undefined, 'Orphans'],
    ['itself as root', 'self', undefined, undefined],
    ['a circle below it: the same for all in it', 'two', undefined, 'Third'],
    ['a circle, entered at the other end', 'three', undefined, 'Third'],
    ['an empty one is none', 'empty', undefined, undefined],
    ['null is none', 'none', undefined, undefined],
    ['what is no text is none', 'odd', 'lights', 'lights'],
    ['a root with a forbidden name', '__proto__0', undefined, undefined],
    ['global is a scope like any', '$scene', 'global', 'global'],
  ])('%s', (_, id, metadata, withFolders) => {
    const object = { kind: 'blueprint', id, fields: BLUEPRINTS[id]! } as const
    expect(resolveScope(object, { blueprint })).toBe(metadata)
    expect(resolveScope(object, { blueprint, fallback })).toBe(withFolders)
  })
})

describe('the scope of an entity', () => {
  it.each<[string, JsonObject, string]>([
    ['its own', { blueprint: 'Lamp', scope: 'mine' }, 'mine'],
    ['its blueprint’s', { blueprint: 'Lamp' }, 'lights'],
    ['that of its blueprint’s root', { blueprint: 'Lamp__Big', scope: null }, 'lights'],
    ['global, of a template', { blueprint: 'Model' }, 'global'],
    ['global, of a blueprint that is gone', { blueprint: 'gone' }, 'global'],
    ['global, of a blueprint without any', { blueprint: 'empty' }, 'global'],
    ['global, of nothing', {}, 'global'],
    ['global, of a blueprint whose root is gone', { blueprint: 'self' }, 'global'],
    ['global, of a blueprint with a forbidden name', { blueprint: '__proto__' }, 'global'],
  ])('%s', (_, fields, scope) => {
    expect(resolveScope({ kind: 'entity', fields }, { blueprint })).toBe(scope)
  })

  it('is what its blueprint would get', () => {
    const context = { blueprint, fallback }
    expect(resolveScope({ kind: 'entity', fields: { blueprint: 'Hut__Red' } }, context)).toBe('Huts')
  })
})
