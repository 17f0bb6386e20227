import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Layout } from '../../src/git-bridge/materializer.ts'
import type { Policy } from '../../src/resolvers/policy.ts'
import { kindsFor, tries } from '../e2e/long.ts'
import { type Built, CaseBuilder, LAYOUTS, type MergeCase, merge } from './merge-cases/case.ts'
import { type Generated, policies, worlds } from './merge-cases/generated.ts'
import { checkAgain, checkKept, checkSwap, checkUnchanged } from './merge-cases/laws.ts'
import { quickRepository } from './merge-cases/repository.ts'
import { checkStages } from './merge-cases/stages.ts'
import { CASES } from './merge-cases/table.ts'
import { commitWorld } from './merge-cases/worlds.ts'

const LABELS = async () => ({ ours: 'local', theirs: 'remote' })
const WITH_BASE = async () => ({ ours: 'local', theirs: 'remote', base: 'base' })
/** A run that fails prints its seed; what it has found is kept by name, among the cases of merge-cases. */
const RUNS = tries(12)
const quick = await quickRepository()

type Sides = Pick<Built, 'base' | 'ours' | 'theirs'>

describe.each(LAYOUTS)('the merges that have names, %s', (layout) => {
  const builder = new CaseBuilder(quick, layout)
  const cases = CASES.filter(({ layouts }) => layouts === undefined || layouts.includes(layout))
  // What a line wrote and what we committed are not the same thing (M2), and who manages an object stays who it is (M5).
  const isOneWay = ({ ours, theirs, oneWay, name }: MergeCase) =>
    oneWay === true || Array.isArray(ours) || Array.isArray(theirs) || /manage/.test(name)

  const open = cases.filter(
    ({ contested, name }) => contested !== undefined && kindsFor(name, LAYOUTS).includes(layout),
  )
  test.each(open)('C2 holds for: $name', async (one) => {
    const built = await builder.build(one)
    await checkStages(quick, await merge(quick, built, { policy: one.policy, conflicts: LABELS }))
    await checkStages(quick, await merge(quick, built, { policy: one.policy, conflicts: WITH_BASE }), true)
  })

  // The layout says nothing about who wins: one of them in full, the other as a sample.
  const some = cases.filter((one, i) => !isOneWay(one) && (layout === 'split' || i % 5 === 0))
  test.each(some)('M7 the sides swapped: $name', async (one) => {
    await checkSwap(quick, await builder.build(one), one.policy)
  })

  test('M7 merging twice, and merging what came out of it, changes nothing in them', async () => {
    for (const one of some) await checkAgain(quick, await builder.build(one), one.policy)
  })
})

describe.each(LAYOUTS)('generated worlds, %s', (layout) => {
  test('M7 merging with an unchanged side gives the other', () =>
    law('at once', (sides) => checkUnchanged(quick, sides)))

  test('M7 swapping the sides swaps the conflict and nothing else', () =>
    law('at once', (sides, policy) => checkSwap(quick, sides, policy)))

  test('M7 merging is deterministic, and merging its outcome changes nothing', () =>
    law('there and back', (sides, policy) => checkAgain(quick, sides, policy)))

  test('M5 M7 no value vanishes unless a side changed or removed it, and none that a side changed unsaid', () =>
    law('there and back', (sides, policy) => checkKept(quick, sides, policy)))

  test('C2 the stages and working files of whatever is contested', () =>
    law('there and back', async (sides, policy) => {
      const result = await merge(quick, sides, { policy, conflicts: LABELS })
      expect(result.tree === undefined).toBe(result.contested.length > 0)
      if (result.contested.length === 0) return
      await checkStages(quick, result)
    }))

  /** The world came to where it is in one step, or on some runs by way of what we have, much of which it put back (M2). */
  function law(
    way: 'at once' | 'there and back',
    check: (sides: Sides, policy: Policy) => Promise<void>,
  ): Promise<void> {
    const byOurs = way === 'at once' ? fc.constant(false) : fc.boolean()
    const property = fc.asyncProperty(worlds, policies, byOurs, async (world, rules, isByOurs) =>
      check(await commit(world, layout, isByOurs), { rules }),
    )
    return fc.assert(property, RUNS)
  }
})

async function commit({ base, ours, theirs }: Generated, layout: Layout, isByOurs: boolean): Promise<Sides> {
  const start = await commitWorld(quick, undefined, base, layout)
  const mine = await commitWorld(quick, start, ours, layout)
  return { base: start, ours: mine, theirs: await commitWorld(quick, isByOurs ? mine : start, theirs, layout) }
}
