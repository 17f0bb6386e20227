import { addNamed } from '../git-bridge/merge-units.ts'
import type { Overwritten, OverwrittenField } from '../git-bridge/rebased.ts'
import { type Commit, type Oid, parseOid } from '../git-bridge/repository.ts'
import { lineAfter } from '../git-bridge/seen.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits, type TreeObjects } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { parseAssetValue } from '../projection/asset-value.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { diffObjects, type FieldPath, fieldAt, fieldKey } from '../resolvers/fields.ts'
import { mergeText } from '../resolvers/text.ts'
import { jsonEquals } from '../world/json.ts'
import type { Cursor } from '../world/operation.ts'
import { type FieldValue, type ObjectKey, parseObjectKey } from '../world/state.ts'
import { baselineOf } from './baseline.ts'
import type { FetchReport } from './fetch.ts'
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
  /** The commit of the line that says so. */
  readonly commit: Oid
  /** It takes a merge of its own to restore it: a whole object, or a script that somebody has gone on from without it. */
  readonly apart: boolean
}

/** A merge of a branch with the line, on the way to the tip that was fetched. */
export interface LossStage {
  /** Up to here. */
  readonly fetched: FetchReport
  /** What takes part in it: the same, or the line just before the loss that ends there. */
  readonly theirs: Oid
  /** What the operations among the news of this stage showed lost takes part in the merge as if the world had it still. */
  readonly restored: (base: Oid, news: readonly Commit[]) => Promise<Overwritten | undefined>
}

export type LossStages = readonly [LossStage, ...LossStage[]]

/** Whether a commit of the line is one by which an object went back, which object; `all`: it holds nothing else. */
export function lossIn(commit: Commit): ObjectKey | 'all' | undefined {
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
    const apart = key === 'all'
    const { oid } = commit
    // With a blueprint's scripts, the modules that it shares went back.
    const touched = [was!, is!].flatMap(({ objects }) => [...objects.keys()])
    for (const about of new Set(apart ? touched : [key, ...touched.filter((at) => at.startsWith('shared:'))])) {
      const [first, ...others] = diffObjects(objectIn(was!, about), objectIn(is!, about))
      if (first === undefined) continue
      // An object that went, or came back, did so as a whole.
      for (const { path, before: value, after: world } of first.path.length === 0 ? [first] : [first, ...others])
        found.set(JSON.stringify([about, fieldKey(path)]), {
          key: about,
          path,
          value,
          world,
          files,
          commit: oid,
          apart,
        })
    }
  }
  if (found.size === 0) return []
  const now = await readAt(session, tip, [...found.values()])
  const open: LostField[] = []
  for (const field of found.values()) {
    const { key, path, value, world } = field
    if (path.length > 0 && holds(now, field, value)) continue
    const object = objectIn(now, key)
    // What is back is so whatever somebody has made of it since.
    const isBack = path.length === 0 && value === undefined && object !== undefined
    if (isBack || holds(now, field, world)) open.push(field)
    else if (await lacks(session, fieldAt(object?.fields, path), field)) open.push({ ...field, apart: true })
  }
  return open
}

/** Whether a lost field has a value; an object that is not there has none in its fields. */
function holds(now: TreeObjects, { key, path }: LostField, value: FieldValue): boolean {
  const object = objectIn(now, key)
  if (path.length === 0) return jsonEquals(object?.fields, value)
  const same = path.length === 1 ? fieldEquality(parseObjectKey(key).kind, path[0]!) : jsonEquals
  return object !== undefined && same(fieldAt(object.fields, path), value)
}

/** Whether a script that was written over since a loss does not hold what was lost of it. */
async function lacks(
  { repository }: Session,
  at: FieldValue,
  { value, world }: Pick<LostField, 'value' | 'world'>,
): Promise<boolean> {
  const oids = [world, value, at].flatMap((text) => parseAssetValue(text)?.oid ?? []).map(parseOid)
  const blobs = await repository.readBlobs(oids)
  const [base, ours, theirs] = oids.map((oid) => blobs.get(oid))
  if (base === undefined || ours === undefined || theirs === undefined) return false
  const merged = mergeText({ base, ours, theirs })
  return merged.kind === 'contested' || !Buffer.from(merged.value).equals(theirs)
}

/**
 * How a branch restores what was lost on its way to a line's tip: merged with the line just before each loss that takes a
 * merge of its own, which it records as taken in, and then with the rest.
 */
export function stagesOf(
  session: Session,
  news: readonly Commit[],
  fetched: FetchReport,
  lost: readonly LostField[],
): LossStages {
  const commits = new Set(lost.flatMap(({ apart, commit }) => (apart ? [commit] : [])))
  const restored: LostField[] = []
  const at = (tip: Oid, cursor: Cursor, theirs: Oid): LossStage => ({
    fetched: { ...fetched, tip, cursor },
    theirs,
    restored: async (base, stage) => {
      const before = [...restored]
      const then = await lostFields(session, stage, theirs)
      const here = then.filter(({ apart, commit }) => !apart && commit !== tip)
      restored.push(...here)
      return here.length + before.length === 0 ? undefined : asRestored(session, base, theirs, here, before)
    },
  })
  const apart = commits.size === 0 ? [] : news.filter((one) => lossIn(one) === 'all' || commits.has(one.oid))
  const stages = apart.map((commit) => at(commit.oid, readTrailers(commit)!.cursor, commit.parents[0]!))
  const last = at(fetched.tip, fetched.cursor, fetched.tip)
  const [first, ...others] = apart.at(-1)?.oid === fetched.tip ? stages : [...stages, last]
  return [first ?? last, ...others]
}

/**
 * For a merge whose baseline is `base`: what was lost takes part in it as if the world had it still. What a merge just
 * before has restored is no change of ours where somebody gave it another value since: theirs is taken.
 */
async function asRestored(
  session: Session,
  base: Oid,
  tip: Oid,
  lost: readonly LostField[],
  restored: readonly LostField[],
): Promise<Overwritten> {
  const all = [...lost, ...restored]
  const before = await readAt(session, base, all)
  const after = await readAt(session, tip, all)
  const byKey = new Map<ObjectKey, OverwrittenField[]>()
  const put = (key: ObjectKey, field: OverwrittenField) => byKey.set(key, [...(byKey.get(key) ?? []), field])
  for (const { key, path, value } of lost) {
    // What came after the baseline has nothing to be compared with but itself.
    const object = objectIn(before, key) ?? objectIn(after, key)
    put(key, { path, value, base: fieldAt(object?.fields, path) })
  }
  for (const field of restored) {
    const { key, path, value, world } = field
    if (holds(after, field, value) || holds(after, field, world)) continue
    put(key, { path, value: fieldAt(objectIn(after, key)?.fields, path), base: value })
  }
  return byKey
}

/** As the sentence and the data of `lost_state` say it. */
export function asLostObjects(lost: readonly LostField[]): readonly LostObject[] {
  const byKey = new Map<ObjectKey, { kind: LostObject['kind']; fields: LostObject['fields'] }>()
  for (const { key, path, value, world } of lost) {
    const known = byKey.get(key)
    if (path.length === 0) byKey.set(key, { kind: world === undefined ? 'gone' : 'back', fields: [] })
    else {
      const fields = [...(known?.fields ?? []), { field: path.join('.'), line: value, world }]
      byKey.set(key, { kind: 'older', fields })
    }
  }
  const objects = [...byKey].map(([object, said]): LostObject => ({ object, ...said }))
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
