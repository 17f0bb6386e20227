import type { Json, JsonObject } from '../world/json.ts'

const PREFIX = 'asset://'

/** Every file that a value names as `asset://<filename>`, at any depth (protocol, section 7). */
export function collectAssets(value: Json | undefined, into: Set<string>): void {
  if (typeof value === 'string') {
    if (value.startsWith(PREFIX)) into.add(value.slice(PREFIX.length))
  } else if (Array.isArray(value)) {
    for (const item of value) collectAssets(item, into)
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value as JsonObject)) collectAssets(item, into)
  }
}
