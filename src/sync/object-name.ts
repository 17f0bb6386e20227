import { SyncError } from '../world/errors.ts'
import { type ObjectKey, objectKey, SETTINGS, SPAWN } from '../world/state.ts'

const PREFIXES = ['entity', 'blueprint', 'shared'] as const

/**
 * The objects that a name on the command line may mean: `settings`, `spawn`, `entity:<id>`, `blueprint:<id>` (and
 * `shared:<path>`) mean one; a bare id means the entity or the blueprint that has it. Throws `invalid_name`.
 *
 * @example objectKeysNamed('lamp') // ['entity:lamp', 'blueprint:lamp']
 */
export function objectKeysNamed(name: string): readonly ObjectKey[] {
  if (name === '') throw invalid()
  if (name === 'settings') return [SETTINGS]
  if (name === 'spawn') return [SPAWN]
  for (const kind of PREFIXES) {
    if (!name.startsWith(`${kind}:`)) continue
    const id = name.slice(kind.length + 1)
    if (id === '') throw invalid()
    return [objectKey(kind, id)]
  }
  return [objectKey('entity', name), objectKey('blueprint', name)]
}

/** The one of them that exists. Throws `invalid_name`, `unknown_object`, `ambiguous_name`. */
export function objectNamed(name: string, exists: (key: ObjectKey) => boolean): ObjectKey {
  const [first, second] = objectKeysNamed(name).filter(exists)
  if (first === undefined) {
    throw new SyncError('unknown_object', `The world has no object "${name}".`, {
      hint: 'Run "gamedev world list" to see what there is.',
      data: { object: name },
    })
  }
  if (second !== undefined) {
    throw new SyncError('ambiguous_name', `"${name}" is the id of an entity and of a blueprint.`, {
      hint: `Write ${first} or ${second}.`,
      data: { object: name, candidates: [first, second] },
    })
  }
  return first
}

function invalid(): SyncError {
  return new SyncError('invalid_name', 'The name of an object cannot be empty.', {
    hint: 'Use an id, "entity:<id>", "blueprint:<id>", "settings" or "spawn".',
  })
}
