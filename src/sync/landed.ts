import { readTrailers } from '../git-bridge/trailers.ts'
import { readChanges } from '../remote-runtime/changes.ts'
import { jsonEquals, own } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN } from '../world/state.ts'
import { effectOf } from '../world/wire-world.ts'
import type { FoundJournal, JournalOperation, PushJournal } from './push-journal.ts'
import type { Session } from './session.ts'

const PAGE = 1000

/** An operation of the feed, without the object that it carries. */
export type Heard = Pick<Operation, 'cursor' | 'opId' | 'ts' | 'actor' | 'kind'> & { readonly key: ObjectKey }

/** What the feed says about a push. */
export interface Landed {
  /** What was found of the journal: by the journal's opId, the operation that the feed has. */
  readonly found: ReadonlyMap<string, Heard>
  /** Who else wrote to objects of the push, in the feed's order. */
  readonly others: readonly Heard[]
}

/**
 * Reads the feed after the cursor that a push was planned against and finds its operations there (P6): by their opIds,
 * and those that the runtime gave ids of its own by kind and value. Asking for the feed is a barrier: what was
 * acknowledged before is in it.
 */
export async function findLanded(session: Session, journal: PushJournal): Promise<Landed> {
  const named = new Set(journal.operations.filter(({ unnamed }) => !unnamed).map(({ opId }) => opId))
  const unnamed = journal.operations.filter((operation) => operation.unnamed)
  const keys = new Set(journal.operations.map(({ key }) => key))
  const found = new Map<string, Heard>()
  const others: Heard[] = []
  for await (const page of readChanges(session.runtime, journal.cursor, { limit: PAGE })) {
    // Far too late: only what became a commit of the line can be told.
    if (page.kind === 'expired') return { found: await findOnLine(session, journal), others: [] }
    for (const operation of page.operations) {
      const key = keyOfOperation(operation)
      if (key === undefined) continue
      const { cursor, opId, ts, actor, kind } = operation
      const heard = { cursor, opId, ts, actor, kind, key }
      const match = unnamed.find((sent) => !found.has(sent.opId) && wrote(operation, key, sent))
      const own = named.has(opId) ? opId : match?.opId
      if (own !== undefined) found.set(own, heard)
      else if (keys.has(key)) others.push(heard)
    }
  }
  return { found, others }
}

/** The operations of a push that the remote ref holds. */
async function findOnLine(session: Session, journal: PushJournal): Promise<Landed['found']> {
  const { repository, ref } = session
  const tip = await repository.readRef(ref)
  const found = new Map<string, Heard>()
  if (tip === undefined || !(await repository.hasObject(journal.tip))) return found
  const sent = new Map(journal.operations.map((operation) => [operation.opId, operation]))
  for await (const commit of repository.log({ include: [tip], exclude: [journal.tip] })) {
    const { opId = '', cursor = 0 } = readTrailers(commit) ?? {}
    const operation = sent.get(opId)
    if (operation === undefined) continue
    const ts = new Date(commit.author.time * 1000).toISOString()
    found.set(opId, { cursor, opId, ts, actor: commit.author.name, kind: operation.kind, key: operation.key })
  }
  return found
}

/** Tells the operations of a push from here that has not been ended yet, as its journal has them. */
export function sentBy(found: FoundJournal): (operation: Operation) => boolean {
  if (found.kind !== 'journal') return () => false
  const { cursor, operations } = found.journal
  const named = new Set(operations.filter(({ unnamed }) => !unnamed).map(({ opId }) => opId))
  const unnamed = new Set(operations.filter((operation) => operation.unnamed))
  return (operation) => {
    if (operation.cursor <= cursor) return false
    if (named.has(operation.opId)) return true
    const key = keyOfOperation(operation)
    const match = key && [...unnamed].find((sent) => wrote(operation, key, sent))
    return match !== undefined && unnamed.delete(match)
  }
}

/** Whether an operation is the one that a request without an id of ours asked for. */
function wrote(operation: Operation, key: ObjectKey, sent: JournalOperation): boolean {
  if (operation.kind !== sent.kind || key !== sent.key || operation.source !== 'admin.http') return false
  if (sent.kind !== 'spawn.update') return true
  const spawn = operation.snapshot ?? {}
  return ['position', 'quaternion'].every((field) => jsonEquals(own(spawn, field), own(sent.spawn ?? {}, field)))
}

export function keyOfOperation(operation: Operation): ObjectKey | undefined {
  const effect = effectOf(operation)
  switch (effect.kind) {
    case 'put':
    case 'remove':
      return objectKey(effect.of, effect.id)
    case 'setting':
      return SETTINGS
    case 'spawn':
      return SPAWN
    case 'none':
      return undefined
  }
}
