import type { ContestedObject } from '../git-bridge/world-merge.ts'
import type { Owner, Policy, PolicyRule } from '../resolvers/policy.ts'
import { parseObjectKey } from '../world/state.ts'

/**
 * A policy that gives exactly these contested fields to one side, and leaves all else to the policy that contested them:
 * a second merge with it settles what the user decided in bulk. What is contested for the whole's sake (M6) no owner
 * settles.
 */
export function settledFor(policy: Policy, contested: readonly ContestedObject[], owner: Owner): Policy {
  const rules = contested.flatMap(({ key, fields }): PolicyRule[] => {
    const { kind: type, id } = parseObjectKey(key)
    return fields.map(({ path }) => ({ type, id, ...(path.length === 0 ? {} : { field: path }), owner }))
  })
  return { rules: [...policy.rules, ...rules] }
}
