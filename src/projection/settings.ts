import type { JsonObject } from '../world/json.ts'
import type { WorldObject } from '../world/state.ts'
import { type ReadObject, readObjectFile } from './file-object.ts'
import { formatJson, without } from './json-file.ts'

/** Settings as an object: every key is a field, URLs stay `asset://` (protocol, section 7); `hasAdminCode` is derived. */
export function settingsObject(value: JsonObject): WorldObject {
  return { kind: 'settings', id: 'settings', fields: without(value, (key) => key === 'hasAdminCode') }
}

/** Reads `world/settings.json`. */
export function readSettingsFile(path: string, content: Uint8Array | string): ReadObject {
  return readObjectFile(path, content, (value) => ({ kind: 'ok', value: settingsObject(value) }))
}

/** The inverse of {@link readSettingsFile}. */
export function writeSettingsFile(object: WorldObject): string {
  return formatJson(object.fields, { inlineNumbers: true })
}
