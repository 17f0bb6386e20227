import { randomUUID } from 'node:crypto'
import type { BatchOperation } from '../protocol/schemas.ts'
import { SyncError } from '../world/errors.ts'
import type { Json, JsonObject } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import { installAssets, openAssetStore } from './asset-store.ts'
import { builtInAssets, claimDataFolder } from './data-folder.ts'
import { LockTable } from './deploy-locks.ts'
import type { EngineContext } from './engine-types.ts'
import { openWorld, shortId } from './open-world.ts'
import { createStore } from './store.ts'
import { openDatabase } from './store-schema.ts'
import { applyCommand } from './world-engine.ts'

/** What a world begins with, as wire objects. */
export interface Seed {
  readonly settings: JsonObject
  readonly spawn: { readonly position: Json; readonly quaternion: Json } | undefined
  readonly blueprints: readonly JsonObject[]
  readonly entities: readonly JsonObject[]
  /** Stored under their content hash; `extension` without a dot. */
  readonly assets: Iterable<{ readonly bytes: Uint8Array; readonly extension: string }>
}

/** What was written. */
export interface Seeded {
  readonly blueprints: number
  readonly entities: number
  readonly assets: number
  /** The head cursor: every object has its operation in the feed, by `admin` from `runtime.seed`. */
  readonly cursor: number
}

/**
 * Fills an empty world offline, in one transaction, in a data folder that no server is using.
 *
 * The fresh world's own scene entity gives way when the seed has entities of `$scene`. Throws `world_not_empty` for a
 * world that has a history, `seed_refused` naming the object that cannot be stored, `data_in_use` and `wrong_world`.
 */
export async function seedWorld(dataDir: string, worldId: string, seed: Seed): Promise<Seeded> {
  const folder = await claimDataFolder(dataDir)
  const db = openDatabase(folder.database, undefined)
  try {
    const store = createStore(db, undefined, { pageBytes: Infinity, commitCharacters: Infinity })
    const { world, head } = openWorld(store, worldId, Date.now)
    if (head > 0) {
      throw new SyncError('world_not_empty', `The world '${worldId}' has a history already.`, {
        hint: 'Seed a new data folder.',
      })
    }
    await installAssets(builtInAssets(), folder.assets)
    const assets = await openAssetStore(folder.assets, Infinity)
    let stored = 0
    for (const { bytes, extension } of seed.assets) {
      const outcome = await assets.put(`seed.${extension}`, once(bytes))
      if (outcome.kind !== 'stored') {
        throw new SyncError('seed_refused', `An asset with the extension '${extension}' cannot be stored.`)
      }
      stored++
    }

    const scenes = seed.entities.some((entity) => entity.blueprint === '$scene')
    const replaced = scenes ? [...world.all('entity')].map((entity) => entity.id as string) : []
    const operations = operationsOf(seed, replaced)
    const { outcome, draft } = applyCommand(
      world,
      {
        command: { kind: 'batch', operations, expectedCursor: undefined, lockTokens: new Map([['global', 'seed']]) },
        by: { actor: 'admin', source: 'runtime.seed', opId: undefined },
      },
      seedContext(),
    )
    if (outcome.kind === 'refused') {
      throw new SyncError('seed_refused', String(outcome.reply.message ?? outcome.error), { data: outcome.reply })
    }
    const recorded = outcome.operations.map((op, index): Operation => ({ cursor: index + 1, ...op }))
    store.commit(draft.changes(), recorded)
    const { blueprints, entities } = seed
    return { blueprints: blueprints.length, entities: entities.length, assets: stored, cursor: recorded.length }
  } finally {
    db.close()
    folder.unlock()
  }
}

/** Roots before their variants, blueprints before their entities. */
function operationsOf(seed: Seed, replaced: readonly string[]): readonly BatchOperation[] {
  const by = () => ({ opId: randomUUID(), actor: 'admin', source: 'runtime.seed' })
  const isVariant = (blueprint: JsonObject) => typeof blueprint.scriptRef === 'string'
  const inOrder = [...seed.blueprints].sort((a, b) => Number(isVariant(a)) - Number(isVariant(b)))
  return [
    ...replaced.map((id): BatchOperation => ({ ...by(), kind: 'entity.remove', id })),
    ...inOrder.map(
      (blueprint): BatchOperation => ({ ...by(), kind: 'blueprint.add', blueprint: { scope: 'global', ...blueprint } }),
    ),
    ...seed.entities.map(
      (entity): BatchOperation => ({
        ...by(),
        kind: 'entity.add',
        entity: { mover: null, uploader: null, state: {}, ...entity, type: 'app' },
      }),
    ),
    ...Object.entries(seed.settings).map(
      ([key, value]): BatchOperation => ({ ...by(), kind: 'settings.update', key, value }),
    ),
    ...(seed.spawn === undefined ? [] : [{ ...by(), kind: 'spawn.update', ...seed.spawn } as const]),
  ]
}

/** Nobody else can hold a lock of a world that nobody serves. */
function seedContext(): EngineContext {
  const held = { scope: 'global', token: 'seed', owner: 'seed', acquiredAt: 0, expiresAt: Infinity }
  return {
    now: Date.now,
    newUid: randomUUID,
    newOpId: shortId,
    locks: new LockTable([held], () => {}),
    recorded: () => undefined,
    head: () => 0,
    publicLike: false,
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
