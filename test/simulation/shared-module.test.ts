import { describe, expect, it } from 'vitest'
import { seeded } from './host.ts'
import { Edits, EMPTY_SITE } from './knowledge.ts'
import { type Deploy, drawModule, editionOf, MODULE } from './shared-module.ts'
import { fileValues, type Values } from './values.ts'
import { WatchedWorld } from './watched-world.ts'
import { WorldModel } from './world/model.ts'
import { PUBLIC } from './world/server-kind.ts'

function begun() {
  const model = new WorldModel({
    worldId: 'plaza',
    kind: PUBLIC,
    adminCode: 'code',
    now: () => 1_000,
    random: seeded(1),
  })
  WatchedWorld.furnish(model, true)
  const world = new WatchedWorld(new Edits(), model, () => EMPTY_SITE)
  const slots = (values: Values) => [0, 1, 2].map((slot) => JSON.parse(values.get(`${MODULE} common_${slot}`)!))
  const set = (slot: number, value: string, deploy: Deploy) =>
    world.change({ kind: 'slot', at: `${MODULE} common_${slot}`, value, deploy }, 'eve')
  /** What a line may say now. */
  const sayable = () => [...new Set(world.watch.at(model.head).map(({ values }) => slots(values).join(' ')))]
  return { world, slots, set, sayable }
}

describe('a module that two apps share', () => {
  it('is what was deployed last, whatever others go on naming', () => {
    const { world, slots, set, sayable } = begun()
    expect(set(0, 'red', { nth: 0, from: 'the newest' })).toBe(true)
    expect(new Set(world.sharing.map(editionOf)).size).toBe(2)
    for (const app of ['Lamp', 'Door']) {
      world.change({ kind: 'slot', at: `script ${app}_0`, value: 'new' }, 'sam')
      world.change({ kind: 'set', at: `blueprint:${app} desc`, value: 'new' }, 'sam')
      expect(slots(world.watch.now.values)).toEqual(['red', '0', '0'])
    }
    set(1, 'blue', { nth: 1, from: 'the newest' })
    expect(slots(world.watch.now.values)).toEqual(['red', 'blue', '0'])
    set(2, 'grey', { nth: 0, from: 'its own' })
    expect(slots(world.watch.now.values)).toEqual(['red', '0', 'grey'])
    expect(sayable()).toEqual(['red 0 grey'])
    expect(world.behind()).toEqual([])
  })

  it('may seem to be what another app names, when the one is gone that it was deployed with', () => {
    const { world, set, sayable } = begun()
    set(0, 'red', { nth: 1, from: 'the newest' })
    world.change({ kind: 'remove', id: 'e1' }, 'eve')
    expect(sayable()).toEqual(['red 0 0'])
    world.change({ kind: 'remove-blueprint', id: 'Door' }, 'eve')
    expect(sayable()).toEqual(['red 0 0', '0 0 0'])
    set(1, 'blue', { nth: 0, from: 'the newest' })
    expect(sayable()).toEqual(['0 blue 0'])
  })

  it('is an object of its own in the files', () => {
    expect(fileValues('shared/common.js', "const common_1 = 'red'\n")).toEqual(
      new Map([['shared:common.js common_1', '"red"']]),
    )
    const seeds = Array.from({ length: 1_000 }, (_, seed) => seed)
    expect(seeds.filter(drawModule).length / seeds.length).toBeCloseTo(0.2, 1)
  })
})
