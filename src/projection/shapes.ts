import { isJsonObject, type Json, type JsonObject, own } from '../world/json.ts'

/**
 * What must be true of an object's essential fields, whether it came from the wire or from a file: absent, or of its
 * type. Unknown fields are anybody's (protocol, section 4).
 */
type Check = (value: Json) => string | undefined

const text: Check = (value) => (typeof value === 'string' ? undefined : 'is not a string')
const textOrNull: Check = (value) => (value === null ? undefined : text(value))
const flagOrNull: Check = (value) => (value === null || typeof value === 'boolean' ? undefined : 'is not true or false')
const recordOrNull: Check = (value) => (value === null || isJsonObject(value) ? undefined : 'is not an object')
const numbers =
  (count: number): Check =>
  (value) =>
    Array.isArray(value) && value.length === count && value.every((item) => typeof item === 'number')
      ? undefined
      : `is not an array of ${count} numbers`
const image: Check = (value) => (typeof value === 'string' ? undefined : recordOrNull(value))

const names: readonly (readonly [string, Check])[] = [
  ['uid', textOrNull],
  ['scope', textOrNull],
  ['managedBy', textOrNull],
  ['props', recordOrNull],
]
const transform: readonly (readonly [string, Check])[] = [
  ['position', numbers(3)],
  ['quaternion', numbers(4)],
]
const CHECKS = {
  entity: [...names, ['blueprint', text], ...transform, ['scale', numbers(3)], ['pinned', flagOrNull]],
  blueprint: [
    ...names,
    ['name', textOrNull],
    ['model', textOrNull],
    ['image', image],
    ['scriptEntry', textOrNull],
    ['scriptFormat', textOrNull],
    ['scriptRef', textOrNull],
  ],
  settings: [],
  spawn: transform,
} as const satisfies Record<string, readonly (readonly [string, Check])[]>

export interface ShapeProblem {
  readonly field: string
  readonly message: string
}

/** The first field whose type is wrong, undefined when all are right. An entity needs a `blueprint`. */
export function shapeProblem(kind: keyof typeof CHECKS, fields: JsonObject): ShapeProblem | undefined {
  for (const [field, check] of CHECKS[kind]) {
    const value = own(fields, field)
    const message = value === undefined ? undefined : check(value)
    if (message !== undefined) return { field, message }
  }
  if (kind === 'entity' && !Object.hasOwn(fields, 'blueprint')) return { field: 'blueprint', message: 'is missing' }
  return undefined
}
