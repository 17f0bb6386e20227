import type { Overwritten, OverwrittenField } from '../git-bridge/rebased.ts'
import type { Commit, Oid } from '../git-bridge/repository.ts'
import { type LineTrailers, readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { unitsOf } from '../git-bridge/units.ts'
import { type FieldPath, fieldAt, fieldKey, overlap, writtenFields } from '../resolvers/fields.ts'
import { sameObject } from '../resolvers/object.ts'
import { type JsonObject, jsonEquals } from '../world/json.ts'
import { type ObjectKey, SETTINGS, SPAWN, type WorldObject } from '../world/state.ts'
import type { Landed } from './landed.ts'
import type { JournalOperation, PushJournal } from './push-journal.ts'
import type { Session } from './session.ts'

/** A value that somebody wrote to a field of ours while a push was on its way, neither having seen the other (P5). */
export interface UnseenWrite extends OverwrittenField {
  readonly key: ObjectKey
  /** Who wrote it, and the commit of the line that holds it. */
  readonly by: string
  readonly commit: Oid
  /** Another push replaced ours in turn, and may have seen neither: told, but no side of a conflict any more. */
  readonly gone?: true
}

/** How long after the last operation of a push somebody may have written without having seen it, in milliseconds. */
const WINDOW = 10_000

/**
 * The unseen writes of others to what a push wrote, where the runtime checks no expectations (P5): what our operations
 * replaced that nobody of us had seen — in a whole `props` also what we never meant to change — and what others wrote
 * over ours just after. What an operation wrote is the difference of its commit from its parent.
 *
 * Reads the objects that others wrote to meanwhile, and nothing where there are none.
 */
export async function findUnseen(
  session: Session,
  journal: PushJournal,
  landed: Landed,
  tip: Oid,
): Promise<readonly UnseenWrite[]> {
  const sent = new Map<string, JournalOperation>()
  for (const operation of journal.operations) {
    const heard = landed.found.get(operation.opId)
    if (heard !== undefined) sent.set(heard.opId, operation)
  }
  if (sent.size === 0 || tip === journal.tip) return []
  const kinds = new Map(landed.others.map(({ opId, kind }) => [opId, kind]))
  const times = new Map(landed.others.map(({ opId, ts }) => [opId, Date.parse(ts)]))
  const last = [...landed.found.values()].reduce((latest, { ts }) => Math.max(latest, Date.parse(ts)), 0)
  const isLate = (opId: string) => (times.get(opId) ?? last) - last > WINDOW

  const ours = new Set([...sent.values()].map(({ key }) => key))
  const steps: { readonly commit: Commit; readonly trailers: LineTrailers }[] = []
  const touched = new Set<ObjectKey>()
  for await (const commit of session.repository.log({ include: [tip], exclude: [journal.tip] })) {
    const trailers = readTrailers(commit)
    // Where the line was replaced by another (G7), its cursors still tell what came after.
    if (trailers === undefined || trailers.cursor <= journal.cursor) break
    steps.push({ commit, trailers })
    if (sent.has(trailers.opId)) continue
    for (const key of concerned(trailers, ours)) touched.add(key)
  }
  const tracks = new Map([...touched].map((key) => [key, new Track(key)]))
  for (const { commit, trailers } of steps.reverse()) {
    const keys = concerned(trailers, touched)
    if (keys.length === 0) continue
    const { before, after } = await readStep(session, commit)
    for (const key of keys) {
      const step = { was: before.get(key), is: after.get(key), by: commit.author.name, commit: commit.oid }
      const own = sent.get(trailers.opId)
      const track = tracks.get(key)!
      if (own !== undefined) track.sent(own, step)
      else {
        // A spawn comes over HTTP, whoever pushes it.
        const pushed = trailers.source.startsWith('git:') || trailers.source === 'admin.http'
        track.heard(kinds.get(trailers.opId) ?? '', { late: isLate(trailers.opId), pushed }, step)
      }
    }
  }
  return [...tracks.values()].flatMap((track) => track.unseen())
}

/** Which of some objects a commit of the line is about; one that is about no single object may be about any. */
function concerned({ object }: LineTrailers, keys: ReadonlySet<ObjectKey>): readonly ObjectKey[] {
  const about = object as ObjectKey
  if (keys.has(about)) return [about]
  return object.includes(':') || about === SETTINGS || about === SPAWN ? [] : [...keys]
}

/** For a merge: the unseen writes by object. */
export function asOverwritten(unseen: readonly UnseenWrite[]): Overwritten {
  const byKey = new Map<ObjectKey, OverwrittenField[]>()
  for (const { key, path, value, base, gone } of unseen) {
    if (gone) continue
    const fields = byKey.get(key) ?? []
    byKey.set(key, fields)
    fields.push({ path, value, base })
  }
  return byKey
}

async function readStep(
  { repository, prefix }: Session,
  commit: Commit,
): Promise<Readonly<Record<'before' | 'after', ReadonlyMap<ObjectKey, WorldObject>>>> {
  const parent = commit.parents[0]
  const changed = await repository.diffTrees(parent, commit.oid, prefix === '' ? undefined : prefix.slice(0, -1))
  const units = unitsOf(changed.map(({ path }) => path.slice(prefix.length)))
  const [before, after] = await Promise.all(
    [parent, commit.oid].map((treeish) => readUnits(repository, treeish, prefix, units)),
  )
  const objects = (side: typeof before) => new Map([...side!.objects].map(([key, { object }]) => [key, object]))
  return { before: objects(before), after: objects(after) }
}

interface Step {
  readonly was: WorldObject | undefined
  readonly is: WorldObject | undefined
  readonly by: string
  readonly commit: Oid
}

/** One object on its way through the operations of a push and of others. */
class Track {
  readonly #key: ObjectKey
  /** The object as the push believed it to be, from the first step on. */
  #base: { readonly fields: JsonObject | undefined } | undefined
  /** What others wrote and our operations have not replaced yet. */
  readonly #others = new Map<string, { readonly path: FieldPath; readonly by: string; readonly commit: Oid }>()
  /** What our operations meant to write so far. */
  #ours: readonly FieldPath[] = []
  #whole: 'add' | 'remove' | undefined
  /** What somebody else's newest operation removed, if it did. */
  #removed: { readonly was: WorldObject; readonly by: string; readonly commit: Oid } | undefined
  readonly #unseen = new Map<string, UnseenWrite>()
  /** Which of them ours replaced: whoever has seen ours since has not seen those. */
  readonly #replaced = new Set<UnseenWrite>()
  readonly #gone: UnseenWrite[] = []

  constructor(key: ObjectKey) {
    this.#key = key
  }

  unseen(): readonly UnseenWrite[] {
    return [...this.#unseen.values(), ...this.#gone]
  }

  /** An operation of ours landed. */
  sent(operation: JournalOperation, { was, is }: Step): void {
    this.#base ??= { fields: was?.fields }
    const whole = operation.kind.endsWith('.add') ? 'add' : operation.kind.endsWith('.remove') ? 'remove' : undefined
    if (whole !== undefined) {
      const writer = [...this.#others.values()].at(-1)
      const removed = whole === 'add' && was === undefined ? this.#removed : undefined
      // Another push had brought the object, and somebody removed it who had seen it: ours brings it back.
      if (removed !== undefined) {
        this.#unseen.clear()
        this.#replaced.add(this.#record({ ...removed, path: [] }, undefined, removed.was.fields))
      }
      if (writer !== undefined && was !== undefined && !sameObject(was, is)) {
        this.#unseen.clear()
        this.#replaced.add(this.#record({ ...writer, path: [] }, was.fields, this.#base.fields))
      }
      this.#others.clear()
      this.#whole = whole
      this.#ours = [[]]
      return
    }
    const covers = coveredFields(operation)
    for (const [name, write] of this.#others) {
      if (!covers(write.path)) continue
      this.#others.delete(name)
      const [value, now] = [was, is].map((side) => fieldAt(side?.fields, write.path))
      if (jsonEquals(value, now)) continue
      this.#replaced.add(this.#record(write, value, fieldAt(this.#base.fields, write.path)))
    }
    this.#ours = [...this.#ours, ...meantFields(operation)]
  }

  /** An operation of somebody else's landed; `late`: they must have seen what the push wrote; `pushed`: from files. */
  heard(
    kind: string,
    { late, pushed }: { readonly late: boolean; readonly pushed: boolean },
    { was, is, by, commit }: Step,
  ): void {
    this.#base ??= { fields: was?.fields }
    this.#removed = is === undefined && was !== undefined ? { was, by, commit } : undefined
    const paths = writtenFields(was, is)
    for (const path of paths) {
      // What stands there now is theirs again, seen or not.
      for (const [name, known] of this.#unseen) {
        if (!overlap(known.path, path)) continue
        this.#unseen.delete(name)
        if (pushed && this.#replaced.has(known)) this.#gone.push({ ...known, gone: true })
      }
      this.#others.set(fieldKey(path), { path, by, commit })
    }
    if (late || this.#ours.length === 0 || paths.length === 0) return
    const replaced = kind.endsWith('.add')
    // Whoever changes what we added, or what is not there, has seen it.
    if (this.#whole !== undefined && !replaced) return
    if (is === undefined || replaced) {
      this.#record({ path: [], by, commit }, is?.fields, this.#base.fields)
      return
    }
    for (const path of paths) {
      if (path.length === 0 || !this.#ours.some((mine) => overlap(mine, path))) continue
      this.#record({ path, by, commit }, fieldAt(is.fields, path), fieldAt(this.#base.fields, path))
    }
  }

  #record(
    { path, by, commit }: { readonly path: FieldPath; readonly by: string; readonly commit: Oid },
    value: UnseenWrite['value'],
    base: UnseenWrite['base'],
  ): UnseenWrite {
    const write = { key: this.#key, path, value, base, by, commit }
    this.#unseen.set(fieldKey(path), write)
    return write
  }
}

const SCRIPT_FIELDS = ['scriptFiles', 'scriptEntry', 'scriptFormat', 'scriptRef']

/** Which fields an operation replaces: commands name whole top-level fields (protocol, section 5). */
function coveredFields(operation: JournalOperation): (path: FieldPath) => boolean {
  const fields = new Set(operation.changes.map(({ path }) => path[0]))
  if (operation.scripts) for (const field of SCRIPT_FIELDS) fields.add(field)
  if (operation.kind === 'spawn.update') for (const field of ['position', 'quaternion']) fields.add(field)
  return (path) => path.length > 0 && fields.has(path[0])
}

/** Which fields an operation was planned for. */
function meantFields(operation: JournalOperation): readonly FieldPath[] {
  const scripts = operation.scripts ? SCRIPT_FIELDS.map((field) => [field]) : []
  return [...operation.changes.map(({ path }) => path), ...scripts]
}
