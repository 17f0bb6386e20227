import { matchesGlob, type Policy, type PolicyRule } from '../resolvers/policy.ts'
import { own } from '../world/json.ts'
import type { WorldObject } from '../world/state.ts'
import { count, information, ok, problem, type Said } from './doctor-finding.ts'
import { LOBBY_FILE } from './lobby-file.ts'

/**
 * Rules of a policy (M5) that do not do what somebody wrote them for: those that a later one overrules wherever they
 * match, and those that match no object of the project as it is now. `objects` is undefined where they were not read.
 */
export function examinePolicy(policy: Policy, objects: Iterable<WorldObject> | undefined): readonly Said[] {
  const { rules } = policy
  if (rules.length === 0) return []
  const path = LOBBY_FILE
  const dead = rules.flatMap((rule, index): Said[] => {
    const later = rules.findIndex((other, at) => at > index && overrules(other, rule))
    if (later < 0) return []
    const hint = 'The last rule that matches wins: move the general rule before the special one, or remove it.'
    return [
      problem(`policy.rules[${index}] never decides: policy.rules[${later}] matches whatever it does`, { path, hint }),
    ]
  })
  const all = objects === undefined ? undefined : [...objects]
  const idle = rules.flatMap((rule, index): Said[] => {
    if (all === undefined || all.some((object) => isAbout(rule, object))) return []
    const hint = '"gamedev sync policy explain <id>" says which rule decides about an object.'
    return [information(`policy.rules[${index}] is about no object of the project as it is now`, { path, hint })]
  })
  const found = [...dead, ...idle]
  return found.length > 0 ? found : [ok(`${count(rules.length, 'rule')}, each of which can decide`)]
}

/** Whether a later rule says all that an earlier one says, and matches wherever that one does. */
function overrules(later: PolicyRule, earlier: PolicyRule): boolean {
  if (earlier.owner !== undefined && later.owner === undefined) return false
  if (earlier.merge !== undefined && later.merge === undefined) return false
  return (
    (later.type === undefined || later.type === earlier.type) &&
    covers(later.id, earlier.id) &&
    covers(later.scope, earlier.scope) &&
    coversField(later.field, earlier.field)
  )
}

/**
 * Whether a glob matches whatever another one does. A star of the other one is an ordinary character here, which only a
 * star can match: then this one matches whatever stands in its place.
 */
function covers(glob: string | undefined, other: string | undefined): boolean {
  return glob === undefined || (other !== undefined && matchesGlob(glob, other))
}

/** In doubt it does not: a path with dots can be spelled in several ways. */
function coversField(field: PolicyRule['field'], other: PolicyRule['field']): boolean {
  if (field === undefined) return true
  if (other === undefined) return false
  if (typeof field !== 'string') {
    return typeof other !== 'string' && field.every((key, at) => key === other[at])
  }
  const name = typeof other === 'string' ? other : other.join('.')
  return name === field || (!field.includes('*') && name.startsWith(`${field}.`))
}

function isAbout({ type, id, scope }: PolicyRule, object: WorldObject): boolean {
  const of = own(object.fields, 'scope')
  return (
    (type === undefined || type === object.kind) &&
    (id === undefined || matchesGlob(id, object.id)) &&
    (scope === undefined || (typeof of === 'string' && matchesGlob(scope, of)))
  )
}
