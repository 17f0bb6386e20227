import { fromEntries, isJsonObject, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { FieldValue, ObjectKey, ObjectKind, WorldObject } from '../world/state.ts'
import { fieldEquality } from './equality.ts'
import { type FieldPath, type FieldSet, unionKeys, withField } from './fields.ts'
import { DEFAULT_POLICY, decideOwnership, type Policy, type PolicySubject } from './policy.ts'
import { mergeSets } from './sets.ts'
import { resolve, type Terms } from './terms.ts'

/** One field that both sides changed, differently. The empty path is the object itself: deleted here, changed there. */
export interface ContestedField {
  readonly path: FieldPath
  readonly terms: Terms<FieldValue>
  /** M6: no side changed this object's content, but deleting it would leave these without what they name. */
  readonly dangling?: readonly ObjectKey[]
}

/** One field that both sides changed, differently, and that was settled all the same: reported, never silent (M5). */
export interface ResolvedField {
  readonly path: FieldPath
  readonly terms: Terms<FieldValue>
  readonly value: FieldValue
  /** What decided: ownership, a union of sets, or a merge of texts. */
  readonly by: 'local' | 'runtime' | 'set' | 'text'
}

export interface ObjectMerge {
  /** The merged object; contested fields hold our value. Undefined: the object is gone. */
  readonly object: WorldObject | undefined
  readonly contested: readonly ContestedField[]
  readonly resolved: readonly ResolvedField[]
}

/** Tried on a field that both sides changed; undefined leaves it contested. */
export type FieldResolver = (path: FieldPath, terms: Terms<FieldValue>) => FieldValue | undefined

export interface MergeRules {
  /** Which side wins a field that both changed; by default none does. */
  readonly policy?: Policy | undefined
  /** Merges texts: scripts, whose content is not among the values. */
  readonly text?: FieldResolver | undefined
}

/** One merge of one object in progress. */
interface Merging {
  readonly subject: PolicySubject
  readonly policy: Policy
  readonly text: FieldResolver
  readonly wrote: FieldSet | undefined
  /** Sides of a blueprint that carry no scripts. */
  readonly scriptless: { readonly ours: boolean; readonly theirs: boolean }
  readonly contested: ContestedField[]
  readonly resolved: ResolvedField[]
}

/**
 * Merges one object, field by field (M1, M2, M4, M5).
 *
 * `wrote` holds the fields that operations after the base wrote and that we have not seen: they count as changed by the
 * world even where the value is the base's again. An object deleted on one side and untouched on the other is deleted;
 * touched on the other, its owner decides, or it is contested as a whole.
 */
export function mergeObject(
  terms: Terms<WorldObject | undefined>,
  wrote: FieldSet | undefined,
  rules: MergeRules = {},
): ObjectMerge {
  const { base, ours, theirs } = terms
  const some = ours ?? theirs
  const nothing = { contested: [], resolved: [] }
  if (some === undefined) return { object: undefined, ...nothing }
  const merging: Merging = {
    subject: subjectOf(some, terms),
    policy: rules.policy ?? DEFAULT_POLICY,
    text: rules.text ?? (() => undefined),
    wrote,
    scriptless: { ours: !hasScripts(ours?.fields), theirs: !hasScripts(theirs?.fields) },
    contested: [],
    resolved: [],
  }
  const { contested, resolved } = merging

  if (ours === undefined || theirs === undefined) {
    // Present on one side only: added there, or deleted on the other.
    if (base === undefined) return { object: some, ...nothing }
    const changed = !sameObject(base, some) || (ours === undefined && wrote !== undefined && wrote.size > 0)
    if (!changed) return { object: undefined, ...nothing }
    const fields = { base: base.fields, ours: ours?.fields, theirs: theirs?.fields }
    const { owner } = decideOwnership(merging.policy, merging.subject, [])
    if (owner === 'shared') contested.push({ path: [], terms: fields })
    else resolved.push({ path: [], terms: fields, value: owner === 'local' ? fields.ours : fields.theirs, by: owner })
    return { object: owner === 'runtime' ? theirs : ours, contested, resolved }
  }

  const whole = { base: base?.fields, ours: ours.fields, theirs: theirs.fields }
  const merged = mergeRecord(merging, [], { ...whole, base: whole.base ?? {} })
  const object = { kind: ours.kind, id: ours.id, fields: merged }
  const either = (['ours', 'theirs'] as const).map((side) => conflictSide(object, { object, contested }, side)!.fields)
  const clash = ours.kind === 'blueprint' && either.some(hasTwoScripts)
  if (clash && !hasTwoScripts(ours.fields) && !hasTwoScripts(theirs.fields)) {
    // A variant of another root here, scripts of its own there: each is a field that merged, both together are nothing.
    const { owner } = decideOwnership(merging.policy, merging.subject, [])
    if (owner === 'shared') return { object: ours, contested: [{ path: [], terms: whole }], resolved: [] }
    const owners = owner === 'local' ? ours : theirs
    const fields = withRemoteUid(owners.fields, theirs.fields)
    const settled = { path: [], terms: whole, value: owners.fields, by: owner }
    return { object: { ...owners, fields }, contested: [], resolved: [settled] }
  }
  return { object, contested, resolved }
}

function hasScripts(fields: JsonObject | undefined): boolean {
  const files = fields && own(fields, 'scriptFiles')
  return isJsonObject(files) && Object.keys(files).length > 0
}

/** Scripts of its own, and those of another. */
function hasTwoScripts(fields: JsonObject): boolean {
  return typeof own(fields, 'scriptRef') === 'string' && hasScripts(fields)
}

/** What the policy asks about an object: its scope and its manager as they are once merged, the same whoever merges (M7). */
function subjectOf({ kind, id }: WorldObject, { base, ours, theirs }: Terms<WorldObject | undefined>): PolicySubject {
  // Settings may have keys of those names; they are settings like any other.
  if (kind !== 'entity' && kind !== 'blueprint') return { kind, id, scope: undefined, managedBy: undefined }
  const settledWord = (key: string): string | undefined => {
    const [was, here, there] = [base, ours, theirs].map((side) =>
      side === undefined ? undefined : own(side.fields, key),
    )
    const value =
      ours === undefined || theirs === undefined
        ? (here ?? there)
        : jsonEquals(here, there) || jsonEquals(was, there)
          ? here
          : jsonEquals(was, here)
            ? there
            : undefined
    return typeof value === 'string' ? value : undefined
  }
  return { kind, id, scope: settledWord('scope'), managedBy: settledWord('managedBy') }
}

/**
 * Whether {@link mergeObject} can come out differently for what operations wrote: where we changed something that the
 * world has as the base has it. Only then is it worth looking whether somebody put it back on purpose (M2).
 */
export function dependsOnWritten(terms: Terms<WorldObject | undefined>): boolean {
  const { base, ours, theirs } = terms
  if (theirs === undefined) return false
  if (ours === undefined) return base !== undefined
  return recordDepends(ours.kind, [], { base: base?.fields ?? {}, ours: ours.fields, theirs: theirs.fields })
}

function recordDepends(kind: ObjectKind, path: FieldPath, terms: Terms<JsonObject>): boolean {
  return unionKeys(terms.ours, terms.theirs).some((key) => {
    const [base, ours, theirs] = [own(terms.base, key), own(terms.ours, key), own(terms.theirs, key)]
    if (path.length === 0 && key === 'uid' && kind !== 'settings') return false
    const equal = path.length === 0 ? fieldEquality(kind, key) : jsonEquals
    if (equal(ours, theirs) || equal(base, ours)) return false
    if (equal(base, theirs)) return true
    const records = asRecords(kind, [...path, key], { base, ours, theirs })
    return records !== undefined && recordDepends(kind, [...path, key], records)
  })
}

/** M1: a `uid` that differs on the same `id` is no change; the runtime's word is taken, if it said one. */
function withRemoteUid(fields: JsonObject, theirs: JsonObject): JsonObject {
  const uid = own(theirs, 'uid')
  return uid === undefined ? fields : withKey(fields, 'uid', uid)
}

/** Whether two states of an object hold the same fields, with the tolerance of transforms and apart from `uid`. */
export function sameObject(a: WorldObject | undefined, b: WorldObject | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  for (const key of unionKeys(a.fields, b.fields)) {
    if (key === 'uid' && a.kind !== 'settings') continue
    if (!fieldEquality(a.kind, key)(own(a.fields, key), own(b.fields, key))) return false
  }
  return true
}

function mergeRecord(merging: Merging, path: FieldPath, terms: Terms<JsonObject>): JsonObject {
  const entries: [string, Exclude<FieldValue, undefined>][] = []
  for (const key of unionKeys(terms.ours, terms.theirs)) {
    const at = { base: own(terms.base, key), ours: own(terms.ours, key), theirs: own(terms.theirs, key) }
    const value = mergeField(merging, [...path, key], at)
    if (value !== undefined) entries.push([key, value])
  }
  return fromEntries(entries)
}

function mergeField(merging: Merging, path: FieldPath, terms: Terms<FieldValue>): FieldValue {
  const { kind } = merging.subject
  const { base, ours, theirs } = terms
  // M1: the runtime's word, with all that stands in it. Settings may have a key of that name like any other.
  if (path[0] === 'uid' && kind !== 'settings') return theirs ?? ours
  const equal = path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals
  const outcome = resolve(terms, equal, merging.wrote?.touches(path) ?? false)
  if (outcome.kind === 'settled') return outcome.value

  // Both sides changed it. Records merge key by key (M3); then ownership decides, then the field's resolver (M2).
  const records = asRecords(kind, path, terms)
  if (records !== undefined) {
    const merged = mergeRecord(merging, path, records)
    return Object.keys(merged).length === 0 && (ours === undefined || theirs === undefined) ? undefined : merged
  }
  // Only who has scripts says how they begin (protocol, section 8): without any, the absence of that is no change.
  if (kind === 'blueprint' && path.length === 1 && /^script(?:Entry|Format)$/.test(path[0]!)) {
    if (ours === undefined && merging.scriptless.ours) return theirs
    if (theirs === undefined && merging.scriptless.theirs) return ours
  }
  const { owner, merge } = decideOwnership(merging.policy, merging.subject, path)
  const settle = (by: ResolvedField['by'], value: FieldValue): FieldValue => {
    merging.resolved.push({ path, terms, value, by })
    return value
  }
  if (owner !== 'shared') return settle(owner, owner === 'local' ? ours : theirs)
  // What somebody put back on purpose would look to a resolver like no change at all (M2).
  if (!equal(base, theirs)) {
    const set = merge === 'set' ? mergeSets(terms) : undefined
    if (set !== undefined) return settle('set', set)
    const text = merging.text(path, terms)
    if (text !== undefined) return settle('text', text)
  }
  merging.contested.push({ path, terms })
  return ours
}

/**
 * The terms as records to be merged key by key, undefined where a side is none; a base that is no record is as good as
 * none. Scripts are files: a side without any has an empty record of them, as git would say.
 */
function asRecords(kind: ObjectKind, path: FieldPath, terms: Terms<FieldValue>): Terms<JsonObject> | undefined {
  const files = kind === 'blueprint' && path.length === 1 && path[0] === 'scriptFiles'
  const record = (value: FieldValue) => (isJsonObject(value) ? value : files && value === undefined ? {} : undefined)
  const [ours, theirs] = [record(terms.ours), record(terms.theirs)]
  if (ours === undefined || theirs === undefined) return undefined
  return { base: isJsonObject(terms.base) ? terms.base : {}, ours, theirs }
}

/**
 * What the object looks like with its contested fields as one side has them (C2), the merged object in all else;
 * undefined where that side has no such object.
 */
export function conflictSide(
  { kind, id }: Pick<WorldObject, 'kind' | 'id'>,
  merge: Pick<ObjectMerge, 'object' | 'contested'>,
  side: keyof Terms<unknown>,
): WorldObject | undefined {
  let fields = merge.object?.fields
  for (const { path, terms } of merge.contested) {
    const value = terms[side]
    if (path.length === 0) fields = value as JsonObject | undefined
    else if (fields !== undefined) fields = withField(fields, path, value)
  }
  return fields === undefined ? undefined : { kind, id, fields }
}
