import { isJsonObject, type JsonObject } from '../../src/world/json.ts'
import { isBookkeeping } from '../../src/world/state.ts'
import type { World } from '../sync/support.ts'

/**
 * What the race is run on: objects that everybody edits, and values that tell who wrote them. The n-th edit of pusher 3 is
 * `p3.n`, of editor 5 `e5.n`: as a text `"p3.17"`, as a place `[3, 17, 1]` (an editor's ends in 2). So a value stands for
 * one edit, wherever it turns up.
 */
export interface Tag {
  readonly side: 'pusher' | 'editor'
  readonly writer: string
  readonly text: string
}

export function tagText(side: Tag['side'], writer: number, count: number): string {
  return `${side === 'pusher' ? 'p' : 'e'}${writer}.${count}`
}

/** A tag as a vector. Whole and far apart: transforms that differ by less than a millionth are equal (M2). */
export function tagPlace(side: Tag['side'], writer: number, count: number): readonly number[] {
  return [writer, count, side === 'pusher' ? 1 : 2]
}

/** The edit that a value stands for, from the value's JSON; undefined for what was there before the race. */
export function tagOf(value: string | undefined): Tag | undefined {
  const match = value === undefined ? null : /^(?:"([pe])(\d+)\.(\d+)"|\[(\d+),(\d+),([12])\])$/.exec(value)
  if (match === null) return undefined
  const side = match[1] === 'p' || match[6] === '1' ? 'pusher' : 'editor'
  const writer = Number(match[2] ?? match[4])
  const text = tagText(side, writer, Number(match[3] ?? match[5]))
  return { side, writer: text.slice(0, text.indexOf('.')), text }
}

/** An object's fields as the race compares them: props one by one, values as JSON. The empty field is its presence. */
export type Fields = ReadonlyMap<string, string>

export const PRESENCE = ''

/** Takes a wire object, a file's document, or the fields of an artifact: what the race edits is spelled alike in all. */
export function fieldsOf(object: JsonObject | undefined): Fields {
  const fields = new Map<string, string>()
  if (object === undefined) return fields
  fields.set(PRESENCE, 'present')
  for (const [key, value] of Object.entries(object)) {
    if (NOT_FIELDS.has(key) || isBookkeeping(key)) continue
    if (key !== 'props' || !isJsonObject(value)) fields.set(key, JSON.stringify(value))
    else for (const [name, prop] of Object.entries(value)) fields.set(`props.${name}`, JSON.stringify(prop))
  }
  return fields
}

/** Identity, and what files leave out or say otherwise; none of it is edited here. */
const NOT_FIELDS = new Set([
  'id',
  'uid',
  'type',
  'state',
  'scope',
  'managedBy',
  'createdAt',
  'scriptFiles',
  'scriptRef',
])

export interface Change {
  readonly object: string
  readonly field: string
  /** JSON; undefined: absent. */
  readonly before: string | undefined
  readonly after: string | undefined
}

export function changesOf(object: string, before: Fields, after: Fields): readonly Change[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((field) => before.get(field) !== after.get(field))
    .map((field) => ({ object, field, before: before.get(field), after: after.get(field) }))
}

/** The ids that everybody edits; settings and spawn are shared as well. */
export interface Shared {
  readonly entities: readonly string[]
  readonly blueprints: readonly string[]
  /** Entities that somebody added during the race; they may be gone again. */
  readonly extras: string[]
  readonly pace: Pace
}

/** People's pauses, which a push cuts short: what happens between its plan and its end is what the race is about. */
export class Pace {
  readonly #waiting = new Set<() => void>()

  /** A person's pause, in milliseconds: it leaves room for the others, and nothing waits for it. */
  async pause(longest: number, random: () => number): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, longest * (0.5 + random()))
      this.#waiting.add(done)
    })
  }

  /** A push begins: half of those who pause go on within a second. */
  hurry(random: () => number): void {
    for (const done of this.#waiting) if (random() < 0.5) setTimeout(done, random() * 1000)
  }
}

export const PROPS = ['a', 'b', 'c'] as const
export const SETTINGS_FIELDS = ['title', 'desc'] as const

export function entityOf(id: string, blueprint: string, more: JsonObject): JsonObject {
  const place = { position: [0, 0, 0], quaternion: [0, 0, 0, 1], scale: [1, 1, 1] }
  return { id, blueprint, ...place, pinned: false, props: {}, ...more }
}

/** An entity as the wire wants it. */
export function onWire(entity: JsonObject): JsonObject {
  return { ...entity, type: 'app', state: {}, mover: null, uploader: null }
}

/** Puts the shared objects into a world: mostly entities, settings and spawn being two of them. */
export async function furnish(world: World, objects: number): Promise<Shared> {
  const count = Math.max(1, Math.round(objects / 8))
  const blueprints = Array.from({ length: count }, (_, index) => `Thing${index}`)
  for (const id of blueprints) {
    const blueprint = { id, name: id, version: 0, scope: id, desc: 'made', props: { a: 'made', b: 'made', c: 'made' } }
    await world.act('setup', { type: 'blueprint_add', blueprint })
  }
  const entities = Array.from({ length: objects - count - 2 }, (_, index) => `shared${String(index).padStart(3, '0')}`)
  for (const [index, id] of entities.entries()) {
    const props = { a: 'made', b: 'made', c: 'made' }
    await world.act('setup', {
      type: 'entity_add',
      entity: onWire(entityOf(id, blueprints[index % count]!, { props })),
    })
  }
  return { entities, blueprints, extras: [], pace: new Pace() }
}

/** Numbers from a seed (mulberry32). What they decide is the same each time, when it happens is not. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}
