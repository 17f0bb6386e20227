import type { Oid } from '../git-bridge/repository.ts'
import { readTrailers } from '../git-bridge/trailers.ts'
import { readChanges } from '../remote-runtime/changes.ts'
import { diffObjects, fieldName, unionKeys } from '../resolvers/fields.ts'
import { type JsonObject, jsonEquals, own, withKey } from '../world/json.ts'
import type { Cursor, Operation } from '../world/operation.ts'
import { isBookkeeping } from '../world/state.ts'
import { effectOf } from '../world/wire-world.ts'
import { keyOfEffect } from './seen-ops.ts'
import type { Session } from './session.ts'
import { isNamed, namesIn, type Question, type Rewound } from './unannounced.ts'
import { PAGE } from './world-now.ts'

/** How far back the feed and the line are asked what a blueprint was: what is older has long been saved. */
const REACH = 10 * PAGE

/**
 * What a blueprint was before an operation that names its scripts, or its whole `props`, where its version says that the
 * operation before that was lost (G11): these fields are one on the wire, so that nothing else tells what went with them.
 * It is the state after the newest operation of a lower version that agrees in all that the operation does not name.
 *
 * Undefined where the version rose, and where the feed or the line does not reach back.
 */
export async function findRewound(session: Session, tip: Oid, question: Question): Promise<Rewound | undefined> {
  const { key, operation, object } = question
  const { snapshot: after, cursor } = operation
  const since = await newestAbout(session, tip, question)
  if (after === undefined || since === undefined || cursor - since > REACH) return undefined
  const last = (await operationsAbout(session, question, since)).at(-1)
  if (last?.snapshot === undefined || !sameVersion(last, operation)) return undefined
  const older = await operationsAbout(session, question, Math.max(0, cursor - REACH))
  const was = older.findLast((one) => isBefore(one, operation))?.snapshot
  if (was === undefined) return undefined
  const like = (fields: JsonObject) => ({ ...object, fields })
  const changes = diffObjects(like(last.snapshot), like(was)).filter(
    ({ path }) => path[0] !== 'script' && !isNoise(path[0]!),
  )
  if (changes.length === 0) return undefined
  const fields = changes.map(({ path, before, after: world }) => ({ field: fieldName(path), line: before, world }))
  return {
    kind: 'rewound',
    snapshot: was,
    fields: changes.map(({ path }) => path),
    objects: [{ object: key, kind: 'older', fields }],
  }
}

/**
 * What an object was before an operation that changes it, though the newest about it before had removed it: the world lost
 * the removal, and has it back. What the operation names was then, as far as anybody knows, as the removal found it.
 */
export async function findReturned(session: Session, tip: Oid, question: Question): Promise<Rewound | undefined> {
  const { key, operation } = question
  const since = await newestAbout(session, tip, question)
  if (operation.snapshot === undefined || since === undefined || operation.cursor - since > REACH) return undefined
  const last = (await operationsAbout(session, question, since)).at(-1)
  if (last?.snapshot === undefined || !last.kind.endsWith('.remove')) return undefined
  const names = new Set(namesIn(operation).map((name) => name.split('.', 1)[0]!))
  const { snapshot } = last
  const was = [...names]
    .filter((name) => !isNoise(name) && name !== 'id')
    .map((name) => [name, own(snapshot, name)] as const)
  const returned = was.reduce((object, [name, value]) => withKey(object, name, value), operation.snapshot)
  return { kind: 'rewound', snapshot: returned, fields: [], objects: [{ object: key, kind: 'back', fields: [] }] }
}

/** The cursor of the line's newest commit about an object; where there is none, of its first. */
export async function newestAbout({ repository }: Session, tip: Oid, { key }: Question): Promise<Cursor | undefined> {
  for await (const commit of repository.log({ include: [tip], firstParent: true, limit: REACH })) {
    const said = readTrailers(commit)
    if (said?.object === key) return said.cursor
    // What a snapshot has, an operation before it wrote.
    if (commit.parents.length === 0) return Math.max(0, (said?.cursor ?? 0) - PAGE)
  }
  return undefined
}

function isBefore({ snapshot }: Operation, operation: Operation): boolean {
  const after = operation.snapshot!
  if (snapshot === undefined || !(Number(own(snapshot, 'version')) < Number(own(after, 'version')))) return false
  const names = new Set(namesIn(operation).map((name) => name.split('.', 1)[0]!))
  return unionKeys(snapshot, after).every(
    (field) => isNoise(field) || isNamed([field], names) || jsonEquals(own(snapshot, field), own(after, field)),
  )
}

function isNoise(field: string): boolean {
  return field === 'uid' || isBookkeeping(field)
}

/** What the feed has of an object's operations after a cursor and before an operation. */
export async function operationsAbout(
  session: Session,
  { key, operation: { cursor } }: Question,
  since: Cursor,
): Promise<readonly Operation[]> {
  const found: Operation[] = []
  let from = Math.max(0, since - 1)
  for (let again = true; again; ) {
    again = false
    for await (const page of readChanges(session.runtime, from, { limit: PAGE })) {
      if (page.kind === 'expired') {
        again = page.oldestCursor !== undefined && page.oldestCursor - 1 > from
        if (again) from = page.oldestCursor! - 1
        break
      }
      const about = page.operations.filter((it) => it.cursor < cursor && keyOfEffect(effectOf(it)) === key)
      found.push(...about)
      if (page.cursor >= cursor) break
    }
  }
  return found
}

/** Whether a blueprint's version did not rise from one operation to the next: what came between is lost. */
export function sameVersion(before: Operation | undefined, after: Operation): boolean {
  const [was, is] = [before, after].map((operation) => own(operation?.snapshot ?? {}, 'version'))
  return typeof was === 'number' && typeof is === 'number' && is <= was
}
