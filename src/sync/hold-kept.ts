import type { Oid } from '../git-bridge/repository.ts'
import { type FieldPath, fieldAt, fieldName, withField } from '../resolvers/fields.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'
import type { HeldBack } from './hold-back.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'

const REASON = 'its conflict is kept open (gamedev sync conflicts)'

/** Holds back exactly the fields whose conflicts a commit keeps open (C6); all else of the objects is sent. */
export async function holdKept(
  session: Session,
  head: Oid,
  operations: readonly PlannedOperation[],
): Promise<{ readonly operations: readonly PlannedOperation[]; readonly held: readonly HeldBack[] }> {
  const { repository, prefix } = session
  if ((await repository.lookup(head, prefix + KEPT_FOLDER)) === undefined) return { operations, held: [] }
  const { keptConflicts } = await import('./kept-conflicts.ts')
  const open = new Map<ObjectKey, readonly FieldPath[]>()
  for (const { object, fields } of (await keptConflicts(session, head)).values()) {
    open.set(object, [...(open.get(object) ?? []), ...fields.filter((f) => f.status === 'open').map((f) => f.path)])
  }
  // Scripts are sent with the shared modules that they import.
  const sharedOpen = [...open.keys()].some((key) => key.startsWith('shared:'))
  const held: HeldBack[] = []
  const kept = operations.flatMap((operation): PlannedOperation[] => {
    const fields = open.get(operation.key) ?? []
    if (fields.length === 0 && !(sharedOpen && operation.scripts)) return [operation]
    const hold = (field: string) => held.push({ key: operation.key, field, reason: REASON })
    if (fields.some((path) => path.length === 0)) {
      hold('')
      return []
    }
    if (operation.setting !== undefined) {
      if (!fields.some((path) => path[0] === operation.setting)) return [operation]
      hold(operation.setting)
      return []
    }
    const isOpen = (path: FieldPath) => fields.some((other) => isBelow(path, other) || isBelow(other, path))
    const changes = operation.changes.filter(({ path }) => {
      if (isOpen(path)) hold(fieldName(path))
      return !isOpen(path)
    })
    const scripts = operation.scripts && !sharedOpen && !fields.some(([name]) => name?.startsWith('script') === true)
    if (operation.scripts && !scripts) hold('scripts')
    if (changes.length === 0 && !scripts && operation.kind.endsWith('.update')) return []
    // A runtime may take whole fields only: what is held back goes along as the world has it.
    const after = operation.after && withoutChanges(operation.after, operation.before, fields)
    return [{ ...operation, after, changes, scripts }]
  })
  return { operations: kept, held }
}

function withoutChanges(
  after: WorldObject,
  before: WorldObject | undefined,
  fields: readonly FieldPath[],
): WorldObject {
  const kept = fields.reduce((all, path) => withField(all, path, fieldAt(before?.fields, path)), after.fields)
  return { ...after, fields: kept }
}

function isBelow(path: FieldPath, other: FieldPath): boolean {
  return other.every((key, index) => path[index] === key)
}
