import { oidOf, scriptFiles } from '../git-bridge/object-files.ts'
import type { Oid } from '../git-bridge/repository.ts'
import { isFile } from '../git-bridge/tree-objects.ts'
import { isAssetValue } from '../projection/asset-value.ts'
import { collectShared, sharedImports } from '../projection/imports.ts'
import { diffObjects, type FieldPath, fieldAt, fieldName, overlap, withField } from '../resolvers/fields.ts'
import { referenceOf } from '../resolvers/whole.ts'
import { SyncError } from '../world/errors.ts'
import { jsonEquals, own } from '../world/json.ts'
import { type ObjectKey, objectKey, parseObjectKey } from '../world/state.ts'
import type { HeldBack } from './hold-back.ts'
import { KEPT_FOLDER } from './kept-folder.ts'
import type { PlannedOperation } from './plan.ts'
import type { Session } from './session.ts'

const REASON = 'its conflict is kept open (gamedev sync conflicts)'
const ITSELF: readonly FieldPath[] = [[]]
/** Where an object names the blueprint that it cannot be without. */
const REFERENCES = { entity: 'blueprint', blueprint: 'scriptRef' } as const
const SCRIPT_FIELDS = new Set(['scriptFiles', 'scriptEntry', 'scriptFormat', 'scriptRef'])

/** What is sent of a plan, and what is not. */
export interface HeldPlan {
  readonly operations: readonly PlannedOperation[]
  readonly held: readonly HeldBack[]
}

/**
 * Holds back exactly the fields whose conflicts a commit keeps open (C6): all else of the objects is sent, these go
 * along as the world has them where a runtime takes whole fields only. Held back with them is what the world cannot be
 * without them: users of a blueprint that is not sent, the removal of one that stays in use, scripts that import an
 * open shared module.
 *
 * Throws `invalid_artifact` for a kept conflict that cannot be read: nobody knows which field it is about.
 */
export async function holdKept(
  session: Session,
  head: Oid,
  operations: readonly PlannedOperation[],
): Promise<HeldPlan> {
  const { repository, prefix } = session
  if ((await repository.lookup(head, prefix + KEPT_FOLDER)) === undefined) return { operations, held: [] }
  const open = await openFields(session, head)
  if (open.size === 0) return { operations, held: [] }
  const importing = await importersOf(session, head, open, operations)
  const held: HeldBack[] = []
  const kept: PlannedOperation[] = []
  const notSent = new Set<ObjectKey>()
  const inUse = new Set<ObjectKey>()
  // Blueprints come before what uses them, removals last and in reverse (P2).
  for (const operation of operations) {
    const { key, kind, before, after } = operation
    const reference = referenceOf(after)
    const refers = reference !== undefined && notSent.has(reference)
    const removesUsed = kind === 'blueprint.remove' && inUse.has(key)
    const modules = importing.get(operation) ?? []
    const reasons = [
      { paths: open.get(key) ?? [], reason: REASON },
      { paths: refers ? referenceField(operation) : [], reason: `${reference} is not in the world: ${REASON}` },
      { paths: removesUsed ? ITSELF : [], reason: 'what is held back uses it' },
    ]
    let left: PlannedOperation | undefined = operation
    for (const { paths, reason } of reasons) {
      if (left === undefined || paths.length === 0) continue
      const split = withoutFields(left, paths)
      left = split.operation
      held.push(...split.held.map((field) => ({ key, field, reason, why: 'conflict' as const })))
    }
    if (left?.scripts && modules.length > 0) {
      // Scripts are sent with the shared modules that they import.
      const reason = `it imports shared/${modules[0]}, whose conflict is kept open`
      if (before !== after)
        held.push({ key, field: before === undefined ? '' : 'scripts', reason, why: 'conflict' as const })
      for (const module of modules) {
        const about = { key: objectKey('shared', module), field: 'content', reason: REASON, why: 'conflict' as const }
        if (!held.some((other) => other.key === about.key)) held.push(about)
      }
      left = left.changes.length === 0 ? undefined : { ...left, scripts: false }
    }
    // A variant is sent again with its root's scripts only, or for no reason.
    const root = own(after?.fields ?? {}, 'scriptRef')
    if (before === after && left?.scripts && typeof root === 'string') {
      const sent = kept.some((other) => other.scripts && other.key === objectKey('blueprint', root))
      if (!sent && operations.some((other) => other.scripts && other.key === objectKey('blueprint', root)))
        left = undefined
    }
    if (left !== undefined) kept.push(left)
    if (left === undefined && kind === 'blueprint.add') notSent.add(key)
    const stays = referenceOf(before)
    if (stays !== undefined && (left === undefined || referenceOf(left.after) === stays)) inUse.add(stays)
  }
  return { operations: kept, held }
}

/** The open fields of the kept conflicts with this world, by object. */
async function openFields(session: Session, head: Oid): Promise<ReadonlyMap<ObjectKey, readonly FieldPath[]>> {
  const { keptConflicts, worldOf } = await import('./kept-conflicts.ts')
  const tip = await session.repository.readRef(session.ref)
  const worldId = tip === undefined ? undefined : await worldOf(session, tip)
  const open = new Map<ObjectKey, readonly FieldPath[]>()
  const refuse = (path: string): never => {
    throw new SyncError('invalid_artifact', `${path} is no conflict artifact: what it holds back cannot be known.`, {
      exitCode: 2,
      hint: `Correct it, or remove it if its conflict is settled: "git log -p -- ${path}" shows what it was.`,
      data: { path },
    })
  }
  for (const artifact of (await keptConflicts(session, head, refuse)).values()) {
    if (artifact.worldId !== worldId) continue
    const paths = artifact.fields.filter(({ status }) => status === 'open').map(({ path }) => path)
    if (paths.length > 0) open.set(artifact.object, [...(open.get(artifact.object) ?? []), ...paths])
  }
  return open
}

/** The field with which an operation names a blueprint; all of an object that is added. */
function referenceField({ kind, key, before, after }: PlannedOperation): readonly FieldPath[] {
  if (kind.endsWith('.add')) return ITSELF
  if (!kind.endsWith('.update') || jsonEquals(before?.fields, after?.fields)) return []
  const field = REFERENCES[parseObjectKey(key).kind as keyof typeof REFERENCES]
  return [[field]]
}

/** An operation without some fields, and those that it would have written. What is left of it may be nothing. */
function withoutFields(
  operation: PlannedOperation,
  paths: readonly FieldPath[],
): { readonly operation: PlannedOperation | undefined; readonly held: readonly string[] } {
  const { kind, before, after, setting } = operation
  const isScript = ([field]: FieldPath) => kind === 'blueprint.update' && SCRIPT_FIELDS.has(field ?? '')
  // An object is added as a whole; removed, its open fields would go with it.
  if (!kind.endsWith('.update') || paths.some((path) => path.length === 0)) return { operation: undefined, held: [''] }
  if (before === undefined || after === undefined) return { operation, held: [] }
  const open = paths.filter(
    (path) =>
      !jsonEquals(fieldAt(before.fields, path), fieldAt(after.fields, path)) &&
      (setting === undefined || path[0] === setting) &&
      (isScript(path) ? operation.scripts : operation.changes.some((change) => overlap(change.path, path))),
  )
  if (open.length === 0) return { operation, held: [] }
  const held = open.flatMap((path) => {
    const below = operation.changes.filter((change) => isBelow(change.path, path))
    return below.length === 0 ? [fieldName(path)] : below.map((change) => fieldName(change.path))
  })
  const fields = open.reduce((all, path) => withField(all, path, fieldAt(before.fields, path)), after.fields)
  const next = { ...after, fields }
  const left = diffObjects(before, next)
  const changes =
    setting === undefined
      ? left.filter(({ path }) => !isScript(path) && operation.changes.some((change) => overlap(change.path, path)))
      : left.some(({ path }) => path[0] === setting)
        ? operation.changes.map((change) => ({ ...change, after: fieldAt(fields, change.path) }))
        : []
  const scripts = operation.scripts && (!open.some(isScript) || left.some(({ path }) => isScript(path)))
  const rest = changes.length === 0 && !scripts ? undefined : { ...operation, after: next, changes, scripts }
  return { operation: rest, held: [...new Set(held)] }
}

/** The operations that would send scripts with shared modules whose conflicts are open, and which these are. */
async function importersOf(
  { repository, prefix }: Session,
  head: Oid,
  open: ReadonlyMap<ObjectKey, readonly FieldPath[]>,
  operations: readonly PlannedOperation[],
): Promise<ReadonlyMap<PlannedOperation, readonly string[]>> {
  const keys = [...open.keys()].map(parseObjectKey)
  const modules = new Set(keys.filter(({ kind }) => kind === 'shared').map(({ id }) => id))
  const sending = operations.filter(({ scripts, after }) => scripts && after !== undefined)
  if (modules.size === 0 || sending.length === 0) return new Map()
  const files = await repository.listFiles(head, `${prefix}shared`)
  const shared = new Map(
    files.filter(({ mode }) => isFile(mode)).map(({ path, oid }) => [path.slice(prefix.length), oid]),
  )
  const scriptsOf = ({ after }: PlannedOperation) =>
    [...scriptFiles(after!)]
      .filter(([, value]) => isAssetValue(value))
      .map(([path, value]) => [path, oidOf(value)] as const)
  const scripts = sending.flatMap((operation) => scriptsOf(operation).map(([, oid]) => oid))
  const blobs = await repository.readBlobs(new Set([...shared.values(), ...scripts]))
  const text = (oid: Oid | undefined) => (oid === undefined ? undefined : new TextDecoder().decode(blobs.get(oid)))
  const importers = new Map<PlannedOperation, readonly string[]>()
  for (const operation of sending) {
    const entries = scriptsOf(operation).map(([path, oid]) => ({ path: `apps/app/${path}`, source: text(oid)! }))
    const imported = collectShared(entries, (path) => text(shared.get(`shared/${path}`))).shared
    // One that we deleted is imported all the same.
    const missing = entries.flatMap(({ path, source }) => sharedImports(source, path).shared)
    const named = [...new Set([...imported, ...missing])].filter((path) => modules.has(path))
    if (named.length > 0) importers.set(operation, named)
  }
  return importers
}

function isBelow(path: FieldPath, other: FieldPath): boolean {
  return other.every((key, index) => path[index] === key)
}
