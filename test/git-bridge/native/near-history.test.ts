import fc from 'fast-check'
import { expect, test } from 'vitest'
import { log, mergeBase } from '../../../src/git-bridge/memory/history.ts'
import { nearHistory, nearMergeBase } from '../../../src/git-bridge/native/near-history.ts'
import { type Commit, type Oid, parseOid, type Repository } from '../../../src/git-bridge/repository.ts'
import { TreeWalk } from '../../../src/git-bridge/tree-walk.ts'
import { tries } from '../../e2e/long.ts'
import { person } from '../contract/vocabulary.ts'

/** Histories of no content: walks without paths read commits alone. */
const commits = new Map<Oid, Commit>()
const read = async (oid: Oid): Promise<Commit> => commits.get(oid)!
const trees = new TreeWalk('sha1', async () => {
  throw new Error('a tree was read')
})

function commitOn(parents: readonly Oid[], minute: number): Oid {
  const oid = parseOid(commits.size.toString(16).padStart(40, '0'))
  const by = person(minute)
  commits.set(oid, { oid, tree: oid, parents, author: by, committer: by, message: '' })
  return oid
}

interface Shape {
  /** For each commit which of those before it are its parents, counted backwards, and how its clock was off. */
  readonly parents: readonly (readonly number[])[]
  readonly skew: readonly number[]
}

const shapes = (skew: number): fc.Arbitrary<Shape> =>
  fc
    .array(fc.record({ back: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 2 }), off: fc.nat(skew) }), {
      minLength: 2,
      maxLength: 40,
    })
    .map((commits) => ({ parents: commits.map(({ back }) => back), skew: commits.map(({ off }) => off) }))

function grown({ parents, skew }: Shape): readonly Oid[] {
  const oids: Oid[] = []
  for (const [n, back] of parents.entries()) {
    const on = back.filter((steps) => steps <= n).map((steps) => oids[n - steps]!)
    oids.push(commitOn(on, n - skew[n]!))
  }
  return oids
}

const listed = async (options: Parameters<Repository['log']>[0]): Promise<readonly Oid[]> => {
  const found: Oid[] = []
  for await (const { oid } of log(read, trees, options)) found.push(oid)
  return found
}

test('a merge base that is near is the best common ancestor, whatever the clocks said', async () => {
  let alone = 0
  await fc.assert(
    fc.asyncProperty(shapes(12), fc.nat(), fc.nat(), async (shape, left, right) => {
      const oids = grown(shape)
      const [a, b] = [oids[left % oids.length]!, oids[right % oids.length]!]
      const near = await nearMergeBase(a, b, read)
      // Of several best, git names one: it is asked.
      if (near === undefined) return
      alone += 1
      expect(near.base).toBe(await mergeBase(read, a, b))
    }),
    tries(300),
  )
  expect(alone).toBeGreaterThan(100)
})

test('a walk that is near lists what the whole history says, in its order', async () => {
  await fc.assert(
    fc.asyncProperty(shapes(0), fc.nat(), fc.nat(), fc.boolean(), async (shape, left, right, firstParent) => {
      const oids = grown(shape)
      const options = {
        include: [oids[left % oids.length]!],
        exclude: [oids[right % oids.length]!, oids[0]!].slice(0, 1 + (right % 2)),
        firstParent,
      }
      const near = await nearHistory(options, read, trees)
      expect(near?.next).toBeUndefined()
      expect(near?.commits.map(({ oid }) => oid)).toEqual(await listed(options))
    }),
    tries(300),
  )
})

test('what is far is left to git', async () => {
  const oids = grown({
    parents: Array.from({ length: 120 }, () => [1]),
    skew: Array.from({ length: 120 }, () => 0),
  })
  const [root, tip] = [oids[0]!, oids.at(-1)!]
  const beside = commitOn([root], 200)
  let reads = 0
  const counted = (oid: Oid): Promise<Commit> => {
    reads += 1
    return read(oid)
  }
  expect(await nearMergeBase(tip, beside, counted)).toBeUndefined()
  expect(await nearHistory({ include: [tip], exclude: [beside] }, counted, trees)).toBeUndefined()
  expect(await nearHistory({ include: [tip], paths: ['f1'] }, counted, trees)).toBeUndefined()
  expect(reads).toBeLessThan(180)
  expect(await nearMergeBase(tip, oids.at(-20)!, counted)).toEqual({ base: oids.at(-20) })
})
