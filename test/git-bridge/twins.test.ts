import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMemoryRepository } from '../../src/git-bridge/memory/memory-repository.ts'
import type { NewCommit, Oid, Repository, TreeEdit } from '../../src/git-bridge/repository.ts'
import { tries } from '../e2e/long.ts'
import { collect, commitOn, newCommit, text, UNUSUAL_PATHS } from './contract/vocabulary.ts'
import { type NativeFixture, nativeFixture } from './native-fixture.ts'

/** The same work on the native repository and its twin in memory gives the same ids and the same answers. */
let fixture: NativeFixture
let twin: Repository
let runs = 0
beforeAll(async () => {
  fixture = await nativeFixture()
  twin = await createMemoryRepository()
})
afterAll(() => fixture.dispose())

const BLOB = text('known\n')

const path = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', 'a.b', 'a0', 'a-'), { minLength: 1, maxLength: 3 })
    .map((names) => names.join('/')),
  fc.constantFrom(...UNUSUAL_PATHS),
)
const edit: fc.Arbitrary<TreeEdit> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('write' as const), path, bytes: fc.constantFrom('', '1', '2').map(text) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), path }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      path,
      mode: fc.constantFrom('100644' as const, '100755' as const, '120000' as const),
      oid: fc.constant('').map(() => twin.hashBlob(BLOB)),
    }),
  },
)
const commits = fc.array(fc.array(edit, { maxLength: 5 }), { minLength: 1, maxLength: 8 })

const both = async <T>(ask: (repository: Repository) => Promise<T>): Promise<readonly [T, T]> => [
  await ask(fixture.repository),
  await ask(twin),
]

test('imports of any edits', async () => {
  await both((repository) => repository.writeBlobs([BLOB]))
  await fc.assert(
    fc.asyncProperty(commits, commits, async (first, second) => {
      runs += 1
      const ref = `refs/lobby/run-${runs}`
      const steps = (edits: readonly (readonly TreeEdit[])[]): NewCommit[] =>
        edits.map((step, n) => newCommit(n, step, `${n}\n\nLobby-Tree: {tree}\n`))
      const [native, memory] = await both(async (repository) => {
        const root = await repository.importCommits(ref, undefined, undefined, steps(first), 'test')
        const at = root.kind === 'imported' ? root.tip : undefined
        const tip = await repository.importCommits(ref, at, at, steps(second), 'test')
        const now = tip.kind === 'imported' ? tip.tip : (at as Oid)
        const { tree } = await repository.readCommit(now)
        return {
          root,
          tip,
          tree,
          rebuilt: await repository.writeTree((await repository.readCommit(at as Oid)).tree, second.flat()),
          files: await repository.listFiles(now),
          changes: new Set(await repository.diffTrees(at, now)),
        }
      })
      expect(native).toEqual(memory)
      expect(native.rebuilt).toBe(native.tree)
    }),
    tries(12),
  )
})

test('histories of any shape', async () => {
  const history = fc.array(
    fc.record({
      parents: fc.array(fc.nat(), { maxLength: 2 }),
      edits: fc.array(
        fc.record({
          kind: fc.constant('write' as const),
          path: fc.constantFrom('w/a', 'w/b', 'x'),
          bytes: fc.constantFrom('1', '2').map(text),
        }),
        { maxLength: 2 },
      ),
    }),
    { minLength: 2, maxLength: 9 },
  )
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), fc.nat(), async (shape, x, y) => {
      const [native, memory] = await both(async (repository) => {
        const oids: Oid[] = []
        for (const [n, { parents, edits }] of shape.entries()) {
          const chosen = n === 0 ? [] : [...new Set(parents.map((parent) => oids[parent % n] as Oid))]
          oids.push(await commitOn(repository, chosen, n, edits))
        }
        const [a, b] = [oids[x % oids.length] as Oid, oids[y % oids.length] as Oid]
        const tip = oids.at(-1) as Oid
        return {
          base: await repository.mergeBase(a, b),
          ancestor: await repository.isAncestor(a, b),
          whole: await collect(repository.log({ include: [tip, a] })),
          range: await collect(repository.log({ include: [tip], exclude: [b] })),
          limited: await collect(repository.log({ include: [tip, a], exclude: [b], paths: ['w'] })),
          file: await collect(repository.log({ include: [tip], paths: ['w/a', 'x'], limit: 3 })),
          first: await collect(repository.log({ include: [tip], paths: ['w'], firstParent: true })),
        }
      })
      expect(native).toEqual(memory)
    }),
    tries(12),
  )
})
