import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LAYOUT } from '../git-bridge/layout.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { type ObjectKey, objectKey } from '../world/state.ts'
import { type Effect, effectOf, type WireWorld } from '../world/wire-world.ts'
import { refSegment, type Session } from './session.ts'
import type { LineCommit } from './tip.ts'

/**
 * What was read of a world's feed, remembered in `.git/lobby/`: the newest operation about each object, and what tells
 * the latest ones apart should they be delivered again. Caches: losing them costs a look at the line's commits, and lets
 * more objects count as written when the feed has expired (G9).
 */

/** Operations that are recognised when they come again: those of the latest so many. */
const WINDOW = 4096
/** Commits of the line that are asked instead where nothing is remembered. */
const COMMITS = 1000

/** The newest operation about an object; `opId` undefined: none ever was. */
export interface LastOperation {
  readonly cursor: Cursor
  readonly opId: string | undefined
}

type Entry = readonly [cursor: Cursor, opId: string | null, key: string, print: string]

function place(session: Session, which: 'recent' | 'last'): string {
  return join(session.stateFolder, `ops-${which}-${refSegment(session.ref)}`)
}

async function readEntries(path: string): Promise<readonly Entry[] | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text?.split('\n').flatMap((line) => {
    try {
      const entry: unknown = line === '' ? undefined : JSON.parse(line)
      if (!Array.isArray(entry)) return []
      const [cursor, opId, key, print] = entry as unknown[]
      const known = Number.isSafeInteger(cursor) && (opId === null || typeof opId === 'string')
      return known && typeof key === 'string' && typeof print === 'string' ? [entry as unknown as Entry] : []
    } catch {
      // Half a line, as a crash leaves it.
      return []
    }
  })
}

function spell(entries: Iterable<Entry>): string {
  return [...entries].map((entry) => `${JSON.stringify(entry)}\n`).join('')
}

async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}

/** Recognises operations that the feed delivers again under a later cursor (protocol, section 2: at least once). */
export class SeenOperations {
  readonly #session: Session
  readonly #known: Map<string, { readonly cursor: Cursor; readonly key: string; readonly print: string }>
  #fresh: Entry[] = []
  readonly #count: number

  private constructor(session: Session, known: readonly Entry[], count: number) {
    this.#session = session
    this.#known = new Map()
    this.#count = count
    for (const entry of known) this.#learn(entry)
  }

  /** What is remembered of the latest operations; of the line's own commits where nothing is. */
  static async load(session: Session, line: LineCommit): Promise<SeenOperations> {
    const recent = await readEntries(place(session, 'recent'))
    if (recent !== undefined) return new SeenOperations(session, recent, recent.length)
    const entries: Entry[] = []
    for await (const commit of session.repository.log({ include: [line.oid], firstParent: true, limit: COMMITS })) {
      const said = readTrailers(commit)
      if (said !== undefined && said.object !== 'snapshot' && said.object !== LAYOUT)
        entries.push([said.cursor, said.opId, said.object, ''])
    }
    const seen = new SeenOperations(session, entries, 0)
    // Remembered from now on: a replay may begin behind them.
    seen.#fresh.push(...entries.reverse())
    return seen
  }

  /** The cursor at which the same operation came before; undefined for one that is new. Remembers it. */
  again(operation: Operation): Cursor | undefined {
    const key = keyOfEffect(effectOf(operation)) ?? ''
    const entry: Entry = [operation.cursor, operation.opId, key, printOf(operation)]
    const known = this.#known.get(operation.opId)
    const same =
      known !== undefined &&
      known.cursor < operation.cursor &&
      known.key === key &&
      (known.print === '' || known.print === entry[3])
    if (same) return known.cursor
    this.#learn(entry)
    this.#fresh.push(entry)
    if (this.#fresh.length > 2 * WINDOW)
      this.#fresh = [...newestByKey(this.#fresh.slice(0, -WINDOW)), ...this.#fresh.slice(-WINDOW)]
    return undefined
  }

  async save(): Promise<void> {
    const fresh = this.#fresh
    if (fresh.length === 0) return
    this.#fresh = []
    const path = place(this.#session, 'recent')
    if (this.#count > 0 && this.#count + fresh.length <= 2 * WINDOW) return appendFile(path, spell(fresh))
    const all = [...((await readEntries(path)) ?? []), ...fresh]
    const old = all.slice(0, -WINDOW)
    if (old.length > 0) {
      await mkdir(dirname(path), { recursive: true })
      await appendFile(place(this.#session, 'last'), spell(newestByKey(old)))
    }
    await replace(path, spell(all.slice(-WINDOW)))
  }

  /** Where an operation came more than once, its first place counts: a replay from before it meets it there again. */
  #learn([cursor, opId, key, print]: Entry): void {
    if (opId === null) return
    const known = this.#known.get(opId)
    if (known === undefined || cursor < known.cursor) this.#known.set(opId, { cursor, key, print })
  }
}

function newestByKey(entries: readonly Entry[]): Iterable<Entry> {
  const newest = new Map<string, Entry>()
  for (const entry of entries) if (entry[2] !== '') newest.set(entry[2], entry)
  return newest.values()
}

/** What tells an operation from another one of its id. */
function printOf({ ts, kind, objectUid, patch, snapshot }: Operation): string {
  const text = JSON.stringify([ts, kind, objectUid, patch ?? null, snapshot ?? null])
  return createHash('sha256').update(text).digest('base64url').slice(0, 12)
}

/** The object that an operation is about; undefined for what is not synced. */
export function keyOfEffect(effect: Effect): ObjectKey | undefined {
  switch (effect.kind) {
    case 'put':
    case 'remove':
      return objectKey(effect.of, effect.id)
    case 'setting':
      return objectKey('settings', 'settings')
    case 'spawn':
      return objectKey('spawn', 'spawn')
    case 'none':
      return undefined
  }
}

/** The newest operation about each object, as far as the feed was read up to a cursor and remembered. */
export async function lastOperations(session: Session, until: Cursor): Promise<ReadonlyMap<string, LastOperation>> {
  const last = new Map<string, LastOperation>()
  for (const which of ['last', 'recent'] as const) {
    for (const [cursor, opId, key] of (await readEntries(place(session, which))) ?? []) {
      const known = last.get(key)
      if (key === '' || cursor > until || (known !== undefined && known.cursor > cursor)) continue
      last.set(key, { cursor, opId: opId ?? undefined })
    }
  }
  return last
}

/** Remembers what a snapshot says of the newest operation about each object. */
export async function rememberWorld(session: Session, world: WireWorld, cursor: Cursor): Promise<void> {
  const entries: Entry[] = []
  for (const kind of ['blueprint', 'entity'] as const) {
    for (const [id, object] of kind === 'blueprint' ? world.blueprints : world.entities) {
      entries.push([cursor, lastOpIdOf(object) ?? null, objectKey(kind, id), ''])
    }
  }
  await replace(place(session, 'last'), spell(entries))
}

/** The operation that last wrote an object, as its bookkeeping says (protocol, section 4). */
export function lastOpIdOf(object: { readonly [field: string]: unknown }): string | undefined {
  const value = Object.hasOwn(object, 'lastOpId') ? object.lastOpId : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}
