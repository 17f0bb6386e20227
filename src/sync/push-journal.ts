import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Oid, parseOid } from '../git-bridge/repository.ts'
import type { FieldChange } from '../resolvers/fields.ts'
import { fromEntries, isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'
import { type Cursor, isKnownKind, type OperationKind } from '../world/operation.ts'
import type { ObjectKey } from '../world/state.ts'
import type { Attribution, PlannedOperation } from './plan.ts'
import { type Project, refSegment, type Session } from './session.ts'
import { exists, readText } from './working-tree.ts'

/**
 * What a push is about to do, written down before the first operation is sent (P6): with it and the feed, whoever comes
 * next finds out what landed, however the push ended.
 */

/** One operation of a push, as far as finding it again and saying what it wrote needs it. */
export interface JournalOperation {
  readonly opId: string
  readonly kind: OperationKind
  readonly key: ObjectKey
  readonly id: string
  readonly by: Attribution
  /** The key of a `settings.update`. */
  readonly setting?: string
  readonly scripts: boolean
  readonly changes: readonly FieldChange[]
  /** Sent by a request that records an id of the runtime's own: found in the feed by its kind and what it wrote. */
  readonly unnamed: boolean
  /** What a `spawn.update` writes, always both fields. */
  readonly spawn?: JsonObject
}

export interface PushJournal {
  readonly worldId: string
  readonly ref: string
  readonly branch: string
  readonly head: Oid
  /** The tip and the cursor that the plan was made against: the feed after it tells the rest. */
  readonly tip: Oid
  readonly cursor: Cursor
  /** Sent as transactions, which name what they expect (P5). */
  readonly batches: boolean
  readonly operations: readonly JournalOperation[]
  /** The deploy locks that are held: scope → token. */
  readonly locks: Readonly<Record<string, string>>
  /** The line's commit that the closing merge takes in, from just before it is made. */
  readonly closing?: Oid
  /** The push has been reported; only its closing merge is not made yet. */
  readonly reported?: true
}

export type FoundJournal =
  | { readonly kind: 'none' }
  | { readonly kind: 'journal'; readonly journal: PushJournal }
  /** Something that is no journal stands in its place. */
  | { readonly kind: 'unreadable'; readonly path: string }

const FORMAT = 1

export function journalOperation(planned: PlannedOperation, batches: boolean): JournalOperation {
  const { opId, kind, key, id, by, setting, scripts, changes, after } = planned
  const spawn = kind === 'spawn.update' ? fromEntries(spawnOf(after!.fields)) : undefined
  return {
    opId,
    kind,
    key,
    id,
    by,
    ...(setting === undefined ? {} : { setting }),
    scripts,
    changes,
    unnamed: !batches && (kind === 'blueprint.remove' || kind === 'spawn.update'),
    ...(spawn === undefined ? {} : { spawn }),
  }
}

/** The two fields of a spawn that there are. */
export function spawnOf(fields: JsonObject): readonly (readonly [string, Json])[] {
  return ['position', 'quaternion'].flatMap((field) => {
    const value = own(fields, field)
    return value === undefined ? [] : [[field, value] as const]
  })
}

/** Worktrees of one repository share its state folder; each pushes from a HEAD of its own. */
function journalPath(session: Pick<Session, 'stateFolder' | 'ref'> & Pick<Project, 'repository'>): string {
  const { gitDir, commonDir } = session.repository
  const worktree = gitDir === commonDir ? '' : `-${refSegment(basename(gitDir))}`
  return join(session.stateFolder, `push-${refSegment(session.ref)}${worktree}.json`)
}

/** Writes the journal durably, in one rename: whoever reads it sees the old one or the new one. */
export async function writeJournal(session: Session, journal: PushJournal): Promise<void> {
  const path = journalPath(session)
  await mkdir(session.stateFolder, { recursive: true })
  await writeFile(`${path}.new`, JSON.stringify({ format: FORMAT, ...journal }), { flush: true })
  await rename(`${path}.new`, path)
  await syncFolder(session.stateFolder)
}

export async function removeJournal(session: Session): Promise<void> {
  await rm(journalPath(session), { force: true })
}

/** Puts what is no journal out of the way, where somebody can look at it. Returns where it is then. */
export async function setJournalAside(session: Session): Promise<string> {
  const path = journalPath(session)
  await rename(path, `${path}.damaged`)
  return `${path}.damaged`
}

export async function readJournal(session: Session): Promise<FoundJournal> {
  const path = journalPath(session)
  const text = await readText(path)
  if (text === undefined) return { kind: 'none' }
  let journal: PushJournal | undefined
  try {
    journal = parseJournal(JSON.parse(text))
  } catch {
    // Cut short, or edited: it says nothing that could be relied on.
  }
  return journal === undefined ? { kind: 'unreadable', path } : { kind: 'journal', journal }
}

/** A push that an earlier command began and did not end, before anybody has looked what became of it. */
export interface InterruptedPush {
  readonly worldId: string
  readonly branch: string
  readonly operations: number
}

/** Whether there is anything for `recoverPush` to look at: mostly there is not. */
export async function hasJournal(session: Session): Promise<boolean> {
  return exists(journalPath(session))
}

/**
 * Whether a push was interrupted here and waits for the next push or pull to find out what landed (P6). Asks nobody and
 * changes nothing; a push whose closing merge alone is open is not among them.
 */
export async function interruptedPush(session: Session): Promise<InterruptedPush | undefined> {
  const found = await readJournal(session)
  if (found.kind !== 'journal' || found.journal.reported === true || isForeign(session, found.journal)) return undefined
  return describe(found.journal)
}

export function describe({ worldId, branch, operations }: PushJournal): InterruptedPush {
  return { worldId, branch, operations: operations.length }
}

/** A journal of the same ref, but about another world: the target was changed meanwhile. */
export function isForeign(session: Session, { worldId, ref }: PushJournal): boolean {
  const wanted = session.target.address.worldId
  return ref !== session.ref || (wanted !== undefined && wanted !== worldId)
}

/** A rename is durable when its folder is; not every system can say so. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

/** Undefined for what is no journal of a format that we know. Throws for ids that are none. */
function parseJournal(document: unknown): PushJournal | undefined {
  if (!isJsonObject(document) || document.format !== FORMAT) return undefined
  const { worldId, ref, branch, head, tip, cursor, batches, operations, locks, closing, reported } = document
  if (typeof worldId !== 'string' || typeof ref !== 'string' || typeof branch !== 'string') return undefined
  if (typeof head !== 'string' || typeof tip !== 'string' || !Number.isSafeInteger(cursor)) return undefined
  if (typeof batches !== 'boolean' || !Array.isArray(operations) || !isJsonObject(locks)) return undefined
  const tokens = Object.entries(locks)
  if (tokens.some(([, token]) => typeof token !== 'string')) return undefined
  const parsed = operations.map(parseOperation)
  if (parsed.some((operation) => operation === undefined)) return undefined
  return {
    worldId,
    ref,
    branch,
    head: parseOid(head),
    tip: parseOid(tip),
    cursor: cursor as Cursor,
    batches,
    operations: parsed as readonly JournalOperation[],
    locks: locks as Readonly<Record<string, string>>,
    ...(typeof closing === 'string' ? { closing: parseOid(closing) } : {}),
    ...(reported === true ? { reported } : {}),
  }
}

function parseOperation(document: unknown): JournalOperation | undefined {
  if (!isJsonObject(document)) return undefined
  const { opId, kind, key, id, by, setting, scripts, changes, unnamed, spawn } = document
  if (typeof opId !== 'string' || typeof kind !== 'string' || !isKnownKind(kind)) return undefined
  if (typeof key !== 'string' || typeof id !== 'string' || typeof scripts !== 'boolean') return undefined
  if (!isJsonObject(by) || typeof by.commit !== 'string' || typeof by.actor !== 'string') return undefined
  if (!Array.isArray(changes) || typeof unnamed !== 'boolean') return undefined
  const fields = changes.map((change: Json): FieldChange | undefined => {
    const path = isJsonObject(change) ? own(change, 'path') : undefined
    if (!isJsonObject(change) || !Array.isArray(path) || path.some((part) => typeof part !== 'string')) return undefined
    return { path: path as string[], before: own(change, 'before'), after: own(change, 'after') }
  })
  if (fields.some((change) => change === undefined)) return undefined
  return {
    opId,
    kind,
    key: key as ObjectKey,
    id,
    by: { commit: parseOid(by.commit), actor: by.actor },
    ...(typeof setting === 'string' ? { setting } : {}),
    scripts,
    changes: fields as readonly FieldChange[],
    unnamed,
    ...(isJsonObject(spawn) ? { spawn } : {}),
  }
}
