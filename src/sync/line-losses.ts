import { addNamed } from '../git-bridge/merge-units.ts'
import type { Overwritten, OverwrittenField } from '../git-bridge/rebased.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { lineAfter } from '../git-bridge/seen.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits, type TreeObjects } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { diffObjects, type FieldPath, fieldAt, fieldKey } from '../resolvers/fields.ts'
import { jsonEquals } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey } from '../world/state.ts'
import { baselineOf } from './baseline.ts'
import type { LostObject } from './lost-state.ts'
import type { Session } from './session.ts'
import { olderIn } from './unannounced.ts'

/** A field that the line shows gone back behind the feed, as an operation's snapshot brought it to light (G11). */
export interface LostField {
  readonly key: ObjectKey
  readonly path: FieldPath
  /** What was lost. */
  readonly value: FieldValue
  /** What the world has instead. */
  readonly world: FieldValue
  /** The files that hold the object. */
  readonly files: readonly string[]
}

/** Whether a commit of the line is one by which an object went back; which object. */
export function lossIn(commit: Commit): ObjectKey | undefined {
  return readTrailers(commit)?.object === 'snapshot' ? olderIn(commit.message) : undefined
}

/** What such commits of a line took away, oldest first, and what its tip does not have from someone else since. */
export async function lostFields(
  session: Session,
  commits: readonly Commit[],
  tip: Oid,
): Promise<readonly LostField[]> {
  const { repository, prefix } = session
  const found = new Map<string, LostField>()
  for (const commit of commits) {
    const key = lossIn(commit)
    const parent = commit.parents[0]
    if (key === undefined || parent === undefined) continue
    const changed = await repository.diffTrees(parent, commit.oid, prefix === '' ? undefined : prefix.slice(0, -1))
    const files = changed.map(({ path }) => path.slice(prefix.length))
    const units = unitsOf(files)
    const [was, is] = await Promise.all([parent, commit.oid].map((at) => readUnits(repository, at, prefix, units)))
    // With a blueprint's scripts, the modules that it shares went back.
    const modules = [was!, is!].flatMap(({ objects }) => [...objects.keys()].filter((at) => at.startsWith('shared:')))
    for (const about of new Set([key, ...modules])) {
      for (const { path, before, after } of diffObjects(objectIn(was!, about), objectIn(is!, about)))
        found.set(JSON.stringify([about, fieldKey(path)]), { key: about, path, value: before, world: after, files })
    }
  }
  if (found.size === 0) return []
  const now = await readAt(session, tip, [...found.values()])
  return [...found.values()].filter(({ key, path, value, world }) => {
    const object = objectIn(now, key)
    const same = path.length === 1 ? fieldEquality(parseObjectKey(key).kind, path[0]!) : jsonEquals
    const at = fieldAt(object?.fields, path)
    return object !== undefined && same(at, world) && !same(at, value)
  })
}

/** For a merge whose baseline is `base`: what was lost takes part in it as if the world had it still. */
export async function asRestored(
  session: Session,
  base: Oid,
  tip: Oid,
  lost: readonly LostField[],
): Promise<Overwritten> {
  const before = await readAt(session, base, lost)
  const after = await readAt(session, tip, lost)
  const byKey = new Map<ObjectKey, OverwrittenField[]>()
  for (const { key, path, value } of lost) {
    const fields = byKey.get(key) ?? []
    byKey.set(key, fields)
    // What came after the baseline has nothing to be compared with but itself.
    const object = objectIn(before, key) ?? objectIn(after, key)
    fields.push({ path, value, base: fieldAt(object?.fields, path) })
  }
  return byKey
}

/** As the sentence and the data of `lost_state` say it. */
export function asLostObjects(lost: readonly LostField[]): readonly LostObject[] {
  const byKey = new Map<ObjectKey, { field: string; line: unknown; world: unknown }[]>()
  for (const { key, path, value, world } of lost) {
    const fields = byKey.get(key) ?? []
    byKey.set(key, fields)
    fields.push({ field: path.join('.'), line: value, world })
  }
  const objects = [...byKey].map(([object, fields]): LostObject => ({ object, kind: 'older', fields }))
  return objects.toSorted((a, b) => (a.object < b.object ? -1 : 1))
}

/** The objects that lost fields are of, wherever a commit has them: a blueprint may have got a folder of its own since. */
async function readAt({ repository, prefix }: Session, commit: Oid, lost: readonly LostField[]): Promise<TreeObjects> {
  const units = unitsOf(lost.flatMap(({ files }) => files))
  await addNamed(units, repository, prefix, [commit], new Map(lost.map((field) => [field.key, field])))
  return readUnits(repository, commit, prefix, units)
}

function objectIn({ objects }: TreeObjects, key: ObjectKey) {
  return objects.get(key)?.object
}

/** What the line holds of losses that neither HEAD nor the merge under way has settled. */
export async function openLosses(session: Session, tip: Oid): Promise<readonly LostField[]> {
  const { repository } = session
  const [head, merging] = await Promise.all([repository.resolve('HEAD'), repository.resolve('MERGE_HEAD')])
  if (head === undefined) return []
  const base = await baselineOf(session, head, tip)
  const settled = [base, merging].filter((oid) => oid !== undefined)
  return settled.includes(tip) ? [] : lostFields(session, await lineAfter(repository, settled, tip), tip)
}
