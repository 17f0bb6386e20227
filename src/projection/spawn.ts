import type { JsonObject } from '../world/json.ts'
import { isBookkeeping, type WorldObject } from '../world/state.ts'
import { type Checked, invalid, needleOf, type ReadObject, readObjectFile } from './file-object.ts'
import { formatJson, inOrder, without } from './json-file.ts'
import { shapeProblem } from './shapes.ts'

const SPAWN_KEYS = ['position', 'quaternion'] as const

/** The spawn point as an object, or why it is none. */
export function spawnObject(value: JsonObject): Checked<WorldObject> {
  const wrong = shapeProblem('spawn', value)
  if (wrong !== undefined)
    return invalid('invalid', `${wrong.field} of the spawn ${wrong.message}`, needleOf(value, wrong.field))
  return { kind: 'ok', value: { kind: 'spawn', id: 'spawn', fields: without(value, isBookkeeping) } }
}

/** The spawn point as a file says it: position, quaternion, then what else it has. */
export function spawnToFile(object: WorldObject): JsonObject {
  return inOrder(object.fields, SPAWN_KEYS)
}

/** Reads `world/spawn.json`. */
export function readSpawnFile(path: string, content: Uint8Array | string): ReadObject {
  return readObjectFile(path, content, spawnObject)
}

/** The inverse of {@link readSpawnFile}. */
export function writeSpawnFile(object: WorldObject): string {
  return formatJson(spawnToFile(object), { inlineNumbers: true })
}
