import { readChanges } from '../remote-runtime/changes.ts'
import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { namesOf } from './editions.ts'
import type { EncodedOperation } from './encode.ts'
import type { Session } from './session.ts'
import { namesScripts } from './unannounced.ts'
import { PAGE } from './world-now.ts'

/**
 * Blueprints that somebody deployed since a cursor with another edition of a shared module than some operations bring.
 * What these expect of their own blueprints does not tell it (P5): each names an edition of its own. Asked while the
 * deploy locks of the operations are held.
 */
export async function deployedMeanwhile(
  session: Session,
  encoded: readonly EncodedOperation[],
  cursor: Cursor,
): Promise<readonly string[]> {
  const ours = new Map<string, unknown>()
  for (const { fields, object } of encoded) {
    for (const [name, url] of Object.entries(scriptFiles(object ?? fields))) {
      const path = /^@shared\/(.+)$/s.exec(name)?.[1]
      if (path !== undefined) ours.set(path, url)
    }
  }
  const moved = new Set<string>()
  if (ours.size === 0) return []
  for await (const page of readChanges(session.runtime, cursor, { limit: PAGE })) {
    if (page.kind === 'expired') return [...ours.keys()].map((path) => `@shared/${path}`)
    for (const operation of page.operations.filter(isDeploy)) {
      const theirs = scriptFiles(operation.snapshot ?? {})
      const isOther = [...ours].some(([path, url]) => namesOf(path).some((name) => (own(theirs, name) ?? url) !== url))
      if (isOther) moved.add(`${String(own(operation.snapshot ?? {}, 'id'))}.scriptFiles`)
    }
  }
  return [...moved]
}

function isDeploy(operation: Operation): boolean {
  const { kind } = operation
  return kind === 'blueprint.add' || (kind === 'blueprint.update' && namesScripts(operation))
}

function scriptFiles(object: JsonObject): JsonObject {
  const files = own(object, 'scriptFiles')
  return isJsonObject(files) ? files : {}
}
