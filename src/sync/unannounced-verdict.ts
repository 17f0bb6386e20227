import type { Commit, Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { type Units, unitsOf } from '../git-bridge/units.ts'
import { entityFile, MANIFEST_FILE } from '../projection/paths.ts'
import { fieldEquality } from '../resolvers/equality.ts'
import { type FieldPath, fieldAt, fieldName } from '../resolvers/fields.ts'
import { type JsonObject, jsonEquals, own } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { type FieldValue, type ObjectKind, parseObjectKey, type WorldObject } from '../world/state.ts'
import { isInHand } from '../world/wire-world.ts'
import { staleModules } from './editions.ts'
import type { LostObject } from './lost-state.ts'
import { findReturned, findRewound, operationsAbout, sameVersion } from './rewound.ts'
import type { Session } from './session.ts'
import { isNamed, isRemoval, moduleOf, namesIn, type Question, type Verdict } from './unannounced.ts'
import { PAGE } from './world-now.ts'

/** Commits about an object that are asked whether a field had a value before. */
const COMMITS = 100

const TRANSFORM: ReadonlySet<string> = new Set(['position', 'quaternion', 'scale'])

/**
 * Decides what fields are that an operation shows changed and does not name (G4, G11), from the line up to `tip`, the
 * commit before the operation's, and from the feed: a function of these, so that all clones decide alike.
 *
 * Announced after all is what a hand moved since the object's last commit, and what an operation named that was refused,
 * so that no commit tells of it (S1). A loss is an object of which any field has a
 * value again that it had on the line before or, where the line does not show all that it had, was written there.
 * The removal of a blueprint's field names nothing, nor do scripts that blueprints share: these are lost where the
 * blueprint's version did not rise either; so is what hides behind fields that an operation names ({@link findRewound}).
 */
export async function judge(session: Session, tip: Oid, question: Question): Promise<Verdict> {
  const stale = await staleModules(session, tip, question)
  const scripts = question.scripts.filter((script) => !stale.has(moduleOf(script) ?? ''))
  return { ...(await judgeFields(session, tip, { ...question, scripts })), stale }
}

async function judgeFields(session: Session, tip: Oid, question: Question): Promise<Verdict> {
  const { operation, object, scripts } = question
  if (question.hides !== 'nothing') {
    const rewound = await (question.hides === 'fields' ? findRewound : findReturned)(session, tip, question)
    if (rewound !== undefined) return rewound
    if (question.hides === 'removal') return { kind: 'announced' }
  }
  if (question.fields.length + scripts.length === 0) return { kind: 'announced' }
  const history = await historyOf(session, tip, question)
  const after = (path: FieldPath) => fieldAt(object.fields, path)
  // Of moves in somebody's hand, and of versions, the feed alone knows.
  const isInFeed = (path: FieldPath) => TRANSFORM.has(path[0]!) || isRemoval(path, after(path))
  const isAsked = scripts.length > 0 || question.fields.some(isInFeed)
  const before = isAsked ? await operationsAbout(session, question, history.since) : []
  const moves = before.filter(isInHand)
  // Where the hand had it last: what is elsewhere, the world has lost that too.
  const isCarried = ([field]: FieldPath) => {
    const last = TRANSFORM.has(field!) ? moves.findLast((move) => namesIn(move).includes(field!)) : undefined
    return last !== undefined && fieldEquality('entity', field!)(own(last.snapshot ?? {}, field!), after([field!]))
  }
  const fields = question.fields.filter((path) => !isCarried(path))
  const changed = fields.filter((path) => !isRemoval(path, after(path)))
  const isOlder = object.kind === 'blueprint' && fields.length + scripts.length > 0
  const isLost =
    (isOlder && sameVersion(before.at(-1), operation)) || changed.some((path) => wentBack(history, path, after(path)))
  if (isLost) {
    const told = isAsked ? before : await operationsAbout(session, question, history.since)
    const open = fields.filter((path) => !wasAnnounced(told, operation, path))
    if (open.length === fields.length) {
      return { kind: 'lost', fields, objects: lostIn(question, fields, history.states[0]?.fields) }
    }
    const isAnswered = open.length + scripts.length === 0
    return isAnswered
      ? { kind: 'announced' }
      : judgeFields(session, tip, { ...question, fields: open, hides: 'nothing' })
  }
  return changed.length === 0 ? { kind: 'announced' } : { kind: 'unannounced', fields: changed }
}

function lostIn(
  { key, object, scripts }: Question,
  fields: readonly FieldPath[],
  line: JsonObject | undefined,
): readonly LostObject[] {
  const lost = new Map([[key, fields.map((path) => said(path, fieldAt(line, path), fieldAt(object.fields, path)))]])
  for (const script of scripts) {
    const known = lost.get(script.object) ?? []
    lost.set(script.object, [...known, said(script.field, script.line, script.world)])
  }
  return [...lost]
    .filter(([, fields]) => fields.length > 0)
    .map(([object, fields]) => ({ object, kind: 'older', fields }))
}

function said(path: FieldPath, line: FieldValue, world: FieldValue): LostObject['fields'][number] {
  return { field: fieldName(path), line, world }
}

/** What the line knows of an object. */
interface History {
  readonly kind: ObjectKind
  /** Newest first, where the object was there. */
  readonly states: readonly WorldObject[]
  /** Whether these are all that there ever were since the line began. */
  readonly complete: boolean
  /**
   * From where the feed knows more: the cursor of the newest commit about the object; where there is none, of the line's
   * first, or before it, where an operation may say which version of a blueprint a snapshot has.
   */
  readonly since: Cursor
}

async function historyOf(session: Session, tip: Oid, { key, path, fields, object }: Question): Promise<History> {
  const { repository } = session
  const { kind, id } = parseObjectKey(key)
  const units = unitsOf([path, MANIFEST_FILE, ...(kind === 'entity' ? [entityFile(id)] : [])])
  const read = async (commit: Oid) => (await stateAt(session, commit, units)).get(key)
  const now = await read(tip)
  const states = now === undefined ? [] : [now]
  let complete = false
  let began = false
  let since: Cursor | undefined
  let count = 0
  const sinceSnapshot = (cursor: Cursor) => (kind === 'blueprint' ? Math.max(0, cursor - PAGE) : cursor)
  for await (const commit of repository.log({ include: [tip], firstParent: true })) {
    const said = readTrailers(commit)
    complete = commit.parents.length === 0
    if (said?.object === key) since ??= said.cursor
    else if (complete) since ??= sinceSnapshot(said?.cursor ?? 0)
    if (complete || (said?.object !== key && said?.object !== 'snapshot')) continue
    if (++count > COMMITS) break
    const was = await read(commit.parents[0]!)
    if (was === undefined) {
      // Only a snapshot can show something that was there before; what an operation made may have been there earlier.
      if (said.object !== key) break
      began = true
      continue
    }
    states.push(was)
    // The rest cannot tell otherwise.
    const isBack = (at: FieldPath) => equality(kind, at)(fieldAt(was.fields, at), fieldAt(object.fields, at))
    if (since !== undefined && fields.every(isBack)) break
    // What lies between two snapshots nobody knows.
    if (said.object === 'snapshot' && isRenewal(commit)) {
      if (kind === 'blueprint') since ??= sinceSnapshot(said.cursor)
      break
    }
  }
  return { kind, states, complete: complete || began, since: since ?? 0 }
}

function isRenewal({ author }: Commit): boolean {
  return author.name !== 'unannounced'
}

async function stateAt({ repository, prefix }: Session, commit: Oid, units: Units) {
  const { objects } = await readUnits(repository, commit, prefix, units)
  return new Map([...objects].map(([key, { object }]) => [key, object]))
}

function equality(kind: ObjectKind, path: FieldPath): (a: FieldValue, b: FieldValue) => boolean {
  return path.length === 1 ? fieldEquality(kind, path[0]!) : jsonEquals
}

function wentBack({ kind, states, complete }: History, path: FieldPath, value: FieldValue): boolean {
  const same = equality(kind, path)
  const [now, ...before] = states.map(({ fields }: { readonly fields: JsonObject }) => fieldAt(fields, path))
  if (before.some((was) => same(was, value))) return true
  return !complete && before.some((was) => !same(was, now))
}

/** Whether the operation that gave a field its value named it. All between the object's last commit and it made none. */
function wasAnnounced(before: readonly Operation[], { snapshot }: Operation, path: FieldPath): boolean {
  const value = fieldAt(snapshot ?? {}, path)
  for (const earlier of before.toReversed()) {
    if (earlier.snapshot === undefined || earlier.kind.endsWith('.remove')) return false
    if (!jsonEquals(fieldAt(earlier.snapshot, path), value)) return false
    if (earlier.kind.endsWith('.add') || isNamed(path, new Set(namesIn(earlier)))) return true
  }
  return false
}
