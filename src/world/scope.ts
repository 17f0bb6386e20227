import { type JsonObject, own } from './json.ts'

/** The blueprints among which scopes are resolved. */
export interface ScopeContext {
  readonly blueprint: (id: string) => JsonObject | undefined
  /** What a blueprint gets that has no scope, nor a root that has: its app folder's name (protocol, section 5). */
  readonly fallback?: (id: string) => string | undefined
}

/** What is resolved: an object in any spelling, wire or project. */
export type Scoped =
  | { readonly kind: 'blueprint'; readonly id: string; readonly fields: JsonObject }
  | { readonly kind: 'entity'; readonly fields: JsonObject }

/**
 * The lock domain of an object, from metadata alone and never from the spelling of an id (protocol, sections 5 and 6):
 * its own `scope`; a variant without one has that of its script root, an entity that of its blueprint. What is left
 * without is `global` for an entity and undefined for a blueprint, whose scripts cannot be deployed before it has one.
 *
 * @example resolveScope({ kind: 'entity', fields: { blueprint: 'Big' } }, { blueprint: () => ({ scope: 'Lamp' }) }) // 'Lamp'
 */
export function resolveScope(object: Extract<Scoped, { kind: 'entity' }>, context: ScopeContext): string
export function resolveScope(object: Scoped, context: ScopeContext): string | undefined
export function resolveScope(object: Scoped, context: ScopeContext): string | undefined {
  if (object.kind === 'blueprint') return ofBlueprint(object.id, object.fields, context)
  const id = own(object.fields, 'blueprint')
  const blueprint = typeof id === 'string' ? context.blueprint(id) : undefined
  const inherited = blueprint === undefined ? undefined : ofBlueprint(id as string, blueprint, context)
  return named(object.fields, 'scope') ?? inherited ?? 'global'
}

/** Follows roots to the first one with a scope; roots that name each other are one family. */
function ofBlueprint(id: string, fields: JsonObject, { blueprint, fallback }: ScopeContext): string | undefined {
  const family = new Set<string>()
  let [at, one]: [string, JsonObject | undefined] = [id, fields]
  while (one !== undefined && !family.has(at)) {
    const scope = named(one, 'scope')
    if (scope !== undefined) return scope
    family.add(at)
    const root = named(one, 'scriptRef')
    if (root === undefined) break
    at = root
    one = blueprint(at)
  }
  if (fallback === undefined) return undefined
  const members = [...family]
  // Without a circle the root, at the end, speaks for all; in one, whoever is first by name.
  const inTurn = family.has(at) && at !== members.at(-1) ? members.toSorted() : members.toReversed()
  for (const member of inTurn) {
    const scope = fallback(member)
    if (scope !== undefined) return scope
  }
  return undefined
}

/** A field that is a text with something in it. */
function named(fields: JsonObject, key: string): string | undefined {
  const value = own(fields, key)
  return typeof value === 'string' && value !== '' ? value : undefined
}
