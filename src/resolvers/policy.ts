import type { ObjectKind } from '../world/state.ts'
import type { FieldPath } from './fields.ts'

/**
 * Ownership (M5): which side wins a field that both changed, differently. `local` is the project, `runtime` the world;
 * what is `shared` goes on to the field's resolver and, if that has no answer, is contested.
 */
export type Owner = 'local' | 'runtime' | 'shared'

/** One rule of the `policy` in `lobby.json`: what it is about, and what it says. Whatever it does not name, matches. */
export interface PolicyRule {
  readonly type?: ObjectKind
  /** A glob: `*` stands for any run of characters. Singletons have the ids `settings` and `spawn`. */
  readonly id?: string
  /** A glob. An object without a scope matches no rule that names one. */
  readonly scope?: string
  /**
   * The field and everything below it: `'props.color'`, or `['props', 'a.b']` where dots in keys would be ambiguous. `*`
   * stands for one key. A rule without a field is about the whole object: its presence and all its fields.
   */
  readonly field?: string | readonly string[]
  readonly owner?: Owner
  /** Arrays of primitives merge as sets (M3), but for transforms. */
  readonly merge?: 'set'
}

export interface Policy {
  /** The last rule that matches wins, as in `.gitattributes`. */
  readonly rules: readonly PolicyRule[]
}

export const DEFAULT_POLICY: Policy = { rules: [] }

/** What rules look at, of an object. */
export interface PolicySubject {
  readonly kind: ObjectKind
  readonly id: string
  readonly scope: string | undefined
  readonly managedBy: string | undefined
}

export interface OwnershipDecision {
  readonly owner: Owner
  readonly merge: 'set' | undefined
  /** What set the owner; the index is that of the rule in the policy. */
  readonly because:
    | { readonly kind: 'rule'; readonly index: number }
    | { readonly kind: 'managedBy' }
    | { readonly kind: 'state' }
    | { readonly kind: 'default' }
  /** The index of the rule that set the merge. */
  readonly mergeBecause: number | undefined
}

const OWNERS: ReadonlySet<unknown> = new Set<Owner>(['local', 'runtime', 'shared'])

export function isOwner(value: unknown): value is Owner {
  return OWNERS.has(value)
}

/**
 * Decides one field of one object; the empty path is the object's presence, about which only rules without a field
 * speak. Owner and merge are decided separately, each by the last matching rule that says one. Without such a rule the
 * object's `managedBy` decides, then `shared`.
 *
 * The `state` of an entity is the runtime's whatever the rules say: it is neither projected nor pushed, because the
 * changefeed does not announce it.
 */
export function decideOwnership(policy: Policy, subject: PolicySubject, path: FieldPath): OwnershipDecision {
  if (isState(subject.kind, path)) {
    return { owner: 'runtime', merge: undefined, because: { kind: 'state' }, mergeBecause: undefined }
  }
  let owner: Owner | undefined
  let ownerRule = -1
  let merge: 'set' | undefined
  let mergeRule: number | undefined
  const mergeable = path.length > 0 && !isPlace(subject.kind, path)
  const rules = policy.rules.length === 0 ? [] : compiled(policy)
  for (let i = rules.length - 1; i >= 0 && (owner === undefined || merge === undefined); i--) {
    const { rule, matches } = rules[i]!
    const saysOwner = owner === undefined && rule.owner !== undefined
    const saysMerge = merge === undefined && rule.merge !== undefined && mergeable
    if (!(saysOwner || saysMerge) || !matches(subject, path)) continue
    if (saysOwner) [owner, ownerRule] = [rule.owner, i]
    if (saysMerge) [merge, mergeRule] = [rule.merge, i]
  }
  const said = { merge, mergeBecause: mergeRule }
  if (owner !== undefined) return { owner, because: { kind: 'rule', index: ownerRule }, ...said }
  const { managedBy } = subject
  if (isOwner(managedBy)) return { owner: managedBy, because: { kind: 'managedBy' }, ...said }
  return { owner: 'shared', because: { kind: 'default' }, ...said }
}

/** Whether a field is the runtime's for good, whatever rules say (M5). */
export function isState(kind: ObjectKind, path: FieldPath): boolean {
  return kind === 'entity' && path[0] === 'state'
}

const PLACES: ReadonlySet<string | undefined> = new Set(['position', 'quaternion', 'scale'])

/** Whether a field is where something is, how it is turned, how large it is: one value each, never a set of numbers (M3). */
export function isPlace(kind: ObjectKind, path: FieldPath): boolean {
  return (kind === 'entity' || kind === 'spawn') && PLACES.has(path[0])
}

/**
 * The rules where neither side is the world: nobody wins by owning a field, sets merge as ever. Between two branches a
 * rebase even swaps the sides.
 */
export function withoutOwners(policy: Policy): Policy {
  return { rules: [...policy.rules, { owner: 'shared' }] }
}

/** Rules with local and runtime exchanged: what the other side's reader would say (law M7). */
export function mirrored(policy: Policy): Policy {
  return {
    rules: policy.rules.map((rule) => {
      if (rule.owner === undefined || rule.owner === 'shared') return rule
      return { ...rule, owner: rule.owner === 'local' ? 'runtime' : 'local' }
    }),
  }
}

interface CompiledRule {
  readonly rule: PolicyRule
  readonly matches: (subject: PolicySubject, path: FieldPath) => boolean
}

const cache = new WeakMap<Policy, readonly CompiledRule[]>()

/** A policy is read once and asked for every contested field: its patterns are taken apart once as well. */
function compiled(policy: Policy): readonly CompiledRule[] {
  let rules = cache.get(policy)
  if (rules === undefined) {
    rules = policy.rules.map(compile)
    cache.set(policy, rules)
  }
  return rules
}

function compile(rule: PolicyRule): CompiledRule {
  const { type, field } = rule
  const id = rule.id === undefined ? undefined : glob(rule.id)
  const scope = rule.scope === undefined ? undefined : glob(rule.scope)
  const covers = field === undefined ? undefined : typeof field === 'string' ? dotted(field) : listed(field)
  const matches = (subject: PolicySubject, path: FieldPath): boolean => {
    if (type !== undefined && type !== subject.kind) return false
    if (covers !== undefined && !covers(path)) return false
    if (scope !== undefined && (subject.scope === undefined || !scope(subject.scope))) return false
    return id === undefined || id(subject.id)
  }
  return { rule, matches }
}

/** Whether a glob of a rule matches a text. */
export function matchesGlob(pattern: string, text: string): boolean {
  return glob(pattern)(text)
}

/**
 * A glob as a predicate. The pieces between the stars are found one after the other from the left, which is enough: no
 * pattern and no text make it try again (S1).
 */
function glob(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*')
  if (pieces.length === 1) return (text) => text === pattern
  const first = pieces[0]!
  const last = pieces[pieces.length - 1]!
  const middle = pieces.slice(1, -1)
  return (text) => {
    if (!text.startsWith(first) || !text.endsWith(last)) return false
    // Before what follows the last star: begin and end of a text may not share letters.
    const end = text.length - last.length
    let at = first.length
    for (const piece of middle) {
      const found = text.indexOf(piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= end
  }
}

/**
 * A path written with dots, as {@link fieldName} writes it: it covers the field of that name, wherever in the name keys
 * begin (`scriptFiles.index.js` is the key `index.js` of `scriptFiles`), and what is below it.
 */
function dotted(pattern: string): (path: FieldPath) => boolean {
  return (path) => {
    let at = 0
    for (const key of path) {
      const star = pattern[at] === '*' && (at + 1 === pattern.length || pattern[at + 1] === '.')
      if (!star && !pattern.startsWith(key, at)) return false
      at += star ? 1 : key.length
      if (at === pattern.length) return true
      if (pattern[at] !== '.') return false
      at++
    }
    return false
  }
}

function listed(pattern: readonly string[]): (path: FieldPath) => boolean {
  return (path) => path.length >= pattern.length && pattern.every((key, i) => key === '*' || key === path[i])
}
