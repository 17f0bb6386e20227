import type { ObjectMerge } from '../resolvers/object.ts'
import type { Terms } from '../resolvers/terms.ts'
import { danglingDeletions, type MergedSides } from '../resolvers/whole.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Oid, Repository, TreeChange } from './repository.ts'
import { type PlacedObject, readUnits } from './tree-objects.ts'
import { unitsOf } from './units.ts'

/**
 * Deletions that leave something dangling (M6). What only the world changed was not read yet: it is, where we deleted a
 * blueprint that it may have come to use.
 */
export async function findDangling(
  repository: Repository,
  prefix: string,
  commits: { readonly base: Oid | undefined; readonly theirs: Oid },
  unread: readonly TreeChange[],
  terms: ReadonlyMap<ObjectKey, Terms<PlacedObject | undefined>>,
  merges: ReadonlyMap<ObjectKey, ObjectMerge>,
): Promise<ReadonlyMap<ObjectKey, readonly ObjectKey[]>> {
  const sides = new Map<ObjectKey, MergedSides>()
  let deleted = false
  for (const [key, { base, ours, theirs }] of terms) {
    const { object: merged, contested } = merges.get(key)!
    const open = contested.length > 0
    sides.set(key, { base: base?.object, ours: ours?.object, theirs: theirs?.object, merged, contested: open })
    if (key.startsWith('blueprint:') && ours === undefined && theirs !== undefined && merged === undefined)
      deleted = true
  }
  if (deleted) {
    const units = unitsOf(unread.map(({ path }) => path))
    const [was, is] = await Promise.all([
      readUnits(repository, commits.base, prefix, units),
      readUnits(repository, commits.theirs, prefix, units),
    ])
    for (const [key, { object }] of is.objects) {
      if (sides.has(key)) continue
      const before = was.objects.get(key)?.object
      sides.set(key, { base: before, ours: before, theirs: object, merged: object, contested: false })
    }
  }
  return danglingDeletions(sides)
}
