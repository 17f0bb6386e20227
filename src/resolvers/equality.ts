import { type Json, jsonEquals } from '../world/json.ts'
import type { FieldValue, ObjectKind } from '../world/state.ts'

/** Relative tolerance below which two numbers of a transform are the same place (M2). */
const TOLERANCE = 1e-6

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.max(1, Math.abs(a), Math.abs(b))
}

function numbers(value: FieldValue): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const list = value as readonly Json[]
  return list.every((n) => typeof n === 'number') ? (list as readonly number[]) : undefined
}

/** Equality of positions and scales: number by number, within the tolerance of M2. */
export function vectorEquals(a: FieldValue, b: FieldValue): boolean {
  const left = numbers(a)
  const right = numbers(b)
  if (left === undefined || right === undefined || left.length !== right.length) return jsonEquals(a, b)
  return left.every((n, i) => near(n, right[i]!))
}

/** Equality of rotations: `q` and `−q` turn alike (M2). */
export function quaternionEquals(a: FieldValue, b: FieldValue): boolean {
  if (vectorEquals(a, b)) return true
  const right = numbers(b)
  return (
    right !== undefined &&
    right.length === 4 &&
    vectorEquals(
      a,
      right.map((n) => -n),
    )
  )
}

/** How the values of one field are compared: transforms with tolerance, everything else as JSON (M2). */
export function fieldEquality(kind: ObjectKind, field: string): (a: FieldValue, b: FieldValue) => boolean {
  if (kind === 'entity' || kind === 'spawn') {
    if (field === 'quaternion') return quaternionEquals
    if (field === 'position' || field === 'scale') return vectorEquals
  }
  return jsonEquals
}
