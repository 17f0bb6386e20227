import type { Commit, Oid } from '../../../src/git-bridge/repository.ts'
import { type Objects, readCommit } from './objects.ts'
import { DateQueue } from './queue.ts'

/** From which of the two a commit was reached, and whether it is an ancestor of a common one. */
const ONE = 1
const TWO = 2
const STALE = 4
const RESULT = 8

/** The best common ancestors, newest first, as `git merge-base --all` lists them. */
export function mergeBases(objects: Objects, one: Oid, two: Oid): readonly Oid[] {
  if (one === two) return [readCommit(objects, one).oid]
  const found = paint(objects, one, two)
  if (found.length < 2) return found.map(({ oid }) => oid)
  const best = found.filter(
    ({ oid }) => !found.some((other) => other.oid !== oid && isAncestor(objects, oid, other.oid)),
  )
  return best.sort((a, b) => b.committer.time - a.committer.time).map(({ oid }) => oid)
}

/** git's own walk, by date: in the same order where dates are equal. */
function paint(objects: Objects, one: Oid, two: Oid): Commit[] {
  const flags = new Map<Oid, number>([
    [one, ONE],
    [two, TWO],
  ])
  const queue = new DateQueue()
  for (const oid of [one, two]) queue.push(readCommit(objects, oid))
  const results: Commit[] = []
  while (queue.some(({ oid }) => (flags.get(oid)! & STALE) === 0)) {
    const commit = queue.pop()!
    let flag = flags.get(commit.oid)! & (ONE | TWO | STALE)
    if (flag === (ONE | TWO)) {
      if ((flags.get(commit.oid)! & RESULT) === 0) {
        flags.set(commit.oid, flags.get(commit.oid)! | RESULT)
        results.push(commit)
      }
      flag |= STALE
    }
    for (const parent of commit.parents) {
      const known = flags.get(parent) ?? 0
      if ((known & flag) === flag) continue
      flags.set(parent, known | flag)
      queue.push(readCommit(objects, parent))
    }
  }
  return results
    .filter(({ oid }) => (flags.get(oid)! & STALE) === 0)
    .sort((a, b) => b.committer.time - a.committer.time)
}

export function isAncestor(objects: Objects, ancestor: Oid, descendant: Oid): boolean {
  readCommit(objects, ancestor)
  const seen = new Set<Oid>()
  const open = [descendant]
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (oid === ancestor) return true
    if (seen.has(oid)) continue
    seen.add(oid)
    open.push(...readCommit(objects, oid).parents)
  }
  return false
}

/** Every commit that can be reached from these, themselves included. */
export function ancestors(objects: Objects, from: Iterable<Oid>): Set<Oid> {
  const found = new Set<Oid>()
  const open = [...from]
  for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
    if (found.has(oid)) continue
    found.add(oid)
    open.push(...readCommit(objects, oid).parents)
  }
  return found
}
