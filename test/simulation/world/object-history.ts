import type { JsonObject } from '../../../src/world/json.ts'
import type { ObjectKey } from '../../../src/world/state.ts'

interface Version {
  readonly cursor: number
  /** False for a change that nothing in the feed says; it came after the operation of its cursor. */
  readonly announced: boolean
  readonly value: JsonObject | undefined
}

/** Every value that every object ever had, by cursor. Values are shared with the world, never copied. */
export class ObjectHistory {
  readonly #versions = new Map<ObjectKey, Version[]>()

  add(key: ObjectKey, version: Version): void {
    const present = this.#versions.get(key)
    if (present === undefined) this.#versions.set(key, [version])
    else present.push(version)
  }

  latest(key: ObjectKey): JsonObject | undefined {
    return this.#versions.get(key)?.at(-1)?.value
  }

  /** What an object was just after the operation of a cursor; what nobody announced counts from the next one on. */
  at(key: ObjectKey, cursor: number): JsonObject | undefined {
    const versions = this.#versions.get(key) ?? []
    let low = 0
    let high = versions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const version = versions[middle]!
      if (version.cursor < cursor || (version.announced && version.cursor === cursor)) low = middle + 1
      else high = middle
    }
    return versions[low - 1]?.value
  }

  keys(): Iterable<ObjectKey> {
    return this.#versions.keys()
  }

  /** Forgets what happened after a cursor that became the head again. */
  cutAfter(cursor: number): void {
    for (const [key, versions] of this.#versions) {
      let length = versions.length
      while (length > 0 && versions[length - 1]!.cursor > cursor) length--
      versions.length = length
      if (length === 0) this.#versions.delete(key)
    }
  }
}
