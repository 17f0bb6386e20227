import type { Commit, Oid } from '../git-bridge/repository.ts'
import { harmless, type LineTrailers, NO_OPERATION, oneLine, readTrailers } from '../git-bridge/trailers.ts'
import type { Cursor } from '../world/operation.ts'
import { knownTip } from './known-tip.ts'
import { objectKeysNamed } from './object-name.ts'
import type { Session } from './session.ts'

/** One commit of the line: what happened in the world, who did it and when. */
export interface LogEntry {
  readonly commit: Oid
  readonly cursor: Cursor
  /** Undefined for a snapshot of a feed that had no operation yet. */
  readonly opId: string | undefined
  /** ISO 8601, to the second. */
  readonly time: string
  readonly actor: string
  readonly source: string
  /** `entity:<id>`, `blueprint:<id>`, `settings`, `spawn`; `snapshot` for a commit that holds a whole one. */
  readonly object: string
  /** What happened, in words. */
  readonly words: string
}

export interface LogOptions {
  /** Only what is about this object, named as for `world edit`; an id means the entity and the blueprint of that id. */
  readonly object?: string | undefined
  /** The most entries, at least 1. */
  readonly limit: number
}

/**
 * The world's own history as far as it was fetched, newest first; the world is not asked. Throws `no_line`,
 * `foreign_ref`, `invalid_name`.
 */
export async function worldLog(session: Session, options: LogOptions): Promise<readonly LogEntry[]> {
  const { repository } = session
  const wanted = options.object === undefined ? undefined : new Set<string>(objectKeysNamed(options.object))
  const tip = await knownTip(session, await repository.resolve('HEAD'))
  const entries: LogEntry[] = []
  const bound = wanted === undefined ? { limit: options.limit } : {}
  for await (const commit of repository.log({ include: [tip.oid], firstParent: true, ...bound })) {
    const trailers = readTrailers(commit)
    if (trailers === undefined || (wanted !== undefined && !wanted.has(trailers.object))) continue
    entries.push(entryOf(commit, trailers))
    if (entries.length >= options.limit) break
  }
  return entries
}

function entryOf(commit: Commit, { cursor, opId, source, object }: LineTrailers): LogEntry {
  return {
    commit: commit.oid,
    cursor,
    opId: opId === NO_OPERATION ? undefined : opId,
    time: new Date(commit.author.time * 1000).toISOString().replace('.000Z', 'Z'),
    actor: commit.author.name,
    source,
    object,
    words: wordsOf(commit),
  }
}

/** The subject without the actor that begins it; an actor's name may hold a colon itself. */
function wordsOf({ author, message }: Commit): string {
  const subject = message.slice(0, Math.max(0, message.indexOf('\n')))
  const actor = `${harmless(oneLine(author.name, 60))}: `
  return subject.startsWith(actor) ? subject.slice(actor.length) : subject.slice(subject.indexOf(': ') + 1).trim()
}
