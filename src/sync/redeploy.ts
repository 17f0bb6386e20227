import type { Oid } from '../git-bridge/repository.ts'
import { readUnits } from '../git-bridge/tree-objects.ts'
import { addUnit, unitsOf } from '../git-bridge/units.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { collectShared } from '../projection/imports.ts'
import { sameObject } from '../resolvers/object.ts'
import { isJsonObject, own } from '../world/json.ts'
import { type ObjectKey, parseObjectKey, type WorldObject } from '../world/state.ts'
import { hasScripts } from './plan.ts'
import type { Session } from './session.ts'

/**
 * Blueprints whose scripts must be sent though their own files did not change: a shared module that they import did, or
 * the root whose scripts they use (the runtime does not pass a root's scripts on to its variants); or an earlier push
 * owes them.
 */
export async function findRedeployed(
  session: Session,
  merge: WorldMerge,
  shared: ReadonlyMap<string, Oid>,
  owed: ReadonlySet<ObjectKey> = new Set(),
): Promise<ReadonlyMap<ObjectKey, WorldObject>> {
  const changedShared = new Set<string>()
  const changedRoots = new Set<string>()
  for (const [key, { theirs, merged }] of merge.objects) {
    const { kind, id } = parseObjectKey(key)
    if (kind === 'shared' && !sameObject(theirs?.object, merged)) changedShared.add(id)
    if (kind === 'blueprint' && theirs !== undefined && merged !== undefined && scriptsDiffer(theirs.object, merged))
      changedRoots.add(id)
  }
  const found = new Map<ObjectKey, WorldObject>()
  if (changedShared.size === 0 && changedRoots.size === 0 && owed.size === 0) return found

  const units = unitsOf([])
  for (const file of await session.repository.listFiles(merge.tree!, `${session.prefix}apps`)) {
    addUnit(units, file.path.slice(session.prefix.length))
  }
  const apps = await readUnits(session.repository, merge.tree!, session.prefix, units)
  const texts = await sharedTexts(session, shared)
  for (const [key, { object }] of apps.objects) {
    if (merge.objects.get(key)?.theirs === undefined && merge.objects.has(key)) continue
    const isOwed = owed.has(key) && hasScripts(object)
    if (isOwed || (changedShared.size > 0 && (await importsAny(session, object, changedShared, texts)))) {
      found.set(key, merge.whole(object))
      changedRoots.add(object.id)
    }
  }
  for (const [key, { object }] of apps.objects) {
    const ref = own(object.fields, 'scriptRef')
    if (
      typeof ref === 'string' &&
      changedRoots.has(ref) &&
      !(merge.objects.has(key) && merge.objects.get(key)!.theirs === undefined)
    ) {
      found.set(key, merge.whole(object))
    }
  }
  return found
}

/** Whether two states of a blueprint differ in its scripts. */
export function scriptsDiffer(a: WorldObject, b: WorldObject): boolean {
  const only = (object: WorldObject): WorldObject => ({
    ...object,
    fields: {
      scriptFiles: own(object.fields, 'scriptFiles') ?? null,
      scriptEntry: own(object.fields, 'scriptEntry') ?? null,
    },
  })
  return !sameObject(only(a), only(b))
}

async function sharedTexts(session: Session, shared: ReadonlyMap<string, Oid>): Promise<ReadonlyMap<string, string>> {
  const blobs = await session.repository.readBlobs(shared.values())
  return new Map([...shared].map(([path, oid]) => [path, new TextDecoder().decode(blobs.get(oid))]))
}

async function importsAny(
  session: Session,
  object: WorldObject,
  modules: ReadonlySet<string>,
  texts: ReadonlyMap<string, string>,
): Promise<boolean> {
  const files = own(object.fields, 'scriptFiles')
  if (!isJsonObject(files)) return false
  const entries = Object.entries(files).map(([path, value]) => ({
    path,
    oid: /^git-asset:([0-9a-f]+)/.exec(String(value))?.[1] as Oid | undefined,
  }))
  const known = entries.filter((entry): entry is { path: string; oid: Oid } => entry.oid !== undefined)
  const blobs = await session.repository.readBlobs(known.map(({ oid }) => oid))
  const sources = known.map(({ path, oid }) => ({
    path: `apps/app/${path}`,
    source: new TextDecoder().decode(blobs.get(oid)),
  }))
  const { shared, problems } = collectShared(sources, (path) => texts.get(path))
  // A module that is gone is imported no less: sending the scripts will say so.
  return problems.length > 0 || shared.some((path) => modules.has(path))
}
