import { expect } from 'vitest'
import type { Repository } from '../../../src/git-bridge/repository.ts'
import type { WorldMerge } from '../../../src/git-bridge/world-merge.ts'
import { quaternionEquals, vectorEquals } from '../../../src/resolvers/equality.ts'
import { type FieldPath, fieldAt, fieldKey, withField } from '../../../src/resolvers/fields.ts'
import type { ContestedField } from '../../../src/resolvers/object.ts'
import { mirrored, type Policy } from '../../../src/resolvers/policy.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, jsonEquals, own } from '../../../src/world/json.ts'
import { type Built, merge, saidIn } from './case.ts'
import { stateOf } from './worlds.ts'

export type State = Readonly<Record<string, Json>>
type Sides = Pick<Built, 'base' | 'ours' | 'theirs'>

const LABELS = async () => ({ ours: 'local', theirs: 'remote' })

/** The state of a merge: contested fields as ours. */
export function keptState(repository: Repository, { tree, conflict }: WorldMerge): Promise<State> {
  return stateOf(repository, tree ?? conflict!.keptTree)
}

/** The state with the contested fields as the world has them. */
export async function withTheirs(repository: Repository, state: State, { contested }: WorldMerge): Promise<State> {
  const swapped: Record<string, Json> = { ...state }
  for (const { key, fields } of contested) {
    for (const { path, terms } of fields) {
      const value = terms.theirs === undefined ? undefined : await saidIn(repository, terms.theirs)
      if (path.length > 0) swapped[key] = withField((swapped[key] ?? {}) as JsonObject, path, value)
      else if (value === undefined) delete swapped[key]
      else swapped[key] = value
    }
  }
  return swapped
}

/**
 * What a state says, without what goes by itself: a `uid` is the world's word (M1), the entry of the scripts follows
 * from the scripts, digits and signs of transforms are one or the other side's (M2).
 */
export function essence(state: State): State {
  const objects = Object.entries(state).map(([key, fields]): [string, Json] => {
    const entries = Object.entries(fields as JsonObject).filter(
      ([field, value]) =>
        !(field === 'uid' && key !== 'settings') &&
        !(key.startsWith('blueprint:') && ['scriptEntry', 'scriptFormat'].includes(field)) &&
        !(field === 'scriptFiles' && isJsonObject(value) && Object.keys(value).length === 0),
    )
    return [key, fromEntries(entries.map(([field, value]) => [field, rough(field, value)]))]
  })
  return fromEntries(objects)
}

function rough(field: string, value: Json): Json {
  if (!['position', 'quaternion', 'scale'].includes(field) || !Array.isArray(value)) return value
  const numbers = value as readonly number[]
  const first = numbers.find((n) => Math.abs(n) > 1e-3) ?? 1
  const sign = field === 'quaternion' && first < 0 ? -1 : 1
  return numbers.map((n) => Number((n * sign).toPrecision(4)) + 0).map((n) => (Math.abs(n) < 1e-4 ? 0 : n))
}

/** M7: swapping the sides swaps the conflict and nothing else, where neither is the world's own line. */
export async function checkSwap(repository: Repository, { base, ours, theirs }: Sides, policy?: Policy): Promise<void> {
  const there = await merge(repository, { base, ours, theirs }, { policy, conflicts: LABELS, literal: true })
  const back = await merge(
    repository,
    { base, ours: theirs, theirs: ours },
    { policy: policy && mirrored(policy), conflicts: LABELS, literal: true },
  )
  expect(contests(back, true)).toEqual(contests(there, false))
  expect(settled(back, true)).toEqual(settled(there, false))
  const expected = await withTheirs(repository, await keptState(repository, there), there)
  expect(essence(await keptState(repository, back))).toEqual(essence(expected))
}

function contests({ contested }: WorldMerge, swapped: boolean): readonly string[] {
  return contested
    .flatMap(({ key, fields }) => fields.map((field) => JSON.stringify([key, ...spelled(field, swapped)])))
    .sort()
}

function settled({ resolved }: WorldMerge, swapped: boolean): readonly string[] {
  const other = { local: 'runtime', runtime: 'local', set: 'set', text: 'text' } as const
  return resolved
    .flatMap(({ key, fields }) =>
      fields.map((field) => {
        const value = isWhole(field.path) ? field.value !== undefined : sorted(field.value)
        return JSON.stringify([key, ...spelled(field, swapped), swapped ? other[field.by] : field.by, value])
      }),
    )
    .sort()
}

/** A field and its terms, so that two merges can be compared; of whole objects only where there are any. */
function spelled({ path, terms }: Pick<ContestedField, 'path' | 'terms'>, swapped: boolean): readonly unknown[] {
  const [ours, theirs] = swapped ? [terms.theirs, terms.ours] : [terms.ours, terms.theirs]
  const all = [terms.base, ours, theirs]
  return [fieldKey(path), ...all.map((value) => (isWhole(path) ? value !== undefined : (sorted(value) ?? 'absent')))]
}

function isWhole(path: FieldPath): boolean {
  return path.length === 0
}

function sorted(value: Json | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => sorted(item as Json))
  if (!isJsonObject(value)) return value
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sorted(item)])
}

/** M7: merging twice is merging once, and so is merging what came out of it. */
export async function checkAgain(repository: Repository, sides: Sides, policy?: Policy): Promise<void> {
  const options = { policy, conflicts: LABELS }
  const once = await merge(repository, sides, options)
  const again = await merge(repository, sides, options)
  expect([again.tree, again.conflict, again.contested, again.resolved]).toEqual([
    once.tree,
    once.conflict,
    once.contested,
    once.resolved,
  ])
  if (once.tree === undefined) return
  const who = { name: 'Ada', email: 'ada@example.com', time: 1_700_000_000, offset: 0 }
  const merged = await repository.writeCommit({
    tree: once.tree,
    parents: [sides.ours, sides.theirs],
    author: who,
    committer: who,
    message: 'merge\n',
  })
  // A text that came out of two may lie otherwise over the base than they did: lines are told by likeness only.
  const isText = once.resolved.some(({ fields }) => fields.some(({ by }) => by === 'text'))
  for (const base of isText ? [sides.theirs] : [sides.base, sides.theirs]) {
    const more = await merge(repository, { base, ours: merged, theirs: sides.theirs }, options)
    expect(more.contested).toEqual([])
    expect(essence(await stateOf(repository, more.tree!))).toEqual(essence(await stateOf(repository, once.tree)))
  }
}

/** M7: merging with an unchanged side gives the other. */
export async function checkUnchanged(repository: Repository, { base, ours, theirs }: Sides): Promise<void> {
  for (const [sides, expected] of [
    [{ base, ours: base, theirs }, theirs],
    [{ base, ours, theirs: base }, ours],
    [{ base, ours, theirs: ours }, ours],
  ] as const) {
    const result = await merge(repository, sides, { conflicts: LABELS })
    expect(result.contested).toEqual([])
    expect(result.resolved).toEqual([])
    expect(essence(await stateOf(repository, result.tree!))).toEqual(essence(await stateOf(repository, expected)))
  }
}

/**
 * M7 and M5: no value of a side vanishes unless the other side changed or removed it; and what a side changed itself
 * only where it is told, as contested or as settled by a rule. What the line has had since the base and removed, the other
 * side removed.
 */
export async function checkKept(repository: Repository, sides: Sides, policy?: Policy): Promise<void> {
  const result = await merge(repository, sides, { policy, conflicts: LABELS, literal: true })
  const merged = await keptState(repository, result)
  const [base, ours, theirs] = await Promise.all(
    [sides.base, sides.ours, sides.theirs].map((commit) => stateOf(repository, commit)),
  )
  const passed: State[] = []
  for await (const { oid } of repository.log({ include: [sides.theirs], exclude: [sides.base] })) {
    passed.push(await stateOf(repository, oid))
  }
  const told = new Set(
    [...result.contested, ...result.resolved].flatMap(({ key, fields }) =>
      fields.map(({ path }) => JSON.stringify([key, ...path])),
    ),
  )
  const isTold = (at: readonly string[]) => at.some((_, i) => told.has(JSON.stringify(at.slice(0, i + 1))))
  for (const [mine, other] of [
    [ours!, theirs!],
    [theirs!, ours!],
  ] as const) {
    for (const [key, fields] of Object.entries(mine)) {
      for (const [path, value] of leaves(fields)) {
        if (path[0] === 'uid' || path[0] === 'scriptEntry' || path[0] === 'scriptFormat') continue
        const at = (state: State) => fieldAt(own(state, key) as JsonObject | undefined, path)
        const held =
          same(path, at(merged), value) ||
          // An empty record that others filled.
          (isJsonObject(value) && isJsonObject(at(merged))) ||
          isTold([key, ...path]) ||
          (own(other, key) === undefined && passed.some((state) => same(path, at(state), value))) ||
          // The other side's doing, as far as this side left it alone.
          (same(path, at(base!), value) && !same(path, at(other), value)) ||
          (path.length > 1 && same(path, at(base!), value))
        expect(held, `${key} ${JSON.stringify(path)} = ${JSON.stringify(value)}`).toBe(true)
      }
      const hasPassed = passed.some((state) => jsonEquals(essence(pick(state, key)), essence({ [key]: fields })))
      if (own(merged, key) === undefined && !isTold([key]) && !(hasPassed && own(other, key) === undefined)) {
        expect(own(base!, key), `${key} was there`).toBeDefined()
        expect(essence({ [key]: fields }), `${key} was left alone`).toEqual(essence({ [key]: own(base!, key)! }))
      }
    }
  }
}

function pick(state: State, key: string): State {
  const fields = own(state, key)
  return fields === undefined ? {} : { [key]: fields as JsonObject }
}

function same(path: FieldPath, a: Json | undefined, b: Json | undefined): boolean {
  if (path.length > 1) return jsonEquals(a, b)
  if (path[0] === 'quaternion') return quaternionEquals(a, b)
  return path[0] === 'position' || path[0] === 'scale' ? vectorEquals(a, b) : jsonEquals(a, b)
}

/** Every value of an object with its path, down to what is no record. */
function leaves(value: Json, path: FieldPath = []): readonly (readonly [FieldPath, Json])[] {
  if (!isJsonObject(value) || Object.keys(value).length === 0) return path.length === 0 ? [] : [[path, value]]
  return Object.keys(value).flatMap((key) => leaves(own(value, key)!, [...path, key]))
}
