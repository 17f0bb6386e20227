import { expect } from 'vitest'
import { type CaseBuilder, contestsOf, type MergeCase, merge, settledOf } from './case.ts'
import { fileOf } from './plaza.ts'
import { commitWorld, filesOf, stateOf } from './worlds.ts'

const LABELS = async () => ({ ours: 'local', theirs: 'remote' })

/** Merges a case and holds the outcome against what the table says of it. */
export async function check(builder: CaseBuilder, one: MergeCase): Promise<void> {
  const { repository, layout } = builder
  const built = await builder.build(one)
  const result = await merge(repository, built, { policy: one.policy, conflicts: LABELS })
  const contested = one.contested ?? []
  expect(await contestsOf(repository, result)).toEqual(contested)
  expect(await settledOf(repository, result)).toEqual(one.resolved ?? [])
  const dangling = result.contested.flatMap(({ fields }) => fields.flatMap((field) => field.dangling ?? []))
  expect(dangling.toSorted()).toEqual(one.dangling ?? [])
  // Contested fields hold our value, everything else is merged.
  expect(result.tree === undefined).toBe(contested.length > 0)
  expect(result.conflict === undefined).toBe(contested.length === 0)
  const tree = result.tree ?? result.conflict!.keptTree
  const expected = await commitWorld(repository, undefined, built.expected, layout)
  expect(await stateOf(repository, tree)).toEqual(await stateOf(repository, expected))
  const paths = (await repository.listFiles(tree)).map(({ path }) => path)
  expect(paths).toEqual([...filesOf(built.expected, layout).keys()].sort(byBytes))
  const files = one.files?.map((path) => path.replace(/\{(.*)\}/, (_, id) => fileOf(`entity:${id}`, layout)))
  expect(result.conflict?.files.map(({ path }) => path) ?? []).toEqual(
    [...new Set(files ?? contested.map(([key]) => fileOf(key, layout)))].sort(),
  )
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
