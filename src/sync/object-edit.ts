import type { Oid, Repository, TreeChange } from '../git-bridge/repository.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { readEntityFile } from '../projection/entity.ts'
import { classify } from '../projection/paths.ts'
import { type ObjectKey, objectKey, type WorldObject } from '../world/state.ts'
import type { Session } from './session.ts'

export interface ObjectEdit {
  readonly was: WorldObject | undefined
  readonly is: WorldObject | undefined
}

/** What a commit made of an object since another, mostly its parent; where the files about it are the same, nothing. */
export async function readEdit(
  { repository, prefix }: Session,
  { from, to }: { readonly from: Oid | undefined; readonly to: Oid },
  key: ObjectKey,
): Promise<ObjectEdit> {
  const changed = await repository.diffTrees(from, to, prefix === '' ? undefined : prefix.slice(0, -1))
  const plain = changed.length === 1 ? await readPlain(repository, prefix, changed[0]!, key) : undefined
  if (plain !== undefined) return plain
  const units = unitsOf(changed.map(({ path }) => path.slice(prefix.length)))
  const [was, is] = await Promise.all(
    [from, to].map(async (at) => (await readUnits(repository, at, prefix, units)).objects.get(key)?.object),
  )
  return { was, is }
}

/** One entity's file that names no asset, read by itself: most edits are of that kind. */
async function readPlain(
  repository: Repository,
  prefix: string,
  { path, before, after }: TreeChange,
  key: ObjectKey,
): Promise<ObjectEdit | undefined> {
  const file = path.slice(prefix.length)
  if (classify(file).kind !== 'entity') return undefined
  const sides = [before?.oid, after?.oid]
  const blobs = await repository.readBlobs(sides.filter((oid) => oid !== undefined))
  const read = sides.map((oid) =>
    oid === undefined ? undefined : readEntityFile(file, blobs.get(oid)!, { valueOf: () => undefined }),
  )
  if (read.some((side) => side?.kind === 'invalid')) return undefined
  const [was, is] = read.map((side) =>
    side?.kind === 'ok' && objectKey('entity', side.object.id) === key ? side.object : undefined,
  )
  return { was, is }
}
