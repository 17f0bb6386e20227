import { type Json, type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { FieldValue, WorldObject } from '../world/state.ts'
import { fieldEquality } from './equality.ts'
import { unionKeys } from './fields.ts'
import { sameObject } from './object.ts'

/**
 * What a file leaves unsaid. The runtime fills in fields that nobody says (protocol, section 4), and the files of
 * existing projects do not carry all of them (section 8): there, the absence of such a field is no removal (an exception
 * to M4), and a file need not be rewritten to say it.
 */

/** The runtime's own word: nobody else changes it, whatever a file says (M1). */
const ITS_OWN = { entity: ['uid'], blueprint: ['uid', 'createdAt'] } as const
/** Filled in with whatever fits. */
const FILLED_IN = ['scope', 'managedBy'] as const
/** Filled in with always the same. */
const DEFAULTS: readonly (readonly [string, Json])[] = [
  ['keep', false],
  ['props', {}],
]

/** An object of ours as a merge understands it. */
export interface Understood {
  readonly object: WorldObject
  /** Fields that the file shall go on saying as it does, though the merge knows better; undefined: not at all. */
  readonly left: ReadonlyMap<string, FieldValue>
}

/**
 * Our object with what its file leaves unsaid: as the world has it, or the base where the world has no such object.
 *
 * The file goes on not saying it, unless the world changed it since the base, or it is an object that we added and that
 * comes back from the world for the first time. `connected` is false where there is no common history: then all that
 * the world fills in was there before we met.
 */
export function understand(
  ours: WorldObject,
  base: WorldObject | undefined,
  theirs: WorldObject | undefined,
  connected: boolean,
): Understood {
  const left = new Map<string, FieldValue>()
  const other = theirs ?? base
  if (other === undefined || (ours.kind !== 'entity' && ours.kind !== 'blueprint')) return { object: ours, left }
  let { fields } = ours
  const take = (key: string, value: Json) => {
    const isNews =
      connected &&
      (base === undefined || (theirs !== undefined && !jsonEquals(own(base.fields, key), own(theirs.fields, key))))
    if (!isNews) left.set(key, own(ours.fields, key))
    fields = withKey(fields, key, value)
  }
  for (const key of ITS_OWN[ours.kind]) {
    const value = own(other.fields, key)
    if (value !== undefined && !jsonEquals(own(fields, key), value)) take(key, value)
  }
  for (const key of FILLED_IN) {
    const value = own(other.fields, key)
    if (value !== undefined && own(fields, key) === undefined) take(key, value)
  }
  // From here on it matters which value was there first: another one is what the world changed.
  const first = (base ?? other).fields
  for (const [key, value] of DEFAULTS) {
    if (own(fields, key) === undefined && jsonEquals(own(first, key), value)) take(key, value)
  }
  for (const key of Object.keys(first)) {
    if (own(first, key) === null && own(fields, key) === undefined) take(key, null)
  }
  // The format follows from the scripts: it is unsaid only while these are the world's, and the world left it alone.
  const format = own(other.fields, 'scriptFormat')
  const isUnsaid = typeof format === 'string' && own(fields, 'scriptFormat') === undefined
  if (isUnsaid && own(first, 'scriptFormat') === format && sameScripts(fields, other.fields)) {
    take('scriptFormat', format)
  }
  return { object: fields === ours.fields ? ours : { ...ours, fields }, left }
}

function sameScripts(a: JsonObject, b: JsonObject): boolean {
  const files = own(a, 'scriptFiles')
  return (
    files !== undefined && jsonEquals(files, own(b, 'scriptFiles')) && own(a, 'scriptEntry') === own(b, 'scriptEntry')
  )
}

/** A merged object as its file shall say it: with the fields in `left` as they stand there. */
export function leaveUnsaid(object: WorldObject, left: ReadonlyMap<string, FieldValue>): WorldObject {
  let { fields } = object
  for (const [key, value] of left) fields = withKey(fields, key, value)
  return fields === object.fields ? object : { ...object, fields }
}

/**
 * Whether a file that says `present` says `wanted` as well: to the letter, or, with `tolerant`, within the tolerance of
 * transforms (M2).
 */
export function saysAsWell(present: WorldObject, wanted: WorldObject, tolerant: boolean): boolean {
  if (present === wanted) return true
  if (!tolerant) return jsonEquals(present.fields, wanted.fields)
  return unionKeys(present.fields, wanted.fields).every((key) =>
    fieldEquality(present.kind, key)(own(present.fields, key), own(wanted.fields, key)),
  )
}

/** Whether a file of ours says all of an object as the world has it, whatever it leaves unsaid. */
export function saysNoLess(ours: WorldObject, world: WorldObject): boolean {
  return sameObject(understand(ours, world, world, true).object, world)
}
