import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quaternionEquals, vectorEquals } from '../../src/resolvers/equality.ts'
import { FieldSet, fieldKey, writtenFields } from '../../src/resolvers/fields.ts'
import { dependsOnWritten, mergeObject, type ObjectMerge, sameObject } from '../../src/resolvers/object.ts'
import { mirrored, type PolicyRule } from '../../src/resolvers/policy.ts'
import type { Terms } from '../../src/resolvers/terms.ts'
import { isJsonObject, type JsonObject, jsonEquals, own } from '../../src/world/json.ts'
import type { FieldValue, WorldObject } from '../../src/world/state.ts'
import { fields, object, sides } from './fixture.ts'

type Fields = {
  readonly base: JsonObject | undefined
  readonly ours: JsonObject | undefined
  readonly theirs: JsonObject | undefined
}

const RUNS = { numRuns: 1000 }

function terms({ base, ours, theirs }: Fields): Terms<WorldObject | undefined> {
  return { base: base && object(base), ours: ours && object(ours), theirs: theirs && object(theirs) }
}

function same(a: WorldObject | undefined, b: WorldObject | undefined): boolean {
  return a === undefined ? b === undefined : sameObject(a, b)
}

test('M7 merging with an unchanged side gives the other', () => {
  fc.assert(
    fc.property(fc.option(fields, { nil: undefined }), fc.option(fields, { nil: undefined }), (base, changed) => {
      for (const sides of [
        { base, ours: base, theirs: changed },
        { base, ours: changed, theirs: base },
        { base, ours: changed, theirs: changed },
      ]) {
        const merge = mergeObject(terms(sides), undefined)
        expect(merge.contested).toEqual([])
        expect(same(merge.object, changed && object(changed))).toBe(true)
      }
    }),
    RUNS,
  )
})

test('M7 swapping the sides swaps the contested terms and nothing else, digits apart', () => {
  // Vectors of three so near that "equal" is transitive: digits alone may differ then.
  fc.assert(
    fc.property(sides, (sides) => {
      const there = mergeObject(terms(sides), undefined)
      const back = mergeObject(terms({ base: sides.base, ours: sides.theirs, theirs: sides.ours }), undefined)
      expect(contests(back, true)).toEqual(contests(there, false))
      if (there.contested.length === 0) expect(same(there.object, back.object)).toBe(true)
    }),
    RUNS,
  )
})

function contests(merge: ObjectMerge, swapped: boolean): readonly unknown[] {
  return merge.contested
    .map(({ path, terms: { base, ours, theirs } }) => [
      fieldKey(path),
      JSON.stringify(
        [base, swapped ? theirs : ours, swapped ? ours : theirs].map((value) => value ?? ['absent', value === null]),
      ),
    ])
    .sort()
}

test('M7 merging is deterministic, whatever the order of keys, and changes none of its terms', () => {
  const reversed = (value: FieldValue): FieldValue =>
    isJsonObject(value)
      ? (Object.fromEntries(
          Object.entries(value)
            .filter(([key]) => key !== '__proto__')
            .reverse()
            .map(([key, inner]) => [key, reversed(inner)]),
        ) as JsonObject)
      : value
  const plain = (value: JsonObject | undefined) => reversed(reversed(value)) as JsonObject | undefined
  fc.assert(
    fc.property(sides, (sides) => {
      const input = { base: plain(sides.base), ours: plain(sides.ours), theirs: plain(sides.theirs) }
      const before = JSON.stringify(input)
      const first = mergeObject(terms(input), undefined)
      const again = mergeObject(terms(input), undefined)
      expect(again).toEqual(first)
      const other = mergeObject(
        terms({
          base: reversed(input.base) as JsonObject | undefined,
          ours: reversed(input.ours) as JsonObject | undefined,
          theirs: reversed(input.theirs) as JsonObject | undefined,
        }),
        undefined,
      )
      expect(jsonEquals(other.object?.fields, first.object?.fields)).toBe(true)
      expect(JSON.stringify(input)).toBe(before)
    }),
    RUNS,
  )
})

/** Every value of a record with its path, down to what is no record. */
function leaves(
  value: JsonObject | undefined,
  path: readonly string[] = [],
): readonly (readonly [readonly string[], FieldValue])[] {
  return Object.keys(value ?? {}).flatMap((key) => {
    const inner = own(value!, key)
    const at = [...path, key]
    return isJsonObject(inner) && Object.keys(inner).length > 0 ? leaves(inner, at) : [[at, inner] as const]
  })
}

function at(value: FieldValue, path: readonly string[]): FieldValue {
  return path.reduce<FieldValue>((inner, key) => (isJsonObject(inner) ? own(inner, key) : undefined), value)
}

test('M7 no value of a side vanishes unless the other changed or removed it, or it is contested', () => {
  const near = (a: FieldValue, b: FieldValue) => quaternionEquals(a, b) || vectorEquals(a, b)
  fc.assert(
    fc.property(sides, ({ base, ours, theirs }) => {
      const merge = mergeObject(terms({ base, ours, theirs }), undefined)
      for (const [mine, other] of [
        [ours, theirs],
        [theirs, ours],
      ] as const) {
        for (const [path, value] of leaves(mine)) {
          const kept = jsonEquals(at(merge.object?.fields, path), value)
          const transform = path.length === 1 && ['position', 'quaternion'].includes(path[0]!)
          const changedThere =
            !jsonEquals(at(other, path), at(base, path)) || (other === undefined && base !== undefined)
          const contested = merge.contested.some(
            (field) => path.slice(0, field.path.length).join('\0') === field.path.join('\0'),
          )
          const held = kept || changedThere || contested || (transform && near(at(merge.object?.fields, path), value))
          expect(held, `${JSON.stringify(path)} = ${JSON.stringify(value)}`).toBe(true)
        }
      }
    }),
    RUNS,
  )
})

test('M2 what was written can only add contests, of fields where we differ from both others', () => {
  const path = fc.array(fc.constantFrom('props', 'position', 'pinned', 'a', 'b', '__proto__'), { maxLength: 2 })
  fc.assert(
    fc.property(fields, fields, fc.array(path, { maxLength: 4 }), (base, ours, paths) => {
      const written = new FieldSet()
      for (const path of paths) written.add(path)
      // The world is where the base is: whatever is contested was put back there.
      const merge = mergeObject(terms({ base, ours, theirs: base }), written)
      for (const field of merge.contested) {
        expect(jsonEquals(field.terms.base, field.terms.theirs)).toBe(true)
        expect(jsonEquals(field.terms.ours, field.terms.theirs)).toBe(false)
        expect(written.touches(field.path)).toBe(true)
      }
      expect(same(merge.object, object(ours))).toBe(true)
    }),
    RUNS,
  )
})

test('M2 what was written makes no difference where it is said to make none, and can where it is said to', () => {
  // Sides that often agree with the base, or with each other, in part.
  const some = fc.record({
    base: fc.option(fields, { nil: undefined }),
    edits: fc.array(fields, { minLength: 2, maxLength: 2 }),
    mode: fc.array(fc.constantFrom('base', 'gone', 'mixed', 'other'), { minLength: 2, maxLength: 2 }),
  })
  fc.assert(
    fc.property(some, ({ base, edits, mode }) => {
      const [ours, theirs] = edits.map((edit, index): JsonObject | undefined => {
        if (mode[index] === 'base') return base
        if (mode[index] === 'gone') return undefined
        return mode[index] === 'mixed' ? { ...base, ...edits[0]!, pinned: edit.pinned ?? null } : edit
      })
      const input = terms({ base, ours, theirs })
      const written = new FieldSet()
      for (const record of [base, ours, theirs]) for (const [path] of leaves(record)) written.add(path)
      if (base !== undefined && leaves(base).length === 0) written.add([])
      const same = JSON.stringify(mergeObject(input, written)) === JSON.stringify(mergeObject(input, undefined))
      if (!dependsOnWritten(input)) expect(same).toBe(true)
      else if (ours === undefined || input.theirs === undefined) expect(base).toBeDefined()
      else expect(same).toBe(false)
    }),
    RUNS,
  )
})

/** Rules about the objects above; `managedBy` and `scope` are not among their fields. */
const policies = fc
  .array(
    fc.record(
      {
        type: fc.constantFrom('entity', 'blueprint'),
        id: fc.constantFrom('lamp', 'l*', 'x'),
        field: fc.constantFrom('props', 'position', '*', 'a', 'props.a', 'props.*'),
        owner: fc.constantFrom('local', 'runtime', 'shared'),
        merge: fc.constant('set' as const),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 4 },
  )
  .map((rules) => ({ rules: rules as readonly PolicyRule[] }))

/** What rules settled: field, terms, and who it was; sides and owners exchanged where `swapped`. */
function settled(merge: ObjectMerge, swapped: boolean): readonly unknown[] {
  const other = { local: 'runtime', runtime: 'local', set: 'set', text: 'text' } as const
  return merge.resolved
    .map(({ path, terms: { base, ours, theirs }, value, by }) => [
      fieldKey(path),
      swapped ? other[by] : by,
      ...[base, swapped ? theirs : ours, swapped ? ours : theirs, value].map(
        (term) => JSON.stringify(term) ?? 'absent',
      ),
    ])
    .map((row) => row.join(' '))
    .sort()
}

test('M5 M7 with rules, and their owners mirrored, swapping the sides swaps what is contested and what is settled', () => {
  fc.assert(
    fc.property(sides, policies, ({ base, ours, theirs }, policy) => {
      const there = mergeObject(terms({ base, ours, theirs }), undefined, { policy })
      const back = mergeObject(terms({ base, ours: theirs, theirs: ours }), undefined, { policy: mirrored(policy) })
      expect(contests(back, true)).toEqual(contests(there, false))
      expect(settled(back, true)).toEqual(settled(there, false))
      if (there.contested.length === 0) expect(same(there.object, back.object)).toBe(true)
    }),
    RUNS,
  )
})

test('M2 M5 rules settle what would be contested, and nothing else', () => {
  fc.assert(
    fc.property(sides, policies, (sides, policy) => {
      const bare = mergeObject(terms(sides), undefined)
      const ruled = mergeObject(terms(sides), undefined, { policy })
      const fields = (merge: ObjectMerge) => merge.contested.map(({ path }) => fieldKey(path))
      const decided = [...ruled.contested, ...ruled.resolved].map(({ path }) => fieldKey(path))
      expect(decided.sort()).toEqual(fields(bare).sort())
      expect(bare.resolved).toEqual([])
      // Nobody is given an object that neither side has.
      if (bare.contested.length === 0) expect(ruled).toEqual(bare)
    }),
    RUNS,
  )
})

test('M7 merging what came out again changes nothing, with rules or without', () => {
  fc.assert(
    fc.property(sides, policies, (sides, policy) => {
      const once = mergeObject(terms(sides), undefined, { policy })
      if (once.contested.length > 0) return
      const again = mergeObject({ ...terms(sides), ours: once.object }, undefined, { policy })
      expect(again.contested).toEqual([])
      expect(same(again.object, once.object)).toBe(true)
      const next = mergeObject({ ...terms({ ...sides, base: sides.theirs }), ours: once.object }, undefined, { policy })
      expect(next.contested).toEqual([])
      expect(next.resolved).toEqual([])
      expect(same(next.object, once.object)).toBe(true)
    }),
    RUNS,
  )
})

test('M2 what a step wrote is what differs by it: a line of one step never contests what the states do not', () => {
  fc.assert(
    fc.property(sides, (sides) => {
      const { base, theirs } = terms(sides)
      const written = new FieldSet()
      for (const path of writtenFields(base, theirs)) written.add(path)
      const bare = mergeObject(terms(sides), undefined)
      expect(contests(mergeObject(terms(sides), written), false)).toEqual(contests(bare, false))
    }),
    RUNS,
  )
})
