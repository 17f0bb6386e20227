import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { DEFAULT_POLICY, type Policy, withoutOwners } from '../resolvers/policy.ts'
import type { Project } from './session.ts'

/** The policy of a merge that git has begun: owners decide only where a commit of the world's line comes in (M5). */
export async function policyOfMerge({ repository, lobby }: Project, mergeHead: Oid | undefined): Promise<Policy> {
  const policy = lobby?.policy ?? DEFAULT_POLICY
  const isWorld = mergeHead !== undefined && readTrailers(await repository.readCommit(mergeHead)) !== undefined
  return isWorld ? policy : withoutOwners(policy)
}
