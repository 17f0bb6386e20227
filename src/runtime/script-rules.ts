import type { Json, JsonObject } from '../world/json.ts'
import { isJsonObject, own } from '../world/json.ts'
import { GLOBAL_SCOPE } from './deploy-locks.ts'
import { type EngineContext, type Refused, refused } from './engine-types.ts'
import type { WorldTables } from './world-tables.ts'

const SCRIPT_FIELDS = ['scriptEntry', 'scriptFiles', 'scriptFormat', 'scriptRef']

/** A write of a blueprint: the fields it sets and those it removes. */
export interface BlueprintWrite {
  readonly id: string
  readonly fields: JsonObject
  readonly remove: readonly string[]
}

/** Any script field, even `scriptRef: null`, makes a command script-bearing; only `script: ''` does not (protocol, section 5). */
export function bearsScripts({ fields, remove }: BlueprintWrite): boolean {
  if (SCRIPT_FIELDS.some((field) => Object.hasOwn(fields, field) || remove.includes(field))) return true
  return (Object.hasOwn(fields, 'script') && fields.script !== '') || remove.includes('script')
}

/**
 * What stands in the way of a script-bearing write: malformed script fields, an unknown or disagreeing scope, a missing
 * deploy lock (protocol, sections 5 and 6). Undefined when nothing does.
 */
export function scriptRefusal(
  tables: WorldTables,
  write: BlueprintWrite,
  lockTokens: readonly string[],
  context: EngineContext,
): Refused | undefined {
  if (!bearsScripts(write)) return undefined
  const files = own(write.fields, 'scriptFiles')
  if (files !== undefined && files !== null && !areScriptFiles(files)) return refused('invalid_script_files')
  const entry = own(write.fields, 'scriptEntry')
  if (entry !== undefined && entry !== null && !isScriptPath(entry)) return refused('invalid_script_entry')

  const stored = scopeOf(tables.get('blueprint', write.id))
  const root = rootOf(tables, write)
  const named = scopeOf(write.fields) ?? stored
  const ofRoot = scopeOf(root)
  const scope = named ?? ofRoot
  if (scope === undefined) return refused('scope_unknown', { details: undefined })
  if ((stored !== undefined && stored !== scope) || (ofRoot !== undefined && ofRoot !== scope)) {
    return refused('scope_mismatch', { details: { scope, stored, root: ofRoot } })
  }
  const verdict = context.locks.permits(scope, lockTokens, context.now())
  switch (verdict.kind) {
    case 'permitted':
      return undefined
    case 'locked':
      return refused('deploy_locked', { lock: verdict.lock })
    case 'required':
      return refused('deploy_lock_required', { details: { scope } })
  }
}

/**
 * The fields as the server keeps them: a variant carries no scripts of its own, and its `script` is its root's; a
 * reference to itself is none (protocol, section 5).
 */
export function normalizeScripts(tables: WorldTables, write: BlueprintWrite): JsonObject {
  if (!bearsScripts(write)) return write.fields
  const ref = scriptRefOf(tables, write)
  if (ref === undefined) return write.fields
  if (ref === write.id) return { ...write.fields, scriptRef: null }
  const script = own(tables.get('blueprint', ref) ?? {}, 'script')
  return {
    ...write.fields,
    ...(script === undefined ? {} : { script }),
    scriptEntry: null,
    scriptFiles: null,
    scriptFormat: null,
  }
}

export function scopeOf(object: JsonObject | undefined): string | undefined {
  const scope = object === undefined ? undefined : own(object, 'scope')
  return typeof scope === 'string' && scope !== '' ? scope : undefined
}

/** The lock domain of a stored blueprint; what was stored without one counts as global. */
export function storedScope(blueprint: JsonObject): string {
  return scopeOf(blueprint) ?? GLOBAL_SCOPE
}

function scriptRefOf(tables: WorldTables, write: BlueprintWrite): string | undefined {
  if (write.remove.includes('scriptRef')) return undefined
  const ref = Object.hasOwn(write.fields, 'scriptRef')
    ? write.fields.scriptRef
    : own(tables.get('blueprint', write.id) ?? {}, 'scriptRef')
  return typeof ref === 'string' && ref !== '' ? ref : undefined
}

function rootOf(tables: WorldTables, write: BlueprintWrite): JsonObject | undefined {
  const ref = scriptRefOf(tables, write)
  return ref === undefined || ref === write.id ? undefined : tables.get('blueprint', ref)
}

function areScriptFiles(value: Json): boolean {
  if (!isJsonObject(value)) return false
  return Object.entries(value).every(
    ([path, url]) => isScriptPath(path) && typeof url === 'string' && url.startsWith('asset://'),
  )
}

function isScriptPath(path: Json): boolean {
  if (typeof path !== 'string' || path.trim() === '' || path.includes('\\')) return false
  return path.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}
