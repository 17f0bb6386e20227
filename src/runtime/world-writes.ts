import { type Json, type JsonObject, own, withKey } from '../world/json.ts'
import { addBlueprint, modifyBlueprint, removeBlueprint, type Write } from './blueprint-writes.ts'
import { operation } from './bookkeeping.ts'
import { done, type NewOperation, type Outcome, type Packet, refused } from './engine-types.ts'
import { DEFAULT_SPAWN, isSettingsKey } from './fresh-world.ts'
import { isStorableId, isVector } from './wire-values.ts'

/** Sets one settings key, or removes it when there is no value; an unknown key is recorded, but never kept. */
export function modifySettings(key: Json, value: Json | undefined, { tables, by }: Write): Outcome {
  if (!isStorableId(key)) return refused('invalid_payload')
  if (isSettingsKey(key)) tables.settings = withKey(tables.settings, key, value)
  return done(
    [
      operation(by, 'settings.update', `world:settings:${key}`, {
        patch: value === undefined ? { key } : { key, value },
      }),
    ],
    [{ name: 'settingsModified', data: { key, value } }],
  )
}

/** Sets the spawn; `patch` is what the feed says beside it. */
export function putSpawn(
  position: Json,
  quaternion: Json,
  patch: JsonObject | undefined,
  { tables, by }: Write,
): Outcome {
  if (!isVector(position, 3) || !isVector(quaternion, 4)) return refused('invalid_payload')
  const spawn = { position, quaternion }
  tables.spawn = spawn
  return done(
    [operation(by, 'spawn.update', 'world:spawn', { ...(patch === undefined ? {} : { patch }), snapshot: spawn })],
    [{ name: 'spawnModified', data: spawn }],
    { spawn },
  )
}

/** `spawn_modify`; nobody can be inside a world that runs no players, so `set` finds none. */
export function modifySpawn(op: Json, write: Write): Outcome {
  if (op === 'set') return refused('player_not_found')
  if (op !== 'clear') return refused('invalid_op')
  const outcome = putSpawn(DEFAULT_SPAWN.position!, DEFAULT_SPAWN.quaternion!, { op }, write)
  return outcome.kind === 'done' ? { ...outcome, reply: {} } : outcome
}

/** Puts blueprints back to what a deploy snapshot holds, each with a version above the current one (protocol, section 6). */
export function rollback(blueprints: readonly JsonObject[], write: Write, next: () => Write): Outcome {
  const operations: NewOperation[] = []
  const packets: Packet[] = []
  const restored: string[] = []
  const failed: string[] = []
  for (const blueprint of blueprints) {
    const id = blueprint.id as string
    const current = write.tables.get('blueprint', id)
    const outcome =
      current === undefined
        ? addBlueprint(blueprint, next())
        : modifyBlueprint(
            blueprint,
            Object.keys(current).filter((field) => !Object.hasOwn(blueprint, field)),
            'raised',
            next(),
          )
    if (outcome.kind === 'refused') failed.push(id)
    else {
      restored.push(id)
      operations.push(...outcome.operations)
      packets.push(...outcome.packets)
    }
  }
  return done(operations, packets, { restored, failed })
}

/**
 * Removes blueprints that nothing uses: `keep` false, no scene, no entity (protocol, section 3). The public server also
 * removes roots that remaining variants name, which leaves those without scripts; ours keeps them.
 */
export function clean(dryrun: boolean, write: Write, next: () => Write): Outcome {
  const { tables, context } = write
  const all = [...tables.all('blueprint')]
  const used = (b: JsonObject) => b.keep === true || b.scene === true || tables.uses(b.id as string) > 0
  const kept = new Set(all.filter(used).map((b) => b.id as string))
  if (!context.publicLike) {
    for (const b of all) {
      const root = own(b, 'scriptRef')
      if (kept.has(b.id as string) && typeof root === 'string') kept.add(root)
    }
  }
  const operations: NewOperation[] = []
  const packets: Packet[] = []
  const removed = all.map((b) => b.id as string).filter((id) => !kept.has(id))
  for (const id of dryrun ? [] : removed) {
    const outcome = removeBlueprint(id, next())
    if (outcome.kind === 'refused') continue
    operations.push(...outcome.operations)
    packets.push(...outcome.packets)
  }
  return done(operations, packets, { blueprints: removed })
}
