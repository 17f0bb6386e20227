import { findObjects } from '../git-bridge/find-objects.ts'
import { isScriptPath } from '../git-bridge/object-files.ts'
import type { PlacedObject } from '../git-bridge/tree-objects.ts'
import { type FieldPath, fieldAt } from '../resolvers/fields.ts'
import {
  DEFAULT_POLICY,
  decideOwnership,
  type Owner,
  type OwnershipDecision,
  type Policy,
  type PolicyRule,
  type PolicySubject,
} from '../resolvers/policy.ts'
import { SyncError } from '../world/errors.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import { type FieldValue, type ObjectKey, type ObjectKind, parseObjectKey } from '../world/state.ts'
import { objectKeysNamed, objectNamed } from './object-name.ts'
import { type Context, openProject } from './session.ts'

/** A rule and its place in the policy of `lobby.json`, counted from 0. */
export interface CitedRule {
  readonly index: number
  readonly rule: PolicyRule
}

/** Who owns one field, why, and what comes of it. */
export interface ExplainedField {
  /** Empty for the object itself, its presence. */
  readonly path: FieldPath
  readonly owner: Owner
  /** `uid`: a uid is never contested, the world's is taken (M1). */
  readonly because: OwnershipDecision['because']['kind'] | 'uid'
  /** The rule that set the owner. */
  readonly rule: CitedRule | undefined
  /** Only where it comes to that: for lists that are shared. */
  readonly merge: 'set' | undefined
  /** The rule that set the merge. */
  readonly mergeRule: CitedRule | undefined
  /** What happens when both sides change it, in a sentence. */
  readonly meaning: string
}

export interface PolicyExplanation {
  readonly key: ObjectKey
  readonly kind: ObjectKind
  readonly id: string
  /** The object's file in HEAD; undefined where HEAD has no such object, so that nobody knows its scope and manager. */
  readonly path: string | undefined
  readonly scope: string | undefined
  readonly managedBy: string | undefined
  /** What was asked about: the object, or one field of it. */
  readonly asked: ExplainedField
  /** Whether HEAD has what was asked about. */
  readonly present: boolean
  /** Fields inside of it that rules treat otherwise than what they are in. */
  readonly exceptions: readonly ExplainedField[]
  /** The fields of the object that go with it; none where a field was asked about. */
  readonly alike: readonly string[]
}

/**
 * Explains who owns an object, or one field of it (M5): reads `lobby.json` and HEAD, and asks no server. `name` is as for
 * the log of the world; an object that HEAD does not have must be named with its type. `field` is a path with dots (`\.`
 * where a key has one that HEAD does not know), or a list of keys as JSON.
 *
 * Throws `not_a_project`, `invalid_lobby_file`, `invalid_name`, `invalid_field`, `unknown_object`, `ambiguous_name`,
 * `invalid_files`.
 */
export async function explainPolicy(
  context: Context,
  name: string,
  field: string | undefined,
): Promise<PolicyExplanation> {
  const keys = objectKeysNamed(name)
  const { repository, prefix, lobby } = await openProject(context)
  try {
    const head = await repository.resolve('HEAD')
    const objects = head === undefined ? new Map() : await findObjects(repository, head, prefix, keys)
    const key = chosen(name, keys, (candidate) => objects.has(candidate))
    return explain(lobby?.policy ?? DEFAULT_POLICY, key, objects.get(key), field)
  } finally {
    await repository.close()
  }
}

function chosen(name: string, keys: readonly ObjectKey[], exists: (key: ObjectKey) => boolean): ObjectKey {
  if (keys.some(exists)) return objectNamed(name, exists)
  const [only, other] = keys
  if (only !== undefined && other === undefined) return only
  throw new SyncError('unknown_object', `The last commit has no object "${name}".`, {
    hint: `Write ${keys.join(' or ')} to explain one that does not exist yet.`,
    data: { object: name },
  })
}

function explain(
  policy: Policy,
  key: ObjectKey,
  placed: PlacedObject | undefined,
  field: string | undefined,
): PolicyExplanation {
  const { kind, id } = parseObjectKey(key)
  const fields = placed?.object.fields
  // Settings may well have a key of that name; it would be one of theirs.
  const word = (name: 'scope' | 'managedBy'): string | undefined => {
    const value = fields === undefined || (kind !== 'blueprint' && kind !== 'entity') ? undefined : own(fields, name)
    return typeof value === 'string' ? value : undefined
  }
  const subject: PolicySubject = { kind, id, scope: word('scope'), managedBy: word('managedBy') }
  const path = field === undefined ? [] : parseField(kind, fields ?? {}, field)
  const value = path.length === 0 ? fields : fieldAt(fields, path)
  const asked = explainField(policy, subject, path, value)
  const exceptions = exceptionsBelow(policy, subject, asked, value)
  const apart = new Set(exceptions.filter((other) => other.path.length === 1).map((other) => other.path[0]))
  const alike =
    path.length > 0 ? [] : Object.keys(fields ?? {}).filter((name) => !apart.has(name) && !isUid(kind, [name]))
  return {
    key,
    kind,
    id,
    path: placed?.path,
    scope: subject.scope,
    managedBy: subject.managedBy,
    asked,
    present: value !== undefined,
    exceptions,
    alike,
  }
}

function explainField(policy: Policy, subject: PolicySubject, path: FieldPath, value: FieldValue): ExplainedField {
  if (isUid(subject.kind, path)) {
    const meaning = "It is never contested: the world's is taken."
    return { path, owner: 'runtime', because: 'uid', rule: undefined, merge: undefined, mergeRule: undefined, meaning }
  }
  const decision = decideOwnership(policy, subject, path)
  const { owner, because, mergeBecause } = decision
  const asSet = mergesAsSet(decision, value)
  const cite = (index: number): CitedRule => ({ index, rule: policy.rules[index]! })
  return {
    path,
    owner,
    because: because.kind,
    rule: because.kind === 'rule' ? cite(because.index) : undefined,
    merge: asSet ? 'set' : undefined,
    mergeRule: asSet && mergeBecause !== undefined ? cite(mergeBecause) : undefined,
    meaning: meaningOf(subject.kind, path, value, decision),
  }
}

/** The fields inside of a record whose owner is not that of what they are in, and the lists that merge as sets. */
function exceptionsBelow(
  policy: Policy,
  subject: PolicySubject,
  above: ExplainedField,
  value: FieldValue,
): readonly ExplainedField[] {
  if (!isJsonObject(value)) return []
  return Object.keys(value).flatMap((key) => {
    const inner = own(value, key)
    const path = [...above.path, key]
    if (isUid(subject.kind, path)) return []
    const explained = explainField(policy, subject, path, inner)
    const apart = explained.owner !== above.owner || explained.merge !== undefined
    return [...(apart ? [explained] : []), ...exceptionsBelow(policy, subject, explained, inner)]
  })
}

function isUid(kind: ObjectKind, path: FieldPath): boolean {
  return kind !== 'settings' && path.length === 1 && path[0] === 'uid'
}

/** What is not there yet may become such a list. */
function mergesAsSet({ owner, merge }: OwnershipDecision, value: FieldValue): boolean {
  if (owner !== 'shared' || merge !== 'set') return false
  if (value === undefined) return true
  return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)
}

function meaningOf(kind: ObjectKind, path: FieldPath, value: FieldValue, decision: OwnershipDecision): string {
  const { owner, because } = decision
  if (because.kind === 'state')
    return "It is the runtime's own: it does not stand in files of its own and is never pushed."
  if (path.length === 0) {
    const ends = {
      local: 'what you did stays.',
      runtime: 'what happened in the world stays.',
      shared: 'that is a conflict for you to resolve.',
    }
    return `If one side deletes it and the other changes it, ${ends[owner]}`
  }
  if (owner === 'local') return 'If both sides change it, yours stays.'
  if (owner === 'runtime') return "If both sides change it, the world's stays."
  if (mergesAsSet(decision, value)) return 'If both sides change it, what either one added or removed counts.'
  if (isScriptPath({ kind }, path))
    return 'If both sides change it, the texts are merged; where they clash it is a conflict.'
  if (isJsonObject(value)) return 'It is merged key by key; a key that both sides change, differently, is a conflict.'
  return 'If both sides change it, differently, it is a conflict for you to resolve.'
}

/** A field as people write it. Where the object has a key with dots in it that fits, that is the one that is meant. */
function parseField(kind: ObjectKind, fields: JsonObject, text: string): FieldPath {
  const parts = text.startsWith('[') ? listOf(text) : undefined
  if (parts !== undefined) return parts
  const words = text.split(/(?<!\\)\./).map((key) => key.replaceAll('\\.', '.'))
  if (words.includes('')) throw noField(text)
  const path: string[] = []
  let value: FieldValue = fields
  for (let at = 0; at < words.length; ) {
    let end = words.length
    const key = (): string => words.slice(at, end).join('.')
    // The scripts of a blueprint are files of its folder, with names that have dots.
    const script = kind === 'blueprint' && path.length === 1 && path[0] === 'scriptFiles'
    const record: JsonObject = isJsonObject(value) ? value : {}
    while (end > at + 1 && !Object.hasOwn(record, key()) && !script) end--
    value = own(record, key())
    path.push(key())
    at = end
  }
  return path
}

function listOf(text: string): FieldPath {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    throw noField(text)
  }
  if (!Array.isArray(list) || list.length === 0 || list.some((key) => typeof key !== 'string')) throw noField(text)
  return list as readonly string[]
}

function noField(text: string): SyncError {
  return new SyncError('invalid_field', `"${text}" is no path of a field.`, {
    hint: 'Write keys with dots between them (props.color), or a list of keys as JSON (\'["props", "color"]\').',
  })
}
