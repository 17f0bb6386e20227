import { isJsonObject, type Json } from '../../src/world/json.ts'
import type { Sent } from './command.ts'

/** Which HEAD each operation was sent from, by opId; a spawn that was put over HTTP has none and is told by its place. */
export function headsOf(sent: readonly Sent[]): ReadonlyMap<string, string> {
  const heads = new Map<string, string>()
  for (const { write, head } of sent) {
    for (const name of namesIn(write)) heads.set(name, head)
  }
  return heads
}

export function spawnName(position: string | undefined): string {
  return `spawn ${position}`
}

function namesIn(write: Sent['write']): readonly string[] {
  if ('payload' in write) {
    const { lastOpId } = write.payload as { readonly lastOpId?: unknown }
    return typeof lastOpId === 'string' ? [lastOpId] : []
  }
  const isPut = write.name === 'PUT /admin/spawn'
  if (!isPut && write.name !== 'POST /admin/ops') return []
  const body = JSON.parse(write.body.toString('utf8')) as Json
  if (!isJsonObject(body)) return []
  if (isPut) return [spawnName(JSON.stringify(body.position))]
  const operations = Array.isArray(body.operations) ? body.operations : []
  return operations.flatMap((one) => (isJsonObject(one) && typeof one.opId === 'string' ? [one.opId] : []))
}
