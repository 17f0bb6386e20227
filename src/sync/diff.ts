import type { Oid } from '../git-bridge/repository.ts'
import { type MergedObject, mergeWorlds, type WorldMerge } from '../git-bridge/world-merge.ts'
import { diffObjects, type FieldChange, type FieldPath } from '../resolvers/fields.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, own } from '../world/json.ts'
import type { Cursor } from '../world/operation.ts'
import type { FieldValue, ObjectKey, WorldObject } from '../world/state.ts'
import { baselineOf } from './baseline.ts'
import { fetchLocked } from './fetch.ts'
import { knownTip } from './known-tip.ts'
import type { Session } from './session.ts'

/** How one object differs. */
export interface ObjectDiff {
  readonly key: ObjectKey
  readonly kind: 'added' | 'changed' | 'removed'
  /** Its file, relative to the project. */
  readonly path: string
  /** Field by field; all fields of an object that is added or removed. Scripts are a field per file. */
  readonly changes: readonly FieldChange[]
  /** Fields that both sides changed; the empty path is the object itself. */
  readonly contested: readonly FieldPath[]
}

export interface WorldDiff {
  readonly worldId: string
  /** How far the world was fetched. */
  readonly cursor: Cursor
  readonly head: Oid
  readonly tip: Oid
  /** The merge base of both: what they were when they last met. */
  readonly base: Oid
  /** What a pull would bring; undefined when not asked for. */
  readonly incoming: readonly ObjectDiff[] | undefined
  /** What a push would change in the world; undefined when not asked for. */
  readonly outgoing: readonly ObjectDiff[] | undefined
}

export interface DiffOptions {
  readonly incoming: boolean
  readonly outgoing: boolean
  /** Ask the world first; else it is compared as it was last fetched, and nothing is sent. */
  readonly fetch: boolean
}

/**
 * What differs between HEAD and the world, object by object, without touching either. Throws `unborn_branch`, `no_line`,
 * `unrelated_histories`, `invalid_files`, and what a fetch throws.
 */
export async function worldDiff(session: Session, options: DiffOptions): Promise<WorldDiff> {
  const { repository, prefix } = session
  if (options.fetch) await fetchLocked(session)
  const head = await repository.resolve('HEAD')
  if (head === undefined) {
    throw new SyncError('unborn_branch', 'This branch has no commit yet.', {
      hint: 'Make a first commit, or run "gamedev sync init".',
    })
  }
  const tip = await knownTip(session, head)
  const base = await baselineOf(session, head, tip.oid)
  // Against the base itself, nothing is merged: every object that the other side changed is read on both sides.
  const against = (ours: Oid, theirs: Oid, literal: boolean): Promise<WorldMerge> =>
    mergeWorlds(repository, prefix, { base, ours, theirs }, { policy: session.lobby?.policy, literal })
  return {
    worldId: tip.trailers.worldId,
    cursor: tip.trailers.cursor,
    head,
    tip: tip.oid,
    base,
    incoming: options.incoming ? diffsOf(await against(tip.oid, base, true)) : undefined,
    outgoing: options.outgoing ? diffsOf(await against(head, tip.oid, false)) : undefined,
  }
}

function diffsOf(merge: WorldMerge): readonly ObjectDiff[] {
  const contested = new Map(merge.contested.map(({ key, fields }) => [key, fields.map(({ path }) => path)]))
  const diffs: ObjectDiff[] = []
  for (const [key, object] of merge.objects) {
    const diff = diffOf(key, object, contested.get(key) ?? [])
    if (diff !== undefined) diffs.push(diff)
  }
  return diffs
}

/** From what the other side has to what our side makes of it; undefined when that is the same. */
function diffOf(key: ObjectKey, object: MergedObject, contested: readonly FieldPath[]): ObjectDiff | undefined {
  const before = object.theirs?.object
  const after = object.merged
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
  const placed = object.ours ?? object.theirs ?? object.base
  if (placed === undefined || (before === undefined && after === undefined)) return undefined
  const changes = changesOf(before, after)
  if (kind === 'changed' && changes.length === 0 && contested.length === 0) return undefined
  return { key, kind, path: placed.path, changes, contested }
}

function changesOf(before: WorldObject | undefined, after: WorldObject | undefined): readonly FieldChange[] {
  const settings = (after ?? before)?.kind === 'settings'
  return (
    diffObjects(before, after)
      // The object's presence is said by the kind; a uid that differs is no change (M1).
      .filter(({ path }) => path.length > 0 && (settings || path[0] !== 'uid'))
      .flatMap((change) => (change.path.length === 1 && change.path[0] === 'scriptFiles' ? perFile(change) : [change]))
  )
}

/** Scripts that come or go as a whole, file by file like those that change. */
function perFile({ path, before, after }: FieldChange): readonly FieldChange[] {
  const files = (value: FieldValue) => (isJsonObject(value) ? value : {})
  const [old, next] = [files(before), files(after)]
  return [...new Set([...Object.keys(old), ...Object.keys(next)])].map((file) => ({
    path: [...path, file],
    before: own(old, file),
    after: own(next, file),
  }))
}
