import type { Commit, Oid, Repository } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { diffObjects, type FieldPath, fieldAt } from '../resolvers/fields.ts'
import { sameObject } from '../resolvers/object.ts'
import { jsonEquals } from '../world/json.ts'
import { type FieldValue, type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import { takenIn } from './baseline.ts'
import { type BroughtBack, findBringer } from './brought-back.ts'
import { readEdit } from './object-edit.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'

/** An edit of somebody in the world that a push would undo, though the branch has taken it in (P7). */
export interface UndoneEdit {
  readonly key: ObjectKey
  /** The empty path: the object itself. */
  readonly path: FieldPath
  /** What became of the object itself, where that is known. */
  readonly change?: 'addition' | 'removal' | 'change'
  readonly by: string
  readonly commit: Oid
  /** The commit that undoes it is a `git revert`. */
  readonly reverted: boolean
}

/** How far back the line is looked at, in commits, and how many of these are read. */
const LOOK_BACK = 1_000
const READ = 200

/** A field that a push writes, followed back through the operations that made its present value. */
interface Watched {
  readonly path: FieldPath
  /** The commit that the push sends it for. */
  readonly for: Oid
  /** What the push makes of it. */
  readonly after: FieldValue
  /** What it holds before the operation that is looked at next. */
  value: FieldValue
  readonly edits: UndoneEdit[]
}

/**
 * The edits that a push would undo: it puts a field back to what it was before operations that the base already holds,
 * as a reverted pull does (P7), or adds an object that somebody has removed, be it another now, unless somebody was asked
 * and decided that. What was pushed from this branch does not count; nor does deleting what somebody added, unless a revert
 * does it. Only the latest commits of the line are looked at, and only those about the objects of the plan.
 */
export async function findUndone(
  session: Session,
  operations: readonly PlannedOperation[],
  { base, head }: { readonly base: Oid; readonly head: Oid },
): Promise<readonly UndoneEdit[]> {
  const { repository } = session
  const watched = new Map<ObjectKey, Watched[]>()
  for (const operation of operations) {
    const fields = await watch(session, operation)
    if (fields.length > 0) watched.set(operation.key, [...(watched.get(operation.key) ?? []), ...fields])
  }
  const undone: UndoneEdit[] = []
  let reads = 0
  // The line is one chain, walked from its end: whoever had taken it in up to a commit knew what comes after that here.
  const passed = new Set<Oid>()
  const reached = new Map<Oid, Promise<Oid | undefined>>()
  const knew = async (commit: Oid): Promise<boolean> => {
    const furthest = reached.get(commit) ?? takenIn(session, commit, base)
    reached.set(commit, furthest)
    const oid = await furthest
    return oid !== undefined && passed.has(oid)
  }
  // A push leaves many commits of few sources.
  const known = new Map<string, Promise<boolean>>()
  const ours = (source: string, commit: Oid): Promise<boolean> => {
    const answer = known.get(`${commit} ${source}`) ?? isOurs(repository, source, commit)
    known.set(`${commit} ${source}`, answer)
    return answer
  }
  // A merge that keeps what was removed over HTTP is nobody's wish, whoever that was.
  const isOwn = async (source: string, { from, merge }: Pick<BroughtBack, 'from'> & Partial<BroughtBack>) => {
    if (merge === true && !source.startsWith('git:')) return false
    for (const commit of from) if (!(await ours(source, commit))) return false
    return from.length > 0
  }
  const reverting = new Map<Oid, Promise<boolean>>()
  const reverts = (commit: Oid): Promise<boolean> => {
    const known = reverting.get(commit) ?? repository.readCommit(commit).then(isRevert)
    reverting.set(commit, known)
    return known
  }
  for await (const commit of repository.log({ include: [base], limit: LOOK_BACK })) {
    if (watched.size === 0 || reads >= READ) break
    passed.add(commit.oid)
    const trailers = readTrailers(commit)
    const key = trailers?.object as ObjectKey | undefined
    const fields = key === undefined ? undefined : watched.get(key)
    if (trailers === undefined || key === undefined || fields === undefined) continue
    reads++
    const { was, is } = await readEdit(session, { from: commit.parents[0], to: commit.oid }, key)
    const left: Watched[] = []
    for (const field of fields) {
      const equal = equality(key, field.path)
      const [before, after] = [was, is].map((side) => valueAt(side, field.path))
      if (equal(before, after)) left.push(field)
      else if (field.path.length === 0 && field.value === undefined && after === undefined) {
        const bringer = await findBringer(session, head, { key, knew, removal: commit })
        if (bringer?.decided === true || (await isOwn(trailers.source, bringer ?? { from: [field.for] }))) continue
        const reverted = bringer !== undefined && isRevert(bringer.commit)
        undone.push({ key, path: [], change: 'removal', by: commit.author.name, commit: commit.oid, reverted })
        // What was done to it before is undone as well, where it is put back to what it was before that.
        field.value = before
        if (!equal(before, field.after)) left.push(field)
      }
      // Ours, or not what led to the present value: from here on it is nobody's edit that is undone.
      else if (!equal(after, field.value) || (await ours(trailers.source, field.for))) continue
      // Settled the other way when it was merged, not undone since.
      else if (!(await knew(field.for))) continue
      else {
        const reverted = await reverts(field.for)
        const change = field.path.length > 0 ? {} : ({ change: before === undefined ? 'addition' : 'change' } as const)
        field.edits.push({ key, path: field.path, ...change, by: commit.author.name, commit: commit.oid, reverted })
        field.value = before
        if (equal(before, field.after)) undone.push(...field.edits)
        else left.push(field)
      }
    }
    if (left.length > 0) watched.set(key, left)
    else watched.delete(key)
  }
  return undone
}

/**
 * What was pushed of a commit that the branch has itself: undoing it is the branch's own business. What others pushed from
 * elsewhere came by the world like any edit. Requests over HTTP cannot say whose they are (protocol, section 5).
 */
export async function isOurs(repository: Repository, source: string, commit: Oid): Promise<boolean> {
  const origin = /^git:([0-9a-f]{40}(?:[0-9a-f]{24})?)$/.exec(source)?.[1] as Oid | undefined
  if (origin === undefined) return source === 'admin.http'
  return (await repository.hasObject(origin)) && (await repository.isAncestor(origin, commit))
}

/** The fields of an operation that may put something back: those that it changes; of an object that comes or goes, itself. */
async function watch(session: Session, operation: PlannedOperation): Promise<readonly Watched[]> {
  const { kind, before, after, setting, scripts } = operation
  if (before === undefined || after === undefined) {
    if (kind.endsWith('.remove') && !isRevert(await session.repository.readCommit(operation.by.commit))) return []
    return [{ path: [], for: operation.by.commit, after: after?.fields, value: before?.fields, edits: [] }]
  }
  const planned = operation.changes
  const changes = diffObjects(before, after).filter(({ path }) =>
    setting === undefined
      ? scripts || planned.some((change) => change.path.every((part, index) => path[index] === part))
      : path[0] === setting,
  )
  const { commit } = operation.by
  return changes.map(({ path, before: value, after: put }) => ({ path, for: commit, after: put, value, edits: [] }))
}

/** Whether `git revert` made a commit, as its message says. */
export function isRevert({ message }: Pick<Commit, 'message'>): boolean {
  return /^This reverts commit [0-9a-f]{7,64}/m.test(message)
}

function valueAt(object: WorldObject | undefined, path: FieldPath): FieldValue {
  return path.length === 0 ? object?.fields : fieldAt(object?.fields, path)
}

/** Equality of a field's values; of whole objects, what the runtime fills in apart. */
function equality(key: ObjectKey, path: FieldPath): (a: FieldValue, b: FieldValue) => boolean {
  const { kind, id } = parseObjectKey(key)
  if (path.length === 1) return fieldEquality(kind, path[0]!)
  if (path.length > 1) return jsonEquals
  return (a, b) => {
    if (a === undefined || b === undefined) return a === b
    const [left, right] = [a, b].map((fields) => ({ kind, id, fields: fields as WorldObject['fields'] }))
    return sameObject(left, right)
  }
}
