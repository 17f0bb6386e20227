import type { Oid } from '../git-bridge/repository.ts'
import type { WorldMerge } from '../git-bridge/world-merge.ts'
import { MANIFEST_FILE } from '../projection/paths.ts'
import { diffObjects, fieldName } from '../resolvers/fields.ts'
import type { ObjectKey, WorldObject } from '../world/state.ts'
import { objectsOf } from './pull.ts'
import type { Session } from './session.ts'

/** An object that both sides have, differently. */
export interface DifferentObject {
  readonly key: ObjectKey
  /** Its file, relative to the project. */
  readonly path: string
  /** The fields that differ. */
  readonly fields: readonly string[]
  /** How many of them come from the world, and how many stay as they are here, to be sent by the next push. */
  readonly taken: number
  readonly kept: number
  /** Fields that nobody decided: they become conflicts. */
  readonly contested: readonly string[]
}

/** What becomes of a project and a world that meet for the first time. */
export interface AdoptionPlan {
  /** How many objects are the same on both sides. */
  readonly equal: number
  readonly different: readonly DifferentObject[]
  /** Objects that only the files have. */
  readonly onlyLocal: readonly string[]
  /** Objects that only the world has: an entity of a manifest by its key, all others by their files. */
  readonly onlyRemote: readonly string[]
  /** All objects of the world that can be deleted. */
  readonly remoteTotal: number
}

/** Sorts the objects of a first merge by where they are and whether they are the same. */
export async function planAdoption(session: Session, merge: WorldMerge, tip: Oid): Promise<AdoptionPlan> {
  const contested = new Map(merge.contested.map(({ key, fields }) => [key, fields.map(({ path }) => nameOf(path))]))
  const different: DifferentObject[] = []
  const onlyLocal: ObjectKey[] = []
  const met = new Set<string>()
  let equal = 0
  for (const [key, { ours, theirs, merged }] of merge.objects) {
    if (ours === undefined) continue
    if (theirs === undefined) {
      onlyLocal.push(key)
      continue
    }
    met.add(theirs.path === MANIFEST_FILE ? key : theirs.path)
    const fields = differences(ours.object, theirs.object)
    if (fields.length === 0) {
      equal++
      continue
    }
    const open = contested.get(key) ?? []
    const taken = differences(ours.object, merged).length
    const kept = differences(merged, theirs.object).length - open.length
    different.push({ key, path: ours.path, fields, taken, kept: Math.max(0, kept), contested: open })
  }
  const remote = await objectsOf(session, tip)
  const onlyRemote = remote.filter((name) => !met.has(name))
  return { equal, different, onlyLocal, onlyRemote, remoteTotal: remote.length }
}

function differences(a: WorldObject | undefined, b: WorldObject | undefined): readonly string[] {
  return diffObjects(a, b)
    .filter(({ path }) => path[0] !== 'uid')
    .map(({ path }) => nameOf(path))
}

function nameOf(path: readonly string[]): string {
  return path.length === 0 ? '(the object)' : fieldName(path)
}
