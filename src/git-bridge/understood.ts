import { leaveUnsaid, saysAsWell, understand } from '../resolvers/unsaid.ts'
import type { FieldValue, ObjectKey, WorldObject } from '../world/state.ts'
import { keyOf, type PlacedObject, type TreeObjects } from './tree-objects.ts'

/** Our side of a merge with what its files leave unsaid, and the way back to what the files say. */
export class UnderstoodObjects {
  /** Our side, understood; its manifest is as it was read. */
  readonly objects: TreeObjects
  readonly #read: ReadonlyMap<ObjectKey, PlacedObject>
  readonly #connected: boolean
  readonly #left = new Map<ObjectKey, ReadonlyMap<string, FieldValue>>()

  /** `connected`: whether both sides have a common history; `literal`: our files mean every absence. */
  constructor(
    ours: TreeObjects,
    base: TreeObjects,
    theirs: TreeObjects,
    { connected, literal }: { readonly connected: boolean; readonly literal: boolean },
  ) {
    this.#read = ours.objects
    this.#connected = connected
    this.objects = ours
    if (literal) return
    const objects = new Map<ObjectKey, PlacedObject>()
    for (const [key, placed] of ours.objects) {
      const { object, left } = understand(
        placed.object,
        base.objects.get(key)?.object,
        theirs.objects.get(key)?.object,
        connected,
      )
      if (left.size > 0) this.#left.set(key, left)
      objects.set(key, object === placed.object ? placed : { ...placed, object })
    }
    this.objects = { ...ours, objects }
  }

  /** An object as its file shall say it; the very one that was read where the file can stay as it is. */
  inFile(object: WorldObject): WorldObject {
    const key = keyOf(object)
    const left = this.#left.get(key)
    const said = left === undefined ? object : leaveUnsaid(object, left)
    const present = this.#present(key)
    return present !== undefined && saysAsWell(present, said, !this.#connected) ? present : said
  }

  /** Whether our file of an object can stay as it is. */
  stands(object: WorldObject): boolean {
    const present = this.#present(keyOf(object))
    return present !== undefined && this.inFile(object) === present
  }

  /** What our file says, if it says whose it is (M8). */
  #present(key: ObjectKey): WorldObject | undefined {
    const placed = this.#read.get(key)
    return placed?.unsaid === true ? undefined : placed?.object
  }

  /** An object as a file of the merged tree says it, with what it leaves unsaid. */
  whole(object: WorldObject): WorldObject {
    const key = keyOf(object)
    const left = this.#left.get(key)
    const known = this.objects.objects.get(key)?.object
    if (left === undefined || known === undefined) return object
    return leaveUnsaid(object, new Map([...left.keys()].map((field) => [field, known.fields[field]])))
  }
}
