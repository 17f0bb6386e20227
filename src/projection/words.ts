import { isJsonObject, type JsonObject, own } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import { isBookkeeping } from '../world/state.ts'

const MAX_WORD = 60
const MAX_LENGTH = 120
/** The server adds these to every patch (protocol, section 3). */
const METADATA = new Set(['id', 'uid', 'scope', 'managedBy', 'createdAt', 'type'])
const TRANSFORM = new Set(['position', 'quaternion', 'scale'])

/**
 * What an operation did, in plain words, for the subject of a commit. Never longer than a line, never with control
 * characters; the patch is good enough here, being only a hint (protocol, section 3).
 *
 * @example describeOperation(op) // 'move Lamp ent0003'
 */
export function describeOperation(op: Operation): string {
  return shorten(describe(op), MAX_LENGTH)
}

function describe(op: Operation): string {
  const id = said(op.snapshot, 'id') ?? said(op.patch, 'id') ?? word(op.objectUid)
  switch (op.kind) {
    case 'blueprint.add':
      return `add blueprint ${nameOf(op) ?? id}`
    case 'blueprint.remove':
      return `remove blueprint ${nameOf(op) ?? id}`
    case 'blueprint.update':
      return `change ${fields(op, 'blueprint')} of blueprint ${nameOf(op) ?? id}`
    case 'entity.add':
      return `add ${entity(op, id)}`
    case 'entity.remove':
      return `remove ${entity(op, id)}`
    case 'entity.update':
      return describeUpdate(op, id)
    case 'settings.update': {
      const key = said(op.patch, 'key') ?? word(op.objectUid.replace(/^world:settings:/, ''))
      return `${op.patch !== undefined && Object.hasOwn(op.patch, 'value') ? 'set' : 'clear'} setting ${key}`
    }
    case 'spawn.update':
      return op.patch?.op === 'clear' ? 'clear the spawn point' : 'move the spawn point'
    default:
      return `${word(op.kind)} ${word(op.objectUid)}`
  }
}

function describeUpdate(op: Operation, id: string): string {
  const changed = changedKeys(op)
  if (changed.length > 0 && changed.every((key) => TRANSFORM.has(key))) {
    if (changed.includes('position')) return `move ${entity(op, id)}`
    return `${changed.includes('quaternion') ? 'turn' : 'scale'} ${entity(op, id)}`
  }
  const pinned = op.patch?.pinned
  if (changed.length === 1 && typeof pinned === 'boolean') return `${pinned ? 'pin' : 'unpin'} ${entity(op, id)}`
  if (changed.length === 0 && op.patch !== undefined && Object.hasOwn(op.patch, 'mover')) {
    return `${op.patch.mover === null ? 'let go of' : 'hold'} ${entity(op, id)}`
  }
  return `change ${fields(op, 'entity')} of ${id}`
}

/** What a patch changes, but for what is in every patch. */
function changedKeys(op: Operation): readonly string[] {
  return Object.keys(op.patch ?? {}).filter((key) => !isBookkeeping(key) && !METADATA.has(key))
}

/** The changed fields in words: `props.color`, `name and desc`, `5 fields`. */
function fields(op: Operation, kind: 'blueprint' | 'entity'): string {
  const names = changedKeys(op).flatMap((key) => {
    const value = op.patch?.[key]
    const keys = key === 'props' && isJsonObject(value) ? Object.keys(value) : []
    return keys.length === 1 ? [`props.${keys[0]}`] : [key]
  })
  const script = (name: string) => kind === 'blueprint' && /^script/.test(name)
  const words = [...new Set(names.map((name) => (script(name) ? 'scripts' : word(name))))]
  if (words.length === 0) return 'details'
  if (words.length > 3) return `${words.length} fields`
  return words.length === 1 ? words[0]! : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}

/** The entity with its blueprint's id, which people recognise. */
function entity(op: Operation, id: string): string {
  const blueprint = said(op.snapshot, 'blueprint')
  return blueprint === undefined ? `entity ${id}` : `${blueprint} ${id}`
}

function nameOf(op: Operation): string | undefined {
  return said(op.snapshot, 'name') ?? said(op.patch, 'name')
}

function said(object: JsonObject | undefined, key: string): string | undefined {
  const clean = object === undefined ? '' : word(own(object, key))
  return clean === '' ? undefined : clean
}

/** Foreign text, if it is text, made fit for one line: no control, format or line-separating characters, no lone surrogates. */
function word(value: unknown): string {
  const clean = (typeof value === 'string' ? value : '').replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return shorten(clean, MAX_WORD)
}

function shorten(value: string, limit: number): string {
  const characters = [...value]
  return characters.length <= limit ? value : `${characters.slice(0, limit - 1).join('')}…`
}
