import { createHash, randomUUID } from 'node:crypto'
import type { PlannedOperation } from './plan.ts'

/**
 * Operations with ids that no other push has, for runtimes that apply an operation again though they know its id, and say
 * nothing of it (protocol, section 5): a colleague who pushes the same commit from elsewhere would put back what somebody
 * wrote in between, unseen (P3). The journal keeps the ids, for what a lost answer leaves open (P6).
 */
export function withOwnIds(operations: readonly PlannedOperation[]): readonly PlannedOperation[] {
  const push = randomUUID()
  return operations.map((operation) => {
    const opId = createHash('sha256').update(`${push} ${operation.opId}`).digest('base64url').slice(0, 22)
    return { ...operation, opId }
  })
}
