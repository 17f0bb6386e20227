import { createHash } from 'node:crypto'
import { openRuntime } from '../../src/remote-runtime/open-runtime.ts'
import type { RemoteRuntime } from '../../src/remote-runtime/remote-runtime.ts'
import { flat, readFeed, worldFields } from '../e2e/race-history.ts'
import type { FeedOperation } from '../e2e/race-judge.ts'
import type { Fields } from '../e2e/race-world.ts'
import type { Acknowledged } from './editor.ts'
import { WORLD_ID } from './runtime-process.ts'
import { SCOPES } from './template.ts'

/** The world when a round began. */
export interface Beginning {
  readonly cursor: number
  readonly state: ReadonlyMap<string, Fields>
}

export function reach(url: string): RemoteRuntime {
  return openRuntime({ url, worldId: WORLD_ID, adminCode: 'judge' })
}

export async function readBeginning(url: string): Promise<Beginning> {
  const remote = reach(url)
  try {
    return { cursor: await remote.head(), state: worldFields(await remote.snapshot()) }
  } finally {
    await remote.close()
  }
}

/** What the runtime holds: its feed since the beginning, and its objects as the snapshot has them. */
export interface Held {
  readonly feed: readonly FeedOperation[]
  readonly state: ReadonlyMap<string, string>
  /** The cursor that the snapshot was taken at. */
  readonly cursor: number
}

export async function readHeld(url: string, { cursor, state }: Beginning): Promise<Held> {
  const remote = reach(url)
  try {
    // The feed is read after the snapshot, so that it has everything that this has.
    const head = await remote.head()
    const snapshot = await remote.snapshot()
    const feed = await readFeed(remote, cursor, state)
    return { feed, state: flat(worldFields(snapshot)), cursor: Number(snapshot.cursor ?? head) }
  } finally {
    await remote.close()
  }
}

/**
 * What a runtime that acknowledges nothing before it is on disk must never show (protocol, section 9, `durable`): a
 * feed with gaps or repetitions, a snapshot that is not the feed replayed, an acknowledged operation that is not there,
 * a transaction of which a part is there. `acknowledged` is from before the feed was read.
 */
export function findDefects(
  held: Held,
  beginning: Beginning,
  acknowledged: readonly Acknowledged[],
): readonly string[] {
  const { feed, state, cursor } = held
  const defects: string[] = []
  const known = new Set<string>()
  let last = beginning.cursor
  for (const { opId, cursor: at } of feed) {
    if (at !== last + 1) defects.push(`the feed goes from ${last} to ${at}`)
    if (known.has(opId)) defects.push(`${opId} is in the feed twice, again at ${at}`)
    known.add(opId)
    last = at
  }
  const replayed = new Map(flat(beginning.state))
  for (const { cursor: at, changes } of feed) {
    for (const { object, field, after } of at <= cursor ? changes : []) {
      if (after === undefined) replayed.delete(`${object} ${field}`)
      else replayed.set(`${object} ${field}`, after)
    }
  }
  for (const name of new Set([...replayed.keys(), ...state.keys()])) {
    if (replayed.get(name) === state.get(name)) continue
    defects.push(`${name} is ${state.get(name)} in the snapshot, by the feed it is ${replayed.get(name)}`)
  }
  for (const { operations, batches } of acknowledged) {
    for (const opId of operations) if (!known.has(opId)) defects.push(`${opId} was acknowledged and is not in the feed`)
    for (const batch of batches) {
      const there = batch.filter((opId) => known.has(opId))
      if (there.length > 0 && there.length < batch.length)
        defects.push(`of the transaction ${batch.join(', ')} only ${there.join(', ')} is in the feed`)
    }
  }
  return defects
}

/** The acknowledged uploads whose bytes cannot be had any more, or are others. */
export async function findLostAssets(url: string, assets: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const lost: string[] = []
  for (const [name, hash] of assets) {
    const answer = await fetch(`${url}/assets/${name}`)
    const bytes = Buffer.from(await answer.arrayBuffer())
    const found = createHash('sha256').update(bytes).digest('hex')
    if (!answer.ok || found !== hash) lost.push(`${name} was uploaded, and is ${answer.status} with ${found}`)
  }
  return lost
}

/** Locks that nobody will release: a moment's lock of a killed push runs out by itself (P4). */
export async function findLeftLocks(url: string, moment: number): Promise<readonly string[]> {
  const left: string[] = []
  for (const scope of SCOPES) {
    const answer = await fetch(`${url}/admin/deploy-lock?scope=${scope}`)
    const lock = (await answer.json()) as { locked: boolean; owner?: string; expiresInMs?: number }
    if (lock.locked && Number(lock.expiresInMs) > moment)
      left.push(`${scope} stays locked by ${lock.owner} for ${lock.expiresInMs} ms`)
  }
  return left
}
