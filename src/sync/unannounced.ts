import type { ObjectStep } from '../git-bridge/materializer.ts'
import type { Overlay } from '../git-bridge/overlay.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { assetValue, extensionOf } from '../projection/asset-value.ts'
import { classify } from '../projection/paths.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { diffObjects, type FieldPath, fieldAt, fieldName, overlap, withField } from '../resolvers/fields.ts'
import { type Json, type JsonObject, jsonEquals } from '../world/json.ts'
import type { Operation } from '../world/operation.ts'
import {
  type FieldValue,
  isBookkeeping,
  type ObjectKey,
  objectKey,
  parseObjectKey,
  type WorldObject,
} from '../world/state.ts'
import type { LostObject } from './lost-state.ts'

/** An operation shows fields changed that it does not name (G4): what are they? */
export interface Question {
  readonly kind: 'question'
  readonly key: ObjectKey
  /** Where the line has the object. */
  readonly path: string
  /** The object after the operation, in project spelling. */
  readonly object: WorldObject
  /** The same as the line spells it. */
  readonly after: JsonObject
  readonly fields: readonly FieldPath[]
  /** What becomes other scripts with it, which nobody named either. */
  readonly scripts: readonly ScriptChange[]
  /** Shared modules, by path, of which it names another edition than the line has, where that may be no news. */
  readonly modules: ReadonlyMap<string, Oid>
  readonly operation: Operation
  /**
   * What may have gone back behind it: other fields, where it names some of a blueprint that are one on the wire; the
   * removal of an object that the line does not have.
   */
  readonly hides: 'nothing' | 'fields' | 'removal'
}

/** An operation brings, or changes, what the line does not have. */
export function missingObject(key: ObjectKey, operation: Operation, modules: Question['modules']): Question {
  const object = { ...parseObjectKey(key), fields: {} }
  const nothing = { path: '', object, after: {}, fields: [], scripts: [] }
  return {
    kind: 'question',
    key,
    ...nothing,
    modules,
    operation,
    hides: operation.kind.endsWith('.add') ? 'nothing' : 'removal',
  }
}

/** Scripts that an operation changes in the line: a file of the blueprint's, a shared module, or a field beside them. */
export interface ScriptChange {
  /** The blueprint, or the shared module. */
  readonly object: ObjectKey
  readonly field: FieldPath
  /** Where the line has the file; undefined for a field of the blueprint's JSON. */
  readonly path: string | undefined
  readonly line: FieldValue
  readonly world: FieldValue
}

/** The path of a shared module that a script is. */
export function moduleOf({ object }: Pick<ScriptChange, 'object'>): string | undefined {
  const { kind, id } = parseObjectKey(object)
  return kind === 'shared' ? id : undefined
}

/** Changed by an earlier operation after all; without one; or back at what was before an acknowledged write (G11). */
export type Verdict =
  | ({ readonly kind: 'announced' } & Stale)
  | ({ readonly kind: 'unannounced'; readonly fields: readonly FieldPath[] } & Stale)
  | Loss
  | Rewound

interface Stale {
  /** The modules, of those that were asked about, that are no news. */
  readonly stale?: ReadonlySet<string>
}

export interface Loss extends Stale {
  readonly kind: 'lost'
  readonly fields: readonly FieldPath[]
  /** As the line had it, and as the world does: the object first, then the modules that it shares. */
  readonly objects: readonly LostObject[]
}

/** A loss behind fields that the operation names: before it, the object was as an older one had left it. */
export interface Rewound extends Omit<Loss, 'kind'> {
  readonly kind: 'rewound'
  readonly snapshot: JsonObject
}

/** What says which scripts a blueprint has: no values of their own that can be told apart by where the line had them. */
const SCRIPTS = new Set(['script', 'scriptEntry', 'scriptFiles', 'scriptFormat', 'scriptRef'])

/** A uid is the runtime's own (M1). */
const OWN = new Set(['id', 'uid'])

/** The fields that the patch of an operation names, dotted where they are parts of a record. */
export function namesIn({ patch }: Pick<Operation, 'patch'>): readonly string[] {
  return Object.keys(patch ?? {})
}

/** The fields that differ before and after an operation and that nobody named. */
export function unannouncedFields(step: ObjectStep, names: ReadonlySet<string>): readonly FieldPath[] {
  const { kind, id } = step.object
  const object = (fields: JsonObject): WorldObject => ({ kind, id, fields })
  return diffObjects(object(step.before), object(step.after))
    .filter(({ path, before, after }) => {
      const field = path[0]!
      if (OWN.has(field) || SCRIPTS.has(field) || isBookkeeping(field) || isNamed(path, names)) return false
      // An asset whose bytes came, or went, is the same (G4); a field of an entity is never removed by an operation's leave.
      return isUrl(before) === isUrl(after) && !(kind === 'entity' && isRemoval(path, after))
    })
    .map(({ path }) => path)
}

/**
 * Whether an update of a blueprint may hide that others' changes were lost: it brings new scripts, or several props at
 * once, and its version may not have risen since `before`. What we push ourselves says what we believe of every field.
 */
export function mayHide(step: ObjectStep, operation: Operation, version: number, before: Json | undefined): boolean {
  if (operation.source.startsWith('git:') || (typeof before === 'number' && version > before)) return false
  if (namesScripts(operation)) return true
  if (!namesIn(operation).includes('props')) return false
  const { kind, id } = step.object
  const object = (fields: JsonObject): WorldObject => ({ kind, id, fields })
  const changes = diffObjects(object(step.before), object(step.after))
  return changes.filter(({ path }) => path[0] === 'props').length > 1
}

/** Whether names say that a field changes, be it as a part of what they name or the other way round. */
export function isNamed(path: FieldPath, names: ReadonlySet<string>): boolean {
  if (names.has(path[0]!)) return true
  for (const name of names) if (name.includes('.') && overlap(path, name.split('.'))) return true
  return false
}

/** Whether an operation says itself that it is about scripts. */
export function namesScripts(operation: Pick<Operation, 'patch'>): boolean {
  return namesIn(operation).some((name) => SCRIPTS.has(name))
}

/**
 * The scripts that an update of a blueprint changed in the line, of which `changed` are the files, and `now` is what its
 * JSON says after it. Where nobody named them they may be lost, or be no news: blueprints share modules, of which each
 * names its own edition in the world.
 */
export function changedScripts(
  { object, before }: ObjectStep,
  now: JsonObject,
  changed: ReturnType<Overlay['changed']>,
): readonly ScriptChange[] {
  const { kind, id } = object
  const key = objectKey(kind, id)
  const fields = diffObjects({ kind, id, fields: before }, { kind, id, fields: now })
    .filter(({ path }) => SCRIPTS.has(path[0]!))
    .map(({ path: field, before: line, after: world }) => ({ object: key, field, path: undefined, line, world }))
  const files = [...changed].flatMap(([path, oids]): readonly ScriptChange[] => {
    const place = classify(path)
    if (place.kind !== 'script' && place.kind !== 'shared') return []
    const [line, world] = [oids.before, oids.after].map((oid) => oid && assetValue(oid, extensionOf(path)))
    return place.kind === 'shared'
      ? [{ object: objectKey('shared', place.path), field: ['content'], path, line, world }]
      : [{ object: key, field: ['scriptFiles', path.split('/').slice(2).join('/')], path, line, world }]
  })
  return [...fields, ...files]
}

/** What removes a field names nothing (protocol, section 5). */
export function isRemoval(path: FieldPath, after: FieldValue): boolean {
  return path.length === 1 && after === undefined
}

function isUrl(value: FieldValue): boolean {
  return typeof value === 'string' && value.startsWith('asset://')
}

/** An object as it was before an operation, but for some fields that are as after it. */
export function withFields({ before, after }: ObjectStep, fields: readonly FieldPath[]): JsonObject {
  return fields.reduce((object, path) => withField(object, path, fieldAt(after, path)), before)
}

/** Whether an object, as the line spells it, has the values still that a question was about. */
export function hasStill(fields: JsonObject | undefined, { object, after }: Question, paths: readonly FieldPath[]) {
  if (fields === undefined) return false
  return paths.some((path) => {
    const same = path.length === 1 ? fieldEquality(object.kind, path[0]!) : jsonEquals
    return same(fieldAt(fields, path), fieldAt(after, path))
  })
}

/** The paragraph of a commit that says which object is back at older values: `Older: "<key>"`. */
export function olderLine(key: ObjectKey): string {
  const escaped = JSON.stringify(key).replace(
    /[^\x20-\x7e]|[{}]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `Older: ${escaped}\n\n`
}

/** The same for a commit that holds nothing but losses, as a comparison finds them. */
export const ALL_OLDER = 'Older: *\n\n'

/** What a commit says that brings the line to where the world was just before an operation: its subject, and a paragraph. */
export function correctionText(
  { key, scripts, hides }: Question,
  { kind, fields, stale }: Exclude<Verdict, { kind: 'announced' }>,
): { readonly subject: string; readonly body: string } {
  const followers = kind === 'rewound' ? [] : scripts.filter((script) => stale?.has(moduleOf(script) ?? '') !== true)
  const named = [...fields, ...followers.map(({ object, field }) => (object === key ? field : [object]))]
  const names = named.map(fieldName).join(', ')
  if (kind === 'unannounced') return { subject: `unannounced changes: ${key} changed in ${names}`, body: '' }
  const what = hides === 'removal' ? 'is back, though it was removed' : `went back behind the feed in ${names}`
  return { subject: `lost state: ${key} ${what}`, body: kind === 'rewound' ? ALL_OLDER : olderLine(key) }
}

/** The object that {@link olderLine} names in a message, between its subject and its trailers; `all` for {@link ALL_OLDER}. */
export function olderIn(message: string): ObjectKey | 'all' | undefined {
  const paragraphs = message
    .trimEnd()
    .split(/\n\s*\n/)
    .slice(1, -1)
  const said = paragraphs.map((text) => /^Older: (".*"|\*)$/.exec(text)?.[1]).find((text) => text !== undefined)
  if (said === undefined) return undefined
  if (said === '*') return 'all'
  try {
    return JSON.parse(said) as ObjectKey
  } catch {
    return undefined
  }
}
